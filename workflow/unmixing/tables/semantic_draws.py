"""Summaries of experiments on generated pixels, over draws, that several tables and figures share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from unmixing.semantic.experiments.labels import (
    ATTACKS,
    BASE,
    CHANCE,
    CORRECT,
    RANDOM,
    RELIANCE,
    UNATTACKED,
    UNDISTURBED,
)
from unmixing.statistics import mean_interval


def described(values: pd.Series[Any] | Sequence[float], key: str) -> dict[str, Any]:
    """Return the mean over draws with its 95 % interval; below five draws the draws themselves.

    Args:
        values: one for each draw; missing ones are left out.
        key: stem of the names ``key``, ``key_low``, ``key_high``, or ``key_values`` in place of the bounds.
    """
    found = np.asarray(values, np.float64)
    found = found[np.isfinite(found)]
    if not len(found):
        return {}
    record: dict[str, Any] = {key: float(found.mean())}
    interval = mean_interval(found)
    if interval is not None:
        return record | {f"{key}_low": interval.low, f"{key}_high": interval.high}
    return record | {f"{key}_values": " ".join(repr(float(value)) for value in found)}


def mean_of(values: pd.Series[Any]) -> float | None:
    """Return the mean over draws, None without any."""
    found = values.dropna()
    return float(found.mean()) if len(found) else None


def by_draw(rows: pd.DataFrame, method: str, metric: str) -> pd.Series[Any]:
    """Return one number for each draw of a method, in the order of the draws."""
    chosen = rows[(rows["method"] == method) & (rows["metric"] == metric)]
    return chosen.groupby("draw")["value"].mean().dropna()


def base_of(rows: pd.DataFrame, test: str) -> pd.DataFrame:
    """Return the rows that the levels of a test of robustness are compared with: its own base, or the common one."""
    base = rows[rows["level"] == BASE]
    own = base[base["test"] == test]
    if len(own):
        return own
    return base[base["test"] == (UNATTACKED if test in (*ATTACKS, CHANCE) else UNDISTURBED)]


def paired(first: pd.Series[Any], second: pd.Series[Any], key: str) -> dict[str, Any]:
    """Return the mean of first minus second with its interval, over the draws that both have."""
    return described((first - second).dropna(), key)


def reliance_verdict(rows: pd.DataFrame, against: str = RANDOM, suffix: str = "") -> dict[str, Any]:
    """Say whether the estimate leans on language more where the spectrum is poor.

    What right anchors save against wrong ones, aRMSE, is compared between the noisiest and the cleanest level, draw by
    draw. The claim holds if that growth is above zero with its 95 % interval.

    Args:
        rows: of the experiment on robustness.
        against: ``labels.RANDOM`` or ``labels.SHUFFLED``.
        suffix: "", ``labels.FIXED`` or ``labels.OTHER``.

    Returns:
        ``verdict``, ``growth`` with its interval (see ``described``), ``n``, ``noisiest`` and ``cleanest`` in dB; an
        empty dictionary without two levels.
    """
    if rows.empty:
        return {}
    chosen = rows[(rows["test"] == RELIANCE) & (rows["metric"] == "armse")]
    wide = chosen.pivot_table(index=["draw", "number"], columns="method", values="value")
    wrong, right = against + suffix, CORRECT + suffix
    if chosen["number"].nunique() < 2 or not {wrong, right} <= set(wide.columns):
        return {}
    saved = (wide[wrong] - wide[right]).unstack("number")
    noisiest, cleanest = min(saved.columns), max(saved.columns)
    growth = described(saved[noisiest] - saved[cleanest], "growth")
    if "growth_low" not in growth:
        said = "no verdict: fewer than five draws"
    elif growth["growth_low"] > 0:
        said = "holds"
    elif growth["growth_high"] < 0:
        said = "does not hold: the reliance falls"
    else:
        said = "inconclusive: the interval holds zero"
    facts = {"n": len(saved), "noisiest": float(noisiest), "cleanest": float(cleanest)}
    return growth | facts | {"verdict": said}
