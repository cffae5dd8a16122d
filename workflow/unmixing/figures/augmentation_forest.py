"""What each treatment changes against both controls, run by run: a forest plot for each scene and arm."""

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

from unmixing.figures.panels import compose, signed_text, title_panel, value_axis
from unmixing.figures.style import INK, MUTED, PALETTE, Description
from unmixing.figures.sweep_panels import (
    HIGHLIGHT,
    REPORTED,
    SweepPanel,
    describe_sweep,
    label_treatments,
    panel_height,
    place_treatments,
    span,
    sweep_panels,
)
from unmixing.statistics import holm
from unmixing.statistics.intervals import MINIMUM_RUNS
from unmixing.statistics.sweep import PooledComparison
from unmixing.tables.sweep_contrasts import EQUIVALENT_WITHIN, contrast
from unmixing.tables.sweep_rows import BASELINE, CONTROLS, DRAWS_NOTE, IDENTITY

_LINE_HEIGHT, _FRAME_HEIGHT = 0.29, 0.85
_OFFSET = {IDENTITY: -0.19, BASELINE: 0.19}  # lines; the primary comparison stands above
_COLOUR = {IDENTITY: PALETTE["blue"], BASELINE: MUTED}
_NAME = {IDENTITY: "to copies", BASELINE: "to baseline"}
_COLUMN = {IDENTITY: 0.0, BASELINE: 0.54}  # of the width of the figures' part
_NUMBER, _COUNT = 0.27, 0.46  # right ends of difference and n, from there
_PAIRS_SHOWN = (1, 99)  # percentiles of single pairs that the axis must hold
_MANY = 400  # marks, above which they are drawn as an image

BY_SUCCESS = "success rate"


