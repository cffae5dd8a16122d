"""What the experiments on generated pixels share: the shipped model, spectra it never saw, pixels, and scores."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from unmixing.errors import UnmixingError
from unmixing.semantic.anchors import AnchorStore, load_default_anchors
from unmixing.semantic.experiments.inputs import library_at_hand
from unmixing.semantic.held_out import shipped_recipe, split_rows
from unmixing.semantic.latents import Latents, MixtureRecipe, draw_latents
from unmixing.semantic.library import Library
from unmixing.semantic.mixtures import Mixtures, render
from unmixing.semantic.model import UnmixingModel, load_default_model
from unmixing.semantic.ontology import Ontology
from unmixing.semantic.pools import Pool, make_pool
from unmixing.semantic.prompts import study_ontology
from unmixing.semantic.questions import Asked, ask_model
from unmixing.semantic.recipe import TrainingRecipe
from unmixing.semantic.sensors import Sensor
from unmixing.semantic.trained_models import VALIDATION_LISTS
from unmixing.semantic.training import filled_means

Array = npt.NDArray[np.float64]

SEVEN = VALIDATION_LISTS["seven classes"]
#: One factor at a time is changed from here: spectra vary and illumination too, all else is mild. Amplitudes of what
#: ``Conditions`` decide are drawn with size one.
BASE = MixtureRecipe(
    bilinear_share=1.0,
    bilinear_strength=(1.0, 1.0),
    atmosphere=1.0,
    smooth_gain=0.0,
    offset=0.0,
    snr_db=(40.0, 40.0),
)
BASE_SNR = 40.0


@dataclass(frozen=True)
class Conditions:
    """How pixels were seen.

    Attributes:
        snr_db: signal-to-noise ratio, infinite for none; the signal is that of all concepts, so dark pixels are
            noisier.
        atmosphere: standard deviation of the water bands' residual optical depth.
        bilinear: strength g of multiple scattering.
        illumination: factor on every pixel's brightness.
    """

    snr_db: float = BASE_SNR
    atmosphere: float = 0.0
    bilinear: float = 0.0
    illumination: float = 1.0


@dataclass(frozen=True)
class Bench:
    """Everything the experiments work with.

    Attributes:
        model: the shipped one.
        store: its anchors.
        ontology: all concepts.
        library: all sources at hand.
        recipe: what the model was trained with.
        train: (records,) which of the library the model was trained on.
        test: (records,) which were held out.
        usgs: whether the USGS library is at hand.
    """

    model: UnmixingModel
    store: AnchorStore
    ontology: Ontology
    library: Library
    recipe: TrainingRecipe
    train: npt.NDArray[np.bool_]
    test: npt.NDArray[np.bool_]
    usgs: bool

    def has_test_spectra(self, concepts: Iterable[str]) -> bool:
        """Return whether every concept has held-out spectra at hand."""
        try:
            self.pool(concepts)
        except UnmixingError:
            return False
        return True

    def pool(self, concepts: Iterable[str]) -> Pool:
        """Return the held-out spectra of concepts; every site or specimen is drawn equally often."""
        return make_pool(self.library, self.ontology, list(concepts), rows=self.test)


@dataclass(frozen=True)
class TestPixels:
    """Pixels with their truth, in bands that are known at all.

    Attributes:
        values: (N, B) reflectance, NaN where a band is lost.
        truth: (N, K) shares of area.
        wavelengths: (B,) as the methods are told, nanometres.
        mixtures: what they were made of, all bands of the sensor.
        bands: (bands of the sensor,) True for the B bands.
    """

    __test__ = False

    values: Array
    truth: Array
    wavelengths: Array
    mixtures: Mixtures
    bands: npt.NDArray[np.bool_]


def open_bench(libraries: Path | None) -> Bench:
    """Load the shipped model and the libraries at hand.

    Args:
        libraries: the folder of ``UNMIXING_LIBRARIES``; None leaves earthlib and modelled water.

    Raises:
        UnmixingError: a library cannot be read, or see ``held_out.split_rows``.
    """
    recipe, library = shipped_recipe(), library_at_hand(libraries)
    return Bench(
        model=load_default_model(),
        store=load_default_anchors(recipe.anchors),
        ontology=study_ontology(),
        library=library,
        recipe=recipe,
        train=split_rows(library, "train"),
        test=split_rows(library, "test"),
        usgs="usgs" in library.spectra,
    )


def under(latents: Latents, conditions: Conditions) -> Latents:
    """Return latents that were drawn with ``BASE`` as they look under some conditions, all other draws the same."""
    return replace(
        latents,
        snr_db=np.full_like(latents.snr_db, conditions.snr_db),
        atmosphere=conditions.atmosphere * latents.atmosphere,
        bilinear=conditions.bilinear * latents.bilinear,
        gain=conditions.illumination * latents.gain,
    )


def draw(pool: Pool, count: int, rng: np.random.Generator) -> Latents:
    """Draw N pixels for ``under``."""
    return draw_latents(BASE, pool, count, rng)


def look(
    latents: Latents,
    pool: Pool,
    sensor: Sensor,
    *,
    recipe: MixtureRecipe = BASE,
    by: Literal["response", "interpolation"] = "response",
    told: Sensor | None = None,
    with_endmembers: bool = False,
) -> TestPixels:
    """Render pixels and leave out the bands that no library knows.

    Args:
        latents: N pixels.
        pool: the one they were drawn with.
        sensor: that looks.
        recipe: the one they were drawn with.
        by: see ``mixtures.render``.
        told: the sensor that methods believe in, of as many bands; by default the one that looks.
        with_endmembers: see ``mixtures.render``.
    """
    mixtures = render(latents, pool, sensor, recipe, with_endmembers=with_endmembers, by=by)
    bands = np.asarray(np.isfinite(mixtures.clean).any(axis=0))
    wavelengths = np.asarray((told or sensor).centres, np.float64)
    return TestPixels(
        values=mixtures.reflectance[:, bands].astype(np.float64),
        truth=mixtures.abundances.astype(np.float64),
        wavelengths=wavelengths[bands],
        mixtures=mixtures,
        bands=bands,
    )


def as_trained(bench: Bench, pool: Pool, sensor: Sensor, count: int, rng: np.random.Generator) -> TestPixels:
    """Draw pixels under the conditions of the shipped model's training, noise and atmosphere included."""
    recipe = bench.recipe.mixtures
    return look(draw_latents(recipe, pool, count, rng), pool, sensor, recipe=recipe, with_endmembers=True)


