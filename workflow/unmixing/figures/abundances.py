"""Abundance maps of the run with the median SAD beside the references."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure, SubFigure

from unmixing.figures.panels import (
    MARGIN,
    WIDTH,
    merge_messages,
    message_height,
    message_panel,
    scenes_of_study,
    stacked,
)
from unmixing.figures.style import ABUNDANCE_COLOURS, MUTED, Description
from unmixing.tables.run_rows import groups, of_phase, study_runs, study_scale
from unmixing.tables.scene_rows import SceneRow, scenes_to_show

_HALF_COLUMNS, _WHOLE_COLUMNS = 4, 8
_MAP = 1.08  # inches
_HEAD_HEIGHT, _BAR_HEIGHT = 0.3, 0.65
#: Maps stand closer together than other panels.
MAP_GAPS = {"w_pad": 0.02, "h_pad": 0.04, "wspace": 0.01, "hspace": 0.01}

NO_MAPS = "no run has an SAD to rank it by, or all come from reports/reference, which keeps no maps"
KINDS = ("reference", "network", "resolved")


@dataclass(frozen=True)
class _Block:
    """One scene under one protocol and its maps, possibly none."""

    scene: SceneRow
    protocol: str
    maps: pd.DataFrame

    @property
    def kinds(self) -> list[str]:
        return [kind for kind in KINDS if len(self.maps) and self.maps[kind].notna().any()]

    @property
    def heading(self) -> str:
        text = f"{self.scene.title} ({self.scene.kind})" + (f", {self.protocol}" if self.protocol else "")
        if not len(self.maps):
            return text
        scale = str(self.maps["scale"].iloc[0])
        note = {
            "own": "resolved in the references' convention",
            "references (oracle)": "resolved in the references' convention by their scale (oracle)",
        }.get(scale, "convention of the references unknown: resolved as it is")
        return f"{text}: run {int(self.maps['run'].iloc[0])}\n{note}"

    @property
    def narrow(self) -> bool:
        """Whether it takes half of the width."""
        return bool(self.kinds) and self.maps["endmember"].nunique() <= _HALF_COLUMNS

    @property
    def height(self) -> float:
        """Inches."""
        return _HEAD_HEIGHT + 0.3 + len(self.kinds) * (_map_height(self.maps) + 0.05)


def describe(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Description:
    """Return what stands beside the figure.

    Args:
        rows: Run rows of the baseline phase.
        scenes: Availability records of all scenes.
        scale: By scene: runs, epochs, patches and patch_size of this study.
        provenance: Commit, versions, input checksums.
    """
    shown = scenes_to_show(scenes)
    return Description(
        name="figure_abundances",
        title="Abundance maps of the median run",
        caption="For each scene and protocol the run with the median SAD (the lower one of two): reference abundances, "
        "the network's own, and those resolved with its endmembers (non-negative least squares with endmembers of "
        "maximum one, divided by the sum). One scale from 0 to 1 for all.",
        scale=study_scale(shown, scale),
        n="1 run for each scene and protocol, of " + study_runs(of_phase(rows, "baseline"), shown),
        notes=[
            "References are shares in a convention of their own (brightness-weighted on Samson and Jasper Ridge, near "
            "to area on Urban5 and Urban6, unknown on Urban4); the network's shares are shown as they are.",
        ],
        provenance=provenance,
    )


def draw(spectra: pd.DataFrame, rows: pd.DataFrame, scenes: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw one block of maps per scene and protocol: a line for each kind of map, a column for each endmember.

    Args:
        spectra: Abundance maps, one row for each pixel and endmember (`evaluation.abundance_rows`) with `scene`,
            `protocol` and `run` besides; possibly empty.
        rows: Run rows of the baseline phase, possibly empty.
        scenes: Availability records of all scenes.

    Returns:
        A figure 9.6 inches wide, half of it for one scene with few endmembers; a scene of the study without maps has a
        line that says why.
    """
    shown = scenes_of_study(scenes)
    blocks = [
        _Block(scene, protocol, _maps_of(spectra, scene.scene, protocol))
        for scene, protocol, chosen in groups(of_phase(rows, "baseline"), shown)
        # A protocol that the study does not ask of this scene takes no room.
        if len(chosen) or not protocol
    ]
    lines = _lines([block for block in blocks if block.kinds])
    told = merge_messages((block.heading, block.scene.reason or NO_MAPS) for block in blocks if not block.kinds)
    # One scene with few endmembers needs half of the width.
    alone = len(lines) == 1 and len(lines[0]) == 1 and lines[0][0].narrow and not told
    heights = [_BAR_HEIGHT] if lines else []
    heights += [max(block.height for block in line) for line in lines]
    heights += [message_height(*message) for message in told]
    with stacked(heights or [_BAR_HEIGHT], WIDTH / (2 if alone else 1), MAP_GAPS) as (figure, parts):
        if lines:
            draw_bar(parts.pop(0), 0.6 if alone else 0.3)
        for part, line in zip(parts, lines, strict=False):
            if line[0].narrow:
                halves = [part] if alone else part.subfigures(1, 2, squeeze=False)[0]
                for half, block in zip(halves, line, strict=False):
                    _draw_block(half, block, _HALF_COLUMNS)
            else:
                _draw_block(part, line[0], max(_WHOLE_COLUMNS, line[0].maps["endmember"].nunique()))
        for part, message in zip(parts[len(lines) :], told, strict=False):
            message_panel(part, *message)
    return figure


