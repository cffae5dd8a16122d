"""How many runs an effect needs on each scene, and which effect the runs at hand can show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from unmixing.errors import UnmixingError
from unmixing.statistics import detectable_difference, nested_variance_components, rate_runs_needed, runs_needed
from unmixing.tables.claims import detectable, judged_by, scene_deviation
from unmixing.tables.forms import Column
from unmixing.tables.run_rows import of_phase, scored, study_runs, study_scale, typed_frame
from unmixing.tables.scene_rows import common_of, order_protocols, scenes_to_show
from unmixing.tables.writing import Table

EFFECTS = {"runs_005": 0.005, "runs_010": 0.01}
SIZES = (5, 10, 25)

COLUMNS = [
    Column("title", "Scene"),
    Column("kind", "Kind"),
    Column("protocol", "Protocol"),
    Column("deviation", "SD of a run mean", "angle", "rad"),
    Column("source", "From", help="measured from five runs; else the paper's STD, which is an upper bound"),
    Column("components", "Components", help="initial weights and the rest, where runs share weights"),
    Column("runs", "Runs at hand", "count"),
    Column("detectable", "Detectable with them", "angle", "rad", help="smallest true difference of two such arms"),
    *(Column(f"detectable_{n}", f"Detectable, n = {n}", "angle", "rad") for n in SIZES),
    Column("runs_005", "Runs for .005 rad", "count", help="in each of two arms"),
    Column("runs_010", "Runs for .01 rad", "count", help="in each of two arms"),
    Column("pairs_010", "Pairs for .01 rad", "count", help="of runs that share their streams, at correlation .5"),
    Column("judged_by", "Judged by"),
]


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Table:
    """Build the table of power.

    Args:
        rows: Run rows of the baseline phase; possibly empty.
        scenes: Availability records of all scenes.
        scale: By scene: runs, epochs, patches and patch_size of this study.
        provenance: Commit, versions, input checksums.

    Returns:
        One row per scene and protocol, protocol empty where the study has no runs of a scene.
    """
    records = []
    shown, baseline = scenes_to_show(scenes), of_phase(rows, "baseline")
    for scene in shown:
        of_scene = baseline[baseline["scene"] == scene.scene] if len(baseline) else baseline
        for protocol in order_protocols(of_scene["protocol"].tolist()) if len(of_scene) else [""]:
            chosen = of_scene[of_scene["protocol"] == protocol] if protocol else of_scene
            records.append(common_of(scene, protocol) | power(chosen, scene.scene, scene.paper))
    better, worse = 0.8, 0.5
    return Table(
        name="table_power",
        title="How many runs does an effect need?",
        caption="Runs needed for an effect on the mean SAD, and the effect that the runs at hand can show: two-sided t "
        "test at 5 %, power .8.",
        frame=typed_frame(records, ["scene"], COLUMNS),
        columns=COLUMNS,
        notes=[
            "Below five runs a measured deviation is too uncertain: the paper's STD stands in (its Table 3, brought to "
            "divisor n - 1), an upper bound of the deviation of a run mean.",
            "Components: variance between sets of initial weights and variance of the rest (patches, shuffling, "
            "dropout together), estimated where several runs share weights and several sets exist; where every run "
            "draws all its streams anew only their sum is known.",
            f"Success rates: to tell {worse} from {better} takes {rate_runs_needed(worse, better)} runs in each arm, "
            f"{worse} from .7 {rate_runs_needed(worse, 0.7)}. Jasper Ridge and Urban6 are judged by them.",
            "`unmixing power --help` computes other effects, designs and families of tests.",
        ],
        scale=study_scale(shown, scale),
        n=study_runs(baseline, shown),
        provenance=provenance,
    )


def power(rows: pd.DataFrame, scene: str, paper: bool) -> dict[str, Any]:
    """Return one scene's row: deviation, where it comes from, what it takes and what can be shown.

    Args:
        rows: Baseline run rows of one scene and protocol, possibly empty.
        scene: Scene id.
        paper: Whether the paper prints values for this very scene.
    """
    known = scene_deviation(rows, scene, paper)
    if known is None:
        return {"source": "no runs and no printed value", "runs": 0}
    deviation, source, runs = known
    record: dict[str, Any] = {
        "deviation": deviation,
        "source": source,
        "components": components(rows),
        "runs": runs,
        "detectable": detectable(deviation, runs),
        "judged_by": judged_by(scene, runs),
        **{f"detectable_{n}": detectable_difference(deviation, n) for n in SIZES},
    }
    for key, effect in EFFECTS.items():
        record[key] = runs_needed(effect, deviation)
    record["pairs_010"] = runs_needed(0.01, deviation, design="pairs", correlation=0.5)
    return record


def components(rows: pd.DataFrame) -> str:
    """Return the variance components of runs in words, as standard deviations."""
    usable = scored(rows) if len(rows) else rows
    if usable.empty or "seed_initialisation" not in usable:
        return ""
    runs = usable.groupby("run").agg(sad=("sad_rad", "mean"), weights=("seed_initialisation", "first"))
    if runs["sad"].isna().any():
        return ""
    if runs["weights"].nunique() == 1 and len(runs) > 1:
        return f"one set of initial weights: rest {runs['sad'].std(ddof=1):.4f}"
    try:
        found = nested_variance_components(
            runs["sad"].to_numpy(np.float64), {"initial weights": runs["weights"].tolist()}
        )
    except UnmixingError:
        return "only their sum: every run has weights of its own" if len(runs) > 1 else ""
    return ", ".join(f"{component.name} {component.deviation:.4f}" for component in found)
