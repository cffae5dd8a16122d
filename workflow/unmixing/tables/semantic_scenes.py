"""Unmixing by names on scenes that no training saw, beside all that has the same information."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from unmixing.tables.forms import Column
from unmixing.tables.run_rows import SCORED, join_distinct, of_phase, typed_frame
from unmixing.tables.scene_rows import SceneRow, common_of, scenes_to_show
from unmixing.tables.semantic_rows import (
    MODEL,
    REFERENCE_METHOD,
    ZERO_SHOT,
    convention_of,
    counted,
    described,
    in_order,
    judged,
    measured,
    method_title,
    remarks,
    values_of,
)
from unmixing.tables.writing import Table

#: Class-mean SCLS of the libraries' plain class means, found before prompts were fixed: lowest and highest over what a
#: class may be taken to be. A method that learns must beat it.
BARS: Mapping[str, tuple[float, float]] = {
    "samson": (0.127, 0.152),
    "jasper_ridge": (0.113, 0.163),
    "urban6_crop": (0.155, 0.171),
}

COLUMNS = [
    Column("title", "Scene"),
    Column("kind", "Kind", help="a crop, synthetic or semi-real scene is not the paper's scene"),
    Column("method", "Method"),
    Column("uses_truth", "Uses truth"),
    Column("armse", "aRMSE", "angle", help="both sides in the convention of the references"),
    Column("armse_low", "95 % interval", "interval", help="see the notes", extra=("armse_high", "run_values")),
    Column(
        "gain", "aRMSE minus SCLS", "difference", help="to class-mean SCLS on the same pixels", extra=("comparison",)
    ),
    Column(
        "gain_low", "95 % interval", "interval", help="below 0: better than SCLS", extra=("gain_high", "gain_values")
    ),
    Column("armse_areal", "aRMSE areal", "angle", help="both sides as shares of area"),
    Column("armse_land", "aRMSE on land", "angle", help="pixels with at most .05 of water, where water is a reference"),
    Column("dominant", "Dominant material", "number", help="share of pixels whose largest share is the right one's"),
    Column("dominant_low", "95 % interval", "interval", extra=("dominant_high", "dominant_values")),
    Column("presence_map", "Presence mAP", "number", help="average precision of shares above .05, mean over materials"),
    Column("mae_by_material", "MAE by material", "prose", help="mean absolute error, convention of the references"),
    Column("pixels", "Pixels, n", "count"),
    Column("draws", "Draws, n", "count", help="1 where nothing is drawn"),
    Column("bar", "To beat", help="aRMSE of class-mean SCLS as measured before prompts were fixed"),
    Column("reason", "Remarks", "prose"),
]
#: In the files with all columns, and in the notes.
FURTHER = [
    Column("mae", "MAE", "angle"),
    Column("sre_db", "SRE", "number", "dB", help="signal to reconstruction error"),
    Column("angle", "Reconstruction angle", "angle", "rad"),
    Column("abstained", "Abstained", "number"),
    Column("armse_kept", "aRMSE where it does not abstain", "angle"),
    Column("armse_left_out", "aRMSE where it abstains", "angle"),
    Column("dominant_kept", "Dominant material where it does not abstain", "number"),
    Column("dominant_left_out", "Dominant material where it abstains", "number"),
    Column("to_sunsal", "aRMSE minus SUnSAL", "difference", help="of the model alone", extra=("comparison",)),
    Column("to_sunsal_low", "95 % interval", "interval", extra=("to_sunsal_high", "run_values")),
    Column(
        "to_no_prior",
        "aRMSE minus that without a prior",
        "difference",
        help="of the model alone",
        extra=("comparison",),
    ),
    Column("to_no_prior_low", "95 % interval", "interval", extra=("to_no_prior_high", "run_values")),
    Column("brier", "Brier score of the assignment", "number"),
    Column("ece", "Calibration error of the assignment", "number"),
]
_METRICS = {
    "mae": "mae",
    "sre_db": "sre_db",
    "presence_map": "presence_map",
    "armse_land": "armse_land",
    "angle": "reconstruction_angle_rad",
    "abstained": "abstained",
    "armse_kept": "armse_kept",
    "armse_left_out": "armse_left_out",
    "dominant_kept": "dominant_accuracy_kept",
    "dominant_left_out": "dominant_accuracy_left_out",
    "brier": "brier",
    "ece": "ece",
}
#: What methods are compared with, and what the model alone is.
_COMPARED = {"gain": REFERENCE_METHOD, "to_sunsal": "sunsal_library", "to_no_prior": "semantic_no_prior"}
_TOLD = {
    "gain": "class-mean SCLS",
    "to_sunsal": "SUnSAL over the library",
    "to_no_prior": "itself without a prior, that is without what the names say of a pixel",
}
#: Metrics that no convention of abundances touches.
_FREE = ("angle", "abstained", "brier", "ece")

NOTES = [
    "Prompts of all scenes stand in one file and were fixed before any of them was unmixed; a prompt that turned out a "
    "poor name of its reference stays. Uses truth: names, the prompts alone; none, not even these; K and matching, "
    "endmembers paired with the references; training, the references themselves (a check of them, no score).",
    "Intervals: of a method that draws nothing over 25 blocks of the scene, never over pixels; over draws or runs from "
    "five on (t, BCa from 25). Blocks understate where a scene's structures are larger than they are, and say nothing "
    "of other scenes.",
    "Abundances are given as shares of area. For scenes whose references are weighted by brightness (Samson, Jasper "
    "Ridge) the method's own endmembers convert them; labels and constants are compared as they are. Where the "
    "references' convention is unknown (Urban4) there is only the raw difference.",
    "Ablations are the shipped model with one part changed or left out. With the sum of the abundances fixed, equal "
    "weights w do nothing: w = 1 is no prior. Bilinear: products of each two spectra are fitted besides, not counted.",
    "To beat is what was measured before; the baselines of the same scene are the harder test where one of them is "
    "better, as SUnSAL over the library is on Samson and Urban.",
    "On concepts that a model was trained with, equality of text and other anchors is what is expected: evidence that "
    "language helps is in the table of held-out names alone.",
]


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Table:
    """Build the table of scenes without shots.

    Args:
        rows: of ``semantic.experiments.scenes``; run rows of the baseline phase may stand among them, and CNNAEU then
            has rows of its own; possibly empty.
        scenes: Availability records of all scenes.
        scale: Not used.
        provenance: Commit, versions, input checksums.

    Returns:
        One row per scene and method; one row with its reason per scene without any. The first notes say how the model
        stands beside class-mean SCLS, and what its assignment and its abstention are worth.
    """
    del scale
    records, said = [], list[str]()
    for scene in scenes_to_show(scenes):
        common = common_of(scene)
        found = list(_of_scene(measured(rows, ZERO_SHOT, scene.scene), of_phase(_runs(rows), "baseline"), scene))
        reason = scene.reason or "not unmixed by names: no reference abundances, or not part of this study"
        records += [common | record for record in found] or [common | {"reason": reason}]
        said += [sentence for record in found if record["setting"] == MODEL for sentence in _sentences(scene, record)]
    return Table(
        name="table_semantic_scenes",
        title="Unmixing by names: scenes that no training saw",
        caption="Abundance error and dominant material of unmixing by names, of the model with a part left out, of "
        "baselines with the same information, and of methods that need more.",
        frame=typed_frame(
            records, ["scene", "setting", "convention", "dominant_values", "gain_values"], COLUMNS + FURTHER
        ),
        columns=COLUMNS,
        notes=[*said, *NOTES],
        scale="the shipped model: nothing is trained on a scene",
        n=counted(measured(rows, ZERO_SHOT)),
        provenance=provenance,
    )


def _runs(rows: pd.DataFrame) -> pd.DataFrame:
    return rows if "phase" in rows else pd.DataFrame()


def _of_scene(rows: pd.DataFrame, runs: pd.DataFrame, scene: SceneRow) -> Iterator[dict[str, Any]]:
    if rows.empty:
        return
    records = {str(method): _record(part) for method, part in rows.groupby("method", sort=False)}
    records |= _trained(runs[runs["scene"] == scene.scene] if len(runs) else runs)
    bar = BARS.get(scene.scene)
    for method in in_order(records):
        yield {"setting": method, "bar": f"{bar[0]:.3f} – {bar[1]:.3f}" if bar else None} | records[method]


def _record(rows: pd.DataFrame) -> dict[str, Any]:
    convention = convention_of(rows)
    whole = rows[(rows["against"] == "") & rows["value"].notna()]
    record: dict[str, Any] = {
        "method": method_title(rows),
        "uses_truth": join_distinct(rows["uses_truth"]),
        "convention": convention,
        "reason": remarks(rows[rows["metric"].isin(["", "armse"])]),
    }
    if whole.empty:
        return record
    armse = values_of(whole, "armse", convention)
    record |= {"pixels": int(armse["n"].min()), "draws": int(armse["draw"].nunique())} if len(armse) else {}
    record |= described(armse, "armse")
    record |= described(values_of(whole, "dominant_accuracy", convention), "dominant", "dominant_values")
    if record.get("dominant_high") is not None:
        # A share has no interval beyond one, whatever Student's t says of few draws.
        record["dominant_high"] = min(float(record["dominant_high"]), 1.0)
    for key, metric in _METRICS.items():
        found = values_of(whole, metric, None if key in _FREE else convention)["value"]
        record[key] = float(found.mean()) if len(found) else None
    areal = values_of(whole, "armse", "areal")["value"]
    record["armse_areal"] = float(areal.mean()) if len(areal) else None
    for key, other in _COMPARED.items():
        gain = values_of(rows, "armse", convention, other)
        record |= described(gain, key, f"{key}_values") if len(gain) else {}
    errors = whole[(whole["metric"] == "mae") & (whole["convention"] == convention) & (whole["material"] != "")]
    means = errors.groupby("material", sort=False)["value"].mean()
    record["mae_by_material"] = ", ".join(f"{name} {value:.3f}" for name, value in means.items()) or None
    return record


def _trained(runs: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Rows of CNNAEU by protocol, from run rows: one error for each endmember and run."""
    records: dict[str, dict[str, Any]] = {}
    if runs.empty or "abundance_rmse_convention" not in runs:
        return records
    for protocol, part in runs[runs["status"].isin(SCORED)].groupby("protocol", sort=False):
        squares = (part["abundance_rmse_convention"].astype(np.float64) ** 2).groupby(part["run"]).mean()
        errors = np.sqrt(squares.to_numpy())
        if not np.isfinite(errors).all():
            continue
        values = pd.DataFrame({"value": errors, "low": np.nan, "high": np.nan})
        records[f"cnnaeu_{protocol}"] = {
            "method": f"CNNAEU ({protocol}), paired with the references (oracle)",
            "uses_truth": join_distinct(part["uses_truth"]),
            "convention": "reference",
            "draws": len(errors),
            "reason": "trained on the scene; its maps are not kept here: aRMSE of resolved abundances alone",
        } | described(values, "armse")
    return records


