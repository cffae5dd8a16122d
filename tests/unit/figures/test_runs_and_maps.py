"""Strip plots and abundance maps: what is drawn, and what stands where nothing can be drawn."""

import numpy as np
import pandas as pd

from unmixing.figures import abundances, strip_plots

from ..tables.frames import classical, runs, scene, scenes


def texts(figure):
    parts = [inner for part in figure.subfigs for inner in (part, *part.subfigs)]
    return [text.get_text() for part in parts for text in part.texts] + [part.get_suptitle() for part in parts]


def maps(name="samson", **values):
    row, col, endmember = np.indices((4, 5, 2)).reshape(3, -1)
    frame = pd.DataFrame(
        {"row": row, "col": col, "endmember": endmember + 1, "name": np.array(["soil", "tree"])[endmember]}
    )
    shares = {"reference": 0.2, "network": 0.5, "resolved": 0.8, "scale": "own", **values}
    return frame.assign(scene=name, protocol="described", run=1, **shares)


def test_every_run_is_a_circle_for_each_endmember_and_one_for_the_mean():
    figure = strip_plots.draw(pd.DataFrame(), pd.concat([runs(), classical()]), scenes())
    axes = figure.axes[0]
    assert axes.get_title(loc="left") == "Samson (real), described, n = 2"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["soil", "tree", "water", "mean"]
    heights = [strip.get_offsets()[:, 1].tolist() for strip in axes.collections]
    assert np.allclose(heights, [[0.04, 0.06], [0.05, 0.05], [0.12, 0.10], [0.07, 0.07]])
    levels = [line.get_ydata()[0] for line in axes.lines]
    assert np.allclose(levels[:4], [0.4, 0.3, 0.2, 0.3]), "chance, mean over draws"
    assert 0.0654 in levels, "the paper's mean"


def test_crops_have_no_line_of_the_paper():
    listed = [*scenes(), scene("urban4_crop", kind="crop", paper=False)]
    figure = strip_plots.draw(pd.DataFrame(), runs("urban4_crop", kind="crop"), listed)
    assert len(figure.axes[0].lines) == 1, "only what sets the mean apart"


def test_scenes_without_runs_say_why():
    for module in (strip_plots, abundances):
        found = " ".join(texts(module.draw(pd.DataFrame(), pd.DataFrame(), scenes())))
        assert "UNMIXING_SCENES" in found
        assert "Jasper Ridge" not in found


def test_maps_share_one_scale_and_stand_in_order():
    figure = abundances.draw(maps(), runs(), scenes())
    images = [image for axes in figure.axes for image in axes.images]
    assert np.allclose([image.get_array().mean() for image in images], [0.2, 0.2, 0.5, 0.5, 0.8, 0.8])
    assert {image.get_clim() for image in images} == {(0, 1)}
    assert images[0].get_array().shape == (4, 5)
    assert any("run 1\nresolved in the references' convention" in text for text in texts(figure))


def test_maps_say_what_scale_they_needed_and_leave_out_what_is_not_there():
    oracle = " ".join(texts(abundances.draw(maps(scale="references (oracle)"), runs(), scenes())))
    assert "(oracle)" in oracle
    figure = abundances.draw(maps(reference=np.nan, scale=""), runs(), scenes())
    assert len([image for axes in figure.axes for image in axes.images]) == 4
    assert "convention of the references unknown" in " ".join(texts(figure))
