"""Errors of unmixing by names on scenes that no training saw: without shots, and by number of shots."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from unmixing.figures.panels import (
    MARGIN,
    merge_messages,
    message_height,
    message_panel,
    scenes_of_study,
    stacked,
    value_axis,
)
from unmixing.figures.style import INK, MUTED, PALETTE, Description
from unmixing.tables.scene_rows import SceneRow, scenes_to_show
from unmixing.tables.semantic_rows import FEW_SHOT, ZERO_SHOT, convention_of, described, measured, values_of
from unmixing.tables.semantic_scenes import BARS

_SCENE_HEIGHT, _LEGEND_HEIGHT = 2.75, 0.62
_NOT_RUN = "not unmixed by names: no reference abundances, or not part of this study"

#: Methods without shots from top to bottom: label, colour, marker, filled.
_ROWS: Mapping[str, tuple[str, str, str, bool]] = {
    "semantic": ("by names", PALETTE["vermilion"], "o", True),
    "semantic_no_prior": ("  no prior (w = 1)", PALETTE["vermilion"], "o", False),
    "semantic_decoded": ("  decoded spectra", PALETTE["vermilion"], "^", False),
    "semantic_class_mean": ("  class means", PALETTE["vermilion"], "s", False),
    "semantic_assignment": ("  assignment alone", PALETTE["vermilion"], "D", False),
    "class_mean_scls": ("SCLS, class means", PALETTE["blue"], "s", True),
    "class_mean_fcls": ("FCLS, class means", PALETTE["blue"], "s", False),
    "sunsal_library": ("SUnSAL, library", PALETTE["blue"], "D", True),
    "best_of_library": ("best of library", PALETTE["blue"], "D", False),
    "nearest_mean": ("nearest mean", PALETTE["blue"], "^", False),
    "vca_fcls": ("VCA + FCLS (oracle)", PALETTE["purple"], "v", True),
    "constant": ("constant", MUTED, "x", True),
}
#: Methods over k, in the order of the legend: label, colour, marker, line, filled.
_CURVES: Mapping[str, tuple[str, str, str, Literal["-", "--"], bool]] = {
    "semantic": ("by names, no shots", PALETTE["vermilion"], "", "--", True),
    "class_mean_scls": ("SCLS, no shots", PALETTE["blue"], "", "--", True),
    "prototype": ("prototype", PALETTE["vermilion"], "o", "-", True),
    "adapter": ("adapter", PALETTE["orange"], "s", "-", True),
    "fine_tune": ("fine-tuned encoder", PALETTE["purple"], "D", "-", True),
    "shots_mean_scls": ("SCLS, mean of shots", PALETTE["blue"], "s", "-", False),
    "shots_mean_fcls": ("FCLS, mean of shots", PALETTE["sky"], "D", "-", False),
    "shots_all": ("best of all shots", PALETTE["green"], "^", "-", False),
    "shots_nearest": ("nearest mean of shots", MUTED, "v", "-", False),
}


def describe(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Description:
    """Return what stands beside the figure.

    Args:
        rows: of ``semantic.experiments.scenes``; possibly empty.
        scenes: Availability records of all scenes.
        scale: Not used.
        provenance: Commit, versions, input checksums.
    """
    del scale
    counts = []
    for scene in scenes_to_show(scenes):
        one, few = (measured(rows, protocol, scene.scene) for protocol in (ZERO_SHOT, FEW_SHOT))
        if len(one):
            draws = f", at most {few['draw'].nunique()} draws of shots" if len(few) else ""
            counts.append(f"{scene.title} {int(one['n'].max())} pixels{draws}")
    return Description(
        name="figure_semantic_scenes",
        title="Unmixing by names on scenes that no training saw",
        caption="Abundance error (aRMSE, in the convention of the scene's references). Left: without shots, lines are "
        "95 % intervals over blocks of the scene (over draws for VCA); the band is what there is to beat. Right: with "
        "k pure pixels of each material, lines are 95 % intervals over draws from five draws on.",
        n="; ".join(counts) or "not run",
        notes=[
            "Intervals over blocks understate where a scene's structures are larger than its blocks. Methods on the "
            "same pixels are compared in pairs in the tables.",
            "Dashed: methods without shots, asked for the same materials on the same pixels as those with k shots.",
        ],
        provenance=provenance,
    )


def draw(spectra: pd.DataFrame, rows: pd.DataFrame, scenes: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw one line of two panels for each scene.

    Args:
        spectra: Not used.
        rows: of ``semantic.experiments.scenes``; possibly empty.
        scenes: Availability records of all scenes.

    Returns:
        A figure 9.6 inches wide; a scene of the study without rows has a line that says why.
    """
    del spectra
    shown = scenes_of_study(scenes)
    found = {scene.scene: measured(rows, ZERO_SHOT, scene.scene) for scene in shown}
    found = {scene: part[part["value"].notna()] if len(part) else part for scene, part in found.items()}
    drawn = [scene for scene in shown if len(found[scene.scene])]
    told = merge_messages(
        (f"{scene.title} ({scene.kind})", scene.reason or _NOT_RUN) for scene in shown if scene not in drawn
    )
    heights = [_LEGEND_HEIGHT, *([_SCENE_HEIGHT] * len(drawn)), *(message_height(*message) for message in told)]
    with stacked(heights) as (figure, parts):
        parts[0].legend(handles=_legend(), loc="center", ncols=5, frameon=False, borderaxespad=0, columnspacing=1.2)
        for part, scene in zip(parts[1:], drawn, strict=False):
            heading = f"{scene.title} ({scene.kind})"
            part.suptitle(heading, x=MARGIN, ha="left", fontweight="bold", fontsize=9, color=INK)
            left, right = part.subplots(1, 2, gridspec_kw={"width_ratios": [1.25, 1]})
            _draw_rows(left, found[scene.scene], scene)
            _draw_curves(right, measured(rows, FEW_SHOT, scene.scene))
        for part, message in zip(parts[1 + len(drawn) :], told, strict=True):
            message_panel(part, *message)
    return figure


