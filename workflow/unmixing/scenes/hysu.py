"""DLR HySU: targets of known area laid out on grass, the one scene whose truth no unmixing algorithm made.

Five materials in five nominal sizes; where a target lies within its pixels is not known. Its area is the truth, one
number per target, and nothing follows for single pixels. A method is scored by the area it finds in the pixels where
a target can be, by the area it finds where there is none, and by the smallest area it can tell from none.

Source: D. Cerra et al., Remote Sensing 13 (2021) 2559.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xarray as xr

from unmixing.errors import UnmixingError
from unmixing.scenes import checks
from unmixing.scenes.dataset import Check, make_dataset
from unmixing.scenes.georeference import to_text
from unmixing.scenes.geotiff import read_geotiff
from unmixing.scenes.libraries import read_library
from unmixing.scenes.matlab import read_variables
from unmixing.scenes.orientation import ACCEPTED_SHARE, arrangements
from unmixing.scenes.registry import SceneEntry

#: Nominal sides of the targets in metres, in the order of the codes 1 to 5 of the file's size map.
SIDES_M = (3.0, 2.0, 1.0, 0.5, 0.25)
#: Ground area of one pixel in square metres (0.70 m).
PIXEL_AREA_M2 = 0.49
#: Where the subset lies in the full image, whose grid the masks have: first row, first column.
_SUBSET_ORIGIN = (19, 39)
_WINDOW = 4


@dataclass(frozen=True)
class TargetArea:
    """One target.

    Attributes:
        material: its name.
        side_m: nominal side.
        known_m2: nominal area.
        estimated_m2: abundance of its material summed over its search area, times the area of a pixel.
        pixels: size of the search area in pixels.
    """

    material: str
    side_m: float
    known_m2: float
    estimated_m2: float
    pixels: int


@dataclass(frozen=True)
class AreaScores:
    """Scores of abundance maps against known areas.

    Attributes:
        targets: all targets, by size and material.
        false_mean_m2: mean area of each material found in target-free windows.
        detection_limit_m2: that mean plus two standard deviations over the windows (n - 1).
        presence_by_side: mean over materials of the share of target-free windows that a target exceeds (1 is
            perfect, .5 chance), by nominal side.
        windows: number of target-free windows.
    """

    targets: tuple[TargetArea, ...]
    false_mean_m2: dict[str, float]
    detection_limit_m2: dict[str, float]
    presence_by_side: dict[float, float]
    windows: int


def read_hysu(path: Path, entry: SceneEntry, sha256: str) -> xr.Dataset:
    """Read the subset with all targets, its masks and its spectra.

    Args:
        path: the image, inside the folder structure of the dataset.
        entry: the scene's entry in the registry.
        sha256: checksum of the image.

    Returns:
        A scene without abundances, with ``target_mask(target_material, row, col)``, ``target_size(row, col)`` (codes,
        0 where none), ``target_side_m(target_size_code)``, ``target_area_m2(target_size_code)`` and
        ``excluded(row, col)`` (ground of none of the six materials).

    Raises:
        UnmixingError: a file is missing, is another one, or masks do not lie on the image.
    """
    files = _files_beside(path, entry)
    raw = read_geotiff(path)
    where = str(path)
    record = [checks.check_size(raw.cube, (entry.rows, entry.cols, entry.bands), where)]
    if raw.nodata is not None and (raw.cube == raw.nodata).any():
        raise UnmixingError(f"{where}: pixels without data where there should be none: fetch the file again")
    factor = float(entry.reading["scale_factor"])
    cube = raw.cube.astype(np.float32) / np.float32(factor)
    record.append(Check("scale", True, f"divided by {factor:g}", ""))
    record.append(checks.check_range(cube, "reflectance", where))
    library = read_library(files["library"], scale_factor=factor)
    wavelengths = library.wavelengths
    if raw.wavelengths is None or not np.allclose(raw.wavelengths * 1000.0, wavelengths, atol=0.01):
        raise UnmixingError(f"{where}: image and library have different wavelengths: fetch both again")
    record.append(Check("wavelength axis", True, f"{wavelengths[0]:.1f} to {wavelengths[-1]:.1f} nm", "", "header"))
    record.append(checks.check_count(library.spectra, entry.endmember_count, where))
    record.append(checks.check_wavelengths(wavelengths, library.spectra, entry.names, where))
    masks, sizes = _masks(files["masks"], cube.shape[:2])
    record.append(_prove_masks(cube, masks, sizes, library.spectra, where))
    return make_dataset(
        cube,
        wavelengths,
        scene_id=entry.id,
        title=entry.title,
        kind="real",
        scale="reflectance",
        wavelength_source="measured",
        endmembers=library.spectra,
        names=entry.names,
        abundance_convention=entry.abundance_convention,
        source_file=path.name,
        source_sha256=sha256,
        licence=entry.licence,
        citation=entry.citation,
        checks=record,
        variables={
            "target_mask": (("target_material", "row", "col"), masks.transpose(2, 0, 1)),
            "target_size": (("row", "col"), sizes),
            "target_side_m": (("target_size_code",), np.array(SIDES_M)),
            "target_area_m2": (("target_size_code",), np.array(SIDES_M) ** 2),
            "excluded": (("row", "col"), _excluded(files["excluded"], cube.shape[:2]).astype(np.uint8)),
        },
        attributes={
            "pixel_area_m2": PIXEL_AREA_M2,
            "truth": "area per target; no fraction per pixel is known",
            "georeference": to_text(raw.georeference or {}),
        },
    )


def score_areas(scene: xr.Dataset, abundances: npt.NDArray[np.floating]) -> AreaScores:
    """Score abundance maps by the areas of the targets.

    Args:
        scene: the scene of ``read_hysu``.
        abundances: (rows, cols, K) areal fractions, endmembers in the scene's order.

    Raises:
        UnmixingError: the scene has no targets, or the maps have another shape.
    """
    if "target_mask" not in scene:
        raise UnmixingError(f"scene {scene.attrs.get('id', '')!r} has no targets of known area: use DLR HySU")
    maps = np.asarray(abundances, dtype=np.float64)
    expected = (scene.sizes["row"], scene.sizes["col"], scene.sizes["endmember"])
    if maps.shape != expected:
        raise UnmixingError(f"maps of shape {maps.shape} where the scene has {expected}: give one map per endmember")
    masks = scene["target_mask"].values.astype(bool)
    sizes = scene["target_size"].values
    materials = [str(name) for name in scene["name"].values[: masks.shape[0]]]
    areas = [float(area) for area in scene["target_area_m2"].values]
    sides = [float(side) for side in scene["target_side_m"].values]
    targets = [
        TargetArea(
            material=material,
            side_m=side,
            known_m2=area,
            estimated_m2=float(PIXEL_AREA_M2 * maps[masks[index] & (sizes == code), index].sum()),
            pixels=int((masks[index] & (sizes == code)).sum()),
        )
        for code, (side, area) in enumerate(zip(sides, areas, strict=True), start=1)
        for index, material in enumerate(materials)
    ]
    windows = empty_windows(scene)
    false = PIXEL_AREA_M2 * np.array(
        [maps[row : row + _WINDOW, col : col + _WINDOW, : len(materials)].sum(axis=(0, 1)) for row, col in windows]
    )
    mean, deviation = false.mean(axis=0), false.std(axis=0, ddof=1)
    presence = {
        side: float(
            np.mean(
                [
                    np.mean((target.estimated_m2 > column) + 0.5 * (target.estimated_m2 == column))
                    for target, column in zip(
                        [target for target in targets if target.side_m == side], false.T, strict=True
                    )
                ]
            )
        )
        for side in sides
    }
    return AreaScores(
        targets=tuple(targets),
        false_mean_m2=dict(zip(materials, mean.tolist(), strict=True)),
        detection_limit_m2=dict(zip(materials, (mean + 2 * deviation).tolist(), strict=True)),
        presence_by_side=presence,
        windows=len(windows),
    )


def empty_windows(scene: xr.Dataset) -> list[tuple[int, int]]:
    """Return the first rows and columns of 4 x 4 windows that hold neither target nor excluded ground.

    Windows do not overlap and keep one pixel away from targets, whose light spreads.

    Raises:
        UnmixingError: fewer than two windows fit.
    """
    taken = (scene["target_size"].values > 0) | scene["target_mask"].values.any(axis=0)
    spread = np.pad(taken, 1)
    near = np.zeros_like(taken)
    rows, cols = taken.shape
    for down in range(3):
        for right in range(3):
            near |= spread[down : down + rows, right : right + cols]
    blocked = near | scene["excluded"].values.astype(bool)
    found = []
    for row in range(rows - _WINDOW + 1):
        for col in range(cols - _WINDOW + 1):
            if not blocked[row : row + _WINDOW, col : col + _WINDOW].any():
                found.append((row, col))
                blocked[row : row + _WINDOW, col : col + _WINDOW] = True
    if len(found) < 2:
        raise UnmixingError("fewer than two target-free windows fit: a detection limit cannot be given")
    return found


def _files_beside(path: Path, entry: SceneEntry) -> dict[str, Path]:
    from unmixing.scenes.fetch import is_right

    depth = len(Path(entry.files[0].path).parts)
    parents = path.resolve().parents
    if len(parents) < depth:
        raise UnmixingError(f"{path}: keep the folders of the dataset: {entry.files[0].path}")
    root = parents[depth - 1]
    files = {}
    for item in entry.files:
        found = root / item.path
        if not found.is_file():
            raise UnmixingError(f"{found}: missing: keep all files of {entry.title} in their folders")
        if not is_right(found, item):
            raise UnmixingError(f"{found}: not the file of the registry: fetch it again")
        files[item.role] = found
    return files


def _masks(path: Path, shape: tuple[int, ...]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    variables = read_variables(path)
    top, left = _SUBSET_ORIGIN
    window = (slice(top, top + shape[0]), slice(left, left + shape[1]))
    masks = (variables["materials"][window] != 0).astype(np.uint8)
    sizes = variables["targetsROI"][window].astype(np.uint8)
    if masks.shape != (*shape, len(SIDES_M)) or sizes.shape != shape:
        raise UnmixingError(f"{path}: masks do not cover the image: fetch the file again")
    return masks, sizes


def _excluded(path: Path, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    from PIL import Image

    with Image.open(path) as image:
        values = np.asarray(image)
    if values.shape != shape:
        raise UnmixingError(f"{path}: mask is {values.shape}, the image {shape}: fetch the file again")
    return values > 0


def _prove_masks(
    cube: npt.NDArray[np.float32],
    masks: npt.NDArray[np.uint8],
    sizes: npt.NDArray[np.uint8],
    spectra: npt.NDArray[np.float32],
    where: str,
) -> Check:
    """Prove that the masks lie on the image: pixels of one 2 or 3 m target must look like its material."""
    clear = np.where((masks.sum(axis=2, keepdims=True) == 1) & np.isin(sizes, (1, 2))[..., None], masks, 0)
    spectra = spectra[: masks.shape[2]].astype(np.float64)
    unit = spectra / np.linalg.norm(spectra, axis=1, keepdims=True)
    directions = cube / np.linalg.norm(cube, axis=2, keepdims=True)
    angles = np.arccos(np.clip(directions @ unit.T, -1.0, 1.0))
    found = sorted(
        (float(angles[laid > 0].mean()), name)
        for name, laid in arrangements(clear, *sizes.shape).items()
        if "laid by" not in name
    )
    text = "; ".join(f"{name} {angle:.3f} rad" for angle, name in found)
    if found[0][1] != "as stored" or found[0][0] > ACCEPTED_SHARE * found[1][0]:
        raise UnmixingError(f"{where}: the masks do not lie on the image ({text}): fetch all files again")
    return Check(
        "orientation",
        True,
        f"{found[0][0]:.3f} rad against {found[1][0]:.3f} rad",
        f"at most {ACCEPTED_SHARE:g} of the second best",
        f"pixels of the large targets against the spectra of their materials: {text}",
    )
