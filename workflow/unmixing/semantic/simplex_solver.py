"""Exact solutions of the small convex problems of unmixing, for a batch of pixels, with their gradients.

For each pixel, over x >= 0 and optionally sum x = 1:

    quadratic    x' G x / 2 - c' x                                        (``solve_quadratic``)
    divergence   x' G x / 2 - c' x + m sum_k [x_k log(x_k / q_k) - x_k + q_k]   (``solve_divergence``)

The first is solved by a primal active set (C. L. Lawson and R. J. Hanson, "Solving Least Squares Problems", 1974,
chapter 23), each pixel on a support of its own; the second by Newton's method, whose step is taken in x, and in log x
where that would leave x >= 0. Neither is unrolled: gradients are those of the optimum itself, by differentiating the
linear system that it solves (B. Amos and J. Z. Kolter, ICML 2017, for quadratic programs). All in float64.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from unmixing.errors import UnmixingError

#: Largest residual of the optimality conditions that is accepted.
KKT_TOLERANCE = 1e-6
#: Share of the mean diagonal that is added to G, so that it can be inverted where endmembers are equal.
RIDGE = 1e-12
_MULTIPLIER = 1e-13
_NEWTON_STEPS = 200
_LOGARITHM_FLOOR = -700.0
#: Relative step down to which x is changed along a straight line, beyond it in log x.
_STRAIGHT = -0.8


@dataclass(frozen=True)
class Solution:
    """Minimisers of a batch.

    Attributes:
        values: (N, K), differentiable with respect to the problem.
        residual: (N,) how far each is from its optimality conditions, see ``kkt_residual``.
        steps: number of steps that the slowest pixel took.
    """

    values: Tensor
    residual: Tensor
    steps: int


def solve_quadratic(gram: Tensor, linear: Tensor, allowed: Tensor | None = None, *, sum_to_one: bool) -> Solution:
    """Minimise x' G x / 2 - c' x over x >= 0, exactly.

    Args:
        gram: (N, K, K) or (K, K), symmetric, positive semi-definite.
        linear: (N, K), c.
        allowed: (N, K) bool: others are held at zero; at least one of each pixel. None for all.
        sum_to_one: also sum x = 1.

    Returns:
        Minimisers; gradients flow to ``gram`` and ``linear`` through the equations on the support (zero elsewhere).

    Raises:
        UnmixingError: values are not finite, or the search does not end at an optimum.
    """
    matrix, vector, free = _problem(gram, linear, allowed)
    with torch.no_grad():
        support, steps = _active_set(matrix, vector, free, sum_to_one)
    values = _on_support(matrix, vector, support, sum_to_one).clamp_min(0.0)
    with torch.no_grad():
        gradient = torch.einsum("nij,nj->ni", matrix, values) - vector
        residual = kkt_residual(values, gradient, matrix, free, sum_to_one=sum_to_one)
    _check(residual)
    return Solution(values, residual, steps)


def solve_divergence(
    gram: Tensor,
    linear: Tensor,
    target: Tensor,
    weight: Tensor,
    allowed: Tensor | None = None,
    *,
    sum_to_one: bool,
) -> Solution:
    """Minimise x' G x / 2 - c' x + m D(x, q), D the generalised divergence of Kullback and Leibler.

    Where the sum is fixed and q sums to one, D is KL(x || q). As m grows x tends to q, as m falls to the quadratic's
    minimiser.

    Args:
        gram: (N, K, K) or (K, K), symmetric, positive semi-definite.
        linear: (N, K), c.
        target: (N, K), q > 0 where allowed.
        weight: (N,), m > 0; a share of 1e-8 of G's diagonal is taken where it is smaller.
        allowed: (N, K) bool, see ``solve_quadratic``.
        sum_to_one: also sum x = 1.

    Returns:
        Minimisers; gradients flow to all four arguments.

    Raises:
        UnmixingError: values are not finite, or Newton's method does not end at an optimum.
    """
    matrix, vector, free = _problem(gram, linear, allowed)
    log_target = torch.log(torch.where(free, target.double(), 1.0))
    mu = torch.maximum(weight.double(), 1e-8 * _scale(matrix))[:, None]
    with torch.no_grad():
        log_values, steps = _newton(matrix, vector, log_target, mu, free, sum_to_one)
        start = torch.where(free, log_values.exp(), 0.0)
        step_matrix = _bordered(_curvature(matrix, start, mu, free), free, sum_to_one)
    # One more step from the optimum changes nothing but carries the gradient of the optimum (implicit function).
    force = _force(matrix, vector, log_target, mu, start, log_values)
    scaled = torch.where(free, start * force, 0.0)
    values = start - start * _solve_bordered(step_matrix, scaled, start, free, sum_to_one)
    # What is all but zero need not have arrived, and may not step below it.
    values = torch.where(free, values, 0.0).clamp_min(0.0)
    with torch.no_grad():
        held = _force(matrix, vector, log_target, mu, start, log_values)
        if sum_to_one:
            held = held - (start * held).sum(1, keepdim=True)
        unit = torch.maximum(_scale(matrix), mu[:, 0])
        residual = torch.where(free, start.clamp_max(1.0) * held, 0.0).abs().amax(1) / unit
    _check(residual)
    return Solution(values, residual, steps)


def kkt_residual(
    values: Tensor, gradient: Tensor, gram: Tensor, allowed: Tensor | None = None, *, sum_to_one: bool
) -> Tensor:
    """Return how far points are from optimal: the length of a projected gradient step, largest component.

    The step is the gradient over the mean diagonal of G, or over its own largest component where that is larger, so
    that the residual has the unit of x. Where the sum is fixed the multiplier is the gradient's mean over x.

    Args:
        values: (N, K).
        gradient: (N, K) of the objective at the values.
        gram: (N, K, K).
        allowed: (N, K) bool, None for all.
        sum_to_one: whether the sum is fixed; a sum that is not one counts as residual.

    Returns:
        (N,), zero at an optimum.
    """
    slope = gradient
    broken = (-values).clamp_min(0.0).amax(1)
    if sum_to_one:
        slope = gradient - (values * gradient).sum(1, keepdim=True)
        broken = torch.maximum(broken, (values.sum(1) - 1).abs())
    unit = torch.maximum(_scale(gram), gradient.abs().amax(1))[:, None]
    step = values - (values - slope / unit).clamp_min(0.0)
    if allowed is not None:
        step = torch.where(allowed, step, values)
    return torch.maximum(step.abs().amax(1), broken)


def _problem(gram: Tensor, linear: Tensor, allowed: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    vector = linear.double()
    matrix = gram.double().expand(len(vector), -1, -1)
    if not bool(torch.isfinite(vector).all()) or not bool(torch.isfinite(matrix).all()):
        raise UnmixingError("the estimator was given values that are not finite: mask bands that are unknown")
    free = torch.ones_like(vector, dtype=torch.bool) if allowed is None else allowed
    if not bool(free.any(1).all()):
        raise UnmixingError("the estimator was given a pixel without any endmember: allow at least one")
    identity = torch.eye(vector.shape[1], dtype=torch.float64, device=vector.device)
    return matrix + RIDGE * _scale(matrix)[:, None, None] * identity, vector, free


def _scale(gram: Tensor) -> Tensor:
    return gram.diagonal(dim1=1, dim2=2).mean(1).clamp_min(1e-30)


def _check(residual: Tensor) -> None:
    worst = float(residual.max()) if residual.numel() else 0.0
    if not worst <= KKT_TOLERANCE:
        raise UnmixingError(
            f"the estimator ends {worst:.1e} from an optimum (allowed {KKT_TOLERANCE:.0e}): "
            f"scale the spectra to order one, or leave out prompts whose endmembers are alike"
        )


def _bordered(matrix: Tensor, held: Tensor, sum_to_one: bool) -> Tensor:
    """The equations on a support: rows and columns that are not held become those of the identity."""
    both = held[:, :, None] & held[:, None, :]
    inner = torch.where(both, matrix, 0.0) + torch.diag_embed((~held).to(matrix.dtype))
    if not sum_to_one:
        return inner
    border = held.to(matrix.dtype)
    corner = matrix.new_zeros(len(matrix), 1, 1)
    top = torch.cat([inner, border[:, :, None]], 2)
    return torch.cat([top, torch.cat([border[:, None, :], corner], 2)], 1)


def _on_support(matrix: Tensor, vector: Tensor, support: Tensor, sum_to_one: bool) -> Tensor:
    """Each pixel's minimiser on its own support, signs free, zero elsewhere."""
    # Scaled to order one, so that the border does not spoil the condition.
    scale = _scale(matrix)
    right = torch.where(support, vector / scale[:, None], 0.0)
    if sum_to_one:
        # A constant changes the multiplier alone; without it a strong prior costs no digits.
        right = torch.where(support, right - right.sum(1, keepdim=True) / support.sum(1, keepdim=True), 0.0)
        right = torch.cat([right, right.new_ones(len(right), 1)], 1)
    solved = torch.linalg.solve(_bordered(matrix / scale[:, None, None], support, sum_to_one), right)
    return torch.where(support, solved[:, : vector.shape[1]], 0.0)


