"""How figures are put together: parts under each other, what stands in place of missing ones, titles and axes."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, MaxNLocator

from unmixing.figures.style import INK, MUTED, style
from unmixing.tables.scene_rows import SceneRow, scenes_to_show

WIDTH = 9.6  # inches: 691 points, 922 pixels in the report
MARGIN = 0.008  # of the width, left of titles
TITLE_LINE = 124  # characters of a panel's title in one line
_LEGEND_LINE = 0.22

#: Characters in a line of a message: what is missing, and why.
_HEADING, _REASON = 38, 92

#: From this many runs a band leaves out the outer tenths; below, it spans all runs.
FEWEST_FOR_QUANTILES = 10

Panel = TypeVar("Panel")


def scenes_of_study(scenes: Sequence[Mapping[str, Any]]) -> list[SceneRow]:
    """Return the scenes that the study asks for, in printed order.

    Args:
        scenes: Availability records of all scenes.
    """
    return [scene for scene in scenes_to_show(scenes) if scene.in_study]


@contextmanager
def stacked(
    heights: Sequence[float], width: float = WIDTH, gaps: Mapping[str, Any] | None = None
) -> Iterator[tuple[Figure, list[SubFigure]]]:
    """Give a `with` block in the shared look a figure of parts under each other; at its end the layout is settled.

    Args:
        heights: Of the parts, in inches.
        width: Of the figure, in inches.
        gaps: Those of `ConstrainedLayoutEngine` that differ from matplotlib's own.
    """
    with style():
        engine = ConstrainedLayoutEngine(**(gaps or {}))
        figure = Figure(figsize=(width, sum(heights)), layout=engine)
        yield figure, list(figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0])
        # Layout depends on the settings, which hold only inside this block.
        engine.execute(figure)
        figure.set_layout_engine("none")


def compose(
    panels: Sequence[Panel],
    messages: Sequence[tuple[str, str]],
    legend: Sequence[Artist],
    height: Callable[[Panel], float],
    draw: Callable[[SubFigure, Panel], None],
    legend_columns: int = 4,
) -> Figure:
    """Put legend, panels and messages under each other.

    Args:
        panels: What is drawn.
        messages: Heading and reason of what cannot be drawn.
        legend: Handles with labels, for all panels.
        height: Returns a panel's height in inches.
        draw: Draws one panel.
        legend_columns: Entries of the legend side by side.

    Returns:
        A figure 9.6 inches wide.
    """
    # Nothing drawn, nothing to explain.
    head = 0.16 + _LEGEND_LINE * -(-len(legend) // legend_columns) if panels else 0.05
    told = merge_messages(messages)
    heights = [head, *map(height, panels), *(message_height(*message) for message in told)]
    with stacked(heights) as (figure, parts):
        if panels:
            parts[0].legend(handles=legend, loc="center left", ncols=legend_columns, frameon=False, borderaxespad=0)
        for part, panel in zip(parts[1:], panels, strict=False):
            draw(part, panel)
        for part, message in zip(parts[1 + len(panels) :], told, strict=True):
            message_panel(part, *message)
    return figure


def title_panel(part: SubFigure, text: str) -> None:
    """Write a panel's title at its left edge, in as many lines as it needs."""
    text = "\n".join(textwrap.fill(line, TITLE_LINE) for line in text.split("\n"))
    part.suptitle(text, x=MARGIN, ha="left", color=INK, fontweight="bold", fontsize=9)


def merge_messages(messages: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return pairs of heading and reason with the headings of one reason together, a line each.

    Args:
        messages: Heading and reason of what cannot be drawn.
    """
    headings: dict[str, list[str]] = {}
    for heading, reason in messages:
        headings.setdefault(reason, []).append(textwrap.fill(heading, _HEADING))
    return [("\n".join(found), textwrap.fill(reason, _REASON)) for reason, found in headings.items()]


def message_height(heading: str, text: str) -> float:
    """Return the height of a message panel in inches."""
    return 0.2 + 0.155 * (1 + max(heading.count("\n"), text.count("\n")))


def message_panel(part: SubFigure, heading: str, text: str) -> None:
    """Fill an otherwise empty part of a figure with what it would show and why it does not.

    Args:
        part: Where to write.
        heading: What is missing.
        text: Why, and what to do; may have several lines.
    """
    part.text(MARGIN, 0.5, heading, va="center", ha="left", color=MUTED, fontsize=9, fontweight="bold")
    part.text(0.36, 0.5, text, va="center", ha="left", color=MUTED)


def message_figure(heading: str, text: str, height: float) -> Figure:
    """Return a figure that says what it would show and why it does not.

    Args:
        heading: What is missing.
        text: Why, and what to do.
        height: In inches.
    """
    with style():
        figure = Figure(figsize=(WIDTH, height))
        message_panel(figure.subfigures(1, 1, squeeze=False)[0, 0], heading, text)
    return figure


def value_axis(axes: Axes, label: str, *, signed: bool = False, ticks: int = 6) -> None:
    """Set up a horizontal axis of values.

    Args:
        axes: Where to draw.
        label: What is plotted.
        signed: Whether values are differences, printed with their sign.
        ticks: Steps at most.
    """
    axes.xaxis.set_major_locator(MaxNLocator(ticks, steps=[1, 2, 5, 10]))
    if signed:
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: signed_text(value, "+.3g") if value else "0"))
    axes.set_xlabel(label)
    axes.grid(axis="x")
    axes.set_axisbelow(True)


def signed_text(value: float, form: str = "+.4f") -> str:
    """Return a number with its sign, with a minus that is as wide as the plus."""
    return format(value, form).replace("-", "−")


def spread(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return lower end, median and upper end over runs: all of them, or from the 10th to the 90th percentile from ten.

    Args:
        values: (points, runs), NaN where a run has no value; a point without any has none.
    """
    outer = (10, 90) if values.shape[1] >= FEWEST_FOR_QUANTILES else (0, 100)
    kept = np.isfinite(values).any(axis=1)
    result = np.full((3, len(values)), np.nan)
    if kept.any():
        result[:, kept] = np.nanpercentile(values[kept], (outer[0], 50, outer[1]), axis=1)
    return result[0], result[1], result[2]
