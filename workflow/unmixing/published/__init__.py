"""The values printed in the study's paper, as rows that can be joined with ours.

``paper.csv`` holds the 115 values of Tables 3, 5, 6 and 7 and the rows of Tables 1, 2 and 4 of
L. M. Castañeda Medina, "Contrastive Learning-Driven Hyperspectral Unmixing with Convolutional Autoencoders"
(14 February 2025). One row is one cell of a table:

* ``table``: its number.
* ``scene``: our id of the scene (``samson``, ...), empty where the row belongs to none.
* ``row_label``: the label of the row, as printed.
* ``column``: the heading of the column in lower case with underscores (``average_sad``, ``avg_e1``). The
  cells of Table 2 are one row for each treatment: ``transformation_`` and our id of the treatment.
* ``value_text``: the cell, as printed. Formulas are written in plain characters (``σ``).
* ``value``: the number, empty where the cell is text or a dash.
* ``page``: empty. The text these rows were taken from has no page marks, so no page can be stated.
* ``place``: section and table instead.
* ``note``: what a reader must know before comparing.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from unmixing.errors import UnmixingError

if TYPE_CHECKING:
    import pandas

__all__ = ["BASELINE_LABELS", "paper_value", "paper_value_text", "paper_values"]

# The baseline of Table 6 carries two labels: Urban4's is printed as "Contrastive" by mistake.
BASELINE_LABELS: dict[str, str] = {"samson": "Original Results", "urban4": "Contrastive"}


@cache
def _rows() -> pandas.DataFrame:
    import pandas

    text_columns = ("scene", "row_label", "column", "value_text", "page", "place", "note")
    with files(__name__).joinpath("paper.csv").open("r", encoding="utf-8") as stream:
        # Text stays text ("-" and "" are cells, not missing values); only ``value`` may be missing.
        return pandas.read_csv(
            stream,
            dtype={"table": "int64", "value": "float64", **dict.fromkeys(text_columns, "string")},
            keep_default_na=False,
            na_values={"value": [""]},
        )


def paper_values(table: int | None = None) -> pandas.DataFrame:
    """Give the printed cells of one table or of all.

    Args:
        table: number of the table, 1 to 7, or None for every table.

    Returns:
        A frame of its own with the columns named in the module's description, in the paper's order.

    Raises:
        UnmixingError: the paper has no such table.
    """
    rows = _rows()
    if table is None:
        return rows.copy()
    chosen = rows[rows["table"] == table]
    if chosen.empty:
        raise UnmixingError(f"the paper has no Table {table}; choose a table from 1 to 7")
    return chosen.reset_index(drop=True)


def _cell(table: int, scene: str, row_label: str, column: str) -> pandas.Series:
    rows = paper_values(table)
    matches = (rows["scene"] == scene) & (rows["row_label"] == row_label) & (rows["column"] == column)
    found = rows[matches.to_numpy(dtype=bool)]
    if len(found) != 1:
        where = f"scene {scene!r}, row {row_label!r}, column {column!r}"
        raise UnmixingError(f"Table {table} of the paper has no cell at {where}; see published/paper.csv")
    return found.iloc[0]


def paper_value(table: int, scene: str, row_label: str, column: str) -> float | None:
    """Give one printed number.

    Args:
        table: number of the table, 1 to 7.
        scene: our id of the scene, empty for Tables 2, 4 and 7.
        row_label: label of the row as printed.
        column: name of the column as in ``paper.csv``.

    Returns:
        The number (SAD in radians), or None where the paper prints text or a dash.

    Raises:
        UnmixingError: there is no such cell.
    """
    value = float(_cell(table, scene, row_label, column)["value"])
    # Only a missing number differs from itself.
    return None if value != value else value


def paper_value_text(table: int, scene: str, row_label: str, column: str) -> str:
    """Give one cell as printed, with its own number of digits.

    Args:
        table: number of the table, 1 to 7.
        scene: our id of the scene, empty for Tables 2, 4 and 7.
        row_label: label of the row as printed.
        column: name of the column as in ``paper.csv``.

    Returns:
        The characters of the cell, for instance ``"0.0410"``.

    Raises:
        UnmixingError: there is no such cell.
    """
    return str(_cell(table, scene, row_label, column)["value_text"])
