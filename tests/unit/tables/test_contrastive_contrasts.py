"""Contrasts of the contrastive phase: known differences, families, and the answer in words."""

import pandas as pd
import pytest

from unmixing.statistics import holm
from unmixing.tables.contrastive_contrasts import answer, build, verdict
from unmixing.tables.writing import markdown_text, read_table, write_table

from .contrastive_frames import angles, configuration
from .frames import runs, scene, scenes

ALL = {
    "generalized": -0.02,
    "lambda_1": 0.0,
    "permuted": -0.02,
    "stage1": -0.03,
    "nt_xent": 0.01,
    "identity": -0.05,
    "equal_updates": -0.02,
}


def table_of(rows, listed=None):
    return build(rows, scenes() if listed is None else listed, {}, {})


def row_of(frame, first, second, configuration="table7_average", scene="samson"):
    chosen = frame[
        (frame["scene"] == scene)
        & (frame["configuration"] == configuration)
        & (frame["first"] == first)
        & (frame["second"] == second)
    ]
    assert len(chosen) == 1
    return chosen.iloc[0]


def test_known_offsets_are_recovered_in_the_right_direction():
    frame = table_of(configuration(offsets=ALL, noise=0)).frame
    expected = {
        ("generalized", "lambda_1"): -0.02,
        ("generalized", "permuted"): 0.0,
        ("generalized", "nt_xent"): -0.03,
        ("generalized", "identity"): 0.03,
        ("stage1", "generalized"): -0.01,
        ("stage1", "lambda_1"): -0.03,
        ("permuted", "lambda_1"): -0.02,
        ("nt_xent", "lambda_1"): 0.01,
        ("identity", "lambda_1"): -0.05,
    }
    for (first, second), difference in expected.items():
        assert row_of(frame, first, second)["paired_difference"] == pytest.approx(difference), (first, second)
    assert row_of(frame, "generalized", "lambda_1")["verdict"] == "helps: the contrastive term"
    assert row_of(frame, "generalized", "permuted")["verdict"].startswith("makes no difference")
    assert row_of(frame, "generalized", "identity")["verdict"] == "harms: the projection head"


def test_the_primary_contrast_is_the_mean_over_the_papers_configurations_at_hand():
    rows = pd.concat(
        [
            configuration("table7_average", {"generalized": -0.01, "lambda_1": 0.0}, noise=0),
            configuration("table7_samson", {"generalized": -0.03, "lambda_1": 0.0}, noise=0),
            configuration("sheet_best", {"generalized": 0.5, "lambda_1": 0.0}, noise=0),
        ]
    )
    primary = row_of(table_of(rows).frame, "generalized", "lambda_1", "mean")
    assert primary["role"] == "primary"
    assert primary["paired_difference"] == pytest.approx(-0.02)
    assert primary["configuration_title"] == "mean over 2 of the paper's three"
    labels = row_of(table_of(rows).frame, "generalized", "permuted", "mean")
    assert "labels permuted" in labels["reason"]
    assert pd.isna(labels["finding"])


def test_families_are_scenes_for_the_primary_and_the_scene_for_the_rest():
    listed = [scene("samson"), scene("urban4")]
    rows = pd.concat([configuration(offsets=ALL, noise=0.01), configuration(offsets=ALL, noise=0.02, name_of="urban4")])
    frame = table_of(rows, listed).frame
    for second in ("lambda_1", "permuted"):
        primary = frame[(frame["role"] == "primary") & (frame["second"] == second)]
        assert len(primary) == 2
        expected, _ = holm(primary["paired_p_value"])
        assert primary["paired_p_holm"].to_numpy() == pytest.approx(expected)
    for name in ("samson", "urban4"):
        secondary = frame[(frame["scene"] == name) & (frame["role"] == "secondary")]
        assert len(secondary) == 9
        expected, _ = holm(secondary["paired_p_value"])
        assert secondary["paired_p_holm"].to_numpy() == pytest.approx(expected)


def test_as_many_updates_as_the_batch_makes_anyway_is_no_contrast():
    frame = table_of(configuration(offsets=ALL)).frame
    assert "equal_updates" not in set(frame["first"])
    other = table_of(configuration("table7_samson", ALL)).frame
    row = row_of(other, "equal_updates", "generalized", "table7_samson")
    assert row["updates"] == "3200 against 900"


def test_the_baseline_is_a_description_without_a_test():
    rows = pd.concat([configuration(noise=0), runs(sad=angles(-0.05, 6))])
    row = row_of(table_of(rows).frame, "generalized", "baseline")
    assert row["paired_difference"] == pytest.approx(0.05)
    assert pd.isna(row["paired_p_value"])
    assert row["finding"] == "description"
    assert "larger SAD" in row["verdict"]


def test_the_first_note_answers_whether_the_loss_helps():
    for offsets, words in (
        ({"generalized": -0.02, "lambda_1": 0.0, "permuted": 0.0}, "yes, by its term and by its labels"),
        ({"generalized": -0.02, "lambda_1": 0.0, "permuted": -0.02}, "its contrastive term helps; that its labels do"),
        ({"generalized": 0.02, "lambda_1": 0.0, "permuted": 0.0}, "no, it harms"),
        ({"generalized": 0.0, "lambda_1": 0.0, "permuted": 0.0}, "not shown"),
    ):
        note = table_of(configuration(offsets=offsets, noise=0.0005)).notes[0]
        assert f"Samson: {words}" in note, offsets
    few = table_of(configuration(offsets=ALL, number=3)).notes[0]
    assert "Samson: not testable here (against lambda 1: untested" in few
    released = table_of(configuration(offsets=ALL, protocol="released", number=1))
    assert "No runs under this protocol" in released.notes[0]
    assert "No runs" in answer([])


def test_a_single_released_run_is_shown_and_not_tested():
    row = row_of(
        table_of(configuration(offsets=ALL, protocol="released", number=1, noise=0)).frame, "generalized", "lambda_1"
    )
    assert row["paired_n"] == "1 pair"
    assert float(row["paired_values"]) == pytest.approx(-0.02)
    assert row["finding"] == "untested"
    assert row["verdict"].startswith("fewer than 5 pairs")


def test_a_loss_without_labels_is_not_asked_about_them():
    frame = table_of(configuration("nt_xent_best", {"generalized": 0.0, "lambda_1": 0.0})).frame
    own = frame[frame["configuration"] == "nt_xent_best"]
    assert set(own["second"]) == {"lambda_1"}
    lacking = table_of(configuration("sheet_best", {"generalized": 0.0})).frame
    told = lacking[lacking["configuration"] == "sheet_best"]
    assert set(told["second"]) == {"lambda_1", "permuted"}
    assert told["reason"].notna().all()


def test_an_undecided_verdict_names_what_could_be_seen():
    record = {"finding": "inconclusive", "subject": "the term", "paired_detectable": 0.0123, "judged_by": "mean SAD"}
    assert verdict(record) == "undecided (one such test finds 0.0123 rad): the term"
    assert verdict({"finding": None}) is None


def test_an_empty_study_says_so_in_one_row_for_each_scene(tmp_path):
    table = table_of(pd.DataFrame())
    assert table.frame["scene"].is_unique
    assert "contrastive: scenes" in table.frame.set_index("scene").loc["samson", "reason"]
    assert "UNMIXING_SCENES" in table.frame.set_index("scene").loc["urban4", "reason"]
    full = table_of(configuration(offsets=ALL))
    for one in (table, full):
        back = read_table(write_table(one, tmp_path / one.name)[0])
        pd.testing.assert_frame_equal(back.frame, one.frame)
        assert markdown_text(one)
