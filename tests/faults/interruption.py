"""One trial of an interruption: a study is killed at a moment, started again, and compared with an undisturbed one."""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from project import Project
from unmixing.store import MEASURED_COLUMNS, read_journal, read_parquet, rows_digest

VICTIMS = ("scheduler", "jobs", "both")
"""Who is killed: Snakemake, which leaves its jobs alive; all that it started; or all of them at once."""

LONGEST = 900
"""Seconds after which a tiny study is taken to hang, however busy the machine is."""

RUNS = "results/demo/runs"
_EASY = {"patches": 24, "patch_size": 8, "batch_size": 3}


@dataclass(frozen=True)
class TinyStudy:
    """A study of seconds whose interruption is tried.

    Attributes:
        name: of the study.
        changes: of the demo's configuration.
        targets: files of rows, which are compared, and what else is made.
    """

    name: str
    changes: Mapping[str, Any]
    targets: tuple[str, ...]

    @property
    def rows(self) -> tuple[str, ...]:
        """Return the targets that are compared."""
        return tuple(target for target in self.targets if target.endswith(".parquet"))


STUDIES = {
    study.name: study
    for study in (
        TinyStudy(
            "baseline",
            {
                "baseline": {**_EASY, "protocols": ["described", "released"], "runs": 4, "epochs": 40},
                "audit": {
                    "scenes": ["synthetic_easy"],
                    "protocols": ["described"],
                    "baseline": ["loss"],
                    "augmentation": [],
                    "contrastive": [],
                    "jobs": 1,
                },
            },
            (
                f"{RUNS}/baseline-described-synthetic_easy.parquet",
                f"{RUNS}/baseline-released-synthetic_easy.parquet",
                f"{RUNS}/audit-described-synthetic_easy.parquet",
                f"{RUNS}/classical-described-synthetic_easy.parquet",
                "table3",
            ),
        ),
        TinyStudy(
            "augmentation",
            {
                "augmentation": {
                    **_EASY,
                    "scenes": ["synthetic_easy"],
                    "treatments": {"described": ["control_identity", "jitter", "blur_1"]},
                    "images": [3],
                    "jobs": 3,
                    "runs": 2,
                    "epochs": 12,
                },
            },
            (f"{RUNS}/augmentation-described-synthetic_easy.parquet", "table5"),
        ),
        TinyStudy(
            "contrastive",
            {
                "contrastive": {
                    "scenes": ["synthetic_easy"],
                    "configurations": ["table7_average"],
                    "variants": ["generalized", "lambda_1"],
                    "jobs": 1,
                    "runs": 3,
                    "epochs": 30,
                    "patches": 16,
                    "patch_size": 8,
                    "batch_size": 4,
                    "learning_rate": 0.02,
                    "search": {
                        "scenes": ["synthetic_easy"],
                        "grids": ["nt_xent"],
                        "strategy": "tpe",
                        "evaluations": 5,
                        "levels": {
                            "patch_size": [8, 10],
                            "batch_size": [4],
                            "temperature": [0.1, 1.0],
                            "lambda": [0.1, 0.5],
                        },
                        "candidates": 1,
                        "candidate_runs": 2,
                    },
                    "heads": {
                        "scenes": ["synthetic_easy"],
                        "heads": ["baseline", "identity"],
                        "runs": 3,
                        "jobs": 1,
                    },
                },
            },
            (
                f"{RUNS}/contrastive-described-synthetic_easy.parquet",
                f"{RUNS}/heads-described-synthetic_easy.parquet",
                "table7",
            ),
        ),
        # The second study trains no run: its experiments are made whole, or again.
        TinyStudy(
            "semantic",
            {
                "semantic": {
                    "scenes": ["synthetic_easy"],
                    "on_scenes": {
                        "stride": 8,
                        "baselines": ["class_mean_scls", "constant"],
                        "ablations": False,
                        "vca_draws": 0,
                        "shots": [],
                        "supervised_epochs": 0,
                        "bilinear": [],
                    },
                    "maps": {"stride": 4},
                    "coverage": {"counts": [4], "draws": 20, "pixels": 100, "splits": False},
                    **dict.fromkeys(("names", "mixtures", "robustness", "fairness", "cost")),
                },
            },
            (
                "results/demo/semantic/scenes-synthetic_easy.parquet",
                "results/demo/semantic/coverage.parquet",
                "table_semantic_coverage",
            ),
        ),
    )
}


