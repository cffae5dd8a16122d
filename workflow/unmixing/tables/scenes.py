"""Statistics of the study's scenes beside the range of the real scenes of this field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from unmixing.scenes.scene_statistics import REAL_RANGES, STATISTICS, outside_real_range
from unmixing.tables.forms import Column, is_missing
from unmixing.tables.run_rows import typed_frame
from unmixing.tables.scene_rows import facts_by_scene, scenes_to_show
from unmixing.tables.writing import Table

_FIRST = Column("meaning", "Statistic", "prose")
_LAST = [
    Column("real_low", "Real scenes: lowest", "number"),
    Column("real_high", "Real scenes: highest", "number"),
    Column("made", "Made scenes", "prose", help="whether synthetic and semi-real scenes lie within the real range"),
]

NOTES = [
    "Real scenes: lowest and highest value over Samson, Jasper Ridge, the Urban crop with its three references, the "
    "reference abundances of the full Urban scene and, for the angle between references, Cuprite; rounded outwards.",
    "Signal to noise: from the regression of each band on all others, an upper bound.",
    "Lags over a whole scene grow with its size, so scenes are compared by those within windows of 40 pixels.",
    "A dash: the scene lacks the references that the figure needs.",
]


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Table:
    """Build the table of scene statistics.

    Args:
        rows: one row for each scene that was read (``unmixing.scenes.facts``), possibly empty.
        scenes: availability records of all scenes.
        scale: not used; scenes do not depend on it.
        provenance: commit, versions, input checksums.

    Returns:
        One row per statistic, one column per scene, the range of the real scenes, and which made scenes leave it.
    """
    del scale
    shown = scenes_to_show(scenes)
    records = facts_by_scene(rows)
    known = {scene: records[scene.scene] for scene in shown if scene.scene in records}
    made = {scene.title: facts for scene, facts in known.items() if facts["kind"] in ("synthetic", "semi-real")}
    outside = {title: set(outside_real_range(facts)) for title, facts in made.items()}
    columns = [
        _FIRST,
        *(Column(scene.scene, f"{scene.title} ({scene.kind})", "number") for scene in known),
        *_LAST,
    ]
    table = []
    for key, meaning in STATISTICS.items():
        low, high = REAL_RANGES.get(key, (None, None))
        table.append(
            {
                "statistic": key,
                "meaning": meaning,
                **{scene.scene: facts[key] for scene, facts in known.items()},
                "real_low": low,
                "real_high": high,
                "made": _judged(key, made, outside),
            }
        )
    missing = [f"{scene.title}: {scene.reason}" for scene in shown if scene.in_study and scene.scene not in records]
    return Table(
        name="table_scenes",
        title="Scene statistics: made scenes beside real ones",
        caption="What the scenes are like: purity, mixtures, how far the ground stays alike, noise by band, "
        "brightness, variability within a class. A made scene is as good as it lies within the range of real ones.",
        frame=typed_frame(table, ["statistic"], columns),
        columns=columns,
        notes=NOTES + [f"Without figures: {line}." for line in missing],
        scale="scenes as read, no training",
        n=f"{len(known)} scenes",
        provenance=provenance,
    )


def _judged(key: str, made: Mapping[str, Mapping[str, Any]], outside: Mapping[str, set[str]]) -> str | None:
    """Return in words which made scenes lie outside the real range of a statistic."""
    if not made:
        return None
    if key in ("lag_shortest", "lag_longest"):
        return "not compared: grows with the scene"
    strays = [
        f"{title} ({'no figure' if is_missing(made[title][key]) else f'{made[title][key]:.3g}'})"
        for title in made
        if key in outside[title]
    ]
    return f"outside: {', '.join(strays)}" if strays else "inside"
