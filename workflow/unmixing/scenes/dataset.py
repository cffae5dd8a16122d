"""The one layout of a scene in memory and on disk.

A scene is an ``xarray.Dataset``:

* ``cube(row, col, band)`` float32, reflectance with its scale applied;
* ``wavelength(band)`` float64, nanometres, increasing;
* ``endmembers(endmember, band)`` and ``abundances(row, col, endmember)`` float32, where references exist;
* ``name(endmember)`` text.

Attributes say what the arrays cannot: kind, scale, sources, licence, and the checks that were passed. On disk
it is NetCDF; ``content_sha256`` covers all arrays, so a damaged or edited file is refused when it is opened.
"""

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import xarray as xr

from unmixing.errors import UnmixingError
from unmixing.store import atomic_path

Kind = Literal["real", "crop", "synthetic", "semi-real", "own"]
Scale = Literal["reflectance", "relative"]
WavelengthSource = Literal["measured", "nominal", "unknown"]
Array = npt.NDArray[Any]
_Variables = dict[str, tuple[tuple[str, ...], Array]]

# The last bytes of a scene file: the checksum of all bytes before them. HDF5 ignores what follows its data, but it can
# run for ever on data that are damaged, so a file is proven whole before it is parsed.
_SEAL = b"\nunmixing scene sha256 "
_SEAL_LENGTH = len(_SEAL) + 64 + 1

_TEXT_ATTRIBUTES = ("id", "title", "kind", "scale", "wavelength_source", "abundance_convention", "checks")


@dataclasses.dataclass(frozen=True)
class Check:
    """The outcome of one check of a scene, as printed in the report.

    Attributes:
        check: what was tested, e.g. ``"orientation"``.
        passed: whether the scene passed; None where the test could not be made.
        value: the figure found, as text with its unit.
        allowed: what was asked for, as text.
        note: anything a reader should know, e.g. the angles of all arrangements.
    """

    check: str
    passed: bool | None
    value: str
    allowed: str
    note: str = ""


def make_dataset(
    cube: Array,
    wavelengths: Array,
    *,
    scene_id: str,
    title: str,
    kind: Kind,
    scale: Scale,
    wavelength_source: WavelengthSource,
    endmembers: Array | None = None,
    abundances: Array | None = None,
    names: Sequence[str] | None = None,
    abundance_convention: str = "unknown",
    source_file: str = "",
    source_sha256: str = "",
    licence: str = "",
    citation: str = "",
    checks: Iterable[Check] = (),
    variables: Mapping[str, tuple[tuple[str, ...], Array]] | None = None,
    attributes: Mapping[str, str | int | float] | None = None,
) -> xr.Dataset:
    """Build a sealed scene from its arrays.

    Args:
        cube: (rows, cols, bands) reflectance with its scale applied; finite.
        wavelengths: (bands,) nanometres, strictly increasing.
        scene_id: name used in file names and configurations.
        title: name used in tables.
        kind: real, crop, synthetic, semi-real or own.
        scale: ``"reflectance"`` or ``"relative"`` (an uncalibrated multiple of it).
        wavelength_source: measured, nominal or unknown.
        endmembers: (K, bands) reference endmembers.
        abundances: (rows, cols, K) reference abundances.
        names: K names, in the order of the endmembers.
        abundance_convention: how the reference abundances were made, e.g. ``"nnls_sum_max"``.
        source_file: name of the file the arrays came from, without its folder.
        source_sha256: its checksum.
        licence: licence as the source states it.
        citation: what to cite.
        checks: outcomes of the checks that were made.
        variables: further arrays as ``{name: (dims, array)}``.
        attributes: further attributes.

    Raises:
        UnmixingError: the arrays do not fit each other, hold non-finite values, or wavelengths do not rise.
    """
    where = f"scene {scene_id!r}"
    # copies: the arrays of a caller must not change a scene that has been sealed
    cube = np.array(cube, dtype=np.float32, order="C")
    wavelengths = np.array(wavelengths, dtype=np.float64).ravel()
    _require(cube.ndim == 3 and cube.size > 0, where, f"cube of shape {cube.shape} is not (rows, cols, bands)")
    rows, cols, bands = cube.shape
    _require(
        wavelengths.size == bands,
        where,
        f"{wavelengths.size} wavelengths for {bands} bands: give one wavelength for each band of the cube",
    )
    _require(bool(np.isfinite(cube).all()), where, "the cube holds values that are not finite: mask them first")
    _require(
        bool(np.isfinite(wavelengths).all() and (np.diff(wavelengths) > 0).all()),
        where,
        "wavelengths do not rise from band to band: sort the bands first",
    )
    references, count = _references(endmembers, abundances, (rows, cols, bands), where)
    data: _Variables = {"cube": (("row", "col", "band"), cube), **references}
    coordinates: _Variables = {"wavelength": (("band",), wavelengths)}
    if count:
        names = [f"endmember {index + 1}" for index in range(count)] if names is None else list(names)
        _require(len(names) == count, where, f"{len(names)} names for {count} endmembers")
        _require(len(set(names)) == count, where, f"names of endmembers repeat: {', '.join(names)}")
        coordinates["name"] = (("endmember",), np.array(names, dtype=object))
    for key, (dims, array) in (variables or {}).items():
        data[key] = (dims, np.array(array, order="C"))
    try:
        dataset = xr.Dataset(data, coords=coordinates)
    except ValueError as error:
        raise UnmixingError(f"{where}: arrays do not fit each other: {_one_line(error)}") from None
    dataset["wavelength"].attrs["units"] = "nm"
    dataset.attrs = {
        "id": scene_id,
        "title": title,
        "kind": kind,
        "scale": scale,
        "wavelength_source": wavelength_source,
        "abundance_convention": abundance_convention,
        "source_file": source_file,
        "source_sha256": source_sha256,
        "licence": licence,
        "citation": citation,
        "checks": _checks_text(checks),
        **(attributes or {}),
    }
    _require(kind in get_args(Kind), where, f"kind {kind!r} is none of {', '.join(get_args(Kind))}")
    _require(scale in get_args(Scale), where, f"scale {scale!r} is none of {', '.join(get_args(Scale))}")
    return seal(dataset)


