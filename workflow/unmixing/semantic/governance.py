"""Records that say what a model was asked, with what, and why it answered so: for those who must answer for it.

* an audit log, one JSON line for each run: commit, versions, hashes of configuration, inputs, prompts and model,
  device, seed, time and energy;
* explanations of single pixels (``explanations``);
* a card of the data: composition, licences, regions; which concepts have spectra and which are refused; the prompts
  with their hashes. The model's own card lies beside it (``model_card``).
"""

import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from unmixing.provenance import provenance
from unmixing.semantic.anchor_store import AnchorStore
from unmixing.semantic.energy import Spent
from unmixing.semantic.library import Library, coverage, covered_concept
from unmixing.semantic.model import UnmixingModel
from unmixing.semantic.ontology import Ontology, ancestors, strings
from unmixing.semantic.questions import Asked

AUDIT_LOG = "audit_log.jsonl"
#: Files of a governance folder.
FILES = ("model_card.md", "data_card.json", AUDIT_LOG, "explanations.jsonl", "coverage.csv", "prompts.json")
_TROPIC, _NORTH = 23.5, 45.0
_LICENCES: Mapping[str, tuple[str, str]] = {
    "earthlib": ("MIT", "earthlib, with the licences of its sources"),
    "usgs": ("public domain", "R. N. Clark et al., USGS digital spectral library splib06a, Data Series 231 (2007)"),
    "parametric": ("MIT", "modelled by this project"),
}


def audit_record(
    *,
    command: str,
    configuration: Mapping[str, Any],
    inputs: Mapping[str, str],
    asked: Asked,
    store: AnchorStore,
    model: UnmixingModel,
    model_sha256: str,
    spent: Spent,
    seed: int | None = None,
    outputs: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the record of one run.

    Args:
        command: what was run.
        configuration: all values that decide its numbers; JSON values only.
        inputs: SHA-256 of each input by name.
        asked: prompts as the model took them.
        store: anchors of the model's text encoder.
        model: asked.
        model_sha256: of its file.
        spent: time and energy.
        seed: of what was drawn; None where nothing was.
        outputs: SHA-256 of each file that was written, by name.
    """
    prompts = [
        {"prompt": prompt, "concept": concept, "endmember_of": source, "sha256": _sha256(prompt.encode())}
        for prompt, concept, source in zip(asked.prompts, asked.concepts, asked.sources, strict=True)
    ]
    decided = {
        "command": command,
        "configuration": dict(configuration),
        "configuration_sha256": _sha256(_canonical(configuration)),
        "inputs_sha256": dict(inputs),
        "prompts": prompts,
        "prompts_sha256": _sha256("\0".join(asked.prompts).encode()),
        "notes": list(asked.notes),
        "anchors": _anchors(store),
        "model": {"sha256": model_sha256, "recipe": model.facts.recipe, "size": model.facts.size},
        "seed": seed,
    }
    written = time.time()
    about = provenance(device="cpu", threads=torch.get_num_threads())
    return {
        # The same work done twice is two runs.
        "run": _sha256(_canonical({**decided, "time": written, "process": os.getpid()}))[:16],
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(written)),
        **decided,
        **about,
        "wall_s": round(spent.wall_s, 3),
        "processor_s": round(spent.processor_s, 3),
        "energy_j": round(spent.energy_j, 3),
        "energy_source": spent.source,
        "outputs_sha256": dict(outputs or {}),
    }


def append_record(path: Path, record: Mapping[str, Any]) -> None:
    """Append one line to a log; the write is a single system call, so lines of several processes never mix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, _canonical(record) + b"\n")
    finally:
        os.close(descriptor)


