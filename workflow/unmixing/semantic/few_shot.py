"""A few pure pixels of each material: how a model takes them in without forgetting what it knows.

Three ways, each with the shots' own mean spectra as endmembers, so that what differs is the prior alone:

    prototype   the anchor of a prompt moves towards the mean code of its shots; how far is decided by leaving each
                shot out in turn
    adapter     besides, the encoder's last layer is trained
    fine_tune   besides, the whole encoder and the weights are trained, while codes of mixtures of the library's means
                are held where they were (replay), so that nothing else is forgotten; the decoder stays as it is

Training pixels are mixtures of the shots with gains and noise of their own.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from unmixing.errors import UnmixingError
from unmixing.semantic import objectives
from unmixing.semantic.anchors import AnchorStore
from unmixing.semantic.encoder import channels
from unmixing.semantic.estimator import Prior
from unmixing.semantic.model import UnmixingModel, mean_spectra
from unmixing.semantic.ontology import Ontology
from unmixing.semantic.questions import ask_model
from unmixing.semantic.scene_unmixing import Prepared, encode_pixels, prepare
from unmixing.semantic.sensors import response_matrix, sensor_of_axis
from unmixing.semantic.solving import solve_pixels
from unmixing.semantic.sources import COMMON_GRID, COMMON_RESOLUTION_NM
from unmixing.semantic.training import filled_means, through_sensor

Mode = Literal["prototype", "adapter", "fine_tune"]
MODES: tuple[Mode, ...] = ("prototype", "adapter", "fine_tune")
_BLENDS = (0.0, 0.25, 0.5, 0.75, 1.0)
#: Blend without a second shot to test it on.
_BLEND_OF_ONE = 0.5
_STEPS = 60
_BATCH = 96
_RATES = {"adapter": 1e-3, "fine_tune": 3e-4}
_REPLAYED, _REPLAY_WEIGHT = 12, 2.0
_MATERIAL_GAIN, _NOISE, _BEND = 0.07, 0.01, 0.03


@dataclass(frozen=True)
class Adapted:
    """A model with shots taken in; hand both fields to ``scene_unmixing.unmix_pixels``.

    Attributes:
        model: the given one, or a trained copy.
        prepared: prompts with the shots' endmembers and anchors.
        blend: share of the shots in the anchors.
    """

    model: UnmixingModel
    prepared: Prepared
    blend: float


def adapt(
    model: UnmixingModel,
    prompts: Sequence[str],
    shots: Sequence[npt.ArrayLike],
    wavelengths: npt.ArrayLike,
    mode: Mode = "prototype",
    *,
    rng: np.random.Generator,
    steps: int = _STEPS,
    prior: Prior = "divergence",
    anchors: AnchorStore | None = None,
    ontology: Ontology | None = None,
) -> Adapted:
    """Take in a few pure pixels of each material.

    Args:
        model: trained; it is left as it is.
        prompts: K names.
        shots: for each prompt (k, B) spectra, NaN where a band is unknown; k may differ, and be 0 for some.
        wavelengths: (B,) nanometres, rising.
        mode: how.
        rng: draws mixtures.
        steps: updates of ``adapter`` and ``fine_tune``.
        prior: with which these train; the one that the pixels will be unmixed with.
        anchors: see ``unmix``.
        ontology: see ``unmix``.

    Raises:
        UnmixingError: shots do not fit the prompts or bands, there are none at all, or the mode is unknown.
    """
    if mode not in MODES:
        raise UnmixingError(f"few-shot mode {mode!r} is not known: choose from {', '.join(MODES)}")
    asked = ask_model(model, prompts, anchors=anchors, ontology=ontology)
    prepared = prepare(model, asked, wavelengths)
    spectra, owner = _gathered(shots, asked.merged.groups, len(prepared.known))
    bare = prepared.endmembers
    prepared = replace(prepared, endmembers=_shot_endmembers(bare, prepared.known, spectra, owner))
    adapted = copy.deepcopy(model) if mode != "prototype" else model
    if mode != "prototype":
        text = model.anchors(asked.vectors)
        _train(adapted, prepared, spectra, owner, text, mode, rng, steps, prior)
    directions, blend = _blended(adapted, prepared, spectra, owner)
    return Adapted(adapted, replace(prepared, anchors=directions), blend)


def _gathered(
    shots: Sequence[npt.ArrayLike], groups: npt.NDArray[np.intp], bands: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.intp]]:
    if len(shots) != len(groups):
        raise UnmixingError(f"shots of {len(shots)} materials for {len(groups)} prompts: give one array for each")
    parts = [np.asarray(part, np.float32).reshape(-1, np.shape(part)[-1] if np.size(part) else bands) for part in shots]
    if any(part.shape[1] != bands for part in parts):
        raise UnmixingError(f"shots must have the scene's {bands} bands, which come last")
    spectra = np.concatenate(parts)
    if not len(spectra):
        raise UnmixingError("no shots are given: unmix without, or give at least one pixel")
    return spectra, np.repeat(groups, [len(part) for part in parts])


def _shot_endmembers(
    library: Tensor, known: Tensor, spectra: npt.NDArray[np.float32], owner: npt.NDArray[np.intp]
) -> Tensor:
    """Means of the shots; where a material has none, the library's, brought to the shots' common scale."""
    result = library.clone()
    use, gains = known.numpy(), []
    for group in np.unique(owner):
        mean = np.nanmean(spectra[owner == group], axis=0)
        here = use & np.isfinite(mean)
        own = library[group].numpy()
        gains.append(float(mean[here] @ own[here]) / max(float(own[here] @ own[here]), 1e-12))
        result[group] = torch.as_tensor(np.where(np.isfinite(mean), mean, gains[-1] * own))
    without = np.setdiff1d(np.arange(len(library)), owner)
    result[without] = library[without] * float(np.median(gains))
    return result


def _blended(
    model: UnmixingModel, prepared: Prepared, spectra: npt.NDArray[np.float32], owner: npt.NDArray[np.intp]
) -> tuple[Tensor, float]:
    """Anchors between text and shots, by the likelihood of shots that are left out."""
    text = model.anchors(prepared.asked.vectors)
    codes = encode_pixels(model, prepared, spectra)
    place = torch.as_tensor(owner)
    counts = torch.bincount(place, minlength=len(text))
    sums = torch.zeros_like(text).index_add_(0, place, codes)

    def anchors(total: Tensor, blend: float) -> Tensor:
        mixed = blend * functional.normalize(total, dim=-1) + (1 - blend) * text
        return torch.where((total.norm(dim=-1) > 0)[:, None], functional.normalize(mixed, dim=-1), text)

    repeated = (counts[place] > 1).nonzero()[:, 0]
    if not len(repeated):
        return anchors(sums, _BLEND_OF_ONE), _BLEND_OF_ONE
    scores = []
    for blend in _BLENDS:
        total = 0.0
        for index in repeated.tolist():
            left = sums.clone()
            left[place[index]] -= codes[index]
            logits = model.scale * codes[index] @ anchors(left, blend).T
            total += float(functional.log_softmax(logits, dim=0)[place[index]])
        scores.append(total)
    # Of equal scores the smallest blend: the text is kept where shots add nothing.
    best = _BLENDS[int(np.argmax(scores))]
    return anchors(sums, best), best


def _train(
    model: UnmixingModel,
    prepared: Prepared,
    spectra: npt.NDArray[np.float32],
    owner: npt.NDArray[np.intp],
    text: Tensor,
    mode: Mode,
    rng: np.random.Generator,
    steps: int,
    prior: Prior,
) -> None:
    """Train the last layer, or the encoder and the weights with replay; in place."""
    before = copy.deepcopy(model)
    model.requires_grad_(False)
    trained = list(model.encoder.last.parameters())
    if mode == "fine_tune":
        trained = [*model.encoder.parameters(), *model.weights.parameters(), model.log_tilt, model.log_divergence]
    for parameter in trained:
        parameter.requires_grad_(True)
    optimiser = torch.optim.AdamW(trained, lr=_RATES[mode], weight_decay=0.0)
    filled = np.where(np.isfinite(spectra), spectra, prepared.endmembers.numpy()[owner])
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = _RATES[mode] * 0.5 * (1 + np.cos(np.pi * step / steps))
        pixels, truth = _mixed(filled, owner, len(text), rng)
        loss = _loss(model, pixels, truth, prepared, text, prior)
        if mode == "fine_tune":
            loss = loss + _replay(model, before, prepared, rng)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
    model.requires_grad_(False)


def _mixed(
    spectra: npt.NDArray[np.float32], owner: npt.NDArray[np.intp], groups: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Mixtures of shots, each with a gain, a bend and noise of its own: (N, B) and abundances (N, G)."""
    present = np.unique(owner)
    shares = rng.dirichlet(np.full(len(present), 0.4), _BATCH)
    pixels = np.zeros((_BATCH, spectra.shape[1]))
    truth = np.zeros((_BATCH, groups), np.float32)
    place = np.linspace(-1, 1, spectra.shape[1])
    for column, group in enumerate(present):
        drawn = spectra[rng.choice(np.flatnonzero(owner == group), _BATCH)]
        gain = np.exp(_MATERIAL_GAIN * rng.standard_normal((_BATCH, 1)))
        bend = 1 + _BEND * rng.standard_normal((_BATCH, 1)) * place
        pixels += shares[:, [column]] * gain * bend * drawn
        truth[:, group] = shares[:, column]
    level = np.sqrt((pixels**2).mean(axis=1, keepdims=True))
    pixels += _NOISE * level * rng.standard_normal(pixels.shape)
    return torch.as_tensor(pixels.astype(np.float32)), torch.as_tensor(truth)


