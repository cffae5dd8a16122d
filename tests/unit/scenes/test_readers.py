"""Every format, in every arrangement it comes in, gives the scene it was made from."""

import logging

import numpy as np
import pytest

from makers.scenes import (
    UTM_FIELDS,
    make_scene,
    variables_of,
    write_envi,
    write_geotiff,
    write_header,
    write_matlab5,
    write_matlab73,
)
from unmixing.errors import UnmixingError
from unmixing.scenes import read_checks, read_scene
from unmixing.scenes.georeference import from_text

MADE = make_scene()


def assert_is(dataset, made, tolerance=1e-6):
    np.testing.assert_allclose(dataset["cube"].values, made.cube, atol=tolerance)
    np.testing.assert_allclose(dataset["wavelength"].values, made.wavelengths, rtol=1e-6)
    if "endmembers" in dataset:
        np.testing.assert_allclose(dataset["endmembers"].values, made.endmembers, atol=tolerance)
    if "abundances" in dataset:
        np.testing.assert_allclose(dataset["abundances"].values, made.abundances, atol=tolerance)


@pytest.mark.parametrize("write", [write_matlab5, write_matlab73])
@pytest.mark.parametrize("order", ["C", "F"])
def test_matlab_lists_of_pixels(tmp_path, write, order):
    path = write(tmp_path / "made.mat", variables_of(MADE, order))
    dataset = read_scene(path, wavelengths=MADE.wavelengths, names=MADE.names)
    assert_is(dataset, MADE)
    assert dataset.attrs["abundance_convention"] == "nnls_sum_raw"


@pytest.mark.parametrize("write", [write_matlab5, write_matlab73])
def test_sizes_stored_as_single_bytes_do_not_overflow(tmp_path, write):
    made = make_scene(200, 220, bands=6)
    variables = variables_of(made)
    assert variables["lines"].dtype == np.uint8
    dataset = read_scene(write(tmp_path / "made.mat", variables), wavelengths=made.wavelengths)
    assert_is(dataset, made)


@pytest.mark.parametrize("write", [write_matlab5, write_matlab73])
def test_matlab_cubes_and_names(tmp_path, write):
    names = ["1-Soil", "2-Tree", "#3 Water"]
    variables = {
        "cube": MADE.cube,
        "M": MADE.endmembers.T,
        "A": MADE.abundances.transpose(2, 0, 1),
        "wavelength": MADE.wavelengths / 1000,
        "names": np.array(names, dtype=object) if write is write_matlab5 else names,
    }
    dataset = read_scene(write(tmp_path / "made.mat", variables))
    assert_is(dataset, MADE)
    assert dataset["name"].values.tolist() == ["Soil", "Tree", "Water"]


def test_micrometres_are_converted_and_said(tmp_path, caplog):
    path = write_envi(tmp_path / "made", MADE.cube.astype("f4"), MADE.wavelengths / 1000, units="Micrometers")
    with caplog.at_level(logging.INFO):
        dataset = read_scene(path)
    assert_is(dataset, MADE)
    assert "micrometres converted" in caplog.text
    assert any("micrometres converted" in check.note for check in read_checks(dataset))


@pytest.mark.parametrize("bands_first", [False, True])
def test_numpy_bundles_and_bare_arrays(tmp_path, bands_first):
    stored = MADE.cube.transpose(2, 0, 1) if bands_first else MADE.cube
    np.savez_compressed(tmp_path / "made.npz", Y=stored, M=MADE.endmembers, A=MADE.abundances, names=MADE.names)
    np.save(tmp_path / "made.npy", stored)
    for name in ("made.npz", "made.npy"):
        assert_is(read_scene(tmp_path / name, wavelengths=MADE.wavelengths), MADE)


def test_bands_out_of_order_are_sorted(tmp_path):
    shuffled = np.random.default_rng(0).permutation(MADE.bands)
    np.savez(tmp_path / "made.npz", Y=MADE.cube[..., shuffled], M=MADE.endmembers[:, shuffled])
    assert_is(read_scene(tmp_path / "made.npz", wavelengths=MADE.wavelengths[shuffled]), MADE)


