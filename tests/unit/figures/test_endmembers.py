"""The figure of endmembers: what is drawn, and what stands where nothing can be drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from unmixing.figures.endmembers import describe, draw

from ..tables.frames import runs, scene, scenes, spectra, wavelengths


def texts(figure):
    found = [text.get_text() for part in figure.subfigs for text in part.texts]
    return found + [part.get_suptitle() for part in figure.subfigs]


def titles(figure):
    return [axes.get_title(loc="left") for axes in figure.axes]


def test_a_panel_for_each_endmember_with_its_numbers():
    figure = draw(spectra(number=2), runs(), scenes())
    assert titles(figure) == [
        "soil\nSAD 0.0500 ± 0.0141, found 2/2",
        "tree\nSAD 0.0500 ± 0.0000, found 2/2",
        "water\nSAD 0.1100 ± 0.0141, found 1/2",
    ]
    assert "Samson (real), described, n = 2" in texts(figure)


def test_missing_scenes_say_why():
    found = " ".join(texts(draw(spectra(number=2), runs(), scenes())))
    assert "UNMIXING_SCENES" in found
    assert "Cuprite (real)" in found
    assert "Jasper Ridge" not in found, "a scene that the study does not name takes no room"


@pytest.mark.parametrize("empty", [pd.DataFrame(), spectra().iloc[:0]])
def test_nothing_at_all_is_still_a_figure(empty):
    figure = draw(empty, pd.DataFrame(), [])
    assert not figure.axes
    assert len(figure.subfigs) == 1, "the legend alone"


def test_lines_show_reference_median_and_spread():
    data = spectra(number=3, endmembers=1, axis=wavelengths(gap=False))
    figure = draw(data, runs(sad=[[0.1]] * 3), scenes())
    reference, median = figure.axes[0].lines[:2]
    estimates = data.pivot(index="band", columns="run", values="estimated").to_numpy()
    assert np.allclose(median.get_ydata(), np.median(estimates, axis=1))
    assert reference.get_linestyle() == "-"
    assert median.is_dashed()
    band = figure.axes[0].collections[0].get_paths()[0].vertices[:, 1]
    assert band.max() == pytest.approx(estimates.max())


def test_lines_break_at_removed_bands():
    figure = draw(spectra(number=2), runs(), scenes())
    assert np.isnan(figure.axes[0].lines[0].get_xdata()).sum() == 1


def test_diverged_runs_are_left_out():
    data = spectra(number=2, status=("ok", "diverged"))
    figure = draw(data, runs(status=("ok", "diverged")), scenes())
    median = figure.axes[0].lines[1].get_ydata()
    alone = data[(data["run"] == 0) & (data["endmember"] == 1)]["estimated"]
    assert np.allclose(median[~np.isnan(median)], alone)
    assert "found 1/2" in titles(figure)[0]


def test_only_diverged_runs_leave_a_reason():
    both = ("diverged", "diverged")
    figure = draw(spectra(number=2, status=both), runs(status=both), scenes())
    assert any("no run left spectra" in text for text in texts(figure))


def test_without_references_and_with_many_endmembers():
    rows = runs("mine", sad=[[np.nan] * 6] * 2, kind="own")
    data = spectra("mine", number=2, endmembers=6, reference=False)
    figure = draw(data, rows, [scene("mine", kind="own", paper=False)])
    assert titles(figure)[0] == "soil\nno reference"
    assert len(figure.axes) == 6


def test_without_wavelengths_bands_are_counted():
    figure = draw(spectra(number=2).assign(wavelength_nm=np.nan), runs(), scenes())
    assert figure.axes[0].get_xlabel() == "band"


def test_out_of_order_wavelengths_are_drawn_in_order():
    axis = wavelengths(gap=False)
    axis[[10, 11]] = axis[[11, 10]]
    figure = draw(spectra(number=2, axis=axis), runs(), scenes())
    assert (np.diff(figure.axes[0].lines[0].get_xdata()) > 0).all()


def test_names_from_data_are_plain_text(tmp_path):
    rows, data = (frame.assign(name="$x^<b>") for frame in (runs(), spectra(number=2)))
    figure = draw(data, rows, scenes())
    figure.savefig(tmp_path / "x.png", dpi=40)
    assert titles(figure)[0].startswith("$x^<b>\n")


def test_description_counts_runs():
    described = describe(runs(), scenes(), {"samson": {"runs": 2, "epochs": 80}}, {"commit": "0123abc"})
    assert described.n == "Samson (described) 2 runs"
    assert described.scale == "2 runs, 80 epochs"
    assert described.provenance == {"commit": "0123abc"}
