"""Table 7: the paper's setups as printed, and candidates of our searches by their reruns alone."""

import pandas as pd
import pytest

from unmixing.tables.table7 import build
from unmixing.tables.writing import read_table, write_table

from .contrastive_frames import configuration, grid_setting, search
from .frames import runs, scene, scenes

TRIALS = {0: (0.06, 0.05), 1: (0.05, 0.07), 2: (0.07, 0.02), 3: (0.09, 0.09)}
AGAIN = {1: [0.08, 0.10, 0.09, 0.08, 0.10], 2: [0.07] * 5}


def frame_of(rows, listed=None, scale=None):
    return build(rows, scenes() if listed is None else listed, scale or {}, {}).frame


def of(frame, configuration, scene="samson"):
    chosen = frame[(frame["scene"] == scene) & (frame["configuration"] == configuration)]
    assert len(chosen) == 1
    return chosen.iloc[0]


@pytest.mark.parametrize("rows", [pd.DataFrame(), runs(), configuration(number=1)])
def test_the_papers_setups_stand_as_printed(rows):
    frame = frame_of(rows)
    row = of(frame, "table7_samson")
    values = row[["temperature", "weight", "patch_size", "batch_size", "sigma"]].tolist()
    assert values == ["10.0", "0.5", "16", "30", "0.1"]
    assert (row["setup"], row["source"], row["paper_sad"]) == ("Best SAD (Samson)", "paper", 0.0444)
    assert of(frame, "table7_samson", "urban4")["paper_sad"] == 0.1263
    assert row["chosen"].startswith("oracle")
    assert pd.isna(of(frame, "sheet_best")["paper_sad"])
    assert pd.isna(of(frame, "nt_xent_best")["sigma"])


def test_candidates_are_described_by_the_runs_after_their_choice():
    frame = frame_of(search(TRIALS, AGAIN, strategy="random"))
    row = of(frame, grid_setting(1))
    assert row["trial_sad"] == pytest.approx(0.05)
    # Run 0 would pull the mean down to .0833.
    assert row["sad_mean"] == pytest.approx(0.09)
    assert row["shift"] == pytest.approx(0.04)
    assert (row["runs"], row["setup"]) == (5, "candidate 1")
    assert row["chosen"] == "oracle: 1 of 4; label-free: 3 of 4"
    assert row["source"] == "our search of the generalized grid (random)"
    assert of(frame, grid_setting(2))["chosen"] == "oracle: 3 of 4; label-free: 1 of 4"
    assert not {grid_setting(0), grid_setting(3)} & set(frame["configuration"].dropna())


def test_a_search_by_reconstruction_orders_its_candidates_so():
    scale = {"samson": {"contrastive": {"search": {"strategy": "tpe", "objective": "reconstruction"}}}}
    frame = frame_of(search(TRIALS, AGAIN), scale=scale)
    assert of(frame, grid_setting(2))["setup"] == "candidate 1"
    assert of(frame, grid_setting(2))["source"].endswith("(tpe)")


def test_a_search_without_reruns_says_so():
    frame = frame_of(search(TRIALS))
    assert "no trial was trained again with fresh seeds" in frame["reason"].tolist()
    assert not frame["setup"].astype(str).str.startswith("candidate").any()


def test_our_value_of_a_named_configuration_stands_beside_the_papers():
    plan = {"samson": {"contrastive": {"epochs": 100, "patches": 250, "learning_rate": 0.003}}}
    rows = configuration(offsets={"generalized": 0.0, "lambda_1": 0.5})
    row = of(frame_of(rows, scale=plan), "table7_average")
    assert row["difference"] == pytest.approx(row["sad_mean"] - 0.0668)
    assert (row["comparison"], row["runs"]) == ("same scale", 6)
    small = of(frame_of(rows.assign(patch_size=16), scale=plan), "table7_average")
    assert small["comparison"] == "indicative"
    assert small["reason"] == "ours: patches of 16"


def test_nothing_of_ours_is_called_best():
    frame = frame_of(pd.concat([configuration(), search(TRIALS, AGAIN)]))
    ours = frame[frame["source"] != "paper"]
    assert not ours["setup"].astype(str).str.contains("best", case=False).any()


@pytest.mark.parametrize("rows", [pd.DataFrame(), search(TRIALS, AGAIN)])
def test_types_survive_the_file(rows, tmp_path):
    table = build(rows, [scene("samson"), scene("jasper_ridge")], {}, {"commit": "0123abc"})
    pd.testing.assert_frame_equal(read_table(write_table(table, tmp_path / "table7")[0]).frame, table.frame)
    assert table.frame.loc[table.frame["scene"] == "jasper_ridge", "reason"].notna().all()
