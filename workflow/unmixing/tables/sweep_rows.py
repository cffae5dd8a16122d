"""Rows of the augmentation sweep as its tables read them: which run shares what with which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from unmixing.augmentation.treatments import TREATMENTS, Operations, arm_of, distinct_treatments, operations
from unmixing.errors import UnmixingError
from unmixing.protocol.augmentation import PROTOCOLS
from unmixing.statistics import standard_deviations
from unmixing.statistics.sweep import Labels, draw_values, independent_draws, rate_of_draws
from unmixing.tables.run_rows import PAPER_SCALE, SCORED, describe_mean, describe_scale, of_phase, plan_of, was_found
from unmixing.tables.scene_rows import SceneRow, order_protocols

PHASE = "augmentation"
DYNAMIC, UNSEEDED, SEEDED = "dynamic_unseeded", "fixed_unseeded", "fixed_seeded"

#: Table 4 of the paper, top to bottom.
REGIMES: Mapping[str, str] = {
    DYNAMIC: "dynamic, unseeded",
    UNSEEDED: "fixed images, unseeded",
    SEEDED: "fixed images, seeded",
}

IDENTITY, BASELINE = "control_identity", "control_baseline"
CONTROLS = (IDENTITY, BASELINE)
AUGMENTING = tuple(name for name in TREATMENTS if name not in CONTROLS)

#: What Table 5 of the paper prints beside its baseline, by its labels.
PAPER_TREATMENTS: Mapping[str, str] = {
    "Blur (sigma = 0.1, 1.0)": "blur_1",
    "Crop + Blur": "crop_blur",
    "Crop + Jitter + Blur": "crop_jitter_blur",
}

#: Images of a run in the paper; its sheets have a second arm of 10.
PAPER_IMAGES = 90

#: What tells which runs share random numbers, images or weights.
SHARED = ("stream", "image_set", "initialisation")
_MEASURED = ("reconstruction_angle_rad", "collapse_angle_rad")

NO_SWEEP = "no finished runs of the sweep: name the scene under `augmentation: scenes`, or start the study again"

DRAWS_NOTE = (
    "Draws: runs that share a set of images or of initial weights, or patches, shuffling and dropout, are one draw; "
    "runs of one index share these over treatments, and not over regimes. Intervals and tests take the draws, not the "
    "runs, for their sample: Student's t on the cluster-robust standard error, BCa bootstrap from 25 draws. Below 5 "
    "draws there is neither, and the values of the draws are printed."
)


def sweep(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the sweep; rows of other phases can stand in the same frame."""
    chosen = of_phase(rows, PHASE)
    if chosen.empty:
        return chosen
    if "stream" not in chosen:
        chosen = chosen.assign(stream=chosen["run"])
    # Beside rows of phases without these columns they were read as floating point numbers.
    return chosen.astype(dict.fromkeys(("run", "stream", "images", "image_set", "initialisation"), int))


def sweep_groups(
    rows: pd.DataFrame, scenes: Sequence[SceneRow], at_least: Mapping[str, int] | None = None
) -> Iterator[tuple[SceneRow, str, int, pd.DataFrame]]:
    """Yield the parts of the sweep that are compared among themselves: scene, protocol, images of a run, rows.

    Args:
        rows: Rows of the sweep.
        scenes: In printed order.
        at_least: By scene a number of images that is yielded without rows where the sweep has no such arm.

    Yields:
        A scene without rows once, with protocol "" and 0 images.
    """
    for scene in scenes:
        of_scene = rows[rows["scene"] == scene.scene] if len(rows) else rows
        wanted = (at_least or {}).get(scene.scene)
        if wanted is not None and (of_scene.empty or wanted not in set(of_scene["images"])):
            yield scene, "", wanted, of_scene.iloc[:0]
        elif of_scene.empty:
            yield scene, "", 0, of_scene
        if of_scene.empty:
            continue
        for protocol in order_protocols(of_scene["protocol"].tolist()):
            chosen = of_scene[of_scene["protocol"] == protocol]
            for images in sorted(set(chosen["images"]), reverse=True):
                yield scene, protocol, int(images), chosen[chosen["images"] == images]


def representatives(protocol: str, images: int) -> dict[str, str]:
    """Return for each augmenting treatment the first one that is the same experiment under a protocol."""
    return distinct_treatments(PROTOCOLS[protocol].images(), arm_of(images))


def distinct(present: Sequence[str], protocol: str, images: int) -> list[str]:
    """Return of the augmenting treatments at hand the first of each experiment, in the order of Table 2."""
    same = representatives(protocol, images)
    first: dict[str, str] = {}
    for name in AUGMENTING:
        if name in set(present):
            first.setdefault(same[name], name)
    return list(first.values())


