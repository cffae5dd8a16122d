"""Semi-real scenes: real abundance maps filled with real spectra.

The semi-real Urban scene takes the reference abundances of the full 307 x 307 grid and, for every patch of ground,
spectra of real pure pixels. Where materials lie and how they vary is real, the mixing is exactly linear, so the
stored abundances are areal fractions by construction. The pure pixels come from the Urban scene itself: a library
made of them must never be used to unmix it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unmixing.errors import UnmixingError
from unmixing.scenes import synthetic_fields as fields
from unmixing.scenes.matlab import clean_names, read_variables
from unmixing.scenes.reading import file_sha256
from unmixing.scenes.synthetic import noise_curve

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

URBAN_WAVELENGTHS = "hydice_210 without 1-4 76 87 101-111 136-153 198-210"
BLOCK_ROWS = 16


def make_semi_real_urban(
    ground_truth: str | Path,
    library: str | Path,
    *,
    seed: int = 0,
    patch_size: float = 10.0,
    signal_to_noise: float = 56.0,
) -> xr.Dataset:
    """Make a full-size Urban scene of real abundances and real pure-pixel spectra.

    Args:
        ground_truth: ``end4_groundTruth.mat``, ``end5_…`` or ``end6_…``: abundances A (K, pixels) in column-major
            order of the pixels, names in ``cood``, size in ``nRow`` and ``nCol``.
        library: ``spectral_library_urban.mat``: bundles ``lib1`` … (bands, spectra) with ``material_names``.
        seed: of the patches, the spectra drawn for them and the noise.
        patch_size: side of a patch of ground that has one spectrum per material, in pixels.
        signal_to_noise: of the quiet bands, in dB (signal: root mean square of the mean spectrum).

    Returns:
        A sealed scene of kind ``semi-real``; cube float32, abundances areal, endmembers the area-weighted means of
        the spectra laid out.

    Raises:
        UnmixingError: a file is missing, is not what it should be, or a material has no bundle.
    """
    truth_path, library_path = Path(ground_truth), Path(library)
    truth, truth_sha256 = _read(truth_path)
    bundles_file, library_sha256 = _read(library_path)
    abundances, names = _reference_abundances(truth, truth_path)
    bundles = _bundles(bundles_file, names, library_path)
    rows, columns, count = abundances.shape

    from unmixing.scenes.wavelengths import axis_from_recipe

    wavelength = np.asarray(axis_from_recipe(URBAN_WAVELENGTHS), np.float64)
    if wavelength.size != bundles[0].shape[1]:
        raise UnmixingError(
            f"{library_path}: spectra of {bundles[0].shape[1]} bands where Urban has {wavelength.size}; "
            f"take the library of the 162-band scene"
        )
    rng_patches, rng_spectra, rng_noise = (
        np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(3)
    )
    number = max(1, round(rows * columns / patch_size**2))
    patches = fields.ground_patches((rows, columns), number, rng_patches)
    # (materials, patches, bands): the spectrum of each material on each patch
    laid = np.stack([bundle[rng_spectra.integers(len(bundle), size=number)] for bundle in bundles])
    areas = np.stack([np.bincount(patches.ravel(), abundances[:, :, k].ravel(), number) for k in range(count)])
    endmembers = np.einsum("kp,kpb->kb", areas, laid) / areas.sum(axis=1, keepdims=True)
    mean = abundances.mean(axis=(0, 1)) @ endmembers
    deviation = _deviation(mean, wavelength, signal_to_noise)

    cube = np.empty((rows, columns, wavelength.size), np.float32)
    for start in range(0, rows, BLOCK_ROWS):
        part = slice(start, start + BLOCK_ROWS)
        block = np.zeros((*patches[part].shape, wavelength.size))
        for k in range(count):
            block += abundances[part, :, k, None] * laid[k][patches[part]]
        block += rng_noise.standard_normal(block.shape) * deviation
        cube[part] = np.maximum(block, 0.0)

    from unmixing.scenes.dataset import make_dataset

    return make_dataset(
        cube,
        wavelength,
        scene_id=f"urban{count}_semi_real",
        title=f"Urban{count}, semi-real",
        kind="semi-real",
        scale="relative",
        wavelength_source="nominal",
        endmembers=endmembers,
        abundances=abundances,
        names=names,
        abundance_convention="areal",
        source_file=f"{truth_path.name} + {library_path.name}",
        source_sha256=hashlib.sha256((truth_sha256 + library_sha256).encode()).hexdigest(),
        licence="none stated",
        citation="Reference abundances and pure pixels of the Urban scene, mixed linearly with noise by this study",
    )


def _deviation(mean: Array, wavelength: Array, signal_to_noise: float) -> Array:
    """Noise deviation (bands,) that gives the quiet bands the ratio asked for, in dB."""
    signal = float(np.sqrt(np.mean(mean**2)))
    deviation: Array = signal * 10.0 ** ((noise_curve(wavelength) - signal_to_noise) / 20.0)
    return deviation


def _read(path: Path) -> tuple[dict[str, NDArray[Any]], str]:
    """Variables of a MATLAB file and its checksum."""
    if not path.is_file():
        raise UnmixingError(f"{path}: no such file; the semi-real scene needs it, or leave the scene out")
    return read_variables(path), file_sha256(path)


def _reference_abundances(truth: Mapping[str, Any], path: Path) -> tuple[Array, list[str]]:
    """Abundances (rows, columns, K) with sum 1, and the names of the materials without their numbers."""
    missing = [key for key in ("A", "cood", "nRow", "nCol") if key not in truth]
    if missing:
        raise UnmixingError(f"{path}: no variable {', '.join(missing)}; give an end4, end5 or end6 ground truth")
    stored = np.asarray(truth["A"], np.float64)
    # The sizes are unsigned and small: a product of them must not be formed in their own type.
    rows, columns = (int(np.ravel(truth[key])[0]) for key in ("nRow", "nCol"))
    names = clean_names(truth["cood"]) or []
    if stored.shape != (len(names), rows * columns):
        raise UnmixingError(f"{path}: abundances {stored.shape} do not fit {len(names)} names on {rows} x {columns}")
    total = stored.sum(axis=0)
    if not np.isfinite(stored).all() or stored.min() < -1e-6 or np.abs(total - 1.0).max() > 0.01:
        raise UnmixingError(f"{path}: abundances are not shares that add up to 1; fetch the file again")
    shares = np.maximum(stored, 0.0)
    shares /= shares.sum(axis=0)
    # MATLAB counts pixels down the columns.
    return np.ascontiguousarray(shares.reshape(len(names), columns, rows).transpose(2, 1, 0)), names


def _bundles(library: Mapping[str, Any], names: Sequence[str], path: Path) -> list[Array]:
    """Bundle of spectra (spectra, bands) of every material, found by its name's first word."""
    if "material_names" not in library:
        raise UnmixingError(f"{path}: no variable material_names; give the spectral library of the Urban scene")
    materials = [material.lower() for material in clean_names(library["material_names"]) or []]
    bundles = []
    for name in names:
        word = name.split()[0].lower()
        key = f"lib{materials.index(word) + 1}" if word in materials else ""
        if key not in library:
            raise UnmixingError(f"{path}: no spectra of '{name}'; it has {', '.join(materials)}")
        bundle = np.asarray(library[key], np.float64).T
        if bundle.ndim != 2 or not np.isfinite(bundle).all() or bundle.min() < 0:
            raise UnmixingError(f"{path}: {key} is not (bands, spectra) of finite reflectance; fetch the file again")
        bundles.append(bundle)
    return bundles
