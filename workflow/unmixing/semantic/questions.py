"""What a list of prompts means to a model: the anchors it is asked with, and the library mean behind each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from unmixing.errors import UnmixingError
from unmixing.semantic.anchors import (
    AnchorStore,
    MergedAnchors,
    concept_anchors,
    load_default_anchors,
    merge_anchors,
    prompt_anchors,
)
from unmixing.semantic.model import UnmixingModel, mean_spectra
from unmixing.semantic.ontology import Ontology, ancestors, members
from unmixing.semantic.own_spectra import OwnSpectra
from unmixing.semantic.prompts import study_ontology
from unmixing.semantic.recipe import BEND, SPECTRA
from unmixing.semantic.scene_library import bent, choose_spectra, fill_gaps
from unmixing.semantic.sources import COMMON_GRID
from unmixing.semantic.text import TextEncoder

Array = npt.NDArray[np.float64]
Unseen = Literal["refuse", "text"]
#: Cosine over which the weight of a seen concept falls to 1/e, where a mean is made up from text.
_TEXT_WIDTH = 0.05


@dataclass(frozen=True)
class Asked:
    """Prompts as a model takes them.

    Attributes:
        prompts: K, as they were given.
        concepts: (K,) ids.
        merged: what is one to the model.
        vectors: (G, d) text vectors.
        means: (G, grid) library means, NaN where unknown.
        sources: (K,) concept whose mean each prompt takes, or "text" for one made up from text.
        spectra: (n, grid) library spectra to choose from, finite, at least one of each of the G.
        owner: (n,) which of the G each belongs to.
        brought: (K,) number of the user's own spectra that stand for each prompt.
    """

    prompts: tuple[str, ...]
    concepts: tuple[str, ...]
    merged: MergedAnchors
    vectors: Tensor
    means: Tensor
    sources: tuple[str, ...]
    spectra: Tensor
    owner: Tensor
    brought: tuple[int, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know of the prompts, in sentences."""
        groups = self.merged.doubles(self.prompts)
        doubles = [f"{' and '.join(map(repr, group))} are one to the model and share" for group in groups]
        rows = zip(self.prompts, self.concepts, self.sources, strict=True)
        stand_ins = [
            f"{prompt!r} has no spectrum: {'one made up from text' if source == 'text' else f'that of {source!r}'}"
            for prompt, concept, source in rows
            if source != concept
        ]
        brought = [
            f"{prompt!r}: {count} of your spectra in the place of the library's"
            for prompt, count in zip(self.prompts, self.brought, strict=True)
            if count
        ]
        return (*doubles, *stand_ins, *brought)


def ask_model(
    model: UnmixingModel,
    prompts: Sequence[str],
    *,
    anchors: AnchorStore | None = None,
    ontology: Ontology | None = None,
    encoder: TextEncoder | None = None,
    unseen: Unseen = "refuse",
    own: OwnSpectra | None = None,
) -> Asked:
    """Look up what a model needs of each prompt.

    Args:
        model: any.
        prompts: names, in any order.
        anchors: store of the model's text encoder; by default the shipped one.
        ontology: resolves names; by default ``study_ontology()``.
        encoder: the model's text encoder, for names that the store lacks.
        unseen: what to do with a concept that neither itself nor anything above it has a spectrum: refuse it, or
            make one up as the mean of seen concepts weighted by the similarity of their texts.
        own: spectra that stand for a prompt in the place of the model's, where there are any of its concept or of
            what lies below it.

    Raises:
        UnmixingError: a prompt names nothing, has no spectrum, none of one's own spectra is of a prompt, or the
            anchors come from another text encoder.
    """
    known = ontology or study_ontology()
    store = anchors if anchors is not None else shipped_anchors(model)
    if store.weights_sha256 != model.facts.text_sha256:
        raise UnmixingError(
            f"the model was trained with anchors of {model.facts.text_encoder!r}, these come from {store.encoder!r}: "
            f"give anchors of the same encoder"
        )
    found = prompt_anchors(prompts, store, known, encoder)
    merged = merge_anchors(found.vectors)
    mine = {concept: own.of(known, concept) for concept in found.concepts} if own else {}
    if own and not any(map(len, mine.values())):
        raise UnmixingError(
            f"none of your spectra is of a material that is asked for: they are of "
            f"{', '.join(sorted({repr(known.concepts[name].prompt) for name in own.concepts}))}"
        )
    rows, sources = [], []
    for prompt, concept, vector in zip(found.prompts, found.concepts, found.vectors, strict=True):
        source = _covered(model, known, concept)
        if len(mine.get(concept, ())):
            source = concept
            rows.append(_mean(mine[concept]))
        elif source:
            rows.append(mean_spectra(model, [source])[0].numpy().astype(np.float64))
        elif unseen == "text":
            source = "text"
            rows.append(text_mean(model, store, vector))
        else:
            raise UnmixingError(
                f"no spectrum of {prompt!r}, nor of anything above it, is known to the model: leave it out, or allow "
                f"one made up from text (unseen = text)"
            )
        sources.append(source)
    means, spectra = [], []
    for group in range(len(merged.vectors)):
        # Different members once each, in an order of their own: a permutation of the prompts changes nothing.
        asked = np.unique(np.stack(rows)[merged.groups == group], axis=0, equal_nan=True)
        means.append(asked.mean(axis=0))
        named = {source for source, place in zip(sources, merged.groups, strict=True) if place == group}
        spectra.append(_spectra(model, known, named, means[-1], mine))
    return Asked(
        prompts=found.prompts,
        concepts=found.concepts,
        merged=merged,
        vectors=torch.as_tensor(np.array(merged.vectors)),
        means=torch.as_tensor(np.stack(means), dtype=torch.float32),
        sources=tuple(sources),
        spectra=torch.as_tensor(np.concatenate(spectra), dtype=torch.float32),
        owner=torch.repeat_interleave(torch.tensor([len(part) for part in spectra])),
        brought=tuple(len(mine.get(concept, ())) for concept in found.concepts),
    )


