"""Does the model lean on language where the spectrum is poor? The error by noise, with right, wrong and no anchors.

Only the prior's anchors are exchanged: endmembers stay, so that what changes is what language says of a pixel. Anchors
are ``correct``, ``shuffled`` (every prompt has another's) or ``random`` (a random direction each, of any language's
meaning free); ``no prior`` leaves language out. Right anchors against wrong ones show how much the estimate leans on
them; that it does so more under noise is what the claim needs. Beside it, the same with the other prior, and with the
weight of the prior held at what a pixel of ordinary noise has: the mechanism switched off.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from unmixing.semantic.experiments.bench import BASE_SNR, TestPixels, scores
from unmixing.semantic.experiments.inputs import stream
from unmixing.semantic.experiments.labels import (
    CORRECT,
    FIXED,
    MODEL,
    NO_LANGUAGE,
    NO_PRIOR,
    OTHER,
    OTHER_PRIOR,
    RANDOM,
    RELIANCE,
    SHUFFLED,
)
from unmixing.semantic.experiments.solver import Solver
from unmixing.semantic.questions import Asked

Array = npt.NDArray[np.float64]
Record = dict[str, Any]


def rows_of(
    solver: Solver, asked: Asked, by_noise: Mapping[float, TestPixels], index: int, seed: int
) -> Iterator[Record]:
    """Yield the rows of one set of pixels, seen with several levels of noise.

    Args:
        solver: with the model.
        asked: K prompts.
        by_noise: the pixels by signal-to-noise ratio in dB, otherwise the same.
        index: of the draw.
        seed: the study's entropy.
    """
    rng = stream(seed, "robustness", RELIANCE, index)
    count = len(asked.vectors)
    shift = 1 + int(rng.integers(count - 1))
    right = solver.model.anchors(asked.vectors)
    drawn = torch.as_tensor(rng.standard_normal(tuple(right.shape)), dtype=right.dtype)
    anchors = {CORRECT: right, SHUFFLED: right.roll(shift, 0), RANDOM: functional.normalize(drawn, dim=-1)}
    ordinary = by_noise[min(by_noise, key=lambda level: abs(level - BASE_SNR))]
    usual = solver.solve(asked, ordinary.values, ordinary.wavelengths, (MODEL,))[MODEL]
    variance = float(np.median(usual.noise**2))
    for level, pixels in by_noise.items():
        found: dict[str, Array] = {}
        for name, directions in anchors.items():
            told = solver.solve(asked, pixels.values, pixels.wavelengths, (MODEL, OTHER_PRIOR), anchors=directions)
            held = solver.solve(
                asked, pixels.values, pixels.wavelengths, (MODEL,), anchors=directions, variance=variance
            )
            found[name], found[name + OTHER] = told[MODEL].abundances, told[OTHER_PRIOR].abundances
            found[name + FIXED] = held[MODEL].abundances
        without = solver.solve(asked, pixels.values, pixels.wavelengths, (NO_PRIOR,))
        found[NO_LANGUAGE] = without[NO_PRIOR].abundances
        for name, shares in found.items():
            for metric, value in scores(shares, pixels.truth).items():
                yield {
                    "test": RELIANCE,
                    "level": f"{level:g} dB",
                    "number": level,
                    "method": name,
                    "draw": index,
                    "metric": metric,
                    "value": value,
                    "n": len(pixels.values),
                    "snr_db": level,
                }
