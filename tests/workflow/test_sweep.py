"""A tiny sweep and audit: what a job of several cells leaves, what phases share, and what is never repeated."""

import os
import shutil
import signal
import time

import pandas as pd
import pytest

from project import Project
from unmixing.store import read_journal, read_parquet

TREATMENTS = ["control_identity", "control_baseline", "jitter"]
ROWS = "results/demo/runs/augmentation-described-synthetic_easy.parquet"
AUDIT = "results/demo/runs/audit-described-synthetic_easy.parquet"
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


#: One field of each phase, one that is only scored otherwise, and one run more than the phases have.
TINY_AUDIT = {
    "scenes": ["synthetic_easy"],
    "baseline": ["loss", "matching"],
    "augmentation": ["patches"],
    "treatments": ["jitter"],
    "contrastive": ["view_axes"],
    "runs": 3,
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A finished sweep of three arms in three regimes, and an audit of three phases."""
    made = Project(tmp_path_factory.mktemp("sweeps") / "study")
    made.configure(augmentation=TINY_SWEEP, audit=TINY_AUDIT, contrastive={"epochs": 1, "patches": 6, "batch_size": 3})
    made.run(ROWS, AUDIT, "results/demo/tables/table_audit.csv", "results/demo/tables/table_findings.csv")
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
    audit, _ = read_parquet(project.folder / AUDIT)
    audit = audit[audit["setting"] == "baseline_loss"]
    streams = ["seed_patches", "seed_shuffling", "seed_dropout", "seed_initialisation"]
    for column in streams:
        assert sweep.groupby(["regime", "run"])[column].nunique().eq(1).all()
    assert sweep["seed_patches"].nunique() == 6, "regimes are independent blocks"
    first = sweep[sweep["stream"] == 0].iloc[0][streams]
    assert (audit[audit["run"] == 0].iloc[0][streams] == first).all(), "the audit is paired with the baseline"


def test_the_audit_shares_the_runs_of_the_phases_that_it_takes_apart(project):
    audit, _ = read_parquet(project.folder / AUDIT)
    arm = "jitter-dynamic_unseeded-3"
    assert set(audit["phase"]) == {"audit"}
    assert audit.groupby("setting")["run"].nunique().to_dict() == {
        f"augmentation_patches-{arm}": 3,
        f"augmentation_unchanged-{arm}": 3,
        "baseline_loss": 3,
        "baseline_matching": 3,
        "baseline_unchanged": 3,
        "contrastive_unchanged": 3,
        "contrastive_view_axes": 3,
    }
    # The baseline's runs are stored once, and scored in two ways.
    stored = {path.name for path in (project.store / "audit/described/synthetic_easy").iterdir()}
    assert stored == {f"augmentation_patches-{arm}", "baseline_loss", "contrastive_view_axes"}
    recipes = audit.groupby("setting")["recipe"].first()
    assert recipes["baseline_matching"] == recipes["baseline_unchanged"]
    of = {name: audit[audit["setting"] == name].set_index(["run", "endmember"]) for name in recipes.index}
    assert (of["baseline_matching"]["id"] == of["baseline_unchanged"]["id"]).all()
    assert of["baseline_unchanged"]["id"].iloc[0] == "baseline/described/synthetic_easy/standard/0"
    starts = [entry for entry in read_journal(project.store) if entry["event"] == "start"]
    for place in ("baseline/described/synthetic_easy/standard", f"augmentation/described/synthetic_easy/{arm}"):
        assert sorted(entry["run"] for entry in starts if entry["cell"].startswith(place)) == [0, 1, 2], place
    streams = ["seed_initialisation", "seed_patches", "seed_shuffling", "seed_dropout", "seed_augmentation"]
    for changed, same in (
        ("contrastive_view_axes", "contrastive_unchanged"),
        (f"augmentation_patches-{arm}", f"augmentation_unchanged-{arm}"),
        ("baseline_loss", "baseline_unchanged"),
    ):
        assert (of[changed][streams] == of[same][streams]).all(axis=None), f"{changed} is not paired"
        assert (of[changed]["sad_rad"] != of[same]["sad_rad"]).any(), f"{changed} changed nothing"


def test_the_table_of_the_audit_pairs_what_the_phases_and_the_audit_trained(project):
    table = pd.read_csv(project.folder / "results/demo/tables/table_audit.csv")
    made = table.dropna(subset=["runs"]).set_index(["phase", "field"])["runs"]
    assert made.to_dict() == {
        ("baseline", "loss"): 3,
        ("baseline", "matching"): 3,
        ("augmentation", "patches"): 3,
        ("contrastive", "view_axes"): 3,
    }
    findings = pd.read_csv(project.folder / "results/demo/tables/table_findings.csv")
    shown = findings[findings["verdict"] == "runs shown, not judged"]
    assert set(shown["item"]) == {"C1", "1.1", "B2", "A1"}


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
    assert project.starts()[before:] == [2] * 8, "the audit had trained that of one arm"
