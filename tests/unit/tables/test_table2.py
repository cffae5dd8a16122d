"""Table 2: what is printed, what is done, and which names of the released sweep are one experiment."""

import pandas as pd
import pytest

from unmixing.augmentation.treatments import TREATMENTS
from unmixing.published import paper_values
from unmixing.tables.table2 import build, describe_operations
from unmixing.tables.writing import read_table, write_table

from .frames import runs, scenes


def frame(rows=None):
    return build(pd.DataFrame() if rows is None else rows, scenes(), {}, {}).frame.set_index("treatment")


def purity(name="samson", protocol="described", **shares):
    return pd.DataFrame(
        [
            {
                "phase": "purity",
                "protocol": protocol,
                "scene": name,
                "images": 6,
                "treatment": treatment,
                "endmember": endmember,
                "pure_share_total": share,
                "volume_ratio": 2 * share,
            }
            for treatment, share in shares.items()
            for endmember in range(3)
        ]
    )


def test_the_papers_seventeen_the_sheets_one_and_two_controls():
    table = frame()
    assert list(table.index) == list(TREATMENTS)
    printed = paper_values(2)["column"].str.removeprefix("transformation_")
    from_paper = table[~table["category"].isin(["Released sheets only", "Control"])]
    assert sorted(from_paper.index) == sorted(printed)
    assert table.loc["crop_75", "paper"] == "75%"
    assert table.loc["flip_both", "category"] == "Released sheets only"
    assert table.loc["control_identity", "released"] == "not run"


def test_the_released_sweep_of_90_images_has_twelve_experiments():
    table = frame()
    assert table.loc["crop_50", "released_same"] == "Crop 75 %, Crop 95 %"
    assert table.loc["crop_50", "released"] == table.loc["crop_95", "released"]
    assert table.loc["blur_2", "released_same"] == "Blur, sigma .1 to 1.0"
    augmenting = table[table["category"] != "Control"]
    assert augmenting["released"].nunique() == 12
    assert augmenting["released_10"].nunique() == 18
    assert augmenting["released_10_same"].eq("").all()


def test_operations_in_words():
    assert describe_operations("flip_vertical", "described", 90) == "flip upside down"
    assert describe_operations("flip_vertical", "released", 10) == "flip upside down"
    assert "sigma 0.1 to 1.0" in describe_operations("crop_blur", "described", 10)
    assert "sigma 0.1 to 2.0" in describe_operations("crop_blur", "described", 90)
    assert "gain" in describe_operations("jitter", "released", 90)
    assert "noise" in describe_operations("jitter", "described", 90)


def test_purity_adds_two_columns_for_each_scene_and_protocol():
    rows = pd.concat([purity(blur_2=0.1, control_identity=0.3), purity(protocol="released", blur_2=0.2), runs()])
    table = frame(rows)
    assert table.loc["blur_2", "pure_samson_described"] == pytest.approx(0.1)
    assert table.loc["blur_2", "volume_samson_released"] == pytest.approx(0.4)
    assert pd.isna(table.loc["crop_50", "pure_samson_described"])
    assert not [name for name in frame(runs()).columns if name.startswith("pure")]


@pytest.mark.parametrize("rows", [pd.DataFrame(), purity(blur_1=0.1)])
def test_types_survive_the_file(rows, tmp_path):
    table = build(rows, scenes(), {}, {"commit": "0123abc"})
    pd.testing.assert_frame_equal(read_table(write_table(table, tmp_path / "table2")[0]).frame, table.frame)