@dataclass(frozen=True)
class Effect:
    """One treatment against one control.

    Attributes:
        treatment: Id.
        control: `control_identity` or `control_baseline`.
        differences: SAD in radians, treatment minus control, shape (pairs,).
        pooled: Of the pairs, over the regimes.
        significant: Whether Holm's method over the panel's treatments rejects that the mean SAD is the same.
        judged_by: Figure by which the scene may be judged (`unmixing.tables.claims.judged_by`).
        condition: What all draws have in common, "" for nothing.
    """

    treatment: str
    control: str
    differences: np.ndarray
    pooled: PooledComparison
    significant: bool
    judged_by: str = ""
    condition: str = ""


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
        "figure_augmentation_forest",
        "Augmentations against their controls",
        "Difference of the spectral angle distance (SAD) between a treatment and its controls, mean over the regimes "
        "of runs paired by regime and index: filled against unaugmented copies of the scene, open against the "
        "baseline's recipe for as many updates. Left of zero the treatment has the smaller SAD. Lines: 95 % intervals, "
        "from five draws on. Diamonds and asterisks: significant at 5 % after Holm's correction over the treatments of "
        "the panel. Ticks: single pairs. Grey band: differences within .005 rad, which count as none.",
        [
            "Bold: the three treatments that the paper reports (Table 5).",
            "Each control has a family of tests of its own; treatments that repeat an experiment are outside of it.",
            DRAWS_NOTE,
            "Scenes that are judged by the rate of runs that find all endmembers have no marks of significance here: "
            "the table of contrasts has their tests.",
            "Triangles at an edge stand for single pairs beyond it.",
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
        A figure 9.6 inches wide; a scene of the study without pairs has a line that says why.
    """
    panels, messages = sweep_panels(rows, scenes)
    found = {panel.heading: effects(panel) for panel in panels}
    messages += [(panel.heading, _why_empty(panel)) for panel in panels if not found[panel.heading]]

    def draw_one(part: SubFigure, panel: SweepPanel) -> None:
        _draw_panel(part, panel, found[panel.heading])

    return compose(
        [panel for panel in panels if found[panel.heading]],
        messages,
        _legend(),
        lambda panel: panel_height(_places(panel), _LINE_HEIGHT, _FRAME_HEIGHT),
        draw_one,
    )


def effects(panel: SweepPanel) -> list[Effect]:
    """Return every comparison of a panel, those against copies first.

    Args:
        panel: One scene, protocol and number of images.

    Returns:
        One effect for each treatment and control that have common runs, the copies against the baseline's recipe
        among them. A scene that is judged by its success rate has no test of its mean.
    """
    place = (panel.scene.scene, panel.protocol, panel.images)
    angles = panel.runs.pivot(index=["regime", "run"], columns="treatment", values="sad_rad")
    result: list[Effect] = []
    for control in CONTROLS:
        compared = []
        for treatment in panel.treatments:
            if treatment in (control, BASELINE):
                continue
            found = contrast(panel.runs, [treatment], control, *place)
            if found.sad is not None:
                tested = treatment in panel.family and found.judged_by != BY_SUCCESS
                p_value = found.p_value if tested and found.p_value is not None else np.nan
                compared.append((treatment, found, found.sad, p_value))
        rejected = holm([p_value for *_, p_value in compared])[1]
        for (treatment, found, pooled, _), significant in zip(compared, rejected, strict=True):
            differences = (angles[treatment] - angles[control]).dropna().to_numpy(np.float64)
            known = (found.judged_by or "", found.condition)
            result.append(Effect(treatment, control, differences, pooled, bool(significant), *known))
    return result


def _places(panel: SweepPanel) -> dict[str, float]:
    return place_treatments([name for name in panel.treatments if name != BASELINE])


def _why_empty(panel: SweepPanel) -> str:
    scored = set(panel.runs.dropna(subset=["sad_rad"])["treatment"])
    if not scored & set(CONTROLS):
        return f"no scored run of a control: add {IDENTITY} to `augmentation: treatments`"
    return "no treatment has a scored run in common with a control"


def _legend() -> list[Artist]:
    mark: dict[str, Any] = {"linestyle": "-", "linewidth": 2.2, "markersize": 5.5}
    blue, grey = _COLOUR[IDENTITY], _COLOUR[BASELINE]
    return [
        Line2D([], [], **mark, marker="o", color=blue, label="minus unaugmented copies"),
        Line2D([], [], **mark, marker="o", color=grey, markerfacecolor="white", label="minus the baseline's recipe"),
        Line2D([], [], linestyle="none", marker="D", color=INK, markersize=5, label="significant (Holm), *"),
        Line2D([], [], linestyle="none", marker="|", color=MUTED, markersize=6, label="one pair of runs"),
        Patch(color="#e9e9e9", linewidth=0, label="within ±.005 rad"),
        Line2D([], [], linestyle="none", label="bold: reported in the paper"),
    ]


def _draw_panel(part: SubFigure, panel: SweepPanel, found: Sequence[Effect]) -> None:
    """Draw the lines of one panel, and beside them the means in figures."""
    places = _places(panel)
    axes, beside = part.subplots(1, 2, sharey=True, width_ratios=[3.1, 1])
    low, high = _bounds(found)
    axes.axvspan(-EQUIVALENT_WITHIN, EQUIVALENT_WITHIN, color="#e9e9e9", linewidth=0, zorder=0)
    axes.axvline(0, color=INK, linewidth=1, zorder=1)
    beside.set_axis_off()
    for control in CONTROLS:
        chosen = [effect for effect in found if effect.control == control]
        if not chosen:
            continue
        _draw_pairs(axes, control, chosen, places, (low, high))
        right = _COLUMN[control] + _COUNT
        beside.text(right, -0.75, f"{_NAME[control]} (n)", color=_COLOUR[control], ha="right", va="bottom")
        for effect in chosen:
            _draw_effect(axes, effect, places[effect.treatment])
            _write_effect(beside, effect, places[effect.treatment])
    axes.set_xlim(low, high)
    label_treatments(axes, panel, places)
    value_axis(axes, "difference of SAD (rad)", signed=True)
    title_panel(part, f"{panel.heading}, {_count_in_words(found)}\n{_reservations(found)}".strip())


def _count_in_words(found: Sequence[Effect]) -> str:
    pairs, draws = ([getattr(effect.pooled, name) for effect in found] for name in ("pairs", "draws"))
    return f"n = {span(pairs)} pairs in {span(draws)} draws"


def _reservations(found: Sequence[Effect]) -> str:
    """Return in words what the panel lacks, intervals, tests or a control, and what it holds for."""
    words = []
    if max(effect.pooled.draws for effect in found) < MINIMUM_RUNS:
        words.append("fewer than five draws: points only, no intervals, no tests")
    elif any(effect.judged_by == BY_SUCCESS for effect in found):
        words.append("judged by its success rate, not by the mean SAD: no tests here")
    words += [f"holds for {condition}" for condition in dict.fromkeys(one.condition for one in found) if condition]
    words += [f"no runs of {name}" for name in CONTROLS if not any(effect.control == name for effect in found)]
    return "; ".join(words)


def _bounds(found: Sequence[Effect]) -> tuple[float, float]:
    """Return the ends of the axis: all means and intervals, the band, and nearly all single pairs."""
    reached = [-1.2 * EQUIVALENT_WITHIN, 1.2 * EQUIVALENT_WITHIN]
    reached += np.percentile(np.concatenate([effect.differences for effect in found]), _PAIRS_SHOWN).tolist()
    for effect in found:
        reached.append(effect.pooled.difference)
        if effect.pooled.interval is not None:
            reached += [effect.pooled.interval.low, effect.pooled.interval.high]
    margin = 0.03 * (max(reached) - min(reached))
    return min(reached) - margin, max(reached) + margin


def _draw_pairs(
    axes: Axes, control: str, chosen: Sequence[Effect], places: Mapping[str, float], ends: tuple[float, float]
) -> None:
    """Draw the single pairs of all treatments against one control, those beyond the axis at its ends."""
    values = np.concatenate([effect.differences for effect in chosen])
    heights = np.concatenate(
        [np.full(len(one.differences), places[one.treatment] + _OFFSET[control]) for one in chosen]
    )
    many = len(values) > _MANY
    look: dict[str, Any] = {"color": _COLOUR[control], "alpha": 0.3 if many else 0.7, "rasterized": many, "zorder": 2}
    inside = (values >= ends[0]) & (values <= ends[1])
    axes.scatter(values[inside], heights[inside], marker="|", s=26, linewidths=0.8, **look)
    for beyond, end, marker in ((values < ends[0], ends[0], "<"), (values > ends[1], ends[1], ">")):
        if beyond.any():
            look = {"color": _COLOUR[control], "zorder": 2, "linewidths": 0, "clip_on": False}
            edge = np.unique(heights[beyond])
            axes.scatter(np.full(len(edge), end), edge, marker=marker, s=16, **look)


def _draw_effect(axes: Axes, effect: Effect, place: float) -> None:
    colour, height = _COLOUR[effect.control], place + _OFFSET[effect.control]
    interval = effect.pooled.interval
    if interval is not None:
        ends = [interval.low, interval.high]
        axes.plot(ends, [height, height], color=colour, linewidth=2.2, solid_capstyle="butt", zorder=3)
    face = colour if effect.control == IDENTITY else "white"
    marker, size = ("D", 28) if effect.significant else ("o", 26)
    axes.scatter(
        [effect.pooled.difference],
        [height],
        marker=marker,
        s=size,
        facecolors=face,
        edgecolors=colour,
        linewidths=1.2,
        zorder=4,
    )


def _write_effect(axes: Axes, effect: Effect, place: float) -> None:
    reported = effect.treatment in REPORTED
    look: dict[str, Any] = {
        "color": HIGHLIGHT if reported else INK,
        "fontweight": "bold" if reported else "normal",
        "fontsize": 8,
        "va": "center",
    }
    left = _COLUMN[effect.control]
    axes.text(left + _NUMBER, place, signed_text(effect.pooled.difference), ha="right", **look)
    axes.text(left + _NUMBER, place, "*" if effect.significant else "", ha="left", **look)
    axes.text(left + _COUNT, place, f"({effect.pooled.pairs})", ha="right", **look)
