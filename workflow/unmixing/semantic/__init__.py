"""Unmixing by name: spectral libraries sorted by concept, and what models of language and spectra learn from them.

``unmix`` is imported when it is first used, so that reading libraries and anchors never loads torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unmixing.semantic.few_shot import adapt
    from unmixing.semantic.model import read_model
    from unmixing.semantic.scene_unmixing import unmix

_HOMES = {"adapt": "few_shot", "read_model": "model", "unmix": "scene_unmixing"}

__all__ = ["adapt", "read_model", "unmix"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the type depends on the name (PEP 562)
    """Import a public name from its module when it is first asked for."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names, imported or not."""
    return sorted(__all__)
