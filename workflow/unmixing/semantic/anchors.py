"""Anchors of prompts: looked up in a store, merged where a model could not tell them apart, and robbed of meaning.

What is here needs no text encoder and imports no heavy package.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from unmixing.errors import UnmixingError
from unmixing.semantic.anchor_store import (
    ANCHORS_FOLDER,
    AnchorStore,
    build_anchors,
    check_anchors,
    default_rows,
    load_default_anchors,
    ontology_rows,
    prompts_sha256,
    read_anchors,
    require_same_encoder,
    templates_sha256,
    write_anchors,
    write_default_anchors,
)
from unmixing.semantic.ngrams import DIMENSION, random_vectors
from unmixing.semantic.ontology import Ontology, normalise, resolve
from unmixing.semantic.text import TextEncoder, Vectors, encode_prompts, unit_rows

__all__ = [
    "ANCHORS_FOLDER",
    "MERGE_COSINE",
    "TRAINING_ROLES",
    "AnchorStore",
    "MergedAnchors",
    "PromptAnchors",
    "build_anchors",
    "check_anchors",
    "concept_anchors",
    "default_rows",
    "load_default_anchors",
    "merge_anchors",
    "ontology_rows",
    "prompt_anchors",
    "prompts_sha256",
    "random_anchors",
    "read_anchors",
    "reduced_anchors",
    "templates_sha256",
    "text_anchors",
    "wording_vectors",
    "write_anchors",
    "write_default_anchors",
]

#: Wordings that make up the anchor of a concept; the others (held_out, alias) are there to be tested with.
TRAINING_ROLES = ("prompt", "paraphrase")
#: Nearer anchors than this (cosine) are one: their endmembers could not be told apart.
MERGE_COSINE = 0.999


@dataclass(frozen=True)
class PromptAnchors:
    """Anchors of a list of prompts, in its order.

    Attributes:
        prompts: as they were given.
        concepts: id of each, "" for one that was encoded though no concept is called so.
        vectors: (K, d) float32 of length 1.
    """

    prompts: tuple[str, ...]
    concepts: tuple[str, ...]
    vectors: Vectors


@dataclass(frozen=True)
class MergedAnchors:
    """Anchors without doubles.

    Attributes:
        vectors: (G, d) float32 of length 1.
        groups: (K,) index of the merged anchor that each prompt belongs to.
    """

    vectors: Vectors
    groups: npt.NDArray[np.intp]

    def doubles(self, prompts: Sequence[str]) -> tuple[tuple[str, ...], ...]:
        """Return the groups of prompts that are one to the model, for a message or a report."""
        members = [tuple(np.asarray(prompts, object)[self.groups == group]) for group in range(len(self.vectors))]
        return tuple(group for group in members if len(group) > 1)

    def share(self, values: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.floating[Any]]:
        """Divide what belongs to a merged anchor equally among its prompts.

        Args:
            values: (..., G), such as abundances.

        Returns:
            (..., K); sums over the last axis stay.
        """
        count = np.bincount(self.groups, minlength=len(self.vectors))
        return np.asarray((values / count)[..., self.groups])


def wording_vectors(store: AnchorStore, concept: str, roles: Sequence[str] = TRAINING_ROLES) -> Vectors:
    """Return (n, d) vectors of a concept's wordings, n = 0 where the store has none.

    Args:
        store: any.
        concept: id.
        roles: of prompt, paraphrase, held_out, alias.
    """
    return store.vectors[np.flatnonzero((store.rows["concept"] == concept) & store.rows["role"].isin(list(roles)))]


def concept_anchors(store: AnchorStore, concepts: Sequence[str]) -> Vectors:
    """Return (K, d) anchors of concepts: the mean of their prompt's and paraphrases' unit vectors, of length 1.

    Raises:
        UnmixingError: the store does not know a concept.
    """
    training = store.rows["concept"].where(store.rows["role"].isin(list(TRAINING_ROLES)), "")
    places = pd.Series(training.to_numpy()).groupby(training.to_numpy()).indices
    result = np.zeros((len(concepts), store.dimension))
    for index, concept in enumerate(concepts):
        if not concept or concept not in places:
            raise UnmixingError(
                f"anchors of {store.encoder} have no concept {concept!r}: build them with an ontology that has it"
            )
        result[index] = store.vectors[places[concept]].astype(np.float64).mean(axis=0)
    return unit_rows(result, concepts)


def text_anchors(store: AnchorStore, texts: Sequence[str]) -> Vectors:
    """Return (N, d) vectors of stored texts themselves, whatever concept they belong to; spelling is normalised.

    Raises:
        UnmixingError: a text is not stored.
    """
    places = _places(store)
    for text in texts:
        if normalise(text) not in places:
            raise UnmixingError(f"anchors of {store.encoder} hold no text {text!r}: encode it with its encoder")
    return store.vectors[[places[normalise(text)] for text in texts]]


def prompt_anchors(
    prompts: Sequence[str], store: AnchorStore, ontology: Ontology, encoder: TextEncoder | None = None
) -> PromptAnchors:
    """Return an anchor for each prompt: that of the concept which the prompt names.

    All names of a concept, in any language, have its one anchor. Each prompt is looked up by itself, so that a
    permutation of the prompts permutes the anchors and changes nothing else.

    Args:
        prompts: K names.
        store: any.
        ontology: resolves the names; may have more concepts than the store.
        encoder: the store's own, if at hand: then concepts that the store lacks, and texts that name no concept, are
            encoded instead of refused.

    Raises:
        UnmixingError: a prompt names nothing (the message names the nearest), or has no anchor; the encoder is not
            the store's.
    """
    if isinstance(prompts, str) or not len(prompts):
        raise UnmixingError(f"prompts must be a list of at least one name, not {prompts!r}: correct it")
    if encoder is not None:
        require_same_encoder(store, encoder)
    concepts, vectors = [], []
    for prompt in prompts:
        concept, vector = _prompt_anchor(prompt, store, ontology, encoder)
        concepts.append(concept)
        vectors.append(vector)
    return PromptAnchors(tuple(prompts), tuple(concepts), np.stack(vectors))


def merge_anchors(vectors: npt.ArrayLike) -> MergedAnchors:
    """Merge anchors that are the same to a model, so that the abundances of the others are unique.

    Anchors belong together if a chain of cosines above ``MERGE_COSINE`` links them. A group's vector is the mean of its
    different members, summed in an order that does not depend on theirs: a permutation of the anchors permutes what
    each of them gets, bit for bit.

    Args:
        vectors: (K, d) of length 1.

    Returns:
        Groups, numbered in the order of their first members.
    """
    from scipy.sparse.csgraph import connected_components

    exact = np.asarray(vectors, np.float64)
    _, labels = connected_components(exact @ exact.T > MERGE_COSINE, directed=False)
    _, first = np.unique(labels, return_index=True)
    order = labels[np.sort(first)]
    merged = [np.unique(exact[labels == label], axis=0).mean(axis=0) for label in order]
    groups = np.argmax(labels[:, None] == order[None, :], axis=1)
    return MergedAnchors(unit_rows(np.asarray(merged), [str(index) for index in order]), groups)


def random_anchors(store: AnchorStore, dimension: int = DIMENSION, seed: int = 0) -> AnchorStore:
    """Return the store with one random direction for each concept, shared by all its wordings.

    Wordings are thereby led to their concept by an oracle; ``text.random_encoder`` is the control without one.

    Args:
        store: any; its rows are kept.
        dimension: length of the vectors.
        seed: another seed gives other directions.
    """
    owners = [
        concept or f"name: {text}" for concept, text in zip(store.rows["concept"], store.rows["text"], strict=True)
    ]
    return replace(
        store,
        vectors=unit_rows(random_vectors(owners, dimension, seed), owners),
        encoder=f"random:{dimension}",
        family="random",
        note="one per concept",
        weights_sha256=hashlib.sha256(f"random per concept seed {seed} dimension {dimension}".encode()).hexdigest(),
    )


def reduced_anchors(
    store: AnchorStore, dimension: int, concepts: Sequence[str] | None = None
) -> tuple[AnchorStore, float]:
    """Return the store in fewer numbers, so that encoders of different length can feed the same model.

    Vectors are projected on their largest principal axes about the origin, which keeps their cosines as well as any
    linear map into this dimension; they are then of length 1 again.

    Args:
        store: any.
        dimension: at most that of the store.
        concepts: ids whose rows decide the axes; by default all rows.

    Returns:
        The store, and the share of the deciding rows' sum of squares that the axes hold.

    Raises:
        UnmixingError: the dimension is larger than that of the store, or there are no rows of these concepts.
    """
    deciding = np.ones(len(store.rows), bool) if concepts is None else store.rows["concept"].isin(list(concepts))
    exact = store.vectors.astype(np.float64)
    _, sizes, axes = np.linalg.svd(exact[np.asarray(deciding)], full_matrices=False)
    if not 0 < dimension <= store.dimension or not sizes.size:
        raise UnmixingError(
            f"anchors of {store.encoder} ({store.dimension} numbers) cannot be reduced to {dimension}: choose between "
            f"1 and {store.dimension}, and concepts that they know"
        )
    axes = axes[:dimension]
    axes *= np.sign(axes[np.arange(len(axes)), np.argmax(np.abs(axes), axis=1)])[:, None]
    projected = np.zeros((len(exact), dimension))
    projected[:, : len(axes)] = exact @ axes.T
    reduced = replace(
        store,
        vectors=unit_rows(projected, list(store.rows["text"])),
        encoder=f"{store.encoder} reduced to {dimension}",
        weights_sha256=hashlib.sha256(
            f"{store.weights_sha256} reduced {dimension}".encode() + axes.tobytes()
        ).hexdigest(),
    )
    return reduced, float(np.sum(sizes[:dimension] ** 2) / np.sum(sizes**2))


def _places(store: AnchorStore) -> dict[str, int]:
    places: dict[str, int] = {}
    for index, text in enumerate(store.rows["text"]):
        places.setdefault(normalise(text), index)
    return places


def _prompt_anchor(
    prompt: str, store: AnchorStore, ontology: Ontology, encoder: TextEncoder | None
) -> tuple[str, Vectors]:
    try:
        concept = resolve(prompt, ontology).concept
    except UnmixingError:
        if encoder is None:
            raise
        return "", encode_prompts(encoder, [prompt], store.templates)[0]
    if encoder is not None and not (store.rows["concept"] == concept.id).any():
        wordings = encode_prompts(encoder, [concept.prompt, *concept.paraphrases], store.templates)
        return concept.id, unit_rows(wordings.astype(np.float64).mean(axis=0, keepdims=True), [prompt])[0]
    return concept.id, concept_anchors(store, [concept.id])[0]
