"""What is possible at best: abundances found with the very spectra that each pixel was mixed from.

No method has them. Brightness is solved for, as everywhere, because abundance times brightness is all that a pixel
shows; what is left is the floor that noise and the materials' own brightness set (a Bayes floor in all but name).
"""

import numpy as np
import numpy.typing as npt
import torch

from unmixing.errors import UnmixingError
from unmixing.semantic.estimator import estimate
from unmixing.semantic.experiments.bench import TestPixels

Array = npt.NDArray[np.float64]

_SWEEPS = 30


def oracle(pixels: TestPixels, strength: float = 0.0) -> Array:
    """Return abundances (N, K) by least squares with the true spectra of each pixel.

    With a strength of multiple scattering (``mixtures``, model ``fan``) its terms are taken away from the pixel and
    the rest is solved anew until nothing changes: the true strength is given too.

    Args:
        pixels: rendered with endmembers.
        strength: g.

    Raises:
        UnmixingError: the pixels came without endmembers.
    """
    if pixels.mixtures.endmembers is None:
        raise UnmixingError("an oracle needs the true spectra: render the pixels with endmembers")
    material = pixels.mixtures.latents.material
    used = material >= 0
    spectra = np.asarray(pixels.mixtures.endmembers, np.float64)[:, :, pixels.bands]
    known = np.isfinite(pixels.values) & (np.isfinite(spectra) | ~used[:, :, None]).all(axis=1)
    spectra = np.where(used[:, :, None], np.nan_to_num(spectra), 0.0)
    values = np.where(known, pixels.values, 0.0)
    shares, light = _fitted(values, spectra, known, used)
    for _ in range(_SWEEPS if strength else 0):
        parts = shares[:, :, None] * spectra
        pairs = (parts.sum(axis=1) ** 2 - (parts**2).sum(axis=1)) / 2
        shares, light = _fitted(values - light[:, None] * strength * pairs, spectra, known, used)
    result = np.zeros_like(pixels.truth)
    rows, places = np.nonzero(used)
    result[rows, material[rows, places]] = shares[rows, places]
    return result


def _fitted(
    values: Array, spectra: Array, known: npt.NDArray[np.bool_], used: npt.NDArray[np.bool_]
) -> tuple[Array, Array]:
    found = estimate(torch.as_tensor(values), torch.as_tensor(spectra), torch.as_tensor(known), torch.as_tensor(used))
    return found.abundances.numpy(), found.brightness.numpy()
