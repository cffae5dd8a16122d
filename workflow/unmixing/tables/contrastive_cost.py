"""What contrastive training costs: against the same training without the term, and against the baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from unmixing.tables.contrastive_rows import (
    CONFIGURATION,
    CONFIGURATIONS,
    LAMBDA_1,
    NO_CONTRASTIVE,
    PHASE,
    VARIANTS,
    arm,
    contrastive,
    parts,
    phase_runs,
    phase_scale,
    run_table,
)
from unmixing.tables.forms import Column
from unmixing.tables.run_rows import of_phase, on_scene, plan_of, typed_frame
from unmixing.tables.scene_rows import common_of, scenes_to_show
from unmixing.tables.writing import Table

BASELINE = "baseline"
#: Views of a patch that pass through the network at each update.
VIEWS = 2

COLUMNS = [
    Column("title", "Scene"),
    Column("kind", "Kind", help="real, crop, synthetic, semi-real or own"),
    Column("protocol", "Protocol"),
    Column("configuration_title", "Configuration", "prose"),
    Column("variant_title", "Variant"),
    Column("patch_size", "Patch", "count"),
    Column("batch_size", "Batch", "count"),
    Column("runs", "n", "count", help="timed runs; diverged ones are left out"),
    Column("seconds", "Run", "seconds", "s", help="median over runs"),
    Column("seconds_range", "Over runs", help="least and largest, seconds"),
    Column("epoch_seconds", "Epoch", "number", "s", help="median over runs"),
    Column("update_milliseconds", "Update", "number", "ms", help="median over runs"),
    Column("pixel_seconds", "Million patch pixels", "number", "s", help="pixels of patches, each patch counted once"),
    Column("view_seconds", "Million view pixels", "number", "s", help="pixels that pass through the network"),
    Column("term_ratio", "Against lambda 1", "number", help="times: per update, same patches and batches"),
    Column("pixel_ratio", "Against the baseline", "number", help="times: at equal patch pixels"),
    Column("view_ratio", "Against the baseline, per view", "number", help="times: at equal pixels through the network"),
    Column("peak_memory_mib", "Peak memory", "number", "MiB", help="largest of the runs, where it was recorded"),
    Column("memory_ratio", "Memory against the baseline", "number", help="times"),
    Column("reason", "Reason", "prose"),
]

NOTES = [
    "Section 6 says that contrastive learning costs more memory and time than a traditional autoencoder, without a "
    "number. Against lambda 1 is the cost of the term alone: head, similarities and their gradients. Against the "
    "baseline at equal patch pixels adds the second view and its making; per view pixel that doubling is taken out.",
    "Seconds are those that each run took on the machine below, with whatever else it was doing: a description, "
    "without test. Medians over runs; ratios of medians. Measures of embeddings every tenth epoch are part of them, "
    "for lambda 1 too.",
    "Patch pixels: patches of an epoch times their area, from the planned number of patches. The baseline draws "
    "patches of another size.",
    "A last batch that is not full counts as an update like any other.",
]


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Table:
    """Build the table of costs.

    Args:
        rows: Run rows of the phases contrastive and baseline; possibly empty. A column ``peak_memory_bytes`` is shown
            where it is there.
        scenes: Availability records of all scenes.
        scale: By scene ``patches`` and ``patch_size`` of the baseline; the key ``contrastive`` holds ``patches``.
        provenance: Commit, versions, machine.

    Returns:
        For each scene and protocol the baseline and every variant of the configurations; one row that says why for a
        scene without runs.
    """
    shown, chosen, baseline = scenes_to_show(scenes), contrastive(rows, group=CONFIGURATION), of_phase(rows, BASELINE)
    records: list[dict[str, Any]] = []
    for scene, protocol, part in parts(chosen, shown):
        common = common_of(scene, protocol)
        if part.empty:
            records.append(common | {"reason": scene.reason or NO_CONTRASTIVE})
            continue
        plain = _of_baseline(on_scene(baseline, scene.scene, protocol), scale.get(scene.scene, {}))
        records.append(common | plain)
        runs, patches = run_table(part), plan_of(scale, scene.scene, PHASE).get("patches")
        for name in (name for name in CONFIGURATIONS if name in set(runs["configuration"])):
            control = _timed(arm(runs, name, LAMBDA_1))
            for variant in (variant for variant in VARIANTS if len(arm(runs, name, variant))):
                one = arm(runs, name, variant)
                record: dict[str, Any] = {"configuration": name, "variant": variant}
                record |= {"configuration_title": CONFIGURATIONS[name], "variant_title": VARIANTS[variant]}
                record |= _of_arm(one, part, patches)
                if len(control) and record.get("update_milliseconds") is not None:
                    record["term_ratio"] = record["update_milliseconds"] / _update(control)
                for ratio, what in (("pixel_ratio", "pixel_seconds"), ("view_ratio", "view_seconds")):
                    record[ratio] = _ratio(record.get(what), plain.get(what))
                record["memory_ratio"] = _ratio(record.get("peak_memory_mib"), plain.get("peak_memory_mib"))
                records.append(common | record)
    return Table(
        name="table_contrastive_cost",
        title="What contrastive training costs",
        caption="Seconds of a run, an epoch, an update and a million pixels of contrastive training, against the same "
        "training without the contrastive term and against the baseline.",
        frame=typed_frame(records, ["scene", "configuration", "variant"], COLUMNS),
        columns=COLUMNS,
        notes=[machine(provenance), *NOTES, *_memory_note(records)],
        scale=phase_scale(shown, scale),
        n=phase_runs(chosen, shown),
        provenance=provenance,
    )


def machine(provenance: Mapping[str, Any]) -> str:
    """Return the machine in words, as far as the provenance tells it."""
    cores = f"{provenance['cores']} cores" if provenance.get("cores") else ""
    words = (provenance.get("processor"), cores, provenance.get("device"))
    known = ", ".join(str(word) for word in words if word) or "not told"
    return f"Machine that made this table: {known}. Rows taken from committed runs keep the seconds of theirs."


def _timed(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs whose time means something: those that went to their end."""
    return runs[(runs["status"] != "diverged") & (runs["seconds"] > 0) & (runs["updates"] > 0)] if len(runs) else runs


