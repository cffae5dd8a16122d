"""Comparisons: paired differences, rank correlations, families of tests, equivalence, the margin of a reproduction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unmixing.errors import UnmixingError
from unmixing.statistics.intervals import MINIMUM_RUNS, Interval, Vector, finite_values, mean_interval
from unmixing.statistics.power import detectable_difference

Equivalence = Literal["equivalent", "different", "inconclusive", "untested"]


@dataclass(frozen=True)
class PairedComparison:
    """Two arms whose runs share their streams, compared run by run.

    Attributes:
        n: number of pairs.
        difference: mean of first minus second; negative means that the first has the smaller value.
        interval: of that mean, None below 5 pairs.
        p_value: of the two-sided paired t test, None below 5 pairs.
        correlation: realised correlation of the pairs; NaN below 3 pairs or where an arm does not vary.
        variance_saved: share of the variance of the difference that pairing removed; negative where it added.
        deviation: sample standard deviation of the differences; NaN for one pair.
        detectable: true difference that such a test finds with power .8; None below 5 pairs.
    """

    n: int
    difference: float
    interval: Interval | None
    p_value: float | None
    correlation: float
    variance_saved: float
    deviation: float
    detectable: float | None


def paired_comparison(first: ArrayLike, second: ArrayLike) -> PairedComparison:
    """Compare two arms by the differences of their paired runs.

    For a contrast of several treatments hand over the mean of their runs as ``first``.

    Args:
        first: (n,), run r of one arm, for instance SAD in radians.
        second: (n,), run r of the other arm, with the same streams.

    Returns:
        The comparison, its interval at 95 %; interval and test are missing below 5 pairs.

    Raises:
        UnmixingError: the arms differ in length, are empty, or hold a value that is not finite.
    """
    from scipy import stats

    one, other = finite_values(first, "values of the first arm"), finite_values(second, "values of the second arm")
    n = len(one)
    if n != len(other):
        raise UnmixingError(f"arms of {n} and {len(other)} runs cannot be paired; keep the runs both have")
    differences = one - other
    enough = n >= MINIMUM_RUNS
    deviation = float(differences.std(ddof=1)) if n > 1 else float("nan")
    varies = n >= 3 and bool(np.ptp(one) > 0) and bool(np.ptp(other) > 0)
    separate = float(one.var(ddof=1) + other.var(ddof=1)) if n > 1 else 0.0
    p_value: float | None = None
    if enough:
        if deviation > 0:
            ratio = abs(float(differences.mean())) / deviation * n**0.5
            p_value = 2 * float(stats.t.sf(ratio, n - 1))
        else:
            # Differences that are all equal have no t: they are either no difference or a certain one.
            p_value = 1.0 if differences[0] == 0 else 0.0
    return PairedComparison(
        n=n,
        difference=float(differences.mean()),
        interval=mean_interval(differences),
        p_value=p_value,
        correlation=float(np.corrcoef(one, other)[0, 1]) if varies else float("nan"),
        variance_saved=1 - deviation**2 / separate if separate > 0 else float("nan"),
        deviation=deviation,
        detectable=detectable_difference(deviation, n, design="differences") if enough else None,
    )


def rank_correlation(first: ArrayLike, second: ArrayLike) -> float | None:
    """Spearman's rank correlation, for instance of a label-free criterion with the SAD over runs.

    Args:
        first: (n,).
        second: (n,).

    Returns:
        The correlation in [-1, 1]; None below 5 runs or where one side does not vary.

    Raises:
        UnmixingError: the lengths differ, or a value is not finite.
    """
    from scipy import stats

    one, other = finite_values(first, "values"), finite_values(second, "values")
    if len(one) != len(other):
        raise UnmixingError(f"{len(one)} and {len(other)} values cannot be ranked together; keep the common runs")
    if len(one) < MINIMUM_RUNS or np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return float(stats.spearmanr(one, other).statistic)


def rank_correlation_interval(correlation: float, n: int, level: float = 0.95) -> tuple[float, float] | None:
    """Interval of Spearman's rank correlation by Fisher's transformation.

    With the variance of D. G. Bonett and T. A. Wright (Psychometrika 65, 2000): (1 + r^2 / 2) / (n - 3).

    Args:
        correlation: in [-1, 1].
        n: number of pairs.
        level: nominal coverage.

    Returns:
        The bounds; None below 5 pairs.

    Raises:
        UnmixingError: the correlation is outside of [-1, 1].
    """
    from scipy import stats

    if not -1 <= correlation <= 1:
        raise UnmixingError(f"correlation is {correlation}; give a number from -1 to 1")
    if n < MINIMUM_RUNS:
        return None
    if abs(correlation) == 1:
        return correlation, correlation
    half = float(stats.norm.ppf((1 + level) / 2)) * ((1 + correlation**2 / 2) / (n - 3)) ** 0.5
    centre = np.arctanh(correlation)
    return float(np.tanh(centre - half)), float(np.tanh(centre + half))


def holm(p_values: ArrayLike, significance: float = 0.05) -> tuple[Vector, NDArray[np.bool_]]:
    """Adjust a family of tests by Holm's method.

    Args:
        p_values: (m,); NaN where a test could not be made, which leaves the family.
        significance: familywise error rate.

    Returns:
        Adjusted p values (m,), NaN where there was none, and which are rejected (m,).

    Raises:
        UnmixingError: a value lies outside of [0, 1].
    """
    from statsmodels.stats.multitest import multipletests

    values = np.asarray(p_values, dtype=np.float64)
    made = np.isfinite(values)
    if values.ndim != 1 or ((values[made] < 0) | (values[made] > 1)).any():
        raise UnmixingError("p values must be a list of numbers from 0 to 1; check the tests of this family")
    adjusted = np.full(values.shape, np.nan)
    rejected = np.zeros(values.shape, dtype=bool)
    if made.any():
        rejected[made], adjusted[made], _, _ = multipletests(values[made], alpha=significance, method="holm")
    return adjusted, rejected


def equivalence(differences: ArrayLike, margin: float) -> tuple[Equivalence, Interval | None]:
    """Decide whether a mean difference is within a margin.

    The 90 % interval within the margin is the pair of one-sided tests at 5 % (TOST; D. J. Schuirmann, Journal of
    Pharmacokinetics and Biopharmaceutics 15, 1987).

    Args:
        differences: (n,), paired differences, or runs minus a fixed number.
        margin: largest difference that counts as none, > 0.

    Returns:
        "equivalent" if the 90 % interval lies within ``+-margin``, "different" if the 95 % interval lies
        outside, "inconclusive" if neither, "untested" below 5; and the 90 % interval.

    Raises:
        UnmixingError: the margin is not positive, or a value is not finite.
    """
    if not margin > 0:
        raise UnmixingError(f"margin is {margin}; give the largest difference that counts as none, above 0")
    narrow = mean_interval(differences, 0.90)
    wide = mean_interval(differences, 0.95)
    if narrow is None or wide is None:
        return "untested", None
    if -margin < narrow.low and narrow.high < margin:
        return "equivalent", narrow
    return "different" if wide.low > margin or wide.high < -margin else "inconclusive", narrow


def reproduction_margin(published: float) -> float:
    """Largest difference from a published SAD that counts as the same: .005 rad or a tenth, whichever is larger.

    Args:
        published: published mean in radians.

    Returns:
        The margin in radians.
    """
    return max(0.005, 0.1 * abs(published))
