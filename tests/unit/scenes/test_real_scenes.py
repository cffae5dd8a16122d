"""The real scenes: read without hints, proven, and refused when they are turned into something else."""

import csv
from pathlib import Path

import numpy as np
import pytest

from makers.scenes import write_matlab5, write_matlab73
from unmixing.errors import UnmixingError
from unmixing.scenes import read_checks, read_library, read_registered_scene, read_scene
from unmixing.scenes.orientation import prove_orientation
from unmixing.scenes.registry import scene_entry
from unmixing.scenes.wavelengths import axis_from_recipe

READ_HERE = ("samson", "jasper_ridge", "urban4_crop", "urban5_crop", "urban6_crop", "dlr_hysu")
URBAN_REMOVED = "without 1-4 76 87 101-111 136-153 198-210"


def main_file(folder: Path, scene_id: str) -> Path:
    return folder / scene_entry(scene_id).files[0].path


@pytest.mark.parametrize("scene_id", READ_HERE)
def test_scenes_read_without_hints_and_pass_every_check(scenes_folder, scene_id):
    entry = scene_entry(scene_id)
    dataset = read_registered_scene(scene_id, main_file(scenes_folder, scene_id))
    assert dataset["cube"].shape == (entry.rows, entry.cols, entry.bands)
    assert dataset["endmembers"].shape == (entry.endmember_count, entry.bands)
    assert dataset.attrs["id"] == scene_id
    assert dataset.attrs["kind"] == entry.kind
    assert dataset.attrs["source_sha256"] == entry.files[0].sha256
    assert dataset.attrs["abundance_convention"] == entry.abundance_convention
    assert tuple(dataset["name"].values) == entry.names
    assert float(dataset["cube"].max()) <= 1.5
    record = read_checks(dataset)
    assert all(check.passed for check in record)
    assert {"size", "range", "wavelengths", "orientation"} <= {check.check for check in record}


@pytest.mark.parametrize(
    ("scene_id", "best", "transposed", "second"),
    [("samson", 0.040, 0.359, 0.247), ("jasper_ridge", 0.115, 0.571, 0.331)],
)
def test_orientation_angles(scenes_folder, scene_id, best, transposed, second):
    dataset = read_scene(main_file(scenes_folder, scene_id))
    cube, spectra = dataset["cube"].values, dataset["endmembers"].values.astype(float)
    tried = prove_orientation(cube, dataset["abundances"].values, spectra, scene_id)[1]
    angles = {item.name: item.angle_rad for item in tried}
    assert angles["as stored"] == pytest.approx(best, abs=0.001)
    assert angles["transposed"] == pytest.approx(transposed, abs=0.001)
    assert sorted(angles.values())[1] == pytest.approx(second, abs=0.001)
    (check,) = [check for check in read_checks(dataset) if check.check == "orientation"]
    assert f"transposed {transposed:.3f} rad" in check.note


@pytest.mark.parametrize(
    ("scene_id", "rmse_max", "rmse_raw"),
    [
        ("samson", 0.0021, 0.0021),
        ("jasper_ridge", 0.0055, 0.0502),
        ("urban4_crop", 0.0502, 0.0394),
        ("urban5_crop", None, 0.0025),
        ("urban6_crop", 0.0542, 0.0021),
    ],
)
def test_abundance_conventions(scenes_folder, scene_id, rmse_max, rmse_raw):
    from unmixing.scenes.convention import find_convention

    dataset = read_scene(main_file(scenes_folder, scene_id))
    found = find_convention(*(dataset[name].values for name in ("cube", "abundances", "endmembers")))
    assert found.convention == scene_entry(scene_id).abundance_convention
    assert found.rmse_raw == pytest.approx(rmse_raw, abs=0.0008)
    if rmse_max is not None:
        assert found.rmse_max == pytest.approx(rmse_max, abs=0.0008)


def samson_variables(folder: Path) -> dict:
    import scipy.io

    variables = scipy.io.loadmat(folder / "Samson.mat")
    return {name: variables[name] for name in ("Y", "GT", "S_GT", "lines", "cols")}


SAMSON_HINTS = {"wavelengths": "linear 401 889 156", "names": ("Soil", "Tree", "Water")}


@pytest.mark.parametrize("way", ["transposed", "rows flipped", "columns flipped", "turned", "Fortran", "v7.3"])
def test_rearranged_copies_of_samson_are_set_right(scenes_folder, tmp_path, way):
    variables = samson_variables(scenes_folder)
    right = read_scene(scenes_folder / "Samson.mat")
    stored = variables["S_GT"]
    variables["S_GT"] = {
        "transposed": stored.transpose(1, 0, 2),
        "rows flipped": stored[::-1],
        "columns flipped": stored[:, ::-1],
        "turned": np.rot90(stored),
        "Fortran": stored.reshape(-1, 3, order="F"),
        "v7.3": stored,
    }[way]
    write = write_matlab73 if way == "v7.3" else write_matlab5
    again = read_scene(write(tmp_path / "copy.mat", variables), **SAMSON_HINTS)
    np.testing.assert_array_equal(again["cube"].values, right["cube"].values)
    np.testing.assert_array_equal(again["abundances"].values, right["abundances"].values)
    np.testing.assert_array_equal(again["endmembers"].values, right["endmembers"].values)


