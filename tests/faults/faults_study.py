"""Faults that a whole study meets, Snakemake included; each takes some ten seconds or more."""

import os
import shutil
import signal
import time
from pathlib import Path

from faults.ground import fault, mounted, no_halves
from faults.interruption import RUNS, digest
from project import Project
from unmixing.store import read_journal

ROWS = f"{RUNS}/baseline-described-synthetic_easy.parquet"
_KNOWN: list[str] = []


def _wanted(folder: Path) -> str:
    """Return the hash of the rows of the undisturbed study, which is run once."""
    if not _KNOWN:
        project = Project(folder.parent / "wanted")
        project.run(ROWS)
        _KNOWN.append(digest(project.folder / ROWS))
    return _KNOWN[0]


def _same(project: Project, wanted: str, starts: list[int] | None = None) -> str:
    assert digest(project.folder / ROWS) == wanted
    assert project.starts() == ([0, 1] if starts is None else starts)
    no_halves(project.folder)
    return "right: the rows are those of the undisturbed study, and each run was trained once"


def _line(printed: str, *words: str) -> str:
    lines = [line for line in printed.splitlines() if all(word in line for word in words)]
    assert lines, printed
    assert "Traceback" not in printed, printed
    return f"refused: {lines[0]}"


@fault("names", "the project lies in a folder with spaces, quotes and other scripts", slow=True)
def project_odd(folder: Path) -> str:
    wanted = _wanted(folder)
    project = Project(folder / "données d'été (№ 1) 日本 & $HOME")
    project.run(ROWS)
    return _same(project, wanted)


@fault("neighbours", "a second study is started in the same folder", slow=True)
def second_study(folder: Path) -> str:
    wanted = _wanted(folder)
    project = Project(folder / "study")
    process = project.start(ROWS)
    while not (project.folder / "results/.lock").exists() and process.poll() is None:
        time.sleep(0.05)
    time.sleep(1)
    seen = _line(project.run(ROWS, fails=True), "a study is running in", "wait for it")
    assert process.wait(timeout=200) == 0, process.communicate()[0]
    _same(project, wanted)
    return seen


@fault("neighbours", "a bare Snakemake works in the same folder", slow=True)
def bare_snakemake(folder: Path) -> str:
    wanted = _wanted(folder)
    project = Project(folder / "study")
    process = project.start(ROWS, program="snakemake")
    while not list(project.folder.glob(".snakemake/locks/*")) and process.poll() is None:
        time.sleep(0.05)
    seen = _line(project.run(ROWS, fails=True), "Snakemake is running in", "wait for it")
    assert process.wait(timeout=200) == 0, process.communicate()[0]
    _same(project, wanted)
    return seen


@fault("neighbours", "locks of processes that are dead were left behind", slow=True)
def dead_locks(folder: Path) -> str:
    wanted = _wanted(folder)
    project = Project(folder / "study")
    process = project.start(ROWS)
    while not list(project.folder.glob(".snakemake/locks/*")) and process.poll() is None:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=20)
    (project.folder / "results/.lock").write_text("1\n")
    assert "lock behind: cleared" in project.run(ROWS)
    assert digest(project.folder / ROWS) == wanted
    return "right: the locks are cleared, which is said, and the rows are those of the undisturbed study"


@fault("neighbours", "a folder lies where the study's lock should be", slow=True)
def folder_for_lock(folder: Path) -> str:
    project = Project(folder / "study")
    (project.folder / "results/.lock").mkdir(parents=True)
    return _line(project.run(ROWS, fails=True), "unmixing study:", ".lock")


@fault("clock", "the clock was years ahead while a study ran", slow=True)
def clock_was_ahead(folder: Path) -> str:
    wanted = _wanted(folder)
    project = Project(folder / "study")
    project.run(ROWS)
    for path in (project.folder / "results").rglob("*"):
        os.utime(path, (4e9, 4e9))
    assert "Nothing to be done" in project.run(ROWS)
    project.configure(baseline={"runs": 3})
    seen = _line(project.run(ROWS, fails=True), "has older modification time", "clock skew")
    for path in (project.folder / "results").rglob("*"):
        os.utime(path)
    project.run(ROWS)
    assert project.starts() == [0, 1, 2], "the third was finished before Snakemake refused"
    project.configure(baseline={"runs": 2})
    project.run(ROWS)
    _same(project, wanted, [0, 1, 2])
    return seen.split("(http")[0]


@fault("clock", "inputs are newer than what was made of them, and hold what they held", slow=True)
def inputs_newer(folder: Path) -> str:
    wanted = _wanted(folder)
    project = Project(folder / "study")
    project.run(ROWS)
    os.utime(project.folder / "results/scenes/synthetic_easy.nc")
    for path in (project.folder / ROWS, *(project.folder / "results/demo/cells").rglob("*.json")):
        os.utime(path, (1e9, 1e9))
    assert "Nothing to be done" in project.run(ROWS)
    return _same(project, wanted)


@fault("disk", "the disk runs full in the middle of a study", slow=True)
def full_in_a_study(folder: Path) -> str:
    wanted = _wanted(folder)
    project = Project(folder / "study")
    results = project.folder / "results"
    with mounted(results, size="900k"):
        (results / "ballast").write_bytes(b"x" * 500_000)
        printed = project.run(ROWS, fails=True)
        seen = _line(printed, "unmixing ")
        no_halves(project.folder)
        assert not (project.folder / ROWS).exists()
        kept = folder / "kept"
        shutil.copytree(results, kept, ignore=shutil.ignore_patterns("ballast", ".lock"))
    shutil.copytree(kept, results, dirs_exist_ok=True)
    project.run(ROWS)
    assert digest(project.folder / ROWS) == wanted
    finished = [entry["run"] for entry in read_journal(project.store) if entry["event"] == "finish"]
    assert sorted(finished) == [0, 1]
    return seen
