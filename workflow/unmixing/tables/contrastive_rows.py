"""Rows of the contrastive and heads phases as their tables read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from unmixing.metrics import COLLAPSE_WITHOUT_REFERENCES
from unmixing.protocol.points import POINTS
from unmixing.statistics import standard_deviations
from unmixing.tables.claims import judged_by
from unmixing.tables.run_rows import (
    NO_REFERENCE,
    SCORED,
    count_status,
    describe_mean,
    describe_rate,
    describe_scale,
    of_phase,
    plan_of,
    reasons,
    run_means,
    scored,
    was_found,
)
from unmixing.tables.scene_rows import SceneRow, order_protocols

PHASE, HEADS_PHASE = "contrastive", "heads"
CONFIGURATION, SEARCH, AGREEMENT, HEAD = "configuration", "search", "agreement", "head"
AS_IT_IS, LAMBDA_1, PERMUTED = "generalized", "lambda_1", "permuted"

CONFIGURATIONS: Mapping[str, str] = {
    "table7_average": "Best SAD (Avg) of Table 7",
    "table7_samson": "Best SAD (Samson) of Table 7",
    "table7_urban4": "Best SAD (Urban4) of Table 7",
    "sheet_best": "lowest average of the released sheet",
    "nt_xent_best": "lowest average of the released NT-Xent sheet",
    "heads_point": "where heads are compared",
}

#: The three that the paper names best, chosen by it on the runs that it reports.
PAPER_CONFIGURATIONS = ("table7_average", "table7_samson", "table7_urban4")

VARIANTS: Mapping[str, str] = {
    AS_IT_IS: "as it is",
    LAMBDA_1: "lambda 1: no contrastive term",
    PERMUTED: "labels permuted over patches",
    "stage1": "labels from the baseline's own abundances",
    "online": "labels from the network's own abundances",
    "nt_xent": "NT-Xent",
    "identity": "no projection head",
    "equal_updates": "as many updates as a batch of 8 makes",
    "dot": "dot product of labels in place of the kernel",
}

#: The paper's scale of the contrastive phase; its code has one run (protocol sheet 4.3).
PAPER_SCALE: Mapping[str, float] = {"epochs": 100, "patches": 250, "learning_rate": 0.003}

POINT = ("loss", "temperature", "weight", "patch_size", "batch_size", "sigma")
_OF_RUN = ("group", "configuration", "variant", *POINT, "head", "label_source", "trial", "uses_truth")
_MEASURED = ("reconstruction_angle_rad", "collapse_angle_rad")
_KEPT = (*_OF_RUN, *_MEASURED, "strategy", "objective", "recipe", "epochs", "updates", "seconds", "status", "reason")
_WHOLE = ("run", "trial", "patch_size", "batch_size")

NO_CONTRASTIVE = (
    "no finished runs of the contrastive phase: name the scene under `contrastive: scenes`, or start the study again"
)

PAIRS_NOTE = (
    "Pairs: run r of all points of a scene and protocol has the same streams of random numbers for initial weights, "
    "patches, views, shuffling and dropout, as far as the points use the same numbers of them. Interval and test are "
    "of the paired differences: Student's t, BCa bootstrap from 25 pairs; below 5 pairs there is neither, and the "
    "differences themselves are printed. Under released all seeds are 42 (audit item A8): one run, no test."
)

ORACLE_NOTE = (
    "Oracle: chosen by SAD, which takes the truth; label-free: chosen by the angle between the scene and its "
    "reconstruction, which does not. The paper chose its configurations by SAD on the runs that it reports."
)


def contrastive(rows: pd.DataFrame, phase: str = PHASE, group: str | None = None) -> pd.DataFrame:
    """Return the rows of one phase, of one group or of all; rows of other phases can stand in the same frame."""
    chosen = of_phase(rows, phase)
    if chosen.empty:
        return chosen
    if group is not None:
        chosen = chosen[chosen["group"] == group]
    # Beside rows of phases without these columns they were read as floating point numbers.
    return chosen.astype(dict.fromkeys(_WHOLE, int))


def parts(rows: pd.DataFrame, scenes: Sequence[SceneRow]) -> Iterator[tuple[SceneRow, str, pd.DataFrame]]:
    """Yield each scene and protocol with its rows; a scene without rows once, with protocol ""."""
    for scene in scenes:
        of_scene = rows[rows["scene"] == scene.scene] if len(rows) else rows
        if of_scene.empty:
            yield scene, "", of_scene
            continue
        for protocol in order_protocols(of_scene["protocol"].tolist()):
            yield scene, protocol, of_scene[of_scene["protocol"] == protocol]


def run_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each setting and run.

    Args:
        rows: Of one scene and protocol, one per run and endmember; of a contrastive phase or of the baseline.

    Returns:
        The point's columns as far as the rows have them, ``run``, ``status``, ``reason``, ``epochs``, ``updates``,
        ``seconds``; ``sad_rad``, the mean over endmembers, NaN for a diverged run or without references;
        ``success``, 1 if all endmembers were found and 0 if not or diverged, NaN without references; and the angles
        of reconstruction and between the closest endmembers, NaN if diverged.
    """
    kept = [name for name in _KEPT if name in rows]
    if rows.empty:
        return pd.DataFrame(columns=["setting", "run", *kept, "sad_rad", "success"])
    usable = rows["status"].isin(SCORED)
    marked = rows.assign(
        sad_rad=rows["sad_rad"].where(usable),
        success=(was_found(rows) & usable).astype(float),
        **{name: rows[name].where(usable) for name in _MEASURED},
    )
    grouped = marked.groupby(["setting", "run"], sort=True)
    table = grouped[kept].first()
    # One endmember without an angle leaves the run without a mean.
    complete = grouped["sad_rad"].count() == grouped["sad_rad"].size()
    table["sad_rad"] = grouped["sad_rad"].mean().where(complete)
    # Runs that diverged know nothing of references; where a run ended well without an angle there are none.
    referenced = not usable.any() or bool(rows.loc[usable, "sad_rad"].notna().any())
    table["success"] = grouped["success"].min() if referenced else np.nan
    return table.reset_index()


