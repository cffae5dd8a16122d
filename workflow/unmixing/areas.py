"""Areas of targets found by several methods in a scene whose targets have known areas (DLR HySU)."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from unmixing.classical.abundances import fcls, nnls
from unmixing.errors import UnmixingError
from unmixing.evaluation import References, references, resolved_abundances
from unmixing.metrics import match_endmembers
from unmixing.scenes.hysu import score_areas

if TYPE_CHECKING:
    import xarray as xr


def _library(scene: "xr.Dataset") -> tuple[References, np.ndarray]:
    known = references(scene)
    if known.endmembers is None:
        raise UnmixingError(f"scene {scene.attrs['id']!r} has no library of spectra: areas need the materials")
    return known, known.endmembers.astype(np.float64)


def library_maps(scene: "xr.Dataset") -> dict[str, np.ndarray]:
    """Return areal fractions (rows, columns, K) for the scene's own library of spectra, by method.

    ``nnls_library`` lets the sum of a pixel's fractions be free, ``fcls_library`` holds it at one.
    """
    known, spectra = _library(scene)
    rows, columns, bands = known.cube.shape
    pixels = known.cube.reshape(-1, bands).astype(np.float64)
    return {
        f"{name}_library": np.asarray(solve(pixels, spectra)).reshape(rows, columns, -1)
        for name, solve in (("nnls", nnls), ("fcls", fcls))
    }


def run_maps(scene: "xr.Dataset", arrays: Mapping[str, np.ndarray], matching: str) -> dict[str, np.ndarray]:
    """Return the abundances of a stored run in the order of the scene's library, by kind."""
    known, spectra = _library(scene)
    estimated = np.asarray(arrays["endmembers"], np.float64)
    order, _ = match_endmembers(estimated, spectra, matching)
    return {
        "network": np.asarray(arrays["abundances"], np.float64)[..., order],
        "resolved": resolved_abundances(known.cube, estimated[order]),
    }


def area_rows(scene: "xr.Dataset", maps: Iterable[tuple[str, int, np.ndarray]]) -> list[dict[str, Any]]:
    """Score maps by the areas of the targets.

    Args:
        scene: a scene with targets of known area.
        maps: method, run (-1 where there are none) and abundances (rows, columns, K) in the order of the library.

    Returns:
        One row for each map and target: method, run, material, side (m), known and estimated area (m^2), size of the
        search area (pixels), the material's false area in target-free windows and its detection limit (m^2), and the
        share of windows that targets of this side exceed.

    Raises:
        UnmixingError: the scene has no such targets.
    """
    rows = []
    for method, run, layers in maps:
        scores = score_areas(scene, layers)
        rows += [
            {
                "scene": str(scene.attrs["id"]),
                "method": method,
                "run": run,
                "material": target.material,
                "side_m": target.side_m,
                "known_m2": target.known_m2,
                "estimated_m2": target.estimated_m2,
                "pixels": target.pixels,
                "false_mean_m2": scores.false_mean_m2[target.material],
                "detection_limit_m2": scores.detection_limit_m2[target.material],
                "presence": scores.presence_by_side[target.side_m],
                "windows": scores.windows,
            }
            for target in scores.targets
        ]
    return rows
