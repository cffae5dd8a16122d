"""Training mixtures: pixels made of library spectra, with everything that was drawn kept.

A pixel is made in this order, on the common grid (400-2450 nm at 10 nm) until the sensor looks at it:

1. K materials with abundances a, Dirichlet with one concentration for all;
2. a spectrum of each material's concept, bent by a straight-line curve through random knots, times the material's
   own brightness: e_k;
3. mixing. Linear: y = sum_k a_k e_k. Bilinear, with the pixel's strength g and all pairs i < j:
   ``fan``         y = sum_k a_k e_k + g sum_ij a_i a_j e_i e_j   (W. Fan et al., International Journal of Remote
                   Sensing 30, 2009, where g = 1; with g within [0, 1] a case of A. Halimi et al., IEEE Transactions on
                   Geoscience and Remote Sensing 49, 2011, where each pair has its own);
   ``nascimento``  the same divided by 1 + g sum_ij a_i a_j, so that the shares of all terms sum to one (J. Nascimento
                   and J. Bioucas-Dias, Proceedings of SPIE 7477, 2009);
   products are taken wavelength by wavelength;
4. the pixel's illumination, a gain;
5. what an atmospheric correction leaves: times exp(-d m(L)), m the water bands at 940, 1140, 1380 and 1880 nm, times a
   smooth gain 1 + sum_j c_j cos(j pi u), u from 0 to 1 over the grid; plus an offset;
6. the sensor's responses;
7. noise, correlated from band to band in part, and bands that are lost.

``draw_latents`` draws, ``render`` computes: rendering the same latents gives the same pixels bit for bit.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from unmixing.semantic.latents import Latents, MixtureRecipe, draw_latents
from unmixing.semantic.pools import Pool
from unmixing.semantic.sensors import Sensor, apply_response, interpolation_matrix, response_matrix
from unmixing.semantic.sources import COMMON_GRID, COMMON_RESOLUTION_NM

Array = npt.NDArray[np.float64]

#: Centre and standard deviation in nanometres and relative depth of the bands of water vapour.
WATER_BANDS = ((940.0, 20.0, 0.4), (1140.0, 25.0, 0.6), (1380.0, 40.0, 1.0), (1880.0, 50.0, 1.0))


@dataclass(frozen=True)
class Mixtures:
    """Pixels with their truth.

    Attributes:
        reflectance: (N, B) float32, NaN where a band is masked or lost.
        clean: (N, B) float32, before noise and lost bands.
        abundances: (N, C) float32, columns as the pool's concepts.
        endmembers: (N, K, B) float32 spectra of the materials as they were mixed, without illumination; NaN where
            unused; None where not asked for.
        latents: what was drawn.
    """

    reflectance: npt.NDArray[np.float32]
    clean: npt.NDArray[np.float32]
    abundances: npt.NDArray[np.float32]
    endmembers: npt.NDArray[np.float32] | None
    latents: Latents


def render(
    latents: Latents,
    pool: Pool,
    sensor: Sensor,
    recipe: MixtureRecipe,
    *,
    with_endmembers: bool = False,
    by: Literal["response", "interpolation"] = "response",
) -> Mixtures:
    """Compute the pixels that some latents describe, the same bit for bit at every call.

    Args:
        latents: N pixels.
        pool: the one they were drawn with.
        sensor: B bands.
        recipe: the one they were drawn with; of it the models count here, not the distributions.
        with_endmembers: also return each material's spectrum.
        by: how the sensor looks: over its bands' responses, or at their centres only (what a user does who
            interpolates; for the comparison of the two).
    """
    if by == "response":
        matrix = response_matrix(sensor, COMMON_GRID, COMMON_RESOLUTION_NM)
    else:
        matrix = interpolation_matrix(sensor, COMMON_GRID)
    used = latents.material >= 0
    known = np.isfinite(pool.spectra)
    values = np.where(known, pool.spectra, 0.0)
    bend = 1 + latents.knots @ knot_weights(latents.knots.shape[2])
    # A curve that would turn a spectrum negative stops at zero.
    materials = values[latents.spectrum] * np.maximum(bend, 0.0)
    materials *= np.where(used, latents.material_gain, 0.0)[:, :, None]
    parts = latents.abundance[:, :, None] * materials
    linear = parts.sum(axis=1)
    # Twice the sum over pairs is the square of the sum less the sum of squares.
    pairs = (linear**2 - (parts**2).sum(axis=1)) / 2
    pixels = linear + latents.bilinear[:, None] * pairs
    if recipe.bilinear_model == "nascimento":
        shares = (1 - (latents.abundance**2).sum(axis=1)) / 2
        pixels /= (1 + latents.bilinear * shares)[:, None]
    pixels *= latents.gain[:, None] * atmosphere(latents.atmosphere, latents.smooth)
    pixels += latents.offset[:, None]
    # A pixel is known where all of its materials are.
    pixels[~(known[latents.spectrum] | ~used[:, :, None]).all(axis=1)] = np.nan
    clean = apply_response(matrix, pixels)
    noisy = _disturbed(latents, clean, pool, sensor, matrix, recipe)
    abundances = np.zeros((len(used), len(pool.concepts)))
    rows, places = np.nonzero(used)
    abundances[rows, latents.material[rows, places]] = latents.abundance[rows, places]
    endmembers = None
    if with_endmembers:
        shown = np.where(known[latents.spectrum] & used[:, :, None], materials, np.nan)
        endmembers = apply_response(matrix, shown).astype(np.float32)
    return Mixtures(
        reflectance=noisy.astype(np.float32),
        clean=clean.astype(np.float32),
        abundances=abundances.astype(np.float32),
        endmembers=endmembers,
        latents=latents,
    )


def draw_mixtures(
    recipe: MixtureRecipe,
    pool: Pool,
    sensor: Sensor,
    count: int,
    rng: np.random.Generator,
    *,
    with_endmembers: bool = False,
) -> Mixtures:
    """Draw and render N pixels as one sensor sees them."""
    return render(draw_latents(recipe, pool, count, rng), pool, sensor, recipe, with_endmembers=with_endmembers)


def atmosphere(depth: npt.ArrayLike, smooth: npt.ArrayLike) -> Array:
    """Return what an imperfect atmospheric correction leaves, as a factor on the common grid.

    Args:
        depth: (N,) residual optical depth of the water bands; positive darkens them.
        smooth: (N, terms) coefficients of cosines over the grid, the first half a period long.

    Returns:
        (N, grid), 1 for zeros.
    """
    vapour = np.zeros(COMMON_GRID.size)
    for centre, deviation, relative in WATER_BANDS:
        vapour += relative * np.exp(-0.5 * ((COMMON_GRID - centre) / deviation) ** 2)
    coefficients = np.asarray(smooth, np.float64)
    place = np.linspace(0.0, np.pi, COMMON_GRID.size)
    waves = np.cos(np.arange(1, coefficients.shape[1] + 1)[:, None] * place)
    return np.asarray(np.exp(-np.asarray(depth, np.float64)[:, None] * vapour) * (1 + coefficients @ waves), np.float64)


def knot_weights(knots: int) -> Array:
    """Return the weights (knots, grid) that draw straight lines between evenly spread knots."""
    places = np.linspace(COMMON_GRID[0], COMMON_GRID[-1], knots)
    return np.stack([np.interp(COMMON_GRID, places, row) for row in np.eye(knots)])


def noise_factor(wavelengths: npt.ArrayLike, correlated_share: float, correlation_nm: float) -> Array:
    """Return L such that white noise times L has unit variance in every band and the wanted correlation.

    The covariance is (1 - s) I + s exp(-|L_i - L_j| / l): a share s of the power is correlated over the length l.

    Args:
        wavelengths: (B,) nanometres.
        correlated_share: s, 0 to 1.
        correlation_nm: l.

    Returns:
        (B, B), upper triangular: L^T L is the covariance.
    """
    axis = np.asarray(wavelengths, np.float64)
    decay = np.exp(-np.abs(axis[:, None] - axis[None, :]) / correlation_nm)
    covariance = (1 - correlated_share) * np.eye(axis.size) + correlated_share * decay
    return np.asarray(np.linalg.cholesky(covariance).T, np.float64)


def _noise_deviation(latents: Latents, clean: Array, pool: Pool, matrix: Array, recipe: MixtureRecipe) -> Array:
    """Standard deviation of each pixel's noise, (N,)."""
    if recipe.snr_reference == "scene":
        means = apply_response(matrix, pool.means)
        signal = np.full(len(clean), np.sqrt(np.nanmean(means**2)))
    else:
        known = np.isfinite(clean)
        signal = np.sqrt(np.where(known, clean, 0.0) ** 2 @ np.ones(clean.shape[1]) / np.maximum(known.sum(axis=1), 1))
    return np.asarray(signal * 10.0 ** (-latents.snr_db / 20), np.float64)


def _disturbed(
    latents: Latents, clean: Array, pool: Pool, sensor: Sensor, matrix: Array, recipe: MixtureRecipe
) -> Array:
    """Pixels with noise and without the bands they lose, both from the latents' seed."""
    noise, loss = (np.random.default_rng(child) for child in np.random.SeedSequence(latents.seed).spawn(2))
    result = clean
    deviation = _noise_deviation(latents, clean, pool, matrix, recipe)
    if deviation.any():
        white = noise.standard_normal(clean.shape)
        if recipe.correlated_share > 0:
            white = white @ noise_factor(sensor.centres, recipe.correlated_share, recipe.correlation_nm)
        result = clean + deviation[:, None] * white
    if latents.lost.any():
        rank = loss.random(clean.shape).argsort(axis=1).argsort(axis=1)
        # At least one band is left.
        lost = np.minimum(np.round(latents.lost * clean.shape[1]), clean.shape[1] - 1)
        result = np.where(rank < lost[:, None], np.nan, result)
    return result
