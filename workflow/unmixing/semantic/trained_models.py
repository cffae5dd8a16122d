"""From a recipe to a model that can be shipped: data, training, thresholds, and what was measured of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from unmixing.errors import UnmixingError
from unmixing.semantic.anchor_store import AnchorStore
from unmixing.semantic.anchors import concept_anchors, load_default_anchors
from unmixing.semantic.appearances import Appearances
from unmixing.semantic.encoder import channels
from unmixing.semantic.estimator import Prior
from unmixing.semantic.library import Library, load_library
from unmixing.semantic.materials import Materials, ask, concept_means, gather_materials, own_pool, spread_pool
from unmixing.semantic.model import UnmixingModel, mean_spectra, with_facts, with_means, with_spectra
from unmixing.semantic.ontology import Ontology, members
from unmixing.semantic.prompts import study_ontology
from unmixing.semantic.questions import ask_model
from unmixing.semantic.recipe import RIDGE, TrainingRecipe
from unmixing.semantic.sensors import get_sensor
from unmixing.semantic.splits import split_library
from unmixing.semantic.training import (
    Batch,
    draw_batch,
    filled_means,
    solve_batch,
    through_sensor,
    train_model,
)

#: Lists of prompts that a model is validated with, where the library has them all.
VALIDATION_LISTS = {
    "seven classes": (
        "bare_soil",
        "green_vegetation",
        "dry_vegetation",
        "paved_surface",
        "roof",
        "burned_ground",
        "water",
    ),
    "land and water": ("bare_soil", "tree", "water"),
    "town": ("asphalt_road", "grass", "tree", "roof", "bare_soil"),
}
VALIDATION_SENSORS = ("aviris", "vnir", "sentinel2")
_CALIBRATION_BATCHES = 12
_CALIBRATION_PIXELS = 200


@dataclass(frozen=True)
class TrainingData:
    """A library, split.

    Attributes:
        library: all sources.
        ontology: what they are called.
        train: materials of the training split.
        validation: of the validation split, which thresholds and comparisons see.
        covered: all concepts that have training spectra, minerals included, and their means (C, grid).
        spectra: training spectra to choose from, minerals included: whose each is, and (n, grid); by default those
            of ``train``.
    """

    library: Library
    ontology: Ontology
    train: Materials
    validation: Materials
    covered: tuple[tuple[str, ...], np.ndarray]
    spectra: tuple[tuple[str, ...], np.ndarray] | None = None


def prepare_data(recipe: TrainingRecipe, usgs: Path | None = None) -> TrainingData:
    """Read and split the library of a recipe.

    Args:
        recipe: says which sources.
        usgs: path of the USGS library (``.sli``).

    Raises:
        UnmixingError: the recipe asks for the USGS library and it is not given, or a file cannot be read.
    """
    if recipe.library_usgs and usgs is None:
        raise UnmixingError(
            "the recipe trains with the USGS library and none is given: give its .sli, or set library_usgs: false "
            "(grass, trees and snow then have no spectra)"
        )
    ontology = study_ontology()
    library = load_library(ontology, usgs=usgs if recipe.library_usgs else None, modelled_water=recipe.modelled_water)
    split = split_library(library, np.random.default_rng(recipe.split_seed))
    groups = list(split["split_group"])
    sides = {name: (split["split"] == name).to_numpy() for name in ("train", "validation")}
    present = set(library.records["concept"][sides["train"]])
    covered = tuple(name for name in ontology.concepts if present & set(members(ontology, name)))
    return TrainingData(
        library=library,
        ontology=ontology,
        train=gather_materials(library, ontology, rows=sides["train"], groups=groups),
        validation=gather_materials(library, ontology, rows=sides["validation"], groups=groups),
        covered=(covered, concept_means(library, ontology, covered, rows=sides["train"], groups=groups)),
        spectra=spread_pool(own_pool(library, ontology, rows=sides["train"], groups=groups)),
    )


def train_from_recipe(
    recipe: TrainingRecipe,
    data: TrainingData,
    store: AnchorStore | None = None,
    progress: Callable[[int, dict[str, float]], None] | None = None,
) -> UnmixingModel:
    """Train a model, set its thresholds, and give it means and spectra of all concepts that have any.

    Args:
        recipe: what decides its weights.
        data: see ``prepare_data``.
        store: anchors; by default those of the recipe's family.
        progress: see ``train_model``.

    Raises:
        UnmixingError: see ``train_model``.
    """
    anchors = store or load_default_anchors(recipe.anchors)
    model = train_model(recipe, data.train, anchors, progress)
    with_means(model, *data.covered)
    if data.spectra is not None:
        with_spectra(model, *data.spectra)
    return with_facts(model, thresholds=calibrate(model, data.validation, anchors, recipe))


def calibrate(
    model: UnmixingModel, materials: Materials, store: AnchorStore, recipe: TrainingRecipe
) -> dict[str, float]:
    """Return the thresholds of abstention: one pixel in a hundred of known mixtures is beyond each.

    Args:
        model: trained.
        materials: of validation, drawn through drawn sensors and asked about all prompts of their batch.
        store: anchors.
        recipe: of the mixtures.

    Returns:
        ``similarity``, ``angle`` (radians, with spectra that pixels choose) and ``angle_given`` (with the decoder's).
    """
    rng = np.random.default_rng(np.random.SeedSequence(recipe.seed, spawn_key=(2,)))
    best: list[torch.Tensor] = []
    angles: dict[str, list[torch.Tensor]] = {"angle": [], "angle_given": []}
    for _ in range(_CALIBRATION_BATCHES):
        batch = draw_batch(materials, recipe.mixtures, _CALIBRATION_PIXELS, rng)
        batch = replace(batch, allowed=torch.ones_like(batch.allowed))
        names = [materials.prompts[index] for index in batch.question.prompts]
        vectors = torch.as_tensor(np.array(concept_anchors(store, names)))
        with torch.no_grad():
            encoded = model.encoder(channels(batch.pixels, batch.known, batch.placement))
            best.append((encoded @ model.anchors(vectors).T).amax(1))
            cases: dict[str, Tensor | Appearances] = {
                "angle": choice(model, store, names, batch),
                "angle_given": decoded(model, store, names, batch),
            }
            for name, endmembers in cases.items():
                angles[name].append(solve_batch(model, batch, endmembers, vectors, "tilt", encoded=encoded)[0].angle)
    return {
        "similarity": float(torch.quantile(torch.cat(best).double(), 0.01)),
        **{name: float(torch.quantile(torch.cat(parts).double(), 0.99)) for name, parts in angles.items()},
    }


def decoded(model: UnmixingModel, store: AnchorStore, names: Sequence[str], batch: Batch) -> torch.Tensor:
    """Return what the decoder makes of concepts, through the sensor of a batch, (P, B)."""
    vectors = torch.as_tensor(np.array(concept_anchors(store, names)))
    spectra = model.decoder(model.centred(vectors), filled_means(mean_spectra(model, names)))
    return through_sensor(spectra, batch.response)


def choice(model: UnmixingModel, store: AnchorStore, names: Sequence[str], batch: Batch) -> Appearances:
    """Return the model's spectra of concepts to choose from, through the sensor of a batch."""
    ontology = study_ontology()
    asked = ask_model(model, [ontology.concepts[name].prompt for name in names], anchors=store, ontology=ontology)
    # Concepts whose texts are one to the model are one in ``asked``: each has its own here.
    place = asked.merged.groups
    parts = [asked.spectra[asked.owner == group] for group in place]
    means = through_sensor(filled_means(mean_spectra(model, names)), batch.response)
    return Appearances(
        means,
        through_sensor(torch.cat(parts), batch.response),
        torch.repeat_interleave(torch.tensor([len(part) for part in parts])),
        model.facts.estimator.get("ridge", RIDGE),
    )


def validate(
    model: UnmixingModel,
    materials: Materials,
    store: AnchorStore,
    recipe: TrainingRecipe,
    pixels: int = 1000,
    seed: int = 5,
) -> pd.DataFrame:
    """Score a model and class means without one on the same validation mixtures.

    Args:
        model: trained.
        materials: of the validation split.
        store: anchors.
        recipe: of the mixtures.
        pixels: of each list and sensor.
        seed: of the draws.

    Returns:
        One row for each list, sensor and method: ``list``, ``sensor``, ``method``, ``armse``, ``dominant`` (share of
        pixels whose largest material is right), ``n``. Method ``class-mean SCLS`` is least squares with the library's
        means and the brightness solved for; ``assignment`` is the encoder alone.
    """
    rows = []
    for title, names in VALIDATION_LISTS.items():
        if not set(names) <= set(materials.prompts) & set(model.facts.concepts):
            continue
        for sensor in VALIDATION_SENSORS:
            rng = np.random.default_rng(seed)
            batch = draw_batch(
                materials, recipe.mixtures, pixels, rng, question=ask(materials, names), sensor=get_sensor(sensor)
            )
            vectors = torch.as_tensor(np.array(concept_anchors(store, names)))
            with torch.no_grad():
                library = through_sensor(filled_means(mean_spectra(model, names)), batch.response)
                chosen, made = choice(model, store, names, batch), decoded(model, store, names, batch)
                cases: list[tuple[str, torch.Tensor | Appearances, Prior]] = [
                    ("class-mean SCLS", library, "none"),
                    ("chosen, no prior", chosen, "none"),
                    ("chosen, tilt", chosen, "tilt"),
                    ("chosen, divergence", chosen, "divergence"),
                    ("decoded, no prior", made, "none"),
                    ("decoded, tilt", made, "tilt"),
                    ("decoded, divergence", made, "divergence"),
                ]
                estimates = []
                for name, endmembers, prior in cases:
                    result, assigned = solve_batch(model, batch, endmembers, vectors, prior)
                    estimates.append((name, result.abundances))
                estimates.append(("assignment", assigned.double()))
            for name, shares in estimates:
                error = float(((shares - batch.truth) ** 2).mean().sqrt())
                right = float((shares.argmax(1) == batch.truth.argmax(1)).double().mean())
                rows.append(
                    {
                        "list": title,
                        "sensor": sensor,
                        "method": name,
                        "armse": error,
                        "dominant": right,
                        "n": len(shares),
                    }
                )
    return pd.DataFrame(rows)
