"""Opens the scene that a job names, and no other that lies under its name."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr


def open_scene_of(path: Path, scene: str) -> "xr.Dataset":
    """Return a scene, proven to be the one that is named.

    Raises:
        UnmixingError: the file is missing, damaged, or another scene.
    """
    from unmixing.errors import UnmixingError
    from unmixing.scenes.dataset import open_scene

    found = open_scene(path)
    if found.attrs["id"] != scene:
        raise UnmixingError(f"{path}: holds scene {found.attrs['id']}, not {scene}: delete it and run the study again")
    return found
