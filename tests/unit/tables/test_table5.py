"""Table 5: the paper's rows always, our mean over regimes, both deviations and the spread between regimes."""

import numpy as np
import pandas as pd
import pytest

from unmixing.tables.table5 import ORIGINAL, build
from unmixing.tables.writing import read_table, write_table

from .frames import classical, runs, scene, scenes
from .sweep_frames import shifted, sweep

ARMS = {"blur_1": shifted(-0.01), "crop_blur": shifted(0), "crop_jitter_blur": shifted(0.01)}
CONTROL = {"control_identity": shifted(0.02)}
CROP_BLUR = "Crop + Blur"


def frame_of(rows, listed=None, scale=None):
    return build(rows, scenes() if listed is None else listed, scale or {}, {}).frame


def samson(rows, label=CROP_BLUR, **kwargs):
    frame = frame_of(rows, **kwargs)
    chosen = frame[(frame["scene"] == "samson") & (frame["label"] == label)]
    assert len(chosen) == 1
    return chosen.iloc[0]


@pytest.mark.parametrize("rows", [pd.DataFrame(), runs(), sweep(ARMS, number=2), sweep(ARMS, number=2, images=10)])
def test_the_papers_values_always_stand(rows):
    frame = frame_of(rows)
    paper = frame[(frame["images"] == 90) & frame["paper_sad"].notna()]
    assert len(paper) == 24
    assert paper["label"].value_counts().tolist() == [6] * 4
    row = paper[(paper["scene"] == "urban4") & (paper["label"] == "Crop + Jitter + Blur")].iloc[0]
    assert (row["paper_sad"], row["paper_std"]) == (0.0393, 0.0045)
    assert "UNMIXING_SCENES" in row["reason"]
    assert frame.loc[frame["scene"] == "synthetic_easy", "paper_sad"].isna().all()


def test_another_number_of_images_has_rows_of_its_own():
    frame = frame_of(pd.concat([sweep(ARMS), sweep(ARMS, images=10)]))
    own = frame[frame["scene"] == "samson"]
    assert own["images"].tolist() == [90] * 5 + [10] * 5
    assert own.loc[own["images"] == 10, ["paper_sad", "difference"]].isna().all(axis=None)
    only = frame_of(sweep(ARMS, images=10))
    missing = only[(only["scene"] == "samson") & (only["images"] == 90)]
    assert (missing["reason"] == "no arm of 90 images in this study").all()


def test_mean_over_regimes_and_spreads_by_hand():
    def angles(regime, run, *_):
        base = {"dynamic_unseeded": 0.10, "fixed_unseeded": 0.11, "fixed_seeded": 0.15}[regime]
        return [base, base + 0.02 * (run % 2), base]

    row = samson(sweep({**ARMS, "crop_blur": angles}, number=6, image_sets=6, initialisations=6))
    assert row["sad_mean"] == pytest.approx(0.12 + 0.01 / 3)
    assert row["difference"] == pytest.approx(0.12 + 0.01 / 3 - 0.0391)
    # Population deviations 0, .01 and 0; run means that alternate by .02 / 3.
    assert row["paper_definition_std"] == pytest.approx(0.01 / 3)
    assert row["run_mean_sd"] == pytest.approx(0.01 / 3 * np.sqrt(6 / 5))
    assert row["regime_sd"] == pytest.approx(np.std([0.10, 0.11, 0.15], ddof=1))
    assert row["regime_means"] == "0.1033, 0.1133, 0.1533"
    assert (row["runs"], row["regimes"], row["draws"]) == (18, 3, 6)
    assert row["interval_low"] < row["sad_mean"] < row["interval_high"]


def test_baseline_and_unaugmented_copies_stand_beside():
    rows = pd.concat([sweep(ARMS | CONTROL), runs(), runs(protocol="released", sad=[[0.5] * 3]), classical()])
    row = samson(rows)
    assert row["baseline_sad"] == pytest.approx(0.07)
    assert row["identity_sad"] == pytest.approx(row["sad_mean"] + 0.02)
    assert row["chance_mean"] == pytest.approx(0.3)
    baseline = samson(rows, ORIGINAL)
    assert (baseline["paper_sad"], baseline["sad_mean"], baseline["runs"]) == (0.0654, pytest.approx(0.07), 2)
    assert samson(sweep(ARMS), ORIGINAL)["reason"].startswith("no baseline runs")


def test_below_five_draws_the_draws_are_listed():
    row = samson(sweep(ARMS, number=10, image_sets=2, initialisations=2))
    assert pd.isna(row["interval_low"])
    assert len(row["run_values"].split()) == row["draws"] == 2
    assert row["judged_by"] == "nothing (n < 5)"
    assert np.mean([float(value) for value in row["run_values"].split()]) == pytest.approx(row["sad_mean"])


def test_only_the_papers_scale_is_not_indicative():
    plan = {"runs": 25, "epochs": 320, "patches": 250, "patch_size": 40, "batch_size": 15, "learning_rate": 0.003}
    rows = sweep({"crop_blur": shifted(0)}, number=25)
    assert samson(rows, scale={"samson": {"augmentation": plan}})["comparison"] == "same scale"
    assert samson(rows, scale={"samson": {"augmentation": plan | {"epochs": 80}}})["comparison"] == "indicative"
    assert samson(rows)["comparison"] == "indicative"
    fewer = rows[rows["regime"] != "fixed_seeded"]
    assert samson(fewer, scale={"samson": {"augmentation": plan}})["comparison"] == "indicative"


def test_diverged_runs_fail_and_leave_the_mean():
    lost = (("crop_blur", "dynamic_unseeded", 0), ("crop_blur", "fixed_seeded", 3))
    row = samson(sweep(ARMS, diverged=lost))
    assert (row["runs"], row["runs_diverged"]) == (15, 2)
    assert row["reason"] == "2 diverged: loss was not finite at epoch 3"
    every = tuple(("crop_blur", regime, run) for regime in sweep(ARMS)["regime"].unique() for run in range(5))
    row = samson(sweep(ARMS, diverged=every))
    assert pd.isna(row["sad_mean"])
    assert (row["successes"], row["runs"]) == (0, 15)


def test_jasper_is_judged_by_success_and_crops_have_no_paper_value():
    listed = [scene("jasper_ridge", title="Jasper Ridge"), scene("urban4_crop", kind="crop", paper=False)]
    rows = pd.concat([sweep(ARMS, name="jasper_ridge"), sweep(ARMS, name="urban4_crop", kind="crop")])
    frame = frame_of(rows, listed)
    treated = frame[frame["sad_mean"].notna()]
    assert set(treated.loc[treated["scene"] == "jasper_ridge", "judged_by"]) == {"success rate"}
    assert treated.loc[treated["scene"] == "urban4_crop", "paper_sad"].isna().all()


def test_a_scene_without_references_says_so():
    rows = sweep({"crop_blur": lambda *_: [np.nan] * 3}, name="mine", number=2, kind="own")
    frame = frame_of(rows, [scene("mine", kind="own", paper=False)])
    row = frame[(frame["scene"] == "mine") & (frame["label"] == CROP_BLUR)].iloc[0]
    assert "no reference" in row["reason"]
    assert pd.isna(row["successes"])


@pytest.mark.parametrize("rows", [pd.DataFrame(), sweep(ARMS, number=2, regimes=("fixed_seeded",))])
def test_types_survive_the_file(rows, tmp_path):
    table = build(rows, scenes(), {}, {"commit": "0123abc"})
    pd.testing.assert_frame_equal(read_table(write_table(table, tmp_path / "table5")[0]).frame, table.frame)
