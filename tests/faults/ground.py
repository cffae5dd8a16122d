"""A finished study of one cell, made without Snakemake in seconds; faults are tried on copies of it."""

import contextlib
import io
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from project import ROOT, TINY
from unmixing.configuration import merge
from unmixing.errors import UnmixingError
from unmixing.programs.command import main
from unmixing.scenes.dataset import write_scene
from unmixing.scenes.synthetic import make_synthetic
from unmixing.store import read_parquet, rows_digest
from unmixing.study import Study

SCENE = "synthetic_easy"
RUNS = 2


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Attributes:
        part: what it belongs to: disk, files, download, data, names, clock, neighbours, machine, configuration.
        title: what is wrong, in words.
        meet: brings it about in a folder; returns what was seen, and fails if that was neither a clear refusal nor a
            right result.
        slow: whether it starts Snakemake; such faults are met by ``make reliability`` alone.
    """

    part: str
    title: str
    meet: Callable[[Path], str]
    slow: bool = False


FAULTS: list[Fault] = []


class NotHere(Exception):
    """A fault that cannot be brought about on this machine; the reason is the message."""


def fault(part: str, title: str, slow: bool = False) -> Callable[[Callable[[Path], str]], Callable[[Path], str]]:
    """Put a function into the catalogue."""

    def keep(meet: Callable[[Path], str]) -> Callable[[Path], str]:
        FAULTS.append(Fault(part, title, meet, slow))
        return meet

    return keep


@dataclass(frozen=True)
class Said:
    """What a program did: exit status, standard output, standard error."""

    status: int
    out: str
    err: str


def call(*words: object) -> Said:
    """Run a program of ``unmixing`` in this process; anything but its own errors comes through."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main([str(word) for word in words])
    return Said(status, out.getvalue(), err.getvalue())


def refused(said: Said, *words: str) -> str:
    """Return the one line that a program refused with; fail if it did not, or said more, or not what is named."""
    assert said.status, f"nothing was noticed: {said.out}"
    lines = said.err.strip().splitlines()
    assert len(lines) == 1, said.err
    assert "Traceback" not in said.err
    for word in words:
        assert word in lines[0], lines[0]
    return f"refused: {lines[0]}"


def refusal(attempt: Callable[[], object], *words: str) -> str:
    """Return the one line that the library refuses something with; fail if it does not, or not with these words."""
    try:
        attempt()
    except UnmixingError as error:
        line = str(error)
    else:
        raise AssertionError("nothing was noticed")
    assert "\n" not in line, line
    for word in words:
        assert word in line, line
    return f"refused: {line}"


def no_halves(folder: Path) -> None:
    """Fail if half-written files are left in a folder."""
    assert not [path for path in folder.rglob("*partial*") if ".snakemake" not in path.parts]


