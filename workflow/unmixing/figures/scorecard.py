"""The scorecard at a glance: ours minus the paper's for every value that ours can stand beside, and its verdict."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from unmixing.figures.panels import compose, signed_text, value_axis
from unmixing.figures.style import INK, MUTED, PALETTE, Description
from unmixing.statistics.verdicts import OUTCOMES, Judgement
from unmixing.tables.scorecard import counts_note
from unmixing.tables.scorecard_values import Comparison, comparisons

TITLES: Mapping[int, str] = {
    3: "Table 3: baseline",
    5: "Table 5: augmentations",
    6: "Table 6: contrastive configurations",
}

#: Colour and mark of each verdict.
LOOKS: Mapping[str, tuple[str, str]] = {
    "reproduced": (PALETTE["green"], "o"),
    "contradicted": (PALETTE["vermilion"], "D"),
    "inconclusive": (PALETTE["blue"], "s"),
}
_LINE, _FRAME = 0.24, 0.75
_HEADING = 1.5  # lines
_BAND = "#dcdcdc"
_RUN: dict[str, Any] = {"marker": "|", "color": MUTED, "s": 26, "linewidths": 1, "zorder": 3}
_RIGHT = {"difference": 0.2, "n": 0.3, "verdict": 0.34}  # columns of text, as shares of their part of the figure
NOTHING = "no printed value has runs of ours beside it"


def describe(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Description:
    """Return what stands beside the figure.

    Args:
        rows: Run rows of the phases baseline, augmentation and contrastive.
        scenes: Availability records of all scenes.
        scale: By scene: the planned scale of every phase.
        provenance: Commit, versions, input checksums.
    """
    found = comparisons(rows, scenes, scale)
    shown = drawn(found)
    at_scale = sum(one.judgement.same_scale for one in shown if one.judgement is not None)
    return Description(
        name="figure_scorecard",
        title="Scorecard: ours minus the paper's",
        caption="Difference of the mean spectral angle distance (SAD) for every printed mean that runs of ours stand "
        "beside: the mean, its 90 % interval (thick) and 95 % interval (thin), and the band within which it counts as "
        "the same. Below five runs or draws these themselves are drawn, as strokes, without an interval.",
        scale=f"{at_scale} of {len(shown)} values at the paper's scale; the others are indicative",
        n="beside each value: independent runs or draws",
        notes=[
            counts_note(found),
            "Band: ± the larger of .005 rad and a tenth of the printed mean. Filled marks: scene and scale are the "
            "paper's, and the verdict counts; hollow marks: the scale is another, and it is indicative.",
            "Values that another table repeats are drawn once. Printed standard deviations and hyper-parameters are "
            "in the table alone.",
        ],
        provenance=provenance,
    )


def draw(
    spectra: pd.DataFrame,
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    *,
    scale: Mapping[str, Mapping[str, Any]],
) -> Figure:
    """Draw one line for each printed mean and protocol, table by table.

    Args:
        spectra: Not used.
        rows: Run rows of the phases baseline, augmentation and contrastive; possibly empty.
        scenes: Availability records of all scenes.
        scale: By scene: the planned scale of every phase.

    Returns:
        A figure 9.6 inches wide; what has no runs is counted below its table, with the reason.
    """
    found = comparisons(rows, scenes, scale)
    shown = drawn(found)
    # One panel for all tables, so that zero is one line.
    return compose([shown] if shown else [], missing(found), _legend(), _height, _draw_values)


def drawn(found: Sequence[Comparison]) -> list[Comparison]:
    """Return the values that are drawn: judged means with runs, repetitions left out."""
    return [one for one in found if one.judgement is not None and one.judgement.n and not one.repeats]


def missing(found: Sequence[Comparison]) -> list[tuple[str, str]]:
    """Return for each table its printed means without runs: how many, and why."""
    messages = []
    for table, title in TITLES.items():
        absent = [one for one in found if one.table == table and one.kind == "mean" and not one.repeats]
        total = len({(one.scene, one.label, one.column) for one in absent})
        absent = [one for one in absent if one.ours.value is None]
        if not absent:
            continue
        counts = Counter((one.title, one.ours.reason.split(":")[0]) for one in absent)
        reasons: dict[str, list[str]] = {}
        for (scene, reason), number in counts.items():
            reasons.setdefault(reason, []).append(f"{scene} ({number})")
        text = "; ".join(f"{', '.join(names)}: {reason}" for reason, names in reasons.items())
        messages.append((title, textwrap.shorten(f"{len(absent)} of {total} means not testable here. {text}", 270)))
    return messages or ([] if drawn(found) else [("Scorecard", NOTHING)])


def _legend() -> list[Artist]:
    mark: dict[str, Any] = {"linestyle": "none", "markersize": 6}
    named = [outcome for outcome in OUTCOMES if outcome in LOOKS]
    return [
        *(Line2D([], [], color=LOOKS[name][0], marker=LOOKS[name][1], **mark, label=name) for name in named),
        Patch(color=_BAND, linewidth=0, label="band that counts as the same"),
        Line2D([], [], color=MUTED, marker="o", **mark, label="filled: the paper's scale"),
        Line2D([], [], mfc="none", mec=MUTED, marker="o", **mark, label="hollow: another scale, indicative"),
        Line2D([], [], color=INK, linewidth=2.4, label="90 % interval; thin: 95 %"),
        Line2D([], [], color=MUTED, marker="|", **mark, label="runs, where there are fewer than 5"),
    ]


def _bounds(shown: Sequence[Comparison]) -> tuple[float, float]:
    """Return the ends of the axis that all panels share: every band, mean, interval and drawn run."""
    reached = [0.0]
    for one in shown:
        assert one.judgement is not None
        reached += [-one.judgement.margin, one.judgement.margin, one.judgement.difference]
        reached += one.judgement.wide or (one.ours.values - one.published).tolist()
    margin = 0.04 * (max(reached) - min(reached)) or 0.001
    return min(reached) - margin, max(reached) + margin


def _places(shown: Sequence[Comparison]) -> list[float]:
    """Return the height of each value's line, in lines, with room for a heading above each table."""
    places, at = [], 0.0
    for number, one in enumerate(shown):
        at += _HEADING if not number or shown[number - 1].table != one.table else 0
        places.append(at)
        at += 1
    return places


