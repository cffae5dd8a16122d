"""Endmembers taken from the scene's own pixels: VCA and simplex volume maximisation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unmixing.classical.checks import CHUNK, as_matrix, check_count

Matrix = NDArray[np.float64]
Indices = NDArray[np.intp]


def vca(pixels: ArrayLike, k: int, rng: np.random.Generator) -> Matrix:
    """Find endmembers by vertex component analysis.

    J. M. P. Nascimento and J. M. Bioucas-Dias, IEEE Transactions on Geoscience and Remote Sensing 43 (2005).
    As there, the endmembers are the found pixels projected onto the signal subspace: noise outside of it is
    gone, and bands near zero can be slightly negative.

    Args:
        pixels: (N, bands), any scale.
        k: number of endmembers, 1 to the smaller of N and bands.
        rng: draws the directions; another state can find other pixels.

    Returns:
        (k, bands) float64 in the pixels' scale.

    Raises:
        UnmixingError: the pixels are no finite matrix, or k does not fit them.
    """
    matrix = as_matrix(pixels, "pixels")
    check_count(matrix, k, matrix.shape[1])
    points, centre, axes = _vca_points(matrix, k)
    found = matrix[_vertices(points, rng)]
    return np.asarray(_project(found, centre, axes) @ axes.T + centre)


def vca_indices(pixels: ArrayLike, k: int, rng: np.random.Generator) -> Indices:
    """Tell which pixels vertex component analysis takes as endmembers.

    Args:
        pixels: (N, bands), any scale.
        k: number of endmembers, 1 to the smaller of N and bands.
        rng: draws the directions.

    Returns:
        (k,) row numbers, in the order of their finding.

    Raises:
        UnmixingError: the pixels are no finite matrix, or k does not fit them.
    """
    matrix = as_matrix(pixels, "pixels")
    check_count(matrix, k, matrix.shape[1])
    points, _, _ = _vca_points(matrix, k)
    return _vertices(points, rng)


def _vertices(points: Matrix, rng: np.random.Generator) -> Indices:
    """Walk to one vertex after the other, each extreme in a direction orthogonal to those before."""
    k = points.shape[1]
    vertices = np.zeros((k, k))
    vertices[-1, 0] = 1
    found = np.zeros(k, dtype=np.intp)
    for index in range(k):
        direction = rng.standard_normal((k,))
        direction -= vertices @ (np.linalg.pinv(vertices) @ direction)
        found[index] = np.abs(points @ direction).argmax()
        vertices[:, index] = points[found[index]]
    return found


def _vca_points(pixels: NDArray[Any], k: int) -> tuple[Matrix, Matrix, Matrix]:
    """The pixels as (N, k) points whose hull is a simplex, and the centre and axes of the signal subspace."""
    mean, second_moment = _moments(pixels)
    covariance = second_moment - np.outer(mean, mean)
    axes = _principal_axes(covariance, k)
    # Power inside the subspace of k components and the mean, against all power (equation 14 of the paper).
    power = float(np.trace(second_moment))
    signal = float(np.sum((covariance @ axes) * axes)) + float(mean @ mean)
    noise = power - signal
    share = k / pixels.shape[1]
    ratio = (signal - share * power) / noise if noise > 1e-12 * power else np.inf
    # The paper's threshold of 15 + 10 log10(k) decibels.
    if ratio < 10**1.5 * k:
        axes = axes[:, : k - 1]
        points = np.empty((len(pixels), k))
        points[:, : k - 1] = _project(pixels, mean, axes)
        # A constant further coordinate, as long as the farthest point, makes the affine hull a linear one.
        points[:, k - 1] = np.sqrt((points[:, : k - 1] ** 2).sum(axis=1)).max() or 1.0
        return points, mean, axes
    axes = _principal_axes(second_moment, k)
    centre = np.zeros(pixels.shape[1])
    points = _project(pixels, centre, axes)
    height = points @ points.mean(axis=0)
    # Division by the height takes brightness away. A pixel near the origin or opposite to the mean has no
    # meaningful projection and is put where it cannot be found.
    usable = height > 1e-6 * np.abs(height).max()
    points[~usable] = 0
    points[usable] /= height[usable, None]
    return points, centre, axes


def _project(pixels: NDArray[Any], centre: Matrix, axes: Matrix) -> Matrix:
    """Coordinates (N, axes) of the pixels from a centre, in float64 without a copy of all pixels."""
    points = np.empty((len(pixels), axes.shape[1]))
    for start in range(0, len(pixels), CHUNK):
        part = slice(start, start + CHUNK)
        points[part] = (pixels[part] - centre) @ axes
    return points


def _principal_axes(moment: Matrix, count: int) -> Matrix:
    """The first eigenvectors (bands, count), each with its largest entry positive.

    Their signs are otherwise left to the linear algebra library, and random directions would then lead to
    other pixels on another machine.
    """
    _, vectors = np.linalg.eigh(moment)
    axes = vectors[:, ::-1][:, :count]
    largest = np.abs(axes).argmax(axis=0)
    return np.asarray(axes * np.sign(axes[largest, np.arange(axes.shape[1])]))


def _moments(pixels: NDArray[Any]) -> tuple[Matrix, Matrix]:
    """Mean (bands,) and second moment (bands, bands) in float64 without a copy of all pixels."""
    bands = pixels.shape[1]
    total: Matrix = np.zeros(bands)
    products = np.zeros((bands, bands))
    for start in range(0, len(pixels), CHUNK):
        part = pixels[start : start + CHUNK].astype(np.float64)
        total += part.sum(axis=0)
        products += part.T @ part
    return total / len(pixels), products / len(pixels)


def sivm(pixels: ArrayLike, k: int, *, refine: bool = True) -> Matrix:
    """Find endmembers by maximising the volume of the simplex that they span; no random draws.

    Grows the simplex by the pixel farthest from its affine hull (simplex volume maximisation, R. Heylen et
    al., IEEE Transactions on Geoscience and Remote Sensing 49, 2011). With ``refine`` each vertex is then
    replaced by the pixel that gives the largest volume until none can be, the exchange step of N-FINDR (M. E.
    Winter, Proceedings of SPIE 3753, 1999). Volumes are measured on the first k - 1 principal components.

    Args:
        pixels: (N, bands), any scale. Brightness counts: a shadow is a vertex here.
        k: number of endmembers, 1 to the smaller of N and bands + 1.
        refine: add the exchange step.

    Returns:
        (k, bands) float64, pixels of the scene.

    Raises:
        UnmixingError: the pixels are no finite matrix, or k does not fit them.
    """
    matrix = as_matrix(pixels, "pixels")
    return np.asarray(matrix[sivm_indices(matrix, k, refine=refine)], dtype=np.float64)


def sivm_indices(pixels: ArrayLike, k: int, *, refine: bool = True) -> Indices:
    """Tell which pixels ``sivm`` takes as endmembers.

    Args:
        pixels: (N, bands), any scale.
        k: number of endmembers, 1 to the smaller of N and bands + 1.
        refine: add the exchange step.

    Returns:
        (k,) row numbers.

    Raises:
        UnmixingError: the pixels are no finite matrix, or k does not fit them.
    """
    matrix = as_matrix(pixels, "pixels")
    check_count(matrix, k, matrix.shape[1] + 1)
    mean, second_moment = _moments(matrix)
    axes = _principal_axes(second_moment - np.outer(mean, mean), max(k - 1, 1))
    points = _project(matrix, mean, axes)
    # The pixel farthest from the mean is a vertex of every hull.
    found = [int((points**2).sum(axis=1).argmax())]
    while len(found) < k:
        found.append(int(_distance_to_hull(points, found).argmax()))
    # The volume grows with every exchange, so this ends; ten rounds are far more than scenes need.
    for _ in range(10 if refine and k > 1 else 0):
        exchanged = False
        for place in range(k):
            distance = _distance_to_hull(points, found[:place] + found[place + 1 :])
            best = int(distance.argmax())
            if distance[best] > distance[found[place]] * (1 + 1e-9):
                found[place] = best
                exchanged = True
        if not exchanged:
            break
    return np.array(found, dtype=np.intp)


def _distance_to_hull(points: Matrix, chosen: list[int]) -> Matrix:
    """Distance (N,) of every point from the affine hull of the chosen ones."""
    offsets = points - points[chosen[0]]
    basis, _ = np.linalg.qr(offsets[chosen[1:]].T)
    offsets -= (offsets @ basis) @ basis.T
    return np.asarray(np.sqrt((offsets**2).sum(axis=1)))
