"""The experiment on names: who takes part, who is absent and why, and where its spectra come from."""

from dataclasses import replace

import numpy as np
import pytest

from unmixing.errors import UnmixingError
from unmixing.semantic.anchors import build_anchors, write_anchors
from unmixing.semantic.experiments import names
from unmixing.semantic.leaderboard import FEWEST_NAMES
from unmixing.semantic.prompts import study_ontology
from unmixing.semantic.text import word_encoder


@pytest.fixture(scope="module")
def carried():
    return names.carried_spectra(study_ontology())


@pytest.fixture
def few(carried, monkeypatch):
    """A fifth of the names, so that the regressions are quick."""
    part = replace(carried, table=carried.table[::5].reset_index(drop=True), shapes=carried.shapes[::5])
    monkeypatch.setattr(names, "names_at_hand", lambda libraries: (part, names.FROM_MODEL))
    return part


def test_the_shipped_model_carries_enough_names_for_a_verdict(carried):
    assert len(carried.names) >= FEWEST_NAMES
    assert len(set(carried.names)) == len(carried.names)
    assert carried.table["group"].nunique() >= 20
    np.testing.assert_allclose(np.linalg.norm(carried.shapes, axis=1), 1)
    assert carried.shapes.shape == (len(carried.names), len(carried.wavelengths))


def test_carried_means_are_of_single_materials(carried):
    kept = set(carried.names)
    assert "bare ground" not in kept, "a mixture of soils, sands and gravels"
    assert "vegetation" not in kept
    assert {"kaolinite", "asphalt road"} <= kept
    table = carried.table.set_index("name")
    assert table.loc["asphalt road", ["kind", "group", "source"]].tolist() == ["artificial", "bitumen", "earthlib"]
    assert table.loc["kaolinite", ["kind", "source"]].tolist() == ["mineral", "usgs"]


def test_without_a_library_the_carried_means_are_predicted(tmp_path):
    assert names.names_at_hand(None)[1] == names.FROM_MODEL
    assert names.names_at_hand(tmp_path)[1] == names.FROM_MODEL, "a folder without the library is none"


def test_all_arms_have_a_row_for_each_name_and_draw(few):
    rows = names.rows({"encoders": ["minilm", "permuted", "none"], "draws": 5}, {}, None, 3)
    scores = rows[rows["reason"] == ""]
    counts = scores.groupby("arm").size() / len(few.names)
    assert counts.to_dict() == {"none": 1, "ngrams": 1, "random": 5, "text": 1, "both": 1, "permuted": 5}
    assert scores[["sad_rad", "identification"]].notna().all().all()
    assert set(rows["scene"]) == {""}
    again = names.rows({"encoders": ["minilm"], "draws": 5}, {}, None, 3)
    np.testing.assert_array_equal(scores["sad_rad"], again.loc[again["reason"] == "", "sad_rad"])
    other = names.rows({"encoders": ["minilm"], "draws": 5}, {}, None, 4)
    drawn = (scores["arm"] == "random").to_numpy()
    assert (scores["sad_rad"].to_numpy() != other.loc[other["reason"] == "", "sad_rad"].to_numpy())[drawn].any()
    fixed = scores["arm"].isin(["text", "both", "ngrams", "none"]).to_numpy()
    np.testing.assert_array_equal(
        scores["sad_rad"].to_numpy()[fixed], other.loc[other["reason"] == "", "sad_rad"].to_numpy()[fixed]
    )


def test_an_encoder_that_is_not_at_hand_has_a_row_with_the_reason(few):
    rows = names.rows({"encoders": ["openclip:NoSuchModel:none.pt"], "draws": 5}, {}, None, 3)
    absent = rows[rows["reason"] != ""]
    assert absent["encoder"].tolist() == ["openclip:NoSuchModel:none.pt", "CLIP-UnmixRS"]
    assert "NoSuchModel" in absent["reason"].iloc[0]
    assert absent["sad_rad"].isna().all()
    assert set(rows.loc[rows["reason"] == "", "arm"]) == {"none", "ngrams", "random"}


def test_a_store_on_disk_joins_and_one_without_the_names_is_refused(few, tmp_path):
    path = tmp_path / "words.parquet"
    write_anchors(build_anchors(word_encoder(64)), path)
    rows = names.rows({"encoders": [str(path), "hash"], "draws": 5}, {}, None, 3)
    assert "hashed words (no meaning)" in set(rows["encoder"])
    # Both are hashed words, of 64 and of 384 numbers, and so of one label: the leaderboard takes each encoder once.
    assert rows.loc[rows["encoder"] == "hash", "reason"].tolist() == [
        "an encoder of the same name takes part: hashed words (no meaning)"
    ]
    with pytest.raises(UnmixingError, match="hold no text"):
        names.anchors_of(str(path), ["unobtainium"])
