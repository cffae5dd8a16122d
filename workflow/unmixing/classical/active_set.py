"""Exact least squares on the non-negative orthant or the simplex, for all pixels of a scene at once.

The method is the active set of C. L. Lawson and R. J. Hanson, "Solving Least Squares Problems" (1974),
chapter 23, with pixels that share a support solved together (M. H. Van Benthem and M. R. Keenan, "Fast
algorithm for the solution of large-scale non-negativity-constrained least squares problems", Journal of
Chemometrics 18, 2004). The endmembers are reduced by QR, not to their Gram matrix, so that a condition number
is not squared.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unmixing.classical.checks import CHUNK, as_mixture
from unmixing.errors import UnmixingError

Matrix = NDArray[np.float64]
Mask = NDArray[np.bool_]

# A multiplier counts as positive above this share of the product of the two norms. Rounding leaves about
# 1e-15 of it; the error in the abundances stays below this number times the Gram matrix's condition number.
TOLERANCE = 1e-12


def least_squares(pixels: ArrayLike, endmembers: ArrayLike, *, sum_to_one: bool) -> Matrix:
    """Minimise ``|pixel - abundances @ endmembers|`` under ``abundances >= 0``, exactly.

    Args:
        pixels: (N, bands), any scale.
        endmembers: (K, bands), the same scale.
        sum_to_one: add the constraint that each pixel's abundances sum to one.

    Returns:
        (N, K) float64. With linearly dependent endmembers one of the minimisers.

    Raises:
        UnmixingError: shapes do not fit, values are not finite, or the search does not end.
    """
    mixed, pure = as_mixture(pixels, endmembers)
    # E' = Q R: the angle between a pixel and the span of the endmembers plays no part in the minimum.
    q, r = np.linalg.qr(pure.T)
    solver = _Supports(r, sum_to_one)
    abundances = np.empty((len(mixed), len(pure)))
    for start in range(0, len(mixed), CHUNK):
        part = slice(start, start + CHUNK)
        abundances[part] = _solve(mixed[part].astype(np.float64) @ q, solver)
    return abundances


class _Supports:
    """The linear solution on each support, kept because many pixels share a support.

    On a support the minimiser is an affine function of the reduced pixel: ``slope @ pixel + offset``.
    """

    def __init__(self, r: Matrix, sum_to_one: bool) -> None:
        self.r = r
        self.sum_to_one = sum_to_one
        self._known: dict[bytes, tuple[Matrix, Matrix]] = {}

    def _affine(self, support: Mask) -> tuple[Matrix, Matrix]:
        key = support.tobytes()
        if key not in self._known:
            slope = np.zeros((support.size, self.r.shape[0]))
            offset = np.zeros(support.size)
            size = int(support.sum())
            if size and not self.sum_to_one:
                slope[support] = np.linalg.pinv(self.r[:, support])
            elif size:
                # a = centre + N t, where the columns of N span the vectors that sum to zero.
                centre = np.full(size, 1 / size)
                basis = _zero_sum_basis(size)
                inner = basis @ np.linalg.pinv(self.r[:, support] @ basis)
                slope[support] = inner
                offset[support] = centre - inner @ (self.r[:, support] @ centre)
            self._known[key] = slope, offset
        return self._known[key]

    def solve(self, reduced: Matrix, passive: Mask) -> Matrix:
        """Give each pixel's minimiser on its own support, zero elsewhere; signs are free."""
        solution = np.empty(passive.shape)
        packed = np.packbits(passive, axis=1)
        # One comparable item for each row: np.unique(axis=0) is several times slower.
        codes = np.ascontiguousarray(packed).view(f"V{packed.shape[1]}").ravel()
        _, first, group = np.unique(codes, return_index=True, return_inverse=True)
        order = np.argsort(group, kind="stable")
        bounds = np.searchsorted(group[order], np.arange(len(first) + 1))
        for index, pixel in enumerate(first):
            members = order[bounds[index] : bounds[index + 1]]
            slope, offset = self._affine(passive[pixel])
            solution[members] = reduced[members] @ slope.T + offset
        return solution


