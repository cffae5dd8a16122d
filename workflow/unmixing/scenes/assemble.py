"""The single decisions that turn the arrays of a file into a scene, each with its refusals."""

from typing import Any

import numpy as np
import numpy.typing as npt

from unmixing.errors import UnmixingError
from unmixing.scenes.orientation import pixel_order
from unmixing.scenes.raw import Hints, RawScene
from unmixing.scenes.wavelengths import axis_from_recipe, to_nanometres

Array = npt.NDArray[Any]
_LARGEST_MISSING_SHARE = 0.5
# Fill values such as -1.23e34 are used as often as NaN; no measurement is as large.
_FILL_MAGNITUDE = 1e30


def find_axes(raw: RawScene, hints: Hints, where: str) -> tuple[Array, str]:
    """Return the cube as (rows, cols, bands), and a note on how pixels were ordered.

    Raises:
        UnmixingError: no axis, or more than one, can be the bands; or sizes do not fit.
    """
    cube = raw.cube
    if cube.dtype.kind not in "fiub" or cube.size == 0:
        raise UnmixingError(f"{where}: the cube is empty or not numeric: name the right variable")
    if raw.axes == "row col band":
        stated = (hints.rows, hints.cols, hints.bands)
        if hints.band_axis is not None or hints.pixel_order:
            raise UnmixingError(f"{where}: the format fixes the axes: leave out band_axis and pixel_order")
        if any(size and size != found for size, found in zip(stated, cube.shape, strict=True)):
            raise UnmixingError(f"{where}: {stated} rows, cols, bands stated, the file says {cube.shape}: correct them")
        return cube, ""
    cube = np.squeeze(cube) if cube.ndim > 3 else cube
    if cube.ndim not in (2, 3):
        raise UnmixingError(f"{where}: cube has {cube.ndim} axes of {cube.shape}: a cube has rows, columns and bands")
    rows, cols = hints.rows or raw.rows, hints.cols or raw.cols
    axis = _band_axis(cube, raw, hints, (rows, cols), where)
    if cube.ndim == 3:
        image = np.moveaxis(cube, axis, 2)
        if rows and cols and image.shape[:2] != (rows, cols):
            if image.shape[:2] != (cols, rows):
                raise UnmixingError(
                    f"{where}: an image of {image.shape[0]} x {image.shape[1]} where {rows} x {cols} is stated: "
                    f"correct rows and cols"
                )
            return image.transpose(1, 0, 2), f"image of {image.shape[0]} x {image.shape[1]} transposed"
        return image, ""
    pixels = np.moveaxis(cube, axis, 1)
    rows, cols = _grid(raw, hints, pixels.shape[0], (rows, cols), where)
    order, note = (hints.pixel_order, "as stated") if hints.pixel_order else pixel_order(pixels, rows, cols)
    if order not in ("C", "F"):
        raise UnmixingError(f"{where}: pixel_order {order!r} is not known: use 'C' (along rows) or 'F' (down columns)")
    if order == "F":
        return pixels.reshape(cols, rows, -1).transpose(1, 0, 2), note
    return pixels.reshape(rows, cols, -1), note


def lay_endmembers(raw: RawScene, hints: Hints, bands: int, where: str) -> Array | None:
    """Return reference endmembers as (K, bands), or None.

    Raises:
        UnmixingError: no axis, or both, fit the bands; or values are not finite.
    """
    stored = _handed_over(hints.endmembers, raw.endmembers)
    if stored is None:
        return None
    stored = np.squeeze(stored) if stored.ndim > 2 else stored
    if stored.ndim != 2 or bands not in stored.shape:
        raise UnmixingError(f"{where}: reference endmembers of shape {stored.shape} do not fit {bands} bands")
    if stored.shape == (bands, bands):
        raise UnmixingError(f"{where}: as many reference endmembers as bands ({bands}): they cannot be told apart")
    spectra = stored if stored.shape[1] == bands else stored.T
    if not (np.abs(np.asarray(spectra, dtype=np.float64)) < _FILL_MAGNITUDE).all():
        raise UnmixingError(f"{where}: reference endmembers hold values that are not finite: mend or leave them out")
    return spectra.astype(np.float64)