def _update(runs: pd.DataFrame) -> float:
    return 1000 * float((runs["seconds"] / runs["updates"]).median())


def _ratio(one: float | None, other: float | None) -> float | None:
    return one / other if one is not None and other else None


def _described(runs: pd.DataFrame, epoch_pixels: float | None, views: int) -> dict[str, Any]:
    """Return times of runs; per pixel where the pixels of an epoch are known."""
    if runs.empty:
        return {"runs": 0, "reason": "no run went to its end with its time"}
    seconds = runs["seconds"]
    record: dict[str, Any] = {
        "runs": len(runs),
        "seconds": float(seconds.median()),
        "seconds_range": f"{seconds.min():.1f} to {seconds.max():.1f}" if len(runs) > 1 else None,
        "epoch_seconds": float((seconds / runs["epochs"]).median()),
        "update_milliseconds": _update(runs),
    }
    if epoch_pixels:
        record["pixel_seconds"] = record["epoch_seconds"] / (epoch_pixels / 1e6)
        record["view_seconds"] = record["pixel_seconds"] / views
    else:
        record["reason"] = "patches of an epoch are not told: no cost per pixel"
    return record


def _memory(rows: pd.DataFrame) -> dict[str, Any]:
    if "peak_memory_bytes" not in rows or rows["peak_memory_bytes"].isna().all():
        return {}
    return {"peak_memory_mib": float(rows["peak_memory_bytes"].max()) / 2**20}


def _of_baseline(rows: pd.DataFrame, scale: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of the baseline, one view of each patch."""
    record: dict[str, Any] = {"configuration": BASELINE, "configuration_title": "the baseline of Table 3"}
    record |= {name: scale.get(name) for name in ("patch_size", "batch_size")}
    if rows.empty:
        return record | {"reason": "no baseline runs under this protocol in this study"}
    known = "patches" in scale and "patch_size" in scale
    pixels = float(scale["patches"]) * float(scale["patch_size"]) ** 2 if known else None
    return record | _described(_timed(run_table(rows)), pixels, views=1) | _memory(rows)


def _of_arm(runs: pd.DataFrame, part: pd.DataFrame, patches: float | None) -> dict[str, Any]:
    """Return the times of one variant of a configuration; an arm of other updates has epochs of its own."""
    size, batch = int(runs["patch_size"].iloc[0]), int(runs["batch_size"].iloc[0])
    record: dict[str, Any] = {"patch_size": size, "batch_size": batch}
    pixels = float(patches) * size**2 if patches else None
    return record | _described(_timed(runs), pixels, VIEWS) | _memory(part[part["setting"].isin(runs["setting"])])


def _memory_note(records: Sequence[Mapping[str, Any]]) -> list[str]:
    if any(record.get("peak_memory_mib") is not None for record in records):
        return ["Peak memory is that of the training process, the scene and the libraries included."]
    return ["Memory is not recorded in these rows."]
