"""Projection heads over scenes and seeds, and whether section 5.4 holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from unmixing.tables.claims import CLAIMS_NOTE
from unmixing.tables.contrastive_pairs import DIFFERENCE, PREFIX, TEXTS, difference_record, paired
from unmixing.tables.contrastive_rows import (
    CONFIGURATION,
    HEADS_PHASE,
    LAMBDA_1,
    PAIRS_NOTE,
    contrastive,
    describe_runs,
    parts,
    phase_runs,
    phase_scale,
    run_table,
    without_term,
)
from unmixing.tables.forms import Column
from unmixing.tables.run_rows import on_scene, typed_frame
from unmixing.tables.scene_rows import common_of, scenes_to_show
from unmixing.tables.sweep_contrasts import FINDING_NOTE, Contrast, adjust, side_of_finding
from unmixing.tables.writing import Table

BASELINE, IDENTITY = "baseline", "identity"

#: Head: layers as the equations print them (described), and as the code builds them (released).
HEADS: Mapping[str, tuple[str, str]] = {
    BASELINE: ("K → 128 → ReLU → 64 → ReLU", "K → 128 → ReLU → 64"),
    "low_dimensional": ("K → 64 → ReLU", "K → 64 → ReLU → 64"),
    "skip": ("Z + (K → K → ReLU)", "(K → 64) + (K → 128 → ReLU → 64)"),
    "bottleneck": ("K → 256 → ReLU → 64 → ReLU", "K → 256 → ReLU → 64 → ReLU → 128"),
    "deeper": ("K → 256 → ReLU → 128 → ReLU → 64 → ReLU", "K → 256 → ReLU → 128 → ReLU → 64"),
    IDENTITY: ("none: the abundances themselves", "none: the abundances themselves"),
}

#: Head: what section 5.4 says of it.
CLAIMS: Mapping[str, str] = {
    BASELINE: "consistently performed best across datasets",
    "skip": "did not yield improvements over the baseline",
    "bottleneck": "exhibited worse results",
    "deeper": "showed improvements in some cases but lacked consistency",
    IDENTITY: "a head is needed: claimed without a run that has none",
}

COLUMNS = [
    Column("title", "Scene"),
    Column("kind", "Kind", help="real, crop, synthetic, semi-real or own"),
    Column("protocol", "Protocol"),
    Column("head", "Head"),
    Column("layers", "Layers", help="under this protocol; K endmembers"),
    Column("sad_mean", "SAD", "angle", "rad", help="mean over endmembers and runs"),
    Column("run_mean_sd", "SD of run means", "angle", "rad"),
    Column(
        "interval_low",
        "95 % interval of SAD",
        "interval",
        "rad",
        help="below five runs the runs themselves",
        extra=("interval_high", "run_values"),
    ),
    Column("runs", "n", "count", help="runs, diverged ones included"),
    Column("runs_diverged", "n diverged", "count"),
    *DIFFERENCE,
    Column("claim", "Section 5.4", "prose", help="what the paper says of this head; it shows no number"),
    Column("verdict", "Holds?", "prose"),
    Column("uses_truth", "Uses truth"),
    Column("reason", "Reason", "prose"),
]

NOTES = [
    "First − second: this head less the head baseline, paired by run; Holm over the rows of a scene and protocol. The "
    "row of the head baseline is what the others are compared with; the paper shows no run without a head.",
    "Section 5.4 has no number, and none is in the released sheets or notebooks (audit item A20). All heads are "
    "compared at temperature .1, lambda .5, patches of 32, batches of 8, sigma 1, as the released code does.",
    "Without the contrastive term no head takes part in the training: the row of lambda 1 is from the contrastive "
    "phase, with the same patches and batches.",
    "Heads as the equations print them have a ReLU at the end, and their skip connection keeps K numbers; the text of "
    "section 5.4 describes the code's.",
    PAIRS_NOTE,
    FINDING_NOTE,
    CLAIMS_NOTE,
]

NO_HEADS = "no finished runs of the heads: name the scene under `contrastive: heads: scenes`, or start the study again"


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Table:
    """Build the table of heads.

    Args:
        rows: Run rows of the phases heads and contrastive (for lambda 1); possibly empty.
        scenes: Availability records of all scenes.
        scale: By scene; the key ``contrastive`` holds the planned scale.
        provenance: Commit, versions, input checksums.

    Returns:
        For each scene and protocol every head at hand and the training without a contrastive term; one row that says
        why for a scene without runs. The first note says what holds over all scenes.
    """
    shown, chosen = scenes_to_show(scenes), contrastive(rows, HEADS_PHASE)
    others = contrastive(rows, group=CONFIGURATION)
    records: list[dict[str, Any]] = []
    for scene, protocol, part in parts(chosen, shown):
        common = common_of(scene, protocol)
        if part.empty:
            records.append(common | {"reason": scene.reason or NO_HEADS})
            continue
        own = on_scene(others, scene.scene, protocol)
        records += [common | record for record in _of_part(part, own, protocol)]
    return Table(
        name="table_heads",
        title="Projection heads, over scenes and seeds",
        caption="Mean spectral angle distance (SAD, radians) of the contrastive training with each projection head of "
        "section 2.3, without a head, and without a contrastive term; paired differences to the baseline head.",
        frame=typed_frame(records, ["scene", *TEXTS], COLUMNS),
        columns=COLUMNS,
        notes=[over_scenes(records), *NOTES],
        scale=phase_scale(shown, scale),
        n=phase_runs(chosen, shown),
        provenance=provenance,
    )


def _of_part(part: pd.DataFrame, others: pd.DataFrame, protocol: str) -> list[dict[str, Any]]:
    """Return the rows of one scene and protocol."""
    scene, runs = str(part["scene"].iloc[0]), run_table(part)
    arms = {name: runs[runs["head"] == name] for name in (*HEADS, *sorted(set(runs["head"]) - set(HEADS)))}
    arms = {name: one for name, one in arms.items() if len(one)}
    sources = {name: part[part["head"] == name] for name in arms}
    control = without_term(run_table(others), runs.iloc[0]) if len(others) else others
    if len(control):
        arms[LAMBDA_1] = control
        sources[LAMBDA_1] = others[others["setting"] == control["setting"].iloc[0]]
    members: list[tuple[dict[str, Any], Contrast]] = []
    for name, one in arms.items():
        layers = HEADS.get(name, ("", ""))[protocol == "released"]
        record: dict[str, Any] = {"head": name, "layers": layers or None, "claim": CLAIMS.get(name)}
        if name == LAMBDA_1:
            record |= {"head": "no contrastive term (lambda 1)"}
        record |= describe_runs(sources[name])
        record["uses_truth"] = ", ".join(sorted(set(one["uses_truth"].astype(str))))
        if name == BASELINE:
            found = Contrast()
        elif BASELINE in arms:
            found = paired([one], [arms[BASELINE]], scene)
        else:
            found = Contrast(reason="no runs of the head baseline to compare with")
        compared = difference_record(found)
        remarks = dict.fromkeys(filter(None, (record["reason"], compared.pop("reason"))))
        compared["judged_by"] = compared["judged_by"] or record.get("judged_by")
        members.append((record | compared | {"reason": "; ".join(remarks) or None}, found))
    adjust(members, PREFIX)
    findings = {record["head"]: record.get("finding") for record, _ in members}
    return [record | {"verdict": holds(str(record["head"]), findings)} for record, _ in members]


def _side(finding: str | None) -> str:
    return side_of_finding(finding) or "untested"


def holds(head: str, findings: Mapping[str, str | None]) -> str | None:
    """Return whether what section 5.4 says of a head holds on one scene.

    Args:
        head: Its id.
        findings: By head the finding of its comparison with the head baseline.
    """
    if head not in CLAIMS:
        return None
    if head == BASELINE:
        # The paper has no run without a head to be better than.
        others = {
            name: _side(finding)
            for name, finding in findings.items()
            if name in HEADS and name not in (BASELINE, IDENTITY)
        }
        return _best(others)
    side = _side(findings.get(head))
    if side in ("untested", "undecided"):
        return {"untested": "not testable here", "undecided": "inconclusive"}[side]
    verdicts = {
        "skip": {"better": "contradicted: smaller SAD", "worse": "holds: larger SAD", "same": "holds: no difference"},
        "bottleneck": {"better": "contradicted: smaller SAD", "worse": "holds", "same": "not borne out: no difference"},
        "deeper": {"better": "an improvement here", "worse": "worse here", "same": "no difference here"},
        IDENTITY: {
            "better": "contradicted: smaller SAD without a head",
            "worse": "holds: larger SAD without a head",
            "same": "not borne out: no difference without a head",
        },
    }
    return verdicts[head][side]


def _best(others: Mapping[str, str]) -> str:
    """Return whether the baseline head is best, from how each other head compares with it."""
    if not others:
        return "not testable here: no other head"
    sides = set(others.values())
    if "better" in sides:
        ahead = ", ".join(name for name, side in others.items() if side == "better")
        return f"contradicted: smaller SAD with {ahead}"
    if sides == {"worse"}:
        return "holds: every other head has a larger SAD"
    if sides == {"same"}:
        return "not borne out: no head makes a difference"
    if sides == {"untested"}:
        return "not testable here"
    equal = [name for name, side in others.items() if side == "same"]
    if equal:
        return f"not borne out: no difference to {', '.join(equal)}"
    return "inconclusive"


def over_scenes(records: Sequence[Mapping[str, Any]]) -> str:
    """Say what of section 5.4 holds over all scenes, protocol by protocol.

    Args:
        records: All rows of the table.
    """
    said = []
    for protocol in dict.fromkeys(record["protocol"] for record in records if record.get("head")):
        of_protocol = [record for record in records if record["protocol"] == protocol and record.get("verdict")]
        for head, claim in CLAIMS.items():
            verdicts = {
                str(record["title"]): str(record["verdict"]) for record in of_protocol if record["head"] == head
            }
            if not verdicts:
                continue
            if head == "deeper":
                words = _consistency(verdicts)
            else:
                words = "; ".join(f"{title} {verdict}" for title, verdict in verdicts.items())
            said.append(f"{protocol}, {head} ({claim}): {words}")
    return "Section 5.4 against these runs. " + (". ".join(said) + "." if said else "No runs of heads in this study.")


def _consistency(verdicts: Mapping[str, str]) -> str:
    """Return whether the deeper head improves on some scenes and not on others."""
    better = [title for title, verdict in verdicts.items() if verdict.startswith("an improvement")]
    other = [title for title, verdict in verdicts.items() if verdict.startswith(("worse", "no difference"))]
    listed = "; ".join(f"{title} {verdict}" for title, verdict in verdicts.items())
    if better and other:
        return f"holds ({listed})"
    if len(verdicts) > 1 and (len(better) == len(verdicts) or len(other) == len(verdicts)):
        return f"contradicted ({listed})"
    return f"needs several scenes with a finding ({listed})" if len(verdicts) == 1 else f"inconclusive ({listed})"
