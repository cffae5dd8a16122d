"""A user's own scene, described by one stanza of the configuration.

    path: flight7.hdr            a file of any format that ``read_scene`` reads
    wavelengths: file            or a list, a text file of numbers, a sensor's name, "linear 400 1000 120"
    endmembers: 5                or "auto"
    references: spectra.csv      optional: wavelength_nm and one column per material, or an ENVI library
    prompts: [water, pine tree]  optional: what to unmix it into by name
    labels: truth.mat            optional: class labels; then label_block, and prompts by class

Without references there is no angle to a truth; reconstruction angles and spectra are what can be had. Labels become
fractions of blocks (``scenes.labels``), and the scene the average of these blocks.
"""

import csv
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from unmixing.errors import UnmixingError
from unmixing.scenes import checks
from unmixing.scenes.dataset import Check, add_checks, seal
from unmixing.scenes.envi import numbers, read_header
from unmixing.scenes.labels import label_scene, read_labels
from unmixing.scenes.libraries import read_library
from unmixing.scenes.reading import read_scene, recognise_file
from unmixing.scenes.stanza import OwnScene
from unmixing.scenes.subspace import estimate_count
from unmixing.scenes.wavelengths import load_sensors, sort_bands, to_nanometres

LOGGER = logging.getLogger(__name__)

_LABEL_KEYS = ("label_variable", "label_names", "label_block", "unlabelled")
# What this module reads itself; all other keys of a stanza are hints to the reader of the file.
_OWN_KEYS = ("path", "wavelengths", "endmembers", "references", "prompts", "labels", *_LABEL_KEYS)
_LARGEST_COUNT = 50


def read_file(path: Path, said: Mapping[str, Any]) -> xr.Dataset:
    """Read a file that a user names: one that the study knows as it is, any other as an own scene.

    Args:
        path: of a registered scene, of a scene that the study wrote, or of any that ``read_scene`` reads.
        said: keys of a stanza beside the path; endmembers are counted unless it says how many there are.

    Raises:
        UnmixingError: the scene cannot be proven right.
    """
    if not said and (path.suffix.lower() == ".nc" or recognise_file(path)[1] is not None):
        return read_scene(path)
    counted = {} if "labels" in said else {"endmembers": "auto"}  # with labels the prompts say how many there are
    return read_own_scene({**counted, **said, "path": str(path)})


def read_own_scene(stanza: Mapping[str, Any], folder: Path | None = None) -> xr.Dataset:
    """Read the scene that a stanza describes.

    Args:
        stanza: see the head of this module; ``unmixing.scenes.stanza`` has all keys, and ``id`` may be added.
        folder: what relative paths start from; the working folder by default.

    Returns:
        A sealed scene of kind ``"own"`` whose attributes ``endmember_count``, ``endmember_count_source`` and
        ``endmember_count_warning`` say how many endmembers to look for and why.

    Raises:
        UnmixingError: a key is not known or missing, or the scene cannot be proven right.
    """
    values = dict(stanza)
    known = ("id", *OwnScene.model_fields)
    for key in values:
        if key not in known:
            raise UnmixingError(f"own scene: key {key!r} is not known: use {', '.join(known)}")
    if "path" not in values:
        raise UnmixingError("own scene: path is missing: name the file")
    path = _resolve(values["path"], folder)
    where = f"own scene {path}"
    hints = {key: value for key, value in values.items() if key not in ("id", *_OWN_KEYS)}
    hints |= _wavelength_hint(values.get("wavelengths"), folder, path)
    scene_id = str(values.get("id", path.stem))
    dataset = read_scene(path, scene_id=scene_id, kind="own", **{"title": scene_id, **hints})
    if dataset.attrs["wavelength_source"] == "unknown" and values.get("wavelengths") != "unknown":
        raise UnmixingError(
            f"{where}: the file holds no wavelengths: give a list, a file, 'linear FIRST LAST BANDS', one of "
            f"{', '.join(load_sensors())}, or 'unknown' to do without"
        )
    if values.get("labels"):
        dataset = _with_labels(dataset, _resolve(values["labels"], folder), values, where)
    elif any(key in values for key in _LABEL_KEYS):
        raise UnmixingError(f"{where}: keys of a label map without one: name it with labels")
    if values.get("references"):
        dataset = _with_references(dataset, _resolve(values["references"], folder), where)
    named = values.get("endmembers")
    if named is None and values.get("labels"):
        named = len(set(values["prompts"].values()))
    count, source, warning = _count(named, dataset, where)
    _require_determined(count, dataset, where)
    if warning:
        LOGGER.warning("%s: %d endmembers by %s: %s", where, count, source, warning)
    result = add_checks(dataset, [Check("number of endmembers", not warning, str(count), source, warning)])
    result.attrs |= {
        "endmember_count": count,
        "endmember_count_source": source,
        "endmember_count_warning": warning,
    }
    if values.get("prompts"):
        result.attrs["prompts"] = json.dumps(values["prompts"], ensure_ascii=False)
    return seal(result)


