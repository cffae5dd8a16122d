"""A tiny sweep and audit: what a job of several cells leaves, and what it never repeats."""

import os
import shutil
import signal
import time

import pytest

from project import Project
from unmixing.store import read_journal, read_parquet

TREATMENTS = ["control_identity", "control_baseline", "jitter"]
ROWS = "results/demo/runs/augmentation-described-synthetic_easy.parquet"
TINY_SWEEP = {
    "scenes": ["synthetic_easy"],
    "treatments": {"described": TREATMENTS},
    "images": [3],
    "jobs": 2,
    "runs": 2,
    "epochs": 2,
    "patches": 6,
    "patch_size": 8,
    "batch_size": 3,
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A finished sweep of three arms in three regimes, and an audit of one field."""
    made = Project(tmp_path_factory.mktemp("sweeps") / "study")
    made.configure(augmentation=TINY_SWEEP, audit={"scenes": ["synthetic_easy"], "baseline": ["loss"]})
    made.run(ROWS, "results/demo/runs/audit-described-synthetic_easy.parquet")
    return made


def test_every_arm_is_there_with_its_place_in_the_design(project):
    rows, _ = read_parquet(project.folder / ROWS)
    assert rows.groupby(["treatment", "regime"])["run"].nunique().to_dict() == {
        (treatment, regime): 2
        for treatment in TREATMENTS
        for regime in ("dynamic_unseeded", "fixed_unseeded", "fixed_seeded")
    }
    assert set(rows["updates"]) == {4}, "as many updates in every arm"
    assert set(rows["images"]) == {3}
    nested = rows.drop_duplicates("id").set_index(["regime", "run"])[["image_set", "initialisation"]]
    assert nested.loc[("dynamic_unseeded", 1)].drop_duplicates().to_numpy().tolist() == [[-1, -1]]
    assert nested.loc[("fixed_unseeded", 1)].drop_duplicates().to_numpy().tolist() == [[1, -1]]
    assert nested.loc[("fixed_seeded", 1)].drop_duplicates().to_numpy().tolist() == [[1, 5]]


def test_runs_of_one_index_share_their_random_numbers_over_arms(project):
    sweep, _ = read_parquet(project.folder / ROWS)
    audit, _ = read_parquet(project.folder / "results/demo/runs/audit-described-synthetic_easy.parquet")
    assert set(audit["setting"]) == {"baseline_loss"}
    streams = ["seed_patches", "seed_shuffling", "seed_dropout", "seed_initialisation"]
    for column in streams:
        assert sweep.groupby(["regime", "run"])[column].nunique().eq(1).all()
    assert sweep["seed_patches"].nunique() == 6, "regimes are independent blocks"
    first = sweep[sweep["stream"] == 0].iloc[0][streams]
    assert (audit[audit["run"] == 0].iloc[0][streams] == first).all(), "the audit is paired with the baseline"


def test_a_stored_run_replays_bit_for_bit_and_a_changed_one_is_caught(project):
    run = "augmentation/described/synthetic_easy/jitter-fixed_seeded-3/1"
    assert "the same, bit for bit, in abundances, endmembers, late_endmembers, losses" in project.command("replay", run)
    copy = Project(project.folder.parent / "changed")
    for part in ("results/store", "results/scenes"):
        shutil.copytree(project.folder / part, copy.folder / part)
    copy.edit("workflow/unmixing/training/augmented.py", "self.places.integers(0, self.images, count)",
              "self.places.integers(0, self.images, count)[::-1].copy()")  # fmt: skip
    with pytest.raises(AssertionError):
        copy.command("replay", run)


def test_a_job_of_several_cells_repeats_no_finished_run_after_a_kill(project, tmp_path):
    fresh = Project(tmp_path / "killed")
    fresh.configure(augmentation={**TINY_SWEEP, "epochs": 6, "jobs": 1}, audit={"scenes": []})
    process = fresh.start(ROWS)
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline:
        entries = read_journal(fresh.store) if fresh.store.exists() else []
        if sum(entry["event"] == "finish" for entry in entries) >= 5:
            break
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    fresh.run(ROWS)
    entries = read_journal(fresh.store)
    finished = [(entry["cell"], entry["run"]) for entry in entries if entry["event"] == "finish"]
    assert len(finished) == len(set(finished)) == 18
    assert sum(entry["event"] == "start" for entry in entries) <= 19, "at most the run under way was begun twice"
    whole, _ = read_parquet(fresh.folder / ROWS)
    assert whole["id"].nunique() == 18


def test_more_runs_train_only_what_is_new(project):
    before = len(project.starts())
    project.configure(augmentation={"runs": 3})
    project.run(ROWS)
    assert project.starts()[before:] == [2] * 9
