"""Contrastive losses: InfoNCE (equation 6), metadata-aware InfoNCE (8), NT-Xent, and its generalization (20).

How the equations are read where they cannot be taken literally:

* Equation 6 puts the temperature into the similarity and then divides by it again: it acts once here.
* The logarithm of equation 8 has lost the index k of its sum; as printed, its weights sum to one and it equals
  equation 6. The index is restored, which gives the loss of Dufumier et al. (2021), where it comes from.
* Equation 20 is normalised "across all pairs". Each row is normalised here, as in equation 8; normalising all
  pairs together is the value ``joint``.

Similarities are cosines of embeddings. Labels are abundances, one row per patch, and carry no gradient.
"""

import math
from typing import Literal

import torch

Kernel = Literal["rbf", "dot"]
Scaling = Literal["described", "released"]
Normalisation = Literal["rows", "joint"]

NORM_EPSILON = 1e-8
"""An embedding whose norm is not above this is a zero vector: its cosine with everything is 0."""

_SMALLEST_EXPONENT = math.log(5e-324)
"""Weights below the exponential of this are zero in double precision."""

_FACTOR = {"described": 1.0, "released": 2.0}
"""Mean over the 2N rows, or their sum over N (audit item A6)."""


def unit_vectors(embeddings: torch.Tensor) -> torch.Tensor:
    """Return embeddings (N, D) divided by their norms; zero vectors stay zero and get no gradient."""
    norms = torch.linalg.vector_norm(embeddings, dim=1, keepdim=True)
    zero = norms <= NORM_EPSILON
    # Replaced before the division, not after: a gradient of 1e8 through a dead embedding would be finite, and ruin.
    return torch.where(zero, 0, embeddings) / torch.where(zero, 1, norms)


def count_zero_embeddings(embeddings: torch.Tensor) -> int:
    """Return how many of the embeddings (N, D) are zero vectors, of which a cosine says nothing."""
    return int((torch.linalg.vector_norm(embeddings.detach(), dim=1) <= NORM_EPSILON).sum())


