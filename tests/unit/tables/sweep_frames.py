"""Makers of run rows of the augmentation sweep, with the sharing between runs that its regimes have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from unmixing.tables.sweep_rows import REGIMES

from .frames import runs

#: A run's SAD for each endmember from (regime, run, image set, set of weights).
Angles = Callable[[str, int, int, int], Any]


def shifted(offset: float, spread: float = 0.01, seed: int = 0) -> Angles:
    """Angles of three endmembers that differ from run to run by what all treatments share, plus an offset."""

    def angles(_: str, run: int, image_set: int, weights: int) -> np.ndarray:
        common = np.random.default_rng([seed, run]).normal(0.1, spread)
        return np.array([common - 0.02, common, common + 0.02]) + offset

    return angles


def sweep(
    treatments: Mapping[str, Angles],
    *,
    name: str = "samson",
    number: int = 5,
    images: int = 90,
    image_sets: int = 5,
    initialisations: int = 5,
    regimes: tuple[str, ...] = tuple(REGIMES),
    protocol: str = "described",
    kind: str = "real",
    diverged: tuple[tuple[str, str, int], ...] = (),
) -> pd.DataFrame:
    """Rows of every treatment in every regime; the runs named in ``diverged`` have no numbers."""
    parts = []
    for treatment, angles in treatments.items():
        for regime in regimes:
            sets = [run % image_sets if regime != "dynamic_unseeded" else -1 for run in range(number)]
            weights = [run % initialisations if regime == "fixed_seeded" else -1 for run in range(number)]
            if protocol == "released":
                weights = [0] * number
            sad = [angles(regime, run, sets[run], run if weights[run] < 0 else weights[run]) for run in range(number)]
            status = tuple("diverged" if (treatment, regime, run) in diverged else "ok" for run in range(number))
            part = runs(
                name, sad=sad, protocol=protocol, kind=kind, status=status, setting=f"{treatment}-{regime}-{images}"
            )
            parts.append(
                part.assign(
                    phase="augmentation",
                    treatment=treatment,
                    regime=regime,
                    images=images,
                    image_set=part["run"].map(dict(enumerate(sets))),
                    initialisation=part["run"].map(dict(enumerate(weights))),
                )
            )
    return pd.concat(parts, ignore_index=True)
