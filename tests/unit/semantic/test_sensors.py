import numpy as np
import pytest

from unmixing.errors import UnmixingError
from unmixing.semantic.sensors import (
    Sensor,
    altered,
    get_sensor,
    interpolate,
    interpolation_matrix,
    load_sensors,
    lose_bands,
    resample,
    response_matrix,
    sensor_of_axis,
)

AXIS = np.arange(400.0, 2451.0, 10.0)


def one_band(centre, width, response):
    return Sensor("one", "one", (centre,), (width,), response, "test")


def test_the_known_sensors_have_their_bands():
    counts = {name: len(sensor.centres) for name, sensor in load_sensors().items()}
    assert counts == {"aviris": 224, "hydice": 210, "vnir": 156, "sentinel2": 13, "landsat8": 8}
    assert {load_sensors()[name].response for name in ("sentinel2", "landsat8")} == {"boxcar"}
    assert {load_sensors()[name].response for name in ("aviris", "hydice", "vnir")} == {"gaussian"}
    hydice = get_sensor("hydice")
    # A prism: bands are four times as wide at 1.1 um as at 400 nm.
    assert np.interp(1100, hydice.centres, hydice.widths) > 4 * hydice.widths[0]


@pytest.mark.parametrize("name", ["aviris", "hydice", "vnir", "sentinel2", "landsat8"])
def test_a_constant_spectrum_stays_constant_where_it_is_known(name):
    sensor = get_sensor(name)
    axis = np.arange(300.0, 2600.0, 10.0)
    np.testing.assert_allclose(resample(np.full(axis.size, 0.37), axis, sensor), 0.37, rtol=1e-12)
    np.testing.assert_allclose(interpolate(np.full(axis.size, 0.37), axis, sensor.centres), 0.37, rtol=1e-12)


@pytest.mark.parametrize("response", ["gaussian", "boxcar"])
def test_a_straight_line_is_read_at_the_centre(response):
    line = 0.1 + 2e-4 * AXIS
    seen = resample(line, AXIS, one_band(1234.5, 40.0, response))
    assert seen[0] == pytest.approx(0.1 + 2e-4 * 1234.5, abs=1e-5)


def test_a_boxcar_is_the_mean_over_its_width():
    # x^2 over [c - w/2, c + w/2] has mean c^2 + w^2 / 12.
    axis = np.arange(400.0, 1000.0, 1.0)
    seen = resample(axis**2, axis, one_band(700.0, 61.4, "boxcar"))
    assert seen[0] == pytest.approx(700.0**2 + 61.4**2 / 12, rel=1e-6)


def test_a_gaussian_has_the_width_that_it_is_given():
    # x^2 under a Gaussian of deviation s has mean c^2 + s^2; the cut tails cost under 1 %.
    axis = np.arange(400.0, 1000.0, 1.0)
    deviation = 60.0 / np.sqrt(8 * np.log(2))
    seen = resample(axis**2, axis, one_band(700.0, 60.0, "gaussian"))
    assert seen[0] - 700.0**2 == pytest.approx(deviation**2, rel=0.01)


def test_widths_add_in_squares_so_that_nothing_is_blurred_twice():
    axis = np.arange(400.0, 1000.0, 1.0)
    edge = (axis > 700).astype(float)
    blurred = resample(edge, axis, sensor_of_axis(axis, widths=30.0))
    inside = slice(60, -60)
    twice = resample(blurred[inside], axis[inside], one_band(705.0, 50.0, "gaussian"), resolution_nm=30.0)
    once = resample(edge, axis, one_band(705.0, 50.0, "gaussian"))
    assert twice[0] == pytest.approx(once[0], abs=2e-3)
    assert resample(blurred[inside], axis[inside], one_band(705.0, 50.0, "gaussian"))[0] != pytest.approx(
        once[0], abs=5e-3
    )


def test_what_is_outside_the_range_is_masked():
    spectrum = np.ones(AXIS.size)
    centres = [390.0, 400.0, 430.0, 2420.0, 2450.0, 2460.0]
    seen = resample(spectrum, AXIS, sensor_of_axis(centres, widths=20.0))
    assert np.isnan(seen).tolist() == [True, True, False, False, True, True]
    read = interpolate(spectrum, AXIS, centres)
    assert np.isnan(read).tolist() == [True, False, False, False, False, True]


def test_what_lies_in_a_gap_of_the_library_is_masked():
    axis = AXIS[(AXIS <= 1350) | (AXIS >= 1460)]
    spectrum = np.ones(axis.size)
    centres = [1340.0, 1350.0, 1355.0, 1400.0, 1460.0, 1480.0]
    assert np.isnan(interpolate(spectrum, axis, centres)).tolist() == [False, False, True, True, False, False]
    seen = resample(spectrum, axis, sensor_of_axis(centres, widths=10.0))
    assert np.isnan(seen).tolist() == [False, True, True, True, True, False]
    assert np.isnan(resample(spectrum, axis, get_sensor("sentinel2"))).tolist() == [False] * 10 + [True] + [False] * 2


