"""Attacks on the shipped model, what they do to a method that was not attacked, and two defences."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from unmixing.semantic.attacks import ATTACK_SMOOTHING_NM, attack_pixels, random_change, sanitise
from unmixing.semantic.experiments.bench import Bench, Conditions, TestPixels, look, scores, under
from unmixing.semantic.experiments.inputs import stream
from unmixing.semantic.experiments.labels import (
    ATTACKS,
    BASE,
    CHANCE,
    ENCODER,
    FCLS,
    HARDENED,
    MODEL,
    NO_PRIOR,
    SANITISED,
    SCLS,
    UNATTACKED,
)
from unmixing.semantic.experiments.short_training import fine_tune, materials_of
from unmixing.semantic.experiments.solver import PRIOR, Solver
from unmixing.semantic.latents import Latents
from unmixing.semantic.pools import Pool
from unmixing.semantic.questions import Asked
from unmixing.semantic.sensors import get_sensor

Array = npt.NDArray[np.float64]
Record = dict[str, Any]

SENSOR = "aviris"
#: Attacks: number of steps (0: that of the options), filter, and the encoder or the abundances as aim.
_SETTINGS = (
    (1, 0.0, "abundances"),
    (1, ATTACK_SMOOTHING_NM, "abundances"),
    (0, 0.0, "abundances"),
    (0, ATTACK_SMOOTHING_NM, "abundances"),
    (0, 0.0, "assignment"),
)
#: The largest change that the adversarial training draws.
_TRAINED_SIZE = 0.02


def rows_of(
    bench: Bench,
    asked: Asked,
    pool: Pool,
    drawn: Sequence[Latents],
    options: Mapping[str, Any],
    seed: int,
) -> Iterator[Record]:
    """Yield the rows of all attacks.

    The model is attacked with full knowledge; class-mean FCLS and SCLS, the estimate without a prior and the sanitised
    input get the same pixels (transfer). The adversarially trained model is attacked anew.

    Args:
        bench: the shipped model.
        asked: the seven prompts.
        pool: held-out spectra.
        drawn: sets of pixels; the first ones of each are attacked.
        options: see ``robustness.rows``.
        seed: the study's entropy.
    """
    updates, count = int(options["adversarial_updates"]), int(options["attack_pixels"])
    steps, sizes = int(options["attack_steps"]), [float(size) for size in options["attack_sizes"]]
    solver, hardened = Solver(bench.model), None
    if updates:
        materials = materials_of(bench.library, bench.ontology, bench.train)
        rng = stream(seed, "robustness", "adversarial training")
        hardened = Solver(fine_tune(bench, materials, updates, rng, epsilon=_TRAINED_SIZE))
    for index, latents in enumerate(drawn):
        whole = look(under(latents, Conditions()), pool, get_sensor(SENSOR))
        seen = replace(whole, values=whole.values[:count], truth=whole.truth[:count])
        prepared = solver.prepared(asked, seen.wavelengths)
        yield from _answers(solver, asked, seen, seen.values, UNATTACKED, BASE, 0.0, index)
        if hardened is not None:
            found = hardened.solve(asked, seen.values, seen.wavelengths, (MODEL,))[MODEL]
            yield from _scored(found.abundances, seen, UNATTACKED, BASE, 0.0, HARDENED, index)
        for name, (fixed, smooth, target) in zip(ATTACKS, _SETTINGS, strict=True):
            for size in sizes:
                arguments: dict[str, Any] = {
                    "steps": fixed or steps, "prior": PRIOR, "target": target, "smooth_nm": smooth,
                }  # fmt: skip
                changed = attack_pixels(bench.model, prepared, seen.values, seen.truth, size, **arguments)
                yield from _answers(solver, asked, seen, changed, name, f"{size:g}", size, index)
                if hardened is None:
                    yield _record(
                        name, f"{size:g}", size, HARDENED, index, "armse", float("nan"), len(changed),
                        "not run at this scale: set adversarial_updates",
                    )  # fmt: skip
                    continue
                own = hardened.prepared(asked, seen.wavelengths)
                again = attack_pixels(hardened.model, own, seen.values, seen.truth, size, **arguments)
                found = hardened.solve(asked, again, seen.wavelengths, (MODEL,))[MODEL]
                yield from _scored(found.abundances, seen, name, f"{size:g}", size, HARDENED, index)
        for size in sizes:
            changed = random_change(seen.values, size, stream(seed, "robustness", "random signs", index))
            yield from _answers(solver, asked, seen, changed, CHANCE, f"{size:g}", size, index)


def _answers(
    solver: Solver, asked: Asked, seen: TestPixels, pixels: Array, test: str, level: str, size: float, index: int
) -> Iterator[Record]:
    found = solver.solve(asked, pixels, seen.wavelengths, (MODEL, NO_PRIOR, SCLS, FCLS, ENCODER))
    clean = sanitise(pixels, seen.wavelengths)
    found[SANITISED] = solver.solve(asked, clean, seen.wavelengths, (MODEL,))[MODEL]
    for method, estimate in found.items():
        yield from _scored(estimate.abundances, seen, test, level, size, method, index)
    abstained = float(found[MODEL].abstain.mean())
    yield _record(test, level, size, MODEL, index, "abstained", abstained, len(pixels))


def _scored(
    shares: Array, seen: TestPixels, test: str, level: str, size: float, method: str, index: int
) -> Iterator[Record]:
    for metric, value in scores(shares, seen.truth).items():
        yield _record(test, level, size, method, index, metric, value, len(shares))


def _record(
    test: str, level: str, size: float, method: str, index: int, metric: str, value: float, count: int, reason: str = ""
) -> Record:
    return {
        "test": test,
        "level": level,
        "number": size,
        "method": method,
        "draw": index,
        "metric": metric,
        "value": value,
        "n": count,
        "reason": reason,
    }
