"""Sampling of square patches from a scene."""

import numpy as np
import torch

from unmixing.errors import UnmixingError


def random_corners(rows: int, columns: int, size: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return the upper left corners of random patches that lie inside the scene and may overlap.

    Args:
        rows: height of the scene in pixels.
        columns: width of the scene in pixels.
        size: side of a patch in pixels.
        count: number of patches.
        rng: the run's patch stream.

    Returns:
        Integers (count, 2): row and column.

    Raises:
        UnmixingError: a patch does not fit into the scene.
    """
    if size > min(rows, columns):
        raise UnmixingError(
            f"patches of {size}x{size} pixels do not fit into a scene of {rows}x{columns}: lower patch_size"
        )
    return np.stack([rng.integers(0, rows - size + 1, count), rng.integers(0, columns - size + 1, count)], axis=1)


def cut_patches(image: torch.Tensor, corners: np.ndarray, size: int) -> torch.Tensor:
    """Cut patches out of an image.

    Args:
        image: (bands, rows, columns); fastest where the bands of a pixel lie side by side in memory.
        corners: (count, 2), upper left corners.
        size: side of a patch.

    Returns:
        (count, bands, size, size), in channels-last memory layout.
    """
    pixels = image.permute(1, 2, 0)
    patches = torch.stack([pixels[row : row + size, col : col + size] for row, col in corners.tolist()])
    return patches.permute(0, 3, 1, 2)
