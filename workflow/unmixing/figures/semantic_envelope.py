"""The operating envelope as maps: error and abstention by noise, atmosphere and number of names that are not there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from unmixing.figures.panels import WIDTH, message_figure
from unmixing.figures.style import INK, MUTED, Description, style
from unmixing.semantic.experiments.labels import ENVELOPE, MODEL, SCLS

_ROW_HEIGHT, _MESSAGE_HEIGHT = 2.5, 0.6
#: Method and metric of each panel of a row, its heading and its scale of colours.
_PANELS = (
    (MODEL, "armse", "model, aRMSE", "cividis_r"),
    (SCLS, "armse", "class-mean SCLS, aRMSE", "cividis_r"),
    (MODEL, "abstained", "model, share abstained", "Blues"),
)


def describe(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Description:
    """Return what stands beside the figure.

    Args:
        rows: of ``semantic.experiments.robustness``; possibly empty.
        scenes: Not used.
        scale: Not used.
        provenance: Commit, versions, hashes of model and anchors.
    """
    del scenes, scale
    chosen = _chosen(rows)
    count = f"{chosen['draw'].nunique()} draws of {chosen['n'].max()} pixels" if len(chosen) else "not run"
    return Description(
        name="figure_semantic_envelope",
        title="Operating envelope of unmixing by names",
        caption="Abundance error of the shipped model and of class-mean least squares, and the share of pixels that "
        "the model abstains from, by signal-to-noise ratio and residual atmosphere, for lists of prompts without and "
        "with distractors. Means over draws of generated pixels of unseen spectra.",
        n=count,
        notes=["Errors share one scale of colours, so do abstentions. Intervals stand in the table of the same name."],
        provenance=provenance,
    )


def draw(spectra: pd.DataFrame, rows: pd.DataFrame, scenes: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw a row of three maps for each number of distractors.

    Args:
        spectra: Not used.
        rows: of ``semantic.experiments.robustness``; possibly empty.
        scenes: Not used.

    Returns:
        A figure 9.6 inches wide; without rows one line that says why it is empty.
    """
    del spectra, scenes
    chosen = _chosen(rows)
    if chosen.empty:
        return message_figure("Operating envelope", "not run: robustness is not part of this study", _MESSAGE_HEIGHT)
    counts = sorted(chosen["distractors"].unique())
    with style():
        figure = Figure(figsize=(WIDTH, _ROW_HEIGHT * len(counts)), layout="constrained")
        grid = figure.subplots(len(counts), len(_PANELS), squeeze=False)
        errors = chosen[chosen["metric"] == "armse"].groupby(["method", "level"])["value"].mean()
        limits = {"armse": (float(errors.min()), float(errors.max())), "abstained": (0.0, 1.0)}
        for line, count in enumerate(counts):
            of_count = chosen[chosen["distractors"] == count]
            for axes, (method, metric, title, colours) in zip(grid[line], _PANELS, strict=True):
                shown = of_count[(of_count["method"] == method) & (of_count["metric"] == metric)]
                _map(axes, shown, limits[metric], colours)
                axes.set_title(f"{title}, {count} distractors", loc="left", color=INK)
                axes.set_xlabel("signal-to-noise ratio (dB)" if line == len(counts) - 1 else "")
            grid[line][0].set_ylabel("residual depth")
    return figure


def _chosen(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["test"] == ENVELOPE] if len(rows) else rows


def _map(axes: Axes, rows: pd.DataFrame, limits: tuple[float, float], colours: str) -> None:
    wide = rows.pivot_table(index="atmosphere", columns="snr_db", values="value")
    values = wide.to_numpy(np.float64)
    low, high = limits
    axes.imshow(values, cmap=colours, vmin=low, vmax=max(high, low + 1e-9), aspect="auto", origin="lower")
    for (row, column), value in np.ndenumerate(values):
        dark = (value - low) / max(high - low, 1e-9) > 0.55
        axes.text(column, row, f"{value:.2f}", ha="center", va="center", color="white" if dark else INK, fontsize=8)
    axes.set_xticks(range(len(wide.columns)), [f"{level:g}" for level in wide.columns])
    axes.set_yticks(range(len(wide.index)), [f"{level:g}" for level in wide.index])
    axes.tick_params(length=0, labelcolor=MUTED)
    for spine in axes.spines.values():
        spine.set_visible(False)
