"""Estimated endmembers over wavelength beside their references, with the spread over runs."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from unmixing.figures.style import (
    INK,
    PALETTE,
    Description,
    break_at_gaps,
    message_panel,
    style,
    wavelength_axis,
)
from unmixing.tables.run_rows import SCORED, groups, scored, study_runs, study_scale, was_found
from unmixing.tables.scene_rows import SceneRow, scenes_to_show

#: From this many runs the band leaves out the outer tenths; below, it spans all runs.
FEWEST_FOR_QUANTILES = 10

_WIDTH = 9.6  # inches: 691 points, 922 pixels in the report
_ROW_HEIGHT, _HEAD_HEIGHT, _MESSAGE_HEIGHT, _LEGEND_HEIGHT = 1.85, 0.3, 0.34, 0.4
_MARGIN = 0.008  # of the width, left of titles
_REASON_WIDTH = 92  # characters in a line

_ESTIMATE = PALETTE["vermilion"]
_DASHES = (0, (4, 2))


@dataclass(frozen=True)
class _Block:
    """One scene under one protocol: its title, its rows, its spectra, the panels they need."""

    scene: SceneRow
    protocol: str
    rows: pd.DataFrame
    spectra: pd.DataFrame

    @property
    def panels(self) -> int:
        return int(self.spectra["endmember"].nunique()) if len(self.spectra) else 0

    @property
    def columns(self) -> int:
        """Panels side by side: three where that fills the rows, else four."""
        return 3 if self.panels <= 3 or self.panels in (5, 6, 9) else 4

    @property
    def grid_rows(self) -> int:
        return -(-self.panels // self.columns)

    @property
    def heading(self) -> str:
        name = f"{textwrap.shorten(self.scene.title, 28, placeholder='…')} ({self.scene.kind})"
        return f"{name}, {self.protocol}" if self.protocol else name

    @property
    def reason(self) -> list[str]:
        """Why there are no panels, in lines."""
        text = self.scene.reason or "no run left spectra: Table 3 says why"
        return textwrap.wrap(text, _REASON_WIDTH)

    @property
    def height(self) -> float:
        """Inches."""
        if self.panels:
            return _HEAD_HEIGHT + self.grid_rows * _ROW_HEIGHT
        return _MESSAGE_HEIGHT + 0.15 * (len(self.reason) - 1)


def describe(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Description:
    """Return what stands beside the figure.

    Args:
        rows: Run rows of the baseline phase.
        scenes: Availability records of all scenes.
        scale: By scene: runs, epochs, patches and patch_size of this study.
        provenance: Commit, versions, input checksums.
    """
    shown = scenes_to_show(scenes)
    return Description(
        name="figure_endmembers",
        title="Endmembers of the baseline over wavelength",
        caption="Reference endmembers (solid) and the median over runs of the estimated ones (dashed), each "
        "divided by its maximum. Above each panel the spectral angle distance (SAD) in radians, mean and "
        "sample standard deviation over runs, and the number of runs that found the endmember.",
        scale=study_scale(shown, scale),
        n=study_runs(rows, shown),
        notes=[
            "Band: all runs below 10 runs, from the 10th to the 90th percentile from 10 runs.",
            "Grey stretches are removed bands. Diverged runs have no spectra; collapsed runs are included.",
        ],
        provenance=provenance,
    )


def draw(spectra: pd.DataFrame, rows: pd.DataFrame, scenes: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw one block of panels per scene and protocol, one panel per endmember.

    Args:
        spectra: One row per run, endmember and band, with the columns of the spectra files and `scene` and
            `protocol` besides; possibly empty.
        rows: Run rows of the same runs, possibly empty.
        scenes: Availability records of all scenes.

    Returns:
        A figure 9.6 inches wide; a scene of the study without spectra has one panel that says why.

    Raises:
        UnmixingError: If the rows of a scene and protocol mix several settings.
    """
    blocks = [
        _Block(scene, protocol, chosen, _spectra_of(spectra, scene.scene, protocol))
        for scene, protocol, chosen in groups(rows, [row for row in scenes_to_show(scenes) if row.in_study])
        # A protocol that the study does not ask of this scene takes no room.
        if len(chosen) or not protocol
    ]
    heights = [_LEGEND_HEIGHT, *(block.height for block in blocks)]
    with style():
        figure = Figure(figsize=(_WIDTH, sum(heights)), layout="constrained")
        parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
        _draw_legend(parts[0])
        for part, block in zip(parts[1:], blocks, strict=True):
            _draw_block(part, block)
        # Layout depends on the settings, which hold only inside this block.
        engine = figure.get_layout_engine()
        if engine is not None:
            engine.execute(figure)
        figure.set_layout_engine("none")
    return figure


