import numpy as np
import pytest

from unmixing.semantic import perturbations
from unmixing.semantic.pools import Pool
from unmixing.semantic.sources import COMMON_GRID

AXIS = COMMON_GRID[::4]


@pytest.fixture
def pixels():
    return np.random.default_rng(0).uniform(0.1, 0.5, (60, AXIS.size))


@pytest.mark.parametrize(
    "change",
    [
        lambda x, rng: perturbations.water_residue(x, AXIS, 0.0, rng),
        lambda x, rng: perturbations.calibration_error(x, 0.0, rng),
        lambda x, rng: perturbations.dead_detectors(x, 0.0, rng),
        lambda x, rng: perturbations.striping(x, 0.0, rng),
        lambda x, rng: perturbations.drift(x, AXIS, 0.0),
        lambda x, rng: perturbations.haze(x, AXIS, 0.0),
        lambda x, rng: perturbations.shadow(x, AXIS, 0.0),
        lambda x, rng: perturbations.wet_reflectance(x, AXIS, 0.0),
    ],
)
def test_nothing_is_disturbed_at_amplitude_zero(pixels, change):
    np.testing.assert_allclose(change(pixels, np.random.default_rng(1)), pixels, atol=1e-12)


def test_a_calibration_error_is_one_gain_for_each_band(pixels):
    ratio = perturbations.calibration_error(pixels, 0.05, np.random.default_rng(1)) / pixels
    np.testing.assert_allclose(ratio, np.broadcast_to(ratio[:1], ratio.shape))
    assert np.std(ratio[0]) == pytest.approx(0.05, rel=0.3)


def test_the_same_draws_scale_with_the_amplitude(pixels):
    small, large = (
        perturbations.water_residue(pixels, AXIS, amplitude, np.random.default_rng(1)) - pixels
        for amplitude in (0.01, 0.03)
    )
    np.testing.assert_allclose(3 * small, large, atol=1e-12)
    away = np.abs(AXIS - 1340) > 300
    assert np.abs(small[:, (AXIS < 800) & away]).max() < 1e-6, "spikes stay at the edges of water bands"


def test_a_dead_detector_reads_zero_in_all_pixels_of_its_column(pixels):
    found = perturbations.dead_detectors(pixels, 0.1, np.random.default_rng(1)) == 0
    columns = np.arange(len(pixels)) % perturbations.COLUMNS
    for column in range(perturbations.COLUMNS):
        own = found[columns == column]
        assert (own == own[0]).all()
    assert found.mean() == pytest.approx(0.1, abs=0.02)


def test_drift_leaves_the_first_pixel_and_tilts_the_last():
    two = perturbations.drift(np.ones((5, 2)), COMMON_GRID[[0, -1]], 0.1)
    np.testing.assert_allclose(two[0], 1.0)
    np.testing.assert_allclose(two[-1], [0.9, 1.1])


def test_haze_is_bluest_and_shadow_keeps_the_blue():
    dark = np.full((1, AXIS.size), 0.05)
    veiled = perturbations.haze(dark, AXIS, 0.2)[0]
    assert (np.diff(veiled) < 0).all()
    bright = np.full((1, AXIS.size), 0.3)
    shaded = perturbations.shadow(bright, AXIS, 0.9)[0] / 0.3
    assert (np.diff(shaded) < 0).all()
    assert (shaded > 0.1 - 1e-9).all()


def test_wet_ground_is_darker_most_of_all_where_water_absorbs():
    dry = np.full(COMMON_GRID.size, 0.3)
    wet = perturbations.wet_reflectance(dry, COMMON_GRID, 1.0)
    assert (wet < dry).all()
    # Angstrom's factor for R = .3, without the film's absorption: 1 - .98 * .7 / (1 - .47 * .3) = .2014.
    assert wet[0] == pytest.approx(0.2014, abs=5e-4)
    at = {int(nm): value for nm, value in zip(COMMON_GRID, wet, strict=True)}
    assert at[1450] < 0.5 * at[1250]
    half = perturbations.wet_reflectance(dry, COMMON_GRID, 0.5)
    np.testing.assert_allclose(half, (wet + dry) / 2)
    assert np.isnan(perturbations.wet_reflectance([np.nan], [500.0], 1.0)).all()


def make_pool():
    grid = COMMON_GRID.size
    return Pool(
        concepts=("green", "dry"),
        spectra=np.stack([np.full(grid, value) for value in (0.1, 0.2, 0.4, 0.15, 0.4)]),
        owner=np.array([0, 0, 1, 0, 1]),
        record=("a", "b", "c", "mean of green", "mean of dry"),
        edges=np.array([0.5, 1.0, 2.0]),
    )


def test_green_plants_wither_to_the_mean_of_dry_ones_and_dry_ones_stay():
    found = perturbations.senescent(make_pool(), 0.25, "green", "dry")
    np.testing.assert_allclose(found.spectra[:, 0], [0.175, 0.25, 0.4, 0.2125, 0.4])


def test_only_the_named_concepts_get_wet():
    pool = make_pool()
    found = perturbations.wetted(pool, 1.0, ["dry", "not there"])
    np.testing.assert_array_equal(found.spectra[[0, 1, 3]], pool.spectra[[0, 1, 3]])
    assert (found.spectra[[2, 4]] < pool.spectra[[2, 4]]).all()


def test_a_slip_of_the_pen_changes_one_word_by_one_letter():
    rng = np.random.default_rng(0)
    seen = {perturbations.misspelt("bare vegetation", rng) for _ in range(60)}
    assert len(seen) > 10
    for text in seen:
        first, second = text.split()
        assert first == "bare"
        assert abs(len(second) - len("vegetation")) <= 1
        assert second[0] == "v"
    assert perturbations.misspelt("tar", rng) == "tar"
