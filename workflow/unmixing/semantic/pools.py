"""Pools: the library spectra of some concepts, ready to be drawn from."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from unmixing.errors import UnmixingError
from unmixing.semantic.library import Library, common_spectra, require_spectra
from unmixing.semantic.ontology import Ontology, members

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: A mean is taken where this share of the spectra, by weight, is known.
_KNOWN_SHARE = 0.9


@dataclass(frozen=True)
class Pool:
    """Spectra to mix, by concept.

    Attributes:
        concepts: ids asked for; the columns of abundances.
        spectra: (n, grid) reflectance, NaN where unknown; first the n - C library spectra, then the C concept means.
        owner: (n,) number of the concept.
        record: ids of the library's records, then ``mean of CONCEPT``.
        edges: (n - C,) ends of the intervals by which spectra are drawn: concept c owns [c, c + 1).
    """

    concepts: tuple[str, ...]
    spectra: Array = field(repr=False)
    owner: Integers = field(repr=False)
    record: tuple[str, ...] = field(repr=False)
    edges: Array = field(repr=False)

    @property
    def means(self) -> Array:
        """The mean spectrum of each concept, (C, grid): every group of spectra weighs the same."""
        return np.asarray(self.spectra[len(self.edges) :], np.float64)


def make_pool(
    library: Library,
    ontology: Ontology,
    concepts: Sequence[str],
    *,
    rows: npt.ArrayLike | None = None,
    groups: Sequence[str] | None = None,
) -> Pool:
    """Gather the spectra of some concepts.

    Args:
        library: all sources.
        ontology: a concept's spectra include its members'.
        concepts: ids, none of which contains another.
        rows: positions in ``library.records`` to take from, such as the training split; all by default.
        groups: group of each record, such as ``split_group``; every group is drawn equally often, however many
            spectra it has. By default a record's site, or its specimen where no site is known.

    Raises:
        UnmixingError: a concept has no spectra, stands twice or contains another.
    """
    if not concepts:
        raise UnmixingError("no concepts to mix: name at least one")
    require_spectra(ontology, library, concepts)
    owner_of: dict[str, int] = {}
    for number, identifier in enumerate(concepts):
        for member in members(ontology, identifier):
            if member in owner_of:
                other = concepts[owner_of[member]]
                raise UnmixingError(f"concept {member!r} belongs to {other!r} and {identifier!r}: ask for one of them")
            owner_of[member] = number
    table = library.records
    chosen = np.zeros(len(table), dtype=bool)
    chosen[slice(None) if rows is None else np.asarray(rows)] = True
    positions = np.flatnonzero(chosen & table["concept"].isin(list(owner_of)).to_numpy())
    owner = np.array([owner_of[name] for name in table["concept"].iloc[positions]], dtype=np.int64)
    for number, identifier in enumerate(concepts):
        if not (owner == number).any():
            raise UnmixingError(f"concept {identifier!r} has no spectra among the rows given: take another split")
    order = np.argsort(owner, kind="stable")
    positions, owner = positions[order], owner[order]
    if groups is None:
        named = np.where(table["site"] != "", table["site"], table["specimen"])
    else:
        named = np.asarray(groups, dtype=object)
    key = pd.Series([f"{number} {group}" for number, group in zip(owner, named[positions], strict=True)])
    size = key.map(key.value_counts()).to_numpy(dtype=np.float64)
    count = np.array([key[owner == number].nunique() for number in range(len(concepts))])[owner]
    weight = 1 / (size * count)
    start = np.searchsorted(owner, np.arange(len(concepts)))
    total = np.concatenate([[0.0], np.cumsum(weight)])
    edges = np.minimum(owner + total[1:] - total[start[owner]], owner + 1.0)
    # Rounding must not leave a sliver at the end of an interval that no spectrum owns.
    edges[np.append(start[1:] - 1, len(owner) - 1)] = np.arange(len(concepts)) + 1.0
    spectra = common_spectra(library, positions)
    known = np.isfinite(spectra)
    means = []
    for number in range(len(concepts)):
        part = owner == number
        mass = weight[part] @ known[part]
        # Where few of the spectra are known (one library's gaps) the mean would jump from band to band.
        total_known = weight[part] @ np.where(known[part], spectra[part], 0.0)
        means.append(np.where(mass >= _KNOWN_SHARE, total_known / np.maximum(mass, _KNOWN_SHARE), np.nan))
    return Pool(
        concepts=tuple(concepts),
        spectra=np.concatenate([spectra, np.stack(means)]),
        owner=np.concatenate([owner, np.arange(len(concepts))]),
        record=(*table["record"].iloc[positions], *(f"mean of {name}" for name in concepts)),
        edges=edges,
    )
