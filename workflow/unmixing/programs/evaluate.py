"""Scores the runs of one phase, protocol and scene: rows for tables, matched spectra for figures."""

import argparse
from pathlib import Path
from typing import Any

#: A run's place in its phase's design, and what stands there in phases without such a factor.
DESIGN = {"treatment": "", "regime": "", "images": 0, "stream": -1, "image_set": -1, "initialisation": -1}


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
    parser.add_argument("--scoring", required=True, help="version of the code that scores, kept with the rows")
    options = parser.parse_args(arguments)

    import pandas as pd

    from unmixing.errors import UnmixingError
    from unmixing.evaluation import abundance_rows, median_run, references, score_run, spectra_rows
    from unmixing.provenance import provenance
    from unmixing.reference import committed_rows
    from unmixing.scenes.dataset import open_scene
    from unmixing.store import CellStore, read_cells, write_parquet

    scene = open_scene(options.scene)
    known = references(scene)
    rows: list[Any] = []
    spectra, abundances, recipes = [], [], {}
    training: list[dict[str, Any]] = []
    cells = [(manifest, cell) for manifest in options.manifests for cell in read_cells([manifest])]
    for manifest, cell in cells:
        store = CellStore.of_manifest(options.store, cell)
        place_of_run = {key: cell[key] for key in ("phase", "protocol", "scene", "setting")}
        recipes["/".join(place_of_run.values())] = cell["recipe"]
        of_cell = []
        for run in range(cell["runs"]):
            if run in cell["committed"]:
                continue
            try:
                arrays, record = store.read(run)
            except UnmixingError as fault:
                raise UnmixingError(f"{fault}; delete {manifest} first, which says that it is finished") from None
            scored, endmembers = score_run(arrays, record, known, options.matching)
            if record["provenance"] not in training:
                training.append(record["provenance"])
            identity = {
                "id": record["id"],
                **place_of_run,
                "scene_kind": scene.attrs["kind"],
                **{key: record.get(key, other) for key, other in DESIGN.items()},
                "run": run,
                "precision": cell["precision"],
                "recipe": cell["recipe"],
                "scoring": options.scoring,
                "endmember_count_warning": scene.attrs.get("endmember_count_warning", ""),
            }
            if identity["endmember_count_warning"]:
                scored = [{**row, "uses_truth": "none"} for row in scored]  # the count was estimated, not told
            of_cell += [{**identity, **row} for row in scored]
            spectra.append(spectra_rows(run, endmembers, scored, known).assign(**place_of_run))
        if cell["committed"]:
            of_evidence = (cell, cell["recipe"], cell["committed"])
            evidence = committed_rows(options.reference, "runs", *of_evidence)
            of_cell += [{str(key): value for key, value in row.items()} for row in evidence.to_dict("records")]
            training.append({"committed evidence": str(options.reference), "runs": cell["committed"]})
            spectra.append(committed_rows(options.reference, "spectra", *of_evidence))
        rows += of_cell
        middle = median_run(of_cell)
        # A run of the committed evidence left its scores and spectra, but no maps.
        if middle is not None and middle not in cell["committed"]:
            maps = abundance_rows(store.read(middle)[0], known, options.matching)
            abundances.append(maps.assign(run=middle, **place_of_run))
    details = provenance(
        recipes=recipes,
        protocol=cell["protocol"],
        matching=options.matching,
        scene_sha256=scene.attrs["content_sha256"],
        scoring=options.scoring,
        training=training,
        training_seconds=round(sum({row["id"]: row["seconds"] for row in rows}.values()), 1),
    )
    frame = pd.DataFrame(rows).astype({"found": "boolean", "sad_rad": float, "reconstruction_angle_rad": float})
    write_parquet(frame, options.rows, details)
    write_parquet(pd.concat(spectra, ignore_index=True), options.spectra, details)
    # A cell without a score has no median run: the file is there, with its columns and no row.
    empty = pd.DataFrame(columns=["scene", "protocol", "run", "endmember", "name", "row", "col"])
    write_parquet(pd.concat(abundances, ignore_index=True) if abundances else empty, options.abundances, details)
    return 0
