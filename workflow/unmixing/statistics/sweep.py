"""Comparisons over the regimes of a sweep, whose runs share weights, images and random numbers with each other.

A difference between two arms is pooled over regimes with the regime as a fixed block: every regime weighs the same,
and deviations are taken from the mean of the regime. Runs of one regime are not independent where they share a set of
images or of initial weights, and neither are runs of the same index in different regimes, which share patches,
shuffling, dropout and mostly weights. What shares anything, directly or through others, is therefore one draw, and the
draws are the sample: with as many sets of images as of weights, runs whose indices leave the same remainder.

The standard error is the cluster-robust one of the blocked mean (K.-Y. Liang and S. L. Zeger, Biometrika 73, 1986)
with the factor C / (C - 1) for C draws, and Student's t has C - 1 degrees of freedom. In a balanced design this is
the t interval of the draws' own means, which is exact for normal values. To take all pairs for independent, with n less
the number of regimes as degrees of freedom, promises too much: see the test of coverage.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unmixing.errors import UnmixingError
from unmixing.statistics.comparisons import paired_comparison
from unmixing.statistics.components import VarianceComponent, nested_variance_components
from unmixing.statistics.intervals import MINIMUM_RUNS, Interval, Vector, finite_values

Labels = NDArray[np.intp]

MOST_FLIPS = 9_999
"""Up to this many assignments of signs are enumerated; of more a fixed sample is drawn."""

WEIGHTS = "initial weights"
IMAGES = "image set"
BOTH = "initial weights and image set"


@dataclass(frozen=True)
class PooledComparison:
    """Two arms compared over all regimes, run by run.

    Attributes:
        pairs: number of pairs of runs.
        blocks: number of regimes.
        draws: number of independent draws that the pairs fall into: the n of interval, test and detectable difference.
        difference: mean over regimes of the mean of first minus second.
        values: (draws,), whose mean is the difference and whose spread gives its standard error; with one pair per
            draw and a single regime the paired differences themselves.
        interval: of the difference, None below 5 draws.
        p_value: of the two-sided t test, None below 5 draws.
        correlation: realised correlation of the pairs within regimes; NaN where there is none.
        variance_saved: share of the variance of the difference that pairing removed, within regimes.
        detectable: true difference that such a test finds with power .8; None below 5 draws.
    """

    pairs: int
    blocks: int
    draws: int
    difference: float
    values: tuple[float, ...]
    interval: Interval | None
    p_value: float | None
    correlation: float
    variance_saved: float
    detectable: float | None


def independent_draws(factors: Sequence[Sequence[Hashable | None]]) -> Labels:
    """Group observations so that those of different groups share no level of any factor.

    Args:
        factors: for each factor the level of every observation, None where it has one of its own. Sharing is passed
            on: if a shares images with b, and b its weights with c, then a, b and c are one draw.

    Returns:
        (n,) label of each observation's draw, from 0.

    Raises:
        UnmixingError: there is no factor, or their lengths differ.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    lengths = {len(levels) for levels in factors}
    if len(lengths) != 1:
        raise UnmixingError(f"factors have {sorted(lengths)} levels; give one for each observation in every factor")
    count = lengths.pop()
    starts, ends = [], []
    for levels in factors:
        first: dict[Hashable, int] = {}
        for index, level in enumerate(levels):
            if level is not None:
                starts.append(first.setdefault(level, index))
                ends.append(index)
    links = coo_array((np.ones(len(starts)), (starts, ends)), shape=(count, count))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.intp)


