"""Hands classical methods their task and scores their runs: the same run rows as those of the trained models."""

from typing import Any

import numpy as np

from unmixing.classical.methods import METHODS, Method, Truth
from unmixing.classical.reference_rows import mean_of_references
from unmixing.evaluation import (
    References,
    areal_references,
    in_convention,
    physical_references,
    resolved_abundances,
    seen_references,
)
from unmixing.metrics import abundance_rmse, collapse_angle, collapse_threshold, found, match_endmembers, spectral_angle


def classical_task(known: References) -> tuple[np.ndarray, Truth]:
    """Return what methods are given of a scene: its pixels, and the truth for those that may know it.

    Returns:
        The pixels that were seen (N, bands), and the reference endmembers, in the pixels' scale where it is known,
        with the abundances (N, K) of these pixels.
    """
    known = seen_references(known)
    scaled = physical_references(known)
    abundances = None if known.abundances is None else known.abundances.reshape(-1, known.abundances.shape[-1])
    truth = Truth(known.endmembers if scaled is None else scaled, abundances)
    return known.cube.reshape(-1, known.cube.shape[-1]), truth


def score_mean_of_references(spectra: np.ndarray, names: list[str]) -> list[dict[str, Any]]:
    """Score the mean of the references (K, bands) for a scene whose cube is missing: the method needs no pixel."""
    count, bands = spectra.shape
    known = References(np.empty((0, 0, bands)), np.empty(bands), names, spectra, None)
    return score_classical(METHODS["mean_of_references"], mean_of_references(spectra), None, known, count)


def score_classical(
    method: Method,
    endmembers: np.ndarray | None,
    abundances: np.ndarray | None,
    known: References,
    count: int,
    reason: str = "",
) -> list[dict[str, Any]]:
    """Score one run.

    Args:
        method: what made the estimate.
        endmembers: (K, bands); None if the method failed. A row of NaN has no score.
        abundances: (N, K) of the pixels that were seen, as the method gives them, or None.
        known: the scene's references.
        count: K.
        reason: why the method failed.

    Returns:
        One row for each endmember, in the order of the references. ``abundance_rmse_raw`` compares the method's
        abundances with the references as both are; ``abundance_rmse_resolved`` solves them again as for a model
        without a scale; ``_areal`` and ``_convention`` compare within one convention.
    """
    known = seen_references(known)
    missing = np.full(count, np.nan)
    sad = raw = resolved = areal = convention = missing
    was_found: list[bool | None] = [None] * count
    collapse = angle = np.nan
    scale = ""
    status = "diverged" if endmembers is None else "ok"
    uses_truth = method.uses_truth
    if endmembers is not None:
        order = np.arange(count)
        if known.endmembers is not None:
            if method.ordered:
                sad = spectral_angle(endmembers, known.endmembers)
            else:
                order, sad = match_endmembers(endmembers, known.endmembers)
                uses_truth = "matching"
            is_found = found(sad, known.endmembers)
            was_found = [None if np.isnan(value) else bool(is_found[k]) for k, value in enumerate(sad)]
        matched = endmembers[order]
        whole = bool(np.isfinite(matched).all())
        if whole:
            collapse = collapse_angle(matched)
            limit = collapse_threshold(known.endmembers)
            # Rows that only give a table its scale cannot fail.
            if method.role == "method" and collapse < limit:
                status, reason = "collapsed", f"two endmembers are {collapse:.3f} rad apart, below {limit:.3f}"
        if abundances is not None:
            pixels = known.cube.reshape(-1, known.cube.shape[-1])
            angle = float(spectral_angle(pixels, abundances @ endmembers).mean())
        if abundances is not None and whole and known.abundances is not None:
            shares = abundances[:, order].reshape(*known.cube.shape[:2], count)
            raw = abundance_rmse(shares, known.abundances)
            resolved = abundance_rmse(resolved_abundances(known.cube, matched), known.abundances)
            maxima = matched.max(axis=-1)
            truth = areal_references(known)
            if method.physical and truth is not None:
                areal = abundance_rmse(shares, truth)
            if method.physical:
                converted, scale = in_convention(shares, maxima, known)
            else:
                # Only products of a factorisation have a scale: with endmembers of maximum one they are
                # brightness-weighted shares whatever scale the factors were given.
                weighted = shares * maxima
                converted, scale = in_convention(weighted / weighted.sum(axis=-1, keepdims=True), None, known)
            convention = missing if converted is None else abundance_rmse(converted, known.abundances)
    return [
        {
            "endmember": k + 1,
            "name": known.names[k] if len(known.names) == count else f"endmember {k + 1}",
            "sad_rad": sad[k],
            "sad_late_mean_rad": np.nan,
            "sad_late_sd_rad": np.nan,
            "found": was_found[k],
            "abundance_rmse_network": np.nan,
            "abundance_rmse_raw": raw[k],
            "abundance_rmse_resolved": resolved[k],
            "abundance_rmse_areal": areal[k],
            "abundance_rmse_convention": convention[k],
            "abundance_convention": known.convention if known.abundances is not None else "",
            "abundance_scale": scale,
            "reconstruction_angle_rad": angle,
            "collapse_angle_rad": collapse,
            "epochs": 0,
            "updates": 0,
            "status": status,
            "reason": reason,
            "uses_truth": uses_truth,
        }
        for k in range(count)
    ]
