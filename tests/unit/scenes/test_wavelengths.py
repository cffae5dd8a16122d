import numpy as np
import pytest

from makers.scenes import make_scene
from unmixing.errors import UnmixingError
from unmixing.scenes.checks import check_wavelengths
from unmixing.scenes.registry import scene_entry
from unmixing.scenes.wavelengths import (
    axis_from_recipe,
    load_sensors,
    sort_bands,
    steepest_rise,
    to_nanometres,
    vegetation_indices,
)


def test_the_prism_axis_is_not_linear():
    axis = axis_from_recipe("hydice_210")
    steps = np.diff(axis)
    assert axis.size == 210
    assert steps[0] == pytest.approx(3.3, abs=0.1)
    assert steps.max() == pytest.approx(14.95, abs=0.1)
    assert steps[-1] == pytest.approx(8.3, abs=0.1)
    assert axis[0] == pytest.approx(398.0, abs=0.1)
    assert axis[-1] == pytest.approx(2498, abs=1)
    # smooth across the bands that no source lists
    assert np.abs(np.diff(steps)).max() < 0.3
    linear = np.linspace(400, 2500, 210)
    assert np.abs(axis - linear).max() > 240


def test_axes_of_the_registry_rise_after_sorting():
    for scene_id in ("samson", "jasper_ridge", "urban4", "cuprite"):
        entry = scene_entry(scene_id)
        axis = axis_from_recipe(entry.wavelengths)
        rising, _ = sort_bands(axis)
        assert rising.size == entry.bands
        assert (np.diff(rising) > 0).all()


def test_band_numbers_count_from_one():
    axis = axis_from_recipe("hydice_210 without 1-4 76 87 101-111 136-153 198-210")
    full = np.array(load_sensors()["hydice_210"].centres)
    assert axis.size == 162
    assert axis[0] == full[4]
    assert full[75] not in axis
    assert full[196] == axis[-1]


@pytest.mark.parametrize(
    "recipe",
    [
        "",
        "linear",
        "linear 1 2",
        "linear 900 400 10",
        "linear 400 900 x",
        "linear nan 900 4",
        "hydice",
        "hydice_210 4",
        "hydice_210 without",
        "hydice_210 without 0",
        "hydice_210 without 211",
        "hydice_210 without 9-3",
    ],
)
def test_recipes_that_are_not_understood_are_refused(recipe):
    with pytest.raises(UnmixingError, match="not understood"):
        axis_from_recipe(recipe)


def test_sensors_match_their_source_files(scenes_folder, libraries_folder):
    import scipy.io

    from unmixing.scenes.envi import numbers, read_header

    published = scipy.io.loadmat(scenes_folder / "Wavelengths_Apex_DC_Samson.mat")
    listed = published["lambda_DC"].ravel()
    axis = axis_from_recipe("hydice_210")
    kept = np.r_[1:103, 107:138, 149:207]
    np.testing.assert_allclose(axis[kept], listed, atol=0.006)
    np.testing.assert_allclose(axis_from_recipe("linear 401 889 156"), published["lambda_Samson"].ravel())
    header = libraries_folder / "usgs_splib06_av18a.sli.hdr"
    grid = numbers(read_header(header), "wavelength", header)
    np.testing.assert_allclose(axis_from_recipe("aviris_224"), grid * 1000, atol=0.006)
    cuprite = scipy.io.loadmat(scenes_folder / "Cuprite12_groundTruth.mat")
    np.testing.assert_allclose(axis_from_recipe("aviris_cuprite_224"), cuprite["waveLength"].ravel() * 1e3, atol=0.006)
    chosen = axis_from_recipe(scene_entry("cuprite").wavelengths)
    np.testing.assert_allclose(chosen, cuprite["waveLength"].ravel()[cuprite["slctBnds"].ravel() - 1] * 1e3, atol=0.006)


@pytest.mark.parametrize(
    ("values", "units", "factor"),
    [
        ([0.4, 0.9], "Micrometers", 1000),
        ([0.4, 0.9], "", 1000),
        ([0.4, 0.9], "Unknown", 1000),
        ([0.4, 0.9], "um", 1000),
        ([400, 900], "Nanometers", 1),
        ([400, 900], "nm", 1),
        ([400, 900], "", 1),
    ],
)
def test_units(values, units, factor):
    axis, note = to_nanometres(values, units, "made")
    np.testing.assert_allclose(axis, np.array(values) * factor)
    assert bool(note) == (factor == 1000)


@pytest.mark.parametrize(
    ("values", "units"),
    [
        ([0.4, 0.9], "Nanometers"),
        ([400, 900], "Micrometers"),
        ([400, 900], "Wavenumber"),
        ([25000.0, 4000.0], ""),
        ([np.nan, 900], ""),
        ([], ""),
        ([-400, 900], ""),
    ],
)
def test_units_that_contradict_the_numbers_are_refused(values, units):
    with pytest.raises(UnmixingError, match="made: wavelength"):
        to_nanometres(values, units, "made")


def test_bands_are_sorted_and_shared_ones_averaged():
    axis = np.array([400.0, 420.0, 410.0, 420.0, 430.0])
    spectra = np.array([[1.0, 2.0, 3.0, 4.0, 5.0], [1.0, np.nan, 3.0, 4.0, np.nan]])
    rising, (sorted_spectra,) = sort_bands(axis, spectra)
    np.testing.assert_array_equal(rising, [400, 410, 420, 430])
    np.testing.assert_array_equal(sorted_spectra, [[1, 3, 3, 5], [1, 3, 4, np.nan]])


def test_the_red_edge_is_found_and_noise_is_not():
    made = make_scene(bands=120)
    position = steepest_rise(made.wavelengths, made.endmembers[1])
    assert position == pytest.approx(715, abs=5)
    spiked = made.endmembers[1].copy()
    spiked[10] += 0.02
    assert steepest_rise(made.wavelengths, spiked) == pytest.approx(position, abs=5)


def test_vegetation_is_known_by_name():
    names = ["Tree", "Dry grass", "grass lawn", "Green fabric", "Road", "Artificial turf grass", "Canopy"]
    assert vegetation_indices(names) == [0, 2, 6]


def test_a_wrong_axis_is_refused_with_both_numbers():
    made = make_scene()
    wrong = np.linspace(400, 2500, made.bands)
    with pytest.raises(UnmixingError, match=r"Tree \d+ nm instead of 690 to 740 nm"):
        check_wavelengths(wrong, made.endmembers, made.names, "made")
    assert check_wavelengths(made.wavelengths, made.endmembers, made.names, "made").passed
    assert check_wavelengths(wrong, made.endmembers, ["a", "b", "c"], "made").passed is None
    assert check_wavelengths(wrong, None, [], "made").passed is None
    assert check_wavelengths(np.linspace(1000, 2500, made.bands), made.endmembers, made.names, "made").passed is None
