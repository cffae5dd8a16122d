"""The README's results are those of the committed tables, and nobody types them."""

from pathlib import Path

import pandas as pd
import pytest

from unmixing.errors import UnmixingError
from unmixing.statistics import mean_interval
from unmixing.store import read_parquet
from unmixing.tables.readme_results import END, START, results_lines, write_results
from unmixing.tables.writing import Table, read_table, write_table

ROOT = Path(__file__).parents[3]
EVIDENCE = ROOT / "reports" / "reference"
PUBLISHED = ROOT / "workflow" / "unmixing" / "published" / "paper.csv"

_ROW = {"title": "Samson", "scene": "samson", "protocol": "described", "paper_sad": 0.0654, "sad_mean": 0.05,
        "interval_low": 0.04, "interval_high": 0.06, "run_values": None, "runs": 5, "successes": 4,
        "chance_mean": 0.28, "scale": "5 runs, 80 epochs, 250 patches"}  # fmt: skip
_ARM = {**_ROW, "label": "Blur", "images": 10, "identity_sad": 0.051, "paper_sad": None}


@pytest.fixture
def evidence(tmp_path):
    """A folder of evidence with Table 3 of three rows, Table 5 of four."""
    few = {**_ROW, "interval_low": None, "interval_high": None, "run_values": "0.0512 1.0488"}
    table3 = [_ROW, few, {**_ROW, "sad_mean": None}]
    printed = {**_ARM, "images": 90, "sad_mean": None, "protocol": None, "paper_sad": 0.041}
    table5 = [printed, {**printed, "label": "Original Results"}, _ARM, {**_ARM, "label": "Original Results"}]
    for name, rows in (("table3", table3), ("table5", table5)):
        table = Table(name, "A table", "", pd.DataFrame(rows), [])
        write_table(table, tmp_path / "studies" / "laptop" / "tables" / name)
    return tmp_path


def test_ours_stand_beside_the_paper_s_with_interval_or_runs(evidence):
    lines = results_lines(evidence)
    rows = [line for line in lines if line.startswith("| Samson")]
    assert rows == [
        "| Samson | described | 5 x 80 | .0500 [.0400, .0600] | .0654 | 4 of 5 | .2800 |",
        "| Samson | described | 5 x 80 | .0500 (.0512, 1.0488) | .0654 | 4 of 5 | .2800 |",
        "| Samson | described | Blur, 10 images | 5 | .0500 [.0400, .0600] | .0510 | .0410 (90 images) |",
    ]


def test_only_what_lies_between_the_marks_is_written(evidence, tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{START}\nold\n{END}\nafter\n")
    write_results(evidence, readme)
    text = readme.read_text()
    assert text.startswith(f"before\n{START}\n")
    assert text.endswith(f"\n{END}\nafter\n")
    assert "old" not in text


def test_a_readme_without_marks_and_a_folder_without_tables_are_refused(evidence, tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("before\n")
    with pytest.raises(UnmixingError, match="has no lines"):
        write_results(evidence, readme)
    with pytest.raises(UnmixingError, match="no tables of evidence or laptop"):
        results_lines(tmp_path / "nothing")


def test_the_project_s_readme_says_what_the_committed_tables_say():
    text = (ROOT / "README.md").read_text()
    assert text.partition(START)[2].partition(END)[0].strip().splitlines() == results_lines(EVIDENCE)


def _committed(name):
    return read_table(EVIDENCE / "studies" / "laptop" / "tables" / f"{name}.parquet").frame


def _printed(value, digits, sign=False):
    text = f"{abs(value):.{digits}f}".removeprefix("0")
    return text if not sign else ("−" if value < 0 else "+") + text


def test_the_table_of_named_materials_is_that_of_the_committed_rows():
    text = (ROOT / "README.md").read_text()
    rows = _committed("table_semantic_scenes")
    rows = rows[(rows["setting"] == "semantic") & rows["armse"].notna()]
    assert len(rows) == 5
    for _, row in rows.iterrows():
        ours = f"{_printed(row['armse'], 3)} [{_printed(row['armse_low'], 3)}, {_printed(row['armse_high'], 3)}]"
        gains = [_printed(row[key], 3, sign=True) for key in ("gain", "to_sunsal")]
        line = next(
            line for line in text.splitlines() if line.startswith(f"| {row['title'].replace('-', ' ')} | {ours}")
        )
        assert [cell.split(",")[0].strip() for cell in line.split("|")[3:5]] == gains


@pytest.mark.parametrize(
    ("table", "prefix", "chosen"),
    [
        ("table_augmentation_contrasts", "identity", {"role": "primary"}),
        ("table_contrastive_contrasts", "paired", {"role": "primary", "second": "lambda_1"}),
        ("table_contrastive_contrasts", "paired", {"role": "primary", "second": "permuted"}),
    ],
)
def test_the_sentences_under_the_results_say_what_the_tables_say(table, prefix, chosen):
    rows = _committed(table)
    for key, value in ({"scene": "samson", "protocol": "described"} | chosen).items():
        rows = rows[rows[key] == value]
    (row,) = rows.to_dict("records")
    low, high = (row[f"{prefix}_{end}"] for end in ("low", "high"))
    ends = ", ".join(("−" if end < 0 else "") + _printed(end, 4) for end in (low, high))
    words = " ".join((ROOT / "README.md").read_text().split())
    assert f"{_printed(row[f'{prefix}_difference'], 4, sign=True)} [{ends}]" in words


@pytest.mark.parametrize("protocol", ["described", "released"])
def test_samson_at_the_paper_s_length_is_what_the_committed_runs_say(protocol):
    rows, _ = read_parquet(EVIDENCE / "runs" / f"baseline-{protocol}-samson.parquet")
    runs = rows[rows["epochs"] == 320].groupby("run")["sad_rad"].mean()
    interval = mean_interval(runs.to_numpy())
    low, high = _printed(interval.low, 4), _printed(interval.high, 4)
    said = f"{_printed(runs.mean(), 4)} [{low}, {high}] ({len(runs)} of 25 runs)"
    assert said in " ".join((ROOT / "README.md").read_text().split())


def test_samson_s_endmembers_at_the_paper_s_length_are_those_of_the_runs_and_of_the_paper():
    rows, _ = read_parquet(EVIDENCE / "runs" / "baseline-released-samson.parquet")
    means = rows[rows["epochs"] == 320].groupby("name")["sad_rad"].mean()
    printed = pd.read_csv(PUBLISHED, dtype={"table": str}).query(
        "scene == 'samson' and row_label == 'Original Results'"
    )
    paper = printed.set_index("column")["value"].loc[["avg_e1", "avg_e2", "avg_e3"]]
    said = ", ".join(f"{name.lower()} {_printed(value, 4)}" for name, value in means.items())
    told = f"{said}; the paper {', '.join(_printed(value, 4) for value in paper)})"
    assert told in " ".join((ROOT / "README.md").read_text().split())
