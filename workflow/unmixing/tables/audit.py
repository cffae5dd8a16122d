"""Text against released code, one difference at a time: what each alone does to the baseline's SAD."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from unmixing.tables.audit_effects import Effect, adjusted_p_values, audited, count_pairs
from unmixing.tables.audit_sources import SOURCES
from unmixing.tables.claims import CLAIMS_NOTE, judged_by
from unmixing.tables.forms import Column
from unmixing.tables.run_rows import PAPER_SCALE, describe_rate, study_scale, typed_frame
from unmixing.tables.writing import Table

COLUMNS = [
    Column("title", "Scene"),
    Column("kind", "Kind", help="real, crop, synthetic, semi-real or own"),
    Column("protocol", "From", help="the protocol in which one field is changed"),
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
    Column("p_value", "p, Holm", "number", help="two-sided paired t test, adjusted within scene and protocol"),
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
    "the released code did, from released to what the text says. activation and input take a value that figure 1 and "
    "section 2.4 name and neither protocol has.",
    "Pairs: run r before and after starts from the same weights and sees the same patches in the same order with the "
    "same dropout. With initial_weights changed its weights alone differ, and a run that starts from the shared set "
    "on both sides is left out, being one training twice; with input changed the initial weights alone are shared.",
    "One shared set of initial weights is a single draw: the interval of initial_weights does not hold over others.",
    "Untracked batch normalisation acts in training, which moves the endmembers, and in prediction too, where it "
    "changes the network's abundances: these have no column here.",
    "Effects need not add up. The closing rows take the runs that have numbers in every one of them: before plus all "
    "single changes (loss, batch_norm, initial_weights), the other protocol itself, and the second less the first. "
    "The other protocol is also scored with its own matching (described optimal, released greedy), which no single "
    "change touches.",
    "p: Holm's adjustment over the single changes of one scene and protocol. The closing rows are description.",
    "indicative: not at the paper's 25 runs of 320 epochs on 250 patches of 40 x 40 pixels.",
    "CNNAEU notebook: Method_CNNAEU of its authors (burknipalsson/hu_autoencoders). The paper's public code holds no "
    "script of the baseline; that it was this notebook is inferred from the stored results.",
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
        rows: Run rows of the phases baseline and audit; possibly empty.
        scenes: Availability records of all scenes.
        scale: By scene: runs, epochs, patches and so on of this study.
        provenance: Commit, versions, input checksums.

    Returns:
        For each audited scene and protocol one row per field, largest difference first, and closing rows; for each
        other scene of the study one row that says why there is nothing. The frame also holds, in ``by_endmember``,
        the mean difference of every endmember.
    """
    records: list[dict[str, Any]] = []
    shown, counts = [], []
    for scene, protocol, found, reason in audited(rows, scenes):
        common = {"scene": scene.scene, "title": scene.title, "kind": scene.kind, "protocol": protocol}
        if not found:
            records.append(common | {"reason": reason})
            continue
        shown.append(scene)
        counts.append(f"{scene.title} ({protocol}) {count_pairs(found)}")
        adjusted = adjusted_p_values(found)
        for effect in found:
            described = describe_effect(effect, scene.scene, scale.get(scene.scene, {}))
            records.append(common | described | {"p_value": adjusted.get(effect.field)})
    frame = typed_frame(records, ["scene", "by_endmember"], COLUMNS).astype({"trials": "Int64"})
    return Table(
        name="table_audit",
        title="Audit of the baseline: text against released code, one difference at a time",
        caption="What a single difference between the paper's text and its released code does to the mean SAD of the "
        "baseline, compared run by run: from each protocol one field is changed and all else kept. Positive means "
        "that the change makes the SAD worse.",
        frame=frame,
        columns=COLUMNS,
        notes=NOTES,
        scale=study_scale(list(dict.fromkeys(shown)), scale),
        n="; ".join(counts) or "no runs",
        provenance=provenance,
    )


def describe_effect(effect: Effect, scene: str, scale: Mapping[str, Any]) -> dict[str, Any]:
    """Return one row of the table but for its scene, protocol and p value.

    Args:
        effect: What one change did.
        scene: Scene id.
        scale: The scene's planned scale.
    """
    source = SOURCES.get(effect.field)
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
    planned = all(scale.get(key, value) == value for key, value in PAPER_SCALE.items())
    record |= {
        "runs": comparison.n,
        "before": effect.before.mean(),
        "after": effect.after.mean(),
        "difference": comparison.difference,
        "comparison": None if planned and effect.paper_scale else "indicative",
        "detectable": comparison.detectable,
        "correlation": comparison.correlation,
        "judged_by": "" if effect.closing else judged_by(scene, comparison.n),
    }
    if effect.moved:
        ordered = sorted(effect.moved, key=lambda pair: -abs(pair[1]))
        signed = [f"{name} {value:+.4f}".replace("-", "−") for name, value in ordered]
        record |= {"moves_most": signed[0], "by_endmember": "; ".join(signed)}
    if effect.found is not None:
        before, after, trials = effect.found
        record |= {"found_before": before, "found_after": after, "trials": trials}
        record |= describe_rate(before, trials, "found_before") | describe_rate(after, trials, "found_after")
    if comparison.interval is None:
        return record | {"run_values": " ".join(repr(float(value)) for value in effect.differences)}
    return record | {"interval_low": comparison.interval.low, "interval_high": comparison.interval.high}
