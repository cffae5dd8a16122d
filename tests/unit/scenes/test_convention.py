import numpy as np
import pytest

from makers.scenes import make_scene
from unmixing.errors import UnmixingError
from unmixing.scenes.checks import check_abundances, check_convention
from unmixing.scenes.convention import find_convention, nnls_shares

MADE = make_scene(noise=0.0)


def brightness_shares(abundances, endmembers):
    weighted = abundances * endmembers.max(axis=1)
    return weighted / weighted.sum(axis=-1, keepdims=True)


def test_shares_of_an_exact_mixture_are_its_abundances():
    flat = MADE.cube.reshape(-1, MADE.bands)
    np.testing.assert_allclose(nnls_shares(flat, MADE.endmembers), MADE.abundances.reshape(-1, 3), atol=1e-8)
    assert not nnls_shares(np.zeros((1, MADE.bands)), MADE.endmembers).any()


def test_both_conventions_are_told_apart():
    found = find_convention(MADE.cube, MADE.abundances, MADE.endmembers)
    assert (found.convention, found.rmse_raw) == ("nnls_sum_raw", pytest.approx(0, abs=1e-7))
    assert found.rmse_max > 0.05
    shares = brightness_shares(MADE.abundances, MADE.endmembers)
    found = find_convention(MADE.cube, shares, MADE.endmembers)
    assert (found.convention, found.rmse_max) == ("nnls_sum_max", pytest.approx(0, abs=1e-7))


def test_references_of_another_kind_follow_none():
    squared = MADE.abundances**2 / (MADE.abundances**2).sum(axis=-1, keepdims=True)
    assert find_convention(MADE.cube, squared, MADE.endmembers).convention == "unknown"


def test_a_stated_convention_must_hold():
    convention, check = check_convention(MADE.cube, MADE.abundances, MADE.endmembers, "", "made")
    assert convention == "nnls_sum_raw"
    assert check.passed
    assert check_convention(MADE.cube, MADE.abundances, MADE.endmembers, "areal", "made")[0] == "areal"
    with pytest.raises(UnmixingError, match="do not follow nnls_sum_max"):
        check_convention(MADE.cube, MADE.abundances, MADE.endmembers, "nnls_sum_max", "made")


def test_abundances_that_are_no_shares_are_refused():
    with pytest.raises(UnmixingError, match="divide percentages by 100"):
        check_abundances(100 * MADE.abundances, "made")
    assert check_abundances(MADE.abundances, "made").passed
    assert check_abundances(0.5 * MADE.abundances, "made").passed is False
