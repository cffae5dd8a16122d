"""The table of the audit, with effects known by hand."""

import numpy as np
import pandas as pd
import pytest

from unmixing.protocol.audit import flip
from unmixing.protocol.baseline import PROTOCOLS
from unmixing.statistics import paired_comparison
from unmixing.tables import audit
from unmixing.tables.audit_effects import REMAINDER, SUM, TOGETHER
from unmixing.tables.audit_sources import FIELDS, SOURCES
from unmixing.tables.run_rows import NO_REFERENCE
from unmixing.tables.writing import latex_text, markdown_text, read_table, write_table

from .frames import runs, scenes

SCALE = {"samson": {"runs": 5, "epochs": 80, "patches": 250, "patch_size": 40}}
BASE = np.array([[0.03, 0.04, 0.11], [0.05, 0.04, 0.09], [0.04, 0.04, 0.10], [0.06, 0.05, 0.10], [0.05, 0.03, 0.12]])
WOBBLE = np.array([[0.001], [-0.001], [0.002], [0.0], [-0.002]])


def arm(sad, setting="standard", *, shared=False, **values):
    """Rows of one arm, of the audit if it has a setting; its runs share their initial weights or draw their own."""
    rows = runs(sad=np.asarray(sad), setting=setting, **values)
    seeds = ["7" if shared else str(7 + run) for run in rows["run"]]
    return rows.assign(phase="baseline" if setting == "standard" else "audit", seed_initialisation=seeds)


def study(*, released=0.02, loss=0.012, batch_norm=-0.004, weights=0.001):
    """Both protocols, and the changes from described; run 0 is the same with shared weights as with its own."""
    own = BASE + weights
    own[0] = BASE[0]
    return pd.concat(
        [
            arm(BASE),
            arm(BASE + released, protocol="released", shared=True),
            arm(BASE + loss + WOBBLE, "baseline_loss"),
            arm(BASE + batch_norm - WOBBLE, "baseline_batch_norm"),
            arm(own, "baseline_initial_weights", shared=True),
        ],
        ignore_index=True,
    )


def rows_of(rows, scene="samson", protocol="described"):
    frame = audit.build(rows, scenes(), SCALE, {}).frame
    return frame[(frame["scene"] == scene) & (frame["protocol"] == protocol)].set_index("field")


def test_a_single_change_is_compared_run_by_run():
    row = rows_of(study()).loc["loss"]
    differences = 0.012 + WOBBLE.ravel()
    expected = paired_comparison(differences, np.zeros(5))
    assert row["difference"] == pytest.approx(0.012)
    assert row["after"] - row["before"] == pytest.approx(row["difference"])
    assert (row["interval_low"], row["interval_high"]) == pytest.approx((expected.interval.low, expected.interval.high))
    assert row["detectable"] == pytest.approx(expected.detectable)
    assert (row["before_value"], row["after_value"], row["item"]) == ("spectral_angle", "elementwise_arccos", "C1")
    assert (row["runs"], row["trials"], row["judged_by"]) == (5, 5, "mean SAD")
    # Frames call an endmember found below .11 rad.
    assert (row["found_before"], row["found_after"]) == (3, 1)


def test_p_values_are_adjusted_over_the_single_changes_alone():
    frame = rows_of(study())
    raw = [paired_comparison(shift + WOBBLE.ravel() * sign, np.zeros(5)) for shift, sign in ((0.012, 1), (-0.004, -1))]
    assert frame.loc["loss", "p_value"] == pytest.approx(2 * raw[0].p_value), "the smaller of two"
    assert frame.loc["batch_norm", "p_value"] == pytest.approx(raw[1].p_value)
    assert frame.loc[["initial_weights", SUM, TOGETHER, REMAINDER], "p_value"].isna().all()


