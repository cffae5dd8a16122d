"""Differences between points of the contrastive phases, paired by run and judged by the figure a scene allows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from unmixing.statistics import Interval
from unmixing.statistics.sweep import PooledComparison, pooled_comparison, rate_of_draws, sign_flip_p_value
from unmixing.tables.claims import judged_by
from unmixing.tables.forms import Column
from unmixing.tables.run_rows import NO_REFERENCE
from unmixing.tables.sweep_contrasts import Contrast, contrast_record, texts

PREFIX = "paired"

#: Keys of ``difference_record`` that hold text and are shown in no column of their own.
TEXTS = texts(PREFIX)

DIFFERENCE = [
    Column(f"{PREFIX}_arm_sad", "SAD, first", "angle", "rad", help="mean over the pairs"),
    Column(f"{PREFIX}_control_sad", "SAD, second", "angle", "rad", help="mean over the same pairs"),
    Column(
        f"{PREFIX}_difference",
        "First − second",
        "difference",
        "rad",
        help="mean over pairs; negative: the first has the smaller SAD",
        extra=(f"{PREFIX}_n",),
    ),
    Column(
        f"{PREFIX}_low",
        "95 % interval",
        "interval",
        "rad",
        help="of the difference; below five pairs the differences themselves",
        extra=(f"{PREFIX}_high", f"{PREFIX}_values"),
    ),
    Column(f"{PREFIX}_detectable", "Detectable", "angle", "rad", help="found by one such test with power .8"),
    Column(f"{PREFIX}_correlation", "Pairing correlation", "angle", help="realised"),
    Column(
        f"{PREFIX}_arm_successes",
        "Find all, first",
        "rate",
        help="runs that find all endmembers",
        extra=(f"{PREFIX}_arm_trials", f"{PREFIX}_arm_low", f"{PREFIX}_arm_high"),
    ),
    Column(
        f"{PREFIX}_control_successes",
        "Find all, second",
        "rate",
        help="of the same runs",
        extra=(f"{PREFIX}_control_trials", f"{PREFIX}_control_low", f"{PREFIX}_control_high"),
    ),
    Column("judged_by", "Judged by"),
    Column(f"{PREFIX}_p_value", "p", "number", help="of the figure that the scene is judged by"),
    Column(f"{PREFIX}_p_holm", "p, Holm", "number", help="within the family that the notes name"),
    Column("finding", "Finding"),
]


def paired(firsts: Sequence[pd.DataFrame], seconds: Sequence[pd.DataFrame], scene: str) -> Contrast:
    """Compare the mean of some arms with the mean of as many others, run by run.

    Args:
        firsts: For each of one or more points its runs (``contrastive_rows.run_table``), one row per run.
        seconds: Their counterparts.
        scene: Scene id, which decides the figure that is judged by.
    """
    arms = [*firsts, *seconds]
    if not arms or any(one.empty for one in arms):
        return Contrast(reason="no runs to compare with in this study")
    if any(one["sad_rad"].isna().all() and (one["status"] != "diverged").any() for one in arms):
        return Contrast(reason=NO_REFERENCE)
    lost = _lost(arms)
    first, second = _both(firsts, seconds, "sad_rad")
    if not len(first):
        return Contrast(reason="; ".join(filter(None, ("no run has numbers in all arms", lost))))
    sad = _compare(first, second)
    judged, p_value = judged_by(scene, sad.pairs), sad.p_value
    success: PooledComparison | None = None
    successes, trials = None, None
    rates: tuple[Interval | None, Interval | None] = (None, None)
    ended = _both(firsts, seconds, "success")
    if len(ended[0]):
        success = _compare(*ended)
        judged = judged_by(scene, success.pairs)
        successes = (round(float(ended[0].sum()) * len(firsts)), round(float(ended[1].sum()) * len(seconds)))
        trials = (len(ended[0]) * len(firsts), len(ended[1]) * len(seconds))
        # Arms of one run share their streams: the runs are the trials, not runs times arms.
        rates = (rate_of_draws(ended[0], np.arange(len(ended[0]))), rate_of_draws(ended[1], np.arange(len(ended[1]))))
    if judged == "success rate":
        p_value = None if success is None else sign_flip_p_value(success.values)
    return Contrast(
        sad=sad,
        success=success,
        means=(float(first.mean()), float(second.mean())),
        successes=successes,
        trials=trials,
        rates=rates,
        judged_by=judged,
        p_value=p_value,
        reason=lost,
    )


def _both(
    firsts: Sequence[pd.DataFrame], seconds: Sequence[pd.DataFrame], measure: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean over the arms of each side for every run that all arms have."""
    values = pd.concat([one.set_index("run")[measure] for one in (*firsts, *seconds)], axis=1).dropna().sort_index()
    matrix = values.to_numpy(np.float64)
    return matrix[:, : len(firsts)].mean(axis=1), matrix[:, len(firsts) :].mean(axis=1)


def _compare(first: np.ndarray, second: np.ndarray) -> PooledComparison:
    # Runs share nothing with each other: each is a draw of its own, in one block.
    return pooled_comparison(first, second, [0] * len(first), np.arange(len(first)))


def _lost(arms: Sequence[pd.DataFrame]) -> str:
    count = sum(int((one["status"] == "diverged").sum()) for one in arms)
    return f"{count} diverged and left out of the difference" if count else ""


def difference_record(found: Contrast) -> dict[str, Any]:
    """Return a comparison as values of a row, for the columns ``DIFFERENCE``; p by Holm and finding come later."""
    record = contrast_record(found, PREFIX)
    if found.sad is not None:
        record[f"{PREFIX}_n"] = f"{found.sad.pairs} pair{'' if found.sad.pairs == 1 else 's'}"
    return record | {"judged_by": found.judged_by, "reason": found.reason or None}
