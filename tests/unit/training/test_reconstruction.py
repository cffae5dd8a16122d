import numpy as np
import pytest
import torch

from unmixing.errors import UnmixingError
from unmixing.metrics import match_endmembers
from unmixing.protocol.baseline import PROTOCOLS
from unmixing.seeds import run_streams
from unmixing.training.reconstruction import (
    RMSPROP_DECAY,
    RMSPROP_EPSILON,
    Schedule,
    relative_reflectance,
    train,
)

REFERENCE = np.array([np.linspace(1, 0.1, 12), np.linspace(0.1, 1, 12) ** 2])
SCHEDULE = Schedule(epochs=3, patches=6, patch_size=8, batch_size=4, learning_rate=0.003)
FIELDS = PROTOCOLS["described"].training()


@pytest.fixture(scope="module")
def cube():
    """Two materials side by side, with a mixed strip between them."""
    share = np.clip((np.arange(18) - 7) / 4, 0, 1)
    abundances = np.stack([np.tile(share, (16, 1)), np.tile(1 - share, (16, 1))], axis=-1)
    return (abundances @ REFERENCE).astype(np.float32)


def estimate(cube, run=0, schedule=SCHEDULE, fields=FIELDS, shared=False):
    return train(cube, 2, schedule, fields, run_streams(1, "made", run, shared_weights=shared))


def test_a_run_repeats_bit_for_bit_whatever_else_draws_random_numbers(cube):
    first = estimate(cube)
    torch.rand(100)
    np.random.default_rng().random(10)
    second = estimate(cube)
    np.testing.assert_array_equal(first.endmembers, second.endmembers)
    np.testing.assert_array_equal(first.abundances, second.abundances)
    np.testing.assert_array_equal(first.losses, second.losses)


def test_runs_differ(cube):
    assert not np.array_equal(estimate(cube, 0).endmembers, estimate(cube, 1).endmembers)


def test_what_a_run_leaves_behind(cube):
    seen = []
    done = train(cube, 2, SCHEDULE, FIELDS, run_streams(1, "made", 0), on_epoch=lambda *told: seen.append(told))
    assert done.endmembers.shape == (2, 12)
    assert done.late_endmembers.shape == (3, 2, 12)
    np.testing.assert_array_equal(done.late_endmembers[-1], done.endmembers)
    assert done.abundances.shape == (16, 18, 2)
    np.testing.assert_allclose(done.abundances.sum(-1), 1, atol=1e-5)
    assert done.updates == 3 * 2, "the smaller last batch of an epoch is an update too"
    assert [epoch for epoch, _ in seen] == [1, 2, 3]
    np.testing.assert_allclose([loss for _, loss in seen], done.losses, rtol=1e-6)
    assert done.status == "ok"
    assert (done.endmembers >= 0).all()


def test_only_the_last_twenty_epochs_are_kept(cube):
    schedule = Schedule(epochs=22, patches=2, patch_size=4, batch_size=2, learning_rate=0.003)
    assert estimate(cube, schedule=schedule).late_endmembers.shape == (20, 2, 12)


def test_training_finds_the_endmembers_of_an_easy_scene(cube):
    schedule = Schedule(epochs=60, patches=30, patch_size=8, batch_size=5, learning_rate=0.003)
    early = match_endmembers(estimate(cube).endmembers, REFERENCE)[1].mean()
    late = match_endmembers(estimate(cube, schedule=schedule).endmembers, REFERENCE)[1].mean()
    assert late < 0.15
    assert late < early / 2


def test_a_diverged_run_says_so_instead_of_crashing(cube):
    schedule = Schedule(epochs=5, patches=6, patch_size=8, batch_size=4, learning_rate=1e38)
    done = estimate(cube, schedule=schedule)
    assert done.status == "diverged"
    assert done.reason.startswith("loss or weights not finite in epoch ")
    assert np.isnan(done.endmembers).all()
    assert np.isnan(done.abundances).all()


def test_released_fields_change_the_run_and_shared_weights_share_the_start(cube):
    released = PROTOCOLS["released"].training()
    assert not np.array_equal(estimate(cube).losses, estimate(cube, fields=released).losses)
    slow = Schedule(epochs=1, patches=6, patch_size=8, batch_size=6, learning_rate=1e-12)
    starts = [estimate(cube, run, slow, released, shared=True).endmembers for run in (0, 5)]
    np.testing.assert_allclose(*starts, atol=1e-9)


def test_optimiser_is_keras_rmsprop():
    # v = .9 v + .1 g^2;  w -= lr g / (sqrt(v) + 1e-7): epsilon outside the root (protocol sheet, Keras 2).
    weight = torch.nn.Parameter(torch.tensor([1.0]))
    optimiser = torch.optim.RMSprop([weight], lr=0.003, alpha=RMSPROP_DECAY, eps=RMSPROP_EPSILON)
    value, average = 1.0, 0.0
    for gradient in (1e-8, 3e-8, -2e-7):
        weight.grad = torch.tensor([gradient])
        optimiser.step()
        average = 0.9 * average + 0.1 * gradient**2
        value -= 0.003 * gradient / (average**0.5 + 1e-7)
        assert weight.item() == pytest.approx(value, rel=1e-6)


def test_reflectance_is_divided_by_the_largest_value():
    cube = np.array([[[2.0, 4.0]]])
    np.testing.assert_array_equal(relative_reflectance(cube), [[[0.5, 1.0]]])


@pytest.mark.parametrize(
    ("value", "words"), [(np.nan, "1 values that are not finite"), (np.inf, "not finite"), (-1.0, "no positive value")]
)
def test_impossible_scenes_are_refused(value, words):
    cube = np.full((2, 2, 3), min(value, 0) if value == -1.0 else 1.0)
    cube[0, 0, 0] = value
    with pytest.raises(UnmixingError, match=words):
        relative_reflectance(cube)
