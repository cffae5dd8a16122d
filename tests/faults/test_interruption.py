"""A study that is killed or stopped at any moment goes on from what it finished and ends as if nothing had been."""

import os
import signal
import time

import numpy as np
import pytest

from faults.interruption import RUNS, VICTIMS, TinyStudy, Undisturbed, interrupt, judge, made, undisturbed
from faults.interruption import Trial as Outcome
from unmixing.store import read_journal

ROWS = f"{RUNS}/baseline-described-synthetic_easy.parquet"
SMALL = TinyStudy("small", {"baseline": {"runs": 3, "epochs": 30, "patches": 24}}, (ROWS,))


@pytest.fixture(scope="module")
def known(tmp_path_factory) -> Undisturbed:
    return undisturbed(tmp_path_factory.mktemp("undisturbed") / "study", SMALL)


@pytest.mark.parametrize("victim", VICTIMS)
def test_killed_at_a_drawn_moment_it_loses_and_repeats_nothing(known, tmp_path, victim):
    rng = np.random.default_rng(np.random.SeedSequence(20250214, spawn_key=(VICTIMS.index(victim),)))
    moment, attempts = float(rng.uniform(0.2, 0.8)) * known.seconds, 0
    trial = interrupt(tmp_path / "0", SMALL, victim, moment, known)
    while not trial.killed and attempts < 4:  # It was faster this time, and had ended.
        attempts, moment = attempts + 1, moment / 1.5
        trial = interrupt(tmp_path / str(attempts), SMALL, victim, moment, known)
    assert trial.killed
    assert (trial.failure, trial.lost, trial.repeated, trial.unlike) == ("", 0, 0, [])
    assert trial.begun_again <= 1


@pytest.mark.parametrize(
    ("sent", "to_all", "words"),
    [
        (signal.SIGINT, True, "unmixing train: stopped; what was finished is kept, start it again to go on"),
        (signal.SIGTERM, False, "start it again to go on from there"),
    ],
    ids=["Ctrl-C", "SIGTERM"],
)
def test_stopped_by_a_person_it_says_so_and_leaves_nothing_half(known, tmp_path, sent, to_all, words):
    project = made(tmp_path / "study", SMALL)
    process = project.start(*SMALL.targets)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (project.store.exists() and read_journal(project.store)):
        time.sleep(0.02)
    (os.killpg if to_all else os.kill)(process.pid, sent)
    printed = process.communicate(timeout=120)[0]
    assert process.returncode != 0, printed
    assert words in printed, printed
    assert "Traceback" not in printed, printed
    assert not (project.folder / ROWS).exists()
    assert not list(project.store.rglob("*partial*"))
    project.run(*SMALL.targets)
    outcome = Outcome("small", "person", 0.0)
    judge(project, SMALL, known, outcome)
    assert (outcome.failure, outcome.lost, outcome.repeated, outcome.unlike) == ("", 0, 0, [])


def test_a_moment_that_is_drawn_lies_in_a_training_at_least_every_other_time(known):
    from faults.interruption import draw_moment

    rng = np.random.default_rng(1)
    moments = [draw_moment(known, rng) for _ in range(400)]
    inside = [any(start <= moment <= end for start, end in known.windows) for moment in moments]
    assert np.mean(inside) > 0.5
    assert 0 <= min(moments) < max(moments) <= known.seconds
