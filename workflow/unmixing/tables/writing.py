"""A table as data, and its five forms on disk: Parquet, CSV, Markdown, LaTeX and HTML.

Parquet and CSV carry every column of the frame at full precision; the other three show the chosen columns,
formatted. The same table always gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from unmixing.errors import UnmixingError
from unmixing.store import PROVENANCE_KEY, atomic_path, read_sealed, write_sealed
from unmixing.tables.forms import Column, to_html, to_latex, to_markdown

_DESCRIPTION_KEY = b"unmixing.table"

#: Every form of a table, by its file ending.
FORMATS = ("parquet", "csv", "md", "tex", "html")


@dataclass(frozen=True)
class Table:
    """A table with all that a reader needs to judge it.

    Attributes:
        name: Identifier and stem of its files, such as `table3`.
        title: Heading, one line.
        caption: What it shows, in prose.
        frame: Every value at full precision; one row per printed row.
        columns: What is shown, in order; the frame may hold more.
        notes: Definitions and reservations, printed under the table.
        scale: Runs, epochs and patches behind it, in words.
        n: Number of runs behind it, in words.
        provenance: Commit, versions, recipes, input checksums; JSON values only.
    """

    name: str
    title: str
    caption: str
    frame: pd.DataFrame
    columns: list[Column]
    notes: list[str] = field(default_factory=list)
    scale: str = ""
    n: str = ""
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse columns that the frame does not have."""
        wanted = {key for column in self.columns for key in (column.key, *column.extra)}
        if missing := sorted(wanted.difference(self.frame.columns)):
            raise UnmixingError(
                f"table {self.name}: no values for column(s) {', '.join(missing)}: add them to the frame"
            )


def write_table(table: Table, stem: Path) -> list[Path]:
    """Write all five forms, each complete or not at all.

    Args:
        table: The table.
        stem: Path without ending; its folder is made if need be.

    Returns:
        The files written, in the order of `FORMATS`.
    """
    texts = {
        "csv": csv_text(table),
        "md": markdown_text(table),
        "tex": latex_text(table),
        "html": html_text(table),
    }
    written = []
    for ending in FORMATS:
        path = stem.parent / f"{stem.name}.{ending}"
        with atomic_path(path) as temporary:
            if ending == "parquet":
                write_sealed(_arrow(table), temporary)
            else:
                temporary.write_text(texts[ending], encoding="utf-8", newline="\n")
        written.append(path)
    return written


def read_table(path: Path) -> Table:
    """Read back a table from its Parquet form.

    Args:
        path: A file written by `write_table`.

    Returns:
        The table, equal to the one written.

    Raises:
        UnmixingError: If the file is missing or damaged, or was not written by `write_table`.
    """
    arrow = read_sealed(path)
    metadata: Mapping[bytes, bytes] = arrow.schema.metadata or {}
    if _DESCRIPTION_KEY not in metadata:
        raise UnmixingError(f"{path}: no description of a table in it: write it again with its table rule")
    description = json.loads(metadata[_DESCRIPTION_KEY])
    columns = [Column(**{**entry, "extra": tuple(entry["extra"])}) for entry in description.pop("columns")]
    return Table(
        frame=arrow.to_pandas(use_threads=False),
        columns=columns,
        provenance=json.loads(metadata.get(PROVENANCE_KEY, b"{}")),
        **description,
    )


def csv_text(table: Table) -> str:
    """Return all columns of the frame as CSV at full precision, missing values empty."""
    return str(table.frame.to_csv(index=False, lineterminator="\n"))


def markdown_text(table: Table) -> str:
    """Return the shown columns as a Markdown page with title, caption, scale and notes."""
    return to_markdown(table.title, table.caption, table.frame, table.columns, _remarks(table))


def latex_text(table: Table) -> str:
    """Return the shown columns as a LaTeX table environment (needs booktabs and graphicx)."""
    return to_latex(table.name, table.caption, table.frame, table.columns, _remarks(table))


def html_text(table: Table) -> str:
    """Return the shown columns as a self-contained HTML page, everything escaped."""
    return to_html(table.title, table.caption, table.frame, table.columns, _remarks(table))


def _remarks(table: Table) -> list[str]:
    facts = {"Scale": table.scale, "n": table.n}
    return [f"{label}: {text}" for label, text in facts.items() if text] + table.notes


def _arrow(table: Table) -> pa.Table:
    """Return the frame as an Arrow table whose metadata say what it is and where it comes from."""
    description = {
        "name": table.name,
        "title": table.title,
        "caption": table.caption,
        "columns": [asdict(column) for column in table.columns],
        "notes": table.notes,
        "scale": table.scale,
        "n": table.n,
    }
    arrow = pa.Table.from_pandas(table.frame, preserve_index=False, nthreads=1)
    metadata = dict(arrow.schema.metadata or {})
    metadata[_DESCRIPTION_KEY] = json.dumps(description, sort_keys=True).encode()
    metadata[PROVENANCE_KEY] = json.dumps(table.provenance, sort_keys=True).encode()
    return arrow.replace_schema_metadata(metadata)
