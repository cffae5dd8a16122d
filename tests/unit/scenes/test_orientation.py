import numpy as np
import pytest

from makers.scenes import make_scene
from unmixing.errors import UnmixingError
from unmixing.scenes.orientation import arrangements, pixel_order, prove_orientation

MADE = make_scene()
SQUARE = make_scene(11, 11)


def stored_ways(abundances):
    """All the ways in which files store abundances, by name."""
    rows, cols, count = abundances.shape
    return {
        "right": abundances,
        "transposed": abundances.transpose(1, 0, 2),
        "rows flipped": abundances[::-1],
        "columns flipped": abundances[:, ::-1],
        "turned by half": abundances[::-1, ::-1],
        "turned by a quarter": np.rot90(abundances),
        "list along rows": abundances.reshape(-1, count),
        "list down columns": abundances.transpose(1, 0, 2).reshape(-1, count),
        "Fortran memory read as C": abundances.transpose(1, 0, 2).reshape(rows, cols, count),
        "C memory read as Fortran": abundances.reshape(cols, rows, count).transpose(1, 0, 2),
    }


@pytest.mark.parametrize("way", list(stored_ways(MADE.abundances)))
@pytest.mark.parametrize("made", [MADE, SQUARE], ids=["oblong", "square"])
def test_every_way_of_storing_is_set_right(made, way):
    stored = stored_ways(made.abundances)[way]
    found, tried = prove_orientation(made.cube, stored, made.endmembers, "made")
    np.testing.assert_array_equal(found, made.abundances)
    assert tried[0].angle_rad < 0.5 * tried[1].angle_rad


def test_angles_are_those_of_the_definition():
    predicted = MADE.abundances @ MADE.endmembers
    cosine = (predicted * MADE.cube).sum(-1) / np.linalg.norm(predicted, axis=-1) / np.linalg.norm(MADE.cube, axis=-1)
    expected = np.arccos(cosine).mean()
    whole = np.round(MADE.cube * 1e4).astype(np.int16)
    exact, rounded = (
        prove_orientation(cube, MADE.abundances, MADE.endmembers, "made")[1][0].angle_rad for cube in (MADE.cube, whole)
    )
    assert exact == pytest.approx(expected, rel=1e-9)
    assert rounded == pytest.approx(expected, abs=1e-3)


def test_arrangements_are_distinct():
    assert len(arrangements(SQUARE.abundances, 11, 11)) == 8
    assert len(arrangements(np.ones((4, 6, 2)), 4, 6)) == 1
    symmetric = np.stack([np.eye(5), 1 - np.eye(5)], axis=-1)
    # the eight turns and flips of a diagonal are two distinct images
    assert len(arrangements(symmetric, 5, 5)) == 2


def test_a_scene_without_direction_is_refused_with_its_angles():
    rng = np.random.default_rng(0)
    noise = rng.random(MADE.cube.shape)
    with pytest.raises(UnmixingError, match=r"too close: .* rad; .* rad") as caught:
        prove_orientation(noise, MADE.abundances, MADE.endmembers, "made")
    assert "\n" not in str(caught.value)


def test_a_nearly_symmetric_scene_is_refused():
    y, x = np.mgrid[0:12, 0:12] - 5.5
    share = np.exp(-(x**2 + y**2) / 20) + 0.003 * x
    abundances = np.stack([share, 1 - share], axis=-1).clip(0, 1)
    with pytest.raises(UnmixingError, match="cannot be proven"):
        prove_orientation(abundances @ MADE.endmembers[:2] + 0.01, abundances, MADE.endmembers[:2], "made")


def test_endmembers_that_predict_the_same_spectrum_prove_nothing():
    same = np.stack([MADE.endmembers[0], 2 * MADE.endmembers[0], 3 * MADE.endmembers[0]])
    with pytest.raises(UnmixingError, match="cannot be proven"):
        prove_orientation(MADE.abundances @ same, MADE.abundances, same, "made")


def test_empty_references_are_refused():
    with pytest.raises(UnmixingError, match="predict no spectrum"):
        prove_orientation(MADE.cube, np.zeros_like(MADE.abundances), MADE.endmembers, "made")


def test_endmembers_in_another_order_are_refused():
    with pytest.raises(UnmixingError, match="cannot be proven"):
        prove_orientation(MADE.cube, MADE.abundances, MADE.endmembers[[1, 2, 0]], "made")


@pytest.mark.parametrize("order", ["C", "F"])
def test_pixel_order_is_found_by_the_likeness_of_neighbours(order):
    made = make_scene(17, 29)
    flat = made.cube.transpose(2, 0, 1).reshape(made.bands, -1, order=order).T
    assert pixel_order(flat, 17, 29)[0] == order
    assert pixel_order(SQUARE.cube.reshape(-1, SQUARE.bands), 11, 11)[0] == "F"
    noise = np.random.default_rng(1).random((17 * 29, 5))
    assert "do not tell" in pixel_order(noise, 17, 29)[1]
