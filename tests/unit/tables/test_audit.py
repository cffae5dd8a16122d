"""The table of the audit, with effects known by hand."""

import numpy as np
import pandas as pd
import pytest

from unmixing.protocol.audit import FIELDS
from unmixing.protocol.points import POINTS
from unmixing.statistics import paired_comparison
from unmixing.tables import audit
from unmixing.tables.audit_effects import REMAINDER, SUM, TOGETHER
from unmixing.tables.audit_sources import SOURCES
from unmixing.tables.run_rows import NO_REFERENCE
from unmixing.tables.writing import latex_text, markdown_text, read_table, write_table

from .contrastive_frames import point_rows
from .frames import runs, scenes
from .sweep_frames import shifted, sweep

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
        *("loss", "batch_norm", "initial_weights", "activation", "input", "matching"),
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
    assert set(SOURCES) == {(phase, field) for phase, fields in FIELDS.items() for field in fields}
    for source in SOURCES.values():
        assert source.paper
        assert source.code


ARM = "crop_50-dynamic_unseeded-10"


def sweep_study(shift=0.02, *, place=ARM, number=5, sets=5, weights=5, field="patches", **more):
    """One arm of the sweep and the same with a field changed, by a shift that grows with the run."""
    treatment, regime, images = place.split("-")
    common = {"number": number, "images": int(images), "regimes": (regime,), "image_sets": sets}
    common |= {"initialisations": weights, **more}

    def changed(regime, run, image_set, weights):
        return shifted(0.0)(regime, run, image_set, weights) + shift + 0.001 * run

    before, after = sweep({treatment: shifted(0.0)}, **common), sweep({treatment: changed}, **common)
    rows = pd.concat([before, after.assign(phase="audit", setting=f"augmentation_{field}-{place}")], ignore_index=True)
    return rows.assign(stream=rows["run"])


def contrastive_study(field="view_axes", shift=0.03, *, protocol="described", start="contrastive"):
    """A named configuration and the same with a field changed."""
    point = POINTS["table7_average"]
    own = {"phase": start, "configuration": "table7_average", "protocol": protocol}
    name = "table7_average-generalized" if start == "contrastive" else "contrastive_unchanged"
    changed = BASE + shift + WOBBLE
    audited = point_rows(f"contrastive_{field}", changed, point, group="audit", **{**own, "phase": "audit"})
    return pd.concat([point_rows(name, BASE, point, **own), audited], ignore_index=True)


def test_phases_have_rows_of_their_own_and_a_family_of_their_own():
    rows = pd.concat([study(), sweep_study(), contrastive_study()], ignore_index=True)
    frame = audit.build(rows, scenes(), SCALE, {}).frame
    frame = frame[(frame["scene"] == "samson") & frame["runs"].notna()]
    assert frame["phase"].unique().tolist() == ["baseline", "augmentation", "contrastive"]
    grid, views = (frame.set_index("field").loc[name] for name in ("patches", "view_axes"))
    assert grid["difference"] == pytest.approx(0.022)
    assert grid["place"] == "Crop 50 %; dynamic, unseeded; 10 images"
    assert (grid["before_value"], grid["after_value"], grid["item"]) == ("random", "corner_grid", "B2")
    raw = paired_comparison(0.02 + 0.001 * np.arange(5), np.zeros(5))
    assert grid["p_value"] == pytest.approx(raw.p_value), "alone in its family"
    assert views["difference"] == pytest.approx(0.03)
    assert (views["place"], views["after_value"]) == ("Best SAD (Avg) of Table 7", "band_row")


def test_what_a_phase_did_not_change_is_listed_once_with_why():
    rows = pd.concat([sweep_study(place=place) for place in (ARM, "flip_both-dynamic_unseeded-10")])
    frame = audit.build(rows, scenes(), SCALE, {}).frame
    frame = frame[frame["scene"] == "samson"]
    assert (frame["field"] == "patches").sum() == 2
    others = frame[frame["field"] != "patches"].set_index("field")["reason"]
    assert sorted(others.index) == sorted(set(FIELDS["augmentation"]) - {"patches"})
    assert others["recipe"].startswith("no runs in this study: add recipe to `audit: augmentation`")
    assert others["jitter"] == "changes nothing here: the images of this treatment stay as they are"
    assert frame["field"].tolist()[-1] == "patches", "the second place has nothing but what was changed there"


