"""Every finding of the audit: recomputed here, re-enacted by a training, or cited from the public code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from unmixing.protocol.audit import AUDIT_ONLY
from unmixing.published.findings import KINDS, Finding, findings
from unmixing.published.released import SWEEP_FILE, released_sweep
from unmixing.published.released_grid import GRID_FILE, released_grid
from unmixing.tables.audit_effects import Panel, audited
from unmixing.tables.audit_pairs import Effect
from unmixing.tables.audit_sources import CODE_NOTE
from unmixing.tables.claims import judged_by, reference_values
from unmixing.tables.findings_checks import CHECKS
from unmixing.tables.findings_material import Material
from unmixing.tables.forms import Column, signed
from unmixing.tables.run_rows import typed_frame
from unmixing.tables.writing import Table

READINGS_FILE = "figure_readings.csv"

CONFIRMED, NOT_CONFIRMED, NOT_AT_HAND = "confirmed", "not confirmed", "not at hand"
WORSE, BETTER, OPEN, FEW, NOT_RUN = "worse", "better", "no effect shown", "runs shown, not judged", "not run here"
SOME_WORSE, SOME_BETTER, BOTH = "worse in some", "better in some", "worse in some, better in others"
READ = "read, not run"

COLUMNS = [
    Column("item", "Item", help="number in the list of differences between paper and code"),
    Column("kind", "Kind", help="how it is shown: recomputed, re-enacted or cited"),
    Column("phase", "Phase"),
    Column("paper", "Paper", "prose"),
    Column("code", "Code", "prose", help="file and function of the public snapshot"),
    Column("finding", "Finding", "prose"),
    Column("verdict", "Here", help="what this study says of it"),
    Column("found", "Numbers", "prose"),
    Column("n", "n"),
    Column("source", "From"),
]

NOTES = [
    "recomputed: from the printed tables, the released sheets, a scene or a formula, at the time this table is "
    "written. confirmed: the numbers are what the finding says. not at hand: what it is computed from is missing; "
    "UNMIXING_REFERENCE names the folder of the released sheets.",
    "re-enacted: the field was changed in a training and the SAD compared run by run; table_audit has these rows with "
    "what they rest on. worse or better is said of the code's way, or of the value that neither protocol has, where "
    "the 95 % interval of the difference excludes zero; no effect shown: it does not. Below five pairs, and where a "
    "scene is judged by its success rate, the mean is shown and nothing is said. These intervals are not adjusted for "
    "their number.",
    "cited: from reading the public code, or from files that are not part of the released sheets.",
    "|t|: of two treatments' means for one endmember in one regime, from the sheets' means and deviations of 25 "
    "unpaired runs each. Cells are not independent of each other: a median near chance's is a description, no test.",
    "The rank of the configuration that is called best says little in itself: single runs of the grid scatter by "
    "about a fifth of their mean.",
    CODE_NOTE,
]


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
    sheets: Path | None = None,
) -> Table:
    """Build the table of findings.

    Args:
        rows: Run rows of the audit, of the phases that it takes apart, and of the classical phase; possibly empty.
        scenes: Availability records of all scenes.
        scale: Not used.
        provenance: Commit, versions, input checksums.
        sheets: Folder of the released sheets, None if not at hand.

    Returns:
        One row per finding and way to show it.

    Raises:
        UnmixingError: a sheet is damaged.
    """
    material = read_material(sheets, rows)
    effects = [
        (panel, effect)
        for panel in audited(rows, scenes)
        for effect in panel.effects
        if not effect.closing and len(effect.before)
    ]
    known = findings()
    records = [_record(finding, material, effects) for finding in known]
    counts = [f"{sum(one.kind == kind for one in known)} {kind}" for kind in KINDS]
    return Table(
        name="table_findings",
        title="Findings on the paper and its released code",
        caption="Every difference between the paper's text, its printed numbers and its released code that is known, "
        "with how it is shown: computed again here, re-enacted by a training with one field changed, or cited from the "
        "public code.",
        frame=typed_frame(records, ["audit", "check"], COLUMNS),
        columns=COLUMNS,
        notes=NOTES,
        n=", ".join(counts),
        provenance=provenance,
    )


def read_material(sheets: Path | None, rows: pd.DataFrame) -> Material:
    """Return what findings are computed from, as far as it is at hand.

    Args:
        sheets: Folder of the released sheets, or None.
        rows: Run rows, those of the classical phase among them.

    Raises:
        UnmixingError: a sheet is damaged.
    """
    there = {name for name in (SWEEP_FILE, GRID_FILE, READINGS_FILE) if sheets and (sheets / name).is_file()}
    if sheets is None:
        return Material(references=reference_values(rows))
    return Material(
        sweep=released_sweep(sheets) if SWEEP_FILE in there else None,
        sweep_file=pd.read_csv(sheets / SWEEP_FILE, low_memory=False) if SWEEP_FILE in there else None,
        grid=released_grid(sheets) if GRID_FILE in there else None,
        grid_file=pd.read_csv(sheets / GRID_FILE, dtype={"flag": "string"}) if GRID_FILE in there else None,
        readings=pd.read_csv(sheets / READINGS_FILE) if READINGS_FILE in there else None,
        references=reference_values(rows),
    )


def _record(finding: Finding, material: Material, effects: Sequence[tuple[Panel, Effect]]) -> dict[str, Any]:
    record = {name: getattr(finding, name) for name in ("item", "kind", "phase", "paper", "code", "finding", "check")}
    record["audit"] = " ".join(f"{phase}.{name}" for phase, name in finding.audit)
    if finding.kind == "recomputed":
        return record | _recomputed(finding, material)
    if finding.kind == "re-enacted":
        return record | _re_enacted(finding, effects)
    return record | {"verdict": READ, "source": "public code and files"}


def _recomputed(finding: Finding, material: Material) -> dict[str, Any]:
    check = CHECKS[finding.check]
    there = all(getattr(material, name) is not None for name in check.needs)
    outcome = check.compute(material) if there else None
    if outcome is None:
        return {"verdict": NOT_AT_HAND, "source": check.source}
    verdict = CONFIRMED if outcome.holds else NOT_CONFIRMED
    return {"verdict": verdict, "found": outcome.found, "n": outcome.n, "source": check.source}


def _re_enacted(finding: Finding, effects: Sequence[tuple[Panel, Effect]]) -> dict[str, Any]:
    chosen = [(panel, effect) for panel, effect in effects if (panel.phase, effect.field) in finding.audit]
    if not chosen:
        where = ", ".join(f"{name} to `audit: {phase}`" for phase, name in finding.audit)
        return {"verdict": NOT_RUN, "found": f"add {where} in the configuration", "source": "table_audit"}
    words, counts, signs = [], [], []
    for panel, effect in chosen:
        comparison = effect.compare()
        assert comparison is not None
        text = f"{panel.heading}: {effect.field} {effect.before_value} → {effect.after_value}"
        text += f" {signed(comparison.difference)} rad"
        if comparison.interval is not None:
            low, high = comparison.interval.low, comparison.interval.high
            text += f" [{signed(low)}, {signed(high)}]"
            if judged_by(panel.scene.scene, comparison.n) == "mean SAD":
                # From released the change undoes what the finding names, unless neither protocol has it.
                undone = panel.protocol == "released" and (panel.phase, effect.field) not in AUDIT_ONLY
                signs.append((-1 if undone else 1) * (1 if low > 0 else -1 if high < 0 else 0))
        words.append(text)
        counts.append(comparison.n)
    return {
        "verdict": _verdict(signs),
        "found": "; ".join(words),
        "n": ", ".join(f"{count} pair{'' if count == 1 else 's'}" for count in counts),
        "source": "table_audit",
    }


def _verdict(signs: Sequence[int]) -> str:
    """Return what the intervals say of the code's way: 1 where the SAD is worse with it, -1 where better, else 0."""
    if not signs:
        return FEW
    moved = {sign for sign in signs if sign}
    if len(moved) != 1:
        return BOTH if moved else OPEN
    everywhere = 0 not in signs
    return (WORSE if everywhere else SOME_WORSE) if moved == {1} else (BETTER if everywhere else SOME_BETTER)
