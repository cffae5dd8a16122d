import numpy as np
import pytest
import torch
from scipy.optimize import nnls

from unmixing.errors import UnmixingError
from unmixing.semantic.block_pivoting import solve_ridge


def problem(seed, count=12, bands=8, pixels=40, ridge=1e-4):
    """More spectra than bands, some of them nearly alike."""
    rng = np.random.default_rng(seed)
    spectra = rng.uniform(0.05, 0.9, (count, bands))
    spectra[1] = spectra[0] * (1 + 1e-4 * rng.standard_normal(bands))
    values = rng.dirichlet(np.ones(count), pixels) @ spectra + 0.05 * rng.standard_normal((pixels, bands))
    gram = torch.as_tensor(spectra @ spectra.T + ridge * np.eye(count))
    return spectra, values, gram, torch.as_tensor(values @ spectra.T)


@pytest.mark.parametrize("ridge", [1e-6, 1e-3, 1.0])
def test_the_minimum_is_that_of_lawson_and_hanson_with_the_ridge_as_further_bands(ridge):
    spectra, values, gram, linear = problem(0, ridge=ridge)
    found, residual = solve_ridge(gram, linear)
    longer = np.hstack([spectra, np.sqrt(ridge) * np.eye(len(spectra))])
    for row, value in zip(found.numpy(), values, strict=True):
        wanted = nnls(longer.T, np.r_[value, np.zeros(len(spectra))])[0]
        np.testing.assert_allclose(row, wanted, atol=1e-6)
    assert float(residual.max()) <= 1e-9


def test_signs_of_solution_and_gradient_agree():
    _, _, gram, linear = problem(1, count=40, bands=20, pixels=300)
    found, _ = solve_ridge(gram, linear)
    gradient = found @ gram - linear
    assert float(found.min()) >= 0
    assert float(gradient[found > 0].abs().max()) < 1e-9
    assert float(gradient.min()) > -1e-9


def test_an_order_of_spectra_or_pixels_and_a_scale_change_nothing():
    _, _, gram, linear = problem(2, count=20)
    rng = np.random.default_rng(0)
    spectra, pixels = rng.permutation(20), rng.permutation(len(linear))
    found, _ = solve_ridge(gram, linear)
    other, _ = solve_ridge(1e3 * gram[spectra][:, spectra], 1e3 * linear[pixels][:, spectra])
    np.testing.assert_allclose(other.numpy(), found[pixels][:, spectra].numpy(), atol=1e-8)


def test_a_pixel_that_no_spectrum_explains_gets_nothing():
    _, _, gram, linear = problem(3)
    found, _ = solve_ridge(gram, -linear.abs())
    assert float(found.abs().max()) == 0.0


def test_values_that_are_not_finite_are_refused():
    _, _, gram, linear = problem(4)
    linear[3, 2] = torch.nan
    with pytest.raises(UnmixingError, match="mask bands"):
        solve_ridge(gram, linear)
