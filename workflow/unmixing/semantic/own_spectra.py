"""A user's own spectra: of the materials that they name they stand in the place of the library's."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from unmixing.errors import UnmixingError
from unmixing.scenes.own import read_reference_spectra
from unmixing.semantic.ontology import Ontology, members, resolve
from unmixing.semantic.sensors import interpolate, resample, sensor_of_axis
from unmixing.semantic.sources import COMMON_GRID, COMMON_RESOLUTION_NM

Array = npt.NDArray[np.float64]

#: Reflectance beyond which values are taken for percent, counts or marks of what is missing.
_DARKEST, _BRIGHTEST = -0.5, 2.0
_FEWEST_POINTS = 2
#: What tells apart spectra of one material: "tree 3", "tree_03", "tree #3".
_NUMBER = re.compile(r"[\s_#.-]*\d+$")


@dataclass(frozen=True)
class OwnSpectra:
    """Spectra of materials on the common grid.

    Attributes:
        concepts: (n,) ids.
        spectra: (n, grid) reflectance, NaN where unknown.
        unnamed: names of those left out that name no concept.
    """

    concepts: tuple[str, ...]
    spectra: Array = field(repr=False)
    unnamed: tuple[str, ...] = ()

    def of(self, ontology: Ontology, concept: str) -> Array:
        """Return the spectra (m, grid) of a concept and of all below it; "" is none."""
        below = set(members(ontology, concept)) if concept in ontology.concepts else set()
        return self.spectra[[name in below for name in self.concepts]]


def read_own_spectra(paths: Sequence[str | Path], ontology: Ontology) -> OwnSpectra:
    """Read tables or ENVI libraries of spectra; each name is resolved as a prompt, a number at its end left out.

    Spectra sampled more finely than the common grid are averaged over its bands, others read off along lines.

    Args:
        paths: ENVI, or CSV with wavelengths in the first column and one column for each spectrum; names may repeat.
        ontology: of the prompts.

    Raises:
        UnmixingError: a file is missing or not understood, has values that are no reflectance, a spectrum knows
            nothing of 400 to 2450 nm, or no name names a concept.
    """
    concepts: list[str] = []
    unnamed: list[str] = []
    kept: list[Array] = []
    for path in map(Path, paths):
        names, axis, spectra = read_reference_spectra(path)
        low, high = float(np.nanmin(spectra, initial=0.0)), float(np.nanmax(spectra, initial=0.0))
        if low < _DARKEST or high > _BRIGHTEST:
            raise UnmixingError(
                f"{path}: values from {low:.4g} to {high:.4g}: give reflectance from 0 to 1, nan where it is unknown"
            )
        for name, spectrum in zip(names, _on_common_grid(spectra, axis), strict=True):
            concept = _concept(name, ontology)
            if not concept:
                unnamed.append(name)
                continue
            if np.isfinite(spectrum).sum() < _FEWEST_POINTS:
                raise UnmixingError(f"{path}: spectrum {name!r} knows nothing of 400-2450 nm: leave it out")
            concepts.append(concept)
            kept.append(spectrum)
    if not kept:
        raise UnmixingError(
            f"{', '.join(map(str, paths))}: no spectrum's name names a concept ({', '.join(map(repr, unnamed[:5]))}): "
            f"name the spectra as you would name prompts, or add concepts with a user ontology file"
        )
    return OwnSpectra(tuple(concepts), np.stack(kept), tuple(unnamed))


def _on_common_grid(spectra: Array, axis: Array) -> Array:
    if axis.size > 1 and float(np.median(np.diff(axis))) < COMMON_RESOLUTION_NM / 2:
        return resample(spectra, axis, sensor_of_axis(COMMON_GRID))
    return interpolate(spectra, axis, COMMON_GRID)


def _concept(name: str, ontology: Ontology) -> str:
    for text in (name, _NUMBER.sub("", name)):
        try:
            return resolve(text, ontology).concept.id
        except UnmixingError:
            continue
    return ""
