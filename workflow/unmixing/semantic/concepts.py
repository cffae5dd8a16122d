"""Concepts as they stand in a file: their form, the reading of it, and what spelling leaves open.

The reading is strict: a key that is not known or stands twice, or a text that stands twice, is refused.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from unmixing.errors import UnmixingError

LANGUAGES = ("en", "es", "de", "fr")

_ARTICLES = frozenset(
    [
        "a",
        "an",
        "the",
        "el",
        "la",
        "los",
        "las",
        "un",
        "una",
        "der",
        "die",
        "das",
        "ein",
        "eine",
        "le",
        "les",
        "une",
        "l",
    ]
)
_TEXT_KEYS = ("parent", "prompt", "note")
_KEYS = (*_TEXT_KEYS, "paraphrases", "held_out", "aliases", "records")
_RULE_KEYS = ("class", "names", "level_2", "state")


@dataclass(frozen=True)
class RecordRule:
    """Which records of a library show a concept.

    Attributes:
        record_class: class of the library (earthlib's third level), or "".
        names: names of records; with names the rule beats one that has a class alone.
        level_2: the library's second level, or "" for any.
        state: state of the material that is asked for ("dry"); "" takes only records without a state.
    """

    record_class: str = ""
    names: tuple[str, ...] = ()
    level_2: str = ""
    state: str = ""


@dataclass(frozen=True)
class Concept:
    """One concept.

    Attributes:
        id: its fixed name in tables.
        prompt: its canonical name.
        parent: concept above it, or "".
        paraphrases: other wordings, free to train with.
        held_out: wordings that no training sees.
        aliases: names by language.
        records: rules by library.
        note: what a reader should know.
    """

    id: str
    prompt: str
    parent: str = ""
    paraphrases: tuple[str, ...] = ()
    held_out: tuple[str, ...] = ()
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    records: Mapping[str, tuple[RecordRule, ...]] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    note: str = ""


def read_concepts(path: Path, known: Mapping[str, Concept] | None = None) -> dict[str, Concept]:
    """Read the concepts of one file.

    Args:
        path: YAML, one section for each concept (see the head of ``data/ontology.yaml``).
        known: concepts that the file may add to.

    Returns:
        Concepts by id, those of ``known`` with what the file adds to them.

    Raises:
        UnmixingError: the file is missing or no such document, a key is unknown or stands twice, or a prompt or
            parent contradicts the known one.
    """
    known = known or {}
    return {
        name: _concept(name, body, f"{path}: concept {name!r}", known.get(name))
        for name, body in _document(path).items()
    }


def strings(concept: Concept) -> tuple[str, ...]:
    """Return all that a concept is called: prompt, paraphrases of both kinds, aliases of all languages."""
    aliases = [text for names in concept.aliases.values() for text in names]
    return (concept.prompt, *concept.paraphrases, *concept.held_out, *aliases)


def normalise(text: str) -> str:
    """Return a string without what spelling leaves open: case, accents, hyphens, articles, the plural."""
    words = re.sub(r"[^a-z0-9]+", " ", plain(text)).split()
    while len(words) > 1 and words[0] in _ARTICLES:
        words = words[1:]
    return " ".join(_singular(word) for word in words)


def plain(text: str) -> str:
    """Return a string in lower case without accents."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def _singular(word: str) -> str:
    if word == "leaves":
        return "leaf"
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    if len(word) > 4 and word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


class _Loader(yaml.SafeLoader):
    """YAML that refuses a key that stands twice, where the usual loader lets the last one win."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [loader.construct_object(key) for key, _ in node.value]
    for key in keys:
        if keys.count(key) > 1:
            raise UnmixingError(f"line {node.start_mark.line + 1}: {key!r} stands twice: remove one of them")
    return dict(loader.construct_mapping(node, deep=True))


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def _document(path: Path) -> dict[str, Any]:
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except UnmixingError as error:
        raise UnmixingError(f"{path}: {error}") from None
    except OSError:
        raise UnmixingError(f"{path}: no such ontology file: check the path") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise UnmixingError(f"{path}: no YAML ({reason}): correct the file") from None
    if not isinstance(document, dict) or not all(isinstance(name, str) for name in document):
        raise UnmixingError(f"{path}: no ontology: give one section for each concept, named by its id")
    return document


def _concept(name: str, body: object, where: str, known: Concept | None) -> Concept:
    if not isinstance(body, dict):
        raise UnmixingError(f"{where}: no section: give at least a prompt")
    for key in body:
        if key not in _KEYS:
            raise UnmixingError(f"{where}: key {key!r} is not known: use {', '.join(_KEYS)}")
    texts = {key: body.get(key, "") for key in _TEXT_KEYS}
    for key, text in texts.items():
        if not isinstance(text, str):
            raise UnmixingError(f"{where}: {key} must be a text, not {text!r}")
        if known is not None and key != "note" and text and text != getattr(known, key):
            raise UnmixingError(f"{where}: {key} is {getattr(known, key)!r} already, not {text!r}: choose another id")
    if known is None and not normalise(texts["prompt"]):
        raise UnmixingError(f"{where}: prompt is missing: give its name")
    aliases = body.get("aliases", {})
    if not isinstance(aliases, dict) or not set(aliases) <= set(LANGUAGES):
        raise UnmixingError(f"{where}: aliases must be lists by language: {', '.join(LANGUAGES)}")
    records = body.get("records", {})
    if not isinstance(records, dict):
        raise UnmixingError(f"{where}: records must be lists of rules by library")
    new = Concept(
        id=name,
        prompt=texts["prompt"],
        parent=texts["parent"],
        paraphrases=_texts(body.get("paraphrases", []), f"{where}: paraphrases"),
        held_out=_texts(body.get("held_out", []), f"{where}: held_out"),
        aliases={code: _texts(names, f"{where}: aliases in {code}") for code, names in aliases.items()},
        records={str(source): _rules(rules, where) for source, rules in records.items()},
        note=texts["note"],
    )
    if known is None:
        return new
    return replace(
        known,
        paraphrases=known.paraphrases + new.paraphrases,
        held_out=known.held_out + new.held_out,
        aliases={code: known.aliases.get(code, ()) + new.aliases.get(code, ()) for code in LANGUAGES},
        records={
            source: known.records.get(source, ()) + new.records.get(source, ())
            for source in (*known.records, *(source for source in new.records if source not in known.records))
        },
        note=" ".join(filter(None, (known.note, new.note))),
    )


def _texts(given: object, where: str) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(text, str) and normalise(text) for text in given):
        raise UnmixingError(f"{where} must be a list of texts")
    if len({normalise(text) for text in given}) < len(given):
        raise UnmixingError(f"{where}: a text stands twice, or twice but for spelling: remove one of them")
    return tuple(given)


def _rules(given: object, where: str) -> tuple[RecordRule, ...]:
    if not isinstance(given, list) or not all(
        isinstance(rule, dict) and rule and set(rule) <= set(_RULE_KEYS) and ("class" in rule or "names" in rule)
        for rule in given
    ):
        raise UnmixingError(f"{where}: records must be rules of {', '.join(_RULE_KEYS)}, with a class or names")
    return tuple(
        RecordRule(
            record_class=str(rule.get("class", "")),
            names=tuple(str(name) for name in rule.get("names", [])),
            level_2=str(rule.get("level_2", "")),
            state=str(rule.get("state", "")),
        )
        for rule in given
    )