def _height(shown: Sequence[Comparison]) -> float:
    return _FRAME + _LINE * (_places(shown)[-1] + 1)


def _draw_values(part: SubFigure, shown: Sequence[Comparison]) -> None:
    axes, beside = part.subplots(1, 2, sharey=True, width_ratios=[1.2, 1])
    places = _places(shown)
    for number, (place, one) in enumerate(zip(places, shown, strict=True)):
        assert one.judgement is not None
        if not number or shown[number - 1].table != one.table:
            heading: dict[str, Any] = {"ha": "left", "va": "center", "fontweight": "bold", "color": INK, "zorder": 5}
            heading["bbox"] = {"facecolor": "white", "edgecolor": "none", "pad": 1}  # No line runs through it.
            axes.text(0.004, place - 1, TITLES[one.table], transform=axes.get_yaxis_transform(), **heading)
        _draw_value(axes, place, one, one.judgement)
        _write_value(beside, place, one, one.judgement)
    beside.set_axis_off()
    beside.set_xlim(0, 1)
    for text, right, side in (
        ("ours − paper", "difference", "right"),
        ("n", "n", "right"),
        ("verdict", "verdict", "left"),
    ):
        beside.text(_RIGHT[right], places[0] - 1, text, ha=side, va="center", color=MUTED, fontsize=8)
    axes.axvline(0, color=INK, linewidth=1, zorder=2)
    axes.set_yticks(places, [_label(one) for one in shown])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(places[-1] + 0.7, -0.2)
    axes.set_xlim(*_bounds(shown))
    axes.spines["left"].set_visible(False)
    value_axis(axes, "ours − paper (rad)", signed=True)


def _draw_value(axes: Axes, place: float, one: Comparison, judgement: Judgement) -> None:
    colour, marker = LOOKS[judgement.outcome]
    axes.barh(place, 2 * judgement.margin, left=-judgement.margin, height=0.8, color=_BAND, linewidth=0, zorder=1)
    if judgement.narrow is not None and judgement.wide is not None:
        axes.plot(judgement.wide, [place, place], color=colour, linewidth=1, zorder=3)
        axes.plot(judgement.narrow, [place, place], color=colour, linewidth=2.6, solid_capstyle="butt", zorder=3)
    else:
        values = np.asarray(one.ours.values) - one.published
        axes.scatter(values, np.full(len(values), place), **_RUN)
    filled = colour if judgement.same_scale else "white"
    look: dict[str, Any] = {"s": 34, "facecolors": filled, "edgecolors": colour, "linewidths": 1.5, "zorder": 4}
    axes.scatter([judgement.difference], [place], marker=marker, **look)


def _write_value(axes: Axes, place: float, one: Comparison, judgement: Judgement) -> None:
    """Write the difference, the number of values and the verdict with what is short of the scale."""
    axes.text(_RIGHT["difference"], place, signed_text(judgement.difference), ha="right", va="center", fontsize=8)
    axes.text(_RIGHT["n"], place, str(judgement.n), ha="right", va="center", fontsize=8)
    words = judgement.outcome if judgement.same_scale else f"indicative: {judgement.outcome} ({one.ours.scale[0]})"
    axes.text(_RIGHT["verdict"], place, words, ha="left", va="center", fontsize=8)


def _label(one: Comparison) -> str:
    """Return scene, row and protocol in few words."""
    row = "" if one.table == 3 else f", {one.label.replace('Best SAD ', '').replace(' (sigma = 0.1, 1.0)', '')}"
    what = "" if one.what == "average" else f" {one.what}"
    return f"{textwrap.shorten(one.title, 24, placeholder='…')}{row}{what} ({one.ours.protocol})"