def lay_abundances(
    raw: RawScene, hints: Hints, shape: tuple[int, ...], endmembers: Array | None, where: str
) -> Array | None:
    """Return reference abundances with K as the last axis, still in their stored arrangement, or None.

    Raises:
        UnmixingError: there are no endmembers to prove them with, or no axis fits K and the grid.
    """
    stored = _handed_over(hints.abundances, raw.abundances)
    if stored is None or (isinstance(hints.abundances, str) and hints.abundances == "none"):
        return None
    if endmembers is None:
        raise UnmixingError(
            f"{where}: reference abundances without reference endmembers cannot be proven to lie the right way round: "
            f"give the endmembers, or leave the abundances out"
        )
    count, pixels = endmembers.shape[0], shape[0] * shape[1]
    if not (np.abs(np.asarray(stored, dtype=np.float64)) < _FILL_MAGNITUDE).all():
        raise UnmixingError(f"{where}: reference abundances hold values that are not finite: mend or leave them out")
    fitting = [
        axis
        for axis in range(stored.ndim)
        if stored.ndim in (2, 3) and stored.shape[axis] == count and stored.size == count * pixels
    ]
    if stored.ndim == 3:
        grids = {(shape[0], shape[1]), (shape[1], shape[0])}
        fitting = [axis for axis in fitting if tuple(np.delete(stored.shape, axis).tolist()) in grids]
    if len(fitting) != 1:
        raise UnmixingError(
            f"{where}: reference abundances of shape {stored.shape} do not fit {count} endmembers on "
            f"{shape[0]} x {shape[1]} pixels"
        )
    return np.moveaxis(stored, fitting[0], -1).astype(np.float64)


def settle_wavelengths(raw: RawScene, hints: Hints, bands: int, where: str) -> tuple[npt.NDArray[np.float64], str, str]:
    """Return wavelengths in nanometres in the order of the bands, their source, and a note.

    What the user gives wins over what the file says. Without either, band numbers stand in.

    Raises:
        UnmixingError: their number is not that of the bands, or they are no wavelengths.
    """
    given = hints.wavelengths
    note = ""
    if isinstance(given, str) and given not in ("file", "unknown", ""):
        axis = axis_from_recipe(given)
        source, note = hints.wavelength_source or "nominal", given
    elif given is not None and not isinstance(given, str):
        axis, note = to_nanometres(given, hints.wavelength_units, where)
        source = hints.wavelength_source or "measured"
    elif raw.wavelengths is not None and given != "unknown":
        axis, note = to_nanometres(raw.wavelengths, hints.wavelength_units or raw.wavelength_units, where)
        source = hints.wavelength_source or "measured"
    elif given == "file":
        raise UnmixingError(f"{where}: the file holds no wavelengths: give them, or the name of a sensor")
    else:
        return np.arange(1.0, bands + 1.0), "unknown", ""
    if axis.size != bands:
        raise UnmixingError(
            f"{where}: {axis.size} wavelengths for {bands} bands: give one for each band that the file holds"
        )
    return axis, source, note


def fill_nodata(cube: Array, nodata: float | None, where: str) -> tuple[Array, npt.NDArray[np.bool_] | None, str]:
    """Put the nearest seen spectrum where a pixel has missing values, and say where.

    Args:
        cube: (rows, cols, bands) as stored.
        nodata: value that marks missing entries; values that are not finite or beyond 1e30 always do.
        where: the file, for messages.

    Returns:
        A cube without missing values, a (rows, cols) mask of the pixels that were seen (None if all were), a note.

    Raises:
        UnmixingError: more than half of the pixels are missing.
    """
    missing = ~(np.abs(cube) < _FILL_MAGNITUDE) if cube.dtype.kind == "f" else np.zeros(cube.shape, dtype=bool)
    if nodata is not None:
        # a fill value stated in decimals must meet the same rounding as the stored values
        with np.errstate(over="ignore"):
            stored = np.float64(nodata).astype(cube.dtype) if cube.dtype.kind == "f" else np.float64(nodata)
        missing |= cube == stored
    pixels: npt.NDArray[np.bool_] = np.asarray(missing.any(axis=2))
    if not pixels.any():
        return cube, None, ""
    share = float(pixels.mean())
    if share > _LARGEST_MISSING_SHARE:
        raise UnmixingError(
            f"{where}: {share:.0%} of the pixels have missing values: crop the scene, or list bands that are empty "
            f"as bad bands"
        )
    from scipy.ndimage import distance_transform_edt

    # the distance from a missing pixel to the nearest seen one comes with the place of that one
    _, nearest = distance_transform_edt(pixels, return_indices=True)
    filled = cube[nearest[0], nearest[1]]
    return filled, ~pixels, f"{int(pixels.sum())} pixels ({share:.1%}) have missing values and are marked in `valid`"


