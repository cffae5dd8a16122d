"""Choosing augmentations on one half of the runs and testing them on the other, with the truth and without."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from unmixing.augmentation.treatments import TREATMENTS
from unmixing.metrics import COLLAPSE_WITHOUT_REFERENCES
from unmixing.statistics.sweep import spread_of_one_run
from unmixing.tables.claims import CLAIMS_NOTE
from unmixing.tables.forms import Column
from unmixing.tables.run_rows import NO_REFERENCE, typed_frame
from unmixing.tables.scene_rows import common_of, scenes_to_show
from unmixing.tables.sweep_contrasts import (
    FINDING_NOTE,
    Contrast,
    adjust_over_scenes,
    contrast,
    contrast_record,
    texts,
)
from unmixing.tables.sweep_rows import (
    DRAWS_NOTE,
    IDENTITY,
    NO_SWEEP,
    PAPER_TREATMENTS,
    REGIMES,
    distinct,
    runs_of,
    sweep,
    sweep_groups,
    sweep_runs,
    sweep_scale,
)
from unmixing.tables.writing import Table

#: How many treatments are chosen, as many as the paper reports.
BEST = 3

COLUMNS = [
    Column("title", "Scene"),
    Column("kind", "Kind", help="real, crop, synthetic, semi-real or own"),
    Column("protocol", "Protocol"),
    Column("images", "Images", "count", help="augmented images of a run"),
    Column("rule_title", "Chosen by"),
    Column("uses_truth", "Uses truth", help="what of the ground truth the choice and its test relied on"),
    Column("chosen", "Chosen, best first", "prose"),
    Column("candidates", "Out of", "count", help="different treatments that the rule could choose from"),
    Column("choosing_runs", "n choosing", "count", help="runs of one treatment and regime, even indices"),
    Column("choosing_difference", "Difference when choosing", "difference", "rad", extra=("choosing_n",)),
    Column("tested_difference", "Difference when tested", "difference", "rad", extra=("tested_n",)),
    Column(
        "tested_low",
        "95 % interval",
        "interval",
        "rad",
        help="of the difference when tested; below five draws the draws themselves",
        extra=("tested_high", "tested_values"),
    ),
    Column("tested_detectable", "Detectable", "angle", "rad", help="found by one such test with power .8"),
    Column("tested_correlation", "Pairing correlation", "angle", help="realised, within regimes"),
    Column(
        "tested_arm_successes",
        "Find all",
        "rate",
        help="runs of the chosen treatments",
        extra=("tested_arm_trials", "tested_arm_low", "tested_arm_high"),
    ),
    Column(
        "tested_control_successes",
        "Find all, copies",
        "rate",
        extra=("tested_control_trials", "tested_control_low", "tested_control_high"),
    ),
    Column("judged_by", "Judged by"),
    Column("tested_p_value", "p", "number", help="of the figure that the scene is judged by"),
    Column("tested_p_holm", "p, Holm", "number", help="over the scenes, for each rule by itself"),
    Column("finding", "Finding"),
    Column("condition", "Holds for", help="what all draws have in common"),
    Column("remark", "Remark", "prose", help="what the rule did"),
    Column("reason", "Reason", "prose", help="why something is missing"),
]

NOTES = [
    "Differences: mean SAD of the chosen treatments less that of unaugmented copies, paired by regime and run. Chosen "
    "on the runs with even indices, tested on those with odd ones: the difference when choosing is flattered by the "
    "choice, the one when tested is not.",
    "In the fixed regimes both halves can share sets of images and of initial weights: the test then holds for these "
    "sets, and only the dynamic regime's halves are wholly apart.",
    "Lowest SAD (oracle): the three treatments with the lowest mean over regimes. The paper chose so on the very runs "
    "that it reports.",
    "The paper's rule made computable (section 3.1.3: reduce SAD while consistent between seeded and unseeded "
    "training): the lowest means over regimes among the treatments whose regimes' means lie closer together, largest "
    "less smallest, than the range that holds 95 % of single runs of unaugmented copies (Student's t, from 5 runs).",
    "Without the truth, reconstruction: the lowest mean reconstruction angle of the scene itself, among treatments of "
    f"which no larger share of runs than of the copies' has two endmembers within {COLLAPSE_WITHOUT_REFERENCES} rad or "
    "diverged. Smallest angle: the largest mean smallest angle between endmembers.",
    "The paper's three stand for comparison: nothing here chose them.",
    DRAWS_NOTE,
    FINDING_NOTE,
    CLAIMS_NOTE,
]


@dataclass(frozen=True)
class Choice:
    """What a rule chose.

    Attributes:
        treatments: Ids, best first.
        candidates: How many it could choose from.
        remark: What the rule did, in words.
        reason: Why it could not choose.
    """

    treatments: tuple[str, ...] = ()
    candidates: int = 0
    remark: str = ""
    reason: str = ""


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Table:
    """Build the table of chosen augmentations.

    Args:
        rows: Run rows of the phase augmentation, possibly with those of others; possibly empty.
        scenes: Availability records of all scenes.
        scale: By scene; the key ``augmentation`` holds the planned scale of the sweep.
        provenance: Commit, versions, input checksums.

    Returns:
        For each scene, protocol and number of images one row per rule; one row that says why for a scene without
        runs.
    """
    shown, chosen = scenes_to_show(scenes), sweep(rows)
    records: list[dict[str, Any]] = []
    tested: list[tuple[dict[str, Any], Contrast]] = []
    for scene, protocol, images, part in sweep_groups(chosen, shown):
        common = common_of(scene, protocol)
        if part.empty:
            records.append(common | {"reason": scene.reason or NO_SWEEP})
            continue
        runs = runs_of(part).table
        halves = [runs[runs["run"] % 2 == half] for half in (0, 1)]
        candidates = distinct(part["treatment"].unique().tolist(), protocol, images)
        for rule, (title, truth, choose) in RULES.items():
            choice = choose(halves[0], candidates)
            record = common | {"images": images, "rule": rule, "rule_title": title}
            record |= {"uses_truth": truth, "choosing_runs": halves[0]["run"].nunique()}
            places = (scene.scene, protocol, images)
            outcome = _test(record, choice, halves, places)
            records.append(record)
            tested.append((record, outcome))
    adjust_over_scenes(tested, ["protocol", "images", "rule"], "tested")
    return Table(
        name="table_augmentation_selection",
        title="Our own best three augmentations, chosen on one half of the runs and tested on the other",
        caption="The three best treatments of the sweep by several rules, chosen on the runs with even indices, and "
        "their difference in mean SAD (radians) to unaugmented copies on the runs with odd ones; negative means that "
        "the chosen treatments have the smaller SAD.",
        frame=typed_frame(records, ["scene", "rule", *texts("choosing", "tested")], COLUMNS),
        columns=COLUMNS,
        notes=NOTES,
        scale=sweep_scale(shown, scale),
        n=sweep_runs(chosen, shown),
        provenance=provenance,
    )


def _test(
    record: dict[str, Any], choice: Choice, halves: Sequence[pd.DataFrame], place: tuple[str, str, int]
) -> Contrast:
    """Enter what was chosen and how it fares in both halves; return the comparison on the half not chosen on."""
    record |= {"candidates": choice.candidates, "remark": choice.remark or None, "reason": choice.reason or None}
    if not choice.treatments:
        return Contrast()
    record["chosen"] = "; ".join(TREATMENTS[name].title for name in choice.treatments)
    if halves[1].empty:
        record["reason"] = "a single run: none is left to test on"
        return Contrast()
    when_choosing, outcome = (contrast(half, choice.treatments, IDENTITY, *place) for half in halves)
    described = contrast_record(when_choosing, "choosing")
    record |= {key: described[key] for key in ("choosing_difference", "choosing_n") if key in described}
    record |= contrast_record(outcome, "tested")
    record |= {"judged_by": outcome.judged_by, "condition": outcome.condition or None}
    record["reason"] = outcome.reason or None
    return outcome


def over_regimes(runs: pd.DataFrame, candidates: Sequence[str], measure: str) -> pd.DataFrame:
    """Return the mean of each candidate in each regime; without those that lack a value in one of the regimes.

    Args:
        runs: the table of ``sweep_rows.runs_of`` for one scene, protocol and number of images.
        candidates: Treatments.
        measure: Column of the runs.
    """
    chosen = runs[runs["treatment"].isin(candidates)]
    means = chosen.groupby(["treatment", "regime"])[measure].mean().unstack()
    # In the order of Table 2, which then decides between equals.
    return means.reindex([name for name in candidates if name in means.index]).dropna()


def _best(values: pd.Series[float], remark: str = "") -> Choice:
    ranked = values.sort_values(kind="stable").index[:BEST]
    return Choice(tuple(str(name) for name in ranked), len(values), remark)


def by_sad(runs: pd.DataFrame, candidates: Sequence[str]) -> Choice:
    """Choose by the lowest mean SAD over regimes, with the truth."""
    means = over_regimes(runs, candidates, "sad_rad")
    return _best(means.mean(axis=1)) if len(means) else _no_choice(runs, candidates, "sad_rad")


def by_papers_rule(runs: pd.DataFrame, candidates: Sequence[str]) -> Choice:
    """Choose by the lowest mean SAD over regimes among treatments whose regimes differ less than the control's runs.

    With one regime, or fewer than 5 runs of the control, nothing bounds the range, and the remark says so.
    """
    means = over_regimes(runs, candidates, "sad_rad")
    if means.empty:
        return _no_choice(runs, candidates, "sad_rad")
    if means.shape[1] < 2:
        return _best(means.mean(axis=1), "one regime: the range between regimes was not checked")
    control = runs[runs["treatment"] == IDENTITY].dropna(subset=["sad_rad"])
    # Copies have no images to differ in, so that regimes repeat the same trainings: the freest one is enough.
    own = control[control["regime"] == next((name for name in REGIMES if name in set(control["regime"])), "")]
    limit = spread_of_one_run(own["sad_rad"].to_numpy(np.float64)) if len(own) else None
    if limit is None:
        return _best(means.mean(axis=1), f"unaugmented copies have {len(own)} runs: the range was not checked")
    ranges = means.max(axis=1) - means.min(axis=1)
    consistent = means[ranges < limit]
    remark = f"{len(consistent)} of {len(means)} treatments range over less than {limit:.4f} rad between regimes"
    if consistent.empty:
        return Choice(candidates=0, remark=remark, reason="no treatment is consistent enough for the rule")
    return _best(consistent.mean(axis=1), remark)


def by_reconstruction(runs: pd.DataFrame, candidates: Sequence[str]) -> Choice:
    """Choose by the lowest mean reconstruction angle, leaving out what collapses more often than the control."""
    lost = ~(runs["collapse_angle_rad"] >= COLLAPSE_WITHOUT_REFERENCES)
    shares = lost.groupby(runs["treatment"]).mean()
    limit = shares.get(IDENTITY, 0.0)
    kept = [name for name in candidates if shares.get(name, 1.0) <= limit]
    means = over_regimes(runs, kept, "reconstruction_angle_rad")
    remark = f"{len(candidates) - len(kept)} left out for collapsed or diverged runs"
    if IDENTITY not in shares:
        remark += "; no unaugmented copies to compare these with"
    if means.empty:
        return Choice(remark=remark, reason="no treatment left to choose from")
    return _best(means.mean(axis=1), remark)


def by_smallest_angle(runs: pd.DataFrame, candidates: Sequence[str]) -> Choice:
    """Choose by the largest mean smallest angle between endmembers."""
    means = over_regimes(runs, candidates, "collapse_angle_rad")
    return _best(-means.mean(axis=1)) if len(means) else _no_choice(runs, candidates, "collapse_angle_rad")


def by_the_paper(runs: pd.DataFrame, candidates: Sequence[str]) -> Choice:
    """Take the paper's three."""
    names = tuple(PAPER_TREATMENTS.values())
    if missing := [name for name in names if name not in set(runs["treatment"])]:
        return Choice(reason=f"no runs of {', '.join(missing)} in this study")
    return Choice(names, len(candidates), "fixed beforehand")


def _no_choice(runs: pd.DataFrame, candidates: Sequence[str], measure: str) -> Choice:
    if not candidates:
        return Choice(reason="no treatment in this study but controls")
    without = runs[measure].isna().all() and (runs["status"] != "diverged").any()
    return Choice(reason=NO_REFERENCE if without else "no treatment has numbers in every regime")


Rule = tuple[str, str, Callable[[pd.DataFrame, Sequence[str]], Choice]]
_CHOSEN_WITH_TRUTH = "matching, selection"
_CHOSEN_WITHOUT = "choice: K; test: matching"

RULES: Mapping[str, Rule] = {
    "oracle": ("lowest SAD (oracle)", _CHOSEN_WITH_TRUTH, by_sad),
    "papers_rule": ("the paper's rule (oracle)", _CHOSEN_WITH_TRUTH, by_papers_rule),
    "reconstruction": ("reconstruction, without collapse", _CHOSEN_WITHOUT, by_reconstruction),
    "smallest_angle": ("smallest angle", _CHOSEN_WITHOUT, by_smallest_angle),
    "paper": ("the paper's three", "selection by the paper on its own runs; test: matching", by_the_paper),
}
