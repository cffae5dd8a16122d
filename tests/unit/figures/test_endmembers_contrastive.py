"""Figures 3 to 8: which panels are drawn, what their lines are, and what stands where there are none."""

import numpy as np
import pandas as pd
import pytest

from unmixing.figures.endmembers_contrastive import PAPER_FIGURES, describe, draw, paper_label

from ..tables.contrastive_frames import configuration
from ..tables.frames import scene, scenes
from .contrastive_frames import TABLE_7, rows, spectra


def texts(figure):
    found = [text.get_text() for part in figure.subfigs for text in part.texts]
    return list(dict.fromkeys([*found, *(part.get_suptitle() for part in figure.subfigs)]))


def all_spectra(*names):
    parts = [spectra(name, variant, seed=place) for place, name in enumerate(names) for variant in ("generalized",)]
    return pd.concat([*parts, *(spectra(name, "lambda_1", seed=9) for name in names)])


def test_samson_has_figures_3_to_5_and_urban4_6_to_8():
    assert [PAPER_FIGURES["samson", name] for name in TABLE_7] == [3, 4, 5]
    assert [PAPER_FIGURES["urban4", name] for name in TABLE_7] == [6, 7, 8]


def test_a_line_of_panels_for_each_configuration_of_table_7():
    figure = draw(all_spectra(*TABLE_7, "sheet_best"), rows(*TABLE_7, "sheet_best"), scenes())
    found = [" ".join(text.split()) for text in texts(figure) if text.startswith("Figure")]
    assert found == [
        "Figure 3: Samson (real), described, Best SAD (Avg) (τ 0.1, λ 0.5, patch 32, batch 8, σ 1), n = 3",
        "Figure 4: Samson (real), described, Best SAD (Samson) (τ 10, λ 0.5, patch 16, batch 30, σ 0.1), n = 3",
        "Figure 5: Samson (real), described, Best SAD (Urban4) (τ 0.01, λ 0.9, patch 32, batch 8, σ 0.1), n = 3",
    ]
    assert len(figure.axes) == 9


def test_the_studys_own_patches_are_printed_not_table_7s():
    made = rows("table7_average").assign(patch_size=16)
    assert any("patch 16, batch 8" in text for text in texts(draw(spectra(), made, scenes())))


def test_lines_are_reference_control_and_estimate():
    data = all_spectra("table7_average")
    axes = draw(data, rows("table7_average"), scenes()).axes[0]
    reference, control, median = axes.lines
    assert reference.get_linestyle() == "-"
    assert control.is_dashed()
    assert median.is_dashed()

    def middle(setting):
        chosen = data[(data["setting"] == setting) & (data["endmember"] == 1)]
        return np.median(chosen.pivot(index="band", columns="run", values="estimated"), axis=1)

    for line, setting in ((median, "table7_average-generalized"), (control, "table7_average-lambda_1")):
        drawn = line.get_ydata()
        assert np.isnan(drawn).sum() == 1, "a line breaks where bands were removed"
        assert np.allclose(drawn[~np.isnan(drawn)], middle(setting))
    band = axes.collections[0].get_paths()[0].vertices[:, 1]
    chosen = data[(data["setting"] == "table7_average-generalized") & (data["endmember"] == 1)]
    assert band.max() == pytest.approx(chosen["estimated"].max())


def test_a_missing_control_is_that_of_the_same_patches_and_batches():
    without = spectra("table7_urban4", "lambda_1", seed=9)
    made = pd.concat([configuration("table7_average", {"generalized": 0.0}), rows("table7_urban4")])
    axes = draw(pd.concat([spectra(), without]), made, scenes()).axes[0]
    assert len(axes.lines) == 3


def test_titles_have_our_numbers_and_the_papers():
    made = configuration("table7_samson", {"generalized": 0.0}, number=2)
    angles = made.loc[made["endmember"] == 1, "sad_rad"]
    axes = draw(spectra("table7_samson", number=2), made, scenes()).axes[0]
    expected = f"SAD {angles.mean():.3f} ± {angles.std():.3f} (paper 0.019)"
    assert axes.get_title(loc="left").splitlines()[1] == expected.replace("0.019", f"{0.0195:.3f}")


def test_rows_of_table_6_are_local_other_or_average():
    assert paper_label("samson", "table7_samson") == "Best SAD (Local)"
    assert paper_label("samson", "table7_urban4") == "Best SAD (Other)"
    assert paper_label("urban4", "table7_average") == "Best SAD (Avg)"
    assert paper_label("urban4_crop", "table7_average") == ""


def test_other_scenes_have_no_number_and_no_paper_value():
    made = rows("table7_average").assign(scene="synthetic_easy")
    figure = draw(spectra().assign(scene="synthetic_easy"), made, scenes())
    assert any(text.startswith("Synthetic, easy (synthetic), described, Best SAD (Avg)") for text in texts(figure))
    assert not any(text.startswith("Figure") for text in texts(figure))
    assert "paper" not in figure.axes[0].get_title(loc="left")


def test_many_endmembers_take_several_lines():
    made = configuration("table7_average", {"generalized": 0.0}, number=2)
    made = pd.concat([made[made["endmember"] == 1].assign(endmember=one, name=str(one)) for one in range(1, 9)])
    data = spectra(number=2, endmembers=1)
    data = pd.concat([data.assign(endmember=one, name=str(one)) for one in range(1, 9)])
    figure = draw(data, made, scenes())
    assert sum(axes.axison for axes in figure.axes) == 8


def test_diverged_runs_are_left_out_and_counted():
    made = configuration("table7_average", {"generalized": 0.0}, number=2, status=("ok", "diverged"))
    figure = draw(spectra(number=2, status=("ok", "diverged")), made, scenes())
    assert any("n = 2, 1 diverged" in text.replace("\n", " ") for text in texts(figure))
    assert np.isfinite(figure.axes[0].lines[-1].get_ydata()).any()


@pytest.mark.parametrize("empty", [pd.DataFrame(), spectra().iloc[:0]])
def test_nothing_at_all_says_so(empty):
    assert any("no finished runs" in text for text in texts(draw(empty, pd.DataFrame(), scenes())))
    assert any("no scene of this study" in text for text in texts(draw(empty, pd.DataFrame(), [])))
    found = texts(draw(empty, rows("table7_average"), [scene("samson")]))
    assert any("left spectra" in text for text in found)


def test_description_counts_runs():
    described = describe(rows("table7_average"), scenes(), {"samson": {"contrastive": {"epochs": 100}}}, {})
    assert described.n == "Samson (described) 2 points x 3 runs"
    assert described.scale == "100 epochs"
    assert any("training" in note for note in described.notes), "the use of the truth is said"
