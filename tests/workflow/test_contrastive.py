"""A tiny contrastive phase: arms, a search with its candidates, heads; and what is never repeated."""

import json
import shutil

import pytest

from project import Project
from unmixing.store import read_journal, read_parquet

RUNS = "results/demo/runs/contrastive-described-synthetic_easy.parquet"
HEADS = "results/demo/runs/heads-described-synthetic_easy.parquet"
TINY = {
    "scenes": ["synthetic_easy"],
    "configurations": ["table7_average"],
    "variants": ["generalized", "lambda_1", "stage1"],
    "jobs": 1,
    "runs": 2,
    "epochs": 25,
    "patches": 16,
    "patch_size": 8,
    "batch_size": 4,
    # Far enough from the start for endmembers to part: what collapsed is no candidate.
    "learning_rate": 0.02,
    "search": {
        "scenes": ["synthetic_easy"],
        "grids": ["nt_xent"],
        "strategy": "random",
        "evaluations": 4,
        # No patch of 64 pixels fits the scene: a configuration with it is a row that says so.
        "levels": {"patch_size": [8, 64], "batch_size": [4], "temperature": [0.1, 1.0], "lambda": [0.5]},
        "candidates": 1,
        "candidate_runs": 2,
    },
    "heads": {"scenes": ["synthetic_easy"], "heads": ["baseline", "identity"], "runs": 1, "jobs": 1},
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    made = Project(tmp_path_factory.mktemp("contrastive") / "study")
    made.configure(contrastive=TINY)
    made.run(RUNS, HEADS)
    return made


def test_a_plan_counts_what_is_stored_whatever_its_labels_were_cut_from(project):
    entries = {entry["phase"]: entry for entry in json.loads(project.command("plan", "--json"))}
    assert (entries["heads"]["runs"], entries["heads"]["stored"]) == (2, 2)
    assert entries["contrastive"]["stored"] >= 6, "the arms, and those of the search that it names before it runs"


def test_every_arm_is_there_with_its_place_in_the_design(project):
    rows, _ = read_parquet(project.folder / RUNS)
    arms = rows[rows["group"] == "configuration"]
    assert arms.groupby("setting")["run"].nunique().to_dict() == {
        "table7_average-generalized": 2,
        "table7_average-lambda_1": 2,
        "table7_average-stage1": 2,
    }
    assert set(arms["status"]) <= {"ok", "collapsed"}
    truth = arms.groupby("variant")["uses_truth"].first().to_dict()
    assert truth == {"generalized": "training", "lambda_1": "matching", "stage1": "matching"}
    labels = arms.groupby("variant")["label_source"].first().to_dict()
    assert labels == {"generalized": "reference", "lambda_1": "none", "stage1": "stage1"}
    assert arms.groupby("run")["seed_initialisation"].nunique().eq(1).all(), "runs are paired"


def test_a_search_has_all_its_trials_and_reruns_its_candidate(project):
    rows, _ = read_parquet(project.folder / RUNS)
    trials = rows[(rows["group"] == "search") & (rows["run"] == 0)].drop_duplicates("setting").set_index("setting")
    assert sorted(trials["trial"]) == [0, 1, 2, 3]
    assert "nt_xent-temperature_0.1-lambda_0.5-patch_size_8-batch_size_4" in trials.index
    failed = trials[trials["status"] == "failed"]
    assert set(failed["patch_size"]) == {64}
    assert failed["reason"].str.contains("64").all()
    sound = rows[(rows["run"] == 0) & (rows["status"] == "ok")]
    values = sound.groupby("setting")["sad_rad"].mean().reindex(trials.index).dropna()
    again = rows[(rows["group"] == "search") & (rows["run"] > 0)]
    assert set(again["setting"]) == {values.idxmin()}
    assert set(again["run"]) == {1, 2}


def test_curves_have_both_losses_for_every_epoch(project):
    curves, _ = read_parquet(project.folder / RUNS.replace("/runs/", "/curves/"))
    arm = curves[(curves["setting"] == "table7_average-generalized") & (curves["run"] == 1)]
    assert list(arm["epoch"]) == list(range(1, 26))
    assert arm[["loss", "sad", "contrastive", "floor", "equal_similarity"]].notna().all(axis=None)
    alone = curves[curves["setting"] == "table7_average-lambda_1"]
    assert alone["contrastive"].isna().all()


def test_heads_are_paired_with_each_other(project):
    rows, _ = read_parquet(project.folder / HEADS)
    assert set(rows["head"]) == {"baseline", "identity"}
    assert rows["seed_initialisation"].nunique() == 1


def test_a_longer_search_goes_on_and_repeats_nothing(project, tmp_path):
    longer = Project(tmp_path / "study")
    for part in ("results/store", "results/scenes"):
        shutil.copytree(project.folder / part, longer.folder / part)
    before, _ = read_parquet(project.folder / RUNS)
    longer.configure(contrastive={**TINY, "search": {**TINY["search"], "candidate_runs": 3}})
    longer.run(RUNS)
    after, _ = read_parquet(longer.folder / RUNS)
    assert set(after.loc[after["group"] == "search", "run"]) == {0, 1, 2, 3}
    keys = ["id", "endmember"]
    kept = after.set_index(keys)["sad_rad"].reindex(before.set_index(keys).index)
    assert kept.equals(before.set_index(keys)["sad_rad"])
    started = [(entry["cell"], entry["run"]) for entry in read_journal(longer.store) if entry["event"] == "start"]
    assert len(started) == len(set(started)), "a run was trained twice"


def test_a_run_with_labels_of_the_baseline_replays(project):
    assert "bit for bit" in project.command("replay", "contrastive/described/synthetic_easy/table7_average-stage1/1")
