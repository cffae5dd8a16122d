"""A study that is killed or stopped at any moment goes on from what it finished and ends as if nothing had been."""

import os
import signal
import time

import numpy as np
import pytest

from faults.interruption import (
    RUNS,
    STUDIES,
    VICTIMS,
    Moment,
    TinyStudy,
    Undisturbed,
    draw_moment,
    interrupt,
    journal,
    judge,
    made,
    undisturbed,
)
from faults.interruption import Trial as Outcome
from unmixing.code_version import NUMERIC_MODULES

ROWS = f"{RUNS}/baseline-described-synthetic_easy.parquet"
SMALL = TinyStudy("small", {"baseline": {"runs": 3, "epochs": 30, "patches": 24}}, (ROWS,))


@pytest.fixture(scope="module")
def known(tmp_path_factory) -> Undisturbed:
    return undisturbed(tmp_path_factory.mktemp("undisturbed") / "study", SMALL)


@pytest.mark.parametrize("victim", VICTIMS)
def test_killed_at_a_drawn_moment_it_loses_and_repeats_nothing(known, tmp_path, victim):
    rng = np.random.default_rng(np.random.SeedSequence(20250214, spawn_key=(VICTIMS.index(victim),)))
    moment = draw_moment(known, rng)
    trial = interrupt(tmp_path / "study", SMALL, victim, moment, known)
    if not trial.killed:  # It was faster this time, and had ended.
        trial = interrupt(tmp_path / "again", SMALL, victim, Moment(1, 0.0), known)
    assert trial.killed
    assert (trial.failure, trial.lost, trial.repeated, trial.unlike) == ("", 0, 0, [])
    assert trial.begun_again <= 1


@pytest.fixture
def _as_at_a_terminal():
    """Where these tests run in the background of a shell, Ctrl-C is ignored, by what they start too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    ("sent", "to_all", "words"),
    [
        (signal.SIGINT, True, "unmixing train: stopped; what was finished is kept, start it again to go on"),
        (signal.SIGTERM, False, "start it again to go on from there"),
    ],
    ids=["Ctrl-C", "SIGTERM"],
)
@pytest.mark.usefixtures("_as_at_a_terminal")
def test_stopped_by_a_person_it_says_so_and_leaves_nothing_half(known, tmp_path, sent, to_all, words):
    project = made(tmp_path / "study", SMALL)
    process = project.start(*SMALL.targets)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not journal(project):
        time.sleep(0.02)
    (os.killpg if to_all else os.kill)(process.pid, sent)
    printed = process.communicate(timeout=120)[0]
    assert process.returncode != 0, printed
    assert words in printed, printed
    assert "Traceback" not in printed, printed
    assert not (project.folder / ROWS).exists()
    assert not list(project.store.rglob("*partial*"))
    project.run(*SMALL.targets)
    outcome = Outcome("small", "person")
    judge(project, SMALL, known, outcome)
    assert (outcome.failure, outcome.lost, outcome.repeated, outcome.unlike) == ("", 0, 0, [])


def test_moments_are_of_the_whole_wall_time_and_more_often_of_a_training():
    known = Undisturbed("made up", 60.0, {}, [1.0, 4.0, 5.0])
    rng = np.random.default_rng(1)
    moments = [draw_moment(known, rng) for _ in range(2000)]
    of_wall_time = [moment.seconds for moment in moments if not moment.begun]
    assert len(of_wall_time) / 2000 == pytest.approx(0.4, abs=0.04)
    assert np.quantile(of_wall_time, [0, 0.25, 0.5, 0.75, 1]) == pytest.approx([0, 15, 30, 45, 60], abs=4)
    counts = np.bincount([moment.begun for moment in moments if moment.begun], minlength=4)[1:]
    assert counts / counts.sum() == pytest.approx([0.1, 0.4, 0.5], abs=0.04)
    assert all(0 <= one.seconds <= known.trainings[one.begun - 1] for one in moments if one.begun)


def test_the_tiny_studies_have_every_phase():
    phases = {path.split("/")[-1].split("-")[0] for study in STUDIES.values() for path in study.rows if RUNS in path}
    assert phases == {*NUMERIC_MODULES} - {"evaluate", "evaluate_classical"} | {"audit", "heads"}
    assert any("/semantic/" in path for path in STUDIES["semantic"].rows)
