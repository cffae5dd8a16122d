"""The governance folder of a scene: everything of it unmixed, some of it explained, all of it recorded."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import xarray as xr

from unmixing.errors import UnmixingError
from unmixing.scenes.reading import file_sha256
from unmixing.scenes.synthetic_spectra import library_folder
from unmixing.semantic.energy import Meter
from unmixing.semantic.estimator import Brightness, Prior
from unmixing.semantic.experiments.inputs import USGS_FILE, library_at_hand, stream
from unmixing.semantic.explanations import choose_pixels, explain_pixels
from unmixing.semantic.governance import (
    AUDIT_LOG,
    FILES,
    append_record,
    audit_record,
    coverage_list,
    data_card,
    prompts_card,
)
from unmixing.semantic.model import MODELS_FOLDER, read_model
from unmixing.semantic.prompts import scene_prompts, study_ontology
from unmixing.semantic.questions import ask_model, shipped_anchors
from unmixing.semantic.scene_unmixing import prepare, unmix_pixels
from unmixing.store import write_json, write_text


def write_governance(
    folder: Path,
    scene: xr.Dataset,
    *,
    inputs: Mapping[str, str],
    prompts: tuple[str, ...] = (),
    model: Path | None = None,
    prior: Prior = "divergence",
    brightness: Brightness = "solved",
    pixels: int = 6,
    seed: int = 0,
    libraries: Path | None = None,
) -> str:
    """Unmix a scene and write ``governance.FILES`` about it; the audit log is appended to, all else is replaced.

    Args:
        folder: made if need be.
        scene: with cube and wavelength.
        inputs: SHA-256 of the scene by name.
        prompts: by default those that the evaluation has fixed for the scene.
        model: path; the shipped one by default.
        prior: see ``unmix``.
        brightness: see ``unmix``.
        pixels: how many to explain.
        seed: of those drawn by lot.
        libraries: folder with the USGS library, or None.

    Returns:
        A line that says what was done.

    Raises:
        UnmixingError: the scene has no fixed prompts and none are given, a prompt is refused, or the model has no card.
    """
    meter = Meter()
    path = model or MODELS_FOLDER / "small.safetensors"
    chosen, ontology = read_model(path), study_ontology()
    card = path.with_suffix(".md")
    if not card.is_file():
        raise UnmixingError(f"{card}: the model has no card beside it: write it with unmixing semantic_train")
    store = shipped_anchors(chosen)
    name = str(scene.attrs.get("id", ""))
    names = prompts or tuple(prompt.prompt for prompt in scene_prompts(name))
    asked = ask_model(chosen, names, ontology=ontology, anchors=store)
    cube = np.asarray(scene["cube"].transpose("row", "col", "band").to_numpy(), np.float32)
    seen = np.ones(cube.shape[:2], bool) if "valid" not in scene else scene["valid"].to_numpy().astype(bool)
    prepared = prepare(chosen, asked, scene["wavelength"].to_numpy())
    found = unmix_pixels(chosen, prepared, cube[seen], prior=prior, brightness=brightness)
    residual, abstain = np.full(seen.shape, np.nan), np.ones(seen.shape, bool)
    residual[seen], abstain[seen] = found.residual, found.abstain
    places = choose_pixels(seen, residual, abstain, pixels, stream(seed, "governance", name))
    spectra = np.array([cube[row, column] for row, column, _ in places]).reshape(-1, cube.shape[2])
    explained = [
        {"scene": name, "row": int(row), "col": int(column), "chosen_because": why} | record
        for (row, column, why), record in zip(
            places, explain_pixels(chosen, prepared, spectra, prior=prior, brightness=brightness), strict=True
        )
    ]
    library = library_at_hand(libraries)
    files = {"earthlib": library_folder() / "spectra.sli"}
    if "usgs" in library.spectra and libraries is not None:
        files["usgs"] = libraries / USGS_FILE
    listed = coverage_list(ontology, library, chosen)
    write_text(folder / "model_card.md", card.read_text(encoding="utf-8"))
    write_json(folder / "data_card.json", data_card(library, chosen, files))
    write_text(folder / "explanations.jsonl", "".join(json.dumps(record) + "\n" for record in explained))
    write_text(folder / "coverage.csv", listed.to_csv(index=False, lineterminator="\n"))
    write_json(folder / "prompts.json", prompts_card(ontology, store))
    written = [file for file in FILES if file != AUDIT_LOG]
    record = audit_record(
        command="governance",
        configuration={"prompts": list(names), "prior": prior, "brightness": brightness, "pixels": pixels},
        inputs=inputs,
        asked=asked,
        store=store,
        model=chosen,
        model_sha256=file_sha256(path),
        spent=meter.read(),
        seed=seed,
        outputs={file: file_sha256(folder / file) for file in written},
    )
    append_record(folder / AUDIT_LOG, record)
    refused = int((listed["status"] == "refused").sum())
    return (
        f"run {record['run']}: {int(seen.sum())} pixels unmixed, {len(explained)} explained; {len(listed)} concepts, "
        f"{refused} of them refused by name; {', '.join((*written, AUDIT_LOG))} in {folder}"
    )
