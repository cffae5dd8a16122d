"""The forest plot of the sweep: what each line says, and what is not tested."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from unmixing.errors import UnmixingError
from unmixing.figures.augmentation_forest import describe, draw, effects
from unmixing.figures.sweep_panels import sweep_panels

from ..tables.frames import scene, scenes
from ..tables.sweep_frames import shifted, sweep

CONTROLS = {"control_baseline": shifted(0.01), "control_identity": shifted(0.0)}


def noisy(offset, spread=0.002, seed=1):
    """Angles that differ from those of `shifted` by an offset and by noise of their own."""
    common = shifted(offset)

    def angles(regime, run, image_set, weights):
        rng = np.random.default_rng([seed, run, image_set + 1, len(regime)])
        return common(regime, run, image_set, weights) + rng.normal(0, spread)

    return angles


def texts(figure):
    parts = [inner for part in figure.subfigs for inner in (part, *part.subfigs)]
    written = [text.get_text() for part in parts for text in part.texts]
    written += [text.get_text() for axes in figure.axes for text in axes.texts]
    return " ".join([*written, *titles(figure)])


def titles(figure):
    return [part.get_suptitle() for part in figure.subfigs if part.get_suptitle()]


def panel_of(rows, **values):
    return sweep_panels(rows, [scene("samson", **values)])[0][0]


def test_every_treatment_is_compared_with_both_controls_and_the_controls_with_each_other():
    rows = sweep({**CONTROLS, "blur_1": shifted(-0.02)})
    found = {(one.treatment, one.control): one for one in effects(panel_of(rows))}
    assert list(found) == [
        ("blur_1", "control_identity"),
        ("blur_1", "control_baseline"),
        ("control_identity", "control_baseline"),
    ]
    assert [one.pooled.difference for one in found.values()] == pytest.approx([-0.02, -0.03, -0.01])
    assert all(np.allclose(one.differences, one.pooled.difference) for one in found.values())
    assert [len(one.differences) for one in found.values()] == [15, 15, 15]
    assert [one.significant for one in found.values()] == [True, True, False], "controls are no treatment"


def test_marks_stand_at_the_means_above_each_other_and_intervals_around_them():
    figure = draw(pd.DataFrame(), sweep({**CONTROLS, "blur_1": noisy(-0.02)}), scenes())
    (filled, opened, _) = [effect for effect in effects(panel_of(sweep({**CONTROLS, "blur_1": noisy(-0.02)})))]
    axes = figure.axes[0]
    places = [tuple(strip.get_offsets()[0]) for strip in axes.collections if len(strip.get_offsets()) == 1]
    blur = sorted(place for place in places if abs(place[1]) < 0.5)
    assert blur == [
        (pytest.approx(opened.pooled.difference), pytest.approx(0.19)),
        (pytest.approx(filled.pooled.difference), pytest.approx(-0.19)),
    ]
    spans = [tuple(line.get_xdata()) for line in axes.lines]
    assert (filled.pooled.interval.low, filled.pooled.interval.high) in spans
    assert "−0.0" in texts(figure)


def test_below_five_draws_there_are_points_only():
    figure = draw(pd.DataFrame(), sweep({**CONTROLS, "blur_1": noisy(-0.02)}, number=2), scenes())
    assert "n = 6 pairs in 2 draws\nfewer than five draws: points only, no intervals, no tests" in titles(figure)[0]
    horizontal = [line for line in figure.axes[0].lines if line.get_ydata()[0] == line.get_ydata()[-1]]
    assert not [line for line in horizontal if abs(line.get_ydata()[0]) < 0.5]
    assert "*" not in texts(figure)


def test_a_treatment_that_repeats_an_experiment_is_marked_and_not_tested():
    arms = {name: noisy(-0.02) for name in ("crop_50", "crop_75")}
    rows = sweep({**CONTROLS, **arms}, protocol="released")
    marks = {one.treatment: one.significant for one in effects(panel_of(rows)) if one.control == "control_identity"}
    assert marks == {"crop_50": True, "crop_75": False}
    figure = draw(pd.DataFrame(), rows, scenes())
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["Crop 50 %", "Crop 75 % †", "Control: unaugmented copies"]
    assert "holds for one set of initial weights" in titles(figure)[0]
    described = sweep({**CONTROLS, **arms})
    assert all(one.significant for one in effects(panel_of(described)) if one.treatment == "crop_75")


def test_a_scene_judged_by_its_success_rate_has_no_marks():
    rows = sweep({**CONTROLS, "blur_1": shifted(-0.02)}, name="jasper_ridge")
    panel = sweep_panels(rows, [scene("jasper_ridge")])[0][0]
    assert not any(one.significant for one in effects(panel))
    figure = draw(pd.DataFrame(), rows, [scene("jasper_ridge")])
    assert "judged by its success rate" in titles(figure)[0]


def test_lines_stand_in_the_order_of_table_2_and_the_papers_three_are_bold():
    names = ("jitter_flip", "crop_blur", "jitter", "flip_both", "crop_95", "blur_2", "blur_1")
    figure = draw(pd.DataFrame(), sweep({name: shifted(0) for name in names} | CONTROLS, number=1), scenes())
    labels = figure.axes[0].get_yticklabels()
    assert [label.get_text() for label in labels] == [
        "Blur, sigma .1 to 1.0",
        "Blur, sigma .1 to 2.0",
        "Crop 95 %",
        "Flip of both axes",
        "Jitter",
        "Crop + Blur",
        "Jitter + Flip",
        "Control: unaugmented copies",
    ]
    bold = [label.get_text() for label in labels if label.get_fontweight() == "bold"]
    assert bold == ["Blur, sigma .1 to 1.0", "Crop + Blur"]
    bottom, top = figure.axes[0].get_ylim()
    assert bottom > top, "the first stands above"


def test_a_pair_beyond_the_axis_is_a_triangle_at_its_end():
    def far(regime, run, image_set, weights):
        return shifted(0)(regime, run, image_set, weights) + (0.5 if (regime, run) == ("fixed_seeded", 3) else 0)

    figure = draw(pd.DataFrame(), sweep({**CONTROLS, "blur_1": far}, number=12), scenes())
    axes = figure.axes[0]
    right = axes.get_xlim()[1]
    ends = [strip for strip in axes.collections if np.allclose(strip.get_offsets()[:, 0], right)]
    assert len(ends) == 2, "one for each control"


def test_what_cannot_be_drawn_says_why():
    for empty in (pd.DataFrame(), sweep({"blur_1": shifted(0)}, number=1).iloc[:0]):
        written = texts(draw(pd.DataFrame(), empty, scenes()))
        assert "UNMIXING_SCENES" in written
        assert "augmentation: scenes" in written
        assert "Jasper Ridge" not in written, "a scene that the study does not name takes no room"
    figure = draw(pd.DataFrame(), sweep({"blur_1": shifted(0)}, number=2), [scene("samson")])
    assert "no scored run of a control" in texts(figure)
    figure = draw(pd.DataFrame(), sweep({"blur_1": shifted(0), "control_identity": shifted(0)}), [scene("samson")])
    assert "no runs of control_baseline" in titles(figure)[0]


def test_runs_without_angles_say_why():
    runs = [("blur_1", regime, run) for regime in ("dynamic_unseeded", "fixed_unseeded") for run in range(2)]
    arms = {"number": 2, "regimes": ("dynamic_unseeded", "fixed_unseeded")}
    rows = sweep({"blur_1": shifted(0)}, diverged=tuple(runs), **arms)
    assert "all runs diverged" in texts(draw(pd.DataFrame(), rows, [scene("samson")]))
    unknown = sweep({"blur_1": shifted(0)}, **arms).assign(sad_rad=np.nan)
    assert "no reference endmembers" in texts(draw(pd.DataFrame(), unknown, [scene("samson")]))


def test_rows_of_an_unknown_treatment_are_refused():
    rows = sweep({"blur_1": shifted(0)}, number=1).assign(treatment="sharpen")
    with pytest.raises(UnmixingError, match="sharpen"):
        draw(pd.DataFrame(), rows, [scene("samson")])


def test_rows_of_other_phases_change_nothing():
    rows = sweep({**CONTROLS, "blur_1": noisy(0)})
    other = rows.drop(columns=["treatment", "images", "image_set", "initialisation"]).assign(phase="baseline")
    one, both = (effects(panel_of(frame)) for frame in (rows, pd.concat([other, rows])))
    assert [effect.pooled for effect in one] == [effect.pooled for effect in both]


def test_the_description_counts_runs_and_explains_its_signs():
    rows = pd.concat([sweep({**CONTROLS, "crop_75": shifted(0), "crop_50": shifted(0)}, protocol="released")])
    described = describe(rows, scenes(), {}, {"commit": "0123abc"})
    assert described.n == "Samson (released, 90 images) 4 arms x 3 regimes x 5 runs"
    assert any(note.startswith("†") for note in described.notes)
    assert described.provenance == {"commit": "0123abc"}
    assert not any(note.startswith("†") for note in describe(sweep(CONTROLS), scenes(), {}, {}).notes)
