"""The profile for Slurm on a real Slurm of one node, on loopback, with its state in a temporary folder."""

import pytest

from cluster.scenario import GENERIC_TARGET, ROWS, Unavailable, disturbed_study, generic_study, slurm_node, states
from unmixing.store import read_parquet


@pytest.fixture(scope="module")
def happened(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slurm")
    try:
        with slurm_node(folder / "node"):
            yield disturbed_study(folder)
    except Unavailable as reason:
        pytest.skip(f"no Slurm here: {reason}")


def test_jobs_were_cancelled_timed_out_and_out_of_memory_and_the_study_ends(happened):
    project, summary, printed = happened
    assert summary.states.get("CANCELLED") == 1, printed
    assert summary.states.get("TIMEOUT") == 1, printed
    assert summary.states.get("FAILED", 0) + summary.states.get("OUT_OF_MEMORY", 0) == 1, printed
    assert summary.drained > 0
    assert read_parquet(project.folder / ROWS)[0]["id"].nunique() == 3
    assert summary.runs == 3 + 3 + 2


def test_no_finished_run_was_repeated_or_lost(happened):
    _, summary, _ = happened
    assert (summary.repeated, summary.lost) == (0, 0)
    assert 1 <= summary.begun_again <= 3, "the runs under way in the three jobs that were stopped"


def test_what_was_trained_on_the_node_is_what_this_machine_trains(happened):
    project, _, _ = happened
    assert "bit for bit" in project.command("replay", "baseline/described/synthetic_easy/standard/2")


def test_the_template_for_any_scheduler_submits_jobs_too(happened):
    project, summary, _ = happened
    generic_study(project)
    assert (project.folder / GENERIC_TARGET).exists()
    assert len(states()) == sum(summary.states.values()) + 1
