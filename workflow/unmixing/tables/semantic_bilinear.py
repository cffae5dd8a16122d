"""Do decoded spectra cope with bilinear mixing? A scene's materials mixed again with products of a known strength."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from unmixing.tables.forms import Column
from unmixing.tables.run_rows import typed_frame
from unmixing.tables.scene_rows import common_of, scenes_to_show
from unmixing.tables.semantic_rows import BILINEAR, counted, measured, values_of
from unmixing.tables.writing import Table

#: Sources of spectra, and what a fit with their products is called in rows.
_SOURCES = {"semantic": "Decoded", "class_mean_scls": "Class means", "scls_references": "Oracle"}

COLUMNS = [
    Column("title", "Scene"),
    Column("level", "Strength g", "number", help="of the products; 1 is the full bilinear model"),
    *(
        column
        for source, title in _SOURCES.items()
        for column in (
            Column(f"{source}_armse", f"{title}: aRMSE", "angle", help="shares of area; no prior, free brightness"),
            Column(
                f"{source}_low", "95 % interval", "interval", help="over blocks", extra=(f"{source}_high", "run_values")
            ),
            Column(f"{source}_products", f"{title} and products: aRMSE", "angle", help="products fitted besides"),
        )
    ),
    Column("pixels", "Pixels, n", "count"),
    Column("reason", "Remarks", "prose"),
]

NOTES = [
    "Simulated: the scene's reference abundances and spectra are mixed again, with g times the products of each two "
    "spectra and their shares and noise at 40 dB. Oracle: the very spectra that were mixed.",
    "A decoder that models nonlinear mixing would lose less than class means do as g grows, without products of its "
    "own. It is told the name alone, and cannot know g.",
]


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Table:
    """Build the table of bilinear mixing.

    Args:
        rows: of ``semantic.experiments.scenes``; possibly empty.
        scenes: Availability records of all scenes.
        scale: Not used.
        provenance: Commit, versions, input checksums.

    Returns:
        One row per scene and strength; the first notes say by how much each kind of spectra loses from the weakest to
        the strongest.
    """
    del scale
    records, said = [], []
    for scene in scenes_to_show(scenes):
        found = measured(rows, BILINEAR, scene.scene)
        common = common_of(scene)
        levels = [_record(part) for _, part in found.groupby("level")] if len(found) else []
        if not levels:
            reasons = list(found["reason"].unique()) if len(found) else []
            records.append(common | {"reason": "; ".join(reasons) or scene.reason or "not part of this study"})
            continue
        records += [common | level for level in levels]
        if len(levels) > 1:
            losses = [
                f"{title.lower()} {levels[-1][f'{source}_armse'] - levels[0][f'{source}_armse']:+.3f}"
                for source, title in _SOURCES.items()
                if f"{source}_armse" in levels[0]
            ]
            change = ", ".join(losses).replace("-", "−")
            said.append(f"{scene.title}, g from {levels[0]['level']:g} to {levels[-1]['level']:g}: aRMSE {change}.")
    return Table(
        name="table_semantic_bilinear",
        title="Bilinear mixing (simulated): decoded spectra, class means, and the spectra that were mixed",
        caption="Abundance error on a scene's own materials mixed again with products of a known strength, with and "
        "without products in the fit.",
        frame=typed_frame(records, ["scene"], COLUMNS),
        columns=COLUMNS,
        notes=[*said, *NOTES],
        scale="no training",
        n=counted(measured(rows, BILINEAR)),
        provenance=provenance,
    )


def _record(rows: pd.DataFrame) -> dict[str, Any]:
    record: dict[str, Any] = {"level": float(rows["level"].iloc[0])}
    for source in _SOURCES:
        plain, products = (values_of(rows[rows["method"] == name], "armse") for name in (source, f"{source}_bilinear"))
        if len(plain):
            record |= {
                f"{source}_armse": float(plain["value"].iloc[0]),
                f"{source}_low": plain["low"].iloc[0],
                f"{source}_high": plain["high"].iloc[0],
                "pixels": int(plain["n"].iloc[0]),
            }
        if len(products):
            record[f"{source}_products"] = float(products["value"].iloc[0])
    return record
