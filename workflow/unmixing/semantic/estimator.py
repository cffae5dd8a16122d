"""Abundances of pixels for given endmembers: least squares, a semantic prior, and the pixel's brightness.

With y the pixel over its root mean square, E (K, B) the endmembers, all over the B bands that are known:

    J(x) = |y - x' E|^2 / (2 B) + l s^2 P(x),   x >= 0,   abundances a = x / sum x

s^2 is the residual variance of the fit without a prior (``noise``), so that the prior weighs in proportion to what
the data leave open, and l is learned. That is the data term over s^2 beside a prior of fixed weight, multiplied
through by s^2. Brightness:

    solved   x is free, its sum the brightness; common per pixel, so that a gain changes nothing
    fixed    sum x = 1: reflectance is taken at its word (and y is not scaled)
    shade    sum x + shade = 1 with a black endmember: brightness below one is shade, and the L1 term then thins out

Priors P, with b the sum of the fit without a prior (1 where brightness is fixed):

    none
    tilt     sum_k w_k x_k / b: weighted L1, under sum-to-one a linear tilt
    divergence  D(x, b p) / b: generalised KL to the soft assignment

Where endmembers were themselves fitted to the pixel (``appearances``) a ridge, sum_k r_k x_k^2 / 2, goes with them.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from unmixing.errors import UnmixingError
from unmixing.semantic.noise import residual_variance
from unmixing.semantic.simplex_solver import Solution, solve_divergence, solve_quadratic

Brightness = Literal["solved", "fixed", "shade"]
Prior = Literal["tilt", "divergence", "none"]
#: Share of the assignment that a prompt keeps at least, so that a prior never forbids one.
_LEAST_ASSIGNED = 1e-6


@dataclass(frozen=True)
class Estimate:
    """Abundances of N pixels and what was found on the way.

    Attributes:
        abundances: (N, K), on the simplex; differentiable.
        brightness: (N,) sum of the solution, in units of the endmembers' reflectance.
        variance: (N,) residual variance of the fit without a prior, over the pixel's mean square.
        angle: (N,) radians between pixel and model.
        shade: (N,) share of shade; zero where it is not modelled.
        plain: (N, K) abundances without a prior.
        residual: (N,) of the optimality conditions.
    """

    abundances: Tensor
    brightness: Tensor
    variance: Tensor
    angle: Tensor
    shade: Tensor
    plain: Tensor
    residual: Tensor


def estimate(
    pixels: Tensor,
    endmembers: Tensor,
    known: Tensor,
    allowed: Tensor,
    *,
    prior: Prior = "none",
    brightness: Brightness = "solved",
    weights: Tensor | None = None,
    assignment: Tensor | None = None,
    strength: Tensor | float = 1.0,
    variance: Tensor | None = None,
    ridge: Tensor | None = None,
    spent: Tensor | None = None,
) -> Estimate:
    """Solve for the abundances of pixels; the same in training and use.

    Args:
        pixels: (N, B) reflectance, any value where unknown.
        endmembers: (C, B) of all prompts of the batch (with ``allowed`` (N, C)), or (N, K, B).
        known: (N, B) or (B,) bool: bands to use, at least one of each pixel.
        allowed: (N, K) bool: prompts of each pixel.
        prior: P.
        brightness: how it is treated.
        weights: (N, K) w, needed by ``tilt``.
        assignment: (N, K) p, needed by ``divergence``.
        strength: l, positive.
        variance: (N,) s^2 over the pixel's mean square; by default estimated. A constant is the ablation in which
            language cannot matter more where the data are worse.
        ridge: (N, K) r, at least zero; none by default.
        spent: (N,) numbers that the endmembers were fitted with, which the residual variance is corrected for.

    Raises:
        UnmixingError: a pixel has no band or no light, an option is unknown or lacks its argument, or the solver
            does not end at an optimum.
    """
    _check(prior, brightness, weights, assignment)
    gram, linear, power, bands = _moments(pixels, endmembers, known)
    if not bool((bands > 0).all()) or not bool((power > 0).all()):
        raise UnmixingError("a pixel has no known band or is zero in all: mark such pixels as not valid")
    # Everything in units in which pixel and endmembers are of order one.
    unit = power.sqrt() if brightness == "solved" else torch.ones_like(power)
    linear, power = linear / unit[:, None], power / unit**2
    one, full = brightness == "fixed", allowed
    ridged = gram if ridge is None else gram + torch.diag_embed(ridge.double())
    if brightness == "shade":
        gram, ridged, linear = _with_black(gram), _with_black(ridged), torch.nn.functional.pad(linear, (0, 1))
        full = torch.nn.functional.pad(allowed, (0, 1), value=True)
        one = True
    plain = solve_quadratic(ridged, linear, full, sum_to_one=one)
    count = allowed.shape[1]
    free = plain.values.detach()
    total = free[:, :count].sum(1).clamp_min(1e-12)
    if variance is None:
        relative = residual_variance(gram.detach(), linear.detach(), power, free, bands, spent) / power
    else:
        relative = variance.to(power)
    lam = strength * relative * power
    solution = _with_prior(prior, plain, ridged, linear, full, one, weights, assignment, lam, total)
    values = solution.values[:, :count]
    sums = values.sum(1)
    # With all light in shade nothing is known of the shares: the fit's own direction is as good as any.
    safe = sums > 1e-12
    even = allowed.double() / allowed.sum(1, keepdim=True)
    abundances = torch.where(safe[:, None], values / torch.where(safe, sums, 1.0)[:, None], even)
    return Estimate(
        abundances=abundances,
        brightness=sums * unit,
        variance=relative,
        angle=_angle(gram, linear, power, solution.values),
        shade=solution.values[:, count] if brightness == "shade" else torch.zeros_like(sums),
        plain=free[:, :count] / total[:, None],
        residual=torch.maximum(plain.residual, solution.residual),
    )


def _check(prior: str, brightness: str, weights: Tensor | None, assignment: Tensor | None) -> None:
    if prior not in get_args(Prior) or brightness not in get_args(Brightness):
        raise UnmixingError(
            f"prior {prior!r} with brightness {brightness!r} is not known: choose from {', '.join(get_args(Prior))} "
            f"and {', '.join(get_args(Brightness))}"
        )
    if (prior == "tilt" and weights is None) or (prior == "divergence" and assignment is None):
        raise UnmixingError(f"prior {prior!r} needs weights (tilt) or an assignment (divergence): give them")


def _moments(pixels: Tensor, endmembers: Tensor, known: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Means over the known bands of E E', E y and y y, and the number of bands; float64."""
    mask = known.expand(pixels.shape)
    y = torch.where(mask, pixels.double(), 0.0)
    bands = mask.sum(1)
    share = 1 / bands.clamp_min(1).double()
    spectra = endmembers.double()
    weight = mask.double()
    if spectra.ndim == 3:
        masked = spectra * weight[:, None, :]
        gram = torch.einsum("nkb,njb->nkj", masked, spectra)
        linear = torch.einsum("nkb,nb->nk", spectra, y)
    else:
        linear = y @ spectra.T
        if known.ndim == 1 or bool((mask == mask[:1]).all()):
            gram = ((spectra * weight[:1]) @ spectra.T)[None].expand(len(y), -1, -1)
        else:
            pairs = spectra[:, None, :] * spectra[None, :, :]
            gram = (weight @ pairs.flatten(0, 1).T).reshape(len(y), len(spectra), len(spectra))
    return gram * share[:, None, None], linear * share[:, None], (y**2).sum(1) * share, bands


