"""Training losses: the spectral angle (equation 18) and the element-wise angle of the released code."""

import torch

_ANGLE_MARGIN = 1e-6
"""Cosines are kept this far from +-1, where the arccosine's slope is infinite: angles below .0014 rad are held."""


def sad_loss(x: torch.Tensor, y: torch.Tensor, dim: int = 1) -> torch.Tensor:
    """Return the mean spectral angle between two sets of spectra (equation 18).

    Invariant to a positive gain of either argument. Its gradient is finite everywhere: it vanishes at zero
    angle, and where either spectrum is zero the angle is a constant pi/2.

    Args:
        x: spectra, any shape, bands along ``dim``.
        y: spectra of the same shape.
        dim: the spectral axis.

    Returns:
        A scalar in radians, within [0, pi]: the mean over all spectra.

    Raises:
        ValueError: the shapes differ.
    """
    if x.shape != y.shape:
        raise ValueError(f"sad_loss needs equal shapes, not {tuple(x.shape)} and {tuple(y.shape)}")
    product = (x * y).sum(dim)
    energy = (x * x).sum(dim) * (y * y).sum(dim)
    defined = energy > torch.finfo(x.dtype).tiny
    # Replaced before the root, not after: the slope of the root at zero is infinite, and inf * 0 is NaN.
    cosine = product / torch.where(defined, energy, 1).sqrt()
    angle = torch.arccos(cosine.clamp(-1 + _ANGLE_MARGIN, 1 - _ANGLE_MARGIN))
    return torch.where(defined, angle, torch.pi / 2).mean()


def elementwise_arccos_loss(x: torch.Tensor, y: torch.Tensor, dim: int = 1) -> torch.Tensor:
    """Return the released code's loss: the arccosine of each band's product, averaged over everything.

    With u and v the spectra divided by their norms, the mean over bands, pixels and batch of arccos(u_b v_b)
    is pi/2 - cos(angle)/B - ..., a cosine loss whose gradient is about 1/B of the spectral angle's (audit item
    C1). That scale is part of the protocol: it meets the optimiser's epsilon.

    Args:
        x: spectra, any shape, bands along ``dim``.
        y: spectra of the same shape.
        dim: the spectral axis.

    Returns:
        A scalar in radians.

    Raises:
        ValueError: the shapes differ.
    """
    if x.shape != y.shape:
        raise ValueError(f"elementwise_arccos_loss needs equal shapes, not {tuple(x.shape)} and {tuple(y.shape)}")
    u = torch.nn.functional.normalize(x, dim=dim)
    v = torch.nn.functional.normalize(y, dim=dim)
    return torch.arccos((u * v).clamp(-1 + _ANGLE_MARGIN, 1 - _ANGLE_MARGIN)).mean()


LOSSES = {"spectral_angle": sad_loss, "elementwise_arccos": elementwise_arccos_loss}
