import numpy as np
import pytest
import torch

from unmixing.classical.abundances import scls
from unmixing.errors import UnmixingError
from unmixing.semantic.estimator import estimate
from unmixing.semantic.library import COMMON_GRID, load_library
from unmixing.semantic.ontology import load_ontology
from unmixing.semantic.pools import make_pool
from unmixing.semantic.prior import MonotoneWeights, TokenWeights, soft_assignment

SEVEN = ("bare_soil", "green_vegetation", "dry_vegetation", "paved_surface", "roof", "burned_ground", "water")


@pytest.fixture(scope="module")
def means():
    ontology = load_ontology()
    spectra = make_pool(load_library(ontology, modelled_water=20), ontology, list(SEVEN)).means
    known = np.isfinite(spectra).all(axis=0)
    assert known.sum() > 0.8 * COMMON_GRID.size
    return torch.as_tensor(spectra[:, known])


def mixed(means, pixels=200, noise=0.0, seed=0):
    rng = np.random.default_rng(seed)
    truth = torch.as_tensor(rng.dirichlet(np.full(len(means), 0.5), pixels))
    clean = truth @ means
    return truth, clean + noise * torch.as_tensor(rng.standard_normal(clean.shape))


def solved(pixels, means, **options):
    allowed = torch.ones(len(pixels), len(means), dtype=torch.bool)
    return estimate(pixels, means, torch.ones(means.shape[1], dtype=torch.bool), allowed, **options)


def uneven(pixels, means, seed=1):
    rng = np.random.default_rng(seed)
    weights = torch.as_tensor(rng.uniform(0.1, 2, (len(pixels), len(means))))
    return weights, torch.as_tensor(rng.dirichlet(np.ones(len(means)), len(pixels)))


@pytest.mark.parametrize("prior", ["none", "tilt", "divergence"])
@pytest.mark.parametrize("brightness", ["solved", "fixed", "shade"])
def test_the_seven_class_means_are_recovered_without_noise_whatever_the_prior_says(means, prior, brightness):
    truth, pixels = mixed(means)
    weights, assignment = uneven(pixels, means)
    found = solved(pixels, means, prior=prior, brightness=brightness, weights=weights, assignment=assignment)
    assert float(((found.abundances - truth) ** 2).mean().sqrt()) < 1e-3
    assert float(found.residual.max()) <= 1e-6


def test_without_a_prior_it_is_least_squares_with_the_brightness_solved_for(means):
    _, pixels = mixed(means, noise=0.02)
    found = solved(pixels, means)
    np.testing.assert_allclose(found.abundances.numpy(), scls(pixels.numpy(), means.numpy()), atol=1e-7)


@pytest.mark.parametrize("prior", ["tilt", "divergence"])
def test_a_gain_changes_nothing_where_brightness_is_solved(means, prior):
    _, pixels = mixed(means, noise=0.02)
    weights, assignment = uneven(pixels, means)
    options = {"prior": prior, "weights": weights, "assignment": assignment}
    one, other = solved(pixels, means, **options), solved(0.3 * pixels, means, **options)
    np.testing.assert_allclose(one.abundances.numpy(), other.abundances.numpy(), atol=1e-7)
    np.testing.assert_allclose(0.3 * one.brightness.numpy(), other.brightness.numpy(), rtol=1e-6)


@pytest.mark.parametrize("prior", ["tilt", "divergence"])
def test_the_prior_matters_more_where_the_noise_is_stronger(means, prior):
    changes = []
    for noise in (0.001, 0.01, 0.05):
        _, pixels = mixed(means, noise=noise)
        weights, assignment = uneven(pixels, means)
        found = solved(pixels, means, prior=prior, weights=weights, assignment=assignment)
        changes.append(float((found.abundances - found.plain).abs().mean()))
    assert changes[0] < changes[1] < changes[2]


def test_under_sum_to_one_equal_weights_do_nothing(means):
    _, pixels = mixed(means, noise=0.03)
    weights = torch.ones(len(pixels), len(means))
    found = solved(pixels, means, prior="tilt", brightness="fixed", weights=weights, strength=50.0)
    np.testing.assert_allclose(found.abundances.numpy(), found.plain.numpy(), atol=1e-9)


