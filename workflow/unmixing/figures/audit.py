"""The audit as a tornado: what each single difference between text and code does to the SAD, largest first."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from unmixing.figures.panels import message_panel, signed_text, stacked, value_axis
from unmixing.figures.style import INK, MUTED, PALETTE, Description
from unmixing.tables.audit import audit_scale
from unmixing.tables.audit_effects import Panel, audited
from unmixing.tables.audit_pairs import Effect

_BAR_HEIGHT, _FRAME_HEIGHT, _LINE_HEIGHT, _MESSAGE_HEIGHT, _LEGEND_HEIGHT = 0.4, 0.85, 0.16, 0.5, 0.4
_WRAP, _TITLE_WRAP = 110, 104  # characters of the line that names what was not changed, and of a heading
_THICKNESS = 0.66  # of a bar, in rows
_RUNS = (-0.26, 0.06)  # from the first run to the last: above the interval
_MEAN = 0.2
_CAP = 0.07

_WORSE, _BETTER, _CLOSING = PALETTE["vermilion"], PALETTE["blue"], "#b8b8b8"
_FAINT = 0.45
_MARK: dict[str, Any] = {"s": 13, "facecolors": "white", "edgecolors": INK, "linewidths": 0.8, "zorder": 4}
_INTERVAL: dict[str, Any] = {"color": INK, "linewidth": 1.4, "solid_capstyle": "butt"}


def describe(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Description:
    """Return what stands beside the figure.

    Args:
        rows: Run rows of the audit and of the phases that it takes apart.
        scenes: Availability records of all scenes.
        scale: By scene: epochs, patches and patch_size of the baseline, and of other phases under their names.
        provenance: Commit, versions, input checksums.
    """
    panels = [panel for panel in audited(rows, scenes) if panel.effects]
    return Description(
        name="figure_audit",
        title="Audit: effect of every single difference between text and released code",
        caption="Bars: mean change of the spectral angle distance (SAD) when one field of the protocol named above "
        "the panel is changed and all else kept, largest first; to the right the SAD gets worse. Circles: single "
        "runs, each compared with the run of the same streams. Black line: 95 % interval of the paired difference, "
        "from five pairs on.",
        scale=audit_scale(panels, scale),
        n="; ".join(f"{panel.heading}: {panel.pairs}" for panel in panels) or "no runs",
        notes=[
            "Grey: the single changes added up beside all of them at once, over the same runs, and what the first "
            "leaves of the second; all at once also changes how endmembers are matched.",
            "activation, input, flip_names, label_source and normalisation take values that the text or the code names "
            "somewhere and neither protocol has.",
            "With initial_weights changed, the run that starts from the shared set on both sides is no pair. Runs of "
            "the sweep that share images or weights are one circle.",
            "Panels of one scene and phase share their axis.",
        ],
        provenance=provenance,
    )


def draw(spectra: pd.DataFrame, rows: pd.DataFrame, scenes: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw one panel per audited scene, protocol and place, with one axis of differences per scene and phase.

    Args:
        spectra: Not used.
        rows: Run rows of the audit and of the phases that it takes apart; possibly empty.
        scenes: Availability records of all scenes.

    Returns:
        A figure 9.6 inches wide; a scene of the study without runs of the audit has a line that says why.
    """
    panels, messages = [], []
    for panel in audited(rows, scenes):
        if any(len(effect.before) for effect in panel.effects):
            panels.append(panel)
        else:
            messages.append((panel, panel.reason or _why_empty(panel)))
    bounds = _bounds(panels)
    heights = [_LEGEND_HEIGHT, *(_height(panel) for panel in panels)]
    heights += [_MESSAGE_HEIGHT] * len(messages)
    with stacked(heights) as (figure, parts):
        parts[0].legend(handles=_legend(), loc="center left", ncols=5, frameon=False, borderaxespad=0)
        for part, panel in zip(parts[1:], panels, strict=False):
            _draw_panel(part.subplots(), panel, bounds[panel.scene.scene, panel.phase])
        for part, (panel, reason) in zip(parts[1 + len(panels) :], messages, strict=True):
            message_panel(part, panel.heading, textwrap.fill(reason, 92))
    return figure


def _drawn(panel: Panel) -> list[Effect]:
    """Return what has a place in a panel: changes that were made, whatever came of them, and closing rows."""
    return [effect for effect in panel.effects if len(effect.before) or effect.closing or not _not_made(effect)]


def _not_made(effect: Effect) -> bool:
    return effect.reason.startswith(("no runs in this study", "changes nothing here"))


