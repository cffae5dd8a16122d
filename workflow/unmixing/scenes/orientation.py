"""Proof that reference abundances lie on their cube the right way round.

Files of this field store abundances transposed, flipped or in another memory order than their cube, and nothing
in the file says so. The physics does: the spectra that the references predict must point where the measured
spectra point. Every arrangement of the references is tried, and the best one is believed only if it is far
better than all others.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from unmixing.errors import UnmixingError

Array = npt.NDArray[np.float64]

#: The best arrangement is accepted if its angle is at most this share of the second best.
ACCEPTED_SHARE = 0.5
#: Angles closer than this are equal within the accuracy of float32 cubes.
_EQUAL_RAD = 1e-3
_BLOCK = 16_384


@dataclass(frozen=True)
class Arrangement:
    """One way to lay references on a cube.

    Attributes:
        name: what was done to the stored array, e.g. ``"transposed, rows flipped"``.
        angle_rad: mean spectral angle between predicted and measured spectra.
    """

    name: str
    angle_rad: float


def arrangements(stored: npt.NDArray[Any], rows: int, cols: int) -> dict[str, npt.NDArray[Any]]:
    """Return the distinct ways to lay a stored array on a grid.

    Memory order (C or Fortran), transpose and flips are combined; arrays equal to an earlier one are left out.

    Args:
        stored: (a, b, K) or (pixels, K), with a * b or pixels equal to rows * cols.
        rows: height of the grid.
        cols: width of the grid.

    Returns:
        Arrays (rows, cols, K) by name.
    """
    count = stored.shape[-1]
    laid: dict[str, npt.NDArray[Any]] = {}
    if stored.ndim == 2:
        laid["rows first"] = stored.reshape(rows, cols, count)
        laid["columns first"] = stored.reshape(cols, rows, count).transpose(1, 0, 2)
    else:
        if stored.shape[:2] == (rows, cols):
            laid["as stored"] = stored
        if stored.shape[:2] == (cols, rows):
            laid["transposed"] = stored.transpose(1, 0, 2)
        by_rows = stored.reshape(-1, count)
        by_columns = stored.transpose(1, 0, 2).reshape(-1, count)
        laid["read by rows, laid by columns"] = by_rows.reshape(cols, rows, count).transpose(1, 0, 2)
        laid["read by columns, laid by rows"] = by_columns.reshape(rows, cols, count)
        laid["read and laid by rows"] = by_rows.reshape(rows, cols, count)
        laid["read and laid by columns"] = by_columns.reshape(cols, rows, count).transpose(1, 0, 2)
    distinct: dict[str, npt.NDArray[Any]] = {}
    for name, array in laid.items():
        for suffix, flipped in (
            ("", array),
            (", rows flipped", array[::-1]),
            (", columns flipped", array[:, ::-1]),
            (", rows and columns flipped", array[::-1, ::-1]),
        ):
            if not any(np.array_equal(flipped, other) for other in distinct.values()):
                distinct[name + suffix] = flipped
    return distinct


def prove_orientation(
    cube: npt.NDArray[Any],
    stored: npt.NDArray[Any],
    endmembers: npt.NDArray[Any],
    where: str,
) -> tuple[npt.NDArray[Any], list[Arrangement]]:
    """Lay reference abundances on their cube, or refuse.

    Args:
        cube: (rows, cols, bands).
        stored: reference abundances (a, b, K) or (pixels, K) as the file has them.
        endmembers: (K, bands) reference endmembers on the same bands.
        where: the file, for the message.

    Returns:
        The abundances (rows, cols, K), and all arrangements tried, best first.

    Raises:
        UnmixingError: the best arrangement is not clearly better than the second best; all angles are named.
    """
    rows, cols, _ = cube.shape
    projection = _Projection(cube, np.asarray(endmembers, dtype=np.float64))
    candidates = arrangements(stored, rows, cols)
    tried = sorted(
        (
            Arrangement(name, projection.angle(np.asarray(array, dtype=np.float64)))
            for name, array in candidates.items()
        ),
        key=lambda item: (np.isnan(item.angle_rad), item.angle_rad),
    )
    best = tried[0]
    if np.isnan(best.angle_rad):
        raise UnmixingError(f"{where}: references predict no spectrum (all zero): leave them out or mend the file")
    second = tried[1].angle_rad if len(tried) > 1 else float("inf")
    if best.angle_rad > ACCEPTED_SHARE * second or second - best.angle_rad < _EQUAL_RAD:
        raise UnmixingError(
            f"{where}: orientation of the reference abundances cannot be proven, the two best arrangements are too "
            f"close: {describe(tried)}: check that cube and references belong together, or leave the abundances out"
        )
    return candidates[best.name], tried


def describe(tried: list[Arrangement]) -> str:
    """Return all arrangements with their angles as one line."""
    return "; ".join(f"{item.name} {item.angle_rad:.3f} rad" for item in tried)


def pixel_order(pixels: npt.NDArray[Any], rows: int, cols: int) -> tuple[str, str]:
    """Find in which order the pixels of a flat cube run, by the likeness of neighbours.

    A square cube read in the wrong order is only transposed, which no likeness can tell; columns first is then
    assumed, as MATLAB writes them.

    Args:
        pixels: (rows * cols, bands).
        rows: height.
        cols: width.

    Returns:
        ``"F"`` (columns first) or ``"C"`` (rows first), and a note that says why.
    """
    if rows == cols or rows == 1 or cols == 1:
        return "F", "pixels run down the columns, as MATLAB writes them (a square grid cannot tell)"
    bands = np.unique(np.linspace(0, pixels.shape[1] - 1, 16).astype(int))
    sample = np.asarray(pixels[:, bands], dtype=np.float64)
    by_rows = _roughness(sample.reshape(rows, cols, -1))
    by_columns = _roughness(sample.reshape(cols, rows, -1))
    figures = f"mean step between neighbours {by_columns:.4g} down the columns, {by_rows:.4g} along the rows"
    if by_rows < 0.9 * by_columns:
        return "C", f"pixels run along the rows: {figures}"
    if by_columns < 0.9 * by_rows:
        return "F", f"pixels run down the columns: {figures}"
    return "F", f"pixels taken down the columns, as MATLAB writes them; neighbours do not tell: {figures}"


def _roughness(image: Array) -> float:
    return float(np.abs(np.diff(image, axis=0)).mean() + np.abs(np.diff(image, axis=1)).mean())


class _Projection:
    """The parts of the angle that do not depend on the arrangement, computed once."""

    def __init__(self, cube: npt.NDArray[Any], endmembers: Array) -> None:
        flat = cube.reshape(-1, cube.shape[-1])
        self.products = np.empty((flat.shape[0], endmembers.shape[0]))
        self.norms = np.empty(flat.shape[0])
        # in blocks, because float64 copies of a large cube need twice its memory
        for start in range(0, flat.shape[0], _BLOCK):
            block = np.asarray(flat[start : start + _BLOCK], dtype=np.float64)
            self.products[start : start + _BLOCK] = block @ endmembers.T
            self.norms[start : start + _BLOCK] = np.linalg.norm(block, axis=1)
        self.gram = endmembers @ endmembers.T

    def angle(self, abundances: Array) -> float:
        flat = abundances.reshape(-1, abundances.shape[-1])
        predicted = np.sqrt(np.clip(np.einsum("pk,kl,pl->p", flat, self.gram, flat, optimize=True), 0.0, None))
        scale = predicted * self.norms
        valid = scale > 0
        if not valid.any():
            return float("nan")
        cosine = np.einsum("pk,pk->p", flat, self.products)[valid] / scale[valid]
        return float(np.arccos(np.clip(cosine, -1.0, 1.0)).mean())
