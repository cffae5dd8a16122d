"""The table of heads: differences to the baseline head, and whether section 5.4 holds."""

import pandas as pd
import pytest

from unmixing.models.heads import HEADS as KNOWN
from unmixing.models.heads import describe, projection_head
from unmixing.statistics import holm
from unmixing.tables.heads import HEADS, build, holds, over_scenes
from unmixing.tables.writing import markdown_text, read_table, write_table

from .contrastive_frames import configuration, heads
from .frames import scenes

#: As section 5.4 says: the baseline ahead of all.
AS_CLAIMED = {"baseline": 0.0, "low_dimensional": 0.01, "skip": 0.01, "bottleneck": 0.03, "deeper": 0.02}


def frame_of(rows):
    frame = build(rows, scenes(), {}, {}).frame
    return frame[frame["scene"] == "samson"].set_index("head")


def test_every_head_has_its_layers_as_the_models_build_them():
    assert set(HEADS) == set(KNOWN)
    for name, (equation, code) in HEADS.items():
        for variant, said in (("equation", equation), ("code", code)):
            # K is a number in the module; a sum is written with its parts in brackets.
            built = describe(projection_head(name, 7, variant)).replace("ReLU", "R").replace("7", "K")
            words = said.replace("ReLU", "R").replace("(", "").replace(")", "")
            if name == "identity":
                continue
            assert words.replace("Z +", "unchanged +") == built.replace("(", "").replace(")", ""), (name, variant)


def test_differences_to_the_baseline_head_and_their_family():
    frame = frame_of(heads(AS_CLAIMED | {"identity": -0.01}, noise=0.002))
    assert pd.isna(frame.loc["baseline", "paired_difference"])
    others = frame.drop("baseline")
    for head, offset in {**AS_CLAIMED, "identity": -0.01}.items():
        if head != "baseline":
            assert frame.loc[head, "paired_difference"] == pytest.approx(offset, abs=0.004), head
    expected, _ = holm(others["paired_p_value"])
    assert others["paired_p_holm"].to_numpy() == pytest.approx(expected)
    assert (frame["runs"] == 6).all()


def test_exact_offsets_give_exact_differences():
    frame = frame_of(heads({"baseline": 0.0, "skip": -0.015}, noise=0))
    assert frame.loc["skip", "paired_difference"] == pytest.approx(-0.015)
    assert frame.loc["skip", "verdict"] == "contradicted: smaller SAD"
    assert frame.loc["baseline", "verdict"] == "contradicted: smaller SAD with skip"


def test_what_the_paper_says_holds_where_it_does():
    frame = frame_of(heads(AS_CLAIMED | {"identity": 0.02}))
    assert frame.loc["baseline", "verdict"] == "holds: every other head has a larger SAD"
    assert frame.loc["skip", "verdict"] == "holds: larger SAD"
    assert frame.loc["bottleneck", "verdict"] == "holds"
    assert frame.loc["identity", "verdict"] == "holds: larger SAD without a head"


def test_heads_that_do_not_matter_are_not_borne_out():
    frame = frame_of(heads(dict.fromkeys([*AS_CLAIMED, "identity"], 0.0), noise=0.0005))
    assert frame.loc["baseline", "verdict"] == "not borne out: no head makes a difference"
    assert frame.loc["bottleneck", "verdict"] == "not borne out: no difference"
    assert frame.loc["skip", "verdict"] == "holds: no difference"
    assert pd.isna(frame.loc["low_dimensional", "verdict"])


def test_the_identity_is_none_of_the_heads_that_the_baseline_is_best_of():
    findings = {"baseline": None, "skip": "larger SAD", "identity": "smaller SAD"}
    assert holds("baseline", findings).startswith("holds")
    assert holds("baseline", {"baseline": None, "identity": "smaller SAD"}) == "not testable here: no other head"
    assert holds("baseline", {"skip": "inconclusive", "deeper": "larger SAD"}) == "inconclusive"
    assert holds("baseline", {"skip": "untested"}) == "not testable here"


def test_the_training_without_the_term_stands_below_the_heads():
    rows = pd.concat([heads(AS_CLAIMED, noise=0), configuration("table7_average", noise=0)])
    frame = frame_of(rows)
    row = frame.loc["no contrastive term (lambda 1)"]
    assert row["paired_difference"] == pytest.approx(0)
    assert row["uses_truth"] == "matching"
    other = frame_of(pd.concat([heads(AS_CLAIMED), configuration("table7_samson")]))
    assert "no contrastive term (lambda 1)" not in other.index


def test_the_first_note_speaks_over_scenes():
    def record(title, head, verdict):
        return {"title": title, "protocol": "described", "head": head, "verdict": verdict}

    mixed = [record("A", "deeper", "an improvement here"), record("B", "deeper", "worse here")]
    assert "lacked consistency): holds (A an improvement here; B worse here)" in over_scenes(mixed)
    same = [record("A", "deeper", "worse here"), record("B", "deeper", "no difference here")]
    assert "lacked consistency): contradicted" in over_scenes(same)
    assert "needs several scenes" in over_scenes(mixed[:1])
    note = build(heads(AS_CLAIMED), scenes(), {}, {}).notes[0]
    assert "described, bottleneck (exhibited worse results): Samson holds" in note


def test_a_single_released_run_tests_nothing():
    frame = frame_of(heads(AS_CLAIMED, number=1, protocol="released"))
    assert frame.loc["baseline", "verdict"] == "not testable here"
    assert frame.loc["bottleneck", "layers"] == "K → 256 → ReLU → 64 → ReLU → 128"
    assert len(frame.loc["bottleneck", "paired_values"].split()) == 1


@pytest.mark.parametrize("rows", [pd.DataFrame(), configuration(), heads(AS_CLAIMED, number=2)])
def test_types_survive_the_file_and_a_missing_phase_is_told(rows, tmp_path):
    table = build(rows, scenes(), {}, {})
    pd.testing.assert_frame_equal(read_table(write_table(table, tmp_path / "t")[0]).frame, table.frame)
    if not (len(rows) and "heads" in set(rows["phase"])):
        assert table.frame["scene"].is_unique
        assert "contrastive: heads: scenes" in markdown_text(table)
