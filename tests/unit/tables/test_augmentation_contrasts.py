"""Contrasts of the sweep: known differences, families of tests, and scenes that are judged by success."""

import numpy as np
import pandas as pd
import pytest

from unmixing.statistics import holm
from unmixing.tables.augmentation_contrasts import build
from unmixing.tables.writing import read_table, write_table

from .frames import runs, scene, scenes
from .sweep_frames import shifted, sweep

THREE = ("blur_1", "crop_blur", "crop_jitter_blur")


def noisy(offset, seed, spread=0.004):
    """What all arms share, an offset, and a noise of the arm's own."""
    common = shifted(offset)

    def angles(regime, run, image_set, weights):
        rng = np.random.default_rng([seed, run, len(regime)])
        return common(regime, run, image_set, weights) + rng.normal(0, spread)

    return angles


def arms(gain=-0.02, **more):
    treated = {name: noisy(gain, seed) for seed, name in enumerate(THREE, 10)}
    return treated | more | {"control_identity": noisy(0, 1), "control_baseline": noisy(0.03, 2)}


def frame_of(rows, listed=None):
    return build(rows, scenes() if listed is None else listed, {}, {}).frame


def row_of(frame, treatment="", scene="samson"):
    chosen = frame[(frame["scene"] == scene) & (frame["treatment"] == treatment)]
    assert len(chosen) == 1
    return chosen.iloc[0]


def test_a_known_shift_is_recovered_against_both_controls():
    exact = {name: shifted(offset) for name, offset in zip(THREE, (-0.03, -0.02, -0.01), strict=True)}
    rows = sweep(exact | {"control_identity": shifted(0), "control_baseline": shifted(0.05)})
    frame = frame_of(rows)
    primary, blur, controls = row_of(frame), row_of(frame, "blur_1"), row_of(frame, "control_identity")
    assert primary["identity_difference"] == pytest.approx(-0.02)
    assert blur["identity_difference"] == pytest.approx(-0.03)
    assert blur["baseline_difference"] == pytest.approx(-0.08)
    assert controls["baseline_difference"] == pytest.approx(-0.05)
    assert blur["identity_arm_sad"] - blur["identity_control_sad"] == pytest.approx(-0.03)
    assert blur["identity_n"] == "15 pairs, 5 draws"
    assert blur["identity_correlation"] == pytest.approx(1)
    assert blur["finding"] == "smaller SAD"
    assert (primary["role"], blur["role"], controls["role"]) == ("primary", "secondary", "description")


def test_the_primary_contrast_averages_runs_and_has_one_p_for_each_scene():
    listed = [scene("samson"), scene("urban4")]
    rows = pd.concat([sweep(arms(-0.02)), sweep(arms(0.0), name="urban4")])
    frame = frame_of(rows, listed)
    primary = frame[frame["role"] == "primary"].set_index("scene")
    expected, _ = holm(primary["identity_p_value"])
    assert primary["identity_p_holm"].to_numpy() == pytest.approx(expected)
    own = frame[(frame["scene"] == "samson") & (frame["role"] == "secondary")]
    assert primary.loc["samson", "identity_difference"] == pytest.approx(own["identity_difference"].mean())
    # Averaging three arms with noise of their own leaves a narrower interval than any of them.
    width = own["identity_high"] - own["identity_low"]
    assert primary.loc["samson", "identity_high"] - primary.loc["samson", "identity_low"] < width.max()
    assert primary.loc["samson", "finding"] == "smaller SAD"
    assert primary.loc["urban4", "finding"] != "smaller SAD"
    assert primary["baseline_p_holm"].isna().all()


def test_protocols_and_numbers_of_images_are_families_of_their_own():
    rows = pd.concat([sweep(arms()), sweep(arms(), images=10), sweep(arms(), protocol="released")])
    frame = frame_of(rows)
    primary = frame[frame["role"] == "primary"]
    assert len(primary) == 3
    assert primary["identity_p_holm"].to_numpy() == pytest.approx(primary["identity_p_value"].to_numpy())


def test_holm_counts_distinct_treatments_only():
    crops = {"crop_50": noisy(-0.01, 3), "crop_75": noisy(-0.01, 4), "crop_95": noisy(-0.01, 5)}
    described, released = (frame_of(sweep(arms(**crops), protocol=name)) for name in ("described", "released"))
    assert (described["role"] == "secondary").sum() == 6
    assert (released["role"] == "secondary").sum() == 4
    twin = row_of(released, "crop_75")
    assert "the same experiment as Crop 50 %" in twin["reason"]
    assert pd.isna(twin["identity_p_holm"])
    assert twin["identity_difference"] < 0
    for frame in (described, released):
        family = frame[frame["role"] == "secondary"]
        for control in ("identity", "baseline"):
            expected, _ = holm(family[f"{control}_p_value"])
            assert family[f"{control}_p_holm"].to_numpy() == pytest.approx(expected)


