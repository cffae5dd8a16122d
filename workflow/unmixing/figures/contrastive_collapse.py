"""Whether embeddings collapse, measured on the embeddings of unaugmented patches in prediction mode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from unmixing.figures.contrastive_panels import (
    LOOKS,
    TITLES,
    Cell,
    by_epoch,
    cells,
    count_runs,
    describe_phase,
    point_text,
)
from unmixing.figures.panels import compose, spread, title_panel
from unmixing.figures.style import INK, MUTED, Description
from unmixing.protocol.points import POINTS
from unmixing.tables.contrastive_rows import AS_IT_IS, LAMBDA_1

#: What is measured: heading, and the value that a single point has.
MEASURES: Mapping[str, tuple[str, float]] = {
    "mean_cosine": ("mean cosine of two patches", 1.0),
    "effective_rank": ("effective rank", 1.0),
    "centred_rank": ("rank about the mean", 1.0),
    "positive_minus_negative": ("positive − negative cosine", 0.0),
}
_DOTS = (0, (1, 1.4))
_POINT: dict[str, Any] = {"color": INK, "linestyle": (0, (4, 2)), "linewidth": 1.0, "zorder": 1}


def describe(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Description:
    """Return what stands beside the figure.

    Args:
        rows: Run rows of the contrastive phase.
        scenes: Availability records of all scenes.
        scale: By scene; the key `contrastive` holds the planned scale of the phase.
        provenance: Commit, versions, input checksums.
    """
    found, _ = cells(rows, scenes, "contrastive", "configuration")
    return describe_phase(
        "figure_contrastive_collapse",
        "Collapse, measured on the embeddings",
        "Median over runs (lines with marks) and spread over runs (bars) of four measures on unaugmented patches in "
        "prediction mode: mean cosine of the embeddings of two different patches, effective rank, the same about the "
        "mean embedding, and how much nearer two views of one patch are than those of different patches. Dashed: what "
        "embeddings that are one point have. Dotted: the same training without the contrastive term (lambda 1), whose "
        "head is never trained.",
        [
            "A high mean cosine alone is no collapse: behind a ReLU all embeddings lie in one orthant. One point has "
            "mean cosine 1, effective rank 1 and difference 0 together.",
            "Effective rank: exponential of the entropy of the singular values (Roy and Vetterli 2007). The head's "
            "input has K numbers that sum to one, K - 1 free ones.",
            "Zero embeddings, of a head whose last ReLU lets nothing through, have no direction: they are left out and "
            "their share is printed above the panels.",
        ],
        found,
        scale,
        provenance,
    )


def draw(spectra: pd.DataFrame, rows: pd.DataFrame, scenes: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw a line of four panels for each scene and protocol.

    Args:
        spectra: Curves of the contrastive phase: one row per run and epoch with columns phase, protocol, scene,
            setting, run, epoch, zero_share and those of `MEASURES`, NaN where not measured; possibly empty.
        rows: Run rows of the same runs; possibly empty.
        scenes: Availability records of all scenes.

    Returns:
        A figure 9.6 inches wide; a scene of the study without measurements has a line that says why.
    """
    found, messages = cells(rows, scenes, "contrastive", "configuration", spectra)
    panels = []
    for cell in found:
        if any(len(_measured(cell, name, AS_IT_IS)) for name in cell.configurations):
            panels.append(cell)
        else:
            messages.append((cell.heading, "no embedding of these runs was measured"))
    shown = [name for name in POINTS if any(name in cell.configurations for cell in panels)]
    of_shown = {name: pd.concat([cell.rows_of(name) for cell in panels]) for name in shown}
    return compose(panels, messages, _legend(of_shown), lambda _: 2.55, _draw_cell, legend_columns=2)


def _measured(cell: Cell, configuration: str, variant: str) -> pd.DataFrame:
    """Return the curves of a setting at the epochs at which its embeddings were measured."""
    curves = cell.extra_of(configuration, variant)
    if curves.empty:
        return curves
    # A head that gives zero vectors alone is measured too: its share is all there is.
    return curves[curves[[*MEASURES, "zero_share"]].notna().any(axis=1)]


def _legend(shown: Mapping[str, pd.DataFrame]) -> list[Artist]:
    handles: list[Artist] = []
    for name, rows in shown.items():
        colour, mark = LOOKS[name]
        label = f"{TITLES[name]}: {point_text(rows)}"
        handles.append(Line2D([], [], color=colour, marker=mark, markersize=4.5, label=label))
    handles.append(Line2D([], [], color=MUTED, linestyle=_DOTS, label="no contrastive term (λ = 1)"))
    handles.append(Line2D([], [], **_POINT, label="one point"))
    return handles


def _draw_cell(part: SubFigure, cell: Cell) -> None:
    title_panel(part, "\n".join([f"{cell.heading}, {_configurations(cell)}, {_counted(cell)}", *_zeros(cell)]))
    panels: list[Axes] = list(part.subplots(1, len(MEASURES)))
    for axes, (measure, (heading, collapsed)) in zip(panels, MEASURES.items(), strict=True):
        axes.axhline(collapsed, **_POINT)
        for place, configuration in enumerate(cell.configurations):
            for variant in (LAMBDA_1, AS_IT_IS):
                _draw_setting(axes, _measured(cell, configuration, variant), measure, configuration, variant, place)
        axes.set_title(heading, loc="left", fontsize=8.5)
        axes.set_xlabel("epoch")
        axes.set_xlim(left=0)
        axes.margins(y=0.1)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.ticklabel_format(axis="y", useOffset=False)
        axes.grid(axis="y")


def _draw_setting(axes: Axes, curves: pd.DataFrame, measure: str, configuration: str, variant: str, place: int) -> None:
    if curves.empty or not curves[measure].notna().any():
        return
    colour, mark = LOOKS[configuration]
    epochs, values = by_epoch(curves, measure)
    low, middle, high = spread(values)
    if variant == LAMBDA_1:
        axes.plot(epochs, middle, color=colour, linestyle=_DOTS, linewidth=1.2, zorder=2)
        return
    # Set apart sideways, so that the bars of settings at the same epochs can be told apart.
    apart = epochs + (place - 2) * 0.012 * float(np.max(epochs))
    axes.plot(apart, middle, color=colour, marker=mark, markersize=4, linewidth=1, zorder=3)
    axes.vlines(apart, low, high, color=colour, linewidth=1.1, alpha=0.7, zorder=2)


def _configurations(cell: Cell) -> str:
    count = len(cell.configurations)
    return f"{count} configuration" + "s" * (count > 1)


def _counted(cell: Cell) -> str:
    """Return the number of runs of the configurations as they are."""
    return count_runs(pd.concat([cell.rows_of(name) for name in cell.configurations]))


def _zeros(cell: Cell) -> list[str]:
    """Return in one line which configurations have zero embeddings at the last measurement, and how many."""
    found = []
    for name in cell.configurations:
        curves = _measured(cell, name, AS_IT_IS)
        if len(curves):
            last = curves.sort_values("epoch").groupby("run")["zero_share"].last()
            if float(last.max()) > 0:
                found.append(f"{TITLES[name]} {100 * last.mean():.0f} % in the mean over runs")
    return [f"zero embeddings at the end: {'; '.join(found)}"] if found else []
