"""The list of committed evidence in ``reports/reference/README.md``, written from the rows themselves."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from unmixing.published import paper_values
from unmixing.store import read_parquet

START, END = "<!-- runs: written by `unmixing archive` -->", "<!-- end of runs -->"
_HEADER = "| phase | scene | protocol | setting | runs x epochs | mean SAD (rad) | per endmember | not ok | paper |"


def evidence_table(folder: Path) -> list[str]:
    """Return the lines of a Markdown table of all committed runs.

    Args:
        folder: ``reports/reference``.

    Raises:
        UnmixingError: a file is damaged.
    """
    lines = [_HEADER, "|" + "---|" * (_HEADER.count("|") - 1)]
    for path in sorted((folder / "runs").glob("*.parquet")):
        rows, _ = read_parquet(path)
        for _, group in rows.groupby(["phase", "scene", "protocol", "setting", "recipe"], sort=True):
            lines.append(_line(group))
    return lines


def _line(rows: pd.DataFrame) -> str:
    first = rows.iloc[0]
    runs = rows.drop_duplicates("run")
    by_name = rows.groupby(["endmember", "name"])["sad_rad"].mean().reset_index()
    endmembers = ", ".join(
        f"{name.lower()} {_angle(sad)}" for name, sad in zip(by_name["name"], by_name["sad_rad"], strict=True)
    )
    faults = runs["status"].value_counts().drop("ok", errors="ignore")
    not_ok = ", ".join(f"{count} {status}" for status, count in faults.items())
    printed = paper_values(3)
    printed = printed[(printed["scene"] == first["scene"]) & (printed["column"] == "average_sad")]
    cells = [
        first["phase"],
        first["scene"],
        first["protocol"],
        first["setting"] + (f" ({precision})" if (precision := first.get("precision", "float32")) != "float32" else ""),
        f"{len(runs)} x {runs['epochs'].max()}",
        _angle(float(by_name["sad_rad"].mean())),
        endmembers,
        not_ok,
        _angle(float(printed["value"].iloc[0])) if len(printed) and first["phase"] == "baseline" else "",
    ]
    return f"| {' | '.join(cells)} |"


def _angle(value: float) -> str:
    return "—" if pd.isna(value) else f"{value:.4f}".removeprefix("0")


def write_evidence(folder: Path) -> None:
    """Write the table into ``README.md`` of the evidence, between its two marks; the rest of the file stays."""
    from unmixing.store import write_text

    path = folder / "README.md"
    text = path.read_text(encoding="utf-8") if path.exists() else f"# Committed evidence\n\n{START}\n{END}\n"
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    write_text(path, "\n".join([before + START, *evidence_table(folder), END]) + after)
