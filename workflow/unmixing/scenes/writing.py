"""Results in formats that other programs open: maps as GeoTIFF, ENVI or CSV, spectra as ENVI library or CSV.

Maps lie where their input lay: its georeference is written with them. Pixels that were not seen hold NaN.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from unmixing.errors import UnmixingError
from unmixing.scenes.georeference import to_envi_fields
from unmixing.store import atomic_path

Array = npt.NDArray[Any]


def write_maps(
    path: Path,
    maps: Array,
    names: Sequence[str],
    georeference: Mapping[str, Any] | None = None,
    valid: npt.NDArray[np.bool_] | None = None,
) -> None:
    """Write one map per endmember.

    Args:
        path: ``.tif`` (GeoTIFF), ``.img`` (ENVI; its header is written beside it) or ``.csv`` (one row per pixel).
        maps: (rows, cols, K).
        names: K names, written as names of the layers.
        georeference: of the input, see ``unmixing.scenes.georeference``; None where it has none.
        valid: (rows, cols) pixels that were seen; others become NaN.

    Raises:
        UnmixingError: the arrays do not fit each other, the suffix is not known, or the input's place cannot be
            written in this format.
    """
    path = Path(path)
    layers = np.array(maps, dtype=np.float32)
    if layers.ndim != 3 or layers.shape[2] != len(names):
        raise UnmixingError(
            f"{path}: maps of shape {layers.shape} for {len(names)} names: give (rows, cols, {len(names)})"
        )
    if valid is not None:
        if valid.shape != layers.shape[:2]:
            raise UnmixingError(f"{path}: mask of shape {valid.shape} for maps of shape {layers.shape}")
        layers[~valid.astype(bool)] = np.nan
    suffix = path.suffix.lower()
    place = dict(georeference or {})
    if suffix in (".tif", ".tiff"):
        _write_geotiff(path, layers, names, place)
    elif suffix == ".img":
        _write_envi(path, layers, names, place)
    elif suffix == ".csv":
        _write_pixel_table(path, layers, names, place)
    else:
        raise UnmixingError(f"{path}: suffix {path.suffix!r} is none of .tif, .img, .csv: choose one of them")


def write_spectra(path: Path, spectra: Array, wavelengths: Array, names: Sequence[str]) -> None:
    """Write endmember spectra.

    Args:
        path: ``.csv`` (one row per band) or ``.sli`` (ENVI spectral library; its header is written beside it).
        spectra: (K, bands).
        wavelengths: (bands,) nanometres.
        names: K names.

    Raises:
        UnmixingError: the arrays do not fit each other, or the suffix is not known.
    """
    path = Path(path)
    values = np.asarray(spectra, dtype=np.float32)
    if values.shape != (len(names), len(wavelengths)):
        raise UnmixingError(
            f"{path}: spectra of shape {values.shape} for {len(names)} names and {len(wavelengths)} wavelengths"
        )
    if path.suffix.lower() == ".csv":
        columns = zip(wavelengths, values.T, strict=True)
        rows = ([f"{wave:.10g}", *(f"{value:.9g}" for value in column)] for wave, column in columns)
        _write_csv(path, ["wavelength_nm", *names], rows)
    elif path.suffix.lower() == ".sli":
        header = {
            "description": "endmember spectra",
            "samples": values.shape[1],
            "lines": values.shape[0],
            "bands": 1,
            "header offset": 0,
            "file type": "ENVI Spectral Library",
            "data type": 4,
            "interleave": "bsq",
            "byte order": 0,
            "wavelength units": "Nanometers",
            "wavelength": [f"{wave:.10g}" for wave in wavelengths],
            "spectra names": [_envi_name(name) for name in names],
        }
        _write_envi_pair(path, values.astype("<f4"), header)
    else:
        raise UnmixingError(f"{path}: suffix {path.suffix!r} is neither .csv nor .sli: choose one of them")


def _write_geotiff(path: Path, layers: Array, names: Sequence[str], place: Mapping[str, Any]) -> None:
    import warnings

    import rasterio
    from rasterio.crs import CRS
    from rasterio.errors import NotGeoreferencedWarning
    from rasterio.transform import Affine

    if place and "transform" not in place:
        raise UnmixingError(
            f"{path}: the input is rotated or its map information is not understood, so GeoTIFF cannot carry its "
            f"place: write .img instead"
        )
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "height": layers.shape[0],
        "width": layers.shape[1],
        "count": layers.shape[2],
        "dtype": "float32",
        "nodata": float("nan"),
        "compress": "deflate",
    }
    if place:
        profile["transform"] = Affine(*place["transform"])
        if place.get("crs"):
            profile["crs"] = CRS.from_wkt(place["crs"])
    with atomic_path(path) as temporary, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(temporary, "w", **profile) as target:
            for index, name in enumerate(names, start=1):
                target.write(layers[..., index - 1], index)
                target.set_band_description(index, name)


def _write_envi(path: Path, layers: Array, names: Sequence[str], place: Mapping[str, Any]) -> None:
    fields = to_envi_fields(place) if place else {}
    if place and not fields:
        raise UnmixingError(f"{path}: the input is rotated, so ENVI cannot carry its place: write .tif instead")
    header = {
        "description": "abundance maps",
        "samples": layers.shape[1],
        "lines": layers.shape[0],
        "bands": layers.shape[2],
        "header offset": 0,
        "file type": "ENVI Standard",
        "data type": 4,
        "interleave": "bsq",
        "byte order": 0,
        "data ignore value": "nan",
        "band names": [_envi_name(name) for name in names],
        **fields,
    }
    _write_envi_pair(path, layers.transpose(2, 0, 1).astype("<f4"), header)


def _write_envi_pair(path: Path, data: Array, header: Mapping[str, Any]) -> None:
    from spectral.io import envi

    with atomic_path(path) as temporary:
        temporary.write_bytes(np.ascontiguousarray(data).tobytes())
    with atomic_path(path.with_suffix(".hdr")) as temporary:
        envi.write_envi_header(str(temporary), dict(header))


def _write_pixel_table(path: Path, layers: Array, names: Sequence[str], place: Mapping[str, Any]) -> None:
    rows, cols, _ = layers.shape
    transform = place.get("transform")
    heading = ["row", "col", *(["x", "y"] if transform else []), *names]

    def lines() -> Any:  # noqa: ANN401 - a generator of mixed rows
        for row in range(rows):
            for col in range(cols):
                where: list[Any] = [row, col]
                if transform:
                    a, b, c, d, e, f = transform
                    x, y = col + 0.5, row + 0.5  # the centre of the pixel
                    where += [f"{a * x + b * y + c:.10g}", f"{d * x + e * y + f:.10g}"]
                values = layers[row, col]
                yield [*where, *("" if np.isnan(value) else f"{value:.7g}" for value in values)]

    _write_csv(path, heading, lines())


def _write_csv(path: Path, heading: Sequence[str], rows: Any) -> None:  # noqa: ANN401 - any iterable of rows
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(heading)
        writer.writerows(rows)


def _envi_name(name: str) -> str:
    # commas and braces end an entry of an ENVI list
    return name.replace(",", ";").replace("{", "(").replace("}", ")").replace("\n", " ")
