"""MATLAB files, version 5 (through SciPy) and version 7.3 (HDF5).

Version 7.3 stores every array with its axes reversed; both come out of here as MATLAB shows them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from unmixing.errors import UnmixingError
from unmixing.scenes.raw import Array, Hints, RawScene, pick

CUBE_NAMES = (
    "Y",
    "X",
    "V",
    "cube",
    "Cube",
    "data",
    "hsi",
    "HSI",
    "image",
    "img",
    "paviaU",
    "indian_pines_corrected",
)
ENDMEMBER_NAMES = ("GT", "M", "E", "endmembers", "Endmembers", "EM", "M_GT")
ABUNDANCE_NAMES = ("S_GT", "A", "S", "abundances", "Abundances", "A_GT")
WAVELENGTH_NAMES = ("wavelengths", "wavelength", "waveLength", "lambda", "Lambda", "wl", "wavelengths_nm")
NAME_NAMES = ("names", "cood", "material_names", "endmember_names")
ROW_NAMES = ("lines", "nRow", "rows", "H", "nr")
COL_NAMES = ("cols", "nCol", "columns", "samples", "W", "nc")


def read_variables(path: Path) -> dict[str, Array]:
    """Return the numeric and text variables of a MATLAB file, axes as MATLAB shows them.

    Raises:
        UnmixingError: the file is damaged or no MATLAB file.
    """
    with path.open("rb") as handle:
        start = handle.read(520)
    if start[:10] == b"MATLAB 7.3" or b"\x89HDF\r\n\x1a\n" in start:
        return _read_hdf5(path)
    return _read_version5(path)


def read_matlab(path: Path, hints: Hints) -> RawScene:
    """Read a scene from a MATLAB file.

    Raises:
        UnmixingError: the file is damaged, or holds no array that can be the cube.
    """
    return raw_from_variables(read_variables(path), path, hints)


def read_references(path: Path, shape: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Read the reference endmembers of a file that holds them alone: ``M`` (bands, K), of all the sensor's bands.

    Args:
        path: the file; ``slctBnds`` in it names the bands of the scene, from 1.
        shape: K and the bands of the scene.

    Returns:
        (K, bands).

    Raises:
        UnmixingError: the file is damaged, holds no references, or references of another shape.
    """
    variables = read_variables(path)
    if "M" not in variables:
        raise UnmixingError(f"{path} holds no references M: put the file of the scene's authors there")
    spectra = np.asarray(variables["M"], dtype=np.float64)
    if "slctBnds" in variables:
        spectra = spectra[np.asarray(variables["slctBnds"], dtype=int).ravel() - 1]
    if spectra.T.shape != shape:
        raise UnmixingError(
            f"{path} holds references of shape {spectra.T.shape}, the scene has {shape}: replace the file"
        )
    return spectra.T


def raw_from_variables(variables: Mapping[str, Array], path: Path, hints: Hints) -> RawScene:
    """Find cube, references and sizes among named arrays, by the names this field uses.

    Raises:
        UnmixingError: no array can be the cube, or a hinted one is not there.
    """
    numeric = {name: array for name, array in variables.items() if array.dtype.kind in "fiub"}
    cube = pick(numeric, hints.cube, CUBE_NAMES, path)
    if cube is None:
        solid = [array for array in numeric.values() if array.ndim == 3 and min(array.shape) > 1]
        if len(solid) != 1:
            raise UnmixingError(
                f"{path}: no variable is known to be the cube among {', '.join(variables) or 'none'}: "
                f"name it with cube=..."
            )
        cube = solid[0]
    endmember_name = hints.endmembers if isinstance(hints.endmembers, str) else ""
    abundance_name = hints.abundances if isinstance(hints.abundances, str) else ""
    if abundance_name == "none":
        abundance_name = ""
    others = {name: array for name, array in numeric.items() if array is not cube}
    text = pick(variables, "", NAME_NAMES, path)
    return RawScene(
        cube=cube,
        wavelengths=pick(others, "", WAVELENGTH_NAMES, path),
        endmembers=pick(others, endmember_name, ENDMEMBER_NAMES, path),
        abundances=pick(others, abundance_name, ABUNDANCE_NAMES, path),
        names=clean_names(text),
        rows=_size(numeric, ROW_NAMES),
        cols=_size(numeric, COL_NAMES),
    )


def clean_names(text: Array | None) -> list[str] | None:
    """Return names of materials without the numbers some files put before them ("#1 Alunite", "3-Tree")."""
    if text is None or text.dtype.kind not in "OUS":
        return None
    names = []
    for item in text.ravel():
        while isinstance(item, np.ndarray):
            if item.size != 1:
                return None
            item = item.ravel()[0]
        names.append(str(item).strip().lstrip("#").lstrip("0123456789").lstrip("-. ").strip())
    return names if all(names) else None


def _size(variables: Mapping[str, Array], usual: tuple[str, ...]) -> int:
    for name in usual:
        array = variables.get(name)
        # int() before any product: sizes are stored as uint8, whose products wrap at 256
        if array is not None and array.size == 1 and float(array.ravel()[0]).is_integer():
            return int(array.ravel()[0])
    return 0


def _read_version5(path: Path) -> dict[str, Array]:
    import scipy.io

    try:
        contents: dict[str, Any] = scipy.io.loadmat(path)
    except Exception as error:  # the parser fails in many ways on a damaged file
        raise UnmixingError(
            f"{path}: damaged or no MATLAB file ({_short(error)}): fetch it again or save it with -v7"
        ) from None
    return {
        name: value
        for name, value in contents.items()
        if not name.startswith("__") and isinstance(value, np.ndarray) and value.dtype.names is None
    }


def _read_hdf5(path: Path) -> dict[str, Array]:
    import h5py

    variables: dict[str, Array] = {}
    try:
        with h5py.File(path, "r") as handle:
            for name in handle:
                item = handle[name]
                if not isinstance(item, h5py.Dataset) or name.startswith("#"):
                    continue
                matlab_class = item.attrs.get("MATLAB_class", b"")
                if item.attrs.get("MATLAB_empty", 0):
                    continue
                if matlab_class == b"cell":
                    cells = [_text(handle[reference][()]) for reference in item[()].ravel()]
                    if all(cell is not None for cell in cells):
                        variables[name] = np.array(cells, dtype=object)
                elif matlab_class == b"char":
                    text = _text(item[()])
                    if text is not None:
                        variables[name] = np.array([text], dtype=object)
                elif item.dtype.kind in "fiub":
                    variables[name] = np.ascontiguousarray(item[()].T)
    except Exception as error:  # h5py raises OSError, KeyError, RuntimeError and others on damage
        raise UnmixingError(f"{path}: damaged HDF5 file ({_short(error)}): fetch or save it again") from None
    return variables


def _text(codes: npt.NDArray[Any]) -> str | None:
    if codes.dtype.kind != "u" or codes.size > 10_000:
        return None
    return "".join(chr(int(code)) for code in codes.T.ravel())


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
