"""Figures 3 to 8: endmembers of the contrastive phase over wavelength, by scene and configuration of Table 7."""

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
from matplotlib.ticker import MaxNLocator

from unmixing.figures.contrastive_panels import TABLE_7, Cell, cells, count_runs, describe_phase, point_text
from unmixing.figures.endmembers import CONTROL, draw_endmember, legend
from unmixing.figures.panels import TITLE_LINE, compose, title_panel
from unmixing.figures.style import Description
from unmixing.published import paper_values
from unmixing.tables.contrastive_rows import LAMBDA_1
from unmixing.tables.run_rows import SCORED, scored, was_found

#: Which figure of the paper a panel answers to.
PAPER_FIGURES: Mapping[tuple[str, str], int] = {
    (scene, configuration): 3 + 3 * place + offset
    for place, scene in enumerate(("samson", "urban4"))
    for offset, configuration in enumerate(TABLE_7)
}
_MOST_COLUMNS = 6
_ROW_HEIGHT, _TITLE_HEIGHT = 1.62, 0.3


@dataclass(frozen=True)
class _Block:
    """One configuration on one scene under one protocol."""

    cell: Cell
    configuration: str
    rows: pd.DataFrame
    spectra: pd.DataFrame
    control: pd.DataFrame

    @property
    def endmembers(self) -> list[int]:
        return sorted(self.spectra["endmember"].unique())

    @property
    def columns(self) -> int:
        return min(len(self.endmembers), _MOST_COLUMNS)

    @property
    def grid_rows(self) -> int:
        return -(-len(self.endmembers) // self.columns)

    @property
    def heading(self) -> str:
        number = PAPER_FIGURES.get((self.cell.scene.scene, self.configuration))
        figure = f"Figure {number}: " if number else ""
        name = f"{figure}{self.cell.heading}, {TABLE_7[self.configuration]}"
        return f"{name} ({point_text(self.rows)}), {count_runs(self.rows)}"


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
        "figure_endmembers_contrastive",
        "Endmembers of the contrastive phase (Figures 3 to 8 of the paper)",
        "Reference endmembers (solid) and the median over runs of the estimated ones (dashed), each divided by its "
        "maximum, for the three configurations of Table 7; dotted, the same training without the contrastive term. "
        "Above each panel the spectral angle distance (SAD) in radians, mean and sample standard deviation over runs, "
        "and the paper's value for that endmember in Table 6 where it prints one.",
        [
            "Figures 3 to 5 are Samson, Figures 6 to 8 Urban4, each with Best SAD (Avg), (Samson) and (Urban4). Panels "
            "without a number of the paper are other scenes at the same configurations.",
            "Band: all runs below 10 runs, from the 10th to the 90th percentile from 10 runs. The paper has one run, "
            "and the order of its endmembers is taken to be that of the reference file.",
            "The dotted control has lambda 1, and the same patches, batches and initial weights: the difference from "
            "it, not from the baseline, is what the contrastive term does.",
            "Grey stretches are removed bands. Diverged runs have no spectra; collapsed runs are included.",
        ],
        found,
        scale,
        provenance,
    )


def draw(spectra: pd.DataFrame, rows: pd.DataFrame, scenes: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw one line of panels for each scene, protocol and configuration of Table 7, one panel per endmember.

    Args:
        spectra: One row per run, endmember and band of the contrastive phase, with columns phase, protocol, scene and
            setting besides those of the spectra files; possibly empty.
        rows: Run rows of the same runs; possibly empty.
        scenes: Availability records of all scenes.

    Returns:
        A figure 9.6 inches wide; a scene of the study without spectra has a line that says why.
    """
    found, messages = cells(rows, scenes, "contrastive", "configuration", spectra)
    blocks: list[_Block] = []
    for cell in found:
        made = _blocks(cell)
        blocks += made
        if not made:
            messages.append((cell.heading, "no run of a configuration of Table 7 left spectra"))
    return compose(blocks, messages, _legend(), _height, _draw_block, legend_columns=5)


def _blocks(cell: Cell) -> list[_Block]:
    blocks = []
    for configuration in TABLE_7:
        spectra, control = (
            part[part["status"].isin(SCORED)] if len(part) else part
            for part in (cell.extra_of(configuration), cell.extra_of(configuration, LAMBDA_1))
        )
        if len(spectra):
            blocks.append(_Block(cell, configuration, cell.rows_of(configuration), spectra, control))
    return blocks


def _height(block: _Block) -> float:
    return _TITLE_HEIGHT + 0.16 * (len(block.heading) > TITLE_LINE) + block.grid_rows * _ROW_HEIGHT


def _legend() -> list[Artist]:
    *others, removed = legend()
    return [*others, Line2D([], [], **CONTROL, label="no contrastive term (λ = 1)"), removed]


def _draw_block(part: SubFigure, block: _Block) -> None:
    title_panel(part, block.heading)
    grid = part.subplots(block.grid_rows, block.columns, squeeze=False, sharey=True)
    panels: list[Axes] = list(grid.flat)
    known = bool(block.spectra["wavelength_nm"].notna().all())
    for axes, endmember in zip(panels, block.endmembers, strict=False):
        of_one = block.spectra[block.spectra["endmember"] == endmember]
        control = block.control[block.control["endmember"] == endmember] if len(block.control) else block.control
        draw_endmember(axes, of_one, control)
        axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        axes.set_title(_panel_title(block, endmember, str(of_one["name"].iloc[0])), loc="left", fontsize=8)
    for axes in panels[len(block.endmembers) :]:
        axes.set_axis_off()
    for axes in panels[max(0, len(block.endmembers) - block.columns) : len(block.endmembers)]:
        axes.set_xlabel("wavelength (nm)" if known else "band")
    for axes in grid[:, 0]:
        axes.set_ylabel("relative")


def _panel_title(block: _Block, endmember: int, name: str) -> str:
    """Return the endmember's name, its SAD over runs with the number of runs that found it, and the paper's value."""
    rows = block.rows[block.rows["endmember"] == endmember]
    angles = scored(rows)["sad_rad"].dropna().to_numpy(np.float64)
    lines = [textwrap.shorten(name, 22, placeholder="…")]
    if not len(angles):
        return "\n".join([*lines, "no reference"])
    deviation = f" ± {angles.std(ddof=1):.3f}" if len(angles) > 1 else ""
    lines[0] += f", found {int(was_found(rows).sum())}/{rows['run'].nunique()}"
    printed = _paper_angle(block.cell.scene.scene, block.configuration, endmember)
    lines.append(f"SAD {angles.mean():.3f}{deviation}" + (f" (paper {printed:.3f})" if printed is not None else ""))
    return "\n".join(lines)


def paper_label(scene: str, configuration: str) -> str:
    """Return the row of Table 6 that prints a scene at a configuration of Table 7, "" if there is none."""
    if scene not in ("samson", "urban4") or configuration not in TABLE_7:
        return ""
    if configuration == "table7_average":
        return "Best SAD (Avg)"
    return "Best SAD (Local)" if configuration == f"table7_{scene}" else "Best SAD (Other)"


def _paper_angle(scene: str, configuration: str, endmember: int) -> float | None:
    label = paper_label(scene, configuration)
    table = paper_values(6)
    chosen = (table["scene"] == scene) & (table["row_label"] == label) & (table["column"] == f"avg_e{endmember}")
    values = table.loc[chosen, "value"].dropna()
    return float(values.iloc[0]) if len(values) else None
