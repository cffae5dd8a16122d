import numpy as np
import pytest

from unmixing.errors import UnmixingError
from unmixing.training.label_maps import StageOne, label_maps, stage1_maps

SPECTRA = np.array([[1.0, 0.2, 0.1, 0.4], [0.1, 0.9, 0.3, 0.2], [0.3, 0.1, 0.2, 1.0]])


@pytest.fixture
def scene():
    shares = np.random.default_rng(3).dirichlet(np.ones(3), (5, 4))
    return shares, shares @ SPECTRA


def test_the_baseline_s_endmembers_give_back_what_a_scene_was_mixed_from(scene):
    shares, cube = scene
    largest = SPECTRA.max(axis=1)
    brightness = shares * largest
    expected = brightness / brightness.sum(axis=-1, keepdims=True)
    maps = stage1_maps(cube, SPECTRA)
    # Columns are sorted by the endmembers' first band relative to their largest, not in the order given.
    order = np.lexsort((SPECTRA / largest[:, None]).T[::-1])
    np.testing.assert_allclose(maps, expected[..., order], atol=1e-9)


def test_scale_and_order_of_the_endmembers_change_nothing_at_all(scene):
    _, cube = scene
    scaled = (SPECTRA / SPECTRA.max(axis=1, keepdims=True))[[2, 0, 1]]
    np.testing.assert_array_equal(stage1_maps(cube, SPECTRA), stage1_maps(cube, scaled))


def test_a_run_that_diverged_has_labels_that_say_so(scene):
    _, cube = scene
    assert np.isnan(stage1_maps(cube, np.full((3, 4), np.nan))).all()


def test_without_references_the_baseline_gives_the_labels(scene):
    _, cube = scene
    asked = []

    def endmembers(run):
        asked.append(run)
        return SPECTRA

    baseline = StageOne("0123456789ab", endmembers)
    source, maps = label_maps("reference", cube, None, baseline)
    assert source == "stage1"
    np.testing.assert_array_equal(maps(2), stage1_maps(cube, SPECTRA))
    assert asked == [2], "a run takes the baseline's run of the same index"
    source, maps = label_maps("permuted", cube, None, baseline)
    assert source == "permuted"
    assert maps(0).shape == (5, 4, 3)


def test_references_serve_where_they_are_and_are_asked_for(scene):
    shares, cube = scene
    baseline = StageOne("0123456789ab", lambda run: SPECTRA)
    for source in ("reference", "permuted"):
        known, maps = label_maps(source, cube, shares, baseline)
        assert known == source
        assert maps(1) is shares
    known, maps = label_maps("stage1", cube, shares, baseline)
    assert known == "stage1"
    np.testing.assert_array_equal(maps(0), stage1_maps(cube, SPECTRA))


@pytest.mark.parametrize("source", ["none", "online"])
def test_labels_that_need_no_maps_get_none(source, scene):
    known, maps = label_maps(source, scene[1], None, None)
    assert known == source
    assert maps(0) is None


@pytest.mark.parametrize("source", ["reference", "stage1", "permuted"])
def test_labels_that_cannot_be_had_are_refused(source, scene):
    with pytest.raises(UnmixingError, match=f"{source}.*baseline"):
        label_maps(source, scene[1], None, None)
