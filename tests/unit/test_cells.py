from pathlib import Path

import pytest
import yaml

from unmixing.augmentation.treatments import TREATMENTS
from unmixing.cells import cell, cells_of_job, job, jobs, protocols, settings
from unmixing.configuration import merge, validate

ROOT = Path(__file__).parents[2]
SCENE = "synthetic_easy"


def configuration(**changes):
    return validate(merge(yaml.safe_load((ROOT / "config.yaml").read_text()), changes))


def test_the_sweep_of_the_demo_has_every_treatment_in_every_regime():
    names = settings(configuration(), "augmentation", SCENE, "described")
    assert len(names) == len(set(names)) == 20 * 3
    assert {name.split("-")[0] for name in names} == set(TREATMENTS)


def test_jobs_hold_every_cell_once():
    found = jobs(configuration(augmentation={"jobs": 7}), "augmentation", SCENE, "described")
    assert sorted(name for members in found.values() for name in members) == sorted(
        settings(configuration(), "augmentation", SCENE, "described")
    )
    assert len(found) == 7
    assert max(map(len, found.values())) - min(map(len, found.values())) <= 1
    alone = jobs(configuration(augmentation={"jobs": 0}), "augmentation", SCENE, "described")
    assert alone == {name: [name] for name in alone}


@pytest.mark.parametrize("phase", ["baseline", "augmentation", "audit"])
def test_a_job_s_cells_come_back_whole(phase):
    known = configuration()
    for name, members in jobs(known, phase, SCENE, "described").items():
        back = cells_of_job(job(known, phase, "described", SCENE, name, 7))
        assert back == [cell(known, phase, "described", SCENE, setting, 7) for setting in members]


def test_phases_that_leave_a_scene_out_have_no_cells_there():
    without = configuration(augmentation={"scenes": []}, audit={"scenes": []})
    for phase in ("augmentation", "audit"):
        assert protocols(without, phase, SCENE) == []
        assert jobs(without, phase, SCENE, "described") == {}
    assert settings(without, "baseline", SCENE, "released") == [], "the demo trains as described alone"


def test_a_protocol_may_have_fewer_treatments():
    known = configuration(
        augmentation={"protocols": ["described", "released"], "treatments": {"released": ["crop_50", "flip_both"]}}
    )
    names = settings(known, "augmentation", SCENE, "released")
    assert {name.split("-")[0] for name in names} == {"crop_50", "flip_both"}
    assert len(settings(known, "augmentation", SCENE, "described")) == 60


def test_a_factor_that_a_regime_lacks_is_no_part_of_its_recipe():
    def arm(regime, **changes):
        known = configuration(augmentation=changes)
        return cell(known, "augmentation", "described", SCENE, f"blur_1-{regime}-6", 7)["arm"]

    assert arm("dynamic_unseeded") == arm("dynamic_unseeded", image_sets=5, initialisations=5)
    assert arm("fixed_unseeded") == arm("fixed_unseeded", initialisations=5)
    assert arm("fixed_unseeded") != arm("fixed_unseeded", image_sets=5)
    assert arm("fixed_seeded")["initialisations"] == 2


def test_an_audited_cell_differs_from_the_baseline_s_in_one_field():
    known = configuration()
    standard = cell(known, "baseline", "described", SCENE, "standard", 7)
    for name in settings(known, "audit", SCENE, "described"):
        flipped = cell(known, "audit", "described", SCENE, name, 7)
        different = {key for key in standard["fields"] if standard["fields"][key] != flipped["fields"][key]}
        assert name == f"baseline_{different.pop()}"
        assert not different
        assert flipped["schedule"] == standard["schedule"]
        assert flipped["runs"] == standard["runs"], "runs are paired"


def test_the_paper_s_study_has_the_paper_s_scale_in_every_phase():
    paper = merge(
        yaml.safe_load((ROOT / "config.yaml").read_text()),
        yaml.safe_load((ROOT / "workflow/studies/paper.yaml").read_text()),
    )
    known = validate(paper)
    scale = {"epochs": 320, "patches": 250, "patch_size": 40, "batch_size": 15, "learning_rate": 0.003, "runs": 25}
    assert known.baseline.scale("samson") == known.augmentation.scale("samson") == scale
    assert known.augmentation.images == [90, 10]
