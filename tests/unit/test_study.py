import json
import re
from pathlib import Path

import pytest
import yaml

from unmixing.cells import cells_of_job
from unmixing.configuration import Baseline, Classical, Configuration, json_schema, merge, read_yaml, validate
from unmixing.errors import UnmixingError
from unmixing.study import Study, find_overlay

ROOT = Path(__file__).parents[2]


@pytest.fixture
def values():
    return yaml.safe_load((ROOT / "config.yaml").read_text())


def put(values, key, value):
    *sections, last = key.split(".")
    for section in sections:
        values = values[section]
    values[last] = value


def test_shipped_studies_are_valid(values):
    for overlay in sorted((ROOT / "workflow/studies").glob("*.yaml")):
        assert validate(merge(values, read_yaml(overlay))).study == overlay.stem
    assert validate(values).study == "demo"


def test_schema_file_is_the_generated_one():
    assert (ROOT / "workflow/schemas/config.schema.json").read_text() == json_schema(), (
        "run: unmixing schema > workflow/schemas/config.schema.json"
    )


def test_config_documents_every_key():
    lines = (ROOT / "config.yaml").read_text().splitlines()
    keys = [*Configuration.model_fields, *Baseline.model_fields, *Classical.model_fields]
    for key in keys:
        at = next(number for number, line in enumerate(lines) if re.match(rf"\s*{key}:", line))
        assert lines[at - 1].lstrip().startswith("#"), f"{key} has no comment above it"


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("sead", 1, "configuration: key sead = 1 is unknown; allowed here: study, seed, entropy,"),
        (
            "baseline.epocs",
            3,
            "configuration: key baseline.epocs = 3 is unknown; allowed here: runs, epochs",
        ),
        ("seed", -1, "configuration: key seed = -1: allowed: input should be greater than or equal to 0"),
        ("seed", "one", 'configuration: key seed = "one": allowed: input should be a valid integer'),
        ("seed", 1.5, "configuration: key seed = 1.5: allowed: input should be a valid integer"),
        ("study", "My Study", 'configuration: key study = "My Study": allowed: string should match pattern'),
        ("entropy", "chance", "configuration: key entropy = \"chance\": allowed: input should be 'study' or 'system'"),
        ("missing", "ignore", "allowed: input should be 'skip' or 'fail'"),
        ("device", "gpu", 'configuration: key device = "gpu": allowed: string should match pattern'),
        ("scenes", [], "configuration: key scenes = []: allowed: list should have at least 1 item"),
        ("scenes", ["samsom"], "scene 'samsom' is unknown; allowed: samson, jasper_ridge"),
        ("scenes", ["samson", "samson"], "something is named twice; allowed: each once"),
        (
            "baseline.runs",
            0,
            "configuration: key baseline.runs = 0: allowed: input should be greater than or equal to 1",
        ),
        ("baseline.protocols", ["released", "released"], "something is named twice; allowed: each once"),
        ("classical.methods", ["nmf", "nmf"], "something is named twice; allowed: each once"),
        ("study", "store", "results/store/ belongs to all studies; allowed: any other name"),
        ("baseline", 3, "configuration: key baseline = 3: allowed: a mapping with the keys runs, epochs, patches"),
        ("baseline.learning_rate", 0, "allowed: input should be greater than 0"),
        ("baseline.learning_rate", "3e-3", 'configuration: key baseline.learning_rate = "3e-3": allowed: input should'),
        ("baseline.protocols", ["as_described"], "allowed: input should be 'described' or 'released'"),
        ("baseline.overrides", {"samsom": {}}, "scene 'samsom' is unknown; allowed: samson"),
        (
            "baseline.overrides",
            {"samson": {"run": 3}},
            "configuration: key baseline.overrides.samson.run = 3 is unknown; allowed here: runs, epochs",
        ),
    ],
)
def test_wrong_values_are_refused_in_one_line(values, key, value, line):
    put(values, key, value)
    with pytest.raises(UnmixingError) as caught:
        validate(values)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_key_is_named(values):
    del values["baseline"]["runs"]
    with pytest.raises(UnmixingError, match=r"key baseline.runs is missing; allowed: trainings per cell"):
        validate(values)


def test_every_fault_has_its_line(values):
    put(values, "seed", -1)
    put(values, "baseline.runs", 0)
    with pytest.raises(UnmixingError) as caught:
        validate(values)
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [1, 2", "line 1"),
        ("- a\n- b\n", "holds no keys"),
        ("", "holds no keys"),
        ("\tstudy: x", "cannot start any token"),
    ],
)
def test_broken_yaml_is_refused_in_one_line(tmp_path, text, words):
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    with pytest.raises(UnmixingError, match=words) as caught:
        read_yaml(path)
    assert "\n" not in str(caught.value)