def data_card(library: Library, model: UnmixingModel, files: Mapping[str, Path] | None = None) -> dict[str, Any]:
    """Return what the spectra are: how many, measured or simulated, from where, under which licence.

    Args:
        library: all sources at hand.
        model: for what it was trained with.
        files: file of each source, whose hash is told.
    """
    records = library.records
    used = records[records["concept"] != ""]
    sources = []
    for name in library.spectra:
        part, own = used[used["source"] == name], records[records["source"] == name]
        licence, citation = _LICENCES.get(name, ("the user's", "the user's own library"))
        path = (files or {}).get(name)
        sources.append(
            {
                "source": name,
                "spectra": len(own),
                "with_a_concept": len(part),
                "measured": int(part["measured"].sum()),
                "simulated": int((~part["measured"]).sum()),
                "licence": licence,
                "citation": citation,
                "sha256": _sha256(path.read_bytes()) if path else "",
            }
        )
    count = max(len(used), 1)
    return {
        "spectra_with_a_concept": len(used),
        "share_simulated": float((~used["measured"]).sum() / count),
        "share_simulated_by_kind": {
            str(kind): float((~part["measured"]).mean()) for kind, part in used.groupby("kind", sort=True)
        },
        "sources": sources,
        "regions": regions(used),
        "shipped_model": {
            "recipe": model.facts.recipe,
            "concepts_told_apart": len(model.facts.trained),
            "concepts_with_mean_spectra": len(model.facts.concepts),
            "scenes_seen_in_training": [],
        },
        "notes": [
            *library.notes,
            "Regions can be compared for soils alone: other places are Santa Barbara's, or unknown.",
            "Counts are those of the libraries at hand here; what the shipped model learned from stands in its card.",
        ],
    }


def regions(records: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Count spectra by kind and by latitude, ``unknown`` where a record has no place.

    Args:
        records: of a library, with columns kind, latitude.
    """
    latitude = records["latitude"].to_numpy(np.float64)
    bands = {
        "tropics, up to 23.5 degrees": np.abs(latitude) <= _TROPIC,
        "north, 23.5 to 45 degrees": (latitude > _TROPIC) & (latitude <= _NORTH),
        "north of 45 degrees": latitude > _NORTH,
        "south of 23.5 degrees": latitude < -_TROPIC,
        "unknown": ~np.isfinite(latitude),
    }
    kinds = records["kind"].to_numpy(object)
    return {
        str(kind): {name: int((inside & (kinds == kind)).sum()) for name, inside in bands.items()}
        for kind in sorted(set(kinds))
    }


def coverage_list(ontology: Ontology, library: Library, model: UnmixingModel) -> pd.DataFrame:
    """Say of each concept whether it can be asked for.

    Returns:
        One row for each concept: ``concept``, ``prompt``, ``spectra`` (of the libraries at hand, members included),
        ``measured``, ``status`` (trained, carried, stands below: …, refused) and ``told``, a sentence.
    """
    rows = []
    for identifier, row in coverage(ontology, library).iterrows():
        name, prompt = str(identifier), str(row["prompt"])
        status = model_status(model, ontology, name)
        rows.append(
            {
                "concept": name,
                "prompt": prompt,
                "spectra": int(row["spectra"]),
                "measured": int(row["measured"]),
                "status": status,
                "told": _told(prompt, status, covered_concept(ontology, library, name)),
            }
        )
    return pd.DataFrame(rows)


def model_status(model: UnmixingModel, ontology: Ontology, concept: str) -> str:
    """Return how a model takes a concept: trained, carried, stands below: …, or refused."""
    if concept in model.facts.trained:
        return "trained"
    if concept in model.facts.concepts:
        return "carried"
    above = next((name for name in ancestors(ontology, concept) if name in model.facts.concepts), "")
    return f"stands below: {above}" if above else "refused"


def prompts_card(ontology: Ontology, store: AnchorStore) -> dict[str, Any]:
    """Return all concepts with what they are called and the hash of each, and the hashes of the anchors."""
    concepts = {
        name: {
            "prompt": concept.prompt,
            "wordings": list(strings(concept)),
            "sha256": _sha256(_wordings(strings(concept))),
        }
        for name, concept in ontology.concepts.items()
    }
    return {
        "concepts": concepts,
        "sha256": _sha256(_canonical({name: entry["sha256"] for name, entry in concepts.items()})),
        "anchors": _anchors(store) | {"templates": list(store.templates), "texts": len(store.rows)},
    }


def _told(prompt: str, status: str, covered: str) -> str:
    if status == "refused":
        return f"{prompt!r} is refused: no spectrum of it, nor of anything above it"
    if status.startswith("stands below"):
        return (
            f"{prompt!r} has no spectrum of its own and takes that of {status.partition(': ')[2]!r}; the result says so"
        )
    where = "" if covered else "; no library at hand here has a spectrum of it"
    return f"{prompt!r} is {'told apart from the others' if status == 'trained' else 'known by its mean alone'}{where}"


def _anchors(store: AnchorStore) -> dict[str, Any]:
    return {
        "encoder": store.encoder,
        "label": store.label,
        "weights_sha256": store.weights_sha256,
        "prompts_sha256": store.prompts_sha256,
    }


def _wordings(texts: Sequence[str]) -> bytes:
    return "\0".join(texts).encode()


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False).encode()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
