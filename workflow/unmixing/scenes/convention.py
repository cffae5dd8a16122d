"""How reference abundances were made, found by test instead of assumed.

The references of this field were computed by non-negative least squares, divided by their sum; they differ in the
scale of the endmembers. With endmembers divided by their maxima (``nnls_sum_max``) an abundance is a share of
brightness; with the endmembers as they are (``nnls_sum_raw``) it is nearer a share of area.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

Convention = Literal["nnls_sum_max", "nnls_sum_raw", "unknown"]

#: Largest root mean square difference at which references are said to follow a convention.
ACCEPTED_RMSE = 0.01
_PIXELS = 2000


@dataclass(frozen=True)
class ConventionTest:
    """Outcome of the test.

    Attributes:
        convention: the one that is met, or ``"unknown"``.
        rmse_max: difference to NNLS with endmembers divided by their maxima, over its sum.
        rmse_raw: the same with the endmembers as they are.
        pixels: pixels tested.
    """

    convention: Convention
    rmse_max: float
    rmse_raw: float
    pixels: int


def find_convention(
    cube: npt.NDArray[np.generic], abundances: npt.NDArray[np.generic], endmembers: npt.NDArray[np.generic]
) -> ConventionTest:
    """Find the convention of reference abundances.

    Args:
        cube: (rows, cols, bands).
        abundances: (rows, cols, K), laid on the cube.
        endmembers: (K, bands).

    Returns:
        The convention, with the root mean square differences; tested on up to 2,000 pixels evenly spread.
    """
    count = abundances.shape[-1]
    flat = cube.reshape(-1, cube.shape[-1])
    chosen = np.unique(np.linspace(0, flat.shape[0] - 1, _PIXELS).astype(int))
    pixels = np.asarray(flat[chosen], dtype=np.float64)
    reference = np.asarray(abundances, dtype=np.float64).reshape(-1, count)[chosen]
    spectra = np.asarray(endmembers, dtype=np.float64)
    maxima = spectra.max(axis=1, keepdims=True)
    if not (maxima > 0).all():
        return ConventionTest("unknown", float("nan"), float("nan"), len(chosen))
    raw = _rmse(nnls_shares(pixels, spectra), reference)
    normalised = _rmse(nnls_shares(pixels, spectra / maxima), reference)
    convention: Convention = "unknown"
    if min(raw, normalised) <= ACCEPTED_RMSE:
        # endmembers that all share one maximum make both conventions equal; the plainer name is kept
        convention = "nnls_sum_raw" if raw <= normalised else "nnls_sum_max"
    return ConventionTest(convention, normalised, raw, len(chosen))


def nnls_shares(pixels: npt.NDArray[np.float64], endmembers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return non-negative least squares solutions divided by their sums.

    Args:
        pixels: (N, bands).
        endmembers: (K, bands).

    Returns:
        (N, K) shares; a pixel without any is zero.
    """
    # the least squares problem is the same after projection onto the K directions of the endmembers
    orthogonal, triangular = np.linalg.qr(endmembers.T)
    solutions = np.array([nnls(triangular, pixel)[0] for pixel in pixels @ orthogonal])
    totals = solutions.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(solutions, totals, out=np.zeros_like(solutions), where=totals > 0))


def _rmse(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean((first - second) ** 2)))
