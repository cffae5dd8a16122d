"""Abundance maps by names beside the references and class-mean SCLS, and where the model abstains."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Patch

from unmixing.figures.style import (
    ABUNDANCE_COLOURS,
    MUTED,
    PALETTE,
    Description,
    merge_messages,
    message_height,
    message_panel,
    style,
)
from unmixing.tables.scene_rows import SceneRow, scenes_to_show

_WIDTH = 9.6
_PLACES = 7  # maps side by side, with the one of abstention
_MAP = 1.22  # inches
_HEAD_HEIGHT, _BAR_HEIGHT = 0.62, 0.65
_MARGIN = 0.008
_NOT_RUN = "not unmixed by names: no prompts are fixed for it, or not part of this study"
#: Kinds of maps from top to bottom, and what they are called.
KINDS: Mapping[str, str] = {"reference": "reference", "semantic": "by names", "scls": "SCLS, means"}
_ANSWERS = "#d9d9d9"


def describe(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Description:
    """Return what stands beside the figure.

    Args:
        rows: Not used: what is drawn are maps.
        scenes: Not used.
        scale: Not used.
        provenance: Commit, versions, input checksums.
    """
    del rows, scenes, scale
    return Description(
        name="figure_semantic_maps",
        title="Abundance maps by names",
        caption="For each scene the reference abundances, those of the shipped model for the scene's fixed prompts, "
        "and those of class-mean SCLS, in the convention of the references; where there are none, shares of area. One "
        "scale from 0 to 1 for all. Last: pixels on which the model abstains, which keep their abundances.",
        n="nothing is drawn at random: one map each",
        notes=["Prompts were fixed before any scene was unmixed. A poor match of prompt and reference stays."],
        provenance=provenance,
    )


def draw(spectra: pd.DataFrame, rows: pd.DataFrame, scenes: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw one block of maps per scene: a line for each kind of map, a column for each material.

    Args:
        spectra: of ``semantic.experiments.maps``; possibly empty.
        rows: Not used.
        scenes: Availability records of all scenes.

    Returns:
        A figure 9.6 inches wide; a scene of the study without maps has a line that says why.
    """
    del rows
    shown = [scene for scene in scenes_to_show(scenes) if scene.in_study]
    blocks = [(scene, _maps_of(spectra, scene.scene)) for scene in shown]
    told = merge_messages(
        (f"{scene.title} ({scene.kind})", scene.reason or _NOT_RUN) for scene, maps in blocks if maps.empty
    )
    blocks = [(scene, maps) for scene, maps in blocks if len(maps)]
    heights = [_BAR_HEIGHT, *(_height(maps) for _, maps in blocks), *(message_height(*message) for message in told)]
    with style():
        figure = Figure(figsize=(_WIDTH, sum(heights)), layout="constrained")
        parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
        axes = parts[0].add_axes((0.03, 0.6, 0.3, 0.22))
        bar = figure.colorbar(ScalarMappable(Normalize(0, 1), ABUNDANCE_COLOURS), cax=axes, orientation="horizontal")
        bar.set_label("abundance")
        patches = [Patch(color=PALETTE["vermilion"], label="abstains"), Patch(color=_ANSWERS, label="answers")]
        parts[0].legend(handles=patches, loc="center right", ncols=2, frameon=False)
        for part, (scene, maps) in zip(parts[1:], blocks, strict=False):
            _draw_block(part, scene, maps)
        for part, message in zip(parts[1 + len(blocks) :], told, strict=True):
            message_panel(part, *message, _MARGIN)
        engine = figure.get_layout_engine()
        if isinstance(engine, ConstrainedLayoutEngine):
            engine.set(w_pad=0.02, h_pad=0.04, wspace=0.01, hspace=0.01)
            engine.execute(figure)
        figure.set_layout_engine("none")
    return figure


def _maps_of(maps: pd.DataFrame, scene: str) -> pd.DataFrame:
    if maps.empty or "row" not in maps:
        return pd.DataFrame()
    return maps[(maps["scene"] == scene) & maps["row"].notna()]


def _kinds(maps: pd.DataFrame) -> list[str]:
    return [kind for kind in KINDS if maps[kind].notna().any()]


def _height(maps: pd.DataFrame) -> float:
    shape = (int(maps["row"].max()) + 1, int(maps["col"].max()) + 1)
    return _HEAD_HEIGHT + len(_kinds(maps)) * (_MAP * shape[0] / shape[1] + 0.05)


def _draw_block(part: SubFigure, scene: SceneRow, maps: pd.DataFrame) -> None:
    convention = str(maps["convention"].iloc[0])
    about = {
        "reference": "in the references' convention",
        "raw": "convention of the references unknown: shares as they are",
    }.get(convention, "shares of area")
    heading = f"{scene.title} ({scene.kind}), {maps['title'].iloc[0]}; {about}"
    part.suptitle(heading, x=2 * _MARGIN, ha="left", fontweight="bold", fontsize=8.5)
    kinds, materials = _kinds(maps), list(dict.fromkeys(maps["material"]))
    grid = part.subplots(len(kinds), max(_PLACES, len(materials) + 1), squeeze=False)
    for line, kind in enumerate(kinds):
        for column, material in enumerate(materials):
            axes, of_one = grid[line, column], maps[maps["material"] == material]
            axes.imshow(_image(of_one, kind), cmap=ABUNDANCE_COLOURS, vmin=0, vmax=1, interpolation="nearest")
            _bare(axes)
            if line == 0:
                prompt = f"{material}\n“{of_one['prompt'].iloc[0]}”"
                axes.set_title(
                    "\n".join(textwrap.shorten(text, 22, placeholder="…") for text in prompt.split("\n")), loc="left"
                )
            if column == 0:
                axes.set_ylabel(KINDS[kind], color=MUTED)
        for axes in grid[line, len(materials) :]:
            axes.set_axis_off()
    axes = grid[kinds.index("semantic") if "semantic" in kinds else 0, len(materials)]
    axes.set_axis_on()
    image = _image(maps[maps["material"] == materials[0]], "abstain")
    axes.imshow(image, cmap=ListedColormap([_ANSWERS, PALETTE["vermilion"]]), vmin=0, vmax=1)
    _bare(axes)
    # A title would move the lines of maps apart: what stands above is blank.
    said = axes.annotate(f"abstains: {np.nanmean(image):.0%}", (0, 1), (0, 4), "axes fraction", "offset points")
    said.set_in_layout(False)


def _image(maps: pd.DataFrame, column: str) -> np.ndarray:
    return maps.pivot(index="row", columns="col", values=column).to_numpy(np.float64)


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)
