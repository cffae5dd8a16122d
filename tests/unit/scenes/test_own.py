import logging

import numpy as np
import pytest

from makers.scenes import UTM_FIELDS, make_scene, write_envi, write_envi_library
from unmixing.errors import UnmixingError
from unmixing.scenes import open_scene, read_checks, read_own_scene, write_scene
from unmixing.scenes.subspace import estimate_count

MADE = make_scene(30, 42)


@pytest.fixture
def header(tmp_path):
    return write_envi(tmp_path / "flight7", MADE.cube.astype("f4"), MADE.wavelengths, fields=UTM_FIELDS)


def table(path, axis, unit="wavelength_nm"):
    lines = [f"{unit},Soil,Tree,Water"]
    spectra = [np.interp(axis, MADE.wavelengths, spectrum) for spectrum in MADE.endmembers]
    scale = 1000 if unit.endswith("um") else 1
    lines += [f"{wave / scale},{a},{b},{c}" for wave, a, b, c in zip(axis, *spectra, strict=True)]
    path.write_text("\n".join(lines))
    return path.name


def test_the_shortest_stanza(header, tmp_path):
    dataset = read_own_scene({"path": "flight7.hdr", "endmembers": 3}, tmp_path)
    assert (dataset.attrs["kind"], dataset.attrs["id"]) == ("own", "flight7")
    assert (dataset.attrs["endmember_count"], dataset.attrs["endmember_count_source"]) == (3, "stated")
    assert "endmembers" not in dataset
    assert "georeference" in dataset.attrs
    write_scene(dataset, tmp_path / "own.nc")
    assert open_scene(tmp_path / "own.nc").identical(dataset)


def test_a_counted_number_of_endmembers_warns(header, caplog):
    with caplog.at_level(logging.WARNING):
        dataset = read_own_scene({"path": header, "endmembers": "auto"})
    assert dataset.attrs["endmember_count"] == 3
    assert "Harsanyi" in dataset.attrs["endmember_count_source"]
    assert "usually above the number of materials" in dataset.attrs["endmember_count_warning"]
    assert "state the number" in caplog.text
    (check,) = [check for check in read_checks(dataset) if check.check == "number of endmembers"]
    assert check.passed is False


def test_counts_on_the_real_scenes_are_as_the_warning_says(scenes_folder):
    from unmixing.scenes import read_scene

    assert estimate_count(read_scene(scenes_folder / "Samson.mat")["cube"].values).count == 8
    assert estimate_count(read_scene(scenes_folder / "JasperRidge.mat")["cube"].values).count == 10


def test_scenes_that_cannot_be_counted_are_refused():
    with pytest.raises(UnmixingError, match="too few"):
        estimate_count(MADE.cube[:2, :2])


@pytest.mark.parametrize("kind", ["nanometres", "micrometres", "library"])
def test_references_are_laid_on_the_bands(header, tmp_path, kind):
    axis = np.linspace(390, 1010, 200)
    if kind == "library":
        spectra = np.stack([np.interp(axis, MADE.wavelengths, spectrum) for spectrum in MADE.endmembers])
        name = write_envi_library(tmp_path / "references", spectra, axis / 1000, MADE.names).name
    else:
        unit = "wavelength_nm" if kind == "nanometres" else "wavelength_um"
        name = table(tmp_path / "references.csv", axis, unit)
    dataset = read_own_scene({"path": header, "references": name}, tmp_path)
    np.testing.assert_allclose(dataset["endmembers"].values, MADE.endmembers, atol=0.01)
    assert dataset["name"].values.tolist() == list(MADE.names)
    assert dataset.attrs["endmember_count_source"] == "references"
    assert any(check.check == "wavelengths" and check.passed for check in read_checks(dataset))
    write_scene(dataset, tmp_path / "own.nc")


def test_references_that_do_not_reach_or_do_not_fit_are_refused(header, tmp_path):
    table(tmp_path / "short.csv", np.linspace(500, 800, 50))
    with pytest.raises(UnmixingError, match="does not cover 400-1000 nm"):
        read_own_scene({"path": header, "references": "short.csv"}, tmp_path)
    table(tmp_path / "full.csv", np.linspace(390, 1010, 50))
    with pytest.raises(UnmixingError, match="5 endmembers stated, 3 references found"):
        read_own_scene({"path": header, "references": "full.csv", "endmembers": 5}, tmp_path)
    (tmp_path / "bad.csv").write_text("wavelength_nm,Soil\n400,a\n")
    with pytest.raises(UnmixingError, match="no table of spectra"):
        read_own_scene({"path": header, "references": "bad.csv"}, tmp_path)


@pytest.mark.parametrize("given", ["list", "file", "heading", "recipe", "header"])
def test_wavelengths_in_all_their_forms(header, tmp_path, given):
    np.save(tmp_path / "flight8.npy", MADE.cube)
    text = "\n".join(f"{wave:.6f}" for wave in MADE.wavelengths)
    (tmp_path / "bands.txt").write_text(text)
    (tmp_path / "bands.csv").write_text("wavelength,width\n" + text.replace("\n", ",5\n"))
    wavelengths = {
        "list": MADE.wavelengths.tolist(),
        "file": "bands.txt",
        "heading": "bands.csv",
        "recipe": "linear 400 1000 40",
        "header": "flight7.hdr",
    }[given]
    stanza = {"path": "flight8.npy", "endmembers": 3, "wavelengths": wavelengths}
    dataset = read_own_scene(stanza, tmp_path)
    np.testing.assert_allclose(dataset["wavelength"].values, MADE.wavelengths, rtol=1e-6)


@pytest.mark.parametrize(
    ("stanza", "message"),
    [
        ({}, "path is missing"),
        ({"path": "flight7.hdr", "k": 3}, "key 'k' is not known"),
        ({"path": "flight7.hdr"}, "give a number from 2"),
        ({"path": "flight7.hdr", "endmembers": 1}, "give a number from 2"),
        ({"path": "flight7.hdr", "endmembers": "many"}, "give a number from 2"),
        ({"path": "flight7.hdr", "endmembers": 3, "wavelengths": 7}, "not understood"),
        ({"path": "flight7.hdr", "endmembers": 3, "wavelengths": ["a"]}, "not understood"),
        ({"path": "flight7.hdr", "endmembers": 3, "wavelengths": "hyperion"}, "no such file of wavelengths"),
        ({"path": "flight7.hdr", "endmembers": 3, "wavelengths": "hydice_210"}, "210 wavelengths for 40 bands"),
        ({"path": "flight7.hdr", "endmembers": 3, "wavelengths": [400.0, 500.0]}, "2 wavelengths for 40 bands"),
        ({"path": "none.hdr", "endmembers": 3}, "no such file"),
    ],
)
def test_refusals(header, tmp_path, stanza, message):
    with pytest.raises(UnmixingError, match=message) as caught:
        read_own_scene(stanza, tmp_path)
    assert "\n" not in str(caught.value)


def test_a_scene_without_wavelengths_must_say_so(tmp_path):
    np.savez(tmp_path / "x.npz", Y=MADE.cube, M=MADE.endmembers)
    with pytest.raises(UnmixingError, match="or 'unknown' to do without"):
        read_own_scene({"path": "x.npz"}, tmp_path)
    dataset = read_own_scene({"path": "x.npz", "wavelengths": "unknown"}, tmp_path)
    assert dataset.attrs["wavelength_source"] == "unknown"
    assert dataset.attrs["endmember_count"] == 3
