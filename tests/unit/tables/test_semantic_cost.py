"""The table of costs: numbers of one thing stand side by side, and claims of the paper beside what was found."""

import numpy as np
import pandas as pd
import pytest

from unmixing.tables import semantic_cost
from unmixing.tables.writing import FORMATS, write_table

from .frames import scenes


def cost_rows():
    """A number of every part."""

    def row(part, item, measure, value, **more):
        empty = {"scene": "", "variant": "", "threads": 0, "least": np.nan, "most": np.nan, "n": 1, "how": "counted"}
        return {**empty, "part": part, "item": item, "measure": measure, "value": value, "reason": "", **more}

    records = [
        row("parameters", "encoder", "parameters", 518528.0, variant="S, shipped"),
        row("parameters", "encoder", "parameters", 1e7, variant="paper, about", how="paper"),
        row("operations", "solver", "megaflop", np.nan, how="", reason="not counted", n=0),
        row("compression", "model", "bytes", 3e6, variant="float32, as shipped"),
        row("compression", "model", "parameters", 8e5, variant="float32, as shipped"),
        row("storage", "anchors, minilm", "bytes", 8e5, variant="float16"),
        row("storage", "anchors, minilm", "entries", 1000.0, variant="float16"),
        row("storage", "library means within the model", "bytes", 2e5),
        row("storage", "library means within the model", "entries", 250.0),
    ]
    for thread, seconds in ((1, 2.0), (2, 1.2)):
        about = {"scene": "easy", "threads": thread, "variant": "10,000 pixels", "n": 5}
        records += [
            row(
                "latency",
                "encoder",
                "seconds",
                seconds,
                least=seconds - 0.1,
                most=seconds + 0.4,
                how="measured",
                **about,
            ),
            row(
                "latency", "encoder", "processor_seconds", seconds - 0.05, least=1.0, most=2.0, how="measured", **about
            ),
            row("latency", "encoder", "joules", 10 * seconds, least=1.0, most=2.0, how="estimated: 10 W", **about),
        ]
    about = {"scene": "easy", "variant": "float32, as shipped", "n": 1600, "how": "measured"}
    records += [
        row("compression", "model", "armse", 0.27, **about),
        row("compression", "model", "change", 0.0, **about),
        row("compression", "model", "seconds", 0.9, **{**about, "threads": 1, "n": 5}, least=0.8, most=1.1),
        row("downlink", "spectrum, 16 bits", "bytes", 120.0, scene="easy"),
        row("downlink", "encoder's output, 16 bits", "bytes", 768.0, scene="easy"),
    ]
    return pd.DataFrame(records).assign(machine="A processor, 2 cores")


@pytest.fixture(scope="module")
def table():
    return semantic_cost.build(cost_rows(), scenes(), {}, {})


def test_numbers_of_one_thing_stand_side_by_side(table):
    timed = table.frame[(table.frame["part"] == "latency") & (table.frame["threads"] == 2)]
    assert len(timed) == 1
    row = timed.iloc[0]
    numbers = row[["seconds", "least", "most", "processor_seconds", "joules"]].tolist()
    assert numbers == pytest.approx([1.2, 1.1, 1.6, 1.15, 12])
    assert row["repetitions"] == 5
    assert (row["how"], row["energy_from"]) == ("measured", "estimated: 10 W")


def test_a_smaller_model_is_one_row_with_bytes_time_and_error(table):
    smaller = table.frame[table.frame["part"] == "compression"]
    assert len(smaller) == 1
    row = smaller.iloc[0]
    assert row[["bytes", "parameters", "seconds", "armse", "change"]].tolist() == [3e6, 8e5, 0.9, 0.27, 0.0]
    assert (row["pixels"], row["repetitions"], row["threads"]) == (1600, 5, 1)


def test_bytes_of_an_entry_are_bytes_over_entries(table):
    stored = table.frame[table.frame["part"] == "storage"].set_index("item")
    assert stored["bytes_each"].tolist() == [800.0, 800.0]


def test_what_was_not_counted_says_why_and_the_machine_is_named(table):
    assert table.frame.loc[table.frame["part"] == "operations", "reason"].tolist() == ["not counted"]
    assert table.notes[0] == "Machine: A processor, 2 cores."
    assert any("768 bytes a pixel, more than the spectrum's 120" in note for note in table.notes)
    assert any("A text's anchor takes 800 bytes in its file, a mean spectrum 800" in note for note in table.notes)


def test_parts_stand_in_the_order_of_the_table(table):
    order = list(dict.fromkeys(table.frame["part"]))
    assert order == [part for part in semantic_cost.PARTS if part in order]


def test_an_empty_table_says_why(tmp_path):
    table = semantic_cost.build(pd.DataFrame(), scenes(), {}, {})
    assert table.frame["reason"].tolist() == [semantic_cost.NOT_RUN]
    assert len(write_table(table, tmp_path / "cost")) == len(FORMATS)
