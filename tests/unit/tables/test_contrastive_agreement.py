"""Rank agreement with the published sheet: known correlations, the ceiling, and verdicts."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from unmixing.published.released_grid import FACTORS, agreement_points
from unmixing.tables.contrastive_agreement import build, ceiling, compare_ranks, spearman, verdict
from unmixing.tables.writing import read_table, write_table

from .contrastive_frames import point_rows
from .frames import scene, scenes


def rows_of(values, *, lost=(), protocol="released"):
    """Runs of the sixteen configurations: values (16, seeds)."""
    parts = []
    for place, point in enumerate(agreement_points().to_dict("records")):
        own = {"loss": "generalized", **{name: point[name] for name in FACTORS}}
        sad = [[value - 0.01, value, value + 0.01] for value in values[place]]
        status = tuple("diverged" if (place, run) in lost else "ok" for run in range(len(sad)))
        parts.append(
            point_rows(f"agreement-{place}", sad, own, group="agreement", protocol=protocol, status=status, epochs=100)
        )
    return pd.concat(parts, ignore_index=True)


def frame_of(rows):
    return build(rows, scenes(), {}, {}).frame


PUBLISHED = agreement_points()["released_sad"].to_numpy()


def test_the_same_ranks_correlate_perfectly_whatever_the_values():
    frame = frame_of(rows_of(np.stack([np.sqrt(PUBLISHED), PUBLISHED**2, PUBLISHED], axis=1)))
    row = frame.iloc[0]
    assert (row["correlation"], row["ceiling"], row["seed_to_seed"]) == pytest.approx((1, 1, 1))
    assert row["shortfall"] == pytest.approx(0)
    assert row["disattenuated"] == pytest.approx(1)
    assert (row["what"], row["runs"]) == ("all: 16 of 16 compared", 3)
    details = frame.iloc[1:]
    assert details["our_place"].tolist() == details["published_place"].tolist() == list(range(1, 17))


def test_reversed_ranks_correlate_negatively_while_seeds_agree():
    row = frame_of(rows_of(np.stack([1 - PUBLISHED, 1.1 - PUBLISHED], axis=1))).iloc[0]
    assert row["correlation"] == pytest.approx(-1)
    assert row["ceiling"] == pytest.approx(1)


def test_spearman_is_scipys_with_ties_and_along_the_last_axis():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 5, (3, 12)).astype(float), rng.normal(size=(3, 12))
    expected = [stats.spearmanr(one, other).statistic for one, other in zip(first, second, strict=True)]
    assert spearman(first, second) == pytest.approx(expected)
    assert np.isnan(spearman(np.ones(5), np.arange(5.0)))


def test_the_ceiling_is_one_seed_against_the_mean_of_the_others():
    seeds = np.random.default_rng(1).normal(size=(10, 3))
    expected = np.mean(
        [stats.spearmanr(seeds[:, s], np.delete(seeds, s, axis=1).mean(axis=1)).statistic for s in range(3)]
    )
    assert ceiling(seeds) == pytest.approx(expected)
    assert ceiling(np.stack([seeds, seeds]))[1] == pytest.approx(expected)


def test_the_intervals_hold_the_estimates_and_repeat():
    rng = np.random.default_rng(2)
    truth = rng.normal(size=16)
    seeds = truth[:, None] + 0.5 * rng.normal(size=(16, 3))
    found = compare_ranks(truth + 0.5 * rng.normal(size=16), seeds)
    for name in ("correlation", "ceiling", "shortfall"):
        assert found[f"{name}_low"] < found[name] < found[f"{name}_high"]
    assert found["disattenuated"] > found["correlation"]
    assert compare_ranks(truth, seeds) == compare_ranks(truth, seeds)
    # Spearman-Brown: three runs together are more reliable than one.
    single = found["seed_to_seed"]
    assert found["disattenuated"] == pytest.approx(
        found["correlation"] / np.sqrt(single * 3 * single / (1 + 2 * single))
    )


def test_one_seed_has_a_correlation_and_no_ceiling():
    found = compare_ranks(PUBLISHED, PUBLISHED[:, None] + np.random.default_rng(3).normal(0, 0.02, (16, 1)))
    assert "ceiling" not in found
    assert "seeds" not in found["verdict"]


def test_a_configuration_without_all_seeds_leaves_the_comparison():
    row = frame_of(rows_of(np.stack([PUBLISHED] * 2, axis=1), lost=[(3, 1)])).iloc[0]
    assert row["what"] == "all: 15 of 16 compared"
    few = [(place, run) for place in range(13) for run in range(2)]
    assert "fewer than 5" in frame_of(rows_of(np.stack([PUBLISHED] * 2, axis=1), lost=few)).iloc[0]["reason"]


def test_verdicts_follow_the_intervals():
    clear = {"correlation_low": 0.3, "correlation_high": 0.9, "shortfall_low": -0.2, "shortfall_high": 0.1}
    assert verdict(clear).startswith("ranks agree with the published sheet; not distinguishable")
    assert verdict(clear | {"shortfall_high": -0.05}).endswith("less than our seeds agree with each other")
    assert verdict(clear | {"correlation_low": -0.1}).startswith("inconclusive")
    assert verdict({}) == "no interval: the agreement cannot be judged"


@pytest.mark.parametrize("rows", [pd.DataFrame(), rows_of(np.stack([PUBLISHED] * 2, axis=1))])
def test_types_survive_the_file_and_nothing_is_one_row(rows, tmp_path):
    table = build(rows, [scene("samson"), scene("urban4")], {}, {})
    pd.testing.assert_frame_equal(read_table(write_table(table, tmp_path / "t")[0]).frame, table.frame)
    if rows.empty:
        assert len(table.frame) == 1
        assert "contrastive: agreement: scenes" in table.frame["reason"].iloc[0]
    assert (table.frame["scene"] == "samson").all()
