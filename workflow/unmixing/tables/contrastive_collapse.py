"""Whether embeddings collapse, and whether the contrastive loss has anything to say, from the curves of training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from unmixing.embeddings import LOSS_RESOLUTION
from unmixing.tables.contrastive_rows import (
    CONFIGURATION,
    CONFIGURATIONS,
    HEADS_PHASE,
    NO_CONTRASTIVE,
    PHASE,
    VARIANTS,
    contrastive,
    parts,
    phase_scale,
    run_table,
)
from unmixing.tables.forms import Column
from unmixing.tables.run_rows import on_scene, typed_frame
from unmixing.tables.scene_rows import common_of, scenes_to_show
from unmixing.tables.writing import Table

NO_CURVES = "no curves of these runs at hand: evaluate the scene again"

#: Above this mean cosine all embeddings point nearly the same way.
ONE_POINT = 0.99
#: A term whose floor lies within this share of its equal-similarity value can hardly change.
NO_RANGE = 0.01

MEASURES = ("mean_cosine", "effective_rank", "centred_rank", "positive_minus_negative", "zero_share")
LOSSES = ("sad", "contrastive", "equal_similarity", "floor")
_LAST = (*MEASURES, *LOSSES, "gradient_ratio")

COLUMNS = [
    Column("title", "Scene"),
    Column("kind", "Kind", help="real, crop, synthetic, semi-real or own"),
    Column("protocol", "Protocol"),
    Column("phase", "Phase"),
    Column("configuration_title", "Configuration", "prose"),
    Column("variant_title", "Variant"),
    Column("temperature", "Tau", "number"),
    Column("weight", "Lambda", "number"),
    Column("batch_size", "Batch", "count"),
    Column("sigma", "Sigma K", "number"),
    Column("runs", "n", "count", help="runs with curves; diverged ones are left out"),
    Column("epochs", "Epochs", "count", help="the most of a run"),
    Column("mean_cosine", "Mean cosine", "number", help="of different patches; 1: all point the same way"),
    Column("cosine_range", "Over runs", help="least and largest"),
    Column("effective_rank", "Effective rank", "number", help="directions in use, about the origin"),
    Column("centred_rank", "Centred rank", "number", help="directions in which they differ from their mean"),
    Column("positive_minus_negative", "Positive − negative", "number", help="cosines; 0 after a collapse"),
    Column("zero_share", "Zero vectors", "number", help="share of embeddings without a direction"),
    Column("gradient_ratio", "Gradient ratio", "number", help="contrastive over angle at the encoder, unweighted"),
    Column("weighted_ratio", "Weighted ratio", "number", help="the same after lambda: who moves the encoder"),
    Column("contrastive", "Contrastive loss", "number", help="last epoch"),
    Column("equal_similarity", "At equal similarities", "number", help="its value there"),
    Column("floor", "Floor", "number", help="entropy of the target: it cannot go below"),
    Column("place", "Place", "number", help="0: at the floor; 1: at equal similarities"),
    Column("sad", "Training angle", "angle", "rad", help="last epoch, of the views"),
    Column("verdict", "Verdict", "prose"),
    Column("reason", "Reason", "prose"),
]

NOTES = [
    "Embeddings are those of unaugmented patches in prediction mode after the last epoch; positive − negative sets "
    "them against one view each. Values are means over runs of each run's last measurement.",
    f"Verdict: one point where the mean cosine is above {ONE_POINT} or most embeddings are zero; no range where the "
    f"floor lies within {100 * NO_RANGE:.0f} % of the value at equal similarities, so that the term can say nothing "
    "whatever the embeddings do. The value of the loss alone shows no collapse: embeddings at equal angles have it "
    "too.",
    "Behind a ReLU all embeddings lie in one orthant, which keeps their cosines high and their effective rank low; the "
    "centred rank does not suffer from it.",
    "Place: the contrastive loss less its floor, over the value at equal similarities less the floor. At temperature "
    "10 cosines divided by it lie within ±.1, and no embedding comes near the floor.",
    "Gradient ratio: norms at the encoder, of the first batch of every tenth epoch; weighted: times (1 − lambda) / "
    "lambda.",
]


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
    *,
    curves: pd.DataFrame | None = None,
) -> Table:
    """Build the table of collapse.

    Args:
        rows: Run rows of the phases contrastive and heads; possibly empty.
        scenes: Availability records of all scenes.
        scale: By scene; the key ``contrastive`` holds the planned scale of the phase.
        provenance: Commit, versions, input checksums.
        curves: One row per run and epoch (results/{study}/curves/), of any phases; None without them.

    Returns:
        One row per scene, protocol and setting of the named configurations and of the heads; one row that says why
        for a scene without runs or curves.
    """
    shown, known = scenes_to_show(scenes), pd.DataFrame() if curves is None else curves
    chosen = [contrastive(rows, PHASE, CONFIGURATION), contrastive(rows, HEADS_PHASE)]
    both = pd.concat([one for one in chosen if len(one)], ignore_index=True) if any(map(len, chosen)) else chosen[0]
    records: list[dict[str, Any]] = []
    for scene, protocol, part in parts(both, shown):
        common = common_of(scene, protocol)
        if part.empty:
            records.append(common | {"reason": scene.reason or NO_CONTRASTIVE})
            continue
        own = on_scene(known, scene.scene, protocol)
        for phase in (PHASE, HEADS_PHASE):
            of_phase = part[part["phase"] == phase]
            if of_phase.empty:
                continue
            runs = run_table(of_phase)
            present = set(runs["setting"])
            order = [f"{name}-{variant}" for name in CONFIGURATIONS for variant in VARIANTS]
            for setting in [name for name in [*order, *sorted(present.difference(order))] if name in present]:
                of_setting = own[(own["phase"] == phase) & (own["setting"] == setting)] if len(own) else own
                record = {"phase": phase, "setting": setting}
                records.append(common | record | _of_setting(runs[runs["setting"] == setting], of_setting))
    return Table(
        name="table_contrastive_collapse",
        title="Collapse: what the embeddings do, and what the contrastive loss can say",
        caption="Measures of the embeddings after training and the contrastive loss beside its value at equal "
        "similarities and its floor, for every named configuration, control and head.",
        frame=typed_frame(records, ["scene", "setting"], COLUMNS),
        columns=COLUMNS,
        notes=NOTES,
        scale=phase_scale(shown, scale),
        n=_count(records),
        provenance=provenance,
    )


def _count(records: Sequence[Mapping[str, Any]]) -> str:
    counts = sorted({int(record["runs"]) for record in records if record.get("runs")})
    return (
        f"{counts[0]} to {counts[-1]} runs per setting" if len(counts) > 1 else f"{(counts or [0])[0]} runs per setting"
    )


def last_values(curves: pd.DataFrame) -> pd.DataFrame:
    """Return for each run the last value that is not missing of every curve, and its number of epochs.

    Args:
        curves: Of one setting, one row per run and epoch.

    Returns:
        Indexed by run; a curve that was never measured is NaN.
    """
    ordered = curves.sort_values(["run", "epoch"])
    present = [name for name in _LAST if name in ordered]
    found = ordered.groupby("run")[present].last().reindex(columns=list(_LAST))
    return found.assign(epochs=ordered.groupby("run")["epoch"].max())


def _of_setting(runs: pd.DataFrame, curves: pd.DataFrame) -> dict[str, Any]:
    """Return the row of one setting."""
    first = runs.iloc[0]
    head = first["group"] == "head"
    record: dict[str, Any] = {
        "configuration_title": CONFIGURATIONS.get(str(first["configuration"]), str(first["configuration"])),
        "variant_title": f"head {first['head']}" if head else VARIANTS.get(str(first["variant"]), first["variant"]),
        "temperature": first["temperature"],
        "weight": first["weight"],
        "batch_size": first["batch_size"],
        "sigma": first["sigma"] if first["loss"] == "generalized" else None,
    }
    usable = set(runs.loc[runs["status"] != "diverged", "run"])
    if curves.empty:
        return record | {"reason": NO_CURVES}
    last = last_values(curves[curves["run"].isin(usable)]) if usable else pd.DataFrame()
    if last.empty:
        return record | {"reason": "all runs diverged" if not usable else NO_CURVES}
    record |= {"runs": len(last), "epochs": int(last["epochs"].max())}
    for name in _LAST:
        values = last[name].dropna().to_numpy(np.float64)
        record[name] = float(values.mean()) if len(values) else None
    cosines = last["mean_cosine"].dropna()
    record["cosine_range"] = f"{cosines.min():.3f} to {cosines.max():.3f}" if len(cosines) > 1 else None
    if record["gradient_ratio"] is not None and 0 < record["weight"] < 1:
        record["weighted_ratio"] = record["gradient_ratio"] * (1 - record["weight"]) / record["weight"]
    if record["contrastive"] is not None and record["equal_similarity"] is not None and record["floor"] is not None:
        span = record["equal_similarity"] - record["floor"]
        if span > LOSS_RESOLUTION:
            record["place"] = (record["contrastive"] - record["floor"]) / span
    return record | {"verdict": verdict(record)}


def verdict(record: Mapping[str, Any]) -> str:
    """Return in words whether the embeddings have collapsed and whether the term can say anything.

    Args:
        record: Means over runs of the measures and losses; None where there is none.
    """
    cosine, zeros = record.get("mean_cosine"), record.get("zero_share")
    words = []
    if zeros is not None and zeros > 0.5:
        words.append("collapsed: most embeddings are zero")
    elif cosine is None:
        words.append("embeddings not measured")
    else:
        words.append("collapsed to one point" if cosine > ONE_POINT else "not one point")
    equal, floor = record.get("equal_similarity"), record.get("floor")
    if record.get("contrastive") is None:
        words.append("no contrastive term")
    elif equal is not None and floor is not None and equal - floor <= NO_RANGE * equal:
        words.append("the term has no range: its target is nearly uniform")
    return "; ".join(words)
