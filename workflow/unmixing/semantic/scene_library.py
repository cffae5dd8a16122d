"""Library spectra of some concepts as one sensor would see them: what all baselines without training are given."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from unmixing.errors import UnmixingError
from unmixing.semantic.library import COMMON_GRID, COMMON_RESOLUTION_NM, Library, covered_concept
from unmixing.semantic.ontology import Ontology
from unmixing.semantic.pools import make_pool
from unmixing.semantic.sensors import apply_response, response_matrix, sensor_of_axis

Array = npt.NDArray[np.float64]

#: Spectra of a concept that a method over the whole library may choose from.
REPRESENTATIVES = 30
#: Share of the bands in use that a spectrum must be known on; the rest is read off between its neighbours.
_KNOWN_SHARE = 0.9
_BENDS = 3


@dataclass(frozen=True)
class SceneLibrary:
    """Spectra on the bands of a scene.

    Attributes:
        concepts: C ids whose spectra these are; a prompt without spectra is stood for by the nearest concept above.
        groups: (K,) for each prompt the number of its concept; prompts that share a concept share its abundance.
        bands: (bands of the scene,) True where the spectra are known: B bands.
        means: (C, B) reflectance; every site or specimen weighs the same.
        spectra: (n, B) reflectance of the representatives.
        owner: (n,) number of the concept of each.
        stand_ins: prompt's concept to the concept that stands for it, where they differ.
    """

    concepts: tuple[str, ...]
    groups: npt.NDArray[np.intp]
    bands: npt.NDArray[np.bool_]
    means: Array = field(repr=False)
    spectra: Array = field(repr=False)
    owner: npt.NDArray[np.int64] = field(repr=False)
    stand_ins: tuple[tuple[str, str], ...] = ()

    @property
    def maxima(self) -> Array:
        """Largest value of each prompt's mean spectrum, (K,): what turns areas into shares of brightness."""
        return np.asarray(self.means.max(axis=1)[self.groups], np.float64)

    def share(self, abundances: npt.ArrayLike) -> Array:
        """Give abundances (N, C) of concepts to the prompts (N, K): a shared concept is divided equally."""
        count = np.bincount(self.groups, minlength=len(self.concepts))
        return np.asarray((np.asarray(abundances, np.float64) / count)[:, self.groups], np.float64)


def scene_library(
    library: Library,
    ontology: Ontology,
    concepts: Sequence[str],
    wavelengths: npt.ArrayLike,
    *,
    rows: npt.ArrayLike | None = None,
) -> SceneLibrary:
    """Resample the spectra of the concepts of some prompts to the bands of a scene.

    Args:
        library: all sources.
        ontology: a concept's spectra include its members'.
        concepts: K ids, one for each prompt; one without spectra is stood for by the nearest above that has some.
        wavelengths: (bands,) nanometres, rising.
        rows: positions in ``library.records`` to take from, such as a training split; all by default.

    Raises:
        UnmixingError: a prompt has neither spectra nor a concept above it that has, one concept contains another,
            or fewer bands than concepts are left.
    """
    asked, places = _stand_ins(library, ontology, concepts)
    pool = make_pool(library, ontology, asked, rows=rows)
    sensor = sensor_of_axis(wavelengths)
    matrix = response_matrix(sensor, COMMON_GRID, COMMON_RESOLUTION_NM)
    seen = apply_response(matrix, pool.spectra)
    count = len(pool.edges)
    bands = np.asarray(np.isfinite(seen[count:]).all(axis=0), bool)
    if bands.sum() < max(2, len(asked)):
        raise UnmixingError(
            f"the libraries know {int(bands.sum())} of the scene's {bands.size} bands, too few for {len(asked)} "
            f"concepts: check the wavelengths (nanometres), or give a library that reaches them"
        )
    means, spectra, owner = seen[count:][:, bands], seen[:count][:, bands], pool.owner[:count]
    known = np.isfinite(spectra).mean(axis=1) >= _KNOWN_SHARE
    spectra = fill_gaps(spectra[known], np.asarray(sensor.centres)[bands])
    owner = owner[known]
    chosen = np.concatenate(
        [
            np.flatnonzero(owner == number)[spread_spectra(spectra[owner == number], mean, REPRESENTATIVES)]
            for number, mean in enumerate(means)
        ]
    )
    return SceneLibrary(
        concepts=tuple(asked),
        groups=np.array([asked.index(place) for place in places], dtype=np.intp),
        bands=bands,
        means=means,
        spectra=spectra[chosen],
        owner=owner[chosen],
        stand_ins=tuple((name, place) for name, place in zip(concepts, places, strict=True) if name != place),
    )


