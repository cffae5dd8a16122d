"""Projection heads of the contrastive phase (section 2.3, equations 9-17; audit item A20).

A head takes the latent vector Z, K numbers, to the space in which views are compared. Two variants: ``equation``, as
section 2.3 prints them, with a ReLU after every layer; ``code``, as released, with none after the last. The skip
connection adds Z itself in the equation, so that its layer must be K x K; the code adds a second linear layer.
"""

from itertools import pairwise
from typing import Literal, get_args

import torch
from torch import nn

Head = Literal["baseline", "low_dimensional", "skip", "bottleneck", "deeper", "identity"]
Variant = Literal["equation", "code"]

HEADS: tuple[Head, ...] = get_args(Head)

_WIDTHS: dict[Variant, dict[Head, tuple[int, ...]]] = {
    "equation": {
        "baseline": (128, 64),
        "low_dimensional": (64,),
        "bottleneck": (256, 64),
        "deeper": (256, 128, 64),
    },
    "code": {
        "baseline": (128, 64),
        "low_dimensional": (64, 64),
        "skip": (128, 64),
        "bottleneck": (256, 64, 128),
        "deeper": (256, 128, 64),
    },
}
"""Output widths of the layers; the skip connection of the equation keeps K."""


class SkipHead(nn.Module):
    """A head with a second way around its layers: the sum of both (equation 10)."""

    def __init__(self, shortcut: nn.Module, layers: nn.Module) -> None:
        """Keep both ways."""
        super().__init__()
        self.shortcut = shortcut
        self.layers = layers

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        """Return the sum (N, D) of both ways for latent vectors (N, K)."""
        summed: torch.Tensor = self.shortcut(latent) + self.layers(latent)
        return summed


def projection_head(
    head: Head = "baseline",
    endmembers: int = 3,
    variant: Variant = "equation",
    generator: torch.Generator | None = None,
) -> nn.Module:
    """Build a projection head, its weights drawn uniformly after Xavier, its biases zero.

    Args:
        head: ``baseline``, ``low_dimensional``, ``skip``, ``bottleneck``, ``deeper``, or ``identity``, the control
            that compares the latent vectors themselves.
        endmembers: K, the width of the latent vector.
        variant: ``equation`` or ``code``; both are the same for ``identity``.
        generator: CPU stream of the initial weights; a fixed one if None.

    Returns:
        A module that takes (N, K) to (N, D): D is 64, or K for ``identity`` and the ``skip`` of the equation, or 128
        for the ``bottleneck`` of the code.

    Raises:
        ValueError: unknown head or variant, or fewer than one endmember.
    """
    if head not in HEADS:
        raise ValueError(f"head is one of {', '.join(HEADS)}, not {head!r}")
    if variant not in _WIDTHS:
        raise ValueError(f"variant is equation or code, not {variant!r}")
    if endmembers < 1:
        raise ValueError(f"a head needs at least one endmember, not {endmembers}")
    generator = generator or torch.Generator().manual_seed(0)
    built: nn.Module
    if head == "identity":
        built = nn.Identity()
    elif head == "skip" and variant == "equation":
        built = SkipHead(nn.Identity(), _layers((endmembers, endmembers), last_relu=True))
    else:
        built = _layers((endmembers, *_WIDTHS[variant][head]), last_relu=variant == "equation")
        if head == "skip":
            built = SkipHead(nn.Linear(endmembers, _WIDTHS[variant][head][-1]), built)
    for module in built.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight, generator=generator)
            nn.init.zeros_(module.bias)
    return built


def describe(head: nn.Module) -> str:
    """Return the layers of a head in words, read from the module itself.

    Args:
        head: what ``projection_head`` returns, or any sequence of linear layers and activations.

    Returns:
        Widths and activations in order, such as ``3 → 128 → ReLU → 64``; the ways of a sum in brackets.
    """
    if isinstance(head, SkipHead):
        return f"({describe(head.shortcut)}) + ({describe(head.layers)})"
    if isinstance(head, nn.Identity):
        return "unchanged"
    steps: list[str] = []
    for layer in head if isinstance(head, nn.Sequential) else [head]:
        if isinstance(layer, nn.Linear):
            steps += [str(layer.out_features)] if steps else [str(layer.in_features), str(layer.out_features)]
        else:
            steps.append(type(layer).__name__)
    return " → ".join(steps)


def _layers(widths: tuple[int, ...], last_relu: bool) -> nn.Sequential:
    parts: list[nn.Module] = []
    for entering, leaving in pairwise(widths):
        parts += [nn.Linear(entering, leaving), nn.ReLU()]
    return nn.Sequential(*(parts if last_relu else parts[:-1]))
