"""Trainings inside experiments: short ones from nothing, and a little more of the shipped model's.

They answer questions that the shipped model cannot (other anchors, a library or a region left out, attacked pixels, one
sensor only). They are far shorter than the shipped model's training, so each is compared with another of its own
length, never with the shipped model, unless it starts from it.
"""

import copy
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from unmixing.semantic import objectives
from unmixing.semantic.anchors import AnchorStore, concept_anchors
from unmixing.semantic.appearances import Appearances
from unmixing.semantic.experiments.bench import Bench
from unmixing.semantic.experiments.solver import PRIOR
from unmixing.semantic.library import Library
from unmixing.semantic.materials import Materials, gather_materials
from unmixing.semantic.model import UnmixingModel
from unmixing.semantic.ontology import Ontology
from unmixing.semantic.sensors import Sensor
from unmixing.semantic.trained_models import choice
from unmixing.semantic.training import Batch, draw_batch, solve_batch, train_model

_BATCH = 96
_RATE = 3e-4


def train_short(
    bench: Bench,
    materials: Materials,
    updates: int,
    seed: int,
    store: AnchorStore | None = None,
) -> UnmixingModel:
    """Train a model from nothing, with the shipped one's recipe but for its length, and smaller batches.

    Args:
        bench: its recipe.
        materials: spectra to train on.
        updates: how many.
        seed: of weights and draws.
        store: anchors; the shipped ones by default.
    """
    recipe = replace(bench.recipe, steps=updates, batch=2 * _BATCH, seed=seed)
    return train_model(recipe, materials, store or bench.store)


def materials_of(library: Library, ontology: Ontology, rows: npt.ArrayLike) -> Materials:
    """Return what can be trained on with some records, (records,) bool."""
    return gather_materials(library, ontology, rows=rows)


def fine_tune(
    bench: Bench,
    materials: Materials,
    updates: int,
    rng: np.random.Generator,
    *,
    sensor: Sensor | None = None,
    epsilon: float = 0.0,
) -> UnmixingModel:
    """Train a copy of the shipped model some more; its decoder stays as it is.

    Args:
        bench: model, anchors and recipe.
        materials: spectra to train on.
        updates: how many.
        rng: draws batches and the size of attacks.
        sensor: see all pixels through this one; by default through drawn ones, as ever.
        epsilon: largest attack on half of each batch, by one signed step (see ``attacks``); 0 for none.
    """
    model = copy.deepcopy(bench.model)
    trained: list[Tensor] = [
        *model.encoder.parameters(), *model.weights.parameters(), *model.projection.parameters(),
        model.log_scale, model.log_tilt, model.log_divergence,
    ]  # fmt: skip
    for parameter in trained:
        parameter.requires_grad_(True)
    optimiser = torch.optim.AdamW(trained, lr=_RATE, weight_decay=0.0)
    for step in range(updates):
        for group in optimiser.param_groups:
            group["lr"] = _RATE * 0.5 * (1 + np.cos(np.pi * step / updates))
        batch = draw_batch(materials, bench.recipe.mixtures, _BATCH, rng, sensor=sensor)
        names = [materials.prompts[index] for index in batch.question.prompts]
        vectors = torch.as_tensor(np.array(concept_anchors(bench.store, names)))
        endmembers = choice(model, bench.store, names, batch)
        if epsilon > 0:
            batch = _half_attacked(model, batch, endmembers, vectors, epsilon * rng.random(), trained)
        loss = _loss(model, batch, endmembers, vectors)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
    return model.eval().requires_grad_(False)


def _loss(model: UnmixingModel, batch: Batch, endmembers: Appearances, vectors: Tensor) -> Tensor:
    result, assigned = solve_batch(model, batch, endmembers, vectors, PRIOR)
    return objectives.abundance(result.abundances, batch.truth) + 0.5 * objectives.assignment(assigned, batch.truth)


def _half_attacked(
    model: UnmixingModel, batch: Batch, endmembers: Appearances, vectors: Tensor, size: float, trained: Iterable[Tensor]
) -> Batch:
    """Every other pixel of a batch one signed step up the loss."""
    for parameter in trained:
        parameter.requires_grad_(False)
    pixels = batch.pixels.detach().clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(_loss(model, replace(batch, pixels=pixels), endmembers, vectors), pixels)
    for parameter in trained:
        parameter.requires_grad_(True)
    step = size * torch.nan_to_num(gradient).sign() * batch.known
    step[::2] = 0.0
    return replace(batch, pixels=(batch.pixels + step).clamp(0.0, 1.0))