def _not_made_line(panel: Panel) -> str:
    """Return what was not changed here, wrapped; empty where all was."""
    names = [effect.field for effect in panel.effects if not effect.closing and _not_made(effect)]
    return "\n".join(textwrap.wrap(f"not changed in this study: {', '.join(names)}", _WRAP)) if names else ""


def _why_empty(panel: Panel) -> str:
    reasons = dict.fromkeys(effect.reason for effect in panel.effects if effect.reason and effect in _drawn(panel))
    return f"no run has numbers before and after a change: {'; '.join(reasons)}"


def _height(panel: Panel) -> float:
    line = _not_made_line(panel)
    return _FRAME_HEIGHT + _BAR_HEIGHT * len(_drawn(panel)) + _LINE_HEIGHT * (line.count("\n") + 1 if line else 0)


def _legend() -> list[Line2D | Patch]:
    return [
        Patch(color=_WORSE, alpha=_FAINT, linewidth=0, label="larger SAD"),
        Patch(color=_BETTER, alpha=_FAINT, linewidth=0, label="smaller SAD"),
        Patch(color=_CLOSING, linewidth=0, label="all changes"),
        Line2D([], [], linestyle="none", marker="o", markersize=4, mfc="white", mec=INK, label="one pair of runs"),
        Line2D([], [], **_INTERVAL, label="95 % interval of the mean"),
    ]


def _bounds(panels: Sequence[Panel]) -> dict[tuple[str, str], tuple[float, float]]:
    """Return for each scene and phase the ends of its axis: all runs and intervals of its panels, and zero."""
    reached: dict[tuple[str, str], list[float]] = {}
    for panel in panels:
        values = reached.setdefault((panel.scene.scene, panel.phase), [0.0])
        for effect in panel.effects:
            comparison = effect.compare()
            values += effect.differences.tolist()
            if comparison is not None and comparison.interval is not None:
                values += [comparison.interval.low, comparison.interval.high]
    margins = {place: 0.04 * (max(values) - min(values)) or 0.001 for place, values in reached.items()}
    return {place: (min(values) - margins[place], max(values) + margins[place]) for place, values in reached.items()}


def _draw_panel(axes: Axes, panel: Panel, bounds: tuple[float, float]) -> None:
    """Draw the bars of one panel, those of all changes below a line, and name what was not changed."""
    drawn = _drawn(panel)
    single = sum(not effect.closing for effect in drawn)
    for place, effect in enumerate(drawn):
        _draw_bar(axes, place, effect, bounds)
    axes.axvline(0, color=INK, linewidth=1, zorder=3)
    if single < len(drawn):
        axes.axhline(single - 0.5, color="#d0d0d0", linewidth=0.8, zorder=1)
    axes.set_yticks(range(len(drawn)), [_label(effect) for effect in drawn])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(drawn) - 0.4, -0.6)
    axes.set_xlim(*bounds)
    value_axis(axes, f"change of SAD (rad)\n{_not_made_line(panel)}".strip(), signed=True, ticks=7)
    axes.spines["left"].set_visible(False)
    title = "\n".join(textwrap.wrap(f"{panel.heading}, {panel.pairs}", _TITLE_WRAP))
    axes.set_title(title, loc="left", color=INK, fontweight="bold")


def _draw_bar(axes: Axes, place: int, effect: Effect, bounds: tuple[float, float]) -> None:
    comparison = effect.compare()
    if comparison is None:
        side = "left" if bounds[1] >= -bounds[0] else "right"  # of the zero line, where there is more room
        axes.text(0, place, f"  {effect.reason.split(':')[0]}  ", color=MUTED, va="center", ha=side, zorder=4)
        return
    mean = comparison.difference
    colour, opacity = (_CLOSING, 1.0) if effect.closing else (_WORSE if mean > 0 else _BETTER, _FAINT)
    axes.barh(place, mean, height=_THICKNESS, color=colour, alpha=opacity, linewidth=0, zorder=2)
    values = effect.differences.to_numpy(np.float64)
    axes.scatter(values, place + np.linspace(*_RUNS, len(values)), **_MARK)
    if comparison.interval is not None:
        ends, height = [comparison.interval.low, comparison.interval.high], place + _MEAN
        axes.plot(ends, [height, height], **_INTERVAL, zorder=5)
        axes.vlines(ends, height - _CAP, height + _CAP, color=INK, linewidth=1.4, zorder=5)
    text = f"{signed_text(mean)}  n = {comparison.n}"
    axes.text(1.01, place, text, transform=axes.get_yaxis_transform(), color=INK, va="center")


def _label(effect: Effect) -> str:
    """Return what was changed, and on a second line its values."""
    return f"{effect.field}\n{effect.before_value} → {effect.after_value}" if effect.before_value else effect.field
