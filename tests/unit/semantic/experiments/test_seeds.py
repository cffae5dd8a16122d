"""The experiment on seeds: models that differ by the seed of their training alone, and the shipped one among them."""

import numpy as np
import pytest

from unmixing.errors import UnmixingError
from unmixing.semantic.experiments import seeds
from unmixing.semantic.experiments.inputs import USGS_FILE
from unmixing.semantic.held_out import shipped_recipe

from .made import write_easy


@pytest.fixture(scope="module")
def easy(tmp_path_factory):
    return {"synthetic_easy": write_easy(tmp_path_factory.mktemp("scene"))}


@pytest.fixture(scope="module")
def short(easy):
    return seeds.rows({"seeds": [0, 1, 2], "steps": 3, "stride": 5}, easy, None, 0)


def test_each_training_is_scored_under_its_seed_and_its_length(short):
    errors = short[(short["metric"] == "armse") & (short["convention"] != "areal")]
    assert sorted(errors["draw"]) == [0, 1, 2]
    assert set(short["level"]) == {3.0}
    assert set(short["notes"]) == {"trained without the USGS library"}
    assert set(short["metric"]) == set(seeds.METRICS)
    assert np.isfinite(short["value"]).all()


def test_another_seed_is_another_model_and_the_same_seed_the_same(easy, short):
    again = seeds.rows({"seeds": [1], "steps": 3, "stride": 5}, easy, None, 9)
    one, other = (frame[(frame["draw"] == 1) & (frame["metric"] == "armse")] for frame in (again, short))
    assert one["value"].tolist() == pytest.approx(other["value"].tolist(), rel=1e-12)
    abstained = short[short["metric"] == "abstained"].set_index("draw")["value"]
    armse = short[short["metric"] == "armse"].groupby("draw")["value"].first()
    assert len({*zip(armse, abstained, strict=True)}) == 3


def test_the_shipped_model_is_not_trained_again(easy, tmp_path, monkeypatch):
    (tmp_path / USGS_FILE).touch()
    monkeypatch.setattr(seeds, "train_from_recipe", None)
    found = seeds.rows({"seeds": [shipped_recipe().seed], "stride": 8}, easy, tmp_path, 0)
    assert set(found["notes"]) == {"the shipped model"}
    assert set(found["level"]) == {float(shipped_recipe().steps)}


def test_a_scene_without_prompts_says_so(easy, tmp_path):
    path = tmp_path / "nowhere.nc"
    path.write_bytes(easy["synthetic_easy"].read_bytes())
    (tmp_path / USGS_FILE).touch()
    found = seeds.rows({"seeds": [0], "stride": 8}, {"nowhere": path}, tmp_path, 0)
    assert len(found) == 1
    assert "no prompts" in found["reason"].iloc[0]


def test_wrong_options_are_one_line(easy):
    with pytest.raises(UnmixingError, match="option 'seed' is unknown"):
        seeds.rows({"seed": [1]}, easy, None, 0)
    with pytest.raises(UnmixingError, match="no scene is given"):
        seeds.rows({}, {}, None, 0)
