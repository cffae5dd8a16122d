"""What both papers claim in prose, each claim with the number that decides it, or why nothing does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from unmixing.errors import UnmixingError
from unmixing.published.claims import STUDIES, paper_claims
from unmixing.published.released import SWEEP_FILE, released_sweep
from unmixing.published.released_grid import GRID_FILE, released_grid
from unmixing.tables import (
    prose_claims_contrastive,
    prose_claims_curves,
    prose_claims_heads,
    prose_claims_printed,
    prose_claims_semantic,
    prose_claims_semantic_pixels,
    prose_claims_semantic_robustness,
    prose_claims_sweep,
)
from unmixing.tables.forms import Column
from unmixing.tables.prose_claims_evidence import RULES, Evidence, Rule
from unmixing.tables.prose_claims_findings import INDICATIVE, VERDICTS, Finding, not_tested
from unmixing.tables.run_rows import typed_frame
from unmixing.tables.writing import Table

#: Modules that register rules when they are imported.
RULE_MODULES = (
    prose_claims_printed,
    prose_claims_sweep,
    prose_claims_contrastive,
    prose_claims_curves,
    prose_claims_heads,
    prose_claims_semantic,
    prose_claims_semantic_pixels,
    prose_claims_semantic_robustness,
)

TITLES: Mapping[str, str] = {"contrastive": "Contrastive study", "clip_unmixrs": "CLIP-UnmixRS"}

COLUMNS = [
    Column("id", "Claim"),
    Column("study_title", "Paper"),
    Column("section", "Section"),
    Column("claim", "What it says", "prose", help="in our words"),
    Column("kind", "Kind"),
    Column("verdict", "Verdict", help="see the notes"),
    Column("number", "Deciding number", "number"),
    Column("unit", "Unit"),
    Column(
        "interval_low",
        "95 % interval",
        "interval",
        help="of the deciding number; below five the values themselves",
        extra=("interval_high", "run_values"),
    ),
    Column("n", "n", "count", help="values behind the deciding number; of a count: what is counted"),
    Column("basis", "Decided by what", help="measured here, printed in the paper, in its released sheets, or its text"),
    Column("sentence", "In words", "prose", help="every number, or why there is none"),
    Column("decided_by", "Stands in", "prose", help="the table with the deciding number, its row or column"),
]

NOTES = [
    "Holds: the deciding number says so, with an interval that excludes the opposite. Contradicted: it says the "
    "opposite. Not borne out: what should differ is equivalent, within .005 rad or the bound that is told. "
    "Inconclusive: the interval allows both, there are fewer than five values, or scenes differ. Not tested: why, "
    "stands in the column In words.",
    "Indicative: measured, on another scene or at another scale than the paper's, or, for the second paper, with "
    "anchors of a text encoder that is no CLIP tower. It says what these runs show.",
    "A claim of the contrastive study that its own printed numbers decide is decided by them, whatever ours say; ours "
    "then stand behind it. Ours are those under described, what the paper says.",
    "Numbers are those of the tables named: differences are paired, their p values adjusted within the family of that "
    "table. Over all claims of this table nothing is adjusted: it is a list, no test of a paper as a whole.",
    "The second paper prints no number of a result: its claims have directions, and thresholds where they need one are "
    "ours and are said.",
]


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
    *,
    curves: pd.DataFrame | None = None,
    semantic: Mapping[str, pd.DataFrame] = MappingProxyType({}),
    sheets: Path | None = None,
) -> Table:
    """Build the table of claims.

    Args:
        rows: Run rows of all phases, those of classical methods among them; possibly empty.
        scenes: Availability records of all scenes.
        scale: By scene: the planned scale of every phase.
        provenance: Commit, versions, input checksums.
        curves: One row per run and epoch, of any phases; None without them.
        semantic: Rows of the second study's experiments, by experiment.
        sheets: Folder of the released sheets, None without it.

    Returns:
        One row per claim of both papers, in their order. The first note counts the verdicts.
    """
    known = pd.DataFrame() if curves is None else curves
    evidence = Evidence(rows, scenes, scale, known, semantic, read_sheets(sheets))
    records = [_record(claim, evidence) for claim in paper_claims()]
    return Table(
        name="table_prose_claims",
        title="What the papers say, and what decides it",
        caption="Every statement of both papers that a number could decide, in our words, with the deciding number, "
        "its interval and its n, or why it is not tested here.",
        frame=typed_frame(records, ["study", "rule"], COLUMNS),
        columns=COLUMNS,
        notes=[counts_note(records), *NOTES],
        scale="in the column In words; indicative where it is not the paper's",
        n="in the column n",
        provenance=provenance,
    )


def read_sheets(folder: Path | None) -> dict[str, pd.DataFrame]:
    """Return the released sheets that a folder holds: ``sweep`` and ``grid``."""
    known = {"sweep": (SWEEP_FILE, released_sweep), "grid": (GRID_FILE, released_grid)}
    return {name: read(folder) for name, (file, read) in known.items() if folder and (folder / file).is_file()}


def rule_of(claim: Mapping[str, Any]) -> Rule | None:
    """Return the rule that decides a claim; None where nothing does and the reason is told.

    Raises:
        UnmixingError: the claim names an unknown rule, or neither a rule nor a reason.
    """
    if claim["rule"] in RULES:
        return RULES[claim["rule"]]
    if claim["rule"]:
        raise UnmixingError(f"claim {claim['id']} names the rule {claim['rule']!r}, which no module of rules registers")
    if not claim["reason"]:
        raise UnmixingError(f"claim {claim['id']} has neither a rule nor a reason: give one in published/claims.csv")
    return None


def _record(claim: Mapping[str, Any], evidence: Evidence) -> dict[str, Any]:
    decides = rule_of(claim)
    found: Finding = not_tested(claim["reason"]) if decides is None else decides(evidence)
    tested = found.verdict != "not tested" or found.number is not None
    return {
        **{name: claim[name] for name in ("id", "study", "section", "claim", "kind", "rule")},
        "decided_by": claim["decided_by"] or None,
        "study_title": TITLES[claim["study"]],
        "verdict": found.printed,
        "number": found.number,
        "unit": found.unit or None,
        "interval_low": found.low,
        "interval_high": found.high,
        "run_values": " ".join(repr(float(value)) for value in found.values) or None,
        "n": found.n,
        "basis": found.basis if tested else None,
        "sentence": found.sentence,
    }


def counts_note(records: Sequence[Mapping[str, Any]]) -> str:
    """Count the verdicts of each study in words.

    Args:
        records: One per claim, with ``study`` and ``verdict``.
    """
    said = []
    for study in STUDIES:
        verdicts = [str(record["verdict"]) for record in records if record["study"] == study]
        counts = {name: (verdicts.count(name), verdicts.count(INDICATIVE + name)) for name in VERDICTS}
        words = [
            f"{plain + marked} {name}" + (f" ({marked} indicative)" if marked else "")
            for name, (plain, marked) in counts.items()
            if plain + marked
        ]
        said.append(f"{TITLES[study]}, {len(verdicts)} claims: {', '.join(words)}")
    return ". ".join(said) + "."
