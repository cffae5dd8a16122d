"""Text against released code, one difference at a time: what each alone does to the SAD, in every phase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import pandas as pd

from unmixing.tables.audit_effects import PHASE_TITLES, Panel, adjusted_p_values, audited
from unmixing.tables.audit_pairs import Effect
from unmixing.tables.audit_sources import CODE_NOTE, SOURCES
from unmixing.tables.claims import CLAIMS_NOTE, judged_by
from unmixing.tables.contrastive_rows import PAPER_SCALE as CONTRASTIVE_SCALE
from unmixing.tables.forms import Column
from unmixing.tables.run_rows import PAPER_SCALE, describe_rate, describe_scale, typed_frame
from unmixing.tables.sweep_rows import PAPER_IMAGES
from unmixing.tables.writing import Table

COLUMNS = [
    Column("title", "Scene"),
    Column("kind", "Kind", help="real, crop, synthetic, semi-real or own"),
    Column("protocol", "From", help="the protocol in which one field is changed"),
    Column("phase_title", "Phase", help="whose training is changed"),
    Column("place", "At", help="treatment, regime and images of the sweep; configuration of contrastive training"),
    Column("field", "Field"),
    Column("before_value", "Value", help="of the field in that protocol"),
    Column("after_value", "Changed to"),
    Column("item", "Audit item", help="number in the list of differences between paper and code"),
    Column("paper", "Paper says", "prose"),
    Column("code", "Code did", "prose"),
    Column("runs", "Pairs", "count", help="runs that have numbers before and after the change, and can differ"),
    Column("before", "SAD before", "angle", "rad", help="mean over these pairs"),
    Column("after", "SAD after", "angle", "rad", help="mean over these pairs"),
    Column("difference", "After − before", "difference", "rad", help="positive: worse", extra=("comparison",)),
    Column(
        "interval_low",
        "95 % interval",
        "interval",
        "rad",
        help="of the paired difference; below five pairs the differences themselves",
        extra=("interval_high", "run_values"),
    ),
    Column("p_value", "p, Holm", "number", help="two-sided paired t test, adjusted within scene, protocol and phase"),
    Column("detectable", "Detectable", "angle", "rad", help="true difference that so many pairs show with power .8"),
    Column("correlation", "Pairing correlation", "angle", help="realised, of the paired runs"),
    Column("found_before", "Find all, before", "rate", extra=("trials", "found_before_low", "found_before_high")),
    Column("found_after", "Find all, after", "rate", extra=("trials", "found_after_low", "found_after_high")),
    Column("moves_most", "Moves most (rad)", help="endmember with the largest mean difference of the same pairs"),
    Column("judged_by", "Judged by"),
    Column("reason", "Reason", "prose"),
]

NOTES = [
    "A change sets one field of the protocol under From to another value and keeps all else: from described to what "
    "the released code did, from released to what the text says. activation, input, flip_names, label_source and "
    "normalisation take a value that a figure, a section, the abstract, an equation or a function's name has and "
    "neither protocol.",
    "Pairs: run r before and after starts from the same weights and sees the same patches in the same order with the "
    "same dropout, and in contrastive training views drawn from the same numbers. With initial_weights changed its "
    "weights alone differ, and a run that starts from the shared set on both sides is left out, being one training "
    "twice; with input changed the initial weights alone are shared; with patches of the sweep changed, weights and "
    "images; matching scores the same runs again.",
    "One shared set of initial weights is a single draw: no interval from released in the baseline and the sweep, and "
    "none of initial_weights, holds over others. Runs of the sweep that share images or weights are one pair.",
    "From released, contrastive training has a seed for each run. The released code has one for all (audit item A8), "
    "which leaves a single run and no effect that could be told from chance.",
    "view_axes changes with it what the released functions do to such a view: jitter is a gain, the border of the blur "
    "is black. initialisation and decoder change biases too.",
    "Untracked batch normalisation acts in training, which moves the endmembers, and in prediction too, where it "
    "changes the network's abundances: these have no column here. undo_jitter and abundance_gain move what a spectral "
    "angle does not see.",
    "Effects need not add up. The closing rows take the runs that have numbers in every one of them: before plus all "
    "single changes of the training, the other protocol itself, and the second less the first. The other protocol is "
    "also scored with its own matching (described optimal, released greedy), which the sum leaves out.",
    "p: Holm's adjustment over the single changes of one scene, protocol and phase. The closing rows are description.",
    "indicative: not at the paper's scale (25 runs of 320 epochs on 250 patches of 40 x 40 pixels, the sweep with 90 "
    "images; 100 epochs in contrastive training, whose code has one run).",
    CODE_NOTE,
    CLAIMS_NOTE,
]


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Table:
    """Build the table of the audit.

    Args:
        rows: Run rows of the audit and of the phases baseline, augmentation and contrastive; possibly empty.
        scenes: Availability records of all scenes.
        scale: By scene: runs, epochs, patches and so on of the baseline, and of other phases under their names.
        provenance: Commit, versions, input checksums.

    Returns:
        For each audited scene, protocol, phase and place one row per field, largest difference first, and closing
        rows; for each other scene of the study one row that says why there is nothing. The frame also holds, in
        ``by_endmember``, the mean difference of every endmember.
    """
    records: list[dict[str, Any]] = []
    panels = list(audited(rows, scenes))
    for (_, protocol, phase), family in groupby(panels, lambda panel: (panel.scene.scene, panel.protocol, panel.phase)):
        members = list(family)
        adjusted = adjusted_p_values(members)
        for panel in members:
            scene = panel.scene
            common = {"scene": scene.scene, "title": scene.title, "kind": scene.kind, "protocol": protocol}
            if not panel.effects:
                records.append(common | {"reason": panel.reason})
                continue
            common |= {"phase": phase, "phase_title": PHASE_TITLES[phase], "place": panel.place_title}
            for effect in panel.effects:
                described = describe_effect(effect, panel, scale.get(scene.scene, {}))
                records.append(common | described | {"p_value": adjusted.get((panel.place, effect.field))})
    frame = typed_frame(records, ["scene", "phase", "by_endmember"], COLUMNS).astype({"trials": "Int64"})
    return Table(
        name="table_audit",
        title="Audit: text against released code, one difference at a time",
        caption="What a single difference between the paper's text and its released code does to the mean SAD of the "
        "baseline, of the sweep and of contrastive training, compared run by run: from each protocol one field is "
        "changed and all else kept. Positive means that the change makes the SAD worse.",
        frame=frame,
        columns=COLUMNS,
        notes=NOTES,
        scale=audit_scale(panels, scale),
        n="; ".join(f"{panel.heading}: {panel.pairs}" for panel in panels if panel.effects) or "no runs",
        provenance=provenance,
    )


def audit_scale(panels: Sequence[Panel], scale: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the planned scale of each audited phase in words, where it is known and the same for all scenes.

    Args:
        panels: Of the audit.
        scale: By scene the planned scale of the baseline, and of other phases under their names.
    """
    parts = []
    for phase, title in PHASE_TITLES.items():
        plans = [planned(scale.get(panel.scene.scene, {}), phase) for panel in panels if panel.phase == phase]
        # How many runs there are stands with each effect; sizes that are not planned are those of the configuration.
        known = [{key: value for key, value in plan.items() if key != "runs" and value is not None} for plan in plans]
        found = {describe_scale(plan) for plan in known if plan}
        if found:
            parts.append(f"{title} {found.pop() if len(found) == 1 else 'differs between scenes'}")
    return "; ".join(parts)


