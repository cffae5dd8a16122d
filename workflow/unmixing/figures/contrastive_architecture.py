"""Figure 2: the contrastive framework, drawn from the network object itself, with all projection heads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from unmixing.augmentation.treatments import TREATMENTS
from unmixing.figures.architecture import NO_FACTS, sized_scenes, stays_non_negative
from unmixing.figures.diagram import Box, Layer, canvas, draw_arrow, draw_box, write_table
from unmixing.figures.recording import record_layers
from unmixing.figures.style import MUTED, Description, style
from unmixing.tables.scene_rows import SceneRow

if TYPE_CHECKING:
    from unmixing.models.contrastive import ContrastiveAutoencoder

_DIAGRAM = 4.35
_LANES = (1.42, 0.5, -0.5, -1.42)  # first reconstruction, first embedding, second embedding, second reconstruction
_VIEWS = (0.96, -0.96)


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
        name="figure_contrastive_architecture",
        title="The contrastive framework (Figure 2 of the paper)",
        caption="Two views of each patch pass the same autoencoder; their mean abundances are projected to unit "
        "vectors that the contrastive loss compares, and each view is reconstructed. Drawn from the network object, "
        "its layers recorded while it runs once" + (f" on {known[0][0].title}" if known else "") + "; below, all "
        "projection heads, read from theirs.",
        scale="no training",
        n="no runs: a drawing",
        notes=[
            "Views are drawn anew in each epoch. The weights of the loss's target come from the mean abundances of the "
            "patches: the references' (training with the truth), the baseline's, the network's own, or permuted ones.",
            "Training embeds the abundances without dropout and decodes those with it. Each encoder layer ends as in "
            "Figure 1, with batch normalisation and spatial dropout.",
            "The equations of section 2.3 have a ReLU after every layer of a head and a skip connection that adds the "
            "latent vector itself; the released code has neither (audit item A20).",
        ],
        provenance=provenance,
    )


def draw(spectra: pd.DataFrame, rows: pd.DataFrame, scenes: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw the framework for the first scene of the study, and a line for each projection head.

    Args:
        spectra: Not used.
        rows: Facts of the scenes, with columns scene, bands and endmembers; possibly empty.
        scenes: Availability records of all scenes.

    Returns:
        A figure 9.6 inches wide; without facts it says so.
    """
    from unmixing.models.contrastive import ContrastiveAutoencoder

    known = sized_scenes(rows, scenes)
    heads = head_lines(known[0][2]) if known else []
    height = _DIAGRAM + 0.3 + 0.2 * len(heads) if known else 0.6
    with style():
        figure, axes = canvas(height)
        if not known:
            axes.text(0.1, height / 2, NO_FACTS, color=MUTED, va="center")
            return figure
        scene, bands, count = known[0]
        _draw_framework(axes, ContrastiveAutoencoder(bands, count), scene, bands, count, height - 2.35)
        head = ["projection head", "as the equations print it", "as released"]
        write_table(axes, (0.1, 1.9, 5.5), height - _DIAGRAM, [head, *heads])
    return figure


def head_lines(count: int) -> list[list[str]]:
    """Return id and layers of each projection head, as printed and as released, read from the modules.

    Args:
        count: Number of endmembers, the width of what a head takes.
    """
    from unmixing.models.heads import HEADS, describe, projection_head

    return [
        [
            head.replace("_", " "),
            describe(projection_head(head, count, "equation")),
            describe(projection_head(head, count, "code")),
        ]
        for head in HEADS
    ]


