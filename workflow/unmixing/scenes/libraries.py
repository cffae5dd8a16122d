"""Spectral libraries: ENVI libraries and MATLAB bundles of pure pixels, on one clean wavelength axis.

Wavelengths come out sorted, shared ones averaged, in nanometres; invalid values are NaN; records that are no spectra
of a material (wavelengths, resolutions, deliberately shifted copies) are left out and counted.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from unmixing.errors import UnmixingError
from unmixing.scenes.envi import find_header, numbers, read_data, read_header
from unmixing.scenes.matlab import clean_names, read_variables
from unmixing.scenes.wavelengths import axis_from_recipe, sort_bands, to_nanometres

#: Values below this are fill values (USGS writes -1.23e34), not reflectances.
_LOWEST_VALUE = -1.0e3
_NOT_SPECTRA = re.compile(r"^(wavelengths?\b|resolution\b|bandpass|data value\b)", re.IGNORECASE)
_TEST_RECORDS = re.compile(r"(shifted|shiftd|shft|\+1shf|\+const)", re.IGNORECASE)


@dataclass(frozen=True)
class SpectralLibrary:
    """Named spectra on one axis.

    Attributes:
        names: (N,) names, unique.
        groups: (N,) material of each spectrum; the name itself where the file has no groups.
        spectra: (N, bands) float32 reflectance, NaN where invalid.
        wavelengths: (bands,) float64 nanometres, strictly rising.
        excluded: names of records that were left out.
        notes: what was converted.
    """

    names: tuple[str, ...]
    groups: tuple[str, ...]
    spectra: npt.NDArray[np.float32]
    wavelengths: npt.NDArray[np.float64]
    excluded: tuple[str, ...]
    notes: tuple[str, ...]


def read_library(
    path: str | Path,
    *,
    wavelengths: str | Sequence[float] | npt.NDArray[Any] | None = None,
    scale_factor: float | None = None,
) -> SpectralLibrary:
    """Read a spectral library.

    Args:
        path: ENVI library (.sli, .lib or its .hdr) or MATLAB bundle (``lib1`` ... ``libK``, ``material_names``).
        wavelengths: array or recipe, for files that hold none; wins over the file.
        scale_factor: number that turns reflectance into the stored values; wins over the file.

    Raises:
        UnmixingError: the file is damaged, holds no spectra, or wavelengths do not fit.
    """
    path = Path(path)
    if not path.is_file():
        raise UnmixingError(f"{path}: no such library: check the path, or set UNMIXING_LIBRARIES")
    notes: list[str] = []
    if path.suffix.lower() == ".mat":
        names, groups, spectra = _read_bundle(path)
        axis: npt.NDArray[np.float64] | None = None
        factor = 1.0
    else:
        names, spectra, axis, factor, note = _read_envi_library(path)
        groups = names
        if note:
            notes.append(note)
    if wavelengths is not None:
        if isinstance(wavelengths, str):
            axis = axis_from_recipe(wavelengths)
        else:
            axis, note = to_nanometres(wavelengths, "", str(path))
    if axis is None:
        raise UnmixingError(f"{path}: the file holds no wavelengths: give wavelengths=..., one for each band")
    if axis.size != spectra.shape[1]:
        raise UnmixingError(f"{path}: {axis.size} wavelengths for {spectra.shape[1]} bands: give one for each band")
    factor = factor if scale_factor is None else scale_factor
    if not (np.isfinite(factor) and factor > 0):
        raise UnmixingError(f"{path}: scale factor {factor:g} is not a positive number")
    keep = [index for index, name in enumerate(names) if not (_NOT_SPECTRA.search(name) or _TEST_RECORDS.search(name))]
    if not keep:
        raise UnmixingError(f"{path}: no record is the spectrum of a material: this is another kind of file")
    values = spectra[keep].astype(np.float64)
    values[~np.isfinite(values) | (values < _LOWEST_VALUE)] = np.nan
    rising, (ordered,) = sort_bands(axis, values / factor)
    if rising is not axis:
        notes.append("wavelengths sorted, shared ones averaged")
    return SpectralLibrary(
        names=_unique([names[index] for index in keep]),
        groups=tuple(groups[index] for index in keep),
        spectra=ordered.astype(np.float32),
        wavelengths=rising,
        excluded=tuple(name for index, name in enumerate(names) if index not in set(keep)),
        notes=tuple(notes),
    )


def _read_envi_library(
    path: Path,
) -> tuple[list[str], npt.NDArray[Any], npt.NDArray[np.float64] | None, float, str]:
    header_path = find_header(path)
    if header_path is None:
        raise UnmixingError(f"{path}: no ENVI header beside it: put {path.name}.hdr into the same folder")
    header = read_header(header_path)
    if "library" not in str(header.get("file type", "")).lower():
        raise UnmixingError(
            f"{path}: no spectral library (file type {header.get('file type', 'missing')}): read a scene"
        )
    data_path = path
    if path == header_path:
        stem = path.with_suffix("")
        candidates = [stem, *(Path(f"{stem}{suffix}") for suffix in (".sli", ".lib", ".dat"))]
        found = next((candidate for candidate in candidates if candidate.is_file()), None)
        if found is None:
            raise UnmixingError(f"{path}: no data file beside the header: put {stem.name}.sli there")
        data_path = found
    data = read_data(data_path, header, header_path)
    if data.shape[2] != 1:
        raise UnmixingError(f"{header_path}: a spectral library has one band of records, not {data.shape[2]}")
    spectra = data[..., 0]
    given = header.get("spectra names")
    names = [str(name).strip() for name in given] if isinstance(given, list) else []
    if len(names) != spectra.shape[0]:
        names = [f"spectrum {index + 1}" for index in range(spectra.shape[0])]
    axis, note = None, ""
    stored = numbers(header, "wavelength", header_path)
    if stored is not None:
        axis, note = to_nanometres(stored, str(header.get("wavelength units", "")), str(header_path))
    factor = numbers(header, "reflectance scale factor", header_path)
    return names, spectra, axis, 1.0 if factor is None else float(factor[0]), note


def _read_bundle(path: Path) -> tuple[list[str], list[str], npt.NDArray[Any]]:
    variables = read_variables(path)
    materials = clean_names(variables.get("material_names"))
    bundles: list[npt.NDArray[Any]] = []
    while f"lib{len(bundles) + 1}" in variables:
        bundles.append(variables[f"lib{len(bundles) + 1}"])
    if not bundles or materials is None or len(materials) != len(bundles):
        raise UnmixingError(f"{path}: no bundle of spectra: it needs lib1 ... libK and K material_names")
    if len({bundle.shape[0] for bundle in bundles}) != 1 or any(bundle.ndim != 2 for bundle in bundles):
        raise UnmixingError(f"{path}: the groups have different numbers of bands: mend the file")
    groups = [name for name, bundle in zip(materials, bundles, strict=True) for _ in range(bundle.shape[1])]
    names = [
        f"{name} {index + 1}"
        for name, bundle in zip(materials, bundles, strict=True)
        for index in range(bundle.shape[1])
    ]
    return names, groups, np.concatenate([bundle.T for bundle in bundles])


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    taken: set[str] = set()
    result = []
    for name in names:
        candidate, number = name, 2
        while candidate in taken:
            candidate, number = f"{name} ({number})", number + 1
        taken.add(candidate)
        result.append(candidate)
    return tuple(result)
