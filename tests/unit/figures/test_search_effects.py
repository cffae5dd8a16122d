"""Main effects of the grid: means by level, intervals, and the released sheet beside them."""

import numpy as np
import pandas as pd
import pytest

from unmixing.figures.search_effects import describe, draw, effects
from unmixing.search import GRIDS
from unmixing.statistics import mean_interval

from ..tables.contrastive_frames import search
from ..tables.frames import scene, scenes
from .test_endmembers_contrastive import texts


def level_of(number, factor=0, grid="generalized"):
    return GRIDS[grid].places(GRIDS[grid].configuration(number))[factor]


def trials(numbers, **options):
    """Trials whose SAD is .05 more for each level of temperature."""
    grid = options.get("grid", "generalized")
    return search({one: (0.1 + 0.05 * level_of(one, grid=grid), 0.1) for one in numbers}, **options)


NUMBERS = list(range(0, 1280, 32))  # every other sigma and batch the same, temperature and lambda balanced


def sheet():
    grid = GRIDS["generalized"].configurations()
    made = pd.DataFrame(grid).rename(columns={"lambda": "weight"})
    return made.assign(loss="generalized", samson_sad=0.3 + 0.01 * made["weight"], urban4_sad=0.2, average_sad=0.25)


def test_levels_have_their_means_and_count_those_that_diverged():
    frame = pd.DataFrame({"temperature": [1.0, 1.0, 0.1, 0.1], "sad_rad": [0.2, 0.4, 0.1, np.nan]})
    first, second = effects(frame, "temperature")
    assert (first.level, first.lost, list(first.values)) == (0.1, 1, [0.1])
    assert (second.level, second.lost) == (1.0, 0)
    assert second.values.mean() == pytest.approx(0.3)


def means_of(axes, marker_size=30):
    return [tuple(part.get_offsets()[0]) for part in axes.collections if part.get_sizes()[0] == marker_size]


def test_a_panel_for_each_factor_with_the_mean_of_each_level():
    figure = draw(pd.DataFrame(), trials(NUMBERS), scenes())
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "temperature τ",
        "weight λ",
        "patch (pixels)",
        "batch (patches)",
        "kernel σ",
    ]
    temperature, weight = figure.axes[:2]
    assert [height for _, height in means_of(temperature)] == pytest.approx([0.1, 0.15, 0.2, 0.25])
    assert [height for _, height in means_of(weight)] == pytest.approx([0.175] * 5), "balanced: no effect of lambda"
    assert [label.get_text() for label in temperature.get_xticklabels()] == [
        "0.01\n(10)",
        "0.1\n(10)",
        "1\n(10)",
        "10\n(10)",
    ]


def test_intervals_are_those_of_the_trials_at_a_level():
    axes = draw(pd.DataFrame(), trials(NUMBERS), scenes()).axes[1]
    expected = mean_interval([0.1, 0.1, 0.15, 0.15, 0.2, 0.2, 0.25, 0.25])
    drawn = axes.lines[0].get_ydata()
    assert list(drawn) == pytest.approx([expected.low, expected.high])
    few = draw(pd.DataFrame(), trials(NUMBERS[::10]), scenes()).axes[0]
    assert len(few.lines) == 1, "below five trials the mean of all alone"


def test_trials_that_diverged_are_counted_at_their_level():
    axes = draw(pd.DataFrame(), trials(NUMBERS, lost=[0, 32]), scenes()).axes[0]
    assert axes.get_xticklabels()[0].get_text() == "0.01\n(8)\n+ 2"


def test_further_runs_of_candidates_are_no_trials():
    made = trials(NUMBERS, again={0: [0.9] * 6})
    axes = draw(pd.DataFrame(), made, scenes()).axes[0]
    assert means_of(axes)[0][1] == pytest.approx(0.1)


def test_the_released_sheet_stands_beside_its_scene():
    temperature, weight = draw(pd.DataFrame(), trials(NUMBERS), scenes(), released=sheet()).axes[:2]
    assert len(means_of(temperature)) == 8
    squares = means_of(weight)[1::2]
    assert [height for _, height in squares] == pytest.approx([0.301, 0.303, 0.305, 0.307, 0.309])
    other = trials(NUMBERS, name="synthetic_easy")
    assert len(means_of(draw(pd.DataFrame(), other, scenes(), released=sheet()).axes[0])) == 4


def test_nt_xent_has_no_sigma_and_its_own_line():
    made = pd.concat([trials(NUMBERS), trials(range(0, 320, 8), grid="nt_xent")])
    figure = draw(pd.DataFrame(), made, scenes())
    assert len(figure.axes) == 5 + 4
    assert any("grid nt_xent, n = 40 trials of 320" in text for text in texts(figure))


def test_without_a_search_or_scores_it_says_so():
    assert any("no finished trials" in text for text in texts(draw(pd.DataFrame(), pd.DataFrame(), scenes())))
    lost = trials(NUMBERS[:2], lost=NUMBERS[:2])
    assert any("no trial has an SAD" in text for text in texts(draw(pd.DataFrame(), lost, [scene("samson")])))


def test_description_says_whether_the_sheet_is_at_hand():
    without = describe(trials(NUMBERS), scenes(), {}, {})
    assert any("UNMIXING_REFERENCE" in note for note in without.notes)
    assert not any("UNMIXING_REFERENCE" in note for note in describe(trials(NUMBERS), scenes(), {}, {}, sheet()).notes)
