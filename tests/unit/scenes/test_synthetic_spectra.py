"""Spectra from earthlib: read without importing it, gathered around an anchor, refused clearly."""

import importlib.util
import shutil

import numpy as np
import pytest

from unmixing.errors import UnmixingError
from unmixing.scenes import synthetic_spectra as spectra
from unmixing.scenes.synthetic_spectra import ClassRecipe, band_selection, class_spectra, read_earthlib


def test_library_is_what_it_says():
    library = read_earthlib()
    assert library.spectra.shape == (len(library.names), library.wavelength.size)
    assert len(library.classes) == len(library.names) >= 7261
    assert library.wavelength[0] == 400.0
    assert library.wavelength[-1] == 2450.0
    assert np.all(np.diff(library.wavelength) > 0)
    assert len(library.sha256) == 64
    assert np.isfinite(library.spectra).all()
    assert not library.spectra.flags.writeable  # shared by the whole process


def test_canopy_rises_at_the_red_edge():
    library = read_earthlib()
    canopy = library.spectra[np.asarray(library.classes) == "canopy"].mean(axis=0)
    rise = np.diff(canopy) / np.diff(library.wavelength)
    assert 690 <= library.wavelength[np.argmax(rise)] <= 740


@pytest.mark.parametrize("bands", [2, 60, 80, 162, 180])
def test_bands_are_distinct_and_span_the_library(bands):
    chosen = band_selection(bands)
    assert len(set(chosen.tolist())) == bands
    assert chosen[0] == 0
    assert chosen[-1] == 179


@pytest.mark.parametrize("bands", [0, 1, 181])
def test_impossible_numbers_of_bands(bands):
    with pytest.raises(UnmixingError, match="allowed: 2 to 180"):
        band_selection(bands)


def test_class_has_one_brightness_and_keeps_its_shapes():
    members = class_spectra(ClassRecipe("soil", "soil", "FS15R_FS4696", members=20), 60)
    assert members.shape == (20, 60)
    np.testing.assert_allclose(np.linalg.norm(members, axis=1), np.linalg.norm(members[0]))
    unit = members / np.linalg.norm(members, axis=1, keepdims=True)
    cosine = unit @ unit[0]
    assert cosine[0] == pytest.approx(1)  # the anchor comes first
    assert np.all(np.diff(cosine) < 1e-8)  # then by distance from it


def test_variation_and_maximum():
    recipe = ClassRecipe("burned ground", "char", "charwood", members=5, variation=0.0, maximum=0.05)
    members = class_spectra(recipe, 60)
    assert np.ptp(members, axis=0).max() == pytest.approx(0, abs=1e-12)
    assert members.max() == pytest.approx(0.05)
    wild = class_spectra(ClassRecipe("burned ground", "char", "charwood", members=21, variation=20.0), 60)
    assert wild.min() >= 0


@pytest.mark.parametrize(
    "recipe",
    [
        ClassRecipe("sea", "water", "deep"),
        ClassRecipe("soil", "soil", "no such sample"),
        ClassRecipe("glass", "glass", "grgnyx.001-", members=50),
    ],
)
def test_class_that_the_library_lacks(recipe):
    with pytest.raises(UnmixingError, match=f"class '{recipe.name}': earthlib has") as caught:
        class_spectra(recipe, 60)
    assert "\n" not in str(caught.value)


def test_missing_library(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UnmixingError, match="pip install"):
        spectra.library_folder()


@pytest.fixture
def copied(tmp_path, monkeypatch):
    for name in ("spectra.sli", "spectra.sli.hdr", "spectra.csv"):
        shutil.copy(spectra.library_folder() / name, tmp_path / name)
    monkeypatch.setattr(spectra, "library_folder", lambda: tmp_path)
    return tmp_path


def test_truncated_library(copied):
    data = (copied / "spectra.sli").read_bytes()
    (copied / "spectra.sli").write_bytes(data[:-400])
    with pytest.raises(UnmixingError, match="reinstall earthlib"):
        read_earthlib.__wrapped__()


def test_header_without_wavelengths(copied):
    (copied / "spectra.sli.hdr").write_text("ENVI\nbands = 1\n")
    with pytest.raises(UnmixingError, match="names no wavelengths"):
        read_earthlib.__wrapped__()
