"""One way in for every file: find its reader, prove its arrays right, hand back a scene.

The order of decisions: recognise the file by its checksum; read it; find the band axis; apply bad bands, no-data
and scale; settle wavelengths; lay the references on the cube; check everything. Each step refuses in one line.
"""

import dataclasses
import hashlib
import logging
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from unmixing.errors import UnmixingError
from unmixing.scenes import checks
from unmixing.scenes.assemble import (
    apply_scale,
    fill_nodata,
    find_axes,
    lay_abundances,
    lay_endmembers,
    settle_wavelengths,
)
from unmixing.scenes.dataset import Check, make_dataset
from unmixing.scenes.georeference import to_text
from unmixing.scenes.orientation import describe, prove_orientation
from unmixing.scenes.raw import Hints, RawScene, make_hints
from unmixing.scenes.registry import SceneEntry, recognise, scene_entry
from unmixing.scenes.wavelengths import sort_bands

LOGGER = logging.getLogger(__name__)


def read_scene(path: str | Path, **hints: Any) -> xr.Dataset:  # noqa: ANN401 - typed by Hints
    """Read a scene from a file of any supported format.

    A file of the registry is recognised by its checksum and needs no hints; hints that are given win.

    Args:
        path: MATLAB (.mat), NumPy (.npz, .npy), ENVI (the header or the data file), GeoTIFF (.tif) or NetCDF of
            this study (.nc).
        **hints: see ``unmixing.scenes.raw.Hints``.

    Returns:
        A sealed scene with ``cube(row, col, band)``, ``wavelength(band)`` in nanometres, and where known
        ``endmembers(endmember, band)``, ``abundances(row, col, endmember)`` and ``name(endmember)``.

    Raises:
        UnmixingError: the file cannot be read, or its arrays cannot be proven right.
    """
    path = Path(path)
    if not path.is_file():
        raise UnmixingError(f"{path}: no such file: check the path, or set UNMIXING_SCENES to the folder of scenes")
    if path.suffix.lower() == ".nc":
        return _open_again(path, hints)
    sha256, entry = recognise_file(path)
    given = make_hints(hints, path)
    if entry is not None:
        if entry.id == "dlr_hysu":
            from unmixing.scenes.hysu import read_hysu

            _refuse_hints(path, hints)
            return read_hysu(path, entry, sha256)
        given = _with_registry(given, entry, hints)
    raw = _read_file(path, given)
    return _assemble(raw, given, entry, path, sha256)


def read_registered_scene(scene_id: str, path: str | Path) -> xr.Dataset:
    """Read a scene of the registry, and nothing else.

    Args:
        scene_id: its id.
        path: its main file.

    Raises:
        UnmixingError: the file has another checksum than the registry states, or cannot be proven right.
    """
    entry = scene_entry(scene_id)
    path = Path(path)
    found = recognise_file(path)[1] if path.is_file() else None
    if path.is_file() and found != entry:
        other = f"it is {found.title}" if found is not None else "its checksum is not the registered one"
        raise UnmixingError(f"{path}: not the file of {entry.title} ({other}): replace it, or run `make scenes`")
    return read_scene(path)


