import hashlib

import numpy as np
import pytest

from makers.scenes import make_scene
from unmixing.errors import UnmixingError
from unmixing.scenes.dataset import (
    Check,
    add_checks,
    content_sha256,
    make_dataset,
    open_scene,
    read_checks,
    seal,
    write_scene,
)

MADE = make_scene()


def build(**changes):
    values = {
        "cube": MADE.cube,
        "wavelengths": MADE.wavelengths,
        "scene_id": "made",
        "title": "Made",
        "kind": "synthetic",
        "scale": "reflectance",
        "wavelength_source": "nominal",
        "endmembers": MADE.endmembers,
        "abundances": MADE.abundances,
        "names": MADE.names,
        **changes,
    }
    return make_dataset(values.pop("cube"), values.pop("wavelengths"), **values)


def test_layout():
    dataset = build()
    assert dataset["cube"].dims == ("row", "col", "band")
    assert dataset["cube"].dtype == np.float32
    assert dataset["wavelength"].dtype == np.float64
    assert dataset["endmembers"].dims == ("endmember", "band")
    assert dataset["abundances"].dims == ("row", "col", "endmember")
    assert dataset["name"].values.tolist() == ["Soil", "Tree", "Water"]
    assert set(dataset.coords) == {"wavelength", "name"}


def test_round_trip_keeps_everything(tmp_path):
    mask = np.arange(MADE.cube[..., 0].size).reshape(MADE.cube.shape[:2]) % 5 > 0
    dataset = build(
        checks=[Check("orientation", True, ".04", "half", "note")],
        variables={"valid": (("row", "col"), mask)},
        attributes={"endmember_count": 3},
    )
    write_scene(dataset, tmp_path / "made.nc")
    again = open_scene(tmp_path / "made.nc")
    assert again.identical(dataset)
    assert again["valid"].dtype == bool
    assert read_checks(again) == [Check("orientation", True, ".04", "half", "note")]


def test_the_same_scene_gives_the_same_bytes(tmp_path):
    dataset = build()
    write_scene(dataset, tmp_path / "a.nc")
    write_scene(open_scene(tmp_path / "a.nc"), tmp_path / "b.nc")
    digests = {hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in ("a.nc", "b.nc")}
    assert len(digests) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.nc", "b.nc"]


def test_a_sealed_scene_does_not_follow_its_caller():
    cube = MADE.cube.astype(np.float32)
    dataset = build(cube=cube)
    cube[:] = 0
    assert content_sha256(dataset) == dataset.attrs["content_sha256"]


@pytest.mark.parametrize("change", ["cube", "wavelength", "name"])
def test_the_checksum_covers_every_array(change):
    dataset = build()
    other = dataset.copy(deep=True)
    if change == "name":
        other = other.assign_coords(name=("endmember", np.array(["Soil", "Tree", "Wader"], dtype=object)))
    else:
        other[change].values[(0,) * other[change].ndim] += 0.5
    assert content_sha256(other) != dataset.attrs["content_sha256"]
    assert content_sha256(add_checks(dataset, [Check("a", None, "", "")])) == dataset.attrs["content_sha256"]


def test_writing_a_scene_changed_after_sealing_is_refused(tmp_path):
    dataset = build().copy(deep=True)
    dataset["cube"].values[0, 0, 0] = 0.9
    with pytest.raises(UnmixingError, match="changed after it was sealed"):
        write_scene(dataset, tmp_path / "made.nc")
    write_scene(seal(dataset), tmp_path / "made.nc")


@pytest.mark.parametrize("damage", ["cut", "empty", "text"])
def test_a_damaged_file_is_refused_in_one_line(tmp_path, damage):
    path = tmp_path / "made.nc"
    write_scene(build(), path)
    content = bytearray(path.read_bytes())
    if damage == "cut":
        content = content[: len(content) // 2]
    else:
        content = bytearray(b"" if damage == "empty" else b"not a scene")
    path.write_bytes(content)
    with pytest.raises(UnmixingError) as caught:
        open_scene(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_flipped_bytes_never_change_an_array(tmp_path):
    path = tmp_path / "made.nc"
    dataset = build()
    write_scene(dataset, path)
    content = path.read_bytes()
    refused = 0
    for position in range(0, len(content), len(content) // 30):
        damaged = bytearray(content)
        damaged[position] ^= 0xFF
        path.write_bytes(damaged)
        try:
            again = open_scene(path)
        except UnmixingError:
            refused += 1
        else:
            assert again.identical(dataset)
    assert refused >= 30


def test_an_edited_file_is_refused(tmp_path):
    import h5py

    path = tmp_path / "made.nc"
    write_scene(build(), path)
    with h5py.File(path, "r+") as handle:
        handle["abundances"][0, 0, 0] = 0.123
    with pytest.raises(UnmixingError, match="checksum"):
        open_scene(path)


def test_netcdf_of_another_kind_is_refused(tmp_path):
    import xarray as xr

    xr.Dataset({"x": ("a", [1.0])}).to_netcdf(tmp_path / "x.nc", engine="h5netcdf")
    with pytest.raises(UnmixingError, match="not a scene"):
        open_scene(tmp_path / "x.nc")
    with pytest.raises(UnmixingError, match="no such scene file"):
        open_scene(tmp_path / "y.nc")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cube": MADE.cube[0]}, "is not \\(rows, cols, bands\\)"),
        ({"cube": np.where(MADE.cube > 0.3, np.nan, MADE.cube)}, "not finite"),
        ({"wavelengths": MADE.wavelengths[:-1]}, "39 wavelengths for 40 bands"),
        ({"wavelengths": MADE.wavelengths[::-1]}, "do not rise"),
        ({"endmembers": MADE.endmembers.T}, "are not \\(K, 40\\)"),
        ({"abundances": MADE.abundances[:-1]}, "are not \\(9, 13, K\\)"),
        ({"abundances": MADE.abundances[..., :2]}, "2 abundance maps for 3 endmembers"),
        ({"names": ("Soil", "Tree")}, "2 names for 3"),
        ({"names": ("Soil", "Tree", "Tree")}, "repeat"),
        ({"kind": "other"}, "is none of"),
        ({"scale": "percent"}, "is none of"),
        ({"variables": {"valid": (("row", "col"), np.ones((2, 2)))}}, "do not fit"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(UnmixingError, match=message) as caught:
        build(**changes)
    assert "\n" not in str(caught.value)


def test_other_programs_may_read_and_save_a_scene(tmp_path):
    import xarray as xr

    dataset = build()
    write_scene(dataset, tmp_path / "made.nc")
    with xr.open_dataset(tmp_path / "made.nc", engine="h5netcdf") as opened:
        opened.load().to_netcdf(tmp_path / "again.nc", engine="h5netcdf")
    assert open_scene(tmp_path / "again.nc").identical(dataset)
