"""Why a model answered as it did for single pixels: similarities, weights, contributions and residual by band."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from unmixing.semantic.appearances import Appearances
from unmixing.semantic.estimator import Brightness, Prior
from unmixing.semantic.model import UnmixingModel
from unmixing.semantic.scene_unmixing import Prepared, encode_pixels, pixel_endmembers, unmix_pixels


def explain_pixels(
    model: UnmixingModel,
    prepared: Prepared,
    pixels: npt.ArrayLike,
    *,
    prior: Prior = "divergence",
    brightness: Brightness = "solved",
) -> list[dict[str, Any]]:
    """Say for each pixel what made its abundances.

    Over the bands in use, pixel = sum of the contributions of all prompts + residual. A prompt's contribution is its
    abundance times the pixel's brightness times its endmember, which the pixel may have chosen itself; prompts that
    are one to the model share both.

    Args:
        model: any.
        prepared: prompts and bands.
        pixels: (N, B) reflectance, NaN where a band is unknown.
        prior: see ``unmix_pixels``.
        brightness: see ``unmix_pixels``.

    Returns:
        For each pixel ``abstain`` with ``abstain_because``, ``residual_rad``, ``brightness``, ``noise``,
        ``endmembers`` (where from), ``prior`` and ``prior_strength`` (of the prior against the data: the learned weight
        times the trust in it times the noise's share of the pixel's power), ``prompts`` (for each its similarity,
        assignment, weight in the tilt (mean one), abundance, and abundance without any prior, so that the difference is
        what language did) and ``bands`` (wavelength, whether used, pixel, contributions by prompt, residual;
        reflectance).

    Raises:
        UnmixingError: see ``unmix_pixels``.
    """
    values = np.asarray(pixels, np.float32)
    found = unmix_pixels(model, prepared, values, prior=prior, brightness=brightness)
    plain = unmix_pixels(model, prepared, values, prior="none", brightness=brightness)
    codes, anchors = encode_pixels(model, prepared, values), prepared.directions(model)
    with torch.no_grad():
        allowed = torch.ones(len(codes), len(anchors), dtype=torch.bool)
        similarity, assigned = model.assign(codes, anchors, allowed)
        weights = model.weights(similarity, assigned, allowed, anchors.expand(len(codes), -1, -1)).double().numpy()
    groups = prepared.asked.merged.groups
    spectra, choice = pixel_endmembers(prepared, values), isinstance(prepared.given, Appearances)
    strength = 0.0 if prior == "none" else float(model.strength(prior))
    if choice:
        strength *= model.facts.estimator.get(f"trust_{prior}", 1.0)
    axis = prepared.placement.wavelengths.double().numpy()
    limits = model.facts.thresholds
    largest = limits.get("angle" if choice else "angle_given", np.inf)
    records = []
    for row in range(len(values)):
        used = np.isfinite(values[row]) & prepared.known.numpy()
        parts = found.abundances[row][:, None] * found.brightness[row] * spectra[row]
        given = np.nan_to_num(values[row].astype(np.float64))
        because = []
        if found.similarity[row].max() < limits.get("similarity", -1.0):
            because.append(f"no prompt is as similar as {limits['similarity']:.3f}")
        if found.residual[row] > largest:
            because.append(f"the residual is above {largest:.3f} rad")
        records.append(
            {
                "abstain": bool(found.abstain[row]),
                "abstain_because": because,
                "residual_rad": float(found.residual[row]),
                "brightness": float(found.brightness[row]),
                "noise": float(found.noise[row]),
                "endmembers": "chosen by the pixel among library spectra" if choice else "the same for all pixels",
                "prior": prior,
                "prior_strength": strength * float(found.noise[row]) ** 2,
                "prompts": [
                    {
                        "prompt": prompt,
                        "concept": prepared.asked.concepts[k],
                        "endmember_of": prepared.asked.sources[k],
                        "similarity": float(found.similarity[row, k]),
                        "assignment": float(found.assignment[row, k]),
                        "weight": float(weights[row, groups[k]]),
                        "abundance": float(found.abundances[row, k]),
                        "abundance_without_prior": float(plain.abundances[row, k]),
                    }
                    for k, prompt in enumerate(prepared.asked.prompts)
                ],
                "bands": {
                    "wavelength_nm": _rounded(axis, 2),
                    "used": used.tolist(),
                    "pixel": _rounded(given, 7),
                    "contributions": {
                        prompt: _rounded(part, 7) for prompt, part in zip(prepared.asked.prompts, parts, strict=True)
                    },
                    "residual": _rounded(np.where(used, given - parts.sum(axis=0), 0.0), 7),
                },
            }
        )
    return records


def choose_pixels(
    seen: npt.NDArray[np.bool_], residual: npt.ArrayLike, abstain: npt.ArrayLike, count: int, rng: np.random.Generator
) -> list[tuple[int, int, str]]:
    """Choose pixels to explain: the worst fit, one of which the model abstains, the others by lot.

    Args:
        seen: (rows, columns) pixels with data.
        residual: (rows, columns) radians, NaN where there are no data.
        abstain: (rows, columns).
        count: how many, as far as there are as many.
        rng: draws.

    Returns:
        Row, column and why it was chosen.
    """
    columns = seen.shape[1]
    places = np.flatnonzero(seen)
    angles = np.where(seen, np.asarray(residual, np.float64), -np.inf).ravel()
    chosen: dict[int, str] = {}
    if places.size and count:
        chosen[int(angles.argmax())] = "largest residual"
        doubtful = np.setdiff1d(np.flatnonzero(np.asarray(abstain) & seen), list(chosen))
        if doubtful.size and count > 1:
            chosen[int(rng.choice(doubtful))] = "the model abstains"
        others = np.setdiff1d(places, list(chosen))
        drawn = rng.choice(others, min(count - len(chosen), others.size), replace=False)
        chosen |= dict.fromkeys(map(int, drawn), "by lot")
    return [(place // columns, place % columns, why) for place, why in chosen.items()]


def _rounded(values: npt.ArrayLike, digits: int) -> list[float]:
    return [float(value) for value in np.round(np.asarray(values, np.float64), digits)]
