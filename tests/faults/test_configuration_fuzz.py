"""Any configuration is a study or a few clear lines; never anything else."""

import copy
import tempfile
from pathlib import Path

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from project import ROOT
from unmixing.cells import TRAINED_PHASES, jobs, protocols
from unmixing.configuration import read_yaml, validate
from unmixing.errors import UnmixingError
from unmixing.study import Study

SETTINGS = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
DEMO = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))


def _paths(values, before=()):
    for key, value in values.items():
        yield (*before, key)
        if isinstance(value, dict):
            yield from _paths(value, (*before, key))


PATHS = sorted(_paths(DEMO))
SCENES = st.sampled_from(["synthetic_easy", "synthetic_hard", "samson", "urban4_semi_real", "own", "nowhere"])
PLAIN = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | SCENES
    | st.sampled_from(["described", "released", "cpu", "cuda:0", "stage1", "tpe", "full", "jitter", "null"])
)  # fmt: skip
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6) | SCENES, inner, max_size=3),
    max_leaves=6,
)


def changed(changes):
    values = copy.deepcopy(DEMO)
    for path, value in changes:
        place = values
        for key in path[:-1]:
            place = place.get(key) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place[path[-1]] = value
    return values


def judge(values, folder):
    """A study whose jobs can be listed, or lines that each name a key."""
    try:
        study = Study(validate(values), Path(folder), {"XDG_CACHE_HOME": str(folder)})
    except UnmixingError as refusal:
        lines = str(refusal).splitlines()
        assert lines
        assert all(line.startswith(("configuration: ", "scene ")) and len(line) < 2500 for line in lines), lines
        return
    for phase in TRAINED_PHASES:
        for scene in study.configuration.scenes:
            for protocol in protocols(study.configuration, phase, scene):
                assert jobs(study.configuration, phase, scene, protocol)


@SETTINGS
@given(changes=st.lists(st.tuples(st.sampled_from(PATHS), VALUES), min_size=1, max_size=3))
def test_any_change_gives_a_study_or_a_few_lines_that_name_a_key(changes):
    with tempfile.TemporaryDirectory() as folder:
        judge(changed(changes), folder)


@SETTINGS
@given(
    stanza=st.dictionaries(
        st.sampled_from(["path", "endmembers", "wavelengths", "references", "rows", "names", "cube", "scale", "x"]),
        VALUES,
        max_size=4,
    )
)
def test_any_own_scene_gives_a_study_or_a_few_lines(stanza):
    with tempfile.TemporaryDirectory() as folder:
        judge({**DEMO, "scenes": ["own"], "own_scenes": {"own": stanza}}, folder)


@SETTINGS
@given(text=st.text(max_size=60) | st.binary(max_size=60))
def test_any_file_gives_keys_or_one_line(text):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
        told = "one line"
        try:
            assert isinstance(read_yaml(path), dict)
        except UnmixingError as refusal:
            told = str(refusal)
        assert len(told.splitlines()) == 1
