from pathlib import Path

import pytest
import yaml

from unmixing.augmentation.treatments import TREATMENTS
from unmixing.cells import cell, cells_of_job, job, jobs, protocols, settings
from unmixing.configuration import merge, validate
from unmixing.errors import UnmixingError
from unmixing.protocol.audit import FIELDS, MATCHING, PHASES, UNCHANGED, own_setting, parts_of
from unmixing.study import Study
from unmixing.training.recipe import recipe_of

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


def changed_fields(cell, start):
    return [name for name in start["fields"] if start["fields"][name] != cell["fields"][name]]


WHOLE_AUDIT = {phase: list(FIELDS[phase]) for phase in PHASES}


def whole_audit(**audit):
    return configuration(
        baseline={"protocols": ["described", "released"]},
        augmentation={"protocols": ["described", "released"], "images": [6, 90]},
        contrastive={"protocols": ["described", "released"]},
        audit={**WHOLE_AUDIT, "treatments": ["crop_jitter_blur", "flip_vertical"], **audit},
    )


@pytest.mark.parametrize("protocol", ["described", "released"])
def test_an_audited_cell_differs_from_its_phase_s_in_one_field(protocol):
    known = whole_audit()
    names = settings(known, "audit", SCENE, protocol)
    assert len(names) == len(set(names))
    for name in names:
        phase, field, arm = parts_of(name)
        place = arm or ("table7_average" if phase == "contrastive" else "")
        standard = cell(known, phase, protocol, SCENE, own_setting(phase, place), 7)
        audited = cell(known, "audit", protocol, SCENE, name, 7)
        expected = [] if field in (MATCHING, UNCHANGED) else [field]
        if phase == "contrastive" and protocol == "released":
            expected = [name for name in standard["fields"] if name in (*expected, "seeds")]
        assert changed_fields(audited, standard) == expected, name
        for key in ("schedule", "arm", "point", "entropy", "code"):
            assert audited.get(key) == standard.get(key), f"{name}: {key} is not paired"
    assert {parts_of(name)[0] for name in names} == set(PHASES)


def test_changes_that_cannot_move_a_treatment_are_not_trained():
    names = settings(whole_audit(), "audit", SCENE, "described")
    flips = {parts_of(name)[1] for name in names if name.endswith("flip_vertical-dynamic_unseeded-6")}
    assert flips == {"recipe", "patches", "flip_names", "initial_weights", MATCHING}


def test_unchanged_cells_are_those_of_the_phase_and_share_its_runs():
    known = whole_audit(runs=9)
    names = settings(known, "audit", SCENE, "described")
    same = [name for name in names if parts_of(name)[1] == UNCHANGED]
    assert names[-len(same) :] == same, "a plan is named after the first"
    assert {parts_of(name)[0] for name in same} == set(PHASES), "every phase has fewer runs than were asked for"
    for name in same:
        one = cell(known, "audit", "described", SCENE, name, 7)
        assert (one["phase"], one["setting"], one["runs"]) == ("audit", name, 9)
        own = cell(known, one["stored"]["phase"], "described", SCENE, one["stored"]["setting"], 7)
        assert parts_of(name)[0] == own["phase"]
        assert recipe_of(own, "abc", 3) == recipe_of({**one, **one["stored"]}, "abc", 3)


def test_the_audit_trains_no_unchanged_cell_that_the_phase_has():
    assert not [name for name in settings(configuration(), "audit", SCENE, "described") if UNCHANGED in name]
    without = configuration(augmentation={"scenes": []}, contrastive={"scenes": []})
    names = settings(without, "audit", SCENE, "described")
    same = {parts_of(name)[0] for name in names if UNCHANGED in name}
    assert same == {"augmentation", "contrastive"}
    known = whole_audit()
    other = [name for name in settings(known, "audit", SCENE, "released") if UNCHANGED in name]
    assert "contrastive_unchanged" in other, "the phase itself has one seed for all runs"
    one = cell(known, "audit", "released", SCENE, "contrastive_unchanged", 7)
    assert (one["phase"], one["fields"]["seeds"], one["runs"]) == ("audit", "per_run", 2)
    assert "stored" not in one


def test_what_is_scored_otherwise_is_the_stored_runs_of_the_phase():
    known = whole_audit()
    one = cell(known, "audit", "described", SCENE, "contrastive_matching", 7)
    own = cell(known, "contrastive", "described", SCENE, "table7_average-generalized", 7)
    assert one["matching"] == "greedy"
    assert recipe_of({**one, **one["stored"]}, "abc", 3) == recipe_of(own, "abc", 3)
    released = cell(known, "audit", "released", SCENE, "baseline_matching", 7)
    assert (released["matching"], released["stored"]) == ("optimal", {"phase": "baseline", "setting": "standard"})


def test_the_recipe_of_an_audited_baseline_is_the_committed_one():
    # Runs under reports/reference/ are found by it: what a cell holds may grow, the recipe may not.
    flipped = cell(configuration(), "audit", "described", SCENE, "baseline_loss", 7)
    recipe = recipe_of(flipped, "abc", 3)
    assert set(recipe) == {
        *("phase", "scene", "setting", "schedule", "fields", "entropy", "device", "code"),
        *("scene_sha256", "endmembers"),
    }
    assert (recipe["phase"], recipe["setting"]) == ("audit", "baseline_loss")


def test_the_audit_follows_the_protocols_of_each_phase():
    known = configuration(contrastive={"protocols": ["described", "released"]})
    assert protocols(known, "audit", SCENE) == ["described", "released"]
    names = settings(known, "audit", SCENE, "released")
    assert {parts_of(name)[0] for name in names} == {"contrastive"}
    assert protocols(configuration(audit={phase: [] for phase in PHASES}), "audit", SCENE) == []


def test_labels_of_the_audit_need_as_many_baseline_runs():
    asked = {"audit": {"contrastive": ["label_source"], "runs": 6}}
    with pytest.raises(UnmixingError, match=r"audit trains 6 runs on synthetic_easy.*baseline\.runs"):
        Study(configuration(**asked), Path("results"), {})
    enough = Study(configuration(audit={"contrastive": ["label_source"]}), Path("results"), {})
    assert enough.label_manifests("audit", "described", SCENE) == enough.manifests("baseline", "described", SCENE)
    assert Study(configuration(), Path("results"), {}).label_manifests("audit", "described", SCENE) == []


def test_the_paper_s_study_has_the_paper_s_scale_in_every_phase():
    paper = merge(
        yaml.safe_load((ROOT / "config.yaml").read_text()),
        yaml.safe_load((ROOT / "workflow/studies/paper.yaml").read_text()),
    )
    known = validate(paper)
    scale = {"epochs": 320, "patches": 250, "patch_size": 40, "batch_size": 15, "learning_rate": 0.003, "runs": 25}
    assert known.baseline.scale("samson") == known.augmentation.scale("samson") == scale
    assert known.augmentation.images == [90, 10]
