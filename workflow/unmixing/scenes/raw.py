"""What a reader hands on: the arrays of a file and what it says about them, before anything is decided."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from unmixing.errors import UnmixingError

Array = npt.NDArray[Any]


@dataclass
class RawScene:
    """The contents of a file.

    Attributes:
        cube: 2-D (pixels and bands, either way round) or 3-D.
        axes: ``"row col band"`` where the format fixes the axes, ``""`` where they must be found.
        wavelengths: (bands,) as stored, or None.
        wavelength_units: what the file says of them.
        endmembers: 2-D, either way round, or None.
        abundances: 2-D or 3-D in any arrangement, or None.
        names: names of the endmembers, or None.
        rows: height the file states, or 0.
        cols: width the file states, or 0.
        good_bands: (bands,) bool from a bad-band list, or None.
        nodata: value that marks missing entries, or None.
        scale_factor: number that turns reflectance into the stored values, or None.
        georeference: what a writer needs to put maps in the same place.
        notes: what the reader noticed.
    """

    cube: Array
    axes: str = ""
    wavelengths: Array | None = None
    wavelength_units: str = ""
    endmembers: Array | None = None
    abundances: Array | None = None
    names: Sequence[str] | None = None
    rows: int = 0
    cols: int = 0
    good_bands: npt.NDArray[np.bool_] | None = None
    nodata: float | None = None
    scale_factor: float | None = None
    georeference: Mapping[str, Any] | None = None
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Hints:
    """What a user may say about a file that the file does not say itself.

    Attributes:
        scene_id: id of the dataset; the file's name by default.
        title: name in tables.
        kind: real, crop, synthetic, semi-real or own.
        rows: height in pixels, for files that store pixels in a list.
        cols: width in pixels.
        bands: number of bands, where nothing in the file tells the band axis.
        band_axis: index of the band axis in a 3-D array.
        pixel_order: ``"C"`` (along the rows) or ``"F"`` (down the columns), for files that store pixels in a list.
        cube: name of the variable that holds the cube.
        endmembers: name of the variable with the reference endmembers, or the array (K, bands).
        abundances: name of the variable with the reference abundances, ``"none"`` to leave them out, or the array.
        names: names of the endmembers.
        wavelengths: array, recipe (see ``unmixing.scenes.wavelengths``) or ``"file"``.
        wavelength_units: nanometres or micrometres, where the file says nothing.
        wavelength_source: measured, nominal or unknown.
        bad_bands: numbers of bad bands, from 1.
        nodata: value that marks missing entries.
        scale_factor: number that turns reflectance into the stored values.
        scale: reflectance or relative.
        abundance_convention: stated convention, where no test can find it.
        licence: licence as stated.
        citation: what to cite.
    """

    scene_id: str = ""
    title: str = ""
    kind: str = "own"
    rows: int = 0
    cols: int = 0
    bands: int = 0
    band_axis: int | None = None
    pixel_order: str = ""
    cube: str = ""
    endmembers: str | Array | None = None
    abundances: str | Array | None = None
    names: Sequence[str] | None = None
    wavelengths: str | Sequence[float] | Array | None = None
    wavelength_units: str = ""
    wavelength_source: str = ""
    bad_bands: Sequence[int] = ()
    nodata: float | None = None
    scale_factor: float | None = None
    scale: str = ""
    abundance_convention: str = ""
    licence: str = ""
    citation: str = ""


_TEXTS = (
    "scene_id",
    "title",
    "kind",
    "pixel_order",
    "cube",
    "wavelength_units",
    "wavelength_source",
    "scale",
    "abundance_convention",
    "licence",
    "citation",
)


def make_hints(values: Mapping[str, Any], where: Path | str) -> Hints:
    """Return typed hints.

    Raises:
        UnmixingError: a hint is not known, or its value is of another kind than it should be.
    """
    known = [item.name for item in fields(Hints)]
    for name in values:
        if name not in known:
            raise UnmixingError(f"{where}: hint {name!r} is not known: use {', '.join(known)}")
    hints = Hints(**values)
    for name in ("rows", "cols", "bands"):
        value = getattr(hints, name)
        if not _is_whole(value) or value < 0:
            raise _wrong(where, name, value, "a whole number")
    if hints.band_axis is not None and not _is_whole(hints.band_axis):
        raise _wrong(where, "band_axis", hints.band_axis, "a whole number")
    for name in ("scale_factor", "nodata"):
        value = getattr(hints, name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float, np.number))):
            raise _wrong(where, name, value, "a number")
    for name in _TEXTS:
        if not isinstance(getattr(hints, name), str):
            raise _wrong(where, name, getattr(hints, name), "text")
    if not _is_list(hints.bad_bands) or not all(_is_whole(number) for number in hints.bad_bands):
        raise _wrong(where, "bad_bands", hints.bad_bands, "a list of whole numbers")
    if hints.names is not None and not (_is_list(hints.names) and all(isinstance(name, str) for name in hints.names)):
        raise _wrong(where, "names", hints.names, "a list of names")
    arrays: dict[str, Any] = {
        name: _numbers(getattr(hints, name), name, where)
        for name in ("wavelengths", "endmembers", "abundances")
        if not (getattr(hints, name) is None or isinstance(getattr(hints, name), str))
    }
    return dataclasses.replace(hints, **arrays)


def _is_whole(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _is_list(value: object) -> bool:
    return isinstance(value, (Sequence, np.ndarray)) and not isinstance(value, str)


def _numbers(value: object, name: str, where: Path | str) -> Array:
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise _wrong(where, name, value, "numbers") from None


def _wrong(where: Path | str, name: str, value: object, wanted: str) -> UnmixingError:
    shown = " ".join(repr(value).split())[:60]
    return UnmixingError(f"{where}: hint {name}={shown} is not {wanted}: correct it")


def pick(variables: Mapping[str, Array], wanted: str, usual: Sequence[str], where: Path | str) -> Array | None:
    """Return the variable a user named, else the first of the usual names that is there, else None.

    Raises:
        UnmixingError: the user named a variable that the file lacks.
    """
    if wanted:
        if wanted not in variables:
            raise UnmixingError(f"{where}: no variable {wanted!r}: the file holds {', '.join(variables) or 'nothing'}")
        return variables[wanted]
    return next((variables[name] for name in usual if name in variables), None)