def draw_values(values: ArrayLike, blocks: Sequence[Hashable], draws: ArrayLike) -> Vector:
    """Reduce runs to one value for each independent draw.

    Args:
        values: (n,), one for each run or pair of runs.
        blocks: (n,), its regime. Every regime weighs the same, however many runs it has.
        draws: (n,), its draw (``independent_draws``).

    Returns:
        (C,), whose mean is the mean over regimes and whose sample deviation divided by the root of C is its
        cluster-robust standard error. Where every draw has the same number of runs in every regime these are the
        draws' means.

    Raises:
        UnmixingError: the lengths differ, or a value is not finite.
    """
    runs = finite_values(values, "values")
    block, draw = _codes(blocks, len(runs), "blocks"), _codes(list(np.asarray(draws)), len(runs), "draws")
    sizes = np.bincount(block)
    means = np.bincount(block, runs) / sizes
    # Each run's part in the mean over regimes, less what its regime's mean explains.
    scores = np.bincount(draw, (runs - means[block]) / (sizes[block] * len(sizes)))
    return np.asarray(means.mean() + len(scores) * scores, dtype=np.float64)


def _codes(labels: Sequence[Hashable], count: int, what: str) -> Labels:
    if len(labels) != count:
        raise UnmixingError(f"there are {len(labels)} {what} for {count} values; give one for each")
    known: dict[Hashable, int] = {}
    return np.array([known.setdefault(label, len(known)) for label in labels], dtype=np.intp)


def pooled_comparison(
    first: ArrayLike,
    second: ArrayLike,
    blocks: Sequence[Hashable],
    draws: ArrayLike,
) -> PooledComparison:
    """Compare two arms by their paired runs in all regimes.

    Args:
        first: (n,), one arm, for instance SAD in radians; for a contrast of several treatments the mean of their runs.
        second: (n,), the runs of the other arm that share the streams of the first.
        blocks: (n,), regime of each pair.
        draws: (n,), independent draw of each pair.

    Returns:
        The comparison, its interval at 95 %; interval, test and detectable difference are missing below 5 draws.

    Raises:
        UnmixingError: the lengths differ, there is no pair, or a value is not finite.
    """
    one, other = finite_values(first, "values of the first arm"), finite_values(second, "values of the second arm")
    if len(one) != len(other):
        raise UnmixingError(f"arms of {len(one)} and {len(other)} runs cannot be paired; keep the runs both have")
    values = draw_values(one - other, blocks, draws)
    tested = paired_comparison(values, np.zeros_like(values))
    block = _codes(blocks, len(one), "blocks")
    sizes = np.bincount(block)
    within = [arm - (np.bincount(block, arm) / sizes)[block] for arm in (one, other)]
    squares = [float(part @ part) for part in within]
    # What is left of equal runs after the mean is rounding, no variation.
    varies = len(one) - len(sizes) >= 2 and all(
        square > 1e-20 * float(arm @ arm) for square, arm in zip(squares, (one, other), strict=True)
    )
    separate = sum(squares)
    return PooledComparison(
        pairs=len(one),
        blocks=len(sizes),
        draws=len(values),
        difference=tested.difference,
        values=tuple(values.tolist()),
        interval=tested.interval,
        p_value=tested.p_value,
        correlation=float(within[0] @ within[1]) / (squares[0] * squares[1]) ** 0.5 if varies else float("nan"),
        variance_saved=2 * float(within[0] @ within[1]) / separate if varies else float("nan"),
        detectable=tested.detectable,
    )


def sign_flip_p_value(values: ArrayLike) -> float | None:
    """Test whether differences are symmetric about zero, by flipping their signs; for rates, where t would not do.

    With differences of single runs that succeed or fail it is McNemar's exact test. The least p of C draws is
    2^(1 - C): five draws cannot pass .05.

    Args:
        values: (n,), one for each draw.

    Returns:
        The two-sided p value, exact up to 13 draws, from a fixed sample of signs beyond; None below 5 draws.

    Raises:
        UnmixingError: a value is not finite.
    """
    from scipy import stats

    sample = finite_values(values, "values")
    if len(sample) < MINIMUM_RUNS:
        return None
    if not sample.any():
        return 1.0
    found = stats.permutation_test(
        (sample,),
        np.mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=MOST_FLIPS,
        rng=np.random.default_rng(0),
        axis=0,
    )
    return min(float(found.pvalue), 1.0)


