"""Small scenes with known truth, and writers of the file formats that scenes come in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from unmixing.scenes.dataset import make_dataset


@dataclass(frozen=True)
class MadeScene:
    """A scene whose truth is known: cube = abundances @ endmembers, plus noise."""

    cube: np.ndarray  # (rows, cols, bands)
    endmembers: np.ndarray  # (K, bands)
    abundances: np.ndarray  # (rows, cols, K)
    wavelengths: np.ndarray  # nanometres
    names: tuple[str, ...]

    @property
    def bands(self) -> int:
        return self.wavelengths.size


def make_scene(
    rows: int = 9, cols: int = 13, bands: int = 40, noise: float = 0.002, seed: int = 7, last: float = 1000.0
) -> MadeScene:
    """Soil, tree and water, each in its own part of an image without symmetry."""
    rng = np.random.default_rng(seed)
    axis = np.linspace(400.0, last, bands)
    soil = 0.1 + 0.25 * (axis - 400) / 600
    tree = 0.04 + 0.03 * np.exp(-(((axis - 550) / 40) ** 2)) + 0.4 / (1 + np.exp(-(axis - 715) / 12))
    water = 0.06 * np.exp(-(axis - 400) / 150) + 0.005
    endmembers = np.stack([soil, tree, water])
    y, x = np.mgrid[0:rows, 0:cols] / max(rows, cols)
    weights = np.stack([3 * y + 0.3, np.exp(2.5 * x), 2.5 * np.exp(-6 * (x**2 + (y - 0.5) ** 2))], axis=-1)
    abundances = weights**3 / (weights**3).sum(axis=-1, keepdims=True)
    cube = abundances @ endmembers + noise * rng.standard_normal((rows, cols, bands))
    return MadeScene(cube, endmembers, abundances, axis, ("Soil", "Tree", "Water"))


def make_linear(
    rows: int = 12, columns: int = 10, bands: int = 24, endmembers: int = 3, seed: int = 0, dtype: type = np.float32
) -> xr.Dataset:
    """Smooth spectra mixed exactly linearly, without noise; the first pixels of the first row are pure."""
    axis = np.linspace(400.0, 1000.0, bands)
    centres = np.linspace(400.0, 1000.0, endmembers + 2)[1:-1]
    shapes = 0.05 + 0.5 * np.exp(-0.5 * ((axis - centres[:, None]) * endmembers / 300.0) ** 2)
    shares = np.random.default_rng(seed).dirichlet(np.ones(endmembers), size=(rows, columns))
    shares[0, :endmembers] = np.eye(endmembers)
    # Both factors are rounded first, so that the cube is the product of the factors that are stored.
    spectra, abundances = (factor.astype(dtype).astype(np.float64) for factor in (shapes, shares))
    exact = {"cube": abundances @ spectra, "endmembers": spectra, "abundances": abundances}
    scene = make_dataset(
        **exact,
        wavelengths=axis,
        scene_id="linear",
        title="Linear, noise-free",
        kind="synthetic",
        scale="reflectance",
        wavelength_source="nominal",
        abundance_convention="areal",
    )
    return scene.assign({name: (scene[name].dims, values.astype(dtype)) for name, values in exact.items()})


def variables_of(scene: MadeScene, order: str = "F") -> dict[str, np.ndarray]:
    """Variables of the usual MATLAB files: pixels in a list, sizes as single bytes."""
    rows, cols, _ = scene.cube.shape
    kind = np.uint8 if max(rows, cols) < 256 else np.uint16
    return {
        "Y": scene.cube.transpose(2, 0, 1).reshape(scene.bands, -1, order=order),
        "GT": scene.endmembers,
        "S_GT": scene.abundances,
        "lines": np.array([[rows]], dtype=kind),
        "cols": np.array([[cols]], dtype=kind),
    }


def write_matlab5(path: Path, variables: Mapping[str, Any]) -> Path:
    import scipy.io

    scipy.io.savemat(path, dict(variables))
    return path


def write_matlab73(path: Path, variables: Mapping[str, Any]) -> Path:
    """HDF5 as MATLAB writes it: a user block with a header, axes reversed, text as 16-bit codes."""
    import h5py

    with h5py.File(path, "w", userblock_size=512) as handle:
        for name, value in variables.items():
            if isinstance(value, (list, tuple)):
                references = []
                group = handle.require_group("#refs#")
                for index, text in enumerate(value):
                    cell = group.create_dataset(f"{name}{index}", data=_codes(text))
                    cell.attrs["MATLAB_class"] = np.bytes_("char")
                    references.append(cell.ref)
                array = np.array(references, dtype=h5py.ref_dtype)[:, None]
                handle.create_dataset(name, data=array).attrs["MATLAB_class"] = np.bytes_("cell")
                continue
            array = np.atleast_2d(np.asarray(value))
            handle.create_dataset(name, data=array.T).attrs["MATLAB_class"] = np.bytes_(array.dtype.name)
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(116) + b" " * 8 + b"\x00\x02IM")
    return path


def _codes(text: str) -> np.ndarray:
    return np.array([[ord(letter)] for letter in text], dtype=np.uint16)


def write_envi(
    path: Path,
    cube: np.ndarray,
    wavelengths: np.ndarray | None = None,
    *,
    interleave: str = "bsq",
    byte_order: int = 0,
    units: str = "Nanometers",
    fields: Mapping[str, Any] | None = None,
) -> Path:
    """An ENVI cube; returns the header's path."""
    codes = {"u1": 1, "i2": 2, "i4": 3, "f4": 4, "f8": 5, "u2": 12, "u4": 13, "i8": 14, "u8": 15}
    code = codes[f"{cube.dtype.kind}{cube.dtype.itemsize}"]
    axes = {"bsq": (2, 0, 1), "bil": (0, 2, 1), "bip": (0, 1, 2)}[interleave]
    data = cube.transpose(axes).astype(cube.dtype.newbyteorder("><"[1 - byte_order]))
    path.with_suffix(".img").write_bytes(np.ascontiguousarray(data).tobytes())
    header: dict[str, Any] = {
        "samples": cube.shape[1],
        "lines": cube.shape[0],
        "bands": cube.shape[2],
        "header offset": 0,
        "file type": "ENVI Standard",
        "data type": code,
        "interleave": interleave,
        "byte order": byte_order,
    }
    if wavelengths is not None:
        header |= {"wavelength units": units, "wavelength": _listed(f"{wave:.8g}" for wave in wavelengths)}
    return write_header(path.with_suffix(".hdr"), {**header, **(fields or {})})


