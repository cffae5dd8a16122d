"""What the figures of the augmentation sweep share: panels, the order of treatments, the look of regimes."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, TypeVar

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from unmixing.augmentation.treatments import TREATMENTS
from unmixing.errors import UnmixingError
from unmixing.figures.style import (
    INK,
    PALETTE,
    VERMILION_INK,
    Description,
    merge_messages,
    message_height,
    message_panel,
    style,
)
from unmixing.tables.run_rows import NO_REFERENCE, SCORED
from unmixing.tables.scene_rows import SceneRow, scenes_to_show
from unmixing.tables.sweep_rows import (
    CONTROLS,
    DYNAMIC,
    NO_SWEEP,
    PAPER_TREATMENTS,
    REGIMES,
    SEEDED,
    UNSEEDED,
    Runs,
    distinct,
    runs_of,
    sweep,
    sweep_groups,
    sweep_runs,
    sweep_scale,
)

#: The treatments that the paper reports (Table 5).
REPORTED = tuple(PAPER_TREATMENTS.values())

#: Colour and mark of each regime of Table 4.
REGIME_LOOK: Mapping[str, tuple[str, str]] = {
    DYNAMIC: (PALETTE["blue"], "o"),
    UNSEEDED: (PALETTE["orange"], "s"),
    SEEDED: (PALETTE["green"], "^"),
}

HIGHLIGHT = VERMILION_INK
SAME_SIGN = "†"
_SAME_NOTE = (
    f"{SAME_SIGN}: under this protocol the same experiment as the first treatment of its group; the released scripts "
    "for 90 images never hand its parameters on."
)
_FLIP_NOTE = "The flip of both axes stands in the released sheets only, not in Table 2."

_WIDTH = 9.6  # inches: 691 points, 922 pixels in the report
_MARGIN = 0.008
_LEGEND_LINE = 0.22
TITLE_LINE = 124  # characters of a panel's title in one line
_GROUP_GAP = 0.45  # lines

Panel = TypeVar("Panel")


@dataclass(frozen=True)
class SweepPanel:
    """The runs of one scene under one protocol with one number of images.

    Attributes:
        scene: What the panel is about.
        protocol: `described` or `released`.
        images: Augmented images of a run.
        rows: Run rows, those of diverged runs included.
    """

    scene: SceneRow
    protocol: str
    images: int
    rows: pd.DataFrame

    @property
    def heading(self) -> str:
        """Scene, kind, protocol and number of images."""
        name = textwrap.shorten(self.scene.title, 32, placeholder="…")
        return f"{name} ({self.scene.kind}), {self.protocol}, {self.images} images"

    @cached_property
    def data(self) -> Runs:
        """The runs with their angles for each endmember."""
        return runs_of(self.rows)

    @property
    def runs(self) -> pd.DataFrame:
        """One row per treatment, regime and run, with the mean SAD over endmembers (`Runs.table`)."""
        return self.data.table

    @cached_property
    def treatments(self) -> list[str]:
        """Treatments and controls with runs, in the order of Table 2, controls last."""
        found = set(self.rows["treatment"])
        return [name for name in TREATMENTS if name in found]

    @cached_property
    def regimes(self) -> list[str]:
        """Regimes with runs, in the order of Table 4."""
        found = set(self.rows["regime"])
        return [name for name in REGIMES if name in found]

    @cached_property
    def family(self) -> list[str]:
        """Treatments that are experiments of their own here, the first of each."""
        return distinct(self.treatments, self.protocol, self.images)

    def repeats(self, treatment: str) -> bool:
        """Whether a treatment is the same experiment as one above it."""
        return treatment not in self.family and treatment not in CONTROLS


def sweep_panels(
    rows: pd.DataFrame, scenes: Sequence[Mapping[str, Any]]
) -> tuple[list[SweepPanel], list[tuple[str, str]]]:
    """Return the panels of the sweep, and for scenes and arms without one what stands there instead.

    Args:
        rows: Run rows, of the phase augmentation among others; possibly empty.
        scenes: Availability records of all scenes.

    Returns:
        Panels by scene, protocol and number of images, the largest first; and pairs of heading and reason.

    Raises:
        UnmixingError: If a row names a treatment or regime that is not known.
    """
    chosen = sweep(rows)
    if len(chosen):
        _check(chosen)
    panels: list[SweepPanel] = []
    messages: list[tuple[str, str]] = []
    for scene, protocol, images, part in sweep_groups(chosen, _of_study(scenes)):
        if part.empty:
            messages.append((f"{scene.title} ({scene.kind})", scene.reason or NO_SWEEP))
            continue
        panel = SweepPanel(scene, protocol, images, part)
        if panel.runs["sad_rad"].notna().any():
            panels.append(panel)
        else:
            diverged = not part["status"].isin(SCORED).any()
            messages.append((panel.heading, "all runs diverged" if diverged else NO_REFERENCE))
    return panels, messages


def _of_study(scenes: Sequence[Mapping[str, Any]]) -> list[SceneRow]:
    return [scene for scene in scenes_to_show(scenes) if scene.in_study]


def _check(rows: pd.DataFrame) -> None:
    known: dict[str, Mapping[str, Any]] = {"treatment": TREATMENTS, "regime": REGIMES}
    for column, names in known.items():
        unknown = sorted(set(rows[column]).difference(names))
        if unknown:
            raise UnmixingError(f"rows of the sweep name the {column} {unknown[0]!r}: score the phase again")


def place_treatments(names: Sequence[str]) -> dict[str, float]:
    """Return the height of each treatment's line, in lines from the top, with gaps between groups.

    Args:
        names: In printed order.
    """
    places: dict[str, float] = {}
    at = 0.0
    for place, name in enumerate(names):
        if place:
            at += 1 + (_GROUP_GAP if _group(names[place - 1]) != _group(name) else 0)
        places[name] = at
    return places


def _group(name: str) -> str:
    return "combination" if TREATMENTS[name].combined else name.split("_")[0]


def panel_height(places: Mapping[str, float], line: float, frame: float) -> float:
    """Return the height of a panel in inches.

    Args:
        places: Heights of its lines, in lines.
        line: Height of a line in inches.
        frame: Of title and axis together.
    """
    return frame + line * (max(places.values()) + 1.2)


def label_treatments(axes: Axes, panel: SweepPanel, places: Mapping[str, float]) -> None:
    """Write the names of the treatments beside their lines, those that the paper reports in bold and colour.

    Args:
        axes: Where to write.
        panel: Says which treatments are one experiment.
        places: Heights of the lines, top to bottom.
    """
    # What stands in brackets is said once, beside the figure.
    titles = [TREATMENTS[name].title.split(" (")[0] + f" {SAME_SIGN}" * panel.repeats(name) for name in places]
    axes.set_yticks(list(places.values()), titles)
    for name, label in zip(places, axes.get_yticklabels(), strict=True):
        if name in REPORTED:
            label.set(color=HIGHLIGHT, fontweight="bold")
        elif name in CONTROLS:
            label.set_fontstyle("italic")
    axes.tick_params(axis="y", length=0)
    separate_groups(axes, places)
    axes.spines["left"].set_visible(False)


def separate_groups(axes: Axes, places: Mapping[str, float]) -> None:
    """Set the height of a panel in lines and draw a line between groups of treatments."""
    heights = list(places.values())
    for above, below in pairwise(heights):
        if below - above > 1:
            axes.axhline((above + below) / 2, color="#e0e0e0", linewidth=0.7, zorder=0.5)
    axes.set_ylim(heights[-1] + 0.6, -0.6)


def angle_axis(axes: Axes, label: str, *, signed: bool = False, ticks: int = 6) -> None:
    """Set up a horizontal axis of angles.

    Args:
        axes: Where to draw.
        label: What is plotted.
        signed: Whether values are differences, printed with their sign.
        ticks: Steps at most.
    """
    axes.xaxis.set_major_locator(MaxNLocator(ticks, steps=[1, 2, 5, 10]))
    if signed:
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: signed_text(value, "+.3g") if value else "0"))
    axes.set_xlabel(label)
    axes.grid(axis="x")
    axes.set_axisbelow(True)


def span(values: Sequence[int]) -> str:
    """Return a range of counts in words."""
    low, high = min(values), max(values)
    return f"{low}" if low == high else f"{low} to {high}"


def signed_text(value: float, form: str = "+.4f") -> str:
    """Return a number with its sign, with a minus that is as wide as the plus."""
    return format(value, form).replace("-", "−")


def compose(
    panels: Sequence[Panel],
    messages: Sequence[tuple[str, str]],
    legend: Sequence[Artist],
    height: Callable[[Panel], float],
    draw: Callable[[SubFigure, Panel], None],
    legend_columns: int = 4,
) -> Figure:
    """Put legend, panels and messages under each other.

    Args:
        panels: What is drawn.
        messages: Heading and reason of what cannot be drawn.
        legend: Handles with labels, for all panels.
        height: Returns a panel's height in inches.
        draw: Draws one panel.
        legend_columns: Entries of the legend side by side.

    Returns:
        A figure 9.6 inches wide.
    """
    # Nothing drawn, nothing to explain.
    head = 0.16 + _LEGEND_LINE * -(-len(legend) // legend_columns) if panels else 0.05
    told = merge_messages(messages)
    heights = [head, *map(height, panels), *(message_height(*message) for message in told)]
    with style():
        figure = Figure(figsize=(_WIDTH, sum(heights)), layout="constrained")
        parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
        if panels:
            parts[0].legend(handles=legend, loc="center left", ncols=legend_columns, frameon=False, borderaxespad=0)
        for part, panel in zip(parts[1:], panels, strict=False):
            draw(part, panel)
        for part, (heading, reason) in zip(parts[1 + len(panels) :], told, strict=True):
            message_panel(part, heading, reason, _MARGIN)
        # Layout depends on the settings, which hold only inside this block.
        engine = figure.get_layout_engine()
        if engine is not None:
            engine.execute(figure)
        figure.set_layout_engine("none")
    return figure


def title_panel(part: SubFigure, text: str) -> None:
    """Write a panel's title at its left edge, in as many lines as it needs."""
    text = "\n".join(textwrap.fill(line, TITLE_LINE) for line in text.split("\n"))
    part.suptitle(text, x=_MARGIN, ha="left", color=INK, fontweight="bold", fontsize=9)


def describe_sweep(
    name: str,
    title: str,
    caption: str,
    notes: Sequence[str],
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Description:
    """Return what stands beside a figure of the sweep.

    Args:
        name: Of the figure.
        title: Heading, one line.
        caption: What it shows.
        notes: Definitions and reservations; those on treatments that are one experiment are added where needed.
        rows: Run rows of the phase augmentation.
        scenes: Availability records of all scenes.
        scale: By scene; the key `augmentation` holds the planned scale of the sweep.
        provenance: Commit, versions, input checksums.
    """
    panels, shown = sweep_panels(rows, scenes)[0], _of_study(scenes)
    added = [_SAME_NOTE] if any(panel.repeats(one) for panel in panels for one in panel.treatments) else []
    added += [_FLIP_NOTE] if any("flip_both" in panel.treatments for panel in panels) else []
    return Description(
        name=name,
        title=title,
        caption=caption,
        scale=sweep_scale(shown, scale),
        n=sweep_runs(sweep(rows), shown),
        notes=[*notes, *added],
        provenance=provenance,
    )
