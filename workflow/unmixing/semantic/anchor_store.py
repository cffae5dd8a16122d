"""Stores of anchors: the vectors of all known names, computed once, so that unmixing needs no text encoder.

A store is one Parquet file that says which encoder, weights, prompts and templates made it; whatever does not agree
with that is refused. Two stores are shipped in ``data/anchors``: MiniLM, and character n-grams as its control.
"""

import functools
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from unmixing.errors import UnmixingError
from unmixing.semantic.names import load_names
from unmixing.semantic.ontology import Concept, Ontology, normalise
from unmixing.semantic.prompts import study_ontology
from unmixing.semantic.text import (
    TextEncoder,
    Vectors,
    encode_prompts,
    encoder_label,
    load_minilm,
    ngram_encoder,
    unit_rows,
)
from unmixing.store import read_parquet, write_parquet

ANCHOR_VERSION = 1
ANCHORS_FOLDER = Path(__file__).parent / "data" / "anchors"
COLUMNS = ("text", "concept", "role", "language")
_STORED_AS = "float16"


@dataclass(frozen=True)
class AnchorStore:
    """Vectors of names, and what made them.

    Attributes:
        rows: columns ``COLUMNS``: ``text`` as it was encoded; ``concept`` (id, or "" for names of a library's
            materials that are no concept of their own); ``role`` (prompt, paraphrase, held_out, alias or name);
            ``language`` (en, es, de, fr).
        vectors: (N, d) float32 of length 1, in the order of the rows; kept in files as float16.
        encoder: name of the encoder.
        family: of the encoder (see ``TextEncoder``).
        note: of the encoder, "" where its vectors are what they say.
        weights_sha256: of the encoder.
        templates: sentences that the texts were put into.
        prompts_sha256: of the rows.
    """

    rows: pd.DataFrame
    vectors: Vectors
    encoder: str
    family: str
    note: str
    weights_sha256: str
    templates: tuple[str, ...]
    prompts_sha256: str

    @property
    def label(self) -> str:
        """Name for rows of tables; only trained CLIP text towers are called CLIP-UnmixRS."""
        return encoder_label(self.encoder, self.family, self.note)

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        return int(self.vectors.shape[1])


def build_anchors(
    encoder: TextEncoder, ontology: Ontology | None = None, templates: Sequence[str] = ("{}",)
) -> AnchorStore:
    """Encode all that the concepts of an ontology are called.

    Args:
        encoder: any.
        ontology: by default ``study_ontology()`` and, beside it, the reviewed names of the USGS library, so that
            the test of language with held-out names needs no encoder either.
        templates: see ``text.encode_prompts``; averaged.

    Raises:
        UnmixingError: a template is none, or a text has no direction.
    """
    rows = default_rows() if ontology is None else ontology_rows(ontology)
    vectors = encode_prompts(encoder, list(rows["text"]), templates)
    return AnchorStore(
        rows=rows,
        vectors=vectors,
        encoder=encoder.name,
        family=encoder.family,
        note=encoder.note,
        weights_sha256=encoder.weights_sha256,
        templates=tuple(templates),
        prompts_sha256=prompts_sha256(rows),
    )


def ontology_rows(ontology: Ontology) -> pd.DataFrame:
    """Return one row for each string of each concept: columns ``COLUMNS``."""
    return pd.DataFrame([row for concept in ontology.concepts.values() for row in _wordings(concept)], columns=COLUMNS)


@functools.cache
def _default_rows() -> pd.DataFrame:
    ontology = study_ontology()
    names = dict.fromkeys(entry.name for entry in load_names().values() if entry.name)
    others = [(name, "", "name", "en") for name in names if normalise(name) not in ontology.index]
    return pd.concat([ontology_rows(ontology), pd.DataFrame(others, columns=COLUMNS)], ignore_index=True)


def default_rows() -> pd.DataFrame:
    """Return the rows of the shipped stores."""
    return _default_rows().copy()


def prompts_sha256(rows: pd.DataFrame) -> str:
    """Hash the rows of a store in their order."""
    return _sha256("\1".join(row) for row in rows[list(COLUMNS)].itertuples(index=False, name=None))


def templates_sha256(templates: Sequence[str]) -> str:
    """Hash templates; their order does not matter, for they are averaged."""
    return _sha256(sorted(templates))


def write_anchors(store: AnchorStore, path: Path) -> None:
    """Write a store as Parquet, with all its hashes; vectors as float16, which moves cosines by 1e-4 at most."""
    halves = store.vectors.astype(np.float16)
    about = {
        "anchors": ANCHOR_VERSION,
        "encoder": store.encoder,
        "family": store.family,
        "note": store.note,
        "label": store.label,
        "dimension": store.dimension,
        "weights_sha256": store.weights_sha256,
        "prompts_sha256": store.prompts_sha256,
        "templates": list(store.templates),
        "templates_sha256": templates_sha256(store.templates),
        "stored_as": _STORED_AS,
        "vectors_sha256": hashlib.sha256(halves.tobytes()).hexdigest(),
    }
    write_parquet(store.rows[list(COLUMNS)].assign(vector=list(halves)), path, about)


