"""Tables 3 and 5 beside the paper's, as the project's README shows them: written from the committed tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from unmixing.errors import UnmixingError
from unmixing.store import write_text
from unmixing.tables.evidence import between_marks
from unmixing.tables.table5 import ORIGINAL
from unmixing.tables.writing import read_table

START, END = "<!-- results: written by `unmixing archive --tables` -->", "<!-- end of results -->"

#: The study with the larger scale comes first.
STUDIES = ("evidence", "laptop")


def results_lines(folder: Path) -> list[str]:
    """Return the lines of two Markdown tables, with a line on their scale before each.

    Args:
        folder: ``reports/reference``, with the committed tables of one of ``STUDIES``.

    Raises:
        UnmixingError: the tables of none of them are committed, or a file is damaged.
    """
    known = [name for name in STUDIES if (folder / "studies" / name).exists()]
    if not known:
        raise UnmixingError(f"{folder}/studies has no tables of {' or '.join(STUDIES)}: unmixing archive --tables")
    tables = folder / "studies" / known[0] / "tables"
    return [*_baseline(tables / "table3.parquet"), "", *_sweep(tables / "table5.parquet")]


def write_results(folder: Path, readme: Path) -> None:
    """Write the tables into the README, between its two marks; the rest of the file stays.

    Raises:
        UnmixingError: the README has no such marks, or the tables are not committed.
    """
    text = readme.read_text(encoding="utf-8")
    if START not in text or END not in text.partition(START)[2]:
        raise UnmixingError(f"{readme}: has no lines {START} and {END}: put them where the results belong")
    write_text(readme, between_marks(text, START, END, results_lines(folder)))


def _baseline(path: Path) -> list[str]:
    rows = read_table(path).frame
    rows = rows[rows["sad_mean"].notna()]
    lines = [
        "Table 3, the baseline: mean spectral angle distance (rad) over runs with its 95 % interval; the paper's is of "
        "25 runs of 320 epochs.",
        "",
        "| scene | protocol | runs x epochs | ours | paper | runs that find all endmembers | chance |",
        "|---|---|---|---|---|---|---|",
    ]
    for _, row in rows.iterrows():
        epochs = str(row["scale"]).partition(" runs, ")[2].partition(" epochs")[0]
        lines.append(
            f"| {row['title']} | {row['protocol']} | {row['runs']} x {epochs} | {_ours(row)} | "
            f"{_angle(row['paper_sad'])} | {row['successes']} of {row['runs']} | {_angle(row['chance_mean'])} |"
        )
    return lines


def _sweep(path: Path) -> list[str]:
    table = read_table(path).frame
    printed = table[table["paper_sad"].notna()]
    paper = {(row["scene"], row["label"]): row for _, row in printed.iterrows()}
    treatments = set(printed["label"]) - {ORIGINAL}
    rows = table[table["sad_mean"].notna() & table["label"].isin(treatments)]
    lines = [
        "Table 5, the paper's three treatments: the same over runs in three regimes, beside unaugmented copies of the "
        "scene for as many updates, which the paper lacks.",
        "",
        "| scene | protocol | treatment | runs | ours | unaugmented copies | paper |",
        "|---|---|---|---|---|---|---|",
    ]
    for _, row in rows.iterrows():
        found = paper.get((row["scene"], row["label"]))
        beside = "—" if found is None else f"{_angle(found['paper_sad'])} ({found['images']} images)"
        lines.append(
            f"| {row['title']} | {row['protocol']} | {row['label']}, {row['images']} images | {row['runs']} | "
            f"{_ours(row)} | {_angle(row['identity_sad'])} | {beside} |"
        )
    return lines


def _ours(row: pd.Series) -> str:
    """Return a mean with its interval, or with the runs themselves where they are too few for one."""
    mean = _angle(row["sad_mean"])
    if pd.notna(row["interval_low"]):
        return f"{mean} [{_angle(row['interval_low'])}, {_angle(row['interval_high'])}]"
    values = str(row["run_values"]).split() if pd.notna(row["run_values"]) else []
    return f"{mean} ({', '.join(_angle(float(value)) for value in values)})" if values else mean


def _angle(value: float) -> str:
    return "—" if pd.isna(value) else f"{value:.4f}".replace("0.", ".", 1)
