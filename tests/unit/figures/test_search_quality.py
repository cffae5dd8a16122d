"""Cost and quality of a search: the best so far, core-seconds, and what its candidates give again."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from unmixing.figures.search_quality import describe, draw, expected_best, progress

from ..tables.contrastive_frames import search
from ..tables.frames import runs, scene, scenes
from .test_endmembers_contrastive import texts
from .test_search_effects import sheet

VALUES = {7: (0.3, 0.1), 3: (0.2, 0.1), 11: (0.5, 0.1), 5: (0.1, 0.1)}


def test_the_best_so_far_follows_the_order_of_the_trials():
    frame = pd.DataFrame({"trial": [2, 0, 1, 3], "sad_rad": [0.5, np.nan, 0.2, 0.1], "seconds": [1.0, 2.0, 4.0, 8.0]})
    found = progress(frame)
    assert np.isnan(found.best[0]), "a trial that diverged is no best"
    assert list(found.best[1:]) == [0.2, 0.2, 0.1]
    assert list(found.core_seconds) == [2, 6, 7, 15], "its seconds were spent"


def test_expected_best_is_the_mean_over_all_draws():
    values = np.array([0.4, 0.1, 0.3, 0.3, 0.9])
    expected = [np.mean([min(drawn) for drawn in combinations(values, count)]) for count in range(1, 6)]
    assert expected_best(values, 5) == pytest.approx(expected)
    assert len(expected_best(values, 2)) == 2


def test_steps_are_drawn_against_trials_and_core_seconds():
    by_trial, by_time, _ = draw(pd.DataFrame(), search(VALUES), scenes()).axes
    for axes, across in ((by_trial, [1, 2, 3, 4]), (by_time, [12.5, 25.0, 37.5, 50.0])):
        assert list(axes.lines[0].get_xdata()) == pytest.approx(across)
        assert list(axes.lines[0].get_ydata()) == pytest.approx([0.3, 0.2, 0.2, 0.1])


def diamonds(axes):
    return [part.get_offsets()[0] for part in axes.collections if part.get_sizes()[0] == 28]


def test_candidates_are_said_by_their_further_runs_alone():
    made = search(VALUES, again={5: [0.2, 0.22, 0.24, 0.26, 0.28], 3: [0.3, 0.5]})
    again = draw(pd.DataFrame(), made, scenes()).axes[2]
    assert [height for _, height in diamonds(again)] == pytest.approx([0.24, 0.4])
    ways = [line.get_ydata() for line in again.lines if line.get_color() == "#b8b8b8"]
    assert np.allclose(ways, [[0.1, 0.24], [0.2, 0.4]]), "from the value that selected it to the mean again"
    ticks = [part for part in again.collections if len(part.get_offsets()) == 2]
    assert len(ticks) == 1, "two runs have no interval and are drawn themselves"


def test_without_candidates_it_says_so():
    again = draw(pd.DataFrame(), search(VALUES), scenes()).axes[2]
    assert [text.get_text() for text in again.texts] == ["no trial was\ntrained again"]


def test_baseline_and_released_grid_stand_beside():
    made = pd.concat([search(VALUES), runs(sad=[[0.1, 0.2, 0.3], [0.3, 0.4, 0.5]])], ignore_index=True)
    by_trial, by_time, _ = draw(pd.DataFrame(), made, scenes(), released=sheet()).axes
    assert np.allclose(by_time.lines[-1].get_ydata(), 0.3)
    random = by_trial.lines[1].get_ydata()
    assert random[0] == pytest.approx(0.305), "one configuration at random: the mean of the sheet"
    assert (np.diff(random) < 0).all()


def test_a_diverged_trial_leaves_a_figure():
    made = search(VALUES, lost=[7])
    line = draw(pd.DataFrame(), made, scenes()).axes[0].lines[0]
    assert list(line.get_ydata()[1:]) == pytest.approx([0.2, 0.2, 0.1])


def test_without_a_search_or_scores_it_says_so():
    assert any("no finished trials" in text for text in texts(draw(pd.DataFrame(), pd.DataFrame(), scenes())))
    lost = search({7: (0.3, 0.1)}, lost=[7])
    assert any("no trial has an SAD" in text for text in texts(draw(pd.DataFrame(), lost, [scene("samson")])))
    assert any("Oracle" in note for note in describe(lost, scenes(), {}, {}).notes)
