"""One table of spectra by concept, from every library at hand, each spectrum on its own wavelengths.

Sources: earthlib (installed with this package; 400-2450 nm at 10 nm, no water, snow or minerals), the USGS library
splib06 on AVIRIS bands (only where its path is given) and modelled water. What is dropped or mended on the way is
counted in ``notes``; nothing is guessed: values that are unknown are NaN.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from unmixing.errors import UnmixingError
from unmixing.semantic.earthlib_records import earthlib_source
from unmixing.semantic.ontology import Ontology, RecordRule, ancestors, members
from unmixing.semantic.sensors import interpolate
from unmixing.semantic.sources import (
    COMMON_GRID,
    COMMON_RESOLUTION_NM,
    usgs_source,
    water_source,
)

__all__ = [
    "COLUMNS",
    "COMMON_GRID",
    "COMMON_RESOLUTION_NM",
    "Library",
    "assign_concepts",
    "common_spectra",
    "coverage",
    "covered_concept",
    "load_library",
    "named_materials",
    "require_spectra",
]

Array = npt.NDArray[np.float64]

#: A spectrum must be known on this share of what its library reaches of the common grid; others are dropped.
MINIMUM_VALID = 0.9
COLUMNS = (
    "record",
    "source",
    "row",
    "title",
    "name",
    "record_class",
    "level_2",
    "kind",
    "family",
    "state",
    "concept",
    "measured",
    "site",
    "specimen",
    "latitude",
    "longitude",
    "valid_share",
)


@dataclass(frozen=True)
class Library:
    """Spectra of all sources.

    Attributes:
        records: one row for each spectrum, columns ``COLUMNS``: ``record`` (unique id), ``source`` and ``row`` (place
            in ``spectra``), ``title`` (as in the file), ``name`` (readable, "" where none), ``record_class`` and
            ``level_2`` (as in the file), ``kind``, ``family``, ``state`` ("" for a plain spectrum of a material, or
            why it is none, or its condition), ``concept`` (id, "" where none), ``measured`` (false for modelled
            spectra), ``site`` (places within 250 m; "" where unknown), ``specimen``, ``latitude`` and ``longitude``
            (degrees, NaN where unknown), ``valid_share`` (share of the common grid that is known).
        spectra: (n, bands) float32 reflectance by source, NaN where unknown.
        wavelengths: (bands,) nanometres, rising, by source.
        notes: what was dropped or mended.
    """

    records: pd.DataFrame
    spectra: Mapping[str, npt.NDArray[np.float32]]
    wavelengths: Mapping[str, Array]
    notes: tuple[str, ...]


def load_library(
    ontology: Ontology,
    *,
    usgs: str | Path | None = None,
    modelled_water: int = 0,
) -> Library:
    """Read all libraries into one table.

    Args:
        ontology: gives each record its concept.
        usgs: path of splib06 on AVIRIS bands (``.sli`` with its header); None does without.
        modelled_water: number of modelled water spectra to add, marked as not measured; 0 for none.

    Raises:
        UnmixingError: a file cannot be read, two rules claim one record, or nothing is left of a library.
    """
    sources = [earthlib_source()]
    if usgs is not None:
        sources.append(usgs_source(Path(usgs)))
    if modelled_water:
        sources.append(water_source(modelled_water))
    notes: list[str] = []
    frames, spectra, axes = [], {}, {}
    for source in sources:
        common = interpolate(source.spectra, source.wavelengths, COMMON_GRID)
        valid = np.isfinite(common).mean(axis=1)
        # What no spectrum of a library reaches (earthlib's gaps in the deep water bands) is no fault of one of them.
        reachable = float(np.isfinite(common).any(axis=0).mean())
        keep = (valid >= MINIMUM_VALID * reachable) & (valid > 0)
        if not keep.any():
            raise UnmixingError(f"{source.name}: no spectrum covers 400-2450 nm: leave it out")
        frame = source.records.assign(source=source.name, valid_share=valid)[keep].reset_index(drop=True)
        frame["row"] = np.arange(len(frame))
        frame["record"] = [f"{source.name}:{index}" for index in np.flatnonzero(keep)]
        frames.append(frame.reindex(columns=list(COLUMNS)))
        spectra[source.name] = np.asarray(source.spectra[keep], np.float32)
        axes[source.name] = source.wavelengths
        notes += [f"{source.name}: {note}" for note in source.notes]
        if not keep.all():
            notes.append(f"{source.name}: {int((~keep).sum())} spectra dropped that cover too little of 400-2450 nm")
    records = pd.concat(frames, ignore_index=True)
    texts = ["title", "name", "record_class", "level_2", "kind", "family", "state", "concept", "site", "specimen"]
    for text in texts:
        records[text] = records[text].astype(object).where(records[text].notna(), "").astype(str)
    records["measured"] = records["measured"].fillna(True).astype(bool)
    records["concept"] = assign_concepts(records, ontology)
    return Library(records, spectra, axes, tuple(notes))


def assign_concepts(records: pd.DataFrame, ontology: Ontology) -> list[str]:
    """Return the concept of each record, "" where no rule takes it.

    A rule with names beats one with a class; a concept that a record brings along is kept.

    Raises:
        UnmixingError: two rules of equal rank claim a record for different concepts.
    """
    by_source: dict[str, list[tuple[str, RecordRule]]] = {}
    for concept in ontology.concepts.values():
        for source, rules in concept.records.items():
            by_source.setdefault(source, []).extend((concept.id, rule) for rule in rules)
    result = list(records["concept"])
    table = records[["source", "name", "record_class", "level_2", "state", "title"]].itertuples(index=False)
    for position, (source, name, record_class, level_2, state, title) in enumerate(table):
        if result[position]:
            continue
        claims: dict[bool, set[str]] = {True: set(), False: set()}
        for identifier, rule in by_source.get(source, []):
            if rule.state != state or (rule.level_2 and rule.level_2 != level_2):
                continue
            if rule.record_class and rule.record_class != record_class:
                continue
            if not rule.names or name in rule.names:
                claims[bool(rule.names)].add(identifier)
        strongest = claims[True] or claims[False]
        if len(strongest) > 1:
            raise UnmixingError(
                f"ontology: record {title!r} of {source} is claimed by {' and '.join(sorted(strongest))}: "
                f"give it to one of them"
            )
        result[position] = next(iter(strongest), "")
    return result


def coverage(ontology: Ontology, library: Library) -> pd.DataFrame:
    """Count what there is for each concept, its members included.

    Returns:
        Indexed by concept, in the ontology's order: ``prompt``, ``own`` (spectra of the concept itself), ``spectra``
        (with its members'), ``measured``, ``sites`` (known places), ``specimens``, ``sources`` (names, joined).
    """
    rows = []
    for concept in ontology.concepts.values():
        found = library.records[library.records["concept"].isin(members(ontology, concept.id))]
        rows.append(
            {
                "concept": concept.id,
                "prompt": concept.prompt,
                "own": int((found["concept"] == concept.id).sum()),
                "spectra": len(found),
                "measured": int(found["measured"].sum()),
                "sites": int(found.loc[found["site"] != "", "site"].nunique()),
                "specimens": int(found["specimen"].nunique()),
                "sources": ", ".join(dict.fromkeys(found["source"])),
            }
        )
    return pd.DataFrame(rows).set_index("concept")


def require_spectra(ontology: Ontology, library: Library, concepts: Iterable[str]) -> None:
    """Refuse concepts without a spectrum.

    Raises:
        UnmixingError: names the concepts without spectra, and for each the nearest one above that has some.
    """
    missing = []
    for identifier in concepts:
        substitute = covered_concept(ontology, library, identifier)
        if substitute != identifier:
            prompt = ontology.concepts[identifier].prompt
            missing.append(
                f"{prompt!r}" + (f" (ask for {ontology.concepts[substitute].prompt!r})" if substitute else "")
            )
    if missing:
        raise UnmixingError(
            f"no library at hand has a spectrum of {', '.join(missing)}: give a library that has one, "
            f"or leave the prompt out"
        )


def covered_concept(ontology: Ontology, library: Library, identifier: str) -> str:
    """Return the concept itself if it or a member has spectra, else the nearest above that has, else "".

    Raises:
        UnmixingError: there is no such concept.
    """
    present = set(library.records["concept"])
    for candidate in (identifier, *ancestors(ontology, identifier)):
        if present & set(members(ontology, candidate)):
            return candidate
    return ""


def common_spectra(library: Library, rows: npt.ArrayLike | None = None) -> Array:
    """Return spectra of all sources on the common grid, by straight lines between samples.

    Args:
        library: all sources.
        rows: positions in ``library.records``; all by default.

    Returns:
        (n, grid) reflectance, NaN where unknown.
    """
    table = library.records if rows is None else library.records.iloc[np.asarray(rows)]
    result = np.full((len(table), COMMON_GRID.size), np.nan)
    for source, spectra in library.spectra.items():
        chosen = (table["source"] == source).to_numpy()
        if chosen.any():
            own = table.loc[chosen, "row"].to_numpy(dtype=np.intp)
            result[chosen] = interpolate(spectra[own], library.wavelengths[source], COMMON_GRID)
    return result


def named_materials(library: Library) -> pd.DataFrame:
    """Return the materials of the USGS library whose names can be held out in a test of language.

    A material counts if a plain spectrum of it (no mixture, coating, dry or yellow leaf) is there.

    Args:
        library: all sources.

    Returns:
        Indexed by name: ``kind``, ``family``, ``spectra`` and ``specimens``; by falling number of spectra.
    """
    plain = library.records[
        (library.records["source"] == "usgs") & (library.records["name"] != "") & (library.records["state"] == "")
    ]
    groups = plain.groupby("name")
    table = groups.agg(
        kind=("kind", "first"),
        family=("family", "first"),
        spectra=("record", "size"),
        specimens=("specimen", "nunique"),
    )
    return table.reset_index().sort_values(["spectra", "name"], ascending=[False, True]).set_index("name")