def shipped_anchors(model: UnmixingModel) -> AnchorStore:
    """Return the shipped store of a model's text encoder.

    Raises:
        UnmixingError: none of this encoder is shipped.
    """
    return load_default_anchors(model.facts.text_encoder.partition(":")[0])


def text_mean(model: UnmixingModel, store: AnchorStore, vector: npt.ArrayLike) -> Array:
    """Return a mean spectrum (grid) for a text vector (d): that of seen concepts, weighted by their texts' cosines."""
    seen = torch.as_tensor(np.array(concept_anchors(store, model.facts.trained)))
    wanted = model.centred(torch.as_tensor(np.array(vector, np.float32)))
    weight = torch.softmax(model.centred(seen) @ wanted / _TEXT_WIDTH, dim=0).double().numpy()
    spectra = mean_spectra(model, model.facts.trained).numpy().astype(np.float64)
    present = np.isfinite(spectra)
    mass = weight @ present
    mixed = weight @ np.where(present, spectra, 0.0) / np.maximum(mass, 1e-12)
    return np.asarray(np.where(mass > 0.5, mixed, np.nan).reshape(COMMON_GRID.shape), np.float64)


def _covered(model: UnmixingModel, ontology: Ontology, concept: str) -> str:
    """The concept, or the nearest above it, whose mean the model carries; "" if none."""
    if not concept:
        return ""
    carried = set(model.facts.concepts)
    return next((name for name in (concept, *ancestors(ontology, concept)) if name in carried), "")


def _mean(spectra: Array) -> Array:
    """Mean (grid) of what is known of spectra (n, grid)."""
    known = np.isfinite(spectra)
    total = np.where(known, spectra, 0.0).sum(axis=0)
    return np.asarray(np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan), np.float64)


def _spectra(
    model: UnmixingModel, ontology: Ontology, sources: set[str], mean: Array, mine: Mapping[str, Array]
) -> Array:
    """Spectra of concepts, their members included, and bent copies of their mean, (n, grid), finite."""
    given, filled = model.facts.estimator, fill_gaps(mean[None])[0]
    copies = bent(filled, given.get("bend", BEND))
    count = int(given.get("spectra", SPECTRA))
    brought = [mine[source] for source in sorted(sources) if len(mine.get(source, ()))]
    library = {source for source in sources if source in ontology.concepts and not len(mine.get(source, ()))}
    below = {name for source in library for name in members(ontology, source)}
    carried = torch.tensor([name in below for name in model.facts.concepts])[model.spectra_of.long()]
    found = np.concatenate([model.spectra[carried].double().numpy(), *brought])
    return np.concatenate([choose_spectra(found, mean, count) if len(found) else filled[None], copies])
