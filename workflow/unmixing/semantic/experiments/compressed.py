"""What smaller models and smaller messages do to abundances: parts of the experiment on costs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from unmixing.semantic.compression import Compressed
from unmixing.semantic.experiments.inputs import NamedScene, lattice, library_at_hand, stream
from unmixing.semantic.latency import PIXELS, encoder_seconds, threads
from unmixing.semantic.materials import ask, gather_materials
from unmixing.semantic.model import UnmixingModel
from unmixing.semantic.prompts import study_ontology
from unmixing.semantic.questions import ask_model
from unmixing.semantic.recipe import TrainingRecipe
from unmixing.semantic.scene_unmixing import PixelEstimates, Prepared, encode_pixels, prepare, unmix_pixels
from unmixing.semantic.scores import conventions
from unmixing.semantic.sensors import get_sensor
from unmixing.semantic.trained_models import VALIDATION_LISTS
from unmixing.semantic.training import draw_batch

Array = npt.NDArray[np.float64]

MIXTURES = "mixtures"
_LIST, _SENSOR = "seven classes", "aviris"


@dataclass(frozen=True)
class Tested:
    """Pixels with a truth.

    Attributes:
        name: of the scene, or ``MIXTURES``.
        prompts: K names.
        pixels: (N, B) reflectance, NaN where unknown.
        wavelengths: (B,) nanometres.
        error: (N, K) shares, and what a model found with its ``Prepared``, whose endmembers' brightness they are
            converted with where the references ask for it -> aRMSE.
    """

    name: str
    prompts: tuple[str, ...]
    pixels: npt.NDArray[np.float32]
    wavelengths: Array
    error: Callable[[Array, PixelEstimates, Prepared], float]


def tested_scene(scene: NamedScene, most: int) -> Tested:
    """Return pixels of a scene, to be scored in the convention of its references.

    Args:
        scene: with references.
        most: how many pixels about, spread evenly.
    """
    stride = max(int(np.ceil(np.sqrt(scene.seen.sum() / most))), 1)
    tested = scene.seen & lattice(scene.seen.shape, stride)

    def error(shares: Array, found: PixelEstimates, prepared: Prepared) -> float:
        maps = np.full((*tested.shape, shares.shape[1]), np.nan)
        maps[tested] = shares
        maxima = found.endmembers[:, prepared.known.numpy()].max(axis=1)
        _, one, truth = conventions(maps, scene.known, maxima)[0]
        return float(np.sqrt(np.mean((one - truth)[tested] ** 2)))

    pixels = scene.known.cube[tested].astype(np.float32)
    return Tested(scene.scene, tuple(scene.texts), pixels, np.asarray(scene.known.wavelength, np.float64), error)


def tested_mixtures(count: int, libraries: Path | None, rng: np.random.Generator) -> Tested:
    """Return generated pixels of seven classes as an AVIRIS sees them; the spectra are those of all splits."""
    ontology = study_ontology()
    materials = gather_materials(library_at_hand(libraries), ontology)
    sensor = get_sensor(_SENSOR)
    question = ask(materials, VALIDATION_LISTS[_LIST])
    batch = draw_batch(materials, TrainingRecipe().mixtures, count, rng, question=question, sensor=sensor)
    truth = batch.truth.double().numpy()
    pixels = torch.where(batch.known, batch.pixels, torch.nan).numpy()
    names = tuple(ontology.concepts[name].prompt for name in VALIDATION_LISTS[_LIST])
    axis = np.asarray(sensor.centres, np.float64)

    def error(shares: Array, found: PixelEstimates, prepared: Prepared) -> float:
        del found, prepared
        return float(np.sqrt(np.mean((shares - truth) ** 2)))

    return Tested(MIXTURES, names, pixels, axis, error)


def compression_rows(
    model: UnmixingModel,
    ways: Mapping[str, Callable[[UnmixingModel], Compressed]],
    scenes: Sequence[NamedScene],
    options: Mapping[str, Any],
    libraries: Path | None,
    seed: int,
) -> Iterator[dict[str, Any]]:
    """Yield size, time of the encoder, error and change of abundances for each smaller form of a model.

    Args:
        model: as shipped.
        ways: by name, the first of which changes nothing.
        scenes: scored; the first is timed.
        options: see ``cost.rows``.
        libraries: see ``cost.rows``.
        seed: of the mixtures.
    """
    most = int(options.get("pixels", 500))
    tests = [tested_scene(scene, most) for scene in scenes]
    if int(options.get("mixtures", 0)):
        tests.append(tested_mixtures(int(options["mixtures"]), libraries, stream(seed, "cost", "mixtures")))
    before: dict[str, Array] = {}
    for name, way in ways.items():
        small = way(model)
        about = {"part": "compression", "item": "model", "variant": name, "threads": 0}
        yield {**about, "measure": "bytes", "value": float(small.stored_bytes), "n": 1, "how": "counted"}
        yield {**about, "measure": "parameters", "value": float(small.kept), "n": 1, "how": "counted"}
        for test in tests:
            prepared = prepare(small.model, ask_model(small.model, test.prompts), test.wavelengths)
            found = unmix_pixels(small.model, prepared, test.pixels)
            shares = found.abundances
            change = float(np.abs(shares - before.setdefault(test.name, shares)).mean())
            common = about | {"scene": test.name, "n": len(shares), "how": "measured"}
            yield {**common, "measure": "armse", "value": test.error(shares, found, prepared)}
            yield {**common, "measure": "change", "value": change}
        test = tests[0]
        prepared = prepare(small.model, ask_model(small.model, test.prompts), test.wavelengths)
        with threads(1):
            timing = encoder_seconds(small.model, prepared, test.pixels, int(options.get("repeats", 3)))
        # The time is the encoder's alone: the others' parts are the same for all.
        for measure, values in (("seconds", timing.wall_s), ("processor_seconds", timing.processor_s)):
            scaled = np.asarray(values) * PIXELS / len(test.pixels)
            told = {"value": float(np.median(scaled)), "least": float(scaled.min()), "most": float(scaled.max())}
            common = about | {"scene": test.name, "threads": 1, "n": len(scaled), "how": "measured"}
            yield {**common, "measure": measure, **told}


def downlink_rows(model: UnmixingModel, scene: NamedScene, large: int, most: int) -> Iterator[dict[str, Any]]:
    """Yield bytes of a pixel that is sent down in each form, and the error of what can be made of it on the ground.

    From the encoder's output alone the ground has the soft assignment and no spectrum to solve for.

    Args:
        model: as shipped.
        scene: whose pixels are sent.
        large: length of the encoder's output of size L.
        most: pixels that are sent, about.
    """
    test = tested_scene(scene, most)
    prepared = prepare(model, ask_model(model, test.prompts), test.wavelengths)
    found = unmix_pixels(model, prepared, test.pixels)
    codes = encode_pixels(model, prepared, test.pixels)
    bands, size, prompts = test.pixels.shape[1], codes.shape[1], len(test.prompts)

    def error(shares: Array) -> float:
        return test.error(shares, found, prepared)

    def assigned(rounded: torch.Tensor) -> float:
        return error(unmix_pixels(model, prepared, test.pixels, encoded=rounded).assignment)

    full, halves = found.abundances, np.asarray(found.abundances, np.float16).astype(np.float64)
    forms = [
        ("spectrum, 16 bits", 2 * bands, error(full), "as unmixed on board"),
        ("encoder's output, 16 bits", 2 * size, assigned(codes.half().float()), "assignment"),
        ("encoder's output, 8 bits", size + 2, assigned(_eight_bits(codes)), "assignment"),
        ("abundances, 16 bits", 2 * prompts, error(halves), "unmixed"),
        ("abundances, 8 bits", prompts, error(np.round(full * 255) / 255), "unmixed"),
    ]
    for item, amount, armse, variant in forms:
        common = {"scene": scene.scene, "part": "downlink", "item": item, "threads": 0}
        common |= {"variant": f"{bands} bands, {prompts} prompts; {variant}"}
        yield {**common, "measure": "bytes", "value": float(amount), "n": 1, "how": "counted"}
        yield {**common, "measure": "armse", "value": armse, "n": len(test.pixels), "how": "measured"}
    common = {"scene": scene.scene, "part": "downlink", "item": "encoder's output of size L, 16 bits", "threads": 0}
    common |= {"variant": "512 numbers, as of CLIP ViT-B", "measure": "bytes", "n": 1, "how": "counted"}
    yield {**common, "value": float(2 * large)}


def _eight_bits(codes: torch.Tensor) -> torch.Tensor:
    """Round vectors to eight bits with a float16 scale each."""
    scale = (codes.abs().amax(1, keepdim=True) / 127).half().float()
    return torch.round(codes / scale).clamp(-127, 127) * scale
