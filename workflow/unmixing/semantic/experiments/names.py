"""Does language know spectra? The leaderboard of held-out names, with every text encoder at hand."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from unmixing.errors import UnmixingError
from unmixing.semantic.anchor_store import (
    COLUMNS,
    AnchorStore,
    load_default_anchors,
    prompts_sha256,
    read_anchors,
)
from unmixing.semantic.anchors import text_anchors
from unmixing.semantic.experiments.inputs import USGS_FILE, entropy, library_at_hand
from unmixing.semantic.leaderboard import SEEDS, run_leaderboard
from unmixing.semantic.model import load_default_model
from unmixing.semantic.named_spectra import EARTHLIB_GROUPS, NamedSpectra, joined, named_spectra, shaped
from unmixing.semantic.names import distinct_names, load_names
from unmixing.semantic.ontology import Concept, Ontology, members
from unmixing.semantic.prompts import study_ontology
from unmixing.semantic.text import load_encoder

#: Arms that always run, for the verdict needs them all.
CONTROLS = ("ngrams", "permuted", "random", "none")
#: Where the spectra come from, for the notes of the table.
FROM_LIBRARIES = "mean spectra of the USGS library and earthlib"
FROM_MODEL = (
    "mean spectra that the shipped model carries, of the training split of the USGS library and earthlib: a smaller "
    "test than with the library itself, for most plants are merged into concepts and most names are minerals"
)
NO_CLIP = (
    "no CLIP text tower is at hand: make anchors from its weights with `unmixing anchors openclip:MODEL:FILE` and name "
    "their file under encoders"
)


def rows(options: Mapping[str, Any], scenes: Mapping[str, Path], libraries: Path | None, seed: int) -> pd.DataFrame:
    """Predict spectra from names whose whole group is held out.

    Args:
        options: ``encoders``: text encoders that join, each ``minilm`` (its shipped anchors, no package needed), the
            path of a ``.parquet`` file that `unmixing anchors` wrote, or what ``text.load_encoder`` understands, such
            as ``openclip:MODEL:FILE`` or ``hash``. The controls ``ngrams``, ``permuted``, ``random`` and ``none``
            always run; to name them changes nothing. Demo: [minilm]; laptop: [minilm, hash].
            ``draws``: of the permuted and random arms, at least 5. Demo: 5; laptop: 20.
        scenes: not used.
        libraries: folder with the USGS library; without it the means that the shipped model carries are predicted.
        seed: of the draws.

    Returns:
        Rows of ``leaderboard.run_leaderboard`` with ``scene`` (""), ``spectra_of`` and ``reason``; an encoder that is
        not at hand has one row without scores that gives the reason, as CLIP has where no encoder is one.

    Raises:
        UnmixingError: there are fewer than 5 draws.
    """
    del scenes
    draws = int(options.get("draws", SEEDS))
    named, source = names_at_hand(libraries)
    stores: list[AnchorStore] = []
    missing: list[tuple[str, str]] = []
    for spec in options.get("encoders", ["minilm"]):
        if spec in CONTROLS:
            continue
        try:
            store = anchors_of(spec, named.names)
        except UnmixingError as fault:
            missing.append((str(spec), str(fault)))
            continue
        if any(store.label == other.label for other in stores):
            missing.append((str(spec), f"an encoder of the same name takes part: {store.label}"))
        else:
            stores.append(store)
    if not any(store.family == "clip" for store in stores):
        missing.append(("CLIP-UnmixRS", NO_CLIP))
    scores = run_leaderboard(named, stores, seeds=draws, entropy=entropy(seed, "names"))
    absent = pd.DataFrame([{"arm": "text", "encoder": spec, "seed": 0, "reason": reason} for spec, reason in missing])
    table = pd.concat([scores.assign(reason=""), absent], ignore_index=True)
    texts = ["name", "kind", "group", "source"]
    return table.assign(**{name: table[name].fillna("") for name in texts}, scene="", spectra_of=source)


def names_at_hand(libraries: Path | None) -> tuple[NamedSpectra, str]:
    """Return names with spectra, and where the spectra come from.

    Args:
        libraries: folder with the USGS library, or None.
    """
    if libraries is not None and (libraries / USGS_FILE).is_file():
        return named_spectra(library_at_hand(libraries), study_ontology()), FROM_LIBRARIES
    return carried_spectra(study_ontology()), FROM_MODEL


def carried_spectra(ontology: Ontology) -> NamedSpectra:
    """Gather the names whose mean spectra the shipped model carries, so that the test needs no library.

    A concept that holds another one is left out, as its mean is a mixture, and so is one that is no material of its
    own. Names and groups are those of ``named_spectra``.

    Args:
        ontology: of the model.
    """
    model = load_default_model()
    carried = {name: place for place, name in enumerate(model.facts.concepts)}
    records = []
    for name, place in carried.items():
        if name not in ontology.concepts or any(other in carried for other in members(ontology, name)[1:]):
            continue
        concept = ontology.concepts[name]
        found = _group(concept)
        if found is not None:
            kind, group, source = found
            records.append((concept.prompt, kind, group, source, 1, place))
    table = pd.DataFrame(records, columns=["name", "kind", "group", "source", "spectra", "place"])
    kept = distinct_names(list(table["name"]))
    table = table[table["name"].isin(kept)].reset_index(drop=True)
    means = model.means.numpy().astype(np.float64)[table["place"].to_numpy()]
    return shaped(table.drop(columns="place"), means)


def _group(concept: Concept) -> tuple[str, str, str] | None:
    """Kind, group and library of a concept, None for what is no material or has no reviewed name."""
    for rule in concept.records.get("earthlib", ()):
        if rule.record_class in EARTHLIB_GROUPS and not rule.state:
            return (*EARTHLIB_GROUPS[rule.record_class], "earthlib")
    wanted = {name for rule in concept.records.get("usgs", ()) if not rule.state for name in rule.names}
    for entry in load_names().values():
        if entry.name in wanted:
            return entry.kind, joined(entry.family), "usgs"
    return None


def anchors_of(spec: str, names: Sequence[str]) -> AnchorStore:
    """Return anchors that hold some names.

    Args:
        spec: see ``rows``.
        names: what they must hold.

    Raises:
        UnmixingError: the encoder is unknown or not at hand, or a file does not hold the names.
    """
    if spec == "minilm":
        store = load_default_anchors(spec)
    elif spec.endswith(".parquet"):
        store = read_anchors(Path(spec).expanduser())
    else:
        encoder = load_encoder(spec)
        table = pd.DataFrame([(name, "", "name", "en") for name in names], columns=list(COLUMNS))
        return AnchorStore(
            rows=table,
            vectors=encoder.encode(list(names)),
            encoder=encoder.name,
            family=encoder.family,
            note=encoder.note,
            weights_sha256=encoder.weights_sha256,
            templates=("{}",),
            prompts_sha256=prompts_sha256(table),
        )
    text_anchors(store, names)
    return store