def _active_set(matrix: Tensor, vector: Tensor, free: Tensor, sum_to_one: bool) -> tuple[Tensor, int]:
    count = vector.shape[1]
    support = free.clone()
    values = _on_support(matrix, vector, support, sum_to_one)
    # A feasible point that is stationary on its support: drop what is negative until nothing is.
    for _ in range(count):
        wrong = (support & (values <= 0)).any(1).nonzero()[:, 0]
        if not len(wrong):
            break
        support[wrong] &= values[wrong] > 0
        values[wrong] = _on_support(matrix[wrong], vector[wrong], support[wrong], sum_to_one)
    limit = _MULTIPLIER * (_scale(matrix) + vector.abs().amax(1))[:, None]
    banned = torch.zeros_like(support)
    active = torch.arange(len(vector), device=vector.device)
    for step in range(30 * count + 30):
        ascent = vector[active] - torch.einsum("nij,nj->ni", matrix[active], values[active])
        held = support[active]
        if sum_to_one:
            ascent = ascent - (ascent * held).sum(1, keepdim=True) / held.sum(1, keepdim=True)
        open_ = free[active] & ~held & ~banned[active] & (ascent > limit[active])
        best, entering = torch.where(open_, ascent, 0.0).max(1)
        active, entering = active[best > 0], entering[best > 0]
        if not len(active):
            return support, step
        support[active, entering] = True
        target = _on_support(matrix[active], vector[active], support[active], sum_to_one)
        # Rounding can let one in whose abundance would then be negative: the next one is tried.
        refused = target.gather(1, entering[:, None])[:, 0] <= 0
        support[active[refused], entering[refused]] = False
        banned[active[refused], entering[refused]] = True
        banned[active[~refused]] = False
        _walk(matrix, vector, values, support, active[~refused], target[~refused], sum_to_one)
    raise UnmixingError(
        f"the active set of {len(active)} pixels does not settle: leave out prompts whose endmembers are alike"
    )


