"""Power, variance components and coverage against published tables, hand calculations and simulation."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestIndPower, TTestPower

from unmixing import statistics

# --- power ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("deviation", "effect", "runs"),
    [(0.0052, 0.005, 18), (0.0052, 0.01, 6), (0.0080, 0.005, 42), (0.0111, 0.01, 21), (0.0395, 0.01, 246)],
)
def test_runs_needed_is_the_smallest_number(deviation, effect, runs):
    assert statistics.runs_needed(effect, deviation) == runs
    assert statistics.detectable_difference(deviation, runs) <= effect
    assert statistics.detectable_difference(deviation, runs - 1) > effect
    solver = TTestIndPower()
    assert solver.power(effect / deviation, runs, 0.05) >= 0.8 > solver.power(effect / deviation, runs - 1, 0.05)


@pytest.mark.parametrize(("n", "effect"), [(3, 0.016), (5, 0.0105), (10, 0.0069), (25, 0.0042)])
def test_detectable_difference_of_samson(n, effect):
    assert statistics.detectable_difference(0.0052, n) == pytest.approx(effect, abs=5e-5)


def test_pairing_and_families_change_the_number_of_runs():
    pairs = [statistics.runs_needed(0.005, 0.0052, design="pairs", correlation=rho) for rho in (0.5, 0.8)]
    assert pairs == [11, 6]
    # Pairs without correlation are differences of sqrt(2) times the deviation.
    assert statistics.runs_needed(0.005, 0.0052, design="pairs") == statistics.runs_needed(
        0.005, 0.0052 * math.sqrt(2), design="differences"
    )
    assert statistics.runs_needed(0.01, 0.0052, comparisons=18) == 11
    assert statistics.runs_needed(1.0, 1.0, design="pairs", correlation=1) == 2
    assert statistics.detectable_difference(1.0, 5, design="pairs", correlation=1) == 0


@pytest.mark.parametrize("design", ["arms", "pairs"])
def test_power_equals_statsmodels_where_it_is_defined(design):
    from unmixing.statistics.power import _power_function

    reference = TTestIndPower() if design == "arms" else TTestPower()
    for n, level, effect in itertools.product((2, 3, 25, 1000), (0.05, 0.001), (0.0, 0.1, 0.5, 2.0)):
        expected = reference.power(effect, n, level)
        if np.isfinite(expected):
            assert _power_function(design, level)(effect, n) == pytest.approx(expected, abs=1e-8)
    # Where the noncentral t distribution of SciPy has holes, power still rises to one.
    rising = [_power_function(design, 0.05)(effect, 3) for effect in np.geomspace(0.1, 1e4, 60)]
    assert (np.diff(rising) > -1e-12).all()
    assert rising[-1] == pytest.approx(1)


@pytest.mark.parametrize(
    ("deviation", "margin", "pairs"), [(0.0058, 0.005, 25), (0.0058, 0.01, 8), (0.0080, 0.005, 46), (0.0052, 0.01, 7)]
)
def test_pairs_for_equivalence(deviation, margin, pairs):
    assert statistics.equivalence_pairs_needed(margin, deviation) == pairs
    assert statistics.equivalence_pairs_needed(margin, deviation, correlation=0.5) < pairs


def test_equivalence_power_holds_in_simulation():
    # 25 pairs, deviation .0058, true difference 0, margin .005: four of five studies show equivalence.
    rng = np.random.default_rng(0)
    differences = 0.0058 * math.sqrt(2) * rng.standard_normal((20_000, 25))
    half = stats.t.ppf(0.95, 24) * differences.std(axis=1, ddof=1) / 5
    shown = (np.abs(differences.mean(axis=1)) + half < 0.005).mean()
    assert shown == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize(("first", "second", "runs"), [(0.5, 0.8, 39), (0.8, 0.5, 39), (0.5, 0.7, 93)])
def test_runs_for_success_rates(first, second, runs):
    assert statistics.rate_runs_needed(first, second) == runs


# --- variance components ----------------------------------------------------------------------------------


def test_two_groups_by_hand():
    # Within: deviations +-1, mean square 2. Between: group means 1 and 5, mean square 2 * 8 = 16 = 2 + 2 v.
    components = statistics.nested_variance_components([0, 2, 4, 6], {"weights": [0, 0, 1, 1]})
    assert [component.name for component in components] == ["weights", "rest"]
    assert [component.variance for component in components] == pytest.approx([7, 2])
    assert [component.degrees_of_freedom for component in components] == [1, 2]


def test_factors_without_effect_can_be_negative_but_not_their_deviation():
    components = statistics.nested_variance_components([0, 2, 0, 2], {"weights": [0, 0, 1, 1]})
    assert components[0].variance == pytest.approx(-1)
    assert components[0].deviation == 0


def test_inner_labels_count_within_their_outer_level():
    values = np.random.default_rng(0).normal(size=24)
    outer = np.repeat([0, 1, 2], 8)
    repeated = statistics.nested_variance_components(values, {"a": outer, "b": np.tile([0, 0, 1, 1], 6)})
    distinct = statistics.nested_variance_components(
        values, {"a": outer, "b": [f"{a}-{b}" for a, b in zip(outer, np.tile([0, 0, 1, 1], 6), strict=True)]}
    )
    assert repeated == distinct
    assert [component.degrees_of_freedom for component in repeated] == [2, 3, 18]


def test_components_are_unbiased_for_unequal_cells():
    # 3 factors deep, cells of unequal size; the mean of the estimates meets the truth.
    rng = np.random.default_rng(1)
    weights = np.repeat(np.arange(4), [3, 6, 8, 5])
    patches = np.array([0, 0, 1, 0, 0, 1, 1, 2, 2, 0, 0, 0, 0, 1, 1, 2, 3, 0, 1, 1, 1, 1])
    cells = np.unique(np.stack([weights, patches]), axis=1, return_inverse=True)[1].ravel()
    truth = np.array([4.0, 1.0, 0.25])
    estimates = []
    for _ in range(1500):
        values = 2 * rng.normal(size=4)[weights] + rng.normal(size=cells.max() + 1)[cells] + 0.5 * rng.normal(size=22)
        found = statistics.nested_variance_components(values, {"weights": weights, "patches": patches})
        estimates.append([component.variance for component in found])
    error = np.std(estimates, axis=0) / math.sqrt(len(estimates))
    assert (np.abs(np.mean(estimates, axis=0) - truth) < 4 * error).all()


# --- coverage ---------------------------------------------------------------------------------------------


def test_student_t_covers_normal_runs():
    records = statistics.interval_coverage(
        statistics.normal_runs(), [5, 10], np.random.default_rng(0), simulations=4000
    )
    for record in records:
        assert record.method == "student_t"
        assert record.covered == pytest.approx(0.95, abs=4 * record.error)
    # Mean width of a t interval: 2 t c4 / sqrt(n) deviations.
    c4 = math.sqrt(2 / 4) * math.gamma(2.5) / math.gamma(2)
    assert records[0].width == pytest.approx(2 * stats.t.ppf(0.975, 4) * c4 / math.sqrt(5), rel=0.02)


def test_the_bootstrap_covers_bimodal_runs_from_25():
    distribution = statistics.bimodal_runs()
    record, five = statistics.interval_coverage(
        distribution, [25, 5], np.random.default_rng(0), simulations=400, resamples=999
    )
    assert (record.method, five.method) == ("bca", "student_t")
    assert 0.90 < record.covered < 0.985
    draws = distribution.draw(np.random.default_rng(0), (400, 500))
    assert draws.mean() == pytest.approx(distribution.mean, abs=1e-3)
    assert draws.std() == pytest.approx(distribution.deviation, abs=1e-3)


def test_two_draws_of_a_coverage_agree():
    runs = [
        statistics.interval_coverage(statistics.normal_runs(), [6], np.random.default_rng(4), simulations=300)
        for _ in range(2)
    ]
    assert runs[0] == runs[1]
