"""Verdicts of the scorecard: the definition at its bounds, intervals by hand, what counts and what is indicative."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from unmixing.errors import UnmixingError
from unmixing.statistics.verdicts import INDICATIVE, OUTCOMES, count_verdicts, judge, not_testable, position

MARGIN = 0.005


@pytest.mark.parametrize(
    ("narrow", "wide", "outcome"),
    [
        ((-0.005, 0.005), (-0.006, 0.006), "reproduced"),  # Both ends on the margin are within it.
        ((-0.001, 0.004), (-0.009, 0.020), "reproduced"),  # The 95 % interval may stick out.
        ((-0.005, 0.0050001), (-0.006, 0.006), "inconclusive"),
        ((-0.0050001, 0.0), (-0.006, 0.001), "inconclusive"),
        ((0.006, 0.009), (0.005, 0.010), "inconclusive"),  # The 95 % interval touches the margin.
        ((0.006, 0.009), (0.0050001, 0.010), "contradicted"),
        ((-0.009, -0.006), (-0.010, -0.005), "inconclusive"),
        ((-0.009, -0.006), (-0.010, -0.0050001), "contradicted"),
        ((-0.020, 0.020), (-0.030, 0.030), "inconclusive"),
        ((0.0051, 0.0051), (0.0051, 0.0051), "contradicted"),
        ((0.0, 0.0), (0.0, 0.0), "reproduced"),
    ],
)
def test_the_definition_at_its_boundaries(narrow, wide, outcome):
    assert position(narrow, wide, MARGIN) == outcome


@pytest.mark.parametrize(
    ("narrow", "wide", "margin", "message"),
    [
        ((0, 1), (0, 1), 0.0, "margin is 0.0"),
        ((1, 0), (0, 1), 1.0, "not in order"),
        ((0, 1), (2, 1), 1.0, "not in order"),
        ((float("nan"), 1), (0, 1), 1.0, "not in order"),
    ],
)
def test_impossible_bounds_are_refused(narrow, wide, margin, message):
    with pytest.raises(UnmixingError, match=message):
        position(narrow, wide, margin)


def test_bounds_are_students_below_25_values():
    values = np.array([0.060, 0.066, 0.063, 0.069, 0.062, 0.067])
    found = judge(values, 0.0654, same_scale=True)
    half = {level: stats.t.ppf((1 + level) / 2, 5) * values.std(ddof=1) / 6**0.5 for level in (0.9, 0.95)}
    centre = values.mean() - 0.0654
    assert found.difference == pytest.approx(centre)
    assert found.narrow == pytest.approx((centre - half[0.9], centre + half[0.9]))
    assert found.wide == pytest.approx((centre - half[0.95], centre + half[0.95]))
    assert (found.method, found.n, found.margin) == ("student_t", 6, pytest.approx(0.00654))
    assert found.margins == pytest.approx(centre / 0.00654)


def test_bca_takes_over_at_25_values():
    values = np.random.default_rng(0).exponential(0.01, 25) + 0.06
    assert judge(values[:24], 0.07, same_scale=True).method == "student_t"
    skewed = judge(values, 0.07, same_scale=True)
    assert skewed.method == "bca"
    low, high = skewed.wide
    assert high - skewed.difference > skewed.difference - low, "the longer tail has the longer side"


def test_a_reproduction_needs_90_percent_and_a_contradiction_95():
    # The 90 % interval ends just within the margin and the 95 % interval just outside.
    half = 0.9 * MARGIN
    deviation = half / stats.t.ppf(0.95, 7) * 8**0.5
    shape = np.linspace(-1, 1, 8)
    values = 0.04 + shape * deviation / shape.std(ddof=1)
    assert judge(values, 0.04, same_scale=True).outcome == "reproduced"
    # Moved so that 90 % lies outside, and 95 % does not.
    wide = stats.t.ppf(0.975, 7) * deviation / 8**0.5
    shifted = values + MARGIN + (half + wide) / 2
    assert judge(shifted, 0.04, same_scale=True).outcome == "inconclusive"
    assert judge(shifted + wide, 0.04, same_scale=True).outcome == "contradicted"


@pytest.mark.parametrize("count", [1, 4])
def test_below_five_values_nothing_is_decided_however_far_off(count):
    found = judge([0.5] * count, 0.05, same_scale=True)
    assert (found.outcome, found.narrow, found.wide) == ("inconclusive", None, None)
    assert found.verdict == "inconclusive (n < 5: runs shown)"
    assert judge([0.5] * 5, 0.05, same_scale=True).outcome == "contradicted"


@pytest.mark.parametrize(("published", "margin"), [(0.0428, 0.005), (0.05, 0.005), (0.06, 0.006), (0.1841, 0.01841)])
def test_the_margin_is_a_tenth_but_at_least_five_thousandths(published, margin):
    assert judge([published], published, same_scale=True).margin == pytest.approx(margin)
    assert not_testable(published, "no scene").margin == pytest.approx(margin)


def test_another_scale_makes_a_verdict_indicative():
    values = [0.0651, 0.0655, 0.0653, 0.0657, 0.0652]
    assert judge(values, 0.0654, same_scale=True).verdict == "reproduced"
    assert judge(values, 0.0654, same_scale=False).verdict == "indicative: reproduced"
    assert judge(values[:2], 0.0654, same_scale=False).verdict == "indicative: inconclusive (n < 5: runs shown)"


def test_without_runs_nothing_is_testable():
    found = judge([], 0.0654, same_scale=True)
    assert (found.verdict, found.n, found.same_scale) == ("not testable here", 0, False)
    assert found.difference != found.difference
    assert not_testable(0.1, "the scene is missing").reason == "the scene is missing"


@pytest.mark.parametrize("published", [float("nan"), float("inf")])
def test_cells_without_a_number_are_refused(published):
    with pytest.raises(UnmixingError, match="the printed mean"):
        judge([0.1] * 5, published, same_scale=True)


def test_values_that_are_not_finite_are_refused():
    with pytest.raises(UnmixingError, match="not finite"):
        judge([0.1, float("nan"), 0.1, 0.1, 0.1], 0.1, same_scale=True)


def test_counts_keep_indicative_verdicts_apart():
    near, far = [0.04] * 5, [0.2] * 5
    judged = [
        judge(near, 0.04, same_scale=True),
        judge(near, 0.04, same_scale=False),
        judge(far, 0.04, same_scale=False),
        judge(far, 0.04, same_scale=False),
        not_testable(0.04, "no scene"),
    ]
    counts = count_verdicts(judged)
    assert sum(counts.values()) == len(judged)
    assert set(counts) == {*OUTCOMES, *(INDICATIVE + name for name in OUTCOMES[:3])}
    assert {name: count for name, count in counts.items() if count} == {
        "reproduced": 1,
        "indicative: reproduced": 1,
        "indicative: contradicted": 2,
        "not testable here": 1,
    }


@given(st.lists(st.floats(0.01, 0.3), min_size=5, max_size=12), st.floats(0.02, 0.2))
def test_reflection_about_the_printed_mean_changes_no_outcome(values, published):
    found = judge(values, published, same_scale=True)
    mirrored = judge([2 * published - value for value in values], published, same_scale=True)
    # Rounding may decide where a bound lies on the margin itself.
    on_the_edge = min(abs(abs(bound) - found.margin) for bound in (*found.narrow, *found.wide)) < 1e-12
    assert found.outcome == mirrored.outcome or on_the_edge
    assert found.difference == pytest.approx(-mirrored.difference, abs=1e-12)
