"""Spectral angle distance of each endmember: which materials carry a scene's mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from unmixing.published import paper_values
from unmixing.tables.forms import Column
from unmixing.tables.run_rows import (
    NO_REFERENCE,
    compare,
    describe_mean,
    describe_rate,
    groups,
    scored,
    study_runs,
    study_scale,
    typed_frame,
    was_found,
)
from unmixing.tables.scene_rows import common_of, scenes_to_show
from unmixing.tables.writing import Table

COLUMNS = [
    Column("title", "Scene"),
    Column("kind", "Kind"),
    Column("protocol", "Protocol"),
    Column("name", "Endmember", help="name of the reference"),
    Column(
        "paper_sad",
        "Paper SAD",
        "angle",
        "rad",
        help="Table 6, row Original Results; printed for Samson alone",
    ),
    Column("sad_mean", "Ours: SAD", "angle", "rad", help="mean over runs"),
    Column("difference", "Ours − paper", "difference", "rad", extra=("comparison",)),
    Column("sad_sd", "SD over runs", "angle", "rad", help="sample standard deviation, divisor n − 1"),
    Column("sad_median", "Median", "angle", "rad"),
    Column(
        "interval_low",
        "95 % interval",
        "interval",
        "rad",
        help="of the mean over runs; below five runs the runs themselves",
        extra=("interval_high", "run_values"),
    ),
    Column("epoch_wander", "Epoch wander", "angle", "rad", help="deviation over the last 20 epochs"),
    Column(
        "found",
        "Found",
        "rate",
        help="runs in which it was found; 95 % Wilson interval from five runs",
        extra=("runs", "found_low", "found_high"),
    ),
    Column("reason", "Reason", "prose"),
]

NOTES = [
    "SAD: angle in radians between estimated and reference endmember, after the last epoch. Endmembers are "
    "paired as the protocol says: described by optimal assignment, released greedily.",
    "SD over runs: sample standard deviation (divisor n − 1); the paper's own STD has divisor n.",
    "95 % interval of the mean: Student's t below 25 runs, BCa bootstrap from 25; below 5 runs no interval "
    "and no test, the runs are printed instead.",
    "Found: SAD below half the angle from its reference to the nearest other reference; of all runs, "
    "diverged ones included.",
    "Collapsed runs count in every mean; diverged runs have no numbers.",
    "Paper values of Samson: Table 6, row Original Results, in the order of the references (rock or soil, "
    "tree, water). The paper's row of Urban4 in that table is its baseline under another label; its "
    "endmembers are not named, so they are not set beside ours.",
]


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Table:
    """Build the table of endmembers.

    Args:
        rows: Run rows of the baseline phase, one per run and endmember; possibly empty.
        scenes: Availability records of all scenes.
        scale: By scene: runs, epochs, patches and patch_size of this study.
        provenance: Commit, versions, input checksums.

    Returns:
        One row per scene, protocol and endmember, and one row with its reason per scene without runs.

    Raises:
        UnmixingError: If the rows of a scene and protocol mix several settings.
    """
    records: list[dict[str, Any]] = []
    paper = _paper_values()
    shown = scenes_to_show(scenes)
    for scene, protocol, chosen in groups(rows, shown):
        common = common_of(scene, protocol)
        published = paper.get(scene.scene, ()) if scene.paper else ()
        if chosen.empty:
            reason = scene.reason or "no finished runs: this protocol is not asked for here, or start the study again"
            names = _names(rows, scene.scene)
            records += [
                common
                | {
                    "endmember": index,
                    "name": names.get(index, f"reference {index}"),
                    "paper_sad": value,
                    "reason": reason,
                }
                for index, value in enumerate(published, start=1)
            ] or [common | {"reason": reason}]
            continue
        for position, index in enumerate(sorted({int(value) for value in chosen["endmember"]})):
            of_one = chosen[chosen["endmember"] == index]
            # A scene with another number of references than the paper's is not the paper's scene.
            comparable = len(published) == chosen["endmember"].nunique()
            value = published[position] if comparable else None
            record = common | {"endmember": index, "name": of_one["name"].iloc[0]}
            records.append(record | _of_endmember(of_one, value, scale.get(scene.scene, {})))
    return Table(
        name="table_endmembers",
        title="Endmembers of the baseline: spectral angle distance, each by itself",
        caption="Spectral angle distance (SAD) of each endmember under the baseline, in radians. A scene's "
        "mean in Table 3 can hide one endmember that is never found.",
        frame=typed_frame(records, ["scene", "endmember"], COLUMNS),
        columns=COLUMNS,
        notes=list(NOTES),
        scale=study_scale(shown, scale),
        n=study_runs(rows, shown),
        provenance=provenance,
    )


def _paper_values() -> dict[str, tuple[float, ...]]:
    """Return the paper's per-endmember baseline values by scene, in the order of the references."""
    values = paper_values(6)
    chosen = values[(values["row_label"] == "Original Results") & values["column"].str.fullmatch(r"avg_e\d+")]
    return {
        str(scene): tuple(float(value) for value in rows.sort_values("column")["value"].dropna())
        for scene, rows in chosen.groupby("scene")
    }


def _names(rows: pd.DataFrame, scene: str) -> dict[int, str]:
    """Return names by endmember from the scene's runs under any protocol; without runs none is known."""
    if rows.empty:
        return {}
    of_scene = rows[rows["scene"] == scene].drop_duplicates("endmember")
    return {int(index): str(name) for index, name in zip(of_scene["endmember"], of_scene["name"], strict=True)}


def _of_endmember(rows: pd.DataFrame, published: float | None, scale: Mapping[str, Any]) -> dict[str, Any]:
    """Summarise one endmember's rows, one per run."""
    total = len(rows)
    usable = scored(rows).sort_values("run")
    if len(usable) and usable["sad_rad"].isna().all():
        return {"runs": total, "reason": NO_REFERENCE}
    record: dict[str, Any] = {"paper_sad": published, "runs": total, "found": int(was_found(usable).sum())}
    record |= describe_rate(record["found"], total, "found")
    if usable.empty:
        return record | {"reason": "every run diverged: see Table 3"}
    angles = usable["sad_rad"].to_numpy(np.float64)
    record |= compare(rows, scale, float(angles.mean()), published) | describe_mean(angles)
    return record | {
        "sad_mean": angles.mean(),
        "sad_sd": angles.std(ddof=1) if len(angles) > 1 else None,
        "sad_median": np.median(angles),
        "epoch_wander": usable["sad_late_sd_rad"].mean(),
    }