def test_below_five_draws_nothing_is_tested_and_the_dynamic_regime_still_has_an_interval():
    row = row_of(frame_of(sweep(arms(), number=20, image_sets=2, initialisations=2)), "blur_1")
    assert row[["identity_p_value", "identity_low", "identity_detectable"]].isna().all()
    assert len(row["identity_values"].split()) == 2
    assert (row["judged_by"], row["finding"]) == ("nothing (n < 5)", "untested")
    assert row["dynamic_n"] == "20 pairs, 20 draws"
    assert row["dynamic_low"] < row["dynamic_difference"] < row["dynamic_high"]


def test_a_difference_within_the_margin_is_equivalent():
    rows = sweep({"blur_1": noisy(0, 3, 0.0005), "control_identity": noisy(0, 1, 0.0005)}, number=8, image_sets=8)
    assert row_of(frame_of(rows), "blur_1")["finding"] in ("equivalent (±0.005 rad)", "inconclusive")
    rows = sweep({"blur_1": shifted(0), "control_identity": shifted(0)})
    assert row_of(frame_of(rows), "blur_1")["finding"] == "equivalent (±0.005 rad)"


def test_jasper_is_judged_by_the_rate_of_runs_that_find_all():
    # Found is below .11: eight of ten draws lose an endmember without treatment, and none with it.
    def lost(_, run, *__):
        return [0.05, 0.05, 0.05] if run < 2 else [0.05, 0.05, 0.5]

    found = {"blur_1": lambda *_: [0.1, 0.1, 0.1], "control_identity": lost}
    listed = [scene("jasper_ridge", title="Jasper Ridge")]
    rows = sweep(found, name="jasper_ridge", number=10, image_sets=10, initialisations=10)
    row = row_of(frame_of(rows, listed), "blur_1", "jasper_ridge")
    assert row["judged_by"] == "success rate"
    assert (row["identity_arm_successes"], row["identity_arm_trials"]) == (30, 30)
    assert (row["identity_control_successes"], row["identity_control_trials"]) == (6, 30)
    assert row["identity_rate_difference"] == pytest.approx(0.8)
    # McNemar's exact test on ten draws: eight differ, all in one direction.
    assert row["identity_p_value"] == pytest.approx(2 / 2**8)
    assert row["finding"] == "more successes"
    few = sweep(found, name="jasper_ridge", number=5, image_sets=5, initialisations=5)
    assert row_of(frame_of(few, listed), "blur_1", "jasper_ridge")["finding"] == "inconclusive"


def test_a_diverged_run_is_no_pair_and_no_success():
    rows = sweep(arms(), diverged=(("blur_1", "fixed_seeded", 4),))
    row = row_of(frame_of(rows), "blur_1")
    assert row["identity_n"] == "14 pairs, 5 draws"
    assert row["identity_arm_trials"] == 15
    assert row["reason"] == "Blur, sigma .1 to 1.0: 1 diverged"
    every = tuple(("blur_1", regime, run) for regime in rows["regime"].unique() for run in range(5))
    row = row_of(frame_of(sweep(arms(), diverged=every)), "blur_1")
    assert row["reason"].startswith("no run has numbers")
    assert pd.isna(row["identity_difference"])


def test_what_is_missing_is_said():
    frame = frame_of(sweep({"blur_1": shifted(0)}))
    assert row_of(frame)["reason"].startswith("no runs of crop_blur, crop_jitter_blur, control_identity")
    assert "control_identity" in row_of(frame, "blur_1")["reason"]
    for rows in (pd.DataFrame(), runs()):
        assert frame_of(rows)["reason"].notna().all()
    unknown = sweep({name: (lambda *_: [np.nan] * 3) for name in ("blur_1", "control_identity")}, name="mine")
    own = frame_of(unknown, [scene("mine", kind="own", paper=False)])
    assert "no reference" in row_of(own, "blur_1", "mine")["reason"]


@pytest.mark.parametrize("rows", [pd.DataFrame(), sweep(arms(), number=1, regimes=("dynamic_unseeded",))])
def test_types_survive_the_file(rows, tmp_path):
    table = build(rows, scenes(), {}, {"commit": "0123abc"})
    pd.testing.assert_frame_equal(read_table(write_table(table, tmp_path / "contrasts")[0]).frame, table.frame)
