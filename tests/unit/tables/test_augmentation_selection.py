"""Selection of augmentations: chosen on even runs, tested on odd ones, with the truth and without."""

import numpy as np
import pandas as pd
import pytest

from unmixing.tables.augmentation_selection import build
from unmixing.tables.writing import read_table, write_table

from .frames import runs, scene, scenes
from .sweep_frames import shifted, sweep

PAPER = "Blur, sigma .1 to 1.0; Crop + Blur; Crop + Jitter + Blur"


def frame_of(rows, listed=None):
    return build(rows, scenes() if listed is None else listed, {}, {}).frame


def rule(rows, name, scene="samson", listed=None):
    frame = frame_of(rows, listed)
    chosen = frame[(frame["scene"] == scene) & (frame["rule"] == name)]
    assert len(chosen) == 1
    return chosen.iloc[0]


def ranked(number=10, **more):
    """Treatments in the order of their SAD, and a control between the third and the fourth."""
    offsets = {"crop_50": -0.03, "crop_75": -0.02, "jitter": -0.01, "blur_1": 0.02, "crop_95": 0.03}
    treated = {name: shifted(offset) for name, offset in offsets.items()} | {"control_identity": shifted(0)}
    return sweep(treated | more, number=number, image_sets=number, initialisations=number)


def test_the_oracle_chooses_the_lowest_and_is_tested_on_the_other_runs():
    row = rule(ranked(), "oracle")
    assert row["chosen"] == "Crop 50 %; Crop 75 %; Jitter"
    assert (row["candidates"], row["choosing_runs"]) == (5, 5)
    assert row["tested_difference"] == pytest.approx(-0.02)
    assert row["tested_n"] == "15 pairs, 5 draws"
    assert "selection" in row["uses_truth"]
    assert row["finding"] == "smaller SAD"


def test_a_treatment_that_is_good_on_even_runs_alone_is_chosen_and_found_out():
    def lucky(regime, run, image_set, weights):
        return shifted(-0.05 if run % 2 == 0 else 0.05)(regime, run, image_set, weights)

    row = rule(ranked(crop_blur=lucky), "oracle")
    assert row["chosen"].startswith("Crop + Blur; Crop 50 %")
    assert row["choosing_difference"] == pytest.approx(-0.10 / 3)
    assert row["tested_difference"] == pytest.approx(0.0)


def test_the_papers_rule_leaves_out_what_its_regimes_do_not_agree_on():
    def drifting(regime, run, image_set, weights):
        offset = {"dynamic_unseeded": -0.2, "fixed_unseeded": 0.0, "fixed_seeded": 0.0}[regime]
        return shifted(offset)(regime, run, image_set, weights)

    rows = ranked(crop_blur=drifting)
    assert rule(rows, "oracle")["chosen"].startswith("Crop + Blur")
    row = rule(rows, "papers_rule")
    assert row["chosen"] == "Crop 50 %; Crop 75 %; Jitter"
    assert row["remark"].startswith("5 of 6 treatments")
    few = rule(ranked(number=6, crop_blur=drifting), "papers_rule")
    assert few["chosen"].startswith("Crop + Blur")
    assert few["remark"] == "unaugmented copies have 3 runs: the range was not checked"


def test_without_the_truth_the_sad_changes_nothing():
    rows = ranked()
    # The angles that need no truth rank the treatments the other way round.
    order = {"crop_95": 0.1, "blur_1": 0.2, "jitter": 0.3, "crop_75": 0.4, "crop_50": 0.5, "control_identity": 0.3}
    rows["reconstruction_angle_rad"] = rows["treatment"].map(order)
    rows["collapse_angle_rad"] = 1 - rows["reconstruction_angle_rad"]
    for name in ("reconstruction", "smallest_angle"):
        row = rule(rows, name)
        assert row["chosen"] == "Crop 95 %; Blur, sigma .1 to 1.0; Jitter"
        assert row["uses_truth"] == "choice: K; test: matching"
        assert row["finding"] == "larger SAD"


