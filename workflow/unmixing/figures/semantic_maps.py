"""Abundance maps by names beside the references and class-mean SCLS, and where the model abstains."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Patch

from unmixing.figures.abundances import MAP_GAPS, draw_bar, draw_map, leave_bare, map_image
from unmixing.figures.panels import MARGIN, merge_messages, message_height, message_panel, scenes_of_study, stacked
from unmixing.figures.style import MUTED, PALETTE, Description
from unmixing.tables.scene_rows import SceneRow

_PLACES = 7  # maps side by side, with the one of abstention
_MAP = 1.22  # inches
_HEAD_HEIGHT, _BAR_HEIGHT = 0.62, 0.65
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
    shown = scenes_of_study(scenes)
    blocks = [(scene, _maps_of(spectra, scene.scene)) for scene in shown]
    told = merge_messages(
        (f"{scene.title} ({scene.kind})", scene.reason or _NOT_RUN) for scene, maps in blocks if maps.empty
    )
    blocks = [(scene, maps) for scene, maps in blocks if len(maps)]
    heights = [_BAR_HEIGHT, *(_height(maps) for _, maps in blocks), *(message_height(*message) for message in told)]
    with stacked(heights, gaps=MAP_GAPS) as (figure, parts):
        draw_bar(parts[0], 0.3)
        patches = [Patch(color=PALETTE["vermilion"], label="abstains"), Patch(color=_ANSWERS, label="answers")]
        parts[0].legend(handles=patches, loc="center right", ncols=2, frameon=False)
        for part, (scene, maps) in zip(parts[1:], blocks, strict=False):
            _draw_block(part, scene, maps)
        for part, message in zip(parts[1 + len(blocks) :], told, strict=True):
            message_panel(part, *message)
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
    part.suptitle(heading, x=2 * MARGIN, ha="left", fontweight="bold", fontsize=8.5)
    kinds, materials = _kinds(maps), list(dict.fromkeys(maps["material"]))
    grid = part.subplots(len(kinds), max(_PLACES, len(materials) + 1), squeeze=False)
    for line, kind in enumerate(kinds):
        for column, material in enumerate(materials):
            axes, of_one = grid[line, column], maps[maps["material"] == material]
            draw_map(axes, of_one, kind)
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
    image = map_image(maps[maps["material"] == materials[0]], "abstain")
    axes.imshow(image, cmap=ListedColormap([_ANSWERS, PALETTE["vermilion"]]), vmin=0, vmax=1)
    leave_bare(axes)
    # A title would move the lines of maps apart: what stands above is blank.
    said = axes.annotate(f"abstains: {np.nanmean(image):.0%}", (0, 1), (0, 4), "axes fraction", "offset points")
    said.set_in_layout(False)
