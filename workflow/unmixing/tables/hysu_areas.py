"""Areas of DLR HySU's targets: estimated against known, by method and size of target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from unmixing.tables.forms import Column
from unmixing.tables.run_rows import typed_frame
from unmixing.tables.writing import Table

COLUMNS = [
    Column("method", "Method"),
    Column("side", "Target", help="nominal side of a square target"),
    Column("known_m2", "Known area", "number", "m²", help="of one target"),
    Column("estimated_m2", "Estimated area", "number", "m²", help="mean over materials, then over runs"),
    Column("bias_m2", "Bias", "number", "m²", help="estimated minus known, mean over materials and runs"),
    Column("rmse_m2", "RMSE", "number", "m²", help="root of the mean square over materials, mean over runs"),
    Column("rmse_sd_m2", "SD over runs", "number", "m²", help="of the RMSE; sample standard deviation"),
    Column(
        "presence",
        "Presence",
        "number",
        help="share of target-free windows that a target exceeds, mean over materials: 1 perfect, .5 chance",
    ),
    Column("false_m2", "False area", "number", "m²", help="found where there is no target, mean over materials"),
    Column("detection_limit_m2", "Detection limit", "number", "m²", help="mean + 2 SD of the false area"),
    Column("runs", "n", "count", help="runs; one where a method has no chance in it"),
    Column("uses_truth", "Uses truth"),
    Column("reason", "Reason", "prose", help="why something is missing"),
]

NOTES = [
    "Truth is the nominal area of each target; where it lies within its pixels is not known, so no fraction of a pixel "
    "is scored. Estimated: abundance of the target's material summed over the pixels where it can be, times the area "
    "of a pixel (.49 m²).",
    "Library: the scene's own library of spectra, taken from the image itself. NNLS leaves the sum of fractions free, "
    "FCLS holds it at one.",
    "CNNAEU: endmembers matched to the library. Its endmembers have no physical scale, so resolved abundances are "
    "shares of brightness-free spectra and not strictly of area; read its areas as such.",
    "False area: 4 x 4 pixel windows (7.8 m²) without target or excluded ground.",
]

_TITLES = {
    "nnls_library": "NNLS, library",
    "fcls_library": "FCLS, library",
    "network": "abundances of the network",
    "resolved": "resolved",
}


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Table:
    """Build the table of areas.

    Args:
        rows: one row for each method, run and target (``unmixing.areas``), possibly empty.
        scenes: availability records of all scenes.
        scale: not used; the number of runs is a column.
        provenance: commit, versions, input checksums.

    Returns:
        One row per method and size of target; a single row with the reason where there are no rows.
    """
    del scale
    if rows.empty:
        known = {str(record["scene"]): str(record["reason"]) for record in scenes}
        records = [{"reason": known.get("dlr_hysu") or "DLR HySU is not part of this study"}]
    else:
        records = [
            _record(str(method), float(side), chosen)
            for method in dict.fromkeys(rows["method"])
            for side, chosen in sorted(rows[rows["method"] == method].groupby("side_m"), key=lambda item: -item[0])
        ]
    return Table(
        name="table_hysu_areas",
        title="DLR HySU: areas of targets, estimated against known",
        caption="Five materials in five sizes on grass. A method is scored by the area that it finds where a target "
        "is, by the area that it finds where there is none, and by the smallest area that it can tell from none.",
        frame=typed_frame(records, [], COLUMNS),
        columns=COLUMNS,
        notes=list(NOTES),
        provenance=provenance,
    )


def _record(method: str, side: float, rows: pd.DataFrame) -> dict[str, Any]:
    difference = rows["estimated_m2"] - rows["known_m2"]
    errors = np.sqrt((difference**2).groupby(rows["run"]).mean().to_numpy(np.float64))
    return {
        "method": _title(method),
        "side": f"{side:g} m",
        "known_m2": rows["known_m2"].iloc[0],
        "estimated_m2": rows["estimated_m2"].mean(),
        "bias_m2": difference.mean(),
        "rmse_m2": errors.mean(),
        "rmse_sd_m2": errors.std(ddof=1) if len(errors) > 1 else None,
        "presence": rows["presence"].mean(),
        "false_m2": rows["false_mean_m2"].mean(),
        "detection_limit_m2": rows["detection_limit_m2"].mean(),
        "runs": len(errors),
        "uses_truth": "spectra" if method in _TITLES else "K, matching",
    }


def _title(method: str) -> str:
    if method in _TITLES:
        return _TITLES[method]
    network, protocol, kind = method.split("_")
    return f"{network.upper()} ({protocol}), {_TITLES[kind]}"
