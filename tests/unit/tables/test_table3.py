"""Table 3: definitions by hand, the paper's rows always, no interval below five runs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from unmixing.errors import UnmixingError
from unmixing.statistics import mean_interval
from unmixing.tables.table3 import build
from unmixing.tables.writing import read_table, write_table

from .frames import runs, scene, scenes

SCALE = {name: {"runs": 2, "epochs": 80, "patches": 250, "patch_size": 40} for name in ("samson", "synthetic_easy")}
PAPER = {
    "samson": (0.0654, 0.0058),
    "urban4": (0.0428, 0.0057),
    "urban5": (0.0766, 0.0079),
    "urban6": (0.1311, 0.0387),
    "cuprite": (0.1229, 0.0109),
    "jasper_ridge": (0.1841, 0.0634),
}


def row_of(rows, name="samson", *, listed=None, scale=None, protocol=None):
    frame = build(rows, scenes() if listed is None else listed, SCALE if scale is None else scale, {}).frame
    chosen = frame[frame["scene"] == name]
    if protocol:
        chosen = chosen[chosen["protocol"] == protocol]
    assert len(chosen) == 1
    return chosen.iloc[0]


@pytest.mark.parametrize("rows", [pd.DataFrame(), runs().iloc[:0], runs()])
def test_the_papers_values_always_stand(rows):
    frame = build(rows, scenes(), SCALE, {}).frame.set_index("scene")
    for name, values in PAPER.items():
        assert tuple(frame.loc[name, ["paper_sad", "paper_std"]]) == values
    assert frame.loc["synthetic_easy", ["paper_sad", "paper_std"]].isna().all()
    assert "UNMIXING_SCENES" in frame.loc["urban4", "reason"]
    assert "not part of this study" in frame.loc["jasper_ridge", "reason"]


def test_definitions_by_hand():
    row = row_of(runs(sad=[[0.04, 0.05, 0.12], [0.06, 0.05, 0.16]]))
    assert row["sad_mean"] == pytest.approx(0.08)
    assert row["difference"] == pytest.approx(0.08 - 0.0654)
    # Population deviations of the endmembers: .01, 0 and .02.
    assert row["paper_definition_std"] == pytest.approx(0.01)
    # Run means .07 and .09: sample deviation .02 / sqrt(2).
    assert row["run_mean_sd"] == pytest.approx(0.02 / np.sqrt(2))
    assert row["sad_median"] == pytest.approx(0.08)
    assert row["late_mean"] == pytest.approx(0.081)
    assert row["epoch_wander"] == pytest.approx(0.008)
    assert row["found_mean"] == 2
    assert (row["successes"], row["runs"], row["endmembers"]) == (0, 2, 3)
    assert row["uses_truth"] == "K, matching"


def test_below_five_runs_the_runs_are_listed():
    row = row_of(runs(sad=[[0.04, 0.05, 0.12], [0.06, 0.05, 0.16]]))
    assert pd.isna(row["interval_low"])
    assert pd.isna(row["success_low"])
    assert [float(value) for value in row["run_values"].split()] == pytest.approx([0.07, 0.09])


def test_from_five_runs_there_is_an_interval():
    sad = np.random.default_rng(1).uniform(0.01, 0.2, (5, 3))
    row = row_of(runs(sad=sad))
    interval = mean_interval(sad.mean(axis=1))
    assert (row["interval_low"], row["interval_high"]) == pytest.approx((interval.low, interval.high))
    assert pd.isna(row["run_values"])
    assert 0 <= row["success_low"] <= row["successes"] / 5 <= row["success_high"] <= 1


def test_one_run_has_no_deviation():
    row = row_of(runs(sad=[[0.1, 0.1, 0.1]]))
    assert pd.isna(row["run_mean_sd"])
    assert pd.isna(row["paper_definition_std"])


def test_diverged_runs_fail_and_collapsed_runs_count():
    sad = [[0.05] * 3, [0.05] * 3, [0.20] * 3]
    row = row_of(runs(sad=sad, status=("ok", "diverged", "collapsed")))
    assert row["sad_mean"] == pytest.approx(0.125)
    assert (row["successes"], row["runs"]) == (1, 3)
    assert (row["runs_ok"], row["runs_diverged"], row["runs_collapsed"]) == (1, 1, 1)
    assert "1 diverged: loss was not finite at epoch 3" in row["reason"]


def test_all_diverged_leaves_counts_and_reason():
    row = row_of(runs(status=("diverged", "diverged")))
    assert pd.isna(row["sad_mean"])
    assert row["runs_diverged"] == 2
    assert "2 diverged" in row["reason"]


def test_a_scene_without_reference_says_so():
    rows = runs("mine", sad=[[np.nan] * 3] * 2, kind="own")
    row = row_of(rows, "mine", listed=[scene("mine", kind="own", paper=False)])
    assert pd.isna(row["sad_mean"])
    assert pd.isna(row["successes"])
    assert "no reference" in row["reason"]


def test_only_the_papers_scale_is_not_indicative():
    full = runs(sad=np.random.default_rng(2).uniform(0.01, 0.2, (25, 3)), epochs=320)
    paper_scale = {"samson": {"runs": 25, "epochs": 320, "patches": 250, "patch_size": 40}}
    assert row_of(full, scale=paper_scale)["comparison"] == "same scale"
    fewer_patches = {"samson": paper_scale["samson"] | {"patches": 100}}
    assert row_of(full, scale=fewer_patches)["comparison"] == "indicative"
    assert row_of(full[full["run"] < 24], scale=paper_scale)["comparison"] == "indicative"
    assert row_of(runs(epochs=80))["comparison"] == "indicative"


def test_crops_and_synthetic_scenes_have_no_difference():
    crop = scene("urban4_crop", kind="crop", paper=True)
    row = row_of(runs("urban4_crop", kind="crop"), "urban4_crop", listed=[crop])
    assert row[["paper_sad", "difference", "comparison"]].isna().all()


def test_protocols_stand_side_by_side():
    rows = pd.concat([runs(protocol="released"), runs()])
    frame = build(rows, scenes(), SCALE, {}).frame
    assert list(frame.loc[frame["scene"] == "samson", "protocol"]) == ["described", "released"]
    empty = row_of(rows, "synthetic_easy", protocol="released")
    assert "no finished runs" in empty["reason"]


def test_mixed_settings_are_refused():
    rows = pd.concat([runs(), runs(setting="other")])
    with pytest.raises(UnmixingError, match="mix the settings other, standard"):
        build(rows, scenes(), SCALE, {})


def test_notes_define_both_deviations_and_name_chance():
    table = build(runs(), scenes(), SCALE, {})
    notes = " ".join(table.notes)
    assert "population standard deviation" in notes
    assert "sample standard deviation" in notes
    assert "Cuprite" in notes
    assert table.scale == "2 runs, 80 epochs, 250 patches of 40 x 40 pixels"
    assert table.n == "Samson (described) 2 runs"


@pytest.mark.parametrize("rows", [pd.DataFrame(), runs()])
def test_types_survive_the_file(rows, tmp_path):
    table = build(rows, scenes(), SCALE, {"commit": "0123abc"})
    back = read_table(write_table(table, tmp_path / "table3")[0])
    pd.testing.assert_frame_equal(back.frame, table.frame)


def test_printed_rows(tmp_path):
    write_table(build(runs(), scenes(), SCALE, {}), tmp_path / "table3")
    text = (tmp_path / "table3.md").read_text()
    samson = next(line for line in text.splitlines() if line.startswith("| Samson"))
    assert "0.0654" in samson
    assert "+0.0046 (indicative)" in samson
    assert "runs: 0.0700, 0.0700" in samson
