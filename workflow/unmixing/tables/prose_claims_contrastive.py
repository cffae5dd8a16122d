"""Rules that runs of contrastive training decide."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations

import pandas as pd

from unmixing.statistics import paired_comparison
from unmixing.statistics.sweep import sign_flip_p_value
from unmixing.tables.contrastive_pairs import PREFIX, paired
from unmixing.tables.contrastive_rows import (
    AS_IT_IS,
    CONFIGURATION,
    CONFIGURATIONS,
    LAMBDA_1,
    PAPER_CONFIGURATIONS,
    PERMUTED,
    arm,
    run_table,
)
from unmixing.tables.prose_claims_evidence import Evidence, measured_rows, rule
from unmixing.tables.prose_claims_findings import (
    Finding,
    Measured,
    Verdict,
    against_bound,
    bounds_of,
    decide,
    not_tested,
    said,
    side_of,
)
from unmixing.tables.prose_claims_printed import (
    LOCAL,
    OTHER,
    beside,
    configurations,
    printed_elsewhere,
    printed_lowest,
)
from unmixing.tables.sweep_contrasts import EQUIVALENT_WITHIN
from unmixing.tables.table6 import BASELINE

NO_TERM = "no runs of contrastive training in this study"


def terms(evidence: Evidence, second: str, role: str = "primary", configuration: str = "") -> list[Measured]:
    """Return the contrasts of variants as they are with another variant or the baseline, of all scenes.

    Args:
        evidence: Of the study.
        second: Variant that is compared with.
        role: ``primary``, ``secondary`` or ``description``.
        configuration: Only this one, if it is named.
    """
    frame = evidence.terms
    if frame.empty:
        return []
    chosen = frame[(frame["second"] == second) & (frame["role"] == role) & (frame["first"] == AS_IT_IS)]
    if configuration:
        chosen = chosen[chosen["configuration"] == configuration]
    several = role != "primary" and not configuration
    name: Callable[[pd.Series], str] | None = (lambda row: str(row["configuration_title"])) if several else None
    return measured_rows(chosen, PREFIX, evidence.paper_scenes["contrastive"], name)


def arms(evidence: Evidence) -> dict[tuple[str, str], pd.DataFrame]:
    """Return by scene and title the runs of the named configurations (``contrastive_rows.run_table``)."""
    rows = evidence.contrastive
    if rows.empty:
        return {}
    rows = rows[rows["group"] == CONFIGURATION]
    titles = {str(record["scene"]): str(record["title"]) for record in evidence.scenes}
    return {(str(scene), titles.get(str(scene), str(scene))): run_table(part) for scene, part in rows.groupby("scene")}


@rule("labels_without_truth")
def labels_without_truth(evidence: Evidence) -> Finding:
    """How many runs as the paper describes them take the references into the training."""
    rows = evidence.contrastive
    rows = rows[(rows["group"] == CONFIGURATION) & (rows["variant"] == AS_IT_IS)] if len(rows) else rows
    text = "equation 20 weighs pairs by the abundances of the references, and configurations were chosen by SAD"
    if rows.empty:
        return Finding("contradicted", f"{text}; the same abstract calls the loss supervised", basis="text")
    runs = rows.drop_duplicates("id")
    with_truth = int(runs["uses_truth"].astype(str).str.contains("training").sum())
    found = f"{with_truth} of {len(runs)} runs of the configurations as they are train with the references; {text}"
    return Finding(said(not with_truth), found, float(with_truth), f"of {len(runs)}", len(runs), basis="text")


@rule("labels_help")
def labels_help(evidence: Evidence) -> Finding:
    """The primary contrast with permuted labels."""
    found = terms(evidence, PERMUTED)
    return decide(found, "better", lead="less permuted labels: ") if found else not_tested(NO_TERM)


@rule("broad_kernel")
def broad_kernel(evidence: Evidence) -> Finding:
    """Best SAD (Avg), whose kernel is broad, with its labels and with permuted ones."""
    found = terms(evidence, PERMUTED, "secondary", "table7_average")
    return decide(found, "better", lead="less permuted labels: ") if found else not_tested(NO_TERM)


def _on_samson(found: Sequence[Measured], lead: str) -> Finding:
    chosen = [one for one in found if one.place.startswith("Samson")]
    return decide(chosen, "better", lead=lead) if chosen else not_tested(f"{NO_TERM} on Samson at this point")


@rule("sharp_kernel")
def sharp_kernel(evidence: Evidence) -> Finding:
    """Best SAD (Samson), whose kernel is sharp, on Samson with its labels and with permuted ones."""
    return _on_samson(terms(evidence, PERMUTED, "secondary", "table7_samson"), "less permuted labels: ")


@rule("term_on_samson")
def term_on_samson(evidence: Evidence) -> Finding:
    """Best SAD (Samson) on Samson with and without the contrastive term."""
    return _on_samson(terms(evidence, LAMBDA_1, "secondary", "table7_samson"), "less lambda 1: ")


@rule("term_benefit")
def term_benefit(evidence: Evidence) -> Finding:
    """The primary contrast with the training without the contrastive term."""
    found = terms(evidence, LAMBDA_1)
    return decide(found, "better", lead="less lambda 1: ") if found else not_tested(NO_TERM)


@rule("term_inconsistent")
def term_inconsistent(evidence: Evidence) -> Finding:
    """Whether a scene is without an improvement by the contrastive term."""
    found = terms(evidence, LAMBDA_1)
    if not found:
        return not_tested(NO_TERM)
    better = decide(found, "better", "all", "less lambda 1: ")
    turned: dict[Verdict, Verdict] = {"holds": "contradicted", "contradicted": "holds", "not borne out": "holds"}
    verdict = turned.get(better.verdict, better.verdict)
    if len(found) == 1 and verdict == "contradicted":
        verdict = "inconclusive"  # One scene shows nothing of consistency.
    return replace(better, verdict=verdict)


@rule("all_configurations_improve")
def all_configurations_improve(evidence: Evidence) -> Finding:
    """In how many configurations the printed average lies below the baseline's."""
    values = configurations()
    lower = [
        (scene, name)
        for scene, known in values.items()
        for name in known
        if name != BASELINE and known[name] < known[BASELINE]
    ]
    words = "; ".join(f"{scene.capitalize()} {CONFIGURATIONS[name]}" for scene, name in lower) or "none"
    text = f"{len(lower)} of 6 printed averages lie below the baseline: {words}"
    found = Finding(said(len(lower) == 6), text, float(len(lower)), "of 6", 6, basis="printed")
    return beside(found, terms(evidence, LAMBDA_1, "secondary"))