def file_sha256(path: Path) -> str:
    """Return the checksum of a file."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def git_blob_id(path: Path) -> str:
    """Return git's checksum of a file: sha1 of ``"blob <length>"``, a zero byte and the content."""
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as handle:
        for block in iter(lambda: handle.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def recognise_file(path: Path) -> tuple[str, SceneEntry | None]:
    """Return the SHA-256 of a file, and the registered scene whose main file it is."""
    sha256 = file_sha256(path)
    return sha256, recognise(sha256=sha256, git_blob=git_blob_id(path))


def _open_again(path: Path, hints: dict[str, Any]) -> xr.Dataset:
    from unmixing.scenes.dataset import open_scene

    _refuse_hints(path, hints)
    return open_scene(path)


def _refuse_hints(path: Path, hints: dict[str, Any]) -> None:
    if hints:
        raise UnmixingError(f"{path}: hint {next(iter(hints))!r} has no effect on this file: leave it out")


def _with_registry(given: Hints, entry: SceneEntry, named: dict[str, Any]) -> Hints:
    """Fill what the user left open from the registry."""
    known: dict[str, Any] = {
        "scene_id": entry.id,
        "title": entry.title,
        "kind": entry.kind,
        "rows": entry.rows,
        "cols": entry.cols,
        "bands": entry.bands,
        "names": entry.names,
        "wavelengths": entry.wavelengths,
        "wavelength_source": entry.wavelength_source,
        "scale": entry.scale,
        "abundance_convention": entry.abundance_convention,
        "licence": entry.licence,
        "citation": entry.citation,
        **entry.reading,
    }
    return dataclasses.replace(given, **{key: value for key, value in known.items() if key not in named})


def _read_file(path: Path, hints: Hints) -> RawScene:
    suffix = path.suffix.lower()
    variables = [name for name in ("cube", "endmembers", "abundances") if isinstance(getattr(hints, name), str)]
    named = [name for name in variables if getattr(hints, name) not in ("", "none")]
    if named and suffix not in (".mat", ".npz"):
        raise UnmixingError(f"{path}: {named[0]!r} names a variable, and this format has none: leave it out")
    if suffix == ".mat":
        from unmixing.scenes.matlab import read_matlab

        return read_matlab(path, hints)
    if suffix in (".npz", ".npy"):
        from unmixing.scenes.arrays import read_arrays

        return read_arrays(path, hints)
    if suffix in (".tif", ".tiff"):
        from unmixing.scenes.geotiff import read_geotiff

        return read_geotiff(path)
    from unmixing.scenes.envi import find_header, read_envi

    if find_header(path) is not None:
        return read_envi(path)
    raise UnmixingError(
        f"{path}: format not known: use MATLAB (.mat), NumPy (.npz, .npy), ENVI (with its .hdr), GeoTIFF (.tif) or "
        f"NetCDF of this study (.nc)"
    )


def _assemble(raw: RawScene, hints: Hints, entry: SceneEntry | None, path: Path, sha256: str) -> xr.Dataset:
    where = str(path)
    record: list[Check] = [Check("reading", True, path.name, "", "; ".join(raw.notes))] if raw.notes else []
    cube, layout_note = find_axes(raw, hints, where)
    endmembers = lay_endmembers(raw, hints, cube.shape[2], where)
    expected = (entry.rows, entry.cols, entry.bands) if entry is not None else None
    record.append(checks.check_size(cube, expected, where))
    if layout_note:
        record.append(Check("pixel order", True, layout_note, ""))

    axis, source, wavelength_note = settle_wavelengths(raw, hints, cube.shape[2], where)
    cube, axis, endmembers, band_note = _drop_bad_bands(raw, hints, cube, axis, endmembers, where)
    if band_note:
        record.append(Check("bad bands", True, band_note, ""))
    cube, valid, nodata_note = fill_nodata(cube, hints.nodata if hints.nodata is not None else raw.nodata, where)
    if nodata_note:
        record.append(Check("no data", True, nodata_note, ""))
    cube, endmembers, scale, scale_note = apply_scale(cube, endmembers, raw, hints, where)
    if scale_note:
        record.append(Check("scale", True, scale_note, ""))
    record.append(checks.check_range(cube, scale, where))

    unsorted = axis
    spectra = [cube] if endmembers is None else [cube, endmembers]
    axis, spectra = sort_bands(axis, *spectra)
    cube, endmembers = spectra[0], (spectra[1] if endmembers is not None else None)
    if axis is not unsorted:
        wavelength_note = f"{wavelength_note}; bands sorted by wavelength".lstrip("; ")
    if wavelength_note:
        LOGGER.info("%s: wavelengths: %s", where, wavelength_note)
        record.append(Check("wavelength axis", True, f"{axis[0]:.1f} to {axis[-1]:.1f} nm", "", wavelength_note))

    names = _names(hints, raw, endmembers, where)
    if endmembers is not None:
        record.append(checks.check_count(endmembers, entry.endmember_count if entry else 0, where))
    if source == "unknown":
        record.append(Check("wavelengths", None, "not testable", "", "no wavelengths: band numbers stand in"))
    else:
        record.append(checks.check_wavelengths(axis, endmembers, names, where))
    abundances, convention = _references(raw, hints, cube, endmembers, valid, record, where)
    return make_dataset(
        cube,
        axis,
        scene_id=hints.scene_id or path.stem,
        title=hints.title or hints.scene_id or path.stem,
        kind=hints.kind,  # type: ignore[arg-type]  # make_dataset refuses what is none of its kinds
        scale=scale,  # type: ignore[arg-type]
        wavelength_source=source,  # type: ignore[arg-type]
        endmembers=endmembers,
        abundances=abundances,
        names=names if endmembers is not None else None,
        abundance_convention=convention,
        source_file=path.name,
        source_sha256=sha256,
        licence=hints.licence,
        citation=hints.citation,
        checks=record,
        variables=None if valid is None else {"valid": (("row", "col"), valid)},
        attributes={"georeference": to_text(raw.georeference)} if raw.georeference else None,
    )


def _references(
    raw: RawScene,
    hints: Hints,
    cube: npt.NDArray[Any],
    endmembers: npt.NDArray[Any] | None,
    valid: npt.NDArray[np.bool_] | None,
    record: list[Check],
    where: str,
) -> tuple[npt.NDArray[Any] | None, str]:
    """Lay reference abundances on the cube and find their convention."""
    stored = lay_abundances(raw, hints, cube.shape, endmembers, where)
    if stored is None or endmembers is None:
        return None, hints.abundance_convention or "unknown"
    checks.check_abundances(stored, where)
    seen = cube if valid is None else np.where(valid[..., None], cube, 0.0).astype(cube.dtype)
    abundances, tried = prove_orientation(seen, stored, endmembers, where)
    LOGGER.info("%s: orientation: %s", where, describe(tried))
    record.append(checks.check_orientation(tried))
    known = abundances
    if valid is not None:  # missing pixels show a neighbour, which the references there do not fit
        cube, known = cube[valid][None], abundances[valid][None]
    record.append(checks.check_abundances(known, where))
    convention, check = checks.check_convention(cube, known, endmembers, hints.abundance_convention, where)
    record.append(check)
    return abundances, convention


def _names(hints: Hints, raw: RawScene, endmembers: npt.NDArray[Any] | None, where: str) -> list[str]:
    count = 0 if endmembers is None else endmembers.shape[0]
    if hints.names is not None and count and len(hints.names) != count:
        raise UnmixingError(f"{where}: {len(hints.names)} names for {count} reference endmembers: give one for each")
    for names in (hints.names, raw.names):
        if names is not None and len(names) == count:
            return [str(name) for name in names]
    return [f"endmember {index + 1}" for index in range(count)]


def _drop_bad_bands(
    raw: RawScene,
    hints: Hints,
    cube: npt.NDArray[Any],
    axis: npt.NDArray[np.float64],
    endmembers: npt.NDArray[Any] | None,
    where: str,
) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64], npt.NDArray[Any] | None, str]:
    good = np.ones(cube.shape[2], dtype=bool) if raw.good_bands is None else raw.good_bands.copy()
    if good.size != cube.shape[2]:
        raise UnmixingError(f"{where}: bad-band list has {good.size} entries for {cube.shape[2]} bands: correct it")
    for number in hints.bad_bands:
        if not 1 <= number <= good.size:
            raise UnmixingError(f"{where}: bad band {number} is not between 1 and {good.size}: number bands from 1")
        good[number - 1] = False
    if good.all():
        return cube, axis, endmembers, ""
    if good.sum() < 2:
        raise UnmixingError(f"{where}: the bad-band list leaves {int(good.sum())} of {good.size} bands: correct it")
    kept = None if endmembers is None else endmembers[:, good]
    return cube[..., good], axis[good], kept, f"{int((~good).sum())} of {good.size} bands removed"