def _zero_sum_basis(size: int) -> Matrix:
    """Orthonormal columns (size, size - 1) that each sum to zero."""
    complete, _ = np.linalg.qr(np.column_stack([np.ones(size), np.eye(size)[:, : size - 1]]))
    return np.asarray(complete[:, 1:])


def _start(reduced: Matrix, solver: _Supports) -> tuple[Matrix, Mask]:
    """A feasible point that is stationary on its support: drop what is negative until nothing is.

    Most pixels of a scene are optimal here already.
    """
    passive = np.ones((len(reduced), solver.r.shape[1]), dtype=bool)
    solution = solver.solve(reduced, passive)
    while True:
        wrong = np.flatnonzero((passive & (solution <= 0)).any(axis=1))
        if wrong.size == 0:
            return solution, passive
        keep = passive[wrong] & (solution[wrong] > 0)
        passive[wrong] = keep
        solution[wrong] = solver.solve(reduced[wrong], keep)


def _solve(reduced: Matrix, solver: _Supports) -> Matrix:
    count = solver.r.shape[1]
    result, passive = _start(reduced, solver)
    limit = TOLERANCE * np.linalg.norm(solver.r, axis=0) * np.linalg.norm(reduced, axis=1)[:, None]
    banned = np.zeros_like(passive)
    open_pixels = np.arange(len(reduced))
    for _ in range(30 * count + 30):
        ascent = (reduced[open_pixels] - result[open_pixels] @ solver.r.T) @ solver.r
        if solver.sum_to_one:
            # The multiplier of the sum is the common value of the gradient on the support.
            held = passive[open_pixels]
            ascent -= ((ascent * held).sum(axis=1) / held.sum(axis=1))[:, None]
        ascent[passive[open_pixels] | banned[open_pixels] | (ascent <= limit[open_pixels])] = 0
        entering = ascent.argmax(axis=1)
        unfinished = ascent[np.arange(len(open_pixels)), entering] > 0
        open_pixels, entering = open_pixels[unfinished], entering[unfinished]
        if open_pixels.size == 0:
            return result
        _enter(reduced, solver, result, passive, banned, open_pixels, entering)
    raise UnmixingError(
        f"the active set of {open_pixels.size} pixels does not settle; "
        "remove endmembers that are sums of others, or scale the spectra to order one"
    )


def _enter(
    reduced: Matrix,
    solver: _Supports,
    result: Matrix,
    passive: Mask,
    banned: Mask,
    pixels: NDArray[np.intp],
    entering: NDArray[np.intp],
) -> None:
    """Let one endmember into each pixel's support and walk to the new minimiser, in place."""
    passive[pixels, entering] = True
    target = solver.solve(reduced[pixels], passive[pixels])
    # Rounding can make a multiplier look positive although its abundance would be negative: Lawson and Hanson
    # take the next one then.
    refused = target[np.arange(len(pixels)), entering] <= 0
    passive[pixels[refused], entering[refused]] = False
    banned[pixels[refused], entering[refused]] = True
    moving, target = pixels[~refused], target[~refused]
    banned[moving] = False
    while moving.size:
        support = passive[moving]
        blocked = support & (target <= 0)
        hit = blocked.any(axis=1)
        result[moving[~hit]] = target[~hit]
        moving, target, blocked, support = moving[hit], target[hit], blocked[hit], support[hit]
        if moving.size == 0:
            return
        # Walk from the feasible point towards the target until the first abundance reaches zero.
        here = result[moving]
        share = np.where(blocked, here / np.where(blocked, here - target, 1), np.inf)
        step = share.min(axis=1)[:, None]
        walked = here + step * (target - here)
        keep = support & ~(share <= step) & (walked > 0)
        result[moving] = np.where(keep, walked, 0)
        passive[moving] = keep
        target = solver.solve(reduced[moving], keep)