@rule("not_below_baseline")
def not_below_baseline(evidence: Evidence) -> Finding:
    """Whether any configuration lies above our baseline; as printed where there are no runs."""
    found = terms(evidence, BASELINE, "description")
    if found:
        sides = [one.side for one in found]
        decided = decide(found, "better", "all", "less our baseline: ")
        above = "worse" in sides
        verdict: Verdict = "holds" if above else "contradicted" if set(sides) == {"better"} else "inconclusive"
        return replace(decided, verdict=verdict)
    values = configurations()
    larger = [name for known in values.values() for name in known if known[name] > known[BASELINE]]
    text = f"{len(larger)} of 6 printed averages lie above the baseline"
    return Finding(said(bool(larger)), text, float(len(larger)), "of 6", 6, basis="printed")


@rule("term_robustness")
def term_robustness(evidence: Evidence) -> Finding:
    """Rates of runs that find all endmembers, with and without the contrastive term."""
    found = []
    for (scene, title), runs in arms(evidence).items():
        pairs = [[arm(runs, name, variant) for variant in (AS_IT_IS, LAMBDA_1)] for name in PAPER_CONFIGURATIONS]
        names = [pair for pair in pairs if all(len(one) for one in pair)]
        both = [[pair[side] for pair in names] for side in (0, 1)]
        success = paired(both[0], both[1], scene).success if names else None
        if success is None:
            continue
        p_value = sign_flip_p_value(success.values)
        side = "untested" if p_value is None else "undecided"
        if p_value is not None and p_value < 0.05:
            side = "better" if success.difference > 0 else "worse"
        at_scale = scene in evidence.paper_scenes["contrastive"]
        found.append(Measured(title, side, success.difference, "of runs", success.pairs, same_scale=at_scale))
    lead = "rate of runs that find all endmembers, less that of lambda 1: "
    return decide(found, "better", lead=lead) if found else not_tested(NO_TERM)


def _points(evidence: Evidence, scene_wanted: str, first: str, seconds: Sequence[str]) -> list[Measured]:
    """Return a configuration against others on a scene, or on crops of it, run by run."""
    found = []
    for (scene, title), runs in arms(evidence).items():
        if scene.removesuffix("_crop") != scene_wanted:
            continue
        for second in seconds:
            one, other = arm(runs, first, AS_IT_IS), arm(runs, second, AS_IT_IS)
            sad = paired([one], [other], scene).sad if len(one) and len(other) else None
            if sad is None:
                continue
            low, high = bounds_of(sad.interval)
            values = sad.values if sad.interval is None else ()
            at_scale = scene in evidence.paper_scenes["contrastive"]
            place = f"{title}, {CONFIGURATIONS[first]} less {CONFIGURATIONS[second]}"
            side, number = side_of(low, high), sad.difference
            found.append(Measured(place, side, number, "rad", sad.pairs, low, high, values, at_scale))
    return found


