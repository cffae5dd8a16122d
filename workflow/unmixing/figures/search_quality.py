"""What a search costs and what it finds: the best value so far against evaluations and core-seconds."""

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
from numpy.typing import NDArray

from unmixing.figures.contrastive_panels import Cell, cells, describe_phase
from unmixing.figures.panels import compose, title_panel
from unmixing.figures.search_effects import NO_SCORE, NO_SHEET, sheet_of
from unmixing.figures.style import INK, MUTED, PALETTE, Description
from unmixing.statistics import mean_interval
from unmixing.tables.contrastive_trials import Search, searches
from unmixing.tables.run_rows import of_phase, run_means

Vector = NDArray[np.float64]

_HEIGHT = 2.75
_COLOURS = (PALETTE["blue"], PALETTE["green"], PALETTE["purple"])
_RANDOM: dict[str, Any] = {"color": PALETTE["orange"], "linestyle": (0, (1, 1.2)), "linewidth": 1.8}
_BASELINE: dict[str, Any] = {"color": INK, "linestyle": (0, (4, 2)), "linewidth": 1.1}
_CANDIDATES = 3  # drawn for each search


@dataclass(frozen=True)
class Progress:
    """One search in the order of its trials.

    Attributes:
        best: Lowest SAD so far after each trial, radians; NaN before the first that has one.
        core_seconds: Spent by all trials so far, those that diverged included.
    """

    best: Vector
    core_seconds: Vector


@dataclass(frozen=True)
class _Panel:
    cell: Cell
    searches: list[Search]
    sheets: dict[str, pd.DataFrame]
    baseline: Vector