def read_anchors(path: Path, *, ontology: Ontology | None = None) -> AnchorStore:
    """Read a store and refuse it if it is not what it says.

    Args:
        path: of a file that ``write_anchors`` wrote.
        ontology: whose concepts must still be called what they were; it may have further concepts and names, which
            the store does not know. None asks for nothing.

    Raises:
        UnmixingError: the file is missing, damaged, of another version, or not of this ontology.
    """
    frame, about = read_parquet(path)
    if about.get("anchors") != ANCHOR_VERSION or about.get("stored_as") != _STORED_AS:
        raise UnmixingError(f"anchors {path} are not of version {ANCHOR_VERSION}: build them again")
    halves = np.stack(list(frame["vector"])) if len(frame) else np.zeros((0, about["dimension"]), np.float16)
    rows = frame[list(COLUMNS)]
    if (
        hashlib.sha256(np.ascontiguousarray(halves, np.float16).tobytes()).hexdigest() != about["vectors_sha256"]
        or prompts_sha256(rows) != about["prompts_sha256"]
        or templates_sha256(about["templates"]) != about["templates_sha256"]
    ):
        raise UnmixingError(f"anchors {path} are not what their hashes say: build them again")
    if ontology is not None:
        _check_wordings(rows, ontology, path)
    fields = ("encoder", "family", "note", "weights_sha256", "prompts_sha256")
    vectors = unit_rows(halves, list(rows["text"]))
    vectors.setflags(write=False)  # shared by all who load it
    return AnchorStore(
        rows=rows,
        vectors=vectors,
        templates=tuple(about["templates"]),
        **{name: about[name] for name in fields},
    )


@functools.cache
def load_default_anchors(family: str = "minilm") -> AnchorStore:
    """Return a shipped store, checked against the shipped ontology.

    Args:
        family: ``minilm`` or ``ngrams``. None of CLIP is shipped.

    Raises:
        UnmixingError: there is none of this family, or it is out of date.
    """
    path = ANCHORS_FOLDER / f"{family}.parquet"
    if not path.is_file():
        shipped = ", ".join(sorted(file.stem for file in ANCHORS_FOLDER.glob("*.parquet")))
        raise UnmixingError(f"no anchors of {family!r} are shipped: build them from an encoder, or use {shipped}")
    return read_anchors(path, ontology=study_ontology())


def write_default_anchors(folder: Path = ANCHORS_FOLDER) -> tuple[Path, ...]:
    """Build the shipped stores; needed whenever names in the ontology change.

    Raises:
        UnmixingError: the packages of the extra ``text`` are not installed.
    """
    paths = []
    for encoder in (load_minilm(), ngram_encoder()):
        paths.append(folder / f"{encoder.family}.parquet")
        write_anchors(build_anchors(encoder), paths[-1])
    return tuple(paths)


def check_anchors(store: AnchorStore, encoder: TextEncoder, count: int = 16) -> None:
    """Encode some texts of a store again, to see that its encoder still gives the same vectors here.

    Args:
        store: any.
        encoder: the one that it names.
        count: how many texts, evenly spread.

    Raises:
        UnmixingError: another encoder is given, or a vector is another one (cosine below .9999).
    """
    require_same_encoder(store, encoder)
    chosen = np.unique(np.linspace(0, len(store.rows) - 1, count).astype(int))
    texts = [store.rows["text"].iloc[index] for index in chosen]
    cosines = np.sum(encode_prompts(encoder, texts, store.templates) * store.vectors[chosen], axis=1)
    if (cosines < 0.9999).any():
        worst = int(np.argmin(cosines))
        raise UnmixingError(
            f"{encoder.name} gives another vector of {texts[worst]!r} than its anchors hold "
            f"(cosine {cosines[worst]:.4f}): build the anchors again"
        )


def _wordings(concept: Concept) -> Iterator[tuple[str, str, str, str]]:
    yield concept.prompt, concept.id, "prompt", "en"
    for text in concept.paraphrases:
        yield text, concept.id, "paraphrase", "en"
    for text in concept.held_out:
        yield text, concept.id, "held_out", "en"
    for language, texts in concept.aliases.items():
        for text in texts:
            yield text, concept.id, "alias", language


def _sha256(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _check_wordings(rows: pd.DataFrame, ontology: Ontology, path: Path) -> None:
    now = {name: set(_wordings(concept)) for name, concept in ontology.concepts.items()}
    for row in rows[list(COLUMNS)].itertuples(index=False, name=None):
        if row[1] in now and row not in now[row[1]]:
            raise UnmixingError(
                f"anchors {path} hold {row[0]!r} as {row[2]} of {row[1]!r}, the ontology does not: build them again"
            )


def require_same_encoder(store: AnchorStore, encoder: TextEncoder) -> None:
    """Refuse an encoder that did not make the store.

    Raises:
        UnmixingError: the hashes of the weights differ.
    """
    if encoder.weights_sha256 != store.weights_sha256:
        raise UnmixingError(
            f"anchors come from {store.encoder} with weights {store.weights_sha256[:12]}, the encoder is "
            f"{encoder.name} with {encoder.weights_sha256[:12]}: give the same one"
        )