def _best_on(evidence: Evidence, scene: str) -> Finding:
    others = [name for name in PAPER_CONFIGURATIONS if name != LOCAL[scene]]
    found = _points(evidence, scene, LOCAL[scene], others)
    return decide(found, "better", "all") if found else printed_lowest(scene)


@rule("best_on_samson")
def best_on_samson(evidence: Evidence) -> Finding:
    """Best SAD (Samson) against the other two on Samson, with fresh seeds; as printed without runs."""
    return _best_on(evidence, "samson")


@rule("best_on_urban4")
def best_on_urban4(evidence: Evidence) -> Finding:
    """Best SAD (Urban4) against the other two on Urban4 or its crop, with fresh seeds; as printed without runs."""
    return _best_on(evidence, "urban4")


@rule("tuned_is_best")
def tuned_is_best(evidence: Evidence) -> Finding:
    """The configuration chosen on a scene against the general one, on both scenes."""
    found = [one for scene in LOCAL for one in _points(evidence, scene, LOCAL[scene], ["table7_average"])]
    if found:
        return decide(found, "better", "all")
    both = [printed_lowest(scene) for scene in LOCAL]
    best = sum(one.verdict == "holds" for one in both)
    words = "; ".join(one.sentence for one in both)
    return Finding(said(best == len(both)), words, float(best), f"of {len(both)}", len(both), basis="printed")


@rule("carries_over_badly")
def carries_over_badly(evidence: Evidence) -> Finding:
    """The configuration of the other scene against the scene's own."""
    found = [one for scene in LOCAL for one in _points(evidence, scene, OTHER[scene], [LOCAL[scene]])]
    return decide(found, "worse") if found else printed_elsewhere()


@rule("hyperparameters_matter")
def hyperparameters_matter(evidence: Evidence) -> Finding:
    """The largest difference between two of the paper's configurations on any scene."""
    found = [
        one
        for scene in dict.fromkeys(scene.removesuffix("_crop") for scene, _ in arms(evidence))
        for first, second in combinations(PAPER_CONFIGURATIONS, 2)
        for one in _points(evidence, scene, first, [second])
    ]
    if not found:
        return not_tested(NO_TERM)
    largest = max(found, key=lambda one: abs(one.number))
    return decide([largest], largest.side if largest.side in ("better", "worse") else "better", "any", "largest: ")


@rule("batch_or_updates")
def batch_or_updates(evidence: Evidence) -> Finding:
    """What the number of updates of a batch of 8 changes; batch and updates go together in the grid."""
    why = "in the grid a small batch makes more updates at equal epochs, and stability has no measure in the text"
    frame = evidence.terms
    chosen = frame[(frame["first"] == "equal_updates") & (frame["second"] == AS_IT_IS)] if len(frame) else frame
    found = measured_rows(chosen, PREFIX, evidence.paper_scenes["contrastive"])
    if not found:
        return not_tested(f"{why}; no runs with equal updates in this study")
    told = decide(found, "better", lead=f"{why}. As many updates as a batch of 8 makes, less as it is: ")
    return replace(told, verdict="not tested")


@rule("reconstruction_kept")
def reconstruction_kept(evidence: Evidence) -> Finding:
    """The angle of the reconstruction with and without the term: kept within the bound of equivalence, or not."""
    found = []
    for (scene, title), runs in arms(evidence).items():
        for name in PAPER_CONFIGURATIONS:
            sides = [arm(runs, name, variant).set_index("run") for variant in (AS_IT_IS, LAMBDA_1)]
            both = pd.concat([one["reconstruction_angle_rad"] for one in sides], axis=1).dropna()
            if both.empty:
                continue
            compared = paired_comparison(both.iloc[:, 0], both.iloc[:, 1])
            low, high = bounds_of(compared.interval)
            side = against_bound((low, high), EQUIVALENT_WITHIN)
            at_scale = scene in evidence.paper_scenes["contrastive"]
            place = f"{title}, {CONFIGURATIONS[name]}"
            found.append(Measured(place, side, compared.difference, "rad", compared.n, low, high, same_scale=at_scale))
    lead = f"angle of the reconstruction less that of lambda 1, at most {EQUIVALENT_WITHIN} rad larger: "
    return decide(found, "same", "all", lead) if found else not_tested(NO_TERM)
