"""What a model is trained to tell apart: materials with spectra of their own, and the prompts that lie above them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from unmixing.errors import UnmixingError
from unmixing.semantic.library import Library
from unmixing.semantic.ontology import MINERAL, Ontology, ancestors, build_ontology, members
from unmixing.semantic.pools import Pool, make_pool
from unmixing.semantic.scene_library import choose_spectra
from unmixing.semantic.sensors import Sensor
from unmixing.semantic.sources import COMMON_GRID

Array = npt.NDArray[np.float64]
#: Chance that a prompt stands for all that lies below it.
_COLLAPSE = 0.4
#: Number of prompts of a drawn list, where there are as many.
_FEWEST_PROMPTS, _MOST_PROMPTS = 4, 12
#: Spectra of a material that a model keeps; prompts above several materials choose from all of theirs.
STORED = 24


@dataclass(frozen=True)
class Materials:
    """Spectra by material, and the prompts over them.

    Attributes:
        pool: one entry for each material: a concept's own spectra, without its members'.
        prompts: ids of materials and of all above them.
        over: (prompts, materials) bool: which belong to which.
        children: for each prompt the prompts directly below it.
        own: for each prompt the number of its own material, or -1.
        means: (prompts, grid) library means, members included; NaN where unknown.
    """

    pool: Pool
    prompts: tuple[str, ...]
    over: npt.NDArray[np.bool_]
    children: tuple[tuple[int, ...], ...]
    own: npt.NDArray[np.int64]
    means: Array


@dataclass(frozen=True)
class Question:
    """Prompts of a batch: none lies above another, and each material belongs to one at most.

    Attributes:
        prompts: numbers in ``Materials.prompts``.
        materials: numbers of the materials that may occur.
        owner: (materials,) place in ``prompts`` of each.
    """

    prompts: tuple[int, ...]
    materials: tuple[int, ...]
    owner: npt.NDArray[np.int64]


def gather_materials(
    library: Library,
    ontology: Ontology,
    *,
    rows: npt.ArrayLike | None = None,
    groups: Sequence[str] | None = None,
) -> Materials:
    """Gather all concepts that have spectra of their own, minerals left out.

    Args:
        library: all sources.
        ontology: what they are called and belong to.
        rows: records to take (see ``make_pool``), such as the training split.
        groups: see ``make_pool``.

    Raises:
        UnmixingError: fewer than two concepts have spectra.
    """
    pool = own_pool(library, ontology, rows=rows, groups=groups, without=MINERAL)
    materials = list(pool.concepts)
    above = {name: (name, *ancestors(ontology, name)) for name in materials}
    wanted = {name for chain in above.values() for name in chain}
    prompts = tuple(name for name in ontology.concepts if name in wanted)
    place = {name: index for index, name in enumerate(prompts)}
    over = np.array([[prompt in above[name] for name in materials] for prompt in prompts])
    children: list[list[int]] = [[] for _ in prompts]
    for name in prompts:
        parent = ontology.concepts[name].parent
        if parent:
            children[place[parent]].append(place[name])
    own = np.array([materials.index(name) if name in materials else -1 for name in prompts])
    return Materials(
        pool=pool,
        prompts=prompts,
        over=over,
        children=tuple(map(tuple, children)),
        own=own,
        means=concept_means(library, ontology, prompts, rows=rows, groups=groups),
    )


def own_pool(
    library: Library,
    ontology: Ontology,
    *,
    rows: npt.ArrayLike | None = None,
    groups: Sequence[str] | None = None,
    without: str = "",
) -> Pool:
    """Return a pool of all concepts that have spectra of their own, each without its members'.

    Arguments and errors are those of ``gather_materials``; ``without`` is a concept to leave out with all below it.
    """
    chosen = np.zeros(len(library.records), dtype=bool)
    chosen[slice(None) if rows is None else np.asarray(rows)] = True
    present = set(library.records["concept"][chosen])
    barred = set(members(ontology, without)) if without in ontology.concepts else set()
    materials = [name for name in ontology.concepts if name in present and name not in barred]
    if len(materials) < 2:
        raise UnmixingError("fewer than two concepts have spectra: give a library with more")
    flat = build_ontology(replace(ontology.concepts[name], parent="") for name in materials)
    return make_pool(library, flat, materials, rows=rows, groups=groups)


def concept_means(
    library: Library,
    ontology: Ontology,
    concepts: Sequence[str],
    *,
    rows: npt.ArrayLike | None = None,
    groups: Sequence[str] | None = None,
) -> Array:
    """Return the mean spectrum of each concept with its members, (C, grid), as ``make_pool`` takes it."""
    return np.concatenate([make_pool(library, ontology, [name], rows=rows, groups=groups).means for name in concepts])


def spread_pool(pool: Pool, count: int = STORED) -> tuple[tuple[str, ...], Array]:
    """Return spectra that stand for each concept of a pool: whose each is (n,), and (n, grid) without gaps."""
    library = pool.spectra[: len(pool.edges)]
    names: list[str] = []
    parts = []
    for number, name in enumerate(pool.concepts):
        parts.append(choose_spectra(library[pool.owner[: len(library)] == number], pool.means[number], count))
        names += [name] * len(parts[-1])
    return tuple(names), np.concatenate(parts)


def draw_question(materials: Materials, rng: np.random.Generator) -> Question:
    """Draw a list of prompts as a user could give it.

    From the top down a prompt stands for all below it with a fixed chance, or gives way to its children; one with
    spectra of its own and members beside it keeps the ones or the others.

    Args:
        materials: what there is.
        rng: draws.
    """
    below = {child for group in materials.children for child in group}
    stack = [index for index in range(len(materials.prompts)) if index not in below]
    cut: list[tuple[int, tuple[int, ...]]] = []
    while stack:
        index = stack.pop()
        children, own = materials.children[index], int(materials.own[index])
        everything = tuple(np.flatnonzero(materials.over[index]).tolist())
        if not children or rng.random() < _COLLAPSE:
            cut.append((index, everything))
        elif own >= 0 and rng.random() < 0.5:
            cut.append((index, (own,)))
        else:
            stack.extend(children)
    count = min(int(rng.integers(_FEWEST_PROMPTS, _MOST_PROMPTS + 1)), len(cut))
    chosen = [cut[place] for place in rng.permutation(len(cut))[:count]]
    owned = [(material, place) for place, (_, group) in enumerate(chosen) for material in group]
    return Question(
        prompts=tuple(index for index, _ in chosen),
        materials=tuple(material for material, _ in owned),
        owner=np.array([place for _, place in owned]),
    )


def ask(materials: Materials, prompts: Sequence[str]) -> Question:
    """Return the question of a list of prompts.

    Raises:
        UnmixingError: a prompt has no spectra, or two of them share some.
    """
    places = {name: index for index, name in enumerate(materials.prompts)}
    owned: list[tuple[int, int]] = []
    for place, name in enumerate(prompts):
        if name not in places:
            raise UnmixingError(f"no material of training belongs to {name!r}: leave it out, or give a library")
        owned += [(int(material), place) for material in np.flatnonzero(materials.over[places[name]])]
    if len({material for material, _ in owned}) < len(owned):
        raise UnmixingError(f"prompts {', '.join(prompts)} share materials: name none that lies above another")
    return Question(
        tuple(places[name] for name in prompts),
        tuple(material for material, _ in owned),
        np.array([place for _, place in owned]),
    )


def share_pool(pool: Pool, materials: Sequence[int]) -> Pool:
    """Return a pool of some of its concepts, in the given order."""
    count = len(pool.edges)
    parts = [np.flatnonzero(pool.owner[:count] == number) for number in materials]
    rows = np.concatenate(parts)
    owner = np.repeat(np.arange(len(materials)), [len(part) for part in parts])
    old = np.asarray(materials)[owner]
    # Ends must be exact: a draw beyond the last one would have no spectrum.
    edges = np.clip(pool.edges[rows] - old + owner, owner, owner + 1.0)
    edges[np.cumsum([len(part) for part in parts]) - 1] = np.arange(len(materials)) + 1.0
    whole = np.concatenate([rows, count + np.asarray(materials)])
    return Pool(
        concepts=tuple(pool.concepts[number] for number in materials),
        spectra=pool.spectra[whole],
        owner=np.concatenate([owner, np.arange(len(materials))]),
        record=tuple(pool.record[row] for row in whole),
        edges=edges,
    )


def draw_sensor(rng: np.random.Generator) -> Sensor:
    """Draw a sensor: two of three are spectrometers with lost bands, the others multispectral.

    Sentinel-2, Landsat 8 and the axes of the study's scenes are none of them but by chance, so that a test on those
    is a test on sensors that training did not see.
    """
    low, high = COMMON_GRID[0], COMMON_GRID[-1]
    if rng.random() < 2 / 3:
        end = rng.uniform(850, 1050) if rng.random() < 0.35 else rng.uniform(2250, high - 15)
        step = rng.uniform(5, 20)
        centres = np.arange(rng.uniform(low + 15, low + 60), end, step)
        kept = rng.random(centres.size) >= rng.uniform(0.0, 0.6)
        kept[rng.integers(centres.size, size=2)] = True
        widths = np.full(centres.size, step * rng.uniform(0.9, 1.2))
    else:
        edges = np.linspace(low + 20, high - 120, int(rng.integers(7, 25)) + 1)
        if rng.random() < 0.7:
            # Real ones look mostly at the visible and near infrared.
            edges = low + 20 + (edges - edges[0]) * ((edges - edges[0]) / (edges[-1] - edges[0])) ** 1.2
        centres = rng.uniform(edges[:-1], edges[1:])
        centres = centres[np.append(True, np.diff(centres) > 5)]
        widths = rng.uniform(15, 80, centres.size)
        kept = np.ones(centres.size, dtype=bool)
    return Sensor("drawn", "drawn", tuple(centres[kept].tolist()), tuple(widths[kept].tolist()), "gaussian", "drawn")
