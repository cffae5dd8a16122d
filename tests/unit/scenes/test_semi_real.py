"""Semi-real Urban from made files and, where they are at hand, from the real ones."""

import numpy as np
import pytest
from scipy import io

from unmixing.errors import UnmixingError
from unmixing.scenes.dataset import content_sha256
from unmixing.scenes.scene_statistics import residual_angles
from unmixing.scenes.semi_real import make_semi_real_urban

BANDS = 162


def cells(texts, shape):
    values = np.empty(len(texts), dtype=object)
    values[:] = texts
    return values.reshape(shape)


def write_files(folder, rows=12, columns=9, names=("1-Asphalt Road", "2-Roof"), bands=BANDS, **changes):
    """Ground truth and library in the layout of the real files; spectra flat, at a level of their own each."""
    shares = np.linspace(0, 1, rows * columns).reshape(rows, columns)
    abundances = np.stack([shares, 1 - shares])[: len(names)].transpose(0, 2, 1).reshape(len(names), -1)
    truth = {"A": abundances, "cood": cells(list(names), (-1, 1)), "nRow": np.uint8(rows), "nCol": np.uint8(columns)}
    library = {
        "material_names": cells(["Roof", "Asphalt"], (1, -1)),
        "lib1": np.full((bands, 3), 0.4) + np.array([0.0, 0.01, 0.02]),
        "lib2": np.full((bands, 2), 0.1) + np.array([0.0, 0.01]),
    }
    for key, value in changes.items():
        target = truth if key in truth else library
        if value is None:
            del target[key]
        else:
            target[key] = value
    io.savemat(folder / "truth.mat", truth)
    io.savemat(folder / "library.mat", library)
    return folder / "truth.mat", folder / "library.mat"


def test_abundances_are_kept_and_bundles_found_by_name(tmp_path):
    scene = make_semi_real_urban(*write_files(tmp_path), patch_size=3.0, signal_to_noise=300.0)
    assert dict(scene.sizes) == {"row": 12, "col": 9, "band": BANDS, "endmember": 2}
    assert scene.attrs["kind"] == "semi-real"
    assert scene.attrs["abundance_convention"] == "areal"
    assert list(scene["name"].values) == ["Asphalt Road", "Roof"]
    expected = np.linspace(0, 1, 12 * 9).reshape(12, 9)
    np.testing.assert_allclose(scene["abundances"].values[:, :, 0], expected, atol=1e-6)
    endmembers = scene["endmembers"].values
    assert 0.1 <= endmembers[0].min() <= endmembers[0].max() <= 0.11
    assert 0.4 <= endmembers[1].min() <= endmembers[1].max() <= 0.42
    # Every pixel lies between the darkest and the brightest spectra it can be made of.
    cube = scene["cube"].values[:, :, 0]
    assert np.all(cube >= expected * 0.1 + (1 - expected) * 0.4 - 1e-5)
    assert np.all(cube <= expected * 0.11 + (1 - expected) * 0.42 + 1e-5)
    # The references are the means of what was laid out, so sums over the scene agree.
    mixture = scene["abundances"].values @ endmembers
    np.testing.assert_allclose(scene["cube"].values.sum((0, 1)), mixture.sum((0, 1)), rtol=1e-5)


def test_same_seed_same_scene(tmp_path):
    files = write_files(tmp_path)
    first = make_semi_real_urban(*files, seed=1)
    assert first.identical(make_semi_real_urban(*files, seed=1))
    assert first.attrs["content_sha256"] == content_sha256(first)
    assert not first.identical(make_semi_real_urban(*files, seed=2))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"A": None}, "no variable A"),
        ({"A": np.full((2, 108), 0.2)}, "not shares that add up to 1"),
        ({"A": np.full((2, 50), 0.5)}, "do not fit 2 names on 12 x 9"),
        ({"material_names": None}, "no variable material_names"),
        ({"names": ("1-Grass", "2-Roof")}, "no spectra of 'Grass'"),
        ({"lib2": np.full((BANDS, 2), -0.1)}, "lib2 is not"),
        ({"bands": 100}, "spectra of 100 bands where Urban has 162"),
    ],
)
def test_files_that_are_not_what_they_should_be(tmp_path, changes, message):
    files = write_files(tmp_path, **changes)
    with pytest.raises(UnmixingError, match=message) as caught:
        make_semi_real_urban(*files)
    assert "\n" not in str(caught.value)


def test_missing_and_damaged_files(tmp_path):
    truth, library = write_files(tmp_path)
    with pytest.raises(UnmixingError, match="no such file"):
        make_semi_real_urban(tmp_path / "absent.mat", library)
    truth.write_bytes(truth.read_bytes()[:200])
    with pytest.raises(UnmixingError):
        make_semi_real_urban(truth, library)


def test_real_files(scenes_folder, libraries_folder):
    scene = make_semi_real_urban(
        scenes_folder / "urban/end6_groundTruth.mat", libraries_folder / "spectral_library_urban.mat"
    )
    assert dict(scene.sizes) == {"row": 307, "col": 307, "band": 162, "endmember": 6}
    assert list(scene["name"].values) == ["Asphalt Road", "Grass", "Tree", "Roof", "Metal", "Dirt"]
    # The crop of the real cube carries the same abundances: this proves the order of the pixels.
    with np.load(scenes_folder / "urban/urban_crop80x100_end6.npz") as crop:
        np.testing.assert_allclose(scene["abundances"].values[:80, 186:286], crop["A"].transpose(1, 2, 0), atol=2e-3)
    assert 0.04 < np.mean(residual_angles(scene)) < 0.12