def test_a_transposed_cube_takes_its_references_along(scenes_folder, tmp_path):
    variables = samson_variables(scenes_folder)
    right = read_scene(scenes_folder / "Samson.mat")
    variables["Y"] = variables["Y"].reshape(156, 95, 95).transpose(0, 2, 1).reshape(156, -1)
    again = read_scene(write_matlab5(tmp_path / "copy.mat", variables), **SAMSON_HINTS)
    np.testing.assert_array_equal(again["cube"].values, right["cube"].values.transpose(1, 0, 2))
    np.testing.assert_array_equal(again["abundances"].values, right["abundances"].values.transpose(1, 0, 2))


def test_references_of_another_scene_are_refused(scenes_folder, tmp_path):
    variables = samson_variables(scenes_folder)
    variables["S_GT"] = np.roll(variables["S_GT"], 30, axis=0)
    with pytest.raises(UnmixingError, match="cannot be proven"):
        read_scene(write_matlab5(tmp_path / "copy.mat", variables), **SAMSON_HINTS)


@pytest.mark.parametrize("scene_id", ["urban4_crop", "urban5_crop", "urban6_crop"])
def test_the_linear_axis_of_urban_is_refused(scenes_folder, scene_id):
    prism = axis_from_recipe("hydice_210")
    kept = np.isin(prism, axis_from_recipe(f"hydice_210 {URBAN_REMOVED}"))
    linear = np.linspace(400, 2500, 210)[kept]
    with pytest.raises(UnmixingError, match=r"Grass 97\d nm, Tree 97\d nm instead of 690 to 740 nm"):
        read_scene(main_file(scenes_folder, scene_id), wavelengths=linear)


def nearest_classes(dataset, folder: Path) -> dict[str, tuple[str, float]]:
    """Nearest earthlib spectrum of each endmember: its class and the angle to it."""
    library = read_library(folder / "spectra.sli")
    with (folder / "spectra.csv").open(newline="") as handle:
        classes = [row["LEVEL_3"] for row in csv.DictReader(handle)]
    axis = dataset["wavelength"].values
    # the library has gaps at the water bands, over which nothing may be interpolated
    near = np.abs(axis[:, None] - library.wavelengths[None, :]).min(axis=1) <= 10
    axis = axis[near]
    resampled = np.stack([np.interp(axis, library.wavelengths, spectrum) for spectrum in library.spectra])
    resampled /= np.linalg.norm(resampled, axis=1, keepdims=True)
    found = {}
    for name, spectrum in zip(dataset["name"].values, dataset["endmembers"].values[:, near], strict=True):
        angles = np.arccos(np.clip(resampled @ (spectrum / np.linalg.norm(spectrum)), -1, 1))
        found[str(name)] = (classes[int(angles.argmin())], float(angles.min()))
    return found


def test_the_prism_axis_puts_materials_next_to_their_class(scenes_folder):
    earthlib = pytest.importorskip("earthlib")
    folder = Path(earthlib.__file__).parent / "data"
    found = nearest_classes(read_scene(main_file(scenes_folder, "urban6_crop")), folder)
    expected = {
        "Tree": ("canopy", 0.069),
        "Grass": ("canopy", 0.069),
        "Asphalt": ("road", 0.034),
        "Dirt": ("soil", 0.033),
        "Roof": ("comp_shingle", 0.047),
    }
    for name, (label, angle) in expected.items():
        assert found[name] == (label, pytest.approx(angle, abs=0.002))
    jasper = nearest_classes(read_scene(main_file(scenes_folder, "jasper_ridge")), folder)
    assert jasper["Tree"] == ("canopy", pytest.approx(0.049, abs=0.002))


def test_another_file_is_not_taken_for_a_registered_one(scenes_folder, tmp_path):
    copy = write_matlab5(tmp_path / "Samson.mat", samson_variables(scenes_folder))
    with pytest.raises(UnmixingError, match="checksum is not the registered one"):
        read_registered_scene("samson", copy)
    with pytest.raises(UnmixingError, match="it is Jasper Ridge"):
        read_registered_scene("samson", scenes_folder / "JasperRidge.mat")


def test_the_other_full_scale_references_lie_as_documented(scenes_folder):
    """The crop is rows 0-79 and columns 186-285 of the full grid, whose references are stored as K x pixels."""
    import scipy.io

    full = scipy.io.loadmat(scenes_folder / "urban/end6_groundTruth.mat")
    laid = full["A"].reshape(6, 307, 307).transpose(2, 1, 0)
    crop = read_scene(main_file(scenes_folder, "urban6_crop"))
    np.testing.assert_allclose(crop["abundances"].values, laid[:80, 186:286], atol=1e-6)
