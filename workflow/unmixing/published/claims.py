"""What both papers claim in prose: one row for each statement that a number could decide, in our own words.

``claims.csv`` covers the abstract and sections 2.3, 3.1.1, 4, 5, 6 and 7 of the contrastive study (L. M. Castañeda
Medina, 14 February 2025), and the whole of the second paper (Y. Yao and P. Miles, "CLIP-UnmixRS: Vision-Language
Assisted Hyperspectral Unmixing with Semantic Endmember Prior Learning"), which prints no number of a result.

* ``id``: a letter for the study and a number.
* ``study``: ``contrastive`` or ``clip_unmixrs``.
* ``section``: where the paper says it; ``abstract`` for its abstract.
* ``claim``: what it says, in our words.
* ``kind``: ``number``, ``direction`` (more, less, better), ``existence`` (there is such a thing), ``cost``, or
  ``untestable``.
* ``decided_by``: the table of this project, and its row or column, in which the deciding number stands.
* ``rule``: id of the rule that decides it (``unmixing.tables.prose_claims``); empty where nothing does.
* ``reason``: why nothing does; empty where a rule decides.
"""

from __future__ import annotations

import csv
from importlib.resources import files

STUDIES = ("contrastive", "clip_unmixrs")


def paper_claims() -> list[dict[str, str]]:
    """Return the claims of both studies in the papers' order, by the columns named in the module's description."""
    with files(__package__).joinpath("claims.csv").open("r", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))
