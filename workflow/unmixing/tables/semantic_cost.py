"""What text-prompted unmixing costs: parameters, operations, time, energy, bytes to store and to send."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from unmixing.tables.forms import Column
from unmixing.tables.run_rows import join_distinct, typed_frame
from unmixing.tables.writing import Table

PARTS: Mapping[str, str] = {
    "parameters": "Parameters",
    "operations": "Operations",
    "latency": "Time",
    "text": "Text",
    "compression": "Smaller models",
    "downlink": "Sent down, each pixel",
    "storage": "Stored",
    "training": "Training",
}
NOT_RUN = "not run: the experiment on costs is not part of this study"

COLUMNS = [
    Column("part_title", "What"),
    Column("item", "Of"),
    Column("variant", "Which", "prose"),
    Column("scene", "Scene", help="whose pixels were timed, scored or sent"),
    Column("threads", "Threads", "count"),
    Column("parameters", "Parameters", "count", help="of smaller models: those that are not zero"),
    Column("megaflop", "Operations", "number", "million", help="a multiplication and an addition are two"),
    Column("processor_seconds", "Processor time", "number", "s", help="of all cores, median over repetitions"),
    Column("seconds", "Time", "number", "s", help="by the clock, median over repetitions"),
    Column(
        "least", "Least to most", "interval", "s", help="of the repetitions, by the clock", extra=("most", "run_values")
    ),
    Column("joules", "Energy", "number", "J", help="how it was had is said under Energy from"),
    Column("bytes", "Bytes", "count"),
    Column("entries", "Entries", "count", help="texts, spectra or concepts"),
    Column("bytes_each", "Bytes each", "number", help="bytes over entries"),
    Column("armse", "aRMSE", "angle", help="in the convention of the scene's references"),
    Column("change", "Change", "angle", help="mean absolute change of abundances against the model as shipped"),
    Column("pixels", "Pixels, n", "count", help="scored"),
    Column("repetitions", "Repetitions, n", "count"),
    Column("how", "Had by"),
    Column("energy_from", "Energy from", "prose"),
    Column("reason", "Reason", "prose"),
]
_TIMED = ("seconds", "processor_seconds", "joules")

NOTES = [
    "Paper, section 5: a spectral encoder of roughly ten million parameters, another five million for abundance "
    "estimator and decoder, about 200 hours of one A100 for training. It names no latency: acceptable, it says, for a "
    "single scene on a low-power accelerator. None was at hand; all times are those of this machine's processor.",
    "Size L is of the paper's size and untrained: its parameters, operations and time are what they would be, its "
    "errors are unknown.",
    "Processor time is what the work needs; time by the clock is that plus whatever else the machine was doing, and "
    "its least is the better guide to an idle one. Each repetition follows one that is not counted.",
    "With more threads than idle cores, waiting for each other counts as processor time.",
    "An estimated energy is processor time times a stated power and no measurement. A measured one covers the whole "
    "processor.",
    "Generated mixtures hold spectra that the model learned from: they show what a smaller form loses, not how good it "
    "is.",
    "Abundances rest on library spectra that stay as they are: what the networks lose moves them little. "
    "Smaller models are not trained again. Eight bits and left-out weights are computed with in float32 here and save "
    "bytes, not time; neurons that are left out save both.",
    "Sent down: the encoder's output alone lets the ground tell materials apart (the soft assignment); to solve for "
    "abundances it needs the spectrum. The error beside each is that of what can be made of it.",
]


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Table:
    """Build the table of costs.

    Args:
        rows: of ``semantic.experiments.cost.rows``; possibly empty.
        scenes: Not used.
        scale: Not used.
        provenance: Commit, versions, machine.

    Returns:
        One row for each part, item, variant, scene and number of threads; a single row with the reason where nothing
        was run.
    """
    del scenes, scale
    records = wide(rows) if len(rows) else [{"reason": NOT_RUN}]
    machines = join_distinct(rows["machine"]) if len(rows) else ""
    return Table(
        name="table_semantic_cost",
        title="What unmixing by names costs",
        caption="Parameters, operations, time and energy of each part for 10,000 pixels, smaller forms of the model "
        "with their errors, and bytes to store and to send, beside what the paper says.",
        frame=typed_frame(records, ["part"], COLUMNS),
        columns=COLUMNS,
        notes=[*([f"Machine: {machines}."] if machines else []), *NOTES, *_findings(rows)],
        provenance=provenance,
    )


def wide(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return one record for each thing that was measured, its numbers side by side, in the order of ``PARTS``.

    Args:
        rows: of the experiment, one for each number.
    """
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    first = _first_scene(rows)
    for row in rows.to_dict("records"):
        # Times and bytes of a smaller model stand beside its errors, not in rows of their own.
        smaller = row["part"] == "compression"
        threads = 0 if smaller else int(row["threads"])
        scene = first if smaller and not row["scene"] else str(row["scene"])
        about = {name: row[name] for name in ("part", "item", "variant")}
        record = found.setdefault((*about.values(), scene, threads), {**about, "scene": scene or None})
        record.setdefault("part_title", PARTS[str(row["part"])])
        record.setdefault("threads", int(row["threads"]) or None)
        if row["measure"] in _TIMED and row["threads"]:
            record["threads"] = int(row["threads"])
        value = float(row["value"])
        if value != value:
            record["reason"] = str(row["reason"])
            continue
        record[str(row["measure"])] = round(value) if row["measure"] in ("parameters", "bytes", "entries") else value
        if row["measure"] == "seconds":
            record |= {"least": row["least"], "most": row["most"]}
        if row["measure"] == "joules":
            record["energy_from"] = row["how"]
        else:
            record["how"] = row["how"]
        if row["measure"] in _TIMED:
            record["repetitions"] = int(row["n"])
        elif row["measure"] in ("armse", "change"):
            record["pixels"] = int(row["n"])
    for record in found.values():
        if record.get("entries"):
            record["bytes_each"] = record["bytes"] / record["entries"]
    order = list(PARTS)
    return sorted(found.values(), key=lambda record: order.index(record["part"]))


def _first_scene(rows: pd.DataFrame) -> str:
    scenes = rows.loc[(rows["part"] == "compression") & (rows["scene"] != ""), "scene"]
    return str(scenes.iloc[0]) if len(scenes) else ""


def _findings(rows: pd.DataFrame) -> list[str]:
    """Say what the numbers mean for two claims of the paper."""
    if rows.empty:
        return []
    notes = []
    sent = rows[(rows["part"] == "downlink") & (rows["measure"] == "bytes")]
    for scene, part in sent.groupby("scene", sort=False):
        by_item = part.set_index("item")["value"]
        output, spectrum = by_item.get("encoder's output, 16 bits"), by_item.get("spectrum, 16 bits")
        if output is not None and spectrum is not None:
            word = "more" if output > spectrum else "less"
            notes.append(
                f"{scene}: the encoder's output takes {output:.0f} bytes a pixel, {word} than the spectrum's "
                f"{spectrum:.0f}; the paper expects that sending it increases the volume."
            )
    stored = rows[rows["part"] == "storage"].pivot_table(index="item", columns="measure", values="value")
    if {"anchors, minilm", "library means within the model"} <= set(stored.index):
        each = stored["bytes"] / stored["entries"]
        notes.append(
            f"The paper: anchors need far smaller storage than spectral libraries. A text's anchor takes "
            f"{each['anchors, minilm']:.0f} bytes in its file, a mean spectrum "
            f"{each['library means within the model']:.0f}: a store is smaller only as it has fewer entries than a "
            f"library has spectra."
        )
    return notes
