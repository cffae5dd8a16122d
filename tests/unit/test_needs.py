from pathlib import Path

import pytest
import yaml

from unmixing.configuration import merge, validate
from unmixing.needs import (
    LONGEST_MINUTES,
    Needs,
    evaluation_needs,
    graphics_processors,
    memory_mb,
    minutes,
    training_needs,
)
from unmixing.plan import Shape, read_costs, update_seconds
from unmixing.programs.study import _cores
from unmixing.study import Study

ROOT = Path(__file__).parents[2]


def study(tmp_path, **changes):
    values = merge(yaml.safe_load((ROOT / "config.yaml").read_text()), changes)
    return Study(validate(values), tmp_path, {"XDG_CACHE_HOME": str(tmp_path)})


def test_every_attempt_asks_for_more():
    needs = Needs(seconds=600, memory_bytes=1e9)
    assert [minutes(needs, attempt) for attempt in (1, 2, 3)] == [40, 80, 160]
    assert [memory_mb(needs, attempt) for attempt in (1, 2, 3)] == [2000, 3000, 4500]


def test_no_attempt_asks_for_more_days_than_its_number():
    weeks = Needs(seconds=3e6, memory_bytes=0)
    assert [minutes(weeks, attempt) for attempt in (1, 2, 3)] == [LONGEST_MINUTES * attempt for attempt in (1, 2, 3)]


def test_a_training_job_by_hand(tmp_path):
    scale = {"runs": 25, "epochs": 320, "patches": 250, "patch_size": 40}
    known = study(tmp_path, scenes=["samson"], baseline=scale)
    costs = read_costs()
    update = update_seconds(costs, Shape(95, 95, 156, 3), {"batch_size": 15, "patch_size": 40, "precision": "float32"})
    needs = training_needs(known, "baseline", "described", "samson", "standard")
    assert needs.seconds == pytest.approx(costs["job"] + 25 * 320 * 17 * update)
    values = costs["batch_value"] * 15 * 1600 * 156 + costs["scene_value"] * 95 * 95 * 156
    assert needs.memory_bytes == pytest.approx(costs["process"] + values)


def test_a_search_whose_trials_nobody_knows_yet_has_needs_too(tmp_path):
    known = study(tmp_path)
    part = training_needs(known, "contrastive", "described", "synthetic_easy", "part_1")
    search = training_needs(known, "contrastive", "described", "synthetic_easy", "nt_xent_search")
    assert read_costs()["job"] < search.seconds < 20 * part.seconds
    more = study(tmp_path, contrastive={"search": {"evaluations": 24}})
    assert training_needs(more, "contrastive", "described", "synthetic_easy", "nt_xent_search").seconds > search.seconds


def test_scoring_grows_with_runs(tmp_path):
    few, many = (
        evaluation_needs(study(tmp_path, augmentation={"runs": runs}), "augmentation", "described", "synthetic_easy")
        for runs in (2, 20)
    )
    fixed = read_costs()["job"]
    assert many.seconds - fixed == pytest.approx(10 * (few.seconds - fixed))
    assert many.memory_bytes == few.memory_bytes


def test_a_scene_that_nobody_has_read_counts_as_the_largest(tmp_path):
    (tmp_path / "own.npz").touch()
    own = {"path": str(tmp_path / "own.npz"), "endmembers": 3}
    known = study(tmp_path, scenes=["own", "urban6", "samson"], own_scenes={"own": own})
    of_scene = {
        scene: training_needs(known, "baseline", "described", scene, "standard").memory_bytes
        for scene in ("own", "urban6", "samson")
    }
    assert of_scene["own"] >= of_scene["urban6"] > of_scene["samson"]


def test_only_trainings_on_a_graphics_processor_ask_for_one(tmp_path):
    assert graphics_processors(study(tmp_path)) is None
    assert graphics_processors(study(tmp_path, device="cuda")) == 1


def test_cores_are_named_on_this_machine_and_not_on_a_cluster():
    assert _cores("3", ["table3"]) == ["--cores", "3"]
    assert _cores(None, ["table3"])[0] == "--cores"
    for rest in (["--profile", "profiles/slurm"], ["--profile=profiles/slurm"], ["-n", "--executor", "slurm"]):
        assert _cores(None, rest) == []
    assert _cores("8", ["--profile", "profiles/slurm"]) == ["--cores", "8"]


@pytest.mark.parametrize("name", ["slurm", "cluster-generic", "kubernetes"])
def test_profiles_for_clusters_try_again_and_leave_the_default_profile_s_keys_alone(name):
    profile = yaml.safe_load((ROOT / "profiles" / name / "profile.yaml").read_text())
    default = yaml.safe_load((ROOT / "profiles/default/profile.yaml").read_text())
    assert not profile.keys() & default.keys(), "keys of the default profile win"
    assert profile["retries"] >= 3
    assert profile["keep-going"]
    assert {"mem_mb", "runtime"} <= profile["default-resources"].keys()