def _loss(
    model: UnmixingModel,
    pixels: Tensor,
    truth: Tensor,
    prepared: Prepared,
    anchors: Tensor,
    prior: Prior,
) -> Tensor:
    """Assignment and abundance of mixtures, with the solver that is used ever after."""
    seen = prepared.known.expand(pixels.shape)
    encoded = model.encoder(channels(torch.where(seen, pixels, 0.0), seen, prepared.placement))
    allowed = torch.ones(len(pixels), len(anchors), dtype=torch.bool)
    solved = solve_pixels(model, pixels, seen, allowed, encoded, anchors, prepared.endmembers, prior=prior)
    own = objectives.abundance(solved.estimate.abundances, truth)
    return own + 0.5 * objectives.assignment(solved.assigned, truth)


def _replay(model: UnmixingModel, before: UnmixingModel, prepared: Prepared, rng: np.random.Generator) -> Tensor:
    """How far codes of mixtures of the library's means have moved from those of the model as it was."""
    names = [model.facts.trained[index] for index in rng.permutation(len(model.facts.trained))[:_REPLAYED]]
    axis = prepared.placement.wavelengths.double().numpy()
    response = response_matrix(sensor_of_axis(axis), COMMON_GRID, COMMON_RESOLUTION_NM)
    means = filled_means(mean_spectra(model, names))
    spectra = through_sensor(means, torch.as_tensor(response, dtype=torch.float32))
    pixels, _ = _mixed(spectra.numpy(), np.arange(len(names)), len(names), rng)
    seen = prepared.known.expand(pixels.shape)
    given = channels(torch.where(seen, pixels, 0.0), seen, prepared.placement)
    with torch.no_grad():
        kept = before.encoder(given)
    moved: Tensor = 1 - (model.encoder(given) * kept).sum(1)
    return _REPLAY_WEIGHT * moved.mean()
