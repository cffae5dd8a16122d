"""Which texts a scene is asked about: the fixed lists of the evaluation, a user's list, or a list drawn up for him.

All of them are data files beside ``data/ontology.yaml``: prompts of the scenes, sentences around a name, and what to
look for in which kind of region.
"""

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from unmixing.errors import UnmixingError
from unmixing.scenes.registry import load_registry
from unmixing.semantic.names import load_names
from unmixing.semantic.ontology import (
    Ontology,
    Resolution,
    ancestors,
    load_ontology,
    normalise,
    resolve,
    with_names,
)

_DATA = Path(__file__).parent / "data"
SCENES_FILE = _DATA / "prompts_scenes.yaml"
TARGETS_FILE = _DATA / "prompts_targets.yaml"
TEMPLATES_FILE = _DATA / "prompts_templates.yaml"
REGIONS_FILE = _DATA / "prompts_regions.yaml"


@dataclass(frozen=True)
class ScenePrompt:
    """A prompt of a scene of the evaluation.

    Attributes:
        reference: name of the material in the scene's reference.
        prompt: what the model is asked for.
        concept: id of the concept that the prompt names.
    """

    reference: str
    prompt: str
    concept: str


@dataclass(frozen=True)
class Candidate:
    """A prompt that was drawn up.

    Attributes:
        concept: its id.
        prompt: its canonical name.
        score: presence where one was given, otherwise 1.
    """

    concept: str
    prompt: str
    score: float


@functools.cache
def study_ontology(*extra: str | Path) -> Ontology:
    """Return all concepts of the study: the shipped ontology, the targets of tests, the minerals of the USGS library.

    The names come from the reviewed table; the library itself is not read. Files are read once.

    Args:
        extra: a user's ontology files.

    Raises:
        UnmixingError: see ``load_ontology``.
    """
    minerals = dict.fromkeys(entry.name for entry in load_names().values() if entry.name and entry.kind == "mineral")
    return with_names(load_ontology(TARGETS_FILE, *extra), list(minerals), "usgs")


def load_scene_prompts(
    ontology: Ontology | None = None, path: str | Path = SCENES_FILE
) -> Mapping[str, tuple[ScenePrompt, ...]]:
    """Return the fixed prompts by scene.

    Args:
        ontology: which concepts there are; by default ``study_ontology()``.
        path: YAML of the form of ``data/prompts_scenes.yaml``.

    Raises:
        UnmixingError: a scene stands twice or is not in the registry, its names are not those of its reference, a
            prompt names no concept or is no concept's canonical one, or two prompts of a scene are one concept.
    """
    known = ontology or study_ontology()
    registry, result = load_registry(), dict[str, tuple[ScenePrompt, ...]]()
    for entry in _read(Path(path), list):
        if not isinstance(entry, dict) or set(entry) != {"scenes", "prompts"}:
            raise UnmixingError(f"{path}: an entry must have the keys scenes and prompts: correct it")
        prompts = _scene(entry["prompts"], known, f"{path}: prompts of {entry['scenes']}")
        for scene in entry["scenes"]:
            if scene in result:
                raise UnmixingError(f"{path}: scene {scene!r} stands twice: remove one of them")
            if scene not in registry:
                raise UnmixingError(f"{path}: scene {scene!r} is unknown: use one of {', '.join(registry)}")
            names = registry[scene].names
            if tuple(prompt.reference for prompt in prompts) != names:
                raise UnmixingError(f"{path}: scene {scene!r} needs prompts for {', '.join(names)}, in this order")
            result[scene] = prompts
    return MappingProxyType(result)


def scene_prompts(scene: str) -> tuple[ScenePrompt, ...]:
    """Return the fixed prompts of a scene.

    Raises:
        UnmixingError: the evaluation has none for it.
    """
    fixed = _default_scene_prompts()
    if scene not in fixed:
        raise UnmixingError(f"scene {scene!r} has no fixed prompts: name them, or choose from {', '.join(fixed)}")
    return fixed[scene]


def parse_prompts(prompts: Sequence[str], ontology: Ontology) -> tuple[Resolution, ...]:
    """Say which concept each prompt of a list names; the same concept may be named more than once.

    Raises:
        UnmixingError: the list is empty, or a prompt names no concept (the message names the nearest).
    """
    if isinstance(prompts, str) or not len(prompts):
        raise UnmixingError(f"prompts must be a list of at least one name, not {prompts!r}: correct it")
    return tuple(resolve(prompt, ontology) for prompt in prompts)


def read_prompts(path: str | Path) -> tuple[str, ...]:
    """Read a user's prompts: a text file with one prompt per line; what follows a ``#`` is a remark.

    Raises:
        UnmixingError: the file cannot be read or holds no prompt.
    """
    lines = (line.partition("#")[0].strip() for line in _text(Path(path)).splitlines())
    prompts = tuple(line for line in lines if line)
    if not prompts:
        raise UnmixingError(f"{path}: no prompt: write one per line")
    return prompts


