"""How long does each program take to start, and how much memory does it hold before it has done anything?

    python benchmarks/start_up.py

Twice for each program: `unmixing PROGRAM --help`, and with all of the library loaded that the program can reach, at
its top, when it runs or by name: an upper bound. The start of a training job is measured as it is: `unmixing train`
on the demo's scene with no runs to do. Only training may load torch.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import measuring
import numpy as np
from training_job import scene_file, training_job

from unmixing.code_version import PACKAGE, closure
from unmixing.programs.command import PROGRAMS

BY_NAME = {"table": "tables", "figure": "figures"}
"""Programs that load one module of a package by its name."""


FROM_THE_MODEL = frozenset({"figures.architecture", "figures.contrastive_architecture", "figures.recording"})
"""Figures that are drawn from a network as it is built, and what draws them: they load torch as a training does."""


def reached(program: str) -> list[str]:
    """Return the modules of the library that a program can load, but for the figures that are drawn from a network."""
    package = BY_NAME.get(program)
    paths = (PACKAGE / package).glob("[!_]*.py") if package else []
    named = sorted({f"{package}.{path.stem}" for path in paths} - FROM_THE_MODEL)
    modules = {part for module in (f"programs.{program}", *named) for part in closure(module)}
    return [f"unmixing.{module}" for module in sorted(modules)]


def codes(folder: Path) -> dict[tuple[str, str], str]:
    """Return what is measured, by program and state: Python code; the training job works in a folder."""
    found = {("python", "bare"): "", ("python", "torch loaded"): "import torch"}
    for program in PROGRAMS:
        found[program, "help"] = (
            f"from unmixing.programs.command import main\ntry: main([{program!r}, '--help'])\nexcept SystemExit: pass"
        )
        found[program, "loaded"] = f"import importlib\nfor name in {reached(program)!r}: importlib.import_module(name)"
    found["train", "job"] = training_job(scene_file(folder), folder, runs=0)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Measure, write and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--programs", nargs="+", default=["python", *PROGRAMS], help="which of them")
    parser.add_argument("--output", type=Path, default=measuring.RESULTS, help="folder of the results")
    options = parser.parse_args(arguments)
    load = measuring.load_average()
    done: dict[tuple[str, str], list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        chosen = {key: code for key, code in codes(Path(folder)).items() if key[0] in options.programs}
        for _ in range(options.rounds + 1):
            for key, code in chosen.items():
                done.setdefault(key, []).append(measuring.in_a_process(code))
    records = []
    for (program, state), every in done.items():
        counted = every[1:]  # the first one reads the disk
        seconds = np.array([one["seconds"] for one in counted])
        records.append(
            {
                "program": program,
                "state": state,
                "seconds": round(float(np.median(seconds)), 3),
                "seconds_quartiles": measuring.quartiles(seconds, 3),
                "resident_mb": float(np.median([one["resident_mb"] for one in counted])),
                "peak_mb": float(np.median([one["peak_mb"] for one in counted])),
                "loads_torch": any(one["torch"] for one in every),
                "rounds": options.rounds,
            }
        )
    measuring.write_records(options.output / "start_up.json", records, load)
    print(f"{'program':12}{'state':>14}{'seconds':>9}{'MB':>7}  torch")
    for record in records:
        print(
            f"{record['program']:12}{record['state']:>14}{record['seconds']:9.2f}{record['resident_mb']:7.0f}  "
            f"{'yes' if record['loads_torch'] else 'no'}"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
