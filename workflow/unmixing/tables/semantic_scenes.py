"""Text-prompted methods and their baselines on scenes that no training saw: abundances by method, scene and shots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from unmixing.semantic.baselines import BASELINES
from unmixing.semantic.shots import SHOT_BASELINES
from unmixing.statistics import mean_interval
from unmixing.tables.forms import Column
from unmixing.tables.run_rows import join_distinct, typed_frame
from unmixing.tables.scene_rows import scenes_to_show
from unmixing.tables.writing import Table

#: Class-mean SCLS of the libraries' plain class means, found before prompts were fixed: lowest and highest over what a
#: class may be taken to be. A method that learns must beat it.
BARS: Mapping[str, tuple[float, float]] = {
    "samson": (0.127, 0.152),
    "jasper_ridge": (0.113, 0.163),
    "urban6_crop": (0.155, 0.171),
}
#: The baseline that every method is compared with, pixel by pixel.
REFERENCE_METHOD = "class_mean_scls"

COLUMNS = [
    Column("title", "Scene"),
    Column("kind", "Kind", help="a crop, synthetic or semi-real scene is not the paper's scene"),
    Column("protocol", "Protocol", help="ZS: no shots; FS: k pure pixels of each material"),
    Column("k", "k", "count", help="shots for each material"),
    Column("method", "Method"),
    Column("uses_truth", "Uses truth"),
    Column("armse", "aRMSE, reference convention", "angle", help="both sides in the references' convention"),
    Column("armse_low", "95 % interval", "interval", help="see the notes", extra=("armse_high", "run_values")),
    Column("armse_areal", "aRMSE areal", "angle", help="both sides as shares of area"),
    Column("dominant", "Dominant material", "number", help="share of pixels whose largest share is the right one's"),
    Column("dominant_low", "95 % interval", "interval", extra=("dominant_high", "dominant_values")),
    Column(
        "gain", "aRMSE minus SCLS", "difference", help="to class-mean SCLS on the same pixels", extra=("comparison",)
    ),
    Column(
        "gain_low", "95 % interval", "interval", help="below 0: better than SCLS", extra=("gain_high", "gain_values")
    ),
    Column("mae", "MAE", "angle", help="reference convention"),
    Column("sre_db", "SRE", "number", "dB", help="signal to reconstruction error, reference convention"),
    Column("presence_map", "Presence mAP", "number", help="average precision of shares above .05, mean over materials"),
    Column("convention", "References are", help="reference: convention known; raw: unknown, difference as it stands"),
    Column("pixels", "Pixels, n", "count", help="scored; smallest over draws"),
    Column("draws", "Draws, n", "count", help="seeds of a model or draws of shots; 1 where nothing is drawn"),
    Column("bar", "To beat", help="class-mean SCLS as measured before prompts were fixed"),
    Column("reason", "Reason", "prose"),
]

NOTES = [
    "Prompts of all scenes stand in one file and were fixed before any of them was unmixed; a prompt that turned out a "
    "poor name of its reference stays. Methods are given the prompts alone (uses truth: names), few-shot methods "
    "also k pixels that the references call pure (training).",
    "Intervals: over draws from five draws on (t, BCa from 25); else over 25 blocks of the scene, never over pixels. "
    "Blocks understate where a scene's structures are larger than they are, and say nothing of other scenes.",
    "Abundances are given as shares of area. For scenes whose references are weighted by brightness (Samson, Jasper "
    "Ridge) the method's own endmembers convert them; labels and constants are compared as they are.",
    "To beat is what was measured before; the baselines of the same row's scene are the harder test where one of them "
    "is better, as SUnSAL over the library is on Samson and Urban.",
    "Few shots: pixels within five of a shot are not tested, and a material with fewer than k + 20 pure pixels drops "
    "out by name: rows of different k may speak of different materials and pixels.",
    "On concepts that a model was trained with, equality of text and other anchors is what is expected: evidence that "
    "language helps is in the table of held-out names alone.",
]


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Table:
    """Build the table of scenes.

    Args:
        rows: of ``semantic.scores.score_maps`` with the columns scene, protocol, method and draw in front, and where
            they apply k, title, uses_truth, dropped and against (in rows of ``compare_maps``: the other method's name);
            possibly empty.
        scenes: Availability records of all scenes.
        scale: Not used.
        provenance: Commit, versions, input checksums.

    Returns:
        One row per scene, protocol, k and method, zero shots first; one row with its reason per scene without any.
    """
    records = []
    for scene in scenes_to_show(scenes):
        common = {"scene": scene.scene, "title": scene.title, "kind": scene.kind}
        of_scene = rows[rows["scene"] == scene.scene] if len(rows) else rows
        found = [common | record for record in _of_scene(of_scene)]
        reason = scene.reason or "not unmixed by prompts: no reference abundances, or not part of this study"
        records += found or [common | {"reason": reason}]
    return Table(
        name="table_semantic_scenes",
        title="Unmixing by names: scenes that no training saw",
        caption="Abundance error and dominant material of text-prompted unmixing and of baselines with the same "
        "information, without shots and with k shots.",
        frame=typed_frame(records, ["scene", "setting", "dominant_values", "gain_values"], COLUMNS),
        columns=COLUMNS,
        notes=list(NOTES),
        provenance=provenance,
    )


def _of_scene(rows: pd.DataFrame) -> Iterator[dict[str, Any]]:
    if rows.empty:
        return
    table = rows.assign(**{name: rows[name].fillna(value) if name in rows else value for name, value in _EMPTY.items()})
    scored = table[table["against"] == ""]
    for (k, protocol, method), part in scored.groupby(["k", "protocol", "method"], sort=False):
        compared = table[
            (table["against"] == REFERENCE_METHOD)
            & (table["method"] == method)
            & (table["k"] == k)
            & (table["protocol"] == protocol)
        ]
        yield {
            "setting": str(method),
            "protocol": str(protocol),
            "k": int(part["k"].iloc[0]) or None,
            "method": _title(part),
            "uses_truth": join_distinct(part["uses_truth"]) or ("names, training" if k else "names"),
            "bar": None if k else _bar(str(part["scene"].iloc[0])),
            "reason": _dropped(part),
        } | _summary(part, compared)


_EMPTY: Mapping[str, Any] = {"k": 0, "against": "", "title": "", "uses_truth": "", "dropped": ""}


def _summary(rows: pd.DataFrame, compared: pd.DataFrame) -> dict[str, Any]:
    convention = "raw" if (rows["convention"] == "raw").any() else "reference"
    whole = rows[(rows["convention"] == convention) & (rows["material"] == "")]
    record: dict[str, Any] = {
        "convention": convention,
        "pixels": int(rows["n"].min()),
        "draws": int(rows["draw"].nunique()),
    }
    record |= _described(whole[whole["metric"] == "armse"], "armse", "run_values")
    record |= _described(whole[whole["metric"] == "dominant_accuracy"], "dominant", "dominant_values")
    for metric in ("mae", "sre_db", "presence_map"):
        record[metric] = whole.loc[whole["metric"] == metric, "value"].mean()
    areal = rows[(rows["convention"] == "areal") & (rows["metric"] == "armse")]
    record["armse_areal"] = areal["value"].mean() if len(areal) else None
    gain = compared[(compared["convention"] == convention) & (compared["metric"] == "armse")]
    return record | (_described(gain, "gain", "gain_values") if len(gain) else {})


def _described(rows: pd.DataFrame, key: str, values: str) -> dict[str, Any]:
    """Mean over draws with its interval: over draws from five on, of the single draw over blocks, else the draws."""
    found = rows["value"].to_numpy(np.float64)
    record: dict[str, Any] = {key: float(found.mean()) if len(found) else None}
    interval = mean_interval(found) if len(found) else None
    if interval is not None:
        return record | {f"{key}_low": interval.low, f"{key}_high": interval.high}
    if len(found) == 1:
        return record | {f"{key}_low": rows["low"].iloc[0], f"{key}_high": rows["high"].iloc[0]}
    return record | {values: " ".join(repr(float(value)) for value in found)}


def _title(rows: pd.DataFrame) -> str:
    name, given = str(rows["method"].iloc[0]), str(rows["title"].iloc[0])
    if given:
        return given
    if name in BASELINES:
        return BASELINES[name].title
    return SHOT_BASELINES[name][0] if name in SHOT_BASELINES else name


def _dropped(rows: pd.DataFrame) -> str | None:
    names = join_distinct(rows["dropped"])
    return f"without {names}: too few pure pixels" if names else None


def _bar(scene: str) -> str | None:
    if scene not in BARS:
        return None
    low, high = BARS[scene]
    return f"{low:.3f} – {high:.3f}"
