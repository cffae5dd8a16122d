"""Scenes: what they are, where they lie, how they are read, and the physics that proves them right.

Names are imported when they are first used, so that ``import unmixing.scenes`` stays fast and rules that only
need to know which scenes are at hand never load an array library.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unmixing.scenes.dataset import make_dataset, open_scene, read_checks, write_scene
    from unmixing.scenes.libraries import read_library
    from unmixing.scenes.own import read_own_scene
    from unmixing.scenes.reading import read_registered_scene, read_scene

_HOMES = {
    "make_dataset": "dataset",
    "open_scene": "dataset",
    "read_checks": "dataset",
    "read_library": "libraries",
    "read_own_scene": "own",
    "read_registered_scene": "reading",
    "read_scene": "reading",
    "write_scene": "dataset",
}

__all__ = [
    "make_dataset",
    "open_scene",
    "read_checks",
    "read_library",
    "read_own_scene",
    "read_registered_scene",
    "read_scene",
    "write_scene",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the type depends on the name (PEP 562)
    """Import a public name from its module when it is first asked for."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names, imported or not."""
    return sorted(__all__)