def draw_bar(part: SubFigure, length: float) -> None:
    """Draw the scale of all abundance maps, as long as a share of the width."""
    axes = part.add_axes((0.03, 0.6, length, 0.22))
    scale = ScalarMappable(Normalize(0, 1), ABUNDANCE_COLOURS)
    part.figure.colorbar(scale, cax=axes, orientation="horizontal").set_label("abundance")


def _maps_of(maps: pd.DataFrame, scene: str, protocol: str) -> pd.DataFrame:
    if maps.empty:
        return maps
    return maps[(maps["scene"] == scene) & (maps["protocol"] == protocol)]


def draw_map(axes: Axes, maps: pd.DataFrame, column: str) -> None:
    """Draw one map: a column of rows that name each pixel's row and col."""
    axes.imshow(map_image(maps, column), cmap=ABUNDANCE_COLOURS, vmin=0, vmax=1, interpolation="nearest")
    leave_bare(axes)


def map_image(maps: pd.DataFrame, column: str) -> np.ndarray:
    """Return a column as an image, (rows, columns)."""
    return maps.pivot(index="row", columns="col", values=column).to_numpy(np.float64)


def leave_bare(axes: Axes) -> None:
    """Take ticks and edges away."""
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)


def _lines(blocks: Sequence[_Block]) -> list[list[_Block]]:
    """Put narrow blocks that follow each other side by side, in pairs."""
    lines: list[list[_Block]] = []
    for block in blocks:
        if block.narrow and lines and len(lines[-1]) == 1 and lines[-1][0].narrow:
            lines[-1].append(block)
        else:
            lines.append([block])
    return lines


def _map_height(maps: pd.DataFrame) -> float:
    """Return the height of one map in inches: all maps are equally wide, and as high as their scene is."""
    rows, columns = int(maps["row"].max()) + 1, int(maps["col"].max()) + 1
    return _MAP * rows / columns


def _draw_block(part: SubFigure, block: _Block, places: int) -> None:
    """Draw the maps of one block, leaving columns empty so that maps are equally wide everywhere."""
    part.suptitle(block.heading, x=2 * MARGIN, ha="left", fontweight="bold", fontsize=8.5)
    endmembers = sorted(block.maps["endmember"].unique())
    grid = part.subplots(len(block.kinds), places, squeeze=False)
    for line, kind in enumerate(block.kinds):
        for column, endmember in enumerate(endmembers):
            axes = grid[line, column]
            of_one = block.maps[block.maps["endmember"] == endmember]
            draw_map(axes, of_one, kind)
            if line == 0:
                axes.set_title(textwrap.shorten(str(of_one["name"].iloc[0]), 20, placeholder="…"), loc="left")
            if column == 0:
                axes.set_ylabel(kind, color=MUTED)
        for axes in grid[line, len(endmembers) :]:
            axes.set_axis_off()
