"""Statistics of scenes: known answers on made scenes, printed figures on the real ones."""

import numpy as np
import pytest
import xarray as xr

from makers.scenes import make_linear
from unmixing.scenes import scene_statistics as statistics
from unmixing.scenes.scene_statistics import (
    REAL_RANGES,
    STATISTICS,
    band_noise,
    correlation_lags,
    outside_real_range,
    scene_statistics,
)


def scene_of(cube, abundances=None, endmembers=None):
    data = {"cube": (("row", "col", "band"), np.asarray(cube, np.float32))}
    if abundances is not None:
        data["abundances"] = (("row", "col", "endmember"), np.asarray(abundances, np.float32))
    if endmembers is not None:
        data["endmembers"] = (("endmember", "band"), np.asarray(endmembers, np.float32))
    return xr.Dataset(data, attrs={"title": "Made", "kind": "synthetic"})


def test_linear_scene_has_no_residual_and_no_noise():
    scene = make_linear(rows=20, columns=20, dtype=np.float64)
    found = scene_statistics(scene)
    assert set(found) == set(STATISTICS)
    assert found["residual_angle"] == pytest.approx(0, abs=1e-6)
    assert found["snr_median"] > 100


def test_noise_of_known_deviation_is_found():
    rng = np.random.default_rng(0)
    linear = make_linear(rows=60, columns=60, bands=30, endmembers=4, dtype=np.float64)
    deviation = np.geomspace(1e-4, 1e-2, 30)
    noisy = linear["cube"].values + deviation * rng.standard_normal(linear["cube"].shape)
    found, mean = band_noise(scene_of(noisy))
    np.testing.assert_allclose(mean, noisy.mean((0, 1)), rtol=1e-4)
    # An upper bound: a little of each band's signal cannot be told from the others' noise.
    assert np.all(found > 0.9 * deviation)
    np.testing.assert_allclose(found, deviation, rtol=0.35)
    figures = scene_statistics(scene_of(noisy))
    assert figures["noise_contrast"] == pytest.approx(100, rel=0.3)


def test_abundances_are_counted():
    abundances = np.zeros((2, 2, 4))
    abundances[0, 0] = [1, 0, 0, 0]
    abundances[0, 1] = [0.96, 0.04, 0, 0]
    abundances[1, 0] = [0.5, 0.4, 0.1, 0]
    abundances[1, 1] = 0.25
    found = scene_statistics(scene_of(np.ones((2, 2, 5)), abundances))
    expected = {
        "pure_share": 0.5,
        "very_pure_share": 0.25,
        "materials_1": 0.5,
        "materials_2": 0.0,
        "materials_3": 0.25,
        "materials_4": 0.25,
    }
    assert {key: found[key] for key in expected} == expected
    assert np.isnan(found["residual_angle"])
    assert np.isnan(found["snr_median"])  # fewer pixels than it takes


def test_lags_of_simple_maps():
    board = np.indices((20, 20)).sum(axis=0) % 2
    halves = np.zeros((20, 20))
    halves[:10] = 1
    lags, neighbours = correlation_lags(np.stack([board, np.ones((20, 20)), halves], axis=-1).astype(float))
    assert neighbours[0] == pytest.approx(-1)
    assert 0 < lags[0] < 1
    assert np.isnan(lags[1])
    assert np.isnan(neighbours[1])
    # Down, the correlation of two halves at lag h is that of overlapping parts; across, it is always 1.
    assert neighbours[2] == pytest.approx((1 + 17 / 19) / 2)


def test_lag_of_a_field_is_its_scale():
    from unmixing.scenes.synthetic_fields import matern_field

    rng = np.random.default_rng(3)
    lags = [correlation_lags(matern_field((200, 200), 6.0, rng)[:, :, None])[0][0] for _ in range(3)]
    assert np.mean(lags) == pytest.approx(6.0, rel=0.2)
    windowed, _ = correlation_lags(matern_field((200, 210), 30.0, rng)[:, :, None], window=40)
    assert windowed[0] < 15  # a window cannot see correlation longer than itself


