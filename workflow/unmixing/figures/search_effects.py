"""Main effects of the grid: the mean spectral angle by level of each factor, over the trials of a search."""

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
from matplotlib.ticker import MaxNLocator

from unmixing.figures.contrastive_panels import FACTORS, Cell, cells, describe_phase
from unmixing.figures.panels import compose, title_panel
from unmixing.figures.style import INK, MUTED, PALETTE, Description
from unmixing.statistics import mean_interval
from unmixing.tables.contrastive_trials import Search, searches

NAMES: Mapping[str, str] = {
    "temperature": "temperature τ",
    "weight": "weight λ of the reconstruction",
    "patch_size": "patch (pixels)",
    "batch_size": "batch (patches)",
    "sigma": "kernel σ",
}
_OURS, _SHEET = PALETTE["blue"], PALETTE["orange"]
_HEIGHT = 2.5
_APART = 0.16  # of the sheet's marks from ours, in levels
_SPREAD = 0.1  # half width of a strip of trials
NO_SHEET = "Released sheet: not at hand; name the folder of the released sheets (UNMIXING_REFERENCE)."
NO_SCORE = "no trial has an SAD: all diverged, or the scene has no references"


@dataclass(frozen=True)
class Effect:
    """The trials at one level of a factor.

    Attributes:
        level: Value of the factor.
        values: Mean SAD over endmembers in radians, one for each trial that has one.
        lost: Trials at this level that diverged.
    """

    level: float
    values: np.ndarray
    lost: int


@dataclass(frozen=True)
class _Panel:
    cell: Cell
    search: Search
    sheet: pd.DataFrame


def describe(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
    released: pd.DataFrame | None = None,
) -> Description:
    """Return what stands beside the figure.

    Args:
        rows: Run rows of the contrastive phase.
        scenes: Availability records of all scenes.
        scale: By scene; the key `contrastive` holds the planned scale of the phase.
        provenance: Commit, versions, input checksums.
        released: The released sheet (`released_grid`), None if not at hand.
    """
    found, _ = cells(rows, scenes, "contrastive", "search")
    notes = [
        "A trial is one run of one configuration. Intervals are of the mean over the trials of a level, whose other "
        "factors vary: Student's t, BCa bootstrap from 25 trials, none below 5.",
        "Means by level are main effects where levels of different factors are tried independently of each other, as "
        "in a full grid and in a random search. A search with a model tries good regions more often; its means by "
        "level mix the factors.",
        "Batch size sets the number of updates, and patch size the share of padding: both are confounded with these.",
    ]
    if released is None:
        notes.append(NO_SHEET)
    else:
        notes.append("Released sheet: one run for each configuration, seed 42, Samson and Urban4 alone.")
    return describe_phase(
        "figure_search_effects",
        "Main effects of the grid",
        "Mean spectral angle distance (SAD) of the trials of a search by level of each factor (large circles), with "
        "95 % intervals and the trials themselves (small); squares: the released grid, where it is at hand. Dashed: "
        "the mean of all trials. Numbers in brackets count trials, those behind a plus diverged.",
        notes,
        found,
        scale,
        provenance,
    )


def draw(
    spectra: pd.DataFrame,
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    released: pd.DataFrame | None = None,
) -> Figure:
    """Draw a line of panels for each scene, protocol and grid, one panel per factor.

    Args:
        spectra: Not used.
        rows: Run rows of the contrastive phase; possibly empty.
        scenes: Availability records of all scenes.
        released: The released sheet (`released_grid`), None if not at hand.

    Returns:
        A figure 9.6 inches wide; a scene of the study without a search has a line that says so.
    """
    found, messages = cells(rows, scenes, "contrastive", "search")
    panels = []
    for cell in found:
        for search in searches(cell.rows, {}):
            if search.trials["sad_rad"].notna().any():
                panels.append(_Panel(cell, search, sheet_of(released, cell.scene.scene, search.grid)))
            else:
                messages.append((f"{cell.heading}, {search.grid}", NO_SCORE))
    return compose(
        panels, messages, _legend(any(len(panel.sheet) for panel in panels)), lambda _: _HEIGHT, _draw_search
    )


def sheet_of(released: pd.DataFrame | None, scene: str, grid: str) -> pd.DataFrame:
    """Return the configurations of the released sheet for a scene and grid, their angle as `sad_rad`; empty if none."""
    if released is None or f"{scene}_sad" not in released:
        return pd.DataFrame()
    chosen = released[released["loss"] == grid]
    return chosen.assign(sad_rad=chosen[f"{scene}_sad"])


