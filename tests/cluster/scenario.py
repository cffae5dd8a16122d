"""A study on a real Slurm while its jobs are cancelled, hang, and take too much memory, and the node is drained."""

import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from project import ROOT, Project
from unmixing.store import read_journal

NODE = Path(__file__).with_name("slurm_node.sh")
PLUGINS = ("snakemake_executor_plugin_slurm", "snakemake_executor_plugin_cluster_generic")

#: The extra `cluster` and what it needs beside what the project has.
PLUGIN_PACKAGES = (
    "snakemake-executor-plugin-cluster-generic",
    "snakemake-executor-plugin-slurm",
    "snakemake-executor-plugin-slurm-jobstep",
    "throttler",
)

ROWS = "results/demo/runs/baseline-described-synthetic_easy.parquet"
TARGETS = (
    ROWS,
    "results/demo/cells/baseline/released/synthetic_easy/standard.json",
    "results/demo/cells/augmentation/described/synthetic_easy/part_1.json",
)
GENERIC_TARGET = "results/scenes/facts/synthetic_easy.parquet"
STUDY: dict[str, Any] = {
    "baseline": {"protocols": ["described", "released"], "runs": 3, "epochs": 40, "patches": 24},
    # A run with 3 images fits into the memory that is asked for first; the next, with 1500, is above it for seconds.
    "augmentation": {
        "scenes": ["synthetic_easy"],
        "treatments": {"described": ["jitter"]},
        "regimes": ["dynamic_unseeded"],
        "images": [3, 1500],
        "jobs": 1,
        "runs": 1,
        "epochs": 20,
        "patches": 24,
        "patch_size": 8,
        "batch_size": 4,
    },
}
SMALL_MEMORY_MB, LARGE_MEMORY_MB = 1300, 3500


class Unavailable(Exception):
    """Slurm, or the plugin for it, cannot be had on this machine; the reason is the message."""


@dataclass(frozen=True)
class Summary:
    """What happened on the node.

    Attributes:
        states: how many jobs of Slurm ended in which state.
        runs: trainings of the study.
        repeated: runs that were started again although they had finished.
        begun_again: runs that were under way when their job was stopped.
        lost: finished runs that are not in the store in the end.
        drained: seconds for which the node took no new job while one was waiting.
        seconds: wall time of the study.
    """

    states: dict[str, int]
    runs: int
    repeated: int
    begun_again: int
    lost: int
    drained: float
    seconds: float

    def record(self) -> dict[str, Any]:
        """Return the summary as JSON values."""
        return asdict(self)


