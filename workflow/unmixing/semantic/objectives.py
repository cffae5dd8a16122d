"""What training minimises."""

import torch
from torch import Tensor
from torch.nn import functional

_LEAST = 1e-12


def contrastive(encoded: Tensor, anchors: Tensor, scale: Tensor, shares: Tensor) -> Tensor:
    """Return the contrastive loss between pixels and texts, both ways, with soft and several positives.

    From pixels to texts the target of a pixel is its abundances, each divided evenly among the texts of the concept;
    from texts to pixels the same read along the columns (texts without a pixel do not count). With pure pixels it is
    supervised contrastive learning (P. Khosla et al., NeurIPS 2020).

    Args:
        encoded: (N, d) of length one.
        anchors: (T, d) of length one, all texts of all concepts of the batch.
        scale: 1 / t.
        shares: (N, T) targets, rows sum to one.
    """
    scores = scale * encoded @ anchors.T
    forward = -(shares * functional.log_softmax(scores, dim=1)).sum(1).mean()
    columns = shares.sum(0)
    present = columns > 0
    backward = -(shares / columns.clamp_min(_LEAST) * functional.log_softmax(scores, dim=0)).sum(0)
    return 0.5 * (forward + (backward * present).sum() / present.sum())


def dominant(shares: Tensor) -> Tensor:
    """Return targets (N, P) in which the largest share is one: the literal reading of "dominant material"."""
    return functional.one_hot(shares.argmax(1), shares.shape[1]).to(shares)


def abundance(estimated: Tensor, truth: Tensor) -> Tensor:
    """Return the mean over pixels of |a' - a|_1 + |a' - a|_2^2 / 2, prompts along the last axis."""
    difference = (estimated - truth).to(torch.float32)
    return (difference.abs().sum(1) + 0.5 * (difference**2).sum(1)).mean()


def assignment(assigned: Tensor, truth: Tensor) -> Tensor:
    """Return the mean cross entropy of the soft assignment (N, K) to the abundances."""
    return -(truth * torch.log(assigned.clamp_min(1e-8))).sum(1).mean()


def masked_angle(one: Tensor, other: Tensor, known: Tensor) -> Tensor:
    """Return the angles (N,) in radians between spectra (N, B) over known bands, with finite gradients everywhere."""
    mask = known.to(one)
    x, y = one * mask, other * mask
    x = x * torch.rsqrt((x**2).sum(1, keepdim=True) + _LEAST)
    y = y * torch.rsqrt((y**2).sum(1, keepdim=True) + _LEAST)
    apart = ((x - y) ** 2).sum(1).add(_LEAST).sqrt()
    together = ((x + y) ** 2).sum(1).add(_LEAST).sqrt()
    return 2 * torch.atan2(apart, together)


def endmember(decoded: Tensor, truth: Tensor, known: Tensor) -> Tensor:
    """Return the mean over rows of angle + .1 mean square difference (N, B), over known bands."""
    mask = known.to(decoded)
    square = (((decoded - truth) * mask) ** 2).sum(1) / mask.sum(1).clamp_min(1)
    return (masked_angle(decoded, truth, known) + 0.1 * square).mean()


def appearance_divergence(mean: Tensor, logarithm: Tensor) -> Tensor:
    """Return the mean over rows of the divergence of N(mean, exp(logarithm)) (N, z) from a standard normal, per z."""
    return 0.5 * (mean**2 + logarithm.exp() - 1 - logarithm).mean()
