"""The lists of committed evidence in ``reports/reference/README.md``, written from the rows themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from unmixing.published import paper_values
from unmixing.semantic.energy import WATTS_PER_CORE
from unmixing.store import read_parquet, write_text

START, END = "<!-- runs: written by `unmixing archive` -->", "<!-- end of runs -->"
COST_START, COST_END = "<!-- cost: written by `unmixing archive` -->", "<!-- end of cost -->"
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


def cost_table(folder: Path) -> list[str]:
    """Return the lines of a Markdown table of what the committed runs took, and where they were trained.

    Hours are wall time of the trainings, one thread each, on a machine that may have been busy with others. No counter
    of energy could be read: it is estimated from them, ``WATTS_PER_CORE`` for a busy core.

    Args:
        folder: ``reports/reference``.

    Raises:
        UnmixingError: a file is damaged.
    """
    trained: dict[tuple[str, str], list[tuple[pd.DataFrame, dict[str, Any]]]] = {}
    for path in sorted((folder / "runs").glob("*.parquet")):
        rows, provenance = read_parquet(path)
        runs = rows.drop_duplicates(["setting", "recipe", "run"])
        trained.setdefault((str(runs["phase"].iloc[0]), str(runs["protocol"].iloc[0])), []).append((runs, provenance))
    lines = [
        "| phase | protocol | runs | hours of training | estimated Wh | processor | torch | commit |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (phase, protocol), files in sorted(trained.items()):
        hours = sum(float(runs["seconds"].sum()) for runs, _ in files) / 3600
        sources = [
            source
            for _, provenance in files
            for scored in provenance["commits"]
            for source in scored.get("training", [])
            if "versions" in source
        ]
        about = [
            sorted({f"{source['processor']}, {source['cores']} cores" for source in sources}),
            sorted({source["versions"]["torch"] for source in sources}),
            sorted({source["commit"] for source in sources}),
        ]
        cells = [phase, protocol, str(sum(len(runs) for runs, _ in files)), f"{hours:.1f}"]
        cells += [f"{hours * WATTS_PER_CORE:.0f}", *("; ".join(values) for values in about)]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def write_evidence(folder: Path) -> None:
    """Write the tables into ``README.md`` of the evidence, each between its two marks; the rest of the file stays."""
    path = folder / "README.md"
    text = path.read_text(encoding="utf-8") if path.exists() else "# Committed evidence\n\n"
    text = between_marks(text, START, END, evidence_table(folder))
    write_text(path, between_marks(text, COST_START, COST_END, cost_table(folder)))


def between_marks(text: str, start: str, end: str, lines: list[str]) -> str:
    """Return a text with new lines between two marks, which are added at its end where they are missing."""
    if start not in text:
        text += f"\n{start}\n{end}\n"
    before, _, rest = text.partition(start)
    _, _, after = rest.partition(end)
    return "\n".join([before + start, *lines, end]) + after
