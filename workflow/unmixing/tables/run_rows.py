"""Summaries of run rows that several tables share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from unmixing.errors import UnmixingError
from unmixing.statistics import mean_interval, rate_interval
from unmixing.tables.forms import Column
from unmixing.tables.scene_rows import SceneRow, order_protocols

#: Endings of a run that leave numbers; a diverged run has none.
SCORED = ("ok", "collapsed")

#: The paper's scale of the baseline (sections 3.1.1 and 4.1).
PAPER_SCALE: Mapping[str, float] = {
    "runs": 25,
    "epochs": 320,
    "patches": 250,
    "patch_size": 40,
    "batch_size": 15,
    "learning_rate": 0.003,
}

NO_REFERENCE = "SAD cannot be had: the scene has no reference endmembers"


def groups(rows: pd.DataFrame, scenes: Sequence[SceneRow]) -> Iterator[tuple[SceneRow, str, pd.DataFrame]]:
    """Yield what stands in each printed row: a scene, a protocol and the rows of its runs.

    A scene of the study appears under every protocol of the study, another scene once with protocol "".

    Args:
        rows: One per run and endmember, with columns scene and protocol.
        scenes: In printed order.

    Raises:
        UnmixingError: If a scene and protocol mix several settings, which have no common mean.
    """
    if rows.empty:
        yield from ((scene, "", rows) for scene in scenes)
        return
    protocols = order_protocols(rows["protocol"].tolist())
    for scene in scenes:
        of_scene = rows[rows["scene"] == scene.scene]
        if of_scene.empty and not (scene.available and scene.in_study):
            yield scene, "", of_scene
            continue
        for protocol in protocols:
            chosen = of_scene[of_scene["protocol"] == protocol]
            settings = sorted(set(chosen["setting"]))
            if len(settings) > 1:
                raise UnmixingError(
                    f"rows of {scene.scene} ({protocol}) mix the settings {', '.join(settings)}: choose one"
                )
            yield scene, protocol, chosen


def of_phase(rows: pd.DataFrame, phase: str) -> pd.DataFrame:
    """Return the rows of one phase; rows of several phases can stand in one frame."""
    return rows[rows["phase"] == phase] if len(rows) else rows


def on_scene(rows: pd.DataFrame, scene: str, protocol: str) -> pd.DataFrame:
    """Return the rows of one scene under one protocol; a frame without rows may lack these columns."""
    return rows[(rows["scene"] == scene) & (rows["protocol"] == protocol)] if len(rows) else rows


def plan_of(scale: Mapping[str, Mapping[str, Any]], scene: str, phase: str) -> Mapping[str, Any]:
    """Return the planned scale of a phase beyond the baseline on a scene; empty if it is not told."""
    plan: Mapping[str, Any] = scale.get(scene, {}).get(phase) or {}
    return plan


def scored(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of runs that have numbers."""
    return rows[rows["status"].isin(SCORED)]


def was_found(rows: pd.DataFrame) -> pd.Series[bool]:
    """Return whether each row's endmember was found; unknown (diverged, no reference) counts as not found."""
    return rows["found"].astype("boolean").fillna(False).astype(bool)


def run_means(rows: pd.DataFrame, column: str = "sad_rad") -> np.ndarray:
    """Return the mean over endmembers of each scored run, in order of run.

    Args:
        rows: One per run and endmember.
        column: What to average.

    Returns:
        Float64 of shape (runs,).
    """
    return scored(rows).groupby("run")[column].mean().sort_index().to_numpy(np.float64)


def count_status(rows: pd.DataFrame) -> dict[str, int]:
    """Return the number of runs that ended ok, diverged and collapsed."""
    status = rows.groupby("run")["status"].first()
    return {name: int((status == name).sum()) for name in ("ok", "diverged", "collapsed")}


def describe_scale(scale: Mapping[str, Any]) -> str:
    """Return a scene's scale in words, naming only what is known."""
    parts = [f"{scale[key]} {key}" for key in ("runs", "epochs", "patches") if key in scale]
    if "patch_size" in scale:
        parts.append(f"of {scale['patch_size']} x {scale['patch_size']} pixels")
    return ", ".join(parts).replace("patches, of", "patches of")


def is_paper_scale(rows: pd.DataFrame, scale: Mapping[str, Any]) -> bool:
    """Return whether runs, epochs and patches are the paper's, both as planned and as done."""
    if any(key in scale and scale[key] != value for key, value in PAPER_SCALE.items()):
        return False
    epochs = set(scored(rows)["epochs"])
    return rows["run"].nunique() == PAPER_SCALE["runs"] and epochs == {PAPER_SCALE["epochs"]}


