"""Baselines with the information of the text-prompted model: the prompts and the library, no training.

Each is handed pixels and a ``SceneLibrary`` and returns abundances on the simplex, one column for each prompt.
``scale`` says how its shares are meant: ``area`` (its endmembers have a physical scale, so that brightness weighs)
or ``none`` (a label or a constant, which no conversion touches).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from unmixing.classical.abundances import fcls, nnls, scls, sum_normalised, sunsal
from unmixing.errors import UnmixingError
from unmixing.semantic.library_search import best_combination
from unmixing.semantic.scene_library import SceneLibrary

Array = npt.NDArray[np.float64]
Pixels = npt.NDArray[np.floating[Any]]

#: Weight of SUnSAL's sum of abundances, in squared units of reflectance; never chosen by a scene's references.
SPARSITY = 1e-3
_TOLERANCE, _ITERATIONS = 1e-3, 300


@dataclass(frozen=True)
class Baseline:
    """One baseline.

    Attributes:
        name: id in rows.
        title: name in tables.
        scale: ``area`` or ``none`` (see the module's description).
        solve: (pixels (N, bands of the scene), library) -> (N, K) on the simplex.
    """

    name: str
    title: str
    scale: Literal["area", "none"]
    solve: Callable[[Pixels, SceneLibrary], Array]


def class_mean_fcls(pixels: Pixels, library: SceneLibrary) -> Array:
    """Fit the concepts' mean spectra with abundances that sum to one (``classical.fcls``).

    A pixel's brightness must be explained by the mixture: on scenes of unknown scale the fit is systematically wrong.

    Args:
        pixels: (N, bands of the scene).
        library: K prompts.

    Returns:
        (N, K) in [0, 1], rows summing to one.

    Raises:
        UnmixingError: the pixels have another number of bands.
    """
    return library.share(fcls(_used(pixels, library), library.means))


def class_mean_scls(pixels: Pixels, library: SceneLibrary) -> Array:
    """Fit the concepts' mean spectra with a free brightness for each pixel (``classical.scls``).

    Args:
        pixels: (N, bands of the scene).
        library: K prompts.

    Returns:
        (N, K) in [0, 1], rows summing to one.

    Raises:
        UnmixingError: the pixels have another number of bands.
    """
    return library.share(scls(_used(pixels, library), library.means))


def sunsal_library(pixels: Pixels, library: SceneLibrary) -> Array:
    """Fit all representatives at once, few of them for each pixel, and add up each concept's (``classical.sunsal``).

    Args:
        pixels: (N, bands of the scene).
        library: K prompts.

    Returns:
        (N, K) in [0, 1], rows summing to one.

    Raises:
        UnmixingError: the pixels have another number of bands.
    """
    found = sunsal(_used(pixels, library), library.spectra, SPARSITY, tolerance=_TOLERANCE, max_iterations=_ITERATIONS)
    return library.share(sum_normalised(summed(found, library.owner, len(library.concepts))))


def best_of_library(pixels: Pixels, library: SceneLibrary) -> Array:
    """Find for each pixel the best spectrum of each concept that it needs (``library_search.best_combination``).

    Args:
        pixels: (N, bands of the scene).
        library: K prompts.

    Returns:
        (N, K) in [0, 1], rows summing to one.

    Raises:
        UnmixingError: the pixels have another number of bands.
    """
    found = best_combination(_used(pixels, library), library.spectra, library.owner)
    return library.share(sum_normalised(found))


def class_mean_bilinear(pixels: Pixels, library: SceneLibrary) -> Array:
    """Fit the concepts' mean spectra and the products of each two of them, with a free brightness.

    Products stand for light that met two materials (J. M. P. Nascimento and J. M. Bioucas-Dias, Proceedings of SPIE
    7477, 2009); the shares are those of the materials alone.

    Args:
        pixels: (N, bands of the scene).
        library: K prompts.

    Returns:
        (N, K) in [0, 1], rows summing to one.

    Raises:
        UnmixingError: the pixels have another number of bands.
    """
    return library.share(bilinear_shares(_used(pixels, library), library.means))


def nearest_mean(pixels: Pixels, library: SceneLibrary) -> Array:
    """Give each pixel wholly to the concept whose mean spectrum has the smallest angle to it.

    Args:
        pixels: (N, bands of the scene).
        library: K prompts.

    Returns:
        (N, K) zeros and ones (equal shares where prompts share a concept).

    Raises:
        UnmixingError: the pixels have another number of bands.
    """
    return library.share(nearest_by_angle(_used(pixels, library), library.means))


def constant(pixels: Pixels, library: SceneLibrary) -> Array:
    """Give every prompt the same share everywhere: what knowing nothing scores.

    Args:
        pixels: (N, bands of the scene).
        library: K prompts.

    Returns:
        (N, K) of 1 / K.
    """
    return np.full((len(pixels), len(library.groups)), 1 / len(library.groups))


BASELINES: Mapping[str, Baseline] = MappingProxyType(
    {
        baseline.name: baseline
        for baseline in (
            Baseline("class_mean_scls", "SCLS, class means of the library", "area", class_mean_scls),
            Baseline("class_mean_fcls", "FCLS, class means of the library", "area", class_mean_fcls),
            Baseline("class_mean_bilinear", "SCLS, class means and their products", "area", class_mean_bilinear),
            Baseline("sunsal_library", "SUnSAL, library", "area", sunsal_library),
            Baseline("best_of_library", "Best of the library for each pixel", "area", best_of_library),
            Baseline("nearest_mean", "Nearest class mean by angle", "none", nearest_mean),
            Baseline("constant", "Constant", "none", constant),
        )
    }
)


def summed(abundances: npt.ArrayLike, owner: npt.ArrayLike, count: int) -> Array:
    """Add up the abundances (N, n) of spectra by their owners (n,): (N, count)."""
    members = np.asarray(owner)[:, None] == np.arange(count)
    return np.asarray(np.asarray(abundances, np.float64) @ members, np.float64)


def bilinear_shares(pixels: npt.ArrayLike, endmembers: npt.ArrayLike) -> Array:
    """Return the shares (N, K) of endmembers (K, bands) in pixels (N, bands) that also hold products of each two."""
    spectra = np.asarray(endmembers, np.float64)
    first, second = np.triu_indices(len(spectra), 1)
    found = nnls(pixels, np.concatenate([spectra, spectra[first] * spectra[second]]))
    return np.asarray(sum_normalised(found[:, : len(spectra)]), np.float64)


def nearest_by_angle(pixels: npt.ArrayLike, endmembers: npt.ArrayLike) -> Array:
    """Return (N, K) ones where an endmember (K, bands) has the smallest angle to the pixel (N, bands), else zeros."""
    spectra = np.asarray(endmembers, np.float64)
    unit = spectra / np.maximum(np.linalg.norm(spectra, axis=1, keepdims=True), 1e-300)
    # The pixel's own length does not change which cosine is largest.
    return np.asarray(np.eye(len(unit))[np.argmax(np.asarray(pixels, np.float64) @ unit.T, axis=1)], np.float64)


def _used(pixels: Pixels, library: SceneLibrary) -> Array:
    values = np.asarray(pixels)
    if values.ndim != 2 or values.shape[1] != library.bands.size:
        raise UnmixingError(
            f"pixels of shape {values.shape} do not fit a library on {library.bands.size} bands: give (N, bands) "
            f"of the scene that the library was resampled to"
        )
    return np.asarray(values[:, library.bands], np.float64)
