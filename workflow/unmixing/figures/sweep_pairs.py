"""How far apart pairs of treatments come out, by what the two have to do with each other.

Under the released protocol some treatments are one experiment under several names (audit item B1). Their differences
must look like chance, and those of other pairs need not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from unmixing.figures.sweep_panels import SweepPanel
from unmixing.statistics.sweep import draw_values
from unmixing.tables.sweep_rows import AUGMENTING, PAPER_IMAGES, REGIMES, draws, representatives

#: Fewer draws give a t with one degree of freedom, which says nothing.
FEWEST_DRAWS = 3
#: Runs behind a cell of the released sheets.
SHEET_RUNS = 25

_OTHERS = "Others, all different"


@dataclass(frozen=True)
class Kin:
    """Differences between pairs of treatments of one kind, one for each pair, endmember and regime.

    Attributes:
        name: Of the line.
        same: Whether the treatments are one experiment here.
        t: Absolute t, shape (n,); infinite where all draws differ by the same amount.
        freedom: Degrees of freedom of each, shape (n,).
        regime: Of each, length n.
        identical: How many more are exactly zero, for the runs are the same bit for bit.
    """

    name: str
    same: bool
    t: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    freedom: NDArray[np.intp] = field(default_factory=lambda: np.empty(0, np.intp))
    regime: tuple[str, ...] = ()
    identical: int = 0


def kinds_of_pairs(present: Iterable[str], protocol: str, images: int) -> dict[tuple[str, bool], list[tuple[str, str]]]:
    """Return the pairs of treatments that each line compares.

    Args:
        present: Treatments with runs.
        protocol: `described` or `released`.
        images: Of a run.

    Returns:
        By name of the line and whether its treatments are one experiment here: the pairs. The last line holds all
        pairs of different experiments that are not settings of the same operation.
    """
    names = [name for name in AUGMENTING if name in set(present)]
    settings, here = representatives("released", PAPER_IMAGES), representatives(protocol, images)
    pairs: dict[tuple[str, bool], list[tuple[str, str]]] = {}
    others = []
    for first, second in combinations(names, 2):
        if settings[first] == settings[second]:
            line = first.split("_")[0]
            pairs.setdefault((f"Within {line}", here[first] == here[second]), []).append((first, second))
        elif here[first] == first and here[second] == second:
            others.append((first, second))
    return {**pairs, (_OTHERS, False): others} if others else pairs


def of_runs(panel: SweepPanel) -> list[Kin]:
    """Return the differences between treatments of a panel.

    Args:
        panel: One scene, protocol and number of images.
    """
    lines = []
    for (name, same), pairs in kinds_of_pairs(panel.treatments, panel.protocol, panel.images).items():
        found = [
            (*values, regime) for pair in pairs for regime in panel.regimes for values in _compare(panel, pair, regime)
        ]
        lines.append(_kin(f"{name}, {len(pairs)} pair{'s' * (len(pairs) > 1)}", same, found))
    return lines


def _compare(panel: SweepPanel, pair: tuple[str, str], regime: str) -> list[tuple[float, int]]:
    """Return |t| and degrees of freedom for each endmember; nothing from too few draws."""
    first, second = (panel.data.of(name, regime) for name in pair)
    known = [arm.where(np.asarray(np.isfinite(arm.sad).all(axis=1))) for arm in (first, second)]
    _, *places = np.intersect1d(known[0].table["run"], known[1].table["run"], return_indices=True)
    if len(places[0]) < FEWEST_DRAWS:
        return []
    labels, _ = draws(known[0].table.iloc[places[0]], pair, panel.protocol, panel.images)
    if len(set(labels.tolist())) < FEWEST_DRAWS:
        return []
    differences = known[0].sad[places[0]] - known[1].sad[places[1]]
    result = []
    for column in differences.T:
        values = draw_values(column, [regime] * len(column), labels)
        error = float(values.std(ddof=1)) / len(values) ** 0.5
        result.append((_absolute_t(float(values.mean()), error), len(values) - 1))
    return result


def _absolute_t(difference: float, error: float) -> float:
    """Return |t|, 0 for no difference at all and infinity for one without error."""
    if difference == 0:
        return 0.0
    return abs(difference) / error if error > 0 else float("inf")


def _kin(name: str, same: bool, found: Sequence[tuple[float, int, str]]) -> Kin:
    apart = [one for one in found if one[0] > 0]
    return Kin(
        name=name,
        same=same,
        t=np.array([t for t, _, _ in apart], np.float64),
        freedom=np.array([freedom for _, freedom, _ in apart], np.intp),
        regime=tuple(regime for _, _, regime in apart),
        identical=len(found) - len(apart),
    )


def sheet_cells(released: pd.DataFrame) -> pd.DataFrame:
    """Return the cells of the released sheets that can be compared: single endmembers in single regimes.

    Args:
        released: What `unmixing.published.released.released_sweep` returns.
    """
    single = released["regime"].isin(REGIMES) & (released["endmember"] > 0) & released["treatment"].isin(AUGMENTING)
    return released[single]


def of_sheets(cells: pd.DataFrame, images: int) -> list[Kin]:
    """Return the differences between treatments of the released sheets, from means and population deviations.

    Args:
        cells: What `sheet_cells` returns, of one number of images.
        images: That number.
    """
    place = ["scene", "regime", "endmember"]
    means, deviations = (
        cells.pivot(index=place, columns="treatment", values=column) for column in ("released_mean", "released_std")
    )
    regimes = means.index.get_level_values("regime").tolist()
    freedom = 2 * (SHEET_RUNS - 1)
    lines = []
    for (name, same), pairs in kinds_of_pairs(set(cells["treatment"]), "released", images).items():
        found: list[tuple[float, int, str]] = []
        for first, second in pairs:
            difference = means[first] - means[second]
            # A population variance over n - 1 is the sample variance over n.
            error = np.sqrt(sum(deviations[one] ** 2 / (SHEET_RUNS - 1) for one in (first, second)))
            values = zip(difference, error, regimes, strict=True)
            found += [(_absolute_t(d, e), freedom, regime) for d, e, regime in values if np.isfinite(d + e)]
        lines.append(_kin(f"{name}, {len(pairs)} pair{'s' * (len(pairs) > 1)}", same, found))
    return lines