def spread_spectra(spectra: Array, mean: Array, count: int) -> npt.NDArray[np.intp]:
    """Choose spectra that stand for all of a concept: each next one is furthest from those chosen.

    The greedy choice covers all spectra within twice the smallest possible radius (T. F. Gonzalez, Theoretical
    Computer Science 38, 1985), here of the angle.

    Args:
        spectra: (n, bands), finite.
        mean: (bands,); the spectrum nearest to it is the first.
        count: how many to choose at most.

    Returns:
        Their positions, at most n.
    """
    if len(spectra) <= count:
        return np.arange(len(spectra))
    unit = spectra / np.maximum(np.linalg.norm(spectra, axis=1, keepdims=True), 1e-12)
    chosen = [int(np.argmax(unit @ mean))]
    nearest = unit @ unit[chosen[0]]
    while len(chosen) < count:
        chosen.append(int(np.argmin(nearest)))
        nearest = np.maximum(nearest, unit @ unit[chosen[-1]])
    return np.array(chosen, dtype=np.intp)


def choose_spectra(spectra: Array, mean: Array, count: int) -> Array:
    """Return at most ``count`` of some spectra (n, grid), far apart by angle, unknown points filled along lines.

    Args:
        spectra: (n, grid) reflectance, NaN where unknown, each known somewhere.
        mean: (grid,) that the first one is nearest to, NaN where unknown.
        count: how many.
    """
    filled = fill_gaps(spectra)
    return filled[spread_spectra(filled, fill_gaps(mean[None])[0], count)]


def bent(mean: Array, amplitude: float) -> Array:
    """Return smoothly bent copies of a spectrum (grid,): times 1 +- a cos(j pi u), j = 1, 2, 3, u along the grid.

    They give every concept some variability, also one of which a library holds the spectra of one object only.

    Args:
        mean: finite.
        amplitude: a, 0 to below 1; none are returned for 0.

    Returns:
        (6, grid) or (0, grid).
    """
    place = np.linspace(0.0, np.pi, mean.size)
    waves = np.cos(np.arange(1, _BENDS + 1)[:, None] * place)
    curves = 1 + amplitude * np.concatenate([waves, -waves])
    return np.asarray(curves * mean, np.float64)[: 2 * _BENDS if amplitude > 0 else 0]


def fill_gaps(spectra: Array, axis: Array | None = None) -> Array:
    """Return spectra (n, bands) with straight lines across what is unknown; the ends are held.

    Args:
        spectra: NaN where unknown, each known somewhere.
        axis: (bands,) wavelengths, rising; by default bands are evenly spaced.
    """
    result = np.array(spectra, np.float64)
    place = np.arange(result.shape[1]) if axis is None else axis
    for row in result:
        known = np.isfinite(row)
        row[~known] = np.interp(place[~known], place[known], row[known])
    return result


def _stand_ins(library: Library, ontology: Ontology, concepts: Sequence[str]) -> tuple[list[str], list[str]]:
    if not len(concepts):
        raise UnmixingError("no concepts to look for: name at least one")
    places = [covered_concept(ontology, library, concept) for concept in concepts]
    missing = [concept for concept, place in zip(concepts, places, strict=True) if not place]
    if missing:
        names = ", ".join(repr(ontology.concepts[name].prompt) for name in missing)
        raise UnmixingError(f"no library at hand has a spectrum of {names}: give one that has, or leave the prompt out")
    return list(dict.fromkeys(places)), places
