"""What `unmixing unmix` writes: maps where the scene lies, spectra, and a note of what was decided."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from unmixing.provenance import provenance
from unmixing.scenes.georeference import from_text
from unmixing.scenes.writing import write_maps, write_spectra
from unmixing.store import write_json

if TYPE_CHECKING:
    import xarray as xr

_ENDINGS = {"geotiff": ".tif", "envi": ".img"}
_SPECTRA = {"geotiff": ".csv", "envi": ".sli"}


def write_unmixed(
    result: "xr.Dataset", folder: Path, form: Literal["geotiff", "envi"] | None = None
) -> tuple[str, ...]:
    """Write what ``unmix`` returned.

    Args:
        result: of ``unmixing.semantic.unmix``.
        folder: where to write; made if need be.
        form: of the maps; by default GeoTIFF, or ENVI where GeoTIFF cannot carry the scene's place.

    Returns:
        Names of the files: ``abundances`` (a layer for each prompt), ``residual`` (radians), ``abstain`` (1 where the
        model abstains, also where the scene has no data), ``endmembers`` (reflectance) and ``unmix.json``.

    Raises:
        UnmixingError: the scene's place cannot be written in the form that is asked for.
    """
    place = from_text(str(result.attrs.get("georeference", "")))
    chosen = form or ("envi" if place and "transform" not in place else "geotiff")
    names = [str(name) for name in result["prompt"].to_numpy()]
    ending = _ENDINGS[chosen]
    maps = {
        "abundances": (result["abundances"].to_numpy(), names),
        "residual": (result["residual"].to_numpy()[..., None], ["residual angle in radians"]),
        "abstain": (result["abstain"].to_numpy().astype(np.float32)[..., None], ["abstain"]),
    }
    files = []
    for stem, (layers, titles) in maps.items():
        write_maps(folder / f"{stem}{ending}", layers, titles, place)
        files.append(f"{stem}{ending}")
    spectra = f"endmembers{_SPECTRA[chosen]}"
    write_spectra(folder / spectra, result["endmembers"].to_numpy(), result["wavelength"].to_numpy(), names)
    files += [spectra, "unmix.json"]
    write_json(folder / "unmix.json", _details(result, names, files))
    return tuple(files)


def _details(result: "xr.Dataset", names: list[str], files: list[str]) -> dict[str, Any]:
    attributes = {key: value for key, value in result.attrs.items() if key not in ("georeference", "notes")}
    means = result["abundances"].mean(("row", "col"), skipna=True).to_numpy()
    return {
        **attributes,
        "prompts": names,
        "concepts": [str(name) for name in result["concept"].to_numpy()],
        "notes": json.loads(result.attrs["notes"]),
        "mean_abundances": [float(value) for value in means],
        "share_abstained": float(result["abstain"].mean()),
        "files": files,
        "provenance": provenance(recipe=str(result.attrs["recipe"])),
    }