def write_header(path: Path, fields: Mapping[str, Any]) -> Path:
    path.write_text("ENVI\n" + "".join(f"{name} = {value}\n" for name, value in fields.items()), encoding="utf-8")
    return path


def write_envi_library(
    path: Path, spectra: np.ndarray, wavelengths: np.ndarray, names: Sequence[str], units: str = "Micrometers"
) -> Path:
    """An ENVI spectral library; returns the path of its data."""
    path.with_suffix(".sli").write_bytes(np.ascontiguousarray(spectra, dtype="<f4").tobytes())
    write_header(
        path.with_suffix(".hdr"),
        {
            "samples": spectra.shape[1],
            "lines": spectra.shape[0],
            "bands": 1,
            "header offset": 0,
            "file type": "ENVI Spectral Library",
            "data type": 4,
            "interleave": "bsq",
            "byte order": 0,
            "wavelength units": units,
            "wavelength": _listed(f"{wave:.8g}" for wave in wavelengths),
            "spectra names": _listed(names),
        },
    )
    return path.with_suffix(".sli")


def write_geotiff(
    path: Path,
    cube: np.ndarray,
    *,
    crs: str | None = "EPSG:32632",
    transform: Sequence[float] | None = (0.7, 0.0, 669666.9, 0.0, -0.7, 5328092.7),
    wavelengths_um: np.ndarray | None = None,
    **profile: Any,
) -> Path:
    import warnings

    import rasterio
    from rasterio.errors import NotGeoreferencedWarning
    from rasterio.transform import Affine

    place = {} if transform is None else {"crs": crs, "transform": Affine(*transform)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(
            path,
            "w",
            driver="GTiff",
            height=cube.shape[0],
            width=cube.shape[1],
            count=cube.shape[2],
            dtype=cube.dtype.name,
            **place,
            **profile,
        ) as target:
            target.write(cube.transpose(2, 0, 1))
            if wavelengths_um is not None:
                for index, wave in enumerate(wavelengths_um, start=1):
                    target.update_tags(index, ns="IMAGERY", CENTRAL_WAVELENGTH_UM=f"{wave:.6f}")
    return path


UTM_FIELDS = {
    "map info": "{UTM, 1.000, 1.000, 669666.900, 5328092.700, 7.0e-001, 7.0e-001, 32, North, WGS-84, units=Meters}"
}


def _listed(items: Any) -> str:
    return "{" + ", ".join(str(item) for item in items) + "}"
