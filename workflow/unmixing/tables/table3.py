"""Table 3: the baseline's spectral angle distance per scene, the paper's values beside ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from unmixing.published import paper_values
from unmixing.statistics import standard_deviations
from unmixing.tables.claims import CLAIMS_NOTE, judged_by, reference_values
from unmixing.tables.forms import Column
from unmixing.tables.run_rows import (
    NO_REFERENCE,
    compare,
    count_notes,
    count_status,
    describe_mean,
    describe_rate,
    describe_scale,
    groups,
    join_distinct,
    of_phase,
    reasons,
    run_means,
    scored,
    study_runs,
    study_scale,
    typed_frame,
    was_found,
)
from unmixing.tables.scene_rows import SceneRow, common_of, scenes_to_show
from unmixing.tables.writing import Table

COLUMNS = [
    Column("title", "Scene"),
    Column("kind", "Kind", help="real, crop, synthetic, semi-real or own; a crop is not the paper's scene"),
    Column("protocol", "Protocol", help="described: as the paper says; released: as its public code does"),
    Column("paper_sad", "Paper SAD", "angle", "rad", help="mean as printed in the paper's Table 3"),
    Column("paper_std", "Paper STD", "angle", "rad", help="standard deviation as printed in the paper's Table 3"),
    Column("sad_mean", "Ours: SAD", "angle", "rad", help="mean over endmembers, then over runs"),
    Column(
        "difference",
        "Ours − paper",
        "difference",
        "rad",
        help="only for the paper's own scenes; indicative unless runs, epochs and patches are the paper's",
        extra=("comparison",),
    ),
    Column(
        "interval_low",
        "95 % interval",
        "interval",
        "rad",
        help="of the mean over runs; below five runs the runs themselves",
        extra=("interval_high", "run_values"),
    ),
    Column("judged_by", "Judged by", help="what so many runs of this scene allow to be judged, see the notes"),
    Column("chance_mean", "Chance", "angle", "rad", help="K random pixels as endmembers, mean over draws"),
    Column(
        "chance_best",
        "Chance, best draw",
        "angle",
        "rad",
        help="the best of the same draws, chosen with the truth (oracle): as many as `classical: runs`",
    ),
    Column(
        "mean_of_references",
        "Mean of references",
        "angle",
        "rad",
        help="the mean of the references, given for every endmember: no material is told from another",
    ),
    Column("floor", "Floor", "angle", "rad", help="mean spectrum of the pixels with an abundance above .95 (oracle)"),
    Column("paper_definition_std", "STD, paper's way", "angle", "rad", help="see the notes"),
    Column("run_mean_sd", "SD of run means", "angle", "rad", help="see the notes"),
    Column("sad_median", "Median", "angle", "rad", help="over the runs' means"),
    Column("late_mean", "Last 20 epochs", "angle", "rad", help="SAD averaged over the last 20 epochs"),
    Column("epoch_wander", "Epoch wander", "angle", "rad", help="deviation over the last 20 epochs"),
    Column(
        "reconstruction_angle",
        "Reconstruction",
        "angle",
        "rad",
        help="mean angle between the scene's pixels and their reconstruction; needs no reference",
    ),
    Column("found_mean", "Endmembers found", "share", help="mean over runs, see the notes", extra=("endmembers",)),
    Column(
        "successes",
        "Runs that find all",
        "rate",
        help="of all runs, diverged ones included; 95 % Wilson interval from five runs",
        extra=("runs", "success_low", "success_high"),
    ),
    Column("runs_ok", "n ok", "count", help="runs with a usable result"),
    Column("runs_diverged", "n diverged", "count", help="runs without numbers"),
    Column("runs_collapsed", "n collapsed", "count", help="runs in which two endmembers became one"),
    Column("scale", "Scale", "prose"),
    Column("uses_truth", "Uses truth", help="what of the ground truth the estimate or its score relied on"),
    Column("reason", "Reason", "prose", help="why something is missing"),
]

NOTES = [
    "SAD: angle in radians between estimated and reference endmember, after the last epoch. Endmembers are "
    "paired as the protocol says: described by optimal assignment, released greedily.",
    "STD, paper's way: population standard deviation (divisor n) over runs for each endmember, then averaged "
    "over endmembers; it is an upper bound of the population deviation of the run means.",
    "SD of run means: sample standard deviation (divisor n − 1) of the runs' means over endmembers.",
    "95 % interval of the mean: Student's t below 25 runs, BCa bootstrap from 25; below 5 runs no interval "
    "and no test, the runs' means are printed instead.",
    "Epoch wander: sample standard deviation of an endmember's SAD over the last 20 epochs, averaged over "
    "endmembers and runs.",
    "Chance, mean of references and floor give the angles of a scene their scale: an SAD near chance says that "
    "nothing was told apart, one near the floor that nothing better can be had from the scene's pixels.",
    CLAIMS_NOTE,
    "Found: SAD below half the angle from the endmember's reference to the nearest other reference.",
    "Collapsed runs count in every mean; diverged runs have no numbers and count as failures in the rate.",
    "Ours − paper is indicative unless runs, epochs and patches equal the paper's 25 runs of 320 epochs on "
    "250 patches of 40 x 40 pixels; crops, synthetic, semi-real and own scenes have no paper value.",
]


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Table:
    """Build Table 3.

    Args:
        rows: Run rows of the baseline phase, one per run and endmember, and those of the classical phase for the
            reference rows; possibly empty.
        scenes: Availability records of all scenes.
        scale: By scene: runs, epochs, patches and patch_size of this study.
        provenance: Commit, versions, input checksums.

    Returns:
        One row per scene and protocol: the paper's six scenes always, then the study's others.

    Raises:
        UnmixingError: If the rows of a scene and protocol mix several settings.
    """
    shown = scenes_to_show(scenes)
    paper = _paper_values()
    references = reference_values(rows)
    rows = of_phase(rows, "baseline")
    records = [
        {
            **common_of(scene, protocol),
            **_of_paper(scene, paper),
            **references.get(scene.scene, {}),
            **_of_runs(scene, chosen, paper, scale.get(scene.scene, {})),
        }
        for scene, protocol, chosen in groups(rows, shown)
    ]
    return Table(
        name="table3",
        title="Table 3: baseline reconstruction, spectral angle distance per scene",
        caption="Spectral angle distance (SAD) of the autoencoder trained on reconstruction alone, in "
        "radians. The paper's six scenes keep their rows even where this study has no data for them.",
        frame=typed_frame(records, ["scene"], COLUMNS),
        columns=COLUMNS,
        notes=NOTES + count_notes(rows) + _paper_notes(),
        scale=study_scale(shown, scale),
        n=study_runs(rows, shown),
        provenance=provenance,
    )


def _paper_values() -> dict[tuple[str, str], float]:
    values = paper_values(3)
    keys = zip(values["scene"], values["column"], strict=True)
    return dict(zip(keys, values["value"].astype(float), strict=True))


def _paper_notes() -> list[str]:
    """Return what must be known of a printed mean before ours is held against it."""
    values = paper_values(3)
    noted = values[(values["column"] == "average_sad") & (values["note"] != "")]
    return [f"Paper, {row.row_label}: {row.note}." for row in noted.itertuples()]


def _of_paper(scene: SceneRow, paper: Mapping[tuple[str, str], float]) -> dict[str, Any]:
    if not scene.paper:
        return {"paper_sad": None, "paper_std": None}
    return {
        "paper_sad": paper.get((scene.scene, "average_sad")),
        "paper_std": paper.get((scene.scene, "standard_deviation_std")),
    }


def _of_runs(
    scene: SceneRow, rows: pd.DataFrame, paper: Mapping[tuple[str, str], float], scale: Mapping[str, Any]
) -> dict[str, Any]:
    """Summarise the runs of one scene and protocol; without scored runs only counts and the reason."""
    if rows.empty:
        reason = scene.reason or "no finished runs: this protocol is not asked for here, or start the study again"
        return {"scale": describe_scale(scale) if scene.in_study else None, "reason": reason}
    counts = count_status(rows)
    total = sum(counts.values())
    record: dict[str, Any] = {
        "runs": total,
        "endmembers": int(rows["endmember"].nunique()),
        "scale": describe_scale(scale),
        "uses_truth": join_distinct(rows["uses_truth"]) or None,
        "reason": reasons(rows) or None,
        **{f"runs_{status}": count for status, count in counts.items()},
    }
    usable = scored(rows)
    if len(usable):
        record["reconstruction_angle"] = run_means(rows, "reconstruction_angle_rad").mean()
    if len(usable) and usable["sad_rad"].isna().all():
        return record | {"reason": NO_REFERENCE}
    found = was_found(usable).groupby(usable["run"]).sum()
    record["successes"] = int((found == record["endmembers"]).sum())
    record |= describe_rate(record["successes"], total, "success")
    if usable.empty:
        return record
    means = run_means(rows)
    record["judged_by"] = judged_by(scene.scene, len(means))
    published = paper.get((scene.scene, "average_sad")) if scene.paper else None
    record |= compare(rows, scale, float(means.mean()), published) | describe_mean(means)
    if len(means) > 1:
        spread = standard_deviations(usable.pivot(index="run", columns="endmember", values="sad_rad").to_numpy())
        record |= {"paper_definition_std": spread.paper, "run_mean_sd": spread.run_means}
    return record | {
        "sad_mean": means.mean(),
        "sad_median": np.median(means),
        "late_mean": run_means(rows, "sad_late_mean_rad").mean(),
        "epoch_wander": run_means(rows, "sad_late_sd_rad").mean(),
        "found_mean": found.mean(),
    }
