from pathlib import Path

import pandas as pd
import pytest

from unmixing.errors import UnmixingError
from unmixing.reference import commit_rows, committed_rows, committed_runs, reference_file
from unmixing.store import read_parquet

EVIDENCE = Path(__file__).parents[2] / "reports/reference"
CELL = {"phase": "baseline", "protocol": "described", "scene": "samson", "setting": "standard"}


def rows(runs, sad=0.1, recipe="abc", scoring="v1"):
    frame = pd.DataFrame({"run": [run for run in runs for _ in range(2)], "endmember": [1, 2] * len(runs)})
    identity = [f"baseline/described/samson/standard/{run}" for run in frame["run"]]
    return frame.assign(id=identity, sad_rad=sad, recipe=recipe, scoring=scoring, **CELL)


def test_committed_runs_come_back_under_their_recipe_alone(tmp_path):
    written = commit_rows(tmp_path, "runs", rows([0, 2]), {"commit": "x"})
    assert written == [tmp_path / "runs/baseline-described-samson-standard-abc.parquet"]
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
    path = reference_file(tmp_path, "runs", CELL, "abc")
    commit_rows(tmp_path, "runs", rows([4]), {"commit": "y"})
    assert read_parquet(path)[1] == {"commits": [{}, {"commit": "y"}]}


def test_recipes_and_cells_have_files_of_their_own(tmp_path):
    both = pd.concat([rows([0]), rows([0], recipe="def"), rows([0]).assign(scene="cuprite")])
    assert len(commit_rows(tmp_path, "runs", both, {})) == 3


def test_missing_evidence_is_named(tmp_path):
    with pytest.raises(UnmixingError, match="is missing"):
        committed_rows(tmp_path, "spectra", CELL, "abc", [0])
    assert reference_file(tmp_path, "spectra", CELL, "abc").parent.name == "spectra"


@pytest.mark.parametrize(
    ("title", "scene", "protocol"), [("Samson", "samson", "described"), ("Samson", "samson", "released")]
)
def test_figures_told_of_the_evidence_are_those_of_its_rows(title, scene, protocol):
    (path,) = EVIDENCE.glob(f"runs/baseline-{protocol}-{scene}-*.parquet")
    frame, _ = read_parquet(path)
    by_name = frame.groupby("name")["sad_rad"].mean()
    told = next(line for line in (EVIDENCE / "README.md").read_text().splitlines() if f"{title}, {protocol}" in line)
    _, _, size, mean, endmembers, *_ = (cell.strip() for cell in told.split("|"))
    assert size == f"{frame['run'].nunique()} x {frame['epochs'].max()}"
    assert mean == f"{by_name.mean():.4f}".lstrip("0")
    assert endmembers == ", ".join(f"{name.lower()} {value:.4f}".replace(" 0", " ") for name, value in by_name.items())


def test_every_committed_run_has_its_spectra():
    names = [{path.name for path in (EVIDENCE / kind).glob("*.parquet")} for kind in ("runs", "spectra")]
    assert names[0] == names[1] != set()
