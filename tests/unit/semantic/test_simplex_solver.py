import numpy as np
import pytest
import torch

from unmixing.classical.active_set import least_squares
from unmixing.errors import UnmixingError
from unmixing.semantic.simplex_solver import KKT_TOLERANCE, kkt_residual, solve_divergence, solve_quadratic

CASES = [(2, 30), (5, 120), (10, 30)]


def problem(count, bands, pixels=120, seed=0, noise=0.05):
    rng = np.random.default_rng(seed)
    endmembers = rng.uniform(0.05, 0.3, (count, bands)) + rng.uniform(0, 0.3, (count, 1))
    mixed = rng.dirichlet(np.full(count, 0.4), pixels) @ endmembers + noise * rng.standard_normal((pixels, bands))
    return mixed, endmembers


def moments(mixed, endmembers):
    e, y = torch.as_tensor(endmembers), torch.as_tensor(mixed)
    return e @ e.T / e.shape[1], y @ e.T / e.shape[1]


@pytest.mark.parametrize(("count", "bands"), CASES)
@pytest.mark.parametrize("sum_to_one", [True, False])
def test_the_quadratic_agrees_with_the_exact_active_set(count, bands, sum_to_one):
    mixed, endmembers = problem(count, bands)
    found = solve_quadratic(*moments(mixed, endmembers), sum_to_one=sum_to_one)
    exact = least_squares(mixed, endmembers, sum_to_one=sum_to_one)
    np.testing.assert_allclose(found.values.numpy(), exact, atol=1e-9)
    assert float(found.residual.max()) <= KKT_TOLERANCE


@pytest.mark.parametrize("sum_to_one", [True, False])
def test_the_divergence_goes_from_the_quadratic_to_its_target(sum_to_one):
    mixed, endmembers = problem(6, 80)
    gram, linear = moments(mixed, endmembers)
    target = torch.as_tensor(np.random.default_rng(1).dirichlet(np.ones(6), len(mixed)))
    exact = solve_quadratic(gram, linear, sum_to_one=sum_to_one).values

    def solved(weight):
        return solve_divergence(gram, linear, target, torch.full((len(mixed),), weight), sum_to_one=sum_to_one)

    assert float((solved(1e6).values - target).abs().max()) < 1e-5
    assert float((solved(1e-8).values - exact).abs().max()) < 1e-4
    distances = [float((solved(weight).values - exact).abs().sum()) for weight in (1e-6, 1e-4, 1e-2, 1.0)]
    assert distances == sorted(distances)


def test_the_divergence_meets_its_own_stationarity():
    mixed, endmembers = problem(5, 60)
    gram, linear = moments(mixed, endmembers)
    target = torch.full((len(mixed), 5), 0.2, dtype=torch.float64)
    weight = torch.full((len(mixed),), 0.01, dtype=torch.float64)
    values = solve_divergence(gram, linear, target, weight, sum_to_one=True).values
    force = values @ gram - linear + weight[:, None] * torch.log(values / target)
    # On the simplex all components of the force are equal, the multiplier.
    assert float((force - force.mean(1, keepdim=True)).abs().max()) < 1e-9
    assert float((values.sum(1) - 1).abs().max()) < 1e-12


@pytest.mark.parametrize("sum_to_one", [True, False])
def test_gradients_of_the_optimum_are_those_of_differences(sum_to_one):
    generator = torch.Generator().manual_seed(3)

    def drawn(*shape):
        return torch.rand(*shape, generator=generator, dtype=torch.float64).requires_grad_()

    endmembers, mixed, cost = drawn(4, 12), drawn(5, 12), drawn(5, 4)
    weight = torch.full((5,), 0.03, dtype=torch.float64, requires_grad=True)

    def quadratic(e, y, w):
        return solve_quadratic(e @ e.T / 12, y @ e.T / 12 - 0.05 * w, sum_to_one=sum_to_one).values

    def divergence(e, y, w, m):
        return solve_divergence(e @ e.T / 12, y @ e.T / 12, w.softmax(1), m, sum_to_one=sum_to_one).values

    assert torch.autograd.gradcheck(quadratic, (endmembers, mixed, cost))
    assert torch.autograd.gradcheck(divergence, (endmembers, mixed, cost, weight))


def test_what_is_not_allowed_is_zero_and_plays_no_part():
    mixed, endmembers = problem(5, 60)
    gram, linear = moments(mixed, endmembers)
    allowed = torch.ones(len(mixed), 5, dtype=torch.bool)
    allowed[:, [1, 3]] = False
    found = solve_quadratic(gram, linear, allowed, sum_to_one=True).values.numpy()
    assert (found[:, [1, 3]] == 0).all()
    fewer = least_squares(mixed, endmembers[[0, 2, 4]], sum_to_one=True)
    np.testing.assert_allclose(found[:, [0, 2, 4]], fewer, atol=1e-9)


def test_of_equal_endmembers_the_sum_is_right():
    mixed, endmembers = problem(3, 60, noise=0.0)
    doubled = np.concatenate([endmembers, endmembers[:1]])
    found = solve_quadratic(*moments(mixed, doubled), sum_to_one=True).values.numpy()
    exact = least_squares(mixed, endmembers, sum_to_one=True)
    np.testing.assert_allclose(found[:, 0] + found[:, 3], exact[:, 0], atol=1e-4)


def test_more_endmembers_than_bands_still_end_at_an_optimum():
    mixed, endmembers = problem(11, 4, noise=0.01)
    gram, linear = moments(mixed, endmembers)
    target = torch.full((len(mixed), 11), 1 / 11, dtype=torch.float64)
    for weight in (1e-12, 1e-6, 1e-2):
        found = solve_divergence(gram, linear, target, torch.full((len(mixed),), weight), sum_to_one=False)
        assert float(found.residual.max()) <= KKT_TOLERANCE
        assert bool((found.values >= 0).all())


def test_a_point_that_is_no_optimum_has_a_residual():
    mixed, endmembers = problem(4, 60)
    gram, linear = moments(mixed, endmembers)
    even = torch.full((len(mixed), 4), 0.25, dtype=torch.float64)
    residual = kkt_residual(even, even @ gram - linear, gram.expand(len(mixed), 4, 4), sum_to_one=True)
    assert float(residual.min()) > 1e-3


def test_values_that_are_not_finite_and_pixels_without_endmembers_are_refused():
    gram, linear = torch.eye(3, dtype=torch.float64), torch.ones(2, 3, dtype=torch.float64)
    with pytest.raises(UnmixingError, match="not finite"):
        solve_quadratic(gram, linear * torch.nan, sum_to_one=True)
    with pytest.raises(UnmixingError, match="without any endmember"):
        solve_quadratic(gram, linear, torch.zeros(2, 3, dtype=torch.bool), sum_to_one=True)