def done(treatment: str, protocol: str, images: int) -> Operations:
    """Return what a treatment does under a protocol at a number of images."""
    return operations(treatment, PROTOCOLS[protocol].images(), arm_of(images))


def draws_images(treatment: str, protocol: str, images: int) -> bool:
    """Return whether a treatment's images differ between draws; copies and plain flips do not."""
    todo = done(treatment, protocol, images)
    return any((todo.crop is not None, todo.flip == "random", todo.jitter is not None, todo.blur is not None))


@dataclass(frozen=True)
class Runs:
    """Runs of one scene, protocol and number of images, n in number.

    Attributes:
        table: n rows with the columns treatment, regime, run, ``SHARED``, status; ``sad_rad``, the mean over
            endmembers, NaN for a diverged run or without references; ``success``, 1 if all endmembers were found and
            0 if not or diverged, NaN without references; ``reconstruction_angle_rad`` and ``collapse_angle_rad``,
            NaN if diverged.
        sad: (n, K), radians, NaN as above.
        found: (n, K), whether each endmember was found; False if diverged.
        names: K names of endmembers.
    """

    table: pd.DataFrame
    sad: NDArray[np.float64]
    found: NDArray[np.bool_]
    names: list[str]

    def of(self, treatment: str, regime: str | None = None) -> Runs:
        """Return the runs of one treatment, in one regime or in all."""
        kept = (self.table["treatment"] == treatment).to_numpy()
        if regime is not None:
            kept = kept & (self.table["regime"] == regime).to_numpy()
        return self.where(kept)

    def where(self, kept: NDArray[np.bool_]) -> Runs:
        """Return some of the runs."""
        return Runs(self.table[kept], self.sad[kept], self.found[kept], self.names)


def runs_of(rows: pd.DataFrame) -> Runs:
    """Return the runs behind rows of one scene, protocol and number of images.

    Args:
        rows: Of the sweep, one per run and endmember; at least one.

    Raises:
        UnmixingError: If a run has other endmembers than the rest.
    """
    ordered = rows.sort_values(["treatment", "regime", "run", "endmember"], kind="stable")
    count = int(ordered["endmember"].nunique())
    table = ordered.drop_duplicates(["treatment", "regime", "run"])[
        ["treatment", "regime", "run", *SHARED, "status", *_MEASURED]
    ].reset_index(drop=True)
    if len(ordered) != count * len(table):
        where = f"{ordered['scene'].iloc[0]} ({ordered['protocol'].iloc[0]})"
        raise UnmixingError(f"runs of the sweep on {where} have different endmembers: evaluate the scene again")
    shape = (len(table), count)
    usable = table["status"].isin(SCORED).to_numpy()
    sad = ordered["sad_rad"].to_numpy(np.float64).reshape(shape)
    sad = np.where(usable[:, None], sad, np.nan)
    found = was_found(ordered).to_numpy().reshape(shape) & usable[:, None]
    # Runs that diverged know nothing of references; where a run ended well without an angle there are none.
    referenced = not usable.any() or bool(np.isfinite(sad[usable]).any())
    table = table.assign(
        sad_rad=sad.mean(axis=1),
        success=found.all(axis=1).astype(float) if referenced else np.nan,
        **{name: table[name].where(usable) for name in _MEASURED},
    )
    return Runs(table, sad, found, ordered["name"].astype(str).tolist()[:count])


def draws(runs: pd.DataFrame, treatments: Sequence[str], protocol: str, images: int) -> tuple[Labels, list[str]]:
    """Group runs into independent draws.

    Args:
        runs: Columns regime and ``SHARED``; one row per run of an arm or pair of arms.
        treatments: Those that the values come from: copies of the scene have no images to share.
        protocol: Of the runs.
        images: Of a run.

    Returns:
        Label of each run's draw (n,), and what the draws have all in common within a regime: a condition under which
        their interval holds.
    """
    regimes, own = runs["regime"].tolist(), runs["stream"].tolist()
    sets: list[int | None] = [None if level < 0 else level for level in runs["image_set"].tolist()]
    if not any(draws_images(name, protocol, images) for name in treatments):
        sets = [None] * len(own)
    shared: list[int | None] = [None if level < 0 else level for level in runs["initialisation"].tolist()]
    # A set of weights is that of the run of the same stream where each run has its own.
    weights = [run if level is None else level for run, level in zip(own, shared, strict=True)]
    conditions = set()
    linked: dict[str, list[int | None]] = {}
    for what, levels, known in (("initial weights", [*weights], shared), ("images", sets, sets)):
        linked[what] = list(levels)
        for regime in set(regimes):
            of_regime = [index for index, name in enumerate(regimes) if name == regime and known[index] is not None]
            if len(of_regime) > 1 and len({levels[index] for index in of_regime}) == 1:
                # One set for all is no sample of sets: what is found holds for this one.
                conditions.add(f"one set of {what}")
                for index in of_regime:
                    linked[what][index] = None
    return independent_draws([own, *linked.values()]), sorted(conditions)


