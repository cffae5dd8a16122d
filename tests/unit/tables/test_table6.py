"""Table 6: the paper's rows always, its mislabelled and its missing row, ours for each endmember."""

import numpy as np
import pandas as pd
import pytest

from unmixing.published.released_grid import released_grid
from unmixing.tables.table6 import build
from unmixing.tables.writing import markdown_text, read_table, write_table

from ..published.test_released_grid import write_sheet
from .contrastive_frames import angles, configuration
from .frames import runs, scene, scenes

PLAN = {"samson": {"contrastive": {"epochs": 100, "patches": 250, "learning_rate": 0.003}}}


def frame_of(rows, listed=None, scale=None, released=None):
    return build(rows, scenes() if listed is None else listed, scale or {}, {}, released).frame


def row_of(frame, configuration, endmember=0, scene="samson"):
    chosen = frame[
        (frame["scene"] == scene) & (frame["configuration"] == configuration) & (frame["endmember"] == endmember)
    ]
    assert len(chosen) == 1
    return chosen.iloc[0]


@pytest.mark.parametrize("rows", [pd.DataFrame(), runs(), configuration(number=2)])
def test_the_papers_values_always_stand(rows):
    frame = frame_of(rows)
    paper = frame.dropna(subset=["paper_sad"])
    # Four rows of three endmembers and of four, with their averages.
    assert paper["scene"].value_counts().to_dict() == {"urban4": 20, "samson": 16}
    assert row_of(frame, "table7_samson", 3)["paper_sad"] == 0.0513
    assert row_of(frame, "table7_samson", 4, "urban4")["paper_sad"] == 0.2156
    assert row_of(frame, "table7_samson", 0, "urban4")["label"] == "Best SAD (Other)"
    assert row_of(frame, "table7_samson")["label"] == "Best SAD (Local)"
    assert "UNMIXING_SCENES" in row_of(frame, "table7_average", 0, "urban4")["reason"]


def test_the_mislabelled_row_is_the_baseline_of_urban4():
    table = build(runs("urban4", sad=angles(0, 3, endmembers=4)), [scene("urban4")], {}, {})
    row = row_of(table.frame, "baseline", 0, "urban4")
    assert (row["label"], row["paper_sad"]) == ("Contrastive", 0.0428)
    assert row["what"] == "the baseline, printed under a wrong label"
    assert any("printed as 'Contrastive'" in note for note in table.notes)
    assert row_of(frame_of(pd.DataFrame()), "baseline")["what"] == "the baseline"


def test_means_deviations_and_controls_by_hand():
    point = pd.concat([configuration(offsets={"generalized": 0.0, "lambda_1": -0.03}, noise=0, number=6), runs()])
    frame = frame_of(point, scale=PLAN)
    shared = angles(0.0, 6)
    whole, third = row_of(frame, "table7_average"), row_of(frame, "table7_average", 3)
    assert whole["sad_mean"] == pytest.approx(shared.mean())
    assert whole["sad_sd"] == pytest.approx(shared.mean(axis=1).std(ddof=1))
    assert third["sad_mean"] == pytest.approx(shared[:, 2].mean())
    assert third["sad_sd"] == pytest.approx(shared[:, 2].std(ddof=1))
    assert third["endmember_label"] == "E3 water"
    assert whole["lambda_1_sad"] == pytest.approx(whole["sad_mean"] - 0.03)
    assert third["lambda_1_sad"] == pytest.approx(third["sad_mean"] - 0.03)
    assert third["difference"] == pytest.approx(third["sad_mean"] - 0.1143)
    assert whole["interval_low"] < whole["sad_mean"] < whole["interval_high"]
    assert (whole["runs"], whole["comparison"], whole["uses_truth"]) == (6, "same scale", "training")
    assert row_of(frame, "baseline")["comparison"] == "indicative"
    assert row_of(frame, "baseline")["sad_mean"] == pytest.approx(0.07)


def test_the_control_is_of_the_same_runs():
    rows = configuration(offsets={"generalized": 0.0, "lambda_1": 0.0}, noise=0, number=6)
    fewer = rows[(rows["variant"] == "lambda_1") | (rows["run"] < 2)]
    row = row_of(frame_of(fewer), "table7_average")
    assert row["lambda_1_sad"] == pytest.approx(row["sad_mean"])


def test_another_scale_is_indicative():
    rows = configuration(offsets={"generalized": 0.0}, epochs=20)
    assert row_of(frame_of(rows, scale=PLAN), "table7_average")["comparison"] == "indicative"


def test_the_true_lowest_average_has_a_row_without_a_printed_value(tmp_path):
    sheet = released_grid(write_sheet(tmp_path))
    frame = frame_of(pd.concat([configuration("sheet_best"), configuration("table7_average")]), released=sheet)
    row = row_of(frame, "sheet_best")
    assert pd.isna(row["paper_sad"])
    assert row["sheet_sad"] == 0.0466
    assert row["what"] == "lowest average of the released sheet"
    assert pd.isna(row_of(frame, "sheet_best", 1)["sheet_sad"])
    assert pd.isna(row_of(frame_of(configuration("sheet_best")), "sheet_best")["sheet_sad"])


def test_diverged_runs_leave_the_mean_and_are_counted():
    row = row_of(frame_of(configuration(offsets={"generalized": 0.0}, status=("diverged",), noise=0)), "table7_average")
    assert (row["runs"], row["runs_diverged"]) == (6, 1)
    assert row["sad_mean"] == pytest.approx(angles(0.0, 6)[1:].mean())


def test_crops_and_other_scenes_have_no_printed_value():
    listed = [scene("urban4_crop", kind="crop", paper=False), scene("samson")]
    frame = frame_of(configuration(name_of="urban4_crop"), listed)
    own = frame[frame["scene"] == "urban4_crop"]
    assert own["paper_sad"].isna().all()
    assert own["sad_mean"].notna().any()
    blind = configuration(offsets={"generalized": 0.0})
    blind["sad_rad"] = np.nan
    assert "no reference" in row_of(frame_of(blind), "table7_average")["reason"]


@pytest.mark.parametrize("rows", [pd.DataFrame(), configuration(number=2)])
def test_types_survive_the_file(rows, tmp_path):
    table = build(rows, scenes(), {}, {"commit": "0123abc"})
    pd.testing.assert_frame_equal(read_table(write_table(table, tmp_path / "table6")[0]).frame, table.frame)
    assert "Best SAD (Local)" in markdown_text(table)
