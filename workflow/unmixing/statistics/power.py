"""How many runs an effect needs, and which effect the runs at hand can show."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from unmixing.errors import UnmixingError

Design = Literal["arms", "pairs", "differences"]

# Beyond this many runs nobody will train; the answer is then "not within reach".
MOST_RUNS = 10_000_000


def detectable_difference(
    deviation: float,
    n: int,
    *,
    design: Design = "arms",
    correlation: float = 0.0,
    significance: float = 0.05,
    power: float = 0.8,
    comparisons: int = 1,
) -> float:
    """Smallest true difference that a two-sided t test finds with the power asked for.

    Args:
        deviation: standard deviation of a run's mean SAD (rad); for the design "differences" that of the paired
            differences themselves.
        n: runs in each arm, or pairs; at least 2.
        design: "arms" compares two independent arms of n runs, "pairs" n pairs of runs whose correlation is
            given, "differences" n differences.
        correlation: of the pairs, for the design "pairs".
        significance: two-sided error rate of the family.
        power: chance to find the difference.
        comparisons: number of tests in the family; the smallest of them must pass ``significance / comparisons``
            under Holm.

    Returns:
        The difference, in the unit of the deviation.

    Raises:
        UnmixingError: an argument is out of its range.
    """
    from scipy import optimize

    scale = _difference_scale(deviation, design, correlation)
    _check(significance, power, comparisons)
    if n < 2:
        raise UnmixingError(f"{n} runs show no difference at all; give at least 2")
    if scale == 0:
        return 0.0
    of_effect = _power_function(design, significance / comparisons)
    high = 1.0
    while of_effect(high, n) < power:
        high *= 2
    effect = optimize.brentq(lambda size: of_effect(size, n) - power, 0.0, high, xtol=1e-12)
    return float(effect) * scale


def runs_needed(
    difference: float,
    deviation: float,
    *,
    design: Design = "arms",
    correlation: float = 0.0,
    significance: float = 0.05,
    power: float = 0.8,
    comparisons: int = 1,
) -> int:
    """Runs in each arm (or pairs) that a two-sided t test needs to find a difference.

    Args:
        difference: true difference to be found; its sign does not matter.
        deviation: as in ``detectable_difference``.
        design: as there.
        correlation: as there.
        significance: as there.
        power: as there.
        comparisons: as there.

    Returns:
        The number of runs, at least 2.

    Raises:
        UnmixingError: an argument is out of its range, or more than ten million runs would be needed.
    """
    scale = _difference_scale(deviation, design, correlation)
    _check(significance, power, comparisons)
    if difference == 0:
        raise UnmixingError("no number of runs finds a difference of 0; name the smallest that matters")
    if scale == 0:
        return 2
    of_effect = _power_function(design, significance / comparisons)
    effect = abs(difference) / scale
    return _smallest(lambda n: of_effect(effect, n) >= power)


def equivalence_pairs_needed(
    margin: float,
    deviation: float,
    *,
    correlation: float = 0.0,
    true_difference: float = 0.0,
    significance: float = 0.05,
    power: float = 0.8,
) -> int:
    """Pairs that the two one-sided tests need to show that a difference is within a margin.

    By the noncentral t approximation of K. F. Phillips (Journal of Pharmacokinetics and Biopharmaceutics 18, 1990).

    Args:
        margin: largest difference that counts as none, > 0.
        deviation: standard deviation of a run's mean SAD.
        correlation: of the pairs.
        true_difference: what the difference really is; within the margin.
        significance: level of each one-sided test.
        power: chance to show the equivalence.

    Returns:
        The number of pairs, at least 2.

    Raises:
        UnmixingError: an argument is out of its range, or more than ten million pairs would be needed.
    """
    from scipy import stats

    scale = _difference_scale(deviation, "pairs", correlation)
    _check(significance, power, 1)
    if not abs(true_difference) < margin:
        raise UnmixingError(f"a difference of {true_difference} is not within +-{margin}; widen the margin")
    if scale == 0:
        return 2

    def reached(n: int) -> bool:
        critical = float(stats.t.ppf(1 - significance, n - 1))
        upper = _exceeds(critical, n - 1, (margin - true_difference) / scale * n**0.5)
        lower = _exceeds(critical, n - 1, (margin + true_difference) / scale * n**0.5)
        return upper + lower - 1 >= power

    return _smallest(reached)


def rate_runs_needed(first: float, second: float, *, significance: float = 0.05, power: float = 0.8) -> int:
    """Runs in each arm that a two-sided test needs to tell two success rates apart.

    The normal approximation with pooled variance under the null hypothesis.

    Args:
        first: success rate of one arm, between 0 and 1.
        second: success rate of the other.
        significance: two-sided error rate.
        power: chance to find the difference.

    Returns:
        The number of runs in each arm.

    Raises:
        UnmixingError: a rate is not between 0 and 1, or both are equal.
    """
    from statsmodels.stats.proportion import samplesize_proportions_2indep_onetail

    _check(significance, power, 1)
    if not (0 < first < 1 and 0 < second < 1) or first == second:
        raise UnmixingError(f"rates {first} and {second} must be two different numbers between 0 and 1")
    count = samplesize_proportions_2indep_onetail(
        diff=first - second, prop2=second, power=power, ratio=1, alpha=significance, alternative="two-sided"
    )
    return _smallest(lambda n: n >= float(count))


def _power_function(design: Design, significance: float) -> Callable[[float, int], float]:
    """Power of the two-sided t test as a function of the standardised effect and the number of runs."""
    from scipy import stats

    def power(effect: float, n: int) -> float:
        freedom = 2 * (n - 1) if design == "arms" else n - 1
        shift = effect * (n / 2 if design == "arms" else n) ** 0.5
        critical = float(stats.t.ppf(1 - significance / 2, freedom))
        return _exceeds(critical, freedom, shift) + _exceeds(critical, freedom, -shift)

    return power


def _exceeds(critical: float, freedom: int, shift: float) -> float:
    """Probability that a noncentral t variable lies above a positive bound.

    Given the estimated deviation s (in true ones) it is that of a normal variable, P(Z > critical * s - shift);
    the integral is over s. SciPy's noncentral t distribution, and with it statsmodels' power, returns NaN for
    some large shifts.
    """
    from scipy import integrate, special

    # freedom * s^2 is chi-square distributed.
    low, high = (float(special.chdtri(freedom, tail) / freedom) ** 0.5 for tail in (1 - 1e-13, 1e-13))
    half = freedom / 2
    constant = math.log(2) + half * math.log(half) - math.lgamma(half)

    def integrand(s: float) -> float:
        density = math.exp(constant + (freedom - 1) * math.log(s) - half * s * s)
        return density * math.erfc((critical * s - shift) / math.sqrt(2)) / 2

    # The step of the normal probability and the bulk of the deviations: a narrow one must not be missed.
    kinks = sorted(place for place in {shift / critical, 1.0} if low < place < high)
    value, _ = integrate.quad(integrand, low, high, points=kinks or None, limit=200)
    return float(value)


def _difference_scale(deviation: float, design: Design, correlation: float) -> float:
    """Standard deviation by which the difference is divided to give the standardised effect."""
    if not deviation >= 0:
        raise UnmixingError(f"deviation is {deviation}; give a standard deviation of at least 0")
    if design != "pairs":
        return deviation
    if not -1 <= correlation <= 1:
        raise UnmixingError(f"correlation is {correlation}; give a number from -1 to 1")
    return float(deviation * (2 * (1 - correlation)) ** 0.5)


def _check(significance: float, power: float, comparisons: int) -> None:
    if not (0 < significance < 1 and significance < power < 1 and comparisons >= 1):
        raise UnmixingError(
            f"significance {significance}, power {power} and {comparisons} comparisons do not go together; "
            "give shares between 0 and 1, power above significance, and at least one comparison"
        )


def _smallest(reached: Callable[[int], bool]) -> int:
    """Smallest n >= 2 for which a condition holds that stays true once it is."""
    high = 2
    while not reached(high):
        high *= 2
        if high > MOST_RUNS:
            raise UnmixingError("more than ten million runs would be needed; ask for a larger difference")
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high
