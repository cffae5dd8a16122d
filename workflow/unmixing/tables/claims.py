"""What a number of runs allows to be claimed, and by which figure a scene is judged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from unmixing.published import paper_values
from unmixing.statistics import detectable_difference
from unmixing.statistics.intervals import MINIMUM_RUNS
from unmixing.tables.run_rows import of_phase, run_means

#: Runs of these scenes fall into those that find every endmember and those that lose one: the deviation of a run mean
#: (.067 and .039 rad) leaves differences of .01 rad out of reach of hundreds of runs.
JUDGED_BY_SUCCESS = ("jasper_ridge", "urban6")

CLAIMS_NOTE = (
    "Judged by: below 5 runs nothing is claimed, the runs are shown. Jasper Ridge and Urban6 are judged by the rate of "
    "runs that find all endmembers, never by their mean SAD: their runs either find every endmember or lose one. "
    "Elsewhere a difference of means below the detectable one is no finding."
)


def judged_by(scene: str, runs: int) -> str:
    """Return by which figure a scene may be judged with so many runs."""
    if runs < MINIMUM_RUNS:
        return f"nothing (n < {MINIMUM_RUNS})"
    return "success rate" if scene in JUDGED_BY_SUCCESS else "mean SAD"


def reference_values(rows: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return, for each scene, the angles that give its table a scale.

    Args:
        rows: Run rows of the classical phase, possibly with those of others.

    Returns:
        By scene: ``chance_mean``, ``chance_best``, ``chance_draws``, ``mean_of_references``, ``floor``; what is not
        known is absent.
    """
    known: dict[str, dict[str, Any]] = {}
    classical = of_phase(rows, "classical")
    if classical.empty:
        return known
    for scene, of_scene in classical.groupby("scene"):
        values = known.setdefault(str(scene), {})
        for setting, chosen in of_scene.groupby("setting"):
            means = run_means(chosen)
            # An endmember without a nearly pure pixel has no floor, and a mean over the others would flatter.
            if not len(means) or chosen["sad_rad"].isna().any():
                continue
            if setting == "chance":
                values |= {"chance_mean": means.mean(), "chance_best": means.min(), "chance_draws": len(means)}
            elif setting in ("mean_of_references", "attainable_floor"):
                name = "floor" if setting == "attainable_floor" else str(setting)
                values[name] = means.mean()
    return known


def scene_deviation(rows: pd.DataFrame, scene: str, paper: bool) -> tuple[float, str, int] | None:
    """Return the standard deviation of a run's mean SAD, where it comes from, and the runs at hand.

    Args:
        rows: Baseline run rows of one protocol, of any scenes.
        scene: Which scene.
        paper: Whether the paper prints values for this very scene.

    Returns:
        Deviation in radians, its source in words, number of scored runs; None if nothing is known. From five runs
        it is measured; below, the paper's STD stands in where there is one, as an upper bound.
    """
    means = run_means(rows[rows["scene"] == scene]) if len(rows) else np.empty(0)
    means = means[np.isfinite(means)]
    if len(means) >= MINIMUM_RUNS:
        return float(means.std(ddof=1)), f"measured on {len(means)} runs", len(means)
    printed = paper_values(3)
    chosen = printed[(printed["scene"] == scene) & (printed["column"] == "standard_deviation_std")]
    if paper and len(chosen):
        # The paper's has divisor n = 25.
        return float(chosen["value"].iloc[0]) * (25 / 24) ** 0.5, "the paper's STD, an upper bound", len(means)
    if len(means) > 1:
        return float(means.std(ddof=1)), f"measured on {len(means)} runs only: rough", len(means)
    return None


def detectable(deviation: float, runs: int) -> float | None:
    """Return the difference of two arms of so many runs that is found with power .8 at 5 %; None below five runs."""
    return detectable_difference(deviation, runs) if runs >= MINIMUM_RUNS else None
