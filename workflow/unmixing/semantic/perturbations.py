"""What can go wrong between the ground and a method: disturbances of spectra, pixels and spellings.

Each is a function of arrays and an amplitude that leaves them as they are at amplitude zero. They are simple models,
named by what they stand for; none is a simulation of one instrument or one atmosphere.
"""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from unmixing.semantic.pools import Pool
from unmixing.semantic.sources import COMMON_GRID

Array = npt.NDArray[np.float64]

#: Edges of the deep bands of water vapour, where its correction fails first, in nanometres, and the width of a spike.
_EDGES_NM = (930.0, 1120.0, 1340.0, 1450.0, 1790.0, 1970.0)
_SPIKE_NM = 12.0
#: Width of the detector array in which pixels are laid side by side: pixel i is seen by column i modulo this.
COLUMNS = 20
#: Share of scattered light in the sun's and sky's light at 450 nm, and the power of the wavelength by which it falls.
_SKY_SHARE, _SKY_POWER = 0.3, -2.0
#: Reflectance of thick haze at 450 nm, and the power of the wavelength by which it falls.
_HAZE_REFLECTANCE, _HAZE_POWER = 0.35, -1.3
_REFERENCE_NM = 450.0
#: Reflectance of water's surface, and the chance that light from below is thrown back by it (n = 1.33).
_SURFACE, _THROWN_BACK = 0.02, 0.47
#: Absorption of water, 1/m, where it matters to a film: rounded from D. J. Segelstein, University of Missouri, 1981.
_WATER_NM = (400, 700, 900, 970, 1070, 1200, 1300, 1400, 1450, 1600, 1700, 1800, 1940, 2200, 2450)
_WATER_ABSORPTION = (0.007, 0.6, 6.8, 46, 14, 104, 110, 1200, 2600, 670, 510, 900, 12000, 1700, 5500)
#: Thickness of the film on ground that is wet all over, in metres.
_FILM_M = 2e-4


def water_residue(pixels: Array, wavelengths: Array, amplitude: float, rng: np.random.Generator) -> Array:
    """Add what a failed correction leaves at the edges of water-vapour bands: a spike at each, of either sign.

    Args:
        pixels: (N, B) reflectance, NaN where unknown.
        wavelengths: (B,) nanometres.
        amplitude: standard deviation of the spikes' heights, reflectance.
        rng: draws one height for each pixel and edge.
    """
    shapes = np.exp(-0.5 * ((np.asarray(wavelengths)[None] - np.array(_EDGES_NM)[:, None]) / _SPIKE_NM) ** 2)
    return np.asarray(pixels + amplitude * rng.standard_normal((len(pixels), len(shapes))) @ shapes, np.float64)


def calibration_error(pixels: Array, deviation: float, rng: np.random.Generator) -> Array:
    """Multiply every band by a gain of its own, the same for all pixels.

    Args:
        pixels: (N, B) reflectance.
        deviation: standard deviation of the gains about one.
        rng: draws B gains.
    """
    return np.asarray(pixels * (1 + deviation * rng.standard_normal(pixels.shape[1])), np.float64)


def dead_detectors(pixels: Array, share: float, rng: np.random.Generator) -> Array:
    """Set readings to zero where a detector (one column of the array in one band) is dead, unflagged.

    Args:
        pixels: (N, B) reflectance; pixel i is seen by column i modulo ``COLUMNS``.
        share: of the detectors.
        rng: draws which.
    """
    dead = rng.random((COLUMNS, pixels.shape[1])) < share
    return np.asarray(np.where(dead[np.arange(len(pixels)) % COLUMNS], 0.0, pixels), np.float64)


def striping(pixels: Array, deviation: float, rng: np.random.Generator) -> Array:
    """Multiply each detector's readings by a gain of its own.

    Args:
        pixels: (N, B) reflectance; pixel i is seen by column i modulo ``COLUMNS``.
        deviation: standard deviation of the gains about one.
        rng: draws them.
    """
    gains = 1 + deviation * rng.standard_normal((COLUMNS, pixels.shape[1]))
    return np.asarray(pixels * gains[np.arange(len(pixels)) % COLUMNS], np.float64)


def drift(pixels: Array, wavelengths: Array, size: float) -> Array:
    """Let the sensor's gain drift from the first pixel to the last, up at one end of the spectrum, down at the other.

    Args:
        pixels: (N, B) reflectance in the order in which they were seen.
        wavelengths: (B,) nanometres.
        size: change of gain at the ends of 400 to 2450 nm when the last pixel is seen.
    """
    span = COMMON_GRID[-1] - COMMON_GRID[0]
    tilt = 2 * (np.asarray(wavelengths) - COMMON_GRID[0]) / span - 1
    time = np.linspace(0.0, 1.0, len(pixels))
    return np.asarray(pixels * (1 + size * time[:, None] * tilt), np.float64)


