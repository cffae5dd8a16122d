"""Fairness: whom the model serves worse, by class, by region and by language.

Regions can be compared for soils alone: only they come from many places. A latitude of exactly zero means that the
place is not known. By class and language pixels are generated mixtures of held-out spectra, as in training; by region
they are held-out soils as they are, seen through AVIRIS with little noise, asked about the seven prompts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from unmixing.errors import UnmixingError
from unmixing.semantic.cluster_intervals import cluster_interval, cluster_sums, ratio
from unmixing.semantic.experiments.bench import (
    SEVEN,
    Bench,
    as_trained,
    ask,
    ask_concepts,
    open_bench,
    scores,
    table,
)
from unmixing.semantic.experiments.inputs import entropy, stream
from unmixing.semantic.experiments.labels import FAIRNESS_COLUMNS, MODEL, SCLS, WITH, WITHOUT
from unmixing.semantic.experiments.short_training import materials_of, train_short
from unmixing.semantic.experiments.solver import Solver, solve
from unmixing.semantic.library import common_spectra
from unmixing.semantic.ontology import LANGUAGES
from unmixing.semantic.questions import Asked
from unmixing.semantic.sensors import apply_response, get_sensor, response_matrix
from unmixing.semantic.sources import COMMON_GRID, COMMON_RESOLUTION_NM

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Record = dict[str, Any]

SOIL = "bare_soil"
#: Bands of latitude in degrees, lower end included.
REGIONS: Mapping[str, tuple[float, float]] = {
    "north of 45°": (45.0, 91.0),
    "23.5° to 45° north": (23.5, 45.0),
    "tropics": (-23.5, 23.5),
    "south of 23.5° south": (-91.0, -23.5),
}
UNKNOWN_PLACE = "place not known"
_SNR_DB = 40.0
_DOMINATES = 0.5


def rows(options: Mapping[str, Any], scenes: Mapping[str, Path], libraries: Path | None, seed: int) -> pd.DataFrame:
    """Measure gaps between classes, regions of soils and languages.

    Args:
        options: ``draws`` (sets of mixtures; demo 5, laptop 10), ``pixels`` of each (demo 100, laptop 200) and
            ``region_updates`` (of the short trainings that leave a region out; demo 0: not run, laptop 80).
        scenes: not used.
        libraries: folder of spectral libraries, or None.
        seed: the study's entropy.

    Returns:
        One row for each number: columns ``labels.FAIRNESS_COLUMNS``. ``aspect`` is class, language, region or region
        left out. By class: ``rmse`` and ``bias`` of its share, ``recall`` (pixels it dominates that are called so),
        ``abstained`` (of those pixels). By region: ``soil`` (mean share of soil in pixels of pure soil),
        ``called soil``, ``abstained`` and ``to CONCEPT`` (what it is taken for), with ``low`` and ``high`` over sites.

    Raises:
        UnmixingError: an option is out of range, or a library cannot be read.
    """
    del scenes
    bench = open_bench(libraries)
    records: list[Record] = []
    records += _mixtures(bench, options, seed)
    records += _regions(bench, seed)
    records += _left_out(bench, int(options["region_updates"]), seed)
    unknown = {"low": np.nan, "high": np.nan}
    return table([unknown | record for record in records], FAIRNESS_COLUMNS)


def region_of(latitude: npt.ArrayLike) -> npt.NDArray[np.object_]:
    """Return the region of each latitude in degrees; zero and NaN are places that are not known."""
    degrees = np.asarray(latitude, np.float64)
    result = np.full(degrees.shape, UNKNOWN_PLACE, dtype=object)
    for name, (low, high) in REGIONS.items():
        result[(degrees >= low) & (degrees < high) & (degrees != 0)] = name
    return result


def _mixtures(bench: Bench, options: Mapping[str, Any], seed: int) -> Iterator[Record]:
    """By class and by language, of the same pixels."""
    pool, asked, solver = bench.pool(SEVEN), ask_concepts(bench, SEVEN), Solver(bench.model)
    for index in range(int(options["draws"])):
        rng = stream(seed, "fairness", "mixtures", index)
        seen = as_trained(bench, pool, get_sensor("aviris"), int(options["pixels"]), rng)
        found = solver.solve(asked, seen.values, seen.wavelengths, (MODEL, SCLS))
        for method, estimate in found.items():
            for column, name in enumerate(SEVEN):
                numbers = _of_class(estimate.abundances, seen.truth, column)
                held = seen.truth[:, column] > _DOMINATES
                count = int(held.sum())
                if method == MODEL:
                    numbers["abstained"] = float(estimate.abstain[held].mean()) if count else np.nan
                for metric, value in numbers.items():
                    yield {
                        "aspect": "class",
                        "group": bench.ontology.concepts[name].prompt,
                        "method": method,
                        "draw": index,
                        "metric": metric,
                        "value": value,
                        "n": count if metric in ("recall", "abstained") else len(seen.truth),
                        "reason": "" if np.isfinite(value) else "no pixel of this draw is dominated by the class",
                    }
        for language in LANGUAGES:
            for way, question in _spoken(bench, asked, language, rng).items():
                shares = solver.solve(question, seen.values, seen.wavelengths, (MODEL,))[MODEL].abundances
                for metric, value in scores(shares, seen.truth).items():
                    yield {
                        "aspect": "language",
                        "group": language,
                        "method": way,
                        "draw": index,
                        "metric": metric,
                        "value": value,
                        "n": len(seen.truth),
                    }


def _of_class(shares: Array, truth: Array, column: int) -> dict[str, float]:
    wrong = shares[:, column] - truth[:, column]
    held = truth[:, column] > _DOMINATES
    right = shares[held].argmax(axis=1) == column
    return {
        "rmse": float(np.sqrt(np.mean(wrong**2))),
        "bias": float(wrong.mean()),
        "recall": float(right.mean()) if held.any() else float("nan"),
    }


def _spoken(bench: Bench, asked: Asked, language: str, rng: np.random.Generator) -> dict[str, Asked]:
    """The seven prompts in a language: looked up in the ontology, and with the vectors of the words themselves."""
    words = bench.store.rows
    places = []
    for name in SEVEN:
        spoken = (words["concept"] == name) & (words["language"] == language)
        # In English the canonical prompt; elsewhere any of the names.
        own = words.index[spoken & (words["role"] == ("prompt" if language == "en" else "alias"))]
        places.append(int(rng.choice(own.to_numpy())))
    vectors = torch.as_tensor(bench.store.vectors[places].copy())
    return {
        "resolved": ask(bench, list(words["text"].iloc[places])),
        "raw": replace(asked, vectors=vectors),
    }


def _soils(bench: Bench, rows: Mask, seed: int) -> tuple[Array, Array, pd.DataFrame]:
    """Soils as AVIRIS sees them with little noise: pixels (N, B), wavelengths, and the records' facts."""
    records = bench.library.records
    chosen = np.flatnonzero(rows & (records["concept"] == SOIL).to_numpy())
    sensor = get_sensor("aviris")
    seen = apply_response(
        response_matrix(sensor, COMMON_GRID, COMMON_RESOLUTION_NM), common_spectra(bench.library, chosen)
    )
    bands = np.isfinite(seen).any(axis=0)
    level = float(np.sqrt(np.nanmean(seen**2))) * 10 ** (-_SNR_DB / 20)
    noise = level * stream(seed, "fairness", "soils").standard_normal(seen.shape)
    facts = records.iloc[chosen].reset_index(drop=True)
    facts = facts.assign(region=region_of(facts["latitude"]))
    return (seen + noise)[:, bands], np.asarray(sensor.centres)[bands], facts