def _walk(
    matrix: Tensor,
    vector: Tensor,
    values: Tensor,
    support: Tensor,
    moving: Tensor,
    target: Tensor,
    sum_to_one: bool,
) -> None:
    """Walk from feasible points towards their targets, dropping what reaches zero on the way; in place."""
    while len(moving):
        blocked = support[moving] & (target <= 0)
        hit = blocked.any(1)
        values[moving[~hit]] = target[~hit]
        moving, target, blocked = moving[hit], target[hit], blocked[hit]
        if not len(moving):
            return
        here = values[moving]
        share = torch.where(blocked, here / torch.where(blocked, here - target, 1.0), torch.inf)
        step = share.amin(1, keepdim=True)
        walked = here + step * (target - here)
        keep = support[moving] & ~(share <= step) & (walked > 0)
        values[moving] = torch.where(keep, walked, 0.0)
        support[moving] = keep
        target = _on_support(matrix[moving], vector[moving], keep, sum_to_one)


def _force(
    matrix: Tensor, vector: Tensor, log_target: Tensor, mu: Tensor, values: Tensor, log_values: Tensor
) -> Tensor:
    return torch.einsum("nij,nj->ni", matrix, values) - vector + mu * (log_values - log_target)


def _curvature(matrix: Tensor, values: Tensor, mu: Tensor, free: Tensor) -> Tensor:
    """The Hessian in log x but for the force's own part: X G X + m X, symmetric, with a floor for rounding."""
    diagonal = torch.where(free, mu * values, 0.0)
    return values[:, :, None] * matrix * values[:, None, :] + torch.diag_embed(diagonal)


