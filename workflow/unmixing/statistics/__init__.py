"""Statistics of runs: intervals, comparisons, verdicts, power, variance components, simulated coverage.

Pure functions over arrays. SciPy and statsmodels are imported by the functions that need them, so that
importing this package costs nothing.
"""

from unmixing.statistics.comparisons import (
    PairedComparison,
    Reproduction,
    equivalence,
    holm,
    paired_comparison,
    rank_correlation,
    rank_correlation_interval,
    reproduction_margin,
    reproduction_verdict,
)
from unmixing.statistics.components import VarianceComponent, nested_variance_components, standard_error
from unmixing.statistics.coverage import Coverage, Distribution, bimodal_runs, interval_coverage, normal_runs
from unmixing.statistics.intervals import (
    EpochWander,
    Interval,
    Spread,
    epoch_wander,
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
    "EpochWander",
    "Interval",
    "PairedComparison",
    "Reproduction",
    "Spread",
    "VarianceComponent",
    "bimodal_runs",
    "detectable_difference",
    "epoch_wander",
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
    "reproduction_verdict",
    "runs_needed",
    "standard_deviations",
    "standard_error",
]
