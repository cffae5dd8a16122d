"""Rules that runs of the baseline and of the sweep decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from unmixing.published import BASELINE_LABELS
from unmixing.statistics import mean_interval, rate_interval
from unmixing.tables.forms import is_missing
from unmixing.tables.prose_claims_evidence import Evidence, measured_rows, rule
from unmixing.tables.prose_claims_findings import (
    Finding,
    Measured,
    Need,
    Verdict,
    against_bound,
    bounds_of,
    decide,
    not_tested,
    side_of,
)
from unmixing.tables.prose_claims_printed import gains, treatment_rows
from unmixing.tables.run_rows import run_means
from unmixing.tables.scene_rows import order_protocols
from unmixing.tables.scorecard_scale import baseline_scale, point_scale
from unmixing.tables.sweep_rows import PAPER_TREATMENTS
from unmixing.tables.table5 import ORIGINAL

NO_SWEEP = "no runs of the sweep in this study"
NO_BASELINE = "no runs of the baseline in this study"
FLIPS = ("flip_vertical", "flip_horizontal", "flip_random")
BLURS_AND_CROPS = ("blur_1", "blur_2", "crop_50", "crop_75", "crop_95")


def success_rates(evidence: Evidence) -> list[Measured]:
    """Return on each scene the rate of baseline runs that find all endmembers, against one half."""
    found = []
    for row in evidence.baseline.to_dict("records"):
        if is_missing(row["successes"]) or is_missing(row["runs"]):
            continue
        successes, runs = int(row["successes"]), int(row["runs"])
        interval = rate_interval(successes, runs)
        low, high = bounds_of(interval)
        side = against_bound((low, high), 0.5, below="worse", above="better")
        part = evidence.phase("baseline")
        part = part[part["scene"] == row["scene"]]
        same = bool(row["kind"] == "real") and not baseline_scale(part, evidence.scale.get(str(row["scene"]), {}))
        place = f"{row['title']} ({successes} of {runs})"
        found.append(
            Measured(place, side, successes / runs, "of runs", runs, low, high, same_scale=same, absolute=True)
        )
    return found


@rule("endmembers_found")
def endmembers_found(evidence: Evidence) -> Finding:
    """Whether more than half of the runs of the baseline find all endmembers, on every scene."""
    found = success_rates(evidence)
    return decide(found, "better", "all", "runs that find all endmembers: ") if found else not_tested(NO_BASELINE)


@rule("baseline_reliable")
def baseline_reliable(evidence: Evidence) -> Finding:
    """The same, read as reliability: more than half of the runs find all endmembers, on every scene."""
    return endmembers_found(evidence)


@rule("independent_runs")
def independent_runs(evidence: Evidence) -> Finding:
    """What sharing the initial weights moves; the paper's own runs are not at hand."""
    why = "the paper's stored runs are not part of this project; its code gives all of them one set of initial weights"
    for panel in evidence.audit:
        for effect in panel.effects if panel.phase == "baseline" else ():
            compared = effect.compare() if effect.field == "initial_weights" else None
            if compared is not None:
                interval = compared.interval
                return Finding(
                    "not tested",
                    f"{why} (audit item C3). Weights shared where each run had its own, {panel.heading}: SAD "
                    f"{compared.difference:+.4f} rad".replace("-", "−"),
                    compared.difference,
                    "rad",
                    compared.n,
                    interval.low if interval else None,
                    interval.high if interval else None,
                    tuple(effect.differences) if interval is None else (),
                )
    return not_tested(f"{why} (audit item C3)")


