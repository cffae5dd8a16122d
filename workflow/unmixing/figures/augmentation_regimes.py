"""What the regimes of Table 4 change: their means for each treatment, and the spread within them."""

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
    separate_groups,
    sweep_panels,
)
from unmixing.statistics import Interval, mean_interval
from unmixing.statistics.intervals import MINIMUM_RUNS
from unmixing.statistics.sweep import draw_values
from unmixing.tables.sweep_rows import DRAWS_NOTE, draws

_LINE_HEIGHT, _FRAME_HEIGHT = 0.29, 0.85
_LANE = 0.22  # from regime to regime, in lines
_MARK: dict[str, Any] = {"s": 20, "linewidths": 0, "zorder": 4}
_BETWEEN: dict[str, Any] = {"marker": "D", "facecolors": "white", "edgecolors": INK, "linewidths": 1.1}


@dataclass(frozen=True)
class RegimeMean:
    """One treatment in one regime.

    Attributes:
        treatment: Id.
        regime: Id.
        runs: Number of scored runs.
        draws: Number of independent draws among them.
        mean: Of the runs' mean SAD, in radians.
        interval: Of that mean, None below five draws.
        deviation: Sample standard deviation of the runs' mean SAD; NaN for one run.
    """

    treatment: str
    regime: str
    runs: int
    draws: int
    mean: float
    interval: Interval | None
    deviation: float


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
        "figure_augmentation_regimes",
        "The regimes of Table 4: between and within",
        "Left: mean spectral angle distance (SAD) of each treatment in each regime, joined by a line, with 95 % "
        "intervals from five draws on. Right: standard deviation of the runs within each regime and, as a diamond, of "
        "the regimes' means. The paper's Table 5 averages over the regimes, and its STD leaves out what lies between "
        "them.",
        [
            "Bold: the three treatments that the paper reports (Table 5).",
            "Standard deviations are sample deviations of the runs' mean SAD within a regime, and of the regimes' "
            "means. The means of n independent runs differ by about the deviation within divided by the root of n "
            "even where the regime changes nothing.",
            DRAWS_NOTE,
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
        A figure 9.6 inches wide; a scene of the study without scored runs, or a panel with a single regime, has a
        line that says why.
    """
    panels, messages = sweep_panels(rows, scenes)
    reason = "a single regime has scored runs: add others to `augmentation: regimes`"
    found = {panel.heading: regime_means(panel) for panel in panels}
    several = {heading: len({mean.regime for mean in means}) > 1 for heading, means in found.items()}
    messages += [(panel.heading, reason) for panel in panels if not several[panel.heading]]

    def draw_one(part: SubFigure, panel: SweepPanel) -> None:
        _draw_panel(part, panel, found[panel.heading])

    return compose(
        [panel for panel in panels if several[panel.heading]],
        messages,
        _legend(),
        lambda panel: panel_height(place_treatments(panel.treatments), _LINE_HEIGHT, _FRAME_HEIGHT),
        draw_one,
        legend_columns=6,
    )


def regime_means(panel: SweepPanel) -> list[RegimeMean]:
    """Return the mean and spread of every treatment in every regime that has scored runs.

    Args:
        panel: One scene, protocol and number of images.
    """
    known = panel.runs.dropna(subset=["sad_rad"])
    result = []
    for treatment in panel.treatments:
        for regime in panel.regimes:
            runs = known[(known["treatment"] == treatment) & (known["regime"] == regime)]
            if runs.empty:
                continue
            angles = runs["sad_rad"].to_numpy(np.float64)
            labels, _ = draws(runs, [treatment], panel.protocol, panel.images)
            values = draw_values(angles, runs["regime"].tolist(), labels)
            spread = float(angles.std(ddof=1)) if len(angles) > 1 else float("nan")
            interval = mean_interval(values)
            result.append(
                RegimeMean(treatment, regime, len(angles), len(values), float(angles.mean()), interval, spread)
            )
    return result


def _legend() -> list[Artist]:
    mark: dict[str, Any] = {"linestyle": "none", "markersize": 5}
    return [
        *regime_marks(),
        Line2D([], [], **mark, marker="D", mfc="white", mec=INK, label="between regimes"),
        Line2D([], [], color=MUTED, linewidth=1, label="joins regimes"),
    ]


def _draw_panel(part: SubFigure, panel: SweepPanel, found: Sequence[RegimeMean]) -> None:
    """Draw means on the left and deviations on the right, line by line."""
    places = place_treatments(panel.treatments)
    axes, spreads = part.subplots(1, 2, sharey=True, width_ratios=[1.9, 1])
    middle = (len(panel.regimes) - 1) / 2
    for treatment, place in places.items():
        means = [mean for mean in found if mean.treatment == treatment]
        heights = [place + (panel.regimes.index(mean.regime) - middle) * _LANE for mean in means]
        axes.plot([mean.mean for mean in means], heights, color=MUTED, linewidth=1, zorder=2)
        for mean, height in zip(means, heights, strict=True):
            _draw_mean(axes, spreads, mean, height)
        if len(means) > 1:
            between = float(np.std([mean.mean for mean in means], ddof=1))
            spreads.scatter([between], [place], s=22, zorder=3, **_BETWEEN)
    label_treatments(axes, panel, places)
    separate_groups(spreads, places)
    spreads.spines["left"].set_visible(False)
    spreads.tick_params(axis="y", length=0, labelleft=False)
    widest = max((mean.deviation for mean in found if np.isfinite(mean.deviation)), default=0.0) or 0.01
    spreads.set_xlim(-0.03 * widest, max(1.06 * widest, spreads.get_xlim()[1]))
    value_axis(axes, "SAD (rad), mean over endmembers and runs")
    value_axis(spreads, "standard deviation (rad)", ticks=5)
    title_panel(part, f"{panel.heading}, {_count_in_words(panel, found)}")


def _draw_mean(axes: Axes, spreads: Axes, mean: RegimeMean, height: float) -> None:
    colour, shape = REGIME_LOOK[mean.regime]
    if mean.interval is not None:
        ends = [mean.interval.low, mean.interval.high]
        axes.plot(ends, [height, height], color=colour, linewidth=1.4, solid_capstyle="butt", zorder=3)
    axes.scatter([mean.mean], [height], color=colour, marker=shape, **_MARK)
    if np.isfinite(mean.deviation):
        spreads.scatter([mean.deviation], [height], color=colour, marker=shape, alpha=0.85, **_MARK)


def _count_in_words(panel: SweepPanel, found: Sequence[RegimeMean]) -> str:
    """Return runs and draws of each regime, and that there are too few for intervals where that is so."""
    parts = []
    for regime in panel.regimes:
        of_regime = [mean for mean in found if mean.regime == regime]
        if of_regime:
            draws_of = sorted(mean.draws for mean in of_regime)
            # Copies have no images to share and may have more.
            usual = draws_of[(len(draws_of) - 1) // 2]
            parts.append(f"{max(mean.runs for mean in of_regime)} ({usual})")
    words = f"n = {', '.join(parts)} runs (independent draws)"
    few = all(mean.draws < MINIMUM_RUNS for mean in found)
    return words + "\nfewer than five draws: points only, no intervals" if few else words
