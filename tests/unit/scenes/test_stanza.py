import dataclasses
import json

import pytest
import yaml

from unmixing.configuration import validate
from unmixing.errors import UnmixingError
from unmixing.scenes.own import _OWN_KEYS
from unmixing.scenes.raw import Hints
from unmixing.scenes.stanza import OwnScene
from unmixing.study import Study

STANZA = {"path": "flight7.hdr", "endmembers": 3}


@pytest.fixture
def values():
    from pathlib import Path

    return yaml.safe_load((Path(__file__).parents[3] / "config.yaml").read_text())


def test_keys_are_those_that_the_reader_knows():
    assert set(_OWN_KEYS) < set(OwnScene.model_fields)
    assert set(OwnScene.model_fields) - set(_OWN_KEYS) <= {field.name for field in dataclasses.fields(Hints)}
    assert all(field.description for field in OwnScene.model_fields.values())


def test_prompts_are_a_list_or_classes_in_the_order_given(values, tmp_path):
    prompts = {"trees": "tree", "grass": "green grass"}
    values |= {"own_scenes": {"flight7": {**STANZA, "prompts": prompts}}}
    study = Study(validate(values), tmp_path, {"XDG_CACHE_HOME": str(tmp_path)})
    (argument,) = study.scene_arguments("flight7")
    told = json.loads(argument.removeprefix("--stanza="))["prompts"]
    assert list(told.items()) == list(prompts.items())
    values |= {"own_scenes": {"flight7": {**STANZA, "prompts": ["tree", ""]}}}
    with pytest.raises(UnmixingError, match="a list of materials, or class: material"):
        validate(values)


def test_an_own_scene_can_be_named_everywhere(values, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    values |= {"own_scenes": {"flight7": STANZA}, "scenes": ["flight7", "synthetic_easy"]}
    values["baseline"]["overrides"] = {"flight7": {"runs": 2}}
    environment = {"XDG_CACHE_HOME": str(tmp_path)}
    missing = Study(validate(values), tmp_path / "results", environment)
    assert missing.scenes == ["synthetic_easy"]
    (row,) = [row for row in missing.scene_table() if row["scene"] == "flight7"]
    assert (row["kind"], row["paper"], row["available"]) == ("own", False, False)
    assert row["reason"] == "flight7.hdr: no such file: correct own_scenes.flight7.path in the configuration"
    for name in ("flight7.hdr", "flight7.img", "other.img"):
        (tmp_path / name).touch()
    found = Study(validate(values), tmp_path / "results", environment)
    assert found.scenes == ["flight7", "synthetic_easy"]
    assert found.scene_source("flight7") == ["flight7.hdr", "flight7.img"]
    (argument,) = found.scene_arguments("flight7")
    assert json.loads(argument.removeprefix("--stanza=")) == {"id": "flight7", **STANZA}
    assert found.map_folders(own=True) == [f"{tmp_path}/results/demo/maps/baseline-described-flight7"]
    assert len(found.map_folders()) == 2
    assert json.loads(found.job("baseline", "described", "flight7", "standard"))["shared"]["runs"] == 2


@pytest.mark.parametrize("wavelengths", ["file", "unknown", "linear 400 1000 40", [400, 500.5]])
def test_wavelengths_in_all_their_forms(values, wavelengths):
    values["own_scenes"] = {"a": {**STANZA, "wavelengths": wavelengths}}
    assert validate(values).own_scenes["a"].stanza("a")["wavelengths"] == wavelengths


@pytest.mark.parametrize(
    ("scenes", "line"),
    [
        ({"a": {}}, "key own_scenes.a.path is missing; allowed: ENVI (header or data), GeoTIFF"),
        (
            {"a": {**STANZA, "wavelength": "file"}},
            'key own_scenes.a.wavelength = "file" is unknown; allowed here: path',
        ),
        ({"a": {**STANZA, "endmembers": "many"}}, 'own_scenes.a.endmembers = "many": allowed: a number from 2 to 50'),
        ({"a": {**STANZA, "endmembers": 1}}, "own_scenes.a.endmembers = 1: allowed: a number from 2 to 50, or auto"),
        ({"a": {**STANZA, "wavelengths": 7}}, "own_scenes.a.wavelengths = 7: allowed: file, unknown, a list"),
        ({"a": {**STANZA, "scale_factor": 0}}, "own_scenes.a.scale_factor = 0: allowed: input should be greater"),
        ({"samson": STANZA}, "id 'samson' is taken or not written so; allowed: a new one of a-z, 0-9 and _"),
        ({"Flight-7": STANZA}, "id 'Flight-7' is taken or not written so"),
        ([], "key own_scenes = []: allowed: input should be a valid dictionary"),
    ],
)
def test_wrong_stanzas_are_refused_in_one_line(values, scenes, line):
    values["own_scenes"] = scenes
    with pytest.raises(UnmixingError) as caught:
        validate(values)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)
