"""Random fields on the ground and the sensor that looks at them.

The ground is a grid finer than the pixels. A pixel is the ground seen through the sensor's point spread function
and averaged over the pixel's square, so an abundance is an exact areal fraction, weighted by that function.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft, special
from scipy.spatial import cKDTree

Array = NDArray[np.float64]
Labels = NDArray[np.intp]


def matern_field(shape: tuple[int, int], scale: float, rng: np.random.Generator) -> Array:
    """Stationary Gaussian field with Matern 1/2 (exponential) covariance exp(-distance / scale).

    Drawn by circulant embedding: white noise times the square root of the covariance's spectrum on a torus
    large enough that its wrap-around is not seen.

    Args:
        shape: rows and columns.
        scale: distance at which the correlation has fallen to 1/e, in cells.
        rng: the stream of this field.

    Returns:
        (rows, columns), mean 0 and variance 1 in expectation.
    """
    torus = tuple(int(fft.next_fast_len(size + int(2 * scale) + 1, real=True)) for size in shape)
    rows = np.minimum(np.arange(torus[0]), torus[0] - np.arange(torus[0]))
    columns = np.minimum(np.arange(torus[1]), torus[1] - np.arange(torus[1]))
    covariance = np.exp(-np.hypot(rows[:, None], columns[None, :]) / scale)
    # The spectrum of the exponential covariance is positive on the plane; wrapping can push it below zero
    # by rounding only, which is cut off.
    spectrum = np.maximum(fft.rfft2(covariance).real, 0.0)
    noise = fft.rfft2(rng.standard_normal(torus))
    field: Array = fft.irfft2(noise * np.sqrt(spectrum), s=torus)
    return field[: shape[0], : shape[1]]


def balanced_labels(fields: Array, shares: Array, steps: int = 60) -> Labels:
    """Label of the largest field at every place, offset so that the labels take the shares asked for.

    Args:
        fields: (labels, rows, columns), as of `matern_field`.
        shares: (labels,) positive, sum 1.
        steps: corrections of the offsets.

    Returns:
        (rows, columns) labels; shares within about one hundredth of those asked for.
    """
    offsets = np.zeros(len(shares))
    labels: Labels = np.argmax(fields, axis=0)
    for _ in range(steps):
        found = np.bincount(labels.ravel(), minlength=len(shares)) / labels.size
        if np.abs(found - shares).max() < 0.005:
            break
        offsets += 0.3 * np.log(shares / np.maximum(found, 0.01))
        labels = np.argmax(fields + offsets[:, None, None], axis=0)
    return labels


def ground_patches(shape: tuple[int, int], patches: int, rng: np.random.Generator) -> Labels:
    """Divide the ground into patches: the cells of a Voronoi diagram of random centres.

    Returns:
        (rows, columns) number of the patch, 0 to patches - 1.
    """
    centres = rng.uniform(size=(patches, 2)) * np.asarray(shape)
    rows, columns = np.indices(shape, dtype=np.float64)
    places = np.stack([rows.ravel() + 0.5, columns.ravel() + 0.5], axis=1)
    nearest = cKDTree(centres).query(places)[1]
    return np.asarray(nearest, dtype=np.intp).reshape(shape)


def area_with_largest(field: Array, share: float) -> NDArray[np.bool_]:
    """The given share of the area in which the field is largest: (rows, columns) true there."""
    if share <= 0:
        return np.zeros(field.shape, dtype=np.bool_)
    return np.asarray(field >= np.quantile(field, 1.0 - share), dtype=np.bool_)


def patch_mixtures(patches: int, labels: int, materials: int, concentration: float, rng: np.random.Generator) -> Array:
    """Draw what each patch of a texture is mixed of: a few labels, in shares from a symmetric Dirichlet.

    Real mixtures are seldom of everything: in the reference abundances of the field's scenes half the pixels hold
    exactly two materials.

    Returns:
        (patches, labels), rows sum to 1, at most `materials` entries above 0.
    """
    chosen = np.argsort(rng.random((patches, labels)), axis=1)[:, : min(materials, labels)]
    mixtures = np.zeros((patches, labels))
    shares = rng.dirichlet(np.full(chosen.shape[1], concentration), size=patches)
    np.put_along_axis(mixtures, chosen, shares, axis=1)
    return mixtures


def texture_labels(
    labels: Labels, area: NDArray[np.bool_], patches: Labels, mixtures: Array, rng: np.random.Generator
) -> Labels:
    """Replace labels inside an area by a fine texture: each cell drawn from its patch's mixture.

    Args:
        labels: (rows, columns).
        area: (rows, columns) where the texture lies.
        patches: (rows, columns) number of the patch.
        mixtures: (patches, labels) shares of the labels within each patch.
        rng: the stream of the texture.

    Returns:
        (rows, columns) labels.
    """
    limits = np.cumsum(mixtures, axis=1)[patches[area]]
    drawn = (rng.random((limits.shape[0], 1)) >= limits[:, :-1]).sum(axis=1)
    textured = labels.copy()
    textured[area] = drawn
    return textured


def sensor_weights(pixels: int, subdivision: int, fwhm: float) -> Array:
    """Weights with which one line of pixels sees one line of ground cells.

    A Gaussian point spread function integrated over the pixel; rows are normalised, so the ground beyond the
    scene's edge is taken to be like that within.

    Args:
        pixels: pixels in the line.
        subdivision: ground cells per pixel.
        fwhm: full width at half maximum of the point spread function, in pixels; 0 for a plain block average.

    Returns:
        (pixels, pixels * subdivision), rows sum to 1. Apply to rows and columns in turn.
    """
    cells = (np.arange(pixels * subdivision) + 0.5) / subdivision
    if fwhm <= 0:
        weights = (np.floor(cells)[None, :] == np.arange(pixels)[:, None]).astype(np.float64)
    else:
        sigma = fwhm / np.sqrt(8.0 * np.log(2.0))
        left = (np.arange(pixels)[:, None] - cells[None, :]) / sigma
        weights = special.ndtr(left + 1.0 / sigma) - special.ndtr(left)
    normalised: Array = weights / weights.sum(axis=1, keepdims=True)
    return normalised


def area_fractions(labels: Labels, count: int, subdivision: int, fwhm: float) -> Array:
    """Areal fraction of every label in every pixel.

    Args:
        labels: (rows * subdivision, columns * subdivision).
        count: number of labels.
        subdivision: ground cells per pixel and axis.
        fwhm: of the point spread function, in pixels.

    Returns:
        (rows, columns, count), in [0, 1], sum 1 to rounding.
    """
    rows, columns = (size // subdivision for size in labels.shape)
    down = sensor_weights(rows, subdivision, fwhm)
    across = sensor_weights(columns, subdivision, fwhm).T
    fractions = np.zeros((rows, columns, count))
    for label in np.unique(labels):
        fractions[:, :, label] = down @ (labels == label).astype(np.float64) @ across
    return fractions
