import numpy as np
import pytest

from makers.scenes import make_scene, write_geotiff, write_matlab5
from unmixing.errors import UnmixingError
from unmixing.scenes import read_checks, read_scene
from unmixing.scenes.labels import block_fractions, label_scene, read_labels


def labelled_scene(tmp_path, factor=1):
    """A scene of pure pixels, and its label map on a grid finer by a factor; 0 where unlabelled."""
    made = make_scene(12, 16)
    labels = made.abundances.argmax(axis=-1) + 1
    cube = made.endmembers[labels - 1] + 0.001 * np.random.default_rng(0).standard_normal(made.cube.shape)
    np.save(tmp_path / "cube.npy", cube)
    labels[0, :3] = 0
    scene = read_scene(tmp_path / "cube.npy", wavelengths=made.wavelengths, scene_id="labelled")
    return scene, np.kron(labels, np.ones((factor, factor), dtype=int)), cube


def test_fractions_of_a_block_by_hand():
    labels = np.array([[1, 1, 2, 0, 9], [1, 2, 0, 0, 9], [2, 2, 3, 3, 9], [2, 2, 3, 3, 9]])
    found = block_fractions(labels, 2, minimum_coverage=0.25)
    assert found.classes == (1, 2, 3, 9)
    np.testing.assert_allclose(found.fractions[0, 0], [0.75, 0.25, 0, 0])
    # one labelled pixel of four: the fraction is a share of the labelled pixels
    np.testing.assert_allclose(found.fractions[0, 1], [0, 1, 0, 0])
    np.testing.assert_allclose(found.coverage, [[1, 0.25], [1, 1]])
    strict = block_fractions(labels, 2)
    assert np.isnan(strict.fractions[0, 1]).all()
    np.testing.assert_allclose(strict.fractions[1, 1], [0, 0, 1, 0])


def test_fractions_sum_to_one_where_there_are_any():
    labels = np.random.default_rng(3).integers(0, 5, (50, 41))
    for coverage in (0.3, 0.8, 1.0):
        found = block_fractions(labels, 5, minimum_coverage=coverage)
        assert found.fractions.shape == (10, 8, 4)
        kept = np.isfinite(found.fractions).all(axis=-1)
        np.testing.assert_allclose(found.fractions[kept].sum(axis=-1), 1, rtol=1e-6)
        np.testing.assert_array_equal(kept, found.coverage >= coverage - 1e-6)


@pytest.mark.parametrize(
    ("labels", "block", "options", "message"),
    [
        (np.ones((4, 4)), 2, {}, "whole numbers"),
        (np.ones(4, int), 2, {}, "whole numbers"),
        (np.ones((4, 4), int), 5, {}, "do not fit"),
        (np.ones((4, 4), int), 0, {}, "do not fit"),
        (np.zeros((4, 4), int), 2, {}, "nothing but 0"),
        (np.ones((4, 4), int), 2, {"minimum_coverage": 0}, "minimum coverage"),
    ],
)
def test_arguments_out_of_range_are_refused(labels, block, options, message):
    with pytest.raises(UnmixingError, match=message):
        block_fractions(labels, block, **options)


@pytest.mark.parametrize("factor", [1, 2])
def test_a_label_scene(tmp_path, factor):
    scene, labels, cube = labelled_scene(tmp_path, factor)
    dataset = label_scene(scene, labels, 4, class_names=("Soil", "Tree", "Water"))
    assert dataset["cube"].shape == (3, 4, 40)
    np.testing.assert_allclose(dataset["cube"].values[0, 1], cube[:4, 4:8].mean(axis=(0, 1)), atol=1e-6)
    assert "abundances" not in dataset, "label fractions are never called abundances"
    assert np.isnan(dataset["label_fraction"].values[0, 0]).all()
    assert dataset["label_coverage"].values[0, 0] == pytest.approx(13 / 16)
    expected = [(labels[: 4 * factor, 4 * factor : 8 * factor] == label).mean() for label in (1, 2, 3)]
    np.testing.assert_allclose(dataset["label_fraction"].values[0, 1], expected, atol=1e-6)
    assert dataset["label_name"].values.tolist() == ["Soil", "Tree", "Water"]
    assert {"label orientation", "label fractions"} <= {check.check for check in read_checks(dataset)}


def test_labels_that_lie_another_way_round_are_refused(tmp_path):
    scene, labels, _ = labelled_scene(tmp_path)
    for turned in (labels[::-1], labels[:, ::-1], labels[::-1, ::-1]):
        with pytest.raises(UnmixingError, match="fit the cube better when they are turned"):
            label_scene(scene, turned, 4)
    with pytest.raises(UnmixingError, match="label map of 16 x 12 on a cube of 12 x 16"):
        label_scene(scene, labels.T, 4)
    with pytest.raises(UnmixingError, match="2 names for 3 classes"):
        label_scene(scene, labels, 4, class_names=("a", "b"))


def test_label_maps_in_their_formats(tmp_path):
    labels = np.random.default_rng(0).integers(0, 17, (14, 15)).astype(np.uint8)
    write_matlab5(tmp_path / "gt.mat", {"indian_pines_gt": labels})
    np.save(tmp_path / "gt.npy", labels)
    write_geotiff(tmp_path / "gt.tif", labels[..., None])
    for name in ("gt.mat", "gt.npy", "gt.tif"):
        np.testing.assert_array_equal(read_labels(tmp_path / name), labels)
    np.save(tmp_path / "half.npy", labels + 0.5)
    with pytest.raises(UnmixingError, match="not whole numbers"):
        read_labels(tmp_path / "half.npy")
    write_matlab5(tmp_path / "two.mat", {"a": labels, "b": labels})
    with pytest.raises(UnmixingError, match="2 variables can be the label map"):
        read_labels(tmp_path / "two.mat")
    np.testing.assert_array_equal(read_labels(tmp_path / "two.mat", "b"), labels)
    with pytest.raises(UnmixingError, match="no such label map"):
        read_labels(tmp_path / "none.mat")


def test_the_indian_pines_map(scenes_folder):
    labels = read_labels(scenes_folder / "Indian_pines_gt.mat")
    assert labels.shape == (145, 145)
    found = block_fractions(labels, 5)
    assert len(found.classes) == 16
    assert 0 < np.isfinite(found.fractions[..., 0]).mean() < 1
