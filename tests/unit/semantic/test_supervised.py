"""The supervised autoencoder: what it learns is tested where it never looked."""

import numpy as np
import pytest

from unmixing.errors import UnmixingError
from unmixing.semantic.supervised import cross_halves, halves, supervised_shares, train_supervised

SPECTRA = np.array([[0.6, 0.2, 0.1, 0.3, 0.2, 0.4], [0.1, 0.5, 0.3, 0.1, 0.2, 0.6], [0.2, 0.2, 0.7, 0.2, 0.5, 0.1]])


def made_scene(rows=40, columns=30, seed=0):
    shares = np.random.default_rng(seed).dirichlet([0.6, 0.6, 0.6], (rows, columns))
    return shares, shares @ SPECTRA


def test_mixtures_are_learned():
    shares, cube = made_scene()
    model = train_supervised(cube[:20].reshape(-1, 6), shares[:20].reshape(-1, 3), rng=np.random.default_rng(1))
    found = supervised_shares(model, cube[20:].reshape(-1, 6))
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    assert found.min() >= 0
    assert np.sqrt(np.mean((found - shares[20:].reshape(-1, 3)) ** 2)) < 0.03, "a constant is at .3"


def test_the_decoder_begins_with_the_spectra_that_mix_to_the_pixels():
    shares, cube = made_scene()
    model = train_supervised(cube.reshape(-1, 6), shares.reshape(-1, 3), rng=np.random.default_rng(1), epochs=0)
    np.testing.assert_allclose(model.spectra.numpy(), SPECTRA, atol=1e-5)


def test_the_same_stream_gives_the_same_network():
    shares, cube = (part.reshape(-1, part.shape[-1]) for part in made_scene(10, 10))
    first, second, other = (
        supervised_shares(train_supervised(cube, shares, rng=np.random.default_rng(seed), epochs=2), cube)
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - other).max() > 1e-4


def test_halves_part_at_the_middle_and_keep_away_from_the_seam():
    shares = np.full((40, 30, 2), 0.5)
    top, bottom = halves(shares, buffer=5)
    assert (top.name, bottom.name) == ("top", "bottom")
    assert not (top.trained & bottom.trained).any()
    for half in (top, bottom):
        trained, tested = np.nonzero(half.trained)[0], np.nonzero(half.tested)[0]
        assert np.abs(trained[:, None] - np.unique(tested)[None]).min() > 5


def test_the_cut_is_where_both_sides_hold_the_rarest_material():
    shares = np.zeros((40, 40, 2))
    shares[..., 0] = 1
    shares[:10] = [0, 1]
    assert [half.name for half in halves(shares)] == ["left", "right"], "a cut through the rows would part the second"
    assert [half.name for half in halves(shares.swapaxes(0, 1))] == ["top", "bottom"]


def test_each_half_is_estimated_by_a_network_that_never_saw_it():
    shares, cube = made_scene()
    wrong = shares.copy()
    wrong[:20] = [0, 0, 1]
    cut = halves(np.ones(shares.shape))
    found = cross_halves(cube, wrong, cut, rng=np.random.default_rng(0), epochs=40)
    known = {half.name: half.tested for half in cut}
    assert found[known["bottom"]][:, 2].mean() > 0.95, "what it was taught is wrong, and it believes it"
    assert np.abs(found[known["top"]] - shares[known["top"]]).mean() < 0.1
    assert np.isnan(found[15:25]).all()


def test_what_cannot_be_learned_from_is_refused():
    shares, cube = (part.reshape(-1, part.shape[-1]) for part in made_scene(4, 4))
    with pytest.raises(UnmixingError, match="give one row for each"):
        train_supervised(cube[:3], shares, rng=np.random.default_rng(0))
    with pytest.raises(UnmixingError, match="not finite"):
        train_supervised(np.where(cube > 0.5, np.nan, cube), shares, rng=np.random.default_rng(0))
    with pytest.raises(UnmixingError, match="no halves"):
        halves(np.ones((8, 8, 2)), buffer=5)