def test_unknown_values_stay_unknown_and_spread_no_further():
    spectra = np.tile(0.2 + 1e-4 * AXIS, (2, 1))
    spectra[1, 50] = np.nan  # 900 nm
    seen = resample(spectra, AXIS, sensor_of_axis(AXIS[40:61], widths=12.0))
    assert np.isfinite(seen[0]).all()
    assert np.flatnonzero(np.isnan(seen[1])).tolist() == [9, 10, 11]
    read = interpolate(spectra, AXIS, [890.0, 895.0, 900.0, 905.0, 910.0])
    assert np.isnan(read[1]).tolist() == [False, True, True, True, False]
    assert not np.isnan(read[0]).any()


def test_a_wide_band_survives_a_lost_sample_and_is_told_by_the_rest():
    spectrum = np.full(AXIS.size, 0.3)
    spectrum[44] = np.nan
    band = one_band(842.0, 115.0, "boxcar")
    assert np.isnan(resample(spectrum, AXIS, band, minimum_share=0.95))[0]
    assert resample(spectrum, AXIS, band, minimum_share=0.8)[0] == pytest.approx(0.3)


def test_rows_of_a_response_sum_to_the_share_that_is_known():
    share = response_matrix(one_band(400.0, 40.0, "gaussian"), AXIS).sum()
    assert share == pytest.approx(0.5, abs=0.02)
    matrix = response_matrix(get_sensor("aviris"), AXIS)
    assert matrix.min() >= 0
    assert matrix.sum(axis=1).max() < 1 + 1e-12


def test_interpolation_as_a_matrix_is_interpolation():
    sensor = get_sensor("vnir")
    spectrum = np.sin(AXIS / 90) + 2
    np.testing.assert_allclose(
        interpolation_matrix(sensor, AXIS) @ spectrum, interpolate(spectrum, AXIS, sensor.centres)
    )


def test_response_and_interpolation_differ_where_a_band_is_wide():
    step = (AXIS > 850).astype(float)
    sensor = one_band(842.0, 115.0, "boxcar")
    assert interpolate(step, AXIS, sensor.centres)[0] < 0.01
    # 44.5 of 115 nm lie above the middle of the step.
    assert resample(step, AXIS, sensor)[0] == pytest.approx(44.5 / 115, abs=0.01)


def test_a_shifted_sensor_sees_a_shifted_spectrum():
    spectrum = np.exp(-0.5 * ((AXIS - 900) / 60) ** 2)
    sensor = sensor_of_axis(np.arange(700.0, 1100.0, 10.0), widths=12.0)
    moved = resample(spectrum, AXIS, altered(sensor, shift_nm=10.0))
    np.testing.assert_allclose(moved[:-1], resample(spectrum, AXIS, sensor)[1:], atol=1e-12)
    # Two Gaussians on each other: the peak falls by the ratio of the deviations.
    peak = 60 / np.hypot(60, 96 / np.sqrt(8 * np.log(2)))
    assert resample(spectrum, AXIS, altered(sensor, width_factor=8)).max() == pytest.approx(peak, rel=0.005)


def test_lost_bands_are_counted_and_repeat():
    kept = lose_bands(100, 0.3, np.random.default_rng(1))
    assert kept.shape == (100,)
    assert kept.sum() == 70
    np.testing.assert_array_equal(kept, lose_bands(100, 0.3, np.random.default_rng(1)))
    assert lose_bands(4, 0.99, np.random.default_rng(0)).sum() == 1
    assert lose_bands(9, 0.0, np.random.default_rng(0)).all()


def test_a_scene_of_one_band_is_a_sensor():
    assert sensor_of_axis([550.0]).widths == (10.0,)
    assert sensor_of_axis([500.0, 503.0, 700.0]).widths == (3.0, 3.0, 197.0)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: get_sensor("modis"), "choose from aviris"),
        (lambda: resample(np.ones(3), [500, 510, 505], get_sensor("vnir")), "do not rise"),
        (lambda: resample(np.ones(4), [500, 510, 520], get_sensor("vnir")), "do not fit 3 wavelengths"),
        (lambda: sensor_of_axis([500.0, 500.0]), "centres that rise"),
        (lambda: sensor_of_axis([500.0, 510.0], widths=[5.0, 0.0]), "positive widths"),
        (lambda: lose_bands(10, 1.0, np.random.default_rng(0)), "cannot be lost"),
    ],
)
def test_impossible_requests_are_refused_in_one_line(call, words):
    with pytest.raises(UnmixingError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
