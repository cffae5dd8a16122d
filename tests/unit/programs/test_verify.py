"""Committed tables are made again from committed runs, and a table that does not follow from them is found."""

from pathlib import Path

import pandas as pd
import pytest

from unmixing.errors import UnmixingError
from unmixing.outputs import Output
from unmixing.programs import table, verify
from unmixing.reference import commit_rows
from unmixing.store import read_parquet, write_json, write_parquet
from unmixing.tables.writing import read_table, write_table
from unmixing.verification import commit_report, commit_tables, difference

EVIDENCE = Path(__file__).parents[3] / "reports" / "reference"
PART = "baseline-described-samson"


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A finished study of five runs and one table, and a folder of evidence that holds more runs than them."""
    monkeypatch.delenv("UNMIXING_REFERENCE", raising=False)
    rows, provenance = read_parquet(EVIDENCE / "runs" / f"{PART}.parquet")
    rows = rows[(rows["precision"] == "float32") & (rows["epochs"] == 80)]
    evidence, results = tmp_path / "reference", tmp_path / "results" / "small"
    commit_rows(evidence, "runs", rows, {"commit": "known"})
    part = results / "runs" / f"{PART}.parquet"
    write_parquet(rows[rows["run"] < 5], part, {"recipes": {}, "scene_sha256": "0", **provenance["commits"][-1]})
    known = {"scene": "samson", "title": "Samson", "kind": "real", "paper": True}
    scene = {**known, "available": True, "in_study": True, "reason": ""}
    scale = {"samson": {"runs": 5, "epochs": 80, "patches": 250, "patch_size": 40, "batch_size": 15}}
    write_json(results / "study.json", {"name": "small", "scenes": [scene], "scale": scale})
    words = ["endmembers", "--rows", str(part), "--study", str(results / "study.json")]
    assert table.main([*words, "--output", str(results / "tables" / "table_endmembers.html")]) == 0
    return evidence, results, [Output("table_endmembers", "Endmembers", "baseline", [str(part)])]


def test_a_table_that_follows_from_the_runs_is_the_same(study, capsys):
    evidence, results, outputs = study
    (kept,) = commit_tables(results, evidence, outputs)
    assert kept == evidence / "studies" / "small" / "tables" / "table_endmembers.parquet"
    assert verify.main(["--reference", str(evidence)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[-2:] == ["small table_endmembers: same", "1 same, 0 differs, 0 skipped"]


def test_a_number_that_no_run_gives_is_found(study, capsys):
    evidence, results, outputs = study
    (kept,) = commit_tables(results, evidence, outputs)
    forged = read_table(kept)
    column = next(name for name in forged.frame if pd.api.types.is_float_dtype(forged.frame[name]))
    forged.frame.loc[forged.frame[column].first_valid_index(), column] += 1e-6
    write_table(forged, kept.with_suffix(""))
    assert verify.main(["--reference", str(evidence)]) == 1
    assert "small table_endmembers: differs: " in capsys.readouterr().out


def test_numbers_in_a_text_may_differ_by_rounding_and_no_more():
    made = pd.DataFrame({"values": ["0.1 0.20000000000000001", None, "a 0.1"], "n": [1.0, 2.0, 3.0]})
    assert difference(made, made.assign(values=["0.1 0.2000000000000003", None, "a 0.1"])) == ""
    for other in ("0.1 0.2001", "0.1", "0.1 b"):
        assert "values" in difference(made, made.assign(values=[other, None, "a 0.1"]))
    assert difference(made, made.assign(values=["0.1 0.2", None, "a 0.10"]))
    assert difference(made, made.drop(columns="n"))


def test_tables_of_runs_that_are_not_committed_are_refused(study):
    evidence, results, outputs = study
    path = evidence / "runs" / f"{PART}.parquet"
    rows, provenance = read_parquet(path)
    write_parquet(rows[rows["run"] != 3], path, provenance)
    with pytest.raises(
        UnmixingError, match=r"^1 runs of .* are not committed: unmixing archive .*small --phase baseline$"
    ):
        commit_tables(results, evidence, outputs)
    assert not (evidence / "studies").exists()


def test_a_report_is_kept_with_the_very_tables_that_it_shows(study):
    evidence, results, outputs = study
    (kept,) = commit_tables(results, evidence, outputs)
    with pytest.raises(UnmixingError, match=r"index\.html is missing"):
        commit_report(results, evidence)
    for name in ("report/index.html", "figures/figure_audit.pdf", "figures/figure_audit.svg"):
        path = results / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name, encoding="utf-8")
    report = commit_report(results, evidence)
    assert report.read_text(encoding="utf-8") == "report/index.html"
    assert [path.name for path in (report.parent / "figures").iterdir()] == ["figure_audit.pdf"]
    other = read_table(kept)
    other.frame.iloc[0, other.frame.columns.get_loc("runs")] = 77
    write_table(other, kept.with_suffix(""))
    with pytest.raises(UnmixingError, match=r"is not the committed table: unmixing archive .* --tables first"):
        commit_report(results, evidence)


def test_an_unknown_table_and_a_folder_without_tables_are_one_line_each(study):
    evidence, results, outputs = study
    with pytest.raises(UnmixingError, match="holds no committed tables"):
        verify.main(["--reference", str(evidence)])
    commit_tables(results, evidence, outputs)
    with pytest.raises(UnmixingError, match="no committed table is named table9"):
        verify.main(["table9", "--reference", str(evidence)])


def test_committed_tables_follow_from_committed_runs(monkeypatch, capsys):
    monkeypatch.delenv("UNMIXING_REFERENCE", raising=False)
    assert verify.main(["table3", "table_endmembers", "table_audit", "--reference", str(EVIDENCE)]) == 0
    assert " 0 differs" in capsys.readouterr().out