def _with_black(gram: Tensor) -> Tensor:
    return torch.nn.functional.pad(gram, (0, 1, 0, 1))


def _with_prior(
    prior: Prior,
    plain: Solution,
    gram: Tensor,
    linear: Tensor,
    allowed: Tensor,
    one: bool,
    weights: Tensor | None,
    assignment: Tensor | None,
    lam: Tensor,
    total: Tensor,
) -> Solution:
    extra = allowed.shape[1]
    if prior == "tilt" and weights is not None:
        # Shade costs nothing: it is what is left when the weighted sum is thinned out.
        cost = torch.nn.functional.pad(weights.double(), (0, extra - weights.shape[1]))
        level = torch.ones_like(total) if one else total
        return solve_quadratic(gram, linear - (lam / level)[:, None] * cost, allowed, sum_to_one=one)
    if prior == "divergence" and assignment is not None:
        wanted = assignment.double().clamp_min(_LEAST_ASSIGNED) * total[:, None]
        if extra > assignment.shape[1]:
            wanted = torch.cat([wanted, (1 - total).clamp_min(_LEAST_ASSIGNED)[:, None]], 1)
        level = wanted.masked_fill(~allowed, 0.0).sum(1)
        target = wanted / level[:, None] if one else wanted
        return solve_divergence(gram, linear, target, lam if one else lam / level, allowed, sum_to_one=one)
    return plain


def _angle(gram: Tensor, linear: Tensor, power: Tensor, values: Tensor) -> Tensor:
    inner = (linear * values).sum(1)
    length = torch.einsum("ni,nij,nj->n", values, gram, values).clamp_min(1e-30).sqrt() * power.sqrt()
    # From the sine where the angle is small, whose cosine is rounded to one.
    cosine = (inner / length).clamp(-1.0, 1.0)
    return torch.atan2((1 - cosine**2).clamp_min(0.0).sqrt(), cosine)
