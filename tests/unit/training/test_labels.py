import numpy as np
import pytest
import torch

from unmixing.errors import UnmixingError
from unmixing.models.contrastive import ContrastiveAutoencoder
from unmixing.patches import cut_patches, random_corners
from unmixing.seeds import run_streams
from unmixing.training.labels import (
    batch_labels,
    fixed_labels,
    label_corners,
    network_labels,
    patch_labels,
    permuted_labels,
)

STREAM = run_streams(5, "made", 0).patches
MAPS = np.random.default_rng(1).dirichlet(np.ones(3), (12, 17))


def corners(rows, columns, size=4, count=40):
    return random_corners(rows, columns, size, count, np.random.default_rng(2))


def test_a_label_is_the_mean_of_its_patch():
    ramp = np.stack(np.meshgrid(np.arange(12.0), np.arange(17.0), indexing="ij"), axis=2)
    labels = patch_labels(ramp, np.array([[0, 0], [3, 10]]), 4)
    np.testing.assert_allclose(labels, [[1.5, 1.5], [4.5, 11.5]])
    np.testing.assert_allclose(patch_labels(MAPS.astype(np.float32), corners(12, 17), 4).sum(1), 1, rtol=1e-6)


def test_transposed_labels_of_a_square_scene_are_those_of_the_transposed_map():
    maps = MAPS[:, :12]
    places = corners(12, 12)
    mirrored = patch_labels(maps, label_corners(places, 12, 12, 4, "transposed"), 4)
    assert torch.allclose(mirrored, patch_labels(maps.transpose(1, 0, 2), places, 4))
    assert not torch.allclose(mirrored, patch_labels(maps, label_corners(places, 12, 12, 4), 4))


def test_in_a_scene_that_is_not_square_the_transposed_place_lies_at_the_same_share_of_the_way():
    ends = np.array([[0, 0], [8, 13], [0, 13], [4, 0]])
    np.testing.assert_array_equal(label_corners(ends, 12, 17, 4, "transposed"), [[0, 0], [8, 13], [8, 0], [0, 7]])
    # What a random number u picks in the scene, floor(9 u) of 9 rows, is floor(14 u) of the transposed map's 14.
    share = np.random.default_rng(3).random((500, 2))
    drawn = np.stack([share[:, 0] * 9, share[:, 1] * 14], axis=1).astype(int)
    released = np.stack([share[:, 0] * 14, share[:, 1] * 9], axis=1).astype(int)
    placed = label_corners(drawn, 12, 17, 4, "transposed")
    assert placed.min() >= 0
    assert (placed.max(axis=0) <= [8, 13]).all()
    assert np.abs(placed[:, ::-1] - released).max() <= 1, "to the rounding of a corner"


def test_permuted_labels_are_the_same_labels_at_other_patches():
    labels = patch_labels(MAPS, corners(12, 17), 4)
    shuffled = permuted_labels(labels, STREAM)
    assert not torch.equal(shuffled, labels)
    assert sorted(map(tuple, shuffled.tolist())) == sorted(map(tuple, labels.tolist()))
    assert torch.equal(shuffled, permuted_labels(labels, STREAM))
    assert not torch.equal(shuffled, permuted_labels(labels, run_streams(5, "made", 1).patches))


def test_first_rows_gives_every_batch_the_same_labels():
    labels = torch.arange(10.0)[:, None]
    chosen = np.array([7, 3, 9])
    assert batch_labels(labels, chosen).flatten().tolist() == [7, 3, 9]
    assert batch_labels(labels, chosen, "first_rows").flatten().tolist() == [0, 1, 2]


def test_sources_that_take_maps_differ_in_the_shuffle_alone():
    places = corners(12, 17)
    given = {
        source: fixed_labels(source, MAPS, (12, 17), places, 4, STREAM)
        for source in ("reference", "stage1", "permuted")
    }
    assert torch.equal(given["reference"], given["stage1"])
    assert torch.equal(given["permuted"], permuted_labels(given["stage1"], STREAM))
    for source in ("online", "none"):
        assert fixed_labels(source, None, (12, 17), places, 4, STREAM) is None


@pytest.mark.parametrize(
    ("source", "maps", "words"),
    [
        ("reference", None, "no reference abundances; set label_source: stage1 or online"),
        ("stage1", None, "train the baseline"),
        ("permuted", None, "that it shuffles"),
        ("oracle", MAPS, "one of reference, stage1, online, permuted, not 'oracle'"),
        ("stage1", MAPS[:, :12], r"shape \(12, 12, 3\) for a scene of 12x17"),
        ("reference", np.full_like(MAPS, np.nan), "not finite"),
    ],
)
def test_labels_that_are_not_to_be_had_are_refused_in_one_line(source, maps, words):
    with pytest.raises(UnmixingError, match=words) as raised:
        fixed_labels(source, maps, (12, 17), corners(12, 17), 4, STREAM)
    assert "\n" not in str(raised.value)


def test_unknown_field_values_are_refused():
    with pytest.raises(UnmixingError, match="cube or transposed"):
        label_corners(np.zeros((1, 2), int), 5, 5, 2, "mirrored")
    with pytest.raises(UnmixingError, match="aligned or first_rows"):
        batch_labels(torch.zeros(2, 1), np.array([0]), "shuffled")


def test_a_network_is_asked_for_labels_without_a_trace():
    dropout = torch.Generator().manual_seed(3)
    model = ContrastiveAutoencoder(6, 3, dropout=dropout).train()
    image = torch.rand(6, 12, 17, generator=torch.Generator().manual_seed(4))
    before, state = {name: value.clone() for name, value in model.state_dict().items()}, dropout.get_state()
    places = corners(12, 17, count=5)
    labels = network_labels(model, image, places, 4, batch_size=2)
    assert model.training
    assert torch.equal(dropout.get_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not labels.requires_grad
    abundances = model.eval().encode(cut_patches(image, places, 4)).mean(dim=(2, 3))
    torch.testing.assert_close(labels, abundances)
