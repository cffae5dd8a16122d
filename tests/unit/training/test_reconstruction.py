import numpy as np
import pytest
import torch

from unmixing.metrics import match_endmembers
from unmixing.protocol.baseline import PROTOCOLS
from unmixing.seeds import run_streams
from unmixing.training.reconstruction import Schedule, train

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
    return train(cube, 2, schedule, fields, run_streams(1, "made", run, initialisation=0 if shared else None))


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


@pytest.mark.parametrize(("field", "value"), [("activation", "relu"), ("input", "whole_image")])
def test_audit_only_fields_reach_the_training(cube, field, value):
    flipped = estimate(cube, fields={**FIELDS, field: value})
    assert not np.array_equal(estimate(cube).losses, flipped.losses)
    assert flipped.updates == estimate(cube).updates, "a flip changes what is trained, not how much"


def test_bfloat16_trains_on_nearly_the_same_path(cube):
    schedule = Schedule(epochs=2, patches=6, patch_size=8, batch_size=6, learning_rate=0.003, precision="bfloat16")
    plain = Schedule(epochs=2, patches=6, patch_size=8, batch_size=6, learning_rate=0.003)
    half, single = estimate(cube, schedule=schedule), estimate(cube, schedule=plain)
    assert half.endmembers.dtype == single.endmembers.dtype == np.float32
    assert not np.array_equal(half.losses, single.losses)
    np.testing.assert_allclose(half.losses, single.losses, rtol=0.02)


def test_pixels_that_were_not_seen_are_left_out_of_the_reconstruction_angle(cube):
    broken, valid = cube.copy(), np.ones(cube.shape[:2], bool)
    broken[:, 9:] = broken[:, 9:, ::-1] * np.linspace(0.1, 1, 12, dtype=np.float32)
    valid[:, 9:] = False
    streams = run_streams(1, "made", 0)
    whole = train(broken, 2, SCHEDULE, FIELDS, streams)
    seen = train(broken, 2, SCHEDULE, FIELDS, streams, valid=valid)
    np.testing.assert_array_equal(whole.endmembers, seen.endmembers)
    assert whole.reconstruction_angle != pytest.approx(seen.reconstruction_angle, rel=1e-3)
