"""Rules that the runs of projection heads decide (section 5.4, and what section 2.3 says of them)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from unmixing.tables.contrastive_pairs import PREFIX
from unmixing.tables.heads import BASELINE, HEADS, IDENTITY
from unmixing.tables.prose_claims_evidence import Evidence, measured_rows, rule
from unmixing.tables.prose_claims_findings import Finding, Measured, Need, Verdict, decide, not_tested

NO_HEADS = "no runs of projection heads in this study; the paper prints no number for any head"
LEAD = "less the baseline head: "


def compared(evidence: Evidence, heads: Sequence[str]) -> list[Measured]:
    """Return heads less the baseline head, of all scenes; none is at the paper's scale, which prints no number."""
    frame = evidence.heads
    chosen = frame[frame["head"].isin(heads)] if len(frame) else frame
    return measured_rows(chosen, PREFIX, (), lambda row: str(row["head"]))


def _decide(evidence: Evidence, heads: Sequence[str], claim: str, need: Need = "overall") -> Finding:
    found = compared(evidence, heads)
    return decide(found, claim, need, LEAD) if found else not_tested(NO_HEADS)


def _no_better(found: Sequence[Measured]) -> Finding:
    """Decide that nothing is better: contradicted by one that is, borne out where all are equal or worse."""
    better = decide(found, "better", "any", LEAD)
    sides = {one.side for one in found}
    verdict: Verdict = "inconclusive"
    if "better" in sides:
        verdict = "contradicted"
    elif sides <= {"same", "worse"}:
        verdict = "holds"
    return replace(better, verdict=verdict)


@rule("head_needed")
def head_needed(evidence: Evidence) -> Finding:
    """No head less the baseline head: worse on every scene."""
    return _decide(evidence, [IDENTITY], "worse")


@rule("best_head")
def best_head(evidence: Evidence) -> Finding:
    """Every other head less the baseline head: worse on every scene."""
    return _decide(evidence, [name for name in HEADS if name not in (BASELINE, IDENTITY)], "worse", "all")


@rule("heads_matter")
def heads_matter(evidence: Evidence) -> Finding:
    """Whether any head differs from the baseline head on any scene."""
    found = compared(evidence, [name for name in HEADS if name not in (BASELINE, IDENTITY)])
    if not found:
        return not_tested(NO_HEADS)
    differs = [one for one in found if one.side in ("better", "worse")]
    if not differs:
        return decide(found, "worse", "any", LEAD)
    largest = max(differs, key=lambda one: abs(one.number))
    return decide([largest], largest.side, "any", f"{len(differs)} of {len(found)} differ; largest, {LEAD}")


@rule("head_skip")
def head_skip(evidence: Evidence) -> Finding:
    """The skip connection less the baseline head: not better."""
    found = compared(evidence, ["skip"])
    return _no_better(found) if found else not_tested(NO_HEADS)


@rule("head_bottleneck")
def head_bottleneck(evidence: Evidence) -> Finding:
    """The bottleneck less the baseline head: worse."""
    return _decide(evidence, ["bottleneck"], "worse")


@rule("head_deeper")
def head_deeper(evidence: Evidence) -> Finding:
    """The deeper head less the baseline head: better on some scenes, not on others."""
    found = compared(evidence, ["deeper"])
    if not found:
        return not_tested(NO_HEADS)
    told = decide(found, "better", "any", LEAD)
    sides = {one.side for one in found}
    verdict: Verdict = "inconclusive"
    if "better" in sides and sides & {"same", "worse"}:
        verdict = "holds"
    elif len(found) > 1 and (sides == {"better"} or sides <= {"same", "worse"}):
        verdict = "contradicted"
    return replace(told, verdict=verdict)


@rule("complexity_of_heads")
def complexity_of_heads(evidence: Evidence) -> Finding:
    """The deeper head and the bottleneck less the baseline head: not better."""
    found = compared(evidence, ["deeper", "bottleneck"])
    return _no_better(found) if found else not_tested(NO_HEADS)
