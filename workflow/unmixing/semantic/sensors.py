"""Sensors: how a spectrum looks through the bands of an instrument.

Two ways are offered, because their difference is itself a question of robustness: integration over the bands'
spectral responses, and plain interpolation at the band centres. Where a spectrum is not known the result is NaN: a
band is masked, never guessed.

The responses are idealised. Imaging spectrometers have Gaussian responses whose full width at half maximum is the
given width; Sentinel-2 and Landsat 8 have boxcars of that width (their measured responses are nearly rectangular).
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt

from unmixing.errors import UnmixingError
from unmixing.scenes.wavelengths import axis_from_recipe

Array = npt.NDArray[np.float64]

#: Spacing of the axis on which responses are integrated, in nanometres.
_STEP_NM = 1.0
#: A Gaussian response is cut at this many widths on either side, where it is .2 % of its peak.
_CUT = 1.5
#: Between two samples further apart than this many typical spacings a spectrum is unknown.
_LARGEST_GAP = 3.0
#: A band counts as seen if this share of its response lies where the spectrum is known.
MINIMUM_SHARE = 0.9

# Nominal centres and widths in nanometres; Sentinel-2: ESA's mission requirements for the multispectral instrument
# (all 13 bands), as in its user handbook; Landsat 8: band averages of J. A. Barsi et al., Remote Sensing 6, 2014,
# table 1, without the panchromatic band, rounded.
_SENTINEL_2 = (
    (443, 20),
    (490, 65),
    (560, 35),
    (665, 30),
    (705, 15),
    (740, 15),
    (783, 20),
    (842, 115),
    (865, 20),
    (945, 20),
    (1375, 30),
    (1610, 90),
    (2190, 180),
)
_LANDSAT_8 = ((443, 16), (482, 60), (561, 57), (655, 37), (865, 28), (1373, 20), (1609, 85), (2201, 187))


@dataclass(frozen=True)
class Sensor:
    """Bands of a sensor.

    Attributes:
        name: id.
        title: readable name.
        centres: (bands,) nanometres, strictly rising.
        widths: (bands,) full widths at half maximum, nanometres.
        response: shape of the bands.
        source: where the numbers come from.
    """

    name: str
    title: str
    centres: tuple[float, ...]
    widths: tuple[float, ...]
    response: Literal["gaussian", "boxcar"]
    source: str

    def __post_init__(self) -> None:
        """Refuse bands that are none.

        Raises:
            UnmixingError: centres do not rise, widths are not positive, or their numbers differ.
        """
        centres, widths = np.asarray(self.centres, np.float64), np.asarray(self.widths, np.float64)
        if (
            centres.shape != widths.shape
            or centres.ndim != 1
            or centres.size == 0
            or not np.isfinite(centres).all()
            or not np.isfinite(widths).all()
            or not (np.diff(centres) > 0).all()
            or not (widths > 0).all()
        ):
            raise UnmixingError(
                f"sensor {self.name!r}: give as many positive widths as centres, and centres that rise, in nanometres"
            )


@functools.cache
def load_sensors() -> Mapping[str, Sensor]:
    """Return the known sensors by name, their bands in rising order of wavelength."""
    hydice = axis_from_recipe("hydice_210")
    known = (
        _spectrometer("aviris", "AVIRIS, 224 bands", np.sort(axis_from_recipe("aviris_224")), 10.0, "nominal width"),
        _spectrometer("hydice", "HYDICE, 210 bands", hydice, np.gradient(hydice), "width: spacing of the centres"),
        _spectrometer(
            "vnir", "VNIR, 156 bands", axis_from_recipe("linear 401 889 156"), 3.15, "width: spacing; Samson's axis"
        ),
        _multispectral("sentinel2", "Sentinel-2 MSI, 13 bands", _SENTINEL_2, "ESA, nominal centres and widths"),
        _multispectral("landsat8", "Landsat 8 OLI, 8 bands", _LANDSAT_8, "Barsi et al. 2014, table 1"),
    )
    return MappingProxyType({sensor.name: sensor for sensor in known})


def get_sensor(name: str) -> Sensor:
    """Return a known sensor.

    Raises:
        UnmixingError: there is no such sensor.
    """
    if name not in load_sensors():
        raise UnmixingError(f"sensor {name!r} is not known: choose from {', '.join(load_sensors())}")
    return load_sensors()[name]


def sensor_of_axis(wavelengths: npt.ArrayLike, widths: npt.ArrayLike | None = None) -> Sensor:
    """Return a sensor for the axis of a scene.

    Args:
        wavelengths: (bands,) centres in nanometres, strictly rising.
        widths: (bands,) or one number; by default the distance to the nearer neighbour, which gaps do not widen.

    Raises:
        UnmixingError: centres do not rise or widths are not positive.
    """
    centres = np.atleast_1d(np.asarray(wavelengths, np.float64))
    if widths is None:
        steps = np.diff(centres)
        padded = np.concatenate([[np.inf], steps, [np.inf]])
        widths = np.minimum(padded[:-1], padded[1:]) if steps.size else np.array([10.0])
    full = np.broadcast_to(np.asarray(widths, np.float64), centres.shape)
    return Sensor("scene", "scene", tuple(centres.tolist()), tuple(full.tolist()), "gaussian", "the scene's own axis")


def altered(sensor: Sensor, width_factor: float = 1.0, shift_nm: float = 0.0) -> Sensor:
    """Return a sensor out of calibration: bands wider by a factor and shifted.

    Args:
        sensor: as it should be.
        width_factor: factor on all widths.
        shift_nm: added to all centres, in nanometres.
    """
    return replace(
        sensor,
        name=f"{sensor.name} x{width_factor:g} {shift_nm:+g} nm",
        centres=tuple(centre + shift_nm for centre in sensor.centres),
        widths=tuple(width * width_factor for width in sensor.widths),
    )


def response_matrix(sensor: Sensor, wavelengths: npt.ArrayLike, resolution_nm: float = 0.0) -> Array:
    """Return the weights by which bands see the samples of a spectrum.

    The spectrum is taken as linear between its samples and unknown outside them and across gaps of more than three
    typical spacings. Each response is normalised over all wavelengths, so that a row sums to the share of the band
    that lies where the spectrum is known.

    Args:
        sensor: B bands.
        wavelengths: (n,) of the samples, nanometres, strictly rising.
        resolution_nm: full width at half maximum with which the samples were measured already. A Gaussian band is
            narrowed to what is still missing (widths add in squares), so that nothing is blurred twice.

    Returns:
        (B, n), rows between 0 and 1.

    Raises:
        UnmixingError: wavelengths do not rise or are fewer than two.
    """
    samples = _rising(wavelengths)
    centres, widths = np.asarray(sensor.centres), np.asarray(sensor.widths)
    if sensor.response == "gaussian":
        widths = np.sqrt(np.maximum(widths**2 - resolution_nm**2, _STEP_NM**2))
        reach = _CUT * widths
    else:
        reach = widths / 2 + _STEP_NM
    axis = np.arange(np.floor((centres - reach).min()), np.ceil((centres + reach).max()) + _STEP_NM, _STEP_NM)
    distance = axis[None, :] - centres[:, None]
    if sensor.response == "gaussian":
        weights = np.exp(-4 * np.log(2) * (distance / widths[:, None]) ** 2) * (np.abs(distance) <= reach[:, None])
    else:
        # The part of each step of the axis that lies inside the box: exact for widths that are no whole number.
        half = widths[:, None] / 2
        upper, lower = np.minimum(distance + _STEP_NM / 2, half), np.maximum(distance - _STEP_NM / 2, -half)
        weights = np.maximum(upper - lower, 0.0)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray(weights @ _interpolation_matrix(samples, axis), np.float64)


def interpolation_matrix(sensor: Sensor, wavelengths: npt.ArrayLike) -> Array:
    """Return the weights by which plain interpolation at the band centres sees the samples of a spectrum.

    Args:
        sensor: B bands.
        wavelengths: (n,) of the samples, nanometres, strictly rising.

    Returns:
        (B, n), rows summing to 1, or to 0 outside the range and in gaps.

    Raises:
        UnmixingError: wavelengths do not rise or are fewer than two.
    """
    return _interpolation_matrix(_rising(wavelengths), np.asarray(sensor.centres, np.float64))


def apply_response(
    matrix: Array, spectra: npt.ArrayLike, minimum_share: float = MINIMUM_SHARE
) -> npt.NDArray[np.float64]:
    """Look at spectra through a matrix of responses.

    Args:
        matrix: (B, n), see ``response_matrix``.
        spectra: (..., n), NaN where unknown.
        minimum_share: share of a band's response that must be known; the rest is then assumed to be like it.

    Returns:
        (..., B), NaN where too little is known.
    """
    values = np.asarray(spectra, np.float64)
    known = np.isfinite(values)
    # The whole of one array may share one mask; the second product is then a sum over rows.
    if known.all():
        total, share = values @ matrix.T, matrix.sum(axis=1)
    else:
        total, share = np.where(known, values, 0.0) @ matrix.T, known.astype(np.float64) @ matrix.T
    seen = share >= minimum_share - 1e-12
    return np.asarray(np.where(seen, total / np.where(seen, share, 1.0), np.nan), np.float64)


def resample(
    spectra: npt.ArrayLike,
    wavelengths: npt.ArrayLike,
    sensor: Sensor,
    *,
    resolution_nm: float = 0.0,
    minimum_share: float = MINIMUM_SHARE,
) -> npt.NDArray[np.float64]:
    """Integrate spectra over the responses of a sensor's bands.

    Args:
        spectra: (..., n) reflectance, NaN where unknown.
        wavelengths: (n,) nanometres, strictly rising.
        sensor: B bands.
        resolution_nm: see ``response_matrix``.
        minimum_share: see ``apply_response``.

    Returns:
        (..., B), NaN outside the range of a spectrum, in its gaps and where too much of a band is unknown.

    Raises:
        UnmixingError: wavelengths do not rise or do not fit the spectra.
    """
    values = _fitting(spectra, wavelengths)
    return apply_response(response_matrix(sensor, wavelengths, resolution_nm), values, minimum_share)


def interpolate(spectra: npt.ArrayLike, wavelengths: npt.ArrayLike, centres: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Read spectra off at band centres, by straight lines between samples.

    Args:
        spectra: (..., n) reflectance, NaN where unknown.
        wavelengths: (n,) nanometres, strictly rising.
        centres: (B,) nanometres, in any order.

    Returns:
        (..., B), NaN outside the range, across gaps and next to unknown samples; a centre on a sample has its value.

    Raises:
        UnmixingError: wavelengths do not rise or do not fit the spectra.
    """
    values, samples = _fitting(spectra, wavelengths), _rising(wavelengths)
    left, share, known = _neighbours(samples, np.asarray(centres, np.float64))
    # A neighbour with no share must not bring its NaN in.
    low = np.where(share < 1, values[..., left], 0.0) * (1 - share)
    high = np.where(share > 0, values[..., left + 1], 0.0) * share
    return np.where(known, low + high, np.nan)


