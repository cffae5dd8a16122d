"""Non-negative matrix factorisation: endmembers and abundances from one alternating fit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unmixing.classical.abundances import fcls, nnls
from unmixing.classical.checks import as_matrix, check_count
from unmixing.classical.extraction import vca
from unmixing.errors import UnmixingError

Matrix = NDArray[np.float64]


def nmf(
    pixels: ArrayLike,
    k: int,
    rng: np.random.Generator,
    *,
    volume: float = 0.0,
    tolerance: float = 3e-3,
    max_iterations: int = 100,
) -> tuple[Matrix, Matrix]:
    """Factorise the pixels into non-negative abundances and endmembers.

    Without ``volume`` nothing but non-negativity is asked for: the factorisation is not unique, its
    endmembers can lie outside of the cloud of pixels, and it often fits better while its spectra get worse.
    Fitted by hierarchical alternating least squares with repeated sweeps for each factor (N. Gillis and F. Glineur,
    "Accelerated multiplicative updates and hierarchical ALS algorithms for nonnegative matrix factorization",
    Neural Computation 24, 2012).

    With ``volume`` the mean squared residual (summed over bands) plus ``volume * sum_k |e_k - mean(e)|^2`` is
    minimised with abundances on the simplex: the smallest simplex that explains the pixels, in the manner of
    M. Berman et al., "ICE: a statistical approach to identifying endmembers in hyperspectral images" (IEEE
    Transactions on Geoscience and Remote Sensing 42, 2004), with non-negative endmembers.

    Both start from VCA.

    Args:
        pixels: (N, bands), >= 0 (noise below zero is set to zero).
        k: number of endmembers, 1 to the smaller of N and bands.
        rng: draws the directions of VCA.
        volume: weight of the spread of the endmembers, >= 0, without unit; 1e-3 is a common order.
        tolerance: the fit ends when an iteration changes the endmembers by less than this share of the first
            iteration's change.
        max_iterations: it ends here at the latest.

    Returns:
        Endmembers (k, bands) and abundances (N, k), float64. Without ``volume`` only their product has a
        scale and rows of abundances do not sum to one (``sum_normalised`` makes shares of them); with it they
        do.

    Raises:
        UnmixingError: the pixels are no finite matrix, have no positive value, k does not fit them, or the
            weight is negative.
    """
    matrix = as_matrix(pixels, "pixels")
    check_count(matrix, k, matrix.shape[1])
    if not volume >= 0:
        raise UnmixingError(f"volume of nmf is {volume}; give a number of at least 0")
    matrix = np.maximum(matrix, 0)
    if not matrix.any():
        raise UnmixingError("no pixel has a positive value, so there is nothing to factorise; check the scene")
    # A spectrum that is zero everywhere would never change.
    floor = 1e-9 * float(matrix.max())
    endmembers = np.maximum(vca(matrix, k, rng), floor)
    # (k, N): the sweeps go along rows, which must lie together in memory.
    shares = np.ascontiguousarray(nnls(matrix, endmembers).T)
    spread = volume * len(matrix) * (np.eye(k) - 1 / k)
    first = 0.0
    for _ in range(max_iterations):
        before = endmembers.copy()
        if volume > 0:
            shares = np.ascontiguousarray(fcls(matrix, endmembers).T)
        else:
            _sweep(shares, _product(endmembers, matrix.T), endmembers @ endmembers.T, 0.0)
        projected, gram = _product(shares, matrix), shares @ shares.T + spread
        if volume > 0:
            # The weight couples the endmembers, which makes sweeps alone slow; without bounds this is exact.
            endmembers = np.maximum(np.linalg.solve(gram, projected), floor)
        _sweep(endmembers, projected, gram, floor)
        change = float(np.linalg.norm(endmembers - before))
        first = first or change
        if change <= tolerance * first:
            break
    return endmembers, fcls(matrix, endmembers) if volume > 0 else np.ascontiguousarray(shares.T)


def _product(factor: Matrix, matrix: NDArray[Any]) -> Matrix:
    """The matrix product in the pixels' own precision: float32 pixels would be copied for nothing."""
    return np.asarray(factor.astype(matrix.dtype) @ matrix, dtype=np.float64)


def _sweep(rows: Matrix, projected: Matrix, gram: Matrix, floor: float, sweeps: int = 4) -> None:
    """Minimise over one row after the other, in place.

    Args:
        rows: (k, n), the factor that changes.
        projected: (k, n), the other factor times the pixels.
        gram: (k, k), the other factor times itself.
        floor: smallest value allowed.
        sweeps: rounds over all rows; cheap beside the products.
    """
    for _ in range(sweeps):
        for index, row in enumerate(rows):
            # An endmember that no pixel uses has no gradient and stays as it is.
            if gram[index, index] > 0:
                step = (projected[index] - gram[index] @ rows) / gram[index, index]
                rows[index] = np.maximum(row + step, floor)
