"""The table of searches: two rules, their reruns, and what the contrastive term adds to them."""

import pandas as pd
import pytest

from unmixing.statistics import rank_correlation_interval
from unmixing.tables.contrastive_search import build
from unmixing.tables.writing import read_table, write_table

from .contrastive_frames import grid_point, grid_setting, point_rows, search
from .frames import scenes

#: SAD and reconstruction rank alike but for two neighbours: Spearman 1 - 6 * 2 / (6 * 35).
TRIALS = {0: (0.05, 0.02), 1: (0.06, 0.01), 2: (0.07, 0.03), 3: (0.08, 0.04), 4: (0.09, 0.05), 5: (0.10, 0.06)}
AGAIN = {0: [0.08, 0.09, 0.10, 0.08, 0.10]}


def control(values, number=0):
    """Runs 0 to n at lambda 1 with the patches and batches of a grid's configuration."""
    point = {**grid_point(number), "weight": 1.0}
    sad = [[value - 0.01, value, value + 0.01] for value in values]
    return point_rows("sheet_best-lambda_1", sad, point, configuration="sheet_best", variant="lambda_1")


def frame_of(rows):
    frame = build(rows, scenes(), {}, {}).frame
    return frame[frame["scene"] == "samson"].set_index("rule")


def test_counts_and_correlation_by_hand():
    row = frame_of(search(TRIALS | {6: (0.2, 0.2)}, lost=[6])).loc["oracle"]
    expected = 1 - 12 / (6 * 35)
    assert (row["trials"], row["size"], row["failed"], row["correlation_trials"]) == (7, 1280, 1, 6)
    assert row["correlation"] == pytest.approx(expected)
    assert (row["correlation_low"], row["correlation_high"]) == pytest.approx(rank_correlation_interval(expected, 6))


def test_each_rule_has_its_choice_and_only_reruns_speak():
    frame = frame_of(search(TRIALS, AGAIN, strategy="gp"))
    oracle, free = frame.loc["oracle"], frame.loc["label_free"]
    assert oracle["chosen"] == "tau 0.01, lambda 0.9, patch 8, batch 8, sigma 0.01"
    assert (oracle["trial_sad"], oracle["sad_mean"], oracle["runs"]) == (pytest.approx(0.05), pytest.approx(0.09), 5)
    assert oracle["shift"] == pytest.approx(0.04)
    assert (oracle["uses_truth"], free["uses_truth"]) == ("selection", "K")
    assert free["trial_sad"] == pytest.approx(0.06)
    assert (free["runs"], pd.isna(free["sad_mean"])) == (0, True)
    assert "not trained again" in free["reason"]
    assert oracle["strategy"] == "gp"


def test_the_rerun_is_paired_with_lambda_1_of_the_same_patches_and_batches():
    # Run 0 of the control has no partner: the trial is none of the reruns.
    rows = pd.concat([search(TRIALS, AGAIN), control([0.5, 0.07, 0.08, 0.09, 0.07, 0.09])])
    row = frame_of(rows).loc["oracle"]
    assert row["paired_difference"] == pytest.approx(0.01)
    assert row["paired_n"] == "5 pairs"
    assert row["finding"] == "larger SAD"
    other = frame_of(pd.concat([search(TRIALS, AGAIN), control([0.1] * 6, number=20)])).loc["oracle"]
    assert pd.isna(other["paired_difference"])
    assert "no runs at lambda 1 with patches of 8 and batches of 8" in other["reason"]


def test_one_configuration_chosen_by_both_rules_is_one_test():
    alike = {number: (sad, 0.01 + sad) for number, (sad, _) in TRIALS.items()}
    again = {0: [0.08, 0.10, 0.09, 0.08, 0.11]}
    frame = frame_of(pd.concat([search(alike, again), control([0.5, 0.07, 0.08, 0.09, 0.08, 0.09])]))
    assert frame.loc["oracle", "chosen"] == frame.loc["label_free", "chosen"]
    assert frame["paired_p_holm"].to_numpy() == pytest.approx(frame["paired_p_value"].to_numpy())
    assert frame["finding"].nunique() == 1


def test_a_search_without_a_value_says_so():
    frame = frame_of(search({0: (0.1, 0.1)}, lost=[0]))
    assert frame["reason"].str.startswith("no trial has").all()
    assert frame["correlation"].isna().all()


@pytest.mark.parametrize("rows", [pd.DataFrame(), search(TRIALS, AGAIN)])
def test_types_survive_the_file_and_scenes_without_a_search_have_one_row(rows, tmp_path):
    table = build(rows, scenes(), {}, {})
    pd.testing.assert_frame_equal(read_table(write_table(table, tmp_path / "t")[0]).frame, table.frame)
    empty = table.frame[table.frame["rule"].isna()]
    assert empty["scene"].is_unique
    assert empty["reason"].notna().all()
    assert grid_setting(0) not in set(empty["chosen"])
