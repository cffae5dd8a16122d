"""The embedded scene is neither trivial nor hopeless: what a method must beat on it."""

import numpy as np
import pytest

from unmixing.classical import vca
from unmixing.metrics import match_endmembers, spectral_angle
from unmixing.scenes.synthetic import make_synthetic


@pytest.fixture(scope="module")
def scene():
    return make_synthetic("synthetic_easy")


def test_a_constant_spectrum_is_far_from_every_endmember(scene):
    references = scene["endmembers"].to_numpy()
    sad = spectral_angle(np.ones(references.shape[1]), references)
    assert sad.mean() >= 0.2
    assert sad.min() >= 0.2


def test_vca_finds_what_is_there(scene):
    pixels = scene["cube"].to_numpy().reshape(-1, scene.sizes["band"])
    references = scene["endmembers"].to_numpy()
    scores = [match_endmembers(vca(pixels, 3, np.random.default_rng(seed)), references)[1].mean() for seed in range(5)]
    assert 0.02 < np.median(scores) < 0.1
