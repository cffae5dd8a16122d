"""Non-negative least squares with a ridge, exact, for many pixels that share their endmembers.

    x' G x / 2 - c' x,   x >= 0,   G positive definite

Block principal pivoting (J. Kim and H. Park, SIAM Journal on Scientific Computing 33, 2011): all components that
contradict the signs of solution and gradient change sides at once, and one at a time where that goes round in circles.
It starts from the signs that some steps of alternating directions (ADMM) guess, which are nearly right. Because G is
positive definite there is one minimiser, which moves steadily with the pixel. All in float64.
"""

import torch
from torch import Tensor

from unmixing.errors import UnmixingError
from unmixing.semantic.simplex_solver import KKT_TOLERANCE

#: Exchanges of all contradicting components that may fail to lower their number before single exchanges follow.
_PATIENCE = 3
_ROUNDS = 2_000
#: Steps of the guess and its penalty, with G's mean diagonal one; they decide how long it takes, not what is found.
_GUESSES, _PENALTY = 50, 0.05
#: Pixels with supports of like size that are solved together.
_BLOCK = 256
#: Share of the largest gradient from which a negative one counts.
_MULTIPLIER = 1e-11


def solve_ridge(gram: Tensor, linear: Tensor) -> tuple[Tensor, Tensor]:
    """Minimise x' G x / 2 - c' x over x >= 0.

    Args:
        gram: (n, n), symmetric, positive definite: the ridge is on its diagonal.
        linear: (N, n), c.

    Returns:
        (N, n) minimisers, without gradients, and (N,) how far each is from its optimality conditions: the largest
        step that the gradient, over G's mean diagonal, would still take.

    Raises:
        UnmixingError: values are not finite, or the search does not end at an optimum.
    """
    matrix, vector = gram.detach().double(), linear.detach().double()
    if not bool(torch.isfinite(vector).all()) or not bool(torch.isfinite(matrix).all()):
        raise UnmixingError("the estimator was given values that are not finite: mask bands that are unknown")
    scale = matrix.diagonal().mean().clamp_min(1e-30)
    matrix, vector = matrix / scale, vector / scale
    values = torch.zeros_like(vector)
    support = _guess(matrix, vector)
    limit = _MULTIPLIER * vector.abs().amax(1, keepdim=True)
    active = torch.arange(len(vector))
    fewest = torch.full((len(vector),), vector.shape[1] + 1)
    patience = torch.full((len(vector),), _PATIENCE)
    for _ in range(_ROUNDS):
        if not len(active):
            break
        values[active] = _on_support(matrix, vector[active], support[active])
        gradient = values[active] @ matrix - vector[active]
        held = support[active]
        wrong = torch.where(held, values[active] < 0, gradient < -limit[active])
        count = wrong.sum(1)
        going = count > 0
        active, wrong, count = active[going], wrong[going], count[going]
        better = count < fewest[active]
        fewest[active] = torch.minimum(fewest[active], count)
        all_of_them = better | (patience[active] > 0)
        patience[active] = torch.where(better, _PATIENCE, patience[active] - 1)
        last = wrong.shape[1] - 1 - wrong.flip(1).int().argmax(1)
        single = torch.nn.functional.one_hot(last, wrong.shape[1]).bool()
        support[active] ^= torch.where(all_of_them[:, None], wrong, single)
    values = values.clamp_min(0.0)
    step_left = values - (values - (values @ matrix - vector)).clamp_min(0.0)
    residual = step_left.abs().amax(1) if values.shape[1] else values.new_zeros(len(values))
    worst = float(residual.max()) if residual.numel() else 0.0
    if len(active) or not worst <= KKT_TOLERANCE:
        raise UnmixingError(
            f"the fit of library spectra ends {worst:.1e} from an optimum (allowed {KKT_TOLERANCE:.0e}): "
            f"give it a larger ridge, or scale the spectra to order one"
        )
    return values, residual


def _guess(matrix: Tensor, vector: Tensor) -> Tensor:
    """Which components are positive after some steps of alternating directions."""
    identity = torch.eye(len(matrix), dtype=matrix.dtype)
    inverse = torch.linalg.inv(matrix + _PENALTY * identity)
    positive, dual = torch.zeros_like(vector), torch.zeros_like(vector)
    for _ in range(_GUESSES):
        free = (vector + _PENALTY * (positive - dual)) @ inverse
        positive = (free + dual).clamp_min(0.0)
        dual = dual + free - positive
    return positive > 0


def _on_support(matrix: Tensor, vector: Tensor, support: Tensor) -> Tensor:
    """Each pixel's minimiser on its own support, signs free, zero elsewhere."""
    result = torch.zeros_like(vector)
    order = support.sum(1).argsort()
    for rows in torch.split(order, _BLOCK):
        result[rows] = _block(matrix, vector[rows], support[rows])
    return result


def _block(matrix: Tensor, vector: Tensor, support: Tensor) -> Tensor:
    """``_on_support`` of pixels with supports of like size: only what is held is solved for."""
    width = int(support.sum(1).max())
    if width == 0:
        return torch.zeros_like(vector)
    index = support.int().argsort(dim=1, descending=True, stable=True)[:, :width]
    held = support.gather(1, index)
    inner = matrix[index[:, :, None], index[:, None, :]] * (held[:, :, None] & held[:, None, :])
    inner = inner + torch.diag_embed((~held).to(matrix.dtype))
    solved = torch.linalg.solve(inner, torch.where(held, vector.gather(1, index), 0.0))
    return torch.zeros_like(vector).scatter(1, index, torch.where(held, solved, 0.0))