def ask(bench: Bench, prompts: Sequence[str]) -> Asked:
    """Return a list of prompts as the shipped model takes it.

    Raises:
        UnmixingError: see ``questions.ask_model``.
    """
    return ask_model(bench.model, list(prompts), anchors=bench.store, ontology=bench.ontology)


def ask_concepts(bench: Bench, concepts: Iterable[str]) -> Asked:
    """Ask the shipped model for concepts by their canonical prompts."""
    return ask(bench, [bench.ontology.concepts[name].prompt for name in concepts])


def with_means(asked: Asked, means: npt.ArrayLike) -> Asked:
    """Return prompts with other means (G, grid), NaN where unknown, and nothing but these to choose from."""
    given = torch.as_tensor(np.asarray(means, np.float32))
    return replace(asked, means=given, spectra=filled_means(given), owner=torch.arange(len(given)))


def scores(estimate: npt.ArrayLike, truth: npt.ArrayLike) -> dict[str, float]:
    """Score abundances (N, K) against the truth.

    Returns:
        ``armse``, root mean square over pixels and prompts, and ``dominant``, the share of pixels whose largest share
        is the right one's.
    """
    found, right = np.asarray(estimate, np.float64), np.asarray(truth, np.float64)
    return {
        "armse": float(np.sqrt(np.mean((found - right) ** 2))),
        "dominant": float(np.mean(found.argmax(axis=1) == right.argmax(axis=1))),
    }


def pair_angles(one: npt.ArrayLike, other: npt.ArrayLike) -> Array:
    """Return the angles (N,) in radians between spectra (N, B) row by row, over the bands that both know."""
    first, second = np.asarray(one, np.float64), np.asarray(other, np.float64)
    both = np.isfinite(first) & np.isfinite(second)
    first, second = np.where(both, first, 0.0), np.where(both, second, 0.0)
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    cosine = np.sum(first * second, axis=1) / np.maximum(lengths, 1e-300)
    return np.asarray(np.arccos(np.clip(cosine, -1.0, 1.0)), np.float64)


def kept_error(estimate: npt.ArrayLike, truth: npt.ArrayLike, abstain: npt.NDArray[np.bool_]) -> float:
    """Return the aRMSE of the pixels that are not abstained from, NaN if there are none."""
    kept = ~abstain
    return scores(np.asarray(estimate)[kept], np.asarray(truth)[kept])["armse"] if kept.any() else float("nan")


def table(records: Sequence[Mapping[str, Any]], columns: Mapping[str, type]) -> pd.DataFrame:
    """Return rows as a frame with typed columns, in their order; a missing value needs a reason.

    Args:
        records: values by column; what is left out is "" or NaN.
        columns: type of each column: str, int or float.

    Raises:
        ValueError: a value is missing and ``reason`` is empty.
    """
    frame = pd.DataFrame([dict(record) for record in records], columns=list(columns))
    for name, kind in columns.items():
        if kind is str:
            frame[name] = frame[name].astype(object).where(frame[name].notna(), "").astype(str)
        else:
            frame[name] = frame[name].fillna(0 if kind is int else np.nan).astype("int64" if kind is int else float)
    if (frame["value"].isna() & (frame["reason"] == "")).any():
        raise ValueError("a row has neither a value nor a reason")
    return frame
