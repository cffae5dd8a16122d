"""Robustness of the words: other wordings, languages, slips of the pen, names too few, too many or wrong.

Two ways lead from a text to an anchor. ``resolved``: the text is looked up in the ontology and takes the concept's
anchor, as ``unmix`` does. ``raw``: the text's own vector is the anchor, for prior and decoder alike; the library's
mean spectrum stays the concept's, so that only the encoder's understanding is at stake. Vectors of listed wordings
ship with the package; others need the text encoder.
"""

import functools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from unmixing.errors import UnmixingError
from unmixing.semantic.experiments.bench import SEVEN, Bench, TestPixels, ask, ask_concepts, scores
from unmixing.semantic.experiments.inputs import stream
from unmixing.semantic.experiments.labels import (
    COMPOSED,
    DISTRACTED,
    MISLEADING,
    MISSING,
    MISSPELLING,
    MODEL,
    RAW,
    RESOLVED,
)
from unmixing.semantic.experiments.solver import Found, Solver
from unmixing.semantic.model import mean_spectra
from unmixing.semantic.ontology import LANGUAGES, ancestors, resolve
from unmixing.semantic.perturbations import misspelt
from unmixing.semantic.questions import Asked, ask_model
from unmixing.semantic.sources import COMMON_GRID
from unmixing.semantic.splits import masked_angles
from unmixing.semantic.text import TextEncoder, encode_prompts, load_encoder

Array = npt.NDArray[np.float64]
Record = dict[str, Any]

#: Materials with a spectrum in the model that no test pixel holds.
DISTRACTORS = ("metal", "sand", "gravel", "paint", "glass", "snow", "plastic", "brick", "rock", "dirt")
#: Composed prompts, and the concepts that would be right; none where the prompt must be refused.
COMPOSITIONS: dict[str, tuple[str, ...]] = {
    "concrete highway": ("asphalt_road", "concrete", "sidewalk", "bridge", "paved_surface"),
    "dry pine needles": ("pine", "leaf_litter", "dry_vegetation", "conifer"),
    "wet bare soil": ("bare_soil",),
    "red clay roof": ("roof_tile", "roof"),
    "lake with algae": ("algal_water", "water"),
    "submerged aquatic vegetation": (),
    "glass behind plastic film": (),
    "shadow of a tree": (),
}


def rows_of(solver: Solver, bench: Bench, base: TestPixels, index: int, encoder_name: str, seed: int) -> list[Record]:
    """Return the rows of all tests of words for one set of pixels.

    Args:
        solver: with the model.
        bench: model and anchors.
        base: undisturbed pixels of the seven prompts.
        index: of the draw.
        encoder_name: text encoder for words that are not listed, "" for none.
        seed: the study's entropy.
    """
    rng = stream(seed, "robustness", "words", index)
    plain = ask_concepts(bench, SEVEN)
    told = _estimate(solver, plain, base)
    before = told.abundances
    records: list[Record] = []

    def add(test: str, level: str, found: Array, note: str = "") -> None:
        numbers = scores(found, base.truth) | {"moved": float(np.abs(found - before).mean())}
        records.extend(
            _record(test, level, index, metric, value, len(base.values), note) for metric, value in numbers.items()
        )

    for test, role, language in _wordings():
        texts = [_drawn(bench, name, role, language, rng) for name in SEVEN]
        vectors = bench.store.vectors[[place for _, place in texts]]
        note = "; ".join(text for text, _ in texts)
        # Names that resolve to the concepts asked for take their anchors: the same question, the same answer.
        same = tuple(_taken_for(bench, text) for text, _ in texts) == SEVEN
        resolved = before if same else _solved(solver, ask(bench, [text for text, _ in texts]), base)
        add(test, RESOLVED, resolved, note)
        add(test, RAW, _solved(solver, with_vectors(plain, vectors), base), note)
    records += _misspelling(solver, bench, base, plain, before, index, encoder_name, rng)
    records += list(_lists(solver, bench, base, told, index, rng))
    return records


