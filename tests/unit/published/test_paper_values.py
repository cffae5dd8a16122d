"""The printed values stand on their own (counts, digits, sums) and agree with the released tables."""

import csv

import pytest

from unmixing.errors import UnmixingError
from unmixing.published import BASELINE_LABELS, paper_value, paper_value_text, paper_values

SCENES = {"samson", "jasper_ridge", "urban4", "urban5", "urban6", "cuprite"}
ENDMEMBERS = {"samson": 3, "jasper_ridge": 4, "urban4": 4, "urban5": 5, "urban6": 6, "cuprite": 12}
# How the released tables spell our scenes.
RELEASED_NAMES = {
    "samson": "Samson",
    "jasper_ridge": "JasperRidge",
    "urban4": "Urban4",
    "urban5": "Urban5",
    "urban6": "Urban6",
    "cuprite": "Cuprite",
    "": "",
}


@pytest.mark.parametrize(
    ("table", "cells"), [(1, 18), (2, 17), (3, 12), (4, 9), (5, 48), (6, 40), (7, 15), (None, 159)]
)
def test_number_of_cells(table, cells):
    assert len(paper_values(table)) == cells


def test_numbers_are_the_printed_characters():
    rows = paper_values()
    for text, value in zip(rows["value_text"], rows["value"], strict=True):
        try:
            parsed = float(text)
        except ValueError:
            assert value != value, text
        else:
            assert parsed == value


def test_every_cell_has_its_own_address_and_place():
    rows = paper_values()
    assert not rows.duplicated(["table", "scene", "row_label", "column"]).any()
    assert rows["place"].str.contains("section").all()
    assert (rows["page"] == "").all()
    for table, place in zip(rows["table"], rows["place"], strict=True):
        assert place.endswith(f"Table {table}")


@pytest.mark.parametrize(("table", "scenes"), [(1, SCENES), (3, SCENES), (5, SCENES), (6, {"samson", "urban4"})])
def test_scenes_of_a_table(table, scenes):
    assert set(paper_values(table)["scene"]) == scenes


@pytest.mark.parametrize("scene", sorted(SCENES))
def test_tables_agree_with_each_other(scene):
    label = paper_values(3).query("scene == @scene")["row_label"].iloc[0]
    assert paper_value(1, scene, label, "endmembers") == ENDMEMBERS[scene]
    # Table 5 repeats Table 3 in its first row.
    assert paper_value(5, scene, "Original Results", "average") == paper_value(3, scene, label, "average_sad")
    assert paper_value(5, scene, "Original Results", "std") == paper_value(3, scene, label, "standard_deviation_std")


def test_table_6_rows_average_to_their_last_column():
    for (_, _), row in paper_values(6).groupby(["scene", "row_label"]):
        cells = row.set_index("column")["value"]
        assert cells.drop("avg_sad").mean() == pytest.approx(cells["avg_sad"], abs=1e-4)


@pytest.mark.parametrize("scene", ["samson", "urban4"])
def test_table_6_baseline_is_table_3_whatever_its_label(scene):
    baseline = paper_value(6, scene, BASELINE_LABELS[scene], "avg_sad")
    assert baseline == paper_value(3, scene, scene.capitalize(), "average_sad")
    if scene == "urban4":
        notes = paper_values(6).query("row_label == 'Contrastive'")["note"]
        assert notes.str.contains("baseline").all()


def test_table_2_names_seventeen_treatments():
    columns = paper_values(2)["column"].str.removeprefix("transformation_")
    assert len(set(columns)) == 17
    assert {"blur_1", "crop_95", "flip_random", "jitter_flip_blur"} <= set(columns)


def test_one_cell():
    assert paper_value(5, "samson", "Crop + Blur", "average") == 0.0391
    assert paper_value_text(5, "samson", "Blur (sigma = 0.1, 1.0)", "average") == "0.0410"
    assert paper_value(6, "samson", "Original Results", "avg_e4") is None
    assert paper_value_text(6, "samson", "Original Results", "avg_e4") == "-"
    assert paper_value(4, "", "Seeded Training, Fixed Augmentations", "seed") is None
    assert paper_value(7, "", "Best SAD (Samson)", "temp_tau") == 10.0


def test_wrong_addresses_are_named_in_one_line():
    with pytest.raises(UnmixingError, match="no Table 8") as unknown_table:
        paper_values(8)
    with pytest.raises(UnmixingError, match="no cell at scene 'mars'") as unknown_cell:
        paper_value(3, "mars", "Mars", "average_sad")
    for caught in (unknown_table, unknown_cell):
        assert "\n" not in str(caught.value)


def test_the_rows_handed_out_are_copies():
    for rows in (paper_values(), paper_values(3)):
        rows["value"] = 0.0
    assert paper_value(3, "samson", "Samson", "average_sad") == 0.0654


def test_agrees_with_the_released_tables(reference_folder):
    with (reference_folder / "paper_tables.csv").open(newline="", encoding="utf-8") as stream:
        released = {
            (int(row["table"]), row["dataset"], row["row_label"], row["column"]): row for row in csv.DictReader(stream)
        }
    rows = paper_values()
    rows = rows[rows["table"].isin([3, 5, 6, 7])]
    ours = {
        (row.table, RELEASED_NAMES[row.scene], row.row_label, row.column): row for row in rows.itertuples(index=False)
    }
    assert len(released) == 115
    assert ours.keys() == released.keys()
    for address, row in released.items():
        assert ours[address].value_text == row["value_text"], address
        number = float(row["value"]) if row["value"] else float("nan")
        assert ours[address].value == pytest.approx(number, abs=0, nan_ok=True), address
