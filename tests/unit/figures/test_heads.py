"""The figure of projection heads: every run, means with intervals, paired differences."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from unmixing.figures.contrastive_panels import cells
from unmixing.figures.heads import NAMES, compare, describe, draw
from unmixing.models.heads import HEADS
from unmixing.statistics import mean_interval, paired_comparison

from ..tables.contrastive_frames import heads
from ..tables.frames import scene, scenes
from .test_endmembers_contrastive import texts

OFFSETS = {"identity": 0.02, "baseline": 0.0, "skip": 0.005}


def test_all_heads_have_a_name():
    assert set(NAMES) == set(HEADS)


def test_lines_are_the_selected_head_the_others_and_the_control():
    axes = draw(pd.DataFrame(), heads(OFFSETS), scenes()).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "baseline (the paper's choice)",
        "skip connection",
        "none (control)",
    ]
    assert axes.yaxis_inverted()


def test_every_run_is_a_circle_in_the_order_of_its_index():
    made = heads({"baseline": 0.0}, number=6)
    axes = draw(pd.DataFrame(), made, scenes()).axes[0]
    offsets = axes.collections[0].get_offsets()
    expected = made.groupby("run")["sad_rad"].mean()
    assert np.allclose(offsets[:, 0], expected)
    assert (np.diff(offsets[:, 1]) > 0).all()
    interval = mean_interval(expected)
    assert list(axes.lines[0].get_xdata()) == pytest.approx([interval.low, interval.high])


def test_collapsed_runs_are_crosses():
    axes = draw(pd.DataFrame(), heads({"baseline": 0.0}, number=6, status=("ok", "collapsed")), scenes()).axes[0]
    assert [len(part.get_offsets()) for part in axes.collections[:2]] == [5, 1]


def test_differences_are_paired_by_run():
    made = heads(OFFSETS, number=6)
    made.loc[(made["head"] == "skip") & (made["run"] == 5), "sad_rad"] = np.nan
    made.loc[(made["head"] == "skip") & (made["run"] == 5), "status"] = "diverged"
    (cell,), _ = cells(made, [scene("samson")], "heads", "head")
    found = compare(cell, "skip")
    means = made.groupby(["head", "run"])["sad_rad"].mean()
    expected = paired_comparison(means["skip"][:5], means["baseline"][:5])
    assert (found.n, found.difference) == (5, pytest.approx(expected.difference))
    assert compare(cell, "baseline") is None
    written = [text.get_text() for text in draw(pd.DataFrame(), made, scenes()).axes[1].texts]
    assert f"{expected.difference:+.4f} (n = 5)" in written


def test_few_pairs_have_no_interval():
    figure = draw(pd.DataFrame(), heads(OFFSETS, number=3), scenes())
    assert "fewer than 5 pairs" in [text.get_text() for text in figure.axes[1].texts]
    assert len(figure.axes[0].lines) == 1, "the line of the baseline head alone"


def test_numbers_beside_do_not_touch():
    figure = draw(pd.DataFrame(), heads(OFFSETS, number=6), scenes())
    renderer = FigureCanvasAgg(figure).get_renderer()
    extents = [text.get_window_extent(renderer) for text in figure.axes[1].texts]
    for place, one in enumerate(extents):
        assert not any(one.overlaps(other) for other in extents[place + 1 :])


def test_without_heads_or_scores_it_says_so():
    assert any("no finished runs of projection heads" in text for text in texts(draw(None, pd.DataFrame(), scenes())))
    lost = heads({"baseline": 0.0}, number=1, status=("diverged",))
    assert any("no run has an SAD" in text for text in texts(draw(None, lost, [scene("samson")])))


def test_description_says_that_the_paper_has_no_number():
    described = describe(heads(OFFSETS), scenes(), {}, {})
    assert any("no number for any" in note for note in described.notes)
    assert described.n == "Samson (described) 3 points x 6 runs"