def _draw_framework(
    axes: Axes, model: ContrastiveAutoencoder, scene: SceneRow, bands: int, count: int, middle: float
) -> None:
    import torch

    from unmixing.training.views import SELECTED

    layers = record_layers(model, model.view, bands)
    encoder, decoder, head = _parts(layers)
    sizes = model.parameter_counts()
    sign = "kernel ≥ 0" if stays_non_negative(model) else "kernel of any sign"
    embedding = model.embed_patches(torch.ones(2, bands, 1, 1)).shape[1]
    views = [TREATMENTS[name].title.split(" (")[0].lower() for name in SELECTED]
    lanes = [middle + lane for lane in _LANES]
    patch = Box(0.1, 1.02, middle, 0.75, "patch", (f"{bands} bands", "rows × columns"))
    both = [
        Box(1.34, 1.42, middle + offset, 0.95, f"view {place}", _drawn_from(views))
        for place, offset in enumerate(_VIEWS, start=1)
    ]
    trunk = Box(
        3.0, 1.52, middle, 3.1, "encoder, shared", [*encoder, "", f"{sizes['encoder']:,} parameters"], "encoder"
    )
    maps = [
        Box(4.76, 1.0, middle + offset, 0.75, "abundances", (f"{count}, sum to", "one"), "encoder") for offset in _VIEWS
    ]
    decoders = [Box(6.0, 1.72, lanes[place], 0.75, "decoder, shared", [*decoder, sign], "decoder") for place in (0, 3)]
    projection = Box(
        6.0, 1.72, middle, 1.75, "projection head, shared", [*head, f"{sizes['head']:,} parameters"], "head"
    )
    angles = [
        Box(7.98, 1.52, lanes[place], 0.75, "spectral angle", (f"view {view} and its", "reconstruction"), "loss")
        for place, view in ((0, 1), (3, 2))
    ]
    contrast = Box(
        7.98, 1.52, middle, 1.75, "contrastive loss", (f"{embedding} numbers a view;", "targets from labels"), "loss"
    )
    for box in (patch, *both, trunk, *maps, *decoders, projection, *angles, contrast):
        draw_box(axes, box)
    for place, (view, abundances) in enumerate(zip(both, maps, strict=True)):
        draw_arrow(axes, (patch.right, middle), (view.left, view.middle))
        draw_arrow(axes, (view.right, view.middle), (trunk.left, view.middle))
        draw_arrow(axes, (trunk.right, view.middle), (abundances.left, view.middle))
        draw_arrow(axes, (abundances.right, abundances.middle), (decoders[place].left, decoders[place].middle))
        inner = lanes[1 + place]
        draw_arrow(axes, (abundances.right, abundances.middle), (projection.left, inner))
        draw_arrow(axes, (projection.right, inner), (contrast.left, inner))
        draw_arrow(axes, (decoders[place].right, decoders[place].middle), (angles[place].left, angles[place].middle))
    title = f"Contrastive framework on {scene.title} ({scene.kind}): {bands} bands, K = {count}"
    axes.text(0.1, middle + 2.2, title, va="center", fontsize=9, fontweight="bold")
    total = "loss = (1 − λ) × contrastive loss + λ × mean of both angles (equation 19)"
    axes.text(0.1, middle + 1.98, total, va="center", color=MUTED)


def _parts(layers: Sequence[Layer]) -> tuple[list[str], list[str], list[str]]:
    """Return the texts of encoder, decoder and head, in that order, the head's without its names of layers."""
    decoding = next(place for place, layer in enumerate(layers) if layer.module == "decoder")
    pooling = next(place for place, layer in enumerate(layers) if layer.kind == "mean")
    shown = [layer.text for layer in layers[:decoding] if layer.kind in ("convolution", "activation", "softmax")]
    head: list[str] = []
    for layer in layers[pooling:]:
        if layer.kind == "activation" and head[-1].startswith("linear"):
            head[-1] += f", {layer.text}"
        else:
            head.append(layer.text)
    return shown, [layer.text for layer in layers[decoding:pooling]], head


def _drawn_from(views: Sequence[str]) -> list[str]:
    """Return the treatments that a view is drawn from, in lines, "or" before the last."""
    return [*views[:-1], f"or {views[-1]}"] if len(views) > 1 else list(views)
