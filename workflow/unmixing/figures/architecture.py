"""Figure 1: the CNNAEU, drawn from the network object itself, with its sizes on every scene."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from unmixing.figures.diagram import Box, canvas, draw_arrow, draw_box, in_boxes, write_table
from unmixing.figures.panels import scenes_of_study
from unmixing.figures.recording import record_layers
from unmixing.figures.style import MUTED, Description, style
from unmixing.tables.scene_rows import SceneRow, facts_by_scene

if TYPE_CHECKING:
    from unmixing.models.cnnaeu import CNNAEU
    from unmixing.models.contrastive import ContrastiveAutoencoder

_DIAGRAM, _TABLE_LINE = 2.2, 0.2
_GAP = 0.2
_DATA, _BLOCK, _SOFTMAX, _DECODER = 1.1, 1.6, 1.28, 1.7  # widths of the boxes
NO_FACTS = "No scene of this study is at hand, so that there is no number of bands and endmembers to draw for."


def describe(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Description:
    """Return what stands beside the figure.

    Args:
        rows: Facts of the scenes.
        scenes: Availability records of all scenes.
        scale: Not used.
        provenance: Commit, versions, input checksums.
    """
    known = sized_scenes(rows, scenes)
    return Description(
        name="figure_architecture",
        title="The convolutional autoencoder (Figure 1 of the paper)",
        caption="CNNAEU, drawn from the network object: its layers are recorded while it runs once, with their kernels "
        "and channels" + (f" on {known[0][0].title}" if known else "") + "; below, its sizes on every scene at hand.",
        scale="no training",
        n="no runs: a drawing",
        notes=[
            "The numbers behind convolutions are output channels; there are no biases. Batch normalisation and "
            "spatial dropout are shown where they act; dropout acts in training alone.",
            "The decoder's kernel is set to zero where it is negative after each update. An endmember is the spatial "
            "mean of its channel's kernel.",
            "The paper's Figure 1 says ReLU; the released code has LeakyReLU, as here (audit item A21).",
        ],
        provenance=provenance,
    )


def draw(spectra: pd.DataFrame, rows: pd.DataFrame, scenes: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw the network for the first scene of the study, and a line of sizes for each.

    Args:
        spectra: Not used.
        rows: Facts of the scenes, with columns scene, bands and endmembers; possibly empty.
        scenes: Availability records of all scenes.

    Returns:
        A figure 9.6 inches wide; without facts it says so.
    """
    from unmixing.models.cnnaeu import CNNAEU

    known = sized_scenes(rows, scenes)
    height = _DIAGRAM + 0.25 + _TABLE_LINE * len(known) if known else 0.6
    with style():
        figure, axes = canvas(height)
        if not known:
            axes.text(0.1, height / 2, NO_FACTS, color=MUTED, va="center")
            return figure
        models = [CNNAEU(bands, count) for _, bands, count in known]
        scene, bands, _ = known[0]
        _draw_network(axes, models[0], bands, height - 1.2, scene)
        lines = [
            [
                f"{scene.title} ({scene.kind})",
                str(bands),
                str(count),
                f"{parameters(model, 'spatial', 'pointwise', 'norms'):,}",
                f"{parameters(model, 'decoder'):,}",
            ]
            for (scene, bands, count), model in zip(known, models, strict=True)
        ]
        head = ["scene", "bands", "endmembers K", "parameters of the encoder", "of the decoder"]
        write_table(axes, (0.1, 2.9, 3.8, 5.2, 7.3), height - _DIAGRAM, [head, *lines])
    return figure


def sized_scenes(rows: pd.DataFrame, scenes: Sequence[Mapping[str, Any]]) -> list[tuple[SceneRow, int, int]]:
    """Return the scenes of the study whose bands and endmembers are known, the paper's first.

    Args:
        rows: Facts of the scenes; possibly empty.
        scenes: Availability records of all scenes.

    Returns:
        Scene, number of bands, number of endmembers.
    """
    facts = facts_by_scene(rows) if "bands" in rows else {}
    return [
        (scene, int(facts[scene.scene]["bands"]), int(facts[scene.scene]["endmembers"]))
        for scene in scenes_of_study(scenes)
        if scene.scene in facts
    ]


def parameters(model: CNNAEU, *parts: str) -> int:
    """Return the number of trained parameters of some parts of a network."""
    return sum(value.numel() for name, value in model.named_parameters() if name.partition(".")[0] in parts)


def _draw_network(axes: Axes, model: CNNAEU, bands: int, middle: float, scene: SceneRow) -> None:
    groups = in_boxes(record_layers(model, model, bands))
    count = model.endmembers().shape[0]
    boxes = [Box(0.1, _DATA, middle, 0.75, "patch", (f"{bands} bands", "rows × columns"))]

    def add(width: float, height: float, title: str, lines: Sequence[str], kind: str) -> None:
        boxes.append(Box(boxes[-1].right + _GAP, width, middle, height, title, lines, kind))

    for group in groups:
        texts = [layer.text for layer in group]
        if group[0].module == "decoder":
            sign = "kernel ≥ 0" if stays_non_negative(model) else "kernel of any sign"
            add(_DECODER, 1.0, texts[0], [*(texts[1:] or ["linear"]), sign], "decoder")
        elif group[0].kind == "softmax":
            add(_SOFTMAX, 1.0, texts[0], [f"{count} abundances,", "sum to one"], "encoder")
        else:
            add(_BLOCK, 1.0, texts[0], texts[1:], "encoder")
    add(_DATA, 0.75, "reconstruction", (f"{bands} bands", "rows × columns"), "data")
    for box in boxes:
        draw_box(axes, box)
    for one, other in pairwise(boxes):
        draw_arrow(axes, (one.right, middle), (other.left, middle))
    _bracket(axes, [box for box in boxes if box.kind == "encoder"], middle, "encoder")
    decoder = [box for box in boxes if box.kind == "decoder"]
    _bracket(axes, decoder, middle, "decoder")
    centre = decoder[0].left + _DECODER / 2
    text = f"endmembers: mean kernel of each of {count} channels, {count} × {bands}"
    axes.text(centre + 0.2, middle - 0.66, text, ha="center", va="center", color=MUTED, fontsize=8)
    title = f"CNNAEU on {scene.title} ({scene.kind}): {bands} bands, K = {count}"
    axes.text(0.1, middle + 1.05, title, va="center", fontsize=9, fontweight="bold")


def stays_non_negative(model: CNNAEU | ContrastiveAutoencoder) -> bool:
    """Return whether the step after each update leaves no negative weight in the decoder."""
    model.project()
    return bool((model.decoder.weight >= 0).all())


def _bracket(axes: Axes, boxes: Sequence[Box], middle: float, text: str) -> None:
    left, right, height = boxes[0].left, boxes[-1].right, middle + 0.6
    axes.plot([left, left, right, right], [height, height + 0.06, height + 0.06, height], color=MUTED, linewidth=0.9)
    axes.text((left + right) / 2, height + 0.18, text, ha="center", va="center", color=MUTED, fontsize=8.5)
