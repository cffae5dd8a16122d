"""Scores with answers known by hand, in both conventions of abundances."""

import numpy as np
import pytest

from unmixing.classical.abundances import scls
from unmixing.errors import UnmixingError
from unmixing.evaluation import References
from unmixing.semantic.scores import (
    average_precision,
    block_numbers,
    compare_maps,
    dominant_hits,
    score_assignment,
    score_maps,
    score_values,
)

#: Two materials, the second far darker: what is half and half by area is mostly the first by brightness.
SPECTRA = np.array([[0.8, 0.6, 0.4, 0.5], [0.05, 0.08, 0.1, 0.06]])


def made_scene(convention="nnls_sum_max", shape=(20, 30), seed=0):
    areas = np.random.default_rng(seed).dirichlet([1, 1], shape)
    cube = areas @ SPECTRA
    maxima = SPECTRA.max(axis=1)
    flat = scls(cube.reshape(-1, 4), SPECTRA / maxima[:, None] if convention == "nnls_sum_max" else SPECTRA)
    known = References(
        cube, np.linspace(500, 900, 4), ["bright", "dark"], SPECTRA, flat.reshape(*shape, 2), convention=convention
    )
    return areas, known


def value(rows, metric, convention="reference", material=""):
    chosen = rows[(rows["metric"] == metric) & (rows["convention"] == convention) & (rows["material"] == material)]
    assert len(chosen) == 1
    return chosen["value"].iloc[0]


def test_areas_that_are_right_score_nothing_in_both_conventions():
    areas, known = made_scene()
    rows = score_maps(areas, known, maxima=SPECTRA.max(axis=1))
    for convention in ("reference", "areal"):
        assert value(rows, "armse", convention) < 1e-6
        assert value(rows, "dominant_accuracy", convention) == 1
        assert value(rows, "presence_map", convention) == pytest.approx(1)
    assert np.abs(areas - known.abundances).max() > 0.3, "the two conventions differ much here"


def test_maps_without_endmembers_are_compared_as_they_are():
    areas, known = made_scene()
    rows = score_maps(areas, known, maxima=None)
    assert value(rows, "armse") == pytest.approx(np.sqrt(np.mean((areas - known.abundances) ** 2)))
    assert value(rows, "armse", "areal") < 1e-6


def test_scenes_of_unknown_convention_have_the_raw_difference_alone():
    areas, known = made_scene(convention="unknown")
    rows = score_maps(areas, known, maxima=SPECTRA.max(axis=1))
    assert set(rows["convention"]) == {"raw"}


def test_errors_are_what_they_say():
    _, known = made_scene("nnls_sum_raw")
    shifted = np.clip(known.abundances + np.array([0.1, -0.1]), 0, 1)
    rows = score_maps(shifted, known, maxima=SPECTRA.max(axis=1), identity={"method": "shifted"})
    error = shifted - known.abundances
    assert value(rows, "armse") == pytest.approx(np.sqrt(np.mean(error**2)))
    assert value(rows, "mae") == pytest.approx(np.abs(error).mean())
    assert value(rows, "mae", material="dark") == pytest.approx(np.abs(error[..., 1]).mean())
    assert value(rows, "sre_db") == pytest.approx(10 * np.log10(np.sum(known.abundances**2) / np.sum(error**2)))
    armse = rows[(rows["metric"] == "armse") & (rows["convention"] == "reference")].iloc[0]
    assert armse["low"] < armse["value"] < armse["high"]
    assert (armse["n"], armse["blocks"], rows.columns[0]) == (600, 25, "method")


def test_a_constant_is_right_as_often_as_chance():
    areas, known = made_scene()
    rows = score_maps(np.full_like(areas, 0.5), known, maxima=None)
    assert value(rows, "dominant_accuracy") == 0.5


