import numpy as np
import pytest

from makers.scenes import make_scene, write_envi, write_envi_library, write_matlab5
from unmixing.errors import UnmixingError
from unmixing.scenes import read_library

MADE = make_scene()


def test_an_envi_library_is_sorted_converted_and_cleaned(tmp_path):
    # overlapping spectrometers: the axis falls back and one centre is shared
    axis = np.array([0.5, 0.6, 0.7, 0.65, 0.7, 0.8])
    spectra = np.array(
        [
            axis,
            [0.1, 0.2, 0.3, 0.25, 0.5, 0.6],
            [0.1, -1.23e34, -1.23e34, 0.25, 0.5, 0.6],
            [0.2, 0.2, 0.2, 0.2, 0.2, 0.2],
        ]
    )
    names = ["Wavelengths in microns", "Oak leaf", "Oak leaf", "Lawn_Grass GDS91 shifted 3nm"]
    library = read_library(write_envi_library(tmp_path / "made", spectra, axis, names))
    np.testing.assert_allclose(library.wavelengths, [500, 600, 650, 700, 800])
    np.testing.assert_allclose(library.spectra[0], [0.1, 0.2, 0.25, 0.4, 0.6], rtol=1e-6)
    np.testing.assert_allclose(library.spectra[1], [0.1, np.nan, 0.25, 0.5, 0.6], rtol=1e-6)
    assert library.names == ("Oak leaf", "Oak leaf (2)")
    assert library.excluded == (names[0], names[3])
    assert "micrometres converted to nanometres" in library.notes
    assert read_library(tmp_path / "made.hdr").names == library.names


def test_a_bundle_of_pure_pixels(tmp_path):
    variables = {
        "lib1": np.full((5, 2), 0.1),
        "lib2": np.full((5, 3), 0.2),
        "material_names": np.array([["Soil", "Tree"]], dtype=object),
    }
    path = write_matlab5(tmp_path / "bundle.mat", variables)
    library = read_library(path, wavelengths="linear 400 800 5")
    assert library.groups == ("Soil", "Soil", "Tree", "Tree", "Tree")
    assert library.names[-1] == "Tree 3"
    assert library.spectra[:, 0].tolist() == pytest.approx([0.1, 0.1, 0.2, 0.2, 0.2])
    with pytest.raises(UnmixingError, match="holds no wavelengths"):
        read_library(path)
    with pytest.raises(UnmixingError, match="4 wavelengths for 5 bands"):
        read_library(path, wavelengths=[400, 500, 600, 700])


def test_other_files_are_refused(tmp_path):
    with pytest.raises(UnmixingError, match="no such library"):
        read_library(tmp_path / "none.sli")
    with pytest.raises(UnmixingError, match="no spectral library"):
        read_library(write_envi(tmp_path / "cube", MADE.cube.astype("f4"), MADE.wavelengths))
    with pytest.raises(UnmixingError, match="no bundle of spectra"):
        read_library(write_matlab5(tmp_path / "x.mat", {"lib1": np.ones((3, 2))}))
    path = write_envi_library(tmp_path / "cut", MADE.endmembers, MADE.wavelengths, MADE.names)
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(UnmixingError, match="bytes where the header says"):
        read_library(path)


def test_the_usgs_library(libraries_folder):
    library = read_library(libraries_folder / "usgs_splib06_av18a.sli")
    assert library.spectra.shape == (1359, 224)
    assert len(library.excluded) == 8
    assert (np.diff(library.wavelengths) > 0).all()
    assert not (library.spectra < -1000).any()
    assert [name for name in library.names if "Lawn_Grass" in name] == ["Lawn_Grass GDS91 (Green) s06av18a_a"]
    grass = library.spectra[library.names.index("Lawn_Grass GDS91 (Green) s06av18a_a")]
    from unmixing.scenes.wavelengths import steepest_rise

    assert 690 < steepest_rise(library.wavelengths, grass) < 740


@pytest.mark.parametrize(
    ("name", "recipe", "count"),
    [
        ("samson", "linear 401 889 156", 105),
        ("jasperRidge", "aviris_224 without 1-3 108-112 154-166 220-224", 529),
        ("urban", "hydice_210 without 1-4 76 87 101-111 136-153 198-210", 651),
    ],
)
def test_the_bundles_of_the_scenes(libraries_folder, name, recipe, count):
    library = read_library(libraries_folder / f"spectral_library_{name}.mat", wavelengths=recipe)
    assert len(library.names) == count
    assert "Tree" in library.groups
