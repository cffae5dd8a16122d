"""What the figures of the contrastive and heads phases share: cells, configurations and their look, descriptions."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from unmixing.figures.panels import scenes_of_study
from unmixing.figures.style import PALETTE, Description
from unmixing.protocol.points import POINTS
from unmixing.tables.contrastive_rows import (
    AS_IT_IS,
    CONFIGURATION,
    HEAD,
    NO_CONTRASTIVE,
    SEARCH,
    arm,
    contrastive,
    parts,
    phase_runs,
    phase_scale,
    run_table,
)
from unmixing.tables.run_rows import of_phase
from unmixing.tables.scene_rows import SceneRow

#: The configurations of Table 7.
TABLE_7: Mapping[str, str] = {
    "table7_average": "Best SAD (Avg)",
    "table7_samson": "Best SAD (Samson)",
    "table7_urban4": "Best SAD (Urban4)",
}
TITLES: Mapping[str, str] = {
    **TABLE_7,
    "sheet_best": "lowest of the released sheet",
    "nt_xent_best": "NT-Xent, its best",
    "heads_point": "point of the heads",
}

#: Colour and mark of each configuration.
LOOKS: Mapping[str, tuple[str, str]] = {
    "table7_average": (PALETTE["blue"], "o"),
    "table7_samson": (PALETTE["vermilion"], "s"),
    "table7_urban4": (PALETTE["green"], "^"),
    "sheet_best": (PALETTE["purple"], "D"),
    "nt_xent_best": (PALETTE["orange"], "v"),
    "heads_point": (PALETTE["sky"], "P"),
}

#: Factors of a point, by column, as they are printed.
FACTORS: Mapping[str, str] = {
    "temperature": "τ",
    "weight": "λ",
    "patch_size": "patch",
    "batch_size": "batch",
    "sigma": "σ",
}
NO_RUNS: Mapping[str, str] = {
    CONFIGURATION: NO_CONTRASTIVE,
    SEARCH: "no finished trials: name the scene under `contrastive: search: scenes`, or start the study again",
    HEAD: "no finished runs of projection heads: name the scene under `contrastive: heads: scenes`, or start the study "
    "again",
}
EMPTY = "no scene of this study is trained in this phase"


@dataclass(frozen=True)
class Cell:
    """The rows of one scene under one protocol.

    Attributes:
        scene: What they are about.
        protocol: `described` or `released`.
        rows: Run rows, those of diverged runs included.
        extra: Spectra or curves of the same runs, empty where a figure draws none.
    """

    scene: SceneRow
    protocol: str
    rows: pd.DataFrame
    extra: pd.DataFrame

    @property
    def heading(self) -> str:
        """Scene, kind and protocol."""
        name = textwrap.shorten(self.scene.title, 32, placeholder="…")
        return f"{name} ({self.scene.kind}), {self.protocol}"

    @cached_property
    def runs(self) -> pd.DataFrame:
        """One row for each setting and run (`contrastive_rows.run_table`)."""
        return run_table(self.rows)

    @property
    def configurations(self) -> list[str]:
        """Named configurations with runs as they are, in a fixed order."""
        found = set(self.rows["setting"])
        return [name for name in POINTS if f"{name}-{AS_IT_IS}" in found]

    def setting(self, configuration: str, variant: str = AS_IT_IS) -> str:
        """Return the setting of a configuration's variant, "" if it has no runs.

        Without the contrastive term another configuration's runs with the same patches and batches stand in.
        """
        found = arm(self.runs, configuration, variant)
        return str(found["setting"].iloc[0]) if len(found) else ""

    def rows_of(self, configuration: str, variant: str = AS_IT_IS) -> pd.DataFrame:
        """Return the run rows of a configuration's variant."""
        return _where(self.rows, "setting", self.setting(configuration, variant))

    def extra_of(self, configuration: str, variant: str = AS_IT_IS) -> pd.DataFrame:
        """Return the spectra or curves of a configuration's variant."""
        return _where(self.extra, "setting", self.setting(configuration, variant))


