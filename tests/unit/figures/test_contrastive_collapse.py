"""The figure of collapse: measures of embeddings, their values at one point, and zero embeddings."""

import numpy as np
import pandas as pd

from unmixing.figures.contrastive_collapse import MEASURES, describe, draw

from ..tables.frames import scene, scenes
from .contrastive_frames import curves, rows
from .test_endmembers_contrastive import texts


def test_every_measure_has_a_panel_with_the_value_of_one_point():
    figure = draw(curves(), rows("table7_average"), scenes())
    assert len(figure.axes) == len(MEASURES) == 4
    for axes, (_, collapsed) in zip(figure.axes, MEASURES.values(), strict=True):
        assert set(axes.lines[0].get_ydata()) == {collapsed}
        low, high = axes.get_ylim()
        assert low < collapsed < high


def test_lines_hold_the_measured_epochs_alone():
    axes = draw(curves(epochs=25), rows("table7_average"), scenes()).axes[0]
    line = axes.lines[-1]
    assert np.allclose(np.round(line.get_xdata()), [10, 20, 25], atol=1)
    assert np.allclose(line.get_ydata(), 0.81), "the median of three runs"
    ends = np.array([segment[:, 1] for segment in axes.collections[0].get_segments()])
    assert np.allclose(ends, [[0.8, 0.82]] * 3), "bars from the lowest run to the highest"


def test_the_control_is_a_line_of_its_own():
    data = pd.concat([curves(), curves(variant="lambda_1")])
    axes = draw(data, rows("table7_average"), scenes()).axes[0]
    _, control, line = axes.lines
    assert control.is_dashed()
    assert np.allclose(control.get_ydata() - line.get_ydata(), 0.02)
    assert control.get_color() == line.get_color()


def test_zero_embeddings_are_named_and_have_no_line():
    data = curves(zero_share=1.0)
    data[[*MEASURES]] = np.nan
    figure = draw(data, rows("table7_average"), scenes())
    assert any("zero embeddings at the end: Best SAD (Avg) 100 % in the mean" in text for text in texts(figure))
    assert all(len(axes.lines) == 1 for axes in figure.axes)
    assert not any("zero" in text for text in texts(draw(curves(), rows("table7_average"), scenes())))


def test_configurations_differ_in_colour_and_mark():
    names = ("table7_average", "table7_samson", "nt_xent_best")
    figure = draw(pd.concat([curves(name) for name in names]), rows(*names), scenes())
    lines = figure.axes[0].lines[1:]
    assert len({line.get_color() for line in lines}) == len({line.get_marker() for line in lines}) == 3


def test_nothing_at_all_says_so():
    assert any("no finished runs" in text for text in texts(draw(pd.DataFrame(), pd.DataFrame(), scenes())))
    found = texts(draw(pd.DataFrame(), rows("table7_average"), [scene("samson")]))
    assert any("no embedding of these runs was measured" in text for text in found)
    assert describe(pd.DataFrame(), scenes(), {}, {}).n == "no runs"
