"""Scores the runs of one phase, protocol and scene: rows for tables, matched spectra for figures."""

import argparse
import json
from pathlib import Path
from typing import Any


def main(arguments: list[str]) -> int:
    """Write run rows and spectra."""
    parser = argparse.ArgumentParser(prog="unmixing evaluate", description=__doc__)
    parser.add_argument("--manifests", type=Path, nargs="+", required=True, help="manifests of the cells")
    parser.add_argument("--scene", type=Path, required=True, help="the scene, NetCDF")
    parser.add_argument("--store", type=Path, required=True, help="the run store")
    parser.add_argument("--matching", choices=["optimal", "greedy"], required=True, help="of endmembers")
    parser.add_argument("--rows", type=Path, required=True, help="Parquet file to write, a row a run and endmember")
    parser.add_argument("--spectra", type=Path, required=True, help="Parquet file to write, a row a band")
    parser.add_argument("--abundances", type=Path, required=True, help="Parquet file to write, maps of the median run")
    parser.add_argument("--reference", type=Path, help="committed evidence, for runs that were taken from it")
    options = parser.parse_args(arguments)

    import pandas as pd

    from unmixing.errors import UnmixingError
    from unmixing.evaluation import abundance_rows, median_run, references, score_run, spectra_rows
    from unmixing.provenance import provenance
    from unmixing.reference import committed_rows
    from unmixing.scenes.dataset import open_scene
    from unmixing.store import CellStore, write_parquet

    scene = open_scene(options.scene)
    known = references(scene)
    rows: list[Any] = []
    spectra, abundances, recipes = [], [], {}
    seconds = 0.0
    for path in options.manifests:
        cell = json.loads(path.read_text(encoding="utf-8"))
        place = [cell[key] for key in ("phase", "protocol", "scene", "setting", "recipe")]
        store = CellStore(options.store.joinpath(*place))
        recipes["/".join(place[:-1])] = cell["recipe"]
        place_of_run = {key: cell[key] for key in ("phase", "protocol", "scene", "setting")}
        of_cell = []
        for run in range(cell["runs"]):
            if run in cell["committed"]:
                continue
            try:
                arrays, record = store.read(run)
            except UnmixingError as fault:
                raise UnmixingError(f"{fault}; delete {path} first, which says that it is finished") from None
            scored, endmembers = score_run(arrays, record, known, options.matching)
            seconds += record["seconds"]
            identity = {
                "id": record["id"],
                **place_of_run,
                "scene_kind": scene.attrs["kind"],
                "regime": "",
                "run": run,
                "recipe": cell["recipe"],
                "endmember_count_warning": scene.attrs.get("endmember_count_warning", ""),
            }
            if identity["endmember_count_warning"]:
                scored = [{**row, "uses_truth": "none"} for row in scored]  # the count was estimated, not told
            of_cell += [{**identity, **row} for row in scored]
            spectra.append(spectra_rows(run, endmembers, scored, known).assign(**place_of_run))
        if cell["committed"]:
            of_evidence = (cell, cell["recipe"], cell["committed"])
            evidence = committed_rows(options.reference, "runs", *of_evidence)
            rows += [{str(key): value for key, value in row.items()} for row in evidence.to_dict("records")]
            spectra.append(committed_rows(options.reference, "spectra", *of_evidence))
        rows += of_cell
        if (middle := median_run(of_cell)) is not None:
            maps = abundance_rows(store.read(middle)[0], known, options.matching)
            abundances.append(maps.assign(run=middle, **place_of_run))
    details = provenance(
        recipes=recipes,
        protocol=cell["protocol"],
        matching=options.matching,
        scene_sha256=scene.attrs["content_sha256"],
        training_seconds=round(seconds, 1),
    )
    frame = pd.DataFrame(rows).astype({"found": "boolean", "sad_rad": float, "reconstruction_angle_rad": float})
    write_parquet(frame, options.rows, details)
    write_parquet(pd.concat(spectra, ignore_index=True), options.spectra, details)
    # A cell without a score has no median run: the file is there, with its columns and no row.
    empty = pd.DataFrame(columns=["scene", "protocol", "run", "endmember", "name", "row", "col"])
    write_parquet(pd.concat(abundances, ignore_index=True) if abundances else empty, options.abundances, details)
    return 0
