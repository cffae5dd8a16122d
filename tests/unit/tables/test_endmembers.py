"""The table of endmembers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from unmixing.tables.endmembers import build
from unmixing.tables.writing import read_table, write_table

from .frames import runs, scene, scenes


def of_samson(rows, **options):
    frame = build(rows, scenes(), {}, {}, **options).frame
    return frame[frame["scene"] == "samson"]


def test_samson_stands_beside_the_papers_endmembers():
    frame = of_samson(runs(sad=[[0.04, 0.05, 0.12], [0.06, 0.05, 0.16]]))
    assert list(frame["paper_sad"]) == [0.0426, 0.0416, 0.1120]
    assert list(frame["sad_mean"]) == pytest.approx([0.05, 0.05, 0.14])
    assert list(frame["sad_sd"]) == pytest.approx([0.02 / np.sqrt(2), 0, 0.04 / np.sqrt(2)])
    assert list(frame["difference"]) == pytest.approx([0.0074, 0.0084, 0.028])
    assert list(frame["found"]) == [2, 2, 0]
    assert list(frame["name"]) == ["soil", "tree", "water"]


def test_without_runs_the_papers_values_stay_with_the_reason():
    frame = of_samson(pd.DataFrame())
    assert list(frame["paper_sad"]) == [0.0426, 0.0416, 0.1120]
    assert frame["reason"].str.contains("no finished runs").all()


def test_names_come_from_the_other_protocol():
    rows = pd.concat([runs(), runs("synthetic_easy", protocol="released", kind="synthetic")])
    frame = of_samson(rows)
    assert list(frame.loc[frame["protocol"] == "released", "name"]) == ["soil", "tree", "water"]


def test_another_number_of_endmembers_has_no_paper_value():
    assert of_samson(runs(sad=[[0.1, 0.1]]))["paper_sad"].isna().all()


def test_intervals_from_five_runs():
    frame = of_samson(runs(sad=np.random.default_rng(0).uniform(0.01, 0.2, (5, 3))))
    assert frame["interval_low"].notna().all()
    assert frame["run_values"].isna().all()
    assert (frame["interval_low"] < frame["sad_mean"]).all()


def test_diverged_and_unreferenced():
    frame = of_samson(runs(status=("diverged", "diverged")))
    assert frame["sad_mean"].isna().all()
    assert frame["reason"].str.contains("every run diverged").all()
    own = runs("mine", sad=[[np.nan] * 3], kind="own")
    frame = build(own, [scene("mine", kind="own", paper=False)], {}, {}).frame
    assert frame.loc[frame["scene"] == "mine", "reason"].str.contains("no reference").all()


@pytest.mark.parametrize("rows", [pd.DataFrame(), runs()])
def test_types_survive_the_file(rows, tmp_path):
    table = build(rows, scenes(), {}, {"commit": "0123abc"})
    back = read_table(write_table(table, tmp_path / "t")[0])
    pd.testing.assert_frame_equal(back.frame, table.frame)


def test_endmembers_are_counted_from_one_with_and_without_runs():
    assert list(of_samson(runs())["endmember"]) == [1, 2, 3]
    assert list(of_samson(pd.DataFrame())["endmember"]) == [1, 2, 3]
