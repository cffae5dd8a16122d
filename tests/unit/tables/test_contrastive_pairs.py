"""Paired differences of the contrastive phases, by hand."""

import numpy as np
import pytest

from unmixing.statistics import paired_comparison
from unmixing.tables.contrastive_pairs import difference_record, paired
from unmixing.tables.contrastive_rows import run_table

from .contrastive_frames import angles, grid_point, point_rows


def arm(offset, number=6, *, noise=0.0, seed=0, status=(), first_run=0):
    return run_table(
        point_rows(
            "x", angles(offset, number, noise=noise, seed=seed), grid_point(0), status=status, first_run=first_run
        )
    )


def test_a_known_shift_is_recovered_and_pairing_sees_what_runs_share():
    found = paired([arm(-0.01)], [arm(0.0, noise=0.002, seed=1)], "samson")
    own = np.random.default_rng(1).normal(0, 1, 6) * 0.002
    expected = paired_comparison(-0.01 - own, np.zeros(6))
    assert found.sad.difference == pytest.approx(-0.01 - own.mean())
    assert (found.sad.interval.low, found.sad.interval.high) == pytest.approx(
        (expected.interval.low, expected.interval.high)
    )
    assert found.p_value == pytest.approx(expected.p_value)
    assert found.sad.correlation > 0.95
    assert found.means[0] - found.means[1] == pytest.approx(found.sad.difference)
    assert difference_record(found)["paired_n"] == "6 pairs"


def test_only_runs_that_both_arms_have_are_paired():
    found = paired([arm(-0.01, 4, first_run=1)], [arm(0.0, 6)], "samson")
    # Runs 1 to 4 of the first hold what runs 0 to 3 share, so the pairs are runs 1 to 4 all the same.
    assert found.sad.pairs == 4
    assert found.sad.interval is None
    assert found.judged_by == "nothing (n < 5)"
    assert "values" in "".join(difference_record(found))


def test_a_diverged_run_leaves_its_pair_and_is_told():
    found = paired([arm(-0.01, status=("diverged",))], [arm(0.0)], "samson")
    assert found.sad.pairs == 5
    assert found.reason.startswith("1 diverged")
    assert found.trials == (6, 6)


def test_arms_of_several_points_are_averaged_before_they_are_paired():
    found = paired([arm(0.01), arm(0.03)], [arm(0.0), arm(0.0)], "samson")
    assert found.sad.difference == pytest.approx(0.02)
    assert found.sad.pairs == 6
    assert found.trials == (12, 12)


def test_jasper_is_judged_by_its_rate_of_success():
    # Found is below .11.
    lost = run_table(point_rows("x", [[0.05] * 3] * 2 + [[0.05, 0.05, 0.5]] * 8, grid_point(0)))
    kept = run_table(point_rows("x", [[0.1] * 3] * 10, grid_point(0)))
    found = paired([kept], [lost], "jasper_ridge")
    assert found.judged_by == "success rate"
    assert (found.successes, found.trials) == ((10, 2), (10, 10))
    # McNemar's exact test: eight of ten differ, all in one direction.
    assert found.p_value == pytest.approx(2 / 2**8)


def test_what_cannot_be_compared_says_why():
    empty = arm(0.0).iloc[:0]
    assert "no runs" in paired([empty], [arm(0.0)], "samson").reason
    blind = run_table(point_rows("x", [[np.nan] * 3] * 5, grid_point(0)))
    assert "no reference" in paired([blind], [arm(0.0)], "samson").reason
    gone = arm(0.0, 2, status=("diverged", "diverged"))
    found = paired([gone], [arm(0.0, 2)], "samson")
    assert found.sad is None
    assert "no run has numbers" in found.reason
