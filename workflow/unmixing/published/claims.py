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

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from unmixing.errors import UnmixingError

if TYPE_CHECKING:
    import pandas

__all__ = ["COLUMNS", "KINDS", "STUDIES", "paper_claims"]

STUDIES = ("contrastive", "clip_unmixrs")
KINDS = ("number", "direction", "existence", "cost", "untestable")
COLUMNS = ("id", "study", "section", "claim", "kind", "decided_by", "rule", "reason")


@cache
def _claims() -> pandas.DataFrame:
    import pandas

    with files(__package__).joinpath("claims.csv").open("r", encoding="utf-8") as stream:
        # Sections such as 5.1 are text, and so are empty cells.
        return pandas.read_csv(stream, dtype="string", keep_default_na=False)


def paper_claims(study: str | None = None) -> pandas.DataFrame:
    """Give the claims of one study or of both.

    Args:
        study: one of ``STUDIES``, or None for both.

    Returns:
        A frame of its own with the columns named in the module's description, in the papers' order.

    Raises:
        UnmixingError: there is no such study.
    """
    claims = _claims()
    if study is None:
        return claims.copy()
    if study not in STUDIES:
        raise UnmixingError(f"no claims of a study {study!r}; choose one of {', '.join(STUDIES)}")
    return claims[claims["study"] == study].reset_index(drop=True)
