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
from matplotlib.ticker import FuncFormatter, MaxNLocator

from unmixing.figures.style import INK, MUTED, PALETTE, Description, message_panel, style
from unmixing.tables.audit_effects import Effect, audited, count_pairs
from unmixing.tables.run_rows import study_scale
from unmixing.tables.scene_rows import SceneRow

_WIDTH = 9.6  # inches: 691 points, 922 pixels in the report
_BAR_HEIGHT, _FRAME_HEIGHT, _MESSAGE_HEIGHT, _LEGEND_HEIGHT = 0.4, 0.85, 0.5, 0.4
_MARGIN = 0.008
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
        rows: Run rows of the phases baseline and audit.
        scenes: Availability records of all scenes.
        scale: By scene: runs, epochs, patches and patch_size of this study.
        provenance: Commit, versions, input checksums.
    """
    shown = [(scene, protocol, found) for scene, protocol, found, _ in audited(rows, scenes) if found]
    return Description(
        name="figure_audit",
        title="Audit of the baseline: effect of every single difference between text and released code",
        caption="Bars: mean change of the spectral angle distance (SAD) when one field of the protocol named above "
        "the panel is changed and all else kept, largest first; to the right the SAD gets worse. Circles: single "
        "runs, each compared with the run of the same streams. Black line: 95 % interval of the paired difference, "
        "from five pairs on.",
        scale=study_scale(list(dict.fromkeys(scene for scene, _, _ in shown)), scale),
        n="; ".join(f"{scene.title} ({protocol}) {count_pairs(found)}" for scene, protocol, found in shown)
        or "no runs",
        notes=[
            "Grey: the single changes added up beside all of them at once, over the same runs, and what the first "
            "leaves of the second; all at once also changes how endmembers are matched.",
            "activation and input take values that figure 1 and section 2.4 name and neither protocol has.",
            "With initial_weights changed, the run that starts from the shared set on both sides is no pair.",
        ],
        provenance=provenance,
    )


def draw(spectra: pd.DataFrame, rows: pd.DataFrame, scenes: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw one panel per audited scene and protocol, with one axis of differences per scene.

    Args:
        spectra: Not used.
        rows: Run rows of the phases baseline and audit; possibly empty.
        scenes: Availability records of all scenes.

    Returns:
        A figure 9.6 inches wide; a scene of the study without runs of the audit has a line that says why.
    """
    panels, messages = [], []
    for scene, protocol, found, reason in audited(rows, scenes):
        if any(len(effect.before) for effect in found):
            panels.append((scene, protocol, found))
        else:
            messages.append((scene, protocol, reason or "no run has numbers before and after a change"))
    bounds = _bounds(panels)
    heights = [_LEGEND_HEIGHT, *(_FRAME_HEIGHT + _BAR_HEIGHT * len(found) for _, _, found in panels)]
    heights += [_MESSAGE_HEIGHT] * len(messages)
    with style():
        figure = Figure(figsize=(_WIDTH, sum(heights)), layout="constrained")
        parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
        parts[0].legend(handles=_legend(), loc="center left", ncols=5, frameon=False, borderaxespad=0)
        for part, (scene, protocol, found) in zip(parts[1:], panels, strict=False):
            _draw_panel(part.subplots(), scene, protocol, found, bounds[scene.scene])
        for part, (scene, protocol, reason) in zip(parts[1 + len(panels) :], messages, strict=True):
            heading = f"{scene.title} ({scene.kind})" + (f", from {protocol}" if protocol else "")
            message_panel(part, heading, "\n".join(textwrap.wrap(reason, 92)), _MARGIN)
        # Layout depends on the settings, which hold only inside this block.
        engine = figure.get_layout_engine()
        if engine is not None:
            engine.execute(figure)
        figure.set_layout_engine("none")
    return figure


def _legend() -> list[Line2D | Patch]:
    return [
        Patch(color=_WORSE, alpha=_FAINT, linewidth=0, label="larger SAD"),
        Patch(color=_BETTER, alpha=_FAINT, linewidth=0, label="smaller SAD"),
        Patch(color=_CLOSING, linewidth=0, label="all changes"),
        Line2D([], [], linestyle="none", marker="o", markersize=4, mfc="white", mec=INK, label="one pair of runs"),
        Line2D([], [], **_INTERVAL, label="95 % interval of the mean"),
    ]


def _bounds(panels: Sequence[tuple[SceneRow, str, Sequence[Effect]]]) -> dict[str, tuple[float, float]]:
    """Return for each scene the ends of its axis: all runs and intervals of its panels, and zero."""
    reached: dict[str, list[float]] = {}
    for scene, _, found in panels:
        values = reached.setdefault(scene.scene, [0.0])
        for effect in found:
            comparison = effect.compare()
            values += effect.differences.tolist()
            if comparison is not None and comparison.interval is not None:
                values += [comparison.interval.low, comparison.interval.high]
    margins = {scene: 0.04 * (max(values) - min(values)) or 0.001 for scene, values in reached.items()}
    return {scene: (min(values) - margins[scene], max(values) + margins[scene]) for scene, values in reached.items()}


def _draw_panel(
    axes: Axes, scene: SceneRow, protocol: str, found: Sequence[Effect], bounds: tuple[float, float]
) -> None:
    """Draw the bars of one scene and protocol, those of all changes below a line."""
    single = sum(not effect.closing for effect in found)
    for place, effect in enumerate(found):
        _draw_bar(axes, place, effect, bounds)
    axes.axvline(0, color=INK, linewidth=1, zorder=3)
    axes.axhline(single - 0.5, color="#d0d0d0", linewidth=0.8, zorder=1)
    axes.set_yticks(range(len(found)), [_label(effect) for effect in found])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(found) - 0.4, -0.6)
    axes.set_xlim(*bounds)
    axes.xaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:+.3g}".replace("-", "−") if value else "0"))
    axes.set_xlabel("change of SAD (rad)")
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    title = f"{scene.title} ({scene.kind}), from {protocol}, {count_pairs(found)}"
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
    text = f"{mean:+.4f}".replace("-", "−") + f"  n = {comparison.n}"
    axes.text(1.01, place, text, transform=axes.get_yaxis_transform(), color=INK, va="center")


def _label(effect: Effect) -> str:
    """Return what was changed, and on a second line its values."""
    return f"{effect.field}\n{effect.before_value} → {effect.after_value}" if effect.before_value else effect.field