def test_runs_of_the_sweep_that_share_images_are_one_pair():
    place = "crop_50-fixed_unseeded-10"
    frame = audit.build(sweep_study(place=place, number=6, sets=3), scenes(), SCALE, {}).frame
    row = frame.set_index("field").loc["patches"]
    assert row["runs"] == 3
    assert row["trials"] == 6
    assert row["reason"] == "6 pairs of runs, of which those that share images or weights are one"
    values = [float(value) for value in row["run_values"].split()]
    assert np.allclose(values, [0.0215, 0.0225, 0.0235]), "runs r and r + 3 share a set"
    assert pd.isna(row["found_before_low"]), "six runs of three draws are no six trials"


def test_contrastive_training_from_released_is_compared_with_the_audits_own_runs():
    released = contrastive_study(protocol="released", start="audit")
    # One run with the one seed of the released code, of the phase itself: not what the changes start from.
    single = point_rows("table7_average-generalized", BASE[:1] + 1, POINTS["table7_average"], protocol="released",
                        configuration="table7_average")  # fmt: skip
    frame = rows_of(pd.concat([released, single]), protocol="released")
    assert frame.loc["view_axes", "runs"] == 5
    assert frame.loc["view_axes", "difference"] == pytest.approx(0.03)
    assert (frame.loc["view_axes", "before_value"], frame.loc["view_axes", "after_value"]) == ("band_row", "spatial")
    assert "contrastive_unchanged" not in frame.index


def test_all_changes_of_contrastive_training_at_once_stand_below_where_both_were_run():
    both = pd.concat([contrastive_study(), contrastive_study(protocol="released", start="audit")])
    frame = rows_of(both)
    assert frame.loc[TOGETHER, "difference"] == pytest.approx(0.0)
    assert SUM not in frame.index, "most single changes were not run"
    assert TOGETHER not in rows_of(contrastive_study()).index


def test_the_audits_own_unchanged_runs_come_before_the_phases():
    rows = sweep_study(number=3)
    more = sweep_study(number=5)
    own = more[more["phase"] == "augmentation"].assign(phase="audit", setting=f"augmentation_unchanged-{ARM}")
    changed = more[more["phase"] == "audit"]
    frame = audit.build(pd.concat([rows[rows["phase"] == "augmentation"], own, changed]), scenes(), SCALE, {}).frame
    row = frame.set_index("field").loc["patches"]
    assert row["runs"] == 5, "the phase has three"
    assert row["difference"] == pytest.approx(0.022)
    assert "unchanged" not in set(frame["field"].dropna())


def test_matching_compares_two_scores_of_the_same_runs():
    greedy = BASE + np.array([0.0, 0.0, 0.03])
    row = rows_of(pd.concat([arm(BASE), arm(greedy, "baseline_matching")])).loc["matching"]
    assert (row["before_value"], row["after_value"]) == ("optimal", "greedy")
    assert row["difference"] == pytest.approx(0.01)
    assert row["runs"] == 5, "the same initial weights are no reason to leave a run out"


def test_the_papers_scale_is_that_of_each_phase():
    plan = {"epochs": 100, "patches": 250, "learning_rate": 0.003, "patch_size": None, "batch_size": None}
    whole = {"runs": 25, "epochs": 320, "patches": 250, "patch_size": 40, "batch_size": 15, "learning_rate": 0.003}
    scale = {"samson": {**whole, "contrastive": plan, "augmentation": whole}}
    rows = pd.concat([contrastive_study(), sweep_study(number=25, place="crop_50-dynamic_unseeded-90", sets=25)])
    table = audit.build(rows, scenes(), scale, {})
    known = table.frame.dropna(subset=["runs"]).set_index("field")["comparison"]
    assert known[["patches", "view_axes"]].isna().all()
    assert "contrastive training 100 epochs, 250 patches" in table.scale
    few = audit.build(sweep_study(number=25, sets=25), scenes(), scale, {}).frame.set_index("field")
    assert few.loc["patches", "comparison"] == "indicative", "ten images are not ninety"


def test_the_table_survives_its_files(tmp_path):
    table = audit.build(study(), scenes(), SCALE, {})
    write_table(table, tmp_path / "table_audit")
    again = read_table(tmp_path / "table_audit.parquet")
    pd.testing.assert_frame_equal(again.frame, table.frame, check_dtype=False)
    assert table.n == "Samson (real), from described, baseline: 4 to 5 pairs"
    assert table.scale == "baseline 80 epochs, 250 patches of 40 x 40 pixels"
    assert "elementwise" in markdown_text(table)
    assert latex_text(table).isascii()
