"""The scorecard's verdicts: does a printed mean reproduce?

``reproduced``: the 90 % interval of ours minus the paper's lies within the margin, its ends included. ``contradicted``:
the 95 % interval has no point within the margin. ``inconclusive``: neither, as with every number of runs below five,
which have no interval. ``not testable here``: nothing of ours stands beside the printed value. Overlap of two intervals
decides nothing.

A verdict counts where scene and scale are the paper's; elsewhere it is *indicative*: it says what these runs show and
nothing of the paper. A printed mean is taken as it stands, without an error of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from unmixing.errors import UnmixingError
from unmixing.statistics.comparisons import reproduction_margin
from unmixing.statistics.intervals import MINIMUM_RUNS, Method, finite_values, mean_interval

Outcome = Literal["reproduced", "contradicted", "inconclusive", "not testable here"]

OUTCOMES: tuple[Outcome, ...] = ("reproduced", "contradicted", "inconclusive", "not testable here")
INDICATIVE = "indicative: "
FEW_RUNS = f"n < {MINIMUM_RUNS}: runs shown"


@dataclass(frozen=True)
class Judgement:
    """What our runs say of one printed mean.

    Attributes:
        outcome: See the module.
        same_scale: Whether scene and scale are the paper's: only then does the outcome count.
        n: Independent values behind it.
        difference: Ours minus the paper's, in radians; NaN without runs.
        margin: Largest difference that counts as the same.
        narrow: Bounds of the difference at 90 %; None below five values.
        wide: Bounds at 95 %; None below five values.
        method: How the bounds were found; None without any.
        reason: Why nothing could be said, empty where something was.
    """

    outcome: Outcome
    same_scale: bool
    n: int
    difference: float
    margin: float
    narrow: tuple[float, float] | None = None
    wide: tuple[float, float] | None = None
    method: Method | None = None
    reason: str = ""

    @property
    def verdict(self) -> str:
        """The outcome as it is printed: marked where it is indicative, with the reason of an empty interval."""
        if self.outcome == "not testable here":
            return self.outcome
        words = f"{self.outcome} ({self.reason})" if self.reason else self.outcome
        return words if self.same_scale else f"{INDICATIVE}{words}"

    @property
    def margins(self) -> float:
        """The difference in margins; NaN without runs."""
        return self.difference / self.margin


def position(narrow: tuple[float, float], wide: tuple[float, float], margin: float) -> Outcome:
    """Judge the bounds of a difference.

    Args:
        narrow: At 90 %, lower end first.
        wide: At 95 %, lower end first.
        margin: Largest difference that counts as the same, > 0.

    Returns:
        "reproduced" if the narrow bounds lie within [-margin, margin], "contradicted" if the wide ones lie wholly
        outside, else "inconclusive". Bounds that end on the margin are within it.

    Raises:
        UnmixingError: The margin is not positive, or bounds are not in order.
    """
    if not margin > 0:
        raise UnmixingError(f"margin is {margin}; give the largest difference that counts as the same, above 0")
    if not (narrow[0] <= narrow[1] and wide[0] <= wide[1]):
        raise UnmixingError(f"bounds {narrow} and {wide} are not in order; give the lower end of each first")
    if -margin <= narrow[0] and narrow[1] <= margin:
        return "reproduced"
    if wide[0] > margin or wide[1] < -margin:
        return "contradicted"
    return "inconclusive"


def judge(
    values: ArrayLike,
    published: float,
    *,
    same_scale: bool,
) -> Judgement:
    """Judge one printed mean by our runs.

    Args:
        values: (n,), one for each independent run or draw, in radians.
        published: The printed mean in radians.
        same_scale: Whether scene and scale are the paper's.

    Returns:
        The judgement. Intervals are Student's t below 25 values and BCa from 25; below 5 there is none and the
        outcome is "inconclusive". Without values it is "not testable here".

    Raises:
        UnmixingError: A value or the printed mean is not finite.
    """
    if not np.isfinite(published):
        raise UnmixingError(f"the printed mean is {published}; judge only cells that print a number")
    if np.size(np.asarray(values)) == 0:
        return not_testable(published, "no runs")
    margin = reproduction_margin(published)
    runs = finite_values(values, "values")
    difference = float(runs.mean()) - published
    narrow, wide = mean_interval(runs, 0.90), mean_interval(runs, 0.95)
    if narrow is None or wide is None:
        return Judgement("inconclusive", same_scale, len(runs), difference, margin, reason=FEW_RUNS)
    bounds = [(interval.low - published, interval.high - published) for interval in (narrow, wide)]
    outcome = position(bounds[0], bounds[1], margin)
    return Judgement(outcome, same_scale, len(runs), difference, margin, bounds[0], bounds[1], wide.method)


def not_testable(published: float, reason: str) -> Judgement:
    """Return the judgement where nothing of ours stands beside a printed mean.

    Args:
        published: The printed mean in radians.
        reason: What is missing.
    """
    return Judgement("not testable here", False, 0, float("nan"), reproduction_margin(published), reason=reason)


def count_verdicts(judgements: Iterable[Judgement]) -> dict[str, int]:
    """Count verdicts, those that count apart from the indicative ones.

    Args:
        judgements: Any number.

    Returns:
        For each outcome its number at the paper's scale, and below ``indicative: `` and the outcome that of the others;
        every key is there, those of outcomes that cannot be indicative once.
    """
    found = Counter(
        one.outcome if one.same_scale or one.outcome == "not testable here" else INDICATIVE + one.outcome
        for one in judgements
    )
    keys = [*OUTCOMES[:3], *(INDICATIVE + outcome for outcome in OUTCOMES[:3]), OUTCOMES[3]]
    return {key: found[key] for key in keys}
