"""Shots: enough pure pixels or out by name, nothing tested near a shot, baselines exact where they must be."""

import numpy as np
import pytest

from unmixing.errors import UnmixingError
from unmixing.evaluation import References
from unmixing.semantic.shots import (
    SHOT_BASELINES,
    ShotEstimate,
    ShotMethod,
    baseline_methods,
    draw_shots,
    near_pixels,
    score_shots,
)

SPECTRA = np.array([[0.6, 0.2, 0.1, 0.3, 0.2], [0.1, 0.5, 0.3, 0.1, 0.2], [0.2, 0.2, 0.7, 0.2, 0.5]])


def made_scene(rare=5):
    """60 x 60 pixels: two halves of pure material, a mixed stripe between, and a few pixels of a third."""
    shares = np.zeros((60, 60, 3))
    shares[:, :28, 0] = shares[:, 32:, 1] = 1
    shares[:, 28:32] = [0.5, 0.5, 0]
    places = np.random.default_rng(0).permutation(60 * 20)[:rare]
    shares[places // 20, places % 20] = [0, 0, 1]
    return References(shares @ SPECTRA, np.linspace(500, 900, 5), ["one", "two", "rare"], SPECTRA, shares, "areal")


def test_a_material_with_too_few_pure_pixels_drops_out_by_name():
    shots = draw_shots(made_scene(rare=24), 5, 1)[0]
    assert shots.kept == (0, 1)
    assert shots.dropped == (("rare", "24 pure pixels, 25 are needed"),)
    assert draw_shots(made_scene(rare=25), 5, 1)[0].kept == (0, 1, 2)


def test_nothing_is_tested_near_a_shot_or_on_a_dropped_material():
    known = made_scene()
    for shots in draw_shots(known, 3, 1, draws=4):
        rows, columns = np.nonzero(shots.tested)
        for row, column in shots.places.reshape(-1, 2):
            assert np.maximum(np.abs(rows - row), np.abs(columns - column)).min() > 5
        assert known.abundances[shots.tested][:, 2].max() == 0
        assert shots.tested.sum() > 1000


def test_shots_are_pure_pixels_of_their_material_and_differ_between_draws():
    known = made_scene(rare=40)
    draws = draw_shots(known, 5, 7)
    assert len(draws) == 10
    for shots in draws:
        for number, places in zip(shots.kept, shots.places, strict=True):
            assert (known.abundances[places[:, 0], places[:, 1], number] > 0.9).all()
            assert len({tuple(place) for place in places.tolist()}) == 5
        np.testing.assert_allclose(shots.spectra(known.cube), np.repeat(SPECTRA[:, None], 5, axis=1))
    assert len({shots.places.tobytes() for shots in draws}) == 10
    again = draw_shots(known, 5, 7)[3]
    np.testing.assert_array_equal(again.places, draws[3].places)


def test_fewer_shots_are_among_more():
    known = made_scene()
    few, more = draw_shots(known, 1, 3)[0], draw_shots(known, 10, 3)[0]
    np.testing.assert_array_equal(few.places[:, 0], more.places[:, 0])


def test_a_scene_that_cannot_give_shots_is_refused():
    known = made_scene()
    with pytest.raises(UnmixingError, match="fewer than two materials"):
        draw_shots(known, 5000, 1)
    blind = References(known.cube, known.wavelength, known.names, SPECTRA, None)
    with pytest.raises(UnmixingError, match="has none"):
        draw_shots(blind, 1, 1)


def test_the_buffer_stops_at_the_edge():
    near = near_pixels([[0, 0]], (10, 10))
    assert near.sum() == 36
    assert near[5, 5]
    assert not near[6, 6]


@pytest.mark.parametrize("name", ["shots_mean_scls", "shots_mean_fcls", "shots_all"])
def test_mixtures_of_the_shots_are_recovered(name):
    shares = np.random.default_rng(0).dirichlet([1, 1, 1], 50)
    found = SHOT_BASELINES[name][1](shares @ SPECTRA, SPECTRA[:, None])
    np.testing.assert_allclose(found.shares, shares, atol=0.05 if name == "shots_all" else 1e-8)
    np.testing.assert_allclose(found.maxima, SPECTRA.max(axis=1))


def test_all_shots_beat_their_mean_where_pixels_show_one_of_them():
    rng = np.random.default_rng(4)
    shots = np.abs(SPECTRA[:, None] + rng.normal(0, 0.1, (3, 6, 5)))
    shares = rng.dirichlet([1, 1, 1], 80) * [1, 1, 0]
    shares /= shares.sum(axis=1, keepdims=True)
    pixels = shares @ shots[:, 2]
    errors = {
        name: np.sqrt(np.mean((SHOT_BASELINES[name][1](pixels, shots).shares - shares) ** 2))
        for name in ("shots_all", "shots_mean_scls")
    }
    assert errors["shots_all"] < errors["shots_mean_scls"]


def test_scores_say_who_dropped_out_and_how_many_took_part():
    known = made_scene()
    rows = score_shots(known, draw_shots(known, 3, 1, draws=2), identity={"scene": "made"})
    assert set(rows["method"]) == set(SHOT_BASELINES)
    assert set(rows["dropped"]) == {"rare"}
    assert set(rows["materials"]) == {2}
    assert set(rows["draw"]) == {0, 1}
    scls = rows[(rows["method"] == "shots_mean_scls") & (rows["metric"] == "armse")]
    assert scls["value"].max() < 1e-6
    nearest = rows[(rows["method"] == "shots_nearest") & (rows["metric"] == "armse")]
    assert nearest["value"].min() > 0.05, "labels are wrong on the mixed stripe"


def test_methods_of_ones_own_are_compared_draw_by_draw_on_the_same_pixels():
    known = made_scene()

    def even(pixels, places, drawn):
        assert len(pixels) == len(places) == drawn.tested.sum()
        return ShotEstimate(np.full((len(pixels), 2), 0.5), None) if drawn.draw == 0 else None

    methods = {"even": ShotMethod("Even", "none", even), **baseline_methods(known.cube, ["shots_mean_scls"])}
    rows = score_shots(known, draw_shots(known, 2, 1, draws=2), methods=methods, against=["shots_mean_scls"])
    assert set(rows.loc[rows["method"] == "even", "draw"]) == {0}, "the other draw was not for it"
    armse = rows[(rows["metric"] == "armse") & (rows["convention"] == "reference") & (rows["draw"] == 0)]
    value = armse.set_index(["method", "against"])["value"]
    assert value["even", "shots_mean_scls"] == pytest.approx(value["even", ""] - value["shots_mean_scls", ""])
    assert set(rows.loc[rows["method"] == "shots_mean_scls", "against"]) == {""}