@pytest.mark.parametrize("interleave", ["bsq", "bil", "bip"])
@pytest.mark.parametrize("byte_order", [0, 1])
@pytest.mark.parametrize("kind", ["f4", "u2", "i2", "f8"])
def test_envi(tmp_path, interleave, byte_order, kind):
    whole = kind in ("u2", "i2")
    stored = np.round(MADE.cube.clip(0) * 1e4).astype(kind) if whole else MADE.cube.astype(kind)
    fields = {"reflectance scale factor": 10000} if whole else {}
    header = write_envi(
        tmp_path / "made", stored, MADE.wavelengths, interleave=interleave, byte_order=byte_order, fields=fields
    )
    for path in (header, header.with_suffix(".img")):
        dataset = read_scene(path)
        np.testing.assert_allclose(dataset["cube"].values, MADE.cube.clip(0), atol=6e-5 + (0 if whole else 0.02))
        assert dataset.attrs["scale"] == "reflectance"


def test_bad_bands_missing_values_and_place(tmp_path):
    stored = MADE.cube.astype("f4")
    stored[2, 3, :] = -9999.0
    stored[4, 5, 7] = -9999.0
    bad = ["1"] * MADE.bands
    bad[0] = bad[20] = "0"
    fields = {"bbl": "{" + ",".join(bad) + "}", "data ignore value": -9999, **UTM_FIELDS}
    dataset = read_scene(write_envi(tmp_path / "made", stored, MADE.wavelengths, fields=fields), bad_bands=(5,))
    kept = np.delete(np.arange(MADE.bands), [0, 4, 20])
    np.testing.assert_allclose(dataset["wavelength"].values, MADE.wavelengths[kept], rtol=1e-6)
    valid = dataset["valid"].values
    assert np.argwhere(~valid).tolist() == [[2, 3], [4, 5]]
    np.testing.assert_allclose(dataset["cube"].values[valid], MADE.cube[..., kept][valid], atol=1e-6)
    # a missing pixel shows the spectrum of a seen neighbour
    around = MADE.cube[1:4, 2:5][..., kept].reshape(-1, kept.size)
    assert np.abs(around - dataset["cube"].values[2, 3]).max(axis=1).min() < 1e-6
    place = from_text(dataset.attrs["georeference"])
    assert place["transform"] == [0.7, 0.0, 669666.9, 0.0, -0.7, 5328092.7]
    assert "UTM zone 32N" in place["crs"]


@pytest.mark.parametrize("layout", [{}, {"interleave": "pixel"}, {"tiled": True, "blockxsize": 16, "blockysize": 16}])
@pytest.mark.parametrize("compress", ["none", "lzw", "deflate"])
def test_geotiff(tmp_path, layout, compress):
    path = write_geotiff(
        tmp_path / "made.tif",
        np.round(MADE.cube.clip(0) * 1e4).astype("u2"),
        wavelengths_um=MADE.wavelengths / 1000,
        compress=compress,
        **layout,
    )
    dataset = read_scene(path, scale_factor=10000)
    np.testing.assert_allclose(dataset["cube"].values, MADE.cube.clip(0), atol=6e-5)
    np.testing.assert_allclose(dataset["wavelength"].values, MADE.wavelengths, atol=0.001)
    assert from_text(dataset.attrs["georeference"])["transform"][2] == 669666.9


def test_a_header_beside_a_geotiff_describes_its_bands(tmp_path):
    path = write_geotiff(tmp_path / "made.tif", np.round(MADE.cube.clip(0) * 1e4).astype("i2"), nodata=15000)
    fields = {
        "samples": 13,
        "lines": 9,
        "bands": MADE.bands,
        "file type": "TIFF",
        "reflectance scale factor": 10000,
        "wavelength units": "Unknown",
        "wavelength": "{" + ",".join(f"{wave / 1000:.6f}" for wave in MADE.wavelengths) + "}",
    }
    write_header(tmp_path / "made.hdr", fields)
    dataset = read_scene(path)
    np.testing.assert_allclose(dataset["wavelength"].values, MADE.wavelengths, atol=0.001)
    np.testing.assert_allclose(dataset["cube"].values, MADE.cube.clip(0), atol=6e-5)
    write_header(tmp_path / "made.hdr", {**fields, "lines": 10})
    with pytest.raises(UnmixingError, match="belongs to another file"):
        read_scene(path)


