"""What is known of the paper and its released code beside the fields that can be switched: a list of findings.

``findings.csv`` has one row for each finding and way to show it:

* ``item``: its number in the list of differences between paper and code, or the section or equation it belongs to.
* ``kind``: ``recomputed``, from printed values, released sheets, scenes or formulas; ``re-enacted``, by a training
  with one field of the protocol changed; ``cited``, from the public code and files alone.
* ``phase``: whose.
* ``paper``: where the paper says something, and what.
* ``code``: file and function of the public code.
* ``finding``: what was found, without the numbers that are computed.
* ``audit``: phase and field of each change that re-enacts it (``baseline.loss``), separated by spaces.
* ``check``: how it is recomputed, a key of ``unmixing.tables.findings_checks.CHECKS``.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib.resources import files

KINDS = ("recomputed", "re-enacted", "cited")


@dataclass(frozen=True)
class Finding:
    """One row of ``findings.csv``; attributes as its columns."""

    item: str
    kind: str
    phase: str
    paper: str
    code: str
    finding: str
    audit: tuple[tuple[str, str], ...]
    check: str


def findings() -> list[Finding]:
    """Return all findings in the order of the list: baseline, sweep, contrastive training, heads."""
    with files(__package__).joinpath("findings.csv").open("r", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    found = []
    for row in rows:
        changes = tuple((phase, field) for phase, _, field in (part.partition(".") for part in row["audit"].split()))
        found.append(Finding(**{**row, "audit": changes}))  # type: ignore[arg-type]
    return found