def ask_with_distractors(bench: Bench, count: int, rng: np.random.Generator) -> Asked:
    """Ask for the seven materials and for some that are not there; smaller numbers begin larger ones' lists."""
    carried = [name for name in DISTRACTORS if name in bench.model.facts.concepts]
    order = rng.permutation(len(carried))
    names = [*SEVEN, *(carried[place] for place in order[:count])]
    return ask_concepts(bench, names)


def with_vectors(asked: Asked, vectors: npt.ArrayLike) -> Asked:
    """Return prompts with other anchors (K, d) and the endmembers' means they had."""
    return replace(asked, vectors=torch.as_tensor(np.array(vectors, np.float32)))


def compositions(bench: Bench, encoder_name: str) -> list[Record]:
    """Return what becomes of composed prompts: refused or taken, and what a spectrum made up from the text looks like.

    Args:
        bench: model and anchors.
        encoder_name: text encoder, "" for none: then only refusals are measured.
    """
    records, encoder = [], _encoder(encoder_name)
    for prompt, right in COMPOSITIONS.items():
        expected = f"right: {', '.join(right)}" if right else "must be refused"
        taken = _taken_for(bench, prompt)
        note = f"{expected}; taken for {taken}" if taken else f"{expected}; refused"
        records.append(_record(COMPOSED, prompt, 0, "refused", float(not taken), 1, note))
        fair = taken in right if right and taken else not taken
        records.append(_record(COMPOSED, prompt, 0, "not mistaken", float(fair), 1, note))
        if right and encoder is None:
            why = "no text encoder at this scale: set text_encoder: minilm"
            records.append(_record(COMPOSED, prompt, 0, "nearest is right", np.nan, 1, expected, why))
        elif right and encoder is not None:
            nearest = _nearest_by_text(bench, prompt, encoder)
            records.append(
                _record(
                    COMPOSED, prompt, 0, "nearest is right", float(nearest in right), 1,
                    f"{expected}; the spectrum made up from the text is nearest to {nearest}",
                )
            )  # fmt: skip
    return records


def _wordings() -> list[tuple[str, str, str]]:
    """Test, role and language of the lists of wordings."""
    languages = [(f"language {code}", "alias", code) for code in LANGUAGES if code != "en"]
    return [("synonyms", "paraphrase", "en"), ("unseen paraphrases", "held_out", "en"), *languages]


def _drawn(bench: Bench, concept: str, role: str, language: str, rng: np.random.Generator) -> tuple[str, int]:
    """A wording of a concept and its row in the store; the canonical prompt where there is none of the role."""
    table = bench.store.rows
    of_concept = (table["concept"] == concept).to_numpy()
    places = np.flatnonzero(
        of_concept & (table["role"] == role).to_numpy() & (table["language"] == language).to_numpy()
    )
    if not len(places):
        places = np.flatnonzero(of_concept & (table["role"] == "prompt").to_numpy())
    place = int(rng.choice(places))
    return str(table["text"].iloc[place]), place


def _misspelling(
    solver: Solver,
    bench: Bench,
    base: TestPixels,
    plain: Asked,
    before: Array,
    index: int,
    encoder_name: str,
    rng: np.random.Generator,
) -> list[Record]:
    """Slips of the pen: what is corrected, taken for something else or refused, and what the raw text does."""
    texts = [misspelt(bench.ontology.concepts[name].prompt, rng) for name in SEVEN]
    outcome = []
    for text, concept in zip(texts, SEVEN, strict=True):
        found = _taken_for(bench, text)
        outcome.append("corrected" if found == concept else "mistaken" if found else "refused")
    note, count = "; ".join(texts), len(base.values)
    records = [
        _record(MISSPELLING, RESOLVED, index, kind, outcome.count(kind) / len(SEVEN), len(SEVEN), note)
        for kind in ("corrected", "mistaken", "refused")
    ]
    encoder = _encoder(encoder_name)
    if encoder is None:
        why = "no text encoder at this scale: set text_encoder: minilm"
        return [*records, _record(MISSPELLING, RAW, index, "armse", np.nan, count, note, why)]
    vectors = encode_prompts(encoder, texts, bench.store.templates)
    found_raw = _solved(solver, with_vectors(plain, vectors), base)
    numbers = scores(found_raw, base.truth) | {"moved": float(np.abs(found_raw - before).mean())}
    return records + [_record(MISSPELLING, RAW, index, key, value, count, note) for key, value in numbers.items()]


