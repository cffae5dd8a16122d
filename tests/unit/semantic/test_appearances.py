import dataclasses

import numpy as np
import pytest
import torch

from unmixing.semantic.appearances import Appearances, fit_appearances
from unmixing.semantic.estimator import estimate
from unmixing.semantic.scene_library import bent, choose_spectra, fill_gaps

GROUPS, EACH, BANDS = 3, 6, 40


def smooth(rng, count, deviation):
    """Smooth curves around one."""
    place = np.linspace(0, np.pi, BANDS)
    waves = np.cos(np.arange(5)[:, None] * place)
    return 1 + deviation * rng.standard_normal((count, 5)) @ waves


@pytest.fixture(scope="module")
def given():
    rng = np.random.default_rng(0)
    means = np.array([0.4, 0.3, 0.1])[:, None] * np.clip(smooth(rng, GROUPS, 0.3), 0.1, None)
    spectra = np.repeat(means, EACH, axis=0) * np.clip(smooth(rng, GROUPS * EACH, 0.08), 0.1, None)
    owner = np.repeat(np.arange(GROUPS), EACH)
    return Appearances(torch.as_tensor(means), torch.as_tensor(spectra), torch.as_tensor(owner))


def pixels_of(given, seed=1, count=60, noise=0.002):
    """Mixtures of one library spectrum of each prompt, and their truth."""
    rng = np.random.default_rng(seed)
    truth = rng.dirichlet(np.full(GROUPS, 0.7), count)
    shown = given.spectra.numpy()[rng.integers(EACH, size=(count, GROUPS)) + EACH * np.arange(GROUPS)]
    pixels = np.einsum("nk,nkb->nb", truth, shown)
    return torch.as_tensor(pixels + noise * rng.standard_normal(pixels.shape)), torch.as_tensor(truth)


def unmixed(pixels, given, known=None, **options):
    mask = torch.ones(pixels.shape, dtype=torch.bool) if known is None else known
    fitted = fit_appearances(pixels, mask, given)
    allowed = torch.ones(len(pixels), len(given.means), dtype=torch.bool)
    return estimate(pixels, fitted.endmembers, mask, allowed, ridge=fitted.ridge, spent=fitted.spent, **options), fitted


def error(found, truth):
    return float(((found.abundances - truth) ** 2).mean().sqrt())


def test_mixtures_of_class_means_choose_the_means_and_are_recovered(given):
    truth = torch.as_tensor(np.random.default_rng(0).dirichlet(np.ones(GROUPS), 50))
    found, fitted = unmixed(truth @ given.means, given)
    assert error(found, truth) < 1e-6
    np.testing.assert_allclose(fitted.endmembers.numpy(), given.means.expand(50, -1, -1).numpy(), atol=1e-6)
    assert float(fitted.ridge.max()) < 1e-9


def test_where_pixels_show_other_spectra_than_the_means_a_choice_helps(given):
    pixels, truth = pixels_of(given)
    allowed = torch.ones(len(pixels), GROUPS, dtype=torch.bool)
    plain = estimate(pixels, given.means, torch.ones(BANDS, dtype=torch.bool), allowed)
    found, fitted = unmixed(pixels, given)
    assert error(found, truth) < 0.7 * error(plain, truth)
    assert float(found.angle.mean()) < 0.3 * float(plain.angle.mean())
    assert float(found.residual.max()) <= 1e-6
    assert float(fitted.residual.max()) <= 1e-6
    assert bool((fitted.spent >= 0).all())


def test_the_estimate_without_a_prior_is_the_choice_itself(given):
    pixels, _ = pixels_of(given)
    found, fitted = unmixed(pixels, given)
    # Noise this strong lies far above the level at which class means count as exact.
    values = pixels * torch.rsqrt((pixels**2).mean(1, keepdim=True))
    gram = given.spectra @ given.spectra.T / BANDS + given.ridge * EACH * torch.eye(GROUPS * EACH)
    best = torch.linalg.solve(gram, (values @ given.spectra.T / BANDS).T).T
    inside = (best > 0).all(1)
    totals = best.reshape(-1, GROUPS, EACH).sum(2)
    shares = totals / totals.sum(1, keepdim=True)
    if bool(inside.any()):
        np.testing.assert_allclose(found.abundances[inside].numpy(), shares[inside].numpy(), atol=1e-3)
    refit = torch.einsum("ng,ngb->nb", found.abundances * found.brightness[:, None], fitted.endmembers)
    assert float((refit - pixels).abs().mean()) < 0.01