def _references(
    endmembers: Array | None, abundances: Array | None, shape: tuple[int, int, int], where: str
) -> tuple[_Variables, int]:
    """Return the variables of the references that there are, and the number of endmembers; 0 without references."""
    rows, cols, bands = shape
    found: _Variables = {}
    count = 0
    if endmembers is not None:
        endmembers = np.array(endmembers, dtype=np.float32, order="C")
        _require(
            endmembers.ndim == 2 and endmembers.shape[1] == bands and endmembers.shape[0] > 0,
            where,
            f"endmembers of shape {endmembers.shape} are not (K, {bands})",
        )
        _require(bool(np.isfinite(endmembers).all()), where, "the reference endmembers are not finite")
        found["endmembers"] = (("endmember", "band"), endmembers)
        count = endmembers.shape[0]
    if abundances is not None:
        abundances = np.array(abundances, dtype=np.float32, order="C")
        _require(
            abundances.ndim == 3 and abundances.shape[:2] == (rows, cols),
            where,
            f"abundances of shape {abundances.shape} are not ({rows}, {cols}, K)",
        )
        _require(
            count in (0, abundances.shape[2]),
            where,
            f"{abundances.shape[2]} abundance maps for {count} endmembers",
        )
        _require(bool(np.isfinite(abundances).all()), where, "the reference abundances are not finite")
        found["abundances"] = (("row", "col", "endmember"), abundances)
        count = abundances.shape[2]
    return found, count


def seal(dataset: xr.Dataset) -> xr.Dataset:
    """Return a copy of the scene (arrays shared) whose ``content_sha256`` fits its arrays."""
    sealed = dataset.copy(deep=False)
    sealed.attrs = {**dataset.attrs, "content_sha256": content_sha256(dataset)}
    return sealed


def content_sha256(dataset: xr.Dataset) -> str:
    """Return the checksum of a scene's dimensions, arrays, names and wavelengths (attributes left out)."""
    digest = hashlib.sha256()
    for name in sorted(str(name) for name in dataset.variables):
        variable = dataset.variables[name]
        values = np.asarray(variable.values)
        if values.dtype.kind in "OUST":
            payload: bytes | memoryview = json.dumps(
                [str(item) for item in values.ravel()], ensure_ascii=False
            ).encode()
            kind = "text"
        else:
            canonical = np.ascontiguousarray(values.astype(values.dtype.newbyteorder("<"), copy=False))
            # the array's own memory: a copy of the bytes of a large cube would double it
            payload, kind = canonical.reshape(-1).view(np.uint8).data, canonical.dtype.str
        header = json.dumps([name, [str(dim) for dim in variable.dims], list(values.shape), kind])
        digest.update(header.encode())
        digest.update(payload)
    return digest.hexdigest()


