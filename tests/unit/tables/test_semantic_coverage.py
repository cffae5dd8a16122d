"""The table of coverage: refused concepts first, minerals together, lists beside what a lot would give."""

import numpy as np
import pandas as pd
import pytest

from unmixing.tables import semantic_coverage
from unmixing.tables.writing import FORMATS, write_table

from .frames import scenes


def coverage_rows():
    empty = {"scene": "", "kind": "", "detail": "", "uses_truth": "", "reason": "", "n": 1}
    records = []
    for item, kind, spectra, status in (
        ("bare_soil", "", 40, "trained"),
        ("coral_reef", "", 0, "refused"),
        ("red_metal", "", 0, "stands below: metal"),
        ("mineral", "mineral", 30, "carried"),
        ("alunite", "mineral", 10, "carried"),
        ("opal", "mineral", 0, "refused"),
    ):
        about = {**empty, "part": "concept", "item": item, "title": item.replace("_", " "), "kind": kind}
        for measure in ("spectra", "measured", "train"):
            detail = {"spectra": "usgs" if spectra else "", "train": "specimen"}.get(measure, "")
            records.append({**about, "measure": measure, "value": float(spectra), "detail": detail})
        records.append({**about, "measure": "status", "value": float(status != "refused"), "detail": status})
    for item, precision, recall, n in (("presence: nearest, up to 4", 0.75, 1.0, 4), ("by lot, 4", 0.3, 0.4, 200)):
        about = {**empty, "part": "auto", "scene": "samson", "item": item, "title": "", "uses_truth": "none"}
        records.append({**about, "measure": "precision", "value": precision, "n": n, "detail": "tree, water"})
        records.append(
            {**about, "measure": "recall", "value": recall, "n": 3 if n == 4 else n, "detail": "tree, water"}
        )
    bare = {**empty, "part": "auto", "scene": "own", "item": "", "title": "", "measure": "precision"}
    records.append({**bare, "value": np.nan, "reason": "no fixed prompts"})
    return pd.DataFrame(records)


@pytest.fixture(scope="module")
def table():
    return semantic_coverage.build(coverage_rows(), scenes(), {}, {})


def test_lists_stand_beside_lots(table):
    lists = table.frame[table.frame["part"] == "auto"].set_index("way", drop=False)
    found = lists.loc["presence: nearest, up to 4"]
    assert found[["precision", "recall", "listed", "present"]].tolist() == [0.75, 1.0, 4, 3]
    assert found["list"] == "tree, water"
    lot = lists.loc["by lot, 4"]
    assert (lot["precision"], lot["lots"]) == (0.3, 200)
    assert pd.isna(lot["listed"])
    assert lists["title"].iloc[0] == "Samson"
    assert lists["reason"].iloc[-1] == "no fixed prompts"


def test_refused_concepts_stand_first_and_say_so(table):
    concepts = table.frame[table.frame["part"] == "concept"]
    assert concepts["item"].tolist() == ["coral_reef", "bare_soil", "red_metal", "minerals"]
    assert concepts["reason"].iloc[0].startswith("refused by name")
    assert concepts["reason"].iloc[2] == "takes the spectrum of what it stands below"


def test_minerals_are_one_row_with_the_counts_of_the_concept_above_them(table):
    minerals = table.frame[table.frame["item"] == "minerals"].iloc[0]
    assert minerals["title"] == "2 minerals"
    assert minerals["spectra"] == 30, "not the sum of a concept and its members"
    assert minerals["status"] == "carried 1, refused 1"


def test_the_first_note_counts_what_is_missing(table):
    assert table.notes[0] == (
        "3 concepts beside minerals: 2 without a spectrum in the libraries at hand, 1 of all refused by the shipped "
        "model (coral reef)."
    )


def test_an_empty_table_says_why(tmp_path):
    table = semantic_coverage.build(pd.DataFrame(), scenes(), {}, {})
    assert table.frame["reason"].tolist() == [semantic_coverage.NOT_RUN]
    assert len(write_table(table, tmp_path / "coverage")) == len(FORMATS)
