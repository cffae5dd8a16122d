"""The sources of the spectral library: each brings its spectra, its axis and what it knows of each record."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from unmixing.scenes.libraries import read_library
from unmixing.semantic.names import parse_title
from unmixing.semantic.water import water_spectra

Array = npt.NDArray[np.float64]

#: Axis on which spectra of all sources meet, in nanometres: that of earthlib, its two gaps included.
COMMON_GRID: Array = np.arange(400.0, 2451.0, 10.0)
COMMON_GRID.setflags(write=False)
#: Resolution of spectra on that axis, in nanometres.
COMMON_RESOLUTION_NM = 10.0


@dataclass(frozen=True)
class Source:
    """Spectra of one source before concepts are given; ``records`` has the columns that the source knows."""

    name: str
    records: pd.DataFrame
    spectra: npt.NDArray[np.float32]
    wavelengths: Array
    notes: tuple[str, ...] = ()


def usgs_source(path: Path) -> Source:
    """Read the USGS library: titles become names through the reviewed table, codes specimens.

    Raises:
        UnmixingError: the file is missing or no ENVI spectral library.
    """
    library = read_library(path)
    titles = [parse_title(title) for title in library.names]
    frame = pd.DataFrame([vars(title) for title in titles])
    frame["title"] = library.names
    frame["specimen"] = "usgs " + frame["specimen"]
    nameless = int((frame["state"] == "unreviewed").sum())
    notes = [f"{len(library.excluded)} records left out that are no spectra or deliberately shifted"]
    if nameless:
        notes.append(f"{nameless} titles are not in the reviewed table of names and have no name")
    return Source("usgs", frame, library.spectra, library.wavelengths, (*library.notes, *notes))


def water_source(count: int) -> Source:
    """Return modelled spectra of water on the common grid, marked as not measured."""
    spectra, parameters = water_spectra(COMMON_GRID, count)
    frame = pd.DataFrame({"title": [f"modelled water {row}" for row in parameters]})
    frame = frame.assign(name="water", record_class="water", kind="water", family="water", measured=False)
    frame["specimen"] = [f"parametric {index}" for index in range(count)]
    return Source("parametric", frame, spectra.astype(np.float32), COMMON_GRID, ("modelled, not measured",))
