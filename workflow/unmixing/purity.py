"""What an augmentation does to the purity of a training set: its nearly pure pixels, and the volume that it spans.

Endmembers of a linear mixture are the vertices of the simplex that holds all pixels. Blur, and crop with its
bilinear interpolation, replace each pixel by a mean of neighbours whose weights are not negative, sum to one and
are the same in all bands. Such a mean lies in the convex hull of the scene's own pixels: it is a mixture of them.
A vertex of the hull is kept only where all pixels that are averaged are that vertex, so small patches of a pure
material are mixed away, and a crop also leaves out what lies beyond its window. Both can therefore lose vertices
and neither can make one: the largest simplex within the hull can only shrink.

A flip moves pixels and keeps them all: ratio one. Noise leaves the hull; a gain g multiplies the volume by
g^(K - 1) and turns no spectrum; zero padding mixes the border with black, which is no material but counts as a
vertex. There the ratio can exceed one with nothing gained. And the share of pure pixels can rise under blur where
a material is dark and noisy: the mean of several such pixels points closer to the reference than each does.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unmixing.classical.checks import CHUNK, as_matrix, as_mixture
from unmixing.classical.extraction import sivm_indices, vca_indices
from unmixing.errors import UnmixingError

PURE_ANGLE = 0.03
"""Radians: a pixel nearer to a reference counts as pure."""

VCA_DRAWS = 5
"""Vertex component analysis starts in random directions: the largest simplex of this many draws is taken."""


def pure_shares(pixels: ArrayLike, references: ArrayLike, angle: float = PURE_ANGLE) -> NDArray[np.float64]:
    """Return the share of pure pixels of each reference; a pixel counts for its nearest reference alone.

    Args:
        pixels: (N, bands), any scale.
        references: (K, bands), any scale.
        angle: radians, above 0 and below pi/2.

    Returns:
        (K,), within [0, 1]. A zero pixel has no direction and is never pure.

    Raises:
        UnmixingError: shapes do not fit, values are not finite, there is no pixel, or the angle is out of range.
    """
    matrix, pure = as_mixture(pixels, references)
    if len(matrix) == 0:
        raise UnmixingError("there are no pixels to look for pure ones in; hand over at least one")
    if not 0 < angle < np.pi / 2:
        raise UnmixingError(f"the angle of a pure pixel is {angle} rad; it must lie above 0 and below pi/2")
    directions = pure / _lengths(pure)
    counts = np.zeros(len(pure), dtype=np.intp)
    for start in range(0, len(matrix), CHUNK):
        part = matrix[start : start + CHUNK].astype(np.float64)
        # Far from zero angle, where pure ends, the cosine has all the digits that are needed.
        cosines = part / _lengths(part) @ directions.T
        nearest = cosines.argmax(axis=1)
        is_pure = cosines.max(axis=1) > math.cos(angle)
        counts += np.bincount(nearest[is_pure], minlength=len(pure))
    return counts / len(matrix)


def _lengths(spectra: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = np.linalg.norm(spectra, axis=1, keepdims=True)
    return np.where(lengths == 0, 1.0, lengths)


def _components(matrix: NDArray[Any], count: int) -> NDArray[np.float64]:
    """Return the first principal directions (bands, count)."""
    mean = matrix.mean(axis=0, dtype=np.float64)
    scatter = np.zeros((matrix.shape[1], matrix.shape[1]))
    for start in range(0, len(matrix), CHUNK):
        part = matrix[start : start + CHUNK].astype(np.float64) - mean
        scatter += part.T @ part
    return np.asarray(np.linalg.eigh(scatter)[1][:, ::-1][:, :count])


def _volume(corners: NDArray[np.float64]) -> float:
    edges = corners[1:] - corners[0]
    return float(abs(np.linalg.det(edges)) / math.factorial(len(edges)))


def purity_rows(
    treatment: str,
    images: ArrayLike,
    scene: ArrayLike,
    references: ArrayLike,
    names: list[str],
    rng: np.random.Generator,
    angle: float = PURE_ANGLE,
) -> list[dict[str, Any]]:
    """Measure what one treatment does to the purity of the training set.

    Three ratios of volumes, each against the unaugmented scene and in its first K - 1 principal components:

    * ``volume_ratio``: the largest simplex of each image (grown and exchanged, ``classical.sivm``), the mean over
      images. What a training sees of a vertex on average.
    * ``volume_ratio_together``: the same with the pixels of all images as one set. The mildest image decides it.
    * ``volume_ratio_vca``: all images as one set with the pixels that vertex component analysis finds, the largest
      of five draws. It looks for extreme directions, not for volume: in real scenes its draws differ by a factor
      of ten among each other, and one noisy dark pixel decides them. Read it beside the others.

    Both scenes' vertices are searched with the same random directions, so that an unchanged scene has ratio one
    exactly; hand over a generator of the same seed for each treatment.

    Args:
        treatment: id, as the rows name it.
        images: (N, M, bands), the pixels of each augmented image; some images of a large set are enough.
        scene: (M', bands), pixels of the unaugmented scene, in the same scale.
        references: (K, bands), K at least 2.
        names: K names.
        rng: draws the directions of vertex component analysis.
        angle: radians below which a pixel is pure.

    Returns:
        K rows with treatment, endmember, name; ``pure_share`` of that reference and ``pure_share_scene``, the same
        without augmentation; and, equal in all rows, ``pure_share_total``, ``pure_share_total_scene`` and the three
        ratios (NaN where the scene itself spans no volume).

    Raises:
        UnmixingError: shapes do not fit, values are not finite, or there are too few pixels for K endmembers.
    """
    stack = np.asarray(images)
    if stack.ndim != 3 or len(stack) == 0:
        raise UnmixingError(f"images have shape {stack.shape}; hand over (images, pixels, bands)")
    augmented, original = as_matrix(stack.reshape(-1, stack.shape[2]), "pixels"), as_matrix(scene, "pixels")
    shares, shares_scene = (pure_shares(part, references, angle) for part in (augmented, original))
    count = len(shares)
    if len(names) != count or count < 2:
        raise UnmixingError(f"there are {len(names)} names and {count} references; hand over as many, at least 2")
    components = _components(original, count - 1)
    seeds = rng.integers(2**63, size=VCA_DRAWS).tolist()
    whole, whole_scene = _largest_volume(augmented, components), _largest_volume(original, components)
    each = [_largest_volume(image, components) for image in stack]
    vca, vca_scene = (_vca_volume(part, components, seeds) for part in (augmented, original))
    common = {
        "pure_share_total": float(shares.sum()),
        "pure_share_total_scene": float(shares_scene.sum()),
        "volume_ratio": _ratio(math.fsum(each) / len(each), whole_scene),
        "volume_ratio_together": _ratio(whole, whole_scene),
        "volume_ratio_vca": _ratio(vca, vca_scene),
    }
    return [
        {
            "treatment": treatment,
            "endmember": index,
            "name": name,
            "pure_share": float(shares[index]),
            "pure_share_scene": float(shares_scene[index]),
            **common,
        }
        for index, name in enumerate(names)
    ]


def _ratio(volume: float, scene: float) -> float:
    return volume / scene if scene > 0 else math.nan


def _largest_volume(matrix: NDArray[Any], components: NDArray[np.float64]) -> float:
    points = matrix @ components
    return _volume(points[sivm_indices(points, components.shape[1] + 1)])


def _vca_volume(matrix: NDArray[Any], components: NDArray[np.float64], seeds: list[int]) -> float:
    count = components.shape[1] + 1
    # The pixels that were found, not their projections by VCA: those can lie outside of the hull.
    found = (vca_indices(matrix, count, np.random.default_rng(seed)) for seed in seeds)
    return max(_volume(matrix[chosen] @ components) for chosen in found)
