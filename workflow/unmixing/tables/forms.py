"""How cells and tables look in Markdown, LaTeX and HTML: formatting, escaping, layout."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

MISSING = "—"

#: text: as it is. prose: text that may wrap. angle: radians, four decimals. difference: signed angle; extra
#: holds a remark put in brackets. interval: lower end; extra holds the upper end and the values printed
#: instead of a missing interval (text, separated by spaces). rate: successes; extra holds trials and the
#: interval's ends. share: mean count; extra holds the total. count: whole number. number: three significant
#: digits. seconds: one decimal.
Format = Literal["text", "prose", "angle", "difference", "interval", "rate", "share", "count", "number", "seconds"]

_TEXTUAL = ("text", "prose")
_SIZES = {"difference": 1, "interval": 2, "rate": 3, "share": 1}


@dataclass(frozen=True)
class Column:
    """One shown column.

    Attributes:
        key: Column of the frame that it shows and is sorted by.
        label: Heading.
        format: How a value is printed.
        unit: Printed after the label in brackets.
        help: One sentence of definition, shown where the form allows it.
        extra: Further columns of the frame that the format reads.
    """

    key: str
    label: str
    format: Format = "text"
    unit: str = ""
    help: str = ""
    extra: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a format with the wrong number of further columns."""
        wanted = _SIZES.get(self.format, 0)
        if len(self.extra) != wanted:
            raise ValueError(f"column {self.key!r}: format {self.format!r} reads {wanted} more columns")

    @property
    def heading(self) -> str:
        """Label with its unit."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    @property
    def numeric(self) -> bool:
        """Whether its cells are aligned and sorted as numbers."""
        return self.format not in _TEXTUAL


def is_missing(value: object) -> bool:
    """Return whether a cell holds nothing: None, NaN, NA or an empty text."""
    return value is None or value is pd.NA or (isinstance(value, str) and not value) or value != value


def signed(value: float) -> str:
    """Return an angle with its sign and four decimals."""
    return f"{value:+.4f}".replace("-", "−")


def format_cell(column: Column, row: Mapping[str, Any]) -> str:
    """Return the printed text of one cell.

    Args:
        column: What to print and how.
        row: Values of one row of the frame by column.

    Returns:
        Plain text, not yet escaped; a dash where there is no value.
    """
    value = row[column.key]
    extra = [row[key] for key in column.extra]
    if column.format == "interval":
        return _interval(value, extra[0], extra[1])
    if is_missing(value):
        return MISSING
    if column.format == "angle":
        return f"{float(value):.4f}"
    if column.format == "difference":
        return signed(float(value)) + ("" if is_missing(extra[0]) else f" ({extra[0]})")
    if column.format == "rate":
        return _rate(value, *extra)
    if column.format == "share":
        return f"{float(value):.1f} of {int(extra[0])}"
    if column.format == "count":
        return f"{int(value)}"
    if column.format == "number":
        return f"{float(value):.3g}".replace("-", "−")
    if column.format == "seconds":
        return f"{float(value):.1f}"
    return str(value)


def _interval(low: float, high: float, values: str) -> str:
    if not is_missing(low) and not is_missing(high):
        return f"{float(low):.4f} – {float(high):.4f}"
    if is_missing(values):
        return MISSING
    return "runs: " + ", ".join(f"{float(value):.4f}" for value in str(values).split())


def _rate(successes: int, trials: int, low: float, high: float) -> str:
    text = f"{int(successes)}/{int(trials)}"
    return text if is_missing(low) else f"{text} ({100 * float(low):.0f}–{100 * float(high):.0f} %)"


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    names = [str(name) for name in frame.columns]
    return [dict(zip(names, row, strict=True)) for row in frame.itertuples(index=False, name=None)]


def _cells(frame: pd.DataFrame, columns: Sequence[Column]) -> list[list[str]]:
    return [[format_cell(column, row) for column in columns] for row in _records(frame)]


# Markdown


def escape_markdown(text: str) -> str:
    """Escape what Markdown would read as markup or as the end of a cell."""
    text = re.sub(r"([\\|*`\[\]])", r"\\\1", " ".join(text.split()))
    text = re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", text)
    return html.escape(text, quote=False)


def to_markdown(
    title: str, caption: str, frame: pd.DataFrame, columns: Sequence[Column], remarks: Sequence[str]
) -> str:
    """Return a page with a pipe table padded so that it also reads well as plain text."""
    cells = [[escape_markdown(column.heading) for column in columns]]
    cells += [[escape_markdown(cell) for cell in row] for row in _cells(frame, columns)]
    widths = [max(3, *(len(row[index]) for row in cells)) for index in range(len(columns))]

    def line(row: Sequence[str]) -> str:
        padded = [
            cell.rjust(width) if column.numeric else cell.ljust(width)
            for cell, width, column in zip(row, widths, columns, strict=True)
        ]
        return "| " + " | ".join(padded) + " |"

    rule = [
        "-" * (width - 1) + ":" if column.numeric else "-" * width
        for width, column in zip(widths, columns, strict=True)
    ]
    parts = [f"# {escape_markdown(title)}", escape_markdown(caption)]
    parts.append("\n".join([line(cells[0]), line(rule), *(line(row) for row in cells[1:])]))
    if remarks:
        parts.append("\n".join(f"* {escape_markdown(remark)}" for remark in remarks))
    return "\n\n".join(parts) + "\n"


# LaTeX

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "—": "---",
    "–": "--",
    "−": r"\ensuremath{-}",
    "±": r"\ensuremath{\pm}",
    "×": r"\ensuremath{\times}",
    "≤": r"\ensuremath{\leq}",
    "≥": r"\ensuremath{\geq}",
}


def escape_latex(text: str) -> str:
    """Escape what LaTeX would read as a command, and write dashes and signs as LaTeX does."""
    return "".join(_LATEX.get(character, character) for character in " ".join(text.split()))


def to_latex(name: str, caption: str, frame: pd.DataFrame, columns: Sequence[Column], remarks: Sequence[str]) -> str:
    """Return a table environment; wide tables are scaled to the line."""
    shapes = {"prose": "p{6cm}", "text": "l"}
    shape = "".join(shapes.get(column.format, "r") for column in columns)
    heading = " & ".join(escape_latex(column.heading) for column in columns)
    body = [" & ".join(escape_latex(cell) for cell in row) + r" \\" for row in _cells(frame, columns)]
    label = re.sub(r"[^A-Za-z0-9:-]", "-", name)
    lines = [
        r"% needs \usepackage{booktabs,graphicx}",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape_latex(caption)}}}",
        rf"\label{{tab:{label}}}",
        r"\resizebox{\linewidth}{!}{%",
        rf"\begin{{tabular}}{{{shape}}}",
        r"\toprule",
        heading + r" \\",
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}}",
    ]
    lines += [rf"\par\smallskip{{\footnotesize {escape_latex(remark)}\par}}" for remark in remarks]
    return "\n".join([*lines, r"\end{table}", ""])


# HTML

_STYLE = """\
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;margin:1rem;max-width:90rem}
h1{font-size:1.25rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.875rem}
th,td{padding:.3rem .6rem;border-bottom:1px solid #8886;text-align:left;vertical-align:top}
th{border-bottom:2px solid}
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.prose{min-width:16rem}
ul{padding-left:1.2rem}
"""


def table_element(frame: pd.DataFrame, columns: Sequence[Column]) -> str:
    """Return the escaped `<table>` element; each cell carries the full-precision value that sorts it."""
    head = "".join(
        f'<th scope="col" class="{_css_class(column)}" title="{html.escape(column.help)}">'
        f"{html.escape(column.heading)}</th>"
        for column in columns
    )
    body = []
    for row in _records(frame):
        cells = []
        for column in columns:
            value = row[column.key]
            key = "" if is_missing(value) else _sort_key(column, value)
            text = html.escape(format_cell(column, row))
            cells.append(f'<td class="{_css_class(column)}" data-sort="{html.escape(key)}">{text}</td>')
        body.append("<tr>" + "".join(cells) + "</tr>")
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n" + "\n".join(body) + "\n</tbody>\n</table>"


def _css_class(column: Column) -> str:
    return "number" if column.numeric else column.format


def _sort_key(column: Column, value: float | str) -> str:
    if not column.numeric:
        return str(value)
    number = float(value)
    return repr(number) if math.isfinite(number) else ""


def to_html(title: str, caption: str, frame: pd.DataFrame, columns: Sequence[Column], remarks: Sequence[str]) -> str:
    """Return a page that needs no other file."""
    notes = "".join(f"<li>{html.escape(remark)}</li>" for remark in remarks)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>\n{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{html.escape(title)}</h1>\n<p>{html.escape(caption)}</p>\n"
        f'<div class="scroll">\n{table_element(frame, columns)}\n</div>\n'
        + (f"<ul>{notes}</ul>\n" if notes else "")
        + "</body>\n</html>\n"
    )