def test_reconstruction_passes_over_what_collapses_more_often_than_the_control():
    rows = ranked()
    rows["reconstruction_angle_rad"] = rows["treatment"].map({"crop_95": 0.0, "blur_1": 0.1}).fillna(0.2)
    rows.loc[(rows["treatment"] == "crop_95") & (rows["run"] == 2), "collapse_angle_rad"] = 0.01
    row = rule(rows, "reconstruction")
    assert row["chosen"].startswith("Blur, sigma .1 to 1.0")
    assert row["candidates"] == 4
    assert row["remark"] == "1 left out for collapsed or diverged runs"


def test_names_of_one_experiment_are_one_candidate():
    crops = {"crop_50": shifted(-0.03), "crop_75": shifted(-0.04), "jitter": shifted(0)}
    row = rule(sweep(crops | {"control_identity": shifted(0)}, protocol="released"), "oracle")
    assert (row["chosen"], row["candidates"]) == ("Crop 50 %; Jitter", 2)


def test_the_papers_three_stand_for_comparison():
    three = {"crop_blur": shifted(0.01), "crop_jitter_blur": shifted(0.03)}
    row = rule(ranked(**three), "paper")
    assert row["chosen"] == PAPER
    assert row["tested_difference"] == pytest.approx(0.02)
    assert "no runs of crop_blur" in rule(ranked(), "paper")["reason"]


def test_each_rule_is_adjusted_over_the_scenes():
    def noisy(offset, seed):
        def angles(regime, run, *rest):
            rng = np.random.default_rng([seed, run, len(regime)])
            return shifted(offset)(regime, run, *rest) + rng.normal(0, 0.02)

        return angles

    listed = [scene("samson"), scene("urban4")]
    rows = [
        sweep(
            {"crop_50": noisy(-0.01, place), "control_identity": noisy(0, place + 5)},
            name=name,
            number=12,
            image_sets=12,
            initialisations=12,
        )
        for place, name in enumerate(("samson", "urban4"))
    ]
    frame = frame_of(pd.concat(rows), listed)
    of_rule = frame[frame["rule"] == "oracle"]
    p_values = of_rule["tested_p_value"].sort_values()
    assert of_rule.loc[p_values.index[0], "tested_p_holm"] == pytest.approx(min(2 * p_values.iloc[0], 1))


def test_one_run_one_regime_and_nothing():
    row = rule(ranked(number=1), "oracle")
    assert row["chosen"] == "Crop 50 %; Crop 75 %; Jitter"
    assert row["reason"] == "a single run: none is left to test on"
    alone = ranked()
    alone = alone[alone["regime"] == "fixed_seeded"]
    assert rule(alone, "papers_rule")["remark"].startswith("one regime")
    for rows in (pd.DataFrame(), runs()):
        assert frame_of(rows)["reason"].notna().all()
    controls = sweep({"control_identity": shifted(0)})
    assert rule(controls, "oracle")["reason"] == "no treatment in this study but controls"


def test_a_scene_without_references_is_chosen_for_but_not_tested():
    blind = {name: (lambda *_: [np.nan] * 3) for name in ("blur_1", "control_identity")}
    rows = sweep(blind, name="mine", number=4).assign(reconstruction_angle_rad=0.1, collapse_angle_rad=0.5)
    listed = [scene("mine", kind="own", paper=False)]
    row = rule(rows, "reconstruction", "mine", listed)
    assert row["chosen"] == "Blur, sigma .1 to 1.0"
    assert "no reference" in row["reason"]
    assert "no reference" in rule(rows, "oracle", "mine", listed)["reason"]


def test_a_treatment_whose_runs_all_diverged_is_no_candidate():
    every = tuple(("crop_50", regime, run) for regime in ranked()["regime"].unique() for run in range(10))
    offsets = {"crop_50": shifted(-0.03), "jitter": shifted(-0.01), "control_identity": shifted(0)}
    rows = sweep(offsets, number=10, image_sets=10, initialisations=10, diverged=every)
    assert rule(rows, "oracle")["chosen"] == "Jitter"
    assert rule(rows, "reconstruction")["chosen"] == "Jitter"


@pytest.mark.parametrize("rows", [pd.DataFrame(), ranked(number=2)])
def test_types_survive_the_file(rows, tmp_path):
    table = build(rows, scenes(), {}, {"commit": "0123abc"})
    pd.testing.assert_frame_equal(read_table(write_table(table, tmp_path / "selection")[0]).frame, table.frame)
