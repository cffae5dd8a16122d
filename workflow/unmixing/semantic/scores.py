"""Scores of abundance maps against a scene's references, as tidy rows with intervals over blocks of the scene.

Two conventions stand side by side (``unmixing.evaluation``). ``reference``: both sides as the scene's references are
meant, shares of brightness on Samson and Jasper Ridge. ``areal``: both sides as shares of area. Where the references'
convention is unknown there is only ``raw``, the difference as it stands. Pixels of a scene are no independent draws:
intervals are drawn over square blocks, and understate where a scene's structures are larger than its blocks.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from unmixing.errors import UnmixingError
from unmixing.evaluation import References, areal_references, in_convention
from unmixing.semantic.cluster_intervals import (
    cluster_interval,
    cluster_sums,
    ratio,
    root_difference,
    root_interval,
)
from unmixing.statistics.intervals import Interval

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: Share from which a material counts as present.
PRESENT = 0.05
#: Blocks on each side of a scene: 25 in all, each about as wide as a scene's abundances stay alike.
BLOCKS = 5
#: Bins of confidence, equally wide.
_BINS = 10
COLUMNS = ("convention", "metric", "material", "value", "low", "high", "interval", "n", "blocks")


def score_maps(
    shares: npt.ArrayLike,
    known: References,
    *,
    maxima: npt.ArrayLike | None,
    tested: Mask | None = None,
    blocks: int = BLOCKS,
    identity: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Score one set of maps.

    Args:
        shares: (rows, columns, K) on the simplex, in the order of the references: shares of area.
        known: the scene's references.
        maxima: (K,) largest value of the method's own endmembers, by which its areas become shares of brightness;
            None for maps without endmembers (labels, constants), which are compared as they are everywhere.
        tested: (rows, columns) pixels to score, all that were seen by default.
        blocks: blocks on each side of the scene; 0 draws no intervals, for maps that are one of several draws.
        identity: columns to put first in every row, such as method, scene and draw.

    Returns:
        One row for each convention, metric and material, columns ``COLUMNS``. Metrics: ``armse``, ``mae`` (also for
        each material), ``sre_db`` (signal to reconstruction error), ``dominant_accuracy``, ``presence_map`` (mean over
        materials of the average precision of finding shares above .05; also for each). ``n``: pixels; ``interval``:
        how it was drawn, "" where there is none.

    Raises:
        UnmixingError: there are no reference abundances, shapes differ, or no pixel is left.
    """
    maps = np.asarray(shares, np.float64)
    used = usable_pixels(maps, known, tested)
    places = block_numbers(maps.shape[:2], blocks or 1)[used]
    rows: list[dict[str, Any]] = []
    for convention, one, other in conventions(maps, known, maxima):
        estimate, truth = one[used], other[used]
        rows += [{"convention": convention, **row} for row in _metrics(estimate, truth, known.names, places)]
    facts = {"n": int(used.sum()), "blocks": len(np.unique(places))}
    frame = pd.DataFrame([{**(identity or {}), **row, **facts} for row in rows])
    return frame[[*(identity or {}), *COLUMNS]]


def conventions(maps: Array, known: References, maxima: npt.ArrayLike | None) -> list[tuple[str, Array, Array]]:
    """Return name, estimate and truth (rows, columns, K) for each convention in which they can be compared."""
    if known.abundances is None:
        raise UnmixingError("the scene has no reference abundances: score its targets or its labels instead")
    truth = np.asarray(known.abundances, np.float64)
    if known.convention == "unknown":
        return [("raw", maps, truth)]
    if maxima is None:
        same = maps
    else:
        converted, _ = in_convention(maps, np.asarray(maxima, np.float64), known)
        assert converted is not None  # the convention is known
        same = np.asarray(converted, np.float64)
    areal = areal_references(known)
    result = [("reference", same, truth)]
    return result if areal is None else [*result, ("areal", maps, np.asarray(areal, np.float64))]


