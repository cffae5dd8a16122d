"""Materials with a name and a spectrum, and the groups that are held out together: the data of the test of language.

From the USGS library every reviewed name with a plain spectrum; from earthlib every class that is a material, under the
prompt of its concept. Of names that are spelled alike one is kept, so that spelling alone cannot carry an answer over.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from unmixing.errors import UnmixingError
from unmixing.semantic.library import COMMON_GRID, Library, common_spectra, named_materials
from unmixing.semantic.names import distinct_names
from unmixing.semantic.ontology import Ontology
from unmixing.semantic.scene_library import fill_gaps

Array = npt.NDArray[np.float64]

#: earthlib's classes (third level) to kind and group of the same sense as those of the USGS names, so that a material
#: which both libraries hold is left out of both together. Classes that are no material ("mixed", "other") are absent.
EARTHLIB_GROUPS: Mapping[str, tuple[str, str]] = {
    "asphalt": ("artificial", "bitumen"),
    "comp_shingle": ("artificial", "bitumen"),
    "parking_lot": ("artificial", "bitumen"),
    "road": ("artificial", "bitumen"),
    "bridge": ("artificial", "masonry"),
    "concrete_tile": ("artificial", "masonry"),
    "driveway": ("artificial", "masonry"),
    "sidewalk": ("artificial", "masonry"),
    "tile": ("artificial", "masonry"),
    "manhole": ("artificial", "metal"),
    "metal": ("artificial", "metal"),
    "glass": ("artificial", "glass"),
    "paint": ("artificial", "paint"),
    "wood": ("artificial", "wood"),
    "wood_shingle": ("artificial", "wood"),
    "bark": ("vegetation", "wood"),
    "litter": ("vegetation", "litter"),
    "npv": ("vegetation", "litter"),
    "canopy": ("vegetation", "canopy"),
    "char": ("burned", "burned"),
    "dirt": ("soil", "ground"),
    "gravel": ("soil", "ground"),
    "sand": ("soil", "ground"),
    "soil": ("soil", "ground"),
}
#: Families of the USGS names that go with a group of another name.
_JOINED = {"playa": "ground"}
#: Sets of kinds in which results are told. The verdict is that on all names; the second was singled out by a first look
#: at much the same spectra, the others are description.
SUBSETS: Mapping[str, tuple[str, ...]] = {
    "all": (),
    "vegetation and artificial": ("vegetation", "artificial"),
    "mineral": ("mineral",),
    "vegetation": ("vegetation",),
    "artificial": ("artificial",),
    "rock, soil, water and other": ("rock", "soil", "burned", "snow", "water"),
}
#: Bands are used where this share of the names is known; what is missing is read off between neighbours.
_KNOWN_SHARE = 0.97


@dataclass(frozen=True)
class NamedSpectra:
    """Names, spectra and groups.

    Attributes:
        table: one row for each name: ``name``, ``kind``, ``group``, ``source``, ``spectra`` (how many).
        shapes: (N, bands) mean spectra of length one.
        wavelengths: (bands,) nanometres.
    """

    table: pd.DataFrame
    shapes: Array = field(repr=False)
    wavelengths: Array = field(repr=False)

    @property
    def names(self) -> list[str]:
        """The names, in order."""
        return [str(name) for name in self.table["name"]]


def named_spectra(library: Library, ontology: Ontology, *, distinct: float | None = 0.5) -> NamedSpectra:
    """Gather the names of the USGS library and of earthlib's classes with their mean spectra.

    Args:
        library: with the USGS library, or with earthlib alone.
        ontology: gives earthlib's classes their names: the prompt of the concept that most of a class's records show.
        distinct: largest similarity of spelling between two names that are kept, the one with more spectra first;
            None keeps all names.

    Raises:
        UnmixingError: fewer than two groups are left.
    """
    parts = [_earthlib(library, ontology)]
    if "usgs" in library.spectra:
        parts.append(_usgs(library))
    table = pd.concat(parts, ignore_index=True).drop_duplicates("name")
    table = table.sort_values(["spectra", "name"], ascending=[False, True]).reset_index(drop=True)
    if distinct is not None:
        table = table[table["name"].isin(distinct_names(list(table["name"]), distinct))].reset_index(drop=True)
    if table["group"].nunique() < 2:
        raise UnmixingError("fewer than two groups of names have spectra: give the USGS library")
    means = np.stack([_mean(common_spectra(library, rows)) for rows in table["rows"]])
    return shaped(table.drop(columns="rows"), means)


def shaped(table: pd.DataFrame, means: Array) -> NamedSpectra:
    """Return names (see ``NamedSpectra.table``) with the shapes of their mean spectra (N, grid), NaN where unknown."""
    bands = np.isfinite(means).mean(axis=0) >= _KNOWN_SHARE
    shapes = fill_gaps(means[:, bands], COMMON_GRID[bands])
    shapes /= np.linalg.norm(shapes, axis=1, keepdims=True)
    return NamedSpectra(table, shapes, COMMON_GRID[bands])


def joined(family: str) -> str:
    """Return the group of a family of the USGS names."""
    return _JOINED.get(family, family)


def subset_rows(table: pd.DataFrame, subset: str) -> npt.NDArray[np.intp]:
    """Return the positions of the names of one of ``SUBSETS`` in a table with the column ``kind``.

    Raises:
        UnmixingError: there is no such subset.
    """
    if subset not in SUBSETS:
        raise UnmixingError(f"subset {subset!r} of names is unknown: choose from {', '.join(SUBSETS)}")
    kinds = SUBSETS[subset]
    chosen = table["kind"].isin(kinds).to_numpy() if kinds else np.ones(len(table), dtype=bool)
    return np.flatnonzero(chosen)


def _usgs(library: Library) -> pd.DataFrame:
    known = named_materials(library)
    plain = library.records["state"].eq("") & library.records["source"].eq("usgs")
    rows = library.records[plain].groupby("name").indices
    positions = np.flatnonzero(plain)
    return pd.DataFrame(
        {
            "name": known.index,
            "kind": known["kind"].to_numpy(),
            "group": [joined(family) for family in known["family"]],
            "source": "usgs",
            "spectra": known["spectra"].to_numpy(),
            "rows": [positions[rows[name]] for name in known.index],
        }
    )


def _earthlib(library: Library, ontology: Ontology) -> pd.DataFrame:
    records = library.records
    usable = records["source"].eq("earthlib") & records["state"].eq("") & records["concept"].ne("")
    found = []
    for name, (kind, group) in EARTHLIB_GROUPS.items():
        rows = np.flatnonzero(usable & records["record_class"].eq(name))
        if not rows.size:
            continue
        concept = records["concept"].iloc[rows].mode().iloc[0]
        rows = rows[records["concept"].iloc[rows].eq(concept)]
        prompt = ontology.concepts[concept].prompt
        found.append((prompt, kind, group, "earthlib", len(rows), rows))
    return pd.DataFrame(found, columns=["name", "kind", "group", "source", "spectra", "rows"])


def _mean(spectra: Array) -> Array:
    """Mean of spectra of length one each, NaN where fewer than half of them are known."""
    known = np.isfinite(spectra)
    length = np.sqrt(np.where(known, spectra, 0.0) ** 2 @ np.ones(spectra.shape[1]) / known.sum(axis=1))
    unit = spectra / np.maximum(length, 1e-12)[:, None]
    share = known.mean(axis=0)
    total = np.where(known, unit, 0.0).sum(axis=0)
    return np.where(share >= 0.5, total / np.maximum(known.sum(axis=0), 1), np.nan)
