"""What a table or figure takes beside rows, as far as it asks for it."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from unmixing.programs.inputs import Results


def beside(maker: Callable[..., Any], results: Results, released: Path | None) -> dict[str, Any]:
    """Return what a table or figure takes beside rows, as far as it asks for it.

    Curves, rows of the second study's experiments (``semantic``), a released sheet, the folder of the sheets.

    Args:
        maker: ``build`` of a table, or ``draw`` or ``describe`` of a figure.
        results: see ``read_results``.
        released: the released sheet, or None.
    """
    asked = inspect.signature(maker).parameters
    found: dict[str, Any] = {}
    if "curves" in asked:
        found["curves"] = results.curves
    if "semantic" in asked:
        found["semantic"] = results.semantic
    if "sheets" in asked and released is not None:
        found["sheets"] = released.parent
    if "released" in asked and released is not None:
        from unmixing.published.released import released_sweep
        from unmixing.published.released_grid import GRID_FILE, released_grid

        found["released"] = (released_grid if released.name == GRID_FILE else released_sweep)(released.parent)
    return found
