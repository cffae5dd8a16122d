"""How many endmembers a scene has, where nobody says: a stated method, and a warning."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from unmixing.errors import UnmixingError

Array = npt.NDArray[np.float64]

METHOD = "noise-whitened Harsanyi-Farrand-Chang test"
WARNING = (
    "a count of distinct spectral signals, usually above the number of materials (Samson 8 against 3 in its "
    "references, Jasper Ridge 10 against 4): state the number where it is known"
)
_LARGEST_SAMPLE = 40_000


@dataclass(frozen=True)
class EndmemberCount:
    """An estimated number of endmembers.

    Attributes:
        count: K, at least 2.
        method: how it was found.
        warning: what the number is and is not.
    """

    count: int
    method: str
    warning: str


def estimate_count(cube: npt.NDArray[np.generic], false_alarm: float = 1e-4) -> EndmemberCount:
    """Estimate the number of endmembers by the noise-whitened Harsanyi-Farrand-Chang test.

    Noise is estimated band by band as the residual of a regression on all other bands; after whitening, a signal is
    counted wherever an eigenvalue of the correlation matrix exceeds that of the covariance matrix by more than chance.
    Source: C.-I. Chang and Q. Du, IEEE Transactions on Geoscience and Remote Sensing 42 (2004) 608-619.

    Args:
        cube: (rows, cols, bands).
        false_alarm: probability of counting a signal that is none, per eigenvalue.

    Raises:
        UnmixingError: fewer pixels than bands, or bands that are exact combinations of others.
    """
    flat = cube.reshape(-1, cube.shape[-1])
    step = max(1, flat.shape[0] // _LARGEST_SAMPLE)
    pixels = np.asarray(flat[::step], dtype=np.float64)
    count, bands = pixels.shape
    if count <= bands:
        raise UnmixingError(f"{count} pixels are too few to count endmembers in {bands} bands: state endmembers")
    noise = _noise_deviation(pixels)
    if not (noise > 0).all():
        raise UnmixingError("a band is an exact combination of the others, so noise cannot be told: state endmembers")
    whitened = pixels / noise
    correlation = whitened.T @ whitened / count
    mean = whitened.mean(axis=0)
    covariance = correlation - np.outer(mean, mean)
    with_mean = np.linalg.eigvalsh(correlation)[::-1]
    without = np.linalg.eigvalsh(covariance)[::-1]
    deviation = np.sqrt(2.0 * (with_mean**2 + without**2) / count)
    found = int((with_mean - without > -norm.ppf(false_alarm) * deviation).sum())
    return EndmemberCount(max(2, found), f"{METHOD}, false alarm {false_alarm:g}", WARNING)


def _noise_deviation(pixels: Array) -> Array:
    bands = pixels.shape[1]
    products = pixels.T @ pixels
    ridge = 1e-9 * np.trace(products) / bands
    inverse = np.linalg.inv(products + ridge * np.eye(bands))
    residual = pixels @ inverse / np.diag(inverse)
    return np.asarray(np.sqrt(np.mean(residual**2, axis=0)))