def compare(rows: pd.DataFrame, scale: Mapping[str, Any], ours: float, published: float | None) -> dict[str, Any]:
    """Return difference and comparison: "same scale", or "indicative" where ours is not at the paper's scale.

    Args:
        rows: Rows of the runs behind our value.
        scale: The scene's planned scale.
        ours: Our SAD in radians.
        published: The paper's, None where it prints none for this very scene.
    """
    if published is None:
        return {}
    return {
        "difference": ours - published,
        "comparison": "same scale" if is_paper_scale(rows, scale) else "indicative",
    }


def describe_mean(values: np.ndarray) -> dict[str, Any]:
    """Return the interval of the mean, or the values themselves where there are too few for one.

    Args:
        values: One per run or independent draw, in radians, shape (n,).
    """
    interval = mean_interval(values)
    if interval is None:
        return {"run_values": " ".join(repr(float(value)) for value in values)}
    return {"interval_low": interval.low, "interval_high": interval.high}


def describe_rate(successes: int, total: int, prefix: str) -> dict[str, Any]:
    """Return the interval of a rate under `{prefix}_low` and `{prefix}_high`, nothing below five runs."""
    interval = rate_interval(successes, total)
    return {} if interval is None else {f"{prefix}_low": interval.low, f"{prefix}_high": interval.high}


def study_scale(scenes: Sequence[SceneRow], scale: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the one scale of all scenes of the study in words, or that they differ; "" if none is known."""
    found = {describe_scale(scale[scene.scene]) for scene in scenes if scene.in_study and scene.scene in scale}
    if len(found) > 1:
        return "differs between scenes: see Table 3"
    return found.pop() if found else ""


def join_distinct(values: pd.Series[Any]) -> str:
    """Return the distinct non-empty texts of a column, comma-separated."""
    return ", ".join(sorted({str(value) for value in values.dropna() if str(value)}))


def reasons(rows: pd.DataFrame) -> str:
    """Return why runs diverged or collapsed, each reason once with its number of runs."""
    failed = rows[rows["status"] != "ok"].drop_duplicates("run")
    counted = Counter(zip(failed["status"].astype(str), failed["reason"].astype(str), strict=True))
    return "; ".join(
        f"{count} {status}" + (f": {reason}" if reason else "") for (status, reason), count in sorted(counted.items())
    )


def count_notes(rows: pd.DataFrame) -> list[str]:
    """Return one note for each scene whose number of endmembers was estimated, with the method's warning."""
    if rows.empty or "endmember_count_warning" not in rows:
        return []
    warned = rows[rows["endmember_count_warning"].fillna("") != ""].drop_duplicates("scene")
    return [
        f"{scene}: {rows.loc[rows['scene'] == scene, 'endmember'].nunique()} endmembers were looked for, a number "
        f"estimated from the scene: {warning}."
        for scene, warning in zip(warned["scene"], warned["endmember_count_warning"], strict=True)
    ]


def study_runs(rows: pd.DataFrame, scenes: Sequence[SceneRow]) -> str:
    """Return the number of runs of every scene and protocol in words."""
    counts = [
        f"{scene.title} ({protocol}) {chosen['run'].nunique()} runs"
        for scene, protocol, chosen in groups(rows, scenes)
        if len(chosen)
    ]
    return "; ".join(counts) or "no runs"


def typed_frame(
    records: Sequence[Mapping[str, Any]], leading: Sequence[str], columns: Sequence[Column]
) -> pd.DataFrame:
    """Return records as a frame with every column present and typed, also where no record has a value.

    Args:
        records: One per printed row; what is absent is missing.
        leading: Columns of identifiers to put first.
        columns: Shown columns, whose keys and further keys follow in order.

    Returns:
        Texts as string, counts as Int64, all else as float64.
    """
    types: dict[str, str] = dict.fromkeys(leading, "string")
    for column in columns:
        types.setdefault(column.key, _type_of(column))
        for key in column.extra:
            types.setdefault(key, _EXTRA_TYPES.get(key, "float64"))
    types |= {key: "Int64" for key in ("endmember",) if key in types}
    return pd.DataFrame([{key: record.get(key) for key in types} for record in records], columns=list(types)).astype(
        types
    )


_EXTRA_TYPES = {
    "comparison": "string",
    "run_values": "string",
    **dict.fromkeys(("runs", "runs_described", "runs_released", "endmembers"), "Int64"),
}


def _type_of(column: Column) -> str:
    if column.format in ("count", "rate"):
        return "Int64"
    return "float64" if column.numeric else "string"
