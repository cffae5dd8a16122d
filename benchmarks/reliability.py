"""Kills and faults: what a study loses, repeats, or silently gets wrong.

    python benchmarks/reliability.py [--kills 51] [--jobs 2] [--only kills|faults|slurm|page]

Each kill is a tiny study of its own: started, killed at a drawn moment (Snakemake, its jobs, or both), started again,
and compared with the same study that nobody killed. Every outcome is a line of results/reliability/outcomes.jsonl as
soon as it is known, so that a stopped run of this script goes on; outcomes of other code are left out. Writes
reports/reliability.md.
"""

import argparse
import contextlib
import dataclasses
import itertools
import json
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING, Any

import measuring
import numpy as np
import psutil

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "workflow")]

from reliability_page import page  # noqa: E402

if TYPE_CHECKING:
    from faults.interruption import Moment, Undisturbed

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


def kills(outcomes: Outcomes, count: int, scratch: Path, workers: int) -> Iterator[dict[str, Any]]:
    """Kill tiny studies, some at a time, until so many kills have met a living study."""
    from faults.interruption import STUDIES, Trial, Undisturbed, interrupt, undisturbed

    def reference(name: str) -> Undisturbed:
        return undisturbed(scratch / f"undisturbed_{name}", STUDIES[name])

    def trial(number: int) -> Trial:
        name, victim, moment = drawn(number, references)
        folder = scratch / f"kill_{number:03d}"
        tried = interrupt(folder, STUDIES[name], victim, moment, references[name])
        shutil.rmtree(folder, ignore_errors=True)
        return tried

    def met() -> int:
        return sum(bool(one["killed"]) for one in outcomes.of("kill"))

    with at_a_time(workers) as pool:
        for name, found in pool([one for one in STUDIES if ("undisturbed", one) not in outcomes.known], reference):
            outcomes.add("undisturbed", name, **vars(found))
            print(f"{name}: {found.seconds:.1f} s, {len(found.trainings)} trainings", flush=True)
        fields = [field.name for field in dataclasses.fields(Undisturbed)]
        references = {
            name: Undisturbed(**{field: outcomes.known["undisturbed", name][field] for field in fields})
            for name in STUDIES
        }
        untried = (number for number in itertools.count() if ("kill", f"{number:03d}") not in outcomes.known)
        while met() < count:
            for number, tried in pool(list(itertools.islice(untried, min(count - met(), 4 * workers))), trial):
                yield outcomes.add("kill", f"{number:03d}", **tried.record())


def drawn(number: int, references: Mapping[str, "Undisturbed"]) -> tuple[str, str, "Moment"]:
    """Return the study, the victim and the moment of a trial; studies that train no run come less often."""
    from faults.interruption import VICTIMS, draw_moment

    training = [name for name, known in references.items() if known.trainings]
    others = [name for name in references if name not in training]
    turn, rest = divmod(number, 8)
    name = others[turn % len(others)] if others and rest == 7 else training[number % len(training)]
    victim = VICTIMS[number // len(training) % len(VICTIMS)]
    rng = np.random.default_rng(np.random.SeedSequence(SEED, spawn_key=(number,)))
    return name, victim, draw_moment(references[name], rng)


@contextlib.contextmanager
def at_a_time(workers: int) -> Iterator[Callable[..., Iterator[tuple[Any, Any]]]]:
    """Give a function that does something with each of some things, as many at a time, and says what is done first.

    Whoever leaves before the end kills the studies that are still running.
    """
    pool = ThreadPoolExecutor(workers)

    def each(things: list[Any], do: Callable[[Any], Any]) -> Iterator[tuple[Any, Any]]:
        started = {pool.submit(do, thing): thing for thing in things}
        for future in as_completed(started):
            yield started[future], future.result()

    try:
        yield each
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        while any(thread.is_alive() for thread in pool._threads):
            for process in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            time.sleep(0.1)
        raise
    else:
        pool.shutdown()


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
        # What lies beside it are undisturbed studies, which later faults are compared with.
        shutil.rmtree(folder, ignore_errors=True)


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
    parser.add_argument("--jobs", type=int, default=1, help="studies that are tried at a time")
    parser.add_argument("--only", choices=["kills", "faults", "slurm", "page"], help="this part alone")
    parser.add_argument(
        "--outcomes", type=Path, default=ROOT / "results/reliability/outcomes.jsonl", help="file of lines"
    )
    parser.add_argument("--report", type=Path, default=ROOT / "reports/reliability.md", help="page to write")
    options = parser.parse_args(arguments)
    # Whoever ends this script leaves no folder behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    outcomes = Outcomes(options.outcomes, version())
    with tempfile.TemporaryDirectory(prefix="reliability-") as name:
        parts: dict[str, Callable[[], Iterator[dict[str, Any]]]] = {
            "faults": lambda: faults(outcomes, Path(name)),
            "slurm": lambda: slurm(outcomes, Path(name)),
            "kills": lambda: kills(outcomes, options.kills, Path(name), options.jobs),
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
