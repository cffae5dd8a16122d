"""Areas of DLR HySU's targets by names and by few shots: estimated against known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from unmixing.semantic.target_areas import summarise_targets
from unmixing.tables.forms import Column
from unmixing.tables.run_rows import join_distinct, typed_frame
from unmixing.tables.semantic_rows import FEW_SHOT, MODEL, ZERO_SHOT, in_order, method_title
from unmixing.tables.writing import Table

COLUMNS = [
    Column("protocol", "Protocol", help="few-shot: shots from the 3 m targets, which are not tested then"),
    Column("k", "k", "count", help="pixels of each material"),
    Column("method", "Method"),
    Column("uses_truth", "Uses truth"),
    Column("side", "Target", help="nominal side of a square target"),
    Column("known_m2", "Known area", "number", "m²", help="of one target"),
    Column("estimated_m2", "Estimated area", "number", "m²", help="mean over materials and draws"),
    Column("bias_m2", "Bias", "difference", "m²", help="estimated minus known", extra=("comparison",)),
    Column("bias_m2_low", "95 % interval", "interval", "m²", extra=("bias_m2_high", "run_values")),
    Column("rmse_m2", "RMSE", "number", "m²", help="over materials and draws"),
    Column("rmse_m2_low", "95 % interval", "interval", "m²", extra=("rmse_m2_high", "run_values")),
    Column(
        "presence", "Presence", "number",
        help="share of target-free windows that a target exceeds, mean over materials: 1 perfect, .5 chance",
    ),
    Column("detected", "Detected", "number", help="share of the targets above the detection limit"),
    Column("detection_limit_m2", "Detection limit", "number", "m²", help="mean + 2 SD of the false area"),
    Column("false_m2", "False area", "number", "m²", help="found where there is no target, mean over materials"),
    Column("abstained", "Abstains", "number", help="share of the targets' search areas; the shipped model alone"),
    Column("materials", "Materials, n", "count"),
    Column("draws", "Draws, n", "count", help="1 where nothing is drawn"),
    Column("reason", "Remarks", "prose"),
]  # fmt: skip

NOTES = [
    "Truth is the nominal area of each target; where it lies within its pixels is not known, so no fraction of a pixel "
    "is scored. Nothing smaller than about 15 % of a 1 m target can be told by these data: edges and blur cost that.",
    "Intervals are over the five materials, after averaging over draws: with five of them they are wide, and say "
    "nothing of other materials.",
    "Without shots this is a test of paint: a name such as red metal does not fix a colour's spectrum. Prompts without "
    "a spectrum take that of the concept above them, and the three fabrics then share one: what is asked is whether "
    "the model abstains.",
    "A method that never finds a material where there is none has a detection limit of zero, and detects whatever it "
    "finds any of: read detected beside the estimated area.",
    "Presence compares a target's search area with windows of 4 x 4 pixels (7.8 m²), which are larger than that of a "
    "small target: a constant map has 0, not .5.",
]


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Table:
    """Build the table of areas.

    Args:
        rows: of ``semantic.experiments.areas``; possibly empty.
        scenes: Availability records of all scenes.
        scale: Not used.
        provenance: Commit, versions, input checksums.

    Returns:
        One row per protocol, k, method and size of target; a single row with the reason where there is nothing. The
        first note says how often the model abstains.
    """
    del scale
    found = rows[rows["side_m"].notna()] if len(rows) else rows
    if found.empty:
        known = {str(record["scene"]): str(record["reason"]) for record in scenes}
        reasons = list(rows["reason"].unique()) if len(rows) else []
        reason = known.get("dlr_hysu") or "; ".join(reasons) or "DLR HySU is not part of this study"
        records: list[dict[str, Any]] = [{"reason": reason}]
    else:
        records = list(_records(found))
    return Table(
        name="table_semantic_areas",
        title="DLR HySU: areas of targets by names and by few shots",
        caption="Five materials in five sizes on grass: area found against known area, what is found where there is no "
        "target, and whether small targets are told from none.",
        frame=typed_frame(records, ["setting"], COLUMNS),
        columns=COLUMNS,
        notes=[*(_abstention(found) if len(found) else ()), *NOTES],
        scale="the shipped model, with few updates on the shots where a method says so",
        n=f"{found['material'].nunique()} materials, at most {found['run'].nunique()} draws"
        if len(found)
        else "not run",
        provenance=provenance,
    )


def _records(rows: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for protocol in (ZERO_SHOT, FEW_SHOT):
        of_protocol = rows[rows["protocol"] == protocol]
        for k in sorted(set(of_protocol["k"])):
            of_count = of_protocol[of_protocol["k"] == k]
            for method in in_order(str(name) for name in of_count["method"]):
                part = of_count[of_count["method"] == method]
                common = {
                    "protocol": protocol,
                    "k": int(k) or None,
                    "setting": method,
                    "method": method_title(part),
                    "uses_truth": join_distinct(part["uses_truth"]),
                    "reason": join_distinct(part["notes"]) or None,
                }
                abstained = part.groupby("side_m")["abstained"].mean()
                for record in summarise_targets(part).to_dict("records"):
                    side = float(record["side_m"])
                    more = {"side": f"{side:g} m", "abstained": abstained.get(side)}
                    yield common | {str(key): value for key, value in record.items()} | common | more


def _abstention(rows: pd.DataFrame) -> Iterator[str]:
    own = rows[(rows["method"] == MODEL) & rows["abstained"].notna()]
    if len(own):
        shares = own.groupby("side_m", sort=False)["abstained"].mean()
        listed = ", ".join(f"{side:g} m {share:.0%}" for side, share in shares.items())
        empty, windows = own["abstained_empty"].mean(), int(own["windows"].iloc[0])
        yield (
            f"By names the model abstains on this share of the targets' search areas: {listed}; on {empty:.0%} of the "
            f"ground without targets ({windows} windows)."
        )