def haze(pixels: Array, wavelengths: Array, thickness: float) -> Array:
    """Mix every pixel with thick haze, which is bright in the blue.

    Args:
        pixels: (N, B) reflectance.
        wavelengths: (B,) nanometres.
        thickness: share of the haze, 0 to 1, at 450 nm; it falls with the wavelength as the haze's reflectance does.
    """
    fall = (np.asarray(wavelengths) / _REFERENCE_NM) ** _HAZE_POWER
    veil = np.minimum(thickness * fall, 1.0)
    return np.asarray(pixels * (1 - veil) + veil * _HAZE_REFLECTANCE, np.float64)


def shadow(pixels: Array, wavelengths: Array, share: float) -> Array:
    """Take direct sunlight away; the sky's blue light is left.

    Args:
        pixels: (N, B) reflectance, under full light.
        wavelengths: (B,) nanometres.
        share: of the direct light that is lost, 0 to 1.
    """
    sky = np.minimum(_SKY_SHARE * (np.asarray(wavelengths) / _REFERENCE_NM) ** _SKY_POWER, 1.0)
    return np.asarray(pixels * (1 - share * (1 - sky)), np.float64)


def wet_reflectance(reflectance: npt.ArrayLike, wavelengths: npt.ArrayLike, wetness: float) -> Array:
    """Return the reflectance of ground that is wet on a share of its surface.

    Under a film light is thrown back by the water's surface and has more chances to be absorbed (A. Angstrom,
    Geografiska Annaler 7, 1925): 1 - R' = (1 - s)(1 - R) / (1 - p R), s the reflectance of the surface and p the
    chance of being thrown back; and it crosses the film twice, exp(-2 a d).

    Args:
        reflectance: (..., bands), 0 to 1, NaN where unknown.
        wavelengths: (bands,) nanometres.
        wetness: share of the surface, 0 to 1.
    """
    dry = np.asarray(reflectance, np.float64)
    below = 1 - (1 - _SURFACE) * (1 - dry) / (1 - _THROWN_BACK * dry)
    absorption = np.exp(np.interp(np.asarray(wavelengths, np.float64), _WATER_NM, np.log(_WATER_ABSORPTION)))
    wet = _SURFACE + (below - _SURFACE) * np.exp(-2 * absorption * _FILM_M)
    return np.asarray((1 - wetness) * dry + wetness * np.minimum(wet, dry), np.float64)


def wetted(pool: Pool, wetness: float, concepts: Iterable[str]) -> Pool:
    """Return a pool in which the spectra of some concepts are wet (``wet_reflectance``)."""
    chosen = np.isin(pool.owner, [pool.concepts.index(name) for name in concepts if name in pool.concepts])
    spectra = np.where(chosen[:, None], wet_reflectance(pool.spectra, COMMON_GRID, wetness), pool.spectra)
    return replace(pool, spectra=spectra)


def senescent(pool: Pool, share: float, green: str, dry: str) -> Pool:
    """Return a pool in which green plants have withered in part: each spectrum is mixed with the mean of dry ones.

    Args:
        pool: holds both concepts.
        share: of the leaves that are dry, 0 to 1.
        green: concept that withers.
        dry: concept of what it withers to.
    """
    chosen = pool.owner == pool.concepts.index(green)
    withered = (1 - share) * pool.spectra + share * pool.means[pool.concepts.index(dry)]
    return replace(pool, spectra=np.where(chosen[:, None], withered, pool.spectra))


def misspelt(text: str, rng: np.random.Generator) -> str:
    """Return a text with one slip of the pen: two letters exchanged, one left out or one doubled, in its longest word.

    Args:
        text: of at least one word of four letters, else it is returned as it is.
        rng: draws the slip.
    """
    words = text.split()
    place = int(np.argmax([len(word) for word in words]))
    word = words[place]
    if len(word) < 4:
        return text
    # The first letter is hardly ever the wrong one.
    at, kind = int(rng.integers(1, len(word) - 1)), int(rng.integers(3))
    slips = (
        word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        word[:at] + word[at + 1 :],
        word[:at] + word[at] + word[at:],
    )
    words[place] = slips[kind]
    return " ".join(words)