def _wavelength_hint(given: object, folder: Path | None, path: Path) -> dict[str, Any]:
    if given is None:
        return {}
    if given == "file":
        return {"wavelengths": "file"}
    if isinstance(given, str):
        if given == "unknown" or given.split(maxsplit=1)[:1] in [["linear"], *([name] for name in load_sensors())]:
            return {"wavelengths": given}
        return {"wavelengths": read_wavelength_file(_resolve(given, folder))}
    if isinstance(given, Sequence):
        try:
            return {"wavelengths": np.array([float(value) for value in given])}
        except (TypeError, ValueError):
            pass
    raise UnmixingError(
        f"own scene {path}: wavelengths {given!r} not understood: give 'file', 'unknown', a list of numbers, a file, "
        f"'linear FIRST LAST BANDS' or one of {', '.join(load_sensors())}"
    )


def read_wavelength_file(path: Path) -> npt.NDArray[np.float64]:
    """Read wavelengths from a text file (first number of each line) or an ENVI header.

    Raises:
        UnmixingError: the file is missing or holds no numbers.
    """
    if not path.is_file():
        raise UnmixingError(
            f"{path}: no such file of wavelengths: give a list, a file, 'linear FIRST LAST BANDS' or one of "
            f"{', '.join(load_sensors())}"
        )
    if path.suffix.lower() == ".hdr":
        found = numbers(read_header(path), "wavelength", path)
        if found is None:
            raise UnmixingError(f"{path}: the header has no wavelengths: give another file")
        return found
    values = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise UnmixingError(f"{path}: no text file: give one wavelength per line") from None
    for index, line in enumerate(lines):
        words = line.replace(",", " ").replace(";", " ").split()
        if not words or words[0].startswith("#"):
            continue
        try:
            values.append(float(words[0]))
        except ValueError:
            if index:  # the first line may be a heading
                raise UnmixingError(f"{path}: line {index + 1} starts with no number: give one per line") from None
    if not values:
        raise UnmixingError(f"{path}: no numbers in it: give one wavelength per line")
    return np.array(values)


