"""Scores the runs of one phase, protocol and scene: rows for tables, matched spectra for figures."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import xarray as xr

    from unmixing.reference import Kind

#: A run's place in its phase's design, and what stands there in phases without such a factor.
DESIGN = {"treatment": "", "regime": "", "images": 0, "stream": -1, "image_set": -1, "initialisation": -1}

#: What names a cell.
PLACE = ("phase", "protocol", "scene", "setting")

#: What rows of the contrastive phases keep of their point.
POINT = ("loss", "temperature", "weight", "sigma", "patch_size", "batch_size", "head", "label_source")


def main(arguments: list[str]) -> int:
    """Write run rows and spectra."""
    options = _parser().parse_args(arguments)

    import pandas as pd

    from unmixing.errors import UnmixingError
    from unmixing.evaluation import abundance_rows, median_run, references, score_run, spectra_rows
    from unmixing.programs.scene_of import open_scene_of
    from unmixing.provenance import provenance
    from unmixing.store import CellStore, write_parquet

    cells = distinct_cells(options.manifests)
    scene = open_scene_of(options.scene, cells[0][1]["scene"])
    known = references(scene)
    rows: list[Any] = []
    spectra, abundances, recipes = [], [], {}
    training: list[dict[str, Any]] = []
    curves = []
    for manifest, cell in cells:
        if "failed" in cell:
            rows += failed_rows(cell, scene, options.scoring)
            continue
        # What the audit scores otherwise are the runs of another cell.
        store = CellStore.of_manifest(options.store, {**cell, **cell.get("stored", {})})
        matching = cell.get("matching", options.matching)
        place_of_run = {key: cell[key] for key in PLACE}
        recipes["/".join(place_of_run.values())] = cell["recipe"]
        of_cell = []
        for run in range(cell["runs"]):
            if run in cell["committed"]:
                continue
            try:
                arrays, record = store.read(run)
            except UnmixingError as fault:
                raise UnmixingError(f"{fault}; delete {manifest} first, which says that it is finished") from None
            scored, endmembers = score_run(arrays, record, known, matching)
            if record["provenance"] not in training:
                training.append(record["provenance"])
            of_cell += run_rows(scored, run, record, cell, scene, options.scoring)
            spectra.append(spectra_rows(run, endmembers, scored, known).assign(**place_of_run))
            curves.append(curve_rows(arrays).assign(**place_of_run, recipe=cell["recipe"], run=run))
        if cell["committed"]:
            evidence = evidence_rows(options.reference, "runs", cell)
            of_cell += [{str(key): value for key, value in row.items()} for row in evidence.to_dict("records")]
            training.append({"committed evidence": str(options.reference), "runs": cell["committed"]})
            spectra.append(evidence_rows(options.reference, "spectra", cell))
            curves.append(evidence_rows(options.reference, "curves", cell))
        rows += of_cell
        middle = median_run(of_cell)
        # A run of the committed evidence left its scores and spectra, but no maps.
        if middle is not None and middle not in cell["committed"]:
            maps = abundance_rows(store.read(middle)[0], known, matching)
            abundances.append(maps.assign(run=middle, **place_of_run))
    details = provenance(
        recipes=recipes,
        protocol=cells[0][1]["protocol"],
        matching=options.matching,
        scene_sha256=scene.attrs["content_sha256"],
        scoring=options.scoring,
        training=training,
        training_seconds=round(sum({row["id"]: row["seconds"] for row in rows}.values()), 1),
    )
    frame = pd.DataFrame(rows).astype({"found": "boolean", "sad_rad": float, "reconstruction_angle_rad": float})
    # Without a training or a score the files are there, with their columns and no row.
    none = pd.DataFrame(columns=[*PLACE, "run"])
    unmapped = pd.DataFrame(columns=["scene", "protocol", "run", "endmember", "name", "row", "col"])
    write_parquet(frame, options.rows, details)
    write_parquet(pd.concat(spectra or [none], ignore_index=True), options.spectra, details)
    write_parquet(
        pd.concat([part for part in curves if len(part)] or [none], ignore_index=True), options.curves, details
    )
    write_parquet(pd.concat(abundances or [unmapped], ignore_index=True), options.abundances, details)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="unmixing evaluate", description=__doc__)
    parser.add_argument("--manifests", type=Path, nargs="+", required=True, help="manifests of the cells")
    parser.add_argument("--scene", type=Path, required=True, help="the scene, NetCDF")
    parser.add_argument("--store", type=Path, required=True, help="the run store")
    parser.add_argument("--matching", choices=["optimal", "greedy"], required=True, help="of endmembers")
    parser.add_argument("--rows", type=Path, required=True, help="Parquet file to write, a row a run and endmember")
    parser.add_argument("--spectra", type=Path, required=True, help="Parquet file to write, a row a band")
    parser.add_argument("--abundances", type=Path, required=True, help="Parquet file to write, maps of the median run")
    parser.add_argument("--curves", type=Path, required=True, help="Parquet file to write, a row a run and epoch")
    parser.add_argument("--reference", type=Path, help="committed evidence, for runs that were taken from it")
    parser.add_argument("--scoring", required=True, help="version of the code that scores, kept with the rows")
    return parser


def run_rows(
    scored: list[dict[str, Any]],
    run: int,
    record: dict[str, Any],
    cell: dict[str, Any],
    scene: "xr.Dataset",
    scoring: str,
) -> list[dict[str, Any]]:
    """Return the rows of a scored run, each with the run's place in the design and where it comes from."""
    warning = scene.attrs.get("endmember_count_warning", "")
    identity = {
        "id": record["id"],
        **{key: cell[key] for key in PLACE},
        "scene_kind": scene.attrs["kind"],
        **{key: record.get(key, other) for key, other in DESIGN.items()},
        "run": run,
        **point_columns(cell, record),
        "peak_memory_bytes": record.get("peak_memory_bytes"),
        "precision": cell["precision"],
        "recipe": cell["recipe"],
        "scoring": scoring,
        "endmember_count_warning": warning,
    }
    # Where the number of endmembers was estimated, a run was not told it.
    uses_truth = record.get("uses_truth") or ("none" if warning else None)
    return [{**identity, **row, **({"uses_truth": uses_truth} if uses_truth else {})} for row in scored]


