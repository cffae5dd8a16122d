"""The best few library spectra for each pixel, at most one of each concept: a search, not a list of all models.

D. A. Roberts et al. (Remote Sensing of Environment 65, 1998) fit every combination of library spectra to every pixel
(MESMA). Here a combination grows by the spectrum that lowers the residual most, as in orthogonal matching pursuit
(Y. C. Pati et al., Asilomar Conference 1993), under three rules of that method: one spectrum for each material, no
negative share, and a further material only if it lowers the residual by more than a threshold. After each step every
spectrum is exchanged for the best of its own concept, the others held. Not every best combination is found this way.
"""

import numpy as np
import numpy.typing as npt

from unmixing.classical.active_set import least_squares

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Least gain in residual, relative to the pixel's length, for one more material; MESMA's usual .007 of reflectance.
LEAST_GAIN = 0.007
_CHUNK = 1_000
#: Rounds of exchange after each step.
_SWEEPS = 2


def best_combination(
    pixels: npt.ArrayLike,
    spectra: npt.ArrayLike,
    owner: npt.ArrayLike,
    *,
    least_gain: float = LEAST_GAIN,
) -> Array:
    """Find for each pixel a combination of spectra, at most one of each concept.

    Args:
        pixels: (N, bands).
        spectra: (n, bands), non-negative.
        owner: (n,) numbers of the concepts, 0 to C - 1.
        least_gain: share of the pixel's length by which one more material must lower the residual.

    Returns:
        (N, C) non-negative abundances of free sum; the brightness of a pixel is in the sum. Zeros for a zero pixel.
    """
    values, library = np.asarray(pixels, np.float64), np.asarray(spectra, np.float64)
    owners = np.asarray(owner, np.int64)
    # Only directions within the span of the library matter to the order of residuals.
    gram = library @ library.T
    result = np.zeros((len(values), int(owners.max()) + 1))
    for start in range(0, len(values), _CHUNK):
        part = slice(start, start + _CHUNK)
        chosen = _search(values[part], library, gram, owners, least_gain)
        result[part] = _abundances(values[part], library, chosen)
    return result


def _search(values: Array, library: Array, gram: Array, owners: Integers, least_gain: float) -> Integers:
    """Number of the spectrum chosen for each pixel and concept, (N, C), -1 for none."""
    count = int(owners.max()) + 1
    chosen = np.full((len(values), count), -1, dtype=np.int64)
    projected = values @ library.T
    power = np.maximum((values**2).sum(axis=1), 1e-300)
    residual = power.copy()
    growing = np.arange(len(values))
    # A spectrum that drops out again may come back: more rounds than concepts, but a fixed number of them.
    for _ in range(2 * count):
        if not growing.size:
            break
        mine = projected[growing]
        best = _gains(mine, gram, owners, chosen[growing]).argmax(axis=1)
        trial = chosen[growing]
        trial[np.arange(len(growing)), owners[best]] = best
        trial = _without_negative(mine, gram, trial)
        for _ in range(_SWEEPS):
            if not _exchange(mine, gram, owners, trial):
                break
        left = np.maximum(power[growing] - _fit(mine, gram, trial)[1], 0.0)
        lowered = np.sqrt(residual[growing] / power[growing]) - np.sqrt(left / power[growing])
        accepted = lowered > least_gain
        growing = growing[accepted]
        chosen[growing], residual[growing] = trial[accepted], left[accepted]
    return chosen


def _without_negative(projected: Array, gram: Array, chosen: Integers) -> Integers:
    """Leave out spectra with negative least squares shares until there are none."""
    result = chosen.copy()
    for _ in range(chosen.shape[1]):
        negative = _fit(projected, gram, result)[0] < 0
        if not negative.any():
            break
        result[negative] = -1
    return result


def _exchange(projected: Array, gram: Array, owners: Integers, chosen: Integers) -> bool:
    """Replace each chosen spectrum by the best of its concept, the others held; changes ``chosen``."""
    changed = False
    for concept in range(chosen.shape[1]):
        rows = np.flatnonzero(chosen[:, concept] >= 0)
        if not rows.size:
            continue
        now, trial = chosen[rows, concept], chosen[rows]
        trial[:, concept] = -1
        gain = _gains(projected[rows], gram, owners, trial)
        gain[:, owners != concept] = -1.0
        best, every = gain.argmax(axis=1), np.arange(len(rows))
        trial[:, concept] = best
        better = gain[every, best] > gain[every, now] * (1 + 1e-9)
        better &= (_fit(projected[rows], gram, trial)[0] >= 0).all(axis=1)
        chosen[rows[better]] = trial[better]
        changed |= bool(better.any())
    return changed


def _gains(projected: Array, gram: Array, owners: Integers, chosen: Integers) -> Array:
    """Squared residual that each spectrum would take away beside those chosen, (N, n); -1 for chosen concepts."""
    inverse, place = _inverse(gram, chosen)
    cross = gram[place] * (chosen >= 0)[:, :, None]
    weights = inverse @ cross
    inside = np.take_along_axis(projected, place, axis=1) * (chosen >= 0)
    left = projected - np.einsum("ncj,nc->nj", weights, inside)
    length = np.diag(gram) - np.einsum("ncj,ncj->nj", weights, cross)
    gain = np.where(length > 1e-9 * np.diag(gram), np.maximum(left, 0.0) ** 2 / np.maximum(length, 1e-300), 0.0)
    taken = (chosen >= 0)[:, owners]
    return np.where(taken, -1.0, gain)


def _fit(projected: Array, gram: Array, chosen: Integers) -> tuple[Array, Array]:
    """Least squares shares (N, C) of the chosen spectra, 0 where none is, and the squares that they explain, (N,)."""
    inverse, place = _inverse(gram, chosen)
    inside = np.take_along_axis(projected, place, axis=1) * (chosen >= 0)
    shares = np.einsum("ncd,nd->nc", inverse, inside)
    return np.asarray(shares, np.float64), np.asarray(np.einsum("nc,nc->n", shares, inside), np.float64)


def _inverse(gram: Array, chosen: Integers) -> tuple[Array, Integers]:
    """Inverse Gram matrices of the chosen spectra, (N, C, C), ones on the diagonal where none is chosen."""
    present, place = chosen >= 0, np.maximum(chosen, 0)
    block = gram[place[:, :, None], place[:, None, :]] * (present[:, :, None] & present[:, None, :])
    scale = np.trace(gram) / len(gram)
    diagonal = np.where(present, 1e-12 * scale, 1.0)
    inverse = np.linalg.inv(block + diagonal[:, :, None] * np.eye(chosen.shape[1]))
    return np.asarray(inverse, np.float64), np.asarray(place, np.int64)


def _abundances(values: Array, library: Array, chosen: Integers) -> Array:
    """Exact non-negative least squares with each pixel's spectra, (N, C)."""
    result = np.zeros(chosen.shape)
    codes, group = np.unique(chosen, axis=0, return_inverse=True)
    for number, code in enumerate(codes):
        present = np.flatnonzero(code >= 0)
        rows = np.flatnonzero(group.ravel() == number)
        if present.size:
            result[np.ix_(rows, present)] = least_squares(values[rows], library[code[present]], sum_to_one=False)
    return result
