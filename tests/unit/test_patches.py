import numpy as np
import pytest
import torch

from unmixing.errors import UnmixingError
from unmixing.patches import cut_patches, random_corners


def test_corners_reach_every_place_and_none_outside():
    corners = random_corners(7, 9, 4, 4000, np.random.default_rng(0))
    assert set(map(tuple, corners.tolist())) == {(row, column) for row in range(4) for column in range(6)}


def test_a_patch_as_large_as_the_scene():
    assert random_corners(5, 5, 5, 3, np.random.default_rng(0)).tolist() == [[0, 0]] * 3


def test_patches_are_cut_where_the_corners_say():
    image = torch.arange(2 * 6 * 7).reshape(2, 6, 7)
    patches = cut_patches(image, np.array([[1, 2], [3, 4]]), 3)
    assert patches.shape == (2, 2, 3, 3)
    assert torch.equal(patches[1], image[:, 3:6, 4:7])


def test_a_patch_larger_than_the_scene_is_refused():
    with pytest.raises(UnmixingError, match=r"patches of 6x6 pixels do not fit into a scene of 5x9: lower patch_size"):
        random_corners(5, 9, 6, 1, np.random.default_rng(0))
