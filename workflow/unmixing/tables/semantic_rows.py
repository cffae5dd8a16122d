"""Summaries of the rows of ``semantic.experiments.scenes`` that several tables and figures share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from unmixing.semantic.baselines import BASELINES
from unmixing.semantic.shots import SHOT_BASELINES
from unmixing.statistics import mean_interval

#: Protocols of ``semantic.experiments.answers``, ``bilinear`` and ``seeds``.
ZERO_SHOT, FEW_SHOT, HALF, BILINEAR, SEEDS = "zero-shot", "few-shot", "other half", "bilinear", "seeds"
MODEL = "semantic"
#: The baseline that every method is compared with, pixel by pixel.
REFERENCE_METHOD = "class_mean_scls"

#: The model's modes with shots.
_SHOTS = ("prototype", "adapter", "fine_tune")
_LAST = ("vca_fcls", "cnnaeu_described", "cnnaeu_released", "constant", "scls_references")


def measured(rows: pd.DataFrame, protocol: str, scene: str | None = None) -> pd.DataFrame:
    """Return the rows of a protocol, and of a scene; run rows that stand in the same frame are left out.

    Args:
        rows: possibly empty.
        protocol: one of the above.
        scene: all by default.
    """
    if rows.empty or "metric" not in rows:
        return pd.DataFrame()
    chosen = rows[(rows["protocol"] == protocol) & rows["metric"].notna()]
    return chosen if scene is None else chosen[chosen["scene"] == scene]


def values_of(
    rows: pd.DataFrame, metric: str, convention: str | None = None, against: str = "", material: str = ""
) -> pd.DataFrame:
    """Return the rows of one metric of one method: one for each draw."""
    chosen = (rows["metric"] == metric) & (rows["against"] == against) & (rows["material"] == material)
    if convention is not None:
        chosen &= rows["convention"] == convention
    return rows[chosen & rows["value"].notna()]


def convention_of(rows: pd.DataFrame) -> str:
    """Return ``reference``, or ``raw`` where the convention of a scene's references is unknown."""
    return "raw" if (rows["convention"] == "raw").any() else "reference"


def described(rows: pd.DataFrame, key: str, values: str = "run_values") -> dict[str, Any]:
    """Return the mean over draws under ``key`` with ``key_low`` and ``key_high``.

    From five draws on the interval is over them, of a single draw it is that over blocks of the scene; of two to four
    draws the draws themselves stand under ``values``.
    """
    found = rows["value"].to_numpy(np.float64)
    record: dict[str, Any] = {key: float(found.mean()) if len(found) else None}
    interval = mean_interval(found) if len(found) else None
    if interval is not None:
        return record | {f"{key}_low": interval.low, f"{key}_high": interval.high}
    if len(found) == 1:
        return record | {f"{key}_low": rows["low"].iloc[0], f"{key}_high": rows["high"].iloc[0]}
    return record | ({values: " ".join(repr(float(value)) for value in found)} if len(found) else {})


def method_title(rows: pd.DataFrame) -> str:
    """Return what a method is called: its own title, else that of a baseline, else its id."""
    name, given = str(rows["method"].iloc[0]), str(rows["title"].iloc[0]) if "title" in rows else ""
    if given and given != "nan":
        return given
    if name in BASELINES:
        return BASELINES[name].title
    return SHOT_BASELINES[name][0] if name in SHOT_BASELINES else name


def in_order(methods: Iterable[str]) -> list[str]:
    """Order methods: the model, its ablations, baselines, blind methods, and what only gives a table its scale."""
    names = list(dict.fromkeys(methods))
    first = [name for name in (MODEL, *_SHOTS) if name in names]
    ablations = [name for name in names if name.startswith(f"{MODEL}_")]
    last = [name for name in _LAST if name in names]
    return [*first, *ablations, *(name for name in names if name not in (*first, *ablations, *last)), *last]


def judged(low: float | None, high: float | None) -> str:
    """Say what an interval of a difference of errors shows: below zero better, above worse, else no difference."""
    if low is None or high is None or not np.isfinite([low, high]).all():
        return "no interval"
    return "better" if high < 0 else "worse" if low > 0 else "no difference shown"


def remarks(rows: pd.DataFrame) -> str | None:
    """Return notes and reasons, each once, of rows that speak of the method as a whole."""
    texts = [str(text) for column in ("notes", "reason") if column in rows for text in rows[column].dropna().unique()]
    said = [text for text in dict.fromkeys(texts) if text and text != "nothing of this material is present"]
    return "; ".join(said) or None


def counted(rows: pd.DataFrame) -> str:
    """Return the largest number of pixels and of draws behind rows, by scene, in words."""
    said = []
    for scene, part in rows.groupby("scene", sort=False) if len(rows) else ():
        if part["n"].max() > 0:
            said.append(f"{scene} {int(part['n'].max())} pixels, at most {part['draw'].nunique()} draws")
    return "; ".join(said) or "not run"
