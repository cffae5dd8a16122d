"""Figures 9 and 10: both losses, both lines, and the place between them."""

import numpy as np
import pandas as pd
import pytest

from unmixing.figures.contrastive_losses import NO_RANGE, describe, draw

from ..tables.frames import scene, scenes
from .contrastive_frames import TABLE_7, curves, rows
from .test_endmembers_contrastive import texts


def drawn(data, made=None):
    return draw(data, rows("table7_average") if made is None else made, scenes())


def test_a_line_of_three_panels_for_each_configuration_of_table_7():
    data = pd.concat([curves(name) for name in (*TABLE_7, "nt_xent_best")])
    figure = drawn(data, rows(*TABLE_7, "nt_xent_best"))
    assert len(figure.axes) == 9
    assert "Figure 9: Samson (real), described" in texts(figure)
    assert figure.axes[3].get_title(loc="left") == "Best SAD (Samson): τ 10, λ 0.5, patch 16, batch 30, σ 0.1"


def test_the_loss_stands_between_floor_and_equal_similarities():
    _, middle, right = drawn(curves(number=3)).axes
    loss, equal, floor = (line.get_ydata() for line in middle.lines)
    assert np.allclose(equal, 2.7)
    assert np.allclose(floor, 1.2)
    expected = 0.5 + 0.5 * np.exp(-np.arange(1, 21) / 4) + 0.01  # the median of three runs
    assert np.allclose(loss, 1.2 + 1.5 * expected)
    assert np.allclose(right.lines[-1].get_ydata(), expected)
    low, high = right.get_ylim()
    assert low < 0 < 1 < high, "both lines are seen"


def test_reconstruction_is_drawn_with_its_control():
    data = pd.concat([curves(), curves(variant="lambda_1")])
    left = drawn(data).axes[0]
    loss, control = left.lines
    assert np.allclose(control.get_ydata() - loss.get_ydata(), 0.02)
    assert control.is_dashed()
    assert len(drawn(curves()).axes[0].lines) == 1


def test_the_band_spans_all_runs():
    left = drawn(curves(number=3)).axes[0]
    band = left.collections[0].get_paths()[0].vertices[:, 1]
    assert band.max() == pytest.approx(curves(number=3)["sad"].max())


def test_a_loss_without_range_says_so():
    right = drawn(curves(equal=2.7, floor=2.7 - 1e-7)).axes[2]
    assert [text.get_text() for text in right.texts] == [NO_RANGE]


def test_warm_up_epochs_without_a_contrastive_term_break_the_line():
    data = curves()
    early = data["epoch"] <= 5
    data.loc[early, ["contrastive", "equal_similarity", "floor"]] = np.nan
    loss = drawn(data).axes[1].lines[0].get_ydata()
    assert np.isnan(loss[:5]).all()
    assert np.isfinite(loss[5:]).all()


@pytest.mark.parametrize("empty", [pd.DataFrame(), curves().iloc[:0]])
def test_nothing_at_all_says_so(empty):
    assert any("no finished runs" in text for text in texts(draw(empty, pd.DataFrame(), scenes())))
    assert any("left curves" in text for text in texts(draw(empty, rows("table7_average"), [scene("samson")])))


def test_description_warns_of_the_distance_to_the_equal_similarity_value():
    described = describe(rows("table7_average"), scenes(), {}, {})
    assert any("alone shows nothing" in note for note in described.notes)
