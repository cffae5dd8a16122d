from dataclasses import asdict

import pytest

from unmixing.protocol.audit import (
    AUDIT_ONLY,
    FIELDS,
    MATCHING,
    PHASES,
    UNCHANGED,
    flip,
    flipped_value,
    idle,
    own_setting,
    parts_of,
    setting_of,
    starting_point,
    unchanged,
)
from unmixing.protocol.augmentation import PROTOCOLS as SWEEP
from unmixing.protocol.baseline import PROTOCOLS as BASELINE
from unmixing.protocol.contrastive import PROTOCOLS as CONTRASTIVE

KNOWN = {"baseline": BASELINE, "augmentation": SWEEP, "contrastive": CONTRASTIVE}
EVERY = [(phase, field) for phase in PHASES for field in FIELDS[phase]]


@pytest.mark.parametrize("protocol", ["described", "released"])
@pytest.mark.parametrize(("phase", "field"), EVERY)
def test_a_flip_changes_its_field_and_leaves_the_rest(phase, field, protocol):
    before, after = asdict(starting_point(phase, protocol)), asdict(flip(phase, protocol, field))
    assert [name for name in before if before[name] != after[name]] == [field]
    other = "released" if protocol == "described" else "described"
    assert after[field] == AUDIT_ONLY.get((phase, field), getattr(KNOWN[phase][other], field))


@pytest.mark.parametrize("phase", PHASES)
def test_every_difference_between_the_protocols_can_be_changed_but_the_number_of_seeds(phase):
    described, released = (asdict(KNOWN[phase][name]) for name in ("described", "released"))
    differ = {name for name in described if described[name] != released[name]}
    assert differ - set(FIELDS[phase]) == ({"seeds"} if phase == "contrastive" else set())
    assert {name for of, name in AUDIT_ONLY if of == phase} == set(FIELDS[phase]) - differ


def test_values_that_neither_protocol_has_are_those_of_the_text():
    assert flip("baseline", "released", "input").input == "whole_image"
    assert flipped_value("contrastive", "released", "label_source") == "stage1"


def test_a_field_that_the_audit_does_not_know_is_refused():
    with pytest.raises(ValueError, match="not 'seeds'"):
        flip("contrastive", "described", "seeds")


def test_released_contrastive_training_starts_with_a_seed_for_each_run():
    assert starting_point("contrastive", "released").seeds == "per_run"
    assert starting_point("contrastive", "described") == CONTRASTIVE["described"]
    assert unchanged("contrastive", "described", "sheet_best") == ("contrastive", "sheet_best-generalized")
    assert unchanged("contrastive", "released", "sheet_best") == ("audit", f"contrastive_{UNCHANGED}")
    arm = "crop_blur-dynamic_unseeded-90"
    assert unchanged("augmentation", "released", arm) == ("augmentation", arm)
    assert own_setting("baseline", "") == "standard"


@pytest.mark.parametrize(
    ("protocol", "field", "arm", "moves"),
    [
        ("described", "jitter", "crop_blur-fixed_seeded-90", False),
        ("described", "jitter", "crop_jitter_blur-fixed_seeded-90", True),
        ("described", "undo_jitter", "crop_jitter_blur-fixed_seeded-90", False),
        ("released", "undo_jitter", "crop_jitter_blur-fixed_seeded-90", True),
        ("described", "parameters", "crop_50-dynamic_unseeded-90", True),
        ("described", "parameters", "crop_95-dynamic_unseeded-90", False),
        ("described", "parameters", "crop_50-dynamic_unseeded-10", False),
        ("described", "flip_names", "flip_vertical-dynamic_unseeded-10", True),
        ("described", "flip_names", "flip_both-dynamic_unseeded-10", False),
        ("described", "blur_padding", "flip_both-dynamic_unseeded-10", False),
        ("described", "accumulation", "blur_1-dynamic_unseeded-90", False),
        ("released", "accumulation", "blur_1-dynamic_unseeded-90", True),
        ("released", "accumulation", "blur_1-dynamic_unseeded-10", False),
        ("described", "shuffle", "blur_1-dynamic_unseeded-10", False),
        ("released", "shuffle", "blur_1-dynamic_unseeded-10", True),
        ("described", "patches", "control_identity-dynamic_unseeded-10", True),
        ("described", "patches", "control_baseline-dynamic_unseeded-10", False),
        ("described", "recipe", "control_baseline-dynamic_unseeded-10", True),
        ("described", "matching", "control_baseline-dynamic_unseeded-10", True),
    ],
)
def test_a_change_that_cannot_move_a_treatment_says_why(protocol, field, arm, moves):
    assert (idle("augmentation", protocol, field, arm) == "") is moves


def test_nt_xent_has_no_labels_to_change():
    assert idle("contrastive", "described", "labels", "nt_xent_best")
    assert not idle("contrastive", "described", "view_axes", "nt_xent_best")
    assert not idle("contrastive", "described", "labels", "table7_average")
    assert not any(idle("baseline", "described", field, "") for field in FIELDS["baseline"])


@pytest.mark.parametrize("field", [*FIELDS["augmentation"], UNCHANGED])
def test_a_setting_says_phase_field_and_place(field):
    arm = "crop_jitter_blur-fixed_seeded-90"
    assert parts_of(setting_of("augmentation", field, arm)) == ("augmentation", field, arm)
    assert parts_of(setting_of("contrastive", MATCHING, "sheet_best")) == ("contrastive", MATCHING, "")
    assert setting_of("baseline", "loss") == "baseline_loss"
