"""How large the workflow may grow: planning of the paper's DAG and of ten times that, overhead per job, storage.

    python benchmarks/dag.py [--quick]

The paper's six scenes, both protocols and every phase are planned as `snakemake --dry-run` does, on files that are
there by name and size alone. Larger DAGs have further scenes of a user's own; smaller ones leave scenes out. What
Snakemake itself costs per job is measured on the demo's whole DAG with a stand-in for `unmixing` that makes empty
files. Writes results/benchmarks/dag.json and reports/scale.md.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import measuring
import numpy as np
import yaml
from scale_page import page

from unmixing.cells import jobs
from unmixing.classical.abundances import fcls, nnls
from unmixing.configuration import merge, read_yaml, validate
from unmixing.needs import training_needs
from unmixing.plan import plan, read_costs
from unmixing.scenes.registry import load_registry
from unmixing.store import write_text
from unmixing.study import Study

ROOT = Path(__file__).parents[1]
PARTS = ("Snakefile", "config.yaml", "workflow", "profiles", "envs", "reports/captions")
PAPER = ("samson", "urban4", "urban5", "urban6", "cuprite", "jasper_ridge")
#: The scene of the second study whose targets have known areas.
TARGETS = "dlr_hysu"
FACTORS = (1 / 6, 0.5, 1.0, 2.0, 5.0, 10.0)
MOST_JOBS, MOST_SECONDS, MOST_MB, MOST_SHARE = 3000, 10.0, 500.0, 0.05

_STAND_IN = """#!/bin/sh
# Makes what the words name below results/, empty, as far as it is not there.
for word in "$@"; do
    case $word in results/*) ;; *) continue ;; esac
    case ${word##*/} in *.*) ;; *) mkdir -p "$word"; continue ;; esac  # folders have no ending
    mkdir -p "${word%/*}"
    stem=${word%.*}
    case $word in
        */tables/*.html) ends="html parquet csv md tex" ;;
        */figures/*.svg) ends="svg png pdf" ;;
        *) ends=${word##*.} ;;
    esac
    for end in $ends; do [ -e "$stem.$end" ] || : >"$stem.$end"; done
done
"""


def copy_project(folder: Path) -> dict[str, str]:
    """Copy what Snakemake reads into a folder, with files of the paper's scenes that hold nothing but their size.

    Returns:
        The environment to start Snakemake in.
    """
    for part in PARTS:
        source, target = ROOT / part, folder / part
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy2(source, target)
    scenes = folder / "scenes"
    for name in (*PAPER, TARGETS):
        for item in load_registry()[name].files:
            path = scenes / item.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            os.truncate(path, item.bytes or 1)
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(folder / "workflow"),
        "UNMIXING_SCENES": str(scenes),
        "XDG_CACHE_HOME": str(folder / "cache"),
    }


def overlay(folder: Path, factor: float) -> dict[str, Any]:
    """Return the paper's study with a number of scenes that is ``factor`` times as large.

    Scenes beyond the paper's six are a user's own, and are in as large a share of the phases; but for the second study,
    which names the materials of its own scenes only.
    """
    paper = read_yaml(ROOT / "workflow/studies/paper.yaml")
    count = round(factor * len(PAPER))
    own = {f"own_{number}": folder / "own" / f"{number}.npz" for number in range(max(0, count - len(PAPER)))}
    for path in own.values():
        path.parent.mkdir(exist_ok=True)
        path.touch()

    def grown(scenes: list[str]) -> list[str]:
        # At least one, and of further scenes as many as of the paper's.
        kept = [name for name in scenes if name in PAPER[:count]]
        return kept + list(own)[: round(len(scenes) * factor) - len(kept)] if factor > 1 else kept

    contrastive, semantic = paper["contrastive"], paper["semantic"]
    return merge(
        paper,
        {
            "scenes": [*PAPER[:count], *own],
            "own_scenes": {name: {"path": str(path), "endmembers": 5} for name, path in own.items()},
            "augmentation": {"scenes": grown(paper["augmentation"]["scenes"])},
            "contrastive": {
                "scenes": grown(contrastive["scenes"]),
                "search": {"scenes": grown(contrastive["search"]["scenes"])},
                "heads": {"scenes": grown(contrastive["heads"]["scenes"])},
            },
            "audit": {"scenes": grown(paper["audit"]["scenes"])},
            "semantic": {"scenes": [name for name in semantic["scenes"] if name in (*PAPER[:count], TARGETS)]},
        },
    )


def measured_run(command: list[str], folder: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """Run a command; return its output, wall and processor seconds and the largest resident memory in MB."""
    with tempfile.TemporaryFile("w+") as output:
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{text[-3000:]}")
    return {
        "text": text,
        "seconds": round(seconds, 2),
        "processor_seconds": round(usage.ru_utime + usage.ru_stime, 2),
        "memory_mb": round(usage.ru_maxrss / 1024, 1),
    }


def plan_dag(factor: float, repeats: int) -> list[dict[str, Any]]:
    """Plan the paper's DAG with ``factor`` times its scenes, several times."""
    records = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = copy_project(folder)
        study = overlay(folder, factor)
        (folder / "study.yaml").write_text(yaml.safe_dump(study))
        command = [sys.executable, "-m", "snakemake", "all", "--dry-run", "--cores", "2", "--configfile", "study.yaml"]
        for repeat in range(repeats):
            done = measured_run([*command, "--quiet", "host", "rules"], folder, environment)
            total = next(line for line in done.pop("text").splitlines() if line.startswith("total"))
            record = {"scenes": len(study["scenes"]), "factor": round(factor, 3), "jobs": int(total.split()[1])}
            records.append({"kind": "planning", **record, "repeat": repeat, **done})
            print(records[-1], flush=True)
    return records


def scheduling() -> dict[str, Any]:
    """Measure what Snakemake costs per job and for its start: the demo's DAG with a stand-in that makes empty files."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = copy_project(folder)
        stand_in = folder / "bin" / "unmixing"
        stand_in.parent.mkdir()
        stand_in.write_text(_STAND_IN)
        stand_in.chmod(0o755)
        environment["PATH"] = f"{stand_in.parent}{os.pathsep}{environment['PATH']}"
        command = [sys.executable, "-m", "snakemake", "all", "--cores", "2"]
        nothing = measured_run([*command, "--dry-run"], folder, environment)
        one = [sys.executable, "-m", "snakemake", "results/scenes/synthetic_easy.nc", "--cores", "2", "--dry-run"]
        start = measured_run(one, folder, environment)
        done = measured_run(command, folder, environment)
        count = int(next(line for line in done["text"].splitlines() if line.startswith("total")).split()[1])
    return {
        "kind": "scheduling",
        "jobs": count,
        "start_seconds": read_costs()["job"],
        "snakemake_seconds": start["seconds"],
        "snakemake_processor_seconds": start["processor_seconds"],
        "seconds_per_job": round((done["seconds"] - nothing["seconds"]) / count, 4),
        "processor_seconds_per_job": round((done["processor_seconds"] - nothing["processor_seconds"]) / count, 4),
    }


def overhead_of_jobs(results: Path) -> list[dict[str, Any]]:
    """Return, of finished training jobs whose runs were all trained by them, the share that is no training.

    Args:
        results: folder of results, whose studies are looked through.
    """
    from unmixing.store import CellStore, read_cells

    records = []
    for path in sorted(results.glob("*/benchmarks/train/*.tsv")):
        if path.stem.count("-") < 3:
            continue
        phase, protocol, scene, job = path.stem.split("-", 3)
        manifest = results / path.parts[-4] / "cells" / phase / protocol / scene / f"{job}.json"
        lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
        if len(lines) < 2 or not manifest.exists():
            continue
        wall = float(dict(zip(*lines[:2], strict=True))["s"])
        trained = 0.0
        for cell in read_cells([manifest]):
            store = CellStore.of_manifest(results / "store", cell)
            trained += sum(store.read(run)[1]["seconds"] for run in range(cell["runs"]) if store.path(run).exists())
        if 0 < trained < wall:  # Otherwise a part of its runs was there before.
            records.append(
                {
                    "kind": "job",
                    "study": path.parts[-4],
                    "job": path.stem,
                    "seconds": round(wall, 1),
                    "trained_seconds": round(trained, 1),
                }
            )
    return records


def storage(results: Path) -> list[dict[str, Any]]:
    """Return the size of stored runs, by phase and scene."""
    sizes: dict[tuple[str, str], list[int]] = {}
    for path in (results / "store").glob("*/*/*/*/*/*.npz"):
        phase, scene = path.parts[-6], path.parts[-4]
        sizes.setdefault((phase, scene), []).append(path.stat().st_size)
    return [
        {"kind": "storage", "phase": phase, "scene": scene, "runs": len(known), "bytes_per_run": round(np.mean(known))}
        for (phase, scene), known in sorted(sizes.items())
    ]


def pixels_per_second(pixels: int = 4000, bands: int = 224, endmembers: int = 6) -> list[dict[str, Any]]:
    """Measure how fast spectra are unmixed with known endmembers, on one thread."""
    rng = np.random.default_rng(0)
    spectra = rng.random((endmembers, bands))
    mixed = rng.dirichlet(np.ones(endmembers), pixels) @ spectra + 0.01 * rng.standard_normal((pixels, bands))
    seconds, share = measuring.in_turns(
        {"fcls": lambda: fcls(mixed, spectra), "nnls": lambda: nnls(mixed, spectra)}, rounds=5
    )
    shape = {"pixels": pixels, "bands": bands, "endmembers": endmembers, "processor_share": share}
    return [
        {"kind": "unmixing", "method": name, **shape, "pixels_per_second": round(pixels / float(np.median(values)))}
        for name, values in seconds.items()
    ]


def paper_costs() -> list[dict[str, Any]]:
    """Return what the paper's study costs, its scenes taken to be there: by phase, protocol and scene, and each job."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = copy_project(folder)
        values = merge(read_yaml(ROOT / "config.yaml"), read_yaml(ROOT / "workflow/studies/paper.yaml"))
        study, costs = Study(validate(values), folder / "results", environment), read_costs()
        entries = plan(study, costs)
        seconds: dict[str, list[int]] = {}
        for one in entries:
            place = (one.phase, one.protocol, one.scene)
            for job in jobs(study.configuration, one.phase, one.scene, one.protocol):
                needs = training_needs(study, *place, job)
                seconds.setdefault(one.phase, []).append(round(needs.seconds - costs["job"]))
    wanted = ("phase", "protocol", "scene", "jobs", "runs", "hours", "disk_gib")
    records = [{"kind": "paper", **{key: getattr(entry, key) for key in wanted}} for entry in entries]
    return records + [{"kind": "computing", "phase": phase, "seconds": known} for phase, known in seconds.items()]


def main(arguments: list[str] | None = None) -> int:
    """Measure, and write the records and the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the paper's DAG alone, once")
    parser.add_argument("--results", type=Path, default=ROOT / "results", help="whose finished jobs are looked at")
    parser.add_argument("--output", type=Path, default=measuring.RESULTS / "dag.json", help="file of records")
    parser.add_argument("--page", type=Path, default=ROOT / "reports" / "scale.md", help="page to write")
    options = parser.parse_args(arguments)
    load = measuring.load_average()
    records = []
    for factor in [1.0] if options.quick else FACTORS:
        records += plan_dag(factor, repeats=1 if options.quick or factor != 1.0 else 3)
    records.append(scheduling())
    records += [*overhead_of_jobs(options.results), *storage(options.results), *pixels_per_second()]
    records += paper_costs()
    measuring.write_records(options.output, records, load)
    aims = {"jobs": MOST_JOBS, "seconds": MOST_SECONDS, "memory_mb": MOST_MB, "share": MOST_SHARE}
    write_text(options.page, page(records, aims, {**measuring.machine(), "load": load}))
    print(f"written: {options.page}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
