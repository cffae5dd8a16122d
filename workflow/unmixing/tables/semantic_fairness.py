"""Whom unmixing by names serves worse: gaps between classes, regions of soils and languages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from unmixing.tables.forms import Column
from unmixing.tables.run_rows import join_distinct, typed_frame
from unmixing.tables.semantic_draws import described
from unmixing.tables.writing import Table

COLUMNS = [
    Column("aspect", "By"),
    Column("group", "Group"),
    Column("method", "Method"),
    Column("measure", "Measure"),
    Column("value", "Value", "angle"),
    Column("low", "95 % interval", "interval", help="over draws, or over sites", extra=("high", "run_values")),
    Column("gap", "Gap to the best group", "difference", help="of the same method and measure", extra=("best",)),
    Column("count", "n", "count", help="pixels of a draw, or spectra"),
    Column("clusters", "Sites or draws, n", "count", help="what the interval is over"),
    Column("further", "Also measured", "prose"),
    Column("reason", "Reason", "prose"),
]
_TEXTS = ("run_values", "best")
#: Measures that get a row of their own, and whether larger is better; others are told beside the first.
_MEASURES: Mapping[str, Mapping[str, bool]] = {
    "class": {"rmse": False, "recall": True, "abstained": False},
    "language": {"armse": False, "dominant": True},
    "region": {"soil": True, "called soil": True, "abstained": False},
    "region left out": {"soil": True, "called soil": True},
}
_SHARES = ("recall", "abstained", "dominant")
_TITLES = {
    "rmse": "RMSE of its share",
    "recall": "Called right where it dominates",
    "abstained": "Abstained",
    "armse": "aRMSE",
    "dominant": "Dominant material",
    "soil": "Share of soil in pure soil",
    "called soil": "Called soil",
}

NOTES = [
    "By class and language: generated mixtures of library spectra that no training saw, seven prompts, AVIRIS, the "
    "conditions of the training. Recall and abstention are of the pixels that a class dominates.",
    "By region: held-out soils as they are, 40 dB, asked about the seven prompts: how much is called soil, and what "
    "the rest is taken for. Regions can be compared for soils alone: all built surfaces come from one campaign, "
    "canopies are simulated. A latitude of exactly zero means an unknown place; such soils are in no split. Intervals "
    "are over sites.",
    "Region left out: two short trainings of the same length and seed, with the region's soils and without them, "
    "tested on its held-out soils. One training each: the difference holds the chance of a training too.",
    "Languages: resolved names take the concept's anchor, so all are equal by construction; raw names "
    "take their own vector, and the gap is the text encoder's.",
    "Gaps between groups are described, not tested.",
]


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Table:
    """Build the table of fairness.

    Args:
        rows: of ``semantic.experiments.fairness``; possibly empty.
        scenes: Not used.
        scale: Not used; numbers of pixels, sites and draws are columns.
        provenance: Commit, versions, hashes of model and libraries.

    Returns:
        One row for each aspect, group, method and main measure; a single row with the reason where nothing was run.
    """
    del scenes, scale
    records = list(_records(rows)) if len(rows) else [{"reason": "not run: fairness is not part of this study"}]
    return Table(
        name="table_semantic_fairness",
        title="Gaps between classes, regions and languages",
        caption="Where the shipped model errs more or abstains more: by class, by region of soils, by language of the "
        "prompts, and with a region's soils left out of a short training.",
        frame=typed_frame(records, _TEXTS, COLUMNS),
        columns=COLUMNS,
        notes=list(NOTES),
        provenance=provenance,
    )


def _records(rows: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for (aspect, method), part in rows.groupby(["aspect", "method"], sort=False):
        for metric, larger in _MEASURES[str(aspect)].items():
            chosen = part[part["metric"] == metric]
            found = [_record(group, name) for name, group in chosen.groupby("group", sort=False)]
            values = [record["value"] for record in found if record.get("value") is not None]
            best = (max if larger else min)(values) if values else None
            for record in found:
                if best is not None and record.get("value") is not None and len(values) > 1:
                    record["gap"] = record["value"] - best
                if metric == next(iter(_MEASURES[str(aspect)])):
                    record["further"] = _further(part[part["group"] == record["group"]], str(aspect))
                yield {
                    "aspect": aspect,
                    "method": method or None,
                    "measure": _TITLES[metric],
                } | record


def _record(rows: pd.DataFrame, group: object) -> dict[str, Any]:
    record: dict[str, Any] = {"group": str(group), "reason": join_distinct(rows["reason"]) or None}
    record["reason"] = record["reason"] if rows["value"].isna().all() else None
    if int(rows["clusters"].max()):
        one = rows.iloc[0]
        return record | {
            "value": float(one["value"]),
            "low": one["low"],
            "high": one["high"],
            "count": int(one["n"]),
            "clusters": int(one["clusters"]),
        }
    found = described(rows["value"], "value")
    if not found:
        return record
    # Shares cannot leave [0, 1]; an interval made by adding and subtracting can.
    share = str(rows["metric"].iloc[0]) in _SHARES
    low, high = found.get("value_low"), found.get("value_high")
    return record | {
        "value": found["value"],
        "low": max(low, 0.0) if share and low is not None else low,
        "high": min(high, 1.0) if share and high is not None else high,
        "run_values": found.get("value_values"),
        "count": round(float(rows["n"].mean())),
        "clusters": int(rows["value"].notna().sum()),
    }


def _further(rows: pd.DataFrame, aspect: str) -> str | None:
    others = [metric for metric in dict.fromkeys(rows["metric"]) if metric not in _MEASURES[aspect]]
    means = [(metric, rows.loc[rows["metric"] == metric, "value"].mean()) for metric in others]
    if aspect.startswith("region"):
        # What soil is taken for, largest first.
        means = sorted(means, key=lambda item: -item[1])[:3]
    return "; ".join(f"{metric} {value:.3f}" for metric, value in means) or None
