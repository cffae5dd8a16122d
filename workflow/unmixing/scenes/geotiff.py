"""GeoTIFF cubes, through ``rasterio``; an ENVI header beside the file supplies what TIFF cannot say."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from unmixing.errors import UnmixingError
from unmixing.scenes.envi import apply_header, find_header, read_header
from unmixing.scenes.raw import RawScene

_WAVELENGTH_KEYS = ("wavelength", "WAVELENGTH", "central_wavelength", "CENTRAL_WAVELENGTH_UM")


def read_geotiff(path: Path) -> RawScene:
    """Read a cube from a GeoTIFF file.

    Raises:
        UnmixingError: the file is damaged, or its header does not fit it.
    """
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path, driver="GTiff") as source:
                data = source.read()
                nodata, scales, offsets = source.nodata, source.scales, source.offsets
                transform, crs = source.transform, source.crs
                wavelengths, units = _band_wavelengths(source)
    except Exception as error:  # GDAL reports damage through several classes
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise UnmixingError(f"{path}: damaged, or no GeoTIFF ({reason}): export it again") from None
    if data.dtype.kind not in "fiu":
        raise UnmixingError(f"{path}: values of type {data.dtype} are no reflectances: export real numbers")
    if len(set(scales)) > 1 or any(offset != 0 for offset in offsets):
        raise UnmixingError(f"{path}: bands have scales or offsets of their own: apply them and export it again")
    raw = RawScene(cube=data.transpose(1, 2, 0), axes="row col band", nodata=nodata)
    if scales[0] not in (0.0, 1.0):
        raw.scale_factor = 1.0 / scales[0]
    if wavelengths is not None:
        raw.wavelengths, raw.wavelength_units = wavelengths, units
    if not transform.is_identity:
        raw.georeference = {"transform": list(transform)[:6], "crs": crs.to_wkt() if crs is not None else ""}
    header_path = find_header(path)
    if header_path is not None:
        header = read_header(header_path)
        _match(header, raw, header_path)
        place = raw.georeference
        apply_header(raw, header, header_path)
        # the image's own place is read from the image; the header only adds what it lacks
        raw.georeference = place or raw.georeference
        raw.notes.append(f"bands described by {header_path.name}")
    return raw


def _match(header: dict[str, Any], raw: RawScene, path: Path) -> None:
    for name, size in zip(("lines", "samples", "bands"), raw.cube.shape, strict=True):
        if str(header.get(name, size)).strip() != str(size):
            raise UnmixingError(f"{path}: says {header[name]} {name}, the image has {size}: it belongs to another file")


def _band_wavelengths(source: Any) -> tuple[Any, str]:  # noqa: ANN401 - rasterio is not typed
    """Return wavelengths from the tags of the bands, where every band has one."""
    found = []
    units = ""
    for index in range(1, source.count + 1):
        tags = {**source.tags(index, ns="IMAGERY"), **source.tags(index)}
        key = next((key for key in _WAVELENGTH_KEYS if key in tags), None)
        if key is None:
            return None, ""
        try:
            found.append(float(tags[key]))
        except ValueError:
            return None, ""
        units = "micrometers" if key.endswith("_UM") else str(tags.get("wavelength_units", ""))
    return np.array(found), units
