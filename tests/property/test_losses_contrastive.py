"""What holds for every batch: invariances, bounds, and the relations between the contrastive losses."""

import math

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unmixing.losses import (
    equal_similarity_value,
    generalized_nt_xent,
    generalized_target,
    info_nce,
    metadata_aware_info_nce,
    nt_xent,
    target_entropy,
)

SEEDS = st.integers(0, 2**32 - 1)
PATCHES = st.integers(1, 12)
TEMPERATURES = st.sampled_from([0.01, 0.1, 1.0, 10.0])
SIGMAS = st.sampled_from([0.01, 0.1, 1.0, 10.0])
MODERATE = settings(max_examples=40, deadline=None)


def batch(seed, patches, endmembers=3, width=5):
    rng = np.random.default_rng(seed)
    z_i, z_j = (torch.from_numpy(rng.normal(size=(patches, width))) for _ in range(2))
    return z_i, z_j, torch.from_numpy(rng.dirichlet(np.full(endmembers, 0.4), patches))


def all_losses(z_i, z_j, labels, temperature, sigma):
    return torch.stack(
        [
            info_nce(z_i, z_j, temperature),
            metadata_aware_info_nce(z_i, z_j, labels, temperature, sigma),
            nt_xent(z_i, z_j, temperature),
            generalized_nt_xent(z_i, z_j, labels, temperature, sigma),
            generalized_nt_xent(z_i, z_j, labels, temperature, sigma, normalisation="joint"),
        ]
    )


def close(a, b):
    torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-8)


@MODERATE
@given(SEEDS, PATCHES, TEMPERATURES, SIGMAS)
def test_length_and_orientation_of_embeddings_do_not_matter(seed, patches, temperature, sigma):
    z_i, z_j, labels = batch(seed, patches)
    rng = np.random.default_rng(seed + 1)
    before = all_losses(z_i, z_j, labels, temperature, sigma)
    gains = torch.from_numpy(10 ** rng.uniform(-4, 4, size=(patches, 1)))
    close(all_losses(gains * z_i, z_j / gains, labels, temperature, sigma), before)
    turn = torch.from_numpy(np.linalg.qr(rng.normal(size=(5, 5)))[0])
    close(all_losses(z_i @ turn, z_j @ turn, labels, temperature, sigma), before)


@MODERATE
@given(SEEDS, PATCHES, TEMPERATURES, SIGMAS)
def test_the_order_of_patches_does_not_matter_if_labels_move_along(seed, patches, temperature, sigma):
    z_i, z_j, labels = batch(seed, patches)
    order = torch.from_numpy(np.random.default_rng(seed).permutation(patches))
    moved = all_losses(z_i[order], z_j[order], labels[order], temperature, sigma)
    close(moved, all_losses(z_i, z_j, labels, temperature, sigma))


@MODERATE
@given(SEEDS, PATCHES, TEMPERATURES, SIGMAS)
def test_losses_over_all_views_do_not_tell_first_from_second(seed, patches, temperature, sigma):
    z_i, z_j, labels = batch(seed, patches)
    there = all_losses(z_i, z_j, labels, temperature, sigma)[2:]
    close(all_losses(z_j, z_i, labels, temperature, sigma)[2:], there)


@MODERATE
@given(SEEDS, PATCHES, TEMPERATURES, SIGMAS)
def test_the_entropy_of_the_target_is_a_floor_and_the_temperature_sets_a_ceiling(seed, patches, temperature, sigma):
    z_i, z_j, labels = batch(seed, patches)
    equal = equal_similarity_value(patches)
    ceiling = equal + 2 / temperature + 1e-9
    for normalisation in ("rows", "joint"):
        floor = target_entropy(labels, patches, sigma, normalisation=normalisation)
        loss = float(generalized_nt_xent(z_i, z_j, labels, temperature, sigma, normalisation=normalisation))
        assert floor - 1e-9 <= loss <= ceiling
        assert 0 <= floor <= equal + 1e-9
    assert 0 <= float(nt_xent(z_i, z_j, temperature)) <= ceiling


@MODERATE
@given(SEEDS, PATCHES, TEMPERATURES, SIGMAS, st.sampled_from(["rbf", "dot"]))
def test_released_is_twice_described(seed, patches, temperature, sigma, kernel):
    z_i, z_j, labels = batch(seed, patches)
    described, released = (
        generalized_nt_xent(z_i, z_j, labels, temperature, sigma, kernel, scaling)
        for scaling in ("described", "released")
    )
    close(released, 2 * described)
    assert target_entropy(labels, patches, sigma, kernel, "released") == 2 * target_entropy(
        labels, patches, sigma, kernel, "described"
    )


@MODERATE
@given(SEEDS, PATCHES, st.floats(1e-6, 1e6), st.sampled_from(["rbf", "dot"]), st.booleans())
def test_targets_are_distributions_over_the_other_views(seed, patches, sigma, kernel, own_labels):
    labels = batch(seed, 2 * patches if own_labels else patches)[2]
    target = generalized_target(labels, patches, sigma, kernel)
    assert torch.isfinite(target).all()
    assert float(target.min()) >= 0
    close(target.sum(dim=1), torch.ones(2 * patches).double())
    assert torch.equal(target.diagonal(), torch.zeros(2 * patches).double())
    if not own_labels and kernel == "rbf":
        # The other view of the patch has the same label: no view can have more weight.
        positives = target[torch.arange(2 * patches), torch.arange(2 * patches).roll(patches)]
        close(positives, target.amax(dim=1))


@MODERATE
@given(SEEDS, PATCHES, TEMPERATURES, SIGMAS, st.floats(1e-12, 1e12))
def test_gradients_are_finite_whatever_dies(seed, patches, temperature, sigma, gain):
    z_i, z_j, labels = batch(seed, patches)
    rng = np.random.default_rng(seed)
    alive = torch.from_numpy(rng.random((patches, 1)) > 0.4)
    views = [(part * gain * alive).float().requires_grad_() for part in (z_i, z_j)]
    loss = all_losses(*views, labels, temperature, sigma).sum()
    loss.backward()
    assert math.isfinite(float(loss.detach()))
    assert all(torch.isfinite(part.grad).all() for part in views)