def test_with_shade_equal_weights_thin_out(means):
    _, pixels = mixed(means, noise=0.03)
    weights = torch.ones(len(pixels), len(means))
    plain = solved(pixels, means, brightness="shade")
    found = solved(pixels, means, prior="tilt", brightness="shade", weights=weights, strength=20.0)
    assert float(found.shade.mean()) > float(plain.shade.mean()) + 0.01
    assert float(found.brightness.mean()) < float(plain.brightness.mean())


def test_a_strong_tilt_chooses_one_and_a_strong_divergence_the_assignment(means):
    _, pixels = mixed(means, noise=0.02)
    weights, assignment = uneven(pixels, means)
    corner = solved(pixels, means, prior="tilt", brightness="fixed", weights=weights, strength=1e6)
    np.testing.assert_allclose(corner.abundances.amax(1).numpy(), 1.0)
    assert bool((corner.abundances.argmax(1) == weights.argmin(1)).all())
    even = solved(pixels, means, prior="divergence", assignment=assignment, strength=1e9)
    np.testing.assert_allclose(even.abundances.numpy(), assignment.numpy(), atol=1e-4)


def test_masked_bands_play_no_part(means):
    _, pixels = mixed(means, noise=0.02)
    known = torch.ones(pixels.shape, dtype=torch.bool)
    known[::2, 10:60] = False
    spoiled = torch.where(known, pixels, 1e6)
    allowed = torch.ones(len(pixels), len(means), dtype=torch.bool)
    found = estimate(spoiled, means, known, allowed).abundances.numpy()
    kept = np.r_[0:10, 60 : means.shape[1]]
    np.testing.assert_allclose(found[::2], scls(pixels[::2, kept].numpy(), means[:, kept].numpy()), atol=1e-7)
    np.testing.assert_allclose(found[1::2], scls(pixels[1::2].numpy(), means.numpy()), atol=1e-7)


def test_the_estimated_variance_is_that_of_the_noise(means):
    _, pixels = mixed(means, noise=0.01, pixels=400)
    power = (pixels**2).mean(1)
    assert float((solved(pixels, means).variance * power).mean().sqrt()) == pytest.approx(0.01, rel=0.03)


def test_unknown_options_and_pixels_without_light_are_refused(means):
    _, pixels = mixed(means, pixels=3)
    with pytest.raises(UnmixingError, match="choose from"):
        solved(pixels, means, prior="lasso")
    with pytest.raises(UnmixingError, match="needs weights"):
        solved(pixels, means, prior="tilt")
    with pytest.raises(UnmixingError, match="not valid"):
        solved(0 * pixels, means)


def test_weights_fall_in_the_own_similarity_and_have_mean_one():
    network = MonotoneWeights()
    network.reset(torch.Generator().manual_seed(0))
    rng = np.random.default_rng(0)
    similarity = torch.as_tensor(rng.uniform(-0.5, 0.9, (300, 5)), dtype=torch.float32)
    allowed = torch.as_tensor(rng.random((300, 5)) < 0.8)
    allowed[:, 0] = True

    def weights(values):
        return network(values, soft_assignment(values, 20.0, allowed), allowed, torch.zeros(5, 4))

    with torch.no_grad():
        before = weights(similarity)
        raised = similarity.clone()
        raised[:, 0] += 0.05
        after = weights(raised)
    assert bool((after[:, 0] <= before[:, 0] + 1e-6).all())
    single = allowed.sum(1) == 1
    assert bool((after[~single, 0] < before[~single, 0]).float().mean() > 0.9)
    np.testing.assert_allclose((before.sum(1) / allowed.sum(1)).numpy(), 1.0, rtol=1e-5)
    assert bool((before[~allowed] == 0).all())


def test_weights_of_size_l_follow_a_permutation_of_the_prompts():
    torch.manual_seed(0)
    network = TokenWeights(6, width=16, layers=1).eval()
    similarity, anchors = torch.randn(4, 5), torch.randn(4, 5, 6)
    allowed = torch.ones(4, 5, dtype=torch.bool)
    order = torch.tensor([3, 0, 4, 1, 2])

    def weights(values, vectors):
        return network(values, soft_assignment(values, 5.0, allowed), allowed, vectors)

    with torch.no_grad():
        one = weights(similarity, anchors)[:, order]
        other = weights(similarity[:, order], anchors[:, order])
    torch.testing.assert_close(one, other)
