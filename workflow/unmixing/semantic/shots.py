"""Few shots: k pure pixels of each material, what is left to test on, and what the same pixels give without a model.

Pure pixels are chosen by the references (``uses_truth: training``). A shot's neighbours resemble it, so that all within
five pixels of a shot are tested by nobody. A material with fewer than k + 20 pure pixels drops out by name; pixels that
hold more than a trace of it are not tested, and what little is left of it in others is divided out of the references.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.ndimage import binary_erosion

from unmixing.classical.abundances import fcls, scls, sum_normalised
from unmixing.errors import UnmixingError
from unmixing.evaluation import References
from unmixing.scenes.hysu import empty_windows
from unmixing.semantic.baselines import nearest_by_angle
from unmixing.semantic.library_search import best_combination
from unmixing.semantic.scores import compare_maps, score_maps

if TYPE_CHECKING:
    import xarray as xr

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

COUNTS = (1, 5, 10, 20)
DRAWS = 10
#: Reference abundance above which a pixel is pure.
PURE = 0.9
#: Pure pixels of a material that must be left beside its shots.
SPARE = 20
#: Pixels around a shot, in both directions, that are not tested.
BUFFER = 5
#: A pixel may hold this much of a material that dropped out and still be tested.
TRACE = 0.05


@dataclass(frozen=True)
class Shots:
    """One draw of shots.

    Attributes:
        k: pixels for each material.
        draw: number of the draw.
        kept: positions of the materials that have shots, C of them.
        dropped: name and reason of each material that dropped out.
        places: (C, k, 2) row and column of the shots.
        tested: (rows, columns) pixels that are tested: seen, outside of all buffers, without dropped materials.
    """

    k: int
    draw: int
    kept: tuple[int, ...]
    dropped: tuple[tuple[str, str], ...]
    places: npt.NDArray[np.intp]
    tested: Mask

    def spectra(self, cube: npt.ArrayLike) -> Array:
        """Return the shots' spectra from a cube (rows, columns, bands): (C, k, bands)."""
        return np.asarray(np.asarray(cube)[self.places[..., 0], self.places[..., 1]], np.float64)

    def references(self, known: References) -> References:
        """Return the references of the materials that are left, their abundances summing to one again."""
        assert known.abundances is not None  # shots were drawn from them
        order = list(self.kept)
        shares = sum_normalised(np.asarray(known.abundances, np.float64)[..., order])
        endmembers = None if known.endmembers is None else known.endmembers[order]
        return replace(known, names=[known.names[k] for k in order], endmembers=endmembers, abundances=shares)


def draw_shots(
    known: References,
    k: int,
    entropy: int,
    *,
    draws: int = DRAWS,
) -> tuple[Shots, ...]:
    """Draw shots from a scene with reference abundances.

    Draws of one scene and entropy are nested: the shots of a smaller k are among those of a larger one as long as the
    same materials take part, so that curves over k differ by what is added alone.

    Args:
        known: the scene's references.
        k: pixels for each material.
        entropy: of the study.
        draws: number of draws.

    Raises:
        UnmixingError: there are no reference abundances, or fewer than two materials are left.
    """
    if known.abundances is None:
        raise UnmixingError("shots are chosen by reference abundances: the scene has none")
    shares = np.asarray(known.abundances, np.float64)
    seen = np.ones(shares.shape[:2], bool) if known.valid is None else known.valid
    pure = {number: np.argwhere((shares[..., number] > PURE) & seen) for number in range(shares.shape[-1])}
    kept = tuple(number for number, places in pure.items() if len(places) >= k + SPARE)
    dropped = tuple(
        (known.names[number], f"{len(places)} pure pixels, {k + SPARE} are needed")
        for number, places in pure.items()
        if number not in kept
    )
    if len(kept) < 2:
        raise UnmixingError(
            f"{k} shots: fewer than two materials have {k + SPARE} pure pixels "
            f"({'; '.join(f'{name}: {reason}' for name, reason in dropped)}): take fewer shots"
        )
    left = shares[..., [number for number in pure if number not in kept]]
    clean = seen & (left.sum(axis=-1) <= TRACE)
    result = []
    for draw, stream in enumerate(np.random.SeedSequence(entropy).spawn(draws)):
        # One stream for each material, so that a material that drops out moves no other's shots.
        streams = stream.spawn(len(pure))
        places = np.stack(
            [pure[number][np.random.default_rng(streams[number]).permutation(len(pure[number]))[:k]] for number in kept]
        )
        near = near_pixels(places.reshape(-1, 2), clean.shape)
        result.append(Shots(k, draw, kept, dropped, places, clean & ~near))
    return tuple(result)