def describe(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
    released: pd.DataFrame | None = None,
) -> Description:
    """Return what stands beside the figure.

    Args:
        rows: Run rows of the phases baseline and contrastive.
        scenes: Availability records of all scenes.
        scale: By scene; the key `contrastive` holds the planned scale of the phase.
        provenance: Commit, versions, input checksums.
        released: The released sheet (`released_grid`), None if not at hand.
    """
    found, _ = cells(rows, scenes, "contrastive", "search")
    notes = [
        "Oracle: SAD takes the truth. The lowest of many single runs is lower than what its configuration gives again; "
        "how much is the way from the end of a line to the mark of its candidate.",
        "Candidates are the lowest trials, trained again with fresh seeds; their marks leave the selecting run out. "
        "Lines: 95 % intervals, from five runs on; below, the runs themselves as ticks.",
        "Core-seconds are the seconds of trainings on one thread, of trials that diverged too; what a model takes to "
        "propose is not counted, nor are the candidates' further runs.",
    ]
    if released is None:
        notes.append(NO_SHEET)
    else:
        notes.append(
            "Dotted: expected best of as many configurations of the released grid drawn without replacement; its "
            "values are single runs of the released code on other terms, so that the shape compares, not the level."
        )
    return describe_phase(
        "figure_search_quality",
        "What a search costs and what it finds",
        "Lowest spectral angle distance (SAD) so far against the number of trials and against core-seconds, by grid; "
        "at the right its candidates trained again with fresh seeds. Dashed: mean of our baseline.",
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
    """Draw three panels for each scene and protocol: by trials, by core-seconds, and the candidates again.

    Args:
        spectra: Not used.
        rows: Run rows of the contrastive phase, and of the baseline where it is to be drawn; possibly empty.
        scenes: Availability records of all scenes.
        released: The released sheet (`released_grid`), None if not at hand.

    Returns:
        A figure 9.6 inches wide; a scene of the study without a search has a line that says so.
    """
    found, messages = cells(rows, scenes, "contrastive", "search")
    baseline = of_phase(rows, "baseline")
    panels = []
    for cell in found:
        usable = [search for search in searches(cell.rows, {}) if search.trials["sad_rad"].notna().any()]
        if not usable:
            messages.append((cell.heading, NO_SCORE))
            continue
        same = (
            baseline[(baseline["scene"] == cell.scene.scene) & (baseline["protocol"] == cell.protocol)]
            if len(baseline)
            else baseline
        )
        means = run_means(same) if len(same) else np.empty(0)
        sheets = {search.grid: sheet_of(released, cell.scene.scene, search.grid) for search in usable}
        panels.append(_Panel(cell, usable, sheets, means[np.isfinite(means)]))
    return compose(panels, messages, _legend(panels), lambda _: _HEIGHT, _draw_panel)


def progress(trials: pd.DataFrame) -> Progress:
    """Return how a search went on.

    Args:
        trials: One row each with `trial`, its place, `sad_rad` (NaN where it diverged) and `seconds`.
    """
    ordered = trials.sort_values("trial")
    # An empty search and a NaN at its start are no minimum yet.
    best = np.fmin.accumulate(ordered["sad_rad"].to_numpy(np.float64))
    seconds = np.nan_to_num(ordered["seconds"].to_numpy(np.float64))
    return Progress(best, np.cumsum(seconds))


def expected_best(values: Vector, most: int) -> Vector:
    """Return the expected lowest of 1, 2, ... values drawn without replacement.

    Args:
        values: (n,), finite.
        most: Length of the result, at most n.

    Returns:
        (most,), not rising.
    """
    ordered = np.sort(values)
    n = len(ordered)
    result = np.empty(most)
    # Chance that none of the values up to a place is among those drawn, for every place.
    survives = np.ones(n + 1)
    for drawn in range(1, most + 1):
        places = np.arange(n + 1)
        survives = survives * np.clip(n - places - (drawn - 1), 0, None) / (n - (drawn - 1))
        result[drawn - 1] = float(np.sum((survives[:-1] - survives[1:]) * ordered))
    return result


def _legend(panels: Sequence[_Panel]) -> list[Artist]:
    names = list(dict.fromkeys(_name(search) for panel in panels for search in panel.searches))
    handles: list[Artist] = [
        Line2D([], [], color=colour, marker="o", markersize=4, label=name)
        for name, colour in zip(names, _COLOURS, strict=False)
    ]
    if any(len(sheet) for panel in panels for sheet in panel.sheets.values()):
        handles.append(Line2D([], [], **_RANDOM, label="released grid, random order"))
    if any(len(panel.baseline) for panel in panels):
        handles.append(Line2D([], [], **_BASELINE, label="our baseline, mean"))
    return [
        *handles,
        Line2D([], [], linestyle="none", marker="D", color=INK, mfc="white", markersize=5.5, label="trained again"),
    ]


def _name(search: Search) -> str:
    return f"grid {search.grid}" + (f", {search.strategy}" if search.strategy else "")


def _draw_panel(part: SubFigure, panel: _Panel) -> None:
    counts = ", ".join(f"{len(search.trials)} trials of {_name(search)}" for search in panel.searches)
    title_panel(part, f"{panel.cell.heading}, {counts}")
    by_trial, by_time, again = part.subplots(1, 3, sharey=True, width_ratios=[1.25, 1.25, 1])
    places: list[str] = []
    for search, colour in zip(panel.searches, _COLOURS, strict=False):
        found = progress(search.trials)
        steps = np.arange(1, len(found.best) + 1)
        ordered = search.trials.sort_values("trial")
        for axes, across in ((by_trial, steps), (by_time, found.core_seconds)):
            axes.step(across, found.best, where="post", color=colour, zorder=3)
            axes.scatter(across, ordered["sad_rad"], s=8, color=colour, alpha=0.35, linewidths=0, zorder=2)
        sheet = panel.sheets[search.grid]
        if len(sheet):
            values = sheet["sad_rad"].dropna().to_numpy(np.float64)
            by_trial.plot(steps[: len(values)], expected_best(values, min(len(steps), len(values))), **_RANDOM)
        for _, trial in search.candidates().head(_CANDIDATES).iterrows():
            _draw_candidate(again, len(places), float(trial["sad_rad"]), search.rerun(str(trial["setting"])), colour)
            places.append(f"{len(places) + 1}")
    if not places:
        text = "no trial was\ntrained again"
        again.text(0.5, 0.5, text, transform=again.transAxes, ha="center", va="center", color=MUTED)
    if len(panel.baseline):
        for axes in (by_trial, by_time, again):
            axes.axhline(float(panel.baseline.mean()), **_BASELINE)
    _finish(by_trial, by_time, again, places)


def _finish(by_trial: Axes, by_time: Axes, again: Axes, places: Sequence[str]) -> None:
    by_trial.set_xlabel("trials")
    by_trial.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    by_trial.set_ylabel("SAD (rad), lowest so far")
    by_trial.set_ylim(bottom=0)
    by_time.set_xlabel("core-seconds")
    by_time.set_xlim(left=0)
    again.set_xticks(range(len(places)), places)
    again.set_xlim(-0.6, max(len(places), 1) - 0.4)
    again.set_xlabel("candidates: trial (dot), again (diamond)")
    for axes in (by_trial, by_time, again):
        axes.grid(axis="y")
        axes.set_axisbelow(True)


def _draw_candidate(axes: Axes, place: int, selected: float, reruns: pd.DataFrame, colour: str) -> None:
    """Draw the value that selected a candidate, and beside it what it gives with fresh seeds."""
    axes.scatter([place - 0.15], [selected], s=20, color=colour, zorder=3)
    values = run_means(reruns)
    values = values[np.isfinite(values)]
    if not len(values):
        return
    right = place + 0.15
    axes.plot([place - 0.15, right], [selected, values.mean()], color="#b8b8b8", linewidth=1, zorder=1)
    interval = mean_interval(values)
    if interval is None:
        axes.scatter(np.full(len(values), right), values, marker="_", s=40, color=colour, zorder=2)
    else:
        axes.plot([right, right], [interval.low, interval.high], color=colour, linewidth=2, zorder=2)
    axes.scatter([right], [values.mean()], marker="D", s=28, facecolors="white", edgecolors=colour, zorder=4)
