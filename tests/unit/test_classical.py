"""Classical methods on mixtures whose answer is known."""

import numpy as np
import pytest
from scipy import optimize

from unmixing import classical
from unmixing.errors import UnmixingError

BANDS = 40


def spectra(k, seed=0):
    """Smooth positive spectra of different brightness, linearly independent."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(size=(k, BANDS)).cumsum(axis=1)
    return 0.05 + 0.1 * np.arange(1, k + 1)[:, None] * (1 + np.tanh(steps / 3))


def mixtures(k, n=300, seed=1, pure=True):
    """Exactly linear pixels without noise; the first k are pure."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(k, 0.5), size=n)
    shares[shares < 0.02] = 0
    shares /= shares.sum(axis=1, keepdims=True)
    if pure:
        shares[:k] = np.eye(k)
    return shares


# --- abundances -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 2, 3, 6, 12])
def test_fcls_recovers_linear_mixtures(k):
    shares, pure = mixtures(k), spectra(k)
    estimate = classical.fcls(shares @ pure, pure)
    assert np.abs(estimate - shares).max() < 1e-9
    # Also from pixels stored in single precision, as scenes are.
    single = classical.fcls((shares @ pure).astype(np.float32), pure)
    assert np.abs(single - shares).max() < 1e-4


@pytest.mark.parametrize("k", [1, 2, 3, 6, 12])
def test_nnls_and_scls_recover_brightness_and_shares(k):
    shares, pure = mixtures(k), spectra(k)
    gain = np.linspace(0.1, 3, len(shares))[:, None]
    pixels = gain * shares @ pure
    assert np.abs(classical.nnls(pixels, pure) - gain * shares).max() < 1e-9
    assert np.abs(classical.scls(pixels, pure) - shares).max() < 1e-9
    # With brightness in the data the sum-to-one fit is wrong by construction.
    if k > 1:
        assert np.abs(classical.fcls(pixels, pure) - shares).max() > 0.1


@pytest.mark.parametrize("k", [2, 5, 9])
def test_nnls_equals_scipy_on_noisy_pixels(k):
    rng = np.random.default_rng(k)
    pure = spectra(k)
    pixels = mixtures(k, 80) @ pure + 0.3 * rng.normal(size=(80, BANDS))
    expected = np.array([optimize.nnls(pure.T, pixel)[0] for pixel in pixels])
    assert np.abs(classical.nnls(pixels, pure) - expected).max() < 1e-9


@pytest.mark.parametrize("k", [2, 5, 9])
def test_fcls_equals_an_independent_exact_solution(k):
    # On the simplex |y - aE| = |a F| with rows F = y - E. The smallest point of that cone is NNLS of
    # [F', 1] u = [0, 1], and a = u / sum(u): no weight, no limit.
    rng = np.random.default_rng(k)
    pure = spectra(k)
    pixels = mixtures(k, 80) @ pure + 0.3 * rng.normal(size=(80, BANDS))
    estimate = classical.fcls(pixels, pure)
    assert estimate.min() >= 0
    assert np.abs(estimate.sum(axis=1) - 1).max() < 1e-12
    for pixel, shares in zip(pixels, estimate, strict=True):
        system = np.vstack([(pixel - pure).T, np.ones(k)])
        free = optimize.nnls(system, np.append(np.zeros(BANDS), 1))[0]
        assert np.abs(free / free.sum() - shares).max() < 1e-8


def test_two_endmembers_by_hand():
    pure = np.array([[1.0, 0.0], [0.0, 1.0]])
    pixels = np.array([[0.5, 0.25], [2.0, -1.0], [0.0, 0.0], [-1.0, -2.0]])
    # Non-negativity clips; the simplex projects onto the line a1 + a2 = 1 and then onto its ends.
    assert classical.nnls(pixels, pure) == pytest.approx(np.array([[0.5, 0.25], [2, 0], [0, 0], [0, 0]]), abs=1e-15)
    assert classical.fcls(pixels, pure) == pytest.approx(
        np.array([[0.625, 0.375], [1, 0], [0.5, 0.5], [1, 0]]), abs=1e-15
    )
    assert classical.scls(pixels, pure) == pytest.approx(
        np.array([[2 / 3, 1 / 3], [1, 0], [0.5, 0.5], [0.5, 0.5]]), abs=1e-15
    )


@pytest.mark.parametrize("method", [classical.nnls, classical.fcls])
def test_nearly_equal_and_equal_endmembers_still_give_a_minimum(method):
    pure = spectra(3)
    near = np.vstack([pure, pure[0] * (1 + 1e-6)])
    same = np.vstack([pure, pure[0]])
    pixels = mixtures(3, 50) @ pure + 0.05 * np.random.default_rng(0).normal(size=(50, BANDS))
    best = ((pixels - method(pixels, pure) @ pure) ** 2).sum()
    for library in (near, same):
        assert ((pixels - method(pixels, library) @ library) ** 2).sum() <= best * (1 + 1e-9)


def test_more_endmembers_than_bands():
    pure = np.abs(np.random.default_rng(0).normal(size=(8, 5)))
    pixels = mixtures(8, 60) @ pure
    for method in (classical.nnls, classical.fcls):
        assert np.abs(method(pixels, pure) @ pure - pixels).max() < 1e-9


