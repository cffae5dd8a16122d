"""How each prompted material looks in a pixel: a mixture of library spectra of that material, by the pixel itself.

A material has many spectra, and a scene shows some of them. With y a pixel over its root mean square and l_kj library
spectra of prompt k, all over the B known bands,

    |y - sum_kj x_kj l_kj|^2 / (2 B) + r sum_k n_k sum_j x_kj^2 / 2,   x >= 0

is solved exactly (``block_pivoting``). The ridge says that many spectra in small shares are likelier than few in large
ones; n_k is the number of spectra of a prompt, so that prompts with many and with few are alike. The spectrum of
prompt k in the pixel is then e_k = sum_j x_kj l_kj / sum_j x_kj, the library's mean where x_k is zero, and the
estimator solves for the shares of these, with the ridge that x_k carries along e_k.

Where class means explain a pixel there is nothing to look for: with v the variance that they leave of y and t = .001,
spectra and ridge are those above to the share v / (v + t^2), and class means without a ridge otherwise. A mixture of
class means without noise is therefore recovered exactly.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from unmixing.semantic.block_pivoting import solve_ridge
from unmixing.semantic.recipe import RIDGE
from unmixing.semantic.simplex_solver import solve_quadratic

#: Root mean square deviation, over the pixel's, below which class means count as exact.
EXACT = 1e-3


@dataclass(frozen=True)
class Appearances:
    """Library spectra of G prompts as one sensor sees them.

    Attributes:
        means: (G, B) of the library.
        spectra: (n, B), at least one of each prompt.
        owner: (n,) number of the prompt.
        ridge: r, positive.
    """

    means: Tensor
    spectra: Tensor
    owner: Tensor
    ridge: float = RIDGE


@dataclass(frozen=True)
class Fitted:
    """What N pixels chose.

    Attributes:
        endmembers: (N, G, B) float64 spectrum of each prompt in each pixel.
        ridge: (N, G) ridge on the shares of these.
        spent: (N,) number of library spectra in use, weighed by how far they are.
        residual: (N,) of the optimality conditions.
    """

    endmembers: Tensor
    ridge: Tensor
    spent: Tensor
    residual: Tensor


def fit_appearances(pixels: Tensor, known: Tensor, given: Appearances) -> Fitted:
    """Let each pixel choose among the library spectra of each prompt.

    Args:
        pixels: (N, B) reflectance of any scale, any value where unknown.
        known: (N, B) or (B,) bool: bands to use, at least one of each pixel, with light in them.
        given: to choose from.

    Raises:
        UnmixingError: values are not finite, or the fit does not end at an optimum.
    """
    mask = known.expand(pixels.shape)
    values = torch.where(mask, pixels.double(), 0.0)
    bands = mask.sum(1, keepdim=True).double()
    values = values * torch.rsqrt((values**2).sum(1, keepdim=True) / bands)
    count, groups = len(given.owner), len(given.means)
    chosen, residual = values.new_zeros(len(values), count), values.new_zeros(len(values))
    left = values.new_zeros(len(values))
    for rows, pattern in _patterns(mask):
        shown = given.spectra.double()[:, pattern]
        chosen[rows], residual[rows] = _solved(values[rows][:, pattern], shown, given, groups)
        left[rows] = _left_by_means(values[rows][:, pattern], given.means.double()[:, pattern])
    share = left / (left + EXACT**2)
    members = torch.nn.functional.one_hot(given.owner, groups).double()
    totals = chosen @ members
    within = chosen / torch.where(totals > 0, totals, 1.0)[:, given.owner]
    found = torch.einsum("nj,jg,jb->ngb", within, members, given.spectra.double())
    means = given.means.double()
    found = torch.where((totals > 0)[:, :, None], found, means)
    ridge = torch.where(totals > 0, (within**2) @ members * members.sum(0), 1.0) * given.ridge
    return Fitted(
        endmembers=means + share[:, None, None] * (found - means),
        ridge=share[:, None] * ridge,
        spent=share * (chosen > 0).sum(1),
        residual=residual,
    )


def _patterns(mask: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Pixels (numbers) by the bands (B,) that they have in common."""
    if bool((mask == mask[:1]).all()):
        return [(torch.arange(len(mask)), mask[0])] if len(mask) else []
    patterns, place = torch.unique(mask, dim=0, return_inverse=True)
    return [((place == number).nonzero()[:, 0], pattern) for number, pattern in enumerate(patterns)]


def _solved(values: Tensor, spectra: Tensor, given: Appearances, groups: int) -> tuple[Tensor, Tensor]:
    bands = values.shape[1]
    sizes = torch.bincount(given.owner, minlength=groups)[given.owner]
    gram = spectra @ spectra.T / bands + torch.diag(given.ridge * sizes.double())
    return solve_ridge(gram, values @ spectra.T / bands)


def _left_by_means(values: Tensor, means: Tensor) -> Tensor:
    """Variance (N,) that the non-negative fit of the means leaves of pixels."""
    bands = values.shape[1]
    fit = solve_quadratic(means @ means.T / bands, values @ means.T / bands, sum_to_one=False).values
    return ((values - fit @ means) ** 2).sum(1) / bands
