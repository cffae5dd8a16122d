"""Checks that a scene must pass before anything is computed on it.

Each returns a record for the report, or refuses with one line that names the figures.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from unmixing.errors import UnmixingError
from unmixing.scenes.convention import find_convention
from unmixing.scenes.dataset import Check
from unmixing.scenes.orientation import ACCEPTED_SHARE, Arrangement, describe
from unmixing.scenes.wavelengths import RED_EDGE_NM, steepest_rise, vegetation_indices

Array = npt.NDArray[np.generic]

#: Values between which almost all reflectances lie; glints may exceed one.
REFLECTANCE_RANGE = (-0.1, 1.5)
#: What not even noise and glints exceed; beyond it lie fill values.
LARGEST_OUTLIERS = (-1.0, 5.0)
_ABUNDANCE_SLACK = 0.01


def check_size(cube: Array, expected: tuple[int, int, int] | None, where: str) -> Check:
    """Compare the cube's shape with the registry's.

    Raises:
        UnmixingError: they differ.
    """
    found = " x ".join(str(size) for size in cube.shape)
    if expected is None:
        return Check("size", True, found, "any", "rows x columns x bands")
    allowed = " x ".join(str(size) for size in expected)
    if tuple(cube.shape) != expected:
        raise UnmixingError(f"{where}: cube is {found}, the registry says {allowed}: this is another file")
    return Check("size", True, found, allowed, "rows x columns x bands")


def check_count(endmembers: Array, expected: int, where: str) -> Check:
    """Compare the number of reference endmembers with the stated K.

    Raises:
        UnmixingError: they differ, or an endmember is empty.
    """
    count = endmembers.shape[0]
    if expected and count != expected:
        raise UnmixingError(
            f"{where}: {count} reference endmembers where K = {expected} is stated: correct one of them"
        )
    empty = np.flatnonzero(~(np.abs(np.asarray(endmembers, dtype=np.float64)).max(axis=1) > 0))
    if empty.size:
        raise UnmixingError(f"{where}: reference endmember {int(empty[0]) + 1} is zero everywhere: mend the file")
    return Check("endmembers", True, str(count), str(expected or count), "number of reference spectra")


def check_range(cube: Array, scale: str, where: str) -> Check:
    """Refuse a cube whose values cannot be reflectances.

    Raises:
        UnmixingError: the cube is constant, or its values (without the outermost .1 %) leave -0.1 to 1.5.
    """
    # a subset of pixels suffices: a wrong scale shows everywhere
    step = max(1, cube.shape[0] * cube.shape[1] // 20_000)
    sample = np.asarray(cube.reshape(-1, cube.shape[-1])[::step], dtype=np.float64)
    low, high = np.quantile(sample, [0.001, 0.999])
    if not high > low:
        raise UnmixingError(f"{where}: the cube is {high:g} everywhere: no scene, or the wrong variable")
    allowed = f"{REFLECTANCE_RANGE[0]:g} to {REFLECTANCE_RANGE[1]:g}"
    if low < REFLECTANCE_RANGE[0] or high > REFLECTANCE_RANGE[1]:
        raise UnmixingError(
            f"{where}: values from {low:g} to {high:g} are no reflectances ({allowed}): "
            f"state scale_factor, or nodata if a fill value is among them"
        )
    lowest, highest = float(cube.min()), float(cube.max())
    if lowest < LARGEST_OUTLIERS[0] or highest > LARGEST_OUTLIERS[1]:
        raise UnmixingError(
            f"{where}: single values reach {lowest:g} to {highest:g}, which no reflectance does: state nodata, "
            f"their fill value"
        )
    return Check("range", True, f"{low:.3f} to {high:.3f}", allowed, f"{scale}, 0.1 to 99.9 % of the values")


def check_orientation(tried: Sequence[Arrangement]) -> Check:
    """Record a proven orientation."""
    best = tried[0]
    second = f"{tried[1].angle_rad:.3f} rad" if len(tried) > 1 else "none"
    return Check(
        "orientation",
        True,
        f"{best.angle_rad:.3f} rad against {second}",
        f"at most {ACCEPTED_SHARE:g} of the second best",
        describe(list(tried)),
    )


def check_wavelengths(
    wavelengths: npt.NDArray[np.float64], endmembers: Array | None, names: Sequence[str], where: str
) -> Check:
    """Prove the wavelength axis by the red edge of a vegetation endmember.

    Raises:
        UnmixingError: the steepest rise of a vegetation endmember lies outside 690-740 nm.
    """
    low, high = RED_EDGE_NM
    allowed = f"{low:g} to {high:g} nm"
    plants = vegetation_indices(names) if endmembers is not None else []
    if endmembers is None or not plants:
        return Check("wavelengths", None, "not testable", allowed, "no endmember is named as vegetation")
    if wavelengths[0] > low - 50 or wavelengths[-1] < high + 50:
        return Check("wavelengths", None, "not testable", allowed, "the bands do not cover the red edge")
    found = {names[index]: steepest_rise(wavelengths, endmembers[index]) for index in plants}
    text = ", ".join(f"{name} {position:.0f} nm" for name, position in found.items())
    if not all(low <= position <= high for position in found.values()):
        raise UnmixingError(
            f"{where}: the wavelengths are wrong: vegetation rises most steeply at {text} instead of {allowed}: "
            f"give the sensor's band centres"
        )
    return Check("wavelengths", True, text, allowed, "steepest rise of vegetation")


def check_abundances(abundances: Array, where: str) -> Check:
    """Refuse reference abundances that are no shares.

    Raises:
        UnmixingError: values leave 0 to 1.
    """
    values = np.asarray(abundances, dtype=np.float64)
    low, high = float(values.min()), float(values.max())
    if low < -_ABUNDANCE_SLACK or high > 1 + _ABUNDANCE_SLACK:
        raise UnmixingError(
            f"{where}: reference abundances run from {low:g} to {high:g}, not from 0 to 1: divide percentages by 100, "
            f"or name the right variable"
        )
    sums = values.sum(axis=-1)
    return Check(
        "abundance sums",
        bool(np.abs(sums - 1).max() <= _ABUNDANCE_SLACK),
        f"{sums.min():.3f} to {sums.max():.3f}",
        "1",
        "a failure is told, not refused: some references leave shade out",
    )


def check_convention(cube: Array, abundances: Array, endmembers: Array, stated: str, where: str) -> tuple[str, Check]:
    """Find the convention of the reference abundances and compare it with the stated one.

    Raises:
        UnmixingError: the registry or the user states a testable convention that the test does not find.
    """
    test = find_convention(cube, abundances, endmembers)
    figures = (
        f"difference to NNLS over its sum: {test.rmse_max:.4f} with endmembers divided by their maxima, "
        f"{test.rmse_raw:.4f} as they are ({test.pixels} pixels)"
    )
    testable = stated in ("nnls_sum_max", "nnls_sum_raw")
    if testable and test.convention != stated:
        raise UnmixingError(f"{where}: reference abundances do not follow {stated}: {figures}: correct the convention")
    convention = stated if stated not in ("", "unknown") else test.convention
    return convention, Check("abundance convention", True, test.convention, stated or "any", figures)
