"""Scores the runs of one phase, protocol and scene: rows for tables, matched spectra for figures."""

import argparse
import json
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Write run rows and spectra."""
    parser = argparse.ArgumentParser(prog="unmixing evaluate", description=__doc__)
    parser.add_argument("--manifests", type=Path, nargs="+", required=True, help="manifests of the cells")
    parser.add_argument("--scene", type=Path, required=True, help="the scene, NetCDF")
    parser.add_argument("--store", type=Path, required=True, help="the run store")
    parser.add_argument("--matching", choices=["optimal", "greedy"], required=True, help="of endmembers")
    parser.add_argument("--rows", type=Path, required=True, help="Parquet file to write, a row a run and endmember")
    parser.add_argument("--spectra", type=Path, required=True, help="Parquet file to write, a row a band")
    options = parser.parse_args(arguments)

    import pandas as pd

    from unmixing.errors import UnmixingError
    from unmixing.evaluation import references, score_run, spectra_rows
    from unmixing.provenance import provenance
    from unmixing.scenes.dataset import open_scene
    from unmixing.store import CellStore, write_parquet

    scene = open_scene(options.scene)
    known = references(scene)
    rows, spectra, recipes = [], [], {}
    seconds = 0.0
    for path in options.manifests:
        cell = json.loads(path.read_text(encoding="utf-8"))
        place = [cell[key] for key in ("phase", "protocol", "scene", "setting", "recipe")]
        store = CellStore(options.store.joinpath(*place))
        recipes["/".join(place[:-1])] = cell["recipe"]
        for run in range(cell["runs"]):
            try:
                arrays, record = store.read(run)
            except UnmixingError as fault:
                raise UnmixingError(f"{fault}; delete {path} first, which says that it is finished") from None
            scored, endmembers = score_run(arrays, record, known, options.matching)
            seconds += record["seconds"]
            place_of_run = {key: cell[key] for key in ("phase", "protocol", "scene", "setting")}
            identity = {
                "id": record["id"],
                **place_of_run,
                "scene_kind": scene.attrs["kind"],
                "regime": "",
                "run": run,
                "recipe": cell["recipe"],
            }
            rows += [{**identity, **row} for row in scored]
            spectra.append(spectra_rows(run, endmembers, scored, known).assign(**place_of_run))
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
    return 0
