"""Estimated endmembers over wavelength beside their references, with the spread over runs."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator

from unmixing.figures.panels import MARGIN, message_panel, scenes_of_study, spread, stacked
from unmixing.figures.style import INK, PALETTE, Description, break_at_gaps, wavelength_axis
from unmixing.tables.run_rows import SCORED, groups, scored, study_runs, study_scale, was_found
from unmixing.tables.scene_rows import SceneRow, scenes_to_show

_ROW_HEIGHT, _HEAD_HEIGHT, _MESSAGE_HEIGHT, _LEGEND_HEIGHT = 1.85, 0.3, 0.34, 0.4
_REASON_WIDTH = 92  # characters in a line

_ESTIMATE = PALETTE["vermilion"]
_DASHES = (0, (4, 2))
#: The median of a control.
CONTROL: dict[str, Any] = {"color": PALETTE["blue"], "linestyle": (0, (1, 1.4))}


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
        for scene, protocol, chosen in groups(rows, scenes_of_study(scenes))
        # A protocol that the study does not ask of this scene takes no room.
        if len(chosen) or not protocol
    ]
    heights = [_LEGEND_HEIGHT, *(block.height for block in blocks)]
    with stacked(heights) as (figure, parts):
        parts[0].legend(handles=legend(), loc="center left", ncols=4, frameon=False, borderaxespad=0)
        for part, block in zip(parts[1:], blocks, strict=True):
            _draw_block(part, block)
    return figure


def _spectra_of(spectra: pd.DataFrame, scene: str, protocol: str) -> pd.DataFrame:
    if spectra.empty:
        return spectra
    chosen = (spectra["scene"] == scene) & (spectra["protocol"] == protocol)
    return spectra[chosen & spectra["status"].isin(SCORED)]


def legend() -> list[Artist]:
    """Return what is explained beside the panels of endmembers."""
    return [
        Line2D([], [], color=INK, label="reference"),
        Line2D([], [], color=_ESTIMATE, linestyle=_DASHES, label="estimated, median over runs"),
        Patch(color=_ESTIMATE, alpha=0.25, linewidth=0, label="spread over runs"),
        Patch(color="#e6e6e6", linewidth=0, label="removed bands"),
    ]


def _draw_block(part: SubFigure, block: _Block) -> None:
    """Draw title and panels of one scene, or the reason why it has none."""
    if not block.panels:
        message_panel(part, block.heading, "\n".join(block.reason))
        return
    total = block.rows["run"].nunique()
    part.suptitle(f"{block.heading}, n = {total}", x=MARGIN, ha="left", fontweight="bold", fontsize=9)
    grid = part.subplots(block.grid_rows, block.columns, squeeze=False, sharey=True)
    panels: list[Axes] = list(grid.flat)
    endmembers = sorted(block.spectra["endmember"].unique())
    for position, (axes, endmember) in enumerate(zip(panels, endmembers, strict=False)):
        of_one = block.spectra[block.spectra["endmember"] == endmember]
        draw_endmember(axes, of_one)
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


def draw_endmember(axes: Axes, spectra: pd.DataFrame, control: pd.DataFrame | None = None) -> None:
    """Draw reference, median and spread of one endmember over wavelength, or band where it is unknown.

    Args:
        axes: Where to draw.
        spectra: One row per run and band.
        control: The same of other runs, whose median is drawn as a dotted line; possibly empty.
    """
    known = bool(spectra["wavelength_nm"].notna().all())
    by_band = spectra.groupby("band")[["wavelength_nm", "reference"]].first()
    x = (by_band["wavelength_nm"] if known else by_band.index.to_series()).to_numpy(np.float64)
    # Overlapping spectrometers leave wavelengths out of order; a line must go from left to right.
    order = np.argsort(x, kind="stable")
    low, middle, high = (part[order] for part in spread(_estimates(spectra)))
    reference = by_band["reference"].to_numpy(np.float64)[order]
    broken, low, middle, high, reference = break_at_gaps(x[order], low, middle, high, reference)
    axes.fill_between(broken, low, high, color=_ESTIMATE, alpha=0.25, linewidth=0)
    axes.plot(broken, reference, color=INK)
    if control is not None and len(control):
        _, without = break_at_gaps(x[order], spread(_estimates(control))[1][order])
        axes.plot(broken, without, **CONTROL)
    axes.plot(broken, middle, color=_ESTIMATE, linestyle=_DASHES)
    axes.set_ylim(0, 1.05)
    axes.yaxis.set_major_locator(FixedLocator([0, 0.5, 1]))
    axes.grid(axis="y")
    wavelength_axis(axes, x[order], label=False)


def _estimates(spectra: pd.DataFrame) -> np.ndarray:
    """Return the estimates of one endmember, (bands, runs)."""
    return spectra.pivot(index="band", columns="run", values="estimated").to_numpy(np.float64)