def test_counts_without_a_scale_become_relative(tmp_path):
    np.save(tmp_path / "made.npy", np.round(MADE.cube.clip(0) * 5000).astype("u2"))
    dataset = read_scene(tmp_path / "made.npy", wavelengths=MADE.wavelengths)
    assert dataset.attrs["scale"] == "relative"
    assert float(dataset["cube"].max()) == 1.0
    assert any("no scale stated" in check.value for check in read_checks(dataset))


def test_a_scene_without_wavelengths_says_so(tmp_path):
    np.savez(tmp_path / "made.npz", Y=MADE.cube, M=MADE.endmembers)
    dataset = read_scene(tmp_path / "made.npz")
    assert dataset.attrs["wavelength_source"] == "unknown"
    assert dataset["wavelength"].values.tolist() == list(range(1, MADE.bands + 1))


def save(path, **variables):
    np.savez(path / "made.npz", **variables)
    return path / "made.npz"


@pytest.mark.parametrize(
    ("variables", "hints", "message"),
    [
        ({"Q": MADE.cube[0]}, {}, "no variable is known to be the cube"),
        ({"Y": MADE.cube}, {}, "band axis .* cannot be told"),
        ({"Y": MADE.cube[:, :9, :9]}, {"wavelengths": MADE.wavelengths[:9]}, "band axis .* cannot be told"),
        ({"Y": MADE.cube}, {"wavelengths": MADE.wavelengths[:-1]}, "band axis .* cannot be told"),
        ({"Y": MADE.cube}, {"wavelengths": MADE.wavelengths[:-1], "bands": 40}, "39 wavelengths for 40 bands"),
        ({"Y": MADE.cube}, {"wavelengths": MADE.wavelengths, "colour": 1}, "hint 'colour' is not known"),
        ({"Y": MADE.cube}, {"cube": "Z", "bands": 40}, "no variable 'Z'"),
        ({"Y": MADE.cube}, {"bands": 40, "rows": 8, "cols": 13}, "9 x 13 where 8 x 13 is stated"),
        ({"Y": MADE.cube.reshape(-1, 40)}, {"bands": 40}, "give rows and cols"),
        ({"Y": MADE.cube.reshape(-1, 40)}, {"bands": 40, "rows": 9, "cols": 12}, "108 pixels stated, 117 found"),
        ({"Y": MADE.cube}, {"bands": 40, "bad_bands": (41,)}, "bad band 41 is not between 1 and 40"),
        ({"Y": MADE.cube}, {"bands": 40, "bad_bands": range(1, 40)}, "leaves 1 of 40 bands"),
        ({"Y": MADE.cube}, {"bands": 40, "scale_factor": 0.0}, "not a positive number"),
        ({"Y": MADE.cube}, {"bands": 40, "scale_factor": 1e-3}, "no reflectances"),
        ({"Y": 0 * MADE.cube}, {"bands": 40}, "is 0 everywhere"),
        ({"Y": np.where(MADE.cube > 0.2, np.nan, MADE.cube)}, {"bands": 40}, "of the pixels have missing values"),
        ({"Y": MADE.cube, "A": MADE.abundances}, {"bands": 40}, "without reference endmembers"),
        ({"Y": MADE.cube, "M": MADE.endmembers, "A": MADE.abundances[:8]}, {}, "do not fit 3 endmembers on 9 x 13"),
        ({"Y": MADE.cube, "M": MADE.endmembers, "A": 100 * MADE.abundances}, {}, "divide percentages"),
        ({"Y": MADE.cube, "M": MADE.endmembers * np.nan}, {}, "not finite"),
        ({"Y": MADE.cube, "M": MADE.endmembers[:, :30]}, {"bands": 40}, "do not fit 40 bands"),
        ({"Y": MADE.cube, "M": MADE.endmembers * [[1], [0], [1]]}, {}, "endmember 2 is zero"),
        ({"Y": MADE.cube, "M": MADE.endmembers}, {"names": ("a", "b")}, "2 names for 3"),
        ({"Y": MADE.cube, "M": MADE.endmembers}, {"wavelengths": "file"}, "holds no wavelengths"),
        (
            {"Y": MADE.cube, "M": MADE.endmembers},
            {"wavelengths": "linear 400 2500 40", "names": MADE.names},
            "the wavelengths are wrong",
        ),
    ],
)
def test_refusals_are_one_clear_line(tmp_path, variables, hints, message):
    path = save(tmp_path, **variables)
    with pytest.raises(UnmixingError, match=message) as caught:
        read_scene(path, **hints)
    assert "\n" not in str(caught.value)


