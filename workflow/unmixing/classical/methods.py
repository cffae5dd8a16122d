"""The methods of the classical phase: each gives endmembers and abundances of a scene from its pixels.

Three roles, printed beside every number: a *method* knows the number of endmembers alone; an *oracle* is given the
reference endmembers; a *reference row* gives the scale of a table, from chance to what the scene's pixels allow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from unmixing.classical.abundances import fcls, nnls, scls, sum_normalised, sunsal
from unmixing.classical.extraction import sivm, vca
from unmixing.classical.factorisation import nmf
from unmixing.classical.reference_rows import attainable_floor, chance, mean_of_references, oracle
from unmixing.errors import UnmixingError

Matrix = NDArray[np.float64]
Role = Literal["method", "oracle", "reference"]

SPARSITY = 1e-3
"""Weight of SUnSAL, in squared units of the pixels (reflectance)."""


@dataclass(frozen=True)
class Truth:
    """What an oracle or a reference row is given.

    Attributes:
        endmembers: (K, bands) in the pixels' scale, or None.
        abundances: (N, K), or None.
    """

    endmembers: Matrix | None = None
    abundances: NDArray[Any] | None = None


@dataclass(frozen=True)
class Method:
    """One row of the classical table.

    Attributes:
        name: the run rows' ``setting``.
        title: its name in tables.
        role: see the module's description.
        uses_truth: what of the ground truth the estimate or the choice of its spectra relied on.
        stream: name of its random stream; "" where nothing is drawn. Methods that share a stream share its draws:
            run r of both VCA rows has the same endmembers.
        physical: whether its endmembers have the pixels' scale.
        ordered: whether its endmembers come in the order of the references and need no matching.
        needs: what of the truth it cannot do without.
        solve: (pixels (N, bands), K, generator, truth) -> endmembers (K, bands), abundances (N, K) or None.
    """

    name: str
    title: str
    role: Role
    uses_truth: str
    stream: str
    physical: bool
    ordered: bool
    needs: frozenset[str]
    solve: Callable[[NDArray[Any], int, np.random.Generator, Truth], tuple[Matrix, Matrix | None]]


def _vca_fcls(pixels: NDArray[Any], k: int, rng: np.random.Generator, truth: Truth) -> tuple[Matrix, Matrix | None]:
    endmembers = vca(pixels, k, rng)
    return endmembers, fcls(pixels, endmembers)


def _vca_scls(pixels: NDArray[Any], k: int, rng: np.random.Generator, truth: Truth) -> tuple[Matrix, Matrix | None]:
    endmembers = vca(pixels, k, rng)
    return endmembers, scls(pixels, endmembers)


def _sivm_scls(pixels: NDArray[Any], k: int, rng: np.random.Generator, truth: Truth) -> tuple[Matrix, Matrix | None]:
    endmembers = sivm(pixels, k)
    return endmembers, scls(pixels, endmembers)


def _nmf(pixels: NDArray[Any], k: int, rng: np.random.Generator, truth: Truth) -> tuple[Matrix, Matrix | None]:
    endmembers, products = nmf(pixels, k, rng)
    return endmembers, sum_normalised(products)


def _given(
    solver: Callable[[NDArray[Any], Matrix], Matrix],
) -> Callable[[NDArray[Any], int, np.random.Generator, Truth], tuple[Matrix, Matrix | None]]:
    """Make a method of a solver that is handed the reference endmembers."""

    def solve(pixels: NDArray[Any], k: int, rng: np.random.Generator, truth: Truth) -> tuple[Matrix, Matrix | None]:
        endmembers = oracle(pixels, _known(truth.endmembers, "endmembers"))
        return endmembers, solver(pixels, endmembers)

    return solve


def _sunsal(pixels: NDArray[Any], endmembers: Matrix) -> Matrix:
    return sum_normalised(sunsal(pixels, endmembers, SPARSITY))


def _chance(pixels: NDArray[Any], k: int, rng: np.random.Generator, truth: Truth) -> tuple[Matrix, Matrix | None]:
    return chance(pixels, k, rng, draws=1)[0], None


def _mean(pixels: NDArray[Any], k: int, rng: np.random.Generator, truth: Truth) -> tuple[Matrix, Matrix | None]:
    return mean_of_references(_known(truth.endmembers, "endmembers")), None


def _floor(pixels: NDArray[Any], k: int, rng: np.random.Generator, truth: Truth) -> tuple[Matrix, Matrix | None]:
    endmembers = attainable_floor(pixels, _known(truth.abundances, "abundances"))
    return endmembers, scls(pixels, endmembers) if np.isfinite(endmembers).all() else None


def _known(values: NDArray[Any] | None, what: str) -> NDArray[Any]:
    if values is None:
        raise UnmixingError(f"the scene has no reference {what}: leave out the methods that need them")
    return values


_NONE: frozenset[str] = frozenset()
_ENDMEMBERS = frozenset({"endmembers"})
_ABUNDANCES = frozenset({"endmembers", "abundances"})

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("vca_fcls", "VCA + FCLS", "method", "K", "vca", True, False, _NONE, _vca_fcls),
        Method("vca_scls", "VCA + SCLS", "method", "K", "vca", True, False, _NONE, _vca_scls),
        Method("sivm_scls", "SiVM (N-FINDR exchange) + SCLS", "method", "K", "", True, False, _NONE, _sivm_scls),
        Method("nmf", "NMF", "method", "K", "vca", False, False, _NONE, _nmf),
        Method(
            "sunsal_references", "oracle: SUnSAL, reference endmembers", "oracle", "training", "", True, True,
            _ENDMEMBERS, _given(_sunsal),
        ),
        Method(
            "fcls_references", "oracle: FCLS, reference endmembers", "oracle", "training", "", True, True,
            _ENDMEMBERS, _given(fcls),
        ),
        Method(
            "nnls_references", "oracle: NNLS, reference endmembers", "oracle", "training", "", True, True,
            _ENDMEMBERS, _given(nnls),
        ),
        Method(
            "scls_references", "oracle: SCLS, reference endmembers", "oracle", "training", "", True, True,
            _ENDMEMBERS, _given(scls),
        ),
        Method("chance", "chance: K random pixels", "reference", "K", "chance", True, False, _ENDMEMBERS, _chance),
        Method(
            "mean_of_references", "mean of the references for all", "reference", "training", "", False, True,
            _ENDMEMBERS, _mean,
        ),
        Method(
            "attainable_floor", "attainable floor: mean of pixels with a > .95", "reference", "training", "", True,
            True, _ABUNDANCES, _floor,
        ),
    )
}  # fmt: skip
"""All methods by name, in the order of the table."""


def possible(method: Method, truth: Truth) -> bool:
    """Return whether a scene has what a method needs."""
    return all(getattr(truth, what) is not None for what in method.needs)