@dataclass(frozen=True)
class Undisturbed:
    """A study that nobody killed.

    Attributes:
        study: its name.
        seconds: wall time.
        digests: of each file of rows.
        trainings: seconds that each of its trainings took, in the order in which they were begun.
    """

    study: str
    seconds: float
    digests: Mapping[str, str]
    trainings: list[float]


@dataclass(frozen=True)
class Moment:
    """When a study is killed.

    Attributes:
        begun: trainings that have been begun by then; 0 if the moment is counted from the study's start.
        seconds: since the last of these was begun, or since the study's start.
    """

    begun: int
    seconds: float


@dataclass
class Trial:
    """What became of a study that was killed.

    Attributes:
        study: its name.
        victim: who was killed.
        moment: when it was killed, in seconds from its start.
        training: whether a training was under way then.
        running: programs that ran then, with the phase of each training.
        killed: processes that were killed; none if the study had ended before.
        lost: finished runs that are not in the store in the end.
        repeated: runs that were started again although they had finished.
        begun_again: runs that were under way and had to be started again.
        unlike: files of rows that differ from those of the undisturbed study.
        failure: how the second start ended, if not well.
        seconds: wall time of both together.
    """

    study: str
    victim: str
    moment: float = 0.0
    training: bool = False
    running: list[str] = field(default_factory=list)
    killed: int = 0
    lost: int = 0
    repeated: int = 0
    begun_again: int = 0
    unlike: list[str] = field(default_factory=list)
    failure: str = ""
    seconds: float = 0.0

    def record(self) -> dict[str, Any]:
        """Return the trial as JSON values."""
        return asdict(self)


def made(folder: Path, study: TinyStudy) -> Project:
    """Return a copy of the project that holds the study."""
    project = Project(folder)
    project.configure(**study.changes)
    return project


def digest(path: Path) -> str:
    """Return a hash of a file of rows that two equal studies share."""
    rows = read_parquet(path)[0]
    if {"id", "endmember"} <= set(rows.columns):
        return rows_digest(rows)
    kept = rows[sorted(set(rows.columns) - set(MEASURED_COLUMNS))]
    lines = sorted(kept.to_csv(index=False, header=False, float_format="%.17g").splitlines())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def undisturbed(folder: Path, study: TinyStudy) -> Undisturbed:
    """Run a study from its start to its end."""
    project = made(folder, study)
    clock = time.monotonic()
    printed, failed = to_the_end(project, study)
    assert not failed, printed
    seconds = time.monotonic() - clock
    begun, ended = (
        {(entry["cell"], entry["run"]): entry["time"] for entry in journal(project) if entry["event"] == event}
        for event in ("start", "finish")
    )
    return Undisturbed(
        study.name,
        seconds,
        {path: digest(project.folder / path) for path in study.rows},
        [ended[run] - time for run, time in begun.items()],
    )


def draw_moment(known: Undisturbed, rng: np.random.Generator) -> Moment:
    """Return a moment: two of five are uniform over the whole wall time, the others over the time spent in trainings.

    The latter are counted from the start of a training, so that they meet it however busy the machine is.
    """
    if not known.trainings or rng.random() < 0.4:
        return Moment(0, float(rng.uniform(0, known.seconds)))
    left = rng.uniform(0, sum(known.trainings))
    for number, seconds in enumerate(known.trainings, start=1):
        if left < seconds:
            return Moment(number, float(left))
        left -= seconds
    return Moment(len(known.trainings), known.trainings[-1])