def _reproduces(evidence: Evidence, table: int) -> Finding:
    """Count the verdicts of the scorecard on one table's means, but for what repeats the baseline."""
    judged = [one for one in evidence.scorecard if one.table == table and one.judgement is not None and not one.repeats]
    judged = [one for one in judged if table == 3 or one.label not in (ORIGINAL, BASELINE_LABELS.get(one.scene))]
    printed = {(one.scene, one.label, one.column) for one in judged}
    tested = [one for one in judged if one.judgement is not None and one.judgement.n]
    first = order_protocols([one.ours.protocol for one in tested])[:1]
    tested = [one for one in tested if one.ours.protocol in first]
    if not tested:
        return not_tested(f"none of the {len(printed)} printed means has runs of ours beside it")
    outcomes = [one.judgement.outcome for one in tested if one.judgement is not None]
    counts = {name: outcomes.count(name) for name in ("reproduced", "contradicted", "inconclusive")}
    text = ", ".join(f"{count} {name}" for name, count in counts.items())
    places = len({(one.scene, one.label, one.column) for one in tested})
    verdict: Verdict = "inconclusive"
    if counts["contradicted"]:
        verdict = "contradicted"
    elif counts["reproduced"] == len(tested):
        verdict = "holds"
    return Finding(
        verdict,
        f"{text} of {len(tested)} comparisons, which cover {places} of {len(printed)} printed means",
        float(counts["reproduced"]),
        f"of {len(tested)}",
        len(tested),
        same_scale=all(one.judgement.same_scale for one in tested if one.judgement is not None),
    )


@rule("table_3_reproduces")
def table_3_reproduces(evidence: Evidence) -> Finding:
    """Verdicts of the scorecard on Table 3."""
    return _reproduces(evidence, 3)


@rule("table_5_reproduces")
def table_5_reproduces(evidence: Evidence) -> Finding:
    """Verdicts of the scorecard on Table 5."""
    return _reproduces(evidence, 5)


@rule("table_6_reproduces")
def table_6_reproduces(evidence: Evidence) -> Finding:
    """Verdicts of the scorecard on Table 6."""
    return _reproduces(evidence, 6)


@rule("reported_three_help")
def reported_three_help(evidence: Evidence) -> Finding:
    """The primary contrast of every scene: mean of the three less unaugmented copies."""
    frame = evidence.treatments
    at_scale = evidence.paper_scenes["augmentation"]
    found = measured_rows(frame[frame["role"] == "primary"], "identity", at_scale) if len(frame) else []
    if not found:
        lower = sum(gain < 0 for label in PAPER_TREATMENTS for gain in gains(label).values())
        return not_tested(f"{NO_SWEEP}; as printed {lower} of 18 means lie below the baseline, which is no control")
    return decide(found, "better", lead="mean of the three less unaugmented copies: ")


def _of_treatments(evidence: Evidence, treatments: Sequence[str], claim: str, lead: str, need: Need = "all") -> Finding:
    found = treatment_rows(evidence, *treatments)
    return decide(found, claim, need, lead) if found else not_tested(NO_SWEEP)


@rule("some_help_on_several_scenes")
def some_help_on_several_scenes(evidence: Evidence) -> Finding:
    """Whether a treatment is better than unaugmented copies on two scenes or more."""
    frame = evidence.treatments
    chosen = frame[frame["role"] == "secondary"] if len(frame) else frame
    found = measured_rows(chosen, "identity", evidence.paper_scenes["augmentation"], lambda row: str(row["treatment"]))
    if not found:
        return not_tested(NO_SWEEP)
    scenes = sorted({one.place.rsplit(", ", 1)[0] for one in found})
    better: dict[str, list[str]] = {}
    for one in found:
        scene, treatment = one.place.rsplit(", ", 1)
        if one.side == "better":
            better.setdefault(treatment, []).append(scene)
    several = {name: where for name, where in better.items() if len(where) > 1}
    words = "; ".join(f"{name} on {' and '.join(where)}" for name, where in better.items()) or "none"
    text = f"better than unaugmented copies after Holm's correction: {words}; scenes at hand: {', '.join(scenes)}"
    verdict: Verdict = "holds" if several else "inconclusive"
    same = all(one.same_scale for one in found)
    return Finding(verdict, text, float(len(several)), "treatments", len(found), same_scale=same)