def lose_bands(bands: int, share: float, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Choose bands that are lost.

    Args:
        bands: number of bands.
        share: share that is lost, rounded to whole bands; at least one band is left.
        rng: draws the bands.

    Returns:
        (bands,) True where the band is left.

    Raises:
        UnmixingError: the share is outside [0, 1).
    """
    if not 0 <= share < 1:
        raise UnmixingError(f"a share of {share:g} of the bands cannot be lost: give 0 to below 1")
    lost = min(round(share * bands), bands - 1)
    kept = np.ones(bands, dtype=bool)
    kept[rng.random(bands).argsort()[:lost]] = False
    return kept


def _spectrometer(name: str, title: str, centres: Array, widths: float | Array, source: str) -> Sensor:
    full = np.broadcast_to(np.asarray(widths, np.float64), centres.shape)
    return Sensor(name, title, tuple(centres.tolist()), tuple(full.tolist()), "gaussian", source)


def _multispectral(name: str, title: str, bands: tuple[tuple[int, int], ...], source: str) -> Sensor:
    centres, widths = zip(*((float(centre), float(width)) for centre, width in bands), strict=True)
    return Sensor(name, title, centres, widths, "boxcar", source)


def _rising(wavelengths: npt.ArrayLike) -> Array:
    samples = np.asarray(wavelengths, np.float64)
    if samples.ndim != 1 or samples.size < 2 or not (np.diff(samples) > 0).all():
        raise UnmixingError("wavelengths of the spectra do not rise: sort them and average shared ones first")
    return samples


def _fitting(spectra: npt.ArrayLike, wavelengths: npt.ArrayLike) -> Array:
    values, samples = np.asarray(spectra, np.float64), np.asarray(wavelengths)
    if values.ndim == 0 or samples.ndim != 1 or values.shape[-1] != samples.size:
        raise UnmixingError(f"spectra of shape {values.shape} do not fit {samples.size} wavelengths: bands come last")
    return values


def _neighbours(samples: Array, points: Array) -> tuple[npt.NDArray[np.intp], Array, npt.NDArray[np.bool_]]:
    """Left neighbour of each point, the share of the right one, and whether the spectrum is known there."""
    steps = np.diff(samples)
    left = np.clip(np.searchsorted(samples, points, side="right") - 1, 0, samples.size - 2)
    share = (points - samples[left]) / steps[left]
    inside = (points >= samples[0]) & (points <= samples[-1])
    near = (steps <= _LARGEST_GAP * np.median(steps))[left] | (share == 0) | (share == 1)
    return left, np.clip(share, 0.0, 1.0), inside & near


def _interpolation_matrix(samples: Array, axis: Array) -> Array:
    left, share, known = _neighbours(samples, axis)
    matrix = np.zeros((axis.size, samples.size))
    rows = np.arange(axis.size)
    matrix[rows, left] = (1 - share) * known
    matrix[rows, left + 1] += share * known
    return matrix
