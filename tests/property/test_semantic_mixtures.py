"""What holds for every training mixture: the simplex, linearity in light, exact repetition, masks."""

import dataclasses

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from unmixing.semantic.latents import MixtureRecipe, draw_latents
from unmixing.semantic.library import COMMON_GRID
from unmixing.semantic.mixtures import draw_mixtures, render
from unmixing.semantic.pools import Pool
from unmixing.semantic.sensors import get_sensor, interpolate, resample, sensor_of_axis

SEEDS = st.integers(0, 2**32 - 1)
MODERATE = settings(max_examples=25, deadline=None)
SENSORS = st.sampled_from(["vnir", "sentinel2", "landsat8"])


def pool_of(seed, concepts, each, holes):
    rng = np.random.default_rng(seed)
    count = concepts * each
    spectra = rng.uniform(0.01, 0.9, (count, COMMON_GRID.size))
    spectra[rng.random(spectra.shape) < holes] = np.nan
    means = spectra.reshape(concepts, each, -1).mean(axis=1)
    return Pool(
        concepts=tuple(f"c{number}" for number in range(concepts)),
        spectra=np.concatenate([spectra, means]),
        owner=np.concatenate([np.repeat(np.arange(concepts), each), np.arange(concepts)]),
        record=tuple(f"r{number}" for number in range(count + concepts)),
        edges=(np.arange(count) + 1) / each,
    )


RECIPES = st.builds(
    MixtureRecipe,
    material_shares=st.sampled_from([(1.0,), (0.5, 0.5), (0.1, 0.2, 0.3, 0.4)]),
    concentration=st.sampled_from([(0.02, 0.02), (0.2, 3.0), (50.0, 90.0)]),
    variability=st.sampled_from(["spectra", "mean"]),
    bilinear_model=st.sampled_from(["fan", "nascimento"]),
    bilinear_share=st.sampled_from([0.0, 0.5, 1.0]),
    snr_db=st.sampled_from([(np.inf, np.inf), (0.0, 60.0)]),
    snr_reference=st.sampled_from(["scene", "pixel"]),
    correlated_share=st.sampled_from([0.0, 0.3, 1.0]),
    lost_bands=st.sampled_from([(0.0, 0.0), (0.0, 0.9)]),
    smooth_terms=st.integers(0, 4),
    shape_knots=st.integers(2, 6),
)


@MODERATE
@given(SEEDS, RECIPES, SENSORS, st.integers(1, 6), st.sampled_from([0.0, 0.02]))
def test_abundances_lie_on_the_simplex_and_name_what_was_mixed(seed, recipe, sensor, concepts, holes):
    pool = pool_of(seed, concepts, 3, holes)
    made = draw_mixtures(recipe, pool, get_sensor(sensor), 20, np.random.default_rng(seed))
    assert made.abundances.min() >= 0
    np.testing.assert_allclose(made.abundances.sum(axis=1), 1, atol=1e-6)
    assert ((made.abundances > 0).sum(axis=1) <= len(recipe.material_shares)).all()
    used = made.latents.material >= 0
    assert (np.diff(used.astype(int), axis=1) <= 0).all()
    assert (pool.owner[made.latents.spectrum[used]] == made.latents.material[used]).all()
    if recipe.lost_bands[1] == 0:
        np.testing.assert_array_equal(np.isnan(made.reflectance), np.isnan(made.clean))
    assert not (np.isfinite(made.reflectance) & np.isnan(made.clean)).any()


@MODERATE
@given(SEEDS, RECIPES, SENSORS)
def test_the_same_latents_give_the_same_pixels(seed, recipe, sensor):
    pool = pool_of(seed, 5, 2, 0.01)
    made = draw_mixtures(recipe, pool, get_sensor(sensor), 15, np.random.default_rng(seed))
    again = render(made.latents, pool, get_sensor(sensor), recipe)
    np.testing.assert_array_equal(again.reflectance, made.reflectance)
    np.testing.assert_array_equal(again.abundances, made.abundances)


@MODERATE
@given(SEEDS, RECIPES, st.floats(0.1, 10))
def test_light_scales_a_pixel_without_noise_and_offset(seed, recipe, factor):
    quiet = dataclasses.replace(recipe, snr_db=(np.inf, np.inf), offset=0.0)
    pool = pool_of(seed, 4, 2, 0.0)
    latents = draw_latents(quiet, pool, 10, np.random.default_rng(seed))
    brighter = dataclasses.replace(latents, gain=factor * latents.gain)
    one, other = (render(item, pool, get_sensor("vnir"), quiet).clean for item in (latents, brighter))
    np.testing.assert_allclose(other, factor * one.astype(np.float64), rtol=1e-5)


@MODERATE
@given(SEEDS, RECIPES)
def test_the_order_of_a_pixels_materials_does_not_matter(seed, recipe):
    pool = pool_of(seed, 5, 2, 0.0)
    latents = draw_latents(recipe, pool, 12, np.random.default_rng(seed))
    turned = dataclasses.replace(
        latents,
        **{
            name: np.ascontiguousarray(getattr(latents, name)[:, ::-1])
            for name in ("material", "spectrum", "abundance", "material_gain", "knots")
        },
    )
    one, other = (render(item, pool, get_sensor("vnir"), recipe) for item in (latents, turned))
    np.testing.assert_allclose(other.clean, one.clean, rtol=1e-5)
    np.testing.assert_array_equal(other.abundances, one.abundances)


@MODERATE
@given(SEEDS, st.sampled_from(["gaussian", "boxcar"]), st.floats(1.0, 120.0))
def test_looking_is_linear_and_stays_within_the_spectrum(seed, response, width):
    rng = np.random.default_rng(seed)
    axis = np.sort(rng.choice(np.arange(400.0, 2400.0, 3.0), 180, replace=False))
    spectra = rng.random((2, axis.size))
    sensor = dataclasses.replace(
        sensor_of_axis(np.sort(rng.choice(np.arange(350.0, 2500.0), 30, replace=False)), widths=width),
        response=response,
    )
    one, other, both = resample(np.vstack([spectra, 2 * spectra[0] + 3 * spectra[1]]), axis, sensor)
    np.testing.assert_allclose(both, 2 * one + 3 * other, rtol=1e-9)
    assert np.nanmin(np.append(one, 0.5)) >= spectra[0].min() - 1e-12
    assert np.nanmax(np.append(one, 0.5)) <= max(spectra[0].max(), 0.5) + 1e-12
    read = interpolate(spectra, axis, sensor.centres)
    known = np.isfinite(read[0])
    np.testing.assert_allclose(read[0][known], np.interp(np.array(sensor.centres)[known], axis, spectra[0]))
