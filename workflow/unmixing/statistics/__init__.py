"""Statistics of runs: intervals, comparisons, verdicts, power, variance components, simulated coverage.

Pure functions over arrays. SciPy and statsmodels are imported by the functions that need them, so that
importing this package costs nothing.
"""

from unmixing.statistics.comparisons import (
    PairedComparison,
    equivalence,
    holm,
    paired_comparison,
    rank_correlation,
    rank_correlation_interval,
    reproduction_margin,
)
from unmixing.statistics.components import VarianceComponent, nested_variance_components
from unmixing.statistics.coverage import Coverage, Distribution, bimodal_runs, interval_coverage, normal_runs
from unmixing.statistics.intervals import (
    Interval,
    Spread,
    mean_interval,
    rate_interval,
    standard_deviations,
)
from unmixing.statistics.power import (
    detectable_difference,
    equivalence_pairs_needed,
    rate_runs_needed,
    runs_needed,
)

__all__ = [
    "Coverage",
    "Distribution",
    "Interval",
    "PairedComparison",
    "Spread",
    "VarianceComponent",
    "bimodal_runs",
    "detectable_difference",
    "equivalence",
    "equivalence_pairs_needed",
    "holm",
    "interval_coverage",
    "mean_interval",
    "nested_variance_components",
    "normal_runs",
    "paired_comparison",
    "rank_correlation",
    "rank_correlation_interval",
    "rate_interval",
    "rate_runs_needed",
    "reproduction_margin",
    "runs_needed",
    "standard_deviations",
]
