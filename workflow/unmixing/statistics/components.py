"""Variance components: what initial weights, patches and the rest each add to the spread of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from unmixing.errors import UnmixingError
from unmixing.statistics.intervals import finite_values

REST = "rest"


@dataclass(frozen=True)
class VarianceComponent:
    """One component of the variance of a run.

    Attributes:
        name: the factor, or "rest" for what varies between runs alike in all factors.
        variance: its estimate, which can fall below zero where a factor adds nothing.
        degrees_of_freedom: of its mean square.
    """

    name: str
    variance: float
    degrees_of_freedom: int

    @property
    def deviation(self) -> float:
        """Standard deviation, zero where the estimate of the variance is negative."""
        return float(np.sqrt(max(self.variance, 0.0)))


def nested_variance_components(values: ArrayLike, factors: Mapping[str, Sequence[object]]) -> list[VarianceComponent]:
    """Split the variance of runs over nested random factors, by the analysis of variance.

    Expected sums of squares are solved for the components, for any numbers of runs in the cells
    (S. R. Searle, G. Casella and C. E. McCulloch, "Variance Components", Wiley 1992, chapter 3).

    Args:
        values: (n,), one for each run.
        factors: labels of each run, from the outermost factor to the innermost. A level of an inner factor
            belongs to its outer one: patches 0 under weights 0 and patches 0 under weights 1 are different.

    Returns:
        One component for each factor in order, then "rest" (runs within the innermost factor).

    Raises:
        UnmixingError: lengths differ, a value is not finite, or a factor has no repetition to estimate from.
    """
    runs = finite_values(values, "values")
    n = len(runs)
    groups = [np.zeros(n, dtype=np.intp)]
    names = [*factors, REST]
    for name, labels in factors.items():
        if len(labels) != n:
            raise UnmixingError(f"factor {name} has {len(labels)} labels for {n} runs; label every run once")
        _, codes = np.unique(np.array([str(label) for label in labels]), return_inverse=True)
        # An inner label counts within its outer group.
        _, nested = np.unique(groups[-1] * n + codes, return_inverse=True)
        groups.append(nested)
    groups.append(np.arange(n))
    counts = [int(group.max()) + 1 for group in groups]
    freedom = np.diff(counts)
    for name, degrees in zip(names, freedom, strict=True):
        if degrees < 1:
            raise UnmixingError(f"{name} has no repetition within the factor around it; add runs or leave it out")
    raw = np.array([(np.bincount(group, runs) ** 2 / np.bincount(group)).sum() for group in groups])
    weights = np.array([[_weight(group, inner) for inner in groups[1:]] for group in groups])
    # Sum of squares between levels of one factor within the factor around it, and its expectation.
    variances = np.linalg.solve(np.diff(weights, axis=0), np.diff(raw))
    return [
        VarianceComponent(name, float(variance), int(degrees))
        for name, variance, degrees in zip(names, variances, freedom, strict=True)
    ]


def _weight(group: np.ndarray[tuple[int], np.dtype[np.intp]], part: np.ndarray[tuple[int], np.dtype[np.intp]]) -> float:
    """How often the variance of ``part`` enters the expectation of the group totals' sum of squares.

    For groups of sizes n_g, split by ``part`` into sizes n_gp: sum over g of sum over p of n_gp^2 / n_g.
    """
    _, cells, sizes = np.unique(group * (int(part.max()) + 1) + part, return_index=True, return_counts=True)
    return float((sizes**2 / np.bincount(group)[group[cells]]).sum())
