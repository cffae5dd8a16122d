"""Regimes beside each other: means, deviations within and between."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from unmixing.figures.augmentation_regimes import draw, regime_means
from unmixing.figures.sweep_panels import sweep_panels
from unmixing.statistics import mean_interval
from unmixing.tables.sweep_rows import REGIMES

from ..tables.frames import scene
from ..tables.sweep_frames import shifted, sweep
from .test_augmentation_forest import texts, titles

OFFSETS = dict(zip(REGIMES, (0.0, 0.01, 0.05), strict=True))


def by_regime(regime, run, image_set, weights):
    """Angles that a regime shifts, the same way for all runs."""
    return shifted(0)(regime, run, image_set, weights) + OFFSETS[regime]


def means(number=10, **values):
    rows = sweep({"blur_1": by_regime}, number=number, **values)
    return {mean.regime: mean for mean in regime_means(sweep_panels(rows, [scene("samson")])[0][0])}


def test_means_differ_by_what_the_regime_changes_and_deviations_do_not():
    found = means()
    first = found["dynamic_unseeded"]
    assert [mean.mean - first.mean for mean in found.values()] == pytest.approx(list(OFFSETS.values()))
    angles = [shifted(0)("", run, 0, 0).mean() for run in range(10)]
    assert [mean.deviation for mean in found.values()] == pytest.approx([np.std(angles, ddof=1)] * 3)


def test_runs_that_share_images_are_one_draw():
    found = means(number=10, image_sets=5)
    assert {regime: (mean.runs, mean.draws) for regime, mean in found.items()} == {
        "dynamic_unseeded": (10, 10),
        "fixed_unseeded": (10, 5),
        "fixed_seeded": (10, 5),
    }
    angles = np.array([by_regime("fixed_unseeded", run, 0, 0).mean() for run in range(10)])
    draws = angles.reshape(2, 5).mean(axis=0)
    expected = mean_interval(draws)
    interval = found["fixed_unseeded"].interval
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))
    assert means(number=4)["dynamic_unseeded"].interval is None


def test_marks_are_joined_and_the_diamond_is_the_deviation_between_regimes():
    figure = draw(pd.DataFrame(), sweep({"blur_1": by_regime}), [scene("samson")])
    left, right = figure.axes
    found = means(number=5)
    joined = next(line for line in left.lines if len(line.get_xdata()) == 3)
    assert np.allclose(joined.get_xdata(), [mean.mean for mean in found.values()])
    assert (np.diff(joined.get_ydata()) > 0).all(), "in the order of Table 4, top to bottom"
    points = [strip.get_offsets()[0][0] for strip in right.collections]
    assert points[-1] == pytest.approx(np.std(list(OFFSETS.values()), ddof=1))
    assert points[:-1] == pytest.approx([mean.deviation for mean in found.values()])


def test_titles_tell_runs_and_draws_and_what_is_too_few():
    rows = sweep({"blur_1": by_regime}, number=3, image_sets=2, initialisations=2)
    title = titles(draw(pd.DataFrame(), rows, [scene("samson")]))[0]
    assert "n = 3 (3), 3 (2), 3 (2) runs (independent draws)\nfewer than five draws" in title


def test_a_single_regime_says_that_there_is_nothing_to_compare():
    rows = sweep({"blur_1": by_regime}, regimes=("fixed_seeded",))
    figure = draw(pd.DataFrame(), rows, [scene("samson")])
    assert not figure.axes
    assert "augmentation: regimes" in texts(figure)


def test_one_run_has_a_mean_and_no_deviation():
    figure = draw(pd.DataFrame(), sweep({"blur_1": by_regime}, number=1), [scene("samson")])
    assert [len(strip.get_offsets()) for strip in figure.axes[0].collections] == [1, 1, 1]
    assert len(figure.axes[1].collections) == 1, "what lies between regimes"
