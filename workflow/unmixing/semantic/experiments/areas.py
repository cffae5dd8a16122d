"""Areas of DLR HySU's targets by names and by few shots: estimated against known, by size of target.

A name does not fix the colour of a paint: without shots this tests whether the model abstains, not whether it is right.
Shots come from the 3 m targets and are tested on the smaller ones.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from unmixing.errors import UnmixingError
from unmixing.scenes.hysu import empty_windows
from unmixing.semantic.baselines import BASELINES
from unmixing.semantic.experiments.answers import FEW_SHOT, REFERENCE_METHOD, ZERO_SHOT, Answer, baseline_answer, joined
from unmixing.semantic.experiments.inputs import (
    NamedScene,
    entropy,
    library_at_hand,
    read_named_scene,
)
from unmixing.semantic.experiments.scene_methods import semantic_answers
from unmixing.semantic.experiments.scene_shots import adapted_methods
from unmixing.semantic.model import load_default_model
from unmixing.semantic.prompts import study_ontology
from unmixing.semantic.shots import baseline_methods, target_shots
from unmixing.semantic.target_areas import shot_target_rows, target_rows

DEFAULTS: Mapping[str, Any] = {
    "baselines": tuple(BASELINES),
    "ablations": False,
    "shots": (1, 5),
    "draws": 10,
    "modes": ("prototype", "adapter", "fine_tune"),
    "trained_draws": 5,
    "steps": 60,
}
"""What options are where they are left out."""

COLUMNS: Mapping[str, Any] = {
    "scene": "",
    "protocol": "",
    "method": "",
    "title": "",
    "uses_truth": "",
    "k": 0,
    "run": 0,
    "material": "",
    "side_m": np.nan,
    "known_m2": np.nan,
    "estimated_m2": np.nan,
    "pixels": 0,
    "detected": False,
    "presence": np.nan,
    "false_mean_m2": np.nan,
    "detection_limit_m2": np.nan,
    "windows": 0,
    "abstained": np.nan,
    "abstained_empty": np.nan,
    "notes": "",
    "reason": "",
}
"""Columns of the rows, and what stands where there is nothing."""


def rows(options: Mapping[str, Any], scenes: Mapping[str, Path], libraries: Path | None, seed: int) -> pd.DataFrame:
    """Score methods by the areas of targets.

    Args:
        options: in brackets the value for laptop; the demo has no such scene.

            * ``baselines``: names in ``baselines.BASELINES`` (all).
            * ``ablations``: whether parts of the model are left out in turn (false).
            * ``shots``: numbers of pixels k, at most 5 ([1, 5]).
            * ``draws``: of shots (10).
            * ``modes``: of few-shot learning, see ``few_shot.MODES`` (all).
            * ``trained_draws``: draws on which the modes that train something are run (5).
            * ``steps``: updates of these modes (60).

        scenes: files by id.
        libraries: folder of spectral libraries beside earthlib, or None.
        seed: of the study.

    Returns:
        One row for each method, draw and target, with the columns ``COLUMNS``: those of ``target_areas.target_rows``,
        and of the shipped model without shots ``abstained`` (share of the target's search area that it abstains on)
        and ``abstained_empty`` (share of the ground without targets). A scene without targets has a row that says so.

    Raises:
        UnmixingError: an option is unknown, or no scene is given.
    """
    unknown = sorted(set(options) - set(DEFAULTS))
    if unknown:
        raise UnmixingError(f"experiment areas: option {unknown[0]!r} is unknown: use one of {', '.join(DEFAULTS)}")
    if not scenes:
        raise UnmixingError("experiment areas: no scene is given: name one with targets of known area (DLR HySU)")
    chosen = {**DEFAULTS, **options}
    parts = [part for scene, path in scenes.items() for part in _of_scene(scene, path, chosen, libraries, seed)]
    return _finished(parts)


def _of_scene(
    scene: str, path: Path, options: Mapping[str, Any], libraries: Path | None, seed: int
) -> Iterator[pd.DataFrame]:
    named = read_named_scene(scene, path)
    if named is None or "target_mask" not in named.data:
        reason = "no prompts are fixed for it" if named is None else "it has no targets of known area"
        yield pd.DataFrame([{"scene": scene, "protocol": ZERO_SHOT, "reason": reason}])
        return
    model, everywhere = load_default_model(), named.seen
    answers = semantic_answers(named, model, everywhere, ablations=options["ablations"])
    try:
        library = named.library(library_at_hand(libraries), study_ontology())
        answers += [baseline_answer(name, named, library, everywhere) for name in options["baselines"]]
    except UnmixingError as fault:
        about = {"scene": scene, "protocol": ZERO_SHOT, "method": REFERENCE_METHOD, "uses_truth": "names"}
        yield pd.DataFrame([{**about, "reason": str(fault)}])
    for answer in answers:
        about = {"protocol": ZERO_SHOT, "title": answer.title, "uses_truth": answer.uses_truth, "notes": answer.notes}
        part = target_rows(named.data, answer.maps, answer.method, identity=about)
        yield part.assign(**_abstention(named, answer, part))
    methods = {**baseline_methods(named.known.cube), **adapted_methods(named, model, options, seed)}
    for k in options["shots"]:
        drawn = target_shots(named.data, k, entropy(seed, scene, "shots"), draws=options["draws"])
        yield shot_target_rows(named.data, drawn, methods).assign(protocol=FEW_SHOT)


def _abstention(named: NamedScene, answer: Answer, targets: pd.DataFrame) -> dict[str, Any]:
    """Shares of the targets' search areas, and of windows without targets, on which the model abstains."""
    if answer.abstain is None:
        return {}
    masks, sizes = named.data["target_mask"].to_numpy().astype(bool), named.data["target_size"].to_numpy()
    sides = [float(side) for side in named.data["target_side_m"].to_numpy()]
    names = [str(name) for name in named.data["name"].to_numpy()]
    shares = [
        float(answer.abstain[masks[names.index(material)] & (sizes == sides.index(side) + 1)].mean())
        for material, side in zip(targets["material"], targets["side_m"], strict=True)
    ]
    windows = [answer.abstain[row : row + 4, col : col + 4].mean() for row, col in empty_windows(named.data)]
    return {"abstained": shares, "abstained_empty": float(np.mean(windows))}


def _finished(parts: list[pd.DataFrame]) -> pd.DataFrame:
    frame = joined(parts, COLUMNS)
    unable = (frame["reason"] == "") & frame["abstained"].isna()
    frame.loc[unable, "reason"] = "abstention: asked of the shipped model without shots alone"
    return frame
