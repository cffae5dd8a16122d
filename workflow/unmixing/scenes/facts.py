"""What tables and the report say of a scene, in one row: its description, its checks and its statistics."""

from typing import TYPE_CHECKING, Any

import numpy as np

from unmixing.scenes.dataset import endmember_count
from unmixing.scenes.scene_statistics import scene_statistics

if TYPE_CHECKING:
    import xarray as xr

#: Attributes of a scene that are handed on as they are, "" where the scene lacks them.
TEXTS = (
    "title",
    "kind",
    "scale",
    "wavelength_source",
    "abundance_convention",
    "source_file",
    "source_sha256",
    "licence",
    "citation",
    "checks",
    "truth",
    "endmember_count_source",
    "endmember_count_warning",
)


def scene_facts(scene: "xr.Dataset") -> dict[str, Any]:
    """Return the row of one scene.

    Returns:
        Its id, sizes, texts, wavelength range (nm), names of the references (comma-separated), whether it has
        reference endmembers, abundances and a georeference, and every key of ``scene_statistics``.
    """
    axis = np.asarray(scene["wavelength"].values)
    names = [str(name) for name in scene["name"].values] if "name" in scene.coords else []
    return {
        "scene": str(scene.attrs["id"]),
        "rows": int(scene.sizes["row"]),
        "cols": int(scene.sizes["col"]),
        "bands": int(scene.sizes["band"]),
        "endmembers": endmember_count(scene),
        "names": ", ".join(names),
        **{key: str(scene.attrs.get(key, "")) for key in TEXTS},
        "wavelength_first": float(axis[0]),
        "wavelength_last": float(axis[-1]),
        "has_endmembers": "endmembers" in scene,
        "has_abundances": "abundances" in scene,
        "georeferenced": bool(scene.attrs.get("georeference")),
        **scene_statistics(scene),
    }
