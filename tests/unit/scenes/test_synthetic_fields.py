"""Random fields against their stated covariance, and the sensor against its point spread function."""

import numpy as np
import pytest

from unmixing.scenes import synthetic_fields as fields


def test_field_has_exponential_correlation():
    rng = np.random.default_rng(0)
    draws = np.stack([fields.matern_field((60, 50), 8.0, rng) for _ in range(300)])
    assert draws.shape == (300, 60, 50)
    assert draws.mean() == pytest.approx(0, abs=0.05)
    assert draws.var() == pytest.approx(1, abs=0.05)
    for lag in (1, 4, 8, 16):
        down = (draws[:, lag:] * draws[:, :-lag]).mean()
        across = (draws[:, :, lag:] * draws[:, :, :-lag]).mean()
        assert down == pytest.approx(np.exp(-lag / 8), abs=0.05)
        assert across == pytest.approx(np.exp(-lag / 8), abs=0.05)


def test_labels_take_their_shares():
    rng = np.random.default_rng(1)
    ground = np.stack([fields.matern_field((160, 160), 30.0, rng) for _ in range(4)])
    shares = np.array([0.4, 0.3, 0.2, 0.1])
    labels = fields.balanced_labels(ground, shares)
    np.testing.assert_allclose(np.bincount(labels.ravel(), minlength=4) / labels.size, shares, atol=0.012)


def test_patches_tile_the_ground():
    patches = fields.ground_patches((40, 60), 12, np.random.default_rng(2))
    assert patches.shape == (40, 60)
    assert set(np.unique(patches)) == set(range(12))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 1.0])
def test_area_has_its_share(share):
    field = np.random.default_rng(3).standard_normal((50, 50))
    area = fields.area_with_largest(field, share)
    assert area.mean() == pytest.approx(share, abs=0.001)
    if 0 < share < 1:
        assert field[area].min() >= field[~area].max()


@pytest.mark.parametrize("materials", [1, 2, 3, 9])
def test_mixtures_are_of_few_materials(materials):
    mixtures = fields.patch_mixtures(200, 5, materials, 0.5, np.random.default_rng(4))
    np.testing.assert_allclose(mixtures.sum(axis=1), 1)
    assert (mixtures > 0).sum(axis=1).max() <= min(materials, 5)
    assert (mixtures.mean(axis=0) > 0.1).all()


def test_texture_follows_its_mixtures_and_stays_in_its_area():
    labels = np.zeros((100, 100), dtype=np.intp)
    area = np.zeros((100, 100), dtype=bool)
    area[:50] = True
    patches = np.zeros((100, 100), dtype=np.intp)
    drawn = fields.texture_labels(labels, area, patches, np.array([[0.2, 0.5, 0.3]]), np.random.default_rng(5))
    assert (drawn[50:] == 0).all()
    assert (labels == 0).all()
    np.testing.assert_allclose(np.bincount(drawn[:50].ravel(), minlength=3) / 5000, [0.2, 0.5, 0.3], atol=0.02)


def test_sensor_without_spread_is_a_block_average():
    weights = fields.sensor_weights(3, 4, 0.0)
    np.testing.assert_allclose(weights, np.kron(np.eye(3), np.full((1, 4), 0.25)))


def test_sensor_has_the_width_of_its_point_spread_function():
    weights = fields.sensor_weights(41, 8, 1.2)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    places = (np.arange(41 * 8) + 0.5) / 8
    middle = weights[20]
    assert (middle * places).sum() == pytest.approx(20.5)
    # Variance of a Gaussian convolved with a pixel one unit wide.
    variance = (middle * (places - 20.5) ** 2).sum()
    assert variance == pytest.approx((1.2 / 2.3548) ** 2 + 1 / 12, rel=0.01)


def test_area_fractions_are_exact():
    labels = np.zeros((16, 16), dtype=np.intp)
    labels[:, 6:] = 1
    fractions = fields.area_fractions(labels, 2, 8, 0.0)
    np.testing.assert_allclose(fractions[:, :, 1], [[0.25, 1.0], [0.25, 1.0]])
    blurred = fields.area_fractions(labels, 2, 8, 1.2)
    np.testing.assert_allclose(blurred.sum(axis=2), 1)
    assert 0.25 < blurred[0, 0, 1] < blurred[0, 1, 1] < 1
    assert fields.area_fractions(np.ones((8, 8), dtype=np.intp), 2, 8, 1.2).tolist() == [[[0.0, pytest.approx(1.0)]]]
