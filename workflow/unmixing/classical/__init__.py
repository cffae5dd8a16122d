"""Classical unmixing: what the deep models are compared with, and the rows that give a table its scale."""

from unmixing.classical.abundances import (
    areal_to_reference,
    fcls,
    nnls,
    reference_to_areal,
    scls,
    sum_normalised,
    sunsal,
    unit_maximum,
)
from unmixing.classical.extraction import sivm, sivm_indices, vca, vca_indices
from unmixing.classical.factorisation import nmf
from unmixing.classical.reference_rows import attainable_floor, chance, mean_of_references, oracle

__all__ = [
    "areal_to_reference",
    "attainable_floor",
    "chance",
    "fcls",
    "mean_of_references",
    "nmf",
    "nnls",
    "oracle",
    "reference_to_areal",
    "scls",
    "sivm",
    "sivm_indices",
    "sum_normalised",
    "sunsal",
    "unit_maximum",
    "vca",
    "vca_indices",
]
