"""Abundances with given endmembers: NNLS, FCLS, SCLS, SUnSAL, and the two conventions of references.

Which method carries which constraint:

=========  ==============  ===================  ===========================================================
method     non-negative    sums to one          a pixel's brightness
=========  ==============  ===================  ===========================================================
``nnls``   yes             no                   in the sum of its abundances
``scls``   yes             after the fit        free: a darker copy of a pixel gets the same abundances
``fcls``   yes             during the fit       must be explained by the mixture
``sunsal`` yes             if asked for         as ``nnls``, and fewer endmembers for each pixel
=========  ==============  ===================  ===========================================================
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unmixing.classical.active_set import least_squares
from unmixing.classical.checks import CHUNK, as_matrix, as_mixture
from unmixing.errors import UnmixingError

Matrix = NDArray[np.float64]


def nnls(pixels: ArrayLike, endmembers: ArrayLike) -> Matrix:
    """Non-negative least squares, exact.

    Args:
        pixels: (N, bands).
        endmembers: (K, bands), in the pixels' scale or any scale of their own: abundances scale inversely.

    Returns:
        (N, K) float64, >= 0; the sum of a row is free.

    Raises:
        UnmixingError: shapes do not fit or values are not finite.
    """
    return least_squares(pixels, endmembers, sum_to_one=False)


def fcls(pixels: ArrayLike, endmembers: ArrayLike) -> Matrix:
    """Fully constrained least squares: non-negative and summing to one, both exactly.

    The problem of D. C. Heinz and C.-I. Chang (IEEE Transactions on Geoscience and Remote Sensing 39, 2001),
    solved by an active set instead of their heavily weighted row of ones, which meets the sum only roughly.

    Args:
        pixels: (N, bands).
        endmembers: (K, bands), in the pixels' scale; spectra of unknown scale belong to ``scls``.

    Returns:
        (N, K) float64 in [0, 1], rows summing to one up to rounding.

    Raises:
        UnmixingError: shapes do not fit or values are not finite.
    """
    return least_squares(pixels, endmembers, sum_to_one=True)


def scls(pixels: ArrayLike, endmembers: ArrayLike) -> Matrix:
    """Scaled least squares: NNLS divided by its sum, so that a pixel's brightness is free.

    The model is ``pixel = psi * abundances @ endmembers`` with a gain ``psi > 0`` for each pixel; NNLS gives
    ``psi * abundances``, whose sum is ``psi``. With endmembers of maximum one this is the procedure that
    reproduces the reference abundances of Samson and Jasper Ridge.

    Args:
        pixels: (N, bands).
        endmembers: (K, bands). Their scales relative to each other weigh the shares.

    Returns:
        (N, K) float64 in [0, 1], rows summing to one. A pixel that no endmember explains (NNLS is zero) says
        nothing about its composition and gets 1 / K everywhere.

    Raises:
        UnmixingError: shapes do not fit or values are not finite.
    """
    return sum_normalised(nnls(pixels, endmembers))


def sum_normalised(abundances: ArrayLike) -> Matrix:
    """Divide non-negative abundances by their sum over the last axis.

    Args:
        abundances: (..., K), >= 0.

    Returns:
        (..., K) float64 summing to one; 1 / K where all are zero.
    """
    values = np.asarray(abundances, dtype=np.float64)
    total = values.sum(axis=-1, keepdims=True)
    shares = values / np.where(total > 0, total, 1)
    return np.where(total > 0, shares, 1 / values.shape[-1])


def sunsal(
    pixels: ArrayLike,
    endmembers: ArrayLike,
    sparsity: float = 1e-3,
    *,
    sum_to_one: bool = False,
    tolerance: float = 1e-6,
    max_iterations: int = 2_000,
) -> Matrix:
    """Sparse unmixing by variable splitting and augmented Lagrangian (SUnSAL).

    Minimises ``|y - a E|^2 / 2 + sparsity * sum(a)`` under ``a >= 0`` by the alternating direction method of
    multipliers of J. M. Bioucas-Dias and M. A. T. Figueiredo, "Alternating direction algorithms for
    constrained sparse regression" (WHISPERS 2010). Meant for libraries with many spectra; with few endmembers
    and ``sparsity=0`` it approaches ``nnls`` (or ``fcls`` with ``sum_to_one``).

    Args:
        pixels: (N, bands).
        endmembers: (K, bands), K may exceed the number of bands.
        sparsity: weight of the sum of abundances, >= 0, in squared units of the pixels. Without effect when
            ``sum_to_one`` is set, because the sum is constant then.
        sum_to_one: constrain each row's sum; met to about ``tolerance``, unlike in ``fcls``.
        tolerance: the search of a chunk of pixels ends when the root mean square of both residuals, relative
            to the abundances, is below this.
        max_iterations: the search ends here at the latest; 2,000 reach 1e-6 for condition numbers of
            libraries of reflectance.

    Returns:
        (N, K) float64, >= 0.

    Raises:
        UnmixingError: shapes do not fit, values are not finite, or the sparsity is negative.
    """
    mixed, pure = as_mixture(pixels, endmembers)
    if not sparsity >= 0:
        raise UnmixingError(f"sparsity of sunsal is {sparsity}; give a number of at least 0")
    values, vectors = np.linalg.eigh(pure @ pure.T)
    abundances = np.empty((len(mixed), len(pure)))
    for start in range(0, len(mixed), CHUNK):
        part = slice(start, start + CHUNK)
        projected = mixed[part].astype(np.float64) @ pure.T
        abundances[part] = _sunsal(projected, values, vectors, sparsity, sum_to_one, tolerance, max_iterations)
    return abundances


def _sunsal(
    projected: Matrix,
    values: Matrix,
    vectors: Matrix,
    sparsity: float,
    sum_to_one: bool,
    tolerance: float,
    max_iterations: int,
) -> Matrix:
    penalty = 10 * float(values.mean()) or 1.0
    split = np.zeros_like(projected)
    dual = np.zeros_like(projected)
    inverse = _penalised_inverse(values, vectors, penalty)
    for iteration in range(max_iterations):
        free = (projected + penalty * (split + dual)) @ inverse
        if sum_to_one:
            lever = inverse.sum(axis=1)
            free -= (free.sum(axis=1, keepdims=True) - 1) * (lever / lever.sum())
        before = split
        split = np.maximum(free - dual - sparsity / penalty, 0)
        dual -= free - split
        scale = max(float(np.sqrt(np.mean(split**2))), np.finfo(float).tiny)
        primal = float(np.sqrt(np.mean((free - split) ** 2))) / scale
        change = float(np.sqrt(np.mean((split - before) ** 2))) / scale
        if max(primal, change) < tolerance:
            break
        # Keep the two residuals within a factor of ten of each other, as the authors do.
        factor = 2.0 if primal > 10 * change else 0.5 if change > 10 * primal else 1.0
        if iteration % 10 == 0 and factor != 1.0:
            penalty *= factor
            dual /= factor
            inverse = _penalised_inverse(values, vectors, penalty)
    return split


def _penalised_inverse(values: Matrix, vectors: Matrix, penalty: float) -> Matrix:
    return np.asarray((vectors / (np.maximum(values, 0) + penalty)) @ vectors.T)


def areal_to_reference(abundances: ArrayLike, maxima: ArrayLike) -> Matrix:
    """Turn shares of area into shares weighted by brightness, as references made with ``scls`` are.

    Endmembers divided by their maximum ``m_k`` make abundances ``a_k m_k / sum_j a_j m_j``: a pixel that is
    half tree (.64) and half water (.07) has .10 water in that convention.

    Args:
        abundances: (..., K), shares of area, >= 0.
        maxima: (K,) each endmember's largest reflectance, > 0.

    Returns:
        (..., K) float64 summing to one (1 / K where all abundances are zero).

    Raises:
        UnmixingError: a maximum is not positive or their number is not K.
    """
    return sum_normalised(np.asarray(abundances, dtype=np.float64) * _maxima(abundances, maxima))


def reference_to_areal(abundances: ArrayLike, maxima: ArrayLike) -> Matrix:
    """Turn shares weighted by brightness back into shares of area: the inverse of ``areal_to_reference``.

    Args:
        abundances: (..., K), in the references' convention, >= 0.
        maxima: (K,) each endmember's largest reflectance, > 0.

    Returns:
        (..., K) float64 summing to one (1 / K where all abundances are zero).

    Raises:
        UnmixingError: a maximum is not positive or their number is not K.
    """
    return sum_normalised(np.asarray(abundances, dtype=np.float64) / _maxima(abundances, maxima))


def _maxima(abundances: ArrayLike, maxima: ArrayLike) -> Matrix:
    scale = np.asarray(maxima, dtype=np.float64)
    count = np.shape(abundances)[-1]
    if scale.shape != (count,) or not (np.isfinite(scale) & (scale > 0)).all():
        raise UnmixingError(f"maxima of {count} endmembers must be {count} positive numbers, not {scale}")
    return scale


def unit_maximum(endmembers: ArrayLike) -> Matrix:
    """Divide each spectrum by its largest value.

    Args:
        endmembers: (K, bands).

    Returns:
        (K, bands) float64 with maxima of one.

    Raises:
        UnmixingError: a spectrum has no positive value.
    """
    spectra = as_matrix(endmembers, "endmembers").astype(np.float64)
    largest = spectra.max(axis=1, keepdims=True)
    if (largest <= 0).any():
        raise UnmixingError(f"{int((largest <= 0).sum())} endmembers have no positive value; leave them out")
    return np.asarray(spectra / largest)
