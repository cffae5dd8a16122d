"""Projection heads compared: every run, the mean with its interval, and the paired difference to the selected head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from unmixing.figures.contrastive_panels import Cell, cells, count_runs, describe_phase, point_text
from unmixing.figures.panels import compose, signed_text, title_panel, value_axis
from unmixing.figures.style import INK, MUTED, PALETTE, Description
from unmixing.protocol.points import Head
from unmixing.statistics import PairedComparison, mean_interval, paired_comparison

NAMES: Mapping[Head, str] = {
    "baseline": "baseline (the paper's choice)",
    "low_dimensional": "low-dimensional",
    "skip": "skip connection",
    "bottleneck": "bottleneck",
    "deeper": "deeper",
    "identity": "none (control)",
}
SELECTED: Head = "baseline"
_LINE, _FRAME = 0.42, 0.85
_SPREAD = 0.2  # half height of a strip, in lines
_MEAN = 0.34
_COLOUR, _CHOSEN = PALETTE["blue"], PALETTE["vermilion"]
_COLUMNS = {"mean": 0.14, "minus baseline": 0.55, "95 % interval": 1.0}  # right ends, of the width of the figures' part


def describe(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Description:
    """Return what stands beside the figure.

    Args:
        rows: Run rows of the phase heads.
        scenes: Availability records of all scenes.
        scale: By scene; the key `contrastive` holds the planned scale.
        provenance: Commit, versions, input checksums.
    """
    found, _ = cells(rows, scenes, "heads", "head")
    return describe_phase(
        "figure_heads",
        "Projection heads",
        "Spectral angle distance (SAD) of every run by projection head (circles), its mean (filled) with a 95 % "
        "interval from five runs on, and at the right the paired difference to the head that the paper selects. The "
        "last line has no head: the mean abundances themselves are compared.",
        [
            "Section 2.3 calls the baseline head the best and prints no number for any; the released sheets and "
            "notebooks hold none either.",
            "Runs stand in the order of their index from top to bottom within a line, and run r of all heads has the "
            "same patches, views, shuffling and dropout. Differences are paired by run; their intervals are single, "
            "not corrected for the number of heads.",
            "Crosses: runs whose endmembers collapsed. Diverged runs have no mark.",
        ],
        found,
        scale,
        provenance,
    )


def draw(spectra: pd.DataFrame, rows: pd.DataFrame, scenes: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw one panel for each scene and protocol, one line per head.

    Args:
        spectra: Not used.
        rows: Run rows of the phase heads; possibly empty.
        scenes: Availability records of all scenes.

    Returns:
        A figure 9.6 inches wide; a scene of the study without scored runs has a line that says why.
    """
    found, messages = cells(rows, scenes, "heads", "head")
    panels = [cell for cell in found if cell.runs["sad_rad"].notna().any()]
    messages += [
        (cell.heading, "no run has an SAD: all diverged, or the scene has no references")
        for cell in found
        if not cell.runs["sad_rad"].notna().any()
    ]
    return compose(panels, messages, _legend(), lambda cell: _FRAME + _LINE * len(heads_of(cell)), _draw_cell)


def heads_of(cell: Cell) -> list[Head]:
    """Return the heads with runs, in the order of the paper's choice, the others and the control."""
    found = set(cell.rows["head"])
    return [head for head in NAMES if head in found]


def compare(cell: Cell, head: str) -> PairedComparison | None:
    """Return the paired difference of a head to the selected one, None without common runs."""
    table = cell.runs.pivot(index="run", columns="head", values="sad_rad")
    if head == SELECTED or not {head, SELECTED} <= set(table.columns):
        return None
    pairs = table[[head, SELECTED]].dropna()
    return paired_comparison(pairs[head], pairs[SELECTED]) if len(pairs) else None


def _legend() -> list[Artist]:
    mark: dict[str, Any] = {"linestyle": "none", "markersize": 5}
    return [
        Line2D([], [], marker="o", mfc="none", mec=_COLOUR, **mark, label="one run"),
        Line2D([], [], marker="x", color=_COLOUR, **mark, label="endmembers collapsed"),
        Line2D([], [], marker="o", color=INK, linewidth=2.2, markersize=5, label="mean, 95 % interval"),
        Line2D([], [], color=MUTED, linestyle=(0, (4, 2)), linewidth=1, label="mean of the baseline head"),
    ]


def _draw_cell(part: SubFigure, cell: Cell) -> None:
    heads = heads_of(cell)
    axes, beside = part.subplots(1, 2, sharey=True, width_ratios=[1.35, 1])
    for place, head in enumerate(heads):
        runs = cell.runs[cell.runs["head"] == head].sort_values("run")
        _draw_head(axes, place, runs, _CHOSEN if head == SELECTED else _COLOUR)
        _write_head(beside, place, runs, compare(cell, head))
    for text, right in _COLUMNS.items():
        beside.text(right, -0.62, text, ha="right", va="center", color=MUTED, fontsize=8)
    beside.set_axis_off()
    chosen = cell.runs.loc[cell.runs["head"] == SELECTED, "sad_rad"].dropna()
    if len(chosen):
        axes.axvline(float(chosen.mean()), color=MUTED, linestyle=(0, (4, 2)), linewidth=1, zorder=1)
    axes.set_yticks(range(len(heads)), [NAMES[head] for head in heads])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(heads) - 0.45, -0.8)
    axes.spines["left"].set_visible(False)
    value_axis(axes, "SAD (rad)")
    title_panel(part, f"{cell.heading}, {point_text(cell.rows)}, {count_runs(cell.rows)}")


def _draw_head(axes: Axes, place: int, runs: pd.DataFrame, colour: str) -> None:
    values = runs["sad_rad"].to_numpy(np.float64)
    heights = place + (np.linspace(-_SPREAD, _SPREAD, len(values)) if len(values) > 1 else np.zeros(1))
    collapsed = (runs["status"] == "collapsed").to_numpy(dtype=bool)
    look: dict[str, Any] = {"s": 20, "linewidths": 1.1, "zorder": 3}
    axes.scatter(values[~collapsed], heights[~collapsed], facecolors="none", edgecolors=colour, **look)
    axes.scatter(values[collapsed], heights[collapsed], marker="x", color=colour, **look)
    known = values[np.isfinite(values)]
    if not len(known):
        return
    interval = mean_interval(known)
    if interval is not None:
        ends, height = [interval.low, interval.high], place + _MEAN
        axes.plot(ends, [height, height], color=INK, linewidth=2.2, solid_capstyle="butt", zorder=4)
    axes.scatter([known.mean()], [place + _MEAN], s=24, color=INK, zorder=5)


def _write_head(axes: Axes, place: int, runs: pd.DataFrame, comparison: PairedComparison | None) -> None:
    """Write the mean, the difference to the selected head with the number of pairs, and its interval."""
    known = runs["sad_rad"].dropna()
    texts = [f"{known.mean():.4f}" if len(known) else "—"]
    if comparison is not None:
        texts.append(f"{signed_text(comparison.difference)} (n = {comparison.n})")
        if comparison.interval is not None:
            low, high = (signed_text(end) for end in (comparison.interval.low, comparison.interval.high))
            texts.append(f"{low} to {high}")
        else:
            texts.append("fewer than 5 pairs")
    for text, right in zip(texts, _COLUMNS.values(), strict=False):
        axes.text(right, place, text, ha="right", va="center", fontsize=8)
