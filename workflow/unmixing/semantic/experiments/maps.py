"""Abundance maps of scenes by names: reference, the shipped model and class-mean SCLS, pixel by pixel, to be drawn."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from unmixing.errors import UnmixingError
from unmixing.semantic.experiments.answers import REFERENCE_METHOD, Answer, baseline_answer
from unmixing.semantic.experiments.inputs import (
    NOT_NAMED,
    NamedScene,
    library_at_hand,
    read_named_scene,
)
from unmixing.semantic.experiments.scene_methods import semantic_answers
from unmixing.semantic.model import load_default_model
from unmixing.semantic.prompts import study_ontology
from unmixing.semantic.scores import conventions

OPTIONS = ("stride",)


def rows(options: Mapping[str, Any], scenes: Mapping[str, Path], libraries: Path | None, seed: int) -> pd.DataFrame:
    """Unmix scenes by their prompts and keep the maps.

    Args:
        options: ``stride``: every so many rows and columns are kept (1 for demo and laptop).
        scenes: files by id.
        libraries: folder of spectral libraries beside earthlib, or None.
        seed: not used: nothing is drawn.

    Returns:
        One row for each pixel and material: ``scene``, ``kind``, ``material`` (of the reference), ``prompt``,
        ``title`` (the model's), ``row``, ``col``, ``reference`` (NaN where the scene has none), ``semantic`` and
        ``scls`` (NaN without spectra) in the ``convention`` of the references (``reference``, ``raw`` where that is
        unknown, ``areal`` where there are none), ``residual_rad``, ``abstain`` and ``reason``.

    Raises:
        UnmixingError: an option is unknown, or no scene is given.
    """
    del seed
    if unknown := sorted(set(options) - set(OPTIONS)):
        raise UnmixingError(f"experiment maps: option {unknown[0]!r} is unknown: use {', '.join(OPTIONS)}")
    if not scenes:
        raise UnmixingError("experiment maps: no scene is given: name at least one")
    parts = []
    for scene, path in scenes.items():
        named = read_named_scene(scene, path)
        if named is None:
            parts.append(pd.DataFrame([{"scene": scene, "reason": NOT_NAMED}]))
        else:
            parts.append(_of_scene(named, libraries, int(options.get("stride", 1))))
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(reason=frame["reason"].fillna(""))


def _of_scene(named: NamedScene, libraries: Path | None, stride: int) -> pd.DataFrame:
    answer = semantic_answers(named, load_default_model(), named.seen, ablations=False)[0]
    reason = "" if named.known.abundances is not None else "the scene has no reference abundances"
    scls = np.full(answer.maps.shape, np.nan)
    try:
        library = named.library(library_at_hand(libraries), study_ontology())
        scls = _converted(baseline_answer(REFERENCE_METHOD, named, library, named.seen), named)[1]
    except UnmixingError as fault:
        reason = str(fault)
    convention, semantic = _converted(answer, named)
    reference = np.full(semantic.shape, np.nan) if named.known.abundances is None else named.known.abundances
    thin = np.s_[::stride, ::stride]
    row, col, material = (axis.ravel() for axis in np.indices(semantic[thin].shape))
    assert answer.angle is not None
    assert answer.abstain is not None
    return pd.DataFrame(
        {
            "scene": named.scene,
            "kind": str(named.data.attrs["kind"]),
            "title": answer.title,
            "convention": convention,
            "material": np.array([prompt.reference for prompt in named.prompts])[material],
            "prompt": np.array(named.texts)[material],
            "row": row,
            "col": col,
            "reference": np.asarray(reference, np.float32)[thin].ravel(),
            "semantic": semantic[thin].astype(np.float32).ravel(),
            "scls": scls[thin].astype(np.float32).ravel(),
            "residual_rad": answer.angle[thin].astype(np.float32)[row, col],
            "abstain": answer.abstain[thin][row, col],
            "reason": reason,
        }
    )


def _converted(answer: Answer, named: NamedScene) -> tuple[str, np.ndarray]:
    if named.known.abundances is None:
        return "areal", answer.maps
    convention, maps, _ = conventions(answer.maps, named.known, answer.maxima)[0]
    # A conversion takes what is missing for an even mixture.
    return convention, np.where(np.isnan(answer.maps), np.nan, maps)
