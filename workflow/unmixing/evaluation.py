"""Scores the stored estimates of a cell against its scene: run rows and matched spectra.

Training saves estimates and this module scores them, so a corrected metric never trains again.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from unmixing.classical.abundances import areal_to_reference, reference_to_areal, scls
from unmixing.classical.reference_rows import attainable_floor
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
        convention: how the reference abundances were made: ``nnls_sum_max`` (shares weighted by brightness),
            ``nnls_sum_raw``, ``areal`` (both shares of area) or ``unknown``.
        valid: (rows, columns), which pixels were seen: the others show a neighbour and are never scored. None if
            all were.
    """

    cube: np.ndarray
    wavelength: np.ndarray
    names: list[str]
    endmembers: np.ndarray | None
    abundances: np.ndarray | None
    convention: str = "unknown"
    valid: np.ndarray | None = None


def references(scene: "xr.Dataset") -> References:
    """Return the references that a scene dataset holds."""
    return References(
        cube=scene["cube"].to_numpy(),
        wavelength=scene["wavelength"].to_numpy(),
        names=[str(name) for name in scene["name"].to_numpy()] if "name" in scene.coords else [],
        endmembers=scene["endmembers"].to_numpy() if "endmembers" in scene else None,
        abundances=scene["abundances"].to_numpy() if "abundances" in scene else None,
        convention=str(scene.attrs.get("abundance_convention", "unknown")),
        valid=scene["valid"].to_numpy().astype(bool) if "valid" in scene else None,
    )


def seen(maps: np.ndarray, valid: np.ndarray | None) -> np.ndarray:
    """Return the pixels (1, N, ...) of maps (rows, columns, ...) that were seen; maps without a mask as they are."""
    return maps if valid is None else maps[valid][None]


def seen_references(known: References) -> References:
    """Return references whose pixels are those that were seen, in one row, and that have no mask."""
    abundances = None if known.abundances is None else seen(known.abundances, known.valid)
    return replace(known, cube=seen(known.cube, known.valid), abundances=abundances, valid=None)


def physical_references(known: References) -> np.ndarray | None:
    """Return the reference endmembers in the scale of the cube, (K, bands) float64, or None where it is lost.

    Most scenes keep it. Samson's references were divided by their own maximum: there the gain that brings each
    nearest to the mean of its nearly pure pixels (abundance above .95) restores it.
    """
    if known.endmembers is None:
        return None
    spectra = known.endmembers.astype(np.float64)
    if not np.allclose(spectra.max(axis=-1), 1, atol=0.01):
        return spectra
    if known.abundances is None:
        return None
    known = seen_references(known)
    assert known.abundances is not None
    count, bands = spectra.shape
    pure = attainable_floor(known.cube.reshape(-1, bands), known.abundances.reshape(-1, count))
    gain = (pure * spectra).sum(axis=1) / (spectra**2).sum(axis=1)
    return spectra * gain[:, None] if np.isfinite(gain).all() else None


def areal_references(known: References) -> np.ndarray | None:
    """Return the reference abundances as shares of area, (rows, columns, K), or None where that is unknown."""
    if known.abundances is None or known.convention == "unknown":
        return None
    if known.convention != "nnls_sum_max":
        return known.abundances
    spectra = physical_references(known)
    return None if spectra is None else reference_to_areal(known.abundances, spectra.max(axis=-1))


def in_convention(shares: np.ndarray, maxima: np.ndarray | None, known: References) -> tuple[np.ndarray | None, str]:
    """Bring abundances into the convention of the scene's references.

    Args:
        shares: (..., K), matched to the references: shares of area if ``maxima`` is given, else shares weighted by
            brightness (solved with endmembers of maximum one).
        maxima: (K,) largest value of each of the method's own endmembers; None for endmembers without a scale.
        known: the scene's references.

    Returns:
        The abundances, or None where the convention is unknown; and whose scale was used: ``own``, or ``references
        (oracle)`` where a method without a scale had to be given that of the references.
    """
    if known.abundances is None or known.convention == "unknown":
        return None, ""
    if known.convention == "nnls_sum_max":
        return (shares if maxima is None else areal_to_reference(shares, maxima)), "own"
    if maxima is not None:
        return shares, "own"
    spectra = physical_references(known)
    return (None, "") if spectra is None else (reference_to_areal(shares, spectra.max(axis=-1)), "references (oracle)")


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
        Errors of abundances are those of the pixels that were seen.
    """
    network = seen(arrays["abundances"], known.valid)
    known = seen_references(known)
    estimated = arrays["endmembers"].astype(np.float64)
    count = len(estimated)
    names = known.names if len(known.names) == count else [f"endmember {k + 1}" for k in range(count)]
    missing = np.full(count, np.nan)
    sad, late_mean, late_deviation = missing, missing, missing
    network_error, resolved_error, convention_error, scale = missing, missing, missing, ""
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
            network_error = abundance_rmse(network[..., order], known.abundances)
            resolved = resolved_abundances(known.cube, estimated[order])
            resolved_error = abundance_rmse(resolved, known.abundances)
            converted, scale = in_convention(resolved, None, known)
            convention_error = missing if converted is None else abundance_rmse(converted, known.abundances)
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
            # Endmembers from a spectral-angle loss have no physical scale, so there are no shares of area.
            "abundance_rmse_areal": np.nan,
            "abundance_rmse_convention": convention_error[k],
            "abundance_convention": known.convention if known.abundances is not None else "",
            "abundance_scale": scale,
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


def median_run(rows: list[dict[str, Any]]) -> int | None:
    """Return the run whose mean SAD is the median of its cell (the lower one of two); None without a score.

    Args:
        rows: run rows of one cell.
    """
    means: dict[int, list[float]] = {}
    for row in rows:
        if row["status"] != "diverged" and not np.isnan(row["sad_rad"]):
            means.setdefault(row["run"], []).append(row["sad_rad"])
    ranked = sorted(means, key=lambda run: (float(np.mean(means[run])), run))
    return ranked[(len(ranked) - 1) // 2] if ranked else None


def abundance_rows(arrays: dict[str, np.ndarray], known: References, matching: str) -> "pd.DataFrame":
    """Return a run's abundance maps beside the references, one row for each pixel and endmember.

    Args:
        arrays: the run's stored arrays.
        known: the scene's references, with endmembers.
        matching: ``optimal`` or ``greedy``.

    Returns:
        Columns endmember, name, row, col, reference (NaN without), network, resolved; ``resolved`` is in the
        convention of the references where that is known. Pixels that were not seen are NaN in all three.
    """
    import pandas as pd

    assert known.endmembers is not None
    order, _ = match_endmembers(arrays["endmembers"].astype(np.float64), known.endmembers, matching)
    resolved = resolved_abundances(known.cube, arrays["endmembers"][order])
    converted, scale = in_convention(resolved, None, known)
    rows, columns, count = resolved.shape
    reference = np.full_like(resolved, np.nan) if known.abundances is None else known.abundances
    maps = {
        "reference": reference,
        "network": arrays["abundances"][..., order],
        "resolved": resolved if converted is None else converted,
    }
    if known.valid is not None:
        maps = {name: np.where(known.valid[..., None], values, np.nan) for name, values in maps.items()}
    row, col, endmember = np.indices((rows, columns, count)).reshape(3, -1)
    return pd.DataFrame(
        {
            "endmember": endmember + 1,
            "name": np.array(known.names)[endmember],
            "row": row,
            "col": col,
            **{name: np.asarray(values, np.float32).ravel() for name, values in maps.items()},
            "scale": scale,
        }
    )
