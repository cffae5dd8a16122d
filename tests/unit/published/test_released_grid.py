"""The reader of the released grid sheet, on a small made sheet."""

import pandas as pd
import pytest

from unmixing.errors import UnmixingError
from unmixing.published.released_grid import FACTORS, GRID_FILE, agreement_points, find_point, released_grid
from unmixing.search import GRIDS

COLUMNS = "loss,temperature,lambda_recon,patch_size,batch_size,sigma_kernel,epochs,avg_sad,samson_sad,urban4_sad,flag"
LINES = (
    "generalized,0.01,0.9,64,8,1.0,100,0.0650,0.0466,0.0834,true lowest",
    "generalized,0.1,0.5,32,8,1.0,100,0.0670,0.0668,0.0672,",
    "generalized,10.0,0.5,16,30,0.1,100,0.0854,0.0444,0.1263,",
    "generalized,0.01,0.1,8,8,1.0,100,0.2248,0.1832,0.2664,stray row: leave out",
    "ntxent,10.0,0.3,16,8,1.0,100,0.0734,0.0531,0.0937,",
)


def write_sheet(folder, lines=LINES, columns=COLUMNS):
    (folder / GRID_FILE).write_text("\n".join([columns, *lines]) + "\n", encoding="utf-8")
    return folder


def test_rows_ranks_and_flags(tmp_path):
    sheet = released_grid(write_sheet(tmp_path))
    assert len(sheet) == 4
    first = sheet[sheet["loss"] == "generalized"].set_index("average_sad")
    assert first.loc[0.0650, ["average_rank", "samson_rank", "urban4_rank"]].tolist() == [1, 2, 2]
    assert first.loc[0.0670, ["average_rank", "samson_rank", "urban4_rank"]].tolist() == [2, 3, 1]
    assert sheet["flag"].tolist() == ["true lowest", "", "", ""]
    contrast = sheet[sheet["loss"] == "nt_xent"].iloc[0]
    assert contrast["average_rank"] == 1
    assert pd.isna(contrast["sigma"])


def test_named_configurations_are_found(tmp_path):
    sheet = released_grid(write_sheet(tmp_path))
    assert find_point(sheet, "sheet_best") == {"samson": 0.0466, "urban4": 0.0834}
    assert find_point(sheet, "nt_xent_best") == {"samson": 0.0531, "urban4": 0.0937}
    assert find_point(sheet, "table7_urban4") == {}


@pytest.mark.parametrize(
    ("lines", "columns", "words"),
    [
        (LINES, COLUMNS.replace("urban4_sad", "other"), "no column urban4_sad"),
        ((*LINES, LINES[0]), COLUMNS, "twice"),
        ((LINES[0].replace("generalized", "triplet"),), COLUMNS, "'triplet' is unknown"),
    ],
)
def test_a_sheet_that_is_wrong_is_refused_in_one_line(tmp_path, lines, columns, words):
    with pytest.raises(UnmixingError, match=words) as caught:
        released_grid(write_sheet(tmp_path, lines, columns))
    assert "\n" not in str(caught.value)


def test_a_missing_sheet_is_named(tmp_path):
    with pytest.raises(UnmixingError, match="is not there"):
        released_grid(tmp_path)


def test_sixteen_configurations_of_the_grid_spread_over_the_ranks():
    points = agreement_points()
    levels = GRIDS["generalized"].levels
    assert len(points) == 16
    assert points["released_rank"].is_monotonic_increasing
    assert points["released_sad"].is_monotonic_increasing
    assert set(points["patch_size"]) == {8, 16, 32}
    for name in FACTORS:
        assert set(points[name]) <= set(levels["lambda" if name == "weight" else name])


def test_agrees_with_the_released_sheet(reference_folder):
    sheet = released_grid(reference_folder)
    assert sheet["loss"].value_counts().to_dict() == {"generalized": 1280, "nt_xent": 320}
    joined = agreement_points().merge(sheet[sheet["loss"] == "generalized"], on=list(FACTORS))
    assert joined["released_rank"].tolist() == joined["samson_rank"].tolist()
    assert joined["released_sad"].to_numpy() == pytest.approx(joined["samson_sad"].to_numpy(), abs=5e-5)
    lowest = sheet[(sheet["loss"] == "generalized") & (sheet["average_rank"] == 1)].iloc[0]
    assert find_point(sheet, "sheet_best")["samson"] == lowest["samson_sad"]
    assert find_point(sheet, "table7_samson")["samson"] == sheet.loc[sheet["loss"] == "generalized", "samson_sad"].min()
