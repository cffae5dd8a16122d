"""Statistics against hand calculations, SciPy's and statsmodels' own answers, and simulation."""

import math
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import DescrStatsW

from unmixing import statistics
from unmixing.errors import UnmixingError

NORMAL_30 = np.random.default_rng(3).normal(0.1, 0.02, 30)


# --- intervals --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 3, 4])
def test_below_five_runs_there_is_no_interval_and_no_test(n):
    values = np.linspace(0.1, 0.2, n)
    assert statistics.mean_interval(values) is None
    assert statistics.rate_interval(1, n) is None
    assert statistics.rank_correlation(values, values) is None
    comparison = statistics.paired_comparison(values, values[::-1])
    assert (comparison.interval, comparison.p_value, comparison.detectable) == (None, None, None)
    assert statistics.equivalence(values, 0.01) == ("untested", None)


def test_student_t_by_hand():
    # Mean 3, deviation sqrt(2.5), t(.975, 4) = 2.7764.
    interval = statistics.mean_interval([1, 2, 3, 4, 5])
    assert interval is not None
    half = 2.7764451 * math.sqrt(2.5 / 5)
    assert (interval.method, interval.n, interval.level, interval.estimate) == ("student_t", 5, 0.95, 3)
    assert [interval.low, interval.high] == pytest.approx([3 - half, 3 + half])


@pytest.mark.parametrize(("n", "method"), [(5, "student_t"), (24, "student_t"), (25, "bca"), (30, "bca")])
def test_method_follows_the_number_of_runs(n, method):
    interval = statistics.mean_interval(NORMAL_30[:n])
    assert interval is not None
    assert interval.method == method
    assert interval.low < interval.estimate < interval.high


def test_bca_is_scipys_and_repeats():
    first, second = (statistics.mean_interval(NORMAL_30) for _ in range(2))
    assert first == second
    assert first is not None
    other = stats.bootstrap(
        (NORMAL_30,), np.mean, n_resamples=9999, method="BCa", rng=np.random.default_rng(1)
    ).confidence_interval
    assert [first.low, first.high] == pytest.approx([other.low, other.high], abs=4e-4)
    given = statistics.mean_interval(NORMAL_30, rng=np.random.default_rng(1))
    assert given is not None
    assert given != first


@pytest.mark.parametrize("n", [5, 30])
def test_equal_runs_have_an_interval_of_width_zero(n):
    interval = statistics.mean_interval(np.full(n, 0.25))
    assert interval is not None
    assert (interval.low, interval.high, interval.method) == (0.25, 0.25, "student_t")


def test_wilson_by_hand():
    # Centre (p + z^2/2n) / (1 + z^2/n) with p = .8, n = 10.
    z = 1.959964
    interval = statistics.rate_interval(8, 10)
    assert interval is not None
    centre = (0.8 + z**2 / 20) / (1 + z**2 / 10)
    half = z / (1 + z**2 / 10) * math.sqrt(0.8 * 0.2 / 10 + z**2 / 400)
    assert [interval.low, interval.high] == pytest.approx([centre - half, centre + half], abs=1e-6)
    assert interval.estimate == 0.8


def test_wilson_at_the_ends_is_not_certain():
    none, all_runs = statistics.rate_interval(0, 5), statistics.rate_interval(5, 5)
    assert none is not None
    assert all_runs is not None
    assert none.low == pytest.approx(0, abs=1e-12)
    assert none.high == pytest.approx(0.43448, abs=1e-5)
    assert all_runs.low == pytest.approx(1 - none.high)


# --- spreads ----------------------------------------------------------------------------------------------


def test_two_standard_deviations_that_differ():
    # Endmember 1 goes up as endmember 2 goes down: each varies, their mean does not.
    opposed = statistics.standard_deviations([[1, 3], [3, 1]])
    assert (opposed.paper, opposed.run_means) == (1, 0)
    together = statistics.standard_deviations([[1, 1], [3, 3]])
    assert together.paper == 1
    assert together.run_means == pytest.approx(math.sqrt(2))


def test_the_papers_deviation_is_an_upper_bound():
    sad = np.random.default_rng(0).gamma(2, 0.05, size=(200, 25, 4))
    for cell in sad:
        spread = statistics.standard_deviations(cell)
        assert cell.mean(axis=1).std() <= spread.paper
        assert spread.paper == pytest.approx(np.std(cell, axis=0).mean())


def test_one_run_has_no_sample_deviation():
    spread = statistics.standard_deviations([[0.1, 0.2]])
    assert spread.paper == 0
    assert math.isnan(spread.run_means)


# --- comparisons ------------------------------------------------------------------------------------------


def test_paired_comparison_is_scipys_paired_test():
    rng = np.random.default_rng(0)
    shared = rng.normal(size=12)
    first, second = shared + 0.3 * rng.normal(size=12), shared + 0.3 * rng.normal(size=12) - 0.2
    comparison = statistics.paired_comparison(first, second)
    expected = stats.ttest_rel(first, second)
    bounds = expected.confidence_interval(0.95)
    assert comparison.interval is not None
    assert comparison.p_value == pytest.approx(expected.pvalue)
    assert [comparison.interval.low, comparison.interval.high] == pytest.approx([bounds.low, bounds.high])
    assert comparison.correlation == pytest.approx(stats.pearsonr(first, second).statistic)
    separate = first.var(ddof=1) + second.var(ddof=1)
    assert comparison.variance_saved == pytest.approx(1 - (first - second).var(ddof=1) / separate)
    assert comparison.detectable == pytest.approx(
        TTestPower().solve_power(nobs=12, alpha=0.05, power=0.8) * (first - second).std(ddof=1), rel=1e-6
    )


