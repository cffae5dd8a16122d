"""What the contrastive and heads phases train: the paper's named configurations, their controls, and the heads.

A point holds arguments of ``unmixing.training.contrastive.ContrastivePoint``; it stands in the recipe of a run.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, get_args

Point = dict[str, Any]
Configuration = Literal["table7_average", "table7_samson", "table7_urban4", "sheet_best", "nt_xent_best", "heads_point"]
Variant = Literal[
    "generalized", "lambda_1", "permuted", "stage1", "online", "nt_xent", "identity", "equal_updates", "dot"
]

Head = Literal["baseline", "low_dimensional", "skip", "bottleneck", "deeper", "identity"]

CONFIGURATIONS: tuple[Configuration, ...] = get_args(Configuration)
VARIANTS: tuple[Variant, ...] = get_args(Variant)

EQUAL_UPDATES_BATCH = 8
"""The batch size whose number of updates the variant ``equal_updates`` makes: the smallest of the grid."""

_OF_LABELS = ("permuted", "stage1", "online", "nt_xent", "dot")
"""Variants that a loss without labels does not have."""


def _generalized(temperature: float, weight: float, patch_size: int, batch_size: int, sigma: float) -> Point:
    return {
        "loss": "generalized",
        "temperature": temperature,
        "weight": weight,
        "patch_size": patch_size,
        "batch_size": batch_size,
        "sigma": sigma,
    }


POINTS: Mapping[str, Point] = MappingProxyType(
    {
        # Table 7: the three that the paper names best.
        "table7_average": _generalized(0.1, 0.5, 32, 8, 1.0),
        "table7_samson": _generalized(10.0, 0.5, 16, 30, 0.1),
        "table7_urban4": _generalized(0.01, 0.9, 32, 8, 0.1),
        # The lowest average of the released sheet, which the paper does not name (audit item A9).
        "sheet_best": _generalized(0.01, 0.9, 64, 8, 1.0),
        # The best of the released NT-Xent grid (audit item A19).
        "nt_xent_best": {"loss": "nt_xent", "temperature": 10.0, "weight": 0.3, "patch_size": 16, "batch_size": 8},
        # Where the released code compares heads (protocol sheet 4.4).
        "heads_point": _generalized(0.1, 0.5, 32, 8, 1.0),
    }
)


def variants_of(configuration: str, variants: list[Variant]) -> list[Variant]:
    """Return those of some variants that a configuration has: labels and their controls need a loss with labels."""
    labelled = POINTS[configuration]["loss"] == "generalized"
    return [variant for variant in variants if labelled or variant not in _OF_LABELS]


def varied(point: Mapping[str, Any], variant: str, epochs: int, patches: int) -> Point:
    """Return a point as one of its variants has it.

    Args:
        point: a configuration.
        variant: ``generalized``, as it is; ``lambda_1``, without the contrastive term; ``permuted``, ``stage1`` and
            ``online`` labels; ``nt_xent``; ``identity``, without a head; ``equal_updates``, as many updates as a batch
            of ``EQUAL_UPDATES_BATCH`` makes; ``dot``, the dot product of labels in place of the kernel.
        epochs: of the schedule.
        patches: of the schedule.
    """
    changes: dict[str, Point] = {
        "lambda_1": {"weight": 1.0},
        "permuted": {"label_source": "permuted"},
        "stage1": {"label_source": "stage1"},
        "online": {"label_source": "online"},
        "nt_xent": {"loss": "nt_xent"},
        "identity": {"head": "identity"},
        "equal_updates": {"updates": epochs * -(-patches // EQUAL_UPDATES_BATCH)},
        "dot": {"kernel": "dot"},
    }
    return {**point, **changes.get(variant, {})}


def of_grid(loss: str, values: Mapping[str, float]) -> Point:
    """Return the point of a grid's configuration (``unmixing.search``), whose factor ``lambda`` is the weight."""
    return {"loss": loss, "weight": values["lambda"], **{key: v for key, v in values.items() if key != "lambda"}}
