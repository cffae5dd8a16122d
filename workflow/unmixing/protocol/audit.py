"""One difference at a time: the protocols with a single field changed.

From ``described`` a field takes its released value, from ``released`` its described one, and fields that only the
audit knows take the other of their two values.
"""

from dataclasses import replace
from typing import Literal, get_args

from unmixing.protocol.baseline import PROTOCOLS, BaselineProtocol

BaselineField = Literal["loss", "batch_norm", "initial_weights", "activation", "input"]
"""Fields of the baseline that decide its training."""

SETTING_PREFIX = "baseline_"
"""The setting of an audited cell is this and the name of its field."""

AUDIT_ONLY = {"activation": "relu", "input": "whole_image"}
"""What text and figure 1 also say, and neither protocol does."""


def flipped_value(protocol: str, field: str) -> str:
    """Return the value that a field of the baseline takes when it alone is changed.

    Args:
        protocol: ``described`` or ``released``, from which the change starts.
        field: one of ``BaselineField``.
    """
    other = "released" if protocol == "described" else "described"
    return AUDIT_ONLY.get(field) or str(getattr(PROTOCOLS[other], field))


def flip(protocol: str, field: str) -> BaselineProtocol:
    """Return a protocol of the baseline with one field changed.

    Raises:
        ValueError: the field is not one that the audit changes.
    """
    if field not in get_args(BaselineField):
        raise ValueError(f"the audit changes {', '.join(get_args(BaselineField))}, not {field!r}")
    return replace(PROTOCOLS[protocol], **{field: flipped_value(protocol, field)})  # type: ignore[arg-type]
