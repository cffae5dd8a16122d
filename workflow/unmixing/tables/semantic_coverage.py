"""Which concepts have spectra and which are refused, and how good a list of prompts is that nobody named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from unmixing.tables.forms import Column
from unmixing.tables.run_rows import typed_frame
from unmixing.tables.writing import Table

MINERALS = "minerals"
#: Id of the concept above all minerals, whose counts hold theirs.
MINERAL = "mineral"
NOT_RUN = "not run: the experiment on coverage is not part of this study"
_REFUSED = "refused"
#: What the n of a measure of a list is.
_COUNTED = {"precision": "listed", "recall": "present", "exact_recall": "present"}
_COUNTS = ("spectra", "measured", "simulated", "sites", "specimens", "train", "validation", "test")

COLUMNS = [
    Column("part_title", "What"),
    Column("title", "Concept or scene"),
    Column("way", "Drawn up from"),
    Column("status", "The shipped model", help="trained: told apart; carried: known by its mean"),
    Column("spectra", "Spectra, n", "count", help="in the libraries at hand, what lies below included"),
    Column("measured", "Measured", "count"),
    Column("simulated", "Simulated", "count"),
    Column("sites", "Sites", "count", help="known places"),
    Column("specimens", "Specimens", "count"),
    Column("train", "Training", "count"),
    Column("validation", "Validation", "count"),
    Column("test", "Test", "count"),
    Column("split_by", "Split by"),
    Column("sources", "Sources"),
    Column("precision", "Precision", "number", help="share of the list that is there"),
    Column("recall", "Recall", "number", help="share of what is there that is in the list"),
    Column("exact_recall", "By its very name", "number", help="recall that counts no concept above or below"),
    Column("listed", "Listed, n", "count"),
    Column("present", "There, n", "count", help="materials of the scene's references"),
    Column("lots", "Lots, n", "count", help="lists drawn by lot, over which is averaged"),
    Column("uses_truth", "Uses truth"),
    Column("list", "List", "prose"),
    Column("reason", "Reason", "prose"),
]

NOTES = [
    "A concept without a spectrum, and with none above it that has one, is refused by name; the others of a list are "
    "scored. One that stands below another takes that one's spectrum, and the result says so.",
    "Spectra are counted in the libraries at hand. The shipped model learned from the USGS library too: it may know a "
    "concept that has no spectrum here.",
    "Minerals stand in one row: each is known by its mean alone, and its own row is in the file coverage.csv of "
    "`unmixing governance`.",
    "Vegetation canopies and most water are simulated. A split by site is the harder test; by specimen, specimens of "
    "one place and day may stand on two sides.",
    "Lists that nobody named (prompts: auto): a fixed list for any or for one kind of region, or the concepts that "
    "the encoder finds in the scene. Nearest: share of pixels that a concept is nearest to; assignment: its mean share "
    "of the soft assignment; materials alone leaves out prompts that lie above others. A concept counts as found if "
    "it, one above or one below it is in the other list.",
    "A wide concept is right wherever one below it is: precision and recall flatter lists of wide ones, such as "
    "vegetation, and say little of them beside the recall by the very name. Lists by lot are what no knowledge gives.",
    "The lists of regions are this project's own, by people who knew the scenes: the urban one begins with what the "
    "Urban scenes hold. Their scores are no test.",
]


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Table:
    """Build the table of coverage.

    Args:
        rows: of ``semantic.experiments.coverage.rows``; possibly empty.
        scenes: Availability records, for the titles of scenes.
        scale: Not used.
        provenance: Commit, versions, input checksums.

    Returns:
        Lists by scene first, then concepts: those that are refused, then the others in the ontology's order, minerals
        in one row. A single row with the reason where nothing was run.
    """
    del scale
    titles = {str(scene["scene"]): str(scene["title"]) for scene in scenes}
    records: list[dict[str, Any]] = [{"reason": NOT_RUN}]
    counts = ""
    if len(rows):
        concepts = _concepts(rows[rows["part"] == "concept"])
        records = [*_lists(rows[rows["part"] == "auto"], titles), *concepts]
        counts = _counted(concepts)
    return Table(
        name="table_semantic_coverage",
        title="What can be asked for by name, and lists that nobody named",
        caption="Spectra of each concept by source, how many are measured, sites and splits, how the shipped model "
        "takes it; and precision and recall of lists of prompts drawn up for scenes whose materials are known.",
        frame=typed_frame(records, ["part", "item"], COLUMNS),
        columns=COLUMNS,
        notes=[*([counts] if counts else []), *NOTES],
        provenance=provenance,
    )


def _lists(rows: pd.DataFrame, titles: Mapping[str, str]) -> list[dict[str, Any]]:
    records: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows.to_dict("records"):
        scene, way = str(row["scene"]), str(row["item"])
        record = records.setdefault(
            (scene, way),
            {
                "part": "auto", "item": scene, "part_title": "List nobody named", "title": titles.get(scene, scene),
                "way": way or None, "uses_truth": row["uses_truth"],
            },
        )  # fmt: skip
        if row["value"] != row["value"]:
            record["reason"] = row["reason"]
            continue
        record[str(row["measure"])] = float(row["value"])
        by_lot = way.startswith("by lot")
        record["lots" if by_lot else _COUNTED[str(row["measure"])]] = int(row["n"])
        if not by_lot:
            record["list"] = row["detail"]
    return list(records.values())


def _concepts(rows: pd.DataFrame) -> list[dict[str, Any]]:
    if rows.empty:
        return []
    values = rows.pivot_table(index="item", columns="measure", values="value", sort=False)
    details = rows.pivot_table(index="item", columns="measure", values="detail", aggfunc="first", sort=False)
    titles = rows.drop_duplicates("item").set_index("item")["title"]
    minerals = set(rows.loc[rows["kind"] == "mineral", "item"])
    records = []
    for item in values.index:
        counts = {name: values.loc[item, name] for name in _COUNTS if name in values}
        records.append(
            {"part": "concept", "item": item, "part_title": "Concept", "title": titles[item]}
            | {"status": details.loc[item, "status"], "sources": details.loc[item, "spectra"] or None}
            | {"split_by": details.loc[item, "train"] if "train" in details else None}
            | {name: int(value) for name, value in counts.items() if value == value}
            | {"reason": _reason(details.loc[item, "status"])}
        )
    shown = [record for record in records if record["item"] not in minerals]
    refused = [record for record in shown if record["status"] == _REFUSED]
    told = [record for record in shown if record["status"] != _REFUSED]
    return [*refused, *told, *_together([record for record in records if record["item"] in minerals])]


def _together(minerals: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one row for all minerals: counts of the concept above them, and how many the model takes in each way."""
    if not minerals:
        return []
    above = {record["item"]: record for record in minerals}.get(MINERAL, {})
    minerals = [record for record in minerals if record["item"] != MINERAL] or minerals
    statuses = pd.Series([record["status"].partition(":")[0] for record in minerals]).value_counts()
    total = {name: above[name] for name in (*_COUNTS, "split_by", "sources") if name in above}
    total |= {"part": "concept", "item": MINERALS, "part_title": "Concept"}
    total["title"] = f"{len(minerals)} minerals"
    total["status"] = ", ".join(f"{status} {count}" for status, count in statuses.items())
    return [total]


def _reason(status: str) -> str | None:
    if status == _REFUSED:
        return "refused by name: no spectrum of it, nor of anything above it"
    return "takes the spectrum of what it stands below" if status.startswith("stands below") else None


def _counted(concepts: Sequence[Mapping[str, Any]]) -> str:
    named = [record for record in concepts if record["item"] != MINERALS]
    refused = [str(record["title"]) for record in named if record["status"] == _REFUSED]
    bare = sum(not record.get("spectra") for record in named)
    return (
        f"{len(named)} concepts beside minerals: {bare} without a spectrum in the libraries at hand, {len(refused)} of "
        f"all refused by the shipped model ({', '.join(refused) or 'none'})."
    )
