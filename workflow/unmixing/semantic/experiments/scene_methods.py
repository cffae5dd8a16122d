"""Methods of the experiment on scenes beside the baselines: the shipped model, its ablations, blind and oracle rows."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from unmixing.classical import fcls, scls, vca
from unmixing.evaluation import physical_references
from unmixing.metrics import match_endmembers, spectral_angle
from unmixing.semantic.baselines import bilinear_shares
from unmixing.semantic.estimator import Prior
from unmixing.semantic.experiments.answers import Answer, on_map
from unmixing.semantic.experiments.inputs import Mask, NamedScene, stream
from unmixing.semantic.model import UnmixingModel
from unmixing.semantic.ontology import Ontology, ancestors
from unmixing.semantic.scene_unmixing import unmix

Array = npt.NDArray[np.float64]

#: What the model offers beside its defaults: id and title of the ablation.
_PRIORS: Mapping[Prior, tuple[str, str]] = {
    "none": ("semantic_no_prior", "ablation: no prior (w = 1)"),
    "tilt": ("semantic_tilt", "ablation: weighted L1 as prior"),
    "divergence": ("semantic_divergence", "ablation: divergence as prior"),
}
_ENDMEMBERS: Mapping[str, tuple[str, str]] = {
    "chosen": ("semantic_chosen", "ablation: library spectra chosen by each pixel"),
    "decoded": ("semantic_decoded", "ablation: decoded spectra"),
    "library": ("semantic_class_mean", "ablation: class means of the library"),
}
_NEITHER: Mapping[str, Any] = {"endmembers": "library", "prior": "none"}


def semantic_answers(named: NamedScene, model: UnmixingModel, tested: Mask, *, ablations: bool) -> list[Answer]:
    """Unmix the tested pixels by the scene's prompts: as shipped, and with a part of the model changed or left out.

    Args:
        named: the scene.
        model: trained.
        tested: (rows, columns) pixels to unmix.
        ablations: whether parts are changed in turn.

    Returns:
        Method ``semantic``; with ablations also the other priors and the other endmembers that the model offers, class
        means without a prior (``semantic_neither``), the decoded spectra with their products (``semantic_bilinear``)
        and the encoder's assignment read as abundances (``semantic_assignment``).
    """
    scene = named.data.assign(valid=(("row", "col"), tested))

    def answer(method: str, title: str, asked: Mapping[str, Any]) -> tuple[Answer, Mapping[str, Any]]:
        found = unmix(scene, named.texts, model, **asked)
        whole, endmembers = not title, found["endmembers"].to_numpy().astype(np.float64)
        made = Answer(
            method=method,
            title=title or f"by names: {found.attrs['method']}",
            uses_truth="names",
            maps=found["abundances"].to_numpy().astype(np.float64),
            maxima=np.nanmax(endmembers, axis=1),
            angle=found["residual"].to_numpy().astype(np.float64),
            abstain=found["abstain"].to_numpy() if whole else None,
            assignment=found["assignment"].to_numpy().astype(np.float64) if whole else None,
            endmembers=endmembers,
            notes="; ".join(json.loads(found.attrs["notes"])),
        )
        return made, found.attrs

    shipped, about = answer("semantic", "", {})
    if not ablations:
        return [shipped]
    wanted: dict[tuple[str, str], Mapping[str, Any]] = {
        name: {"prior": prior} for prior, name in _PRIORS.items() if prior != about["prior"]
    }
    wanted |= {name: {"endmembers": one} for one, name in _ENDMEMBERS.items() if one != about["endmember_source"]}
    wanted["semantic_neither", "ablation: class means of the library, no prior"] = _NEITHER
    without = [answer(name, title, asked)[0] for (name, title), asked in wanted.items()]
    return [shipped, *without, *_readings(named, model, shipped, tested)]


def decoded_spectra(named: NamedScene, model: UnmixingModel) -> Array:
    """Return the spectra (K, bands) that the model decodes for the prompts, NaN in bands that it does not use."""
    one = np.zeros(named.seen.shape, bool)
    one[tuple(np.argwhere(named.seen)[0])] = True
    scene = named.data.assign(valid=(("row", "col"), one))
    found = unmix(scene, named.texts, model, endmembers="decoded")
    return np.asarray(found["endmembers"].to_numpy(), np.float64)


def _readings(named: NamedScene, model: UnmixingModel, shipped: Answer, tested: Mask) -> Iterator[Answer]:
    assert shipped.assignment is not None
    decoded = decoded_spectra(named, model)
    bands = np.isfinite(decoded).all(axis=0)
    pixels = np.asarray(named.known.cube[tested], np.float64)[:, bands]
    products = on_map(tested, bilinear_shares(pixels, decoded[:, bands]))
    title, maxima = "ablation: decoded spectra and their products, no prior", np.nanmax(decoded, axis=1)
    yield Answer("semantic_bilinear", title, "names", products, maxima, notes=shipped.notes)
    title = "ablation: the encoder's assignment alone"
    yield Answer("semantic_assignment", title, "names", shipped.assignment, shipped.maxima, notes=shipped.notes)


def matched_answers(named: NamedScene, tested: Mask, draws: int, seed: int) -> Iterator[Answer]:
    """Find endmembers without names by VCA, pair them with the references, and fit them by FCLS.

    Args:
        named: the scene, with reference endmembers.
        tested: (rows, columns) pixels to unmix; endmembers are looked for in all that were seen.
        draws: of VCA's directions.
        seed: of the study.
    """
    references = named.known.endmembers
    if references is None:
        return
    seen = np.asarray(named.known.cube[named.seen], np.float64)
    pixels = np.asarray(named.known.cube[tested], np.float64)
    for draw in range(draws):
        found = vca(seen, len(references), stream(seed, named.scene, "vca", draw))
        order, _ = match_endmembers(found, references)
        spectra = found[order]
        shares = fcls(pixels, spectra)
        yield Answer(
            method="vca_fcls",
            title="VCA + FCLS, paired with the references (oracle)",
            uses_truth="K, matching",
            maps=on_map(tested, shares),
            maxima=spectra.max(axis=1),
            draw=draw,
            angle=on_map(tested, spectral_angle(pixels, shares @ spectra)),
        )


def oracle_answers(named: NamedScene, tested: Mask) -> Iterator[Answer]:
    """Fit the references' own spectra by SCLS, where their scale is known: a check of the references, no score."""
    spectra = physical_references(named.known)
    if spectra is None:
        return
    pixels = np.asarray(named.known.cube[tested], np.float64)
    shares = scls(pixels, spectra)
    yield Answer(
        method="scls_references",
        title="oracle: SCLS, reference endmembers",
        uses_truth="training",
        maps=on_map(tested, shares),
        maxima=spectra.max(axis=1),
        angle=on_map(tested, spectral_angle(pixels, shares @ spectra)),
    )


def water_of(named: NamedScene, ontology: Ontology) -> int | None:
    """Return the number of the material that is water, None if none is."""
    for number, prompt in enumerate(named.prompts):
        if "water" in (prompt.concept, *ancestors(ontology, prompt.concept)):
            return number
    return None
