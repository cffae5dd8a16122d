import dataclasses

import numpy as np
import pytest

from makers.mixtures import LINEAR
from unmixing.errors import UnmixingError
from unmixing.semantic.latents import MixtureRecipe, draw_latents
from unmixing.semantic.library import COMMON_GRID, load_library
from unmixing.semantic.mixtures import atmosphere, draw_mixtures, knot_weights, noise_factor, render
from unmixing.semantic.ontology import load_ontology
from unmixing.semantic.pools import Pool, make_pool
from unmixing.semantic.sensors import get_sensor, load_sensors, resample, sensor_of_axis
from unmixing.semantic.splits import split_library

CONCEPTS = ["bare_soil", "green_vegetation", "dry_vegetation", "paved_surface", "roof", "burned_ground", "water"]
GRID = sensor_of_axis(COMMON_GRID, widths=10.0)
QUIET = MixtureRecipe(snr_db=(np.inf, np.inf))


@pytest.fixture(scope="module")
def ontology():
    return load_ontology()


@pytest.fixture(scope="module")
def library(ontology):
    return load_library(ontology, modelled_water=20)


@pytest.fixture(scope="module")
def pool(library, ontology):
    split = split_library(library, np.random.default_rng(0))
    return make_pool(library, ontology, CONCEPTS, rows=(split["split"] == "train").to_numpy())


def small_pool(spectra_per_concept=3, concepts=4, seed=0):
    """A pool without gaps; every spectrum weighs the same."""
    rng = np.random.default_rng(seed)
    count = spectra_per_concept * concepts
    spectra = rng.uniform(0.05, 0.6, (count, 1)) + 0.1 * np.sin(COMMON_GRID / rng.uniform(100, 400, (count, 1)))
    spectra = np.maximum(spectra, 0.01)
    owner = np.repeat(np.arange(concepts), spectra_per_concept)
    means = spectra.reshape(concepts, spectra_per_concept, -1).mean(axis=1)
    return Pool(
        concepts=tuple(f"c{number}" for number in range(concepts)),
        spectra=np.concatenate([spectra, means]),
        owner=np.concatenate([owner, np.arange(concepts)]),
        record=tuple(f"r{number}" for number in range(count + concepts)),
        edges=(np.arange(count) + 1) / spectra_per_concept,
    )


@pytest.mark.parametrize("name", sorted(load_sensors()))
def test_without_noise_and_variability_pixels_are_the_product_of_abundances_and_means(name, pool):
    sensor = get_sensor(name)
    made = draw_mixtures(LINEAR, pool, sensor, 60, np.random.default_rng(3))
    means = resample(pool.means, COMMON_GRID, sensor, resolution_nm=10.0)
    known = np.isfinite(means).all(axis=0)
    product = made.abundances.astype(np.float64) @ means[:, known]
    assert np.abs(made.reflectance[:, known] - product).max() < 1e-6
    assert known.sum() > 0.75 * known.size
    np.testing.assert_array_equal(made.reflectance, made.clean)


def test_a_pixel_is_what_its_latents_say(pool):
    # The whole chain once more, in loops over one pixel's materials and pairs.
    sensor = get_sensor("vnir")
    for model in ("fan", "nascimento"):
        recipe = dataclasses.replace(QUIET, bilinear_model=model, bilinear_share=1.0, bilinear_strength=(0.3, 0.9))
        latents = draw_latents(recipe, pool, 25, np.random.default_rng(5))
        clean = render(latents, pool, sensor, recipe).clean
        for n in range(25):
            places = np.flatnonzero(latents.material[n] >= 0)
            share = latents.abundance[n, places]
            spectra = []
            for k in places:
                curve = np.interp(COMMON_GRID, np.linspace(400, 2450, 5), latents.knots[n, k])
                spectra.append(pool.spectra[latents.spectrum[n, k]] * (1 + curve) * latents.material_gain[n, k])
            pixel, products = sum(a * e for a, e in zip(share, spectra, strict=True)), 0.0
            for i in range(len(places)):
                for j in range(i + 1, len(places)):
                    pixel = pixel + latents.bilinear[n] * share[i] * share[j] * spectra[i] * spectra[j]
                    products += share[i] * share[j]
            if model == "nascimento":
                pixel = pixel / (1 + latents.bilinear[n] * products)
            place = (COMMON_GRID - 400) / 2050
            smooth = 1 + sum(c * np.cos((j + 1) * np.pi * place) for j, c in enumerate(latents.smooth[n]))
            bands = [(940, 20, 0.4), (1140, 25, 0.6), (1380, 40, 1.0), (1880, 50, 1.0)]
            vapour = sum(depth * np.exp(-0.5 * ((COMMON_GRID - c) / s) ** 2) for c, s, depth in bands)
            pixel = latents.gain[n] * pixel * np.exp(-latents.atmosphere[n] * vapour) * smooth + latents.offset[n]
            expected = resample(pixel, COMMON_GRID, sensor, resolution_nm=10.0)
            np.testing.assert_allclose(clean[n], expected, atol=1e-6)


