"""What holds for every input of the text-prompted model: the simplex, permutation, gain, optimality."""

import functools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from unmixing.errors import UnmixingError
from unmixing.semantic.model import load_default_model
from unmixing.semantic.questions import ask_model
from unmixing.semantic.scene_unmixing import prepare, unmix_pixels

PROMPTS = ("bare soil", "tree", "water", "asphalt road", "roof", "dry grass", "snow", "red metal", "soil", "metal")
MODERATE = settings(max_examples=12, deadline=None)
PRIORS = st.sampled_from(["tilt", "divergence", "none"])
BRIGHTNESS = st.sampled_from(["solved", "fixed", "shade"])
SEEDS = st.integers(0, 2**32 - 1)


@functools.cache
def model():
    return load_default_model()


def axis_of(rng):
    bands = int(rng.integers(3, 60))
    return np.unique(np.round(rng.uniform(420, 2430, bands), 1))


def pixels_of(rng, bands, lost):
    pixels = rng.uniform(-0.1, 1.2, (6, bands)) * np.exp(rng.normal(0, 2, (6, 1)))
    missing = rng.random(pixels.shape) < lost
    missing[:, rng.integers(bands)] = False
    return np.where(missing, np.nan, np.where(pixels == 0, 0.1, pixels))


def known_somewhere(prepared, pixels):
    return (np.isfinite(pixels) & prepared.known.numpy()).any(axis=1)


@MODERATE
@given(SEEDS, PRIORS, BRIGHTNESS, st.sampled_from([0.0, 0.4]), st.integers(1, len(PROMPTS)))
def test_any_pixel_of_any_bands_and_prompts_lands_on_the_simplex(seed, prior, brightness, lost, count):
    rng = np.random.default_rng(seed)
    axis = axis_of(rng)
    if axis.size < 3:
        return
    names = [PROMPTS[index] for index in rng.permutation(len(PROMPTS))[:count]]
    try:
        prepared = prepare(model(), ask_model(model(), names), axis)
    except UnmixingError:
        # Too few bands are known for all prompts.
        return
    pixels = pixels_of(rng, axis.size, lost)
    pixels = pixels[known_somewhere(prepared, pixels)]
    found = unmix_pixels(model(), prepared, pixels, prior=prior, brightness=brightness)
    assert found.abundances.shape == (len(pixels), count)
    assert (found.abundances >= 0).all()
    np.testing.assert_allclose(found.abundances.sum(axis=1), 1.0, atol=1e-9)
    np.testing.assert_allclose(found.assignment.sum(axis=1), 1.0, atol=1e-5)
    assert (found.optimality <= 1e-6).all()


@MODERATE
@given(SEEDS, PRIORS)
def test_a_permutation_of_the_prompts_permutes_the_abundances(seed, prior):
    rng = np.random.default_rng(seed)
    axis = np.linspace(420, 2300, 40)
    pixels = pixels_of(rng, axis.size, 0.2)
    order = rng.permutation(6)
    names = [PROMPTS[index] for index in rng.permutation(len(PROMPTS))[:6]]
    one = unmix_pixels(model(), prepare(model(), ask_model(model(), names), axis), pixels, prior=prior)
    shuffled = [names[index] for index in order]
    other = unmix_pixels(model(), prepare(model(), ask_model(model(), shuffled), axis), pixels, prior=prior)
    # Rounding of the encoder (float32) is all that may differ.
    np.testing.assert_allclose(one.abundances[:, order], other.abundances, atol=1e-4)


@MODERATE
@given(SEEDS, PRIORS, st.floats(0.5, 1.5))
def test_a_gain_leaves_the_abundances(seed, prior, gain):
    rng = np.random.default_rng(seed)
    axis = np.linspace(420, 2300, 40)
    prepared = prepare(model(), ask_model(model(), PROMPTS[:6]), axis)
    truth = rng.dirichlet(np.full(6, 0.5), 8)
    pixels = truth @ prepared.endmembers.double().numpy() + 0.01 * rng.standard_normal((8, axis.size))
    one = unmix_pixels(model(), prepared, pixels, prior=prior).abundances
    other = unmix_pixels(model(), prepared, gain * pixels, prior=prior).abundances
    assert np.abs(one - other).max() < 5e-3
