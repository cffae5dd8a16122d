"""The table of classical methods and the reference rows that Table 3 repeats."""

import numpy as np
import pandas as pd
import pytest

from unmixing.tables import classical as table_classical
from unmixing.tables import table3
from unmixing.tables.claims import judged_by, reference_values
from unmixing.tables.writing import markdown_text

from .frames import classical, runs, scenes


def build(rows):
    return table_classical.build(rows, scenes(), {}, {})


def row_of(table, setting, scene="samson"):
    frame = table.frame
    chosen = frame[(frame["scene"] == scene) & (frame["setting"] == setting)]
    assert len(chosen) == 1
    return chosen.iloc[0]


def test_methods_stand_beside_the_trained_model():
    rows = pd.concat([runs(), classical(vca_scls=[[0.1, 0.1, 0.1], [0.2, 0.2, 0.2]])])
    table = build(rows)
    samson = table.frame[table.frame["scene"] == "samson"]
    assert samson["setting"].tolist() == ["cnnaeu_described", "vca_scls", "chance"]
    assert row_of(table, "vca_scls")["sad_mean"] == pytest.approx(0.15)
    assert (row_of(table, "vca_scls")["successes"], row_of(table, "vca_scls")["runs"]) == (1, 2)
    assert row_of(table, "chance")["role"] == "reference"
    # Root mean square over the endmembers of each run, then the mean over runs.
    assert row_of(table, "vca_scls")["armse_own"] == pytest.approx(0.15)
    expected = np.mean([np.sqrt(np.mean(np.square(run))) for run in ((0.04, 0.05, 0.12), (0.06, 0.05, 0.10))])
    assert row_of(table, "cnnaeu_described")["armse_own"] == pytest.approx(expected)
    assert pd.isna(row_of(table, "cnnaeu_described")["armse_areal"])


def test_a_method_that_draws_nothing_has_one_run_and_no_interval():
    row = row_of(build(classical(sivm_scls=[[0.1, 0.2, 0.3]])), "sivm_scls")
    assert row["runs"] == 1
    assert pd.isna(row["interval_low"])
    assert pd.isna(row["run_values"])


def test_a_floor_that_lacks_an_endmember_has_no_mean_and_says_why():
    rows = classical(attainable_floor=[[0.1, np.nan, 0.3]])
    row = row_of(build(rows), "attainable_floor")
    assert pd.isna(row["sad_mean"])
    assert "tree" in row["reason"]
    assert "floor" not in reference_values(rows)["samson"]


def test_missing_scenes_keep_their_row_and_reason():
    frame = build(pd.DataFrame()).frame.set_index("scene")
    assert "UNMIXING_SCENES" in frame.loc["cuprite", "reason"]
    text = markdown_text(build(classical()))
    assert "Cuprite" in text
    assert "chance: K random pixels" in text


def test_reference_rows_stand_in_table_3_even_without_the_scene():
    cuprite = classical("cuprite", mean_of_references=[[0.118, 0.118, 0.118]]).query("setting != 'chance'")
    rows = pd.concat([runs(), classical(attainable_floor=[[0.02, 0.03, 0.04]]), cuprite])
    frame = table3.build(rows, scenes(), {}, {}).frame.set_index("scene")
    assert frame.loc["samson", "chance_mean"] == pytest.approx(0.3)
    assert frame.loc["samson", "chance_best"] == pytest.approx(0.2)
    assert frame.loc["samson", "floor"] == pytest.approx(0.03)
    assert frame.loc["samson", "sad_mean"] == pytest.approx(0.07), "classical rows are no runs of the baseline"
    assert frame.loc["cuprite", "mean_of_references"] == pytest.approx(0.118)
    assert frame.loc["cuprite", "paper_sad"] == 0.1229


def test_nothing_is_claimed_below_five_runs_nor_on_means_of_two_modes():
    assert judged_by("samson", 4) == "nothing (n < 5)"
    assert judged_by("samson", 5) == "mean SAD"
    assert judged_by("jasper_ridge", 25) == judged_by("urban6", 25) == "success rate"
    table = table3.build(runs(sad=[[0.05, 0.05, 0.05]] * 5), scenes(), {}, {})
    assert table.frame.set_index("scene").loc["samson", "judged_by"] == "mean SAD"
    assert any("Jasper Ridge and Urban6 are judged by the rate" in note for note in table.notes)
