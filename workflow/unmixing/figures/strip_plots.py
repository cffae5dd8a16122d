"""Every run's spectral angle distance, by scene and protocol: no mean hides a lost endmember."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from unmixing.figures.panels import merge_messages, message_height, message_panel, scenes_of_study, stacked
from unmixing.figures.style import INK, MUTED, PALETTE, Description
from unmixing.published import paper_values
from unmixing.tables.run_rows import groups, of_phase, scored, study_runs, study_scale
from unmixing.tables.scene_rows import SceneRow, scenes_to_show

_PANEL_HEIGHT, _LEGEND_HEIGHT = 2.5, 0.4
_SPREAD = 0.22  # half width of a strip
_HALF = 0.36  # half width of a line

_CHANCE: dict[str, Any] = {"color": MUTED, "linestyle": (0, (4, 2)), "linewidth": 1.3}
_FLOOR: dict[str, Any] = {"color": PALETTE["green"], "linestyle": (0, (1, 1.2)), "linewidth": 1.8}
_PAPER: dict[str, Any] = {"color": PALETTE["vermilion"], "linestyle": "-", "linewidth": 1.6}


def describe(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Description:
    """Return what stands beside the figure.

    Args:
        rows: Run rows of the baseline phase and of the classical phase.
        scenes: Availability records of all scenes.
        scale: By scene: runs, epochs, patches and patch_size of this study.
        provenance: Commit, versions, input checksums.
    """
    shown = scenes_to_show(scenes)
    return Description(
        name="figure_strip_plots",
        title="All runs of the baseline: spectral angle distance",
        caption="One circle for each run: the spectral angle distance (SAD) of each endmember and, filled, the mean "
        "over endmembers. Lines: the paper's mean (for its own scenes), chance (K random pixels, mean over draws) and "
        "the attainable floor (mean spectrum of nearly pure pixels).",
        scale=study_scale(shown, scale),
        n=study_runs(of_phase(rows, "baseline"), shown),
        notes=[
            "Circles are set apart sideways in the order of the runs, so that run r stands at the same place "
            "everywhere; diverged runs have no numbers and no circle.",
            "No floor is drawn for an endmember without a pixel of abundance above .95, nor for the mean then.",
        ],
        provenance=provenance,
    )


def draw(spectra: pd.DataFrame, rows: pd.DataFrame, scenes: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw one panel per scene and protocol of the study, two side by side.

    Args:
        spectra: Not used.
        rows: Run rows of the baseline phase, and of the classical phase for chance and floor; possibly empty.
        scenes: Availability records of all scenes.

    Returns:
        A figure 9.6 inches wide; a scene of the study without scored runs has a line that says why.
    """
    shown = scenes_of_study(scenes)
    panels, messages = [], []
    for scene, protocol, chosen in groups(of_phase(rows, "baseline"), shown):
        usable = scored(chosen).dropna(subset=["sad_rad"]) if len(chosen) else chosen
        if len(usable):
            panels.append((scene, protocol, usable))
        elif len(chosen) or not protocol:  # a protocol that the study does not ask of this scene takes no room
            messages.append((scene, protocol))
    lines = -(-len(panels) // 2)
    told = merge_messages(
        (
            f"{scene.title} ({scene.kind})" + (f", {protocol}" if protocol else ""),
            scene.reason or "no run has an SAD: Table 3 says why",
        )
        for scene, protocol in messages
    )
    heights = [_LEGEND_HEIGHT, *[_PANEL_HEIGHT] * lines, *(message_height(*message) for message in told)]
    known = {scene.scene: _reference_angles(rows, scene.scene) for scene, _, _ in panels}
    with stacked(heights) as (figure, parts):
        handles = _legend([scene for scene, _, _ in panels], known)
        parts[0].legend(handles=handles, loc="center left", ncols=5, frameon=False, borderaxespad=0)
        for line in range(lines):
            pair = panels[2 * line : 2 * line + 2]
            grid = parts[1 + line].subplots(1, min(2, len(panels)), squeeze=False)[0]
            for axes, (scene, protocol, usable) in zip(grid, pair, strict=False):
                _draw_panel(axes, scene, protocol, usable, known[scene.scene])
            for axes in grid[len(pair) :]:
                axes.set_axis_off()
        for part, message in zip(parts[1 + lines :], told, strict=True):
            message_panel(part, *message)
    return figure


def _legend(drawn: Sequence[SceneRow], known: Mapping[str, Mapping[str, Any]]) -> list[Line2D]:
    """Return what is explained: the paper's line, chance and floor only where a panel has them."""
    circle: dict[str, Any] = {"linestyle": "none", "marker": "o", "markeredgecolor": PALETTE["blue"], "markersize": 5}
    lines = [
        (_PAPER, "paper, mean", any(scene.paper and _paper_mean(scene.scene) is not None for scene in drawn)),
        (_CHANCE, "chance", any("chance" in angles for angles in known.values())),
        (_FLOOR, "attainable floor", any("attainable_floor" in angles for angles in known.values())),
    ]
    return [
        Line2D([], [], **circle, markerfacecolor="none", label="a run, one endmember"),
        Line2D([], [], **circle, markerfacecolor=PALETTE["blue"], label="a run, mean"),
        *(Line2D([], [], **look, label=label) for look, label, shown in lines if shown),
    ]


def _reference_angles(rows: pd.DataFrame, scene: str) -> dict[str, pd.Series[float]]:
    """Return the angles of chance (mean over draws) and floor by endmember, where the study has them."""
    classical = of_phase(rows, "classical")
    of_scene = classical[classical["scene"] == scene] if len(classical) else classical
    found = {}
    for setting in ("chance", "attainable_floor"):
        chosen = of_scene[of_scene["setting"] == setting] if len(of_scene) else of_scene
        if len(chosen):
            found[setting] = chosen.groupby("endmember")["sad_rad"].mean()
    return found


def _draw_panel(
    axes: Axes, scene: SceneRow, protocol: str, rows: pd.DataFrame, known: Mapping[str, pd.Series[float]]
) -> None:
    """Draw the strips of one scene and protocol: a column for each endmember, then one for the mean."""
    table = rows.pivot(index="run", columns="endmember", values="sad_rad").sort_index()
    names = rows.drop_duplicates("endmember").set_index("endmember")["name"]
    count = len(table)
    offsets = np.linspace(-_SPREAD, _SPREAD, count) if count > 1 else np.zeros(1)
    columns = [*[(str(names[index]), table[index]) for index in table.columns], ("mean", table.mean(axis=1))]
    edge = PALETTE["blue"]
    for place, (name, values) in enumerate(columns):
        face = edge if name == "mean" and place == len(columns) - 1 else "none"
        axes.scatter(place + offsets, values, s=22, facecolors=face, edgecolors=edge, linewidths=1.1, zorder=3)
    for setting, look in (("chance", _CHANCE), ("attainable_floor", _FLOOR)):
        if setting in known:
            angles = [*known[setting].reindex(table.columns), known[setting].mean(skipna=False)]
            for place, angle in enumerate(angles):
                if np.isfinite(angle):
                    axes.plot([place - _HALF, place + _HALF], [angle, angle], **look, zorder=2)
    if scene.paper and (printed := _paper_mean(scene.scene)) is not None:
        last = len(columns) - 1
        axes.plot([last - _HALF, last + _HALF], [printed, printed], **_PAPER, zorder=2)
    axes.axvline(len(columns) - 1.5, color="#d0d0d0", linewidth=0.8, zorder=1)
    axes.set_xticks(range(len(columns)), [textwrap.shorten(name, 16, placeholder="…") for name, _ in columns])
    if len(columns) > 5:
        axes.tick_params(axis="x", labelrotation=25)
    axes.set_xlim(-0.6, len(columns) - 0.4)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("SAD (rad)")
    axes.grid(axis="y")
    axes.set_title(f"{scene.title} ({scene.kind}), {protocol}, n = {count}", loc="left", color=INK, fontweight="bold")


def _paper_mean(scene: str) -> float | None:
    printed = paper_values(3)
    chosen = printed[(printed["scene"] == scene) & (printed["column"] == "average_sad")]["value"]
    return float(chosen.iloc[0]) if len(chosen) else None