def evidence_rows(reference: Path, kind: "Kind", cell: dict[str, Any]) -> "pd.DataFrame":
    """Return the committed rows of a cell's runs: its own, and those committed where it has its runs from.

    Raises:
        UnmixingError: the manifest takes a run from the evidence that is no longer there.
    """
    import pandas as pd

    from unmixing.errors import UnmixingError
    from unmixing.reference import committed_rows, reference_file

    found, lacking = [], list(cell["committed"])
    for place in (cell, {**cell, **cell.get("stored", {})}):
        if lacking and reference_file(reference, kind, place).exists():
            part = committed_rows(reference, kind, place, cell["recipe"], lacking)
            lacking = [run for run in lacking if run not in set(part["run"])]
            found.append(part.assign(phase=cell["phase"], setting=cell["setting"]))
    if lacking and kind != "curves":
        name = "/".join(cell[key] for key in PLACE)
        raise UnmixingError(f"{reference} has no {kind} of {name}, runs {lacking}: delete its manifest and start again")
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def distinct_cells(manifests: list[Path]) -> list[tuple[Path, dict[str, Any]]]:
    """Return the cells of manifests with where each stands; one that two jobs made counts once, with most runs.

    The candidates of a search over a whole grid have their first run in a shard, and the others in a job of their own.
    """
    from unmixing.store import read_cells

    found: dict[tuple[str, str], tuple[Path, dict[str, Any]]] = {}
    for manifest in manifests:
        for cell in read_cells([manifest]):
            key = (cell["setting"], cell.get("recipe", ""))
            if key not in found or cell["runs"] > found[key][1]["runs"]:
                found[key] = (manifest, cell)
    return list(found.values())


def point_columns(cell: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    """Return the columns that rows of the contrastive phases have of their place in the design; none elsewhere."""
    return {**cell["design"], **{key: record[key] for key in POINT}} if "design" in cell else {}


def failed_rows(cell: dict[str, Any], scene: "xr.Dataset", scoring: str) -> list[dict[str, Any]]:
    """Return the rows of a configuration that could not be trained on a scene, without any figure."""
    names = [str(name) for name in scene["name"].to_numpy()] if "name" in scene.coords else ["endmember 1"]
    place = {key: cell[key] for key in PLACE}
    missing = float("nan")
    return [
        {
            "id": "/".join([*place.values(), "0"]),
            **place,
            "scene_kind": scene.attrs["kind"],
            **DESIGN,
            "run": 0,
            **cell["design"],
            **{key: cell["point"].get(key) for key in POINT},
            "scoring": scoring,
            "recipe": "",
            "endmember": number + 1,
            "name": name,
            "sad_rad": missing,
            "reconstruction_angle_rad": missing,
            "found": None,
            "seconds": 0.0,
            "status": "failed",
            "reason": cell["failed"],
        }
        for number, name in enumerate(names)
    ]


def curve_rows(arrays: "dict[str, np.ndarray]") -> "pd.DataFrame":
    """Return the curves of a run: one row for each epoch, the loss and what else was kept of the training."""
    import pandas as pd

    kept = {name.removeprefix("curve_"): values for name, values in arrays.items() if name.startswith("curve_")}
    losses = arrays["losses"]
    return pd.DataFrame({"epoch": range(1, len(losses) + 1), "loss": losses, **kept})
