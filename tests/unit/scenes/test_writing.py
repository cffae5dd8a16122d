import csv

import numpy as np
import pytest
import rasterio

from makers.scenes import UTM_FIELDS, make_scene, write_envi, write_geotiff
from unmixing.errors import UnmixingError
from unmixing.scenes import read_library, read_scene
from unmixing.scenes.georeference import from_envi_header, from_text
from unmixing.scenes.writing import write_maps, write_spectra

MADE = make_scene()
NAMES = ["Soil, dry", "Tree", "Water"]
TRANSFORM = (0.7, 0.0, 669666.9, 0.0, -0.7, 5328092.7)


def place_of(tmp_path, kind):
    if kind == "geotiff":
        path = write_geotiff(tmp_path / "in.tif", MADE.cube.astype("f4"), transform=TRANSFORM)
    else:
        path = write_envi(tmp_path / "in", MADE.cube.astype("f4"), MADE.wavelengths, fields=UTM_FIELDS)
    dataset = read_scene(path, wavelengths=MADE.wavelengths)
    return from_text(dataset.attrs["georeference"])


@pytest.mark.parametrize("source", ["geotiff", "envi"])
@pytest.mark.parametrize("target", ["maps.tif", "maps.img"])
def test_maps_open_where_their_input_lies(tmp_path, source, target):
    path = tmp_path / target
    write_maps(path, MADE.abundances, NAMES, place_of(tmp_path, source))
    with rasterio.open(path) as maps:
        np.testing.assert_allclose(list(maps.transform)[:6], TRANSFORM)
        assert maps.crs.to_epsg() == 32632
        assert [name.split(",")[0].split(";")[0] for name in maps.descriptions] == ["Soil", "Tree", "Water"]
        np.testing.assert_allclose(maps.read().transpose(1, 2, 0), MADE.abundances, atol=1e-6)


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3035"])
def test_other_coordinate_systems_survive(tmp_path, crs):
    transform = (0.01, 0.0, 11.0, 0.0, -0.01, 48.0) if crs == "EPSG:4326" else (30.0, 0, 4.4e6, 0, -30.0, 2.8e6)
    source = write_geotiff(tmp_path / "in.tif", MADE.cube.astype("f4"), crs=crs, transform=transform)
    place = from_text(read_scene(source, wavelengths=MADE.wavelengths).attrs["georeference"])
    for name in ("maps.tif", "maps.img"):
        write_maps(tmp_path / name, MADE.abundances, NAMES, place)
        with rasterio.open(tmp_path / name) as maps:
            np.testing.assert_allclose(list(maps.transform)[:6], transform)
            assert maps.crs.to_dict() == rasterio.crs.CRS.from_string(crs).to_dict() or maps.crs == crs


def test_envi_fields_are_kept_as_they_were(tmp_path):
    text = "{UTM, 1.000, 1.000, 669666.900, 5328092.700, 0.7, 0.7, 32, North, WGS-84, units=Meters, rotation=30.0}"
    source = write_envi(tmp_path / "in", MADE.cube.astype("f4"), MADE.wavelengths, fields={"map info": text})
    place = from_text(read_scene(source).attrs["georeference"])
    assert "transform" not in place, "a rotated image has no such simple transform"
    write_maps(tmp_path / "maps.img", MADE.abundances, NAMES, place)
    assert "rotation=30.0" in (tmp_path / "maps.hdr").read_text()
    with pytest.raises(UnmixingError, match=r"write \.img instead"):
        write_maps(tmp_path / "maps.tif", MADE.abundances, NAMES, place)
    assert not (tmp_path / "maps.tif").exists()


def test_reference_pixels_other_than_the_first():
    header = {"map info": ["UTM", "3", "2", "1000", "2000", "10", "20", "32", "South", "WGS-84"]}
    assert from_envi_header(header)["transform"] == [10, 0, 980, 0, -20, 2020]
    assert from_envi_header({"samples": "3"}) is None


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_unseen_pixels_are_nan_and_files_without_place_stay_so(tmp_path):
    valid = np.ones(MADE.cube.shape[:2], dtype=bool)
    valid[1, 2] = False
    for name in ("maps.tif", "maps.img"):
        write_maps(tmp_path / name, MADE.abundances, NAMES, None, valid)
        with rasterio.open(tmp_path / name) as maps:
            assert np.isnan(maps.read()[:, 1, 2]).all()
            assert np.isfinite(maps.read()).sum() == 3 * (valid.size - 1)
            assert maps.crs is None


def test_tables(tmp_path):
    valid = np.ones(MADE.cube.shape[:2], dtype=bool)
    valid[0, 1] = False
    write_maps(tmp_path / "maps.csv", MADE.abundances, NAMES, {"transform": list(TRANSFORM)}, valid)
    with (tmp_path / "maps.csv").open(newline="") as handle:
        rows = list(csv.reader(handle))
    assert rows[0] == ["row", "col", "x", "y", *NAMES]
    assert len(rows) == valid.size + 1
    assert [float(cell) for cell in rows[1][2:4]] == pytest.approx([669667.25, 5328092.35])
    assert rows[2][4:] == ["", "", ""]
    assert [float(cell) for cell in rows[1][4:]] == pytest.approx(MADE.abundances[0, 0], rel=1e-5)
    write_spectra(tmp_path / "spectra.csv", MADE.endmembers, MADE.wavelengths, NAMES)
    with (tmp_path / "spectra.csv").open(newline="") as handle:
        rows = list(csv.reader(handle))
    assert rows[0] == ["wavelength_nm", *NAMES]
    values = np.array(rows[1:], dtype=float)
    np.testing.assert_allclose(values[:, 0], MADE.wavelengths, rtol=1e-9)
    np.testing.assert_allclose(values[:, 1:], MADE.endmembers.T, rtol=1e-6)


def test_spectra_as_a_library(tmp_path):
    write_spectra(tmp_path / "spectra.sli", MADE.endmembers, MADE.wavelengths, NAMES)
    library = read_library(tmp_path / "spectra.sli")
    assert library.names == ("Soil; dry", "Tree", "Water")
    np.testing.assert_allclose(library.wavelengths, MADE.wavelengths, rtol=1e-9)
    np.testing.assert_allclose(library.spectra, MADE.endmembers, rtol=1e-6)


def test_arguments_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(UnmixingError, match=r"none of \.tif, \.img, \.csv"):
        write_maps(tmp_path / "maps.png", MADE.abundances, NAMES)
    with pytest.raises(UnmixingError, match="for 2 names"):
        write_maps(tmp_path / "maps.tif", MADE.abundances, NAMES[:2])
    with pytest.raises(UnmixingError, match="mask of shape"):
        write_maps(tmp_path / "maps.tif", MADE.abundances, NAMES, None, np.ones((2, 2), dtype=bool))
    with pytest.raises(UnmixingError, match="spectra of shape"):
        write_spectra(tmp_path / "s.csv", MADE.endmembers, MADE.wavelengths[:-1], NAMES)
    with pytest.raises(UnmixingError, match=r"neither \.csv nor \.sli"):
        write_spectra(tmp_path / "s.txt", MADE.endmembers, MADE.wavelengths, NAMES)
    assert list(tmp_path.iterdir()) == []
