"""The strip plot of the sweep: every run has its mark, failures are told."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from unmixing.figures.augmentation_strips import draw

from ..tables.frames import scene
from ..tables.sweep_frames import shifted, sweep
from .test_augmentation_forest import CONTROLS, texts


def marks(axes):
    """Offsets of all marks, shape (marks, 2)."""
    return np.concatenate([strip.get_offsets() for strip in axes.collections])


def test_every_scored_run_has_a_mark_at_its_mean_in_the_line_of_its_treatment():
    rows = sweep({"blur_1": shifted(0.03), **CONTROLS}, diverged=(("blur_1", "fixed_seeded", 2),))
    axes = draw(pd.DataFrame(), rows, [scene("samson")]).axes[0]
    found = marks(axes)
    assert len(found) == 3 * 15 - 1
    expected = rows.dropna(subset=["sad_rad"]).groupby("id")["sad_rad"].mean()
    assert np.allclose(sorted(found[:, 0]), sorted(expected))
    blur = found[np.abs(found[:, 1]) < 0.5]
    assert len(blur) == 14
    of_blur = rows[rows["treatment"] == "blur_1"].dropna(subset=["sad_rad"]).groupby("id")["sad_rad"].mean()
    assert np.allclose(sorted(blur[:, 0]), sorted(of_blur))


def test_a_run_stands_at_the_same_height_in_every_line_even_where_others_diverged():
    rows = sweep({"blur_1": shifted(0), "blur_2": shifted(0)}, diverged=(("blur_1", "dynamic_unseeded", 0),))
    axes = draw(pd.DataFrame(), rows, [scene("samson")]).axes[0]
    found = marks(axes)
    first, second = (np.sort(found[np.abs(found[:, 1] - line) < 0.5][:, 1] - line) for line in (0, 1))
    assert (len(first), len(second)) == (14, 15)
    assert np.allclose(first, second[1:])


def test_regimes_have_lanes_and_marks_of_their_own():
    axes = draw(pd.DataFrame(), sweep({"blur_1": shifted(0)}), [scene("samson")]).axes[0]
    lanes = [strip.get_offsets()[:, 1] for strip in axes.collections if len(strip.get_offsets())]
    assert len(lanes) == 3
    assert lanes[0].max() < lanes[1].min()
    assert lanes[1].max() < lanes[2].min()
    shapes = {
        tuple(map(tuple, strip.get_paths()[0].vertices)) for strip in axes.collections if len(strip.get_offsets())
    }
    assert len(shapes) == 3, "colour is not all that tells them apart"


def test_lines_are_the_medians_of_the_controls():
    rows = sweep({"blur_1": shifted(0.03), **CONTROLS})
    axes = draw(pd.DataFrame(), rows, [scene("samson")]).axes[0]
    means = rows.groupby(["treatment", "id"])["sad_rad"].mean()
    medians = {name: means[name].median() for name in ("control_identity", "control_baseline", "blur_1")}
    long = {line.get_linestyle(): line.get_xdata()[0] for line in axes.lines if list(line.get_ydata()) == [0, 1]}
    assert long["-"] == pytest.approx(medians["control_identity"])
    assert long["--"] == pytest.approx(medians["control_baseline"])
    bars = [line for line in axes.lines if line.get_linewidth() == 2.2]
    assert [bar.get_xdata()[0] for bar in bars if abs(np.mean(bar.get_ydata())) < 0.1] == [
        pytest.approx(medians["blur_1"])
    ]


def test_failed_runs_are_counted_and_collapsed_ones_crossed():
    rows = sweep({"blur_1": shifted(0)}, diverged=(("blur_1", "fixed_seeded", 2),))
    collapsed = (rows["regime"] == "dynamic_unseeded") & (rows["run"] == 1)
    figure = draw(pd.DataFrame(), rows.assign(status=rows["status"].mask(collapsed, "collapsed")), [scene("samson")])
    assert "n = 15, 1 collapsed, 1 diverged" in texts(figure)
    sizes = [len(strip.get_offsets()) for strip in figure.axes[0].collections]
    assert sizes == [4, 1, 5, 0, 4, 0], "of each regime, sound runs and collapsed ones"


def test_a_single_run_and_a_single_regime_are_a_figure():
    rows = sweep({"blur_1": shifted(0)}, number=1, regimes=("fixed_seeded",))
    axes = draw(pd.DataFrame(), rows, [scene("samson")]).axes[0]
    assert np.allclose(marks(axes)[0][1], 0)
