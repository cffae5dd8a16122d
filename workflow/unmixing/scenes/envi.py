"""ENVI files: cubes and spectral libraries, headers parsed by the ``spectral`` package."""

import logging
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from unmixing.errors import UnmixingError
from unmixing.scenes.georeference import from_envi_header
from unmixing.scenes.raw import RawScene

_DATA_TYPES = {"1": "u1", "2": "i2", "3": "i4", "4": "f4", "5": "f8", "12": "u2", "13": "u4", "14": "i8", "15": "u8"}
_DATA_SUFFIXES = ("", ".img", ".dat", ".bsq", ".bil", ".bip", ".raw", ".bin", ".sli", ".lib")


def find_header(path: Path) -> Path | None:
    """Return the ENVI header that belongs to a file (itself, ``file.hdr`` or ``file.ext.hdr``), or None."""
    if path.suffix.lower() == ".hdr":
        return path
    for candidate in (Path(f"{path}.hdr"), Path(f"{path}.HDR"), path.with_suffix(".hdr"), path.with_suffix(".HDR")):
        if candidate.is_file():
            return candidate
    return None


def read_header(path: Path) -> dict[str, Any]:
    """Return the fields of an ENVI header, names in lower case.

    Raises:
        UnmixingError: the file is no ENVI header.
    """
    from spectral.io import envi

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the package warns of repeated fields; the last one counts
            level = logging.getLogger("spectral").level
            logging.getLogger("spectral").setLevel(logging.ERROR)
            try:
                header = envi.read_envi_header(str(path))
            finally:
                logging.getLogger("spectral").setLevel(level)
    except Exception as error:  # the parser raises its own, OSError, UnicodeDecodeError and others
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise UnmixingError(f"{path}: no ENVI header, or a damaged one ({reason}): export it again") from None
    return {str(name).lower(): value for name, value in header.items()}


def read_envi(path: Path) -> RawScene:
    """Read a cube from an ENVI file, named by its header or its data file.

    Raises:
        UnmixingError: header or data are damaged, do not fit each other, or hold no cube.
    """
    header_path = find_header(path)
    if header_path is None:
        raise UnmixingError(f"{path}: no ENVI header beside it: put {path.name}.hdr into the same folder")
    header = read_header(header_path)
    if "library" in str(header.get("file type", "")).lower():
        raise UnmixingError(f"{path}: a spectral library, not a scene: read it with unmixing.scenes.read_library")
    data_path = _data_file(path, header_path)
    cube = read_data(data_path, header, header_path)
    raw = RawScene(cube=cube, axes="row col band")
    apply_header(raw, header, header_path)
    return raw


def apply_header(raw: RawScene, header: Mapping[str, Any], path: Path) -> None:
    """Take from a header what it says of bands, scale, missing values and place."""
    bands = raw.cube.shape[2]
    wavelengths = numbers(header, "wavelength", path)
    if wavelengths is not None:
        raw.wavelengths = wavelengths
        raw.wavelength_units = str(header.get("wavelength units", ""))
    bad = numbers(header, "bbl", path)
    if bad is not None:
        if bad.size != bands:
            raise UnmixingError(f"{path}: bad-band list has {bad.size} entries for {bands} bands: correct the header")
        raw.good_bands = bad != 0
    nodata = numbers(header, "data ignore value", path)
    if nodata is not None and nodata.size == 1:
        raw.nodata = float(nodata[0])
    factor = numbers(header, "reflectance scale factor", path)
    if factor is not None and factor.size == 1:
        raw.scale_factor = float(factor[0])
    georeference = from_envi_header(header)
    if georeference is not None:
        raw.georeference = georeference


def read_data(path: Path, header: Mapping[str, Any], header_path: Path) -> npt.NDArray[Any]:
    """Return the data of an ENVI file as (rows, cols, bands) in the stored type.

    Raises:
        UnmixingError: the header lacks a size or type, or the file has another length than it says.
    """
    rows, cols, bands = (_count(header, name, header_path) for name in ("lines", "samples", "bands"))
    offset = _count(header, "header offset", header_path, default=0)
    code = str(header.get("data type", "")).strip()
    if code not in _DATA_TYPES:
        raise UnmixingError(
            f"{header_path}: data type {code or 'missing'!r} is not supported: use one of {', '.join(_DATA_TYPES)}"
        )
    order = str(header.get("byte order", "0")).strip()
    if order not in ("0", "1"):
        raise UnmixingError(f"{header_path}: byte order {order!r} is neither 0 nor 1: correct the header")
    if str(header.get("file compression", "0")).strip() not in ("0", ""):
        raise UnmixingError(f"{header_path}: compressed ENVI files are not supported: export it uncompressed")
    kind = np.dtype(_DATA_TYPES[code]).newbyteorder(">" if order == "1" else "<")
    expected = offset + rows * cols * bands * kind.itemsize
    found = path.stat().st_size
    if found != expected:
        raise UnmixingError(
            f"{path}: {found} bytes where the header says {expected}: header and data do not belong together, or the "
            f"file was cut off"
        )
    data = np.fromfile(path, dtype=kind, offset=offset).astype(kind.newbyteorder("="))
    interleave = str(header.get("interleave", "bsq")).strip().lower()
    if interleave == "bsq":
        return data.reshape(bands, rows, cols).transpose(1, 2, 0)
    if interleave == "bil":
        return data.reshape(rows, bands, cols).transpose(0, 2, 1)
    if interleave == "bip":
        return data.reshape(rows, cols, bands)
    raise UnmixingError(f"{header_path}: interleave {interleave!r} is none of bsq, bil, bip: correct the header")


def numbers(header: Mapping[str, Any], name: str, path: Path) -> npt.NDArray[np.float64] | None:
    """Return a field as numbers, or None where the header lacks it.

    Raises:
        UnmixingError: the field holds something else.
    """
    value = header.get(name)
    if value is None or value == "" or value == []:
        return None
    parts = [value] if isinstance(value, str) else list(value)
    try:
        return np.array([float(part) for part in parts if str(part).strip()])
    except ValueError:
        raise UnmixingError(f"{path}: field {name!r} holds something that is no number: correct the header") from None


def _data_file(path: Path, header_path: Path) -> Path:
    if path != header_path:
        return path
    stem = header_path.with_suffix("")
    for suffix in _DATA_SUFFIXES:
        for candidate in (Path(f"{stem}{suffix}"), Path(f"{stem}{suffix.upper()}")):
            if candidate.is_file():
                return candidate
    raise UnmixingError(f"{path}: no data file beside the header: put {stem.name} or {stem.name}.img there")


def _count(header: Mapping[str, Any], name: str, path: Path, default: int | None = None) -> int:
    text = str(header.get(name, "" if default is None else default)).strip()
    if not text.isdecimal() or (int(text) < 1 and default is None):
        raise UnmixingError(f"{path}: field {name!r} is {text or 'missing'!r}, not a count: correct the header")
    return int(text)
