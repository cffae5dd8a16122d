"""Training, validation and test spectra that have nothing in common but the material.

A concept with at least five sites is split by site; the others by specimen, and near-copies of a spectrum go with it.
Both are said in ``split_kind``, because the second is the weaker test: specimens of one place and day resemble each
other more than strangers do. Simulated canopies are split by blocks of their parameters; only a test against
another library shows what they are worth.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from unmixing.errors import UnmixingError
from unmixing.semantic.library import Library, common_spectra

Array = npt.NDArray[np.float64]

SPLITS = ("train", "validation", "test")
SHARES = (0.7, 0.1, 0.2)
#: Of the library that trains, where another one tests.
_TRANSFER_SHARES = (0.9, 0.1, 0.0)
#: Number of sites from which a concept is split by site.
MINIMUM_SITES = 5
#: Radians. Repeated measurements of one object in earthlib lie .002 to .01 apart, one beach's sand within .005; other
#: objects of a class mostly further. In the USGS library 21 pairs of 795 spectra are nearer, 14 of them one material.
DUPLICATE_ANGLE = 0.01
_BLOCK = 1024


def split_library(
    library: Library,
    rng: np.random.Generator,
    *,
    shares: tuple[float, float, float] = SHARES,
    duplicate_angle: float = DUPLICATE_ANGLE,
) -> pd.DataFrame:
    """Split the spectra of each concept into training, validation and test.

    Groups, not spectra, are dealt out: each concept gives ``shares`` of its groups (of each kind) to each side, at
    least one to the test if it has two and one to the validation if it has three; a single group trains. A site is on
    one side for all concepts together.

    Args:
        library: all sources.
        rng: deals the groups; the same generator state gives the same split.
        shares: of training, validation and test.
        duplicate_angle: radians; spectra of one concept, or of two libraries, that are nearer are copies.

    Returns:
        Indexed like ``library.records``: ``record``, ``concept``, ``split`` (train, validation, test, or none),
        ``split_kind`` (site, specimen, simulated, or why there is no split) and ``split_group``. Records without a
        concept, and those of unknown place where the others of their library and concept are split by site, are on
        no side.

    Raises:
        UnmixingError: shares are no shares.
    """
    _check_shares(shares)
    kinds, groups = _groups(library, duplicate_angle)
    return _dealt(library, kinds, groups, shares, rng)


def transfer_split(
    library: Library,
    rng: np.random.Generator,
    *,
    train: Iterable[str] = ("earthlib",),
    test: Iterable[str] = ("usgs",),
) -> pd.DataFrame:
    """Train on some libraries and test on others.

    Test spectra that are near-copies of a spectrum of the training libraries are on no side (earthlib holds a few
    records of the USGS).

    Args:
        library: all sources.
        rng: deals the validation groups.
        train: sources to train on.
        test: sources to test on, all of their records.

    Returns:
        As ``split_library``; ``split_kind`` is ``library`` for test records.

    Raises:
        UnmixingError: a source is not there, or is on both sides.
    """
    learning, testing = set(train), set(test)
    if learning & testing:
        raise UnmixingError(f"library {min(learning & testing)!r} cannot train and test: choose one side for it")
    sides = {**dict.fromkeys(learning, "train"), **dict.fromkeys(testing, "test")}
    for source in sides:
        if source not in library.spectra:
            raise UnmixingError(
                f"library {source!r} is not there: load it, or choose from {', '.join(library.spectra)}"
            )
    kinds, groups = _groups(library, DUPLICATE_ANGLE)
    side = library.records["source"].map(sides).fillna("none").to_numpy(dtype=object)
    kinds[(side == "none") & (kinds != "no concept")] = "library not used"
    result = _dealt(library, kinds, groups, _TRANSFER_SHARES, rng, side == "train")
    tested = (side == "test") & (library.records["concept"] != "").to_numpy()
    learned = result["split"].isin(["train", "validation"]).to_numpy()
    copies = np.zeros(len(tested), dtype=bool)
    if tested.any() and learned.any():
        candidates = common_spectra(library, np.flatnonzero(tested))
        angles = nearest_angles(candidates, common_spectra(library, np.flatnonzero(learned)))
        copies[np.flatnonzero(tested)] = angles < DUPLICATE_ANGLE
    result.loc[tested, "split"] = np.where(copies[tested], "none", "test")
    result.loc[tested, "split_kind"] = np.where(copies[tested], "copy of a training spectrum", "library")
    return result


def nearest_angles(spectra: Array, others: Array) -> Array:
    """Return each spectrum's angle to the nearest of some others, over the bands that both know.

    Args:
        spectra: (n, bands), NaN where unknown.
        others: (m, bands).

    Returns:
        (n,) radians; infinity without others.
    """
    result = np.full(len(spectra), np.inf)
    for start in range(0, len(spectra), _BLOCK):
        if len(others):
            result[start : start + _BLOCK] = masked_angles(spectra[start : start + _BLOCK], others).min(axis=1)
    return result


def masked_angles(one: Array, other: Array) -> Array:
    """Return angles between spectra over the bands that both know.

    Args:
        one: (n, bands), NaN where unknown.
        other: (m, bands).

    Returns:
        (n, m) radians, good to 1e-7; pi/2 where no band is known to both.
    """
    known, seen = np.isfinite(one), np.isfinite(other)
    x, y = np.where(known, one, 0.0), np.where(seen, other, 0.0)
    norms = ((x**2) @ seen.T.astype(np.float64)) * (known.astype(np.float64) @ (y**2).T)
    cosine = (x @ y.T) / np.sqrt(np.maximum(norms, 1e-300))
    return np.asarray(np.arccos(np.clip(cosine, -1.0, 1.0)), np.float64)


def _check_shares(shares: tuple[float, float, float]) -> None:
    if len(shares) != 3 or min(shares) < 0 or shares[0] <= 0 or abs(sum(shares) - 1) > 1e-9:
        raise UnmixingError(f"shares {shares} of training, validation and test: give three that sum to 1, training > 0")


def _groups(library: Library, duplicate_angle: float) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.object_]]:
    """Kind of split and group of each record."""
    table = library.records
    concept, site, source = (table[name].to_numpy(dtype=object) for name in ("concept", "site", "source"))
    measured = table["measured"].to_numpy(dtype=bool)
    kinds = np.where(concept == "", "no concept", "specimen").astype(object)
    placed = table[(table["site"] != "") & (table["concept"] != "")]
    counts = placed.groupby("concept")["site"].nunique()
    by_site = set(counts.index[counts >= MINIMUM_SITES])
    sources_with_sites = set(zip(placed["concept"], placed["source"], strict=True))
    for index in np.flatnonzero(np.isin(concept, list(by_site))):
        if site[index]:
            kinds[index] = "site"
        elif (concept[index], source[index]) in sources_with_sites:
            kinds[index] = "place unknown"
    kinds[(kinds == "specimen") & ~measured] = "simulated"
    groups = np.where(kinds == "site", site, table["specimen"].to_numpy(dtype=object)).astype(object)
    rows = np.flatnonzero(kinds == "specimen")
    if rows.size:
        labels = _specimen_groups(
            common_spectra(library, rows), concept[rows], source[rows], groups[rows], duplicate_angle
        )
        # A group is called after its first specimen.
        first: dict[int, str] = {}
        for row, label in zip(rows, labels.tolist(), strict=True):
            groups[row] = first.setdefault(label, groups[row])
    return kinds, groups


def _specimen_groups(
    spectra: Array,
    concept: npt.NDArray[np.object_],
    source: npt.NDArray[np.object_],
    specimen: npt.NDArray[np.object_],
    duplicate_angle: float,
) -> npt.NDArray[np.int32]:
    """Number of the group of each spectrum: one specimen, or joined by chains of near-copies."""
    concepts, sources, specimens = (pd.factorize(values)[0] for values in (concept, source, specimen))
    first, second = [np.arange(len(spectra))], [np.arange(len(spectra))]
    for start in range(0, len(spectra), _BLOCK):
        block = slice(start, start + _BLOCK)
        related = (concepts[block, None] == concepts[None]) | (sources[block, None] != sources[None])
        near = (masked_angles(spectra[block], spectra) < duplicate_angle) & related
        rows, columns = np.nonzero(near | (specimens[block, None] == specimens[None]))
        first.append(rows + start)
        second.append(columns)
    ends = (np.concatenate(first), np.concatenate(second))
    graph = coo_matrix((np.ones(ends[0].size, dtype=np.int8), ends), shape=(len(spectra), len(spectra)))
    return np.asarray(connected_components(graph, directed=False)[1], np.int32)


def _dealt(
    library: Library,
    kinds: npt.NDArray[np.object_],
    groups: npt.NDArray[np.object_],
    shares: tuple[float, float, float],
    rng: np.random.Generator,
    allowed: npt.NDArray[np.bool_] | None = None,
) -> pd.DataFrame:
    """Deal the groups of each concept and kind, where there are few first, to the three sides."""
    table = library.records
    usable = np.isin(kinds, ["site", "specimen", "simulated"])
    if allowed is not None:
        usable &= allowed
    frame = pd.DataFrame({"concept": table["concept"], "kind": kinds, "group": groups})[usable]
    owned = {name: sorted(part["group"].unique()) for name, part in frame.groupby(["concept", "kind"])}
    side: dict[str, str] = {}
    for name in sorted(owned, key=lambda item: (len(owned[item]), item)):
        _deal(owned[name], side, shares, rng)
    split = [side[group] if use else "none" for group, use in zip(groups, usable, strict=True)]
    return pd.DataFrame(
        {
            "record": table["record"],
            "concept": table["concept"],
            "split": split,
            "split_kind": kinds,
            "split_group": groups,
        },
        index=table.index,
    )


def _deal(
    groups: list[str], side: dict[str, str], shares: tuple[float, float, float], rng: np.random.Generator
) -> None:
    """Give the groups of one concept that are still free to the sides that lack most; changes ``side``."""
    count = len(groups)
    wanted: Mapping[str, int] = {
        "test": max(round(shares[2] * count), 1) if count >= 2 and shares[2] > 0 else 0,
        "validation": max(round(shares[1] * count), 1) if count >= 3 and shares[1] > 0 else 0,
    }
    free = [groups[index] for index in rng.permutation(count) if groups[index] not in side]
    for name in ("test", "validation"):
        have = sum(side.get(group) == name for group in groups)
        trained = any(side.get(group) == "train" for group in groups)
        # One group is kept for training if none trains yet.
        take = min(max(wanted[name] - have, 0), len(free) - (0 if trained else 1))
        for group in free[: max(take, 0)]:
            side[group] = name
        free = free[max(take, 0) :]
    for group in free:
        side[group] = "train"