def planned(scale: Mapping[str, Any], phase: str) -> Mapping[str, Any]:
    """Return the planned scale of a phase from that of its scene."""
    plan: Mapping[str, Any] = scale if phase == "baseline" else scale.get(phase) or {}
    return plan


def at_paper_scale(effect: Effect, panel: Panel, scale: Mapping[str, Any]) -> bool:
    """Return whether an effect was measured at the paper's scale, as planned and as done.

    Args:
        effect: Of the panel.
        panel: Says phase and place.
        scale: The scene's planned scale.
    """
    plan = planned(scale, panel.phase)
    if panel.phase == "contrastive":
        return effect.epochs == {100} and all(plan.get(key) == value for key, value in CONTRASTIVE_SCALE.items())
    whole = all(plan.get(key, value) == value for key, value in PAPER_SCALE.items() if key != "runs")
    enough = effect.found is None or effect.found[2] + len(effect.twins) == PAPER_SCALE["runs"]
    if panel.phase == "augmentation":
        # Released runs end early: their epochs are not counted.
        return whole and enough and bool(plan) and panel.place.endswith(f"-{PAPER_IMAGES}")
    return whole and enough and effect.epochs == {PAPER_SCALE["epochs"]}


def describe_effect(effect: Effect, panel: Panel, scale: Mapping[str, Any]) -> dict[str, Any]:
    """Return one row of the table but for its place and p value.

    Args:
        effect: What one change did.
        panel: Where.
        scale: The scene's planned scale.
    """
    source = SOURCES.get((panel.phase, effect.field))
    record: dict[str, Any] = {
        "field": effect.field,
        "before_value": effect.before_value,
        "after_value": effect.after_value,
        "reason": effect.reason,
    }
    if source is not None:
        record |= {"item": source.item, "paper": source.paper, "code": source.code}
    comparison = effect.compare()
    if comparison is None:
        return record
    record |= {
        "runs": comparison.n,
        "before": effect.before.mean(),
        "after": effect.after.mean(),
        "difference": comparison.difference,
        "comparison": None if at_paper_scale(effect, panel, scale) else "indicative",
        "detectable": comparison.detectable,
        "correlation": comparison.correlation,
        "judged_by": "" if effect.closing else judged_by(panel.scene.scene, comparison.n),
    }
    if effect.moved:
        ordered = sorted(effect.moved, key=lambda pair: -abs(pair[1]))
        signed = [f"{name} {value:+.4f}".replace("-", "−") for name, value in ordered]
        record |= {"moves_most": signed[0], "by_endmember": "; ".join(signed)}
    if effect.found is not None:
        before, after, trials = effect.found
        record |= {"found_before": before, "found_after": after, "trials": trials}
        if not effect.scored_runs:  # Runs that share images or weights are no independent trials.
            record |= describe_rate(before, trials, "found_before") | describe_rate(after, trials, "found_after")
    if comparison.interval is None:
        return record | {"run_values": " ".join(repr(float(value)) for value in effect.differences)}
    return record | {"interval_low": comparison.interval.low, "interval_high": comparison.interval.high}
