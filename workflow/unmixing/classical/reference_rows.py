"""Rows that give every table of spectral angles its scale: from chance to what the references allow.

Each function gives endmembers as an unmixing method does; matching and angles are the same for all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unmixing.classical.abundances import unit_maximum
from unmixing.classical.checks import as_matrix, as_mixture, check_count
from unmixing.errors import UnmixingError

Matrix = NDArray[np.float64]


def chance(pixels: ArrayLike, k: int, rng: np.random.Generator, draws: int = 25) -> Matrix:
    """Draw pixels at random as endmembers: what a method must beat.

    The mean over draws is chance; the best of n draws is what choosing by the truth makes of chance.

    Args:
        pixels: (N, bands).
        k: number of endmembers, 1 to N.
        rng: draws the pixels, without replacement within a draw.
        draws: number of draws, n.

    Returns:
        (draws, k, bands) float64. Pixels that are zero everywhere have no angle and are not drawn.

    Raises:
        UnmixingError: the pixels are no finite matrix, or fewer than k of them are not zero.
    """
    matrix = as_matrix(pixels, "pixels")
    matrix = matrix[matrix.any(axis=1)]
    check_count(matrix, k, len(matrix))
    chosen = [rng.choice(len(matrix), size=k, replace=False) for _ in range(draws)]
    return np.asarray(matrix[np.array(chosen, dtype=np.intp)], dtype=np.float64)


def mean_of_references(references: ArrayLike) -> Matrix:
    """Answer the mean of the references for every endmember: no material is told from another.

    References count equally whatever their brightness: they are brought to maximum one before the mean.

    Args:
        references: (K, bands).

    Returns:
        (K, bands) float64, K times the same spectrum.

    Raises:
        UnmixingError: the references are no finite matrix, or one has no positive value.
    """
    spectra = unit_maximum(references)
    return np.tile(spectra.mean(axis=0), (len(spectra), 1))


def attainable_floor(pixels: ArrayLike, abundances: ArrayLike, threshold: float = 0.95) -> Matrix:
    """Mean spectrum of each endmember's nearly pure pixels: about the best that the scene's pixels allow.

    Args:
        pixels: (N, bands).
        abundances: (N, K) reference abundances in [0, 1].
        threshold: a pixel counts as pure above this abundance.

    Returns:
        (K, bands) float64; a row of NaN for an endmember without a pure pixel, whose angle stays unknown.

    Raises:
        UnmixingError: shapes do not fit or pixels are not finite.
    """
    matrix = as_matrix(pixels, "pixels")
    shares = np.asarray(abundances, dtype=np.float64)
    if shares.ndim != 2 or len(shares) != len(matrix):
        raise UnmixingError(
            f"abundances have shape {shares.shape} for {len(matrix)} pixels; hand over one row for each pixel"
        )
    floor = np.full((shares.shape[1], matrix.shape[1]), np.nan)
    for index, share in enumerate(shares.T):
        pure = share > threshold
        if pure.any():
            floor[index] = matrix[pure].mean(axis=0, dtype=np.float64)
    return floor


def oracle(pixels: ArrayLike, references: ArrayLike) -> Matrix:
    """The references themselves: angle zero, and what abundances they leave to be explained.

    Args:
        pixels: (N, bands), only to check that the bands fit.
        references: (K, bands).

    Returns:
        (K, bands) float64.

    Raises:
        UnmixingError: shapes do not fit or values are not finite.
    """
    return as_mixture(pixels, references)[1]
