"""How far one training of the small model lies from another: the same recipe with other seeds, on the same scenes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from unmixing.tables.forms import Column
from unmixing.tables.run_rows import typed_frame
from unmixing.tables.scene_rows import common_of, scenes_to_show
from unmixing.tables.semantic_rows import SEEDS, convention_of, counted, described, measured, values_of
from unmixing.tables.writing import Table

_SHIPPED = "the shipped model"

COLUMNS = [
    Column("title", "Scene"),
    Column("trainings", "Trainings, n", "count", help="seeds of weights, generated pixels and thresholds"),
    Column("updates", "Updates", "count", help="of each training"),
    Column("shipped", "Shipped model: aRMSE", "angle", help="as in the table of scenes, without units"),
    Column("armse", "Mean aRMSE", "angle", help="over trainings, the shipped one among them"),
    Column(
        "armse_low",
        "95 % interval",
        "interval",
        help="Student's t over trainings; below five the trainings themselves",
        extra=("armse_high", "run_values"),
    ),
    Column("deviation", "SD", "angle", help="of one training"),
    Column("lowest", "Lowest", "angle"),
    Column("highest", "Highest", "angle"),
    Column("dominant", "Dominant right", "number", help="share of pixels, mean over trainings"),
    Column("abstained", "Abstained", "number", help="share of pixels, mean over trainings"),
    Column("pixels", "Pixels, n", "count"),
    Column("reason", "Remarks", "prose"),
]

NOTES = [
    "Names alone, prompts and pixels the same for all; no seed was chosen by what it gave on a scene. The shipped "
    "model is the one of seed 0.",
    "The interval is over trainings, that of the table of scenes over blocks of the scene: another training and "
    "another scene are different questions.",
]


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Table:
    """Build the table of trainings.

    Args:
        rows: of ``semantic.experiments.seeds``; possibly empty.
        scenes: Availability records of all scenes.
        scale: Not used.
        provenance: Commit, versions, input checksums.

    Returns:
        One row per scene; a row with the reason where nothing was scored.
    """
    del scale
    records = []
    for scene in scenes_to_show(scenes):
        found = measured(rows, SEEDS, scene.scene)
        scored = found[found["value"].notna()] if len(found) else found
        if scored.empty:
            reasons = list(found["reason"].unique()) if len(found) else []
            reason = "; ".join(reasons) or scene.reason or "not part of this study"
            records.append(common_of(scene) | {"reason": reason})
        else:
            records.append(common_of(scene) | _record(scored))
    return Table(
        name="table_semantic_seeds",
        title="The small model trained again with other seeds",
        caption="Abundance error by names alone of models that differ by the seed of their training, beside the model "
        "that ships.",
        frame=typed_frame(records, ["scene"], COLUMNS),
        columns=COLUMNS,
        notes=NOTES,
        scale="trainings of the small model",
        n=counted(measured(rows, SEEDS)),
        provenance=provenance,
    )


def _record(rows: pd.DataFrame) -> dict[str, Any]:
    errors = values_of(rows, "armse", convention_of(rows))
    values = errors["value"].to_numpy(np.float64)
    shipped = errors.loc[errors["notes"] == _SHIPPED, "value"]
    notes = [note for note in errors["notes"].unique() if note not in ("", _SHIPPED)]
    return {
        "trainings": len(values),
        "updates": int(errors["level"].iloc[0]),
        "shipped": float(shipped.iloc[0]) if len(shipped) else None,
        **described(errors, "armse"),
        "deviation": float(values.std(ddof=1)) if len(values) > 1 else None,
        "lowest": float(values.min()),
        "highest": float(values.max()),
        "dominant": float(values_of(rows, "dominant_accuracy", convention_of(rows))["value"].mean()),
        "abstained": float(values_of(rows, "abstained")["value"].mean()),
        "pixels": int(errors["n"].max()),
        "reason": "; ".join(notes) or None,
    }