def test_recipes_that_differ_in_an_amplitude_share_all_other_draws(pool):
    one = draw_latents(MixtureRecipe(), pool, 50, np.random.default_rng(1))
    other = draw_latents(
        dataclasses.replace(QUIET, gain=0.5, shape=0.0, bilinear_share=1.0), pool, 50, np.random.default_rng(1)
    )
    np.testing.assert_allclose(other.gain, one.gain**2)
    for name in ("material", "spectrum", "abundance", "material_gain", "atmosphere", "offset", "seed"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert (other.bilinear > 0).all()
    assert not other.knots.any()


def test_the_number_of_materials_and_their_concentration_are_as_asked():
    pool = small_pool(concepts=6)
    latents = draw_latents(MixtureRecipe(), pool, 20_000, np.random.default_rng(2))
    shares = np.bincount((latents.material >= 0).sum(axis=1), minlength=5)[1:] / 20_000
    assert shares == pytest.approx([0.15, 0.3, 0.35, 0.2], abs=0.015)
    assert np.log(latents.concentration).mean() == pytest.approx(np.log(0.2 * 3.0) / 2, abs=0.02)
    assert np.bincount(latents.material[latents.material >= 0]) == pytest.approx(np.full(6, 8667), rel=0.05)
    used = np.sort(latents.material, axis=1)
    assert not ((used[:, 1:] == used[:, :-1]) & (used[:, 1:] >= 0)).any()  # no material twice


@pytest.mark.parametrize("concentration", [0.05, 1.0, 8.0])
def test_abundances_have_the_moments_of_the_dirichlet_distribution(concentration):
    recipe = MixtureRecipe(material_shares=(0.0, 0.0, 1.0), concentration=(concentration, concentration))
    abundance = draw_latents(recipe, small_pool(), 40_000, np.random.default_rng(3)).abundance
    assert abundance.mean(axis=0) == pytest.approx(np.full(3, 1 / 3), abs=0.01)
    assert abundance.var(axis=0) == pytest.approx(np.full(3, 2 / 9 / (3 * concentration + 1)), rel=0.03)


def test_with_few_concepts_a_pixel_has_few_materials():
    latents = draw_latents(MixtureRecipe(), small_pool(concepts=2), 500, np.random.default_rng(0))
    assert latents.material.shape == (500, 2)
    assert (latents.material >= 0).any(axis=1).all()


def test_every_group_is_drawn_equally_often(library, ontology):
    rows = np.flatnonzero(library.records["concept"].isin(["roof_shingle", "glass"]))
    groups = library.records["record"].copy()
    shingles = library.records.index[library.records["concept"] == "roof_shingle"]
    groups[shingles[:340]] = "one big roof"
    pool = make_pool(library, ontology, ["roof_shingle", "glass"], rows=rows, groups=list(groups))
    assert pool.edges[-1] == 2.0
    latents = draw_latents(MixtureRecipe(), pool, 30_000, np.random.default_rng(0))
    drawn = np.array(pool.record)[latents.spectrum[latents.material == 0]]
    big = set(library.records.loc[shingles[:340], "record"])
    # 14 groups: the big one and 13 of one spectrum each.
    assert np.mean([record in big for record in drawn]) == pytest.approx(1 / 14, abs=0.01)
    mean = pool.means[0][:90]
    spectra = pool.spectra[:353]
    weight = np.array([1 / 340 / 14 if record in big else 1 / 14 for record in pool.record[:353]])
    np.testing.assert_allclose(mean, weight @ spectra[:, :90], rtol=1e-6)


def test_spectra_belong_to_the_concept_that_they_are_drawn_for(pool):
    latents = draw_latents(MixtureRecipe(), pool, 5000, np.random.default_rng(0))
    used = latents.material >= 0
    np.testing.assert_array_equal(pool.owner[latents.spectrum[used]], latents.material[used])
    means = draw_latents(LINEAR, pool, 500, np.random.default_rng(0))
    assert set(np.array(pool.record)[means.spectrum[means.material >= 0]]) == {f"mean of {name}" for name in CONCEPTS}


@pytest.mark.parametrize("reference", ["scene", "pixel"])
def test_noise_has_the_power_that_the_ratio_says(reference):
    pool = small_pool()
    recipe = dataclasses.replace(QUIET, snr_db=(20.0, 20.0), snr_reference=reference)
    made = draw_mixtures(recipe, pool, GRID, 3000, np.random.default_rng(0))
    noise = made.reflectance.astype(np.float64) - made.clean
    power = (noise**2).mean(axis=1)
    if reference == "pixel":
        expected = (made.clean.astype(np.float64) ** 2).mean(axis=1) / 100
        assert np.median(power / expected) == pytest.approx(1, abs=0.05)
        assert (power / expected).mean() == pytest.approx(1, abs=0.02)
    else:
        assert power.mean() == pytest.approx((pool.means**2).mean() / 100, rel=0.02)
        bright = made.latents.gain > np.median(made.latents.gain)
        assert power[bright].mean() == pytest.approx(power[~bright].mean(), rel=0.05)


def test_noise_is_correlated_from_band_to_band_as_asked():
    recipe = MixtureRecipe(snr_db=(20.0, 20.0), correlated_share=0.3, correlation_nm=50.0)
    made = draw_mixtures(recipe, small_pool(), GRID, 4000, np.random.default_rng(0))
    noise = made.reflectance.astype(np.float64) - made.clean
    correlation = np.corrcoef(noise.T)
    for step in (1, 3, 10):
        measured = np.diag(correlation, step).mean()
        assert measured == pytest.approx(0.3 * np.exp(-10 * step / 50), abs=0.01)
    factor = noise_factor([400, 450, 1000], 0.5, 50.0)
    covariance = factor.T @ factor
    np.testing.assert_allclose(np.diag(covariance), 1)
    assert covariance[0, 1] == pytest.approx(0.5 * np.exp(-1))


def test_a_pixel_is_masked_where_one_of_its_materials_is_unknown():
    pool = small_pool()
    spectra = pool.spectra.copy()
    spectra[0, 100] = np.nan
    holed = dataclasses.replace(pool, spectra=spectra)
    recipe = MixtureRecipe(snr_db=(np.inf, np.inf))
    made = draw_mixtures(recipe, holed, GRID, 300, np.random.default_rng(0), with_endmembers=True)
    touched = (made.latents.spectrum == 0).any(axis=1)
    assert 0 < touched.sum() < 300
    unknown = np.isnan(made.reflectance)
    assert np.array_equal(unknown.any(axis=1), touched)
    assert np.flatnonzero(unknown.any(axis=0)).tolist() == [100]
    whole = draw_mixtures(recipe, pool, GRID, 300, np.random.default_rng(0))
    np.testing.assert_array_equal(made.clean[~touched], whole.clean[~touched])


def test_endmembers_are_the_spectra_that_were_mixed():
    recipe = dataclasses.replace(QUIET, bilinear_share=0.0, atmosphere=0.0, smooth_gain=0.0, offset=0.0)
    made = draw_mixtures(recipe, small_pool(), get_sensor("vnir"), 100, np.random.default_rng(0), with_endmembers=True)
    used = made.latents.material >= 0
    assert np.array_equal(np.isfinite(made.endmembers).all(axis=2), used)
    mixed = np.einsum("nk,nkb->nb", made.latents.abundance, np.nan_to_num(made.endmembers))
    np.testing.assert_allclose(made.latents.gain[:, None] * mixed, made.clean, atol=1e-6)
    assert draw_mixtures(recipe, small_pool(), GRID, 3, np.random.default_rng(0)).endmembers is None


def test_multiple_scattering_leaves_pure_pixels_alone_and_brightens_mixed_ones():
    pool = small_pool()
    recipe = dataclasses.replace(LINEAR, bilinear_share=1.0, bilinear_strength=(0.5, 0.5))
    linear = draw_mixtures(LINEAR, pool, GRID, 400, np.random.default_rng(0))
    fan = draw_mixtures(recipe, pool, GRID, 400, np.random.default_rng(0))
    other = draw_mixtures(
        dataclasses.replace(recipe, bilinear_model="nascimento"), pool, GRID, 400, np.random.default_rng(0)
    )
    pure = (fan.latents.material >= 0).sum(axis=1) == 1
    np.testing.assert_array_equal(fan.clean[pure], linear.clean[pure])
    np.testing.assert_array_equal(other.clean[pure], linear.clean[pure])
    assert (fan.clean[~pure] > linear.clean[~pure]).all()
    # Sharing to one, with products of reflectances below one, darkens.
    assert (other.clean[~pure] < linear.clean[~pure]).all()
    np.testing.assert_array_equal(fan.abundances, linear.abundances)


def test_lost_bands_are_those_that_were_drawn():
    recipe = dataclasses.replace(LINEAR, lost_bands=(0.1, 0.6))
    made = draw_mixtures(recipe, small_pool(), GRID, 200, np.random.default_rng(0))
    lost = np.isnan(made.reflectance).sum(axis=1)
    np.testing.assert_array_equal(lost, np.round(made.latents.lost * COMMON_GRID.size))
    assert 0.1 * 205 < lost.min() < lost.max() < 0.6 * 207
    assert np.isfinite(made.clean).all()


def test_a_perfect_correction_of_the_atmosphere_leaves_nothing():
    np.testing.assert_array_equal(atmosphere([0.0], np.zeros((1, 3))), 1)
    left = atmosphere([0.1], np.zeros((1, 0)))[0]
    at = dict(zip(COMMON_GRID.tolist(), left, strict=True))
    assert at[1380.0] == pytest.approx(np.exp(-0.1), rel=1e-3)
    assert at[1880.0] < at[1140.0] < at[940.0] < at[1650.0] <= 1
    assert at[1650.0] == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(knot_weights(5).sum(axis=0), 1)


def test_looking_by_interpolation_differs_for_wide_bands_only(pool):
    latents = draw_latents(QUIET, pool, 50, np.random.default_rng(0))
    difference = {}
    for name in ("vnir", "sentinel2"):
        sensor = get_sensor(name)
        one = render(latents, pool, sensor, QUIET).clean
        other = render(latents, pool, sensor, QUIET, by="interpolation").clean
        difference[name] = np.nanmax(np.abs(one - other))
    assert difference["sentinel2"] > 5 * difference["vnir"] > 0


@pytest.mark.parametrize(
    ("concepts", "words"),
    [
        ([], "name at least one"),
        (["vegetation", "bark"], "'bark' belongs to 'vegetation' and 'bark'"),
        (["bark", "bark"], "ask for one of them"),
        (["coral_reef"], "'coral reef'"),
        (["granite"], "no concept 'granite'"),
    ],
)
def test_pools_that_make_no_sense_are_refused_in_one_line(concepts, words, library, ontology):
    with pytest.raises(UnmixingError, match=words) as caught:
        make_pool(library, ontology, concepts)
    assert "\n" not in str(caught.value)


def test_a_concept_that_a_split_leaves_empty_is_refused(library, ontology):
    rows = library.records["concept"] == "bark"
    with pytest.raises(UnmixingError, match="'glass' has no spectra among the rows"):
        make_pool(library, ontology, ["bark", "glass"], rows=rows.to_numpy())


@pytest.mark.parametrize(
    "values",
    [
        {"material_shares": (0.5, 0.4)},
        {"concentration": (0.0, 1.0)},
        {"gain": -0.1},
        {"bilinear_share": 1.5},
        {"snr_db": (20.0, np.inf)},
        {"snr_db": (30.0, 20.0)},
        {"bilinear_model": "hapke"},
        {"lost_bands": (0.0, 1.0)},
        {"shape": np.nan},
    ],
)
def test_recipes_out_of_range_are_refused_by_name(values):
    with pytest.raises(UnmixingError, match=next(iter(values))):
        MixtureRecipe(**values)