def _sentences(scene: SceneRow, record: Mapping[str, Any]) -> Iterator[str]:
    """Say of the model how it stands beside SCLS and the bar, and what its abstention is worth."""
    if record.get("armse") is None:
        return
    words = f"{scene.title} ({scene.kind}): aRMSE {record['armse']:.3f}, dominant material {record['dominant']:.2f}"
    for key, other in _TOLD.items():
        if record.get(key) is not None:
            verdict = judged(record.get(f"{key}_low"), record.get(f"{key}_high"))
            words += "; " + f"{record[key]:+.3f}".replace("-", "−") + f" to {other}: {verdict}"
    if scene.scene in BARS:
        low, high = BARS[scene.scene]
        place = "below" if record["armse"] < low else "above" if record["armse"] > high else "within"
        words += f"; {place} what there is to beat ({low:.3f} – {high:.3f})"
    yield f"{words} (n = {record['pixels']} pixels)."
    if record.get("abstained") is not None:
        words = f"{scene.title}: abstains on {record['abstained']:.1%} of the pixels"
        if record.get("armse_kept") is not None and record.get("armse_left_out") is not None:
            words += f" (aRMSE {record['armse_left_out']:.3f} there, {record['armse_kept']:.3f} elsewhere)"
        yield (
            f"{words}; assignment: Brier {record['brier']:.3f}, calibration error {record['ece']:.3f}; residual "
            f"{record['angle']:.3f} rad."
        )
