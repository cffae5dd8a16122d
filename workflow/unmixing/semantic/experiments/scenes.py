"""Unmixing by names on scenes that no training saw, beside all that has the same information, and some that has more.

Protocols: ``zero-shot``, the prompts alone (ZS-e; on synthetic scenes, whose spectra come from the library that models
train on, ZS-a). ``few-shot``, k pixels besides that the references call pure. ``other half``, the references of one
half, tested on the other. ``bilinear``, the scene's own materials mixed again with products of a known strength
(simulated).
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from unmixing.classical.abundances import reference_to_areal
from unmixing.errors import UnmixingError
from unmixing.evaluation import physical_references
from unmixing.semantic.baselines import BASELINES
from unmixing.semantic.experiments.answers import (
    HALF,
    REFERENCE_METHOD,
    ZERO_SHOT,
    Answer,
    baseline_answer,
    finished,
    reason_row,
    score_answers,
)
from unmixing.semantic.experiments.bilinear import bilinear_rows
from unmixing.semantic.experiments.inputs import (
    NOT_NAMED,
    Mask,
    NamedScene,
    lattice,
    library_at_hand,
    read_named_scene,
    stream,
)
from unmixing.semantic.experiments.scene_methods import (
    decoded_spectra,
    matched_answers,
    oracle_answers,
    semantic_answers,
    water_of,
)
from unmixing.semantic.experiments.scene_shots import shot_rows
from unmixing.semantic.model import load_default_model
from unmixing.semantic.prompts import study_ontology
from unmixing.semantic.supervised import cross_halves, halves

DEFAULTS: Mapping[str, Any] = {
    "stride": 1,
    "baselines": tuple(BASELINES),
    "ablations": True,
    "vca_draws": 5,
    "shots": (1, 5, 10, 20),
    "draws": 10,
    "modes": ("prototype", "adapter", "fine_tune"),
    "trained_draws": 5,
    "steps": 60,
    "shot_stride": 2,
    "supervised_epochs": 60,
    "bilinear": (0.0, 0.3, 1.0),
    "bilinear_stride": 4,
}
"""What options are where they are left out."""

#: What the shipped model is compared with beside class-mean SCLS: the best that the library gives without a model, and
#: itself without what the names say.
_BESIDES = {"semantic": ("sunsal_library", "semantic_no_prior")}
_BESIDE_HALVES = ("semantic", REFERENCE_METHOD, "constant")


def rows(options: Mapping[str, Any], scenes: Mapping[str, Path], libraries: Path | None, seed: int) -> pd.DataFrame:
    """Score all methods on all scenes that have reference abundances and prompts.

    Args:
        options: in brackets the values for demo and laptop.

            * ``stride``: every so many rows and columns are unmixed without shots (2, 1).
            * ``baselines``: names in ``baselines.BASELINES`` (all, all).
            * ``ablations``: whether parts of the model are left out in turn (true, true).
            * ``vca_draws``: draws of VCA + FCLS, 0 for none (3, 5).
            * ``shots``: numbers of pixels k, none for no few-shot protocol ([1, 5], [1, 5, 10, 20]).
            * ``draws``: of shots (5, 10).
            * ``modes``: of few-shot learning, see ``few_shot.MODES`` (all, all).
            * ``trained_draws``: draws on which the modes that train something are run (1, 5).
            * ``steps``: updates of these modes (20, 60).
            * ``shot_stride``: every so many rows and columns are tested with shots (4, 2).
            * ``supervised_epochs``: of the supervised autoencoder, 0 for none (15, 60).
            * ``bilinear``: strengths of simulated bilinear mixing, none for no such protocol ([0, 1], [0, 0.3, 1]).
            * ``bilinear_stride``: every so many rows and columns are mixed again (4, 4).

        scenes: files by id.
        libraries: folder of spectral libraries beside earthlib, or None.
        seed: of the study.

    Returns:
        Rows of ``answers.IDENTITY``, ``scores.COLUMNS`` and ``reason``.

    Raises:
        UnmixingError: an option is unknown, or no scene is given.
    """
    unknown = sorted(set(options) - set(DEFAULTS))
    if unknown:
        raise UnmixingError(f"experiment scenes: option {unknown[0]!r} is unknown: use one of {', '.join(DEFAULTS)}")
    if not scenes:
        raise UnmixingError("experiment scenes: no scene is given: name at least one")
    chosen = {**DEFAULTS, **options}
    return finished(part for scene, path in scenes.items() for part in _of_scene(scene, path, chosen, libraries, seed))


def _of_scene(
    scene: str, path: Path, options: Mapping[str, Any], libraries: Path | None, seed: int
) -> Iterator[pd.DataFrame]:
    named = read_named_scene(scene, path)
    if named is None or named.known.abundances is None:
        reason = NOT_NAMED if named is None else "it has no reference abundances"
        yield reason_row(reason, scene=scene, protocol=ZERO_SHOT)
        return
    model, ontology, library = load_default_model(), study_ontology(), library_at_hand(libraries)
    tested = lattice(named.known.cube.shape, options["stride"]) & named.seen
    answers = semantic_answers(named, model, tested, ablations=options["ablations"])
    spectra = None
    try:
        spectra = named.library(library, ontology)
    except UnmixingError as fault:
        kind = str(named.data.attrs["kind"])
        about = {"scene": scene, "kind": kind, "protocol": ZERO_SHOT, "uses_truth": "names"}
        yield reason_row(str(fault), **about, method=REFERENCE_METHOD)
    if spectra is not None:
        answers += [baseline_answer(name, named, spectra, tested) for name in options["baselines"]]
    answers += [*matched_answers(named, tested, options["vca_draws"], seed), *oracle_answers(named, tested)]
    water = water_of(named, ontology)
    yield score_answers(answers, named, tested, protocol=ZERO_SHOT, besides=_BESIDES, water=water)
    if options["supervised_epochs"]:
        yield _half_rows(answers, named, tested, options["supervised_epochs"], seed)
    if options["bilinear"]:
        decoded = decoded_spectra(named, model)
        yield bilinear_rows(named, decoded, spectra, options["bilinear"], options["bilinear_stride"], seed)
    if options["shots"]:
        yield from shot_rows(named, model, library, ontology, options, seed)


def _half_rows(answers: Sequence[Answer], named: NamedScene, tested: Mask, epochs: int, seed: int) -> pd.DataFrame:
    """Score a supervised autoencoder on the halves that it did not see, and methods by names on the same pixels."""
    known = named.known
    assert known.abundances is not None
    cut = halves(known.abundances, named.seen)
    rng = stream(seed, named.scene, "supervised")
    maps = cross_halves(known.cube, known.abundances, cut, rng=rng, epochs=epochs)
    clear, maxima = tested & np.isfinite(maps).all(axis=2), None
    if known.convention == "nnls_sum_max" and (spectra := physical_references(known)) is not None:
        # It answers in the references' convention: converted so that scoring converts it back.
        maxima = spectra.max(axis=1)
        maps = reference_to_areal(maps, maxima)
    supervised = Answer(
        method="supervised_autoencoder",
        title="supervised autoencoder, trained on the other half",
        uses_truth="training",
        maps=maps,
        maxima=maxima,
        notes=f"cut into {cut[0].name} and {cut[1].name}",
    )
    chosen = [answer for answer in answers if answer.method in _BESIDE_HALVES]
    plain = [Answer(one.method, one.title, one.uses_truth, one.maps, one.maxima, notes=one.notes) for one in chosen]
    against = (REFERENCE_METHOD, supervised.method)
    return score_answers([supervised, *plain], named, clear, protocol=HALF, against=against)
