"""Table 1: the scenes as the paper describes them, beside what the scenes themselves say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from unmixing.published import paper_values
from unmixing.tables.forms import Column, is_missing
from unmixing.tables.run_rows import typed_frame
from unmixing.tables.scene_rows import SceneRow, common_of, facts_by_scene, scenes_to_show
from unmixing.tables.writing import Table

COLUMNS = [
    Column("title", "Scene"),
    Column("kind", "Kind", help="real, crop, synthetic, semi-real or own; a crop is not the paper's scene"),
    Column("paper_bands", "Paper: bands", "count"),
    Column("bands", "Bands", "count", help="of the file"),
    Column("paper_endmembers", "Paper: K", "count"),
    Column("endmembers", "K", "count", help="reference endmembers, or those to look for where there are none"),
    Column("size", "Size", help="rows x columns, pixels"),
    Column("smallest_reference_angle", "Smallest angle", "angle", "rad", help="between two reference endmembers"),
    Column(
        "within_class_angle",
        "Within class",
        "angle",
        "rad",
        help="angle of pure pixels (abundance above .95) to their mean, averaged: spectral variability",
    ),
    Column(
        "separability",
        "Separability",
        "number",
        help="half the smallest angle over the angle within class: above 1, classes are apart by more than they spread",
    ),
    Column("mixed_share", "Mixed", "number", help="share of pixels with two or more materials above .05"),
    Column(
        "residual_angle",
        "LMM residual",
        "angle",
        "rad",
        help="mean angle of the pixels to the mixture of references by reference abundances (linear mixing model)",
    ),
    Column("paper_description", "Paper: description", "prose"),
    Column("tested", "The description, tested", "prose", help="against the figures of this row"),
    Column("reason", "Reason", "prose", help="why something is missing"),
]

NOTES = [
    "Paper columns: as printed in the paper's Table 1; all else is measured on the files that were read. Crops, "
    "synthetic, semi-real and own scenes have no paper values.",
    "Smallest angle, within class and LMM residual rest on the references, which for the real scenes are themselves "
    "estimates; a reference without abundances leaves the last two open.",
    "A description is tested only where a figure can contradict it.",
]

Facts = Mapping[str, Any]


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Table:
    """Build Table 1.

    Args:
        rows: one row for each scene that was read (``unmixing.scenes.facts``), possibly empty.
        scenes: availability records of all scenes.
        scale: not used; scenes do not depend on it.
        provenance: commit, versions, input checksums.

    Returns:
        One row per scene: the paper's six always, then the study's others.
    """
    del scale
    known = facts_by_scene(rows)
    shown = scenes_to_show(scenes)
    return Table(
        name="table1",
        title="Table 1: the scenes, as described and as measured",
        caption="The paper's scenes as its Table 1 describes them, beside what the files say: size, number of "
        "references, how far apart these are, how much a class varies, and how far pixels lie from their mixture.",
        frame=typed_frame([_record(scene, known.get(scene.scene), known) for scene in shown], ["scene"], COLUMNS),
        columns=COLUMNS,
        notes=list(NOTES),
        scale="scenes as read, no training",
        n=f"{len(known)} of {len(shown)} scenes read",
        provenance=provenance,
    )


def _record(scene: SceneRow, facts: Facts | None, known: Mapping[str, Facts]) -> dict[str, Any]:
    record = common_of(scene) | _printed(scene)
    if facts is None:
        tested = "not testable here" if record.get("paper_description") else None
        return record | {"reason": scene.reason or "not read yet: start the study again", "tested": tested}
    record |= {
        key: facts[key]
        for key in ("bands", "endmembers", "smallest_reference_angle", "within_class_angle", "residual_angle")
    }
    record |= {
        "size": f"{facts['rows']} x {facts['cols']}",
        "separability": separability(facts),
        "mixed_share": None if is_missing(facts["materials_1"]) else 1 - facts["materials_1"],
        "reason": _lacking(facts),
    }
    test = DESCRIPTIONS.get(scene.scene) if scene.paper else None
    return record | {"tested": test(facts, known) if test else None}


def _printed(scene: SceneRow) -> dict[str, Any]:
    if not scene.paper:
        return {}
    values = paper_values(1)
    chosen = values[values["scene"] == scene.scene].set_index("column")
    return {
        "paper_bands": chosen.loc["bands", "value"],
        "paper_endmembers": chosen.loc["endmembers", "value"],
        "paper_description": str(chosen.loc["description", "value_text"]),
    }


def separability(facts: Facts) -> float | None:
    """Return half the smallest angle between references over the angle within class, None where one is unknown."""
    between, within = facts["smallest_reference_angle"], facts["within_class_angle"]
    return None if is_missing(between) or is_missing(within) or within == 0 else float(between / 2 / within)


def _lacking(facts: Facts) -> str | None:
    if not facts["has_endmembers"]:
        return "no reference endmembers: angles between and within classes cannot be had"
    if not facts["has_abundances"]:
        return "no reference abundances: variability and residual cannot be had"
    return None


def _counted(facts: Facts, wanted: int) -> str:
    return f"{facts['endmembers']} references, {'as' if facts['endmembers'] == wanted else 'not as'} described"


def _separable(facts: Facts, known: Mapping[str, Facts]) -> str:
    ratio = separability(facts)
    if ratio is None:
        return "not testable: no reference abundances"
    verdict = "holds" if ratio > 1 else "does not hold"
    return (
        f"separable: {verdict}, the nearest two references are {facts['smallest_reference_angle']:.2f} rad apart and "
        f"classes spread {facts['within_class_angle']:.3f} rad; {_rank(facts, known)}"
    )


def _rank(facts: Facts, known: Mapping[str, Facts]) -> str:
    others = [other["smallest_reference_angle"] for other in known.values() if other["kind"] == "real"]
    angles = [angle for angle in others if not is_missing(angle)]
    wider = sum(angle > facts["smallest_reference_angle"] for angle in angles)
    return f"rank {wider + 1} of {len(angles)} real scenes read, widest first"


def _well_defined(facts: Facts, known: Mapping[str, Facts]) -> str:
    return (
        f"well-defined: does not fit references only {facts['smallest_reference_angle']:.2f} rad apart "
        f"({_rank(facts, known)}); minimal variability: not testable, the scene has no reference abundances"
    )


def _mixtures(facts: Facts, known: Mapping[str, Facts]) -> str:
    mixed = 1 - facts["materials_1"]
    real = [1 - other["materials_1"] for other in known.values() if other["kind"] == "real"]
    shares = [share for share in real if not is_missing(share)]
    more = sum(share > mixed for share in shares)
    return (
        f"complex mixtures: {mixed:.0%} of the pixels hold two or more materials (rank {more + 1} of {len(shares)} "
        f"real scenes read), {facts['materials_3'] + facts['materials_4']:.0%} three or more; references: "
        f"{facts['names']}"
    )


def _four_materials(facts: Facts, known: Mapping[str, Facts]) -> str:
    del known
    concrete = "concrete" in str(facts["names"]).lower()
    return (
        f"{_counted(facts, 4)} ({facts['names']}); concrete {'is' if concrete else 'is not'} among them, two "
        "of the four are plants"
    )


def _like_urban4(facts: Facts, known: Mapping[str, Facts]) -> str:
    other = known.get("urban4")
    if other is None:
        return f"{_counted(facts, 5)}; similar to Urban4: not testable here"
    angles = [record["smallest_reference_angle"] for record in (facts, other)]
    return f"{_counted(facts, 5)}; similar to Urban4: smallest angle {angles[0]:.2f} rad against {angles[1]:.2f}"


def _most_complex(facts: Facts, known: Mapping[str, Facts]) -> str:
    ratios = {key: separability(known[key]) for key in ("urban4", "urban5", "urban6") if key in known}
    if len(ratios) < 3 or any(value is None for value in ratios.values()):
        return f"{_counted(facts, 6)}; most complex: not testable here without Urban4 and Urban5"
    listed = ", ".join(f"{key} {value:.2f}" for key, value in ratios.items())
    least = min(ratios, key=lambda key: ratios[key] or 0.0)
    return f"{_counted(facts, 6)}; hardest to separate: {'holds' if least == 'urban6' else f'no, {least}'} ({listed})"


#: What the paper's Table 1 says of each scene, as a test on the scenes' figures.
DESCRIPTIONS: Mapping[str, Callable[[Facts, Mapping[str, Facts]], str]] = {
    "samson": _separable,
    "cuprite": _well_defined,
    "jasper_ridge": _mixtures,
    "urban4": _four_materials,
    "urban5": _like_urban4,
    "urban6": _most_complex,
}
