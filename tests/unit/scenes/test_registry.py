import dataclasses
import re
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from unmixing.errors import UnmixingError
from unmixing.scenes.registry import load_registry, recognise, scene_entry
from unmixing.scenes.wavelengths import axis_from_recipe

IDS = [
    "samson",
    "jasper_ridge",
    "urban4",
    "urban5",
    "urban6",
    "cuprite",
    "urban4_crop",
    "urban5_crop",
    "urban6_crop",
    "dlr_hysu",
    "synthetic_easy",
    "synthetic_hard",
]


def test_the_fixed_ids_are_there():
    assert list(load_registry()) == IDS
    assert [entry.id for entry in load_registry().values() if entry.paper] == IDS[:6]
    assert [entry.id for entry in load_registry().values() if entry.embedded] == IDS[-2:]


@pytest.mark.parametrize("scene_id", IDS)
def test_entries_are_complete_and_agree_with_themselves(scene_id):
    entry = scene_entry(scene_id)
    assert len(entry.names) == entry.endmember_count
    assert len(set(entry.names)) == entry.endmember_count
    assert entry.kind in ("real", "crop", "synthetic")
    assert entry.wavelength_source in ("measured", "nominal")
    assert entry.abundance_convention in ("nnls_sum_max", "nnls_sum_raw", "unknown", "areal")
    assert entry.licence
    assert entry.citation
    assert entry.embedded or entry.files
    for item in entry.files:
        assert re.fullmatch("[0-9a-f]{64}|", item.sha256)
        assert re.fullmatch("[0-9a-f]{40}|", item.git_blob)
        assert item.sha256 or item.git_blob
        for address in item.addresses:
            assert urlsplit(address).scheme == "https"
            assert not re.search("/(main|master|HEAD)/", address), "addresses are pinned to a commit"
    if not entry.embedded and entry.wavelengths != "file":
        assert axis_from_recipe(entry.wavelengths).size == entry.bands


def test_entries_cannot_be_changed():
    entry = scene_entry("samson")
    with pytest.raises(dataclasses.FrozenInstanceError):
        entry.rows = 1
    with pytest.raises(TypeError):
        entry.reading["x"] = 1
    with pytest.raises(TypeError):
        load_registry()["x"] = entry


def test_files_are_recognised_by_either_checksum():
    samson = scene_entry("samson").files[0]
    assert recognise(sha256=samson.sha256, git_blob="").id == "samson"
    assert recognise(sha256="0" * 64, git_blob=samson.git_blob).id == "samson"
    assert recognise(sha256="", git_blob="") is None


def test_an_unknown_scene_is_named():
    with pytest.raises(UnmixingError, match="scene 'pavia' is not in the registry"):
        scene_entry("pavia")


def test_availability_loads_nothing_heavy():
    code = (
        "import sys, unmixing.scenes, unmixing.scenes.availability as a; a.find_scenes(['samson', 'urban4']); "
        "print([name for name in ('numpy', 'xarray', 'pandas', 'scipy', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("scene_id", ["synthetic_easy", "synthetic_hard"])
def test_embedded_scenes_are_as_registered(scene_id):
    from unmixing.scenes.synthetic import make_synthetic

    entry, scene = scene_entry(scene_id), make_synthetic(scene_id)
    assert scene["cube"].shape == (entry.rows, entry.cols, entry.bands)
    assert tuple(scene["name"].values) == entry.names
    for key in ("id", "title", "kind", "scale", "wavelength_source", "abundance_convention"):
        assert scene.attrs[key] == getattr(entry, key)