def interrupt(folder: Path, study: TinyStudy, victim: str, moment: Moment, known: Undisturbed) -> Trial:
    """Kill a study at a moment, start it again, and compare it with one that nobody killed."""
    project = made(folder, study)
    trial, clock = Trial(study.name, victim), time.monotonic()
    process = project.start(*study.targets)
    while process.poll() is None and sum(entry["event"] == "start" for entry in journal(project)) < moment.begun:
        time.sleep(0.05)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=moment.seconds)
    trial.moment = round(time.monotonic() - clock, 3)
    _kill(project, process, trial)
    process.wait(timeout=120)
    printed, failed = to_the_end(project, study)
    if failed or "Traceback" in printed:
        trial.failure = f"the second start failed or printed a traceback: {printed[-2000:]}"
    _close(process)
    judge(project, study, known, trial)
    trial.seconds = round(time.monotonic() - clock, 1)
    return trial


def to_the_end(project: Project, study: TinyStudy) -> tuple[str, bool]:
    """Start a study and wait for its end; return what it printed, and whether it failed."""
    process = project.start(*study.targets)
    try:
        printed = process.communicate(timeout=LONGEST)[0]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return f"it did not end within {LONGEST} s", True
    return printed, process.returncode != 0


def journal(project: Project) -> list[dict[str, Any]]:
    """Return what the store says of trainings begun and finished, by time."""
    return read_journal(project.store) if project.store.exists() else []


def judge(project: Project, study: TinyStudy, known: Undisturbed, trial: Trial) -> None:
    """Compare a study that went on with an undisturbed one: journal, store, rows."""
    finished: set[tuple[str, int]] = set()
    begun: set[tuple[str, int]] = set()
    for entry in journal(project):
        run = (entry["cell"], entry["run"])
        if entry["event"] == "finish":
            finished.add(run)
        elif run in finished:
            trial.repeated += 1
        elif run in begun:
            trial.begun_again += 1
        begun.add(run)
    trial.lost = sum(not (project.store / cell / f"{run}.npz").exists() for cell, run in finished)
    for path, wanted in known.digests.items():
        there = project.folder / path
        if not there.exists() or digest(there) != wanted:
            trial.unlike.append(path)
    if not trial.failure and list(project.store.rglob("*partial*")):
        trial.failure = "half-written files were left in the store"


def _kill(project: Project, process: "subprocess.Popen[str]", trial: Trial) -> None:
    """Kill the victims; jobs as soon as there are any."""
    scheduler = _process(process.pid)
    jobs = list(_below(scheduler))
    while trial.victim == "jobs" and not jobs and process.poll() is None:
        time.sleep(0.02)
        jobs = list(_below(scheduler))
    if process.poll() is not None or scheduler is None:
        return
    trial.running = sorted({name for job in jobs if (name := _program(job))})
    trial.training = _under_way(project, {job.pid for job in jobs})
    victims = {"scheduler": [scheduler], "jobs": jobs, "both": [scheduler, *jobs]}[trial.victim]
    for one in victims:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.send_signal(signal.SIGKILL)
            trial.killed += 1


def _under_way(project: Project, processes: set[int]) -> bool:
    """Say whether one of the processes has started a run and not finished it."""
    open_runs: dict[tuple[str, int], int] = {}
    for entry in journal(project):
        run = (entry["cell"], entry["run"])
        if entry["event"] == "start":
            open_runs[run] = entry["process"]
        else:
            open_runs.pop(run, None)
    return bool(set(open_runs.values()) & processes)


def _process(number: int) -> psutil.Process | None:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(number)
    return None


def _below(process: psutil.Process | None) -> Iterator[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        yield from process.children(recursive=True) if process else ()


def _program(process: psutil.Process) -> str:
    """Return which program of `unmixing` a process is, a training with its phase; "" for any other process."""
    words: list[str] = []
    with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        words = process.cmdline()
    at = next((place for place, word in enumerate(words[:3]) if Path(word).name == "unmixing"), None)
    if at is None or at + 1 >= len(words):
        return ""
    name = words[at + 1]
    if name != "train":
        return name
    return f"train {json.loads(words[words.index('--job') + 1])['shared']['phase']}"


def _close(process: "subprocess.Popen[str]") -> None:
    """Give back the pipe of a study whose jobs may have outlived it."""
    if process.stdout:
        process.stdout.close()
