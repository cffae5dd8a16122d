"""A section for each scene: its picture, spectra and references, what was checked, where it comes from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from unmixing.report.page import FigureBlock, Pairs, Section, TableBlock
from unmixing.tables.forms import Column
from unmixing.tables.run_rows import typed_frame
from unmixing.tables.scene_rows import facts_by_scene
from unmixing.tables.writing import Table

_CHECK_COLUMNS = [
    Column("check", "Check"),
    Column("outcome", "Outcome"),
    Column("value", "Found"),
    Column("allowed", "Allowed"),
    Column("note", "Note", "prose"),
]
_OUTCOMES = {True: "passed", False: "warning", None: "not testable"}

_CONVENTIONS: Mapping[str, str] = {
    "nnls_sum_max": "shares by brightness: least squares with endmembers over their maxima, divided by the sum",
    "nnls_sum_raw": "least squares with the endmembers as they are, divided by the sum",
    "areal": "shares of area",
    "unknown": "not known: no convention reproduces them, or there are none",
}


def scene_section(facts: Mapping[str, Any], figure: FigureBlock, command: str) -> Section:
    """Return the section of one scene.

    Args:
        facts: its row of ``unmixing.scenes.facts``.
        figure: its picture.
        command: what rebuilds the file that the checks are read from.
    """
    identifier = str(facts["scene"]).replace("_", "-")
    return Section(
        f"scene-{identifier}",
        f"{facts['title']} ({facts['kind']})",
        [figure, Pairs(_description(facts)), TableBlock(_checks(facts), command)],
    )


def scene_sections(
    rows: pd.DataFrame, figures: Mapping[str, FigureBlock], commands: Mapping[str, str]
) -> list[Section]:
    """Return the sections of all scenes that were read, in the order of their figures.

    Args:
        rows: one row per scene (``unmixing.scenes.facts``).
        figures: pictures by scene.
        commands: by scene, what rebuilds the file of its facts.
    """
    facts = facts_by_scene(rows)
    return [scene_section(facts[scene], figure, commands[scene]) for scene, figure in figures.items() if scene in facts]


def _description(facts: Mapping[str, Any]) -> dict[str, str]:
    references = f"{facts['endmembers']} ({facts['names']})" if facts["has_endmembers"] else "none"
    convention = str(facts["abundance_convention"])
    abundances = f"{convention}: {_CONVENTIONS.get(convention, 'as stated')}" if facts["has_abundances"] else "none"
    unknown = facts["wavelength_source"] == "unknown"
    axis = f"{facts['wavelength_first']:.0f} to {facts['wavelength_last']:.0f} nm, {facts['wavelength_source']}"
    described = {
        "Size": f"{facts['rows']} x {facts['cols']} pixels, {facts['bands']} bands",
        "Values": "reflectance" if facts["scale"] == "reflectance" else "relative: an unknown multiple of reflectance",
        "Wavelengths": "unknown: band numbers stand in" if unknown else axis,
        "Reference endmembers": references,
        "Reference abundances": abundances,
        "Truth": facts["truth"],
        "Endmembers looked for": _count(facts),
        "Coordinates": "carried to the maps" if facts["georeferenced"] else "none in the file",
        "Source": facts["source_file"] or "made by this study",
        "Checksum (sha256)": facts["source_sha256"],
        "Licence": facts["licence"] or "none stated",
        "Citation": facts["citation"],
    }
    return {name: str(text) for name, text in described.items() if text}


def _count(facts: Mapping[str, Any]) -> str:
    if not facts["endmember_count_source"]:
        return ""
    warning = f"; {facts['endmember_count_warning']}" if facts["endmember_count_warning"] else ""
    return f"{facts['endmembers']} ({facts['endmember_count_source']}){warning}"


def _checks(facts: Mapping[str, Any]) -> Table:
    records = [{**check, "outcome": _OUTCOMES[check["passed"]]} for check in json.loads(facts["checks"] or "[]")]
    return Table(
        name=f"checks_{facts['scene']}",
        title=f"Checks of {facts['title']}",
        caption="What was tested before the scene was used; a scene that fails is refused.",
        frame=typed_frame(records, [], _CHECK_COLUMNS),
        columns=_CHECK_COLUMNS,
        scale="the scene as read, no training",
        n=f"{len(records)} checks",
        provenance={"scene": facts["scene"], "source_sha256": facts["source_sha256"]},
    )
