"""Which concepts have spectra, and how well a list of prompts can be drawn up for a scene (``prompts: auto``)."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from unmixing.errors import UnmixingError
from unmixing.semantic.anchors import concept_anchors
from unmixing.semantic.experiments.inputs import (
    NamedScene,
    library_at_hand,
    read_named_scene,
    stream,
)
from unmixing.semantic.governance import model_status
from unmixing.semantic.library import coverage
from unmixing.semantic.model import UnmixingModel, load_default_model
from unmixing.semantic.ontology import MINERAL, Ontology, ancestors, members
from unmixing.semantic.prompts import auto_prompts, retrieval_quality, study_ontology
from unmixing.semantic.questions import ask_model, shipped_anchors
from unmixing.semantic.scene_unmixing import encode_pixels, prepare
from unmixing.semantic.splits import SPLITS, split_library

#: Kind of region of the scenes, from what is published of the places alone (a coast of Florida, a preserve with a lake,
#: a town in Texas, an airfield's meadow); a scene that is not named has none.
REGIONS: Mapping[str, str] = {
    "samson": "coast",
    "jasper_ridge": "wetland",
    "urban4": "urban",
    "urban5": "urban",
    "urban6": "urban",
    "urban4_crop": "urban",
    "urban5_crop": "urban",
    "urban6_crop": "urban",
}
#: A concept below this score is not taken to be there.
LEAST_PRESENCE = 0.01
_COLUMNS = ("scene", "part", "item", "title", "kind", "measure", "value", "n", "detail", "uses_truth", "reason")


def rows(options: Mapping[str, Any], scenes: Mapping[str, Path], libraries: Path | None, seed: int) -> pd.DataFrame:
    """Count spectra by concept, and score lists of prompts that nobody named.

    Args:
        options: ``counts``: lengths at most of the lists that are drawn up (demo and laptop [4, 8]); ``draws`` of lists
            by lot, to compare with (demo 200, laptop 1000); ``pixels``: of a scene at most, drawn by lot, from which
            presence is read (demo 2000, laptop 4000); ``splits``: whether to split the library (demo and laptop true).
        scenes: those with fixed prompts are scored.
        libraries: folder with the USGS library; without it earthlib and modelled water are counted.
        seed: of pixels and lots; the split is that of the shipped model's recipe.

    Returns:
        One row for each number. ``part`` concept: ``item`` is the concept's id, ``title`` its prompt, ``kind`` mineral
        or "", ``measure`` of spectra, own, measured, simulated, sites, specimens, train, validation, test and status
        (value 1 where the concept can be asked for); ``detail`` holds the model's status, the sources of the spectra
        and, for train, the kinds of split. ``part`` auto: ``item`` is how the list was drawn up, with its length,
        ``measure`` precision, recall or exact_recall (by its very name), ``n`` the length of the list or of the
        scene's true list, ``detail`` the list, ``uses_truth`` what it knew.
    """
    ontology, library, model = study_ontology(), library_at_hand(libraries), load_default_model()
    records = list(concept_rows(ontology, coverage(ontology, library), model))
    if options.get("splits", True):
        split = split_library(library, np.random.default_rng(0))
        records += split_rows(ontology, split)
    for name, path in scenes.items():
        scene = read_named_scene(name, path)
        if scene is None:
            told = {"scene": name, "part": "auto", "item": "", "measure": "precision", "value": np.nan, "n": 0}
            records.append(told | {"reason": "the scene has no fixed prompts, so that nobody knows the right list"})
            continue
        records += auto_rows(model, ontology, scene, REGIONS.get(name, ""), options, stream(seed, "coverage", name))
    empty = {"scene": "", "title": "", "kind": "", "detail": "", "uses_truth": "", "reason": ""}
    frame = pd.DataFrame([empty | record for record in records])[list(_COLUMNS)]
    return frame.astype({"value": float, "n": int})


def concept_rows(ontology: Ontology, counted: pd.DataFrame, model: UnmixingModel) -> Iterator[dict[str, Any]]:
    """Yield what there is for each concept, and how the shipped model takes it.

    Args:
        ontology: all concepts.
        counted: of ``library.coverage``.
        model: as shipped.
    """
    for concept, row in counted.iterrows():
        name = str(concept)
        kind = "mineral" if is_mineral(ontology, name) else ""
        about = {"part": "concept", "item": name, "title": str(row["prompt"]), "kind": kind}
        counts = {measure: int(row[measure]) for measure in ("spectra", "own", "measured", "sites", "specimens")}
        counts["simulated"] = counts["spectra"] - counts["measured"]
        for measure, value in counts.items():
            detail = str(row["sources"]) if measure == "spectra" else ""
            yield about | {"measure": measure, "value": value, "n": counts["spectra"], "detail": detail}
        status = model_status(model, ontology, name)
        asked = float(status != "refused")
        yield about | {"measure": "status", "value": asked, "n": 1, "detail": status}


def split_rows(ontology: Ontology, split: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield the spectra of each concept on each side of a split, members included.

    Args:
        ontology: all concepts.
        split: of ``splits.split_library``.
    """
    used = split[split["split"] != "none"]
    sides = used.groupby(["concept", "split"]).size().unstack(fill_value=0).reindex(columns=list(SPLITS), fill_value=0)
    kinds = used.groupby("concept")["split_kind"].agg(lambda found: sorted(set(found)))
    for name, concept in ontology.concepts.items():
        kind = "mineral" if is_mineral(ontology, name) else ""
        below = [other for other in members(ontology, name) if other in sides.index]
        told = ", ".join(sorted({kind for other in below for kind in kinds[other]}))
        for side in SPLITS:
            value = int(sides.loc[below, side].sum()) if below else 0
            about = {"part": "concept", "item": name, "title": concept.prompt, "kind": kind, "measure": side}
            yield about | {"value": value, "n": value, "detail": told if side == "train" else ""}


