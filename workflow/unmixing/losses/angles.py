"""Spectral angle (equation 18) and the released code's element-wise angle, with gradients in closed form.

By autograd the loss of 24,000 spectra costs as much as the convolutions that made them: every step of the formula
passes over all bands again, forward and back. Written out, the gradient of an angle is a combination of the two
spectra, and takes two passes.
"""

import math
from typing import Any

import torch
from torch.autograd.function import once_differentiable

_ANGLE_MARGIN = 1e-6
"""Cosines are kept this far from +-1, where the arccosine's slope is infinite: angles below .0014 rad are held."""


class _SpectralAngle(torch.autograd.Function):
    """Mean angle along the last axis."""

    @staticmethod
    def forward(context: Any, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:  # noqa: ANN401
        cosine = torch.linalg.vecdot(x, y)
        norms = torch.linalg.vector_norm(x, dim=-1), torch.linalg.vector_norm(y, dim=-1)
        energy = norms[0] * norms[1]
        defined = energy > math.sqrt(torch.finfo(x.dtype).tiny)
        cosine = cosine / torch.where(defined, energy, 1)
        held = cosine.clamp(-1 + _ANGLE_MARGIN, 1 - _ANGLE_MARGIN)
        angle = torch.where(defined, torch.arccos(held), math.pi / 2)
        moving = defined & (held == cosine)
        # d angle / d x = (cosine x / |x| - y / |y|) / (|x| sine), and the same with x and y exchanged.
        slope = torch.where(moving, 1 / (energy * torch.sqrt(1 - held * held)), 0) / max(angle.numel(), 1)
        context.save_for_backward(x, y, held, slope, *norms)
        return angle.mean()

    @staticmethod
    @once_differentiable
    def backward(
        context: Any,  # noqa: ANN401
        gradient: torch.Tensor,
    ) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        x, y, cosine, slope, x_norm, y_norm = context.saved_tensors
        across = -(gradient * slope)[..., None]

        def towards(own: torch.Tensor, other: torch.Tensor, ratio: torch.Tensor) -> torch.Tensor:
            along: torch.Tensor = gradient * slope * cosine * torch.where(slope > 0, ratio, 0)
            return (own * along[..., None]).addcmul_(other, across)  # in the memory layout of `own`

        return (
            towards(x, y, y_norm / x_norm) if context.needs_input_grad[0] else None,
            towards(y, x, x_norm / y_norm) if context.needs_input_grad[1] else None,
        )


class _ElementwiseArccosine(torch.autograd.Function):
    """Mean over all elements of the arccosine of the product of normalised spectra, bands along the last axis."""

    @staticmethod
    def forward(context: Any, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:  # noqa: ANN401
        tiny = 1e-12
        u = x / torch.linalg.vector_norm(x, dim=-1, keepdim=True).clamp_(min=tiny)
        v = y / torch.linalg.vector_norm(y, dim=-1, keepdim=True).clamp_(min=tiny)
        product = (u * v).clamp_(-1 + _ANGLE_MARGIN, 1 - _ANGLE_MARGIN)
        context.save_for_backward(x, y, u, v, product)
        return torch.arccos(product).mean()

    @staticmethod
    @once_differentiable
    def backward(
        context: Any,  # noqa: ANN401
        gradient: torch.Tensor,
    ) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        x, y, u, v, product = context.saved_tensors
        # d arccos(p) / d p; zero where the product is held.
        slope = (1 - product * product).rsqrt_().mul_(-gradient / max(product.numel(), 1))
        slope.masked_fill_(product.abs() >= 1 - _ANGLE_MARGIN, 0)

        def towards(own: torch.Tensor, unit: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
            pull: torch.Tensor = slope * other
            radial = torch.linalg.vecdot(pull, unit)[..., None]
            norm = torch.linalg.vector_norm(own, dim=-1, keepdim=True)
            return pull.addcmul_(unit, -radial).mul_(torch.where(norm > 0, 1 / norm, 0))

        return (
            towards(x, u, v) if context.needs_input_grad[0] else None,
            towards(y, v, u) if context.needs_input_grad[1] else None,
        )


def _bands_last(name: str, x: torch.Tensor, y: torch.Tensor, dim: int) -> tuple[torch.Tensor, torch.Tensor]:
    if x.shape != y.shape:
        raise ValueError(f"{name} needs equal shapes, not {tuple(x.shape)} and {tuple(y.shape)}")
    return x.movedim(dim, -1), y.movedim(dim, -1)


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
    result: torch.Tensor = _SpectralAngle.apply(*_bands_last("sad_loss", x, y, dim))
    return result


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
    result: torch.Tensor = _ElementwiseArccosine.apply(*_bands_last("elementwise_arccos_loss", x, y, dim))
    return result


LOSSES = {"spectral_angle": sad_loss, "elementwise_arccos": elementwise_arccos_loss}
"""By the value of the protocol's field ``loss``."""