def test_no_pixels_give_no_abundances():
    for method in (classical.nnls, classical.fcls, classical.scls, classical.sunsal):
        assert method(np.empty((0, BANDS)), spectra(3)).shape == (0, 3)


def test_chunks_do_not_show(monkeypatch):
    from unmixing.classical import abundances, active_set, extraction

    pure = spectra(4)
    pixels = mixtures(4, 50) @ pure
    whole = [classical.fcls(pixels, pure), classical.vca(pixels, 4, np.random.default_rng(0))]
    for module in (abundances, active_set, extraction):
        monkeypatch.setattr(module, "CHUNK", 7)
    parts = [classical.fcls(pixels, pure), classical.vca(pixels, 4, np.random.default_rng(0))]
    for first, second in zip(whole, parts, strict=True):
        assert first == pytest.approx(second, abs=1e-12)


@pytest.mark.parametrize("k", [3, 6])
def test_sunsal_without_sparsity_is_least_squares(k):
    pure = spectra(k)
    pixels = mixtures(k) @ pure + 0.05 * np.random.default_rng(0).normal(size=(300, BANDS))
    free = classical.sunsal(pixels, pure, 0.0, tolerance=1e-8, max_iterations=20_000)
    assert np.abs(free - classical.nnls(pixels, pure)).max() < 1e-5
    bound = classical.sunsal(pixels, pure, 0.5, sum_to_one=True, tolerance=1e-8, max_iterations=20_000)
    assert np.abs(bound - classical.fcls(pixels, pure)).max() < 1e-5


def test_sunsal_shrinks_as_the_lasso_does():
    # With orthonormal endmembers the minimiser is the soft threshold, and non-negative.
    pure = np.eye(3, 10)
    pixels = np.array([[0.5, 0.05, -0.2], [0.1, 0.2, 0.3]]) @ pure
    expected = np.array([[0.4, 0, 0], [0, 0.1, 0.2]])
    assert classical.sunsal(pixels, pure, 0.1) == pytest.approx(expected, abs=1e-5)


def test_sunsal_finds_the_few_spectra_of_a_library():
    rng = np.random.default_rng(0)
    library = np.abs(rng.normal(size=(80, BANDS)))
    shares = np.zeros((20, 80))
    shares[:, [3, 40, 77]] = rng.dirichlet(np.ones(3), size=20)
    estimate = classical.sunsal(shares @ library, library, 1e-3)
    assert np.abs(estimate - shares).max() < 0.02


def test_negative_sparsity_is_refused():
    with pytest.raises(UnmixingError, match="at least 0"):
        classical.sunsal(np.ones((2, 3)), np.ones((1, 3)), -1.0)


# --- conventions ------------------------------------------------------------------------------------------


def test_half_water_half_tree():
    maxima = np.array([0.074, 0.642])
    weighted = classical.areal_to_reference([0.5, 0.5], maxima)
    assert weighted == pytest.approx([0.10335, 0.89665], abs=1e-5)
    assert classical.reference_to_areal(weighted, maxima) == pytest.approx([0.5, 0.5], abs=1e-12)


def test_conversion_is_scls_with_unit_maxima():
    pure = spectra(4)
    shares = mixtures(4)
    pixels = shares @ pure
    expected = classical.scls(pixels, classical.unit_maximum(pure))
    assert classical.areal_to_reference(shares, pure.max(axis=1)) == pytest.approx(expected, abs=1e-9)


def test_conversion_keeps_images_and_empty_pixels():
    image = np.zeros((2, 3, 4))
    image[0, 0] = [0, 1, 0, 0]
    converted = classical.areal_to_reference(image, [1, 2, 3, 4])
    assert converted[0, 0] == pytest.approx([0, 1, 0, 0])
    assert converted[1, 2] == pytest.approx([0.25] * 4)


@pytest.mark.parametrize("maxima", [[1, 2], [1, 0, 2], [1, np.nan, 2], 1.0])
def test_wrong_maxima_are_refused(maxima):
    with pytest.raises(UnmixingError, match="maxima of 3 endmembers"):
        classical.areal_to_reference(np.ones((5, 3)), maxima)


# --- refusals ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pixels", "endmembers", "message"),
    [
        (np.ones((2, 3)), np.ones((2, 4)), "3 bands and endmembers 4"),
        (np.ones(3), np.ones((2, 3)), "pixels have shape"),
        (np.full((2, 3), np.nan), np.ones((2, 3)), "2 of 2 pixels hold values that are not finite"),
        (np.ones((2, 3)), np.ones((0, 3)), "no endmembers"),
    ],
)
@pytest.mark.parametrize("method", [classical.nnls, classical.fcls, classical.scls, classical.sunsal])
def test_unusable_arrays_are_refused_in_one_line(method, pixels, endmembers, message):
    with pytest.raises(UnmixingError, match=message) as caught:
        method(pixels, endmembers)
    assert "\n" not in str(caught.value)


def test_a_spectrum_without_light_has_no_maximum():
    with pytest.raises(UnmixingError, match="1 endmembers have no positive value"):
        classical.unit_maximum([[0.0, 0.0], [1.0, 2.0]])