def compare_maps(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    known: References,
    *,
    maxima: tuple[npt.ArrayLike | None, npt.ArrayLike | None],
    tested: Mask | None = None,
    blocks: int = BLOCKS,
    identity: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Compare two methods pixel by pixel on one scene.

    Args:
        first: (rows, columns, K) maps of one method.
        second: maps of the other.
        known: the scene's references.
        maxima: of the endmembers of both (see ``score_maps``).
        tested: see ``score_maps``.
        blocks: see ``score_maps``.
        identity: see ``score_maps``.

    Returns:
        Rows like those of ``score_maps`` for ``armse`` and ``dominant_accuracy``; ``value`` is first minus second.

    Raises:
        UnmixingError: see ``score_maps``.
    """
    one, other = np.asarray(first, np.float64), np.asarray(second, np.float64)
    used = usable_pixels(one, known, tested) & usable_pixels(other, known, tested)
    places = block_numbers(one.shape[:2], blocks)[used]
    rows = []
    pairs = zip(conventions(one, known, maxima[0]), conventions(other, known, maxima[1]), strict=True)
    for (convention, mine, truth), (_, theirs, _) in pairs:
        ones = np.ones(int(used.sum()))
        squares = [((maps[used] - truth[used]) ** 2).mean(axis=1) for maps in (mine, theirs)]
        hits = [dominant_hits(maps[used], truth[used]) for maps in (mine, theirs)]
        for metric, values, statistic in (
            ("armse", [*squares, ones], root_difference),
            ("dominant_accuracy", [hits[0] - hits[1], ones], ratio),
        ):
            row = {"convention": convention, "metric": metric, "material": ""}
            rows.append(row | _interval(np.column_stack(values), places, statistic))
    facts = {"n": int(used.sum()), "blocks": len(np.unique(places))}
    return pd.DataFrame([{**(identity or {}), **row, **facts} for row in rows])[[*(identity or {}), *COLUMNS]]


def score_values(
    metric: str, values: npt.ArrayLike, used: Mask, *, blocks: int = BLOCKS, identity: Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """Average what is known of each pixel, such as its residual or whether a model abstains.

    Args:
        metric: name in rows.
        values: (rows, columns), finite where used.
        used: (rows, columns) pixels to average over.
        blocks: see ``score_maps``.
        identity: see ``score_maps``.

    Returns:
        One row like those of ``score_maps``, its convention "".

    Raises:
        UnmixingError: no pixel is used.
    """
    if not used.any():
        raise UnmixingError(f"{metric}: no pixel is left to score: check the mask of tested pixels")
    places = block_numbers(used.shape, blocks or 1)[used]
    found = _interval(_with_count(np.asarray(values, np.float64)[used]), places, ratio)
    row = {**(identity or {}), "convention": "", "metric": metric, "material": "", **found}
    row |= {"n": int(used.sum()), "blocks": len(np.unique(places))}
    return pd.DataFrame([row])[[*(identity or {}), *COLUMNS]]


def score_assignment(assignment: npt.ArrayLike, truth: npt.ArrayLike, places: npt.ArrayLike) -> list[dict[str, Any]]:
    """Score a soft assignment of pixels to materials by the dominant material of the references.

    Args:
        assignment: (N, K) probabilities, rows summing to one.
        truth: (N, K) reference abundances.
        places: (N,) block of each pixel.

    Returns:
        Rows for ``brier`` (mean squared distance from the dominant material's unit vector, 0 to 2) and ``ece``
        (expected calibration error: mean distance of confidence from accuracy; C. Guo et al., ICML 2017, equation 3),
        with columns metric, material, value, low, high, interval.
    """
    given, target = np.asarray(assignment, np.float64), np.asarray(truth, np.float64)
    unit = np.eye(target.shape[1])[target.argmax(axis=1)]
    brier = ((given - unit) ** 2).sum(axis=1)
    confidence, hits = given.max(axis=1), dominant_hits(given, target)
    number = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    filled = np.bincount(number, minlength=_BINS)
    gap = np.bincount(number, weights=confidence - hits, minlength=_BINS)
    error = float(np.abs(gap).sum() / filled.sum())
    rows = [{"metric": "brier", "material": ""} | _interval(_with_count(brier), np.asarray(places), ratio)]
    return [*rows, {"metric": "ece", "material": "", **_bare(error)}]


def dominant_hits(estimate: Array, truth: Array) -> Array:
    """Return (N,) 1 where the largest share is that of the reference's, 1 / ties where several are largest."""
    largest = estimate >= estimate.max(axis=1, keepdims=True) - 1e-12
    right = largest[np.arange(len(truth)), truth.argmax(axis=1)]
    return np.asarray(right / largest.sum(axis=1), np.float64)


def average_precision(score: npt.ArrayLike, present: npt.ArrayLike) -> float:
    """Return the area under precision over recall, without interpolation; equal scores are found together.

    Args:
        score: (N,), larger where presence is likelier.
        present: (N,) truth.

    Returns:
        Within [0, 1]; NaN where nothing is present.
    """
    values, truth = np.asarray(score, np.float64), np.asarray(present, bool)
    if not truth.any():
        return float("nan")
    order = np.argsort(-values, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(values[order]) != 0), len(order) - 1)
    hits = np.cumsum(truth[order])[ends]
    precision, recall = hits / (ends + 1), hits / truth.sum()
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def block_numbers(shape: tuple[int, ...], blocks: int = BLOCKS) -> npt.NDArray[np.intp]:
    """Return (rows, columns) numbers of blocks, ``blocks`` on each side of an image of this shape."""
    sides = [np.minimum(np.arange(size) * blocks // size, blocks - 1) for size in shape]
    return np.asarray(sides[0][:, None] * blocks + sides[1][None, :], np.intp)


def usable_pixels(maps: Array, known: References, tested: Mask | None) -> Mask:
    """Return (rows, columns) pixels that were seen, are tested and have an estimate.

    Raises:
        UnmixingError: shapes differ, or no pixel is left.
    """
    shape = None if known.abundances is None else known.abundances.shape
    if shape is None or maps.shape != shape:
        raise UnmixingError(f"maps of shape {maps.shape} where the references have {shape}: give one for each material")
    used = np.isfinite(maps).all(axis=2) & np.isfinite(np.asarray(known.abundances)).all(axis=2)
    for mask in (known.valid, tested):
        if mask is not None:
            used &= mask
    if not used.any():
        raise UnmixingError("no pixel is left to score: check the mask of tested pixels")
    return np.asarray(used)


def _metrics(estimate: Array, truth: Array, names: list[str], places: npt.NDArray[Any]) -> list[dict[str, Any]]:
    squares, absolute = ((estimate - truth) ** 2).mean(axis=1), np.abs(estimate - truth)
    precisions = [average_precision(estimate[:, k], truth[:, k] > PRESENT) for k in range(len(names))]
    noise = ((estimate - truth) ** 2).sum()
    ratio_db = 10 * np.log10((truth**2).sum() / noise) if noise > 0 else np.inf
    rows = [
        {"metric": "armse", "material": ""} | _interval(_with_count(squares), places, None),
        {"metric": "mae", "material": ""} | _interval(_with_count(absolute.mean(axis=1)), places, ratio),
        {"metric": "dominant_accuracy", "material": ""}
        | _interval(_with_count(dominant_hits(estimate, truth)), places, ratio),
        {"metric": "sre_db", "material": "", **_bare(float(ratio_db))},
        {"metric": "presence_map", "material": "", **_bare(float(np.nanmean(precisions)))},
    ]
    for k, name in enumerate(names):
        rows.append({"metric": "mae", "material": name} | _interval(_with_count(absolute[:, k]), places, ratio))
        rows.append({"metric": "presence_map", "material": name, **_bare(precisions[k])})
    return rows


def _with_count(values: Array) -> Array:
    return np.column_stack([values, np.ones(len(values))])


def _bare(value: float) -> dict[str, Any]:
    return {"value": value, "low": np.nan, "high": np.nan, "interval": ""}


def _interval(values: Array, places: npt.NDArray[Any], statistic: Callable[[Array], Array] | None) -> dict[str, Any]:
    """Value and interval over blocks; without a statistic the root of the first sum over the second."""
    sums = cluster_sums(values, places)
    totals = sums.sum(axis=0)
    found: Interval | None
    if statistic is None:
        value, found = float(np.sqrt(totals[0] / totals[1])), root_interval(sums)
    else:
        value, found = float(statistic(totals)), cluster_interval(sums, statistic)
    if found is None:
        return _bare(value)
    return {"value": value, "low": found.low, "high": found.high, "interval": f"blocks, {found.method}"}