def effects(trials: pd.DataFrame, factor: str) -> list[Effect]:
    """Return the trials by level of a factor, ascending.

    Args:
        trials: One row each with the factor and `sad_rad`, NaN where it diverged.
        factor: Column of the factor.
    """
    found = []
    for level in sorted(trials[factor].dropna().unique()):
        values = trials.loc[trials[factor] == level, "sad_rad"].to_numpy(np.float64)
        kept = values[np.isfinite(values)]
        found.append(Effect(float(level), kept, len(values) - len(kept)))
    return found


def _legend(released: bool) -> list[Artist]:
    mark: dict[str, Any] = {"linewidth": 2, "markersize": 6}
    sheet = Line2D([], [], marker="s", color=_SHEET, mfc="white", **mark, label="mean of the released sheet")
    return [
        Line2D([], [], marker="o", color=_OURS, **mark, label="mean of our trials, 95 % interval"),
        Line2D([], [], linestyle="none", marker="o", color=_OURS, alpha=0.35, markersize=3.5, label="one trial"),
        *([sheet] if released else []),
        Line2D([], [], color=MUTED, linestyle=(0, (4, 2)), linewidth=1, label="mean of all our trials"),
    ]


def _draw_search(part: SubFigure, panel: _Panel) -> None:
    trials, search = panel.search.trials, panel.search
    strategy = f", {search.strategy}" if search.strategy else ""
    size = f" of {search.size:,}" if search.size else ""
    lost = int(trials["sad_rad"].isna().sum())
    text = f"{panel.cell.heading}, grid {search.grid}{strategy}, n = {len(trials)} trials{size}"
    title_panel(part, text + (f", {lost} without an SAD" if lost else ""))
    factors = [name for name in FACTORS if name != "sigma" or search.grid != "nt_xent"]
    axes_of = part.subplots(1, len(factors), sharey=True, squeeze=False)[0]
    for axes, factor in zip(axes_of, factors, strict=True):
        _draw_factor(axes, trials, panel.sheet, factor)
        axes.axhline(float(trials["sad_rad"].mean()), color=MUTED, linestyle=(0, (4, 2)), linewidth=1, zorder=1)
    axes_of[0].set_ylabel("SAD (rad)")
    axes_of[0].set_ylim(bottom=0)


def _draw_factor(axes: Axes, trials: pd.DataFrame, sheet: pd.DataFrame, factor: str) -> None:
    found = effects(trials, factor)
    for place, effect in enumerate(found):
        count = len(effect.values)
        across = place + np.linspace(-_SPREAD, _SPREAD, count) if count > 1 else np.full(count, place)
        axes.scatter(across, effect.values, s=9, color=_OURS, alpha=0.35, linewidths=0, zorder=2, rasterized=count > 99)
        _draw_mean(axes, place, effect.values, _OURS, "o", _OURS)
        if len(sheet):
            same = sheet.loc[np.isclose(sheet[factor], effect.level), "sad_rad"].to_numpy(np.float64)
            _draw_mean(axes, place + 2 * _APART, same, _SHEET, "s", "white")
    # A line of its own for those that diverged: side by side, counts of neighbours would touch.
    labels = [f"{one.level:g}\n({len(one.values)})" + (f"\n+ {one.lost}" if one.lost else "") for one in found]
    axes.set_xticks(range(len(found)), labels)
    axes.set_xlim(-0.5, len(found) - 0.5 + _APART)
    axes.set_title(NAMES[factor].replace(" of the reconstruction", ""), loc="left")
    axes.grid(axis="y")
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.set_axisbelow(True)


def _draw_mean(axes: Axes, across: float, values: np.ndarray, colour: str, mark: str, face: str) -> None:
    if not len(values):
        return
    interval = mean_interval(values)
    if interval is not None:
        ends = [interval.low, interval.high]
        axes.plot([across, across], ends, color=colour, linewidth=2.2, solid_capstyle="butt", zorder=3)
    look: dict[str, Any] = {"facecolors": face, "edgecolors": INK if face == colour else colour, "linewidths": 1.1}
    axes.scatter([across], [values.mean()], s=30, marker=mark, zorder=4, **look)
