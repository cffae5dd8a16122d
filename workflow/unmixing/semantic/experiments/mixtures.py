"""Generated mixtures with exact truth: unseen spectra, wordings, sensors and concepts, one library against another.

Protocols: ``ZS-a`` unseen spectra of seen concepts, ``ZS-b`` unseen wordings, ``ZS-c`` unseen sensors, ``ZS-d`` unseen
concepts, ``transfer`` one library trains and the other tests, ``bilinear`` multiple scattering, ``anchors`` text
against random anchors on seen concepts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from unmixing.semantic.anchors import random_anchors
from unmixing.semantic.baselines import sunsal_library
from unmixing.semantic.experiments import unseen
from unmixing.semantic.experiments.bench import (
    SEVEN,
    Bench,
    Conditions,
    TestPixels,
    as_trained,
    ask_concepts,
    draw,
    look,
    open_bench,
    table,
    under,
)
from unmixing.semantic.experiments.inputs import entropy, stream
from unmixing.semantic.experiments.labels import (
    BILINEAR_ORACLE,
    CONSTANT,
    DECODED,
    DECODED_PRIOR,
    ENCODER,
    FCLS,
    LIBRARY_PRIOR,
    MIXTURE_COLUMNS,
    MODEL,
    NO_PRIOR,
    ORACLE,
    OTHER_PRIOR,
    RANDOM_SHORT,
    RETRAINED,
    SCLS,
    SUNSAL,
    TEXT_SHORT,
    TRAINED_WORDINGS,
    UNSEEN_WORDINGS,
)
from unmixing.semantic.experiments.mixture_rows import NEEDS_USGS, Record, missing, record
from unmixing.semantic.experiments.oracles import oracle
from unmixing.semantic.experiments.short_training import fine_tune, materials_of, train_short
from unmixing.semantic.experiments.solver import solve
from unmixing.semantic.materials import draw_sensor
from unmixing.semantic.scene_library import fill_gaps, scene_library
from unmixing.semantic.sensors import Sensor, get_sensor, load_sensors
from unmixing.semantic.trained_models import VALIDATION_LISTS

Array = npt.NDArray[np.float64]

METHODS = (MODEL, OTHER_PRIOR, NO_PRIOR, DECODED_PRIOR, DECODED, LIBRARY_PRIOR, SCLS, FCLS, ENCODER)


def rows(options: Mapping[str, Any], scenes: Mapping[str, Path], libraries: Path | None, seed: int) -> pd.DataFrame:
    """Score the shipped model and its baselines on generated mixtures.

    Args:
        options: ``draws`` (sets of pixels; demo 5, laptop 10), ``pixels`` of each (demo 60, laptop 200), ``sensors`` of
            ZS-a (demo ["aviris"], laptop ["aviris", "vnir", "sentinel2"]), ``bilinear`` strengths (demo [0, .3],
            laptop [0, .1, .2, .3, .6]), and numbers of updates of trainings, each 0 in the demo (not run):
            ``sensor_updates`` (further training of the shipped model on one sensor; laptop 60), ``transfer_updates``
            (short training on one library; laptop 100), ``anchor_updates`` (short trainings with text and with random
            anchors; laptop 80) and ``anchor_trainings`` (pairs of them; laptop 5).
        scenes: not used.
        libraries: folder of spectral libraries, or None: then lists and protocols that need the USGS library are one
            row with the reason.
        seed: the study's entropy.

    Returns:
        One row for each number: columns ``labels.MIXTURE_COLUMNS``; ``metric`` is ``armse``, ``dominant`` or, for
        made-up spectra, ``sad_rad``. ``draw`` pairs the rows of a setting: all its methods saw the same pixels.

    Raises:
        UnmixingError: an option is out of range, or a library cannot be read.
    """
    del scenes
    bench = open_bench(libraries)
    records: list[Record] = []
    records += _seen_concepts(bench, options, seed)
    records += _wordings(bench, options, seed)
    records += _sensors(bench, options, seed)
    records += unseen.concept_rows(bench, int(options["draws"]), int(options["pixels"]), seed)
    records += unseen.transfer_rows(bench, options, seed)
    records += _bilinear(bench, options, seed)
    records += _anchors(bench, options, seed)
    return table([{"number": 0.0} | record for record in records], MIXTURE_COLUMNS)


def _seen_concepts(bench: Bench, options: Mapping[str, Any], seed: int) -> Iterator[Record]:
    for title, names in VALIDATION_LISTS.items():
        if not bench.has_test_spectra(names):
            yield missing("ZS-a", title, NEEDS_USGS)
            continue
        pool, asked = bench.pool(names), ask_concepts(bench, names)
        for sensor in options["sensors"]:
            setting = f"{title}, {get_sensor(sensor).title}"
            for index in range(int(options["draws"])):
                rng = stream(seed, "mixtures", "ZS-a", title, index)
                seen = as_trained(bench, pool, get_sensor(sensor), int(options["pixels"]), rng)
                for method, found in solve(bench.model, asked, seen.values, seen.wavelengths, METHODS).items():
                    yield from record("ZS-a", setting, method, index, found.abundances, seen.truth)
                yield from record("ZS-a", setting, SUNSAL, index, sunsal(bench, names, seen), seen.truth)
                even = np.full_like(seen.truth, 1 / len(names))
                yield from record("ZS-a", setting, CONSTANT, index, even, seen.truth)
                yield from record("ZS-a", setting, ORACLE, index, oracle(seen), seen.truth)


def sunsal(bench: Bench, names: Sequence[str], seen: TestPixels) -> Array:
    """Fit all training spectra of the prompts at once (``baselines.sunsal_library``)."""
    library = scene_library(bench.library, bench.ontology, names, seen.wavelengths, rows=np.flatnonzero(bench.train))
    return sunsal_library(fill_gaps(seen.values, seen.wavelengths), library)


def _wordings(bench: Bench, options: Mapping[str, Any], seed: int) -> Iterator[Record]:
    """The same pixels asked about with the trained anchors and with wordings that no training saw."""
    pool, asked = bench.pool(SEVEN), ask_concepts(bench, SEVEN)
    words = bench.store.rows
    for index in range(int(options["draws"])):
        rng = stream(seed, "mixtures", "ZS-b", index)
        seen = as_trained(bench, pool, get_sensor("aviris"), int(options["pixels"]), rng)
        places = []
        for name in SEVEN:
            own = words.index[(words["concept"] == name) & (words["role"] == "held_out")]
            places.append(int(rng.choice(own.to_numpy())))
        told = replace(asked, vectors=torch.as_tensor(bench.store.vectors[places].copy()))
        note = "; ".join(words["text"].iloc[places])
        for setting, question in ((TRAINED_WORDINGS, asked), (UNSEEN_WORDINGS, told)):
            found = solve(bench.model, question, seen.values, seen.wavelengths, (MODEL, ENCODER))
            for method, estimate in found.items():
                yield from record(
                    "ZS-b", setting, method, index, estimate.abundances, seen.truth,
                    note=note if setting == UNSEEN_WORDINGS else "",
                )  # fmt: skip


def _sensors(bench: Bench, options: Mapping[str, Any], seed: int) -> Iterator[Record]:
    """Sensors that training drew none of but by chance, beside drawn ones."""
    pool, asked = bench.pool(SEVEN), ask_concepts(bench, SEVEN)
    updates = int(options["sensor_updates"])
    materials = materials_of(bench.library, bench.ontology, bench.train) if updates else None
    for name in ("drawn", *load_sensors()):
        title = "drawn as in training" if name == "drawn" else get_sensor(name).title
        further = None
        if materials is not None and name in ("vnir", "sentinel2"):
            rng = stream(seed, "mixtures", "sensor training", name)
            further = fine_tune(bench, materials, updates, rng, sensor=get_sensor(name))
        for index in range(int(options["draws"])):
            rng = stream(seed, "mixtures", "ZS-c", index)
            state = stream(seed, "mixtures", "drawn sensor", index)
            sensor = _wide_sensor(state) if name == "drawn" else get_sensor(name)
            seen = as_trained(bench, pool, sensor, int(options["pixels"]), rng)
            for method, found in solve(bench.model, asked, seen.values, seen.wavelengths, (MODEL, SCLS)).items():
                yield from record("ZS-c", title, method, index, found.abundances, seen.truth)
            if further is not None:
                own = solve(further, asked, seen.values, seen.wavelengths, (MODEL,))[MODEL]
                yield from record("ZS-c", title, RETRAINED, index, own.abundances, seen.truth)


def _wide_sensor(rng: np.random.Generator, fewest: int = 8) -> Sensor:
    """Draw a sensor as training does, again while it has fewer bands than prompts can be told apart with."""
    sensor = draw_sensor(rng)
    while len(sensor.centres) < fewest:
        sensor = draw_sensor(rng)
    return sensor


def _bilinear(bench: Bench, options: Mapping[str, Any], seed: int) -> Iterator[Record]:
    """Error by strength of multiple scattering: does the decoder model it better than the class mean?"""
    pool, asked = bench.pool(SEVEN), ask_concepts(bench, SEVEN)
    for index in range(int(options["draws"])):
        latents = draw(pool, int(options["pixels"]), stream(seed, "mixtures", "bilinear", index))
        for strength in map(float, options["bilinear"]):
            seen = look(under(latents, Conditions(bilinear=strength)), pool, get_sensor("aviris"), with_endmembers=True)
            found = {
                method: estimate.abundances
                for method, estimate in solve(
                    bench.model, asked, seen.values, seen.wavelengths, (MODEL, NO_PRIOR, DECODED, SCLS)
                ).items()
            }
            found |= {ORACLE: oracle(seen), BILINEAR_ORACLE: oracle(seen, strength)}
            for method, shares in found.items():
                yield from record("bilinear", f"g = {strength:g}", method, index, shares, seen.truth, number=strength)


def _anchors(bench: Bench, options: Mapping[str, Any], seed: int) -> Iterator[Record]:
    """Short trainings with text and with random anchors, in pairs: on seen concepts they should be equal."""
    updates = int(options["anchor_updates"])
    if not updates:
        yield missing("anchors", "seven classes, short trainings", "not run at this scale: set anchor_updates")
        return
    materials, pool = materials_of(bench.library, bench.ontology, bench.train), bench.pool(SEVEN)
    for index in range(int(options["anchor_trainings"])):
        rng = stream(seed, "mixtures", "anchors", index)
        seen = as_trained(bench, pool, get_sensor("aviris"), int(options["pixels"]), rng)
        number = entropy(seed, "mixtures", "anchor training", index) % 2**31
        arms = {TEXT_SHORT: bench.store, RANDOM_SHORT: random_anchors(bench.store, seed=number)}
        for method, store in arms.items():
            model = train_short(bench, materials, updates, number, store)
            asked = ask_concepts(replace(bench, model=model, store=store), SEVEN)
            found = solve(model, asked, seen.values, seen.wavelengths, (MODEL,))[MODEL]
            yield from record(
                "anchors", "seven classes, short trainings", method, index, found.abundances, seen.truth,
                note=f"{updates} updates",
            )  # fmt: skip
