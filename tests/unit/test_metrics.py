import numpy as np
import pytest

from unmixing.errors import UnmixingError
from unmixing.metrics import (
    abundance_rmse,
    collapse_angle,
    collapse_threshold,
    found,
    match_endmembers,
    spectral_angle,
)


def test_angle_of_a_spectrum_with_itself_is_zero():
    spectrum = np.random.default_rng(0).random(200).astype(np.float32)
    assert spectral_angle(spectrum, spectrum) == 0


def test_angle_ignores_gain():
    rng = np.random.default_rng(1)
    a, b = rng.random(50), rng.random(50)
    assert spectral_angle(a, 1e-6 * b) == pytest.approx(spectral_angle(7 * a, b), abs=1e-12)


def test_orthogonal_spectra_are_a_right_angle_apart():
    assert spectral_angle([1, 0, 0], [0, 3, 0]) == pytest.approx(np.pi / 2)


def test_opposite_spectra_are_pi_apart():
    assert spectral_angle([1.0, 2.0], [-1.0, -2.0]) == pytest.approx(np.pi)


@pytest.mark.parametrize("angle", [1e-9, 1e-6, 1e-3, 0.1, 1.0])
def test_small_angles_keep_their_digits(angle):
    # arccos of a float64 cosine is already 1.5e-8 off at zero; a float32 one 3e-4.
    a, b = np.array([1.0, 0.0]), np.array([np.cos(angle), np.sin(angle)])
    assert spectral_angle(a, b) == pytest.approx(angle, rel=1e-6)


def test_float32_spectra_near_zero_angle_are_measured_in_float64():
    a = np.ones(100, dtype=np.float32)
    b = a.copy()
    b[0] += 1e-3
    expected = np.arccos(np.float64(a @ b.astype(float)) / np.sqrt(100 * (b.astype(float) @ b.astype(float))))
    assert spectral_angle(a, b) == pytest.approx(expected, rel=1e-5)
    assert spectral_angle(a, b).dtype == np.float64


def test_zero_spectrum_is_a_right_angle_from_everything():
    assert spectral_angle(np.zeros(5), np.ones(5)) == pytest.approx(np.pi / 2)


def test_axis_and_broadcasting():
    rng = np.random.default_rng(2)
    a, b = rng.random((7, 4, 30)), rng.random((4, 30))
    whole = spectral_angle(a, b)
    assert whole.shape == (7, 4)
    assert whole[3, 2] == pytest.approx(spectral_angle(a[3, 2], b[2]))
    turned = spectral_angle(np.moveaxis(a, 2, 0), np.moveaxis(b[None], 2, 0), axis=0)
    np.testing.assert_array_equal(turned, whole)


def _at(*degrees):
    return np.array([[np.cos(np.radians(d)), np.sin(np.radians(d))] for d in degrees])


def test_optimal_matching_where_greedy_fails():
    # Greedy takes the pair 10 degrees apart first and is left with one of 50; optimal pairs 20 with 20.
    reference, estimated = _at(0, 30), _at(20, 60)
    order, sad = match_endmembers(estimated, reference)
    assert order.tolist() == [0, 1]
    assert np.degrees(sad) == pytest.approx([20, 30])
    order, sad = match_endmembers(estimated, reference, "greedy")
    assert order.tolist() == [1, 0]
    assert np.degrees(sad) == pytest.approx([60, 10])


def test_order_says_which_estimate_belongs_to_which_reference():
    rng = np.random.default_rng(3)
    reference = rng.random((5, 40))
    shuffled = rng.permutation(5)
    for method in ("optimal", "greedy"):
        order, sad = match_endmembers(3 * reference[shuffled], reference, method)
        np.testing.assert_array_equal(shuffled[order], np.arange(5))
        assert sad == pytest.approx(np.zeros(5), abs=1e-7)


def test_more_estimates_than_references_leave_some_over():
    order, sad = match_endmembers(_at(80, 1, 41), _at(0, 40))
    assert order.tolist() == [1, 2]
    assert np.degrees(sad) == pytest.approx([1, 1])


@pytest.mark.parametrize(
    ("estimated", "method", "words"),
    [
        (np.ones((1, 4)), "optimal", "1 endmembers cannot be matched with 2"),
        (np.ones((2, 5)), "optimal", "5 bands, references 4"),
        (np.full((2, 4), np.nan), "optimal", "not finite"),
        (np.ones((2, 4)), "best", "optimal or greedy"),
    ],
)
def test_matching_refuses_in_one_line(estimated, method, words):
    with pytest.raises(UnmixingError, match=words) as caught:
        match_endmembers(estimated, np.ones((2, 4)), method)
    assert "\n" not in str(caught.value)


def test_collapse_is_the_smallest_angle():
    assert collapse_angle(_at(0, 50, 57)) == pytest.approx(np.radians(7))
    assert collapse_angle(_at(12)) == np.inf
    assert collapse_threshold(_at(0, 50, 57)) == pytest.approx(np.radians(3.5))
    assert collapse_threshold(None) == 0.03


def test_dead_endmembers_have_collapsed():
    assert collapse_angle([[1.0, 2.0], [0.0, 0.0]]) == 0
    assert collapse_angle([[0.0, 0.0], [0.0, 0.0]]) == 0


def test_found_is_below_half_the_angle_to_the_nearest_reference():
    reference = _at(0, 20, 90)
    sad = np.radians([9.9, 10.1, 34.9])
    assert found(sad, reference).tolist() == [True, False, True]
    assert found(np.array([0.7]), _at(3)).tolist() == [True]


def test_abundance_error_of_each_endmember():
    reference = np.zeros((2, 5, 2))
    estimated = reference + np.array([0.1, 0.3])
    assert abundance_rmse(estimated, reference) == pytest.approx([0.1, 0.3])
