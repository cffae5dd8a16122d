"""Intervals over clusters: those of a mean where clusters are alike, wider where values repeat within them."""

import numpy as np
import pytest

from unmixing.errors import UnmixingError
from unmixing.semantic.cluster_intervals import cluster_interval, cluster_sums, ratio, root_difference, root_interval
from unmixing.statistics import mean_interval


def one_each(values):
    return np.column_stack([values, np.ones(len(values))])


def test_clusters_of_one_have_the_interval_of_the_mean():
    values = np.random.default_rng(0).normal(1, 0.3, 12)
    mine, known = cluster_interval(one_each(values), ratio), mean_interval(values)
    assert (mine.low, mine.high) == pytest.approx((known.low, known.high))
    assert (mine.method, mine.n) == ("student_t", 12)


def test_many_clusters_are_bootstrapped():
    values = np.random.default_rng(1).exponential(1, 60)
    mine, known = cluster_interval(one_each(values), ratio), mean_interval(values)
    assert mine.method == "bca"
    assert (mine.low, mine.high) == pytest.approx((known.low, known.high), abs=0.03)


def test_repeating_a_value_within_its_cluster_adds_no_certainty():
    values = np.random.default_rng(2).normal(0, 1, 10)
    clusters = np.repeat(np.arange(10), 50)
    once = cluster_interval(one_each(values), ratio)
    often = cluster_interval(cluster_sums(one_each(np.repeat(values, 50)), clusters), ratio)
    assert (often.low, often.high) == pytest.approx((once.low, once.high))


def test_fewer_than_five_clusters_have_no_interval():
    assert cluster_interval(one_each(np.arange(4.0)), ratio) is None
    assert root_interval(one_each(np.arange(4.0))) is None


def test_a_root_is_never_below_zero():
    found = root_interval(one_each(np.array([0.0, 0.0, 0.0, 0.0, 9.0])))
    assert found.low == 0
    assert found.estimate == pytest.approx(np.sqrt(9 / 5))


def test_the_difference_of_two_roots_has_its_sign():
    sums = np.column_stack([np.full(6, 4.0), np.full(6, 1.0), np.ones(6)])
    found = cluster_interval(sums, root_difference)
    assert (found.estimate, found.low, found.high) == pytest.approx((1, 1, 1))


def test_sums_that_are_no_numbers_are_refused():
    with pytest.raises(UnmixingError, match="finite numbers"):
        cluster_interval(np.array([[np.nan, 1.0]] * 6), ratio)
