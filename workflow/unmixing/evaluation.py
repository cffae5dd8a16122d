"""Scores the stored estimates of a cell against its scene: run rows and matched spectra.

Training saves estimates and this module scores them, so a corrected metric never trains again.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmixing.classical.abundances import scls
from unmixing.metrics import (
    abundance_rmse,
    collapse_angle,
    collapse_threshold,
    found,
    match_endmembers,
    spectral_angle,
)

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


@dataclass(frozen=True)
class References:
    """What a scene knows of the truth.

    Attributes:
        cube: (rows, columns, bands).
        wavelength: (bands,), nm.
        names: K names.
        endmembers: (K, bands), or None.
        abundances: (rows, columns, K), or None.
    """

    cube: np.ndarray
    wavelength: np.ndarray
    names: list[str]
    endmembers: np.ndarray | None
    abundances: np.ndarray | None


def references(scene: "xr.Dataset") -> References:
    """Return the references that a scene dataset holds."""
    return References(
        cube=scene["cube"].to_numpy(),
        wavelength=scene["wavelength"].to_numpy(),
        names=[str(name) for name in scene["name"].to_numpy()] if "name" in scene.coords else [],
        endmembers=scene["endmembers"].to_numpy() if "endmembers" in scene else None,
        abundances=scene["abundances"].to_numpy() if "abundances" in scene else None,
    )


def unit_maximum(spectra: np.ndarray) -> np.ndarray:
    """Return spectra (..., bands) divided by their largest value; a zero spectrum stays zero."""
    largest = np.abs(spectra).max(axis=-1, keepdims=True)
    return np.asarray(spectra / np.where(largest == 0, 1, largest))


def resolved_abundances(cube: np.ndarray, endmembers: np.ndarray) -> np.ndarray:
    """Return abundances solved again for given endmembers: non-negative least squares, divided by the sum.

    Endmembers from a spectral-angle loss have no scale; each is divided by its maximum first, which is how the
    reference abundances of Samson and Jasper Ridge were made.

    Args:
        cube: (rows, columns, bands).
        endmembers: (K, bands).

    Returns:
        (rows, columns, K).
    """
    rows, columns, bands = cube.shape
    pixels = cube.reshape(rows * columns, bands).astype(np.float64)
    return scls(pixels, unit_maximum(endmembers.astype(np.float64))).reshape(rows, columns, -1)


def score_run(
    arrays: dict[str, np.ndarray], record: dict[str, Any], known: References, matching: str
) -> tuple[list[dict[str, Any]], np.ndarray]:
    """Score one run.

    Args:
        arrays: the run's stored arrays (``unmixing.training.cell``).
        record: what is stored beside them.
        known: the scene's references.
        matching: ``optimal`` or ``greedy``.

    Returns:
        One row for each endmember, in the order of the references; and the endmembers (K, bands) in that order.
    """
    estimated = arrays["endmembers"].astype(np.float64)
    count = len(estimated)
    names = known.names if len(known.names) == count else [f"endmember {k + 1}" for k in range(count)]
    missing = np.full(count, np.nan)
    sad, late_mean, late_deviation = missing, missing, missing
    network_error, resolved_error = missing, missing
    was_found: np.ndarray | list[None] = [None] * count
    order = np.arange(count)
    collapse = np.nan
    status, reason = record["status"], record["reason"]
    if status == "ok":
        if known.endmembers is not None:
            order, sad = match_endmembers(estimated, known.endmembers, matching)
            late = spectral_angle(arrays["late_endmembers"][:, order], known.endmembers[None])
            late_mean = late.mean(axis=0)
            late_deviation = late.std(axis=0, ddof=1) if len(late) > 1 else missing
            was_found = found(sad, known.endmembers)
        if known.abundances is not None:
            network_error = abundance_rmse(arrays["abundances"][..., order], known.abundances)
            resolved = resolved_abundances(known.cube, estimated[order])
            resolved_error = abundance_rmse(resolved, known.abundances)
        collapse = collapse_angle(estimated)
        limit = collapse_threshold(known.endmembers)
        if collapse < limit:
            status = "collapsed"
            reason = f"two estimated endmembers are {collapse:.3f} rad apart, below {limit:.3f}"
    rows = [
        {
            "endmember": k + 1,
            "name": names[k],
            "sad_rad": sad[k],
            "sad_late_mean_rad": late_mean[k],
            "sad_late_sd_rad": late_deviation[k],
            "found": was_found[k],
            "abundance_rmse_network": network_error[k],
            "abundance_rmse_resolved": resolved_error[k],
            "reconstruction_angle_rad": record["reconstruction_angle_rad"],
            "collapse_angle_rad": collapse,
            "epochs": record["epochs"],
            "updates": record["updates"],
            "seconds": record["seconds"],
            "status": status,
            "reason": reason,
            "entropy": str(record["entropy"]),
            **{f"seed_{name}": str(seed) for name, seed in record["seeds"].items()},
            "uses_truth": "matching" if known.endmembers is not None else "K",
        }
        for k in range(count)
    ]
    return rows, estimated[order]


def spectra_rows(run: int, endmembers: np.ndarray, rows: list[dict[str, Any]], known: References) -> "pd.DataFrame":
    """Return a run's matched endmembers beside the references, one row for each band, all of unit maximum."""
    import pandas as pd

    count, bands = endmembers.shape
    estimated = unit_maximum(endmembers)
    reference = (
        np.full_like(estimated, np.nan)
        if known.endmembers is None
        else unit_maximum(known.endmembers.astype(np.float64))
    )
    return pd.DataFrame(
        {
            "run": run,
            "endmember": np.repeat(np.arange(1, count + 1), bands),
            "name": np.repeat([row["name"] for row in rows], bands),
            "band": np.tile(np.arange(bands), count),
            "wavelength_nm": np.tile(known.wavelength, count),
            "estimated": estimated.ravel(),
            "reference": reference.ravel(),
            "status": rows[0]["status"],
        }
    )
