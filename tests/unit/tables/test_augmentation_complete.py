"""The complete table of the sweep: every cell, its draws, and the released sheets beside it."""

import numpy as np
import pandas as pd
import pytest

from unmixing.errors import UnmixingError
from unmixing.published.released import released_sweep
from unmixing.tables.augmentation_complete import build
from unmixing.tables.writing import markdown_text, read_table, write_table

from .frames import classical, runs, scene, scenes
from .sweep_frames import shifted, sweep

TWO = {"crop_75": shifted(0), "control_identity": shifted(0.02)}


def frame_of(rows, listed=None, released=None):
    return build(rows, scenes() if listed is None else listed, {}, {}, released).frame


def cell(frame, treatment="crop_75", regime="dynamic_unseeded", endmember=0, **places):
    chosen = frame[(frame["treatment"] == treatment) & (frame["regime"] == regime) & (frame["endmember"] == endmember)]
    for column, value in places.items():
        chosen = chosen[chosen[column] == value]
    assert len(chosen) == 1
    return chosen.iloc[0]


def sheet(folder, *rows):
    """A sheet in the released form; each row is endmember, mean, row type, and what differs from crop 75 %."""
    common = {
        "dataset": "Samson",
        "n_images": 90,
        "regime": "no_seed_diff_images",
        "augmentation": "Crop (75)",
        "sad_mean": 9.0,
        "sad_std": 0.5,
        "effective_operation": "crop 0.95",
        "flag": None,
    }
    records = [
        common | {"endmember": endmember, "sad_mean_clean": mean, "row_type": kind} | more
        for endmember, mean, kind, more in rows
    ]
    pd.DataFrame(records).to_csv(folder / "augmentation_sweep_reference.csv", index=False)
    return released_sweep(folder)


# --- our cells --------------------------------------------------------------------------------------------


def test_every_treatment_regime_and_endmember_has_a_row():
    frame = frame_of(sweep(TWO))
    own = frame[frame["scene"] == "samson"]
    # Three regimes of three endmembers and their average, and the mean of the regimes.
    assert len(own) == 2 * (3 * 4 + 1)
    assert not own.duplicated(["treatment", "regime", "endmember"]).any()
    assert own["uses_truth"].dropna().unique().tolist() == ["K, matching"]


def test_cells_by_hand():
    rows = sweep({"crop_75": lambda _, run, *__: [0.05 + 0.01 * run, 0.10, 0.20]}, number=6, image_sets=6)
    frame = frame_of(rows)
    first, average = cell(frame, endmember=1), cell(frame)
    values = 0.05 + 0.01 * np.arange(6)
    assert (first["name"], first["sad_mean"]) == ("soil", pytest.approx(values.mean()))
    assert first["paper_definition_std"] == pytest.approx(values.std())
    assert first["run_mean_sd"] == pytest.approx(values.std(ddof=1))
    # Found is below .11 in these rows.
    assert (first["successes"], first["runs"]) == (6, 6)
    assert cell(frame, endmember=3)["successes"] == average["successes"] == 0
    assert average["sad_mean"] == pytest.approx((values.mean() + 0.3) / 3)
    assert average["paper_definition_std"] == pytest.approx(values.std() / 3)
    assert pd.isna(average["sad_of_successes"])
    assert first["interval_low"] < first["sad_mean"] < first["interval_high"]


def test_runs_that_share_images_are_no_sample_of_images():
    frame = frame_of(sweep(TWO, number=10, image_sets=2, initialisations=5))
    assert cell(frame)["draws"] == 10
    fixed = cell(frame, regime="fixed_unseeded")
    assert fixed["draws"] == 2
    assert pd.isna(fixed["interval_low"])
    assert len(fixed["run_values"].split()) == 2
    # Copies of the scene have no images to share.
    assert cell(frame, "control_identity", "fixed_unseeded")["draws"] == 10
    assert cell(frame, "control_identity", "fixed_seeded")["draws"] == 5


def test_one_set_for_all_is_a_condition_and_no_draw():
    frame = frame_of(sweep(TWO, number=6, image_sets=1, initialisations=1))
    seeded = cell(frame, regime="fixed_seeded")
    assert seeded["draws"] == 6
    assert seeded["condition"] == "one set of images; one set of initial weights"
    assert pd.isna(cell(frame)["condition"])


def test_a_second_name_of_one_experiment_says_so():
    rows = sweep({"crop_50": shifted(0), "crop_75": shifted(0)}, protocol="released")
    frame = frame_of(rows)
    assert cell(frame)["same_as"] == "Crop 50 %"
    assert pd.isna(cell(frame, "crop_50")["same_as"])
    assert "95 %" in cell(frame)["operation"]
    assert cell(frame)["condition"] == "one set of initial weights"