def _spectra_of(spectra: pd.DataFrame, scene: str, protocol: str) -> pd.DataFrame:
    if spectra.empty:
        return spectra
    chosen = (spectra["scene"] == scene) & (spectra["protocol"] == protocol)
    return spectra[chosen & spectra["status"].isin(SCORED)]


def _draw_legend(part: SubFigure) -> None:
    handles = [
        Line2D([], [], color=INK, label="reference"),
        Line2D([], [], color=_ESTIMATE, linestyle=_DASHES, label="estimated, median over runs"),
        Patch(color=_ESTIMATE, alpha=0.25, linewidth=0, label="spread over runs"),
        Patch(color="#e6e6e6", linewidth=0, label="removed bands"),
    ]
    part.legend(handles=handles, loc="center left", ncols=len(handles), frameon=False, borderaxespad=0)


def _draw_block(part: SubFigure, block: _Block) -> None:
    """Draw title and panels of one scene, or the reason why it has none."""
    if not block.panels:
        message_panel(part, block.heading, "\n".join(block.reason), _MARGIN)
        return
    total = block.rows["run"].nunique()
    part.suptitle(f"{block.heading}, n = {total}", x=_MARGIN, ha="left", fontweight="bold", fontsize=9)
    grid = part.subplots(block.grid_rows, block.columns, squeeze=False, sharey=True)
    panels: list[Axes] = list(grid.flat)
    endmembers = sorted(block.spectra["endmember"].unique())
    for position, (axes, endmember) in enumerate(zip(panels, endmembers, strict=False)):
        of_one = block.spectra[block.spectra["endmember"] == endmember]
        _draw_endmember(axes, of_one)
        axes.set_title(_panel_title(of_one, block.rows[block.rows["endmember"] == endmember]), loc="left")
        if position + block.columns >= block.panels:
            axes.set_xlabel("wavelength (nm)" if of_one["wavelength_nm"].notna().all() else "band")
    for axes in panels[block.panels :]:
        axes.set_axis_off()
    for axes in grid[:, 0]:
        axes.set_ylabel("relative to maximum")


def _panel_title(spectra: pd.DataFrame, rows: pd.DataFrame) -> str:
    """Return name, SAD over runs and how many runs found the endmember, in two lines."""
    name = textwrap.shorten(str(spectra["name"].iloc[0]), 28, placeholder="…")
    angles = scored(rows)["sad_rad"].dropna().to_numpy(np.float64)
    if not len(angles):
        return f"{name}\nno reference"
    deviation = f" ± {angles.std(ddof=1):.4f}" if len(angles) > 1 else ""
    return f"{name}\nSAD {angles.mean():.4f}{deviation}, found {int(was_found(rows).sum())}/{len(rows)}"


def _draw_endmember(axes: Axes, spectra: pd.DataFrame) -> None:
    """Draw reference, median and spread of one endmember over wavelength, or band where it is unknown."""
    known = bool(spectra["wavelength_nm"].notna().all())
    axis = "wavelength_nm" if known else "band"
    estimates = spectra.pivot(index="band", columns="run", values="estimated").to_numpy(np.float64)
    by_band = spectra.groupby("band")[[axis, "reference"]].first() if known else _by_band(spectra)
    x = by_band[axis].to_numpy(np.float64)
    # Overlapping spectrometers leave wavelengths out of order; a line must go from left to right.
    order = np.argsort(x, kind="stable")
    x, estimates = x[order], estimates[order]
    reference = by_band["reference"].to_numpy(np.float64)[order]
    outer = (10, 90) if estimates.shape[1] >= FEWEST_FOR_QUANTILES else (0, 100)
    low, high = np.percentile(estimates, outer, axis=1)
    broken, low, high, middle, reference = break_at_gaps(x, low, high, np.median(estimates, axis=1), reference)
    axes.fill_between(broken, low, high, color=_ESTIMATE, alpha=0.25, linewidth=0)
    axes.plot(broken, reference, color=INK)
    axes.plot(broken, middle, color=_ESTIMATE, linestyle=_DASHES)
    axes.set_ylim(0, 1.05)
    axes.yaxis.set_major_locator(mpl.ticker.FixedLocator([0, 0.5, 1]))
    axes.grid(axis="y")
    wavelength_axis(axes, x, label=False)


def _by_band(spectra: pd.DataFrame) -> pd.DataFrame:
    by_band = spectra.groupby("band")[["reference"]].first()
    return by_band.assign(band=by_band.index)