@rule("some_harm")
def some_harm(evidence: Evidence) -> Finding:
    """Whether a treatment is worse than unaugmented copies on a scene."""
    frame = evidence.treatments
    chosen = frame[frame["role"] == "secondary"] if len(frame) else frame
    found = measured_rows(chosen, "identity", evidence.paper_scenes["augmentation"], lambda row: str(row["treatment"]))
    worst = sorted((one for one in found if one.side == "worse"), key=lambda one: -one.number)
    if not found:
        return not_tested(NO_SWEEP)
    lead = f"{len(worst)} of {len(found)} treatments and scenes worse after Holm's correction; largest: "
    return decide(worst[:3] or found[:1], "worse", "any", lead)


@rule("blur_and_crops_help")
def blur_and_crops_help(evidence: Evidence) -> Finding:
    """Blurs and crops alone less unaugmented copies: every one, on every scene."""
    return _of_treatments(evidence, BLURS_AND_CROPS, "better", "less unaugmented copies: ")


@rule("flips_harm")
def flips_harm(evidence: Evidence) -> Finding:
    """The three flips of Table 2 less unaugmented copies: any of them, on any scene."""
    found = _of_treatments(evidence, FLIPS, "worse", "less unaugmented copies: ", "any")
    # The released code loses pixels of one material with the corner grid (audit items B2, B3).
    released = treatment_rows(evidence, *FLIPS, protocol="released")
    words = "; ".join(one.words for one in released)
    return replace(found, sentence=f"{found.sentence}. As the released code does: {words}") if released else found


@rule("baseline_competitive")
def baseline_competitive(evidence: Evidence) -> Finding:
    """The baseline's mean SAD against the best method without training, on every scene."""
    found = _against_classical(evidence, "baseline")
    if not found:
        return not_tested("no scene has runs of the baseline and of classical methods beside each other")
    return decide(found, "better", "all", "baseline less the best method without training, chosen with the truth: ")


@rule("classical_preferable")
def classical_preferable(evidence: Evidence) -> Finding:
    """The paper's first contrastive configuration against the best method without training, on every scene."""
    found = _against_classical(evidence, "contrastive")
    if not found:
        return not_tested("no scene has runs of contrastive training and of classical methods beside each other")
    return decide(found, "worse", lead="Best SAD (Avg) less the best method without training, chosen with the truth: ")


def _against_classical(evidence: Evidence, phase: str) -> list[Measured]:
    """Return on each scene the runs' mean SAD less that of the method without training that has the smallest."""
    frame = evidence.classical
    methods = frame[(frame["role"] == "method") & ~frame["setting"].astype(str).str.startswith("cnnaeu")]
    rows = evidence.phase("baseline") if phase == "baseline" else evidence.contrastive
    if len(rows) and phase == "contrastive":
        rows = rows[(rows["configuration"] == "table7_average") & (rows["variant"] == "generalized")]
    found = []
    for scene, part in rows.groupby("scene") if len(rows) else ():
        known = methods[(methods["scene"] == scene) & methods["sad_mean"].notna()]
        means = run_means(part)
        if known.empty or not len(means) or not np.isfinite(means).all():
            continue
        best = known.sort_values("sad_mean").iloc[0]
        differences = means - float(best["sad_mean"])
        interval = mean_interval(differences)
        low, high = bounds_of(interval)
        plan = evidence.scale.get(str(scene), {})
        short = (
            baseline_scale(part, plan)
            if phase == "baseline"
            else point_scale(part, "table7_average", plan.get("contrastive") or {})
        )
        same = not short and str(part["scene_kind"].iloc[0]) == "real"
        values = tuple(differences) if interval is None else ()
        place = f"{best['title']} ({best['method']} {best['sad_mean']:.4f})"
        number = float(differences.mean())
        found.append(Measured(place, side_of(low, high), number, "rad", len(means), low, high, values, same))
    return found