class Ground:
    """The study in its folder: files, and the commands that make them."""

    def __init__(self, folder: Path, study: Study) -> None:
        """Take the study in a folder that is there."""
        self.folder, self.study = folder, study

    @property
    def scene(self) -> Path:
        """Return the scene's file."""
        return self.folder / "scenes" / f"{SCENE}.nc"

    @property
    def store(self) -> Path:
        """Return the run store."""
        return self.folder / "store"

    @property
    def manifest(self) -> Path:
        """Return the manifest of the one job."""
        return self.folder / "cells" / "standard.json"

    @property
    def rows(self) -> Path:
        """Return the file of run rows."""
        return self.folder / "runs" / "rows.parquet"

    @property
    def description(self) -> Path:
        """Return the file that describes the study."""
        return self.folder / "study.json"

    def run_file(self, run: int = 0) -> Path:
        """Return the file of a run."""
        (found,) = self.store.rglob(f"{run}.npz")
        return found

    def train(self, store: Path | None = None) -> Said:
        """Train what is missing."""
        job = self.study.job("baseline", "described", SCENE, "standard")
        where = ["--store", store or self.store, "--manifest", self.manifest, "--log", self.folder / "train.log"]
        import torch

        mode = torch.get_deterministic_debug_mode()
        try:
            return call("train", "--job", job, "--scene", self.scene, *where)
        finally:
            torch.set_deterministic_debug_mode(mode)

    def evaluate(self, rows: Path | None = None) -> Said:
        """Score the runs."""
        others = [
            word
            for name in ("spectra", "abundances", "curves")
            for word in (f"--{name}", self.folder / name / "rows.parquet")
        ]
        options = ["--matching", "optimal", "--scoring", "none", "--rows", rows or self.rows]
        return call(
            *("evaluate", "--manifests", self.manifest, "--scene", self.scene, "--store", self.store), *options, *others
        )

    def describe(self) -> Said:
        """Write down the study."""
        return call("describe", "--study", self.study.description(), "--output", self.description)

    def table(self) -> Said:
        """Make Table 3."""
        output = self.folder / "tables" / "table3.html"
        return call("table", "table3", "--rows", self.rows, "--study", self.description, "--output", output)

    def digest(self) -> str:
        """Return the hash of the run rows."""
        return rows_digest(read_parquet(self.rows)[0])

    def ends_the_same(self, wanted: str) -> str:
        """Go on to the end; fail if the rows are not the undisturbed ones."""
        for step in (self.train, self.evaluate, self.describe, self.table):
            said = step()
            assert said.status == 0, said.err
        assert self.digest() == wanted
        no_halves(self.folder)
        return "right: the rows are those of the undisturbed study"


_MADE: dict[str, tuple[Ground, str]] = {}


def study(results: Path, **changes: object) -> Study:
    """Return the tiny study of one scene and one phase."""
    values = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    alone = {phase: {"scenes": []} for phase in ("augmentation", "contrastive", "audit", "semantic")}
    values = merge(values, {"baseline": {**TINY, "runs": RUNS}, "classical": {"runs": 2}, **alone})
    return Study.load(merge(values, changes), results)


def finished(folder: Path) -> tuple[Ground, str]:
    """Return a copy of the finished study in a folder, and the hash of its rows; the study itself is made once."""
    if "ground" not in _MADE:
        home = folder.parent / "undisturbed"
        ground = Ground(home, study(home))
        ground.scene.parent.mkdir(parents=True)
        write_scene(make_synthetic(SCENE), ground.scene)
        for step in (ground.train, ground.evaluate, ground.describe, ground.table):
            said = step()
            assert said.status == 0, said.err
        _MADE["ground"] = (ground, ground.digest())
    ground, wanted = _MADE["ground"]
    shutil.copytree(ground.folder, folder, dirs_exist_ok=True)
    return Ground(folder, study(folder)), wanted


def damage(path: Path, kind: str, seed: int = 0) -> None:
    """Truncate or empty a file, or flip one bit of it."""
    content = bytearray(path.read_bytes())
    if kind == "truncated":
        content = content[: len(content) * 2 // 3]
    elif kind == "emptied":
        content = bytearray()
    else:
        place = int(np.random.default_rng(seed).integers(len(content) * 8))
        content[place // 8] ^= 1 << place % 8
    path.write_bytes(content)


@contextlib.contextmanager
def mounted(folder: Path, size: str = "", options: str = "") -> Iterator[Path]:
    """Mount a small file system in memory, or what lies in a folder again read-only.

    Raises:
        NotHere: that is not allowed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kind = ["-t", "tmpfs", "-o", f"size={size}{options}", "tmpfs"] if size else ["--bind", "-o", "ro", str(folder)]
    done = subprocess.run(["mount", *kind, str(folder)], capture_output=True, text=True)
    if done.returncode:
        raise NotHere(f"no file system can be mounted here: {done.stderr.strip()}")
    if not size:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def as_json(value: object) -> str:
    """Return a value as JSON, on one line."""
    return json.dumps(value)


def environment(**changes: str) -> dict[str, str]:
    """Return this process's environment with changes."""
    return {**os.environ, **changes}
