"""What a scene is like, in numbers: so that synthetic and real scenes can stand side by side.

Every figure is computed from the scene alone. `REAL_RANGES` keeps what the real scenes of this field measure
(Samson, Jasper Ridge, three Urban references on a crop or in full), so that a synthetic scene can be judged where
the real files are not at hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

PURE = 0.95
PRESENT = 0.05
BLOCK_ROWS = 32

STATISTICS: Mapping[str, str] = {
    "pure_share": "share of pixels with an abundance above .95",
    "very_pure_share": "share of pixels with an abundance above .99",
    "materials_1": "share of pixels with 1 material above .05",
    "materials_2": "share of pixels with 2 materials above .05",
    "materials_3": "share of pixels with 3 materials above .05",
    "materials_4": "share of pixels with 4 or more materials above .05",
    "lag_shortest": "1/e lag of the abundance maps, shortest (pixels)",
    "lag_longest": "1/e lag of the abundance maps, longest (pixels)",
    "window_lag_shortest": "1/e lag within windows of 40 pixels, shortest (pixels)",
    "window_lag_longest": "1/e lag within windows of 40 pixels, longest (pixels)",
    "neighbour_correlation": "correlation of neighbouring pixels' abundances",
    "snr_lowest": "signal to noise of the worst band (dB)",
    "snr_tenth": "signal to noise, 10th percentile of the bands (dB)",
    "snr_median": "signal to noise, median of the bands (dB)",
    "snr_ninetieth": "signal to noise, 90th percentile of the bands (dB)",
    "noise_contrast": "noise deviation, noisiest over quietest band",
    "noise_signal_correlation": "correlation over bands of noise deviation and mean",
    "brightness_variation_lowest": "brightness variation in pure pixels, lowest endmember",
    "brightness_variation_highest": "brightness variation in pure pixels, highest endmember",
    "within_class_angle": "angle of pure pixels to their mean (rad)",
    "residual_angle": "angle of pixels to the references' mixture, mean (rad)",
    "smallest_reference_angle": "smallest angle between two references (rad)",
    "darkest_brightness": "mean of the darkest pure pixels over the scene's mean",
}

WINDOW = 40

# Lowest and highest value, rounded outwards, over Samson, Jasper Ridge, the Urban crop with its three references,
# the abundances of the full Urban scene (end4, end5, end6) and, for the angle between references, Cuprite. Measured
# with the functions below; a test repeats the measurement where the files are at hand.
REAL_RANGES: Mapping[str, tuple[float, float]] = {
    "pure_share": (0.16, 0.33),
    "very_pure_share": (0.11, 0.21),
    "materials_1": (0.17, 0.35),
    "materials_2": (0.48, 0.59),
    "materials_3": (0.06, 0.30),
    "materials_4": (0.0, 0.09),
    "lag_shortest": (1.2, 19.1),
    "lag_longest": (13.5, 35.6),
    "window_lag_shortest": (1.1, 9.7),
    "window_lag_longest": (6.2, 14.3),
    "neighbour_correlation": (0.76, 0.99),
    "snr_lowest": (8.0, 23.0),
    "snr_tenth": (27.0, 43.0),
    "snr_median": (39.0, 50.0),
    "snr_ninetieth": (48.0, 56.0),
    "noise_contrast": (17.0, 52.0),
    "noise_signal_correlation": (-0.18, 0.21),
    "brightness_variation_lowest": (0.03, 0.16),
    "brightness_variation_highest": (0.13, 0.29),
    "within_class_angle": (0.03, 0.09),
    "residual_angle": (0.04, 0.12),
    "smallest_reference_angle": (0.06, 0.42),
    "darkest_brightness": (0.13, 0.22),
}

# Lags over a whole scene grow with its size: only those within windows can be compared.
_DEPEND_ON_SIZE = ("lag_shortest", "lag_longest")


def scene_statistics(dataset: xr.Dataset) -> dict[str, float]:
    """Describe a scene.

    Args:
        dataset: a scene; references may be missing.

    Returns:
        One number for each key of `STATISTICS`, NaN where the scene lacks what it needs. Signal-to-noise ratios
        come from the regression of each band on all others and are upper bounds.
    """
    result = dict.fromkeys(STATISTICS, float("nan"))
    result.update(_noise_statistics(dataset))
    endmembers = np.asarray(dataset["endmembers"].values, np.float64) if "endmembers" in dataset else None
    if endmembers is not None and len(endmembers) > 1:
        angles = _angle(endmembers[:, None, :], endmembers[None, :, :])
        result["smallest_reference_angle"] = float(angles[np.triu_indices(len(endmembers), 1)].min())
    if "abundances" not in dataset:
        return result
    abundances = np.asarray(dataset["abundances"].values, np.float64)
    result.update(_abundance_statistics(abundances))
    result.update(_pure_pixel_statistics(dataset, abundances))
    if endmembers is not None:
        result["residual_angle"] = float(np.mean(residual_angles(dataset)))
    return result


def outside_real_range(statistics: Mapping[str, float]) -> list[str]:
    """Keys of `REAL_RANGES` for which a scene lies outside the range of the real scenes, or has no figure.

    Left out are the lags over the whole scene, which grow with its size.
    """
    return [
        key
        for key, (lowest, highest) in REAL_RANGES.items()
        if key not in _DEPEND_ON_SIZE and not lowest <= statistics[key] <= highest
    ]


def residual_angles(dataset: xr.Dataset) -> Array:
    """Angle between each pixel and the mixture of the reference endmembers by the reference abundances.

    Returns:
        (rows, columns) rad; NaN where a pixel or its mixture is zero.
    """
    endmembers = np.asarray(dataset["endmembers"].values, np.float64)
    abundances = dataset["abundances"].values
    return np.concatenate(
        [_angle(pixels, np.asarray(abundances[rows], np.float64) @ endmembers) for rows, pixels in _blocks(dataset)]
    )


def band_noise(dataset: xr.Dataset) -> tuple[Array, Array]:
    """Noise of every band: what the other bands cannot predict linearly (Roger and Arnold 1996).

    Args:
        dataset: a scene with more pixels than bands.

    Returns:
        Standard deviation of the noise and mean of the band, both (bands,) in the cube's unit. All that the other
        bands explain counts as signal, so the deviations are lower bounds where bands are few or noise is smooth
        along the spectrum. NaN deviations where the pixels do not outnumber the bands.
    """
    bands = dataset.sizes["band"]
    pixels = dataset.sizes["row"] * dataset.sizes["col"]
    moment, total = np.zeros((bands, bands)), np.zeros(bands)
    for _, block in _blocks(dataset):
        lines = block.reshape(-1, bands)
        moment += lines.T @ lines
        total += lines.sum(axis=0)
    mean = total / pixels
    if pixels <= bands:
        return np.full(bands, np.nan), mean
    # The variance left by the regression on all other bands is the reciprocal of the inverse's diagonal. The
    # ridge only matters for noise-free scenes, whose matrix is singular.
    ridge = max(float(np.trace(moment)) / bands, np.finfo(np.float64).tiny) * 1e-13
    precision = np.diag(np.linalg.inv(moment + ridge * np.eye(bands)))
    return np.sqrt(1.0 / np.maximum(precision, np.finfo(np.float64).tiny) / (pixels - bands + 1)), mean


def correlation_lags(maps: Array, window: int | None = None) -> tuple[Array, Array]:
    """How far abundance maps stay alike.

    The autocorrelation is averaged over both directions; with `window` it is pooled over windows of that side,
    each about its own mean, which makes scenes of different size comparable.

    Args:
        maps: (rows, columns, endmembers).
        window: side of the windows in pixels, None for the whole scene.

    Returns:
        First lag at which the autocorrelation is below 1/e (pixels, linearly interpolated), and the correlation
        at lag 1, both (endmembers,). The lag is the longest that fits where the autocorrelation never falls below
        1/e, and NaN for a constant map.
    """
    rows, columns, count = maps.shape
    side_rows, side_columns = (min(rows, window), min(columns, window)) if window else (rows, columns)
    longest = min(side_rows, side_columns)
    covariance, weight = np.zeros((longest, count)), np.zeros(count)
    for top in _starts(rows, side_rows):
        for left in _starts(columns, side_columns):
            part = maps[top : top + side_rows, left : left + side_columns]
            part = part - part.mean(axis=(0, 1))
            weight += (part**2).mean(axis=(0, 1))
            for lag in range(longest):
                down = (part[lag:] * part[: side_rows - lag]).mean(axis=(0, 1))
                across = (part[:, lag:] * part[:, : side_columns - lag]).mean(axis=(0, 1))
                covariance[lag] += (down + across) / 2
    lags, neighbours = np.full(count, np.nan), np.full(count, np.nan)
    for index in np.flatnonzero(weight > 1e-12):
        correlation = covariance[:, index] / weight[index]
        neighbours[index] = correlation[1] if longest > 1 else np.nan
        below = np.flatnonzero(correlation < np.exp(-1.0))
        if below.size == 0:
            lags[index] = longest
        else:
            first = int(below[0])
            step = correlation[first - 1] - correlation[first]
            lags[index] = first - 1 + (correlation[first - 1] - np.exp(-1.0)) / step
    return lags, neighbours


def _starts(size: int, side: int) -> list[int]:
    """Where windows of one side begin so that they cover a line, overlapping as little as they can."""
    return [int(start) for start in np.linspace(0, size - side, -(-size // side))]


def _noise_statistics(dataset: xr.Dataset) -> dict[str, float]:
    deviation, mean = band_noise(dataset)
    used = (mean > 0) & (deviation > 0)
    if used.sum() < 2:
        return {}
    ratio = 20.0 * np.log10(mean[used] / deviation[used])
    lowest, tenth, median, ninetieth = (float(value) for value in np.percentile(ratio, [0, 10, 50, 90]))
    return {
        "snr_lowest": lowest,
        "snr_tenth": tenth,
        "snr_median": median,
        "snr_ninetieth": ninetieth,
        "noise_contrast": float(deviation[used].max() / deviation[used].min()),
        "noise_signal_correlation": _correlation(deviation[used], mean[used]),
    }


def _abundance_statistics(abundances: Array) -> dict[str, float]:
    largest = abundances.max(axis=2)
    materials = (abundances > PRESENT).sum(axis=2)
    lags, neighbours = correlation_lags(abundances)
    window_lags, _ = correlation_lags(abundances, WINDOW)
    result = {
        "pure_share": float((largest > PURE).mean()),
        "very_pure_share": float((largest > 0.99).mean()),
        "materials_4": float((materials >= 4).mean()),
        "lag_shortest": _lowest(lags),
        "lag_longest": _highest(lags),
        "window_lag_shortest": _lowest(window_lags),
        "window_lag_longest": _highest(window_lags),
        "neighbour_correlation": _mean(neighbours),
    }
    return result | {f"materials_{count}": float((materials == count).mean()) for count in (1, 2, 3)}


def _pure_pixel_statistics(dataset: xr.Dataset, abundances: Array) -> dict[str, float]:
    cube = dataset["cube"].values
    variations, angles, levels = [], [], []
    for endmember in range(abundances.shape[2]):
        pixels = np.asarray(cube[abundances[:, :, endmember] > PURE], np.float64)
        if len(pixels) < 5:  # too few to speak of a spread
            continue
        brightness = pixels.mean(axis=1)
        levels.append(brightness.mean())
        variations.append(brightness.std() / brightness.mean() if brightness.mean() > 0 else np.nan)
        angles.append(_mean(_angle(pixels, pixels.mean(axis=0))))
    mean = float(cube.mean(dtype=np.float64))
    return {
        "brightness_variation_lowest": _lowest(np.array(variations)),
        "brightness_variation_highest": _highest(np.array(variations)),
        "within_class_angle": _mean(np.array(angles)),
        "darkest_brightness": _lowest(np.array(levels)) / mean if mean > 0 else float("nan"),
    }


def _blocks(dataset: xr.Dataset) -> Iterator[tuple[slice, Array]]:
    """The cube in float64, some rows at a time: a full scene in float64 would take twice its size again."""
    cube = dataset["cube"].values
    for start in range(0, cube.shape[0], BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        yield rows, np.asarray(cube[rows], np.float64)


def _angle(one: Array, other: Array) -> Array:
    """Angle over the last axis in rad; NaN where a spectrum is zero."""
    norm = np.linalg.norm(one, axis=-1) * np.linalg.norm(other, axis=-1)
    cosine = (one * other).sum(axis=-1) / np.where(norm > 0, norm, np.nan)
    return np.asarray(np.arccos(np.clip(cosine, -1.0, 1.0)), np.float64)


def _correlation(one: Array, other: Array) -> float:
    if one.std() == 0 or other.std() == 0:
        return float("nan")
    return float(np.corrcoef(one, other)[0, 1])


def _finite(values: Array) -> Array:
    return values[np.isfinite(values)]


def _lowest(values: Array) -> float:
    return float(_finite(values).min()) if _finite(values).size else float("nan")


def _highest(values: Array) -> float:
    return float(_finite(values).max()) if _finite(values).size else float("nan")


def _mean(values: Array) -> float:
    return float(_finite(values).mean()) if _finite(values).size else float("nan")