def rate_of_draws(successes: ArrayLike, draws: ArrayLike, level: float = 0.95) -> Interval | None:
    """Wilson's interval of a rate whose runs are no independent trials.

    The rate is that of all runs; the number of trials is that of the draws, as if the runs of one draw always ended
    alike. This is wider than it need be where they do not.

    Args:
        successes: (n,), 1 or 0 for each run, or shares in between.
        draws: (n,), its independent draw.
        level: nominal coverage.

    Returns:
        The interval within [0, 1], None below 5 draws.

    Raises:
        UnmixingError: the lengths differ, or a value is not within 0 and 1.
    """
    from statsmodels.stats.proportion import proportion_confint

    runs = finite_values(successes, "successes")
    count = int(_codes(list(np.asarray(draws)), len(runs), "draws").max()) + 1
    if runs.min() < 0 or runs.max() > 1:
        raise UnmixingError("successes must lie within 0 and 1; give 1 for a run that found all endmembers, else 0")
    if count < MINIMUM_RUNS:
        return None
    rate = float(runs.mean())
    low, high = proportion_confint(rate * count, count, alpha=1 - level, method="wilson")
    return Interval(rate, float(low), float(high), level, "wilson", count)


def spread_of_one_run(values: ArrayLike, level: float = 0.95) -> float | None:
    """Width of the range that holds a further run with the given probability, for normal runs.

    Twice t((1 + level) / 2, n - 1) times the sample deviation times the root of 1 + 1/n.

    Args:
        values: (n,), independent runs.
        level: the probability.

    Returns:
        The width in the unit of the values, None below 5 runs.

    Raises:
        UnmixingError: a value is not finite.
    """
    from scipy import stats

    runs = finite_values(values, "values")
    n = len(runs)
    if n < MINIMUM_RUNS:
        return None
    return float(2 * stats.t.ppf((1 + level) / 2, n - 1) * runs.std(ddof=1) * (1 + 1 / n) ** 0.5)


def run_components(
    values: ArrayLike, weights: Sequence[Hashable], images: Sequence[Hashable]
) -> list[VarianceComponent]:
    """Split the variance of the runs of one regime and treatment by what they share.

    A factor is left out where all runs have one level, or each a level of its own: it then shifts all runs alike, or
    is part of the rest. Factors whose levels always change together are one component, and so are crossed ones, by
    their combinations.

    Args:
        values: (n,), a run's mean SAD.
        weights: (n,), set of initial weights of each run.
        images: (n,), set of images of each run.

    Returns:
        Components named ``WEIGHTS``, ``IMAGES`` or ``BOTH``, as far as they can be had, and "rest"; none for a
        single run.

    Raises:
        UnmixingError: the lengths differ, or a value is not finite.
    """
    runs = finite_values(values, "values")
    if len(runs) < 2:
        return []
    coded = {WEIGHTS: _codes(weights, len(runs), WEIGHTS), IMAGES: _codes(images, len(runs), IMAGES)}
    shared = {name: codes for name, codes in coded.items() if 0 < codes.max() < len(runs) - 1}
    if len(shared) == 2:
        joint = _codes(list(zip(shared[WEIGHTS].tolist(), shared[IMAGES].tolist(), strict=True)), len(runs), BOTH)
        counts = {name: int(codes.max()) + 1 for name, codes in shared.items()}
        combinations = int(joint.max()) + 1
        outer = min(counts, key=lambda name: counts[name])
        inner = WEIGHTS if outer == IMAGES else IMAGES
        if combinations == counts[outer] or combinations > counts[inner]:
            shared = {BOTH: joint} if combinations < len(runs) else {}
        else:
            shared = {outer: shared[outer], inner: shared[inner]}
    factors: Mapping[str, list[int]] = {name: codes.tolist() for name, codes in shared.items()}
    return nested_variance_components(runs, factors)
