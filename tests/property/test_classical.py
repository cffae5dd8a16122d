"""What holds for every mixture: optimality conditions, invariances, and the round trip of conventions."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from unmixing import classical

SEEDS = st.integers(0, 2**32 - 1)
MODERATE = settings(max_examples=40, deadline=None)


def problem(seed, k, bands, noise):
    rng = np.random.default_rng(seed)
    pure = rng.uniform(0.02, 1, size=(k, bands))
    pixels = rng.dirichlet(np.full(k, 0.4), size=25) @ pure + noise * rng.normal(size=(25, bands))
    return pixels, pure


@MODERATE
@given(SEEDS, st.integers(1, 10), st.integers(2, 30), st.sampled_from([0.0, 0.01, 1.0]))
def test_nnls_meets_the_conditions_of_a_minimum(seed, k, bands, noise):
    pixels, pure = problem(seed, k, bands, noise)
    abundances = classical.nnls(pixels, pure)
    gradient = (abundances @ pure - pixels) @ pure.T
    tolerance = 1e-9 * bands * max(1, float(np.abs(pixels).max()))
    assert abundances.min() >= 0
    assert gradient.min() > -tolerance
    assert np.abs(gradient * (abundances > 0)).max() < tolerance


@MODERATE
@given(SEEDS, st.integers(1, 10), st.integers(2, 30), st.sampled_from([0.0, 0.01, 1.0]))
def test_fcls_meets_the_conditions_of_a_minimum(seed, k, bands, noise):
    pixels, pure = problem(seed, k, bands, noise)
    abundances = classical.fcls(pixels, pure)
    gradient = (abundances @ pure - pixels) @ pure.T
    tolerance = 1e-9 * bands * max(1, float(np.abs(pixels).max()))
    # The gradient is smallest, and equal, wherever there is something of an endmember.
    level = (gradient * abundances).sum(axis=1, keepdims=True)
    assert abundances.min() >= 0
    assert np.abs(abundances.sum(axis=1) - 1).max() < 1e-10
    assert (gradient - level).min() > -tolerance
    assert np.abs((gradient - level) * (abundances > 0)).max() < tolerance


@MODERATE
@given(SEEDS, st.integers(2, 6), st.floats(1e-3, 1e3))
def test_scls_is_blind_to_brightness_and_to_the_order_of_bands(seed, k, gain):
    pixels, pure = problem(seed, k, 20, 0.01)
    shares = classical.scls(pixels, pure)
    order = np.random.default_rng(seed).permutation(20)
    assert np.abs(classical.scls(gain * pixels, pure) - shares).max() < 1e-7
    assert np.abs(classical.scls(pixels[:, order], pure[:, order]) - shares).max() < 1e-7


@MODERATE
@given(SEEDS, st.integers(2, 6))
def test_the_order_of_endmembers_does_not_matter(seed, k):
    pixels, pure = problem(seed, k, 20, 0.05)
    order = np.random.default_rng(seed).permutation(k)
    for method in (classical.nnls, classical.fcls):
        assert np.abs(method(pixels, pure[order]) - method(pixels, pure)[:, order]).max() < 1e-7


@MODERATE
@given(SEEDS, st.integers(1, 8))
def test_conventions_go_there_and_back(seed, k):
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.ones(k), size=10)
    maxima = rng.uniform(0.01, 1, size=k)
    there = classical.areal_to_reference(shares, maxima)
    assert np.abs(there.sum(axis=-1) - 1).max() < 1e-12
    assert np.abs(classical.reference_to_areal(there, maxima) - shares).max() < 1e-12


@MODERATE
@given(SEEDS, st.integers(2, 6), st.floats(1e-3, 1e3))
def test_extraction_does_not_depend_on_the_scale_of_the_scene(seed, k, gain):
    pixels, _ = problem(seed, k, 20, 0.0)
    for found in (
        lambda scene: classical.vca_indices(scene, k, np.random.default_rng(seed)),
        lambda scene: classical.sivm_indices(scene, k),
    ):
        assert (found(pixels) == found(gain * pixels)).all()
