"""Scores of an estimate against references. Angles are in radians and computed in float64."""

import numpy as np
from scipy.optimize import linear_sum_assignment

from unmixing.errors import UnmixingError


def spectral_angle(a: np.ndarray, b: np.ndarray, axis: int = -1) -> np.ndarray:
    """Return the angle between spectra, invariant to a positive gain of either (equation 18).

    Computed as 2 atan2(|u - v|, |u + v|) of the unit spectra: exact near zero, where the arccosine of a rounded
    cosine is not.

    Args:
        a: spectra, any shape that broadcasts against ``b``.
        b: spectra.
        axis: the spectral axis.

    Returns:
        Radians within [0, pi]; pi/2 where either spectrum is zero, NaN where either holds NaN.
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    norm_a = np.linalg.norm(a, axis=axis, keepdims=True)
    norm_b = np.linalg.norm(b, axis=axis, keepdims=True)
    u = a / np.where(norm_a == 0, 1, norm_a)
    v = b / np.where(norm_b == 0, 1, norm_b)
    angle = 2 * np.arctan2(np.linalg.norm(u - v, axis=axis), np.linalg.norm(u + v, axis=axis))
    undefined = np.squeeze((norm_a == 0) | (norm_b == 0), axis=axis)
    return np.where(undefined, np.pi / 2, angle)


def match_endmembers(
    estimated: np.ndarray, reference: np.ndarray, method: str = "optimal"
) -> tuple[np.ndarray, np.ndarray]:
    """Pair estimated endmembers with references by their spectral angle distance (SAD).

    Args:
        estimated: (K', bands), K' at least K.
        reference: (K, bands).
        method: ``optimal`` minimises the mean SAD (assignment problem); ``greedy`` takes the smallest SAD left,
            again and again, as the released code does.

    Returns:
        ``order`` (K,) and ``sad`` (K,) in radians: ``estimated[order[k]]`` belongs to ``reference[k]``.

    Raises:
        UnmixingError: fewer estimates than references, different numbers of bands, values that are not finite,
            or an unknown method.
    """
    estimated, reference = np.atleast_2d(estimated), np.atleast_2d(reference)
    if estimated.shape[1] != reference.shape[1]:
        raise UnmixingError(
            f"endmembers have {estimated.shape[1]} bands, references {reference.shape[1]}: resample one of them"
        )
    if len(estimated) < len(reference):
        raise UnmixingError(
            f"{len(estimated)} endmembers cannot be matched with {len(reference)} references: estimate as many"
        )
    angles = spectral_angle(estimated[:, None], reference[None])
    if not np.isfinite(angles).all():
        raise UnmixingError("endmembers hold values that are not finite: score only runs whose status is ok")
    if method == "optimal":
        chosen, of = linear_sum_assignment(angles)
        order = chosen[np.argsort(of)]
    elif method == "greedy":
        order = np.zeros(len(reference), dtype=np.intp)
        left = angles.copy()
        for _ in range(len(reference)):
            row, column = np.unravel_index(np.argmin(left), left.shape)
            order[column] = row
            left[row, :] = left[:, column] = np.inf
    else:
        raise UnmixingError(f"matching is optimal or greedy, not {method!r}: correct the protocol")
    return order, angles[order, np.arange(len(reference))]


def pairwise_angles(endmembers: np.ndarray) -> np.ndarray:
    """Return the angles (K, K) in radians between endmembers (K, bands), with infinity on the diagonal."""
    angles = spectral_angle(endmembers[:, None], endmembers[None])
    np.fill_diagonal(angles, np.inf)
    return angles


def collapse_angle(endmembers: np.ndarray) -> float:
    """Return the smallest angle in radians between two of the endmembers (K, bands); infinity for one.

    A zero spectrum is no endmember: with one among several the angle is 0.
    """
    spectra = np.asarray(endmembers)
    if len(spectra) > 1 and not spectra.any(axis=1).all():
        return 0.0
    return float(pairwise_angles(spectra).min())


COLLAPSE_WITHOUT_REFERENCES = 0.03
"""Radians: where a scene has no references, endmembers closer than this have collapsed onto each other."""


def collapse_threshold(reference: np.ndarray | None) -> float:
    """Return the angle in radians below which two estimated endmembers count as one.

    Half the smallest angle between the scene's references (K, bands), or .03 without references.
    """
    if reference is None or len(reference) < 2:
        return COLLAPSE_WITHOUT_REFERENCES
    return collapse_angle(reference) / 2


def found(sad: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return which endmembers were found: SAD below half the angle of the reference to its nearest neighbour.

    Args:
        sad: (..., K), radians, in the order of the references.
        reference: (K, bands), K at least 2; a single reference is found below pi/4.
    """
    nearest = pairwise_angles(np.asarray(reference)).min(axis=1)
    return np.asarray(sad < np.minimum(nearest, np.pi / 2) / 2)


def abundance_rmse(estimated: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return the root mean square error of each endmember's abundance map.

    Args:
        estimated: (rows, columns, K), matched to the references.
        reference: (rows, columns, K).

    Returns:
        (K,). The root of the mean of its squares is the run's aRMSE.
    """
    difference = np.asarray(estimated, np.float64) - np.asarray(reference, np.float64)
    return np.asarray(np.sqrt(np.mean(difference**2, axis=(0, 1))))