def test_changes_stand_by_size_and_those_without_runs_behind_them():
    frame = rows_of(study())
    assert frame.index.tolist() == [
        *("loss", "batch_norm", "initial_weights", "activation", "input"),
        *(SUM, TOGETHER, REMAINDER),
    ]
    unmade = frame.loc["activation"]
    assert unmade["reason"].startswith("no runs in this study: add activation to `audit: baseline`")
    assert (unmade["item"], unmade["paper"]) == ("A21", "Figure 1: ReLU"), "what is known is printed without runs"
    assert rows_of(study(loss=0.002)).index[0] == "batch_norm"


def test_a_run_that_is_one_training_twice_is_no_pair():
    row = rows_of(study()).loc["initial_weights"]
    assert row["runs"] == row["trials"] == 4
    assert row["difference"] == pytest.approx(0.001), "the zero of run 0 does not dilute the mean"
    assert row["reason"] == "run 0 left out: the same training on both sides"
    assert pd.isna(row["interval_low"])
    assert np.allclose([float(value) for value in row["run_values"].split()], 0.001)


def test_the_sum_of_single_changes_stands_beside_all_at_once():
    frame = rows_of(study())
    # loss and batch_norm over five runs; initial_weights moves all but run 0.
    added = 0.012 - 0.004 + 0.001 * 4 / 5
    assert frame.loc[SUM, "difference"] == pytest.approx(added)
    assert frame.loc[TOGETHER, "difference"] == pytest.approx(0.02)
    assert frame.loc[REMAINDER, "difference"] == pytest.approx(0.02 - added)
    assert frame.loc[SUM, "after"] == frame.loc[REMAINDER, "before"]
    assert frame.loc[[SUM, TOGETHER, REMAINDER], "runs"].tolist() == [5, 5, 5]
    assert frame.loc[[SUM, TOGETHER, REMAINDER], "judged_by"].tolist() == ["", "", ""]


def test_closing_rows_take_the_same_runs():
    rows = study()
    lost = (rows["setting"] == "baseline_loss") & (rows["run"] == 3)
    rows.loc[lost, "sad_rad"] = np.nan
    rows.loc[lost, "status"] = "diverged"
    frame = rows_of(rows)
    assert frame.loc[[SUM, TOGETHER, REMAINDER], "runs"].tolist() == [4, 4, 4]
    gap = frame.loc[TOGETHER, "difference"] - frame.loc[SUM, "difference"]
    assert frame.loc[REMAINDER, "difference"] == pytest.approx(gap)
    assert frame.loc["batch_norm", "runs"] == 5


def test_a_diverged_run_is_no_pair_but_a_failure():
    changed = arm(BASE, "baseline_loss", status=("ok", "diverged"))
    row = rows_of(pd.concat([arm(BASE), changed])).loc["loss"]
    assert (row["runs"], row["trials"]) == (4, 5)
    assert row["found_before"] == 3
    assert row["found_after"] == 2, "run 1 had found all before"
    assert row["reason"] == "after the change 1 diverged: loss was not finite at epoch 3"


def test_from_released_the_changes_go_the_other_way():
    shifted = BASE + 0.02
    rows = pd.concat([study(), arm(shifted - 0.013, "baseline_loss", protocol="released", shared=True)])
    frame = rows_of(rows, protocol="released")
    assert (frame.loc["loss", "before_value"], frame.loc["loss", "after_value"]) == (
        "elementwise_arccos",
        "spectral_angle",
    )
    assert frame.loc["loss", "difference"] == pytest.approx(-0.013)
    assert frame.loc[TOGETHER, "difference"] == pytest.approx(-0.02)
    assert frame.loc[SUM, "reason"] == "no sum: batch_norm, initial_weights without pairs"
    assert REMAINDER not in frame.index


def test_without_the_other_protocol_the_sum_stands_alone():
    rows = study()
    frame = rows_of(rows[rows["protocol"] == "described"])
    assert frame.loc[SUM, "runs"] == 5
    assert "add released to `baseline: protocols`" in frame.loc[TOGETHER, "reason"]
    assert pd.isna(frame.loc[TOGETHER, "runs"])


