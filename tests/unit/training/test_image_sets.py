import numpy as np
import pytest
import torch

from unmixing.augment import apply_parameters, draw_parameters
from unmixing.errors import UnmixingError
from unmixing.training.image_sets import ImageSet, grid_corners


@pytest.fixture
def image():
    return torch.rand(5, 12, 14, generator=torch.Generator().manual_seed(1))


def drawn(treatment="crop_jitter_blur", count=3):
    return draw_parameters(treatment, count, 12, 14, np.random.default_rng(2), arm=10)


CORNERS = np.array([[0, 0], [8, 10], [3, 2]])


def test_patches_are_cut_from_the_augmented_images(image, tmp_path):
    parameters = drawn()
    whole = apply_parameters(image.expand(3, -1, -1, -1), parameters)
    patches = ImageSet(image, parameters, tmp_path).patches([0, 2, 1], CORNERS, 4)
    assert patches.shape == (3, 5, 4, 4)
    for patch, index, (row, col) in zip(patches, [0, 2, 1], CORNERS, strict=True):
        torch.testing.assert_close(patch, whole[index, :, row : row + 4, col : col + 4])


def test_a_set_in_a_file_gives_the_same_patches_and_leaves_nothing_behind(image, tmp_path):
    parameters = drawn()
    kept, filed = ImageSet(image, parameters, tmp_path), ImageSet(image, parameters, tmp_path, most_bytes=100)
    assert torch.equal(kept.patches([1, 0, 2], CORNERS, 4), filed.patches([1, 0, 2], CORNERS, 4))
    filed.close()
    assert list(tmp_path.iterdir()) == []


def test_copies_of_the_scene_are_held_once(image, tmp_path):
    copies = ImageSet(image, drawn("control_identity", 90), tmp_path, most_bytes=image.numel() * 4)
    torch.testing.assert_close(copies.patches([77], CORNERS[1:2], 4)[0], image[:, 8:12, 10:14])


def test_a_folder_that_cannot_hold_the_images_is_named(image, tmp_path, monkeypatch):
    def full(self, handle):
        raise OSError(28, "No space left on device")

    class Full:
        tofile = full

    monkeypatch.setattr(torch.Tensor, "numpy", lambda self: Full())
    with pytest.raises(UnmixingError, match=r"do not fit into .*No space left on device.*lower `images`"):
        ImageSet(image, drawn(), tmp_path, most_bytes=0)


def test_the_grid_leaves_out_what_does_not_fill_a_patch():
    # Samson, 95x95 with patches of 40: four patches, 71 % of the pixels (audit item B2).
    assert grid_corners(95, 95, 40).tolist() == [[0, 0], [0, 40], [40, 0], [40, 40]]
    assert len(grid_corners(307, 307, 40)) == 49
    with pytest.raises(UnmixingError, match="96x96 pixels do not fit images of 95x95"):
        grid_corners(95, 95, 96)