def _lists(
    solver: Solver, bench: Bench, base: TestPixels, told: Found, index: int, rng: np.random.Generator
) -> Iterator[Record]:
    """Lists with names too many, one too few, or one wrong."""
    before = told.abundances
    count, seven = len(base.values), len(SEVEN)
    order = np.random.default_rng(rng.integers(2**63))
    state = order.bit_generator.state
    for extra in (1, 3, 5):
        order.bit_generator.state = state
        found = _estimate(solver, ask_with_distractors(bench, extra, order), base)
        shares = found.abundances[:, :seven]
        numbers = scores(shares, base.truth) | {
            "moved": float(np.abs(shares - before).mean()),
            "abstained": float(found.abstain.mean()),
            "given away": float(found.abundances[:, seven:].sum(axis=1).mean()),
        }
        for metric, value in numbers.items():
            yield _record(DISTRACTED, f"+{extra}", index, metric, value, count) | {
                "number": float(extra),
                "distractors": extra,
            }
    missing = int(rng.integers(seven))
    kept = [place for place in range(seven) if place != missing]
    names = [bench.ontology.concepts[name].prompt for name in SEVEN]
    wrong = [bench.ontology.concepts[name].prompt for name in DISTRACTORS if name in bench.model.facts.concepts]
    swapped = [*(names[place] for place in kept), wrong[int(rng.integers(len(wrong)))]]
    holds = base.truth[:, missing] > 0.5
    cases = ((MISSING, [names[place] for place in kept]), (MISLEADING, swapped))
    for test, prompts in cases:
        found = _estimate(solver, ask(bench, prompts), base)
        note = f"without {names[missing]!r}" + (f", with {swapped[-1]!r}" if test == MISLEADING else "")
        shown: dict[str, npt.NDArray[Any]] = {
            "abstained, material not asked for": found.abstain[holds],
            "abstained, others": found.abstain[~holds],
        }
        shown["abstained, material asked for"] = told.abstain[holds]
        if test == MISLEADING:
            shown["share given to the wrong name"] = found.abundances[holds, -1]
        for metric, values in shown.items():
            why = "" if len(values) else "no pixel of this draw holds enough of the material"
            yield _record(
                test, "one of seven", index, metric, float(np.mean(values)) if len(values) else np.nan,
                len(values), note, why,
            )  # fmt: skip


def _taken_for(bench: Bench, text: str) -> str:
    """The concept that a text is taken for, "" if it is refused."""
    try:
        return resolve(text, bench.ontology).concept.id
    except UnmixingError:
        return ""


def _estimate(solver: Solver, asked: Asked, base: TestPixels) -> Found:
    return solver.solve(asked, base.values, base.wavelengths, (MODEL,))[MODEL]


def _solved(solver: Solver, asked: Asked, base: TestPixels) -> Array:
    return np.asarray(_estimate(solver, asked, base).abundances, np.float64)


def _nearest_by_text(bench: Bench, prompt: str, encoder: TextEncoder) -> str:
    """The trained concept whose mean is nearest to the spectrum that is made up from a text."""
    asked = ask_model(
        bench.model, [prompt], anchors=bench.store, ontology=bench.ontology, encoder=encoder, unseen="text"
    )
    names = [name for name in bench.model.facts.trained if not ancestors(bench.ontology, name) or _leaf(bench, name)]
    means = mean_spectra(bench.model, names).numpy().astype(np.float64)
    angles = masked_angles(asked.means.numpy().astype(np.float64).reshape(1, COMMON_GRID.size), means)
    return names[int(np.argmin(angles[0]))]


def _leaf(bench: Bench, concept: str) -> bool:
    return not any(other.parent == concept for other in bench.ontology.concepts.values())


@functools.cache
def _encoder(name: str) -> TextEncoder | None:
    return load_encoder(name) if name else None


def _record(
    test: str, level: str, index: int, metric: str, value: float, count: int, note: str = "", reason: str = ""
) -> Record:
    return {
        "test": test,
        "level": level,
        "method": MODEL,
        "draw": index,
        "metric": metric,
        "value": value,
        "n": count,
        "note": note,
        "reason": reason,
    }
