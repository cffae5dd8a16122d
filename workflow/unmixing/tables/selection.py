"""Choosing a run without the truth: by the angle between its endmembers, or by how well it reconstructs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from unmixing.classical.methods import METHODS
from unmixing.statistics import rank_correlation, rank_correlation_interval
from unmixing.statistics.intervals import MINIMUM_RUNS
from unmixing.tables.forms import Column
from unmixing.tables.run_rows import of_phase, scored, study_runs, study_scale, typed_frame
from unmixing.tables.scene_rows import common_of, order_protocols, scenes_to_show
from unmixing.tables.writing import Table

#: Criterion: column of the run rows, whether the largest value is chosen.
CRITERIA = {"collapse": ("collapse_angle_rad", True), "reconstruction": ("reconstruction_angle_rad", False)}

COLUMNS = [
    Column("title", "Scene"),
    Column("kind", "Kind"),
    Column("method", "Model"),
    Column("runs", "n", "count"),
    Column("sad_mean", "Mean over runs", "angle", "rad", help="SAD of a run taken blindly, on average"),
    Column(
        "collapse_sad", "By smallest angle", "angle", "rad", help="SAD of the run whose closest endmembers differ most"
    ),
    Column("collapse_rank", "Rank correlation, smallest angle", help="Spearman with SAD; helpful where negative"),
    Column("reconstruction_sad", "By reconstruction", "angle", "rad", help="SAD of the run that reconstructs best"),
    Column("reconstruction_rank", "Rank correlation, reconstruction", help="Spearman with SAD; helpful where positive"),
    Column("oracle_sad", "Best run (oracle)", "angle", "rad", help="chosen by its SAD, with the truth"),
]

NOTES = [
    "The smallest angle between two estimated endmembers and the mean angle between pixels and reconstruction need no "
    "truth; the SAD that they are held against does.",
    "Rank correlation: Spearman's, over runs, with its 95 % interval (Bonett and Wright 2000); below 5 runs none.",
    "A run chosen and scored on the same runs is a description, no test of the criterion.",
]


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Table:
    """Build the table of label-free selection.

    Args:
        rows: Run rows of the baseline phase and of the classical phase; possibly empty.
        scenes: Availability records of all scenes.
        scale: By scene: runs, epochs, patches and patch_size of this study.
        provenance: Commit, versions, input checksums.

    Returns:
        One row per scene and model with several runs and references.
    """
    shown = scenes_to_show(scenes)
    records = []
    for scene in shown:
        of_scene = rows[rows["scene"] == scene.scene] if len(rows) else rows
        common = common_of(scene)
        records += [common | {"method": name} | chosen for name, runs in _models(of_scene) if (chosen := select(runs))]
    return Table(
        name="table_selection",
        title="Choosing a run without the truth",
        caption="SAD of the run that each label-free criterion would choose, beside the mean over runs and the best "
        "run, which only the truth finds.",
        frame=typed_frame(records, ["scene"], COLUMNS),
        columns=COLUMNS,
        notes=NOTES,
        scale=study_scale(shown, scale),
        n=study_runs(of_phase(rows, "baseline"), shown),
        provenance=provenance,
    )


def _models(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    trained, classical = of_phase(rows, "baseline"), of_phase(rows, "classical")
    for protocol in order_protocols(trained["protocol"].tolist()) if len(trained) else []:
        yield f"CNNAEU, {protocol}", trained[trained["protocol"] == protocol]
    for name, method in METHODS.items():
        if method.role == "method" and method.stream and len(classical):
            yield method.title, classical[classical["setting"] == name]


def select(rows: pd.DataFrame) -> dict[str, Any]:
    """Return what each criterion would choose among the runs of one model on one scene; empty without a score.

    Args:
        rows: Run rows, one per run and endmember.
    """
    usable = scored(rows) if len(rows) else rows
    if usable.empty or usable["sad_rad"].isna().any():
        return {}
    columns = [column for column, _ in CRITERIA.values()]
    runs = usable.groupby("run").agg(sad=("sad_rad", "mean"), **{name: (name, "first") for name in columns})
    record: dict[str, Any] = {"runs": len(runs), "sad_mean": runs["sad"].mean(), "oracle_sad": runs["sad"].min()}
    if len(runs) < 2:
        return {}
    for name, (column, largest) in CRITERIA.items():
        known = runs.dropna(subset=[column])
        if len(known):
            place = int(known[column].argmax() if largest else known[column].argmin())
            record[f"{name}_sad"] = float(known["sad"].iloc[place])
        record[f"{name}_rank"] = _rank(known["sad"], known[column])
    return record


def _rank(sad: pd.Series[float], criterion: pd.Series[float]) -> str:
    if len(sad) < MINIMUM_RUNS:
        return f"n < {MINIMUM_RUNS}"
    correlation = rank_correlation(criterion.to_numpy(), sad.to_numpy())
    if correlation is None:
        return "runs do not differ"
    interval = rank_correlation_interval(correlation, len(sad))
    bounds = "" if interval is None else f" ({interval[0]:+.2f} to {interval[1]:+.2f})"
    return f"{correlation:+.2f}{bounds}".replace("-", "−")
