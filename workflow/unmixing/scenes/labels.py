"""Scenes with class labels instead of abundances (Indian Pines, Houston 2018): label fractions of blocks.

A label says what a pixel is, not how much of it. Averaged over blocks, labels become fractions that can be compared
with abundances of the block-averaged cube. They are called label fractions, never abundances, and each comes with its
coverage: the share of the block that carries a label. Unlabelled pixels are left out of the fractions, so a fraction
is a share of the labelled pixels; blocks with less coverage than asked for have none (NaN).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from unmixing.errors import UnmixingError
from unmixing.scenes.dataset import Check, make_dataset, read_checks
from unmixing.scenes.matlab import read_variables
from unmixing.scenes.orientation import arrangements

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class LabelFractions:
    """Label fractions of blocks.

    Attributes:
        classes: (K,) labels, rising; the unlabelled value is not among them.
        fractions: (rows, cols, K) shares of the labelled pixels of a block, NaN where coverage is too low.
        coverage: (rows, cols) share of the block's pixels that carry a label.
    """

    classes: tuple[int, ...]
    fractions: npt.NDArray[np.float32]
    coverage: npt.NDArray[np.float32]


def block_fractions(labels: Array, block: int, *, minimum_coverage: float = 1.0, unlabelled: int = 0) -> LabelFractions:
    """Turn a label map into fractions of square blocks.

    Rows and columns at the far edges that do not fill a block are left out.

    Args:
        labels: (rows, cols) whole numbers.
        block: side of a block in pixels of the label map.
        minimum_coverage: least share of labelled pixels for a block to have fractions, above 0 and up to 1.
        unlabelled: the value that means no label.

    Raises:
        UnmixingError: no block fits, no pixel is labelled, or an argument is out of range.
    """
    labels = np.asarray(labels)
    if labels.ndim != 2 or labels.dtype.kind not in "iu":
        raise UnmixingError(
            f"label map of shape {labels.shape} and type {labels.dtype}: give (rows, cols) whole numbers"
        )
    if not 0 < minimum_coverage <= 1:
        raise UnmixingError(f"minimum coverage {minimum_coverage:g} is not above 0 and up to 1")
    rows, cols = (size // block for size in labels.shape) if block >= 1 else (0, 0)
    if not (rows and cols):
        raise UnmixingError(f"blocks of {block} pixels do not fit a label map of {labels.shape[0]} x {labels.shape[1]}")
    classes = [int(value) for value in np.unique(labels) if value != unlabelled]
    if not classes:
        raise UnmixingError(f"the label map holds nothing but {unlabelled} (unlabelled): this is another file")
    used = labels[: rows * block, : cols * block].reshape(rows, block, cols, block)
    counts = np.stack([(used == label).sum(axis=(1, 3)) for label in classes], axis=-1).astype(np.float64)
    labelled = counts.sum(axis=-1)
    coverage = labelled / block**2
    fractions = np.divide(counts, labelled[..., None], out=np.full_like(counts, np.nan), where=labelled[..., None] > 0)
    # a tolerance of half a pixel: 0.7 of 10 pixels must not fail on rounding
    fractions[coverage < minimum_coverage - 0.5 / block**2] = np.nan
    return LabelFractions(tuple(classes), fractions.astype(np.float32), coverage.astype(np.float32))


def read_labels(path: str | Path, variable: str = "") -> npt.NDArray[np.int64]:
    """Read a label map.

    Args:
        path: MATLAB (.mat), NumPy (.npy) or GeoTIFF (.tif) with whole numbers.
        variable: name of the variable in a MATLAB file; the only 2-D one by default.

    Raises:
        UnmixingError: the file is damaged, or holds no or several label maps.
    """
    path = Path(path)
    if not path.is_file():
        raise UnmixingError(f"{path}: no such label map: check the path")
    if path.suffix.lower() == ".mat":
        maps = {
            name: array
            for name, array in read_variables(path).items()
            if array.ndim == 2 and min(array.shape) > 1 and array.dtype.kind in "fiub" and variable in ("", name)
        }
        if len(maps) != 1:
            raise UnmixingError(
                f"{path}: {len(maps)} variables can be the label map: name one of the file's with variable"
            )
        labels = next(iter(maps.values()))
    elif path.suffix.lower() == ".npy":
        try:
            labels = np.load(path, allow_pickle=False)
        except Exception:  # damaged files raise many kinds
            raise UnmixingError(f"{path}: damaged, or no plain NumPy file: save it again with numpy.save") from None
    else:
        from unmixing.scenes.geotiff import read_geotiff

        labels = read_geotiff(path).cube
        labels = labels[..., 0] if labels.shape[2] == 1 else labels
    if labels.ndim != 2 or not np.isfinite(labels.astype(np.float64)).all() or (labels != np.round(labels)).any():
        raise UnmixingError(f"{path}: values are not whole numbers in rows and columns: this is no label map")
    return np.asarray(labels.astype(np.int64))


def label_scene(
    scene: xr.Dataset,
    labels: Array,
    block: int,
    *,
    minimum_coverage: float = 1.0,
    unlabelled: int = 0,
    class_names: Sequence[str] | None = None,
) -> xr.Dataset:
    """Return a block-averaged scene with label fractions.

    Args:
        scene: the cube the labels belong to.
        labels: (rows, cols) of the cube, or a whole multiple of it where labels are finer (Houston 2018: 2).
        block: side of a block in pixels of the cube.
        minimum_coverage: see ``block_fractions``.
        unlabelled: see ``block_fractions``.
        class_names: names of the classes, in the order of their labels.

    Returns:
        A scene with variables ``label_fraction(row, col, label_class)`` and ``label_coverage(row, col)``.

    Raises:
        UnmixingError: labels do not fit the cube, or lie on it another way round.
    """
    where = f"scene {scene.attrs.get('id', '')!r}"
    cube = scene["cube"].values
    labels = np.asarray(labels)
    ratio = labels.shape[0] // cube.shape[0] if labels.ndim == 2 else 0
    if ratio < 1 or labels.shape != (cube.shape[0] * ratio, cube.shape[1] * ratio):
        raise UnmixingError(
            f"{where}: label map of {' x '.join(map(str, labels.shape))} on a cube of "
            f"{cube.shape[0]} x {cube.shape[1]}: it must be as large, or a whole multiple in both directions"
        )
    found = block_fractions(labels, block * ratio, minimum_coverage=minimum_coverage, unlabelled=unlabelled)
    if class_names is not None and len(class_names) != len(found.classes):
        raise UnmixingError(f"{where}: {len(class_names)} names for {len(found.classes)} classes: give one for each")
    check = _prove_labels(cube, labels[::ratio, ::ratio], unlabelled, where)
    rows, cols, _ = found.fractions.shape
    means = cube[: rows * block, : cols * block].reshape(rows, block, cols, block, -1).mean(axis=(1, 3))
    rule = Check(
        "label fractions",
        True,
        f"{int(np.isfinite(found.fractions[..., 0]).sum())} of {rows * cols} blocks",
        f"coverage at least {minimum_coverage:g}",
        f"blocks of {block} x {block} pixels; unlabelled pixels are left out of the fractions",
    )
    names = [f"class {label}" for label in found.classes] if class_names is None else list(class_names)
    return make_dataset(
        means,
        scene["wavelength"].values,
        scene_id=str(scene.attrs["id"]),
        title=str(scene.attrs["title"]),
        kind=scene.attrs["kind"],
        scale=scene.attrs["scale"],
        wavelength_source=scene.attrs["wavelength_source"],
        source_file=str(scene.attrs["source_file"]),
        source_sha256=str(scene.attrs["source_sha256"]),
        licence=str(scene.attrs["licence"]),
        citation=str(scene.attrs["citation"]),
        checks=[*read_checks(scene), check, rule],
        variables={
            "label_fraction": (("row", "col", "label_class"), found.fractions),
            "label_coverage": (("row", "col"), found.coverage),
            "label_name": (("label_class",), np.array(names, dtype=object)),
        },
        attributes={"label_block": block, "label_minimum_coverage": minimum_coverage},
    )


def _prove_labels(cube: Array, labels: Array, unlabelled: int, where: str) -> Check:
    """Refuse labels that fit the cube better when they are turned round.

    The measure is the mean angle between pixels and the mean spectrum of their class.
    """
    directions = cube.reshape(-1, cube.shape[2]).astype(np.float64)
    norms = np.linalg.norm(directions, axis=1, keepdims=True)
    directions = np.divide(directions, norms, out=np.zeros_like(directions), where=norms > 0)
    angles: dict[str, float] = {}
    for name, array in arrangements(labels[..., None], *cube.shape[:2]).items():
        if "laid by" in name:
            continue
        flat = array.reshape(-1)
        used = (flat != unlabelled) & (norms[:, 0] > 0)
        _, index = np.unique(flat[used], return_inverse=True)
        totals = np.zeros((index.max() + 1 if index.size else 0, cube.shape[2]))
        np.add.at(totals, index, directions[used])
        lengths = np.linalg.norm(totals, axis=1, keepdims=True)
        centres = np.divide(totals, lengths, out=np.zeros_like(totals), where=lengths > 0)
        cosine = np.einsum("pb,pb->p", directions[used], centres[index])
        angles[name] = float(np.arccos(np.clip(cosine, -1, 1)).mean()) if index.size else float("nan")
    text = "; ".join(f"{name} {angle:.3f} rad" for name, angle in sorted(angles.items(), key=lambda item: item[1]))
    best = min(angles, key=lambda name: angles[name])
    if best != "as stored":
        raise UnmixingError(f"{where}: labels fit the cube better when they are turned ({text}): turn them first")
    return Check("label orientation", True, f"{angles[best]:.3f} rad", "best of all ways round", text)
