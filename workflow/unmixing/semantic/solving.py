"""From encoded pixels to abundances: the one way that training, validation and use go."""

from dataclasses import dataclass

from torch import Tensor

from unmixing.semantic.appearances import Appearances, Fitted, fit_appearances
from unmixing.semantic.estimator import Brightness, Estimate, Prior, estimate
from unmixing.semantic.model import UnmixingModel
from unmixing.semantic.prior import soft_assignment


@dataclass(frozen=True)
class Solved:
    """What was found for N pixels and K prompts.

    Attributes:
        estimate: abundances and all beside them.
        similarity: (N, K) cosines.
        assigned: (N, K) soft assignment, as the divergence was given it.
        fitted: what the pixels chose, where they had a choice.
    """

    estimate: Estimate
    similarity: Tensor
    assigned: Tensor
    fitted: Fitted | None


def solve_pixels(
    model: UnmixingModel,
    pixels: Tensor,
    known: Tensor,
    allowed: Tensor,
    encoded: Tensor,
    anchors: Tensor,
    endmembers: Tensor | Appearances | Fitted,
    *,
    prior: Prior,
    brightness: Brightness = "solved",
    variance: Tensor | None = None,
) -> Solved:
    """Weigh data and prior.

    Beside spectra that the pixels choose for themselves the assignment is softer and the prior's weight a part of
    what was learned (``ModelFacts.estimator``): how far the text can be trusted where the library is another.

    Args:
        model: any.
        pixels: (N, B) reflectance.
        known: (N, B) bool.
        allowed: (N, K) bool: prompts that each pixel is asked about.
        encoded: (N, d).
        anchors: (K, d) in the encoder's space.
        endmembers: (K, B), library spectra to choose from, or what the pixels chose of them.
        prior: see ``estimator``.
        brightness: see ``estimator``.
        variance: see ``estimator``.
    """
    similarity, assigned = model.assign(encoded, anchors, allowed)
    weights = model.weights(similarity, assigned, allowed, anchors.expand(len(encoded), -1, -1))
    strength = model.strength(prior)
    if isinstance(endmembers, Appearances):
        endmembers = fit_appearances(pixels, known, endmembers)
    fitted = endmembers if isinstance(endmembers, Fitted) else None
    if fitted is not None:
        given = model.facts.estimator
        assigned = soft_assignment(similarity, model.scale * given.get("sharpness", 1.0), allowed)
        strength = strength * given.get(f"trust_{prior}", 1.0)
    found = estimate(
        pixels,
        endmembers.endmembers if isinstance(endmembers, Fitted) else endmembers,
        known,
        allowed,
        prior=prior,
        brightness=brightness,
        weights=weights,
        assignment=assigned,
        strength=strength,
        variance=variance,
        ridge=None if fitted is None else fitted.ridge,
        spent=None if fitted is None else fitted.spent,
    )
    return Solved(found, similarity, assigned, fitted)
