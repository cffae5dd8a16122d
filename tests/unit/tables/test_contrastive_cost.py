"""The table of costs: seconds per epoch, update and pixel, by hand."""

import pandas as pd
import pytest

from unmixing.tables.contrastive_cost import build, machine
from unmixing.tables.writing import read_table, write_table

from .contrastive_frames import configuration
from .frames import runs, scenes

SCALE = {"samson": {"patches": 250, "patch_size": 40, "batch_size": 15, "contrastive": {"patches": 250}}}
PIXELS = 250 * 32**2 / 1e6


def study(seconds=300.0, control=200.0, baseline=80.0, **more):
    rows = configuration(number=4, **more)
    rows["seconds"] = rows["variant"].map({"generalized": seconds, "lambda_1": control})
    return pd.concat([rows, runs(epochs=80).assign(seconds=baseline)])


def frame_of(rows, scale=None):
    frame = build(rows, scenes(), SCALE if scale is None else scale, {}).frame
    return frame[frame["scene"] == "samson"].set_index(frame["variant"][frame["scene"] == "samson"].fillna("baseline"))


def test_seconds_by_hand():
    frame = frame_of(study())
    row, plain = frame.loc["generalized"], frame.loc["baseline"]
    assert row["epoch_seconds"] == pytest.approx(3.0)
    assert row["update_milliseconds"] == pytest.approx(300 / 3200 * 1000)
    assert row["pixel_seconds"] == pytest.approx(3.0 / PIXELS)
    assert row["view_seconds"] == pytest.approx(1.5 / PIXELS)
    assert row["term_ratio"] == pytest.approx(1.5)
    assert frame.loc["lambda_1", "term_ratio"] == pytest.approx(1)
    # One second an epoch for 250 patches of 40 x 40.
    assert plain["pixel_seconds"] == pytest.approx(1 / 0.4)
    assert row["pixel_ratio"] == pytest.approx(3.0 / PIXELS * 0.4)
    assert row["view_ratio"] == pytest.approx(row["pixel_ratio"] / 2)


def test_medians_are_not_moved_by_one_slow_run_and_diverged_runs_are_not_timed():
    rows = study(status=("diverged",))
    slow = (rows["variant"] == "generalized") & (rows["run"] == 3)
    rows.loc[slow, "seconds"] = 9000.0
    row = frame_of(rows).loc["generalized"]
    assert row["seconds"] == pytest.approx(300)
    assert (row["runs"], row["seconds_range"]) == (3, "300.0 to 9000.0")


def test_without_a_plan_there_is_no_cost_per_pixel():
    row = frame_of(study(), {}).loc["generalized"]
    assert pd.isna(row["pixel_seconds"])
    assert pd.isna(row["pixel_ratio"])
    assert row["term_ratio"] == pytest.approx(1.5)
    assert "not told" in row["reason"]


def test_memory_is_shown_where_it_was_recorded():
    rows = study()
    assert any("not recorded" in note for note in build(rows, scenes(), SCALE, {}).notes)
    rows["peak_memory_bytes"] = rows["phase"].map({"contrastive": 3 * 2**30, "baseline": 2 * 2**30})
    row = frame_of(rows).loc["generalized"]
    assert (row["peak_memory_mib"], row["memory_ratio"]) == (3 * 1024, 1.5)


def test_the_machine_is_named_first():
    note = build(study(), scenes(), SCALE, {"processor": "A processor", "cores": 2}).notes[0]
    assert "A processor, 2 cores" in note
    assert "not told" in machine({})


@pytest.mark.parametrize("rows", [pd.DataFrame(), configuration(number=2), study()])
def test_types_survive_the_file(rows, tmp_path):
    table = build(rows, scenes(), SCALE, {})
    pd.testing.assert_frame_equal(read_table(write_table(table, tmp_path / "t")[0]).frame, table.frame)
    if rows.empty:
        assert table.frame["scene"].is_unique
        assert table.frame["reason"].notna().all()
