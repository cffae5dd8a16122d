"""Spectra of the embedded synthetic scenes: measured and modelled classes of the library that earthlib ships.

The library (earthlib 1.1, MIT licence) holds 7,261 spectra of 180 bands, 400-2450 nm at 10 nm with gaps at the
two deep water-vapour bands. Its two data files are read directly: importing the package itself would pull in
its satellite processing.
"""

from __future__ import annotations

import csv
import hashlib
import importlib.util
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unmixing.errors import UnmixingError

Array = NDArray[np.float64]

LICENCE = "MIT (earthlib)"
CITATION = (
    "Spectra: earthlib, a global spectral library for land cover mapping, https://github.com/earth-chris/earthlib"
)


@dataclass(frozen=True)
class EarthLibrary:
    """The library as arrays.

    Attributes:
        spectra: (spectra, bands) reflectance, float32.
        wavelength: (bands,) nm, ascending.
        names: name of each spectrum; a few occur more than once, within different campaigns.
        classes: third level of the library's hierarchy, such as ``soil`` or ``canopy``.
        sha256: checksum of the file of spectra.
    """

    spectra: NDArray[np.float32]
    wavelength: Array
    names: tuple[str, ...]
    classes: tuple[str, ...]
    sha256: str


@dataclass(frozen=True)
class ClassRecipe:
    """One class of ground: which spectra it is made of.

    Attributes:
        name: name of the endmember in the scene.
        library_class: class of the library (its third level).
        anchor: name of the library spectrum around which the class is gathered.
        members: how many spectra, nearest to the anchor in spectral angle.
        variation: factor on each spectrum's departure from the class mean (1 keeps the library's, 0 removes it).
        maximum: maximum reflectance of the class mean; None keeps the library's physical scale.
    """

    name: str
    library_class: str
    anchor: str
    members: int = 12
    variation: float = 1.0
    maximum: float | None = None


def library_folder() -> Path:
    """Folder of earthlib's data files, found without importing the package.

    Raises:
        UnmixingError: earthlib is not installed, or not with its data.
    """
    spec = importlib.util.find_spec("earthlib")
    locations = list(spec.submodule_search_locations or []) if spec is not None else []
    for location in locations:
        folder = Path(location) / "data"
        if (folder / "spectra.sli").is_file():
            return folder
    raise UnmixingError("earthlib's file spectra.sli is not there; run: pip install --force-reinstall 'earthlib>=1.1'")


@lru_cache(maxsize=1)
def read_earthlib() -> EarthLibrary:
    """Read the whole library (5 MB) once per process.

    Returns:
        The library; wavelengths converted from micrometres to nm.

    Raises:
        UnmixingError: the files are missing or their sizes disagree.
    """
    folder = library_folder()
    data = (folder / "spectra.sli").read_bytes()
    wavelength = _header_wavelengths(folder / "spectra.sli.hdr")
    with (folder / "spectra.csv").open(encoding="utf-8", newline="") as stream:
        rows = [(row["NAME"], row["LEVEL_3"]) for row in csv.DictReader(stream)]
    if len(data) != 4 * len(rows) * wavelength.size:
        raise UnmixingError(
            f"{folder / 'spectra.sli'} holds {len(data)} bytes, its table and header promise "
            f"{len(rows)} x {wavelength.size} float32; reinstall earthlib"
        )
    spectra = np.frombuffer(data, dtype="<f4").reshape(len(rows), wavelength.size)
    return EarthLibrary(
        spectra=spectra,
        wavelength=wavelength,
        names=tuple(name for name, _ in rows),
        classes=tuple(kind for _, kind in rows),
        sha256=hashlib.sha256(data).hexdigest(),
    )


def _header_wavelengths(path: Path) -> Array:
    """Wavelengths of an ENVI header in micrometres -> (bands,) nm, rounded to .001 nm."""
    text = path.read_text(encoding="utf-8")
    start = text.rfind("wavelength =")
    opening, closing = text.find("{", start), text.find("}", start)
    if start < 0 or opening < 0 or closing < 0:
        raise UnmixingError(f"{path} names no wavelengths; reinstall earthlib")
    values = [float(value) for value in text[opening + 1 : closing].split(",")]
    return np.round(np.asarray(values, dtype=np.float64) * 1000.0, 3)


def band_selection(bands: int) -> NDArray[np.intp]:
    """Positions of evenly spread bands of the library (bands,), first and last included.

    Taking the library's own bands avoids interpolation across its gaps.

    Raises:
        UnmixingError: more bands are asked for than the library has, or fewer than two.
    """
    available = read_earthlib().wavelength.size
    if not 2 <= bands <= available:
        raise UnmixingError(f"a synthetic scene of {bands} bands cannot be made; allowed: 2 to {available}")
    return np.round(np.linspace(0, available - 1, bands)).astype(np.intp)


def class_spectra(recipe: ClassRecipe, bands: int) -> Array:
    """Spectra of one class: the library spectra nearest to the anchor, at one common brightness.

    Brightness differences are taken out here because a scene has a brightness field of its own; what is left
    between the members is shape.

    Args:
        recipe: the class.
        bands: number of bands of the scene.

    Returns:
        (members, bands) reflectance >= 0; the mean of the members has the class's maximum.

    Raises:
        UnmixingError: the library has no such class or anchor, or too few spectra.
    """
    library = read_earthlib()
    rows = np.flatnonzero(np.asarray(library.classes) == recipe.library_class)
    anchors = [row for row in rows if library.names[row] == recipe.anchor]
    if not anchors or rows.size < recipe.members:
        raise UnmixingError(
            f"class '{recipe.name}': earthlib has {rows.size} spectra of class '{recipe.library_class}' and "
            f"{len(anchors)} named '{recipe.anchor}'; {recipe.members} and at least one are needed"
        )
    spectra = library.spectra[rows][:, band_selection(bands)].astype(np.float64)
    anchor = library.spectra[anchors[0]][band_selection(bands)].astype(np.float64)
    unit = spectra / np.linalg.norm(spectra, axis=1, keepdims=True)
    cosine = unit @ (anchor / np.linalg.norm(anchor))
    # Rounded, so that the last bits of a matrix product cannot swap two near-equal neighbours.
    nearest = np.argsort(-np.round(cosine, 9), kind="stable")[: recipe.members]
    members = unit[nearest] * np.linalg.norm(spectra[nearest], axis=1).mean()
    mean = members.mean(axis=0)
    members = np.asarray(np.maximum(mean + recipe.variation * (members - mean), 0.0), np.float64)
    if recipe.maximum is not None:
        members *= recipe.maximum / float(members.mean(axis=0).max())
    return members