def test_a_constant_shift_is_certain():
    first = np.array([0.1, 0.2, 0.3, 0.25, 0.5])
    comparison = statistics.paired_comparison(first + 0.5, first + 0.25)
    assert comparison.p_value == pytest.approx(0, abs=1e-12)
    assert comparison.correlation == pytest.approx(1)
    assert comparison.variance_saved == pytest.approx(1)
    same = statistics.paired_comparison(first, first)
    assert (same.difference, same.p_value, same.detectable) == (0, 1, 0)


def test_pairing_that_hurts_is_shown():
    first = np.array([1.0, 2, 3, 4, 5])
    comparison = statistics.paired_comparison(first, first[::-1])
    assert comparison.correlation == pytest.approx(-1)
    assert comparison.variance_saved == pytest.approx(-1)


def test_arms_that_do_not_vary_have_no_correlation():
    comparison = statistics.paired_comparison(np.ones(5), np.arange(5.0))
    assert math.isnan(comparison.correlation)
    assert math.isnan(statistics.paired_comparison(np.ones(5), np.ones(5)).variance_saved)


def test_holm_by_hand():
    adjusted, rejected = statistics.holm([0.01, np.nan, 0.04, 0.03])
    # .01 * 3, then .03 * 2, then the larger of .04 * 1 and what came before.
    assert adjusted == pytest.approx([0.03, np.nan, 0.06, 0.06], nan_ok=True)
    assert rejected.tolist() == [True, False, False, False]
    nothing, none = statistics.holm([np.nan])
    assert np.isnan(nothing).all()
    assert not none.any()


def test_rank_correlation_sees_only_the_order():
    values = np.array([1.0, 2, 3, 4, 5])
    assert statistics.rank_correlation(values, np.exp(values)) == pytest.approx(1)
    assert statistics.rank_correlation(values, -values) == pytest.approx(-1)
    assert statistics.rank_correlation(values, np.ones(5)) is None


@pytest.mark.parametrize("centre", [0.0, 0.003, 0.0045, 0.02])
def test_equivalence_is_the_two_one_sided_tests(centre):
    differences = centre + 0.004 * np.linspace(-1, 1, 12)
    verdict, narrow = statistics.equivalence(differences, 0.005)
    p_value = DescrStatsW(differences).ttost_mean(-0.005, 0.005)[0]
    assert (verdict == "equivalent") == (p_value < 0.05)
    assert narrow is not None
    assert narrow.level == 0.9
    assert (verdict == "different") == (centre == 0.02)


@pytest.mark.parametrize(("published", "margin"), [(0.0428, 0.005), (0.05, 0.005), (0.1841, 0.01841)])
def test_margin_of_a_reproduction(published, margin):
    assert statistics.reproduction_margin(published) == pytest.approx(margin)


# --- refusals ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: statistics.mean_interval([0.1] * 5 + [np.nan]), "1 of 6 values are not finite; leave diverged"),
        (lambda: statistics.mean_interval([]), "1 filled axes"),
        (lambda: statistics.mean_interval(np.ones(5), level=95), "level is 95"),
        (lambda: statistics.rate_interval(6, 5), "6 successes of 5"),
        (lambda: statistics.standard_deviations([1, 2]), "2 filled axes"),
        (lambda: statistics.paired_comparison([1, 2], [1]), "2 and 1 runs cannot be paired"),
        (lambda: statistics.rank_correlation([1, 2], [1]), "2 and 1 values"),
        (lambda: statistics.holm([1.5]), "from 0 to 1"),
        (lambda: statistics.equivalence(np.ones(5), 0), "margin is 0"),
        (lambda: statistics.detectable_difference(1, 1), "1 runs show no difference"),
        (lambda: statistics.detectable_difference(-1, 5), "deviation is -1"),
        (lambda: statistics.detectable_difference(1, 5, design="pairs", correlation=2), "correlation is 2"),
        (lambda: statistics.detectable_difference(1, 5, power=0.01), "power above significance"),
        (lambda: statistics.runs_needed(0, 1), "difference of 0"),
        (lambda: statistics.runs_needed(1e-9, 1), "more than ten million"),
        (lambda: statistics.equivalence_pairs_needed(0.1, 1, true_difference=0.1), "not within"),
        (lambda: statistics.rate_runs_needed(0.5, 0.5), "two different numbers"),
        (lambda: statistics.nested_variance_components([1, 2], {"a": [0]}), "factor a has 1 labels for 2"),
        (lambda: statistics.nested_variance_components([1, 2], {"a": [0, 1]}), "rest has no repetition"),
        (lambda: statistics.nested_variance_components([1, 2], {"a": [0, 0]}), "a has no repetition"),
        (
            lambda: statistics.interval_coverage(statistics.normal_runs(), [3], np.random.default_rng(0)),
            "3 runs have no interval",
        ),
    ],
)
def test_refusals_are_one_line(call, message):
    with pytest.raises(UnmixingError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_importing_costs_neither_scipy_nor_statsmodels():
    code = "import sys, unmixing.statistics; print({'scipy.stats', 'statsmodels'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_interval_of_a_rank_correlation_by_hand():
    half = 1.959964 * math.sqrt((1 + 0.5**2 / 2) / 22)
    low, high = statistics.rank_correlation_interval(0.5, 25)
    assert low == pytest.approx(math.tanh(math.atanh(0.5) - half), abs=1e-6)
    assert high == pytest.approx(math.tanh(math.atanh(0.5) + half), abs=1e-6)
    assert statistics.rank_correlation_interval(0.5, 4) is None
    assert statistics.rank_correlation_interval(1.0, 9) == (1, 1)
    with pytest.raises(UnmixingError, match="correlation is 2"):
        statistics.rank_correlation_interval(2, 9)
