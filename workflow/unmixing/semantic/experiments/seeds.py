"""How much of the small model's score is the luck of one training? The same recipe trained again with other seeds.

The shipped model is one draw: its weights, generated pixels and thresholds come from the seed in its recipe. Here the
recipe is trained anew with each further seed, and every model answers the same prompts on the same pixels.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from unmixing.errors import UnmixingError
from unmixing.semantic.experiments.answers import Answer, finished, reason_row, score_answers
from unmixing.semantic.experiments.inputs import NOT_NAMED, USGS_FILE, lattice, read_named_scene
from unmixing.semantic.experiments.scene_methods import semantic_answers
from unmixing.semantic.held_out import shipped_recipe
from unmixing.semantic.model import UnmixingModel, load_default_model
from unmixing.semantic.trained_models import prepare_data, train_from_recipe

DEFAULTS: Mapping[str, Any] = {"seeds": (0, 1, 2, 3, 4), "steps": 0, "stride": 1}
"""What options are where they are left out."""

PROTOCOL = "seeds"
METRICS = ("armse", "dominant_accuracy", "abstained")


def rows(options: Mapping[str, Any], scenes: Mapping[str, Path], libraries: Path | None, seed: int) -> pd.DataFrame:
    """Score models that differ by their seed alone on all scenes that have reference abundances and prompts.

    Args:
        options: in brackets the values for demo and laptop.

            * ``seeds``: of the trainings ([0, 1], [0, 1, 2, 3, 4]).
            * ``steps``: updates of each, 0 for those of the shipped model's recipe (10, 0).
            * ``stride``: every so many rows and columns are unmixed (4, 1).

        scenes: files by id.
        libraries: folder of spectral libraries beside earthlib, or None.
        seed: of the study; not used, the trainings have seeds of their own.

    Returns:
        Rows of ``answers.IDENTITY``, ``scores.COLUMNS`` and ``reason``: ``METRICS`` by scene and training, whose seed
        is ``draw`` and whose updates are ``level``. ``notes`` says where a model is the shipped one itself: its own
        seed, at its own length, with the USGS library at hand.

    Raises:
        UnmixingError: an option is unknown, or no scene is given.
    """
    del seed
    unknown = sorted(set(options) - set(DEFAULTS))
    if unknown:
        raise UnmixingError(f"experiment seeds: option {unknown[0]!r} is unknown: use one of {', '.join(DEFAULTS)}")
    if not scenes:
        raise UnmixingError("experiment seeds: no scene is given: name at least one")
    chosen = {**DEFAULTS, **options}
    models = list(_models(chosen, libraries))
    return finished(_of_scene(scene, path, models, chosen["stride"]) for scene, path in scenes.items())


def _models(options: Mapping[str, Any], libraries: Path | None) -> Iterator[tuple[int, int, UnmixingModel, str]]:
    """Seed, updates, model and note of each training."""
    usgs = None if libraries is None else libraries / USGS_FILE
    at_hand = usgs is not None and usgs.is_file()
    shipped = shipped_recipe()
    recipe = replace(shipped, steps=options["steps"] or shipped.steps, library_usgs=shipped.library_usgs and at_hand)
    data = None
    for training in options["seeds"]:
        wanted = replace(recipe, seed=training)
        if wanted == shipped:
            yield training, recipe.steps, load_default_model(), "the shipped model"
            continue
        data = data or prepare_data(recipe, usgs if at_hand else None)
        note = "" if recipe.library_usgs == shipped.library_usgs else "trained without the USGS library"
        yield training, recipe.steps, train_from_recipe(wanted, data), note


def _of_scene(scene: str, path: Path, models: list[tuple[int, int, UnmixingModel, str]], stride: int) -> pd.DataFrame:
    named = read_named_scene(scene, path)
    if named is None or named.known.abundances is None:
        return reason_row(
            NOT_NAMED if named is None else "it has no reference abundances", scene=scene, protocol=PROTOCOL
        )
    tested = lattice(named.known.cube.shape, stride) & named.seen
    answers: list[Answer] = []
    for training, _, model, note in models:
        answer = semantic_answers(named, model, tested, ablations=False)[0]
        answers.append(replace(answer, draw=training, notes=note))
    scored = score_answers(answers, named, tested, protocol=PROTOCOL, against=())
    kept = (
        scored["metric"].isin(METRICS)
        & (scored["material"] == "")
        & scored["convention"].isin(["", "reference", "raw"])
    )
    return scored[kept].assign(level=float(models[0][1]))
