"""Every run of the sweep: mean spectral angle distance by treatment and regime, beside the controls' medians."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from unmixing.figures.panels import compose, title_panel, value_axis
from unmixing.figures.style import INK, MUTED, Description
from unmixing.figures.sweep_panels import (
    REGIME_LOOK,
    SweepPanel,
    describe_sweep,
    label_treatments,
    panel_height,
    place_treatments,
    regime_marks,
    sweep_panels,
)
from unmixing.tables.sweep_rows import BASELINE, IDENTITY

_LINE_HEIGHT, _FRAME_HEIGHT = 0.29, 0.72
_LANE = 0.26  # from regime to regime, in lines
_SPREAD = 0.08  # half height of a lane
_MEDIAN = 0.38  # half height of the tick
_MANY = 400  # marks, above which they are drawn as an image

_CONTROL_LINE: Mapping[str, dict[str, Any]] = {
    IDENTITY: {"color": INK, "linestyle": "-", "linewidth": 1.1},
    BASELINE: {"color": INK, "linestyle": (0, (4, 2)), "linewidth": 1.1},
}
_MEDIAN_TICK: dict[str, Any] = {"color": INK, "linewidth": 2.2, "solid_capstyle": "butt"}


def describe(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Description:
    """Return what stands beside the figure.

    Args:
        rows: Run rows of the phase augmentation.
        scenes: Availability records of all scenes.
        scale: By scene; the key `augmentation` holds the planned scale of the sweep.
        provenance: Commit, versions, input checksums.
    """
    return describe_sweep(
        "figure_augmentation_strips",
        "All runs of the augmentation sweep: spectral angle distance",
        "One mark for each run: the spectral angle distance (SAD), mean over endmembers. Colour and shape tell the "
        "regime, crosses are collapsed runs. Short bars: the median of a treatment's runs. Lines down the panel: the "
        "median of the runs on unaugmented copies of the scene, and of the baseline's recipe.",
        [
            "Bold: the three treatments that the paper reports (Table 5).",
            "Marks are set apart up and down in the order of the runs, so that run r stands at the same place "
            "everywhere. Collapsed runs count in every median; diverged runs have no numbers and no mark.",
        ],
        rows,
        scenes,
        scale,
        provenance,
    )


def draw(spectra: pd.DataFrame, rows: pd.DataFrame, scenes: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw one panel for each scene, protocol and number of images.

    Args:
        spectra: Not used.
        rows: Run rows of the phase augmentation; possibly empty.
        scenes: Availability records of all scenes.

    Returns:
        A figure 9.6 inches wide; a scene of the study without scored runs has a line that says why.
    """
    panels, messages = sweep_panels(rows, scenes)
    return compose(
        panels,
        messages,
        _legend(),
        lambda panel: panel_height(place_treatments(panel.treatments), _LINE_HEIGHT, _FRAME_HEIGHT),
        _draw_panel,
    )


def _legend() -> list[Artist]:
    mark: dict[str, Any] = {"linestyle": "none", "markersize": 5}
    return [
        *regime_marks(),
        Line2D([], [], **mark, marker="x", color=MUTED, label="collapsed run"),
        Line2D([], [], **_MEDIAN_TICK, label="median of a treatment"),
        Line2D([], [], **_CONTROL_LINE[IDENTITY], label="median, unaugmented copies"),
        Line2D([], [], **_CONTROL_LINE[BASELINE], label="median, baseline's recipe"),
    ]


def _draw_panel(part: SubFigure, panel: SweepPanel) -> None:
    """Draw the strips of one panel and the lines of its controls."""
    places = place_treatments(panel.treatments)
    axes: Axes = part.subplots()
    known = panel.runs.dropna(subset=["sad_rad"])
    medians = known.groupby("treatment")["sad_rad"].median()
    for control, look in _CONTROL_LINE.items():
        if control in medians:
            axes.axvline(medians[control], **look, zorder=1)
    _draw_runs(axes, panel, known, places)
    for treatment, median in medians.items():
        place = places[str(treatment)]
        axes.plot([median, median], [place - _MEDIAN, place + _MEDIAN], **_MEDIAN_TICK, zorder=4)
    low, high = known["sad_rad"].min(), known["sad_rad"].max()
    margin = 0.03 * (high - low) or 0.01
    axes.set_xlim(low - margin, high + margin)
    label_treatments(axes, panel, places)
    for treatment, place in places.items():
        text = _count_in_words(panel.runs[panel.runs["treatment"] == treatment])
        axes.text(1.01, place, text, transform=axes.get_yaxis_transform(), fontsize=8, va="center")
    value_axis(axes, "SAD (rad), mean over endmembers", ticks=8)
    title_panel(part, panel.heading)


def _draw_runs(axes: Axes, panel: SweepPanel, known: pd.DataFrame, places: Mapping[str, float]) -> None:
    """Draw all runs, one lane in a line for each regime and within it one height for each run."""
    numbers = panel.runs["run"].rank(method="dense")
    last = max(float(numbers.max()) - 1, 1.0)
    within = ((numbers - 1) / last * 2 - 1) * _SPREAD if numbers.max() > 1 else 0 * numbers
    lines = known["treatment"].map(places).astype(float)
    middle = (len(panel.regimes) - 1) / 2
    for lane, regime in enumerate(panel.regimes):
        colour, shape = REGIME_LOOK[regime]
        look: dict[str, Any] = {"color": colour, "alpha": 0.75, "rasterized": len(known) > _MANY, "zorder": 3}
        for collapsed in (False, True):
            of_one = (known["regime"] == regime) & ((known["status"] == "collapsed") == collapsed)
            height = (lines + within.loc[known.index])[of_one] + (lane - middle) * _LANE
            style: dict[str, Any] = (
                {"marker": "x", "s": 26, "linewidths": 1.3}
                if collapsed
                else {"marker": shape, "s": 15, "linewidths": 0}
            )
            axes.scatter(known["sad_rad"][of_one].to_numpy(np.float64), height.to_numpy(np.float64), **style, **look)


def _count_in_words(runs: pd.DataFrame) -> str:
    """Return the number of runs, and of those that failed."""
    status = runs["status"].value_counts()
    failed = [f"{status[name]} {name}" for name in ("collapsed", "diverged") if name in status]
    return ", ".join([f"n = {len(runs)}", *failed])
