"""Where the time of unmixing by names goes, and what smaller models weigh and change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from unmixing.figures.panels import message_figure, stacked
from unmixing.figures.style import PALETTE, Description
from unmixing.tables.semantic_cost import NOT_RUN

_ROW_HEIGHT, _FRAME_HEIGHT, _MESSAGE_HEIGHT = 0.34, 0.9, 0.9
#: Colours and marks of what is told apart in a panel: threads above, scenes below.
_MARKS = (
    (PALETTE["blue"], "o"), (PALETTE["vermilion"], "s"), (PALETTE["green"], "D"), (PALETTE["purple"], "^"),
    (PALETTE["orange"], "v"), (PALETTE["sky"], "P"), (PALETTE["black"], "X"),
)  # fmt: skip
_UNTRAINED = "untrained"
_NO_SCENES = {"mixtures": "generated"}


def describe(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Description:
    """Return what stands beside the figure.

    Args:
        rows: of ``semantic.experiments.cost.rows``; possibly empty.
        scenes: Not used.
        scale: Not used.
        provenance: Commit, versions, machine.
    """
    del scenes, scale
    timed = _timed(rows)
    machines = ", ".join(dict.fromkeys(rows["machine"])) if len(rows) else ""
    return Description(
        name="figure_semantic_cost",
        title="What unmixing by names costs: time by part, and size against error",
        caption="Above: processor time of each part, for 10,000 pixels or once for a list of prompts and a sensor; "
        "lines from the least to the most of the repetitions. Below: bytes of smaller forms of the shipped model and "
        "how much they change abundances.",
        n=f"{int(timed['n'].max())} repetitions of each timing" if len(timed) else "not run",
        notes=[
            *([f"Machine: {machines}."] if machines else []),
            "Size L is untrained, of the size that the paper names; its time is scaled up from few pixels.",
            "Smaller models are not trained again.",
            "With more threads than idle cores, waiting for each other counts as processor time.",
        ],
        provenance=provenance,
    )


def draw(spectra: pd.DataFrame, rows: pd.DataFrame, scenes: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw time by part above, size and change of smaller models below.

    Args:
        spectra: Not used.
        rows: of ``semantic.experiments.cost.rows``; possibly empty.
        scenes: Availability records of all scenes, for their titles.

    Returns:
        A figure 9.6 inches wide; without rows one line that says why it is empty.
    """
    del spectra
    titles = {str(record["scene"]): str(record["title"]) for record in scenes} | _NO_SCENES
    timed = _timed(rows)
    if timed.empty:
        return message_figure("Costs", NOT_RUN, _MESSAGE_HEIGHT)
    items = list(dict.fromkeys(timed["title"]))
    smaller = rows[rows["part"] == "compression"]
    names = list(dict.fromkeys(smaller["variant"]))
    heights = [_FRAME_HEIGHT + _ROW_HEIGHT * len(items), _FRAME_HEIGHT + _ROW_HEIGHT * len(names)]
    with stacked(heights) as (figure, (upper, lower)):
        _draw_times(upper.subplots(), timed, items)
        size, change = lower.subplots(1, 2, sharey=True)
        _draw_sizes(size, smaller, names)
        _draw_changes(change, smaller, names, titles)
    return figure


def _timed(rows: pd.DataFrame) -> pd.DataFrame:
    """Processor times of the parts, with a title for each."""
    if rows.empty:
        return rows
    found = rows[(rows["part"] == "latency") & (rows["measure"] == "processor_seconds") & rows["value"].notna()]
    large = found["variant"].str.contains(_UNTRAINED)
    once = found["variant"].str.startswith("once")
    title = found["item"].where(~large, found["item"] + ", size L")
    return found.assign(title=title.where(~once, found["item"] + " (once)"))


def _draw_times(axes: Axes, timed: pd.DataFrame, items: Sequence[str]) -> None:
    numbers = sorted(set(timed["threads"]))
    for index, number in enumerate(numbers):
        colour, marker = _MARKS[index % len(_MARKS)]
        part = timed[timed["threads"] == number]
        shift = (index - (len(numbers) - 1) / 2) * 0.28
        places = [items.index(title) + shift for title in part["title"]]
        axes.hlines(places, part["least"], part["most"], color=colour, linewidth=1.6, zorder=3)
        label = f"{number} thread{'s' if number > 1 else ''}"
        axes.plot(part["value"], places, marker, markersize=5, color=colour, label=label, zorder=4)
    axes.set_xscale("log")
    _rows(axes, items)
    axes.set_xlabel("processor time (s) for 10,000 pixels, or once for a list of prompts and a sensor")
    axes.xaxis.set_major_locator(LogLocator(10, numticks=10))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, borderaxespad=0.2)


def _draw_sizes(axes: Axes, rows: pd.DataFrame, names: Sequence[str]) -> None:
    sizes = rows[rows["measure"] == "bytes"].groupby("variant")["value"].first() / 2**20
    for place, name in enumerate(names):
        axes.hlines([place], 0, sizes[name], color=PALETTE["sky"], linewidth=7, zorder=3)
        axes.annotate(f"{sizes[name]:.2f}", (sizes[name], place), (4, 0), textcoords="offset points", va="center")
    _rows(axes, names)
    axes.set_xlim(0, 1.15 * float(sizes.max()))
    axes.set_xlabel("stored (MiB)")


def _draw_changes(axes: Axes, rows: pd.DataFrame, names: Sequence[str], titles: Mapping[str, str]) -> None:
    changes = rows[rows["measure"] == "change"]
    for index, (scene, part) in enumerate(changes.groupby("scene", sort=False)):
        colour, marker = _MARKS[index % len(_MARKS)]
        places = [names.index(name) for name in part["variant"]]
        axes.plot(
            part["value"],
            places,
            marker,
            markersize=5,
            color=colour,
            label=titles.get(str(scene), str(scene)),
            zorder=4,
        )
    _rows(axes, names)
    axes.set_xlim(left=-0.03 * max(float(changes["value"].max()), 1e-3))
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel("mean absolute change of abundances")
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, borderaxespad=0.2,
        columnspacing=1.0, handletextpad=0.3,
    )  # fmt: skip


def _rows(axes: Axes, names: Sequence[str]) -> None:
    """Give each name a row of its own, every second one shaded."""
    for place in range(0, len(names), 2):
        axes.axhspan(place - 0.5, place + 0.5, color="#f5f5f5", linewidth=0, zorder=0)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.set_axisbelow(True)
