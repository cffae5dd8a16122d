"""Concepts and libraries that no training saw: minerals by name, and one library tested on the other."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from unmixing.semantic.experiments.bench import Bench, as_trained, ask_concepts, with_means
from unmixing.semantic.experiments.inputs import stream
from unmixing.semantic.experiments.labels import (
    CONSTANT,
    KNOWN_SPECTRUM,
    MADE_UP,
    MODEL,
    ORACLE,
    OTHER_SCLS,
    OWN_SCLS,
    SCLS,
    SEEN_MEAN,
    TRANSFERRED,
)
from unmixing.semantic.experiments.mixture_rows import NEEDS_USGS, Record, missing, record
from unmixing.semantic.experiments.oracles import oracle
from unmixing.semantic.experiments.short_training import materials_of, train_short
from unmixing.semantic.experiments.solver import solve
from unmixing.semantic.materials import concept_means
from unmixing.semantic.model import mean_spectra
from unmixing.semantic.ontology import MINERAL, members
from unmixing.semantic.pools import make_pool
from unmixing.semantic.questions import text_mean
from unmixing.semantic.sensors import get_sensor
from unmixing.semantic.splits import masked_angles, transfer_split

Array = npt.NDArray[np.float64]

#: Prompts that both libraries may have spectra of.
_SHARED = ("green_vegetation", "dry_vegetation", "paved_surface", "roof", "burned_ground", "metal")
_MINERALS = 4
_DIRECTIONS = (("earthlib", "usgs"), ("usgs", "earthlib"))


def concept_rows(bench: Bench, draws: int, count: int, seed: int) -> Iterator[Record]:
    """Yield ZS-d: mixtures of four minerals, whose names and spectra no training saw.

    Their library means may be given (the name is all that is unseen) or made up from the name's text as a mean of
    seen concepts' spectra (nothing is given).

    Args:
        bench: the shipped model.
        draws: sets of pixels, each of other minerals.
        count: pixels of each.
        seed: the study's entropy.
    """
    setting = "four minerals, AVIRIS, 224 bands"
    if not bench.usgs:
        yield missing("ZS-d", setting, NEEDS_USGS)
        return
    tested = set(bench.library.records.loc[bench.test, "concept"])
    names = [
        name
        for name in members(bench.ontology, MINERAL)[1:]
        if name in tested and name in bench.model.facts.concepts and name not in bench.model.facts.trained
    ]
    trained = mean_spectra(bench.model, bench.model.facts.trained).numpy().astype(np.float64)
    anything = np.nanmean(trained, axis=0)[None]
    for index in range(draws):
        rng = stream(seed, "mixtures", "ZS-d", index)
        chosen = [names[place] for place in rng.permutation(len(names))[:_MINERALS]]
        asked = ask_concepts(bench, chosen)
        if len(asked.vectors) < _MINERALS:
            continue
        made_up = np.stack([text_mean(bench.model, bench.store, vector) for vector in asked.vectors.numpy()])
        pool = make_pool(bench.library, bench.ontology, chosen, rows=bench.test)
        seen = as_trained(bench, pool, get_sensor("aviris"), count, rng)
        textual = with_means(asked, made_up)
        given = solve(bench.model, asked, seen.values, seen.wavelengths, (MODEL, SCLS))
        invented = solve(bench.model, textual, seen.values, seen.wavelengths, (MODEL,))
        found = {
            KNOWN_SPECTRUM: given[MODEL].abundances,
            MADE_UP: invented[MODEL].abundances,
            SCLS: given[SCLS].abundances,
            CONSTANT: np.full_like(seen.truth, 1 / _MINERALS),
            ORACLE: oracle(seen),
        }
        note = ", ".join(chosen)
        for method, shares in found.items():
            yield from record("ZS-d", setting, method, index, shares, seen.truth, note=note)
        right = asked.means.numpy().astype(np.float64)
        angles = {
            MADE_UP: np.diag(masked_angles(made_up, right)),
            SEEN_MEAN: masked_angles(anything, right)[0],
        }
        for method, values in angles.items():
            yield {
                "protocol": "ZS-d", "setting": setting, "method": method, "draw": index, "metric": "sad_rad",
                "value": float(values.mean()), "n": _MINERALS, "note": note,
            }  # fmt: skip


def transfer_rows(bench: Bench, options: Mapping[str, Any], seed: int) -> Iterator[Record]:
    """Yield rows of one library tested on the other: spectra of other hands, instruments and continents.

    Args:
        bench: the libraries.
        options: see ``mixtures.rows``.
        seed: the study's entropy.
    """
    updates = int(options["transfer_updates"])
    for learned, tested in _DIRECTIONS:
        setting = f"{learned} trains, {tested} tests"
        if not bench.usgs:
            yield missing("transfer", setting, NEEDS_USGS)
            continue
        split = transfer_split(bench.library, stream(seed, "mixtures", setting), train=[learned], test=[tested])
        train, test = ((split["split"] == side).to_numpy() for side in ("train", "test"))
        shared = [name for name in _SHARED if _present(bench, name, train) and _present(bench, name, test)]
        pool = make_pool(bench.library, bench.ontology, shared, rows=test)
        means = {
            OTHER_SCLS: concept_means(bench.library, bench.ontology, shared, rows=train),
            OWN_SCLS: pool.means,
        }
        model = None
        if updates:
            number = int(stream(seed, "mixtures", "transfer training", learned).integers(2**31))
            model = train_short(bench, materials_of(bench.library, bench.ontology, train), updates, number)
        for index in range(int(options["draws"])):
            rng = stream(seed, "mixtures", "transfer", setting, index)
            seen = as_trained(bench, pool, get_sensor("aviris"), int(options["pixels"]), rng)
            asked = ask_concepts(bench, shared)
            found: dict[str, Array] = {}
            for method, spectra in means.items():
                told = with_means(asked, spectra)
                found[method] = solve(bench.model, told, seen.values, seen.wavelengths, (SCLS,))[SCLS].abundances
            if model is not None:
                own = ask_concepts(replace(bench, model=model), shared)
                found[TRANSFERRED] = solve(model, own, seen.values, seen.wavelengths, (MODEL,))[MODEL].abundances
            found |= {CONSTANT: np.full_like(seen.truth, 1 / len(shared)), ORACLE: oracle(seen)}
            for method, shares in found.items():
                yield from record("transfer", setting, method, index, shares, seen.truth, note=", ".join(shared))
        if model is None:
            why = "not run at this scale: set transfer_updates"
            yield missing("transfer", setting, why, TRANSFERRED)


def _present(bench: Bench, concept: str, rows: npt.NDArray[np.bool_]) -> bool:
    own = bench.library.records["concept"].isin(members(bench.ontology, concept)).to_numpy()
    return bool((own & rows).any())