def add_checks(dataset: xr.Dataset, checks: Iterable[Check]) -> xr.Dataset:
    """Return the scene with further checks in its record."""
    result = dataset.copy(deep=False)
    result.attrs = {**dataset.attrs, "checks": _checks_text([*read_checks(dataset), *checks])}
    return result


def read_checks(dataset: xr.Dataset) -> list[Check]:
    """Return the checks recorded in a scene."""
    return [Check(**record) for record in json.loads(dataset.attrs.get("checks", "[]"))]


def endmember_count(dataset: xr.Dataset) -> int:
    """Return how many endmembers to look for in a scene: what its stanza settled, else the number of references.

    Raises:
        UnmixingError: neither is known.
    """
    if "endmember_count" in dataset.attrs:
        return int(dataset.attrs["endmember_count"])
    if "endmember" not in dataset.sizes:
        raise UnmixingError(
            f"scene {dataset.attrs['id']!r} has no references and states no number of endmembers: name it under "
            f"own_scenes with endmembers"
        )
    return int(dataset.sizes["endmember"])


def write_scene(dataset: xr.Dataset, path: Path) -> None:
    """Write a scene to ``path`` as compressed NetCDF, atomically; the same scene gives the same bytes.

    Raises:
        UnmixingError: the scene was changed after it was sealed.
    """
    if dataset.attrs.get("content_sha256") != content_sha256(dataset):
        raise UnmixingError(f"{path}: the scene was changed after it was sealed: call seal() before writing it")
    encoding: dict[str, dict[str, Any]] = {}
    for name, variable in dataset.variables.items():
        if variable.dtype.kind in "fiub" and variable.ndim:
            # no fill value: a scene has no missing entries, and NaN would be read back as one
            encoding[str(name)] = {"zlib": True, "complevel": 4, "shuffle": True, "_FillValue": None}
    clean = dataset.copy(deep=False)
    for name in clean.variables:
        clean[name].encoding = {}
    with atomic_path(Path(path)) as temporary:
        clean.to_netcdf(temporary, engine="h5netcdf", format="NETCDF4", encoding=encoding)
        digest = hashlib.sha256(temporary.read_bytes()).hexdigest()
        with temporary.open("ab") as handle:
            handle.write(_SEAL + digest.encode() + b"\n")


def open_scene(path: Path) -> xr.Dataset:
    """Load a scene into memory and prove that it is what was written.

    Raises:
        UnmixingError: the file is missing, is no scene, or its contents do not fit its checksum.
    """
    path = Path(path)
    if not path.is_file():
        raise UnmixingError(f"{path}: no such scene file: make it with the rule of its scene, or check the path")
    _require_whole(path)
    try:
        with xr.open_dataset(path, engine="h5netcdf", decode_times=False) as opened:
            dataset = opened.load()
    except Exception as error:  # a damaged file can fail anywhere inside the readers
        raise UnmixingError(
            f"{path}: damaged or not NetCDF ({_one_line(error)}): delete it and make it again"
        ) from None
    if "cube" not in dataset or any(key not in dataset.attrs for key in _TEXT_ATTRIBUTES):
        raise UnmixingError(f"{path}: not a scene of this study: read it with `unmixing check` first")
    if content_sha256(dataset) != dataset.attrs.get("content_sha256"):
        raise UnmixingError(f"{path}: contents do not fit their checksum: delete the file and make it again")
    for name in dataset.variables:
        dataset[name].encoding = {}
    return dataset


def _require_whole(path: Path) -> None:
    """Refuse a file whose bytes are not those that were written; a file saved by another program has no such proof."""
    content = path.read_bytes()
    body, seal_bytes = content[:-_SEAL_LENGTH], content[-_SEAL_LENGTH:]
    if seal_bytes.startswith(_SEAL) and seal_bytes[len(_SEAL) : -1] != hashlib.sha256(body).hexdigest().encode():
        raise UnmixingError(f"{path}: damaged (checksum of the file): delete it and make it again")


def _checks_text(checks: Iterable[Check]) -> str:
    return json.dumps([dataclasses.asdict(check) for check in checks], ensure_ascii=False)


def _require(condition: bool, where: str, message: str) -> None:
    if not condition:
        raise UnmixingError(f"{where}: {message}")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__
