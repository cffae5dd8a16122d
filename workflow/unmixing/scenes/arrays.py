"""NumPy files: a bundle of named arrays (.npz) or one bare array (.npy); never pickled objects."""

from pathlib import Path

import numpy as np

from unmixing.errors import UnmixingError
from unmixing.scenes.matlab import raw_from_variables
from unmixing.scenes.raw import Array, Hints, RawScene


def read_arrays(path: Path, hints: Hints) -> RawScene:
    """Read a scene from a NumPy file; variables are found by the same names as in MATLAB files.

    Raises:
        UnmixingError: the file is damaged, holds Python objects, or no array that can be the cube.
    """
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return RawScene(cube=loaded)
        with loaded:
            variables: dict[str, Array] = {name: loaded[name] for name in loaded.files}
    except Exception as error:  # zipfile, zlib, struct and NumPy all raise their own on a damaged file
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise UnmixingError(
            f"{path}: damaged, or no plain NumPy file ({reason}): save it again with numpy.savez"
        ) from None
    return raw_from_variables(variables, path, hints)
