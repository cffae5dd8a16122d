"""Five forms of a table: complete, equal bytes each time, readable back."""

from __future__ import annotations

import dataclasses
import json

import pandas as pd
import pyarrow.parquet as pq
import pytest

from unmixing.errors import UnmixingError
from unmixing.tables.forms import Column
from unmixing.tables.writing import FORMATS, Table, read_table, write_table


@pytest.fixture
def table():
    frame = pd.DataFrame(
        {
            "scene": pd.array(["<script>alert(1)</script>", "a|b & c_d", None], dtype="string"),
            "sad": [1 / 3, 0.0654, float("nan")],
            "runs": pd.array([25, 2, None], dtype="Int64"),
            "hidden": [1.0, 2.0, 3.0],
        }
    )
    return Table(
        name="example",
        title="Example & title",
        caption="What it shows: 100 %.",
        frame=frame,
        columns=[
            Column("scene", "Scene"),
            Column("sad", "SAD", "angle", "rad"),
            Column("runs", "n", "count"),
        ],
        notes=["A note on <b>."],
        scale="2 runs",
        n="a few",
        provenance={"commit": "0123abc", "inputs": {"a": 1}},
    )


def test_all_forms_are_written_and_nothing_else(table, tmp_path):
    paths = write_table(table, tmp_path / "new" / "example.v1")
    assert [path.name for path in paths] == [f"example.v1.{ending}" for ending in FORMATS]
    assert sorted(tmp_path.joinpath("new").iterdir()) == sorted(paths)


def test_bytes_repeat(table, tmp_path):
    first, second = ([path.read_bytes() for path in write_table(table, tmp_path / name / "t")] for name in ("a", "b"))
    assert first == second


def test_a_failed_write_leaves_the_old_file(table, tmp_path):
    paths = write_table(table, tmp_path / "t")
    before = paths[0].read_bytes()
    broken = dataclasses.replace(table, provenance={"commit": object()})
    with pytest.raises(TypeError):
        write_table(broken, tmp_path / "t")
    assert paths[0].read_bytes() == before
    assert len(list(tmp_path.iterdir())) == len(FORMATS)


def test_parquet_carries_everything(table, tmp_path):
    path = write_table(table, tmp_path / "t")[0]
    metadata = pq.read_schema(path).metadata
    assert json.loads(metadata[b"unmixing.provenance"]) == table.provenance
    back = read_table(path)
    pd.testing.assert_frame_equal(back.frame, table.frame)
    assert dataclasses.replace(back, frame=table.frame) == table


def test_read_table_refuses_other_parquet(tmp_path):
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(UnmixingError, match=r"t\.parquet: no description of a table"):
        read_table(tmp_path / "t.parquet")


def test_csv_keeps_precision_and_leaves_missing_empty(table, tmp_path):
    write_table(table, tmp_path / "t")
    back = pd.read_csv(tmp_path / "t.csv")
    assert back["sad"][0] == 1 / 3
    assert back["sad"].isna()[2]
    assert list(back.columns) == list(table.frame.columns)


def test_markdown_has_equal_cells_in_every_line(table, tmp_path):
    write_table(table, tmp_path / "t")
    text = (tmp_path / "t.md").read_text()
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 5
    assert len({len(line) for line in lines}) == 1
    assert [cell.strip() for cell in lines[3].split(" | ")][1:] == ["0.0654", "2 |"]
    assert "<script>" not in text
    assert "* Scale: 2 runs" in text
    assert "—" in lines[-1]


def test_latex_is_escaped_with_rules_of_booktabs(table, tmp_path):
    write_table(table, tmp_path / "t")
    text = (tmp_path / "t.tex").read_text()
    assert all(rule in text for rule in (r"\toprule", r"\midrule", r"\bottomrule", r"\label{tab:example}"))
    assert r"a\textbar{}b \& c\_d & 0.0654 & 2 \\" in text
    assert r"100 \%" in text
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")


def test_html_is_escaped_and_needs_nothing_else(table, tmp_path):
    write_table(table, tmp_path / "t")
    text = (tmp_path / "t.html").read_text()
    assert "<script" not in text
    assert "<b>" not in text
    assert "src=" not in text
    assert "href=" not in text
    assert "Example &amp; title" in text
    assert text.startswith("<!doctype html>")


def test_a_column_without_values_is_refused(table):
    with pytest.raises(UnmixingError, match="no values for column"):
        dataclasses.replace(table, columns=[Column("nothing", "Nothing")])
