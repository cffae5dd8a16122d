"""What a run's numbers depend on: the content of its recipe."""

from collections.abc import Mapping
from typing import Any

RECIPE_KEYS = ("phase", "scene", "setting", "schedule", "fields", "entropy", "device", "code")


def recipe_of(
    cell: Mapping[str, Any], scene_sha256: str, count: int, labels: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return all that decides the numbers of a cell's runs.

    Args:
        cell: see ``unmixing.cells.cell``.
        scene_sha256: checksum of the scene's content.
        count: number of endmembers, K.
        labels: what labels are cut from, as ``unmixing.training.trainers.labels_recipe`` says it.
    """
    recipe = {key: cell[key] for key in RECIPE_KEYS} | {"scene_sha256": scene_sha256, "endmembers": count}
    return recipe | {key: cell[key] for key in ("arm", "point") if key in cell} | dict(labels or {})
