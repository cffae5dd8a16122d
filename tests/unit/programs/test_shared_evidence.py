"""Runs that the audit shares with a phase are taken from that phase's committed evidence as well."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from unmixing.errors import UnmixingError
from unmixing.programs.evaluate import evidence_rows
from unmixing.reference import commit_rows
from unmixing.store import recipe_hash
from unmixing.training import job as module
from unmixing.training.recipe import recipe_of
from unmixing.training.trainers import Labels

PLACE = {"phase": "baseline", "protocol": "described", "scene": "samson", "setting": "standard"}
AUDIT = {**PLACE, "phase": "audit", "setting": "baseline_unchanged", "stored": {"phase": "baseline",
         "setting": "standard"}}  # fmt: skip
SCENE = xr.Dataset(
    {"cube": (("row", "col", "band"), np.zeros((2, 2, 3))), "endmembers": (("endmember", "band"), np.zeros((2, 3)))},
    attrs={"content_sha256": "abc"},
)


def rows(runs, recipe, sad=0.1, **place):
    frame = pd.DataFrame([{**PLACE, "run": run, "endmember": k, "recipe": recipe} for run in runs for k in (1, 2)])
    return frame.assign(sad_rad=sad, scoring="v1", band=0, **place)


def test_rows_come_from_both_places_under_the_audits_name(tmp_path):
    for kind in ("runs", "spectra"):
        commit_rows(tmp_path, kind, rows([0, 1], "abc"), {})
    cell = {**AUDIT, "recipe": "abc", "committed": [0, 1]}
    taken = evidence_rows(tmp_path, "runs", cell)
    assert set(zip(taken["phase"], taken["setting"], strict=True)) == {("audit", "baseline_unchanged")}
    assert taken["run"].tolist() == [0, 0, 1, 1]
    commit_rows(tmp_path, "runs", rows([1], "abc", sad=0.7, phase="audit", setting="baseline_unchanged"), {})
    mixed = evidence_rows(tmp_path, "runs", cell).groupby("run")["sad_rad"].first()
    assert mixed.to_dict() == {0: 0.1, 1: 0.7}, "its own come first"
    assert evidence_rows(tmp_path, "curves", cell).empty


def test_evidence_that_is_gone_is_named(tmp_path):
    commit_rows(tmp_path, "runs", rows([0], "abc"), {})
    with pytest.raises(UnmixingError, match=r"no runs of audit/described/samson/baseline_unchanged, runs \[3\]"):
        evidence_rows(tmp_path, "runs", {**AUDIT, "recipe": "abc", "committed": [0, 3]})


@pytest.mark.parametrize(("matching", "expected"), [({}, [0, 2]), ({"matching": "greedy"}, [])])
def test_a_job_takes_them_unless_they_are_to_be_scored_otherwise(tmp_path, monkeypatch, matching, expected):
    monkeypatch.setattr(module, "trainer", lambda *_: SimpleNamespace(train=None))
    monkeypatch.setattr(module, "run_cell", lambda *_: [])
    cell = {**AUDIT, **matching, "runs": 3, "schedule": {}, "fields": {}, "entropy": 7, "device": "cpu", "code": "c"}
    recipe = recipe_hash(recipe_of({**cell, **cell["stored"]}, "abc", 2))
    commit_rows(tmp_path / "evidence", "runs", rows([0, 2, 8], recipe), {})
    progress = SimpleNamespace(line=lambda _: None, detail=lambda _: None)
    known = module.Job(SCENE, tmp_path / "store", progress, {}, tmp_path / "evidence", "v1", Labels())
    entry = known.train(cell)
    assert entry["committed"] == expected
    assert (entry["phase"], entry["setting"], entry["recipe"]) == ("audit", "baseline_unchanged", recipe)
    assert entry["stored"] == {"phase": "baseline", "setting": "standard"}
    assert (tmp_path / "store/baseline/described/samson/standard" / recipe / "recipe.json").exists()