def _solve_bordered(bordered: Tensor, scaled: Tensor, values: Tensor, free: Tensor, sum_to_one: bool) -> Tensor:
    """The Newton step in log x. Rows are divided by their diagonal's root: entries differ by hundreds of decades."""
    count = scaled.shape[1]
    inner = bordered[:, :count, :count]
    root = inner.diagonal(dim1=1, dim2=2).clamp_min(1e-300).sqrt()
    balanced = inner / root[:, :, None] / root[:, None, :]
    if not sum_to_one:
        return torch.where(free, torch.linalg.solve(balanced, scaled / root) / root, 0.0)
    # The sum of the values may not change: eliminate its multiplier.
    border = torch.where(free, values / root, 0.0)
    both = torch.linalg.solve(balanced, torch.stack([scaled / root, border], 2))
    share = (border * both[:, :, 0]).sum(1) / (border * both[:, :, 1]).sum(1).clamp_min(1e-300)
    return torch.where(free, (both[:, :, 0] - share[:, None] * both[:, :, 1]) / root, 0.0)


def _newton(
    matrix: Tensor, vector: Tensor, log_target: Tensor, mu: Tensor, free: Tensor, sum_to_one: bool
) -> tuple[Tensor, int]:
    log_values = torch.where(free, log_target, _LOGARITHM_FLOOR)
    if sum_to_one:
        log_values = log_values - torch.logsumexp(torch.where(free, log_values, -torch.inf), 1, keepdim=True)
    scale = _scale(matrix)
    # From a strong divergence down to the wanted one: each optimum starts the next.
    current = torch.maximum(mu, scale[:, None])
    step = 0
    for step in range(_NEWTON_STEPS):  # noqa: B007 -- told to the caller
        values = torch.where(free, log_values.exp(), 0.0)
        force = _force(matrix, vector, log_target, current, values, log_values)
        centred = force - (values * force).sum(1, keepdim=True) / values.sum(1, keepdim=True) if sum_to_one else force
        error = torch.where(free, values.clamp_max(1.0) * centred, 0.0).abs().amax(1) / scale
        # What is nearly zero must have arrived too, to tell its gradient.
        rounding = 1e-12 * (1 + current[:, 0] / scale)
        arrived = (error < rounding) & (current <= mu)[:, 0]
        if bool(arrived.all()):
            break
        near = error < 1e-3 * (current[:, 0] / scale).clamp_max(1.0)
        current = torch.where(near[:, None], torch.maximum(mu, 0.1 * current), current)
        force = _force(matrix, vector, log_target, current, values, log_values)
        bordered = _curvature(matrix, values, current, free)
        bordered = bordered + torch.diag_embed((~free).double())
        move = -_solve_bordered(bordered, torch.where(free, values * force, 0.0), values, free, sum_to_one)
        log_values = _moved(matrix, vector, log_target, current, free, log_values, move, sum_to_one)
    return log_values, step


def _moved(
    matrix: Tensor,
    vector: Tensor,
    log_target: Tensor,
    mu: Tensor,
    free: Tensor,
    log_values: Tensor,
    move: Tensor,
    sum_to_one: bool,
) -> Tensor:
    """Take each pixel's step, halved until its objective does not rise."""

    def objective(logs: Tensor) -> Tensor:
        x = torch.where(free, logs.exp(), 0.0)
        quadratic = 0.5 * torch.einsum("ni,nij,nj->n", x, matrix, x) - (vector * x).sum(1)
        return quadratic + (mu * torch.where(free, x * (logs - log_target - 1), 0.0)).sum(1)

    before = objective(log_values)
    slack = 1e-13 * (before.abs() + _scale(matrix))
    length = torch.ones_like(before)[:, None]
    for _ in range(40):
        part = length * move
        # Straight in x while that is safe: where G is nearly singular a bent step leaves its valley.
        straight = torch.log1p(part.clamp_min(_STRAIGHT))
        logs = log_values + torch.where(part > _STRAIGHT, straight, straight + part - _STRAIGHT)
        if sum_to_one:
            logs = logs - torch.logsumexp(torch.where(free, logs, -torch.inf), 1, keepdim=True)
        logs = torch.where(free, logs.clamp_min(_LOGARITHM_FLOOR), _LOGARITHM_FLOOR)
        worse = ~(objective(logs) <= before + slack)
        if not bool(worse.any()):
            break
        length = torch.where(worse[:, None], length / 2, length)
    return logs
