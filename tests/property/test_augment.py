"""What holds for every image, every treatment and every draw."""

import json

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unmixing.augment import TREATMENTS, apply_parameters, augment, draw_parameters
from unmixing.protocol.augmentation import PROTOCOLS

AUGMENTING = [name for name in TREATMENTS if not name.startswith("control_")]
SEEDS = st.integers(0, 2**32 - 1)
SIDES = st.integers(7, 23)
NAMES = st.sampled_from(AUGMENTING)
FIELDS = st.sampled_from([protocol.images() for protocol in PROTOCOLS.values()])
ARMS = st.sampled_from([90, 10])
MODERATE = settings(max_examples=60, deadline=None)


def images_of(seed, rows, cols, count=3, dtype=np.float32):
    return torch.from_numpy(np.random.default_rng(seed).random((count, 3, rows, cols)).astype(dtype))


@MODERATE
@given(SEEDS, SIDES, SIDES, NAMES, FIELDS, ARMS)
def test_images_are_made_again_from_parameters_that_went_through_json(seed, rows, cols, treatment, fields, arm):
    images = images_of(seed, rows, cols)
    done, parameters = augment(images, treatment, np.random.default_rng(seed), fields, arm=arm)
    again = apply_parameters(images, json.loads(json.dumps(parameters)))
    assert torch.equal(again, done)
    assert torch.isfinite(done).all()


@MODERATE
@given(SEEDS, SIDES, SIDES, NAMES, FIELDS, st.integers(1, 5))
def test_more_images_leave_the_first_ones_as_they_are(seed, rows, cols, treatment, fields, few):
    many = draw_parameters(treatment, 6, rows, cols, np.random.default_rng(seed), fields)
    assert draw_parameters(treatment, few, rows, cols, np.random.default_rng(seed), fields) == many[:few]


@MODERATE
@given(SEEDS, SIDES, SIDES, NAMES, FIELDS, st.integers(1, 3))
def test_however_a_batch_is_split_its_images_are_the_same(seed, rows, cols, treatment, fields, at):
    images = images_of(seed, rows, cols, count=4)
    whole, parameters = augment(images, treatment, np.random.default_rng(seed), fields)
    parts = [apply_parameters(images[part], parameters[part]) for part in (slice(0, at), slice(at, 4))]
    torch.testing.assert_close(torch.cat(parts), whole, rtol=0, atol=1e-6)


@MODERATE
@given(SEEDS, SIDES, SIDES, st.sampled_from([name for name in AUGMENTING if not TREATMENTS[name].jitter]))
def test_without_jitter_every_value_lies_between_those_of_its_image_and_band(seed, rows, cols, treatment):
    # A mean with weights that sum to one: the reason why neither blur nor crop can make a vertex.
    images = images_of(seed, rows, cols, dtype=np.float64)
    done, _ = augment(images, treatment, np.random.default_rng(seed))
    assert (done.amax((2, 3)) <= images.amax((2, 3)) + 1e-12).all()
    assert (done.amin((2, 3)) >= images.amin((2, 3)) - 1e-12).all()


@MODERATE
@given(SEEDS, SIDES, SIDES, st.sampled_from([name for name in AUGMENTING if not TREATMENTS[name].jitter]), FIELDS)
def test_without_jitter_mixtures_stay_mixtures(seed, rows, cols, treatment, fields):
    # Abundances augmented in the same way mix the same endmembers to the augmented scene.
    rng = np.random.default_rng(seed)
    abundances = torch.from_numpy(rng.dirichlet(np.ones(3), size=(2, rows, cols))).permute(0, 3, 1, 2)
    pure = torch.from_numpy(rng.random((3, 9)))
    mixed = torch.einsum("nkrc,kb->nbrc", abundances, pure)
    parameters = draw_parameters(treatment, 2, rows, cols, rng, fields)
    expected = torch.einsum("nkrc,kb->nbrc", apply_parameters(abundances, parameters), pure)
    torch.testing.assert_close(apply_parameters(mixed, parameters), expected, rtol=0, atol=1e-12)


@MODERATE
@given(SEEDS, SIDES, SIDES, st.sampled_from(["flip_vertical", "flip_horizontal", "flip_both", "flip_random"]), FIELDS)
def test_a_flip_done_twice_is_none(seed, rows, cols, treatment, fields):
    images = images_of(seed, rows, cols)
    once, parameters = augment(images, treatment, np.random.default_rng(seed), fields)
    assert torch.equal(apply_parameters(once, parameters), images)
    assert not torch.equal(once, images)


@MODERATE
@given(SEEDS, SIDES, SIDES, st.floats(1e-4, 1e4))
def test_noise_grows_with_the_brightness_of_its_image(seed, rows, cols, gain):
    images = images_of(seed, rows, cols, dtype=np.float64)
    parameters = draw_parameters("jitter", 3, rows, cols, np.random.default_rng(seed))
    done = apply_parameters(images, parameters)
    np.testing.assert_allclose(apply_parameters(gain * images, parameters), gain * done, rtol=1e-9, atol=1e-12 * gain)
