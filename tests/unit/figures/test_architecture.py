"""Figure 1: what it says of the network is what the network is."""

import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from unmixing.figures import architecture
from unmixing.figures.diagram import in_boxes
from unmixing.figures.recording import record_layers
from unmixing.models.cnnaeu import CNNAEU
from unmixing.models.contrastive import ContrastiveAutoencoder

from ..tables.frames import scenes

FACTS = pd.DataFrame(
    [{"scene": "synthetic_easy", "bands": 60, "endmembers": 4}, {"scene": "samson", "bands": 156, "endmembers": 3}]
)


def written(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def layers(model, bands=20):
    return [layer.text for layer in record_layers(model, model, bands)]


def test_layers_come_in_the_order_in_which_they_act():
    assert layers(CNNAEU(20, 3)) == [
        "3 × 3 convolution, 48",
        "LeakyReLU 0.02",
        "batch normalisation",
        "spatial dropout 0.2",
        "1 × 1 convolution, 3",
        "LeakyReLU 0.02",
        "batch normalisation",
        "spatial dropout 0.2",
        "softmax(3 x)",
        "13 × 13 convolution, 20",
    ]


def test_another_network_is_another_drawing():
    changed = layers(CNNAEU(20, 5, batch_norm="untracked", activation="relu", softmax_scale=1.5))
    assert changed[1] == "ReLU"
    assert "1 × 1 convolution, 5" in changed
    assert "softmax(1.5 x)" in changed


def test_biases_and_an_output_activation_are_seen():
    model = ContrastiveAutoencoder(20, 3, decoder="raw_relu", initialisation="kaiming")
    found = layers(model)
    assert found[0] == "3 × 3 convolution, 48 + bias"
    assert found[-1] == "ReLU", "the rectified weights before the convolution are no layer, the output's ReLU is"
    assert not architecture.stays_non_negative(model)
    assert architecture.stays_non_negative(CNNAEU(20, 3))


def test_recording_leaves_the_network_as_it_was():
    model = CNNAEU(20, 3)
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    record_layers(model, model, 20)
    assert model.training
    assert all((value == before[name]).all() for name, value in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())


def test_boxes_begin_with_a_convolution_or_softmax():
    model = CNNAEU(20, 3)
    groups = in_boxes(record_layers(model, model, 20))
    assert [group[0].module or group[0].kind for group in groups] == ["spatial", "pointwise", "softmax", "decoder"]
    assert [len(group) for group in groups] == [4, 4, 1, 1]


def test_the_papers_first_scene_is_drawn_and_all_are_listed():
    found = written(architecture.draw(pd.DataFrame(), FACTS, scenes()))
    assert "CNNAEU on Samson (real): 156 bands, K = 3" in found
    assert "13 × 13 convolution, 156" in found
    assert "endmembers: mean kernel of each of 3 channels, 3 × 156" in found
    model = CNNAEU(60, 4)
    encoder = sum(value.numel() for value in (*model.spatial.parameters(), *model.pointwise.parameters()))
    encoder += sum(value.numel() for value in model.norms.parameters())
    place = found.index("Synthetic, easy (synthetic)")
    assert found[place : place + 5] == ["Synthetic, easy (synthetic)", "60", "4", f"{encoder:,}", f"{60 * 4 * 169:,}"]


def test_no_text_leaves_its_box():
    figure = architecture.draw(pd.DataFrame(), FACTS, scenes())
    renderer = FigureCanvasAgg(figure).get_renderer()
    axes = figure.axes[0]
    boxes = [patch.get_window_extent(renderer) for patch in axes.patches if hasattr(patch, "get_boxstyle")]
    assert len(boxes) == 6
    for text in axes.texts:
        extent = text.get_window_extent(renderer)
        inside = [box for box in boxes if box.x0 < (extent.x0 + extent.x1) / 2 < box.x1 and box.y0 < extent.y0 < box.y1]
        assert all(box.x0 < extent.x0 and extent.x1 < box.x1 for box in inside), text.get_text()


@pytest.mark.parametrize("empty", [pd.DataFrame(), FACTS.iloc[:0], FACTS[FACTS["scene"] == "other"]])
def test_without_scenes_it_says_so(empty):
    assert written(architecture.draw(pd.DataFrame(), empty, scenes())) == [architecture.NO_FACTS]


def test_description_names_the_scene():
    described = architecture.describe(FACTS, scenes(), {}, {"commit": "0123abc"})
    assert "on Samson" in described.caption
    assert described.provenance == {"commit": "0123abc"}