def auto_prompts(
    ontology: Ontology,
    *,
    region: str = "any",
    available: Iterable[str] | None = None,
    presence: Mapping[str, float] | None = None,
    count: int = 8,
    minimum: float = 0.0,
) -> tuple[Candidate, ...]:
    """Draw up a list of prompts from the ontology (``prompts: auto``).

    Presence decides where it is given, among all concepts or, with a region, among those of its list and what lies
    below them. Otherwise the list is the region's. Of a concept and one above it only the better stays, for their
    endmembers would be nearly the same.

    Args:
        ontology: what is known.
        region: a section of ``data/prompts_regions.yaml``.
        available: ids of the concepts that can be asked for, such as those with spectra; all by default.
        presence: score by id, larger where a concept is likelier there.
        count: how many to return at most.
        minimum: presence below which a concept is left out.

    Returns:
        Candidates, best first.

    Raises:
        UnmixingError: the region is unknown, or nothing is left.
    """
    listed = _region(region, ontology)
    if presence is not None:
        scores = {name: score for name, score in presence.items() if name in ontology.concepts and score >= minimum}
        if region != "any":
            scores = {name: score for name, score in scores.items() if {name, *ancestors(ontology, name)} & set(listed)}
    else:
        scores = dict.fromkeys(listed, 1.0)
    allowed = None if available is None else set(available)
    chosen: list[Candidate] = []
    for name, score in sorted(scores.items(), key=lambda item: -item[1]):
        taken = {candidate.concept for candidate in chosen}
        if (allowed is None or name in allowed) and not any(_related(ontology, name, other) for other in taken):
            chosen.append(Candidate(name, ontology.concepts[name].prompt, float(score)))
    if not chosen:
        raise UnmixingError("prompts auto: no concept is left: lower the minimum, or name the prompts")
    return tuple(chosen[:count])


def retrieval_quality(found: Sequence[str], reference: Sequence[str], ontology: Ontology) -> tuple[float, float]:
    """Compare a list of concepts with what is there.

    A concept counts as found if it, one above it or one below it stands in the other list.

    Args:
        found: ids that were drawn up.
        reference: ids that are there.
        ontology: says what lies above what.

    Returns:
        Precision (share of the list that is there) and recall (share of what is there that is in the list), within
        [0, 1]; NaN of an empty list.
    """

    def share(names: Sequence[str], others: Sequence[str]) -> float:
        hits = [any(_related(ontology, name, other) for other in others) for name in names]
        return sum(hits) / len(hits) if hits else float("nan")

    return share(found, reference), share(reference, found)


@functools.cache
def load_templates() -> Mapping[str, tuple[str, ...]]:
    """Return the sets of sentences into which names are put.

    Raises:
        UnmixingError: a sentence does not hold ``{}`` once.
    """
    sets = {name: tuple(sentences) for name, sentences in _read(TEMPLATES_FILE, dict).items()}
    for name, sentences in sets.items():
        if not sentences or any(sentence.count("{}") != 1 for sentence in sentences):
            raise UnmixingError(f"{TEMPLATES_FILE}: each sentence of {name!r} must hold {{}} once: correct it")
    return MappingProxyType(sets)


@functools.cache
def _default_scene_prompts() -> Mapping[str, tuple[ScenePrompt, ...]]:
    return load_scene_prompts()


def _scene(given: object, ontology: Ontology, where: str) -> tuple[ScenePrompt, ...]:
    if not isinstance(given, dict):
        raise UnmixingError(f"{where} must be given by the names in the reference: correct them")
    result: dict[str, ScenePrompt] = {}
    for reference, prompt in given.items():
        try:
            found = resolve(str(prompt), ontology)
        except UnmixingError as fault:
            raise UnmixingError(f"{where}: {fault}") from None
        if found.concept.prompt != prompt:
            raise UnmixingError(f"{where}: {prompt!r} is not canonical: write {found.concept.prompt!r}")
        if found.concept.id in result:
            raise UnmixingError(f"{where}: {prompt!r} stands for two materials: give each its own")
        result[found.concept.id] = ScenePrompt(str(reference), prompt, found.concept.id)
    return tuple(result.values())


def _region(name: str, ontology: Ontology) -> list[str]:
    regions = _read(REGIONS_FILE, dict)
    if name not in regions:
        raise UnmixingError(f"prompts auto: region {name!r} is unknown: use one of {', '.join(regions)}")
    # A small ontology of a user's own need not know all that the regions list.
    return [ontology.index[key] for prompt in regions[name] if (key := normalise(prompt)) in ontology.index]


def _related(ontology: Ontology, one: str, other: str) -> bool:
    return one == other or one in ancestors(ontology, other) or other in ancestors(ontology, one)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise UnmixingError(
            f"{path}: cannot be read as text ({' '.join(str(fault).split())}): check the path"
        ) from None


def _read(path: Path, kind: type) -> Any:  # noqa: ANN401 -- YAML values
    try:
        document = yaml.safe_load(_text(path))
    except yaml.YAMLError as fault:
        raise UnmixingError(f"{path}: no YAML ({' '.join(str(fault).split())[:120]}): correct the file") from None
    if not isinstance(document, kind):
        raise UnmixingError(f"{path}: must hold a {'list' if kind is list else 'section for each name'}: correct it")
    return document