def apply_scale(
    cube: Array, endmembers: Array | None, raw: RawScene, hints: Hints, where: str
) -> tuple[Array, Array | None, str, str]:
    """Turn stored values into reflectances.

    A stated factor divides the cube, and the endmembers too where they are stored in the same counts. Without one,
    values beyond any reflectance are divided by their maximum and called relative.

    Returns:
        Cube float32, endmembers, the scale's name, and a note.

    Raises:
        UnmixingError: the factor is not a positive number.
    """
    factor = hints.scale_factor if hints.scale_factor is not None else raw.scale_factor
    scale, note = hints.scale or "reflectance", ""
    if factor is None:
        factor = 1.0
        highest = float(np.quantile(cube[:: max(1, cube.shape[0] // 64)].astype(np.float64), 0.999))
        if highest > 1.5:
            factor, scale = float(cube.max()), "relative"
            # 65535 and the like are fill values far more often than reflectances
            topmost = cube.dtype.kind in "iu" and cube.dtype.itemsize > 1 and factor == np.iinfo(cube.dtype).max
            if topmost or factor > 5 * highest:
                raise UnmixingError(
                    f"{where}: the maximum {factor:g} looks like a fill value (99.9 % reach {highest:g}): state "
                    f"nodata if it is one, else scale_factor"
                )
            note = f"no scale stated: divided by the maximum, {factor:g}"
    elif not 1e-6 <= factor <= 1e12:
        raise UnmixingError(f"{where}: scale_factor {factor:g} is not a positive number from 1e-6 to 1e12")
    elif factor != 1.0:
        note = f"divided by {factor:g}"
    if factor != 1.0:
        cube = cube / np.float64(factor) if cube.dtype == np.float64 else cube.astype(np.float32) / np.float32(factor)
        if endmembers is not None and float(np.median(endmembers.max(axis=1))) > 1.5:
            endmembers = endmembers / factor
    return cube.astype(np.float32), endmembers, scale, note


def _handed_over(hint: str | Array | None, stored: Array | None) -> Array | None:
    """Return the array that a user gives, else that of the file: a text only names a variable in it."""
    return stored if hint is None or isinstance(hint, str) else np.asarray(hint)


def _band_axis(cube: Array, raw: RawScene, hints: Hints, grid: tuple[int, int], where: str) -> int:
    if hints.band_axis is not None:
        if not -cube.ndim <= hints.band_axis < cube.ndim:
            raise UnmixingError(f"{where}: band_axis {hints.band_axis} is not an axis of {cube.shape}")
        return hints.band_axis % cube.ndim
    counts: list[int] = [hints.bands] if hints.bands else []
    if not counts:
        for values in (hints.wavelengths, raw.wavelengths):
            if values is not None and not isinstance(values, str):
                counts = [int(np.size(values))]
                break
        else:
            if isinstance(hints.wavelengths, str) and hints.wavelengths not in ("", "file", "unknown"):
                counts = [int(axis_from_recipe(hints.wavelengths).size)]
    references = _handed_over(hints.endmembers, raw.endmembers)
    if not counts and references is not None and references.ndim == 2:
        # spectra have more bands than there are materials
        counts = [max(references.shape)]
    axes = [axis for axis, size in enumerate(cube.shape) if size in counts]
    if not counts and all(grid):
        # the grid is known: the bands are what is left
        wanted = grid[0] * grid[1] if cube.ndim == 2 else None
        if wanted is not None:
            axes = [1 - axis for axis in range(2) if cube.shape[axis] == wanted]
        else:
            axes = [axis for axis in range(3) if sorted(np.delete(cube.shape, axis).tolist()) == sorted(grid)]
    if len(axes) == 1:
        return axes[0]
    known = f"{' or '.join(str(count) for count in counts)} bands" if counts else "no wavelengths or references"
    raise UnmixingError(
        f"{where}: the band axis of a cube of shape {cube.shape} cannot be told ({known}): "
        f"give wavelengths, one for each band, or band_axis"
    )


def _grid(raw: RawScene, hints: Hints, pixels: int, stated: tuple[int, int], where: str) -> tuple[int, int]:
    rows, cols = stated
    if not (rows and cols):
        references = _handed_over(hints.abundances, raw.abundances)
        if references is not None and references.ndim == 3:
            pairs = {
                tuple(np.delete(references.shape, axis).tolist())
                for axis in range(3)
                if int(np.prod(np.delete(references.shape, axis))) == pixels
            }
            if len(pairs) == 1:
                rows, cols = pairs.pop()
    if not (rows and cols):
        raise UnmixingError(f"{where}: {pixels} pixels in a list, and no size of the image: give rows and cols")
    if rows * cols != pixels:
        raise UnmixingError(f"{where}: {rows} x {cols} = {rows * cols} pixels stated, {pixels} found: correct the size")
    return rows, cols