def arm(runs: pd.DataFrame, configuration: str, variant: str) -> pd.DataFrame:
    """Return the runs of a configuration's variant.

    A training without the contrastive term does not depend on temperature, sigma, loss and head, so that of another
    configuration with the same patches and batches stands in for a missing one.

    Args:
        runs: ``run_table`` of the group of configurations.
        configuration: Its id.
        variant: Its id.
    """
    own = runs[(runs["configuration"] == configuration) & (runs["variant"] == variant)]
    if len(own) or variant != LAMBDA_1:
        return own
    like = runs[runs["configuration"] == configuration]
    return without_term(runs, like.iloc[0]) if len(like) else own


def without_term(runs: pd.DataFrame, like: Mapping[str, Any] | pd.Series[Any]) -> pd.DataFrame:
    """Return the runs at lambda 1 whose patches and batches are those of a point; empty if there are none."""
    same: pd.DataFrame = runs[
        (runs["variant"] == LAMBDA_1)
        & (runs["patch_size"] == like["patch_size"])
        & (runs["batch_size"] == like["batch_size"])
    ]
    if len(same):
        same = same[same["setting"] == same["setting"].iloc[0]]
    return same


def describe_runs(rows: pd.DataFrame) -> dict[str, Any]:
    """Summarise the runs of one arm.

    Args:
        rows: Of one scene, protocol and setting, one per run and endmember; possibly empty.

    Returns:
        ``runs``, ``runs_diverged``, ``runs_collapsed``, ``reason``; where runs have a score ``sad_mean``, its
        interval or values, ``run_mean_sd`` and the deviation the paper's way, ``successes`` with its interval.
    """
    if rows.empty:
        return {}
    counts = count_status(rows)
    total = sum(counts.values())
    record: dict[str, Any] = {
        "runs": total,
        "runs_diverged": counts["diverged"],
        "runs_collapsed": counts["collapsed"],
        "reason": reasons(rows) or None,
    }
    usable = scored(rows)
    if usable.empty:
        return record
    if usable["sad_rad"].isna().any():
        return record | {"reason": NO_REFERENCE}
    means = run_means(rows)
    successes = int(was_found(usable).groupby(usable["run"]).all().sum())
    record |= {"sad_mean": float(means.mean()), "successes": successes}
    record |= {"judged_by": judged_by(str(rows["scene"].iloc[0]), len(means))}
    record |= describe_mean(means) | describe_rate(successes, total, "success")
    if len(means) > 1:
        by_run = usable.pivot(index="run", columns="endmember", values="sad_rad").to_numpy(np.float64)
        spread = standard_deviations(by_run)
        record |= {"run_mean_sd": spread.run_means, "paper_definition_std": spread.paper}
    return record


def usable_without_truth(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs that a choice without the truth leaves: not diverged, no two endmembers nearly the same."""
    return runs[runs["collapse_angle_rad"] >= COLLAPSE_WITHOUT_REFERENCES]


def phase_scale(scenes: Sequence[SceneRow], scale: Mapping[str, Mapping[str, Any]]) -> str:
    """Return epochs and patches in words, or that they differ between scenes; "" if they are not known."""
    wanted = ("epochs", "patches")
    found = set()
    for scene in scenes:
        plan = plan_of(scale, scene.scene, PHASE)
        if words := describe_scale({key: plan[key] for key in wanted if plan.get(key) is not None}):
            found.add(words)
    return "differs between scenes" if len(found) > 1 else "".join(found)


def phase_runs(rows: pd.DataFrame, scenes: Sequence[SceneRow]) -> str:
    """Return in words how many points and runs stand behind each scene and protocol."""
    found = []
    for scene, protocol, chosen in parts(rows, scenes):
        if len(chosen):
            counts = chosen.groupby("setting")["run"].nunique()
            least, most = int(counts.min()), int(counts.max())
            each = f"{most} run{'' if most == 1 else 's'}" if least == most else f"{least} to {most} runs"
            found.append(f"{scene.title} ({protocol}) {len(counts)} points x {each}")
    return "; ".join(found) or "no runs"


def is_paper_point(rows: pd.DataFrame, configuration: str, plan: Mapping[str, Any]) -> bool:
    """Return whether runs have the configuration's own patches and batches for the paper's number of epochs."""
    point = POINTS.get(configuration)
    if point is None or any(plan.get(key) != value for key, value in PAPER_SCALE.items()):
        return False
    sizes = all(set(rows[name]) == {point[name]} for name in ("patch_size", "batch_size"))
    return sizes and set(scored(rows)["epochs"]) == {PAPER_SCALE["epochs"]}
