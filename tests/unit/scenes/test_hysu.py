import json
import shutil

import numpy as np
import pytest

from unmixing.errors import UnmixingError
from unmixing.scenes import open_scene, read_checks, read_scene, write_scene
from unmixing.scenes.convention import nnls_shares
from unmixing.scenes.dataset import make_dataset
from unmixing.scenes.hysu import PIXEL_AREA_M2, empty_windows, score_areas
from unmixing.scenes.registry import scene_entry

IMAGE = scene_entry("dlr_hysu").files[0].path


def made_targets(rows=20, cols=30):
    """Two materials in two sizes on grass, with known places."""
    masks = np.zeros((2, rows, cols), dtype=np.uint8)
    sizes = np.zeros((rows, cols), dtype=np.uint8)
    masks[0, 2:5, 2:5] = masks[1, 2:5, 7:10] = 1
    masks[0, 8:10, 2:4] = masks[1, 8:10, 7:9] = 1
    sizes[2:5, 2:10] = 1
    sizes[8:10, 2:9] = 2
    spectra = np.random.default_rng(0).random((3, 12)) + 0.1
    scene = make_dataset(
        np.broadcast_to(spectra[2], (rows, cols, 12)),
        np.linspace(400, 900, 12),
        scene_id="made",
        title="Made",
        kind="synthetic",
        scale="reflectance",
        wavelength_source="nominal",
        endmembers=spectra,
        names=("Red", "Blue", "Grass"),
        variables={
            "target_mask": (("target_material", "row", "col"), masks),
            "target_size": (("row", "col"), sizes),
            "target_side_m": (("target_size_code",), np.array([2.0, 1.0])),
            "target_area_m2": (("target_size_code",), np.array([4.0, 1.0])),
            "excluded": (("row", "col"), np.zeros((rows, cols), dtype=np.uint8)),
        },
    )
    maps = np.zeros((rows, cols, 3))
    maps[2:5, 2:5, 0] = 4.0 / PIXEL_AREA_M2 / 9
    maps[8:10, 2:4, 0] = 0.9 / PIXEL_AREA_M2 / 4
    maps[2:5, 7:10, 1] = 4.4 / PIXEL_AREA_M2 / 9
    return scene, maps


def test_areas_are_scored_by_hand():
    scene, maps = made_targets()
    scores = score_areas(scene, maps)
    found = {(target.material, target.side_m): target.estimated_m2 for target in scores.targets}
    assert found == {
        ("Red", 2.0): pytest.approx(4.0),
        ("Red", 1.0): pytest.approx(0.9),
        ("Blue", 2.0): pytest.approx(4.4),
        ("Blue", 1.0): pytest.approx(0.0),
    }
    assert scores.presence_by_side == {2.0: 1.0, 1.0: 0.75}
    assert scores.false_mean_m2 == {"Red": 0.0, "Blue": 0.0}


def test_the_detection_limit_is_the_mean_plus_two_deviations_of_empty_windows():
    scene, maps = made_targets()
    windows = empty_windows(scene)
    taken = scene["target_size"].values > 0
    for row, col in windows:
        assert not taken[max(row - 1, 0) : row + 5, max(col - 1, 0) : col + 5].any()
    row, col = windows[0]
    maps[row, col, 0] = 1.0
    scores = score_areas(scene, maps)
    areas = np.zeros(len(windows))
    areas[0] = PIXEL_AREA_M2
    assert scores.windows == len(windows)
    assert scores.false_mean_m2["Red"] == pytest.approx(areas.mean())
    assert scores.detection_limit_m2["Red"] == pytest.approx(areas.mean() + 2 * areas.std(ddof=1))


def test_scenes_and_maps_that_do_not_fit_are_refused():
    scene, maps = made_targets()
    with pytest.raises(UnmixingError, match="one map per endmember"):
        score_areas(scene, maps[..., :2])
    with pytest.raises(UnmixingError, match="no targets of known area"):
        score_areas(scene.drop_vars("target_mask"), maps)


def test_truth_is_areas_and_never_fractions(scenes_folder, tmp_path):
    scene = read_scene(scenes_folder / IMAGE)
    assert "abundances" not in scene
    assert scene["target_area_m2"].values.tolist() == [9.0, 4.0, 1.0, 0.25, 0.0625]
    assert scene["target_mask"].values.sum(axis=(1, 2)).tolist() == [71, 67, 61, 66, 50]
    assert int(scene["excluded"].sum()) == 124
    assert scene["wavelength"].values[[0, -1]].tolist() == pytest.approx([417.4, 902.79])
    (check,) = [check for check in read_checks(scene) if check.check == "orientation"]
    assert check.value == "0.179 rad against 0.393 rad"
    assert json.loads(scene.attrs["georeference"])["transform"][2] == pytest.approx(669666.9)
    write_scene(scene, tmp_path / "hysu.nc")
    assert open_scene(tmp_path / "hysu.nc").identical(scene)


def test_areas_found_with_the_image_library(scenes_folder):
    """NNLS with the six spectra finds large targets within about 8 % and small ones only as present."""
    scene = read_scene(scenes_folder / IMAGE)
    pixels = scene["cube"].values.reshape(-1, 135).astype(float)
    maps = nnls_shares(pixels, scene["endmembers"].values.astype(float)).reshape(42, 24, 6)
    scores = score_areas(scene, maps)
    large = [target.estimated_m2 / target.known_m2 for target in scores.targets if target.side_m == 3.0]
    assert 0.91 < min(large) <= max(large) < 0.98
    assert scores.presence_by_side[3.0] == 1.0
    assert scores.presence_by_side[0.25] > 0.8
    assert scores.detection_limit_m2["Bitumen"] > 0.25, "bitumen is like shaded grass"
    assert scores.windows == 20


def test_incomplete_and_exchanged_folders_are_refused(scenes_folder, tmp_path):
    shutil.copytree(scenes_folder / "dlr_hysu", tmp_path / "dlr_hysu")
    for folder in [tmp_path, *(path for path in tmp_path.rglob("*") if path.is_dir())]:
        folder.chmod(0o755)
    masks = tmp_path / scene_entry("dlr_hysu").files[3].path
    masks.chmod(0o644)
    masks.write_bytes(masks.read_bytes() + b"x")
    with pytest.raises(UnmixingError, match="not the file of the registry"):
        read_scene(tmp_path / IMAGE)
    masks.unlink()
    with pytest.raises(UnmixingError, match="missing: keep all files"):
        read_scene(tmp_path / IMAGE)
    with pytest.raises(UnmixingError, match="no effect"):
        read_scene(tmp_path / IMAGE, nodata=3)