def near_pixels(places: npt.ArrayLike, shape: tuple[int, ...]) -> Mask:
    """Return (rows, columns) True within ``BUFFER`` rows and columns of any of the places (n, 2)."""
    near = np.zeros(shape[:2], dtype=bool)
    for row, column in np.asarray(places, np.intp):
        near[max(row - BUFFER, 0) : row + BUFFER + 1, max(column - BUFFER, 0) : column + BUFFER + 1] = True
    return near


@dataclass(frozen=True)
class ShotEstimate:
    """What a baseline makes of shots.

    Attributes:
        shares: (N, C) on the simplex.
        maxima: (C,) largest value of its endmembers; None for labels (see ``scores.score_maps``).
    """

    shares: Array
    maxima: Array | None


def mean_fcls(pixels: npt.ArrayLike, shots: npt.ArrayLike) -> ShotEstimate:
    """Fit the mean spectra of the shots (C, k, bands) to pixels (N, bands), abundances summing to one."""
    means = np.asarray(shots, np.float64).mean(axis=1)
    return ShotEstimate(fcls(pixels, means), means.max(axis=1))


def mean_scls(pixels: npt.ArrayLike, shots: npt.ArrayLike) -> ShotEstimate:
    """Fit the mean spectra of the shots (C, k, bands) to pixels (N, bands) with a free brightness."""
    means = np.asarray(shots, np.float64).mean(axis=1)
    return ShotEstimate(scls(pixels, means), means.max(axis=1))


def nearest_shot_mean(pixels: npt.ArrayLike, shots: npt.ArrayLike) -> ShotEstimate:
    """Give each pixel (N, bands) wholly to the material whose mean shot has the smallest angle to it."""
    return ShotEstimate(nearest_by_angle(pixels, np.asarray(shots, np.float64).mean(axis=1)), None)


def all_shots(pixels: npt.ArrayLike, shots: npt.ArrayLike) -> ShotEstimate:
    """Find for each pixel (N, bands) the best shot of each material it needs, instead of their mean."""
    spectra = np.asarray(shots, np.float64)
    materials, k, bands = spectra.shape
    owner = np.repeat(np.arange(materials), k)
    found = best_combination(pixels, np.maximum(spectra.reshape(-1, bands), 0.0), owner)
    return ShotEstimate(sum_normalised(found), spectra.mean(axis=1).max(axis=1))


#: What the same pixels give without a model: title and method, by name.
SHOT_BASELINES: Mapping[str, tuple[str, Callable[[npt.ArrayLike, npt.ArrayLike], ShotEstimate]]] = MappingProxyType(
    {
        "shots_mean_scls": ("SCLS, mean spectra of the shots", mean_scls),
        "shots_mean_fcls": ("FCLS, mean spectra of the shots", mean_fcls),
        "shots_nearest": ("Nearest mean of the shots by angle", nearest_shot_mean),
        "shots_all": ("Best of all shots for each pixel", all_shots),
    }
)


@dataclass(frozen=True)
class ShotMethod:
    """A method that may use shots.

    Attributes:
        title: name in tables.
        uses_truth: what of the references it relies on.
        solve: (pixels (N, bands), their numbers (N,) in the image read row by row, draw) -> estimate, or None where
            the draw is not for it.
    """

    title: str
    uses_truth: str
    solve: Callable[[Array, npt.NDArray[np.intp], Shots], ShotEstimate | None]


def baseline_methods(cube: npt.ArrayLike, names: Sequence[str] = tuple(SHOT_BASELINES)) -> dict[str, ShotMethod]:
    """Return the baselines of the shots of a cube (rows, columns, bands) as methods, by name."""

    def method(name: str) -> ShotMethod:
        title, solve = SHOT_BASELINES[name]
        return ShotMethod(title, "training", lambda pixels, _, drawn: solve(pixels, drawn.spectra(cube)))

    return {name: method(name) for name in names}