@contextlib.contextmanager
def slurm_node(folder: Path) -> Iterator[None]:
    """Start a node with its state in a folder; it ends with the block, or with this process.

    Raises:
        Unavailable: the machine has a Slurm of its own, or none can be had.
    """
    folder.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        ["bash", str(NODE), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        said = process.stdout.readline().strip()
        if said != "ready":
            raise Unavailable(said or "the node ended without a word")
        yield
    finally:
        process.stdin.close()
        process.wait(timeout=60)
        process.stdout.close()


def plugin_folder(folder: Path) -> Path | None:
    """Return a folder with the executor plugins, put there if they are not installed; None if they are.

    They are no part of what the tests install: every start of Snakemake loads all plugins that are there, and the one
    for Slurm asks Slurm for its configuration as it is loaded, half a second each time and more where Slurm is going.

    Raises:
        Unavailable: they can be had from nowhere.
    """
    if all(importlib.util.find_spec(name) for name in PLUGINS):
        return None
    constraints = ROOT / "constraints.txt"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--retries", "0", "--constraint", str(constraints), "--target", str(folder), *PLUGIN_PACKAGES]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        raise Unavailable("the extra `cluster` is not installed, and pip did not get it within two minutes") from None
    if found.returncode:
        reason = (found.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise Unavailable(f"the extra `cluster` is not installed and cannot be: {reason}")
    return folder


def disturbed_study(folder: Path) -> tuple[Project, Summary, str]:
    """Run a study through the profile for Slurm; cancel a job, hang one, starve one of memory, drain the node.

    Returns:
        The project, what happened, and what the study printed.
    """
    project = Project(folder / "study")
    project.configure(**STUDY)
    plugin = plugin_folder(folder / "plugin")
    if plugin:
        project.environment["PYTHONPATH"] += f"{os.pathsep}{plugin}"
    started = time.monotonic()
    first = "attempt == 1"
    process = _start(
        project,
        *TARGETS,
        *("--profile", "profiles/slurm"),
        *("--slurm-status-command", "squeue"),
        *("--slurm-init-seconds-before-status-checks", "2"),
        *("--seconds-between-status-checks", "2"),
        *("--latency-wait", "10"),
        "--set-resources",
        f"train:mem_mb={SMALL_MEMORY_MB} if wildcards.phase == 'augmentation' and {first} else {LARGE_MEMORY_MB}",
        f"train:runtime=1 if wildcards.protocol == 'released' and {first} else 30",
        "evaluate:mem_mb=1500",
        "scene:mem_mb=1500",
    )
    printed: list[str] = []
    reader = threading.Thread(target=lambda: printed.extend(process.stdout or []), daemon=True)
    reader.start()

    def wait(condition: Callable[[], object], what: str, seconds: float = 400) -> Any:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = condition()
            if found:
                return found
            assert process.poll() is None, f"the study ended before {what}\n" + "".join(printed)
            time.sleep(0.1)
        raise AssertionError(f"no {what} within {seconds} s\n" + "".join(printed))

    def entry(cell: str, run: int, event: str) -> dict[str, Any] | None:
        known = read_journal(project.store) if project.store.exists() else []
        return next(
            (one for one in known if (one["run"], one["event"]) == (run, event) and one["cell"].startswith(cell)), None
        )

    try:
        # On a busy machine the job may reach its limit of a minute before its second run.
        wait(lambda: entry("baseline/released", 1, "start") or "TIMEOUT" in states(), "job that is to hang")
        hung = entry("baseline/released", 1, "start")
        if hung and "TIMEOUT" not in states():
            os.kill(hung["process"], signal.SIGSTOP)
        wait(lambda: entry("baseline/described", 0, "finish"), "finished run of the job that is to be cancelled")
        slurm("scancel", job_of("baseline_described"))
        slurm("scontrol", "update", "NodeName=localhost", "State=DRAIN", "Reason=test")
        wait(lambda: "PENDING" in states(), "job that waits for the drained node")
        waited = time.monotonic()
        time.sleep(3)
        slurm("scontrol", "update", "NodeName=localhost", "State=RESUME")
        drained = time.monotonic() - waited
        process.wait(timeout=600)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        reader.join(timeout=20)
    counted = dict(Counter(states()))
    return project, _summary(project, counted, drained, time.monotonic() - started), "".join(printed)


def generic_study(project: Project) -> str:
    """Run one more job of the study through the template for any scheduler, with Slurm's submit command."""
    process = _start(
        project,
        GENERIC_TARGET,
        *("--profile", "profiles/cluster-generic"),
        "--cluster-generic-submit-cmd",
        "sbatch --parsable --time={resources.runtime} --mem={resources.mem_mb}",
    )
    printed = process.communicate(timeout=240)[0]
    assert process.returncode == 0, printed
    return printed


def _start(project: Project, *words: str) -> "subprocess.Popen[str]":
    """Start the study as the README says: without a number of cores, which would bound the whole cluster."""
    return subprocess.Popen(
        [sys.executable, "-m", "unmixing.programs.command", "study", *words],
        cwd=project.folder,
        env=project.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def _summary(project: Project, states: dict[str, int], drained: float, seconds: float) -> Summary:
    repeated = begun_again = 0
    finished: set[tuple[str, int]] = set()
    begun: set[tuple[str, int]] = set()
    for entry in read_journal(project.store):
        run = (entry["cell"], entry["run"])
        if entry["event"] == "finish":
            finished.add(run)
        else:
            repeated += run in finished
            begun_again += run in begun and run not in finished
            begun.add(run)
    lost = sum(not (project.store / cell / f"{run}.npz").exists() for cell, run in finished)
    return Summary(states, len(finished), repeated, begun_again, lost, round(drained, 1), round(seconds, 1))


def slurm(*words: str) -> str:
    """Return what one of Slurm's commands prints."""
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=30).stdout


def states() -> list[str]:
    """Return the states of all jobs that the node has had."""
    return slurm("squeue", "--states=all", "--noheader", "--format=%T").split()


def job_of(part: str) -> str:
    """Return the number of the job whose comment, which names its wildcards, has a part."""
    lines = slurm("squeue", "--noheader", "--states=running", "--format=%i %k").splitlines()
    return next(line.split()[0] for line in lines if part in line)
