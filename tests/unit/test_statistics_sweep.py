"""Statistics of the sweep: what is one draw, what a pooled difference promises, and which variance goes where."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from unmixing.errors import UnmixingError
from unmixing.statistics import mean_interval, paired_comparison, rate_interval
from unmixing.statistics.components import REST
from unmixing.statistics.sweep import (
    BOTH,
    IMAGES,
    WEIGHTS,
    draw_values,
    independent_draws,
    pooled_comparison,
    rate_of_draws,
    run_components,
    sign_flip_p_value,
    spread_of_one_run,
)

REGIMES = ("dynamic", "unseeded", "seeded")


def design(runs, sets, weights):
    """Regime, run and draw of every run of three regimes with shared streams, as the sweep trains them."""
    run = np.tile(np.arange(runs), 3)
    shared = run[:runs]
    of_images = [None] * runs + [*(shared % sets), *(shared % sets)]
    of_weights = [*shared, *shared, *(shared % weights)]
    return np.repeat(REGIMES, runs).tolist(), run, independent_draws([run.tolist(), of_weights, of_images])


# --- draws ------------------------------------------------------------------------------------------------


def test_sharing_is_passed_on_and_own_levels_share_nothing():
    images = [None, "a", "a", None, None]
    weights = [0, 1, 2, 2, 3]
    assert independent_draws([images, weights]).tolist() == [0, 1, 1, 1, 2]
    assert len(set(independent_draws([[None] * 4]).tolist())) == 4


def test_equal_levels_of_different_factors_are_not_the_same():
    assert len(set(independent_draws([[1, None], [None, 1]]).tolist())) == 2


def test_with_as_many_sets_of_images_as_of_weights_draws_are_remainders():
    _, run, draws = design(25, 5, 5)
    assert draws.max() + 1 == 5
    for draw in range(5):
        assert len(set(run[draws == draw] % 5)) == 1
    # Sets of images and of weights that do not go in step link everything.
    assert design(12, 4, 3)[2].max() == 0


def test_factors_of_different_lengths_are_refused():
    with pytest.raises(UnmixingError, match="one for each observation"):
        independent_draws([[1, 2], [1]])


# --- pooled values and comparisons ------------------------------------------------------------------------


def test_values_of_a_balanced_design_are_the_draws_means():
    rng = np.random.default_rng(0)
    regimes, _, draws = design(10, 5, 5)
    values = rng.normal(size=30)
    assert draw_values(values, regimes, draws) == pytest.approx([values[draws == draw].mean() for draw in range(5)])


def test_one_regime_of_independent_runs_is_the_paired_comparison():
    rng = np.random.default_rng(1)
    one, other = rng.normal(0.1, 0.02, (2, 8))
    pooled = pooled_comparison(one, other, ["only"] * 8, np.arange(8))
    plain = paired_comparison(one, other)
    assert pooled.values == pytest.approx(one - other)
    assert pooled.p_value == pytest.approx(plain.p_value)
    assert pooled.interval is not None
    assert pooled.interval.low == pytest.approx(plain.interval.low)
    assert pooled.correlation == pytest.approx(plain.correlation)
    assert pooled.variance_saved == pytest.approx(plain.variance_saved)
    assert pooled.detectable == pytest.approx(plain.detectable)


def test_a_known_shift_is_recovered_whatever_the_regimes_differ_by():
    regimes, run, draws = design(10, 5, 5)
    rng = np.random.default_rng(2)
    control = rng.normal(0.1, 0.01, 10)[run] + np.repeat([0.0, 0.05, 0.3], 10)
    found = pooled_comparison(control - 0.02, control, regimes, draws)
    assert found.difference == pytest.approx(-0.02)
    assert (found.pairs, found.blocks, found.draws) == (30, 3, 5)
    assert found.interval.high - found.interval.low == pytest.approx(0, abs=1e-12)
    # Differences between regimes are no part of the pairing.
    assert found.correlation == pytest.approx(1)
    assert found.variance_saved == pytest.approx(1)


def test_every_regime_weighs_the_same_however_many_runs_it_lost():
    values = np.array([1.0, 1.0, 1.0, 1.0, 4.0, 4.0])
    regimes = ["a"] * 4 + ["b"] * 2
    assert draw_values(values, regimes, [0, 1, 2, 3, 0, 1]).mean() == pytest.approx(2.5)


def test_below_five_draws_there_is_no_interval_however_many_pairs():
    regimes, _, draws = design(24, 4, 4)
    found = pooled_comparison(np.linspace(0, 1, 72), np.zeros(72), regimes, draws)
    assert (found.pairs, found.draws) == (72, 4)
    assert (found.interval, found.p_value, found.detectable) == (None, None, None)
    assert len(found.values) == 4


@settings(max_examples=25, deadline=None)
@given(
    values=st.lists(st.floats(-1, 1), min_size=15, max_size=15),
    shift=st.floats(-1, 1),
    order=st.permutations(range(15)),
)
def test_values_move_with_a_shift_and_do_not_depend_on_the_order_of_runs(values, shift, order):
    regimes, _, draws = design(5, 5, 5)
    runs = np.array(values)
    found = draw_values(runs, regimes, draws)
    assert draw_values(runs + shift, regimes, draws) == pytest.approx(found + shift, abs=1e-9)
    mixed = draw_values(runs[order], [regimes[place] for place in order], draws[order])
    assert sorted(mixed) == pytest.approx(sorted(found), abs=1e-9)


@pytest.mark.parametrize(("runs", "covered_by_pairs"), [(5, 0.86), (25, 0.68)])
def test_intervals_cover_what_they_promise_and_pairs_taken_for_independent_do_not(runs, covered_by_pairs):
    rng = np.random.default_rng(4)
    regimes, run, draws = design(runs, 5, 5)
    place = run[:runs] % 5
    simulations = 600
    hits = naive = 0
    for _ in range(simulations):
        weights, streams, sets = (
            rng.normal(0, [[0.008]] * runs).ravel(),
            rng.normal(0, 0.006, runs),
            rng.normal(0, 0.01, 5),
        )
        parts = [weights + rng.normal(0, 0.01, runs), weights + sets[place], weights[place] + sets[place]]
        # The true mean over regimes is zero, that of each regime is not.
        values = np.concatenate([part + streams for part in parts]) + np.repeat([0.02, 0, -0.02], runs)
        values += rng.normal(0, 0.003, 3 * runs)
        interval = mean_interval(draw_values(values, regimes, draws))
        hits += interval.low <= 0 <= interval.high
        residual = values - np.repeat([values[start : start + runs].mean() for start in range(0, 3 * runs, runs)], runs)
        freedom = 3 * runs - 3
        error = np.sqrt(residual @ residual / freedom / (3 * runs))
        naive += abs(values.mean()) <= stats.t.ppf(0.975, freedom) * error
    assert hits / simulations == pytest.approx(0.95, abs=0.025)
    assert naive / simulations < covered_by_pairs


# --- rates ------------------------------------------------------------------------------------------------


def test_signs_of_single_runs_are_mcnemars_exact_test():
    differences = np.array([1.0] * 7 + [-1.0] * 1 + [0.0] * 4)
    assert sign_flip_p_value(differences) == pytest.approx(stats.binomtest(1, 8).pvalue)


def test_signs_against_their_enumeration():
    values = np.array([0.5, 0.2, -0.1, 0.4, 0.3, 0.0])
    sums = [np.dot(signs, values) for signs in itertools.product((-1, 1), repeat=len(values))]
    expected = np.mean(np.abs(sums) >= abs(values.sum()) - 1e-12)
    assert sign_flip_p_value(values) == pytest.approx(expected)


def test_five_draws_cannot_pass_and_fewer_are_not_tested():
    assert sign_flip_p_value([1.0] * 5) == pytest.approx(2 / 2**5)
    assert sign_flip_p_value([1.0] * 4) is None
    assert sign_flip_p_value([0.0] * 6) == 1


def test_a_rate_of_independent_runs_is_wilsons_and_a_nested_one_is_wider():
    ended = np.array([1, 1, 1, 0, 1, 1, 1, 0, 1, 1])
    alone, plain = rate_of_draws(ended, np.arange(10)), rate_interval(8, 10)
    assert alone is not None
    assert (alone.low, alone.high) == pytest.approx((plain.low, plain.high))
    nested = rate_of_draws(ended, np.arange(10) % 5)
    assert (nested.estimate, nested.n) == (0.8, 5)
    assert nested.low < alone.low
    assert nested.high > alone.high
    assert rate_of_draws(ended, np.arange(10) % 4) is None


def test_rates_outside_of_zero_and_one_are_refused():
    with pytest.raises(UnmixingError, match="within 0 and 1"):
        rate_of_draws([0, 2], [0, 1])


# --- ranges and components --------------------------------------------------------------------------------


def test_the_range_of_one_run_by_hand():
    # Deviation sqrt(2.5), t(.975, 4) = 2.7764.
    assert spread_of_one_run([1, 2, 3, 4, 5]) == pytest.approx(2 * 2.7764451 * np.sqrt(2.5 * 1.2))
    assert spread_of_one_run([1, 2, 3, 4]) is None


def test_factors_that_change_together_are_one_component():
    level = np.repeat(np.arange(5), 4)
    values = np.random.default_rng(5).normal(size=20)
    found = run_components(values, level.tolist(), (9 - level).tolist())
    assert [(part.name, part.degrees_of_freedom) for part in found] == [(BOTH, 4), (REST, 15)]


def test_a_factor_with_one_level_or_with_a_level_for_each_run_is_no_component():
    values = np.random.default_rng(6).normal(size=10)
    own, one = list(range(10)), [0] * 10
    only = run_components(values, own, one)
    assert [part.name for part in only] == [REST]
    assert only[0].variance == pytest.approx(values.var(ddof=1))
    assert [part.name for part in run_components(values, own, [0, 1] * 5)] == [IMAGES, REST]
    assert run_components([0.1], [0], [0]) == []


def test_nested_and_crossed_factors():
    run = np.arange(24)
    values = np.random.default_rng(7).normal(size=24)
    nested = run_components(values, (run // 12).tolist(), (run // 4).tolist())
    assert [(part.name, part.degrees_of_freedom) for part in nested] == [(WEIGHTS, 1), (IMAGES, 4), (REST, 18)]
    crossed = run_components(values, (run % 3).tolist(), (run % 2).tolist())
    assert [part.name for part in crossed] == [BOTH, REST]
    each_once = run_components(values, (run % 6).tolist(), (run // 6).tolist())
    assert [part.name for part in each_once] == [REST]


def test_components_recover_what_was_put_in():
    rng = np.random.default_rng(8)
    level = np.repeat(np.arange(400), 5)
    values = rng.normal(0, 0.02, 400)[level] + rng.normal(0, 0.01, 2000)
    images, rest = run_components(values, list(range(2000)), level.tolist())
    assert (images.name, rest.name) == (IMAGES, REST)
    assert images.deviation == pytest.approx(0.02, rel=0.1)
    assert rest.deviation == pytest.approx(0.01, rel=0.05)
