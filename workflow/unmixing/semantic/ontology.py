"""Concepts that can be asked for by name: what they are called, what they belong to, which records show them.

The concepts stand in ``data/ontology.yaml``; a user's file of the same form adds concepts or adds to known ones.
Reading is strict (each concept and each string once, no unknown parent), resolving what a user writes is lenient in
spelling and strict in meaning: a prompt that names no concept is refused with the nearest ones.
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from unmixing.errors import UnmixingError
from unmixing.semantic.concepts import (
    LANGUAGES,
    Concept,
    RecordRule,
    normalise,
    plain,
    read_concepts,
    strings,
)

__all__ = [
    "LANGUAGES",
    "Concept",
    "Ontology",
    "RecordRule",
    "Resolution",
    "ancestors",
    "build_ontology",
    "get_concept",
    "load_ontology",
    "members",
    "normalise",
    "resolve",
    "retrieve",
    "strings",
    "with_names",
]

ONTOLOGY_FILE = Path(__file__).parent / "data" / "ontology.yaml"
#: Concept above all minerals, whose names differ so little that one wrong letter is often another mineral.
MINERAL = "mineral"

#: Similarity (2 x matching letters / all letters) from which a word counts as misspelt rather than as another word.
_CLOSE = 0.85
#: The same for minerals: a letter left out or added in a long name passes, a letter exchanged does not.
_CLOSE_MINERAL = 0.92
_SHORTEST_CORRECTED = 4


@dataclass(frozen=True)
class Ontology:
    """All concepts, and the index of what they are called.

    Attributes:
        concepts: by id, in the order of the files.
        index: normalised string to the id of the concept that it names.
    """

    concepts: Mapping[str, Concept]
    index: Mapping[str, str]


@dataclass(frozen=True)
class Resolution:
    """What a prompt was taken for.

    Attributes:
        concept: the concept.
        prompt: what the user wrote.
        how: ``exact`` or, after a correction of letters, ``spelling``.
        matched: the known string it was taken for, normalised.
    """

    concept: Concept
    prompt: str
    how: Literal["exact", "spelling"]
    matched: str


def load_ontology(*extra: str | Path) -> Ontology:
    """Read the shipped ontology and files that add to it.

    Args:
        extra: YAML files of the same form. A known id adds paraphrases, held-out wordings, aliases and records;
            its prompt and parent, where given, must be the same.

    Raises:
        UnmixingError: a file is no such document, a concept or string stands twice, a parent is unknown or above
            itself, or a prompt or parent contradicts the shipped one.
    """
    concepts = read_concepts(ONTOLOGY_FILE)
    for path in extra:
        concepts |= read_concepts(Path(path), concepts)
    return build_ontology(concepts.values())


def build_ontology(concepts: Iterable[Concept]) -> Ontology:
    """Check concepts against each other and index their strings.

    Raises:
        UnmixingError: an id or a string stands twice, a parent is unknown or leads back to its child.
    """
    known: dict[str, Concept] = {}
    for concept in concepts:
        if concept.id in known:
            raise UnmixingError(f"ontology: concept {concept.id!r} stands twice: remove one of them")
        known[concept.id] = concept
    for concept in known.values():
        if concept.parent and concept.parent not in known:
            raise UnmixingError(
                f"ontology: concept {concept.id!r} has the unknown parent {concept.parent!r}: "
                f"add it, or choose from {_listed(difflib.get_close_matches(concept.parent, known, 5, 0) or known)}"
            )
        seen, above = {concept.id}, concept.parent
        while above:
            if above in seen:
                raise UnmixingError(f"ontology: concept {concept.id!r} is above itself: correct the parents")
            seen.add(above)
            above = known[above].parent
    index: dict[str, str] = {}
    for concept in known.values():
        for text in strings(concept):
            for key in _keys(text):
                owner = index.setdefault(key, concept.id)
                if owner != concept.id:
                    raise UnmixingError(
                        f"ontology: {text!r} names both {owner!r} and {concept.id!r}: give it to one of them"
                    )
    return Ontology(MappingProxyType(known), MappingProxyType(index))


def with_names(ontology: Ontology, names: Sequence[str], source: str) -> Ontology:
    """Return the ontology with one more mineral for every name that it does not know yet.

    Args:
        ontology: what is there.
        names: readable names of a library's minerals.
        source: library whose records bear these names.
    """
    added: dict[str, Concept] = {}
    for name in names:
        identifier = re.sub(r"[^a-z0-9]+", "_", plain(name)).strip("_")
        if normalise(name) in ontology.index or identifier in ontology.concepts or identifier in added:
            continue
        rule = RecordRule(names=(name,))
        added[identifier] = Concept(id=identifier, prompt=name, parent=MINERAL, records={source: (rule,)})
    return build_ontology((*ontology.concepts.values(), *added.values()))


def ancestors(ontology: Ontology, identifier: str) -> tuple[str, ...]:
    """Return the concepts above one, nearest first.

    Raises:
        UnmixingError: there is no such concept.
    """
    above, result = get_concept(ontology, identifier).parent, []
    while above:
        result.append(above)
        above = ontology.concepts[above].parent
    return tuple(result)


def members(ontology: Ontology, identifier: str) -> tuple[str, ...]:
    """Return a concept and all below it, in the order of the ontology, itself first.

    Raises:
        UnmixingError: there is no such concept.
    """
    get_concept(ontology, identifier)
    below = [name for name in ontology.concepts if identifier in ancestors(ontology, name)]
    return (identifier, *below)


def get_concept(ontology: Ontology, identifier: str) -> Concept:
    """Return a concept by its id.

    Raises:
        UnmixingError: there is no such concept.
    """
    if identifier not in ontology.concepts:
        near = difflib.get_close_matches(identifier, ontology.concepts, 5, 0.4)
        raise UnmixingError(f"no concept {identifier!r} in the ontology: choose an id such as {_listed(near)}")
    return ontology.concepts[identifier]


def resolve(prompt: str, ontology: Ontology) -> Resolution:
    """Say which concept a prompt names.

    Known strings are compared after ``normalise``. Otherwise the nearest known string is taken if it differs by a
    slip of the pen only: very similar, no other concept about as near, and no word changed that is itself known
    ("dry glass" is not taken for "dry grass").

    Raises:
        UnmixingError: the prompt names no concept; the message names the nearest.
    """
    key = normalise(prompt)
    if key in ontology.index:
        return Resolution(ontology.concepts[ontology.index[key]], prompt, "exact", key)
    vocabulary = {word for known in ontology.index for word in known.split()}
    near = difflib.get_close_matches(key, ontology.index, 12, 0.6)
    ratios = [difflib.SequenceMatcher(None, key, text).ratio() for text in near]
    if near and len(key) >= _SHORTEST_CORRECTED:
        best = ontology.index[near[0]]
        mineral = best == MINERAL or MINERAL in ancestors(ontology, best)
        rivals = [ratio for text, ratio in zip(near, ratios, strict=True) if ontology.index[text] != best]
        changed = [word for word in key.split() if word not in near[0].split()]
        if (
            ratios[0] >= (_CLOSE_MINERAL if mineral else _CLOSE)
            and max(rivals, default=0.0) < ratios[0] - 0.03
            and not any(word in vocabulary for word in changed)
        ):
            return Resolution(ontology.concepts[best], prompt, "spelling", near[0])
    nearest = [ontology.concepts[name].prompt for name, _ in retrieve(prompt, ontology, 5)]
    raise UnmixingError(
        f"prompt {prompt!r} names no known concept: write one of the nearest ({_listed(nearest)}), "
        f"or add it with a user ontology file"
    )


def retrieve(text: str, ontology: Ontology, count: int = 5) -> list[tuple[str, float]]:
    """Return candidate concepts for a text, best first.

    A concept scores by its best string: the larger of the similarity of letters and the share of common words. What
    lies below a concept that the text names scores next to it, so that "vegetation" brings grass and trees.

    Args:
        text: a name, several words, or the name of a parent.
        ontology: what is known.
        count: how many to return at most.

    Returns:
        Pairs of id and score within [0, 1].
    """
    key = normalise(text)
    words = set(key.split())
    scores: dict[str, float] = {}
    for known, identifier in ontology.index.items():
        common = words & set(known.split())
        share = 2 * len(common) / max(len(words) + len(known.split()), 1)
        ratio = difflib.SequenceMatcher(None, key, known).ratio()
        scores[identifier] = max(scores.get(identifier, 0.0), ratio, share)
    named = ontology.index.get(key)
    if named is not None:
        for identifier in members(ontology, named)[1:]:
            scores[identifier] = max(scores[identifier], 0.99)
    return sorted(scores.items(), key=lambda item: -item[1])[:count]


def _keys(text: str) -> Iterator[str]:
    """The normalised string, and for umlauts the spelling with e ("Gruen") beside the one without dots."""
    yield normalise(text)
    spelled = text.casefold().replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")
    yield normalise(spelled)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)
