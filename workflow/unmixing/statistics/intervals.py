"""Means and rates with their intervals, and the two standard deviations that must not be confused.

The rule for means: below 5 runs no interval and no test, Student's t below 25, the bias-corrected and accelerated
bootstrap (BCa; B. Efron, Journal of the American Statistical Association 82, 1987) from 25. A percentile bootstrap
is not offered: with few runs it covers far less than it promises (``coverage.interval_coverage``).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unmixing.errors import UnmixingError

Vector = NDArray[np.float64]
Method = Literal["student_t", "bca", "wilson"]

MINIMUM_RUNS = 5
BOOTSTRAP_RUNS = 25
RESAMPLES = 9_999


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval.

    Attributes:
        estimate: mean or rate, in the unit of the values.
        low: lower bound.
        high: upper bound.
        level: nominal coverage, for instance 0.95.
        method: how the bounds were found.
        n: number of runs.
    """

    estimate: float
    low: float
    high: float
    level: float
    method: Method
    n: int


@dataclass(frozen=True)
class Spread:
    """Standard deviations of the same runs, each under its name.

    Attributes:
        paper: population deviation over runs for each endmember, then the mean over endmembers: the paper's
            "STD" and an upper bound of the population deviation of the run means.
        run_means: sample deviation (n - 1) of the run means, what tests and power need; NaN for one run.
    """

    paper: float
    run_means: float


def finite_values(values: ArrayLike, what: str, dimensions: int = 1) -> Vector:
    """Give values as a float64 array, refusing what a statistic would silently swallow.

    Args:
        values: array-like.
        what: what they are, for the message.
        dimensions: number of axes required.

    Returns:
        The array.

    Raises:
        UnmixingError: the shape is another, the array is empty, or a value is not finite.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != dimensions or array.size == 0:
        raise UnmixingError(f"{what} have shape {array.shape}; hand over {dimensions} filled axes")
    bad = int((~np.isfinite(array)).sum())
    if bad:
        raise UnmixingError(
            f"{bad} of {array.size} {what} are not finite; leave diverged runs out and report their number"
        )
    return array


def mean_interval(values: ArrayLike, level: float = 0.95, rng: np.random.Generator | None = None) -> Interval | None:
    """Confidence interval of the mean of independent runs.

    Args:
        values: (n,), one for each run, or paired differences.
        level: nominal coverage, between 0 and 1.
        rng: draws the bootstrap's samples; by default a stream that is the same at each call.

    Returns:
        The interval, or None below 5 runs: print the runs themselves then. From 25 runs BCa; where that is
        undefined (a resampled mean on one side only) Student's t, as ``method`` says.

    Raises:
        UnmixingError: a value is not finite, there is none, or the level is not between 0 and 1.
    """
    runs = finite_values(values, "values")
    _check_share("level", level)
    if len(runs) < MINIMUM_RUNS:
        return None
    low, high, method = mean_bounds(runs[None], level, rng)
    return Interval(float(runs.mean()), float(low[0]), float(high[0]), level, method[0], len(runs))


def mean_bounds(
    samples: Vector, level: float, rng: np.random.Generator | None = None, resamples: int = RESAMPLES
) -> tuple[Vector, Vector, list[Method]]:
    """Bounds of the mean for many samples of one size at once, by the module's rule for their size.

    Args:
        samples: (samples, n), n >= 2, finite.
        level: nominal coverage.
        rng: draws the bootstrap's samples.
        resamples: number of them.

    Returns:
        Lower bounds (samples,), upper bounds (samples,), and the method used for each.
    """
    from scipy import stats

    count = samples.shape[1]
    mean = samples.mean(axis=1)
    half = stats.t.ppf((1 + level) / 2, count - 1) * samples.std(axis=1, ddof=1) / np.sqrt(count)
    low, high = mean - half, mean + half
    methods: list[Method] = ["student_t"] * len(samples)
    # Runs that are all equal have a bootstrap of a single value: nothing to correct, t gives width zero.
    varied = np.flatnonzero(np.ptp(samples, axis=1) > 0)
    if count < BOOTSTRAP_RUNS or varied.size == 0:
        return low, high, methods
    with warnings.catch_warnings():
        # An undefined bound comes back as NaN and is handled here.
        warnings.simplefilter("ignore")
        bounds = stats.bootstrap(
            (samples[varied],),
            np.mean,
            axis=-1,
            confidence_level=level,
            n_resamples=resamples,
            batch=max(1, 4_000_000 // samples[varied].size),
            method="BCa",
            rng=np.random.default_rng(0) if rng is None else rng,
        ).confidence_interval
    lower, upper = np.asarray(bounds.low), np.asarray(bounds.high)
    defined = np.isfinite(lower) & np.isfinite(upper)
    low[varied[defined]], high[varied[defined]] = lower[defined], upper[defined]
    for index in varied[defined]:
        methods[index] = "bca"
    return low, high, methods


def rate_interval(successes: int, n: int, level: float = 0.95) -> Interval | None:
    """Wilson's score interval of a rate, such as the share of runs that find every endmember.

    Args:
        successes: number of runs that succeeded, 0 to n.
        n: number of runs; a run that diverged did not succeed and counts.
        level: nominal coverage, between 0 and 1.

    Returns:
        The interval within [0, 1], or None below 5 runs.

    Raises:
        UnmixingError: the counts or the level are impossible.
    """
    from statsmodels.stats.proportion import proportion_confint

    _check_share("level", level)
    if not 0 <= successes <= n or n == 0:
        raise UnmixingError(f"{successes} successes of {n} runs are impossible; count both over the same runs")
    if n < MINIMUM_RUNS:
        return None
    low, high = proportion_confint(successes, n, alpha=1 - level, method="wilson")
    return Interval(successes / n, float(low), float(high), level, "wilson", n)


def standard_deviations(sad: ArrayLike) -> Spread:
    """Both standard deviations of a cell, side by side.

    Args:
        sad: (runs, K), one value for each run and endmember, in radians.

    Returns:
        The paper's deviation and that of the run means.

    Raises:
        UnmixingError: a value is not finite or the array is no filled matrix.
    """
    values = finite_values(sad, "values", dimensions=2)
    means = values.mean(axis=1)
    return Spread(
        paper=float(values.std(axis=0).mean()),
        run_means=float(means.std(ddof=1)) if len(means) > 1 else float("nan"),
    )


def _check_share(what: str, value: float) -> None:
    if not 0 < value < 1:
        raise UnmixingError(f"{what} is {value}; give a number between 0 and 1, both excluded")
