"""Paired differences of the contrastive phase: the term, its labels, its head, its loss, each against its control."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from unmixing.tables.claims import CLAIMS_NOTE
from unmixing.tables.contrastive_pairs import DIFFERENCE, PREFIX, TEXTS, difference_record, paired
from unmixing.tables.contrastive_rows import (
    AS_IT_IS,
    CONFIGURATION,
    CONFIGURATIONS,
    LAMBDA_1,
    NO_CONTRASTIVE,
    PAIRS_NOTE,
    PAPER_CONFIGURATIONS,
    PERMUTED,
    VARIANTS,
    arm,
    contrastive,
    parts,
    phase_runs,
    phase_scale,
    run_table,
)
from unmixing.tables.forms import Column
from unmixing.tables.run_rows import of_phase, on_scene, typed_frame
from unmixing.tables.scene_rows import common_of, scenes_to_show
from unmixing.tables.sweep_contrasts import (
    EQUIVALENT_WITHIN,
    FINDING_NOTE,
    Contrast,
    adjust,
    adjust_over_scenes,
    side_of_finding,
)
from unmixing.tables.writing import Table

PRIMARY, SECONDARY, DESCRIPTION = "primary", "secondary", "description"
BASELINE = "baseline"


@dataclass(frozen=True)
class Question:
    """What a difference between two variants of one configuration answers.

    Attributes:
        subject: What the first has and the second lacks, as the subject of a sentence.
        first: Variant.
        second: Variant it is compared with, or the baseline.
        core: Whether its absence is told.
    """

    subject: str
    first: str
    second: str
    core: bool = False


TERM = Question("the contrastive term", AS_IT_IS, LAMBDA_1, core=True)
LABELS = Question("the labels of the patches", AS_IT_IS, PERMUTED, core=True)
QUESTIONS = (
    TERM,
    LABELS,
    Question("weights from labels in place of NT-Xent", AS_IT_IS, "nt_xent"),
    Question("the projection head", AS_IT_IS, "identity"),
    Question("the kernel in place of the dot product", AS_IT_IS, "dot"),
    Question("labels without truth in place of the references", "stage1", AS_IT_IS),
    Question("the term with labels from the baseline, without truth", "stage1", LAMBDA_1),
    Question("the network's own labels in place of the references", "online", AS_IT_IS),
    Question("the term with the network's own labels, without truth", "online", LAMBDA_1),
    Question("the term with permuted labels", PERMUTED, LAMBDA_1),
    Question("the term as NT-Xent", "nt_xent", LAMBDA_1),
    Question("the term without a head", "identity", LAMBDA_1),
    Question("the number of updates of a batch of 8", "equal_updates", AS_IT_IS),
    Question("contrastive training, all that differs from the baseline", AS_IT_IS, BASELINE),
)

COLUMNS = [
    Column("title", "Scene"),
    Column("kind", "Kind", help="real, crop, synthetic, semi-real or own"),
    Column("protocol", "Protocol"),
    Column("role", "Role", help="primary: tested over scenes; secondary: within a scene; description: no test"),
    Column("configuration_title", "Configuration", "prose"),
    Column("first_title", "First"),
    Column("second_title", "Second"),
    *DIFFERENCE,
    Column("verdict", "Verdict", "prose", help="what the finding says of the first against the second"),
    Column("updates", "Updates", help="of a run of the first, and of the second where they differ"),
    Column("uses_truth", "Uses truth", help="of the first's runs"),
    Column("reason", "Reason", "prose"),
]

NOTES = [
    "Primary: the mean over those of the paper's three configurations (Table 7) that are at hand, less their mean "
    "without the contrastive term, and less their mean with permuted labels; two questions, each adjusted by Holm over "
    "the scenes of a protocol.",
    "Secondary: every pair of variants of a single configuration, Holm over all of them within a scene and protocol. "
    "Against the baseline is a description: network, recipe, patches and number of updates differ with the term.",
    "Lambda 1 tests the contrastive term: same network, views, patches and updates, reconstruction alone. Permuted "
    "labels test the idea of labels: the same labels, shuffled over the patches. Neither control is in the paper.",
    "Lambda is no share: at lambda .5 the contrastive loss has another size and another gradient than the angle; the "
    "ratio of their gradients is in the table of collapse.",
    "Labels from references take the truth into the training (audit item A5); those from the baseline's or the "
    "network's own abundances do not. The paper's configurations were chosen by SAD (oracle).",
    PAIRS_NOTE,
    FINDING_NOTE,
    CLAIMS_NOTE,
]


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Table:
    """Build the table of contrasts.

    Args:
        rows: Run rows of the phases contrastive and baseline; possibly empty.
        scenes: Availability records of all scenes.
        scale: By scene; the key ``contrastive`` holds the planned scale of the phase.
        provenance: Commit, versions, input checksums.

    Returns:
        For each scene and protocol the two primary contrasts and those of every configuration; one row that says why
        for a scene without runs. The first note says whether the generalized loss helps once labels and axes are
        right.
    """
    shown, chosen, baseline = scenes_to_show(scenes), contrastive(rows, group=CONFIGURATION), of_phase(rows, BASELINE)
    records: list[dict[str, Any]] = []
    primary: list[tuple[dict[str, Any], Contrast]] = []
    for scene, protocol, part in parts(chosen, shown):
        common = common_of(scene, protocol)
        if part.empty:
            records.append(common | {"reason": scene.reason or NO_CONTRASTIVE})
            continue
        runs, own = run_table(part), on_scene(baseline, scene.scene, protocol)
        found = [(common | record, one) for record, one in _primary(runs, scene.scene)]
        primary += found
        records += [record for record, _ in found]
        singles = [(common | record, one) for record, one in _singles(runs, run_table(own), scene.scene)]
        tested = [pair for pair in singles if pair[0]["role"] == SECONDARY]
        adjust(tested, PREFIX)
        records += [record for record, _ in singles]
    adjust_over_scenes(primary, ["protocol", "second"], PREFIX)
    for record in records:
        record["verdict"] = verdict(record)
    return Table(
        name="table_contrastive_contrasts",
        title="What the contrastive term, its labels, its head and its loss change",
        caption="Differences in mean SAD (radians) between variants of the contrastive configurations, paired by run; "
        "negative means that the first has the smaller SAD.",
        frame=typed_frame(records, ["scene", "configuration", "first", "second", "subject", *TEXTS], COLUMNS),
        columns=COLUMNS,
        notes=[answer([record for record, _ in primary]), *NOTES],
        scale=phase_scale(shown, scale),
        n=phase_runs(chosen, shown),
        provenance=provenance,
    )


def _described(question: Question) -> dict[str, Any]:
    titles = {**VARIANTS, BASELINE: "the baseline of Table 3"}
    return {
        "subject": question.subject,
        "first": question.first,
        "second": question.second,
        "first_title": titles[question.first],
        "second_title": titles[question.second],
    }


def _primary(runs: pd.DataFrame, scene: str) -> list[tuple[dict[str, Any], Contrast]]:
    """Return the two primary contrasts of one scene and protocol."""
    found = []
    for question in (TERM, LABELS):
        both = {
            name: (arm(runs, name, question.first), arm(runs, name, question.second)) for name in PAPER_CONFIGURATIONS
        }
        at_hand = [name for name, arms in both.items() if all(len(one) for one in arms)]
        record = {"role": PRIMARY, "configuration": "mean", **_described(question)}
        record["configuration_title"] = f"mean over {len(at_hand)} of the paper's three"
        one = paired([both[name][0] for name in at_hand], [both[name][1] for name in at_hand], scene)
        if not at_hand:
            one = Contrast(reason=f"none of the paper's three has runs {VARIANTS[question.second]} beside its own")
        else:
            record |= _sides([both[name][0] for name in at_hand], [both[name][1] for name in at_hand])
        found.append((record | difference_record(one), one))
    return found


def _singles(runs: pd.DataFrame, baseline: pd.DataFrame, scene: str) -> list[tuple[dict[str, Any], Contrast]]:
    """Return the contrasts of every configuration of one scene and protocol."""
    found = []
    for name in (name for name in CONFIGURATIONS if name in set(runs["configuration"])):
        # A loss without labels, as that of the NT-Xent sheet, has no control of its labels.
        labelled = "generalized" in set(runs.loc[runs["configuration"] == name, "loss"])
        for question in QUESTIONS:
            first = arm(runs, name, question.first)
            second = baseline if question.second == BASELINE else arm(runs, name, question.second)
            lacking = [side for side, one in ((question.first, first), (question.second, second)) if one.empty]
            if lacking and (not question.core or (question is LABELS and not labelled)):
                continue
            if question.first == "equal_updates" and set(first["updates"]) == set(second["updates"]):
                continue  # Batches of 8 make as many: the same training twice.
            record: dict[str, Any] = {
                "role": DESCRIPTION if question.second == BASELINE else SECONDARY,
                "configuration": name,
            }
            record |= {"configuration_title": CONFIGURATIONS[name], **_described(question)}
            if lacking:
                one = Contrast(reason=f"no runs {' and '.join(VARIANTS[side] for side in lacking)} in this study")
            else:
                one = paired([first], [second], scene)
                record |= _sides([first], [second])
            record |= difference_record(one)
            if question.second == BASELINE:
                record |= dict.fromkeys([f"{PREFIX}_p_value"]) | {"finding": None if one.sad is None else DESCRIPTION}
            found.append((record, one))
    return found


def _sides(firsts: Sequence[pd.DataFrame], seconds: Sequence[pd.DataFrame]) -> dict[str, Any]:
    """Return the updates of both sides and what the first takes of the truth."""
    counts = []
    for side in (firsts, seconds):
        values = sorted({int(value) for one in side for value in one.loc[one["status"] != "diverged", "updates"]})
        counts.append(" or ".join(str(value) for value in values))
    truth = sorted({str(value) for one in firsts for value in one["uses_truth"]})
    updates = counts[0] if counts[0] == counts[1] else " against ".join(filter(None, counts))
    return {"updates": updates or None, "uses_truth": ", ".join(truth)}


def verdict(record: Mapping[str, Any]) -> str | None:
    """Return in words what a comparison says of what the first has and the second lacks.

    Args:
        record: A row with its finding.
    """
    finding, subject = record.get("finding"), record.get("subject")
    if finding is None:
        return None
    if finding == DESCRIPTION:
        low, high = record.get(f"{PREFIX}_low"), record.get(f"{PREFIX}_high")
        if low is None or high is None:
            return f"{subject}: fewer than 5 pairs, nothing is claimed"
        size = "smaller" if high < 0 else "larger" if low > 0 else "no clearly other"
        return f"{subject}: {size} SAD, whatever of it is the cause"
    side = side_of_finding(finding)
    if side == "better":
        return f"helps: {subject}"
    if side == "worse":
        return f"harms: {subject}"
    if side == "same":
        return f"makes no difference beyond {EQUIVALENT_WITHIN} rad: {subject}"
    if side == "untested":
        return f"fewer than 5 pairs, nothing is claimed: {subject}"
    detectable = record.get(f"{PREFIX}_detectable")
    seen = (
        ""
        if detectable is None or record.get("judged_by") == "success rate"
        else f" (one such test finds {detectable:.4f} rad)"
    )
    return f"undecided{seen}: {subject}"


def answer(primary: Sequence[Mapping[str, Any]]) -> str:
    """Say whether the generalized loss helps once labels and axes are right.

    Args:
        primary: The two primary rows of each scene and protocol, with their findings.
    """
    question = "Does the generalized loss help once labels and axes are right (protocol described)? "
    found: dict[str, dict[str, str | None]] = {}
    for record in primary:
        if record["protocol"] == "described":
            found.setdefault(str(record["title"]), {})[str(record["second"])] = record.get("finding")
    said = [f"{title}: {_answer(both.get(LAMBDA_1), both.get(PERMUTED))}" for title, both in found.items()]
    return question + ("; ".join(said) + "." if said else "No runs under this protocol in this study.")


def _answer(term: str | None, labels: str | None) -> str:
    """Return what the findings against lambda 1 and against permuted labels say together."""
    side = side_of_finding(term)
    if side == side_of_finding(labels) == "better":
        return "yes, by its term and by its labels"
    term, labels = term or "not compared", labels or "not compared"
    if side == "better":
        return f"its contrastive term helps; that its labels do is not shown (against permuted labels: {labels})"
    if side == "worse":
        said = "no, it harms"
    else:
        said = "not testable here" if term in ("untested", "not compared") else "not shown"
    return f"{said} (against lambda 1: {term}; against permuted labels: {labels})"
