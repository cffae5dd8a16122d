"""Figure 2: what it says of the framework is what the network is."""

import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg

from unmixing.figures import contrastive_architecture as module
from unmixing.models.contrastive import ContrastiveAutoencoder
from unmixing.models.heads import HEADS, describe, projection_head
from unmixing.training.views import SELECTED

from ..tables.frames import scenes

FACTS = pd.DataFrame([{"scene": "samson", "bands": 156, "endmembers": 3}])


def written(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def drawn():
    return module.draw(pd.DataFrame(), FACTS, scenes())


def test_parts_are_those_of_the_network():
    found = written(drawn())
    sizes = ContrastiveAutoencoder(156, 3).parameter_counts()
    assert f"{sizes['encoder']:,} parameters" in found
    assert f"{sizes['head']:,} parameters" in found
    assert found.count("13 × 13 convolution, 156") == 2, "each view is decoded"
    assert "linear, 128, ReLU" in found
    assert "64 numbers a view;" in found


def test_views_are_those_that_training_draws():
    found = written(drawn())
    assert len(SELECTED) == 3
    for text in ("crop + blur", "or crop + jitter + blur"):
        assert found.count(text) == 2


def test_every_head_is_listed_as_its_module_is():
    found = written(drawn())
    for head in HEADS:
        place = found.index(head.replace("_", " "))
        assert found[place + 1] == describe(projection_head(head, 3, "equation"))
        assert found[place + 2] == describe(projection_head(head, 3, "code"))


def test_no_text_leaves_its_box():
    figure = drawn()
    renderer = FigureCanvasAgg(figure).get_renderer()
    axes = figure.axes[0]
    boxes = [patch.get_window_extent(renderer) for patch in axes.patches if hasattr(patch, "get_boxstyle")]
    assert len(boxes) == 12
    for text in axes.texts:
        extent = text.get_window_extent(renderer)
        inside = [box for box in boxes if box.x0 < (extent.x0 + extent.x1) / 2 < box.x1 and box.y0 < extent.y0 < box.y1]
        assert all(box.x0 < extent.x0 and extent.x1 < box.x1 for box in inside), text.get_text()


def test_without_scenes_it_says_so():
    assert written(module.draw(pd.DataFrame(), pd.DataFrame(), [])) == [module.NO_FACTS]
    assert module.describe(pd.DataFrame(), [], {}, {}).n == "no runs: a drawing"
