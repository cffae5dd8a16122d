"""Which scenes a table or figure shows, and in which order.

The paper's six scenes always keep their place, so that a reader sees at once what is missing and why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from unmixing.errors import UnmixingError

#: Table 3 of the paper, top to bottom.
PAPER_SCENES: Mapping[str, str] = {
    "samson": "Samson",
    "urban4": "Urban4",
    "urban5": "Urban5",
    "urban6": "Urban6",
    "cuprite": "Cuprite",
    "jasper_ridge": "Jasper Ridge",
}

#: The order in which protocols stand side by side; others follow alphabetically.
PROTOCOLS = ("described", "released")


@dataclass(frozen=True)
class SceneRow:
    """One scene as a table or figure shows it.

    Attributes:
        scene: Identifier.
        title: Name for people.
        kind: real, crop, synthetic, semi-real or own.
        paper: Whether the paper prints values for this very scene.
        available: Whether its file is at hand.
        in_study: Whether the study trains on it.
        reason: Why nothing was computed, and where to put the file; empty when something was.
    """

    scene: str
    title: str
    kind: str
    paper: bool
    available: bool
    in_study: bool
    reason: str


def scenes_to_show(scenes: Sequence[Mapping[str, Any]]) -> list[SceneRow]:
    """Order the scenes: the paper's six as printed, then those that the study adds, as it lists them.

    Args:
        scenes: Availability records with the keys scene, title, kind, paper, available, in_study, reason.

    Returns:
        The six, whether listed or not, and every other scene of the study.

    Raises:
        UnmixingError: If a record lacks a key or a scene is listed twice.
    """
    known: dict[str, SceneRow] = {}
    for record in scenes:
        row = _scene_row(record)
        if row.scene in known:
            raise UnmixingError(f"scene {row.scene!r} is listed twice in the availability list: name it once")
        known[row.scene] = row
    ordered = [known.get(scene, unlisted(scene)) for scene in PAPER_SCENES]
    ordered += [row for row in known.values() if row.scene not in PAPER_SCENES and row.in_study]
    return ordered


def common_of(scene: SceneRow, protocol: str = "") -> dict[str, Any]:
    """Return what every row of a scene and protocol begins with."""
    return {"scene": scene.scene, "title": scene.title, "kind": scene.kind, "protocol": protocol or None}


def facts_by_scene(rows: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return the rows of ``unmixing.scenes.facts`` by scene, none for an empty frame."""
    records = [{str(key): value for key, value in record.items()} for record in rows.to_dict("records")]
    return {str(record["scene"]): record for record in records}


def order_protocols(found: Sequence[str]) -> list[str]:
    """Return the distinct protocols with `described` first, then `released`, then the rest."""
    distinct = set(found)
    return [name for name in PROTOCOLS if name in distinct] + sorted(distinct.difference(PROTOCOLS))


def _scene_row(record: Mapping[str, Any]) -> SceneRow:
    try:
        scene, available, in_study = str(record["scene"]), bool(record["available"]), bool(record["in_study"])
        reason = str(record["reason"] or "")
        if not reason and not available:
            reason = "its file is not at hand"
        elif not reason and not in_study:
            reason = "available, but not part of this study: add it to the study's scenes"
        return SceneRow(
            scene=scene,
            title=str(record["title"]),
            kind=str(record["kind"]),
            # Crops share a name with the paper's scene but not its pixels: only the six have printed values.
            paper=bool(record["paper"]) and scene in PAPER_SCENES,
            available=available,
            in_study=in_study,
            reason=reason,
        )
    except KeyError as error:
        raise UnmixingError(f"availability record {dict(record)!r} has no key {error}: see SceneRow for all") from None


def unlisted(scene: str) -> SceneRow:
    """Return one of the paper's six scenes as one that the study does not list."""
    return SceneRow(scene, PAPER_SCENES[scene], "real", True, False, False, "not in the list of scenes of this study")
