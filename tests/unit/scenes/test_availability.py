import os

import pytest

from unmixing.errors import UnmixingError
from unmixing.scenes.availability import find_scenes, find_semi_real
from unmixing.scenes.registry import load_registry, scene_entry


def put(root, scene_id):
    for item in scene_entry(scene_id).files:
        path = root / item.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.truncate(path, item.bytes)


def test_embedded_scenes_are_always_there():
    (found,) = find_scenes(["synthetic_easy"])
    assert (found.available, found.path, found.reason) == (True, None, "")


def test_the_folder_wins_over_the_cache(tmp_path):
    folder, cache = tmp_path / "folder", tmp_path / "cache"
    put(cache, "samson")
    (found,) = find_scenes(["samson"], folder, cache)
    assert found.path == cache / "Samson.mat"
    put(folder, "samson")
    (found,) = find_scenes(["samson"], folder, cache)
    assert (found.available, found.path, found.reason) == (True, folder / "Samson.mat", "")
    assert (found.title, found.kind, found.paper) == ("Samson", "real", True)


def test_missing_scenes_say_where_to_put_the_file(tmp_path):
    (found,) = find_scenes(["urban4"], None, tmp_path)
    assert not found.available
    assert "Urban4.mat" in found.reason
    assert "UNMIXING_SCENES" in found.reason
    assert "make scenes" in found.reason
    (found,) = find_scenes(["urban4"], tmp_path / "folder", None)
    assert str(tmp_path / "folder") in found.reason
    assert "put it there" in found.reason
    (found,) = find_scenes(["urban4_crop"], tmp_path, None)
    assert "no public address" in found.reason


def test_every_reason_is_one_line(tmp_path):
    for found in find_scenes(load_registry(), tmp_path, tmp_path / "cache"):
        assert "\n" not in found.reason
        assert bool(found.reason) != found.available


def test_a_file_of_another_length_is_not_taken(tmp_path):
    (tmp_path / "Samson.mat").write_bytes(b"short")
    (found,) = find_scenes(["samson"], tmp_path)
    assert not found.available
    assert "5 bytes instead of 3735621" in found.reason


def test_a_scene_of_many_files_needs_them_all(tmp_path):
    put(tmp_path, "dlr_hysu")
    assert find_scenes(["dlr_hysu"], tmp_path)[0].available
    missing = scene_entry("dlr_hysu").files[3].path
    (tmp_path / missing).unlink()
    (found,) = find_scenes(["dlr_hysu"], tmp_path)
    assert not found.available
    assert missing in found.reason


def test_unknown_ids_are_refused():
    with pytest.raises(UnmixingError, match="pavia"):
        find_scenes(["pavia"])


def test_semi_real_scenes_need_two_files_and_say_which_is_missing(tmp_path):
    known, files = find_semi_real(None, tmp_path)["urban5_semi_real"]
    assert not known.available
    assert files == []
    assert known.reason == (
        "urban/end5_groundTruth.mat is not at hand: set UNMIXING_SCENES to the folder that holds it; "
        "spectral_library_urban.mat is not at hand: set UNMIXING_LIBRARIES to the folder that holds it"
    )
    (tmp_path / "urban").mkdir()
    for name in ("urban/end5_groundTruth.mat", "spectral_library_urban.mat"):
        (tmp_path / name).touch()
    known, files = find_semi_real(tmp_path, tmp_path)["urban5_semi_real"]
    assert known.available
    assert known.kind == "semi-real"
    assert [path.name for path in files] == ["end5_groundTruth.mat", "spectral_library_urban.mat"]
