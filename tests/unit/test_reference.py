from pathlib import Path

import pandas as pd
import pytest

from unmixing.errors import UnmixingError
from unmixing.reference import commit_rows, committed_rows, committed_runs, reference_file
from unmixing.store import read_parquet
from unmixing.tables.evidence import COST_END, COST_START, END, START, cost_table, evidence_table, write_evidence

EVIDENCE = Path(__file__).parents[2] / "reports/reference"
CELL = {"phase": "baseline", "protocol": "described", "scene": "samson", "setting": "standard"}


def rows(runs, sad=0.1, recipe="abc", scoring="v1"):
    frame = pd.DataFrame({"run": [run for run in runs for _ in range(2)], "endmember": [1, 2] * len(runs)})
    identity = [f"baseline/described/samson/standard/{run}" for run in frame["run"]]
    return frame.assign(id=identity, sad_rad=sad, recipe=recipe, scoring=scoring, **CELL)


def test_committed_runs_come_back_under_their_recipe_alone(tmp_path):
    written = commit_rows(tmp_path, "runs", rows([0, 2]), {"commit": "x"})
    assert written == [tmp_path / "runs/baseline-described-samson.parquet"]
    assert committed_runs(tmp_path, CELL, "abc", "v1") == [0, 2]
    assert committed_runs(tmp_path, CELL, "abc", "v2") == [], "scored by other code"
    assert committed_runs(tmp_path, CELL, "other", "v1") == []
    assert committed_rows(tmp_path, "runs", CELL, "abc", [2])["run"].tolist() == [2, 2]
    assert read_parquet(written[0])[1] == {"commits": [{"commit": "x"}]}


def test_later_evidence_adds_runs_and_replaces_the_same_ones(tmp_path):
    commit_rows(tmp_path, "runs", rows([0, 1], sad=0.1), {})
    commit_rows(tmp_path, "runs", rows([1, 3], sad=0.2), {})
    back = committed_rows(tmp_path, "runs", CELL, "abc", [0, 1, 3])
    assert back.groupby("run")["sad_rad"].first().to_dict() == {0: 0.1, 1: 0.2, 3: 0.2}
    assert len(back) == 6
    path = reference_file(tmp_path, "runs", CELL)
    commit_rows(tmp_path, "runs", rows([4]), {"commit": "y"})
    assert read_parquet(path)[1] == {"commits": [{}, {"commit": "y"}]}


def test_recipes_and_settings_of_one_scene_share_a_file_and_stay_apart(tmp_path):
    both = pd.concat([rows([0]), rows([0], recipe="def", sad=0.3), rows([0]).assign(scene="cuprite")])
    assert len(commit_rows(tmp_path, "runs", both, {})) == 2
    commit_rows(tmp_path, "runs", rows([0], sad=0.5).assign(setting="baseline_loss"), {})
    assert committed_rows(tmp_path, "runs", CELL, "abc", [0])["sad_rad"].tolist() == [0.1, 0.1]
    assert committed_rows(tmp_path, "runs", CELL, "def", [0])["sad_rad"].tolist() == [0.3, 0.3]
    assert committed_runs(tmp_path, {**CELL, "setting": "baseline_loss"}, "abc", "v1") == [0]


def test_missing_evidence_is_named(tmp_path):
    with pytest.raises(UnmixingError, match="is missing"):
        committed_rows(tmp_path, "spectra", CELL, "abc", [0])
    assert reference_file(tmp_path, "spectra", CELL).parent.name == "spectra"


@pytest.mark.parametrize(("start", "end", "table"), [(START, END, evidence_table), (COST_START, COST_END, cost_table)])
def test_the_lists_of_evidence_are_those_of_its_rows(start, end, table):
    told = (EVIDENCE / "README.md").read_text()
    inside = told.partition(start)[2].partition(end)[0].strip().splitlines()
    assert inside == table(EVIDENCE), "run: unmixing archive results/STUDY, which writes the list"


def test_the_list_of_evidence_by_hand(tmp_path):
    frame = rows([0, 1], sad=0.0654).assign(
        name=["Soil", "Water"] * 2, epochs=80, status=["ok"] * 2 + ["collapsed"] * 2, seconds=1800.0
    )
    trained = {"processor": "Z80", "cores": 1, "versions": {"torch": "2.9"}, "commit": "abc"}
    commit_rows(tmp_path, "runs", frame, {"training": [trained, {"committed evidence": "elsewhere"}]})
    (tmp_path / "README.md").write_text(f"# Mine\n\n{START}\nold\n{END}\n\nStays.\n")
    write_evidence(tmp_path)
    text = (tmp_path / "README.md").read_text()
    told = (
        "| baseline | samson | described | standard | 2 x 80 | .0654 | soil .0654, water .0654 | 1 collapsed | .0654 |"
    )
    assert told in text
    assert "| baseline | described | 2 | 1.0 | 10 | Z80, 1 cores | 2.9 | abc |" in text
    assert "old" not in text
    assert text.startswith("# Mine\n")
    assert "Stays." in text.partition(END)[2].splitlines()
    before = (tmp_path / "README.md").read_text()
    write_evidence(tmp_path)
    assert (tmp_path / "README.md").read_text() == before


def test_every_committed_run_has_its_spectra():
    names = [{path.name for path in (EVIDENCE / kind).glob("*.parquet")} for kind in ("runs", "spectra")]
    assert names[0] == names[1] != set()