def read_reference_spectra(path: Path) -> tuple[list[str], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Read reference spectra from a table or an ENVI library.

    Args:
        path: ``.csv`` with a heading, wavelengths in the first column and one column per material; or ENVI.

    Returns:
        Names, wavelengths (bands,) in rising nanometres, spectra (K, bands).

    Raises:
        UnmixingError: the file is missing or not understood.
    """
    if not path.is_file():
        raise UnmixingError(f"{path}: no such file of references: check the path")
    if path.suffix.lower() != ".csv":
        library = read_library(path)
        return list(library.names), library.wavelengths, library.spectra.astype(np.float64)
    try:
        with path.open(newline="", encoding="utf-8") as handle:
            rows = [row for row in csv.reader(handle) if row]
        names = [name.strip() for name in rows[0][1:]]
        table = np.array([[float(cell) for cell in row] for row in rows[1:]])
        if table.ndim != 2 or table.shape[1] != len(names) + 1 or not names:
            raise ValueError
    except (ValueError, IndexError, csv.Error, UnicodeDecodeError):
        raise UnmixingError(
            f"{path}: no table of spectra: give a heading, wavelengths in the first column, one column per material"
        ) from None
    units = "micrometers" if rows[0][0].strip().lower().endswith("_um") else ""
    axis, _ = to_nanometres(table[:, 0], units, str(path))
    axis, (spectra,) = sort_bands(axis, table[:, 1:].T)
    return names, axis, spectra


def _with_labels(dataset: xr.Dataset, path: Path, values: Mapping[str, Any], where: str) -> xr.Dataset:
    if "label_block" not in values:
        raise UnmixingError(
            f"{where}: labels need label_block: the side of the blocks in pixels of the cube, such as 10"
        )
    if not isinstance(values.get("prompts"), Mapping):
        raise UnmixingError(f"{where}: labels need prompts by class, such as {{Trees: tree}}: name at least two")
    return label_scene(
        dataset,
        read_labels(path, str(values.get("label_variable", ""))),
        int(values["label_block"]),
        unlabelled=int(values.get("unlabelled", 0)),
        class_names=values.get("label_names"),
    )


def _with_references(dataset: xr.Dataset, path: Path, where: str) -> xr.Dataset:
    if dataset.attrs["wavelength_source"] == "unknown":
        raise UnmixingError(f"{where}: references cannot be laid on unknown wavelengths: give the wavelengths")
    names, axis, spectra = read_reference_spectra(path)
    bands = dataset["wavelength"].values
    complete = np.isfinite(spectra)
    laid = []
    for name, spectrum, seen in zip(names, spectra, complete, strict=True):
        known = axis[seen]
        if not known.size or known[0] > bands[0] + 5 or known[-1] < bands[-1] - 5:
            raise UnmixingError(f"{path}: reference {name!r} does not cover {bands[0]:.0f}-{bands[-1]:.0f} nm")
        laid.append(np.interp(bands, known, spectrum[seen]))
    endmembers = np.array(laid)
    record = [
        checks.check_count(endmembers, 0, where),
        checks.check_wavelengths(bands, endmembers, names, where),
    ]
    if len(set(names)) != len(names):
        raise UnmixingError(f"{path}: names of references repeat: {', '.join(names)}")
    kept = dataset.drop_vars(["endmembers", "abundances", "name"], errors="ignore")
    referenced = kept.assign(endmembers=(("endmember", "band"), endmembers.astype(np.float32)))
    named = referenced.assign_coords(name=(("endmember",), np.array(names, dtype=object)))
    return seal(add_checks(named, record))


def _count(given: object, dataset: xr.Dataset, where: str) -> tuple[int, str, str]:
    references = int(dataset.sizes["endmember"]) if "endmembers" in dataset else 0
    if given is None and references:
        return references, "references", ""
    if given == "auto":
        if references:
            return references, "references", ""
        found = estimate_count(dataset["cube"].values)
        if found.count > _LARGEST_COUNT:
            raise UnmixingError(f"{where}: {found.count} endmembers found by {found.method}: state their number")
        return found.count, found.method, found.warning
    if isinstance(given, bool) or not isinstance(given, int) or not 2 <= given <= _LARGEST_COUNT:
        raise UnmixingError(f"{where}: endmembers {given!r}: give a number from 2 to {_LARGEST_COUNT}, or 'auto'")
    if references and given != references:
        raise UnmixingError(f"{where}: {given} endmembers stated, {references} references found: make them agree")
    return given, "stated", ""


def _require_determined(count: int, dataset: xr.Dataset, where: str) -> None:
    bands, pixels = dataset.sizes["band"], dataset.sizes["row"] * dataset.sizes["col"]
    if bands < 2:
        raise UnmixingError(f"{where}: a single band has no spectra to tell apart: give an image of several")
    if count > min(bands, pixels):
        raise UnmixingError(
            f"{where}: {count} endmembers cannot be told apart in {bands} bands of {pixels} pixels: state fewer"
        )


def _resolve(given: object, folder: Path | None) -> Path:
    path = Path(str(given)).expanduser()
    return path if path.is_absolute() or folder is None else folder / path
