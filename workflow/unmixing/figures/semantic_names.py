"""What text adds to the spelling of a name, to shuffled text and to no name: a forest plot by kind of name."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from unmixing.figures.panels import MARGIN, message_panel, stacked, value_axis
from unmixing.figures.style import INK, MUTED, PALETTE, Description
from unmixing.semantic.leaderboard import compare_arms, judge
from unmixing.semantic.named_spectra import SUBSETS
from unmixing.tables.semantic_names import NOT_RUN, split_rows

_ROW_HEIGHT, _FRAME_HEIGHT, _LEGEND_HEIGHT, _MESSAGE_HEIGHT = 0.62, 1.1, 0.35, 0.6

#: Pairs of arms from top to bottom within a row: colour, marker, filled, and what the legend calls them.
_PAIRS: Mapping[tuple[str, str], tuple[str, str, bool, str]] = {
    ("text", "ngrams"): (PALETTE["vermilion"], "o", True, "text against n-grams"),
    ("text", "permuted"): (PALETTE["blue"], "s", True, "text against permuted text"),
    ("text", "none"): (PALETTE["green"], "D", True, "text against no name"),
    ("both", "ngrams"): (PALETTE["purple"], "o", False, "n-grams + text against n-grams"),
}
_OFFSETS = (-0.27, -0.09, 0.09, 0.27)
_PANELS = {
    "sad_rad": ("change of SAD (rad)", "← text better", "right"),
    "identification": ("change of identification", "text better →", "left"),
}


def describe(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Description:
    """Return what stands beside the figure.

    Args:
        rows: of ``semantic.leaderboard.run_leaderboard``; possibly empty.
        scenes: Not used.
        scale: Not used.
        provenance: Commit, versions, hashes of anchors and libraries.
    """
    del scenes, scale
    rows, absent = split_rows(rows)
    verdicts, count = [], "not run"
    if len(rows):
        compared = compare_arms(rows)
        judged = judge(compared) if len(compared) else compared
        verdicts = [f"{row.encoder}, {row.subset}: {row.verdict}." for row in judged.itertuples(index=False)]
        verdicts += [f"{row.encoder}: not tested: {row.reason}." for row in absent.itertuples(index=False)]
        count = (
            f"{rows['name'].nunique()} names in {rows['group'].nunique()} groups; "
            f"{rows['seed'].nunique()} draws of the permuted arm"
        )
    return Description(
        name="figure_semantic_names",
        title="Does language know spectra? Names whose whole group was held out",
        caption="Differences between spectra predicted from a name by a text encoder and by its controls, paired by "
        "name: angle to the right spectrum (left of zero text is better) and share of other spectra that lie further "
        "away (right of zero text is better). Lines: 95 % intervals over groups of names, from five groups on.",
        n=count,
        notes=[
            *verdicts,
            "Language helps only where all four differences are in its favour by both measures.",
            "All names decide. Vegetation and artificial together were singled out by a first look at much the same "
            "spectra: no independent confirmation. The other subsets are description.",
        ],
        provenance=provenance,
    )


def draw(spectra: pd.DataFrame, rows: pd.DataFrame, scenes: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw two panels, angle and identification, for each encoder.

    Args:
        spectra: Not used.
        rows: of ``semantic.leaderboard.run_leaderboard``; possibly empty.
        scenes: Not used.

    Returns:
        A figure 9.6 inches wide; without rows one line that says why it is empty.
    """
    del spectra, scenes
    rows, _ = split_rows(rows)
    compared = compare_arms(rows) if len(rows) else pd.DataFrame()
    encoders = list(dict.fromkeys(compared["encoder"])) if len(compared) else []
    heights = [_LEGEND_HEIGHT]
    for encoder in encoders:
        subsets = compared.loc[compared["encoder"] == encoder, "subset"].nunique()
        heights.append(_FRAME_HEIGHT + _ROW_HEIGHT * subsets)
    if not encoders:
        heights.append(_MESSAGE_HEIGHT)
    with stacked(heights) as (figure, parts):
        parts[0].legend(handles=_legend(), loc="center left", ncols=4, frameon=False, borderaxespad=0)
        if not encoders:
            message_panel(parts[1], "Held-out names", NOT_RUN)
        for part, encoder in zip(parts[1:], encoders, strict=False):
            chosen = compared[compared["encoder"] == encoder]
            part.suptitle(encoder, x=MARGIN, ha="left", fontweight="bold", fontsize=9, color=INK)
            axes = part.subplots(1, 2, sharey=True)
            for panel, measure in zip(axes, _PANELS, strict=True):
                _draw_panel(panel, chosen[chosen["measure"] == measure], measure)
            _label_rows(axes[0], chosen)
    return figure


def _legend() -> list[Line2D]:
    return [
        Line2D([], [], color=colour, marker=marker, markersize=5, mfc=colour if full else "white", label=label)
        for colour, marker, full, label in _PAIRS.values()
    ]


def _subsets(compared: pd.DataFrame) -> list[str]:
    return [subset for subset in SUBSETS if (compared["subset"] == subset).any()]


def _draw_panel(axes: Axes, compared: pd.DataFrame, measure: str) -> None:
    subsets = _subsets(compared)
    for place, subset in enumerate(subsets):
        if place % 2 == 0:
            axes.axhspan(place - 0.5, place + 0.5, color="#f5f5f5", linewidth=0, zorder=0)
        for offset, pair in zip(_OFFSETS, _PAIRS, strict=True):
            found = compared[
                (compared["subset"] == subset) & (compared["first"] == pair[0]) & (compared["second"] == pair[1])
            ]
            if found.empty:
                continue
            colour, marker, full, _ = _PAIRS[pair]
            one = found.iloc[0]
            if np.isfinite(one["low"]):
                axes.plot([one["low"], one["high"]], [place + offset] * 2, color=colour, linewidth=1.6, zorder=3)
            axes.plot(
                [one["difference"]], [place + offset], marker=marker, markersize=5, color=colour,
                mfc=colour if full else "white", linestyle="none", zorder=4,
            )  # fmt: skip
    axes.axvline(0, color=INK, linewidth=1, zorder=2)
    axes.set_ylim(len(subsets) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    label, better, side = _PANELS[measure]
    axes.set_title(better, loc="left" if side == "right" else "right", color=MUTED)
    value_axis(axes, label, signed=True)


def _label_rows(axes: Axes, compared: pd.DataFrame) -> None:
    labels = []
    for subset in _subsets(compared):
        one = compared[compared["subset"] == subset].iloc[0]
        name = "\n".join(textwrap.wrap(subset, 22))
        labels.append(f"{name}\n{one['names']} names, {one['groups']} groups")
    axes.set_yticks(range(len(labels)), labels)
