"""Computes the runs of a job's cells that the run store does not hold yet."""

import argparse
import datetime
import json
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Train the cells of one job and write its manifest."""
    parser = argparse.ArgumentParser(prog="unmixing train", description=__doc__)
    parser.add_argument("--job", required=True, help="what the job's cells depend on, as JSON (see cells.py)")
    parser.add_argument("--scene", type=Path, required=True, help="the scene, NetCDF")
    parser.add_argument("--store", type=Path, required=True, help="the run store")
    parser.add_argument("--manifest", type=Path, required=True, help="file to write: cells, recipes and runs")
    parser.add_argument("--log", type=Path, required=True, help="takes everything; the terminal one line per run")
    parser.add_argument("--reference", type=Path, help="committed evidence whose runs are not computed again")
    parser.add_argument("--scoring", default="", help="version of the code that scored the evidence to be taken")
    parser.add_argument("--baseline", type=Path, nargs="*", default=[], help="manifests of the baseline, for labels")
    parser.add_argument("--earlier", type=Path, nargs="*", default=[], help="manifests of the shards of a whole grid")
    parser.add_argument("--threads", type=int, default=1, help="threads of one training")
    options = parser.parse_args(arguments)

    import torch

    from unmixing.cells import cells_of_job
    from unmixing.errors import UnmixingError
    from unmixing.programs.scene_of import open_scene_of
    from unmixing.provenance import provenance
    from unmixing.store import read_cells, write_json
    from unmixing.training.cell import Progress
    from unmixing.training.job import Job, job_labels
    from unmixing.training.memory import keep_freed_memory

    described = json.loads(options.job)
    cells = cells_of_job(described)
    device = (described["shared"] | (cells or [{}])[0])["device"]
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    # As use_deterministic_algorithms, which would load torch's compiler: two seconds and 150 MB a job.
    torch.set_deterministic_debug_mode("error" if device == "cpu" else "warn")
    if device != "cpu" and not torch.cuda.is_available():
        raise UnmixingError(f"device {device} is not to be had on this machine: set device: cpu")
    first = described["shared"] | (cells or [{}])[0]
    scene = open_scene_of(options.scene, first.get("scene", ""))
    options.log.parent.mkdir(parents=True, exist_ok=True)
    with options.log.open("a", encoding="utf-8", buffering=1) as log:

        def detail(text: str) -> None:
            log.write(f"{datetime.datetime.now().astimezone().isoformat(timespec='seconds')} {text}\n")

        def line(text: str) -> None:
            detail(text)
            print(text, flush=True)

        job = Job(
            scene,
            options.store,
            Progress(line, detail),
            provenance(threads=options.threads, device=device),
            options.reference,
            options.scoring,
            job_labels(scene, options.store, options.baseline, options.reference),
        )
        in_grid = [cell.get("design", {}).get("group") == "search" for cell in cells]
        manifest = [job.attempt(cell) if part else job.train(cell) for cell, part in zip(cells, in_grid, strict=True)]
        if "search" in described:
            from unmixing.training.searching import run_search

            manifest += run_search(job, described["shared"], described["search"], read_cells(options.earlier))
    write_json(options.manifest, {"cells": manifest}, sealed=True)
    return 0
