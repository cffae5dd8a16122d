"""Wavelength axes: where they come from, and the proof that they are right.

An axis is written as a short recipe in the registry or by the user:

* ``linear 401 889 156``: first, last and number of bands;
* ``hydice_210``: all bands of a sensor of ``sensors.yaml``;
* ``hydice_210 without 1-4 76``: the same without some of its bands, numbered from 1.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from unmixing.errors import UnmixingError

Array = npt.NDArray[np.float64]

SENSORS_FILE = Path(__file__).with_name("sensors.yaml")
#: Where the red edge of vegetation lies, in nanometres.
RED_EDGE_NM = (690.0, 740.0)
#: Rises are averaged over this width, so that noise between two narrow bands is not taken for an edge.
_RISE_WINDOW_NM = 20
_MICROMETRE_LIMIT = 30.0
_RANGE_NM = (200.0, 20000.0)
#: Words in an endmember's name that mean living vegetation.
VEGETATION_WORDS = (
    "tree",
    "grass",
    "lawn",
    "vegetation",
    "forest",
    "canopy",
    "shrub",
    "crop",
    "leaf",
    "foliage",
)


@dataclass(frozen=True)
class Sensor:
    """Band centres of a sensor.

    Attributes:
        title: its name.
        source: where the centres come from.
        centres: (bands,) nanometres in the order of the sensor's band numbers; need not rise.
    """

    title: str
    source: str
    centres: tuple[float, ...]


@functools.cache
def load_sensors() -> Mapping[str, Sensor]:
    """Return the known sensors by name."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document = yaml.load(SENSORS_FILE.read_text(encoding="utf-8"), Loader=loader)
    return MappingProxyType(
        {
            name: Sensor(title=item["title"], source=item["source"], centres=tuple(item["centres"]))
            for name, item in document.items()
        }
    )


def axis_from_recipe(recipe: str) -> Array:
    """Return the wavelengths in nanometres that a recipe describes, in band order.

    Raises:
        UnmixingError: the recipe is not understood.
    """
    words = recipe.split()
    usage = (
        f"wavelengths {recipe!r} not understood: write 'linear FIRST LAST BANDS' or one of "
        f"{', '.join(load_sensors())}, with ' without 1-4 76' where bands were removed"
    )
    try:
        if words and words[0] == "linear" and len(words) == 4:
            first, last, count = float(words[1]), float(words[2]), int(words[3])
            if not (np.isfinite([first, last]).all() and first < last and 2 <= count <= 100_000):
                raise ValueError
            return np.linspace(first, last, count)
        if words and words[0] in load_sensors():
            centres = np.array(load_sensors()[words[0]].centres)
            if len(words) == 1:
                return centres
            if words[1] != "without" or len(words) == 2:
                raise ValueError
            return centres[_kept(words[2:], centres.size)]
    except ValueError:
        pass
    raise UnmixingError(usage)


def to_nanometres(values: npt.ArrayLike, units: str, where: str) -> tuple[Array, str]:
    """Convert wavelengths to nanometres.

    Args:
        values: (bands,) wavelengths.
        units: what the file says, in any spelling; where it says nothing, the size of the numbers decides.
        where: the file, for messages.

    Returns:
        Wavelengths in nanometres, and a note for the record ("" if nothing was converted).

    Raises:
        UnmixingError: values are not finite or outside 200-20000 nm, or stated units contradict them.
    """
    axis = np.asarray(values, dtype=np.float64).ravel()
    if axis.size == 0 or not np.isfinite(axis).all():
        raise UnmixingError(f"{where}: wavelengths are empty or not finite: give one number for each band")
    stated = units.strip().lower()
    micrometres = bool(axis.max() < _MICROMETRE_LIMIT)
    note = ""
    if stated.startswith(("micro", "um", "µm", "μm")):
        if not micrometres:
            raise UnmixingError(
                f"{where}: wavelengths are said to be micrometres but run to {axis.max():g}: correct their unit"
            )
    elif stated.startswith(("nano", "nm")):
        if micrometres:
            raise UnmixingError(
                f"{where}: wavelengths are said to be nanometres but run to {axis.max():g} only: correct their unit"
            )
    elif stated not in ("", "unknown", "none", "index"):
        raise UnmixingError(f"{where}: wavelength unit {units!r} is not known: use nanometres or micrometres")
    if micrometres:
        axis = axis * 1000.0
        note = "micrometres converted to nanometres" + ("" if stated.startswith(("mi", "u", "µ", "μ")) else ", by size")
    if axis.min() < _RANGE_NM[0] or axis.max() > _RANGE_NM[1]:
        raise UnmixingError(
            f"{where}: wavelengths from {axis.min():g} to {axis.max():g} nm are outside "
            f"{_RANGE_NM[0]:g}-{_RANGE_NM[1]:g} nm: correct them or their unit"
        )
    return axis, note


def sort_bands(wavelengths: Array, *spectra: npt.NDArray[Any]) -> tuple[Array, list[npt.NDArray[Any]]]:
    """Sort bands by wavelength and average those that share one.

    Sensors made of several spectrometers overlap, so their bands fall back in wavelength; interpolation
    on such an axis gives nonsense without a warning.

    Args:
        wavelengths: (bands,).
        *spectra: arrays whose last axis is bands; NaN marks missing values and is left out of averages.

    Returns:
        Strictly rising wavelengths, and the arrays on them.
    """
    if (np.diff(wavelengths) > 0).all():
        return wavelengths, list(spectra)
    order = np.argsort(wavelengths, kind="stable")
    axis, starts = np.unique(wavelengths[order], return_index=True)
    results = []
    for array in spectra:
        ordered = array[..., order]
        if axis.size < order.size:
            known = np.isfinite(ordered)
            total = np.add.reduceat(np.where(known, ordered, 0.0), starts, axis=-1)
            count = np.add.reduceat(known.astype(np.int64), starts, axis=-1)
            ordered = np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(array.dtype)
        results.append(ordered)
    return axis, results


def steepest_rise(wavelengths: Array, spectrum: npt.NDArray[np.generic]) -> float:
    """Return the wavelength in nanometres where a spectrum rises most, averaged over 20 nm.

    Args:
        wavelengths: (bands,) strictly rising.
        spectrum: (bands,).
    """
    grid = np.arange(wavelengths[0], wavelengths[-1], 1.0)
    values = np.interp(grid, wavelengths, np.asarray(spectrum, dtype=np.float64))
    if values.size <= _RISE_WINDOW_NM:
        return float("nan")
    rise = values[_RISE_WINDOW_NM:] - values[:-_RISE_WINDOW_NM]
    return float(grid[int(rise.argmax())] + _RISE_WINDOW_NM / 2)


def vegetation_indices(names: Sequence[str]) -> list[int]:
    """Return the indices of the endmembers whose names mean living vegetation."""
    found = []
    for index, name in enumerate(names):
        lowered = name.lower()
        dead = any(word in lowered for word in ("dry", "dead", "artificial", "synthetic", "fabric", "net"))
        if not dead and any(word in lowered for word in VEGETATION_WORDS):
            found.append(index)
    return found


def _kept(words: Sequence[str], count: int) -> list[int]:
    removed: set[int] = set()
    for word in words:
        first, _, last = word.partition("-")
        low, high = int(first), int(last or first)
        if not 1 <= low <= high <= count:
            raise ValueError
        removed.update(range(low, high + 1))
    return [index for index in range(count) if index + 1 not in removed]