def auto_rows(
    model: UnmixingModel,
    ontology: Ontology,
    scene: NamedScene,
    region: str,
    options: Mapping[str, Any],
    rng: np.random.Generator,
) -> Iterator[dict[str, Any]]:
    """Yield precision and recall of lists drawn up for a scene, against its fixed prompts.

    Args:
        model: as shipped.
        ontology: all concepts.
        scene: with fixed prompts.
        region: a kind of region, or "".
        options: see ``rows``.
        rng: of pixels and lots.
    """
    reference = [prompt.concept for prompt in scene.prompts]
    known = [name for name in model.facts.trained if name in ontology.concepts]
    # A prompt above others is near to all that lies below it; materials alone are the finer question.
    above = {other for name in known for other in ancestors(ontology, name)}
    kinds = {"": known, ", materials alone": [name for name in known if name not in above]}
    scores: dict[str, dict[str, float]] = {}
    for kind, candidates in kinds.items():
        found = presence(model, scene, candidates, int(options.get("pixels", 2000)), rng)
        scores |= {f"{name}{kind}": score for name, score in found.items()}
    knowledge = f"the kind of region ({region})"
    for count in options.get("counts", (4, 8)):
        ways: list[tuple[str, str, dict[str, Any]]] = [("list for any region", "none", {})]
        ways += [(f"presence: {name}", "none", {"presence": score}) for name, score in scores.items()]
        if region:
            ways.append(("list of the region", knowledge, {"region": region}))
            ways += [
                (f"presence within the region: {name}", knowledge, {"region": region, "presence": score})
                for name, score in scores.items()
            ]
        for title, uses, how in ways:
            least = LEAST_PRESENCE if "presence" in how else 0.0
            about = {"scene": scene.scene, "part": "auto", "item": f"{title}, up to {count}", "uses_truth": uses}
            try:
                drawn = auto_prompts(ontology, available=known, count=int(count), minimum=least, **how)
            except UnmixingError as fault:
                yield about | {"measure": "precision", "value": np.nan, "n": 0, "reason": str(fault)}
                continue
            listed = ", ".join(candidate.prompt for candidate in drawn)
            chosen = [candidate.concept for candidate in drawn]
            sizes = {"precision": len(chosen), "recall": len(reference), "exact_recall": len(reference)}
            for measure, value in _quality(chosen, reference, ontology).items():
                yield about | {"measure": measure, "value": value, "n": sizes[measure], "detail": listed}
        draws = int(options.get("draws", 200))
        lots = pd.DataFrame(
            [_quality(by_lot(known, int(count), ontology, rng), reference, ontology) for _ in range(draws)]
        )
        about = {"scene": scene.scene, "part": "auto", "item": f"by lot, {count}", "uses_truth": "none"}
        for name in lots.columns:
            yield about | {"measure": name, "value": float(lots[name].mean()), "n": draws, "detail": "mean over lots"}


def _quality(found: Sequence[str], reference: Sequence[str], ontology: Ontology) -> dict[str, float]:
    """Precision and recall with relatives, and the share of what is there that is listed under its very name."""
    precision, recall = retrieval_quality(found, reference, ontology)
    exact = sum(name in found for name in reference) / len(reference)
    return {"precision": precision, "recall": recall, "exact_recall": exact}


def presence(
    model: UnmixingModel, scene: NamedScene, candidates: Sequence[str], pixels: int, rng: np.random.Generator
) -> dict[str, dict[str, float]]:
    """Score how likely each candidate is in a scene, from the encoder alone, in two ways.

    Args:
        model: as shipped.
        scene: any.
        candidates: ids that the model was trained to tell apart.
        pixels: at most, drawn by lot.
        rng: draws.

    Returns:
        ``nearest``: share of the pixels that a candidate is nearest to; ``assignment``: mean soft assignment.
    """
    cube = scene.known.cube[scene.seen].astype(np.float32)
    chosen = cube[rng.permutation(len(cube))[:pixels]]
    store = shipped_anchors(model)
    # Bands that the spectra of the likeliest materials do not know are masked, as in any use of the model.
    prompts = [candidate.prompt for candidate in auto_prompts(study_ontology(), available=model.facts.concepts)]
    prepared = prepare(model, ask_model(model, prompts), scene.known.wavelength)
    with torch.no_grad():
        anchors = model.anchors(torch.as_tensor(np.array(concept_anchors(store, candidates))))
        codes = encode_pixels(model, prepared, chosen)
        _, assigned = model.assign(codes, anchors, torch.ones(len(codes), len(anchors), dtype=torch.bool))
    table: npt.NDArray[np.float64] = assigned.double().numpy()
    nearest = np.bincount(table.argmax(axis=1), minlength=len(candidates)) / len(table)
    return {
        "nearest": dict(zip(candidates, nearest.tolist(), strict=True)),
        "assignment": dict(zip(candidates, table.mean(axis=0).tolist(), strict=True)),
    }


def by_lot(candidates: Sequence[str], count: int, ontology: Ontology, rng: np.random.Generator) -> list[str]:
    """Draw a list of candidates none of which lies above another."""
    chosen: list[str] = []
    for index in rng.permutation(len(candidates)):
        name = candidates[index]
        related = {name, *ancestors(ontology, name)}
        if not any(other in related or name in ancestors(ontology, other) for other in chosen):
            chosen.append(name)
        if len(chosen) == count:
            break
    return chosen


def is_mineral(ontology: Ontology, concept: str) -> bool:
    """Return whether a concept is a mineral or lies below that one."""
    return concept == MINERAL or MINERAL in ancestors(ontology, concept)
