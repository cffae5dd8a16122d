"""The sections that every study's report has: summary, scenes, tables and figures by part, provenance."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from unmixing.report.page import Block, Fact, Facts, FigureBlock, Listing, Pairs, Section, TableBlock
from unmixing.tables.forms import Column, is_missing
from unmixing.tables.run_rows import typed_frame
from unmixing.tables.scene_rows import scenes_to_show
from unmixing.tables.writing import Table

_RECIPES = [Column("cell", "Cell"), Column("recipe", "Recipe")]

_SCENE_COLUMNS = [
    Column("title", "Scene"),
    Column("kind", "Kind", help="a crop, synthetic or semi-real scene is not the paper's scene"),
    Column("paper", "In the paper", help="whether the paper prints values for this very scene"),
    Column("state", "In this study"),
    Column("reason", "Reason and remedy", "prose"),
]


def summary(rows: pd.DataFrame, scenes: Sequence[Mapping[str, Any]], table3: Table) -> Section:
    """Return the section that a hurried reader reads.

    Args:
        rows: Run rows of all phases, possibly empty.
        scenes: Availability records of all scenes.
        table3: Table 3 of this study.
    """
    shown = scenes_to_show(scenes)
    trained = int(rows["scene"].nunique()) if len(rows) else 0
    counts = _status_by_id(rows)
    facts = [
        Fact("Scenes trained", f"{trained}", f"of {len(shown)} listed"),
        Fact("Runs", f"{sum(counts.values())}", ", ".join(f"{count} {name}" for name, count in counts.items())),
        Fact("Training time", _duration(_seconds(rows)), "sum over runs"),
    ]
    sentences = [_sentence(row) for row in table3.frame.to_dict("records") if not is_missing(row["sad_mean"])]
    without = [scene.title for scene in shown if not (scene.available and scene.in_study)]
    if without:
        sentences.append(f"Without numbers of ours: {', '.join(without)}. The reasons stand under Scenes.")
    return Section("summary", "Summary", [Facts(facts), Listing(sentences)])


def scenes_section(
    scenes: Sequence[Mapping[str, Any]], command: str, provenance: Mapping[str, Any] | None = None
) -> Section:
    """Return which scenes the study has, and why others are missing.

    Args:
        scenes: Availability records of all scenes.
        command: What rebuilds the report.
        provenance: Commit, versions, input checksums; JSON values only.
    """
    records = [
        {
            "title": scene.title,
            "kind": scene.kind,
            "paper": "yes" if scene.paper else "no",
            "state": "trained" if scene.available and scene.in_study else ("missing" if scene.in_study else "no"),
            "reason": scene.reason,
        }
        for scene in scenes_to_show(scenes)
    ]
    table = Table(
        name="scenes",
        title="Scenes and their availability",
        caption="The paper's six scenes, whether at hand or not, and those that this study adds.",
        frame=typed_frame(records, [], _SCENE_COLUMNS),
        columns=_SCENE_COLUMNS,
        scale="settled before anything runs",
        n=f"{len(records)} scenes",
        provenance=dict(provenance or {}),
    )
    return Section("scenes-section", "Scenes", [TableBlock(table, command)])


@dataclass(frozen=True)
class Part:
    """One part of the study in the report.

    Attributes:
        identifier: Anchor.
        title: Heading.
        summary: One sentence under it.
        shows: Names of its tables and figures, in order.
    """

    identifier: str
    title: str
    summary: str
    shows: tuple[str, ...]


PARTS = (
    Part(
        "scorecard",
        "Scorecard",
        "Each number and claim of the papers with ours beside it, whether it reproduces, and why not.",
        ("figure_scorecard", "table_scorecard", "table_prose_claims"),
    ),
    Part(
        "baseline",
        "Baseline",
        "The autoencoder trained on reconstruction alone (section 3.1.1 of the paper). Select a figure to enlarge it.",
        (
            "table3",
            "figure_architecture",
            "figure_strip_plots",
            "table_endmembers",
            "figure_endmembers",
            "figure_abundances",
            "table_protocols",
        ),
    ),
    Part(
        "augmentation",
        "Sweep of augmentations",
        "The autoencoder trained on augmented images (sections 2.4, 3.1.2), beside the controls that the paper lacks.",
        (
            "figure_augmentation_forest",
            "table_augmentation_contrasts",
            "table5",
            "figure_augmentation_strips",
            "table4",
            "figure_augmentation_regimes",
            "table_augmentation_selection",
            "table2",
            "figure_augmentation_same",
            "table_augmentation_complete",
        ),
    ),
    Part(
        "contrastive",
        "Contrastive training",
        "Two views of each patch and a loss between them (sections 2.3, 4.3, 4.4), beside the controls that the paper "
        "lacks: no such loss, permuted labels, labels without the truth.",
        (
            "table_contrastive_contrasts",
            "table6",
            "figure_contrastive_architecture",
            "figure_endmembers_contrastive",
            "figure_contrastive_losses",
            "figure_contrastive_collapse",
            "table_contrastive_collapse",
            "table_contrastive_cost",
        ),
    ),
    Part(
        "search",
        "Search over hyper-parameters",
        "What the grids and the searches of them found, and what was left of it with fresh seeds.",
        (
            "table7",
            "table_contrastive_search",
            "figure_search_quality",
            "figure_search_effects",
            "table_contrastive_agreement",
        ),
    ),
    Part(
        "heads",
        "Projection heads",
        "The heads of section 2.3, and none, at the point where the released code compares them (section 5.4).",
        ("figure_heads", "table_heads"),
    ),
    Part(
        "semantic",
        "Unmixing by named materials",
        "The second study: text names the endmembers. Encoders are named; anchors of MiniLM are not CLIP's.",
        (
            "table_semantic_scenes",
            "figure_semantic_scenes",
            "figure_semantic_maps",
            "table_semantic_few_shot",
            "table_semantic_areas",
            "table_semantic_names",
            "figure_semantic_names",
            "table_semantic_mixtures",
            "table_semantic_bilinear",
            "table_semantic_seeds",
        ),
    ),
    Part(
        "semantic-robustness",
        "Robustness and operating envelope",
        "Disturbed spectra, other words, attacks: what the text-prompted model bears, and where it can be trusted.",
        (
            "figure_semantic_robustness",
            "table_semantic_robustness",
            "figure_semantic_envelope",
            "table_semantic_envelope",
            "table_semantic_fairness",
        ),
    ),
    Part(
        "semantic-cost",
        "Cost and coverage",
        "Parameters, time, energy and bytes of the text-prompted model, and which materials it can be asked for.",
        ("figure_semantic_cost", "table_semantic_cost", "table_semantic_coverage"),
    ),
    Part(
        "audit",
        "Paper against released code",
        "One difference at a time: what each does to the angle, from either protocol; and every finding, with how it "
        "is shown.",
        ("figure_audit", "table_audit", "table_findings"),
    ),
    Part(
        "classical",
        "Classical methods",
        "Methods without training, oracles that are given the truth, and the rows from chance to the attainable floor.",
        ("table_classical",),
    ),
    Part(
        "statistics",
        "Statistics",
        "What the runs allow to be claimed, and whether a run can be chosen without the truth.",
        ("table_power", "table_coverage", "table_selection"),
    ),
)
"""Parts of the report; a table or figure that no part names stands under Tables or Figures."""


def part_sections(tables: Sequence[TableBlock], figures: Sequence[FigureBlock]) -> list[Section]:
    """Return a section for each part that has something to show, then what no part names.

    Args:
        tables: Tables of the study, in any order.
        figures: Figures of the study, in any order.
    """
    blocks: dict[str, Block] = {block.table.name: block for block in tables}
    blocks |= {block.description.name: block for block in figures}
    sections = []
    for part in PARTS:
        shown = [blocks[name] for name in part.shows if name in blocks]
        if shown:
            sections.append(Section(part.identifier, part.title, shown, part.summary))
    named = {name for part in PARTS for name in part.shows}
    others = [block for block in tables if block.table.name not in named]
    pictures = [block for block in figures if block.description.name not in named]
    if others:
        sections.append(Section("tables", "Tables", others))
    if pictures:
        sections.append(Section("figures", "Figures", pictures, "Select a figure to enlarge it."))
    return sections


def provenance_section(provenance: Mapping[str, Any], command: str = "") -> Section:
    """Return where the numbers come from.

    Args:
        provenance: Commit, versions, machine, input checksums; JSON values only.
        command: What rebuilds the report.
    """
    recipes = provenance.get("recipes") or {}
    items = {str(name): _in_words(value) for name, value in provenance.items() if name != "recipes"}
    blocks: list[Block] = [Pairs(items)]
    if recipes:
        table = Table(
            name="recipes",
            title="Recipes",
            caption="What the numbers of each cell depend on, as a hash: configuration, numeric code, scene.",
            frame=typed_frame([{"cell": cell, "recipe": recipe} for cell, recipe in recipes.items()], [], _RECIPES),
            columns=_RECIPES,
            scale="planned for each scene and phase: see their tables",
            n=f"{len(recipes)} cells",
            provenance={name: provenance[name] for name in ("commit", "study") if name in provenance},
        )
        blocks.append(TableBlock(table, command))
    return Section("provenance", "Provenance", blocks)


def _in_words(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_in_words(part)}" for name, part in value.items())
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _sentence(row: Mapping[Any, Any]) -> str:
    """Return one scene's result in words, beside the paper's where it has one."""
    runs = f"{row['runs']} run" + ("" if row["runs"] == 1 else "s")
    text = f"{row['title']} ({row['kind']}, {row['protocol']}): mean SAD {row['sad_mean']:.4f} rad over {runs}"
    if not is_missing(row["paper_sad"]):
        text += f", the paper prints {row['paper_sad']:.4f}"
        text += "; indicative, for the scale differs" if row["comparison"] == "indicative" else ""
    return text + f"; all endmembers found in {row['successes']} of {row['runs']}."


def _status_by_id(rows: pd.DataFrame) -> dict[str, int]:
    if rows.empty:
        return {"ok": 0, "diverged": 0, "collapsed": 0}
    status = rows.drop_duplicates("id")["status"]
    return {name: int((status == name).sum()) for name in ("ok", "diverged", "collapsed")}


def _seconds(rows: pd.DataFrame) -> float:
    return float(rows.drop_duplicates("id")["seconds"].sum()) if len(rows) else 0.0


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"