def info_nce(z_i: torch.Tensor, z_j: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return InfoNCE (equation 6): each first view must tell its second view from those of the other patches.

    Args:
        z_i: embeddings of the first views (N, D), of any length; the anchors.
        z_j: embeddings of the second views (N, D); the candidates, the positive among them.
        temperature: tau, above 0; divides the cosine once.

    Returns:
        A scalar at least 0; log N where all similarities are equal.

    Raises:
        ValueError: the shapes differ or are not (N, D), or ``temperature`` is not above 0.
    """
    return -_cross_view_log_shares(z_i, z_j, temperature).diagonal().mean()


def metadata_aware_info_nce(
    z_i: torch.Tensor, z_j: torch.Tensor, labels: torch.Tensor, temperature: float, sigma: float
) -> torch.Tensor:
    """Return the metadata-aware InfoNCE (equation 8, its index k restored; Dufumier et al. 2021).

    Each first view is asked for all second views, in proportion to how near their labels are to its own. For
    ``sigma`` towards 0 and distinct labels this is InfoNCE; for ``sigma`` towards infinity the target is uniform.

    Args:
        z_i: embeddings of the first views (N, D).
        z_j: embeddings of the second views (N, D).
        labels: abundances (N, K) shared by both views of a patch, or (2N, K) of the first and then the second views.
        temperature: tau, above 0.
        sigma: width of the Gaussian kernel, above 0, in units of abundance.

    Returns:
        A scalar, not below the mean entropy of the targets; log N where all similarities are equal.

    Raises:
        ValueError: shapes that do not fit, or a ``temperature`` or ``sigma`` that is not above 0.
    """
    log_shares = _cross_view_log_shares(z_i, z_j, temperature)
    both = _labels_of_both_views(labels, len(z_i))
    exponents = _log_kernel(both[: len(z_i)], both[len(z_i) :], sigma, "rbf")
    target = _normalised(exponents, torch.eye(len(z_i), dtype=torch.bool, device=labels.device), "rows")
    return -(target.to(log_shares) * log_shares).sum(dim=1).mean()


def nt_xent(z_i: torch.Tensor, z_j: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return NT-Xent (Chen et al. 2020; section 3.1.3): each of 2N views must find the other view of its patch.

    Args:
        z_i: embeddings of the first views (N, D).
        z_j: embeddings of the second views (N, D).
        temperature: tau, above 0.

    Returns:
        A scalar at least 0, the mean over 2N views with 2N - 1 candidates each; 0 for a single patch.

    Raises:
        ValueError: the shapes differ or are not (N, D), or ``temperature`` is not above 0.
    """
    log_shares = _log_shares_of_all_views(z_i, z_j, temperature)
    return -log_shares[_positives(len(z_i), z_i.device)].mean()


def generalized_nt_xent(
    z_i: torch.Tensor,
    z_j: torch.Tensor,
    labels: torch.Tensor,
    temperature: float,
    sigma: float,
    kernel: Kernel = "rbf",
    scaling: Scaling = "described",
    normalisation: Normalisation = "rows",
) -> torch.Tensor:
    """Return the generalized contrastive loss: NT-Xent with the target weights of equation 20.

    For ``sigma`` towards 0 and distinct labels this is NT-Xent (twice that under ``released``); for ``sigma`` of 1
    and above the target is nearly uniform, because abundances lie within [0, 1], and the loss says next to nothing.

    Args:
        z_i: embeddings of the first views (N, D).
        z_j: embeddings of the second views (N, D).
        labels: abundances (N, K) shared by both views of a patch, or (2N, K) of the first and then the second views.
        temperature: tau, above 0.
        sigma: width of the Gaussian kernel, above 0, in units of abundance; ``dot`` does not use it.
        kernel: for each endmember, multiplied over endmembers: ``rbf``, which makes one Gaussian of the distance
            between labels, or ``dot``, the product of the two abundances.
        scaling: ``described`` is the mean over the 2N views; ``released`` their sum over N (audit item A6).
        normalisation: of the weights: each view's sum to one (``rows``), or those of all pairs to 2N (``joint``).

    Returns:
        A scalar, not below ``target_entropy`` of the same arguments.

    Raises:
        ValueError: shapes that do not fit, a ``temperature`` or ``sigma`` that is not above 0, negative labels with
            ``dot``, or an unknown kernel, scaling or normalisation.
    """
    factor = _scaling_factor(scaling)
    log_shares = _log_shares_of_all_views(z_i, z_j, temperature)
    target = generalized_target(labels, len(z_i), sigma, kernel, normalisation)
    return -factor * (target.to(log_shares) * log_shares).sum() / len(target)


@torch.no_grad()
def generalized_target(
    labels: torch.Tensor, patches: int, sigma: float, kernel: Kernel = "rbf", normalisation: Normalisation = "rows"
) -> torch.Tensor:
    """Return the weights w of equation 20 for all pairs of views, with the diagonal removed.

    A view all of whose weights vanish in double precision (0/0) is asked for the other view of its patch alone. That
    happens with labels of their own for each view, or with ``dot`` where an abundance is zero.

    Args:
        labels: abundances (patches, K), or (2 patches, K) of the first and then the second views.
        patches: number of patches, N.
        sigma: width of the Gaussian kernel, above 0.
        kernel: ``rbf`` or ``dot``.
        normalisation: ``rows`` or ``joint``.

    Returns:
        (2N, 2N) in double precision, first views before second views; its entries sum to 2N.

    Raises:
        ValueError: as ``generalized_nt_xent``.
    """
    both = _labels_of_both_views(labels, patches)
    exponents = _log_kernel(both, both, sigma, kernel)
    exponents.fill_diagonal_(-math.inf)
    return _normalised(exponents, _positives(patches, labels.device), normalisation)


def target_entropy(
    labels: torch.Tensor,
    patches: int,
    sigma: float,
    kernel: Kernel = "rbf",
    scaling: Scaling = "described",
    normalisation: Normalisation = "rows",
) -> float:
    """Return the floor of the generalized loss: the entropy that its target has of its own.

    No embedding gives a smaller loss. It need not be in reach: divided by the temperature, two cosines differ by
    2/tau at most. NT-Xent's floor is 0.

    Args:
        labels: as in ``generalized_nt_xent``.
        patches: number of patches, N.
        sigma: width of the Gaussian kernel.
        kernel: ``rbf`` or ``dot``.
        scaling: ``described`` or ``released`` (twice as much).
        normalisation: ``rows`` or ``joint``.

    Returns:
        Nats, from 0 to ``equal_similarity_value``.

    Raises:
        ValueError: as ``generalized_nt_xent``.
    """
    target = generalized_target(labels, patches, sigma, kernel, normalisation)
    rows = target.sum(dim=1)
    entropy = torch.special.xlogy(rows, rows).sum() - torch.special.xlogy(target, target).sum()
    # Rounding may leave -1e-17 where the target is certain.
    return _scaling_factor(scaling) * max(0.0, float(entropy) / len(target))


def equal_similarity_value(patches: int, scaling: Scaling = "described") -> float:
    """Return what NT-Xent and its generalization give where all similarities are equal: log(2N - 1).

    Any temperature, sigma and labels give this value. Collapsed embeddings have it, but so has every set of
    embeddings with equal angles: the value alone does not show a collapse.

    Args:
        patches: number of patches in the batch, N, at least 1.
        scaling: ``described``, or ``released`` for the generalized loss at twice the scale (audit item A6).

    Raises:
        ValueError: no patch, or an unknown scaling.
    """
    if patches < 1:
        raise ValueError(f"a batch holds at least one patch, not {patches}")
    return _scaling_factor(scaling) * math.log(2 * patches - 1)


def epoch_equal_similarity_value(patches: int, batch_size: int, scaling: Scaling = "described") -> float:
    """Return the mean of ``equal_similarity_value`` over the batches of an epoch, the smaller last one among them.

    Each batch counts once, whatever its size: the mean that the released code plots. 250 patches give 5.3155 at
    batch size 8 and 7.9033 at 30 under ``released``.

    Args:
        patches: patches of the epoch, at least 1.
        batch_size: patches of a full batch, at least 1.
        scaling: ``described`` or ``released``.

    Raises:
        ValueError: a number below 1, or an unknown scaling.
    """
    if patches < 1 or batch_size < 1:
        raise ValueError(f"patches and batch_size are at least 1, not {patches} and {batch_size}")
    full, left = divmod(patches, batch_size)
    sizes = [batch_size] * full + [left] * (left > 0)
    return math.fsum(equal_similarity_value(size, scaling) for size in sizes) / len(sizes)


def _info_nce_of_printed_equation_8(
    z_i: torch.Tensor, z_j: torch.Tensor, labels: torch.Tensor, temperature: float, sigma: float
) -> torch.Tensor:
    """Return equation 8 letter by letter: without k in its logarithm, the weights sum to one and nothing is left."""
    log_shares = _cross_view_log_shares(z_i, z_j, temperature)
    weights = torch.exp(_log_kernel(labels, labels, sigma, "rbf"))
    shares = weights / weights.sum(dim=1, keepdim=True)
    return -(shares.to(log_shares) * log_shares.diagonal()[:, None]).sum(dim=1).mean()


def _cross_view_log_shares(z_i: torch.Tensor, z_j: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return (N, N) logarithms of each second view's share among all second views, for each first view."""
    _check_views(z_i, z_j, temperature)
    return torch.log_softmax(unit_vectors(z_i) @ unit_vectors(z_j).T / temperature, dim=1)


def _log_shares_of_all_views(z_i: torch.Tensor, z_j: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return (2N, 2N) logarithms of each view's share among the other 2N - 1; the diagonal is 0 and means nothing."""
    _check_views(z_i, z_j, temperature)
    units = unit_vectors(torch.cat([z_i, z_j]))
    itself = torch.eye(len(units), dtype=torch.bool, device=units.device)
    similarities = (units @ units.T / temperature).masked_fill(itself, -math.inf)
    # The diagonal is filled once more, because its weight of 0 times minus infinity would be NaN.
    return torch.log_softmax(similarities, dim=1).masked_fill(itself, 0.0)


def _positives(patches: int, device: torch.device) -> torch.Tensor:
    """Return the mask (2N, 2N) of the pairs that show one patch."""
    return torch.eye(2 * patches, dtype=torch.bool, device=device).roll(patches, dims=1)


def _labels_of_both_views(labels: torch.Tensor, patches: int) -> torch.Tensor:
    """Return labels (2N, K) in double precision, cut off from the graph."""
    if labels.ndim != 2 or len(labels) not in (patches, 2 * patches):
        raise ValueError(f"{patches} patches need labels ({patches} or {2 * patches}, K), not {tuple(labels.shape)}")
    both = labels if len(labels) == 2 * patches else torch.cat([labels, labels])
    return both.detach().double()


def _log_kernel(first: torch.Tensor, second: torch.Tensor, sigma: float, kernel: Kernel) -> torch.Tensor:
    """Return (N, M) logarithms of the kernels of labels (N, K) and (M, K), multiplied over the endmembers."""
    if kernel == "rbf":
        if not sigma > 0:
            raise ValueError(f"sigma is above 0, not {sigma}")
        # Differences first: the shorter |a|^2 + |b|^2 - 2 a.b loses the small distances that a small sigma asks for.
        differences = (first[:, None].double() - second[None].double()) / sigma
        return -differences.square().sum(dim=2) / 2
    if kernel == "dot":
        if bool((first < 0).any() or (second < 0).any()):
            raise ValueError("the kernel dot takes labels that are not negative: they are abundances")
        return first.log().sum(dim=1)[:, None] + second.log().sum(dim=1)[None]
    raise ValueError(f"kernel is rbf or dot, not {kernel!r}")


def _normalised(exponents: torch.Tensor, positives: torch.Tensor, normalisation: Normalisation) -> torch.Tensor:
    """Return weights that sum to one for each row, or to the number of rows, from their logarithms (N, M).

    The largest exponent is taken off before the exponential, so that a small sigma leaves no row of zeros; rows that
    vanish in double precision all the same get the positive alone.
    """
    if normalisation == "rows":
        largest = exponents.amax(dim=1, keepdim=True)
    elif normalisation == "joint":
        largest = exponents.amax().expand(len(exponents), 1)
    else:
        raise ValueError(f"normalisation is rows or joint, not {normalisation!r}")
    empty = largest < _SMALLEST_EXPONENT
    weights = torch.exp(exponents - torch.where(empty, 0, largest))
    weights = torch.where(empty, positives.to(weights), weights)
    total = weights.sum(dim=1, keepdim=True) if normalisation == "rows" else weights.sum() / len(weights)
    return weights / total


def _scaling_factor(scaling: Scaling) -> float:
    if scaling not in _FACTOR:
        raise ValueError(f"scaling is described or released, not {scaling!r}")
    return _FACTOR[scaling]


def _check_views(z_i: torch.Tensor, z_j: torch.Tensor, temperature: float) -> None:
    if z_i.shape != z_j.shape or z_i.ndim != 2 or len(z_i) == 0:
        raise ValueError(
            f"two views need embeddings of one shape (N, D), not {tuple(z_i.shape)} and {tuple(z_j.shape)}"
        )
    if not temperature > 0:
        raise ValueError(f"temperature is above 0, not {temperature}")
