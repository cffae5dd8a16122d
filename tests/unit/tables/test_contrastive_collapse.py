"""The table of collapse: last measurements of the curves, the place of the loss, and words."""

import numpy as np
import pandas as pd
import pytest

from unmixing.tables.contrastive_collapse import build, last_values, verdict
from unmixing.tables.writing import read_table, write_table

from .contrastive_frames import configuration, curves, heads
from .frames import scenes

POINT = {
    "mean_cosine": 0.5,
    "effective_rank": 2.0,
    "centred_rank": 1.5,
    "positive_minus_negative": 0.3,
    "zero_share": 0.0,
    "gradient_ratio": 4.0,
    "contrastive": 2.0,
    "equal_similarity": 2.5,
    "floor": 1.5,
    "sad": 0.08,
}
WITHOUT = {name: value for name, value in POINT.items() if name not in ("contrastive", "equal_similarity", "floor")}


def frame_of(rows, known):
    return build(rows, scenes(), {}, {}, curves=known).frame.set_index("setting")


def test_the_last_measurement_of_each_run_counts():
    last = last_values(curves("x", POINT, epochs=12))
    # Embeddings were measured after epochs 10 and 12, gradients in epochs 1 and 11.
    assert last.loc[0, "mean_cosine"] == 0.5
    assert last.loc[0, "gradient_ratio"] == 4.0
    assert last.loc[0, "contrastive"] == 2.0
    assert last["epochs"].tolist() == [12, 12, 12]
    assert last_values(curves("x", {"sad": 0.1})).loc[0, "floor"] != 0


def test_place_and_weighted_ratio_by_hand():
    frame = frame_of(configuration("table7_urban4"), curves("table7_urban4-generalized", POINT))
    row = frame.loc["table7_urban4-generalized"]
    assert row["place"] == pytest.approx((2.0 - 1.5) / (2.5 - 1.5))
    # Lambda .9: a ratio of 4 is weighted by .1 / .9.
    assert row["weighted_ratio"] == pytest.approx(4 / 9)
    assert row["runs"] == 3
    assert row["verdict"] == "not one point"
    assert "no curves" in frame.loc["table7_urban4-lambda_1", "reason"]


def test_runs_are_averaged_and_diverged_ones_left_out():
    known = pd.concat(
        [
            curves("table7_average-generalized", POINT | {"mean_cosine": value}, number=1).assign(run=run)
            for run, value in enumerate((0.2, 0.4, 0.9))
        ]
    )
    rows = configuration(offsets={"generalized": 0.0}, number=3, status=("ok", "ok", "diverged"))
    row = frame_of(rows, known).loc["table7_average-generalized"]
    assert row["mean_cosine"] == pytest.approx(0.3)
    assert (row["runs"], row["cosine_range"]) == (2, "0.200 to 0.400")


def test_without_a_term_its_columns_stay_empty():
    row = frame_of(configuration(), curves("table7_average-lambda_1", WITHOUT)).loc["table7_average-lambda_1"]
    assert row[["contrastive", "floor", "place", "weighted_ratio"]].isna().all()
    assert row["verdict"] == "not one point; no contrastive term"


def test_verdicts_name_collapse_and_a_term_that_can_say_nothing():
    assert verdict(POINT | {"mean_cosine": 0.999}) == "collapsed to one point"
    assert verdict(POINT | {"zero_share": 0.9}) == "collapsed: most embeddings are zero"
    # Sigma 1 at batches of 8: 5.4025 of 5.4161.
    flat = POINT | {"equal_similarity": 5.4161, "floor": 5.4025, "contrastive": 5.41}
    assert verdict(flat).endswith("the term has no range: its target is nearly uniform")
    assert verdict({}) == "embeddings not measured; no contrastive term"


def test_a_floor_at_the_equal_value_has_no_place():
    flat = POINT | {"equal_similarity": 2.0, "floor": 2.0 - 1e-7}
    row = frame_of(configuration(), curves("table7_average-generalized", flat)).loc["table7_average-generalized"]
    assert np.isnan(row["place"])


def test_heads_are_there_and_searches_are_not():
    rows = pd.concat([heads({"skip": 0.0}), configuration(offsets={"generalized": 0.0})])
    known = pd.concat([curves("skip", POINT, phase="heads"), curves("other", POINT)])
    frame = frame_of(rows, known)
    assert frame.loc["skip", "variant_title"] == "head skip"
    assert frame.loc["skip", "mean_cosine"] == 0.5
    assert "other" not in frame.index


@pytest.mark.parametrize("rows", [pd.DataFrame(), configuration(number=2)])
@pytest.mark.parametrize("known", [None, pd.DataFrame(), curves("table7_average-generalized", POINT)])
def test_types_survive_the_file(rows, known, tmp_path):
    table = build(rows, scenes(), {}, {}, curves=known)
    pd.testing.assert_frame_equal(read_table(write_table(table, tmp_path / "t")[0]).frame, table.frame)
    if rows.empty:
        assert table.frame["scene"].is_unique
        assert table.frame["reason"].notna().all()
