"""What tables read from the rows of the contrastive phases: runs, arms, summaries."""

import numpy as np
import pandas as pd
import pytest

from unmixing.protocol.points import CONFIGURATIONS as KNOWN_CONFIGURATIONS
from unmixing.protocol.points import VARIANTS as KNOWN_VARIANTS
from unmixing.tables.contrastive_rows import (
    CONFIGURATIONS,
    VARIANTS,
    arm,
    contrastive,
    describe_runs,
    is_paper_point,
    parts,
    phase_runs,
    run_table,
    usable_without_truth,
    without_term,
)
from unmixing.tables.scene_rows import scenes_to_show

from .contrastive_frames import configuration, grid_point, point_rows, search
from .frames import runs, scene

PLAN = {"epochs": 100, "patches": 250, "learning_rate": 0.003}


def test_every_configuration_and_variant_has_a_title():
    assert set(CONFIGURATIONS) == set(KNOWN_CONFIGURATIONS)
    assert set(VARIANTS) == set(KNOWN_VARIANTS)


def test_rows_of_other_phases_are_left_out_and_counts_are_whole_again():
    mixed = pd.concat([runs(), configuration(), search({0: (0.1, 0.1)})])
    chosen = contrastive(mixed, group="configuration")
    assert set(chosen["phase"]) == {"contrastive"}
    assert set(chosen["group"]) == {"configuration"}
    assert chosen["patch_size"].dtype.kind == "i"
    assert contrastive(runs()).empty
    assert contrastive(pd.DataFrame()).empty


def test_a_run_is_the_mean_over_its_endmembers_and_succeeds_when_all_are_found():
    point = grid_point(0)
    # Found is below .11.
    table = run_table(point_rows("x", [[0.03, 0.05, 0.10], [0.03, 0.05, 0.40]], point))
    assert table["sad_rad"].tolist() == pytest.approx([0.06, 0.16])
    assert table["success"].tolist() == [1, 0]
    assert table["run"].tolist() == [0, 1]


def test_a_diverged_run_has_no_angle_and_fails():
    table = run_table(point_rows("x", [[0.03] * 3, [0.05] * 3], grid_point(0), status=("ok", "diverged")))
    assert table["sad_rad"].isna().tolist() == [False, True]
    assert table["success"].tolist() == [1, 0]
    assert table["reconstruction_angle_rad"].isna().tolist() == [False, True]


def test_without_references_nothing_is_known_of_success():
    table = run_table(point_rows("x", [[np.nan] * 3] * 2, grid_point(0)))
    assert table["sad_rad"].isna().all()
    assert table["success"].isna().all()


def test_one_endmember_without_an_angle_leaves_the_run_without_a_mean():
    rows = point_rows("x", [[0.03, 0.05, 0.10]], grid_point(0))
    rows.loc[rows["endmember"] == 3, "sad_rad"] = np.nan
    assert run_table(rows)["sad_rad"].isna().all()


def test_a_training_without_the_term_stands_in_for_one_with_the_same_patches_and_batches():
    # Average and Urban4 of Table 7 share patches of 32 and batches of 8; Samson has 16 and 30.
    rows = pd.concat(
        [
            configuration("table7_average"),
            configuration("table7_urban4", {"generalized": 0.01}),
            configuration("table7_samson", {"generalized": 0.01}),
        ]
    )
    table = run_table(rows)
    assert set(arm(table, "table7_urban4", "lambda_1")["setting"]) == {"table7_average-lambda_1"}
    assert arm(table, "table7_samson", "lambda_1").empty
    assert arm(table, "table7_urban4", "permuted").empty
    assert len(without_term(table, {"patch_size": 32, "batch_size": 8})) == 6
    assert without_term(table, {"patch_size": 32, "batch_size": 15}).empty


def test_a_summary_counts_all_runs_and_averages_the_scored_ones():
    rows = point_rows("x", [[0.04] * 3, [0.06] * 3, [0.9] * 3], grid_point(0), status=("ok", "ok", "diverged"))
    record = describe_runs(rows)
    assert (record["runs"], record["runs_diverged"], record["successes"]) == (3, 1, 2)
    assert record["sad_mean"] == pytest.approx(0.05)
    assert record["run_mean_sd"] == pytest.approx(0.02 / np.sqrt(2))
    assert record["judged_by"] == "nothing (n < 5)"
    assert describe_runs(rows.iloc[:0]) == {}
    assert "no reference" in describe_runs(point_rows("x", [[np.nan] * 3], grid_point(0)))["reason"]


def test_a_choice_without_truth_leaves_out_what_collapsed_or_diverged():
    rows = search({0: (0.1, 0.1), 1: (0.2, 0.2), 2: (0.3, 0.3)}, lost=[1], collapse={2: 0.01})
    assert usable_without_truth(run_table(rows))["sad_rad"].tolist() == pytest.approx([0.1])


def test_parts_are_scenes_and_protocols_and_a_scene_without_rows_comes_once():
    rows = pd.concat([configuration(), configuration(protocol="released", number=1)])
    listed = scenes_to_show([scene("samson"), scene("synthetic_easy", kind="synthetic", paper=False)])
    found = [(one.scene, protocol, len(part)) for one, protocol, part in parts(rows, listed)]
    assert found[:2] == [("samson", "described", 36), ("samson", "released", 6)]
    assert found[-1] == ("synthetic_easy", "", 0)
    assert phase_runs(rows, listed) == "Samson (described) 2 points x 6 runs; Samson (released) 2 points x 1 run"


def test_only_the_papers_patches_batches_and_epochs_are_its_scale():
    rows = configuration(offsets={"generalized": 0})
    assert is_paper_point(rows, "table7_average", PLAN)
    assert not is_paper_point(rows, "table7_average", PLAN | {"patches": 60})
    assert not is_paper_point(rows, "table7_samson", PLAN)
    assert not is_paper_point(rows.assign(epochs=40), "table7_average", PLAN)
    assert not is_paper_point(rows, "table7_average", {})
