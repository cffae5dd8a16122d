"""How the runs of a study ended, what they took, and their rows as a file."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from unmixing.report.page import Block, Download, Prose, Section, TableBlock
from unmixing.tables.forms import Column
from unmixing.tables.run_rows import count_status, reasons, typed_frame
from unmixing.tables.writing import Table

#: Packed run rows larger than this are not carried in the page, bytes.
LARGEST_ROWS = 2_000_000

#: Reasons that a row of the table names.
MOST_REASONS = 2

_RUN_COLUMNS = [
    Column("scene", "Scene"),
    Column("phase", "Phase"),
    Column("protocol", "Protocol"),
    Column("runs", "Runs", "count"),
    Column("runs_ok", "ok", "count", help="runs with a usable result"),
    Column("runs_diverged", "diverged", "count", help="runs without numbers"),
    Column("runs_collapsed", "collapsed", "count", help="runs in which two endmembers became one"),
    Column("epochs", "Epochs", "count", help="most epochs of a run"),
    Column("seconds_per_run", "Time per run", "seconds", "s", help="median; also of runs taken from the store"),
    Column("seconds_total", "Time in all", "seconds", "s", help="sum over runs, wherever they were computed"),
    Column("reason", "Reason", "prose", help="why runs diverged or collapsed"),
]


def runs_section(rows: pd.DataFrame, command: str, provenance: Mapping[str, Any] | None = None) -> Section:
    """Return how the runs ended, what they took, and their rows as a file.

    Args:
        rows: Run rows of all phases, possibly empty.
        command: What rebuilds the report.
        provenance: Commit, versions, input checksums; JSON values only.
    """
    if rows.empty:
        return Section("runs", "Runs", [Prose(["No run has finished yet: start the study again."])])
    records = []
    for scene, phase, protocol in sorted(set(zip(rows["scene"], rows["phase"], rows["protocol"], strict=True))):
        chosen = (rows["scene"] == scene) & (rows["phase"] == phase) & (rows["protocol"] == protocol)
        # One row per run; identifiers tell apart runs of the same number in several settings.
        runs = rows[chosen].drop_duplicates("id").assign(run=lambda frame: np.arange(len(frame)))
        records.append(
            {
                "scene": scene,
                "phase": phase,
                "protocol": protocol,
                "runs": len(runs),
                **{f"runs_{status}": count for status, count in count_status(runs).items()},
                "epochs": int(runs["epochs"].max()),
                "seconds_per_run": runs["seconds"].median(),
                "seconds_total": runs["seconds"].sum(),
                "reason": _first(reasons(runs)),
            }
        )
    table = Table(
        name="runs_by_scene",
        title="Runs by scene, phase and protocol",
        caption="How the trainings ended and how long they took.",
        frame=typed_frame(records, [], _RUN_COLUMNS),
        columns=_RUN_COLUMNS,
        notes=["Times depend on the machine and on what else it did; they are no result of the study."],
        scale="planned for each scene and phase: see their tables",
        n=f"{rows['id'].nunique()} runs",
        provenance=dict(provenance or {}),
    )
    return Section("runs", "Runs", [TableBlock(table, command), _run_rows(rows)])


def _first(told: str) -> str:
    """Return the first of many reasons, and how many more there are."""
    parts = told.split("; ")
    more = len(parts) - MOST_REASONS
    return "; ".join(parts[:MOST_REASONS]) + (f"; and {more} more, in the run rows" if more > 0 else "")


def _run_rows(rows: pd.DataFrame) -> Block:
    """Return the rows that tables and figures of runs are made from, as a file that the page carries."""
    text = rows.to_csv(index=False, lineterminator="\n").encode()
    # Without a time inside, the same rows give the same page.
    packed = gzip.compress(text, mtime=0)
    if len(packed) > LARGEST_ROWS:
        return Prose([f"The {len(rows):,} run rows are too many for this page: see runs/ in the study's results."])
    what = f"{len(rows):,} rows, one for each run and endmember, behind all tables and figures of runs; packed CSV."
    return Download("run-rows", what, "runs.csv.gz", "application/gzip", packed)