def _legend() -> list[Line2D | Patch]:
    lines: list[Line2D | Patch] = [
        Line2D([], [], color=colour, marker=marker or "none", linestyle=line, markersize=5,
               mfc=colour if full else "white", label=label)
        for label, colour, marker, line, full in _CURVES.values()
    ]  # fmt: skip
    return [*lines, Patch(facecolor="#dbe9f3", label="left: to beat")]


def _draw_rows(axes: Axes, rows: pd.DataFrame, scene: SceneRow) -> None:
    convention = convention_of(rows)
    methods = [method for method in _ROWS if (rows["method"] == method).any()]
    if scene.scene in BARS:
        axes.axvspan(*BARS[scene.scene], color="#dbe9f3", linewidth=0, zorder=0)
    for place, method in enumerate(methods):
        _, colour, marker, full = _ROWS[method]
        one = described(values_of(rows[rows["method"] == method], "armse", convention), "armse")
        if one["armse"] is None:
            continue
        low, high = one.get("armse_low"), one.get("armse_high")
        if low is not None and high is not None and np.isfinite([low, high]).all():
            axes.plot([low, high], [place, place], color=colour, linewidth=1.6, zorder=3)
        axes.plot(
            [one["armse"]], [place], marker=marker, markersize=5, color=colour, mfc=colour if full else "white",
            linestyle="none", zorder=4,
        )  # fmt: skip
    axes.set_yticks(range(len(methods)), [_ROWS[method][0] for method in methods])
    for label in axes.get_yticklabels():
        label.set_horizontalalignment("left")
    axes.tick_params(axis="y", length=0, pad=108)
    axes.set_ylim(len(methods) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.spines["left"].set_visible(False)
    value_axis(axes, "aRMSE without shots" + (", raw difference" if convention == "raw" else ""))


def _draw_curves(axes: Axes, rows: pd.DataFrame) -> None:
    scored = rows[(rows["value"].notna()) & (rows["against"] == "")] if len(rows) else rows
    if scored.empty:
        reasons = "; ".join(dict.fromkeys(rows["reason"])) if len(rows) else ""
        text = "\n".join(textwrap.wrap(reasons or "no shots were drawn", 46))
        axes.text(0.02, 0.5, text, transform=axes.transAxes, va="center", color=MUTED)
        axes.set_axis_off()
        return
    convention, counts = convention_of(scored), sorted(set(scored["k"]))
    places = {k: place for place, k in enumerate(counts)}
    present = [method for method in _CURVES if (scored["method"] == method).any()]
    for number, method in enumerate(present):
        _, colour, marker, line, full = _CURVES[method]
        shift = 0.03 * (number - len(present) / 2)
        points = []
        for k in counts:
            part = scored[(scored["k"] == k) & (scored["method"] == method)]
            one = described(values_of(part, "armse", convention), "armse")
            if one["armse"] is None:
                continue
            points.append((places[k] + shift, one["armse"]))
            low, high = one.get("armse_low"), one.get("armse_high")
            if marker and low is not None and high is not None and np.isfinite([low, high]).all():
                axes.plot([places[k] + shift] * 2, [low, high], color=colour, linewidth=1.1, zorder=2)
        axes.plot(
            [x for x, _ in points], [y for _, y in points], color=colour, marker=marker or None, linestyle=line,
            markersize=4.5, mfc=colour if full else "white", linewidth=1.1, zorder=3,
        )  # fmt: skip
    axes.set_xticks(range(len(counts)), [str(k) for k in counts])
    axes.set_xlim(-0.35, len(counts) - 0.65)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("shots of each material, k")
    axes.set_ylabel("aRMSE")
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.grid(axis="y")
    axes.set_axisbelow(True)
