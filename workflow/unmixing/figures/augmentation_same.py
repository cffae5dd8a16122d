"""Treatments that are secretly one experiment: how far apart they come out, beside chance and real differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from numpy.typing import NDArray

from unmixing.figures.panels import compose, title_panel
from unmixing.figures.style import INK, MUTED, PALETTE, Description
from unmixing.figures.sweep_pairs import SHEET_RUNS, Kin, of_runs, of_sheets, sheet_cells
from unmixing.figures.sweep_panels import (
    HIGHLIGHT,
    REGIME_LOOK,
    SAME_SIGN,
    SweepPanel,
    describe_sweep,
    regime_marks,
    sweep_panels,
)
from unmixing.statistics.intervals import MINIMUM_RUNS
from unmixing.tables.sweep_rows import AUGMENTING, PAPER_IMAGES, representatives

_LINE_HEIGHT, _FRAME_HEIGHT = 0.34, 0.95
_SPREAD = 0.3  # half height of a strip, in lines
_MANY = 400  # marks, above which they are smaller and drawn as an image
_CROWD = 1500  # marks, above which their density is drawn in their place
_TICKS = (0, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_GOLDEN = 0.6180339887498949
_NULL_COLOUR = "#c9c9c9"
_COLUMNS = {"median |t|": 0.33, "beyond 5 %": 0.75, "n": 1.0}  # right ends, of the width of the figures' part


@dataclass(frozen=True)
class SamePanel:
    """What one panel shows: lines of one source, and its heading."""

    heading: str
    lines: list[Kin]

    @property
    def freedoms(self) -> list[int]:
        """Degrees of freedom that a tenth of all t or more have, ascending."""
        values, counts = np.unique(np.concatenate([line.freedom for line in self.lines]), return_counts=True)
        return [int(value) for value in values[counts >= 0.1 * counts.sum()]]


def describe(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
    released: pd.DataFrame | None = None,
) -> Description:
    """Return what stands beside the figure.

    Args:
        rows: Run rows of the phase augmentation.
        scenes: Availability records of all scenes.
        scale: By scene; the key `augmentation` holds the planned scale of the sweep.
        provenance: Commit, versions, input checksums.
        released: Cells of the released sheets (`sheet_cells`), None if not at hand.
    """
    notes = [
        f"{SAME_SIGN}: one experiment under several names. The released scripts for {PAPER_IMAGES} images never hand "
        "crop, flip and sigma on, so that treatments within blur, crop and flip differ by their draws alone.",
        "|t|: absolute mean difference of the SAD of one endmember between two treatments in one regime, divided by "
        "its standard error, over runs paired by index. Runs that share images or initial weights are one draw, and "
        "draws are the sample; there is no t from fewer than three.",
        "Other pairs: every two treatments that differ, one name for each experiment.",
        "Beyond 5 %: share of |t| above the two-sided 5 % limit for their degrees of freedom. Differences of exactly "
        "zero have no t: the runs are the same bit for bit. Values of one pair are not independent of each other, nor "
        "are pairs with a treatment in common.",
        f"Of more than {_CROWD:,} values the density is drawn. The axis is the inverse hyperbolic sine of |t|.",
    ]
    if released is None:
        notes.append(
            "Released sheets: not at hand; name the folder of the released sheets (UNMIXING_REFERENCE) to see them."
        )
    else:
        notes.append(
            f"Released sheets: t of two means of {SHEET_RUNS} runs each, not paired, from the printed means and "
            "population standard deviations; all scenes together."
        )
    return describe_sweep(
        "figure_augmentation_same",
        "The same experiment under several names",
        "How far apart two treatments come out: |t| of their difference for each endmember and regime, within the "
        "settings of blur, crop and flip and between all other treatments. Grey shape: what chance alone gives. Where "
        "two treatments are one experiment, dots must follow it.",
        notes,
        rows,
        scenes,
        scale,
        provenance,
    )


def draw(
    spectra: pd.DataFrame,
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    released: pd.DataFrame | None = None,
) -> Figure:
    """Draw one panel for each scene, protocol and number of images, and one for each arm of the released sheets.

    Args:
        spectra: Not used.
        rows: Run rows of the phase augmentation; possibly empty.
        scenes: Availability records of all scenes.
        released: Cells of the released sheets (`sheet_cells`), None if not at hand.

    Returns:
        A figure 9.6 inches wide; what has no t has a line that says why.
    """
    found, messages = sweep_panels(rows, scenes)
    panels = []
    for panel in found:
        lines, words = of_runs(panel), _same_in_words(panel.protocol, panel.images)
        if any(len(line.t) or line.identical for line in lines):
            most = max((int(line.freedom.max()) + 1 for line in lines if len(line.t)), default=0)
            few = "; fewer than five draws: a description, no test" if most < MINIMUM_RUNS else ""
            panels.append(SamePanel(panel.heading + few + words, lines))
        else:
            messages.append((panel.heading, _why_empty(panel) + words.replace("\n", "; ")))
    if released is not None:
        cells = sheet_cells(released)
        for images in sorted(set(cells["images"]), reverse=True):
            heading = f"Released sheets, all scenes, {images} images, n = {SHEET_RUNS} runs in each regime"
            same = _same_in_words("released", int(images))
            panels.append(SamePanel(heading + same, of_sheets(cells[cells["images"] == images], int(images))))
    return compose(panels, messages, _legend(), _height, _draw_panel, legend_columns=4)


def _height(panel: SamePanel) -> float:
    return _FRAME_HEIGHT + _LINE_HEIGHT * (len(panel.lines) + len(panel.freedoms)) + 0.16 * panel.heading.count("\n")


def _same_in_words(protocol: str, images: int) -> str:
    here = representatives(protocol, images)
    if any(first != name for name, first in here.items()):
        return ""
    return f"\nno two treatments are the same experiment ({protocol}, {images} images)"


def _why_empty(panel: SweepPanel) -> str:
    if len(set(panel.treatments) & set(AUGMENTING)) < 2:
        return "fewer than two treatments have runs: add others to `augmentation: treatments`"
    return "fewer than three independent draws in every regime, and so no t: raise `augmentation: runs`"


def _legend() -> list[Artist]:
    mark: dict[str, Any] = {"linestyle": "none", "markersize": 5}
    return [
        *regime_marks(),
        Line2D([], [], **mark, marker=">", color=MUTED, label="beyond the axis"),
        Patch(color=_NULL_COLOUR, linewidth=0, label="density under chance alone"),
        Patch(color=PALETTE["sky"], linewidth=0, label="density of a crowd"),
        Line2D([], [], color=MUTED, linestyle=(0, (1, 1.2)), linewidth=1.4, label="its median"),
        Line2D([], [], color=INK, linewidth=2.2, label="median of a line"),
        Line2D([], [], linestyle="none", label=f"{SAME_SIGN}  one experiment, several names"),
    ]


def _draw_panel(part: SubFigure, panel: SamePanel) -> None:
    """Draw chance above, then each kind of pairs, and beside them the figures."""
    from scipy import stats

    axes, beside = part.subplots(1, 2, sharey=True, width_ratios=[3.1, 1])
    freedoms = panel.freedoms
    reach = _reach(panel)
    beside.set_axis_off()
    for heading, right in _COLUMNS.items():
        beside.text(right, -0.62, heading, ha="right", va="bottom", color=MUTED, fontsize=8)
    for place, freedom in enumerate(freedoms):
        _draw_null(axes, place, freedom, reach)
        median = float(stats.t.ppf(0.75, freedom))
        axes.axvline(median, color=MUTED, linestyle=(0, (1, 1.2)), linewidth=1.4, zorder=1)
        _write(beside, place, (f"{median:.2f}", "5 %", ""))
    for place, line in enumerate(panel.lines, start=len(freedoms)):
        _draw_line(axes, place, line, reach)
        _write(beside, place, _figures(line))
    names = [f"Chance, {freedom} degrees of freedom" for freedom in freedoms]
    names += [line.name + f" {SAME_SIGN}" * line.same for line in panel.lines]
    axes.set_yticks(range(len(names)), names)
    for line, label in zip(panel.lines, axes.get_yticklabels()[len(freedoms) :], strict=True):
        if line.same:
            label.set(color=HIGHLIGHT, fontweight="bold")
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xscale("asinh", linear_width=1)
    axes.set_xlim(0, reach)
    axes.xaxis.set_major_locator(FixedLocator([tick for tick in _TICKS if tick <= reach]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel("|t| of the difference")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    title_panel(part, panel.heading)


def _reach(panel: SamePanel) -> float:
    """Return the right end of the axis: all that is finite, within bounds."""
    finite = [line.t[np.isfinite(line.t)] for line in panel.lines]
    return float(np.clip(1.15 * max((values.max() for values in finite if len(values)), default=0), 6, _TICKS[-1]))


def _draw_null(axes: Axes, place: float, freedom: int, reach: float) -> None:
    """Draw the density of |t| under chance."""
    from scipy import stats

    at = np.linspace(0, np.arcsinh(reach), 200)
    _draw_shape(axes, place, at, 2 * stats.t.pdf(np.sinh(at), freedom) * np.cosh(at), _NULL_COLOUR)


def _draw_shape(axes: Axes, place: float, at: NDArray[np.float64], density: NDArray[np.float64], colour: str) -> None:
    """Draw a density per unit of the axis, which is the inverse hyperbolic sine of |t|, symmetric about its line."""
    half = density / density.max() * 0.42
    axes.fill_between(np.sinh(at), place - half, place + half, color=colour, linewidth=0, zorder=2)


def _draw_line(axes: Axes, place: float, line: Kin, reach: float) -> None:
    """Draw all |t| of one kind of pairs, or where they are a crowd their density, and their median."""
    inside = line.t <= reach
    if len(line.t) > _CROWD:
        counts, edges = np.histogram(np.arcsinh(line.t[inside]), bins=60, range=(0, float(np.arcsinh(reach))))
        middles, density = (edges[:-1] + edges[1:]) / 2, counts.astype(np.float64)
        # The shape starts where the axis does.
        middles[0] = 0
        _draw_shape(axes, place, middles, density, PALETTE["sky"])
    else:
        _draw_marks(axes, place, line, inside)
    if not inside.all():
        axes.scatter([reach], [place], marker=">", s=26, color=MUTED, linewidths=0, clip_on=False, zorder=5)
    if len(line.t):
        median = float(np.median(line.t))
        axes.plot([median, median], [place - 0.4, place + 0.4], color=INK, linewidth=2.2, zorder=4)
    remark = ""
    if line.identical:
        remark = f"{line.identical} differences exactly zero: the same runs, bit for bit"
    elif not len(line.t):
        remark = "fewer than three draws"
    if remark:
        boxed = {"facecolor": "white", "linewidth": 0, "pad": 1.5}
        height = place + (0.42 if len(line.t) else 0)
        axes.text(0.03, height, remark, color=MUTED, fontsize=8, va="center", bbox=boxed, zorder=5)


def _draw_marks(axes: Axes, place: float, line: Kin, inside: NDArray[np.bool_]) -> None:
    """Draw one mark for each |t|, set apart up and down."""
    regimes = np.array(line.regime, dtype=object)
    # Multiples of the golden ratio spread any number of marks evenly, without chance.
    heights = place + _SPREAD * (2 * (np.arange(1, len(line.t) + 1) * _GOLDEN % 1) - 1)
    many = len(line.t) > _MANY
    look: dict[str, Any] = {"linewidths": 0, "rasterized": many, "alpha": 0.5 if many else 0.7, "zorder": 3}
    for regime, (colour, shape) in REGIME_LOOK.items():
        chosen = inside & (regimes == regime)
        axes.scatter(line.t[chosen], heights[chosen], marker=shape, s=9 if many else 16, color=colour, **look)


def _figures(line: Kin) -> tuple[str, str, str]:
    from scipy import stats

    if not len(line.t):
        return "—", "—", f"{len(line.t)}"
    beyond = float(np.mean(line.t > stats.t.ppf(0.975, line.freedom)))
    return f"{np.median(line.t):.2f}", f"{100 * beyond:.0f} %", f"{len(line.t)}"


def _write(axes: Axes, place: float, texts: Sequence[str]) -> None:
    for right, text in zip(_COLUMNS.values(), texts, strict=True):
        axes.text(right, place, text, ha="right", va="center", fontsize=8, color=INK)
