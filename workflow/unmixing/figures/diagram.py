"""Boxes, arrows and small tables of diagrams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from unmixing.figures.panels import WIDTH
from unmixing.figures.style import INK, MUTED

#: Layers that begin a new box.
_OPENING = ("convolution", "softmax", "mean")

_FACES = {"data": "#ffffff", "encoder": "#e3eff8", "decoder": "#fbe6da", "head": "#ddf1ea", "loss": "#f3f3f3"}
_EDGES = {"data": MUTED, "encoder": "#0072B2", "decoder": "#D55E00", "head": "#009E73", "loss": INK}
_LINE = 0.165  # inches from one line of text to the next


@dataclass(frozen=True)
class Layer:
    """One step of a network.

    Attributes:
        kind: convolution, linear, activation, normalisation, dropout, softmax, mean or length.
        text: What it is, with its sizes.
        module: Name of the module whose weights it uses, "" for none.
    """

    kind: str
    text: str
    module: str = ""


@dataclass(frozen=True)
class Box:
    """A box of a diagram, in inches.

    Attributes:
        left: Left edge.
        width: Its width.
        middle: Height of its middle.
        height: Its height.
        title: First line, in bold.
        lines: Further lines.
        kind: data, encoder, decoder, head or loss: its colours.
    """

    left: float
    width: float
    middle: float
    height: float
    title: str
    lines: Sequence[str] = field(default_factory=tuple)
    kind: str = "data"

    @property
    def right(self) -> float:
        """Right edge."""
        return self.left + self.width


def in_boxes(layers: Sequence[Layer]) -> list[list[Layer]]:
    """Return layers in groups, each of which begins with a convolution, a softmax or a mean."""
    groups: list[list[Layer]] = []
    for layer in layers:
        if layer.kind in _OPENING or not groups:
            groups.append([])
        groups[-1].append(layer)
    return groups


def draw_box(axes: Axes, box: Box) -> None:
    """Draw a box with its text, the title in bold."""
    shape = FancyBboxPatch(
        (box.left, box.middle - box.height / 2),
        box.width,
        box.height,
        boxstyle="round,pad=0,rounding_size=0.06",
        facecolor=_FACES[box.kind],
        edgecolor=_EDGES[box.kind],
        linewidth=1.1,
    )
    axes.add_patch(shape)
    top = box.middle + _LINE * len(box.lines) / 2
    for place, text in enumerate([box.title, *box.lines]):
        weight = "normal" if place else "bold"
        axes.text(
            box.left + box.width / 2, top - place * _LINE, text, ha="center", va="center", fontsize=8, fontweight=weight
        )


def draw_arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw an arrow between two points, in inches."""
    look: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 9, "color": MUTED, "shrinkA": 0, "shrinkB": 0}
    axes.add_patch(FancyArrowPatch(start, end, linewidth=1.1, **look))


def canvas(height: float) -> tuple[Figure, Axes]:
    """Return an empty figure, 9.6 inches wide, and axes all over it whose coordinates are inches."""
    figure = Figure(figsize=(WIDTH, height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(0, height)
    axes.set_axis_off()
    return figure, axes


def write_table(axes: Axes, lefts: Sequence[float], top: float, cells: Sequence[Sequence[str]]) -> None:
    """Write lines of text in columns, the first line as the head.

    Args:
        axes: Where to write; its coordinates are inches.
        lefts: Left edge of each column.
        top: Height of the first line.
        cells: Lines of cells.
    """
    for line, texts in enumerate(cells):
        for left, text in zip(lefts, texts, strict=True):
            height = top - 0.2 * line - (0.04 if line else 0)
            axes.text(left, height, text, va="center", color=INK if line else MUTED, fontsize=8)
    axes.plot([lefts[0], axes.get_xlim()[1]], [top - 0.12, top - 0.12], color="#d0d0d0", linewidth=0.8)