def cells(
    rows: pd.DataFrame, scenes: Sequence[Mapping[str, Any]], phase: str, group: str, extra: pd.DataFrame | None = None
) -> tuple[list[Cell], list[tuple[str, str]]]:
    """Return what can be drawn, and for scenes without it what stands there instead.

    Args:
        rows: Run rows, of other phases too; possibly empty.
        scenes: Availability records of all scenes.
        phase: `contrastive` or `heads`.
        group: Which of its runs: configuration, search or head.
        extra: Spectra or curves; possibly empty.

    Returns:
        Cells by scene and protocol; and pairs of heading and reason, one at least where there is no cell.
    """
    chosen = contrastive(rows, phase, group)
    # A phase without runs leaves files without columns.
    beside = of_phase(extra, phase) if extra is not None and "phase" in extra else pd.DataFrame()
    found: list[Cell] = []
    messages: list[tuple[str, str]] = []
    for scene, protocol, part in parts(chosen, scenes_of_study(scenes)):
        if part.empty:
            messages.append((f"{scene.title} ({scene.kind})", scene.reason or NO_RUNS[group]))
        else:
            more = _where(_where(beside, "scene", scene.scene), "protocol", protocol)
            found.append(Cell(scene, protocol, part, more))
    return found, messages or ([] if found else [("This study", EMPTY)])


def _where(frame: pd.DataFrame, column: str, value: str) -> pd.DataFrame:
    return frame[frame[column] == value] if len(frame) else frame


def point_text(rows: pd.DataFrame) -> str:
    """Return the hyper-parameters that all rows share in words: a study may have patches and batches of its own."""
    known = {key: rows[key].dropna().unique() for key in FACTORS}
    if len(rows) and set(rows["loss"]) == {"nt_xent"}:
        del known["sigma"]
    return ", ".join(f"{FACTORS[key]} {float(values[0]):g}" for key, values in known.items() if len(values) == 1)


def by_epoch(curves: pd.DataFrame, column: str) -> tuple[np.ndarray, np.ndarray]:
    """Return epochs (epochs,) and the values of a column (epochs, runs), NaN where a run has none."""
    table = curves.pivot(index="epoch", columns="run", values=column).sort_index()
    return table.index.to_numpy(np.float64), table.to_numpy(np.float64)


def count_runs(rows: pd.DataFrame) -> str:
    """Return the number of runs in words, and of those that failed, diverged or collapsed, if any."""
    status = rows.groupby(["setting", "run"])["status"].first()
    words = {
        "failed": "that could not be trained",
        "diverged": "diverged",
        "collapsed": "with endmembers that collapsed",
    }
    failed = [f"{count} {text}" for name, text in words.items() if (count := int((status == name).sum()))]
    return ", ".join([f"n = {len(status)}", *failed])


def describe_phase(
    name: str,
    title: str,
    caption: str,
    notes: Sequence[str],
    found: Sequence[Cell],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Description:
    """Return what stands beside a figure of these phases.

    Args:
        name: Of the figure.
        title: Heading, one line.
        caption: What it shows.
        notes: Definitions and reservations.
        found: What it draws.
        scale: By scene; the key `contrastive` holds the planned scale.
        provenance: Commit, versions, input checksums.
    """
    shown = list(dict.fromkeys(cell.scene for cell in found))
    rows = pd.concat([cell.rows for cell in found]) if found else pd.DataFrame()
    truth = sorted({str(value) for cell in found for value in cell.rows.get("uses_truth", pd.Series(dtype=str))})
    use = [f"Use of the truth in these runs: {'; '.join(truth)}."] if truth else []
    return Description(
        name=name,
        title=title,
        caption=caption,
        scale=phase_scale(shown, scale),
        n=phase_runs(rows, shown),
        notes=[*notes, *use],
        provenance=provenance,
    )
