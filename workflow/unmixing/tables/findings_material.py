"""What the audit's findings are computed from, and what comes out of a computation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

#: Printed values have four decimals: ours may differ by half of the last one.
HALF_DIGIT = 0.5e-4 + 1e-9


@dataclass(frozen=True)
class Material:
    """What findings are computed from; None for what is not at hand.

    Attributes:
        sweep: The released sheets of the sweep (``published.released.released_sweep``).
        sweep_file: The same as it lies in the folder, errors included.
        grid: The released sheet of the grids (``published.released_grid.released_grid``).
        grid_file: The same as it lies in the folder, with the stray row.
        readings: Loss curves of figures 9 and 10, read by eye.
        references: By scene the angles of chance and of the mean of the references (``claims.reference_values``).
    """

    sweep: pd.DataFrame | None = None
    sweep_file: pd.DataFrame | None = None
    grid: pd.DataFrame | None = None
    grid_file: pd.DataFrame | None = None
    readings: pd.DataFrame | None = None
    references: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What came out.

    Attributes:
        found: In words and numbers.
        holds: Whether it is what the finding says.
        n: How many values stand behind it, in words.
    """

    found: str
    holds: bool
    n: str


@dataclass(frozen=True)
class Check:
    """How a finding is computed again.

    Attributes:
        compute: Does it.
        needs: Attributes of ``Material`` that must be there.
        source: What it takes, for a reader.
    """

    compute: Callable[[Material], Outcome | None]
    needs: tuple[str, ...]
    source: str
