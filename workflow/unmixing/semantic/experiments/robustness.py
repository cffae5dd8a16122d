"""Robustness: the shipped model under noise, wrong calibration, other sensors, odd words and attacks.

Every number is of generated pixels whose spectra no training saw, seven prompts, the bands of AVIRIS, unless the test
says otherwise. Each draw is a set of pixels of its own; all tests and levels see the same pixels, so that they are
compared in pairs. Classical methods are given the same class means that the model carries.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from unmixing.semantic.experiments import reliance, robustness_attacks, robustness_texts
from unmixing.semantic.experiments.bench import (
    BASE_SNR,
    SEVEN,
    Bench,
    Conditions,
    TestPixels,
    ask_concepts,
    draw,
    kept_error,
    look,
    open_bench,
    pair_angles,
    scores,
    table,
    under,
)
from unmixing.semantic.experiments.disturbances import PLANTS, Disturbance, battery, undisturbed
from unmixing.semantic.experiments.inputs import stream
from unmixing.semantic.experiments.labels import (
    ENCODER,
    ENVELOPE,
    FCLS,
    MODEL,
    NO_PRIOR,
    OTHER_PRIOR,
    PIXELS,
    REQUIREMENT,
    ROBUSTNESS_COLUMNS,
    SCLS,
)
from unmixing.semantic.experiments.solver import Found, Solver
from unmixing.semantic.latents import Latents
from unmixing.semantic.pools import Pool
from unmixing.semantic.properties import easy_scene, measure_properties
from unmixing.semantic.questions import Asked
from unmixing.semantic.sensors import get_sensor, lose_bands

Array = npt.NDArray[np.float64]
Record = dict[str, Any]

METHODS = (MODEL, OTHER_PRIOR, NO_PRIOR, SCLS, FCLS, ENCODER)
SENSOR = "aviris"
EASY_SCENE = "synthetic_easy"


def rows(options: Mapping[str, Any], scenes: Mapping[str, Path], libraries: Path | None, seed: int) -> pd.DataFrame:
    """Measure robustness.

    Args:
        options: ``draws`` (sets of pixels; demo 5, laptop 6), ``pixels`` of each (demo 60, laptop 100), ``levels`` of
            the battery (demo ``few``, laptop ``all``), ``reliance_snr_db`` (demo [10, 40], laptop
            [10, 15, 20, 30, 40]), ``envelope`` with lists ``snr_db``, ``atmosphere`` and ``distractors`` (demo
            [10, 40], [0, .2], [0, 3]; laptop [10, 20, 30, 40], [0, .05, .1, .2], [0, 3]), ``text_encoder`` for words
            that no list holds (demo "", laptop "minilm"), ``attack_pixels`` (demo 20, laptop 40), ``attack_steps`` of
            projected gradient descent (demo 5, laptop 10), ``attack_sizes`` (demo [.01]; laptop [.001, .002, .005,
            .01, .02]), ``adversarial_updates`` of the attacked training (demo 0: not run; laptop 60),
            ``scene_stride`` (every so many rows and columns of the easy scene; demo 2, laptop 1).
        scenes: the easy scene where it is there; otherwise it is made.
        libraries: folder of spectral libraries, or None.
        seed: the study's entropy.

    Returns:
        One row for each number: columns ``labels.ROBUSTNESS_COLUMNS``. ``metric`` is ``armse``, ``dominant`` (share of
        pixels whose largest share is right), ``abstained`` (share of pixels), ``moved`` (mean absolute change of
        abundances from the base), ``angle`` (mean spectral angle from the base, radians; method "pixels") and others
        that single tests explain. ``level`` is "base" where nothing was disturbed: of the test itself or, where it has
        none, of "undisturbed" ("no attack" for attacks).

    Raises:
        UnmixingError: an option is out of range, or a library cannot be read.
    """
    bench = open_bench(libraries)
    pool = bench.pool(SEVEN)
    asked = ask_concepts(bench, SEVEN)
    drawn = [
        draw(pool, int(options["pixels"]), stream(seed, "robustness", "pixels", index))
        for index in range(int(options["draws"]))
    ]
    solver = Solver(bench.model)
    records: list[Record] = []
    for index, latents in enumerate(drawn):
        records += _battery(solver, asked, pool, latents, index, options, seed)
        records += _envelope(solver, bench, pool, latents, index, options["envelope"], seed)
        base = look(under(latents, Conditions()), pool, get_sensor(SENSOR))
        records += robustness_texts.rows_of(solver, bench, base, index, str(options["text_encoder"]), seed)
        by_noise = {
            float(level): look(under(latents, Conditions(snr_db=float(level))), pool, get_sensor(SENSOR))
            for level in options["reliance_snr_db"]
        }
        records += reliance.rows_of(solver, asked, by_noise, index, seed)
    records += robustness_texts.compositions(bench, str(options["text_encoder"]))
    records += robustness_attacks.rows_of(bench, asked, pool, drawn, options, seed)
    records += _requirements(bench, scenes, int(options["scene_stride"]), seed)
    return table(
        [{"snr_db": BASE_SNR, "atmosphere": 0.0, "number": 0.0} | record for record in records], ROBUSTNESS_COLUMNS
    )


def disturbed(disturbance: Disturbance, latents: Latents, pool: Pool, rng: np.random.Generator) -> TestPixels:
    """Render pixels under a disturbance.

    Args:
        disturbance: one level of one test.
        latents: drawn with ``bench.draw``.
        pool: the one they were drawn with.
        rng: draws what the disturbance draws; the same generator gives all levels of a test the same draws.
    """
    used = disturbance.pool(pool) if disturbance.pool else pool
    found = look(
        under(latents, disturbance.conditions),
        used,
        disturbance.looks or get_sensor(SENSOR),
        by=disturbance.by,
        told=disturbance.told,
    )
    values, axis = found.values, found.wavelengths
    if disturbance.pixels:
        values = disturbance.pixels(values, axis, rng)
    if disturbance.lost:
        kept = lose_bands(axis.size, disturbance.lost, rng)
        values, axis = values[:, kept], axis[kept]
    return replace(found, values=values, wavelengths=axis)


def _battery(
    solver: Solver, asked: Asked, pool: Pool, latents: Latents, index: int, options: Mapping[str, Any], seed: int
) -> Iterator[Record]:
    base = disturbed(undisturbed(), latents, pool, stream(seed))
    before = solver.solve(asked, base.values, base.wavelengths, METHODS)
    yield from _scored(undisturbed(), base, base, before, before, index)
    yield from _scored(undisturbed("senescence", PLANTS), base, base, before, before, index)
    for disturbance in battery(get_sensor(SENSOR), options["levels"]):
        seen = disturbed(disturbance, latents, pool, stream(seed, "robustness", disturbance.test, index))
        after = solver.solve(asked, seen.values, seen.wavelengths, METHODS)
        yield from _scored(disturbance, base, seen, before, after, index)


def _scored(
    disturbance: Disturbance,
    base: TestPixels,
    seen: TestPixels,
    before: Mapping[str, Found],
    after: Mapping[str, Found],
    index: int,
) -> Iterator[Record]:
    common = {
        "test": disturbance.test,
        "level": disturbance.level,
        "number": disturbance.number,
        "draw": index,
        "n": len(seen.values),
        "snr_db": disturbance.conditions.snr_db,
        "atmosphere": disturbance.conditions.atmosphere,
        "note": " and ".join(disturbance.merged) + " count as one" if disturbance.merged else "",
    }
    for method, estimate in after.items():
        found = _merged(estimate.abundances, disturbance.merged)
        earlier = _merged(before[method].abundances, disturbance.merged)
        numbers = scores(found, _merged(seen.truth, disturbance.merged)) | {"moved": np.abs(found - earlier).mean()}
        if method == MODEL:
            numbers["abstained"] = float(estimate.abstain.mean())
        for metric, value in numbers.items():
            yield common | {"method": method, "metric": metric, "value": float(value)}
    if seen.values.shape == base.values.shape:
        angles = pair_angles(base.values, seen.values)
        yield common | {"method": PIXELS, "metric": "angle", "value": float(angles.mean())}


def _merged(shares: Array, together: tuple[str, ...]) -> Array:
    """Add up the columns of prompts that count as one."""
    if not together:
        return shares
    places = [SEVEN.index(name) for name in together]
    others = np.setdiff1d(np.arange(shares.shape[1]), places)
    return np.concatenate([shares[:, others], shares[:, places].sum(axis=1, keepdims=True)], axis=1)


def _envelope(
    solver: Solver, bench: Bench, pool: Pool, latents: Latents, index: int, grid: Mapping[str, Any], seed: int
) -> Iterator[Record]:
    """Error and abstention by noise, atmosphere and number of prompts that name nothing there."""
    for count in grid["distractors"]:
        asked = robustness_texts.ask_with_distractors(
            bench, int(count), stream(seed, "robustness", "distractors", index)
        )
        for noise, depth in product(grid["snr_db"], grid["atmosphere"]):
            conditions = Conditions(snr_db=float(noise), atmosphere=float(depth))
            seen = look(under(latents, conditions), pool, get_sensor(SENSOR))
            common = {
                "test": ENVELOPE,
                "level": f"{noise:g} dB, depth {depth:g}, {count} distractors",
                "draw": index,
                "n": len(seen.values),
                "snr_db": float(noise),
                "atmosphere": float(depth),
                "distractors": int(count),
            }
            for method, estimate in solver.solve(asked, seen.values, seen.wavelengths, (MODEL, SCLS)).items():
                shares = estimate.abundances[:, : len(SEVEN)]
                numbers = scores(shares, seen.truth)
                if method == MODEL:
                    numbers["abstained"] = float(estimate.abstain.mean())
                    numbers["armse_kept"] = kept_error(shares, seen.truth, estimate.abstain)
                for metric, value in numbers.items():
                    reason = "" if np.isfinite(value) else "the model abstains from every pixel"
                    yield common | {"method": method, "metric": metric, "value": float(value), "reason": reason}


def _requirements(bench: Bench, scenes: Mapping[str, Path], stride: int, seed: int) -> Iterator[Record]:
    """What must hold on the easy scene: the same weights with fewer bands, other bands, wrong bands and gains."""
    from unmixing.scenes.dataset import open_scene

    scene = open_scene(scenes[EASY_SCENE]) if EASY_SCENE in scenes else easy_scene()
    thinned = scene.isel(row=slice(None, None, stride), col=slice(None, None, stride))
    lost_seed = int(stream(seed, "robustness", REQUIREMENT).integers(2**31))
    for entry in measure_properties(bench.model, thinned, lost_seed).to_dict("records"):
        target = "" if entry["target"] == "-" else f"{entry['target']}: {'met' if entry['met'] else 'not met'}"
        yield {
            "test": REQUIREMENT,
            "level": str(entry["property"]),
            "method": MODEL,
            "metric": "value",
            "value": float(entry["value"]),
            "n": int(entry["n"]),
            "note": target,
        }
