"""The experiment on coverage: counts of the libraries at hand, and lists that nobody named."""

import numpy as np
import pytest

from unmixing.semantic.experiments import coverage
from unmixing.semantic.experiments.inputs import library_at_hand
from unmixing.semantic.model import load_default_model
from unmixing.semantic.ontology import ancestors
from unmixing.semantic.prompts import study_ontology

from .made import write_easy

OPTIONS = {"counts": [3], "draws": 40, "pixels": 300}


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    path = write_easy(tmp_path_factory.mktemp("scene"))
    return coverage.rows(OPTIONS, {"synthetic_easy": path}, None, 2)


@pytest.fixture(scope="module")
def concepts(rows):
    return rows[rows["part"] == "concept"].pivot_table(index="item", columns="measure", values="value")


def test_counts_are_those_of_the_library(concepts):
    records = library_at_hand(None).records
    soil = records[records["concept"] == "bare_soil"]
    assert concepts.loc["bare_soil", "own"] == len(soil)
    assert concepts.loc["bare_soil", "sites"] == soil.loc[soil["site"] != "", "site"].nunique()
    assert (concepts["measured"] + concepts["simulated"] == concepts["spectra"]).all()
    assert concepts.loc["green_vegetation", "measured"] == 0, "all canopies are simulated"
    assert concepts.loc["ground", "spectra"] > concepts.loc["bare_soil", "spectra"]


def test_sides_of_the_split_are_part_of_the_spectra(concepts):
    dealt = concepts[["train", "validation", "test"]].sum(axis=1)
    assert (dealt <= concepts["spectra"]).all()
    assert dealt["burned_ground"] == concepts.loc["burned_ground", "spectra"]
    assert dealt["bare_soil"] < concepts.loc["bare_soil", "spectra"], "soils of unknown place are on no side"


def test_what_has_no_spectrum_anywhere_is_refused(rows):
    told = rows[(rows["part"] == "concept") & (rows["measure"] == "status")].set_index("item")
    assert told.loc["coral_reef", ["value", "detail"]].tolist() == [0.0, "refused"]
    assert told.loc["red_metal", "detail"] == "stands below: metal"
    assert told.loc["kaolinite", "kind"] == "mineral"
    assert told.loc["bare_soil", "value"] == 1.0


def test_lists_are_scored_against_the_fixed_prompts(rows):
    auto = rows[rows["part"] == "auto"]
    found = auto[auto["item"] == "list for any region, up to 3"].set_index("measure")
    # Green vegetation is there, and dry vegetation is not; bare soil is.
    assert found.loc["precision", "detail"] == "green vegetation, dry vegetation, bare soil"
    assert found.loc["precision", "value"] == pytest.approx(2 / 3)
    assert found.loc["recall", "value"] == pytest.approx(2 / 3)
    assert found.loc["recall", "n"] == 3
    assert auto["value"].between(0, 1).all()
    assert set(auto["uses_truth"]) == {"none"}, "no region is named for this scene"


def test_what_the_encoder_finds_is_better_than_a_lot(rows):
    values = rows[rows["part"] == "auto"].set_index(["item", "measure"])["value"]
    assert values["presence: nearest, up to 3", "recall"] > values["by lot, 3", "recall"]


def test_a_named_region_is_told_as_knowledge(tmp_path, monkeypatch):
    path = write_easy(tmp_path)
    monkeypatch.setitem(coverage.REGIONS, "synthetic_easy", "fire")
    found = coverage.rows({**OPTIONS, "splits": False}, {"synthetic_easy": path}, None, 2)
    within = found[found["item"] == "list of the region, up to 3"]
    assert set(within["uses_truth"]) == {"the kind of region (fire)"}
    assert within["detail"].iloc[0] == "burned ground, dry vegetation, green vegetation"
    assert "train" not in set(found["measure"])


def test_lots_hold_no_concept_above_another():
    ontology = study_ontology()
    candidates = [name for name in load_default_model().facts.trained if name in ontology.concepts]
    for seed in range(20):
        drawn = coverage.by_lot(candidates, 6, ontology, np.random.default_rng(seed))
        assert len(drawn) == len(set(drawn)) == 6
        assert not any(other in ancestors(ontology, name) for name in drawn for other in drawn)


def test_a_scene_without_fixed_prompts_has_a_reason(tmp_path):
    path = write_easy(tmp_path).rename(tmp_path / "elsewhere.nc")
    found = coverage.rows({**OPTIONS, "splits": False}, {"elsewhere": path}, None, 2)
    told = found[found["scene"] == "elsewhere"]
    assert told["value"].isna().all()
    assert "no fixed prompts" in told["reason"].iloc[0]
