"""The claims of both papers: every one with a place, a kind, and a rule or a reason."""

import re

import pytest

from unmixing.errors import UnmixingError
from unmixing.published.claims import COLUMNS, KINDS, STUDIES, paper_claims

CLAIMS = paper_claims().to_dict("records")


def test_columns_and_numbers_of_claims():
    assert tuple(paper_claims().columns) == COLUMNS
    assert len(paper_claims("contrastive")) == 70
    assert len(paper_claims("clip_unmixrs")) == 40
    assert len(CLAIMS) == 110


def test_ids_are_numbered_in_order_within_a_study():
    for study, letter in zip(STUDIES, "CU", strict=True):
        ids = paper_claims(study)["id"].tolist()
        assert ids == [f"{letter}{number:02d}" for number in range(1, len(ids) + 1)]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim["id"])
def test_a_claim_has_a_rule_or_a_reason_and_not_both(claim):
    assert bool(claim["rule"]) != bool(claim["reason"])
    assert claim["kind"] in KINDS
    assert claim["kind"] != "untestable" or not claim["rule"]
    assert bool(claim["decided_by"]) or not claim["rule"], "the place of its deciding number"
    assert 15 <= len(claim["claim"]) <= 120
    assert not claim["claim"].endswith(".")


def test_every_section_that_was_asked_for_has_claims():
    sections = set(paper_claims("contrastive")["section"])
    assert {"abstract", "2.3", "3.1.1", "4.1", "5.1", "5.2.1", "5.2.2", "5.3", "5.4", "6", "7"} <= sections
    assert {"abstract", "1", "3", "4", "5", "6", "7"} == set(paper_claims("clip_unmixrs")["section"])
    assert all(re.fullmatch(r"abstract|\d(\.\d)*", claim["section"]) for claim in CLAIMS)


def test_sections_and_empty_cells_stay_text():
    assert paper_claims()["section"].map(type).eq(str).all()
    assert not paper_claims().isna().any().any()


def test_what_is_handed_out_is_a_copy():
    changed = paper_claims()
    changed["claim"] = ""
    assert paper_claims()["claim"].ne("").all()


def test_an_unknown_study_is_named_in_one_line():
    with pytest.raises(UnmixingError, match="no claims of a study 'third'") as caught:
        paper_claims("third")
    assert "\n" not in str(caught.value)
