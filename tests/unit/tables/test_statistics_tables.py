"""Tables of power, coverage, selection and protocols, with answers known by hand."""

import numpy as np
import pandas as pd
import pytest

from unmixing.programs import power as program
from unmixing.statistics import detectable_difference, runs_needed
from unmixing.tables import coverage, power, protocols, selection
from unmixing.tables.claims import scene_deviation

from .frames import classical, runs, scenes

FIVE = [[0.05 + 0.01 * run] * 3 for run in range(5)]


def frame_of(module, rows):
    return module.build(rows, scenes(), {}, {}).frame.set_index("scene")


def test_power_takes_measured_deviations_from_five_runs_and_the_papers_below():
    few, enough = runs(sad=FIVE[:4]), runs(sad=FIVE)
    assert scene_deviation(few, "samson", True)[:2] == (
        pytest.approx(0.0058 * np.sqrt(25 / 24)),
        "the paper's STD, an upper bound",
    )
    deviation, source, count = scene_deviation(enough, "samson", True)
    assert (deviation, source, count) == (pytest.approx(0.01 * np.sqrt(2.5)), "measured on 5 runs", 5)
    row = frame_of(power, enough).loc["samson"]
    assert row["detectable"] == pytest.approx(detectable_difference(deviation, 5))
    assert row["runs_010"] == runs_needed(0.01, deviation)
    assert pd.isna(frame_of(power, few).loc["samson", "detectable"])
    assert frame_of(power, enough).loc["synthetic_easy", "source"] == "no runs and no printed value"


def test_components_need_runs_that_share_weights():
    values = [[0.1] * 3, [0.1] * 3, [0.2] * 3, [0.2] * 3]
    rows = runs(sad=values)
    assert "only their sum" in power.components(rows.assign(seed_initialisation=rows["run"].astype(str)))
    shared = power.components(rows.assign(seed_initialisation=(rows["run"] // 2).astype(str)))
    assert shared == "initial weights 0.0707, rest 0.0000"
    assert power.components(rows.assign(seed_initialisation="7")).startswith("one set of initial weights: rest 0.0577")


def test_the_power_command_answers_for_a_given_deviation(capsys, tmp_path):
    program.main(["--deviation", "0.0052", "--difference", "0.005", "--runs", "5"])
    assert "needs 18 runs in each arm; 5 show 0.0105 rad" in capsys.readouterr().out
    program.main(["--results", str(tmp_path)])
    assert "urban4: SD of a run mean 0.0058 rad (the paper's STD" in capsys.readouterr().out


def test_coverage_is_near_what_the_intervals_promise():
    table = coverage.build(pd.DataFrame(), [], {}, {}, simulations=200)
    assert len(table.frame) == 2 * len(coverage.SIZES)
    assert table.frame["covered"].between(0.88, 1).all()
    assert table.notes[0].startswith("Simulated coverage of the 95 % intervals: normal runs 0.9")


def test_selection_finds_the_run_that_each_criterion_names():
    rows = runs(sad=FIVE)
    by_run = rows["run"].map({0: 0.3, 1: 0.5, 2: 0.2, 3: 0.4, 4: 0.1})
    rows = rows.assign(collapse_angle_rad=by_run, reconstruction_angle_rad=rows["run"] / 10)
    row = frame_of(selection, rows).loc["samson"]
    assert row["collapse_sad"] == pytest.approx(0.06), "run 1 has the largest smallest angle"
    assert row["reconstruction_sad"] == row["oracle_sad"] == pytest.approx(0.05)
    assert row["reconstruction_rank"] == "+1.00 (+1.00 to +1.00)"
    assert row["collapse_rank"].startswith("−0.50 (")
    few = frame_of(selection, rows[rows["run"] < 4]).loc["samson"]
    assert few["collapse_rank"] == few["reconstruction_rank"] == "n < 5"


def test_selection_leaves_out_single_runs_and_reference_rows():
    rows = pd.concat([runs(sad=FIVE[:1]), classical(vca_scls=FIVE)])
    assert selection.build(rows, scenes(), {}, {}).frame["method"].tolist() == ["VCA + SCLS"]


def test_protocols_are_compared_run_by_run():
    shifted = (np.array(FIVE) + np.array([[0.01], [0.02], [0.03], [0.02], [0.01]])).tolist()
    rows = pd.concat([runs(sad=FIVE), runs(sad=shifted, protocol="released")])
    row = frame_of(protocols, rows).loc["samson"]
    assert row["difference"] == pytest.approx(0.018)
    assert row["interval_low"] < 0.018 < row["interval_high"]
    assert (row["runs"], row["judged_by"]) == (5, "mean SAD")
    assert row["p_value"] < 0.05
    few = frame_of(protocols, rows[rows["run"] < 3]).loc["samson"]
    assert pd.isna(few["interval_low"])
    assert pd.isna(few["p_value"])
    assert len(few["run_values"].split()) == 3
    alone = frame_of(protocols, runs()).loc["samson"]
    assert alone["reason"] == "this study has runs under one protocol alone"
