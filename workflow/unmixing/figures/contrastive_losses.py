"""Figures 9 and 10: both losses over the epochs, the contrastive one between its floor and equal similarities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from unmixing.embeddings import normalised_loss
from unmixing.figures.contrastive_panels import TABLE_7, Cell, by_epoch, cells, count_runs, describe_phase, point_text
from unmixing.figures.panels import compose, spread, title_panel
from unmixing.figures.style import INK, MUTED, PALETTE, Description
from unmixing.tables.contrastive_rows import LAMBDA_1

#: The figure of the paper that shows a scene.
PAPER_FIGURES: Mapping[str, int] = {"samson": 9, "urban4": 10}

_LINE_HEIGHT = 1.75
_LOSS, _CONTROL = PALETTE["vermilion"], PALETTE["blue"]
_EQUAL: dict[str, Any] = {"color": INK, "linestyle": (0, (4, 2)), "linewidth": 1.2}
_FLOOR: dict[str, Any] = {"color": PALETTE["green"], "linestyle": (0, (1, 1.2)), "linewidth": 1.8}
_DOTS = (0, (1, 1.4))
NO_RANGE = "floor and equal-similarity value are one:\nno embedding changes this loss"


def describe(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Description:
    """Return what stands beside the figure.

    Args:
        rows: Run rows of the contrastive phase.
        scenes: Availability records of all scenes.
        scale: By scene; the key `contrastive` holds the planned scale of the phase.
        provenance: Commit, versions, input checksums.
    """
    found, _ = cells(rows, scenes, "contrastive", "configuration")
    return describe_phase(
        "figure_contrastive_losses",
        "Losses over the epochs (Figures 9 and 10 of the paper)",
        "For each configuration of Table 7, median and spread over runs. Left: the mean spectral angle of the "
        "reconstruction, dotted without the contrastive term. Middle: the contrastive loss between two lines, its "
        "value where all similarities are equal (dashed) and its floor, the entropy of its target (dotted green). "
        "Right: where between these two the loss lies, 1 at equal similarities, 0 at the floor.",
        [
            "Figure 9 is Samson, Figure 10 Urban4. Panels without a number of the paper are other scenes.",
            "The distance to the equal-similarity value alone shows nothing: where the floor lies close to it, as with "
            "a wide kernel, a perfect embedding is close to it too, and embeddings at equal angles have that very "
            "value without being one point. Whether embeddings collapse is measured on themselves, in the figure of "
            "collapse.",
            "The floor can be reached at low temperatures alone: cosines are within 1, so that at temperature 10 "
            "similarities differ by .2 at most.",
            "Losses are means over the batches of an epoch, unweighted; under released the contrastive one is twice "
            "that under described. NT-Xent's floor is zero.",
        ],
        found,
        scale,
        provenance,
    )


def draw(spectra: pd.DataFrame, rows: pd.DataFrame, scenes: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw a line of three panels for each scene, protocol and configuration.

    Args:
        spectra: Curves of the contrastive phase: one row per run and epoch with columns phase, protocol, scene,
            setting, run, epoch, sad, contrastive, equal_similarity and floor; possibly empty.
        rows: Run rows of the same runs; possibly empty.
        scenes: Availability records of all scenes.

    Returns:
        A figure 9.6 inches wide; a scene of the study without curves has a line that says why.
    """
    found, messages = cells(rows, scenes, "contrastive", "configuration", spectra)
    panels: list[tuple[Cell, list[str]]] = []
    for cell in found:
        shown = [name for name in TABLE_7 if len(cell.extra_of(name))]
        if shown:
            panels.append((cell, shown))
        else:
            messages.append((cell.heading, "no run of a configuration of Table 7 left curves"))
    return compose(panels, messages, _legend(), _height, _draw_cell, legend_columns=5)


def _height(panel: tuple[Cell, list[str]]) -> float:
    return 0.3 + _LINE_HEIGHT * len(panel[1])


def _legend() -> list[Artist]:
    return [
        Line2D([], [], color=_LOSS, label="median over runs"),
        Patch(color=_LOSS, alpha=0.25, linewidth=0, label="spread over runs"),
        Line2D([], [], color=_CONTROL, linestyle=_DOTS, label="no contrastive term (λ = 1)"),
        Line2D([], [], **_EQUAL, label="equal similarities"),
        Line2D([], [], **_FLOOR, label="floor: entropy of target"),
    ]


def _draw_cell(part: SubFigure, panel: tuple[Cell, list[str]]) -> None:
    cell, shown = panel
    number = PAPER_FIGURES.get(cell.scene.scene)
    title_panel(part, (f"Figure {number}: " if number else "") + cell.heading)
    grid = part.subplots(len(shown), 3, squeeze=False, sharex=True)
    for panels, configuration in zip(grid, shown, strict=True):
        _draw_line(list(panels), cell, configuration)
    for axes in grid[-1]:
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))


def _draw_line(panels: Sequence[Axes], cell: Cell, configuration: str) -> None:
    """Draw the reconstruction's loss, the contrastive loss with its bounds, and its place between them."""
    rows, curves = cell.rows_of(configuration), cell.extra_of(configuration)
    control = cell.extra_of(configuration, LAMBDA_1)
    left, middle, right = panels
    epochs, sad = by_epoch(curves, "sad")
    _draw_band(left, epochs, sad)
    if len(control):
        without, values = by_epoch(control, "sad")
        left.plot(without, spread(values)[1], color=_CONTROL, linestyle=_DOTS)
    left.set_ylim(bottom=0)
    left.set_ylabel("angle (rad)")
    loss, equal, floor = (by_epoch(curves, name)[1] for name in ("contrastive", "equal_similarity", "floor"))
    _draw_band(middle, epochs, loss)
    middle.plot(epochs, spread(equal)[1], **_EQUAL)
    middle.plot(epochs, spread(floor)[1], **_FLOOR)
    middle.margins(y=0.12)
    middle.set_ylabel("contrastive loss")
    share = normalised_loss(loss, floor, equal)
    right.axhline(1, **_EQUAL)
    right.axhline(0, **_FLOOR)
    right.set_ylabel("place between")
    if np.isfinite(share).any():
        _draw_band(right, epochs, share)
    else:
        text = NO_RANGE if np.isfinite(loss).any() else "no contrastive term in these runs"
        right.text(0.5, 0.5, text, transform=right.transAxes, ha="center", va="center", color=MUTED, fontsize=8)
    right.set_ylim(*_limits(share))
    for axes in panels:
        axes.grid(axis="y")
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.ticklabel_format(axis="y", useOffset=False)
    left.set_title(f"{TABLE_7[configuration]}: {point_text(rows)}", loc="left", fontsize=8)
    right.set_title(count_runs(rows), loc="right", fontsize=8)


def _limits(share: np.ndarray) -> tuple[float, float]:
    """Return the ends of the axis of places: 0 to 1 and all medians, spikes of single runs cut."""
    medians = spread(share)[1]
    known = medians[np.isfinite(medians)]
    low, high = (min(0.0, float(known.min())), max(1.0, float(known.max()))) if len(known) else (0.0, 1.0)
    margin = 0.12 * (high - low)
    return low - margin, high + margin


def _draw_band(axes: Axes, epochs: np.ndarray, values: np.ndarray) -> None:
    low, middle, high = spread(values)
    axes.fill_between(epochs, low, high, color=_LOSS, alpha=0.25, linewidth=0)
    axes.plot(epochs, middle, color=_LOSS)
