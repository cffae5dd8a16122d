"""Smaller models: numbers of fewer bits, weights left out, neurons left out. Each as it is stored, and as it computes.

Nothing is trained again afterwards: what is lost stays lost. Arithmetic stays in float32 throughout: eight bits and
left-out weights save memory and transmission here, and time only on processors that compute with them. Neurons that
are left out save time everywhere.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from unmixing.errors import UnmixingError
from unmixing.semantic.model import UnmixingModel

#: Tensors of fewer numbers are left as they are: they weigh little and decide much.
SMALLEST = 4096
_LARGEST_CODE = 127


@dataclass(frozen=True)
class Compressed:
    """A smaller model.

    Attributes:
        model: computes with the numbers that are stored.
        stored_bytes: of a safetensors file with all tensors, library means included.
        kept: trained parameters that are not zero.
    """

    model: UnmixingModel
    stored_bytes: int
    kept: int


def unchanged(model: UnmixingModel) -> Compressed:
    """Return a model as it is, in float32."""
    return _compressed(model, dict(model.state_dict()))


def half_precision(model: UnmixingModel) -> Compressed:
    """Store all numbers in float16."""
    halves = {name: _half(tensor) for name, tensor in model.state_dict().items()}
    return _compressed(_with(model, halves), halves)


def eight_bits(model: UnmixingModel) -> Compressed:
    """Store large tensors in eight bits with one float32 scale for each row, all else in float16.

    Symmetric: code = round(127 w / largest of the row), so that zero stays zero.
    """
    stored: dict[str, Tensor] = {}
    restored: dict[str, Tensor] = {}
    for name, tensor in model.state_dict().items():
        if name in _large(model):
            codes, scales = quantise(tensor)
            stored |= {f"{name}.codes": codes, f"{name}.scales": scales}
            restored[name] = dequantise(codes, scales)
        else:
            stored[name] = restored[name] = _half(tensor)
    return _compressed(_with(model, restored), stored)


def quantise(weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return eight-bit codes of weights (rows, ...) and the float32 scale (rows,) of each row."""
    flat = weights.detach().float().flatten(1)
    scales = flat.abs().amax(1) / _LARGEST_CODE
    codes = torch.round(flat / torch.where(scales > 0, scales, 1.0)[:, None])
    return codes.to(torch.int8).reshape(weights.shape), scales


def dequantise(codes: Tensor, scales: Tensor) -> Tensor:
    """Return the weights (rows, ...) that codes and scales stand for."""
    return (codes.float().flatten(1) * scales[:, None]).reshape(codes.shape)


def pruned(model: UnmixingModel, share: float) -> Compressed:
    """Leave out the smallest weights of each large tensor.

    Stored as one bit for each weight and the float32 values of those that are kept.

    Args:
        model: any.
        share: of each large tensor's weights to leave out, 0 to below 1.

    Raises:
        UnmixingError: the share is out of range.
    """
    _check(share)
    stored: dict[str, Tensor] = {}
    restored: dict[str, Tensor] = {}
    for name, tensor in model.state_dict().items():
        if name not in _large(model):
            stored[name] = restored[name] = tensor
            continue
        flat = tensor.flatten()
        kept = torch.ones(flat.numel(), dtype=torch.bool)
        kept[flat.abs().argsort(stable=True)[: round(share * flat.numel())]] = False
        stored[f"{name}.kept"] = torch.from_numpy(np.packbits(kept.numpy()))
        stored[f"{name}.values"] = flat[kept]
        restored[name] = torch.where(kept, flat, 0.0).reshape(tensor.shape)
    return _compressed(_with(model, restored), stored)


def narrowed(model: UnmixingModel, share: float) -> Compressed:
    """Leave out neurons of the encoder's widest layer: those whose weights in and out are smallest, as a product.

    Args:
        model: any.
        share: of the neurons to leave out, 0 to below 1.

    Raises:
        UnmixingError: the share is out of range, or no neuron would be left.
    """
    _check(share)
    result = copy.deepcopy(model)
    encoder = result.encoder
    strength = encoder.hidden.weight.norm(dim=1) * encoder.last.weight.norm(dim=0)
    count = len(strength) - round(share * len(strength))
    if count < 1:
        raise UnmixingError(f"leaving out {share:g} of {len(strength)} neurons leaves none: choose a smaller share")
    kept = strength.argsort(descending=True, stable=True)[:count].sort().values
    encoder.hidden = _linear(encoder.hidden.weight[kept], encoder.hidden.bias[kept])
    encoder.last = _linear(encoder.last.weight[:, kept], encoder.last.bias)
    return _compressed(result, dict(result.state_dict()))


def variants(shares: tuple[float, ...] = (0.5, 0.8)) -> dict[str, Callable[[UnmixingModel], Compressed]]:
    """Return all ways by name, the model as it is first.

    Args:
        shares: of the weights that are left out.
    """
    named: dict[str, Callable[[UnmixingModel], Compressed]] = {
        "float32, as shipped": unchanged,
        "float16": half_precision,
        "int8 weights": eight_bits,
    }
    for share in shares:
        named[f"{share:.0%} of the weights left out"] = lambda model, share=share: pruned(model, share)  # type: ignore[misc]
    return named | {"half of the encoder's neurons left out": lambda model: narrowed(model, 0.5)}


def _check(share: float) -> None:
    if not 0 <= share < 1:
        raise UnmixingError(f"a share of {share!r} cannot be left out: give one from 0 to below 1")


def _large(model: UnmixingModel) -> set[str]:
    """Names of the trained matrices and kernels that are worth it."""
    return {
        name for name, parameter in model.named_parameters() if parameter.ndim > 1 and parameter.numel() >= SMALLEST
    }


def _half(tensor: Tensor) -> Tensor:
    return tensor.half() if tensor.is_floating_point() else tensor


def _with(model: UnmixingModel, tensors: dict[str, Tensor]) -> UnmixingModel:
    """A copy of a model that computes with given numbers, in the precision of its own."""
    result = copy.deepcopy(model)
    result.load_state_dict(tensors)
    return result


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
    layer.weight = nn.Parameter(weight.detach().clone(), requires_grad=False)
    layer.bias = nn.Parameter(bias.detach().clone(), requires_grad=False)
    return layer


def _compressed(model: UnmixingModel, stored: dict[str, Tensor]) -> Compressed:
    from safetensors.torch import save

    size = len(save({name: tensor.detach().contiguous() for name, tensor in stored.items()}))
    kept = sum(int(torch.count_nonzero(parameter)) for parameter in model.parameters())
    return Compressed(model, size, kept)
