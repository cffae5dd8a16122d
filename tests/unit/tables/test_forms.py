"""What a cell looks like, and that nothing from data becomes markup."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from unmixing.tables.forms import (
    MISSING,
    Column,
    escape_latex,
    escape_markdown,
    format_cell,
    is_missing,
    table_element,
)


@pytest.mark.parametrize(
    ("column", "row", "expected"),
    [
        (Column("a", "A", "angle"), {"a": 0.0654}, "0.0654"),
        (Column("a", "A", "angle"), {"a": 0.1 + 0.2}, "0.3000"),
        (Column("a", "A", "angle"), {"a": np.nan}, MISSING),
        (Column("a", "A", "angle"), {"a": None}, MISSING),
        (Column("a", "A", "count"), {"a": pd.NA}, MISSING),
        (Column("a", "A", "count"), {"a": 0}, "0"),
        (Column("a", "A", "seconds"), {"a": 12.34}, "12.3"),
        (Column("a", "A"), {"a": ""}, MISSING),
        (Column("a", "A"), {"a": "x"}, "x"),
        (Column("a", "A", "difference", extra=("m",)), {"a": 0.0046, "m": "indicative"}, "+0.0046 (indicative)"),
        (Column("a", "A", "difference", extra=("m",)), {"a": -0.0046, "m": None}, "−0.0046"),
        (Column("a", "A", "share", extra=("k",)), {"a": 2.5, "k": 3}, "2.5 of 3"),
        (Column("a", "A", "rate", extra=("n", "l", "h")), {"a": 2, "n": 3, "l": np.nan, "h": np.nan}, "2/3"),
        (
            Column("a", "A", "rate", extra=("n", "l", "h")),
            {"a": 3, "n": 6, "l": 0.188, "h": 0.812},
            "3/6 (19–81 %)",
        ),
        (
            Column("a", "A", "interval", extra=("h", "v")),
            {"a": 0.06, "h": 0.07, "v": None},
            "0.0600 – 0.0700",
        ),
        (
            Column("a", "A", "interval", extra=("h", "v")),
            {"a": None, "h": None, "v": "0.06 0.0712345"},
            "runs: 0.0600, 0.0712",
        ),
        (Column("a", "A", "interval", extra=("h", "v")), {"a": None, "h": None, "v": None}, MISSING),
    ],
)
def test_format_cell(column, row, expected):
    assert format_cell(column, row) == expected


def test_zero_and_false_are_not_missing():
    assert not is_missing(0)
    assert not is_missing(False)


def test_column_refuses_wrong_number_of_further_columns():
    with pytest.raises(ValueError, match="reads 2 more columns"):
        Column("a", "A", "interval")


def test_unit_stands_in_the_heading():
    assert Column("a", "SAD", "angle", "rad").heading == "SAD (rad)"


def test_escape_latex_leaves_no_command():
    assert escape_latex(r"50% of a_b & $x$ \input{y} ~^#") == (
        r"50\% of a\_b \& \$x\$ \textbackslash{}input\{y\} \textasciitilde{}\textasciicircum{}\#"
    )


def test_escape_markdown_keeps_cells_apart():
    assert escape_markdown("a|b\nc") == r"a\|b c"
    assert escape_markdown("<script>") == "&lt;script&gt;"
    assert escape_markdown("jasper_ridge _x_") == r"jasper_ridge \_x\_"


def test_table_element_escapes_and_carries_exact_values():
    frame = pd.DataFrame({"name": ['<img src="x">'], "value": [1 / 3]})
    element = table_element(frame, [Column("name", "<b>"), Column("value", "v", "angle", help='"h"')])
    assert "<img" not in element
    assert "<b>" not in element
    assert 'data-sort="0.3333333333333333"' in element
    assert ">0.3333<" in element
    assert 'title="&quot;h&quot;"' in element
