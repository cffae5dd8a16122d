"""Computes the runs of a job's cells that the run store does not hold yet."""

import argparse
import datetime
import json
from pathlib import Path
from typing import Any


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
    parser.add_argument("--threads", type=int, default=1, help="threads of one training")
    options = parser.parse_args(arguments)

    import torch

    from unmixing.cells import cells_of_job
    from unmixing.errors import UnmixingError
    from unmixing.provenance import provenance
    from unmixing.reference import committed_runs
    from unmixing.scenes.dataset import endmember_count, open_scene
    from unmixing.store import CellStore, write_json
    from unmixing.training.cell import Progress, run_cell
    from unmixing.training.recipe import recipe_of
    from unmixing.training.trainers import Trainer, trainer

    cells = cells_of_job(json.loads(options.job))
    device = cells[0]["device"]
    torch.set_num_threads(options.threads)
    # As use_deterministic_algorithms, which would load torch's compiler: two seconds and 150 MB a job.
    torch.set_deterministic_debug_mode("error" if device == "cpu" else "warn")
    if device != "cpu" and not torch.cuda.is_available():
        raise UnmixingError(f"device {device} is not to be had on this machine: set device: cpu")
    scene = open_scene(options.scene)
    cube = scene["cube"].to_numpy()
    valid = scene["valid"].to_numpy().astype(bool) if "valid" in scene else None
    count = endmember_count(scene)
    made_by = provenance(threads=options.threads, device=device)
    manifest = []
    options.log.parent.mkdir(parents=True, exist_ok=True)
    with options.log.open("a", encoding="utf-8", buffering=1) as log:

        def detail(text: str) -> None:
            log.write(f"{datetime.datetime.now().astimezone().isoformat(timespec='seconds')} {text}\n")

        def line(text: str) -> None:
            detail(text)
            print(text, flush=True)

        for cell in cells:
            place = {key: cell[key] for key in ("phase", "protocol", "scene", "setting")}
            recipe = recipe_of(cell, scene.attrs["content_sha256"], count)
            store = CellStore.open(options.store, **place, recipe=recipe)
            known = trainer(cell, cube, valid, count, options.store / ".scratch")

            def record(
                run: int, place: dict[str, str] = place, store: CellStore = store, known: Trainer = known
            ) -> dict[str, Any]:
                streams = known.streams(run).record()
                origin = {"recipe": store.folder.name, "entropy": cells[0]["entropy"], "seeds": streams}
                return {
                    "id": "/".join([*place.values(), str(run)]),
                    **origin,
                    "provenance": made_by,
                    **known.record(run),
                }

            label = " ".join(value for value in place.values() if value != "standard")
            detail(f"{label}: recipe {store.folder.name} {json.dumps(recipe, sort_keys=True)}")
            evidence: list[int] = []
            if options.reference:
                evidence = committed_runs(options.reference, cell, store.folder.name, options.scoring)
            committed = [run for run in evidence if run < cell["runs"] and not store.path(run).exists()]
            if committed:
                line(f"{label}: {len(committed)} of {cell['runs']} runs are taken from {options.reference}")
            run_cell(store, label, cell["runs"], known.train, record, Progress(line, detail), committed)
            details = {"precision": cell["schedule"]["precision"], "recipe": store.folder.name}
            manifest.append({**place, **details, "runs": cell["runs"], "committed": committed})
    write_json(options.manifest, {"cells": manifest})
    return 0