def test_changes_without_a_common_run_have_no_sum():
    rows = study()
    apart = (rows["setting"] == "baseline_loss") & (rows["run"] > 1)
    rows = rows[~apart & ~((rows["setting"] == "baseline_batch_norm") & (rows["run"] < 2))]
    frame = rows_of(rows)
    assert frame.loc[SUM, "reason"] == "no run has numbers under all changes"
    assert frame.loc[TOGETHER, "runs"] == 5


def test_below_five_pairs_the_differences_are_printed():
    rows = study()
    row = rows_of(rows[rows["run"] < 3]).loc["loss"]
    assert np.allclose([float(value) for value in row["run_values"].split()], [0.013, 0.011, 0.014])
    assert row[["interval_low", "p_value", "detectable", "found_after_low"]].isna().all()
    assert row["judged_by"] == "nothing (n < 5)"


def test_the_endmember_that_moves_most_is_named():
    changed = BASE + np.array([0.001, -0.03, 0.02])
    row = rows_of(pd.concat([arm(BASE), arm(changed, "baseline_loss")])).loc["loss"]
    assert row["moves_most"] == "tree −0.0300"
    assert row["by_endmember"] == "tree −0.0300; water +0.0200; soil +0.0010"


def test_scale_is_indicative_unless_it_is_the_papers():
    assert rows_of(study()).loc["loss", "comparison"] == "indicative"
    many = np.resize(BASE, (25, 3))
    rows = pd.concat([arm(many, epochs=320), arm(many + 0.01, "baseline_loss", epochs=320)])
    full = audit.build(rows, scenes(), {"samson": {"runs": 25, "epochs": 320, "patches": 250}}, {}).frame
    assert pd.isna(full.set_index("field").loc["loss", "comparison"])


def test_scenes_without_runs_of_the_audit_say_why():
    frame = audit.build(arm(BASE), scenes(), {}, {}).frame.set_index("scene")
    assert frame.loc["samson", "reason"].startswith("no runs of the audit: name the scene under `audit: scenes`")
    assert "UNMIXING_SCENES" in frame.loc["cuprite", "reason"]
    assert "jasper_ridge" not in frame.index
    empty = audit.build(pd.DataFrame(), scenes(), {}, {})
    assert empty.n == "no runs"
    assert len(empty.frame) == len(frame)


def test_what_cannot_be_paired_has_a_reason():
    nothing = arm(np.full_like(BASE, np.nan))
    row = rows_of(pd.concat([nothing, arm(np.full_like(BASE, np.nan), "baseline_loss")])).loc["loss"]
    assert row["reason"] == NO_REFERENCE
    alone = rows_of(arm(BASE, "baseline_loss")).loc["loss"]
    assert alone["reason"] == "no baseline runs under this protocol to compare with"
    apart = rows_of(pd.concat([arm(BASE[:2]), arm(BASE, "baseline_loss").query("run > 2")])).loc["loss"]
    assert apart["reason"] == "no run has numbers before and after the change"


def test_every_field_of_the_audit_has_its_source():
    assert set(SOURCES) == set(FIELDS)
    for name in FIELDS:
        flip("described", name)
        assert SOURCES[name].paper
        assert SOURCES[name].code
        assert hasattr(PROTOCOLS["released"], name)


def test_the_table_survives_its_files(tmp_path):
    table = audit.build(study(), scenes(), SCALE, {})
    write_table(table, tmp_path / "table_audit")
    again = read_table(tmp_path / "table_audit.parquet")
    pd.testing.assert_frame_equal(again.frame, table.frame, check_dtype=False)
    assert table.n == "Samson (described) 4 to 5 pairs"
    assert "elementwise_arccos" in markdown_text(table)
    assert latex_text(table).isascii()
