"""Computes the classical phase of one scene: methods, oracles and reference rows, scored at once."""

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import xarray as xr


def main(arguments: list[str]) -> int:
    """Write the run rows of all classical methods for one scene."""
    parser = argparse.ArgumentParser(prog="unmixing classical", description=__doc__)
    parser.add_argument("--cell", required=True, help="what the rows depend on, as JSON (Study.classical_cell)")
    parser.add_argument("--scene", type=Path, required=True, help="the scene, NetCDF")
    parser.add_argument("--rows", type=Path, required=True, help="Parquet file to write, a row a run and endmember")
    options = parser.parse_args(arguments)
    cell: dict[str, Any] = json.loads(options.cell)

    import numpy as np
    import pandas as pd

    from unmixing.classical.methods import METHODS, Method, possible
    from unmixing.errors import UnmixingError
    from unmixing.evaluation import references
    from unmixing.evaluation_classical import classical_task, score_classical
    from unmixing.programs.scene_of import open_scene_of
    from unmixing.provenance import provenance
    from unmixing.scenes.dataset import endmember_count
    from unmixing.seeds import seed_sequence, torch_seed
    from unmixing.store import write_parquet

    scene = open_scene_of(options.scene, cell["scene"])
    known = references(scene)
    count = endmember_count(scene)
    estimated = scene.attrs.get("endmember_count_warning", "")
    pixels, truth = classical_task(known)

    def one(method: Method, run: int) -> tuple[list[dict[str, Any]], float]:
        seeds = seed_sequence(cell["entropy"], cell["scene"], "classical", method.stream, run)
        started = time.perf_counter()
        reason = ""
        endmembers = shares = None
        try:
            endmembers, shares = method.solve(pixels, count, np.random.default_rng(seeds), truth)
        except UnmixingError as fault:
            reason = str(fault)
        seconds = round(time.perf_counter() - started, 4)
        rows = score_classical(method, endmembers, shares, known, count, reason)
        drawn = str(torch_seed(seeds)) if method.stream else ""
        if estimated:
            rows = [{**row, "uses_truth": "none"} for row in rows]  # the count was estimated, not told
        return [{**row, "seconds": seconds, "seed_classical": drawn} for row in rows], seconds

    rows: list[dict[str, Any]] = []
    recipes = {}
    for name in cell["methods"]:
        method = METHODS[name]
        if not possible(method, truth):
            print(f"classical {cell['scene']}: {method.title}: left out, the scene has no such references", flush=True)
            continue
        entropy = cell["entropy"] if method.stream else None
        first = _first_run(cell, name, entropy, scene, count)
        recipes[f"classical/described/{cell['scene']}/{name}"] = first["recipe"]
        total = 0.0
        runs = cell["runs"] if method.stream else 1
        for run in range(runs):
            scored, seconds = one(method, run)
            identity = {**first, "id": f"classical/described/{cell['scene']}/{name}/{run}", "run": run}
            rows += [{**identity, **row} for row in scored]
            total += seconds
        print(f"classical {cell['scene']}: {method.title}: n = {runs}, {total:.1f} s", flush=True)
    details = provenance(recipes=recipes, protocol="described", scene_sha256=scene.attrs["content_sha256"])
    write_parquet(pd.DataFrame(rows).astype({"found": "boolean"}), options.rows, details)
    return 0


def _first_run(cell: dict[str, Any], name: str, entropy: int | None, scene: "xr.Dataset", count: int) -> dict[str, Any]:
    """Return what the rows of a method's first run say of where they come from; later runs differ in id and run."""
    from unmixing.store import recipe_hash

    recipe = {
        "phase": "classical",
        "scene": cell["scene"],
        "setting": name,
        "entropy": entropy,
        "code": cell["code"],
        "scene_sha256": scene.attrs["content_sha256"],
        "endmembers": count,
    }
    return {
        "id": f"classical/described/{cell['scene']}/{name}/0",
        "phase": "classical",
        "protocol": "described",
        "scene": cell["scene"],
        "setting": name,
        "scene_kind": scene.attrs["kind"],
        "regime": "",
        "run": 0,
        "recipe": recipe_hash(recipe),
        "entropy": "" if entropy is None else str(entropy),
        "endmember_count_warning": scene.attrs.get("endmember_count_warning", ""),
    }