def test_a_gain_changes_neither_choice_nor_shares(given):
    pixels, _ = pixels_of(given)
    (one, first), (other, second) = unmixed(pixels, given), unmixed(0.2 * pixels, given)
    np.testing.assert_allclose(one.abundances.numpy(), other.abundances.numpy(), atol=1e-9)
    np.testing.assert_allclose(first.endmembers.numpy(), second.endmembers.numpy(), atol=1e-9)


def test_each_pixel_uses_its_own_bands_whatever_lies_in_the_others(given):
    pixels, _ = pixels_of(given)
    known = torch.ones(pixels.shape, dtype=torch.bool)
    known[::2, 5:15] = False
    found, _ = unmixed(torch.where(known, pixels, 1e6), given, known)
    kept = np.r_[0:5, 15:BANDS]
    less = dataclasses.replace(given, means=given.means[:, kept], spectra=given.spectra[:, kept])
    np.testing.assert_allclose(
        found.abundances[::2].numpy(), unmixed(pixels[::2][:, kept], less)[0].abundances.numpy(), atol=1e-9
    )
    np.testing.assert_allclose(
        found.abundances[1::2].numpy(), unmixed(pixels[1::2], given)[0].abundances.numpy(), atol=1e-9
    )


def test_a_prompt_that_a_pixel_does_not_show_keeps_its_mean(given):
    pixels = given.spectra[:EACH].clone()
    _, fitted = unmixed(pixels, given)
    away = fitted.endmembers[:, 2] - given.means[2]
    absent = (fitted.ridge[:, 2] <= given.ridge * 1.0001) & (away.abs().amax(1) < 1e-12)
    assert bool(absent.any())


def test_prompts_with_the_same_spectra_share(given):
    twice = Appearances(
        given.means[[0, 1, 0]],
        torch.cat([given.spectra[: 2 * EACH], given.spectra[:EACH]]),
        given.owner,
    )
    pixels, _ = pixels_of(given)
    found, _ = unmixed(pixels, twice)
    np.testing.assert_allclose(found.abundances[:, 0].numpy(), found.abundances[:, 2].numpy(), atol=1e-6)


@pytest.mark.parametrize("prior", ["tilt", "divergence"])
@pytest.mark.parametrize("brightness", ["solved", "fixed", "shade"])
def test_a_prior_beside_the_choice_is_solved_to_its_optimum(given, prior, brightness):
    pixels, _ = pixels_of(given, noise=0.02)
    rng = np.random.default_rng(0)
    found, _ = unmixed(
        pixels,
        given,
        prior=prior,
        brightness=brightness,
        weights=torch.as_tensor(rng.uniform(0.2, 2, (len(pixels), GROUPS))),
        assignment=torch.as_tensor(rng.dirichlet(np.ones(GROUPS), len(pixels))),
    )
    assert float(found.residual.max()) <= 1e-6
    np.testing.assert_allclose(found.abundances.sum(1).numpy(), 1.0, atol=1e-9)
    assert float((found.abundances - found.plain).abs().max()) > 1e-4


def test_gaps_are_filled_along_lines_and_ends_are_held():
    spectra = np.array([[np.nan, 1.0, np.nan, np.nan, 4.0, np.nan]])
    np.testing.assert_allclose(fill_gaps(spectra), [[1, 1, 2, 3, 4, 4]])
    assert np.isnan(spectra[0, 0])


def test_chosen_spectra_are_far_apart_and_all_are_taken_where_there_are_few():
    spectra = np.array([[1.0, 1.0, 1.0], [1.0, 1.0, 1.01], [0.1, 1.0, 2.0], [2.0, 1.0, 0.1]])
    np.testing.assert_array_equal(choose_spectra(spectra, spectra[0], 3), spectra[[0, 2, 3]])
    assert len(choose_spectra(spectra, spectra[0], 9)) == 4


def test_bent_copies_lie_on_both_sides_of_a_mean():
    mean = np.linspace(0.2, 0.6, 30)
    copies = bent(mean, 0.5)
    assert copies.shape == (6, 30)
    assert copies.min() > 0
    np.testing.assert_allclose(copies.mean(axis=0), mean)
    assert bent(mean, 0.0).shape == (0, 30)
