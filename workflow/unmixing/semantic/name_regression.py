"""From the vector of a name to the shape of a spectrum: kernel ridge regression with whole groups left out.

Everything is closed form. With A = (K + c + strength I)^-1 over all names, the error of a group g that is left out is
A_gg^-1 (A Y)_g, and the matrix of the names without g is A_tt - A_tg A_gg^-1 A_gt (block inverse): the strength of the
ridge is chosen for each left-out group by the errors of the other groups, left out in turn, without a second fit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unmixing.errors import UnmixingError
from unmixing.semantic.splits import masked_angles

Array = npt.NDArray[np.float64]

#: Strengths offered, for kernels with ones on the diagonal. The largest leaves little but the mean.
STRENGTHS = tuple(float(value) for value in np.geomspace(0.1, 100.0, 7))
#: Weight of the constant kernel: an intercept that is as good as free.
_INTERCEPT = 100.0


@dataclass(frozen=True)
class Predictions:
    """Spectra predicted from names that were left out.

    Attributes:
        shapes: (N, bands).
        strengths: (N,) ridge chosen for the name's group.
    """

    shapes: Array
    strengths: Array


def predict_left_out(
    kernel: npt.ArrayLike,
    shapes: npt.ArrayLike,
    groups: npt.ArrayLike,
    strengths: Sequence[float] = STRENGTHS,
) -> Predictions:
    """Predict each name's spectrum from the names of all other groups.

    Args:
        kernel: (N, N) similarity of names, positive semi-definite, ones on the diagonal.
        shapes: (N, bands).
        groups: (N,) names of one group are left out together.
        strengths: ridges to choose from, by the squared error of the other groups left out in turn.

    Raises:
        UnmixingError: shapes do not fit, or there are fewer than three groups.
    """
    similarity, target = np.asarray(kernel, np.float64), np.asarray(shapes, np.float64)
    labels = np.asarray(groups)
    members = [np.flatnonzero(labels == group) for group in dict.fromkeys(labels.tolist())]
    count = len(target)
    if similarity.shape != (count, count) or labels.shape != (count,):
        raise UnmixingError(f"a kernel of shape {similarity.shape} does not fit {count} spectra: one row for each name")
    if len(members) < 3:
        raise UnmixingError(f"{len(members)} groups of names cannot be left out in turn: give at least three")
    # Errors are the same in any orthonormal basis of the spectra.
    basis, reduced = np.linalg.qr(target.T)
    values = reduced.T
    errors = np.empty((len(strengths), len(members)))
    found = np.empty((len(strengths), *values.shape))
    for index, strength in enumerate(strengths):
        inverse = np.asarray(np.linalg.inv(similarity + _INTERCEPT + strength * np.eye(count)), np.float64)
        fitted = np.asarray(inverse @ values, np.float64)
        for number, group in enumerate(members):
            corner = np.asarray(np.linalg.inv(inverse[np.ix_(group, group)]), np.float64)
            found[index, group] = values[group] - corner @ fitted[group]
            errors[index, number] = _inner_error(inverse, fitted, group, corner, members)
    best = errors.argmin(axis=0)
    shape, chosen = np.empty_like(values), np.empty(count)
    for number, group in enumerate(members):
        shape[group], chosen[group] = found[best[number], group], strengths[best[number]]
    return Predictions(np.asarray(shape @ basis.T), chosen)


def _inner_error(
    inverse: Array, fitted: Array, left: npt.NDArray[np.intp], corner: Array, members: list[npt.NDArray[np.intp]]
) -> float:
    """Mean squared error of the other groups, each left out beside the one that is left out already."""
    bridge = inverse[:, left] @ corner
    remaining = fitted - bridge @ fitted[left]
    # Groups of a single name, often most of them, are divided instead of solved.
    diagonal = np.diag(inverse) - np.einsum("ng,ng->n", bridge, inverse[:, left])
    single = np.array([group[0] for group in members if len(group) == 1 and group[0] != left[0]], dtype=np.intp)
    total = float(np.sum((remaining[single] / diagonal[single, None]) ** 2))
    for group in members:
        if len(group) == 1 or group[0] == left[0]:
            continue
        block = inverse[np.ix_(group, group)] - bridge[group] @ inverse[np.ix_(left, group)]
        total += float(np.sum(np.linalg.solve(block, remaining[group]) ** 2))
    return total / (len(inverse) - len(left))


def left_out_mean(shapes: npt.ArrayLike, groups: npt.ArrayLike) -> Array:
    """Return for each name the mean spectrum of all names of other groups, (N, bands): the answer without a name."""
    target, labels = np.asarray(shapes, np.float64), np.asarray(groups)
    result = np.empty_like(target)
    for group in dict.fromkeys(labels.tolist()):
        result[labels == group] = target[labels != group].mean(axis=0)
    return result


def identification(
    predicted: npt.ArrayLike, shapes: npt.ArrayLike, kinds: npt.ArrayLike | None = None
) -> tuple[Array, Array]:
    """Score predictions by the angle to the right spectrum, and by how many others are further away.

    Args:
        predicted: (N, bands).
        shapes: (N, bands) true spectra.
        kinds: (N,) compares each name with others of its kind only; by default with all.

    Returns:
        ``sad`` (N,) radians; ``share`` (N,) of the other spectra that lie further from the prediction than the right
        one, ties half: the area under the curve of identifying it, .5 by chance; NaN without others.
    """
    angles = masked_angles(np.asarray(predicted, np.float64), np.asarray(shapes, np.float64))
    right = np.diag(angles).copy()
    labels = np.zeros(len(angles)) if kinds is None else np.asarray(kinds)
    others = (labels[:, None] == labels[None]) & ~np.eye(len(angles), dtype=bool)
    further = ((angles > right[:, None]) & others).sum(axis=1) + 0.5 * ((angles == right[:, None]) & others).sum(axis=1)
    count = others.sum(axis=1)
    return right, np.asarray(np.where(count > 0, further / np.maximum(count, 1), np.nan), np.float64)
