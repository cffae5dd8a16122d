"""What the figures of the augmentation sweep share: panels, the order of treatments, the look of regimes."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from unmixing.augmentation.treatments import TREATMENTS
from unmixing.errors import UnmixingError
from unmixing.figures.panels import scenes_of_study
from unmixing.figures.style import PALETTE, VERMILION_INK, Description
from unmixing.tables.run_rows import NO_REFERENCE, SCORED
from unmixing.tables.scene_rows import SceneRow
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

_GROUP_GAP = 0.45  # lines


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
    for scene, protocol, images, part in sweep_groups(chosen, scenes_of_study(scenes)):
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


def regime_marks() -> list[Artist]:
    """Return the entries of a legend that tell the regimes apart."""
    mark: dict[str, Any] = {"linestyle": "none", "markersize": 5}
    return [
        Line2D([], [], **mark, marker=shape, color=colour, label=REGIMES[regime])
        for regime, (colour, shape) in REGIME_LOOK.items()
    ]


def span(values: Sequence[int]) -> str:
    """Return a range of counts in words."""
    low, high = min(values), max(values)
    return f"{low}" if low == high else f"{low} to {high}"


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
    panels, shown = sweep_panels(rows, scenes)[0], scenes_of_study(scenes)
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