def test_pixels_that_are_not_seen_or_not_tested_do_not_count():
    areas, known = made_scene("nnls_sum_raw")
    wrong = areas.copy()
    wrong[:, :10] = wrong[:, :10, ::-1]
    tested = np.zeros(areas.shape[:2], bool)
    tested[:, 10:] = True
    rows = score_maps(wrong, known, maxima=SPECTRA.max(axis=1), tested=tested)
    assert value(rows, "armse") < 1e-6
    assert rows["n"].iloc[0] == 400
    with pytest.raises(UnmixingError, match="no pixel is left"):
        score_maps(wrong, known, maxima=None, tested=np.zeros_like(tested))
    with pytest.raises(UnmixingError, match="one for each material"):
        score_maps(areas[..., :1], known, maxima=None)


def test_maps_that_are_one_of_several_draws_have_no_interval():
    areas, known = made_scene()
    rows = score_maps(areas[::-1], known, maxima=None, blocks=0)
    assert rows["low"].isna().all()
    assert (rows["interval"] == "").all()


def test_the_better_of_two_methods_has_the_smaller_error():
    areas, known = made_scene()
    noisy = np.clip(areas + np.random.default_rng(1).normal(0, 0.1, areas.shape[:2])[..., None] * [1, -1], 0, 1)
    maxima = SPECTRA.max(axis=1)
    rows = compare_maps(areas, noisy, known, maxima=(maxima, maxima)).set_index(["convention", "metric"])
    for convention in ("reference", "areal"):
        assert rows.loc[(convention, "armse"), "high"] < 0
        assert rows.loc[(convention, "dominant_accuracy"), "low"] > 0
    whole = score_maps(noisy, known, maxima=maxima)
    assert rows.loc[("reference", "armse"), "value"] == pytest.approx(-value(whole, "armse"), abs=1e-5)


def test_average_precision_of_a_known_ranking():
    assert average_precision([0.9, 0.8, 0.7, 0.6], [1, 0, 1, 0]) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision([0.5] * 4, [1, 0, 0, 0]) == 0.25, "ties are found together"
    assert np.isnan(average_precision([0.5, 0.4], [0, 0]))


def test_ties_for_the_largest_share_are_right_in_part():
    assert dominant_hits(np.array([[0.5, 0.5], [1, 0]]), np.array([[0.9, 0.1], [0.2, 0.8]])).tolist() == [0.5, 0]


def test_assignment_scores_by_hand():
    truth = np.array([[1.0, 0], [1, 0], [0, 1], [0, 1]])
    rows = {row["metric"]: row for row in score_assignment(np.full((4, 2), [0.75, 0.25]), truth, [0, 0, 1, 1])}
    assert rows["brier"]["value"] == pytest.approx((2 * 0.25**2 + 2 * 0.75**2) / 2)
    assert rows["ece"]["value"] == pytest.approx(0.25), "sure by .75, right by .5"
    sure = {row["metric"]: row for row in score_assignment(truth, truth, [0, 0, 1, 1])}
    assert (sure["brier"]["value"], sure["ece"]["value"]) == (0, 0)


def test_blocks_cover_the_image_in_equal_parts():
    numbers = block_numbers((10, 20), 5)
    assert np.bincount(numbers.ravel()).tolist() == [8] * 25
    assert len(np.unique(numbers[:2, :4])) == 1


def test_values_of_pixels_are_averaged_with_intervals_over_blocks():
    values = np.arange(600.0).reshape(20, 30)
    used = np.ones((20, 30), bool)
    used[0] = False
    row = score_values("residual", values, used, identity={"method": "m"}).iloc[0]
    assert row["value"] == pytest.approx(values[1:].mean())
    assert row["low"] < row["value"] < row["high"]
    assert (row["method"], row["n"], row["blocks"]) == ("m", 570, 25)
    assert np.isnan(score_values("residual", values, used, blocks=0)["low"].iloc[0])
    with pytest.raises(UnmixingError, match="no pixel is left"):
        score_values("residual", values, ~np.ones((20, 30), bool))
