"""The paper's text against its released code: the same runs under two protocols, compared in pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from unmixing.errors import UnmixingError
from unmixing.statistics import paired_comparison
from unmixing.tables.claims import CLAIMS_NOTE, judged_by
from unmixing.tables.forms import Column
from unmixing.tables.run_rows import (
    describe_rate,
    of_phase,
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
    Column("runs", "Pairs", "count", help="runs that have numbers under both protocols"),
    Column("described", "described", "angle", "rad", help="mean SAD as the paper describes the baseline"),
    Column("released", "released", "angle", "rad", help="mean SAD as its code was released"),
    Column("difference", "released − described", "difference", "rad", extra=("comparison",)),
    Column(
        "interval_low",
        "95 % interval",
        "interval",
        "rad",
        help="of the paired difference; below five pairs the differences themselves",
        extra=("interval_high", "run_values"),
    ),
    Column("p_value", "p", "angle", help="two-sided paired t test; one test a scene, not adjusted"),
    Column("detectable", "Detectable", "angle", "rad", help="true difference that so many pairs show with power .8"),
    Column("correlation", "Pairing correlation", "angle", help="realised, of the paired runs"),
    Column("variance_saved", "Variance saved", "angle", help="share of the difference's variance removed by pairing"),
    Column(
        "described_all",
        "Find all, described",
        "rate",
        extra=("runs_described", "described_low", "described_high"),
    ),
    Column("released_all", "Find all, released", "rate", extra=("runs_released", "released_low", "released_high")),
    Column("judged_by", "Judged by"),
    Column("reason", "Reason", "prose"),
]

NOTES = [
    "released differs from described in four fields at once: element-wise loss, BatchNorm without statistics, one set "
    "of initial weights for all runs, greedy matching. Which of them moves the figure is shown by flipping one at a "
    "time.",
    "Pairs: run r of both protocols sees the same patches in the same order with the same dropout; its initial "
    "weights are the same for run 0 alone, because released shares one set.",
    "One shared set of initial weights is a single draw: the interval does not hold over other draws.",
    CLAIMS_NOTE,
]


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Table:
    """Build the table of protocols.

    Args:
        rows: Run rows of the baseline phase; possibly empty.
        scenes: Availability records of all scenes.
        scale: By scene: runs, epochs, patches and patch_size of this study.
        provenance: Commit, versions, input checksums.

    Returns:
        One row for each scene with runs; a scene with runs under one protocol alone says so.
    """
    shown, baseline = scenes_to_show(scenes), of_phase(rows, "baseline")
    records = []
    for scene in shown:
        of_scene = baseline[baseline["scene"] == scene.scene] if len(baseline) else baseline
        if len(of_scene):
            common = common_of(scene)
            records.append(common | compare_protocols(of_scene, scene.scene))
    return Table(
        name="table_protocols",
        title="As described and as released: the baseline under both protocols",
        caption="Mean SAD of the baseline as the paper's text describes it and as its code was released, compared run "
        "by run; negative means that released has the smaller SAD.",
        frame=typed_frame(records, ["scene"], COLUMNS),
        columns=COLUMNS,
        notes=NOTES,
        scale=study_scale(shown, scale),
        n=study_runs(baseline, shown),
        provenance=provenance,
    )


def compare_protocols(rows: pd.DataFrame, scene: str) -> dict[str, Any]:
    """Compare the protocols on one scene.

    Args:
        rows: Baseline run rows of the scene under one or both protocols.
        scene: Scene id.
    """
    record: dict[str, Any] = {}
    means = {}
    for protocol in ("described", "released"):
        chosen = rows[rows["protocol"] == protocol]
        usable = scored(chosen)
        if usable.empty:
            continue
        total = int(chosen["run"].nunique())
        all_found = int(was_found(usable).groupby(usable["run"]).all().sum())
        record |= {f"{protocol}_all": all_found, f"runs_{protocol}": total, protocol: usable["sad_rad"].mean()}
        record |= describe_rate(all_found, total, protocol)
        means[protocol] = usable.groupby("run")["sad_rad"].mean()
    if len(means) < 2:
        return record | {"reason": "this study has runs under one protocol alone"}
    pairs = pd.concat(means, axis=1).dropna()
    try:
        found = paired_comparison(pairs["released"].to_numpy(np.float64), pairs["described"].to_numpy(np.float64))
    except UnmixingError:
        return record | {"reason": "no run has numbers under both protocols"}
    record |= {
        "runs": found.n,
        "difference": found.difference,
        "p_value": found.p_value,
        "detectable": found.detectable,
        "correlation": found.correlation,
        "variance_saved": found.variance_saved,
        "judged_by": judged_by(scene, found.n),
    }
    if found.interval is None:
        differences = pairs["released"] - pairs["described"]
        return record | {"run_values": " ".join(repr(float(value)) for value in differences)}
    return record | {"interval_low": found.interval.low, "interval_high": found.interval.high}
