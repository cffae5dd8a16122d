"""Few shots on a scene: the model in each of its modes, what the same shots give without it, and what no shots give."""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from unmixing.errors import UnmixingError
from unmixing.semantic.baselines import BASELINES
from unmixing.semantic.experiments.answers import FEW_SHOT, REFERENCE_METHOD, finished, reason_row
from unmixing.semantic.experiments.inputs import Mask, NamedScene, entropy, lattice, stream
from unmixing.semantic.few_shot import adapt
from unmixing.semantic.library import Library
from unmixing.semantic.model import UnmixingModel
from unmixing.semantic.ontology import Ontology
from unmixing.semantic.scene_unmixing import unmix, unmix_pixels
from unmixing.semantic.shots import ShotEstimate, ShotMethod, Shots, baseline_methods, draw_shots, score_shots

Array = npt.NDArray[np.float64]

TITLES: Mapping[str, str] = {
    "prototype": "by names and shots: prototype",
    "adapter": "by names and shots: adapter",
    "fine_tune": "by names and shots: fine-tuned encoder",
}
#: Baselines of the same shots that the others are compared with.
SHOT_REFERENCES = ("shots_mean_scls", "shots_mean_fcls")


def shot_rows(
    named: NamedScene, model: UnmixingModel, library: Library, ontology: Ontology, options: Mapping[str, Any], seed: int
) -> Iterator[pd.DataFrame]:
    """Yield rows for each number of shots.

    Args:
        named: the scene, with reference abundances.
        model: trained.
        library: of the baseline without shots.
        ontology: of its concepts.
        options: see ``scenes.rows``.
        seed: of the study.
    """
    about = {"scene": named.scene, "kind": str(named.data.attrs["kind"]), "protocol": FEW_SHOT}
    thin = lattice(named.known.cube.shape, options["shot_stride"]) & named.seen
    methods = {
        **without_shots(named, model, library, ontology, thin),
        **baseline_methods(named.known.cube),
        **adapted_methods(named, model, options, seed),
    }
    for k in options["shots"]:
        try:
            drawn = draw_shots(named.known, k, entropy(seed, named.scene, "shots"), draws=options["draws"])
            tested = [replace(shots, tested=shots.tested & thin) for shots in drawn]
            against = (REFERENCE_METHOD, *SHOT_REFERENCES)
            yield finished([score_shots(named.known, tested, identity=about, methods=methods, against=against)])
        except UnmixingError as fault:
            yield reason_row(str(fault), **about, k=k, method=SHOT_REFERENCES[0], uses_truth="training")


def adapted_methods(
    named: NamedScene, model: UnmixingModel, options: Mapping[str, Any], seed: int
) -> dict[str, ShotMethod]:
    """Return the model's modes of few-shot learning as methods; those that train answer the first draws alone."""
    axis = named.known.wavelength

    def solve(
        mode: Any,  # noqa: ANN401 -- few_shot.Mode, from the configuration
        pixels: Array,
        places: npt.NDArray[np.intp],
        drawn: Shots,
    ) -> ShotEstimate | None:
        del places
        if mode != "prototype" and drawn.draw >= options["trained_draws"]:
            return None
        texts = [named.texts[k] for k in drawn.kept]
        rng = stream(seed, named.scene, "few-shot", mode, drawn.k, drawn.draw)
        spectra = list(drawn.spectra(named.known.cube))
        adapted = adapt(model, texts, spectra, axis, mode, rng=rng, steps=options["steps"])
        found = unmix_pixels(adapted.model, adapted.prepared, pixels)
        ends = adapted.prepared.endmembers.numpy()[:, adapted.prepared.known.numpy()]
        return ShotEstimate(found.abundances, ends[adapted.prepared.asked.merged.groups].max(axis=1).astype(np.float64))

    return {
        mode: ShotMethod(TITLES[mode], "names, training", functools.partial(solve, mode)) for mode in options["modes"]
    }


def without_shots(
    named: NamedScene, model: UnmixingModel, library: Library, ontology: Ontology, thin: Mask
) -> dict[str, ShotMethod]:
    """Return the model and class-mean SCLS without shots, asked for the materials that have shots alone."""

    @functools.cache
    def by_names(kept: tuple[int, ...]) -> tuple[Array, Array]:
        scene = named.data.assign(valid=(("row", "col"), thin))
        found = unmix(scene, [named.texts[k] for k in kept], model)
        maxima = np.nanmax(found["endmembers"].to_numpy(), axis=1).astype(np.float64)
        return found["abundances"].to_numpy().astype(np.float64).reshape(-1, len(kept)), maxima

    def semantic(pixels: Array, places: npt.NDArray[np.intp], drawn: Shots) -> ShotEstimate:
        del pixels
        maps, maxima = by_names(drawn.kept)
        return ShotEstimate(maps[places], maxima)

    spectra = functools.cache(functools.partial(named.library, library, ontology))

    def means(pixels: Array, places: npt.NDArray[np.intp], drawn: Shots) -> ShotEstimate | None:
        del places
        try:
            at_hand = spectra(drawn.kept)
        except UnmixingError:
            return None
        return ShotEstimate(BASELINES[REFERENCE_METHOD].solve(pixels, at_hand), at_hand.maxima)

    return {
        REFERENCE_METHOD: ShotMethod(BASELINES[REFERENCE_METHOD].title, "names", means),
        "semantic": ShotMethod(f"by names: {model.facts.label}", "names", semantic),
    }