def test_windows_cover_the_scene():
    assert statistics._starts(40, 40) == [0]
    assert statistics._starts(95, 40) == [0, 27, 55]


def test_brightness_and_angles_of_pure_pixels():
    levels = np.array([0.8, 1.0, 1.2, 0.9, 1.1, 1.0])
    spectrum = np.array([0.1, 0.2, 0.4])
    cube = (levels[:, None] * spectrum)[None]
    found = scene_statistics(scene_of(cube, np.ones((1, 6, 1)), spectrum[None]))
    assert found["brightness_variation_lowest"] == pytest.approx(levels.std() / levels.mean(), rel=1e-5)
    assert found["within_class_angle"] == pytest.approx(0, abs=1e-3)
    assert found["darkest_brightness"] == pytest.approx(1, rel=1e-5)
    assert np.isnan(found["smallest_reference_angle"])


def test_scene_without_references_or_light():
    found = scene_statistics(scene_of(np.zeros((8, 8, 4))))
    assert all(np.isnan(value) for value in found.values())
    dark = scene_statistics(scene_of(np.zeros((8, 8, 4)), np.ones((8, 8, 1)), np.ones((1, 4))))
    assert dark["pure_share"] == 1
    assert np.isnan(dark["residual_angle"])


REAL = {
    # Figures to two digits, as a review of these files printed them.
    "Samson.mat": {
        "pure_share": (0.32, 0.005),
        "very_pure_share": (0.17, 0.005),
        "materials_1": (0.35, 0.006),
        "materials_2": (0.59, 0.005),
        "materials_3": (0.07, 0.005),
        "neighbour_correlation": (0.98, 0.005),
        "snr_lowest": (16, 0.5),
        "snr_tenth": (43, 0.5),
        "snr_median": (49, 0.5),
        "snr_ninetieth": (55, 0.5),
        "noise_contrast": (51, 0.5),
        "noise_signal_correlation": (0.2, 0.05),
        "residual_angle": (0.041, 0.001),
        "smallest_reference_angle": (0.414, 0.001),
        "darkest_brightness": (0.22, 0.005),
    },
    "JasperRidge.mat": {
        "pure_share": (0.32, 0.006),
        "very_pure_share": (0.21, 0.005),
        "materials_1": (0.34, 0.005),
        "materials_2": (0.52, 0.005),
        "materials_3": (0.13, 0.005),
        "materials_4": (0.01, 0.005),
        "snr_lowest": (8, 0.5),
        "snr_tenth": (28, 0.5),
        "snr_median": (43, 0.6),
        "snr_ninetieth": (48, 0.5),
        "noise_contrast": (26, 0.5),
        "residual_angle": (0.115, 0.001),
        "smallest_reference_angle": (0.228, 0.001),
    },
    "urban/urban_crop80x100_end4.npz": {
        "snr_lowest": (23, 0.5),
        "snr_tenth": (31, 0.5),
        "snr_median": (40, 0.5),
        "snr_ninetieth": (49, 0.5),
        "noise_contrast": (17, 0.5),
        "residual_angle": (0.071, 0.001),
    },
    "urban/urban_crop80x100_end5.npz": {"residual_angle": (0.073, 0.001)},
    "urban/urban_crop80x100_end6.npz": {"residual_angle": (0.073, 0.001)},
}


@pytest.mark.parametrize("file", sorted(REAL))
def test_real_scenes_measure_what_is_printed_and_make_the_range(scenes_folder, file):
    from unmixing.scenes import read_scene

    found = scene_statistics(read_scene(scenes_folder / file))
    for key, (printed, tolerance) in REAL[file].items():
        assert found[key] == pytest.approx(printed, abs=tolerance), key
    assert outside_real_range(found) == []
    assert set(REAL_RANGES) == set(STATISTICS)