def test_overlay_merges_mappings_and_replaces_lists():
    base = {"a": {"b": 1, "c": [1, 2]}, "d": 3}
    assert merge(base, {"a": {"c": [9]}, "e": 4}) == {"a": {"b": 1, "c": [9]}, "d": 3, "e": 4}
    assert base == {"a": {"b": 1, "c": [1, 2]}, "d": 3}


def test_studies_are_found_by_name_or_path(tmp_path):
    studies = ROOT / "workflow/studies"
    assert find_overlay("demo", studies) is None
    assert find_overlay("laptop", studies) == studies / "laptop.yaml"
    assert find_overlay("mine/own.yaml", studies) == Path("mine/own.yaml")
    with pytest.raises(UnmixingError, match=r"study 'desktop' is unknown; allowed: demo, .*laptop, .*path of a YAML"):
        find_overlay("desktop", studies)


def study(values, tmp_path, environment=None):
    cache = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    return Study(validate(values), tmp_path / "results", {**cache, **(environment or {})})


def test_missing_scene_keeps_its_row_with_the_reason(values, tmp_path):
    put(values, "scenes", ["synthetic_easy", "samson"])
    settled = study(values, tmp_path)
    assert settled.scenes == ["synthetic_easy"]
    rows = {row["scene"]: row for row in settled.scene_table()}
    assert set(rows) == {"samson", "urban4", "urban5", "urban6", "cuprite", "jasper_ridge", "synthetic_easy"}
    assert "UNMIXING_SCENES" in rows["samson"]["reason"]
    assert rows["cuprite"]["reason"] == "not part of the study demo: name it under `scenes` in the configuration"
    assert not rows["samson"]["available"]


def test_missing_scenes_can_fail_with_one_line_each(values, tmp_path):
    put(values, "scenes", ["samson", "cuprite", "synthetic_easy"])
    put(values, "missing", "fail")
    with pytest.raises(UnmixingError) as caught:
        study(values, tmp_path)
    lines = str(caught.value).splitlines()
    assert [line.split()[:4] for line in lines] == [["scene", name, "is", "missing:"] for name in ("samson", "cuprite")]


def test_a_folder_that_does_not_exist_is_refused(values, tmp_path):
    with pytest.raises(UnmixingError, match=r"UNMIXING_SCENES names .*nowhere, which is not a folder"):
        study(values, tmp_path, {"UNMIXING_SCENES": str(tmp_path / "nowhere")})


def test_a_real_scene_in_the_folder_is_available(values, tmp_path, scenes_folder):
    put(values, "scenes", ["samson"])
    settled = study(values, tmp_path, {"UNMIXING_SCENES": str(scenes_folder)})
    assert settled.scene_source("samson") == [str(scenes_folder.resolve() / "Samson.mat")]


def test_overrides_hold_for_their_scene_alone(values, tmp_path):
    put(values, "baseline.overrides", {"samson": {"runs": 7, "epochs": 9}})
    baseline = validate(values).baseline
    assert baseline.scale("samson")["runs"] == 7
    assert baseline.scale("samson")["patches"] == baseline.patches
    assert baseline.scale("synthetic_easy")["runs"] == values["baseline"]["runs"]


def test_a_cell_holds_what_decides_its_numbers_and_no_more(values, tmp_path):
    job = json.loads(study(values, tmp_path).job("baseline", "described", "synthetic_easy", "standard"))
    (cell,) = cells_of_job(job)
    assert set(cell) == {
        "phase", "protocol", "scene", "setting", "runs", "schedule", "fields", "entropy", "device", "code",
    }  # fmt: skip
    assert "matching" not in cell["fields"], "a matter of the evaluation"
    renamed = {**values, "study": "other", "missing": "fail", "scenes": ["synthetic_easy", "synthetic_hard"]}
    assert json.loads(study(renamed, tmp_path).job("baseline", "described", "synthetic_easy", "standard")) == job


def test_system_entropy_is_drawn_once_and_recorded_before_the_first_run(values, tmp_path):
    put(values, "entropy", "system")
    drawn = study(values, tmp_path).entropy()
    recorded = json.loads((tmp_path / "results/entropy/demo.json").read_text())["entropy"]
    assert drawn == recorded == study(values, tmp_path).entropy()
    assert drawn != values["seed"]
    put(values, "study", "second")
    assert study(values, tmp_path).entropy() != drawn
