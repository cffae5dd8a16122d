"""The scorecard: every number that the paper prints of its results, ours beside it, and whether it reproduces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from unmixing.statistics.verdicts import INDICATIVE, OUTCOMES, count_verdicts
from unmixing.tables.audit_effects import audited
from unmixing.tables.claims import CLAIMS_NOTE
from unmixing.tables.forms import Column, signed
from unmixing.tables.run_rows import typed_frame
from unmixing.tables.scorecard_explanations import explain, largest
from unmixing.tables.scorecard_values import NOT_JUDGED, NOT_TESTABLE, Comparison, comparisons
from unmixing.tables.writing import Table

COLUMNS = [
    Column("table", "Table", "count", help="of the paper"),
    Column("title", "Scene"),
    Column("label", "Row, as printed"),
    Column("what", "Value"),
    Column("protocol", "Ours under", help="described: as the paper says; released: as its public code does"),
    Column("paper", "Paper", "angle"),
    Column("ours", "Ours", "angle"),
    Column("difference", "Ours − paper", "difference", "rad", extra=("comparison",)),
    Column("margin", "Margin", "angle", "rad", help=".005 rad or a tenth of the printed mean, whichever is larger"),
    Column(
        "narrow_low",
        "90 % interval",
        "interval",
        "rad",
        help="of ours − paper; below five the differences themselves",
        extra=("narrow_high", "run_values"),
    ),
    Column("wide_low", "95 % interval", "interval", "rad", help="of ours − paper", extra=("wide_high", "run_values")),
    Column("n", "n", "count", help="independent runs or draws behind the interval"),
    Column("runs", "Runs", "count", help="all, those of one draw counted each and diverged ones included"),
    Column("verdict", "Verdict", help="see the notes"),
    Column("judged_by", "Judged by", help="what so many runs of this scene allow to be judged"),
    Column("scale", "Scale", "prose", help="the paper's, or what of it is missing"),
    Column("explanation", "Explanation", "prose", help="of the largest disagreements, from measured rows"),
    Column("reason", "Reason", "prose"),
]

NOTES = [
    "Reproduced: the 90 % interval of ours minus the paper's lies within ± the margin. Contradicted: the 95 % interval "
    "has no point within it. Inconclusive: neither. Not testable here: the scene or its runs are missing. Whether two "
    "intervals overlap is no criterion.",
    "A verdict counts where scene and scale are the paper's: epochs, patches and batches, for the sweep also 90 images "
    "and three regimes. All else is indicative: what these runs show, no statement about the paper. The number of runs "
    "is no part of the scale: fewer runs have a wider interval.",
    "Intervals: Student's t below 25 values, BCa bootstrap from 25; below five there is none, the differences of the "
    "runs are printed and the verdict is inconclusive. In the sweep the independent draws are the values.",
    "A printed mean is taken as it stands. Those of Table 6 are single runs, but for its baseline rows: the scatter of "
    "one run is not in the interval.",
    "Not judged: printed standard deviations, for the margin is one for means (and .005 rad is nearly all of a .0058), "
    "and the hyper-parameters of Table 7, which are choices without a distance. They stand beside ours.",
    "Original Results of Table 5 and the averages of the baseline rows of Table 6 repeat Table 3: they have rows, and "
    "are counted under Table 3 alone. Crops, synthetic and semi-real scenes stand beside no printed value.",
    "Explanation: a measured number explains a difference if it takes half of it away or more: the other protocol, a "
    "field of the audit changed alone, the same recipe with more updates, unaugmented copies, the training without the "
    "contrastive term, the scatter of single runs.",
    CLAIMS_NOTE,
]


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Table:
    """Build the scorecard.

    Args:
        rows: Run rows of the phases baseline, augmentation, contrastive and audit; possibly empty.
        scenes: Availability records of all scenes.
        scale: By scene: the planned scale of every phase.
        provenance: Commit, versions, input checksums.

    Returns:
        One row per number of Tables 3, 5, 6 and 7, for every protocol that has runs for it. The first note counts the
        verdicts, the next ones name the largest disagreements and explain them from measured rows.
    """
    found = comparisons(rows, scenes, scale)
    ranked = largest(found)
    panels = list(audited(rows, scenes)) if ranked else []
    explanations = {id(one): explain(one, found, rows, panels) for one in ranked}
    frame = typed_frame(
        [_record(one, explanations.get(id(one))) for one in found],
        ["scene", "kind", "column", "arm"],
        COLUMNS,
    )
    rank = {id(one): place for place, one in enumerate(ranked, start=1)}
    frame["disagreement"] = pd.array([rank.get(id(one)) for one in found], dtype="Int64")
    frame["repeats"] = pd.array([one.repeats for one in found], dtype="boolean")
    frame["same_scale"] = pd.array([_same_scale(one) for one in found], dtype="boolean")
    return Table(
        name="table_scorecard",
        title="Scorecard: the paper's numbers beside ours",
        caption="Every number of the paper's Tables 3, 5, 6 and 7 with ours beside it, the interval of the difference, "
        "and whether it reproduces; angles in radians.",
        frame=frame,
        columns=COLUMNS,
        notes=[counts_note(found), *disagreement_notes(ranked, explanations), *NOTES],
        scale="in the column Scale",
        n="in the columns n and Runs",
        provenance=provenance,
    )


def _same_scale(one: Comparison) -> bool | None:
    return None if one.ours.value is None or one.kind == "choice" else not one.ours.scale


def _record(one: Comparison, explanation: str | None) -> dict[str, Any]:
    ours, judgement = one.ours, one.judgement
    record: dict[str, Any] = {
        "table": one.table,
        "scene": one.scene or None,
        "title": one.title,
        "kind": one.kind,
        "label": one.label,
        "column": one.column,
        "what": one.what,
        "arm": ours.arm or None,
        "protocol": ours.protocol or None,
        "paper": one.published,
        "ours": ours.value,
        "difference": one.difference,
        "runs": ours.runs or None,
        "verdict": one.verdict,
        "judged_by": one.judged_by,
        "explanation": explanation,
        "reason": "; ".join(filter(None, ("repeats Table 3" if one.repeats else "", ours.reason))) or None,
    }
    if ours.value is not None and one.kind != "choice":
        record["scale"] = ", ".join(ours.scale) or "the paper's"
        record["comparison"] = "indicative" if ours.scale else "same scale"
    if judgement is None:
        return record
    record["margin"] = judgement.margin
    if judgement.n:
        record["n"] = judgement.n
    if judgement.narrow is not None and judgement.wide is not None:
        record |= {"narrow_low": judgement.narrow[0], "narrow_high": judgement.narrow[1]}
        record |= {"wide_low": judgement.wide[0], "wide_high": judgement.wide[1]}
    elif judgement.n:
        record["run_values"] = " ".join(repr(float(value) - one.published) for value in ours.values)
    return record


def counts_note(found: Sequence[Comparison]) -> str:
    """Count the verdicts in words, repetitions left out.

    Args:
        found: All comparisons.
    """
    counted = [one for one in found if not one.repeats]
    printed = {(one.table, one.scene, one.label, one.column) for one in counted}
    verdicts = count_verdicts([one.judgement for one in counted if one.judgement is not None])
    others = Counter(one.verdict for one in counted if one.judgement is None)
    verdicts[NOT_TESTABLE] += others[NOT_TESTABLE]
    at_scale = ", ".join(f"{verdicts[outcome]} {outcome}" for outcome in OUTCOMES[:3])
    indicative = ", ".join(f"{verdicts[INDICATIVE + outcome]} {outcome}" for outcome in OUTCOMES[:3])
    text = (
        f"Of {len(printed)} printed numbers, {len(counted)} comparisons: at the paper's scale {at_scale}; indicative "
        f"{indicative}; {verdicts[NOT_TESTABLE]} not testable here; {others[NOT_JUDGED]} shown and not judged."
    )
    protocols = sorted({one.ours.protocol for one in counted if one.judgement is not None and one.ours.protocol})
    return text + (f" Counted for each protocol: {', '.join(protocols)}." if len(protocols) > 1 else "")


def disagreement_notes(ranked: Sequence[Comparison], explanations: Mapping[int, str]) -> list[str]:
    """Return one note for each of the largest disagreements, largest first.

    Args:
        ranked: The disagreements.
        explanations: By the identity of a comparison.
    """
    if not ranked:
        return ["Largest disagreements: none beyond its margin."]
    notes = []
    for place, one in enumerate(ranked, start=1):
        assert one.judgement is not None
        assert one.ours.value is not None
        notes.append(
            f"Largest disagreement {place}: {one.title}, Table {one.table}, {one.label} ({one.ours.protocol}): ours "
            f"{one.ours.value:.4f}, paper {one.published:.4f}, difference {signed(one.judgement.difference)} rad = "
            f"{abs(one.judgement.margins):.1f} margins, n = {one.judgement.n}, {one.verdict}. "
            f"{explanations[id(one)][:1].upper()}{explanations[id(one)][1:]}."
        )
    return notes
