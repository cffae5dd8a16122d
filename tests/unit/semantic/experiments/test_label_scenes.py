"""A user's scene with class labels goes through the experiments on scenes as one with abundances does."""

import json

import numpy as np
import pytest

from unmixing.errors import UnmixingError
from unmixing.scenes.dataset import write_scene
from unmixing.scenes.own import read_own_scene
from unmixing.scenes.synthetic import make_synthetic
from unmixing.semantic.experiments.inputs import read_named_scene
from unmixing.semantic.experiments.scenes import rows

PROMPTS = {"1": "bare soil", "2": "green vegetation", "3": "burned ground"}
OPTIONS = {"stride": 1, "baselines": ["class_mean_scls", "constant"], "ablations": False, "vca_draws": 0, "shots": [],
           "supervised_epochs": 0, "bilinear": []}  # fmt: skip


@pytest.fixture
def stanza(tmp_path):
    """The easy scene as a file of values, and a label map of its largest materials: the 5 x 5 corner has none."""
    whole = make_synthetic("synthetic_easy")
    labels = whole["abundances"].to_numpy().argmax(axis=-1) + 1
    labels[:5, :5] = 0
    np.save(tmp_path / "cube.npy", whole["cube"].to_numpy()[:30, :40])
    np.save(tmp_path / "labels.npy", labels[:30, :40])
    wavelengths = [float(value) for value in whole["wavelength"].to_numpy()]
    return {"id": "own", "path": str(tmp_path / "cube.npy"), "wavelengths": wavelengths, "scale": "reflectance",
            "labels": str(tmp_path / "labels.npy"), "label_block": 5, "label_names": list("123"),
            "prompts": PROMPTS}  # fmt: skip


def test_it_is_scored_by_fractions_of_labelled_blocks(stanza, tmp_path):
    scene = read_own_scene(stanza)
    assert scene["cube"].shape[:2] == (6, 8)
    assert scene.attrs["endmember_count"] == 3
    write_scene(scene, tmp_path / "own.nc")
    named = read_named_scene("own", tmp_path / "own.nc")
    assert named.texts == list(PROMPTS.values())
    assert not named.seen[0, 0]
    assert named.seen.sum() == 47
    found = rows(OPTIONS, {"own": tmp_path / "own.nc"}, None, 1)
    errors = found[(found["metric"] == "armse") & (found["convention"] == "areal") & (found["against"] == "")]
    assert set(errors["n"]) == {47}
    values = errors.set_index("method")["value"]
    assert max(values["semantic"], values["class_mean_scls"]) < values["constant"]


def test_classes_of_one_material_are_one_and_the_others_leave_their_blocks_out(stanza, tmp_path):
    write_scene(
        read_own_scene({**stanza, "prompts": {"1": "bare soil", "3": "bare soil", "2": "tree"}}), tmp_path / "a.nc"
    )
    assert read_named_scene("own", tmp_path / "a.nc").texts == ["bare soil", "tree"]
    write_scene(read_own_scene({**stanza, "prompts": {"1": "bare soil", "2": "tree"}}), tmp_path / "b.nc")
    assert read_named_scene("own", tmp_path / "b.nc").seen.sum() < 47


def test_what_a_label_map_needs_is_asked_for_by_name(stanza):
    for key, message in (("label_block", "labels need label_block"), ("prompts", "labels need prompts by class")):
        with pytest.raises(UnmixingError, match=message):
            read_own_scene({name: value for name, value in stanza.items() if name != key})
    with pytest.raises(UnmixingError, match="keys of a label map without one"):
        read_own_scene({name: value for name, value in stanza.items() if name != "labels"})


def test_a_scene_without_labels_has_no_rows_and_says_why(stanza, tmp_path):
    plain = {name: value for name, value in stanza.items() if not name.startswith("label")}
    scene = read_own_scene({**plain, "prompts": ["bare soil", "tree"], "endmembers": 3})
    assert json.loads(scene.attrs["prompts"]) == ["bare soil", "tree"]
    write_scene(scene, tmp_path / "own.nc")
    assert read_named_scene("own", tmp_path / "own.nc") is None
    found = rows(OPTIONS, {"own": tmp_path / "own.nc"}, None, 1)
    assert found["reason"].str.contains("needs labels").all()