def _regions(bench: Bench, seed: int) -> Iterator[Record]:
    """What becomes of held-out soils of each region."""
    pixels, axis, facts = _soils(bench, bench.test, seed)
    found = solve(bench.model, ask_concepts(bench, SEVEN), pixels, axis, (MODEL, SCLS))
    for method, estimate in found.items():
        abstain = estimate.abstain if method == MODEL else None
        yield from _by_region("region", method, estimate.abundances, abstain, facts, bench)


def _by_region(
    aspect: str, method: str, shares: Array, abstain: Mask | None, facts: pd.DataFrame, bench: Bench, note: str = ""
) -> Iterator[Record]:
    soil = SEVEN.index(SOIL)
    measures = {"soil": shares[:, soil], "called soil": (shares.argmax(axis=1) == soil).astype(float)}
    if abstain is not None:
        measures["abstained"] = abstain.astype(float)
    for column, name in enumerate(SEVEN):
        if column != soil:
            measures[f"to {bench.ontology.concepts[name].prompt}"] = shares[:, column]
    for region in [*REGIONS, UNKNOWN_PLACE]:
        inside = (facts["region"] == region).to_numpy()
        if not inside.any():
            continue
        place = facts["site"].where(facts["site"] != "", facts["specimen"])[inside].to_numpy()
        for metric, values in measures.items():
            yield {
                "aspect": aspect,
                "group": region,
                "method": method,
                "metric": metric,
                "n": int(inside.sum()),
                "clusters": len(set(place)),
                "note": note,
            } | _over_sites(values[inside], place)


def _over_sites(values: Array, place: npt.NDArray[Any]) -> dict[str, float]:
    """Mean, every spectrum counting the same, and its interval when whole sites are drawn anew."""
    sums = cluster_sums(np.stack([values, np.ones_like(values)], axis=1), place)
    interval = cluster_interval(sums, ratio)
    # Shares cannot leave [0, 1]; an interval made by adding and subtracting can.
    bounds = {"low": max(interval.low, 0.0), "high": min(interval.high, 1.0)} if interval else {}
    return {"value": float(values.mean()), **bounds}


def _left_out(bench: Bench, updates: int, seed: int) -> Iterator[Record]:
    """Two short trainings for each region, with its soils and without, tested on its held-out soils."""
    if not updates:
        for region in REGIONS:
            yield {
                "aspect": "region left out",
                "group": region,
                "metric": "soil",
                "value": np.nan,
                "reason": "not run at this scale: set region_updates",
            }
        return
    pixels, axis, facts = _soils(bench, bench.test, seed)
    records = bench.library.records
    regions = region_of(records["latitude"])
    number = entropy(seed, "fairness", "region training") % 2**31
    whole = train_short(bench, materials_of(bench.library, bench.ontology, bench.train), updates, number)
    note = f"{updates} updates, one training each: no interval over trainings"
    for name in REGIONS:
        inside = (facts["region"] == name).to_numpy()
        kept = bench.train & ~((records["concept"] == SOIL).to_numpy() & (regions == name))
        if not inside.any():
            continue
        try:
            partial = train_short(bench, materials_of(bench.library, bench.ontology, kept), updates, number)
        except UnmixingError as fault:
            yield {"aspect": "region left out", "group": name, "metric": "soil", "value": np.nan, "reason": str(fault)}
            continue
        for method, model in ((WITH, whole), (WITHOUT, partial)):
            asked = ask_concepts(replace(bench, model=model), SEVEN)
            shares = solve(model, asked, pixels[inside], axis, (MODEL,))[MODEL].abundances
            yield from _by_region(
                "region left out", method, shares, None, facts[inside].reset_index(drop=True), bench, note
            )
