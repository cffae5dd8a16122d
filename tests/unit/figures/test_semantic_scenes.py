"""Errors and maps of unmixing by names: what is drawn, and what stands where there is nothing."""

import numpy as np
import pandas as pd
import pytest

from unmixing.figures import semantic_maps, semantic_scenes

from ..tables.frames import scenes
from ..tables.test_semantic_tables import scene_rows, shot_frame


def texts(figure):
    return [text.get_text() for part in figure.subfigs for text in part.texts]


def test_methods_have_marks_and_intervals_and_the_bar_is_shaded():
    rows = pd.concat([scene_rows("semantic", [0.3]), scene_rows("class_mean_scls", [0.2]), shot_frame()])
    figure = semantic_scenes.draw(pd.DataFrame(), rows, scenes())
    left, right = figure.axes
    marks = [line for line in left.lines if line.get_marker() != "None"]
    assert [line.get_xdata()[0] for line in marks] == [0.3, 0.2]
    spans = [line.get_xdata() for line in left.lines if line.get_marker() == "None"]
    np.testing.assert_allclose(spans, [[0.28, 0.32], [0.18, 0.22]])
    band = left.patches[0].get_extents().transformed(left.transData.inverted())
    assert (band.x0, band.x1) == pytest.approx((0.127, 0.152))
    assert [label.get_text() for label in right.get_xticklabels()] == ["1", "5"]
    curves = [line for line in right.lines if line.get_marker() != "None"]
    assert curves[0].get_ydata() == pytest.approx([0.108, 0.058])


def test_scenes_without_rows_say_why():
    figure = semantic_scenes.draw(pd.DataFrame(), pd.DataFrame(), scenes())
    assert not figure.axes
    assert any("UNMIXING_SCENES" in text for text in texts(figure))
    assert semantic_scenes.describe(pd.DataFrame(), scenes(), {}, {}).n == "not run"


def test_a_scene_without_shots_keeps_its_left_panel():
    left, right = semantic_scenes.draw(pd.DataFrame(), scene_rows("semantic", [0.3]), scenes()).axes
    assert left.lines
    assert right.texts[0].get_text() == "no shots were drawn"


def test_the_description_counts_pixels_and_draws():
    about = semantic_scenes.describe(pd.concat([scene_rows("semantic", [0.3]), shot_frame()]), scenes(), {}, {})
    assert about.n == "Samson 900 pixels, at most 5 draws of shots"
    assert about.name == "figure_semantic_scenes"


def map_frame(reference=True):
    """Two materials on 3 x 4 pixels; the model abstains on the first row."""
    row, col, material = (axis.ravel() for axis in np.indices((3, 4, 2)))
    share = np.where(material == 0, 0.25, 0.75)
    return pd.DataFrame(
        {
            "scene": "samson", "kind": "real", "title": "by names: made", "convention": "reference",
            "material": np.array(["Soil", "Tree"])[material], "prompt": np.array(["bare soil", "tree"])[material],
            "row": row, "col": col, "reference": share if reference else np.nan, "semantic": share, "scls": share,
            "residual_rad": 0.1, "abstain": row == 0, "reason": "",
        }
    )  # fmt: skip


def test_maps_stand_under_their_prompts_with_abstention_last():
    figure = semantic_maps.draw(map_frame(), pd.DataFrame(), scenes())
    images = [axes for axes in figure.axes if axes.images and axes.images[0].get_array().shape == (3, 4)]
    assert len(images) == 7, "three kinds of two materials, and abstention"
    assert images[0].get_title(loc="left") == "Soil\n“bare soil”"
    assert float(images[0].images[0].get_array()[0, 0]) == 0.25
    abstains = next(axes for axes in images if axes.texts)
    assert abstains.texts[0].get_text() == "abstains: 33%"
    np.testing.assert_array_equal(abstains.images[0].get_array()[:, 0], [1, 0, 0])


def test_a_scene_without_references_has_no_line_for_them():
    figure = semantic_maps.draw(map_frame(reference=False), pd.DataFrame(), scenes())
    labels = [axes.get_ylabel() for axes in figure.axes]
    assert "reference" not in labels
    assert "by names" in labels


def test_without_maps_the_figure_says_why():
    figure = semantic_maps.draw(pd.DataFrame(), pd.DataFrame(), scenes())
    assert any("UNMIXING_SCENES" in text or "not unmixed by names" in text for text in texts(figure))
    assert semantic_maps.describe(pd.DataFrame(), [], {}, {}).name == "figure_semantic_maps"
