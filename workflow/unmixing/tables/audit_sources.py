"""Where the text and the released code part ways: what each field of the baseline's audit rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from unmixing.protocol.audit import BaselineField

#: The fields that the audit changes, in the order of the protocol.
FIELDS: tuple[str, ...] = get_args(BaselineField)


@dataclass(frozen=True)
class Source:
    """What the paper says of a field, and what its code did.

    Attributes:
        item: Number in the list of differences between paper and code; empty for what has none.
        paper: Section, equation or figure, and what stands there.
        code: File or function of the public code, and what it does.
    """

    item: str
    paper: str
    code: str


SOURCES: Mapping[str, Source] = {
    "loss": Source(
        "C1",
        "Section 2.3.1, equation 18: arccosine of the inner product of the two unit spectra",
        "CNNAEU notebook, function SAD: arccosine of each band's product, never summed over the bands",
    ),
    "batch_norm": Source(
        "C2",
        "Silent; section 2.3 follows CNNAEU, which has batch normalisation",
        "CNNAEU notebook, Encoder.call: layers built anew in each call, so scale 1 and shift 0 are never trained and "
        "prediction uses mean 0 and variance 1",
    ),
    "initial_weights": Source(
        "C3",
        "Section 3.1.1: 25 independent runs",
        "CNNAEU notebook: one RandomNormal object for all layers and runs, which repeats its values in Keras 2.13 to "
        "2.15; the 25 stored runs share their channels",
    ),
    "activation": Source(
        "A21",
        "Figure 1: ReLU",
        "Encoder: LeakyReLU with slope .02",
    ),
    "input": Source(
        "",
        "Section 2.4: each image was used as a single input; section 2.2: patches",
        "CNNAEU notebook, extract_patches_2d: 250 random patches of 40 x 40 pixels",
    ),
}
"""By field of the baseline's protocol."""
