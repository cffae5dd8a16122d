"""What is drawn for a training mixture, and from which distributions."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from unmixing.errors import UnmixingError
from unmixing.semantic.pools import Pool

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_LARGEST_SEED = 2**63


@dataclass(frozen=True)
class MixtureRecipe:
    """What is drawn from which distribution.

    Attributes:
        material_shares: share of pixels with 1, 2, ... materials.
        concentration: range of the Dirichlet parameter, drawn log-uniformly for each pixel.
        variability: ``spectra`` draws one of the concept's spectra, ``mean`` takes their mean.
        shape: standard deviation of the knots of the curve that bends a spectrum, relative.
        shape_knots: number of knots, evenly spread over the grid.
        material_gain: standard deviation of the logarithm of a material's brightness.
        gain: the same of the pixel's illumination.
        bilinear_share: share of pixels with multiple scattering.
        bilinear_strength: range of g, uniform.
        bilinear_model: ``fan`` or ``nascimento``.
        atmosphere: standard deviation of the water bands' residual optical depth d.
        smooth_gain: standard deviation of each coefficient of the smooth gain.
        smooth_terms: number of its coefficients.
        offset: standard deviation of the offset, reflectance.
        snr_db: range of the signal-to-noise ratio in dB, uniform; (inf, inf) for no noise.
        snr_reference: what the ratio's signal is: ``scene``, the root mean square of all concepts' means, so that dark
            pixels are noisier, as a sensor has it; or ``pixel``, the pixel's own.
        correlated_share: share of the noise's power that is correlated from band to band.
        correlation_nm: distance over which that correlation falls to 1/e.
        lost_bands: range of the share of bands that a pixel loses, uniform.
    """

    material_shares: tuple[float, ...] = (0.15, 0.3, 0.35, 0.2)
    concentration: tuple[float, float] = (0.2, 3.0)
    variability: Literal["spectra", "mean"] = "spectra"
    shape: float = 0.05
    shape_knots: int = 5
    material_gain: float = 0.07
    gain: float = 0.25
    bilinear_share: float = 0.2
    bilinear_strength: tuple[float, float] = (0.0, 0.3)
    bilinear_model: Literal["fan", "nascimento"] = "fan"
    atmosphere: float = 0.05
    smooth_gain: float = 0.02
    smooth_terms: int = 3
    offset: float = 0.003
    snr_db: tuple[float, float] = (15.0, 45.0)
    snr_reference: Literal["scene", "pixel"] = "scene"
    correlated_share: float = 0.3
    correlation_nm: float = 50.0
    lost_bands: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        """Refuse values outside their range.

        Raises:
            UnmixingError: names the value.
        """
        shares = np.asarray(self.material_shares)
        checks = {
            "material_shares": shares.size > 0 and shares.min() >= 0 and abs(shares.sum() - 1) < 1e-9,
            "concentration": 0 < self.concentration[0] <= self.concentration[1] < np.inf,
            "shape_knots": self.shape_knots >= 2,
            "smooth_terms": self.smooth_terms >= 0,
            "bilinear_share": 0 <= self.bilinear_share <= 1,
            "bilinear_strength": 0 <= self.bilinear_strength[0] <= self.bilinear_strength[1] < np.inf,
            "snr_db": self.snr_db[0] <= self.snr_db[1] and np.isinf(self.snr_db[0]) == np.isinf(self.snr_db[1]),
            "correlated_share": 0 <= self.correlated_share <= 1,
            "correlation_nm": 0 < self.correlation_nm < np.inf,
            "lost_bands": 0 <= self.lost_bands[0] <= self.lost_bands[1] < 1,
            "variability": self.variability in ("spectra", "mean"),
            "bilinear_model": self.bilinear_model in ("fan", "nascimento"),
            "snr_reference": self.snr_reference in ("scene", "pixel"),
        }
        for name in ("shape", "material_gain", "gain", "atmosphere", "smooth_gain", "offset"):
            checks[name] = 0 <= getattr(self, name) < np.inf
        for name, good in checks.items():
            if not good:
                raise UnmixingError(f"mixtures: {name} = {getattr(self, name)!r} is out of range: correct the recipe")


@dataclass(frozen=True)
class Latents:
    """All that was drawn for N pixels of up to K materials; unused places hold -1 or 0.

    Attributes:
        material: (N, K) number of the concept, or -1.
        spectrum: (N, K) number of the spectrum in the pool, or -1.
        abundance: (N, K) shares, sum 1.
        material_gain: (N, K) brightness, 1 where unused.
        knots: (N, K, knots) relative bend.
        concentration: (N,) Dirichlet parameter.
        gain: (N,) illumination.
        bilinear: (N,) strength g.
        atmosphere: (N,) residual optical depth d.
        smooth: (N, terms) coefficients of the smooth gain.
        offset: (N,) reflectance.
        snr_db: (N,) dB, infinite without noise.
        lost: (N,) share of bands lost.
        seed: of the noise and the lost bands, for all N pixels together.
    """

    material: Integers
    spectrum: Integers
    abundance: Array
    material_gain: Array
    knots: Array
    concentration: Array
    gain: Array
    bilinear: Array
    atmosphere: Array
    smooth: Array
    offset: Array
    snr_db: Array
    lost: Array
    seed: int


def draw_latents(recipe: MixtureRecipe, pool: Pool, count: int, rng: np.random.Generator) -> Latents:
    """Draw all that decides some pixels.

    Recipes that differ in an amplitude or a range, and generators in the same state, give pixels that differ in that
    only: the number and order of draws depend on the number of pixels, materials, knots and terms alone.

    Args:
        recipe: distributions.
        pool: spectra by concept; with fewer concepts than a pixel may have materials, the number is cut.
        count: N pixels.
        rng: all draws come from it, in a fixed order.
    """
    concepts = len(pool.concepts)
    largest = min(len(recipe.material_shares), concepts)
    shares = np.asarray(recipe.material_shares)[:largest].astype(np.float64)
    shares[-1] += 1 - shares.sum()
    materials = rng.choice(largest, size=count, p=shares / shares.sum()) + 1
    used = np.arange(largest) < materials[:, None]
    material = rng.random((count, concepts)).argsort(axis=1)[:, :largest].astype(np.int64)
    low, high = np.log(recipe.concentration)
    concentration = np.exp(rng.uniform(low, high, count))
    # Gamma draws of small shape underflow to 0; their logarithms, by the boost x = y u^(1/shape), do not.
    logarithm = np.log(rng.standard_gamma(concentration[:, None] + 1, (count, largest)))
    logarithm += np.log1p(-rng.random((count, largest))) / concentration[:, None]
    logarithm = np.where(used, logarithm, -np.inf)
    abundance = np.exp(logarithm - logarithm.max(axis=1, keepdims=True))
    abundance /= abundance.sum(axis=1, keepdims=True)
    position = rng.random((count, largest))
    if recipe.variability == "spectra":
        # Rounding must not carry a position over the end of its concept.
        place = np.minimum(material + position, np.nextafter(material + 1.0, 0.0))
        spectrum = np.searchsorted(pool.edges, place, side="right")
    else:
        spectrum = len(pool.edges) + material
    normal = rng.standard_normal
    strength = rng.uniform(*recipe.bilinear_strength, count)
    scattering = rng.random(count) < recipe.bilinear_share
    quality = rng.random(count)
    lowest, highest = recipe.snr_db
    snr_db = np.full(count, np.inf) if np.isinf(highest) else lowest + (highest - lowest) * quality
    return Latents(
        material=np.where(used, material, -1),
        spectrum=np.where(used, spectrum, -1).astype(np.int64),
        abundance=abundance,
        material_gain=np.where(used, np.exp(recipe.material_gain * normal((count, largest))), 1.0),
        knots=recipe.shape * normal((count, largest, recipe.shape_knots)) * used[:, :, None],
        concentration=concentration,
        gain=np.exp(recipe.gain * normal(count)),
        bilinear=np.where(scattering, strength, 0.0),
        atmosphere=recipe.atmosphere * normal(count),
        smooth=recipe.smooth_gain * normal((count, recipe.smooth_terms)),
        offset=recipe.offset * normal(count),
        snr_db=snr_db,
        lost=rng.uniform(*recipe.lost_bands, count),
        seed=int(rng.integers(_LARGEST_SEED)),
    )
