"""The scorecard: every printed number once, verdicts at the paper's scale alone, explanations from measured rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from unmixing.configuration import merge, read_yaml
from unmixing.published import paper_values
from unmixing.tables.contrastive_rows import PAPER_SCALE as CONTRASTIVE_SCALE
from unmixing.tables.run_rows import PAPER_SCALE
from unmixing.tables.scorecard import build, counts_note
from unmixing.tables.scorecard_explanations import UNEXPLAINED, explain, largest
from unmixing.tables.scorecard_scale import differences_of_scale
from unmixing.tables.scorecard_values import comparisons
from unmixing.tables.sweep_rows import PAPER_IMAGES
from unmixing.tables.writing import read_table, write_table

from .contrastive_frames import configuration, search
from .frames import runs, scene, scenes
from .sweep_frames import shifted, sweep
from .test_audit import BASE, arm

ROOT = Path(__file__).parents[3]
BASELINE = {key: value for key, value in PAPER_SCALE.items()}
FULL = {
    "samson": {
        **BASELINE,
        "augmentation": dict(BASELINE),
        "contrastive": {"epochs": 100, "patches": 250, "learning_rate": 0.003},
    }
}


def near(mean, number=6, spread=0.001, endmembers=3, seed=0):
    """Angles of runs whose mean over endmembers scatters little about a mean."""
    own = np.random.default_rng(seed).normal(0, spread, number)
    return mean + (own - own.mean())[:, None] + 0.01 * (np.arange(endmembers) - 1)[None, :]


def frame_of(rows, scale=None, listed=None):
    return build(rows, listed or scenes(), FULL if scale is None else scale, {}).frame


def cell(frame, table, label, what, protocol=None):
    chosen = frame[(frame["table"] == table) & (frame["label"] == label) & (frame["what"] == what)]
    chosen = chosen[chosen["title"] == "Samson"]
    if protocol:
        chosen = chosen[chosen["protocol"] == protocol]
    assert len(chosen) == 1
    return chosen.iloc[0]


@pytest.mark.parametrize("rows", [pd.DataFrame(), runs().iloc[:0], runs("synthetic_easy", kind="synthetic")])
def test_every_printed_number_has_one_row_without_runs(rows):
    frame = frame_of(rows)
    printed = paper_values()
    printed = printed[printed["table"].isin([3, 5, 6, 7]) & printed["value"].notna()]
    assert len(frame) == len(printed) == 111
    assert frame["paper"].tolist() == printed["value"].tolist()
    assert set(frame["verdict"]) == {"not testable here"}
    assert frame["reason"].notna().all()
    assert frame["ours"].isna().all()


def test_verdicts_count_at_the_papers_scale_whatever_the_number_of_runs():
    rows = runs(sad=near(0.0654), epochs=320)
    row = cell(frame_of(rows), 3, "Samson", "average")
    assert (row["verdict"], row["scale"], row["n"]) == ("reproduced", "the paper's", 6)
    assert row["difference"] == pytest.approx(0, abs=1e-12)
    far = cell(frame_of(runs(sad=near(0.2), epochs=320)), 3, "Samson", "average")
    assert far["verdict"] == "contradicted"


@pytest.mark.parametrize(
    ("epochs", "change", "words"),
    [
        (80, {}, "80 epochs, not 320"),
        (320, {"patches": 100}, "100 patches, not 250"),
        (320, {"patch_size": 16}, "patch size 16, not 40"),
        (320, {"batch_size": None}, "batch size not told"),
    ],
)
def test_another_scale_is_indicative_and_says_what_differs(epochs, change, words):
    scale = {"samson": {**FULL["samson"], **change}}
    row = cell(frame_of(runs(sad=near(0.0654), epochs=epochs), scale), 3, "Samson", "average")
    assert row["verdict"] == "indicative: reproduced"
    assert row["scale"] == words
    assert row["comparison"] == "indicative"


def test_below_five_runs_the_differences_are_printed():
    row = cell(frame_of(runs(sad=near(0.09, 3), epochs=320)), 3, "Samson", "average")
    assert row["verdict"] == "inconclusive (n < 5: runs shown)"
    assert pd.isna(row["wide_low"])
    differences = [float(value) for value in row["run_values"].split()]
    assert np.mean(differences) == pytest.approx(row["difference"])
    assert len(differences) == 3


def test_a_crop_stands_beside_no_printed_value():
    crop = scene("urban4_crop", kind="crop", paper=False)
    frame = frame_of(runs("urban4_crop", kind="crop", epochs=320), listed=[*scenes(), crop])
    assert frame["ours"].isna().all()
    assert "urban4_crop" not in set(frame["scene"])


def test_both_protocols_have_rows_of_their_own():
    rows = pd.concat([runs(sad=near(0.0654)), runs(sad=near(0.09), protocol="released")])
    frame = frame_of(rows)
    assert cell(frame, 3, "Samson", "average", "described")["ours"] == pytest.approx(0.0654)
    assert cell(frame, 3, "Samson", "average", "released")["ours"] == pytest.approx(0.09)


def test_deviations_are_shown_the_papers_way_and_not_judged():
    row = cell(frame_of(runs(sad=[[0.04, 0.05, 0.12], [0.06, 0.05, 0.16]], epochs=320)), 3, "Samson", "STD")
    # Population deviations of the endmembers: .01, 0 and .02.
    assert row["ours"] == pytest.approx(0.01)
    assert row["verdict"] == "not judged"
    assert pd.isna(row["margin"])


def test_diverged_runs_leave_no_value():
    frame = frame_of(runs(status=("diverged", "diverged"), epochs=320))
    row = cell(frame, 3, "Samson", "average")
    assert row["verdict"] == "not testable here"
    assert row["reason"] == "all 2 runs diverged"
    assert row["runs"] == 2


def test_repetitions_have_rows_and_are_counted_once():
    rows = runs(sad=near(0.0654), epochs=320)
    frame = frame_of(rows)
    again = cell(frame, 5, "Original Results", "average")
    assert again["repeats"]
    assert again["verdict"] == "reproduced"
    assert cell(frame, 6, "Original Results", "average")["repeats"]
    assert not cell(frame, 6, "Original Results", "E1")["repeats"]
    note = counts_note(comparisons(rows, scenes(), FULL))
    judged = frame[~frame["repeats"] & frame["verdict"].isin(["reproduced", "contradicted", "inconclusive"])]
    assert len(judged) == 4  # Table 3, and the three endmembers of Table 6.
    assert "Of 97 printed numbers, 97 comparisons: at the paper's scale 1 reproduced, 3 contradicted" in note


def test_the_sweep_takes_draws_for_its_sample():
    rows = sweep({"crop_blur": shifted(-0.06)}, number=5, images=90).assign(epochs=320)
    row = cell(frame_of(rows), 5, "Crop + Blur", "average")
    by_regime = rows.groupby(["regime", "run"])["sad_rad"].mean().groupby("regime").mean()
    assert row["ours"] == pytest.approx(by_regime.mean())
    assert (row["n"], row["runs"]) == (5, 15)
    assert row["scale"] == "the paper's"


def test_another_number_of_images_and_a_lacking_regime_are_another_scale():
    rows = sweep({"crop_blur": shifted(0)}, images=10, regimes=("dynamic_unseeded",)).assign(epochs=320)
    row = cell(frame_of(rows), 5, "Crop + Blur", "average")
    assert row["scale"] == "10 images, not 90, 1 regimes, not 3"
    both = pd.concat([rows, sweep({"crop_blur": shifted(0.1)}, images=90).assign(epochs=320)])
    assert cell(frame_of(both), 5, "Crop + Blur", "average")["scale"] == "the paper's"


def test_the_released_sweep_may_stop_early():
    rows = sweep({"crop_blur": shifted(0)}, protocol="released").assign(epochs=150)
    assert cell(frame_of(rows), 5, "Crop + Blur", "average")["scale"] == "the paper's"
    described = sweep({"crop_blur": shifted(0)}).assign(epochs=150)
    assert cell(frame_of(described), 5, "Crop + Blur", "average")["scale"] == "150 epochs, not 320"


def test_table_6_compares_endmember_by_endmember():
    rows = configuration("table7_samson", {"generalized": -0.05})
    frame = frame_of(rows)
    third = cell(frame, 6, "Best SAD (Local)", "E3")
    assert third["ours"] == pytest.approx(rows.loc[rows["endmember"] == 3, "sad_rad"].mean())
    assert third["difference"] == pytest.approx(third["ours"] - 0.0513)
    assert third["scale"] == "the paper's"
    assert cell(frame, 6, "Best SAD (Avg)", "E3")["verdict"] == "not testable here"
    other = rows.assign(patch_size=8)
    assert cell(frame_of(other), 6, "Best SAD (Local)", "E3")["scale"] == "patch size 8, not 16"


def test_table_7_shows_the_first_of_our_trials_and_judges_none():
    frame = frame_of(search({3: (0.09, 0.02), 700: (0.05, 0.05)}))
    chosen = frame[(frame["table"] == 7) & (frame["label"] == "Best SAD (Samson)")].set_index("what")
    from .contrastive_frames import grid_point

    point = grid_point(700)
    assert chosen["ours"].to_dict() == {
        "temperature": point["temperature"],
        "lambda": point["weight"],
        "patch size": point["patch_size"],
        "batch size": point["batch_size"],
        "sigma": point["sigma"],
    }
    assert set(chosen["verdict"]) == {"not judged"}
    both = frame[(frame["table"] == 7) & (frame["label"] == "Best SAD (Avg)")]
    assert set(both["verdict"]) == {"not testable here"}, "no search on Urban4"


def test_the_largest_disagreements_are_averages_in_margins():
    rows = pd.concat(
        [
            runs(sad=near(0.09)),
            runs(sad=near(0.12), protocol="released"),
            configuration("table7_samson", {"generalized": 0}),
        ]
    )
    found = comparisons(rows, scenes(), FULL)
    ranked = largest(found)
    sizes = [abs(one.judgement.margins) for one in ranked]
    assert sizes == sorted(sizes, reverse=True)
    assert {one.what for one in ranked} == {"average"}
    assert [one.ours.protocol for one in ranked[:2]] == ["described", "released"]
    assert ranked[0].table == 6, "the margin of .0444 is smaller"
    assert not any(one.repeats for one in ranked)
    assert not largest(comparisons(runs(sad=near(0.0654)), scenes(), FULL))


def explained(rows, table=3, scale=None):
    found = comparisons(rows, scenes(), FULL if scale is None else scale)
    one = next(
        one
        for one in found
        if one.table == table and one.what == "average" and one.ours.value is not None and not one.repeats
    )
    from unmixing.tables.audit_effects import audited

    return explain(one, found, rows, list(audited(rows, scenes())))


def test_without_any_clue_a_difference_is_unexplained():
    text = explained(runs(sad=near(0.09), epochs=80))
    assert text.startswith(UNEXPLAINED)
    assert "short of the paper's scale: 80 epochs, not 320" in text


def test_a_field_of_the_audit_that_takes_the_difference_away_explains_it():
    start = BASE + 0.03
    away = start.mean() - 0.0654
    rows = pd.concat([arm(start), arm(start - away, "baseline_loss")])
    text = explained(rows)
    assert text.startswith("loss changed alone, from spectral_angle to elementwise_arccos, moves ours by")
    assert "100 % of the difference" in text
    assert UNEXPLAINED not in text
    wrong_way = explained(pd.concat([arm(start), arm(start + away, "baseline_loss")]))
    assert wrong_way.startswith(UNEXPLAINED)


def test_a_clue_below_half_is_named_and_explains_nothing():
    start = BASE + 0.03
    away = start.mean() - 0.0654
    text = explained(pd.concat([arm(start), arm(start - 0.4 * away, "baseline_loss")]))
    assert text.startswith(UNEXPLAINED)
    assert "the nearest clue is too small: loss changed alone" in text


def test_the_other_protocol_can_explain_a_difference():
    rows = pd.concat([runs(sad=near(0.09)), runs(sad=near(0.0664), protocol="released")])
    text = explained(rows)
    assert "under released ours lies +0.0010 rad off (n = 6) (96 % of the difference)" in text
    assert "+0.0010 rad remain unexplained" in text


def test_runs_on_both_sides_of_the_printed_mean_explain_a_mean_of_both_kinds():
    sad = np.array([[0.02, 0.02, 0.02]] * 3 + [[0.02, 0.02, 0.30]] * 3)
    text = explained(runs(sad=sad))
    assert text.startswith("3 of 6 runs find all endmembers and average 0.0200 rad, the others 0.1133")


def test_few_updates_explain_what_the_same_recipe_loses_by_them():
    treated = sweep({"crop_blur": shifted(0.02, 0.001), "control_baseline": shifted(0.02, 0.001)}, images=10)
    own = runs(sad=near(0.04), epochs=400)
    text = explained(pd.concat([own, treated.assign(updates=100)]), table=5)
    assert "the baseline's recipe itself lies +" in text
    assert "with the sweep's 100 updates than with 6800" in text


def test_training_without_the_term_shows_what_the_term_does_not_explain():
    rows = configuration("table7_average", {"generalized": 0.1, "lambda_1": 0.1})
    text = explained(rows, table=6)
    assert "without the contrastive term the same training lies" in text
    assert "not in the term" in text


def test_the_notes_count_and_explain():
    table = build(runs(sad=near(0.09)), scenes(), FULL, {"commit": "0123abc"})
    assert table.notes[0].startswith("Of 97 printed numbers")
    assert table.notes[1].startswith(
        "Largest disagreement 1: Samson, Table 3, Samson (described): ours 0.0900, paper 0.0654"
    )
    explanation = table.frame["explanation"].dropna()
    assert len(explanation) == 1
    assert explanation.iloc[0][1:] in table.notes[1]
    assert table.frame["disagreement"].dropna().tolist() == [1]


@pytest.mark.parametrize("rows", [pd.DataFrame(), runs(sad=near(0.09))])
def test_the_table_survives_its_file(rows, tmp_path):
    table = build(rows, scenes(), FULL, {"commit": "0123abc"})
    write_table(table, tmp_path / "table_scorecard")
    read = read_table(tmp_path / "table_scorecard.parquet")
    pd.testing.assert_frame_equal(read.frame, table.frame, check_dtype=False)
    assert "<table>" in (tmp_path / "table_scorecard.html").read_text(encoding="utf-8")


def test_the_papers_scale_is_that_of_the_study_paper():
    study = merge(read_yaml(ROOT / "config.yaml"), read_yaml(ROOT / "workflow/studies/paper.yaml"))
    for phase in ("baseline", "augmentation"):
        assert {key: study[phase][key] for key in PAPER_SCALE} == PAPER_SCALE, phase
    assert PAPER_IMAGES in study["augmentation"]["images"]
    assert len(study["augmentation"]["regimes"]) == 3
    assert {key: study["contrastive"][key] for key in CONTRASTIVE_SCALE} == CONTRASTIVE_SCALE
    assert study["contrastive"]["patch_size"] is None
    assert study["contrastive"]["batch_size"] is None


def test_differences_of_scale_name_each_key_once():
    paper = {"epochs": 320, "patch_size": 40}
    assert differences_of_scale({"epochs": 320.0, "patch_size": 40}, paper) == ()
    assert differences_of_scale({}, paper) == ("epochs not told", "patch size not told")
    assert differences_of_scale({"epochs": 8, "patch_size": 16, "runs": 3}, paper) == (
        "8 epochs, not 320",
        "patch size 16, not 40",
    )
