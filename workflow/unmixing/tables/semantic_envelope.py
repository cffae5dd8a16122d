"""The operating envelope: error and abstention by noise, atmosphere and number of names that are not there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from unmixing.semantic.experiments.labels import ENVELOPE, MODEL, SCLS
from unmixing.tables.forms import Column
from unmixing.tables.run_rows import join_distinct, typed_frame
from unmixing.tables.semantic_draws import by_draw, described, mean_of, paired
from unmixing.tables.writing import Table

COLUMNS = [
    Column("snr_db", "SNR", "number", "dB"),
    Column("atmosphere", "Residual depth", "number", help="standard deviation over pixels, of the water bands"),
    Column("distractors", "Distractors", "count", help="prompts of materials that no pixel holds"),
    Column("armse", "Model, aRMSE", "angle", help="over the seven materials that are there"),
    Column("armse_low", "95 % interval", "interval", help="over draws", extra=("armse_high", "armse_values")),
    Column("abstained", "Abstained", "number", help="share of pixels"),
    Column("abstained_low", "95 % interval", "interval", extra=("abstained_high", "abstained_values")),
    Column("armse_kept", "aRMSE where kept", "angle", help="of the pixels that the model does not abstain from"),
    Column("dominant", "Dominant material", "number", help="share of pixels whose largest share is right"),
    Column("scls", "Class-mean SCLS", "angle", help="aRMSE, asked for the same names"),
    Column("against", "Model minus SCLS", "difference", help="paired; below 0: the model is better", extra=("aside",)),
    Column("against_low", "95 % interval", "interval", extra=("against_high", "against_values")),
    Column("pixels", "Pixels, n", "count", help="of a draw"),
    Column("draws", "Draws, n", "count"),
    Column("reason", "Reason", "prose"),
]

_TEXTS = ("armse_values", "abstained_values", "against_values", "aside")
NOTES = [
    "Generated pixels of library spectra that no training saw, seven prompts of materials that are there, 224 bands of "
    "AVIRIS. The signal of the SNR is that of all materials together: dark pixels are noisier.",
    "Distractors are materials with a spectrum in the library that no pixel holds; their number is the difficulty, for "
    "the model cannot know that they are not there.",
    "The thresholds of abstention let one validation pixel in a hundred go; nothing was set on these pixels.",
]


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Table:
    """Build the table of the operating envelope.

    Args:
        rows: of ``semantic.experiments.robustness``; possibly empty.
        scenes: Not used.
        scale: Not used; numbers of pixels and draws are columns.
        provenance: Commit, versions, hashes of model and anchors.

    Returns:
        One row for each combination of noise, atmosphere and distractors; a single row with the reason where nothing
        was run.
    """
    del scenes, scale
    chosen = rows[rows["test"] == ENVELOPE] if len(rows) else rows
    records = (
        [_record(part) for _, part in chosen.groupby(["distractors", "atmosphere", "snr_db"])] if len(chosen) else []
    )
    return Table(
        name="table_semantic_envelope",
        title="Operating envelope of unmixing by names",
        caption="Abundance error and abstention of the shipped model by noise, residual atmosphere and number of "
        "prompts that name nothing in the pixels, beside class-mean least squares.",
        frame=typed_frame(records or [{"reason": "not run: robustness is not part of this study"}], _TEXTS, COLUMNS),
        columns=COLUMNS,
        notes=list(NOTES),
        provenance=provenance,
    )


def _record(rows: pd.DataFrame) -> dict[str, Any]:
    error, classical = by_draw(rows, MODEL, "armse"), by_draw(rows, SCLS, "armse")
    record: dict[str, Any] = {
        "snr_db": float(rows["snr_db"].iloc[0]),
        "atmosphere": float(rows["atmosphere"].iloc[0]),
        "distractors": int(rows["distractors"].iloc[0]),
        "scls": mean_of(classical),
        "pixels": int(rows["n"].min()),
        "draws": int(rows["draw"].nunique()),
        "reason": join_distinct(rows["reason"]) or None,
    }
    for key in ("armse_kept", "dominant"):
        record[key] = mean_of(by_draw(rows, MODEL, key))
    record |= described(error, "armse") | described(by_draw(rows, MODEL, "abstained"), "abstained")
    return record | paired(error, classical, "against")
