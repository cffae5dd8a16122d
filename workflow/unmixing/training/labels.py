"""Labels of patches for the generalized contrastive loss: mean abundances (equation 20; audit items A2, A3 and A5)."""

from typing import Literal, get_args

import numpy as np
import torch

from unmixing.errors import UnmixingError
from unmixing.models.contrastive import ContrastiveAutoencoder
from unmixing.patches import cut_patches

LabelSource = Literal["reference", "stage1", "online", "permuted"]
Orientation = Literal["cube", "transposed"]
Alignment = Literal["aligned", "first_rows"]

_INSTEAD = {
    "reference": "the scene has no reference abundances; set label_source: stage1 or online",
    "stage1": "train the baseline of this scene first and hand on its abundances, or set label_source: online",
    "permuted": "hand on the abundances that it shuffles: the reference's, or those of the baseline",
}


def label_corners(
    corners: np.ndarray, rows: int, columns: int, size: int, orientation: Orientation = "cube"
) -> np.ndarray:
    """Return where the labels of patches are cut from the abundance maps.

    The released loader transposes the cube and leaves the abundances, and cuts both with the same random state: the
    label of a patch at (row, column) comes from the transposed map's (row, column) (audit item A3). In a scene that is
    not square the transposed map has another range of corners; a random number then falls at the same share of it,
    and so does the middle of the corner's share here. In a square scene the place is exactly (column, row).

    Args:
        corners: (N, 2), upper left corners of patches: row and column.
        rows: height of the scene.
        columns: width of the scene.
        size: side of a patch.
        orientation: ``cube``, or ``transposed``.

    Returns:
        (N, 2), upper left corners in maps that lie as the scene does, all within it.

    Raises:
        UnmixingError: an unknown orientation.
    """
    if orientation == "cube":
        return corners
    if orientation != "transposed":
        raise UnmixingError(f"label_orientation is cube or transposed, not {orientation!r}: correct the protocol")
    down, across = rows - size + 1, columns - size + 1
    return np.stack(
        [(2 * corners[:, 1] + 1) * down // (2 * across), (2 * corners[:, 0] + 1) * across // (2 * down)], axis=1
    )


def patch_labels(maps: np.ndarray, corners: np.ndarray, size: int) -> torch.Tensor:
    """Return the mean abundances of patches.

    Args:
        maps: (rows, columns, K), abundances.
        corners: (N, 2), upper left corners within the maps.
        size: side of a patch.

    Returns:
        (N, K), float32; the mean is taken in double precision.
    """
    stacked = torch.from_numpy(np.ascontiguousarray(maps, dtype=np.float64)).permute(2, 0, 1)
    return cut_patches(stacked, corners, size).mean(dim=(2, 3)).float()


def permuted_labels(labels: torch.Tensor, stream: np.random.SeedSequence) -> torch.Tensor:
    """Return labels (N, K) shuffled over the patches: all are still there, none says anything of its patch."""
    return labels[torch.from_numpy(np.random.default_rng(stream).permutation(len(labels)))]


def fixed_labels(
    source: str,
    maps: np.ndarray | None,
    shape: tuple[int, int],
    places: np.ndarray,
    size: int,
    stream: np.random.SeedSequence,
) -> torch.Tensor | None:
    """Return the labels that a run keeps over all its epochs.

    Args:
        source: a ``LabelSource``, or ``none`` where a loss takes no labels.
        maps: (rows, columns, K), the abundances that labels are cut from: the scene's references; for ``stage1`` those
            of the baseline's run of the same index; for ``permuted`` either. ``online`` and ``none`` take none.
        shape: rows and columns of the scene.
        places: (N, 2), the corners of ``label_corners``.
        size: side of a patch.
        stream: decides where ``permuted`` labels go.

    Returns:
        (N, K), not finite where the maps are not; None for ``online`` and ``none``.

    Raises:
        UnmixingError: an unknown source, no maps, maps of another scene, or references that are not finite.
    """
    if source not in ("none", *get_args(LabelSource)):
        raise UnmixingError(f"label_source is one of {', '.join(get_args(LabelSource))}, not {source!r}: correct it")
    if source in ("none", "online"):
        return None
    if maps is None:
        raise UnmixingError(f"label_source {source} has no abundance maps: {_INSTEAD[source]}")
    if maps.ndim != 3 or maps.shape[:2] != shape:
        raise UnmixingError(
            f"label_source {source} has abundance maps of shape {maps.shape} for a scene of {shape[0]}x{shape[1]}: "
            "hand over (rows, columns, K) of the same scene"
        )
    labels = patch_labels(maps, places, size)
    if source == "reference" and not torch.isfinite(labels).all():
        raise UnmixingError("the scene's reference abundances are not finite in all patches: mend them, or use stage1")
    return permuted_labels(labels, stream) if source == "permuted" else labels


def batch_labels(labels: torch.Tensor, chosen: np.ndarray, alignment: Alignment = "aligned") -> torch.Tensor:
    """Return the labels of a batch.

    Args:
        labels: (N, K), of all patches.
        chosen: (B,), indices of the batch's patches.
        alignment: ``aligned``; or ``first_rows``, which gives every batch the labels of the list's first patches, as
            the released code does (audit item A2).

    Returns:
        (B, K).

    Raises:
        UnmixingError: an unknown alignment.
    """
    if alignment not in get_args(Alignment):
        raise UnmixingError(f"labels are aligned or first_rows, not {alignment!r}: correct the protocol")
    rows = chosen if alignment == "aligned" else np.arange(len(chosen))
    return labels[torch.from_numpy(rows).to(labels.device)]


@torch.no_grad()
def network_labels(
    model: ContrastiveAutoencoder, image: torch.Tensor, corners: np.ndarray, size: int, batch_size: int
) -> torch.Tensor:
    """Return a network's own mean abundances of unaugmented patches, in prediction mode and without gradient.

    Prediction mode draws no dropout and leaves the batch statistics alone: asking changes nothing in a training.

    Args:
        model: the network; it is left in the mode that it was in.
        image: (bands, rows, columns).
        corners: (N, 2), upper left corners.
        size: side of a patch.
        batch_size: patches at once.

    Returns:
        (N, K), on the device of the image.
    """
    training = model.training
    model.eval()
    parts = [
        model.encode(cut_patches(image, corners[start : start + batch_size], size)).mean(dim=(2, 3))
        for start in range(0, len(corners), batch_size)
    ]
    model.train(training)
    return torch.cat(parts)
