"""Targets by names and by shots: abstention is counted, shots are tested on smaller targets."""

import numpy as np
import pytest

from unmixing.errors import UnmixingError
from unmixing.semantic.experiments import areas

from .made import write_easy, write_targets

OPTIONS = {"baselines": ["constant"], "shots": [1, 3], "draws": 2, "trained_draws": 1, "steps": 2, "ablations": False}


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return areas.rows(OPTIONS, {"dlr_hysu": write_targets(tmp_path_factory.mktemp("targets"))}, None, 5)


def test_every_target_is_scored_without_shots_and_the_smaller_ones_with(rows):
    without = rows[(rows["protocol"] == "zero-shot") & (rows["method"] == "semantic")]
    assert len(without) == 15
    assert set(without["side_m"]) == {3.0, 2.0, 1.0}
    shots = rows[rows["protocol"] == "few-shot"]
    assert set(shots["side_m"]) == {2.0, 1.0}
    assert set(shots["k"]) == {1, 3}
    assert set(shots.loc[shots["method"] == "fine_tune", "run"]) == {0}
    assert set(shots.loc[shots["method"] == "prototype", "run"]) == {0, 1}


def test_shots_find_areas_that_names_do_not(rows):
    error = (rows["estimated_m2"] - rows["known_m2"]).abs().groupby([rows["protocol"], rows["method"]]).mean()
    assert error["few-shot", "shots_mean_scls"] < 1e-4
    assert error["zero-shot", "semantic"] > 0.3, "the spectra are no paint's"


def test_abstention_is_told_by_target_for_the_shipped_model_alone(rows):
    own = rows[(rows["method"] == "semantic") & (rows["protocol"] == "zero-shot")]
    assert own["abstained"].between(0, 1).all()
    assert own["abstained_empty"].nunique() == 1
    rest = rows.drop(own.index)
    assert rest["abstained"].isna().all()
    assert (rest["reason"] != "").all()
    assert set(rows["uses_truth"]) == {"names", "training", "names, training"}


def test_a_library_that_cannot_tell_the_prompts_apart_is_a_reason(rows):
    reason = rows.loc[rows["method"] == "class_mean_scls", "reason"].item()
    assert "'tar_roof' belongs to 'tar_roof' and 'built'" in reason, (
        "earthlib has no metal, and what is above holds both"
    )


def test_prompts_that_share_a_spectrum_are_said(rows):
    assert rows.loc[rows["method"] == "semantic", "notes"].iloc[0] != ""


def test_scenes_without_targets_say_so(tmp_path):
    found = areas.rows(OPTIONS, {"synthetic_easy": write_easy(tmp_path)}, None, 0)
    assert found["reason"].tolist() == ["it has no targets of known area"]
    assert np.isnan(found["estimated_m2"]).all()
    with pytest.raises(UnmixingError, match="option 'epochs' is unknown"):
        areas.rows({"epochs": 1}, {"dlr_hysu": tmp_path}, None, 0)
    with pytest.raises(UnmixingError, match="no scene is given"):
        areas.rows({}, {}, None, 0)
