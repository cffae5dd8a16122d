"""Trials of a search: ranks with the truth and without, and what is a rerun."""

import pandas as pd
import pytest

from unmixing.tables.contrastive_rows import contrastive
from unmixing.tables.contrastive_trials import chosen_by, describe_point, point_texts, searches, why_chosen

from .contrastive_frames import grid_point, grid_setting, search

TRIALS = {0: (0.06, 0.05), 1: (0.05, 0.07), 2: (0.07, 0.02), 3: (0.01, 0.01), 4: (0.9, 0.004)}


def only(rows, scale=None):
    found = list(searches(contrastive(rows, group="search"), scale or {}))
    assert len(found) == 1
    return found[0]


def test_both_rules_rank_what_they_may_choose_from():
    one = only(search(TRIALS, lost=[3], collapse={4: 0.001}))
    assert chosen_by(one, "oracle")["setting"] == grid_setting(1)
    # Trial 4 reconstructs best, with two endmembers the same.
    assert chosen_by(one, "label_free")["setting"] == grid_setting(2)
    ranks = one.trials.set_index("setting")[["sad_rank", "reconstruction_rank"]]
    assert ranks.loc[grid_setting(3)].isna().all()
    assert ranks.loc[grid_setting(4)].tolist() == pytest.approx([4, float("nan")], nan_ok=True)
    assert (one.grid, one.size, len(one.trials)) == ("generalized", 1280, 5)


def test_a_trial_without_reconstruction_rank_tells_its_other_rank_only():
    one = only(search(TRIALS, collapse={4: 0.001}))
    worst = one.trials[one.trials["setting"] == grid_setting(4)].iloc[0]
    assert why_chosen(one, worst) == "oracle: 5 of 5"


def test_reruns_are_the_runs_from_one_on():
    one = only(search(TRIALS, {1: [0.1, 0.2]}))
    assert sorted(set(one.rerun(grid_setting(1))["run"])) == [1, 2]
    assert one.rerun(grid_setting(0)).empty
    assert one.candidates()["setting"].tolist() == [grid_setting(1)]


def test_grids_are_searches_of_their_own_and_nt_xent_has_no_sigma():
    rows = pd.concat([search(TRIALS), search({5: (0.1, 0.1)}, grid="nt_xent")])
    found = list(searches(contrastive(rows), {}))
    assert [(one.grid, len(one.trials)) for one in found] == [("generalized", 5), ("nt_xent", 1)]
    assert describe_point(grid_point(5, "nt_xent")) == "tau 0.01, lambda 0.9, patch 16, batch 15"
    assert describe_point(grid_point(0)) == "tau 0.01, lambda 0.9, patch 8, batch 8, sigma 0.01"
    assert "sigma" not in point_texts(grid_point(5, "nt_xent"))


def test_strategy_comes_from_the_rows_or_from_the_plan():
    assert only(search(TRIALS, strategy="tpe")).strategy == "tpe"
    plan = {"samson": {"contrastive": {"search": {"strategy": "random"}}}}
    assert only(search(TRIALS), plan).strategy == "random"
    assert only(search(TRIALS)).strategy == ""
    assert list(searches(pd.DataFrame(), {})) == []


def test_a_search_whose_trials_all_diverged_chooses_nothing():
    one = only(search({0: (0.1, 0.1), 1: (0.2, 0.2)}, lost=[0, 1]))
    assert chosen_by(one, "oracle") is None
    assert chosen_by(one, "label_free") is None
