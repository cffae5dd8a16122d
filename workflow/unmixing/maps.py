"""Abundance maps and endmembers of one run, for other programs: GeoTIFF, ENVI or CSV where the input lies.

The run is chosen without labels, by the smallest reconstruction angle: the choice that a user without ground truth
can make. References, where a scene has them, only order and name the endmembers.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unmixing.evaluation import references, resolved_abundances, unit_maximum
from unmixing.metrics import collapse_angle, collapse_threshold, match_endmembers
from unmixing.scenes.georeference import from_text
from unmixing.scenes.writing import write_maps, write_spectra

if TYPE_CHECKING:
    import xarray as xr

Run = tuple[Mapping[str, np.ndarray], Mapping[str, Any]]

RULE = "smallest reconstruction angle of the runs that neither diverged nor collapsed; no reference is used"


def select_run(runs: Sequence[Run]) -> int | None:
    """Return the index of the run with the smallest reconstruction angle; None if every run diverged.

    Diverged runs are left out, and so are collapsed ones (two endmembers closer than .03 rad, the threshold that
    needs no references) unless there is no other; of equal runs the first is taken. A missing angle comes last.

    Args:
        runs: arrays and record of each run, as the run store keeps them.
    """

    def angle(index: int) -> float:
        value = runs[index][1]["reconstruction_angle_rad"]
        return np.inf if value is None else float(value)

    usable = [index for index, (_, record) in enumerate(runs) if record["status"] == "ok"]
    apart = [index for index in usable if collapse_angle(runs[index][0]["endmembers"]) >= collapse_threshold(None)]
    return min(apart or usable, key=angle, default=None)


def write_run(scene: "xr.Dataset", arrays: Mapping[str, np.ndarray], matching: str, folder: Path) -> dict[str, Any]:
    """Write maps and endmembers of a run.

    Writes ``abundances_network`` (the encoder's) and ``abundances_resolved`` (solved again for the estimated
    endmembers, see ``unmixing.evaluation.resolved_abundances``) as CSV and as GeoTIFF, or as ENVI where GeoTIFF
    cannot carry the place, and ``endmembers.csv`` (relative to their maximum).

    Args:
        scene: the scene.
        arrays: the run's stored arrays.
        matching: ``optimal`` or ``greedy``; orders the endmembers where the scene has references.
        folder: where to write; made if need be.

    Returns:
        Names of the endmembers, whether they come from references, the files, and whether they have coordinates.
    """
    known = references(scene)
    endmembers = np.asarray(arrays["endmembers"], np.float64)
    order = np.arange(len(endmembers))
    names = [f"endmember {index + 1}" for index in range(len(endmembers))]
    if known.endmembers is not None:
        order, _ = match_endmembers(endmembers, known.endmembers, matching)
        names = known.names
    spectra = unit_maximum(endmembers[order])
    place = from_text(str(scene.attrs.get("georeference", "")))
    maps = {
        "abundances_network": np.asarray(arrays["abundances"], np.float32)[..., order],
        "abundances_resolved": resolved_abundances(known.cube, endmembers[order]),
    }
    image = ".img" if place and "transform" not in place else ".tif"
    written = []
    for stem, layers in maps.items():
        for ending in (image, ".csv"):
            write_maps(folder / f"{stem}{ending}", layers, names, place, known.valid)
            written.append(f"{stem}{ending}")
    write_spectra(folder / "endmembers.csv", spectra, known.wavelength, names)
    return {
        "endmembers": names,
        "named_by_references": known.endmembers is not None,
        "files": [*written, "endmembers.csv"],
        "georeferenced": bool(place),
    }
