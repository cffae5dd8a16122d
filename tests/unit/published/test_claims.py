"""The claims of both papers: every one with a place, a kind, and a rule or a reason."""

import re

import pytest

from unmixing.published.claims import STUDIES, paper_claims

CLAIMS = paper_claims()
COLUMNS = ["id", "study", "section", "claim", "kind", "decided_by", "rule", "reason"]
KINDS = ("number", "direction", "existence", "cost", "untestable")


def of_study(study, column):
    return [claim[column] for claim in CLAIMS if claim["study"] == study]


def test_columns_and_numbers_of_claims():
    assert all(list(claim) == COLUMNS for claim in CLAIMS)
    assert [len(of_study(study, "id")) for study in STUDIES] == [70, 40]
    assert len(CLAIMS) == 110


def test_ids_are_numbered_in_order_within_a_study():
    for study, letter in zip(STUDIES, "CU", strict=True):
        ids = of_study(study, "id")
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
    sections = set(of_study("contrastive", "section"))
    assert {"abstract", "2.3", "3.1.1", "4.1", "5.1", "5.2.1", "5.2.2", "5.3", "5.4", "6", "7"} <= sections
    assert {"abstract", "1", "3", "4", "5", "6", "7"} == set(of_study("clip_unmixrs", "section"))
    assert all(re.fullmatch(r"abstract|\d(\.\d)*", claim["section"]) for claim in CLAIMS)