def test_fill_values_nobody_declared_are_refused(tmp_path):
    counts = np.round(MADE.cube.clip(0) * 5000).astype("u2")
    counts[0, 0] = 65535
    np.save(tmp_path / "made.npy", counts)
    with pytest.raises(UnmixingError, match="state nodata"):
        read_scene(tmp_path / "made.npy", wavelengths=MADE.wavelengths)
    dataset = read_scene(tmp_path / "made.npy", wavelengths=MADE.wavelengths, nodata=65535)
    assert not dataset["valid"].values[0, 0]
    spoiled = MADE.cube.copy()
    spoiled[0, 0, 0] = -9999
    np.save(tmp_path / "made.npy", spoiled)
    with pytest.raises(UnmixingError, match="state nodata"):
        read_scene(tmp_path / "made.npy", wavelengths=MADE.wavelengths)


def test_missing_pixels_have_no_say_in_the_convention_of_the_references(tmp_path):
    missing = np.random.default_rng(0).random(MADE.cube.shape[:2]) < 0.3
    cube = np.where(missing[..., None], -9999.0, (MADE.abundances @ MADE.endmembers))
    shares = np.where(missing[..., None], 0, MADE.abundances)
    np.savez(tmp_path / "made.npz", cube=cube, endmembers=MADE.endmembers, abundances=shares)
    dataset = read_scene(tmp_path / "made.npz", wavelengths=MADE.wavelengths, nodata=-9999)
    assert np.array_equal(dataset["valid"].values, ~missing)
    assert dataset.attrs["abundance_convention"] == "nnls_sum_raw"
    assert {check.check: check.passed for check in read_checks(dataset)}["abundance sums"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"samples": 14}, "bytes where the header says"),
        ({"samples": "many"}, "not a count"),
        ({"data type": 6}, "data type '6' is not supported"),
        ({"interleave": "xyz"}, "none of bsq, bil, bip"),
        ({"byte order": 2}, "neither 0 nor 1"),
        ({"file compression": 1}, "compressed"),
        ({"bbl": "{1, 0}"}, "bad-band list has 2 entries"),
        ({"wavelength": "{a, b}"}, "no number"),
        ({"wavelength units": "Wavenumber"}, "not known"),
        ({"file type": "ENVI Spectral Library"}, "a spectral library"),
        ({"reflectance scale factor": -1}, "not a positive number"),
    ],
)
def test_headers_that_lie_are_refused(tmp_path, fields, message):
    header = write_envi(tmp_path / "made", MADE.cube.astype("f4"), MADE.wavelengths, fields=fields)
    with pytest.raises(UnmixingError, match=message):
        read_scene(header)


def test_missing_and_unknown_files(tmp_path):
    with pytest.raises(UnmixingError, match="no such file"):
        read_scene(tmp_path / "none.mat")
    (tmp_path / "made.xyz").write_text("?")
    with pytest.raises(UnmixingError, match="format not known"):
        read_scene(tmp_path / "made.xyz")
    write_header(tmp_path / "alone.hdr", {"samples": 1})
    with pytest.raises(UnmixingError, match="no data file"):
        read_scene(tmp_path / "alone.hdr")
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(UnmixingError, match="no plain NumPy file"):
        read_scene(tmp_path / "objects.npy")


def test_hints_that_cannot_apply_are_refused(tmp_path):
    header = write_envi(tmp_path / "made", MADE.cube.astype("f4"), MADE.wavelengths)
    for hints in ({"cube": "Y"}, {"band_axis": 0}, {"rows": 8}):
        with pytest.raises(UnmixingError):
            read_scene(header, **hints)
