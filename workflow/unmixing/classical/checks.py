"""What every classical method asks of its arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unmixing.errors import UnmixingError

# Rows of pixels that are turned to float64 at once: 20,000 x 200 bands are 32 MB.
CHUNK = 20_000


def as_matrix(values: ArrayLike, what: str) -> NDArray[Any]:
    """Give values as a finite matrix of numbers, without copying where that is possible.

    Args:
        values: array-like of shape (rows, columns).
        what: what the rows are, for the message ("pixels").

    Returns:
        The matrix; float32 and float64 keep their type, anything else becomes float64.

    Raises:
        UnmixingError: it is no matrix, has no columns, or holds a value that is not finite.
    """
    matrix = np.asarray(values)
    if matrix.dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
        matrix = matrix.astype(np.float64)
    if matrix.ndim != 2 or matrix.shape[1] == 0:
        raise UnmixingError(f"{what} have shape {matrix.shape}; hand over a matrix with one row for each")
    if not np.isfinite(matrix).all():
        bad = int((~np.isfinite(matrix).all(axis=1)).sum())
        raise UnmixingError(f"{bad} of {len(matrix)} {what} hold values that are not finite; mask them first")
    return matrix


def as_mixture(pixels: ArrayLike, endmembers: ArrayLike) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Check pixels and endmembers that belong together.

    Args:
        pixels: (N, bands).
        endmembers: (K, bands).

    Returns:
        The pixels in their own floating type, and the endmembers in float64.

    Raises:
        UnmixingError: one is no finite matrix, there is no endmember, or their bands differ.
    """
    mixed = as_matrix(pixels, "pixels")
    pure = as_matrix(endmembers, "endmembers").astype(np.float64)
    if len(pure) == 0:
        raise UnmixingError("there are no endmembers to unmix with; hand over at least one spectrum")
    if mixed.shape[1] != pure.shape[1]:
        raise UnmixingError(
            f"pixels have {mixed.shape[1]} bands and endmembers {pure.shape[1]}; bring both to the same bands first"
        )
    return mixed, pure


def check_count(pixels: NDArray[Any], k: int, most: int) -> None:
    """Refuse a number of endmembers that the pixels cannot give.

    Args:
        pixels: (N, bands).
        k: number of endmembers asked for.
        most: the largest number the method can find with so many bands.

    Raises:
        UnmixingError: k is below one, above ``most``, or above the number of pixels.
    """
    limit = min(most, len(pixels))
    if not 1 <= k <= limit:
        raise UnmixingError(
            f"cannot find {k} endmembers in {len(pixels)} pixels of {pixels.shape[1]} bands; ask for 1 to {limit}"
        )
