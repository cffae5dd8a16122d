"""Whether embeddings have collapsed, measured on the embeddings themselves.

The value of a contrastive loss cannot tell: embeddings at equal angles give the same loss as a single point does.
Everything is computed in float64 on embeddings of any length. A zero vector has no direction; it is left out of
cosines and counted (``share_of_zero_vectors``).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unmixing.errors import UnmixingError

Matrix = NDArray[np.float64]

ZERO_NORM = 1e-8
"""A vector whose norm is not above this counts as zero, as in the losses."""

LOSS_RESOLUTION = 1e-5
"""Losses are computed in single precision: a floor this close to the equal-similarity value leaves rounding alone."""


@dataclass(frozen=True)
class CollapseMeasures:
    """The measures of the embeddings of two views, 2N vectors.

    Attributes:
        mean_cosine: mean cosine of two different vectors: 1 for a single point, towards 0 for spread ones.
        effective_rank: number of directions in use, from 1 to the smaller of 2N and D.
        positive_minus_negative: mean cosine of two views of one patch minus that of views of different patches.
        zero_share: share of zero vectors, 0 to 1.
    """

    mean_cosine: float
    effective_rank: float
    positive_minus_negative: float
    zero_share: float


def collapse_measures(first: ArrayLike, second: ArrayLike) -> CollapseMeasures:
    """Return all measures of the embeddings (N, D) of two views; row n of both shows the same patch.

    Raises:
        UnmixingError: the shapes differ, or a value is not finite.
    """
    both = np.concatenate(_pair(first, second))
    return CollapseMeasures(
        mean_cosine=mean_offdiagonal_cosine(both),
        effective_rank=effective_rank(both),
        positive_minus_negative=positive_minus_negative_cosine(first, second),
        zero_share=share_of_zero_vectors(both),
    )


def mean_offdiagonal_cosine(embeddings: ArrayLike) -> float:
    """Return the mean cosine over all pairs of different embeddings.

    Args:
        embeddings: (N, D).

    Returns:
        Within [-1 / (N - 1), 1]; NaN with fewer than two vectors that are not zero.

    Raises:
        UnmixingError: not a matrix, or a value is not finite.
    """
    units = _units(_matrix(embeddings))
    units = units[units.any(axis=1)]
    if len(units) < 2:
        return float("nan")
    # The sum of all cosines is the squared length of the summed vectors; each vector's with itself is 1.
    return float((np.sum(units.sum(axis=0) ** 2) - len(units)) / (len(units) * (len(units) - 1)))


def effective_rank(embeddings: ArrayLike, centred: bool = False) -> float:
    """Return the effective rank (Roy and Vetterli 2007): exp of the entropy of the singular values.

    The singular values s of the matrix of unit embeddings are divided by their sum to p; the rank is exp(-sum p log p):
    1 for a single direction, r for r orthogonal directions in equal use.

    Args:
        embeddings: (N, D); scaled to unit length first.
        centred: take the mean embedding off before. Embeddings behind a ReLU lie in one orthant, and their mean alone
            keeps the rank near 1; centred it says in how many directions they differ.

    Returns:
        Within [1, min(N, D)]; NaN if nothing but zero is left.

    Raises:
        UnmixingError: not a matrix, or a value is not finite.
    """
    units = _units(_matrix(embeddings))
    units = units[units.any(axis=1)]
    if len(units) == 0:
        return float("nan")
    if centred:
        units = units - units.mean(axis=0)
    values = np.linalg.svd(units, compute_uv=False)
    # What rounding leaves of a zero matrix is no direction.
    values = values[values > np.finfo(np.float64).eps * max(units.shape) * np.sqrt(len(units))]
    if values.size == 0:
        return float("nan")
    shares = values / values.sum()
    return float(np.exp(-np.sum(shares * np.log(shares))))


def positive_minus_negative_cosine(first: ArrayLike, second: ArrayLike) -> float:
    """Return how much nearer two views of one patch are than views of different patches.

    Args:
        first: embeddings of the first views (N, D).
        second: embeddings of the second views (N, D), row n of the same patch as row n of ``first``.

    Returns:
        Mean cosine of the N positive pairs minus that of all pairs of different patches, within a view or across,
        which are the negatives of NT-Xent. Within [-2, 2]; 0 after a collapse; NaN if either kind of pair is missing.

    Raises:
        UnmixingError: the shapes differ, or a value is not finite.
    """
    pair = _pair(first, second)
    count = len(pair[0])
    units = _units(np.concatenate(pair))
    defined = np.asarray(units.any(axis=1))
    usable = defined[:, None] & defined[None]
    patch = np.tile(np.arange(count), 2)
    same = patch[:, None] == patch[None]
    positive = usable & same & ~np.eye(2 * count, dtype=bool)
    negative = usable & ~same
    if not (positive.any() and negative.any()):
        return float("nan")
    cosines = units @ units.T
    return float(cosines[positive].mean() - cosines[negative].mean())


def share_of_zero_vectors(embeddings: ArrayLike) -> float:
    """Return the share, 0 to 1, of embeddings (N, D) that are zero.

    Raises:
        UnmixingError: not a matrix, or a value is not finite.
    """
    norms = np.linalg.norm(_matrix(embeddings), axis=1)
    return float(np.mean(norms <= ZERO_NORM))


def normalised_loss(loss: ArrayLike, floor: ArrayLike, equal: ArrayLike) -> NDArray[np.float64]:
    """Return where a contrastive loss lies between its floor (0) and its value at equal similarities (1).

    Args:
        loss: values of the loss, any shape that broadcasts.
        floor: entropy of the targets (``losses.target_entropy``), 0 for NT-Xent.
        equal: ``losses.equal_similarity_value`` of the same batches and scaling.

    Returns:
        (loss - floor) / (equal - floor), above 1 where the loss is worse than equal similarities; NaN where floor and
        equal are one, because the loss then says nothing.
    """
    value, low, high = (np.asarray(part, dtype=np.float64) for part in (loss, floor, equal))
    extent = high - low
    informative = np.abs(extent) > LOSS_RESOLUTION
    return np.where(informative, (value - low) / np.where(informative, extent, 1), np.nan)


def _matrix(embeddings: ArrayLike) -> Matrix:
    matrix = np.asarray(embeddings, dtype=np.float64)
    if matrix.ndim != 2 or matrix.size == 0:
        raise UnmixingError(f"embeddings have shape {matrix.shape}; hand over one row for each view")
    bad = int((~np.isfinite(matrix)).sum())
    if bad:
        raise UnmixingError(
            f"{bad} of {matrix.size} values of the embeddings are not finite; leave diverged runs out and report them"
        )
    return matrix


def _pair(first: ArrayLike, second: ArrayLike) -> tuple[Matrix, Matrix]:
    pair = _matrix(first), _matrix(second)
    if pair[0].shape != pair[1].shape:
        raise UnmixingError(
            f"embeddings of two views have shapes {pair[0].shape} and {pair[1].shape}; embed the same patches twice"
        )
    return pair


def _units(matrix: Matrix) -> Matrix:
    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    zero = norms <= ZERO_NORM
    return np.where(zero, 0, matrix / np.where(zero, 1, norms))
