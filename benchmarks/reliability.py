"""Kills and faults: what a study loses, repeats, or silently gets wrong.

    python benchmarks/reliability.py [--kills 51] [--only kills|faults|slurm]

Each kill is a tiny study of its own: started, killed at a drawn moment (Snakemake, its jobs, or both), started again,
and compared with the same study that nobody killed. Every outcome is a line of results/reliability/outcomes.jsonl as
soon as it is known, so that a stopped run of this script goes on; outcomes of other code are left out. Writes
reports/reliability.md.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import measuring
import numpy as np

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "workflow")]

from reliability_page import page  # noqa: E402

from unmixing.code_version import NUMERIC_MODULES, code_version, normalised_source  # noqa: E402
from unmixing.store import recipe_hash, write_text  # noqa: E402

SEED = 20250214
CARRIERS = ("store", "training.cell", "training.job", "programs.train", "programs.study", "programs.command")


def version() -> str:
    """Return the version of the code that outcomes are of: what trains, and what carries its runs about."""
    known = {phase: code_version(phase) for phase in NUMERIC_MODULES}
    return recipe_hash({**known, **{module: normalised_source(module) for module in CARRIERS}})


class Outcomes:
    """What is known already: a file with one JSON value a line."""

    def __init__(self, path: Path, code: str) -> None:
        """Read what another run of this script has left."""
        self.path, self.code = path, code
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        found = [json.loads(line) for line in lines if line.endswith("}")]
        self.known = {(one["kind"], one["name"]): one for one in found if one["code"] == code}

    def add(self, kind: str, name: str, **values: Any) -> dict[str, Any]:
        """Keep an outcome."""
        record = {"kind": kind, "name": name, "code": self.code, "time": round(time.time()), **values}
        self.known[kind, name] = record
        with self.path.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(record) + "\n")
        return record

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return all outcomes of a kind."""
        return [one for (known, _), one in self.known.items() if known == kind]


def kills(outcomes: Outcomes, count: int, scratch: Path) -> Iterator[dict[str, Any]]:
    """Kill tiny studies until so many kills have met a living study."""
    from faults.interruption import STUDIES, VICTIMS, Undisturbed, draw_moment, interrupt, undisturbed

    names = list(STUDIES)
    references: dict[str, Undisturbed] = {}
    for name in names:
        if ("undisturbed", name) not in outcomes.known:
            found = undisturbed(scratch / f"undisturbed_{name}", STUDIES[name])
            shutil.rmtree(scratch / f"undisturbed_{name}")
            outcomes.add("undisturbed", name, **vars(found))
            print(f"{name}: {found.seconds:.1f} s, {found.runs} trainings", flush=True)
        record = outcomes.known["undisturbed", name]
        fields = ("study", "seconds", "digests", "runs", "windows")
        references[name] = Undisturbed(**{field: record[field] for field in fields})
    number = 0
    while sum(bool(one["killed"]) for one in outcomes.of("kill")) < count:
        key = f"{number:03d}"
        if ("kill", key) not in outcomes.known:
            name, victim = names[number % len(names)], VICTIMS[number // len(names) % len(VICTIMS)]
            rng = np.random.default_rng(np.random.SeedSequence(SEED, spawn_key=(number,)))
            folder = scratch / f"kill_{key}"
            moment = draw_moment(references[name], rng)
            trial = interrupt(folder, STUDIES[name], victim, moment, references[name])
            if not (trial.failure or trial.unlike):
                shutil.rmtree(folder)
            yield outcomes.add("kill", key, **trial.record())
        number += 1


def faults(outcomes: Outcomes, scratch: Path) -> Iterator[dict[str, Any]]:
    """Meet every fault of the catalogue."""
    from faults import catalogue

    for number, one in enumerate(catalogue.FAULTS):
        if ("fault", one.title) in outcomes.known:
            continue
        folder = scratch / f"fault_{number}" / "study"
        folder.mkdir(parents=True)
        about = {"part": one.part}
        try:
            seen = one.meet(folder)
        except catalogue.NotHere as reason:
            yield outcomes.add("fault", one.title, **about, outcome="not tried", seen=str(reason))
        except Exception:
            seen = traceback.format_exc().strip().splitlines()[-1]
            yield outcomes.add("fault", one.title, **about, outcome="failed", seen=seen[:500])
        else:
            outcome, _, detail = seen.partition(": ")
            shown = detail.replace(str(folder.parent), "...").replace(str(scratch), "...")
            yield outcomes.add("fault", one.title, **about, outcome=outcome, seen=shown)
        shutil.rmtree(folder.parent, ignore_errors=True)


def slurm(outcomes: Outcomes, scratch: Path) -> Iterator[dict[str, Any]]:
    """Run a study on a real Slurm while jobs are cancelled, hang and take too much memory."""
    from cluster.scenario import Unavailable, disturbed_study, slurm_node

    if ("slurm", "one node") in outcomes.known:
        return
    folder = scratch / "slurm"
    try:
        with slurm_node(folder / "node"):
            _, summary, _ = disturbed_study(folder)
    except Unavailable as reason:
        print(f"no Slurm here: {reason}", flush=True)
    else:
        yield outcomes.add("slurm", "one node", **summary.record())


def main(arguments: list[str] | None = None) -> int:
    """Try everything that has not been tried with this code, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=51, help="kills that meet a living study")
    parser.add_argument("--only", choices=["kills", "faults", "slurm", "page"], help="this part alone")
    parser.add_argument(
        "--outcomes", type=Path, default=ROOT / "results/reliability/outcomes.jsonl", help="file of lines"
    )
    parser.add_argument("--report", type=Path, default=ROOT / "reports/reliability.md", help="page to write")
    options = parser.parse_args(arguments)
    outcomes = Outcomes(options.outcomes, version())
    with tempfile.TemporaryDirectory(prefix="reliability-") as name:
        parts: dict[str, Callable[[], Iterator[dict[str, Any]]]] = {
            "faults": lambda: faults(outcomes, Path(name)),
            "slurm": lambda: slurm(outcomes, Path(name)),
            "kills": lambda: kills(outcomes, options.kills, Path(name)),
        }
        for part, outcome in parts.items():
            for record in outcome() if options.only in (None, part) else ():
                shown = {key: value for key, value in record.items() if key not in ("code", "time", "kind")}
                print(json.dumps(shown, ensure_ascii=False)[:300], flush=True)
    text, good = page(outcomes.of, measuring.machine())
    write_text(options.report, text)
    print(f"written: {options.report}", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
