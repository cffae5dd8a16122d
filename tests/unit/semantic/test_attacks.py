import numpy as np
import pytest

from unmixing.errors import UnmixingError
from unmixing.semantic.attacks import attack_pixels, low_pass, random_change, sanitise
from unmixing.semantic.model import load_default_model
from unmixing.semantic.questions import ask_model
from unmixing.semantic.scene_unmixing import prepare, unmix_pixels
from unmixing.semantic.sources import COMMON_GRID

AXIS = COMMON_GRID[1:-1:3]


@pytest.fixture(scope="module")
def setting():
    """A model, its prompts, noisy mixtures of their endmembers and the truth."""
    model = load_default_model()
    prepared = prepare(model, ask_model(model, ["bare soil", "green vegetation", "water"]), AXIS)
    rng = np.random.default_rng(0)
    truth = rng.dirichlet([0.7] * 3, 24)
    pixels = truth @ prepared.endmembers.double().numpy() * (1 + 0.05 * rng.standard_normal((24, AXIS.size)))
    pixels[:, 5] = np.nan
    return model, prepared, pixels, truth


def error(setting, pixels):
    model, prepared, _, truth = setting
    return np.abs(unmix_pixels(model, prepared, pixels).abundances - truth).sum(axis=1).mean()


@pytest.mark.parametrize("smooth", [0.0, 60.0])
@pytest.mark.parametrize("steps", [1, 5])
def test_an_attack_stays_within_its_size_and_harms_more_than_chance(setting, steps, smooth):
    model, prepared, pixels, truth = setting
    changed = attack_pixels(model, prepared, pixels, truth, 0.01, steps=steps, smooth_nm=smooth)
    known = np.isfinite(pixels)
    assert (np.isfinite(changed) == known).all()
    assert np.abs(changed - pixels)[known].max() <= 0.01 + 1e-6
    assert changed[known].min() >= min(pixels[known].min(), 0.0) - 1e-6
    chance = random_change(pixels, 0.01, np.random.default_rng(1))
    assert error(setting, changed) > error(setting, chance)
    assert error(setting, changed) > error(setting, pixels)


def test_a_larger_attack_harms_more_and_none_changes_nothing(setting):
    model, prepared, pixels, truth = setting
    errors = [
        error(setting, attack_pixels(model, prepared, pixels, truth, size, steps=5)) for size in (0.0, 0.005, 0.02)
    ]
    assert errors == sorted(errors)
    np.testing.assert_allclose(attack_pixels(model, prepared, pixels, truth, 0.0), pixels, atol=1e-6)


def test_an_attack_on_the_encoder_lowers_the_right_prompt_in_the_assignment(setting):
    model, prepared, pixels, truth = setting
    changed = attack_pixels(model, prepared, pixels, truth, 0.01, steps=5, target="assignment")
    before, after = (unmix_pixels(model, prepared, part).assignment for part in (pixels, changed))
    right = truth.argmax(axis=1)[:, None]
    assert np.take_along_axis(after, right, 1).mean() < np.take_along_axis(before, right, 1).mean()


def test_attacks_without_sense_are_refused(setting):
    model, prepared, pixels, truth = setting
    with pytest.raises(UnmixingError, match="at least 0 and 1"):
        attack_pixels(model, prepared, pixels, truth, -0.1)


def test_the_filter_keeps_a_constant_and_takes_a_comb_away():
    weights = low_pass(COMMON_GRID, 30.0)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    comb = np.where(np.arange(COMMON_GRID.size) % 2, 1.0, -1.0)
    assert np.abs(weights @ comb)[12:-12].max() < 1e-3
    np.testing.assert_array_equal(low_pass(COMMON_GRID, 0.0), np.eye(COMMON_GRID.size))


def test_sanitising_clips_smooths_and_leaves_unknown_bands_unknown():
    rng = np.random.default_rng(0)
    smooth = 0.3 + 0.1 * np.sin(COMMON_GRID / 300)
    rough = smooth + 0.02 * rng.choice([-1.0, 1.0], (50, smooth.size))
    rough[:, 7] = np.nan
    found = sanitise(rough, COMMON_GRID)
    assert np.isnan(found[:, 7]).all()
    known = np.isfinite(found)
    before, after = (np.abs(values - smooth)[known].mean() for values in (rough, found))
    assert after < 0.6 * before
    np.testing.assert_allclose(sanitise(np.array([[1.4, -0.2]]), np.array([500.0, 900.0])), [[1.0, 0.0]], atol=1e-9)