def score_shots(
    known: References,
    shots: Sequence[Shots],
    *,
    identity: Mapping[str, Any] | None = None,
    methods: Mapping[str, ShotMethod] | None = None,
    against: Sequence[str] = (),
) -> pd.DataFrame:
    """Score methods on some draws of shots.

    Args:
        known: the scene's references.
        shots: draws, of one or several k.
        identity: columns to put first.
        methods: by name; the baselines by default.
        against: names of methods that all others are compared with, pixel by pixel.

    Returns:
        Rows of ``scores.score_maps`` and ``scores.compare_maps`` for each draw and method, with ``method``, ``title``,
        ``uses_truth``, ``k``, ``draw``, ``materials``, ``dropped`` (names, joined) and ``against`` ("" where nothing
        is compared). No intervals: those of a method are over its draws.

    Raises:
        UnmixingError: no draw leaves a pixel to test.
    """
    parts = []
    chosen = baseline_methods(known.cube) if methods is None else methods
    shape, pixels = known.cube.shape[:2], np.asarray(known.cube).reshape(-1, known.cube.shape[-1])
    for drawn in shots:
        truth, places = drawn.references(known), np.flatnonzero(drawn.tested)
        if not places.size:
            continue
        maps: dict[str, tuple[Array, Array | None]] = {}
        about = {
            **(identity or {}),
            "k": drawn.k,
            "draw": drawn.draw,
            "materials": len(drawn.kept),
            "dropped": ", ".join(name for name, _ in drawn.dropped),
        }
        for name, method in chosen.items():
            found = method.solve(np.asarray(pixels[places], np.float64), places, drawn)
            if found is not None:
                layers = np.full((len(pixels), len(drawn.kept)), np.nan)
                layers[places] = found.shares
                maps[name] = (layers.reshape(*shape, -1), found.maxima)
        for name, (layers, maxima) in maps.items():
            method = chosen[name]
            own = {**about, "method": name, "title": method.title, "uses_truth": method.uses_truth, "against": ""}
            parts.append(score_maps(layers, truth, maxima=maxima, tested=drawn.tested, blocks=0, identity=own))
            for other in [other for other in against if other != name and other in maps]:
                both, more = (maxima, maps[other][1]), {**own, "against": other}
                theirs = maps[other][0]
                part = compare_maps(layers, theirs, truth, maxima=both, tested=drawn.tested, blocks=1, identity=more)
                parts.append(part)
    if not parts:
        raise UnmixingError("the buffers of the shots leave no pixel to test: take fewer shots")
    return pd.concat(parts, ignore_index=True)


def target_shots(scene: "xr.Dataset", k: int, entropy: int, *, draws: int = DRAWS) -> tuple[Shots, ...]:
    """Draw shots from the 3 m targets of DLR HySU; the smaller targets are tested.

    A target covers some whole pixels: those of its search area whose four neighbours lie in it too. Grass has no
    target; its shots are ground away from all targets, and their 4 x 4 windows no longer count as empty.

    Args:
        scene: of ``scenes.hysu.read_hysu``.
        k: pixels for each material, at most 5: a target has 9 or 10 whole ones.
        entropy: of the study.
        draws: number of draws.

    Returns:
        Shots in the order of the scene's materials; ``tested`` is all ground outside of the 3 m targets' search areas.

    Raises:
        UnmixingError: the scene has no targets, or a target has fewer whole pixels.
    """
    if "target_mask" not in scene:
        raise UnmixingError(f"scene {scene.attrs.get('id', '')!r} has no targets of known area: use DLR HySU")
    largest = scene["target_size"].to_numpy() == 1
    masks = scene["target_mask"].to_numpy().astype(bool)
    names = [str(name) for name in scene["name"].to_numpy()]
    alone = masks.sum(axis=0) == 1
    whole = [np.argwhere(binary_erosion(mask & largest) & alone) for mask in masks]
    windows = np.array(empty_windows(scene))
    offsets = np.argwhere(np.ones((4, 4), bool))
    whole += [(windows[:, None] + offsets[None]).reshape(-1, 2)] * (len(names) - len(masks))
    for name, places in zip(names, whole, strict=True):
        if len(places) < k:
            raise UnmixingError(f"{k} shots: the 3 m target of {name} covers {len(places)} whole pixels: take fewer")
    result = []
    for draw, stream in enumerate(np.random.SeedSequence(entropy).spawn(draws)):
        streams = stream.spawn(len(names))
        chosen = [
            places[np.random.default_rng(own).permutation(len(places))[:k]]
            for places, own in zip(whole, streams, strict=True)
        ]
        result.append(Shots(k, draw, tuple(range(len(names))), (), np.stack(chosen), ~largest))
    return tuple(result)


def without_shots(scene: "xr.Dataset", shots: Shots) -> "xr.Dataset":
    """Return the scene with the shots' ground excluded, so that no window without targets holds one of them."""
    excluded = scene["excluded"].to_numpy().copy()
    excluded[shots.places[..., 0], shots.places[..., 1]] = 1
    return scene.assign(excluded=(("row", "col"), excluded))
