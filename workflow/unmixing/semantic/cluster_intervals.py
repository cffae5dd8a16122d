"""Intervals over clusters (blocks of a scene, groups of names), never over what lies within a cluster.

Neighbouring pixels resemble each other, and so do names of one family: an interval over them would count the same
evidence many times. The rule is that of ``statistics.intervals`` with clusters in place of runs: none below 5,
Student's t below 25 (with the jackknife's standard error, for statistics that are no means), the BCa bootstrap from 25.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from unmixing.errors import UnmixingError
from unmixing.statistics.intervals import BOOTSTRAP_RUNS, MINIMUM_RUNS, Interval

Array = npt.NDArray[np.float64]

_RESAMPLES = 4_999
_LEVEL = 0.95


def cluster_interval(sums: npt.ArrayLike, statistic: Callable[[Array], Array]) -> Interval | None:
    """Return the 95 % interval of a statistic of sums when whole clusters are drawn anew.

    Args:
        sums: (clusters, m), what each cluster adds, such as a sum of squares and its number of pixels.
        statistic: totals (..., m) -> values (...), such as ``ratio`` or ``root_difference``.

    Returns:
        The interval, ``n`` the number of clusters; None below 5 clusters.

    Raises:
        UnmixingError: the sums are no filled matrix of finite numbers.
    """
    from scipy import stats

    table = np.asarray(sums, np.float64)
    if table.ndim != 2 or not table.size or not np.isfinite(table).all():
        raise UnmixingError(f"sums of clusters of shape {table.shape}: give (clusters, m) finite numbers")
    count = len(table)
    estimate = float(statistic(table.sum(axis=0)))
    if count < MINIMUM_RUNS:
        return None
    left_out = np.asarray(statistic(table.sum(axis=0) - table), np.float64)
    error = float(np.sqrt((count - 1) / count * np.sum((left_out - left_out.mean()) ** 2)))
    if count >= BOOTSTRAP_RUNS and np.ptp(left_out) > 0:

        def resampled(drawn: npt.NDArray[Any], axis: int = -1) -> Array:
            return np.asarray(statistic(table[drawn.astype(np.intp)].sum(axis=-2)), np.float64)

        bounds = stats.bootstrap(
            (np.arange(count),),
            resampled,
            confidence_level=_LEVEL,
            n_resamples=_RESAMPLES,
            batch=max(1, 2_000_000 // table.size),
            method="BCa",
            rng=np.random.default_rng(0),
        ).confidence_interval
        if np.isfinite([bounds.low, bounds.high]).all():
            return Interval(estimate, float(bounds.low), float(bounds.high), _LEVEL, "bca", count)
    half = float(stats.t.ppf((1 + _LEVEL) / 2, count - 1)) * error
    return Interval(estimate, estimate - half, estimate + half, _LEVEL, "student_t", count)


def ratio(totals: Array) -> Array:
    """First total over the second: a mean."""
    return np.asarray(totals[..., 0] / totals[..., 1], np.float64)


def root_interval(sums: npt.ArrayLike) -> Interval | None:
    """Return the interval of a root mean square error: the root of the interval of its square, which is a mean.

    Args:
        sums: (clusters, 2) sum of squares and number of each cluster.

    Returns:
        The interval, bounds at least 0; None below 5 clusters.
    """
    found = cluster_interval(sums, ratio)
    if found is None:
        return None
    estimate, low, high = (float(np.sqrt(max(value, 0.0))) for value in (found.estimate, found.low, found.high))
    return replace(found, estimate=estimate, low=low, high=high)


def root_difference(totals: Array) -> Array:
    """Difference of two root mean square errors whose sums of squares come first, their common number last."""
    number = totals[..., 2]
    first, second = (np.sqrt(np.maximum(totals[..., index], 0.0) / number) for index in (0, 1))
    return np.asarray(first - second, np.float64)


def cluster_sums(values: npt.ArrayLike, clusters: npt.ArrayLike) -> Array:
    """Add values (n, m) up by the cluster (n,) of each row: (clusters, m)."""
    table = np.asarray(values, np.float64)
    _, index = np.unique(np.asarray(clusters), return_inverse=True)
    result = np.zeros((int(index.max()) + 1, table.shape[1]))
    np.add.at(result, index.ravel(), table)
    return result