def summarise(runs: Runs, treatment: str, protocol: str, images: int) -> dict[str, Any]:
    """Summarise one treatment over the regimes at hand, each weighing the same.

    Args:
        runs: Of this treatment, in one regime or several.
        treatment: Its id.
        protocol: Of the runs.
        images: Of a run.

    Returns:
        ``runs``, ``regimes``, ``endmembers``, ``runs_diverged``, ``runs_collapsed``; with references ``successes``,
        ``success_low``, ``success_high``; and where runs have a score ``sad_mean``, both deviations (within regimes),
        ``draws``, ``condition``, interval or values of the draws, and for several regimes ``regime_sd`` and
        ``regime_means``.
    """
    table = runs.table
    status = table["status"].tolist()
    record: dict[str, Any] = {
        "runs": len(table),
        "regimes": table["regime"].nunique(),
        "endmembers": len(runs.names),
        "runs_diverged": status.count("diverged"),
        "runs_collapsed": status.count("collapsed"),
    }
    success = table["success"].to_numpy(np.float64)
    if np.isfinite(success).all():
        rate = rate_of_draws(success, draws(table, [treatment], protocol, images)[0])
        record["successes"] = int(success.sum())
        record |= {} if rate is None else {"success_low": rate.low, "success_high": rate.high}
    known = runs.where(table["sad_rad"].notna().to_numpy())
    if known.table.empty:
        return record
    labels, conditions = draws(known.table, [treatment], protocol, images)
    regimes = known.table["regime"].to_numpy()
    sad = known.table["sad_rad"].to_numpy(np.float64)
    values = draw_values(sad, regimes.tolist(), labels)
    record |= {"sad_mean": float(values.mean()), "draws": len(values), "condition": "; ".join(conditions) or None}
    record |= describe_mean(values) | _deviations(known)
    ordered = [float(sad[regimes == regime].mean()) for regime in REGIMES if regime in regimes]
    if len(ordered) > 1:
        record["regime_sd"] = float(np.std(ordered, ddof=1))
        record["regime_means"] = ", ".join(f"{mean:.4f}" for mean in ordered)
    return record


def _deviations(known: Runs) -> dict[str, Any]:
    """Return both deviations, the mean over regimes of the paper's and the root mean square of the run means'."""
    regimes = known.table["regime"].to_numpy()
    parts = [known.sad[regimes == regime] for regime in REGIMES]
    spreads = [standard_deviations(part) for part in parts if len(part) > 1]
    if not spreads:
        return {}
    return {
        "paper_definition_std": float(np.mean([spread.paper for spread in spreads])),
        "run_mean_sd": float(np.sqrt(np.mean([spread.run_means**2 for spread in spreads]))),
    }


def sweep_scale(scenes: Sequence[SceneRow], scale: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the one scale of the sweep in words, or that it differs between scenes; "" if none is known."""
    found = {describe_scale(plan) for scene in scenes if (plan := plan_of(scale, scene.scene, PHASE))}
    return "differs between scenes" if len(found) > 1 else "".join(found)


def is_paper_sweep(rows: pd.DataFrame, plan: Mapping[str, Any], images: int) -> bool:
    """Return whether a part of the sweep is at the paper's scale, both as planned and as done.

    Epochs are not counted: under ``released`` they end early.
    """
    planned = all(plan.get(key) == value for key, value in PAPER_SCALE.items())
    runs = rows.groupby("regime")["run"].nunique() if len(rows) else pd.Series(dtype=int)
    return planned and images == PAPER_IMAGES and set(runs.index) == set(REGIMES) and set(runs) == {PAPER_SCALE["runs"]}


def sweep_runs(rows: pd.DataFrame, scenes: Sequence[SceneRow]) -> str:
    """Return in words how many runs, regimes and treatments stand behind each part of the sweep."""
    parts = [
        f"{scene.title} ({protocol}, {images} images) {chosen['treatment'].nunique()} arms x "
        f"{chosen['regime'].nunique()} regimes x {chosen.groupby(['treatment', 'regime'])['run'].nunique().max()} runs"
        for scene, protocol, images, chosen in sweep_groups(rows, scenes)
        if len(chosen)
    ]
    return "; ".join(parts) or "no runs"
