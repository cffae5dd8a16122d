"""Computes the runs of one cell that the run store does not hold yet."""

import argparse
import datetime
import json
from pathlib import Path
from typing import Any


def main(arguments: list[str]) -> int:
    """Train one cell and write its manifest."""
    parser = argparse.ArgumentParser(prog="unmixing train", description=__doc__)
    parser.add_argument("--cell", required=True, help="what the cell depends on, as JSON (see study.py)")
    parser.add_argument("--scene", type=Path, required=True, help="the scene, NetCDF")
    parser.add_argument("--store", type=Path, required=True, help="the run store")
    parser.add_argument("--manifest", type=Path, required=True, help="file to write: recipe and runs")
    parser.add_argument("--log", type=Path, required=True, help="takes everything; the terminal one line per run")
    parser.add_argument("--reference", type=Path, help="committed evidence whose runs are not computed again")
    parser.add_argument("--scoring", default="", help="version of the code that scored the evidence to be taken")
    parser.add_argument("--threads", type=int, default=1, help="threads of one training")
    options = parser.parse_args(arguments)
    cell: dict[str, Any] = json.loads(options.cell)

    import torch

    from unmixing.errors import UnmixingError
    from unmixing.provenance import provenance
    from unmixing.reference import committed_runs
    from unmixing.scenes.dataset import endmember_count, open_scene
    from unmixing.seeds import Streams, run_streams
    from unmixing.store import CellStore, write_json
    from unmixing.training.cell import Progress, run_cell
    from unmixing.training.reconstruction import Estimate, Schedule, train

    torch.set_num_threads(options.threads)
    torch.use_deterministic_algorithms(True, warn_only=cell["device"] != "cpu")
    if cell["device"] != "cpu" and not torch.cuda.is_available():
        raise UnmixingError(f"device {cell['device']} is not to be had on this machine: set device: cpu")
    scene = open_scene(options.scene)
    cube = scene["cube"].to_numpy()
    count = endmember_count(scene)
    schedule = Schedule(**cell["schedule"])
    recipe = {
        **{key: cell[key] for key in ("phase", "scene", "setting", "schedule", "fields", "entropy", "device", "code")},
        "scene_sha256": scene.attrs["content_sha256"],
        "endmembers": count,
    }
    store = CellStore.open(options.store, cell["phase"], cell["protocol"], cell["scene"], cell["setting"], recipe)

    def streams(run: int) -> Streams:
        return run_streams(
            cell["entropy"], cell["scene"], run, shared_weights=cell["fields"]["initial_weights"] == "shared"
        )

    def one(run: int, on_epoch: Any) -> Estimate:  # noqa: ANN401 -- a callback
        return train(cube, count, schedule, cell["fields"], streams(run), cell["device"], on_epoch)

    def record(run: int) -> dict[str, Any]:
        return {
            "id": f"{cell['phase']}/{cell['protocol']}/{cell['scene']}/{cell['setting']}/{run}",
            "recipe": store.folder.name,
            "entropy": cell["entropy"],
            "seeds": streams(run).record(),
            "provenance": provenance(threads=options.threads, device=cell["device"]),
        }

    options.log.parent.mkdir(parents=True, exist_ok=True)
    with options.log.open("a", encoding="utf-8", buffering=1) as log:

        def detail(text: str) -> None:
            log.write(f"{datetime.datetime.now().astimezone().isoformat(timespec='seconds')} {text}\n")

        def line(text: str) -> None:
            detail(text)
            print(text, flush=True)

        label = f"{cell['phase']} {cell['protocol']} {cell['scene']}"
        detail(f"{label}: recipe {store.folder.name} {json.dumps(recipe, sort_keys=True)}")
        known = committed_runs(options.reference, cell, store.folder.name, options.scoring) if options.reference else []
        committed = [run for run in known if run < cell["runs"] and not store.path(run).exists()]
        if committed:
            line(f"{label}: {len(committed)} of {cell['runs']} runs are taken from {options.reference}")
        run_cell(store, label, cell["runs"], one, record, Progress(line, detail), committed)
    write_json(
        options.manifest,
        {
            **{key: cell[key] for key in ("phase", "protocol", "scene", "setting", "runs")},
            "recipe": store.folder.name,
            "committed": committed,
        },
    )
    return 0
