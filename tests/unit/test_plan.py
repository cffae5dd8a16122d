import json
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
import xarray as xr
import yaml

from unmixing import plan as module
from unmixing.configuration import merge, validate
from unmixing.errors import UnmixingError
from unmixing.plan import Shape, plan, read_costs, update_seconds
from unmixing.programs import plan as program
from unmixing.study import Study
from unmixing.training.trainers import Labels, labels_recipe

ROOT = Path(__file__).parents[2]
COSTS = {
    "float32": {"constant": 1e-8, "endmember": 2e-9},
    "bfloat16": {"constant": 5e-9, "endmember": 1e-9},
    "augmented_value": 0.0,
    "job": 0.0,
    "process": 1e9,
    "batch_value": 40,
    "scene_value": 30,
    "machine": "made",
}


def study(tmp_path, **changes):
    values = merge(yaml.safe_load((ROOT / "config.yaml").read_text()), changes)
    return Study(validate(values), tmp_path, {"XDG_CACHE_HOME": str(tmp_path)})


def entry(found, phase, protocol="described", scene="samson"):
    (chosen,) = [one for one in found if (one.phase, one.protocol, one.scene) == (phase, protocol, scene)]
    return chosen


def test_an_update_costs_its_values_times_a_line_in_the_endmembers():
    schedule = {"batch_size": 15, "patch_size": 40, "precision": "float32"}
    assert update_seconds(COSTS, Shape(95, 95, 156, 3), schedule) == pytest.approx(15 * 1600 * 156 * 1.6e-8)
    assert update_seconds(COSTS, Shape(95, 95, 156, 3), {**schedule, "precision": "bfloat16"}) == pytest.approx(
        15 * 1600 * 156 * 8e-9
    )


PAPER = {
    "scenes": ["samson"],
    "baseline": {"runs": 25, "epochs": 320, "patches": 250, "patch_size": 40},
    "augmentation": {"scenes": []},
    "audit": {"scenes": []},
}


def test_the_paper_s_baseline_by_hand(tmp_path):
    (only,) = plan(study(tmp_path, **PAPER), COSTS)
    # 25 runs of 320 epochs of 17 updates.
    assert only.hours == pytest.approx(25 * 320 * 17 * (15 * 1600 * 156 * 1.6e-8) / 3600)
    assert (only.jobs, only.runs, only.stored) == (1, 25, 0)
    assert "Samson.mat" in only.missing, "planned although the file is missing, and said so"
    assert only.disk_gib == pytest.approx(25 * 3 * (2 * 95 * 95 + 84 * 156) / 2**30)


def test_runs_that_are_there_cost_nothing(tmp_path):
    known = study(tmp_path, **PAPER)
    half = plan(known, COSTS, stored=lambda cell: 20)[0]
    assert half.hours == pytest.approx(plan(known, COSTS)[0].hours / 5)
    assert plan(known, COSTS, stored=lambda cell: 99)[0].hours == 0


def test_a_sweep_that_does_not_fit_into_memory_needs_temporary_files(tmp_path):
    sweep = {"scenes": ["urban4"], "images": [90], "runs": 1, "treatments": {"described": ["blur_1"]}}
    many = plan(study(tmp_path, **{**PAPER, "scenes": ["urban4"], "augmentation": sweep}), COSTS)
    found = entry(many, "augmentation", scene="urban4")
    assert found.scratch_gib == pytest.approx(90 * 307 * 307 * 162 * 4 / 2**30)
    assert found.memory_gib < 3, "the set is never held whole"
    assert entry(many, "baseline", scene="urban4").scratch_gib == 0


def test_the_released_sweep_takes_all_patches_of_the_grid(tmp_path):
    sweep = {"scenes": ["samson"], "protocols": ["described", "released"], "images": [90], "runs": 1, "epochs": 2}
    sweep |= {"patches": 250, "patch_size": 40, "batch_size": 15, "regimes": ["dynamic_unseeded"]}
    sweep |= {"treatments": {name: ["blur_1"] for name in ("described", "released")}}
    both = plan(study(tmp_path, **{**PAPER, "augmentation": sweep}), COSTS)
    ratio = entry(both, "augmentation", "released").hours / entry(both, "augmentation", "described").hours
    assert ratio == pytest.approx((90 * 4 / 15) / 17)


def test_costs_measured_here_replace_the_shipped_ones(tmp_path):
    path = tmp_path / "training_step.json"
    assert read_costs(path) == read_costs(), "nothing measured yet"
    records = [
        {"precision": "float32", "endmembers": k, "bands": b, "batch_pixels": 24000, "machine": "ours",
         "fast_ms": 24000 * b * (3e-8 + k * 2e-9) * 1e3}
        for b, k in [(156, 3), (162, 4), (188, 12)]
    ]  # fmt: skip
    path.write_text(json.dumps(records))
    found = read_costs(path)
    assert found["float32"] == pytest.approx({"constant": 3e-8, "endmember": 2e-9})
    assert found["machine"] == "ours"
    assert found["bfloat16"] == read_costs()["bfloat16"]
    path.write_text("[{}]")
    with pytest.raises(UnmixingError, match=r"training_step.json is damaged .*run make bench again"):
        read_costs(path)


def test_the_limit_of_memory_is_that_of_the_training():
    from unmixing.training.image_sets import MOST_BYTES

    assert module.SWEEP_IMAGE_LIMIT == MOST_BYTES


def test_the_shipped_demo_fits_its_budget(tmp_path):
    # Design: baseline 1.5, sweep 4, audit 1 minutes on two cores.
    found = plan(study(tmp_path), read_costs())
    minutes = {one.phase: one.hours * 60 / 2 for one in found}
    assert minutes["baseline"] < 1.5
    assert minutes["augmentation"] < 4
    assert minutes["audit"] < 1


def test_a_plan_and_a_training_say_the_same_of_labels():
    scene = xr.Dataset({"abundances": (("row", "col", "endmember"), np.full((2, 2, 2), 0.5))})
    fields = {"label_source": "reference"}
    point = {"loss": "generalized", "temperature": 1.0, "weight": 0.5, "patch_size": 2, "batch_size": 2, "sigma": 1.0}
    for change in ({}, {"weight": 1}, {"loss": "nt_xent"}, {"label_source": "online"}, {"label_source": "stage1"}):
        cell = {
            "phase": "contrastive",
            "protocol": "described",
            "scene": "s",
            "fields": fields,
            "point": point | change,
        }
        study = SimpleNamespace(label_manifests=lambda *_: [])
        with mock.patch.object(program, "_scene", return_value=scene):
            planned = program._labels(study, Path(), cell)
        assert planned == labels_recipe(cell, Labels(scene["abundances"].to_numpy()))
