"""Sets of augmented images, from which patches are cut.

A set of 90 images of a large scene would take gigabytes. One that does not fit is written to a temporary file without a
name, which vanishes with the process however that ends, and patches are read from it.
"""

import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch

from unmixing.augment import apply_parameters
from unmixing.augmentation.treatments import Parameters
from unmixing.errors import UnmixingError

MOST_BYTES = 1 << 30
"""Sets larger than this go to a file."""


def grid_corners(rows: int, columns: int, size: int) -> np.ndarray:
    """Return the corners (count, 2) of the patches of a grid that starts in the upper left corner.

    What does not fill a patch at the right and at the bottom is left out, as in the released code (audit item B2).

    Raises:
        UnmixingError: a patch does not fit into the images.
    """
    places = [range(0, side - size + 1, size) for side in (rows, columns)]
    if not all(places):
        raise UnmixingError(f"patches of {size}x{size} pixels do not fit images of {rows}x{columns}: lower patch_size")
    return np.array([(row, column) for row in places[0] for column in places[1]])


class ImageSet:
    """Augmented images of one scene, each made once, from which patches are cut."""

    def __init__(
        self, image: torch.Tensor, parameters: Sequence[Parameters], scratch: Path, most_bytes: int = MOST_BYTES
    ) -> None:
        """Make the images.

        Args:
            image: (bands, rows, columns), the scene.
            parameters: of each image, as ``unmixing.augment.draw_parameters`` gives them.
            scratch: folder for a set that is too large for memory.
            most_bytes: how much memory the set may take.

        Raises:
            UnmixingError: the file cannot be written.
        """
        self.bands, self.rows, self.columns = image.shape
        self.count = len(parameters)
        self.device = image.device
        # Copies of the scene are one image.
        self._same = not any(parameters)
        kept = 1 if self._same else self.count
        self._file: int | None = None
        self._images = torch.empty(0)
        if kept * image.numel() * 4 <= most_bytes:
            made = (augmented_pixels(image, drawn) for drawn in (parameters[:1] if self._same else parameters))
            self._images = torch.stack(list(made))
        else:
            self._file = _write((augmented_pixels(image, drawn) for drawn in parameters), scratch)

    def patches(self, images: Sequence[int] | np.ndarray, corners: np.ndarray, size: int) -> torch.Tensor:
        """Cut patches.

        Args:
            images: (N,), the image that each patch is cut from.
            corners: (N, 2), upper left corners.
            size: side of a patch.

        Returns:
            (N, bands, size, size) in channels-last memory.
        """
        places = zip([int(image) for image in images], corners.tolist(), strict=True)
        return torch.stack([self._cut(image, row, col, size) for image, (row, col) in places]).permute(0, 3, 1, 2)

    def _cut(self, image: int, row: int, col: int, size: int) -> torch.Tensor:
        if self._file is None:
            return self._images[0 if self._same else image, row : row + size, col : col + size]
        patch = np.empty((size, size, self.bands), np.float32)
        for line in range(size):
            place = ((image * self.rows + row + line) * self.columns + col) * self.bands * 4
            os.preadv(self._file, [patch[line]], place)
        return torch.from_numpy(patch).to(self.device)

    def close(self) -> None:
        """Give the file back, if there is one."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def augmented_pixels(image: torch.Tensor, drawn: Parameters) -> torch.Tensor:
    """Return the image (bands, rows, columns) as its parameters augment it, (rows, columns, bands)."""
    augmented = apply_parameters(image[None], [drawn])[0] if drawn else image
    return augmented.permute(1, 2, 0).contiguous()


def _write(images: Iterable[torch.Tensor], scratch: Path) -> int:
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=scratch) as handle:
        try:
            for image in images:
                image.cpu().numpy().tofile(handle)
            handle.flush()
        except OSError as fault:
            raise UnmixingError(
                f"augmented images do not fit into {scratch} ({fault}): free space there, or lower `images`"
            ) from None
        return os.dup(handle.fileno())
