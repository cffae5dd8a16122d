"""The table of claims: a rule or a reason for every claim, and rules whose answers are known by hand."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest

from unmixing.errors import UnmixingError
from unmixing.published.claims import paper_claims
from unmixing.tables import prose_claims
from unmixing.tables.prose_claims_evidence import RULES, Evidence, own_protocol, rule
from unmixing.tables.prose_claims_findings import (
    INDICATIVE,
    VERDICTS,
    Finding,
    Measured,
    against_bound,
    beyond,
    decide,
    side_of,
)
from unmixing.tables.writing import read_table, write_table

from .contrastive_frames import configuration, curves, heads
from .frames import classical, runs, scene, scenes
from .sweep_frames import shifted, sweep

SCALE = {"samson": {"runs": 5, "epochs": 80, "patches": 250, "patch_size": 40}}
CONTRASTIVE = {"samson": {"contrastive": {"epochs": 100, "patches": 250, "learning_rate": 0.003}}}


def answer(name, rows=None, **more) -> Finding:
    evidence = Evidence(pd.DataFrame() if rows is None else rows, scenes(), more.pop("scale", SCALE), **more)
    return RULES[name](evidence)


def test_every_rule_of_a_claim_exists_and_every_rule_decides_a_claim():
    named = {claim["rule"] for claim in paper_claims()} - {""}
    assert named == set(RULES)
    assert all(prose_claims.rule_of(claim) is not None or claim["reason"] for claim in paper_claims())


def test_a_claim_without_rule_or_reason_is_refused():
    with pytest.raises(UnmixingError, match="claim X1 has neither a rule nor a reason"):
        prose_claims.rule_of({"id": "X1", "rule": "", "reason": ""})
    with pytest.raises(UnmixingError, match="names the rule 'no_such_rule'"):
        prose_claims.rule_of({"id": "X1", "rule": "no_such_rule", "reason": ""})
    with pytest.raises(UnmixingError, match="two rules are called best_head"):
        rule("best_head")(RULES["best_head"])


def test_without_any_rows_every_claim_still_has_a_verdict_and_words(tmp_path):
    table = prose_claims.build(pd.DataFrame(), scenes(), {}, {"commit": "0123abc"})
    frame = table.frame
    assert len(frame) == len(paper_claims())
    assert set(frame["verdict"]) <= set(VERDICTS), "nothing measured, nothing indicative"
    assert frame["sentence"].str.len().gt(10).all()
    assert (frame["number"].notna() | (frame["verdict"] == "not tested") | (frame["basis"] == "text")).all()
    assert not frame["sentence"].str.contains(r"\b(?:nan|None|NA)\b").any()
    write_table(table, tmp_path / "table_prose_claims")
    pd.testing.assert_frame_equal(read_table(tmp_path / "table_prose_claims.parquet").frame, frame, check_dtype=False)


@pytest.mark.parametrize(
    ("name", "verdict", "number", "n"),
    [
        ("three_beat_baseline", "contradicted", 14, 18),
        ("three_are_steadier", "holds", 16, 18),
        ("blur_on_three_scenes", "contradicted", 1, 3),
        ("crop_blur_gains", "contradicted", 5, 6),
        ("crop_blur_gains_most", "contradicted", 1, 3),
        ("crop_jitter_blur_gains", "holds", 5, 6),
        ("crop_jitter_blur_varies", "holds", 4, 6),
        ("all_configurations_improve", "contradicted", 1, 6),
        ("third_endmember_of_samson", "contradicted", 1, 3),
        ("first_and_third_of_urban4", "contradicted", 1, 6),
        ("comparable_in_some_cases", "holds", 2, 6),
        ("not_below_baseline", "holds", 5, 6),
        ("larger_batches", "contradicted", 2, 3),
        ("tuned_is_best", "holds", 2, 2),
        ("carries_over_badly", "holds", 2, 2),
    ],
)
def test_what_the_papers_own_tables_decide(name, verdict, number, n):
    found = answer(name)
    assert (found.verdict, found.number, found.n) == (verdict, number, n)
    assert found.basis == "printed"
    assert found.printed == verdict, "printed numbers are not indicative"


def test_the_configuration_called_best_is_the_fourth():
    found = answer("average_is_lowest")
    assert (found.verdict, found.number, found.n, found.basis) == ("contradicted", 4, 1280, "text")


def test_released_sheets_decide_where_they_are_at_hand(reference_folder):
    sheets = prose_claims.read_sheets(reference_folder)
    assert set(sheets) == {"sweep", "grid"}
    lowest = answer("average_is_lowest", sheets=sheets)
    assert (lowest.verdict, lowest.number, lowest.basis) == ("contradicted", 4, "released sheet")
    failing = answer("three_are_best", sheets=sheets)
    assert (failing.verdict, failing.number, failing.n) == ("contradicted", 3, 4)
    assert "Urban6, Blur (sigma = 0.1, 1.0): 8 of 18" in failing.sentence
    assert answer("complete_results", sheets=sheets).number == 324
    assert answer("three_rank_first", sheets=sheets).number == 2
    assert prose_claims.read_sheets(None) == {}


# Deciding


@pytest.mark.parametrize(
    ("sides", "claim", "overall", "every", "any_one"),
    [
        (["better"], "better", "holds", "holds", "holds"),
        (["worse"], "better", "contradicted", "contradicted", "contradicted"),
        (["same"], "better", "not borne out", "not borne out", "not borne out"),
        (["same"], "same", "holds", "holds", "holds"),
        (["untested"], "better", "inconclusive", "inconclusive", "inconclusive"),
        (["better", "undecided"], "better", "holds", "inconclusive", "holds"),
        (["better", "worse"], "better", "inconclusive", "contradicted", "holds"),
        (["better", "same"], "better", "inconclusive", "not borne out", "holds"),
        (["same", "worse"], "better", "inconclusive", "contradicted", "not borne out"),
        (["undecided", "worse"], "better", "contradicted", "contradicted", "inconclusive"),
    ],
)
def test_scenes_decide_together(sides, claim, overall, every, any_one):
    found = [Measured(f"scene {place}", side, 0.1 * place) for place, side in enumerate(sides)]
    asked = partial(decide, found, claim)
    assert (asked().verdict, asked("all").verdict, asked("any").verdict) == (overall, every, any_one)
    assert asked().sentence.startswith("scenes differ: ") == (len(set(sides) - {"undecided", "untested"}) > 1)


def test_the_deciding_number_is_that_of_the_scene_that_decides():
    found = [Measured("Samson", "better", -0.02), Measured("Urban4", "worse", 0.03, low=0.01, high=0.05)]
    decided = decide(found, "better", "all")
    assert (decided.number, decided.low, decided.high) == (0.03, 0.01, 0.05)
    assert decide(found, "better", "any").number == -0.02


def test_nothing_is_decided_by_nothing():
    with pytest.raises(UnmixingError, match="cannot be decided without a number"):
        decide([], "better")


@pytest.mark.parametrize(
    ("bounds", "side", "against", "unchanged"),
    [
        ((-0.02, -0.011), "better", "same", "better"),
        ((-0.02, -0.01), "better", "same", "undecided"),
        ((-0.01, 0.01), "undecided", "same", "same"),
        ((0.0, 0.02), "undecided", "undecided", "undecided"),
        ((0.001, 0.02), "worse", "undecided", "undecided"),
        ((0.011, 0.02), "worse", "worse", "worse"),
        ((None, None), "untested", "untested", "untested"),
    ],
)
def test_sides_of_an_interval(bounds, side, against, unchanged):
    assert side_of(*bounds) == side
    assert side_of(*bounds, smaller_is_better=False) == {"better": "worse", "worse": "better"}.get(side, side)
    assert against_bound(bounds, 0.01) == against
    assert beyond(bounds, 0.01) == unchanged


def test_only_measured_numbers_at_another_scale_are_indicative():
    assert Finding("holds", "").printed == INDICATIVE + "holds"
    assert Finding("holds", "", same_scale=True).printed == "holds"
    assert Finding("holds", "", basis="printed").printed == "holds"
    assert Finding("not tested", "").printed == "not tested"


def test_described_comes_first_and_released_where_it_is_alone():
    both = pd.concat([runs(), runs(protocol="released")])
    assert set(own_protocol(both)["protocol"]) == {"described"}
    assert set(own_protocol(runs(protocol="released"))["protocol"]) == {"released"}
    assert own_protocol(pd.DataFrame()).empty


# Runs


@pytest.mark.parametrize(("offset", "verdict"), [(-0.02, "holds"), (0.02, "contradicted"), (0.0, "not borne out")])
def test_the_contrastive_term_is_judged_against_the_training_without_it(offset, verdict):
    rows = configuration("table7_average", {"generalized": offset, "lambda_1": 0.0, "permuted": 0.0}, number=6)
    evidence = Evidence(rows, scenes(), CONTRASTIVE)
    found = RULES["term_benefit"](evidence)
    assert found.verdict == verdict
    assert found.number == pytest.approx(offset, abs=0.002)
    assert (found.n, found.unit) == (6, "rad")
    assert found.low < offset < found.high or abs(offset) < 0.002
    assert found.printed == verdict, "at the paper's scale"
    assert RULES["labels_help"](evidence).verdict == verdict
    inconsistent = {"holds": "inconclusive", "contradicted": "holds", "not borne out": "holds"}
    assert RULES["term_inconsistent"](evidence).verdict == inconsistent[verdict]


def test_a_claim_about_training_of_another_length_is_indicative():
    rows = configuration("table7_average", {"generalized": -0.02, "lambda_1": 0.0}).assign(epochs=20)
    assert answer("term_benefit", rows, scale=CONTRASTIVE).printed == "indicative: holds"


def test_training_with_the_references_is_no_self_supervision():
    found = answer("labels_without_truth", configuration("table7_average", {"generalized": 0, "stage1": 0}, number=3))
    assert (found.verdict, found.number, found.n) == ("contradicted", 3, 3)
    assert answer("labels_without_truth").verdict == "contradicted"


def test_a_configuration_is_best_only_if_it_beats_both_others_with_fresh_seeds():
    def rows(**offsets):
        return pd.concat([configuration(name, {"generalized": offset}) for name, offset in offsets.items()])

    best = rows(table7_samson=-0.02, table7_average=0, table7_urban4=0.01)
    assert answer("best_on_samson", best).verdict == "holds"
    assert answer("best_on_samson", best).basis == "measured"
    half = rows(table7_samson=0.005, table7_average=0, table7_urban4=0.02)
    assert answer("best_on_samson", half).verdict == "contradicted"
    assert answer("carries_over_badly", half).verdict == "holds"
    assert answer("hyperparameters_matter", best).number == pytest.approx(-0.03, abs=0.003)
    assert answer("best_on_urban4", best).basis == "printed", "no runs on Urban4"


def test_the_reconstruction_may_get_a_little_worse_and_not_more():
    rows = configuration("table7_average", {"generalized": 0.0, "lambda_1": 0.0})
    own = rows["variant"] == "generalized"
    for change, verdict in ((0.001, "holds"), (0.02, "contradicted"), (-0.02, "holds")):
        moved = rows.assign(reconstruction_angle_rad=0.1 + rows["run"] * 0.001 + np.where(own, change, 0.0))
        assert answer("reconstruction_kept", moved).verdict == verdict, change


@pytest.mark.parametrize(
    ("offsets", "verdicts"),
    [
        (
            {"skip": 0.02, "bottleneck": 0.02, "deeper": 0.02, "low_dimensional": 0.02, "identity": 0.02},
            {"best_head": "holds", "head_skip": "holds", "head_bottleneck": "holds", "head_needed": "holds"},
        ),
        (
            {"skip": -0.02, "bottleneck": -0.02, "deeper": 0.0, "low_dimensional": 0.0, "identity": 0.0},
            {
                "best_head": "contradicted",
                "head_skip": "contradicted",
                "head_bottleneck": "contradicted",
                "head_needed": "not borne out",
                "complexity_of_heads": "contradicted",
                "heads_matter": "holds",
            },
        ),
    ],
)
def test_section_5_4_by_the_heads(offsets, verdicts):
    rows = heads({"baseline": 0.0, **offsets}, number=8)
    evidence = Evidence(rows, scenes(), SCALE)
    assert {name: RULES[name](evidence).verdict for name in verdicts} == verdicts


def test_the_sweeps_claims_follow_its_contrasts():
    rows = sweep(
        {
            "control_identity": shifted(0),
            "blur_1": shifted(0.02),
            "crop_blur": shifted(0.02),
            "crop_jitter_blur": shifted(0.02),
            "flip_vertical": shifted(-0.02),
            "flip_horizontal": shifted(-0.02),
            "flip_random": shifted(-0.02),
        },
        number=6,
        image_sets=6,
        initialisations=6,
    )
    evidence = Evidence(rows, scenes(), SCALE)
    found = {
        name: RULES[name](evidence)
        for name in ("reported_three_help", "blur_and_crops_help", "flips_harm", "some_harm")
    }
    assert {name: one.verdict for name, one in found.items()} == {
        "reported_three_help": "contradicted",
        "blur_and_crops_help": "contradicted",
        "flips_harm": "contradicted",
        "some_harm": "holds",
    }
    assert found["reported_three_help"].number == pytest.approx(0.02)
    assert found["reported_three_help"].printed == INDICATIVE + "contradicted"


def test_reliable_is_more_than_half_of_the_runs():
    found_all = np.full((8, 3), 0.05)
    assert answer("baseline_reliable", runs(sad=found_all)).verdict == "holds"
    lost = np.array([[0.05, 0.05, 0.3]] * 8)
    assert answer("baseline_reliable", runs(sad=lost)).verdict == "contradicted"
    assert answer("baseline_reliable", runs(sad=lost[:3])).verdict == "inconclusive"


def test_the_baseline_is_competitive_if_it_beats_every_method_without_training():
    sad = np.random.default_rng(0).normal(0.05, 0.002, (6, 3))
    slower = classical(vca_fcls=[[0.1, 0.1, 0.1]] * 2, nmf=[[0.2, 0.2, 0.2]] * 2)
    found = answer("baseline_competitive", pd.concat([runs(sad=sad), slower]))
    assert (found.verdict, found.n) == ("holds", 6)
    assert found.number == pytest.approx(sad.mean() - 0.1, abs=1e-6)
    better = classical(vca_fcls=[[0.01, 0.01, 0.01]] * 2)
    assert answer("baseline_competitive", pd.concat([runs(sad=sad), better])).verdict == "contradicted"


def test_curves_say_whether_embeddings_collapse_and_views_come_together():
    rows = configuration("table7_average", {"generalized": 0.0, "lambda_1": 0.0})
    high = {"mean_cosine": 0.999, "positive_minus_negative": 0.0, "sad": 0.1}
    low = {"mean_cosine": 0.2, "positive_minus_negative": 0.4, "sad": 0.1}
    both = pd.concat(
        [curves("table7_average-generalized", high, number=6), curves("table7_average-lambda_1", low, number=6)]
    )
    assert answer("latent_structure", rows, curves=both).verdict == "contradicted"
    assert answer("views_apart", rows, curves=both).verdict == "contradicted"
    turned = pd.concat(
        [curves("table7_average-generalized", low, number=6), curves("table7_average-lambda_1", high, number=6)]
    )
    assert answer("views_apart", rows, curves=turned).verdict == "holds"
    assert answer("latent_structure", rows, curves=turned).verdict == "inconclusive"
    assert answer("views_apart", rows).verdict == "not tested"


def test_a_fast_fall_has_most_of_its_decline_in_the_first_fifth():
    epochs = np.arange(1, 21)

    def frame(values):
        place = {"phase": "contrastive", "protocol": "described", "scene": "samson", "setting": "a"}
        return pd.concat([pd.DataFrame({**place, "run": run, "epoch": epochs, "sad": values}) for run in range(5)])

    assert answer("falls_fast", curves=frame(np.exp(-epochs))).verdict == "holds"
    assert answer("falls_fast", curves=frame(1 - epochs / 40)).verdict == "contradicted"
    assert answer("falls_fast", curves=frame(1 - epochs / 40).query("epoch < 5")).verdict == "not tested"


def test_costs_below_a_tenth_are_no_more():
    plain = runs(sad=np.full((5, 3), 0.05)).assign(seconds=10.0)
    # Patches of 40 pixels, 80 epochs; those of table7_average have 32, 100 epochs, two views.
    pixels = (32 / 40) ** 2 * 100 / 80
    scale = {"samson": {**SCALE["samson"], "contrastive": {"epochs": 100, "patches": 250}}}
    for factor, verdict in ((2.0, "holds"), (1.05, "not borne out"), (0.5, "contradicted")):
        rows = pd.concat([plain, configuration("table7_average", number=5).assign(seconds=10.0 * pixels * factor)])
        found = answer("time_ratio", rows, scale=scale)
        assert (found.verdict, found.number) == (verdict, pytest.approx(factor))


def test_the_scorecards_verdicts_decide_the_tables_as_a_whole():
    full = {"samson": {"epochs": 320, "patches": 250, "patch_size": 40, "batch_size": 15, "learning_rate": 0.003}}
    near = 0.0654 + 0.0005 * np.linspace(-1, 1, 6)[:, None] + np.zeros((6, 3))
    found = answer("table_3_reproduces", runs(sad=near, epochs=320), scale=full)
    assert (found.printed, found.number, found.n) == ("holds", 1, 1)
    far = answer("table_3_reproduces", runs(sad=near + 0.1, epochs=320), scale=full)
    assert far.printed == "contradicted"
    assert answer("table_6_reproduces", runs(sad=near, epochs=320), scale=full).verdict == "not tested", (
        "its baseline rows are Table 3's"
    )


def test_the_first_note_counts_the_verdicts_of_each_paper():
    records = [
        {"study": "contrastive", "verdict": "holds"},
        {"study": "contrastive", "verdict": "indicative: holds"},
        {"study": "clip_unmixrs", "verdict": "not tested"},
    ]
    note = prose_claims.counts_note(records)
    assert note == "Contrastive study, 2 claims: 2 holds (1 indicative). CLIP-UnmixRS, 1 claims: 1 not tested."


def test_titles_of_scenes_name_the_place_of_a_number():
    listed = [scene("samson", title="A <b>scene</b>")]
    found = RULES["term_benefit"](Evidence(configuration("table7_average"), listed, CONTRASTIVE))
    assert "A <b>scene</b>" in found.sentence
