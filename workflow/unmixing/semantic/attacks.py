"""Attacks on reflectance: the smallest change of a pixel that changes the answer most, and what may undo it.

The attacker knows the model, the prompts and the truth, and may change every band by at most epsilon; reflectance
stays within [0, 1]. One step is the fast gradient sign method (I. Goodfellow et al., ICLR 2015), several are projected
gradient descent (A. Madry et al., ICLR 2018). Gradients go through the estimator's optimum; the spectra that a pixel
chooses and what is estimated of the noise are taken as given in each step, so that a yet stronger attack may exist. A
smooth attack is confined to changes that a low-pass filter leaves: what survives the smoothing that would undo a
rough one.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from unmixing.errors import UnmixingError
from unmixing.semantic.encoder import channels
from unmixing.semantic.estimator import Prior
from unmixing.semantic.model import UnmixingModel
from unmixing.semantic.scene_unmixing import Prepared
from unmixing.semantic.solving import solve_pixels

Array = npt.NDArray[np.float64]
Target = Literal["abundances", "assignment"]

#: Step of projected gradient descent, in units of epsilon over the number of steps.
_STEP = 2.5
#: Standard deviation of the low-pass filters in nanometres: of an attack, and of the smoothing that input may get.
ATTACK_SMOOTHING_NM, INPUT_SMOOTHING_NM = 60.0, 15.0


def attack_pixels(
    model: UnmixingModel,
    prepared: Prepared,
    pixels: npt.ArrayLike,
    truth: npt.ArrayLike,
    epsilon: float,
    *,
    steps: int = 1,
    prior: Prior = "divergence",
    target: Target = "abundances",
    smooth_nm: float = 0.0,
) -> Array:
    """Return the pixels after an attack.

    Args:
        model: attacked, all of its parameters known.
        prepared: G prompts and B bands; merged prompts are not taken apart.
        pixels: (N, B) reflectance, NaN where unknown.
        truth: (N, G) shares.
        epsilon: largest change of a band, reflectance.
        steps: 1 for the fast gradient sign method.
        prior: of the estimator.
        target: ``abundances`` (largest sum of absolute errors) or ``assignment`` (largest cross entropy of the
            encoder's soft assignment to the largest share).
        smooth_nm: standard deviation of the filter that confines the attack; 0 for none.

    Returns:
        (N, B) within epsilon of the pixels and within [0, 1] wherever they were; NaN where they were.

    Raises:
        UnmixingError: epsilon is negative or there are no steps.
    """
    if epsilon < 0 or steps < 1:
        raise UnmixingError(f"an attack of size {epsilon:g} in {steps} steps: give at least 0 and 1")
    clean = torch.as_tensor(np.asarray(pixels, np.float32))
    known = torch.isfinite(clean) & prepared.known
    right = torch.as_tensor(np.asarray(truth, np.float64))
    filtered = torch.as_tensor(low_pass(prepared.placement.wavelengths.numpy(), smooth_nm), dtype=torch.float32)
    base = torch.where(known, clean, 0.0)
    drawn = torch.zeros_like(base)
    size = epsilon if steps == 1 else _STEP * epsilon / steps
    for _ in range(steps):
        changed = base + drawn @ filtered.T
        changed = changed.detach().requires_grad_(True)
        loss = _loss(model, prepared, changed, known, right, prior, target)
        (gradient,) = torch.autograd.grad(loss, changed)
        gradient = torch.nan_to_num(gradient) @ filtered
        drawn = (drawn + size * gradient.sign()).clamp(-epsilon, epsilon)
    result = base + drawn @ filtered.T
    # A pixel that lay outside [0, 1] by noise is not pushed further, nor pulled in.
    low, high = torch.clamp(base, max=0.0), torch.clamp(base, min=1.0)
    result = torch.minimum(torch.maximum(result, low), high)
    return np.asarray(torch.where(torch.isfinite(clean), torch.where(known, result, clean), clean).double().numpy())


def random_change(pixels: npt.ArrayLike, epsilon: float, rng: np.random.Generator) -> Array:
    """Return pixels (N, B) changed by plus or minus epsilon in every band at random: no attack, the same size."""
    values = np.asarray(pixels, np.float64)
    changed = values + epsilon * rng.choice([-1.0, 1.0], size=values.shape)
    return np.asarray(np.clip(changed, np.minimum(values, 0.0), np.maximum(values, 1.0)), np.float64)


def sanitise(pixels: npt.ArrayLike, wavelengths: npt.ArrayLike) -> Array:
    """Clean pixels before they are unmixed: values into [0, 1], and bands smoothed along the wavelength.

    Args:
        pixels: (N, B) reflectance, NaN where unknown.
        wavelengths: (B,) nanometres.

    Returns:
        (N, B), NaN where unknown; a band far from all others stays as it is.
    """
    values = np.clip(np.asarray(pixels, np.float64), 0.0, 1.0)
    known = np.isfinite(values)
    weights = low_pass(wavelengths, INPUT_SMOOTHING_NM)
    total = known.astype(np.float64) @ weights.T
    smooth = np.where(known, values, 0.0) @ weights.T / np.maximum(total, 1e-12)
    return np.asarray(np.where(known, smooth, np.nan), np.float64)


def low_pass(wavelengths: npt.ArrayLike, deviation_nm: float) -> Array:
    """Return the weights (B, B) of a Gaussian filter along the wavelength, rows summing to one; 0 changes nothing."""
    axis = np.asarray(wavelengths, np.float64)
    if deviation_nm <= 0:
        return np.eye(axis.size)
    weights = np.exp(-0.5 * ((axis[:, None] - axis[None, :]) / deviation_nm) ** 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float64)


def _loss(
    model: UnmixingModel,
    prepared: Prepared,
    pixels: Tensor,
    known: Tensor,
    truth: Tensor,
    prior: Prior,
    target: Target,
) -> Tensor:
    """Sum over pixels of what the attacker wants to be large."""
    anchors = prepared.directions(model)
    encoded = model.encoder(channels(pixels, known, prepared.placement))
    allowed = torch.ones(len(pixels), len(anchors), dtype=torch.bool)
    solved = solve_pixels(
        model,
        pixels,
        known,
        allowed,
        encoded,
        anchors,
        prepared.given,
        prior="none" if target == "assignment" else prior,
    )
    if target == "assignment":
        return -torch.log(solved.assigned.clamp_min(1e-9)).gather(1, truth.argmax(1, keepdim=True)).sum()
    return (solved.estimate.abundances - truth).abs().sum()
