"""Differences between arms of the sweep, judged by the figure that a scene allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from unmixing.augmentation.treatments import TREATMENTS
from unmixing.statistics import Interval, equivalence, holm
from unmixing.statistics.sweep import PooledComparison, pooled_comparison, rate_of_draws, sign_flip_p_value
from unmixing.tables.claims import judged_by
from unmixing.tables.run_rows import NO_REFERENCE
from unmixing.tables.sweep_rows import SHARED, draws

#: Radians: a mean difference within this is none; about one standard deviation of a run of Samson or Urban4.
EQUIVALENT_WITHIN = 0.005

Measure = Literal["sad_rad", "success"]

FINDING_NOTE = (
    "Finding: smaller or larger where the adjusted p is below .05; equivalent where the 90 % interval lies within "
    f"±{EQUIVALENT_WITHIN} rad (two one-sided tests at 5 %); otherwise inconclusive, which is no proof of equality. "
    "Where a scene is judged by success the p is that of the rates, by flipping the signs of the draws' differences "
    "(exact up to 13 draws), and the difference of SAD stands as a description."
)


@dataclass(frozen=True)
class Contrast:
    """One arm, or the mean of several, against a control.

    Attributes:
        sad: Comparison of mean SAD in radians; None without pairs.
        success: Comparison of the rates of runs that find all endmembers; None without pairs or references.
        means: SAD of the arm and of the control, over regimes, of the same pairs.
        successes: Runs that find all endmembers in the arm and in the control.
        trials: Runs that these are counted among.
        rates: Their intervals.
        judged_by: Which figure the scene allows, or that it allows none.
        p_value: Of that figure, not adjusted.
        condition: What all draws have in common; the interval holds under it.
        reason: Why something is missing.
    """

    sad: PooledComparison | None = None
    success: PooledComparison | None = None
    means: tuple[float, float] | None = None
    successes: tuple[int, int] | None = None
    trials: tuple[int, int] | None = None
    rates: tuple[Interval | None, Interval | None] = (None, None)
    judged_by: str | None = None
    p_value: float | None = None
    condition: str = ""
    reason: str = ""


def contrast(
    runs: pd.DataFrame, firsts: Sequence[str], second: str, scene: str, protocol: str, images: int
) -> Contrast:
    """Compare the mean of arms with a control, paired by regime and run.

    Args:
        runs: the table of ``sweep_rows.runs_of`` one scene, protocol and number of images.
        firsts: Treatments whose runs are averaged; a pair needs all of them.
        second: The control.
        scene: Scene id.
        protocol: Of the runs.
        images: Of a run.
    """
    missing = [name for name in (*firsts, second) if name not in set(runs["treatment"])]
    if missing:
        return Contrast(reason=f"no runs of {', '.join(missing)} in this study")
    arms = runs[runs["treatment"].isin([*firsts, second])]
    if arms["sad_rad"].isna().all() and (arms["status"] != "diverged").any():
        return Contrast(reason=NO_REFERENCE)
    pairs = _pairs(arms, firsts, second, "sad_rad")
    if pairs.empty:
        return Contrast(reason="no run has numbers in all arms of this comparison")
    sad, condition = _compare(pairs, firsts, protocol, images)
    judged = judged_by(scene, sad.draws)
    ended = _pairs(arms, firsts, second, "success")
    success, p_value = None, sad.p_value
    rates: tuple[Interval | None, Interval | None] = (None, None)
    if len(ended):
        success, _ = _compare(ended, firsts, protocol, images)
        first_draws, second_draws = (draws(ended, names, protocol, images)[0] for names in (firsts, [second]))
        rates = (rate_of_draws(ended["first"], first_draws), rate_of_draws(ended["second"], second_draws))
        judged = judged_by(scene, success.draws)
    if judged == "success rate":
        p_value = None if success is None else sign_flip_p_value(success.values)
    regimes = pairs["regime"].to_numpy()
    means = [
        float(np.mean([pairs[arm].to_numpy()[regimes == regime].mean() for regime in dict.fromkeys(regimes)]))
        for arm in ("first", "second")
    ]
    return Contrast(
        sad=sad,
        success=success,
        means=(means[0], means[1]),
        successes=(round(float(ended["first"].sum()) * len(firsts)), round(float(ended["second"].sum()))),
        trials=(len(ended) * len(firsts), len(ended)),
        rates=rates,
        judged_by=judged,
        p_value=p_value,
        condition="; ".join(condition),
        reason=_lost(arms),
    )


def _pairs(arms: pd.DataFrame, firsts: Sequence[str], second: str, measure: Measure) -> pd.DataFrame:
    """Return the pairs of runs: regime, run, what they share, first (mean over arms) and second."""
    known: dict[str, dict[tuple[str, int], float]] = {name: {} for name in (*firsts, second)}
    design = {}
    columns = ("treatment", "regime", "run", measure, *SHARED)
    for name, regime, run, value, *shared in zip(*(arms[column].tolist() for column in columns), strict=True):
        if np.isfinite(value):
            known[name][regime, run] = value
            design[regime, run] = shared
    kept = [place for place in known[second] if all(place in known[name] for name in firsts)]
    return pd.DataFrame(
        {
            "regime": [regime for regime, _ in kept],
            "run": [run for _, run in kept],
            **{column: [design[place][at] for place in kept] for at, column in enumerate(SHARED)},
            "first": [sum(known[name][place] for name in firsts) / len(firsts) for place in kept],
            "second": [known[second][place] for place in kept],
        }
    )


def _compare(
    pairs: pd.DataFrame, firsts: Sequence[str], protocol: str, images: int
) -> tuple[PooledComparison, list[str]]:
    labels, condition = draws(pairs, firsts, protocol, images)
    return pooled_comparison(pairs["first"], pairs["second"], pairs["regime"].tolist(), labels), condition


def _lost(arms: pd.DataFrame) -> str:
    diverged = arms[arms["status"] == "diverged"]
    if diverged.empty:
        return ""
    counts = diverged["treatment"].value_counts(sort=False)
    return "; ".join(f"{TREATMENTS[str(name)].title}: {count} diverged" for name, count in counts.items())


def finding(found: Contrast, adjusted: float | None) -> str | None:
    """Return in words what a comparison shows.

    Args:
        found: The comparison.
        adjusted: p value after the adjustment of its family; None where there was no test.
    """
    if found.sad is None or found.judged_by is None:
        return None
    if adjusted is None or not np.isfinite(adjusted):
        return "untested"
    if found.judged_by == "success rate":
        assert found.success is not None
        if adjusted < 0.05:
            return "more successes" if found.success.difference > 0 else "fewer successes"
        return "inconclusive"
    if adjusted < 0.05:
        return "smaller SAD" if found.sad.difference < 0 else "larger SAD"
    decided, _ = equivalence(found.sad.values, EQUIVALENT_WITHIN)
    return f"equivalent (±{EQUIVALENT_WITHIN} rad)" if decided == "equivalent" else "inconclusive"


#: Side of the first arm by what ``finding`` says.
_SIDES: Mapping[str, str] = {
    "smaller SAD": "better",
    "more successes": "better",
    "larger SAD": "worse",
    "fewer successes": "worse",
    "inconclusive": "undecided",
    "untested": "untested",
}


def side_of_finding(said: str | None) -> str | None:
    """Return the side of the first arm that a finding says: better, worse, same, undecided or untested.

    Args:
        said: In the words of ``finding``; of other words, and of None, the side is None.
    """
    return "same" if said is not None and said.startswith("equivalent") else _SIDES.get(said or "")


def contrast_record(found: Contrast, prefix: str) -> dict[str, Any]:
    """Return a comparison as values of a row, each key with a prefix.

    Returns:
        ``difference`` with ``n`` in words, ``low`` and ``high`` or ``values``, ``p_value``, ``correlation``,
        ``variance_saved``, ``detectable``, ``arm_sad`` and ``control_sad``, ``pairs``, ``draws``; ``arm_successes``
        and ``control_successes`` with ``trials``, ``low`` and ``high``; ``rate_difference``.
    """
    record: dict[str, Any] = {}
    if found.sad is not None and found.means is not None:
        sad = found.sad
        record = {
            "pairs": sad.pairs,
            "draws": sad.draws,
            "arm_sad": found.means[0],
            "control_sad": found.means[1],
            "difference": sad.difference,
            "n": f"{_count(sad.pairs, 'pair')}, {_count(sad.draws, 'draw')}",
            "p_value": found.p_value,
            "correlation": sad.correlation,
            "variance_saved": sad.variance_saved,
            "detectable": sad.detectable,
        }
        if sad.interval is None:
            record["values"] = " ".join(repr(value) for value in sad.values)
        else:
            record |= {"low": sad.interval.low, "high": sad.interval.high}
    if found.success is not None and found.successes is not None and found.trials is not None:
        record["rate_difference"] = found.success.difference
        for place, arm in enumerate(("arm", "control")):
            rate = found.rates[place]
            record |= {f"{arm}_successes": found.successes[place], f"{arm}_trials": found.trials[place]}
            record |= {} if rate is None else {f"{arm}_low": rate.low, f"{arm}_high": rate.high}
    return {f"{prefix}_{key}": value for key, value in record.items()}


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def texts(*prefixes: str) -> list[str]:
    """Return the keys of ``contrast_record`` that hold text and are not shown in a column of their own."""
    return [f"{prefix}_{key}" for prefix in prefixes for key in ("n", "values")]


def adjust(members: Sequence[tuple[dict[str, Any], Contrast]], prefix: str, finding_key: str = "finding") -> None:
    """Adjust one family of tests by Holm's method and enter p values and findings into the rows.

    Args:
        members: Rows with their comparisons; those without a test leave the family.
        prefix: Of the key ``p_holm``.
        finding_key: Where the finding goes.
    """
    adjusted, _ = holm([np.nan if found.p_value is None else found.p_value for _, found in members])
    for (record, found), value in zip(members, adjusted.tolist(), strict=True):
        record |= {f"{prefix}_p_holm": value, finding_key: finding(found, value)}


def adjust_over_scenes(members: Sequence[tuple[dict[str, Any], Contrast]], keys: Sequence[str], prefix: str) -> None:
    """Adjust each family of rows that agree in some columns and differ in the scene."""
    families: dict[tuple[Any, ...], list[tuple[dict[str, Any], Contrast]]] = {}
    for record, found in members:
        families.setdefault(tuple(record[key] for key in keys), []).append((record, found))
    for family in families.values():
        adjust(family, prefix)
