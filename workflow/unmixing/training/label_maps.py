"""Where the abundance maps come from that labels of the contrastive phase are cut from."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from unmixing.classical.abundances import scls
from unmixing.errors import UnmixingError


@dataclass(frozen=True)
class StageOne:
    """The baseline whose endmembers give labels without the truth.

    Attributes:
        recipe: of the baseline's cell.
        endmembers: returns those of a run, (K, bands) of any scale and order; not finite where it diverged.
    """

    recipe: str
    endmembers: Callable[[int], np.ndarray]


def stage1_maps(cube: np.ndarray, endmembers: np.ndarray) -> np.ndarray:
    """Return abundances (rows, columns, K) solved with a baseline run's endmembers (audit item A5).

    Endmembers are divided by their maximum and sorted, so that a run gives the same maps from the run store, in the
    network's order, and from committed evidence, in that of the references. All are NaN where the run diverged.

    Args:
        cube: (rows, columns, bands).
        endmembers: (K, bands), of any scale and order.
    """
    rows, columns, bands = cube.shape
    spectra = endmembers.astype(np.float64)
    if not np.isfinite(spectra).all():
        return np.full((rows, columns, len(spectra)), np.nan)
    largest = np.abs(spectra).max(axis=1, keepdims=True)
    spectra = spectra / np.where(largest == 0, 1, largest)
    spectra = spectra[np.lexsort(spectra.T[::-1])]
    return scls(cube.reshape(-1, bands).astype(np.float64), spectra).reshape(rows, columns, -1)


def label_maps(
    source: str, cube: np.ndarray, references: np.ndarray | None, stage1: StageOne | None
) -> tuple[str, Callable[[int], np.ndarray | None]]:
    """Return which labels a cell really has, and what gives the maps of a run.

    Args:
        source: what the point asks for: ``none``, ``online``, ``reference``, ``stage1`` or ``permuted``. Without
            references ``reference`` becomes ``stage1``, and what is permuted are the maps of ``stage1``.
        cube: (rows, columns, bands).
        references: (rows, columns, K), the scene's abundances, or None.
        stage1: the baseline, or None where it is not at hand.

    Raises:
        UnmixingError: labels need the baseline and it is not at hand.
    """
    if source in ("none", "online"):
        return source, lambda _: None
    if source != "stage1" and references is not None:
        return source, lambda _: references
    if stage1 is None:
        raise UnmixingError(
            f"labels ({source}) need the baseline of this scene: train it under the same protocol, with as many runs"
        )
    known, maps = stage1, dict[int, np.ndarray]()

    def of_run(run: int) -> np.ndarray:
        if run not in maps:
            maps.clear()  # Runs come one after the other, and a map is as large as its scene.
            maps[run] = stage1_maps(cube, known.endmembers(run))
        return maps[run]

    return "permuted" if source == "permuted" else "stage1", of_run