def test_diverged_runs_count_as_failures_and_no_references_are_said():
    lost = (("crop_75", "dynamic_unseeded", 2),)
    row = cell(frame_of(sweep(TWO, diverged=lost)))
    assert (row["runs"], row["runs_diverged"], row["draws"]) == (5, 1, 4)
    assert pd.isna(row["interval_low"])
    assert cell(frame_of(sweep(TWO, diverged=lost)), endmember=1)["runs_diverged"] == 1
    unknown = sweep({"crop_75": lambda *_: [np.nan] * 3}, name="mine", kind="own")
    row = cell(frame_of(unknown, [scene("mine", kind="own", paper=False)]))
    assert "no reference" in row["reason"]


def test_runs_with_other_endmembers_are_refused():
    rows = sweep(TWO)
    with pytest.raises(UnmixingError, match="different endmembers"):
        frame_of(rows.drop(index=rows.index[0]))


def test_one_regime_and_one_run_and_no_runs():
    alone = frame_of(sweep(TWO, number=1, regimes=("fixed_seeded",)))
    row = cell(alone, regime="fixed_seeded")
    assert pd.isna(row["run_mean_sd"])
    assert not (alone["regime"] == "mean_of_regimes").any()
    for rows in (pd.DataFrame(), runs()):
        frame = frame_of(rows)
        assert len(frame) == 7
        assert frame["reason"].notna().all()


def test_angles_that_give_the_scale_stand_at_the_averages():
    frame = frame_of(pd.concat([sweep(TWO), classical()]))
    assert cell(frame)["chance_mean"] == pytest.approx(0.3)
    assert pd.isna(cell(frame, endmember=1)["chance_mean"])


# --- released sheets --------------------------------------------------------------------------------------


def test_corrected_values_stand_beside_the_papers_scenes_at_the_same_number_of_images(tmp_path):
    released = sheet(
        tmp_path,
        ("1", 0.5, "endmember", {"flag": "a note"}),
        ("avg", 0.7, "average_recomputed", {}),
        ("avg", 0.8, "average_reported", {}),
        ("avg", 0.9, "regime_average_recomputed", {"regime": "mean_of_3_regimes"}),
    )
    crop = [scene("samson"), scene("urban4_crop", kind="crop", paper=False)]
    rows = [sweep(TWO), sweep(TWO, images=10), sweep(TWO, name="urban4_crop", kind="crop")]
    frame = frame_of(pd.concat(rows), crop, released)
    first = cell(frame, endmember=1, scene="samson", images=90)
    assert (first["released_mean"], first["flag"], first["released_operation"]) == (0.5, "a note", "crop 0.95")
    assert cell(frame, scene="samson", images=90)["released_mean"] == 0.7
    assert cell(frame, regime="mean_of_regimes", scene="samson", images=90)["released_mean"] == 0.9
    beside = (frame["scene"] == "samson") & (frame["images"] == 90) & (frame["treatment"] == "crop_75")
    elsewhere = frame[~beside.fillna(False).astype(bool)]
    assert elsewhere["released_mean"].isna().all()


def test_the_reader_gives_our_names_and_one_row_for_each_cell(tmp_path):
    released = sheet(
        tmp_path,
        ("2", 0.1, "endmember", {"augmentation": "Mix Flip", "dataset": "JasperRidge", "regime": "seed_same_images"}),
        ("avg", 0.2, "average_recomputed", {"augmentation": "none", "regime": "baseline", "n_images": 10}),
    )
    assert released[["scene", "regime", "treatment", "images", "endmember"]].to_numpy().tolist() == [
        ["jasper_ridge", "fixed_seeded", "flip_both", 90, 2],
        ["samson", "baseline", "", 10, 0],
    ]
    assert released["flag"].tolist() == ["", ""]


def test_the_reader_refuses_what_it_does_not_know(tmp_path):
    with pytest.raises(UnmixingError, match="not there"):
        released_sweep(tmp_path)
    with pytest.raises(UnmixingError, match="augmentation 'Twirl' is unknown"):
        sheet(tmp_path, ("1", 0.1, "endmember", {"augmentation": "Twirl"}))
    with pytest.raises(UnmixingError, match="twice"):
        sheet(tmp_path, ("1", 0.1, "endmember", {}), ("1", 0.2, "endmember", {}))
    (tmp_path / "augmentation_sweep_reference.csv").write_text("dataset,regime\n")
    with pytest.raises(UnmixingError, match="no column n_images"):
        released_sweep(tmp_path)


def test_without_the_sheets_the_table_says_how_to_have_them(tmp_path):
    table = build(sweep(TWO, number=2), scenes(), {}, {"commit": "0123abc"})
    assert "UNMIXING_REFERENCE" in markdown_text(table)
    pd.testing.assert_frame_equal(read_table(write_table(table, tmp_path / "complete")[0]).frame, table.frame)
