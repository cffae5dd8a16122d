"""Trains a text-prompted model from a recipe and writes it with its card, recipe and hash."""

import argparse
import time
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Train one model."""
    parser = argparse.ArgumentParser(prog="unmixing semantic_train", description=__doc__)
    parser.add_argument("recipe", type=Path, help="YAML; keys that are left out have their defaults")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the model to write, .safetensors")
    parser.add_argument("--usgs", type=Path, help="the USGS library (.sli), where the recipe asks for it")
    parser.add_argument(
        "--anchors",
        type=Path,
        metavar="FILE",
        help="anchors that `unmixing anchors` wrote, of the names of the study; by default the shipped ones of the "
        "recipe. The recipe that is written names their encoder",
    )
    parser.add_argument("--threads", type=int, default=1, help="threads of the training")
    options = parser.parse_args(arguments)
    from dataclasses import replace

    import torch

    from unmixing.errors import UnmixingError
    from unmixing.semantic.anchors import load_default_anchors, read_anchors
    from unmixing.semantic.model import with_facts, write_model
    from unmixing.semantic.model_card import write_card
    from unmixing.semantic.prompts import study_ontology
    from unmixing.semantic.properties import measure_properties
    from unmixing.semantic.recipe import read_recipe, write_recipe
    from unmixing.semantic.trained_models import prepare_data, train_from_recipe, validate

    if options.output.suffix != ".safetensors":
        raise UnmixingError(f"{options.output}: a model is written as .safetensors: choose that ending")
    recipe = read_recipe(options.recipe)
    torch.set_num_threads(options.threads)
    if options.anchors is None:
        store = load_default_anchors(recipe.anchors)
    else:
        store = read_anchors(options.anchors, ontology=study_ontology())
        recipe = replace(recipe, anchors=store.encoder)
    data = prepare_data(recipe, options.usgs)
    begun, spent = time.perf_counter(), time.process_time()

    def told(step: int, losses: dict[str, float]) -> None:
        if (step + 1) % 100 == 0 or step + 1 == recipe.steps:
            listed = ", ".join(f"{name} {value:.3f}" for name, value in losses.items())
            print(f"update {step + 1} of {recipe.steps}, {time.perf_counter() - begun:.0f} s: {listed}", flush=True)

    model = train_from_recipe(recipe, data, store, told)
    cost = {"processor_seconds": round(time.process_time() - spent, 1), "threads": options.threads}
    with_facts(model, details={**model.facts.details, **cost})
    digest = write_model(model, options.output)
    write_recipe(recipe, options.output.with_suffix(".yaml"))
    scores = validate(model, data.validation, store, recipe)
    write_card(
        options.output.with_suffix(".md"), model, recipe, digest, data, scores, measure_properties(model, anchors=store)
    )
    print(f"model {digest[:12]} in {options.output}", flush=True)
    return 0
