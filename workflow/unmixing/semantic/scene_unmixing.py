"""Unmixing by name: a scene and a list of prompts in, abundances and the option to abstain out."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr
from torch import Tensor

from unmixing.errors import UnmixingError
from unmixing.semantic.anchors import AnchorStore
from unmixing.semantic.appearances import Appearances, fit_appearances
from unmixing.semantic.encoder import Placement, channels, check_wavelengths, place
from unmixing.semantic.estimator import Brightness, Prior
from unmixing.semantic.model import UnmixingModel, load_default_model, read_model
from unmixing.semantic.ontology import Ontology
from unmixing.semantic.own_spectra import OwnSpectra
from unmixing.semantic.questions import Asked, Unseen, ask_model
from unmixing.semantic.recipe import RIDGE
from unmixing.semantic.sensors import MINIMUM_SHARE, response_matrix, sensor_of_axis
from unmixing.semantic.solving import solve_pixels
from unmixing.semantic.sources import COMMON_GRID, COMMON_RESOLUTION_NM
from unmixing.semantic.text import TextEncoder
from unmixing.semantic.training import filled_means, through_sensor

Array = npt.NDArray[np.float64]
Endmembers = Literal["chosen", "decoded", "library"]
_CHUNK = 2048
_FEWEST_BANDS = 2


@dataclass(frozen=True)
class Prepared:
    """A list of prompts as one sensor sees it.

    Attributes:
        asked: the prompts.
        endmembers: (G, B) reflectance, finite: what pixels are unmixed with, but for those who may choose.
        known: (B,) bands that are known for all prompts.
        placement: of the bands.
        anchors: (G, d) in the encoder's space, where they are not the text's own (few shots); else None.
        choice: library spectra that each pixel chooses from. Endmembers that are put in the place of the library's
            means end the choice.
    """

    asked: Asked
    endmembers: Tensor
    known: Tensor
    placement: Placement
    anchors: Tensor | None = None
    choice: Appearances | None = None

    @property
    def given(self) -> Tensor | Appearances:
        """What the estimator is given: endmembers, or spectra to choose from."""
        return self.choice if self.choice is not None and self.choice.means is self.endmembers else self.endmembers

    def directions(self, model: UnmixingModel) -> Tensor:
        """Return the anchors (G, d) that pixels are compared with."""
        return model.anchors(self.asked.vectors) if self.anchors is None else self.anchors


@dataclass(frozen=True)
class PixelEstimates:
    """What is estimated for N pixels and K prompts; all float64 but ``abstain``.

    Attributes:
        abundances: (N, K) on the simplex.
        assignment: (N, K) p, the soft assignment before the spectra are compared.
        similarity: (N, K) cosines.
        residual: (N,) radians between pixel and model.
        brightness: (N,) common gain of the endmembers.
        shade: (N,) share of shade.
        noise: (N,) standard deviation of what is left without a prior, over the pixel's root mean square.
        abstain: (N,) bool: no prompt resembles the pixel, or the model leaves too much of it.
        optimality: (N,) residual of the optimality conditions.
        endmembers: (K, B) mean of the spectra with which pixels were unmixed, weighed by their shares; reflectance.
    """

    abundances: Array
    assignment: Array
    similarity: Array
    residual: Array
    brightness: Array
    shade: Array
    noise: Array
    abstain: npt.NDArray[np.bool_]
    optimality: Array
    endmembers: Array


def prepare(
    model: UnmixingModel, asked: Asked, wavelengths: npt.ArrayLike, endmembers: Endmembers = "chosen"
) -> Prepared:
    """Look at the prompts' endmembers through the bands of a scene.

    Args:
        model: any.
        asked: the prompts.
        wavelengths: (B,) nanometres, rising.
        endmembers: ``chosen`` by each pixel among the library's spectra (``appearances``), ``decoded`` by the model,
            or the ``library`` means as they are.

    Raises:
        UnmixingError: wavelengths are none, or fewer than two bands are known for all prompts.
    """
    axis = check_wavelengths(wavelengths)
    response = response_matrix(sensor_of_axis(axis), COMMON_GRID, COMMON_RESOLUTION_NM)
    covered = np.isfinite(asked.means.numpy()).all(axis=0) @ response.T
    known = covered >= MINIMUM_SHARE - 1e-9
    if int(known.sum()) < _FEWEST_BANDS:
        raise UnmixingError("fewer than two bands are known for all prompts: give a scene within 400 to 2450 nm")
    means = filled_means(asked.means)
    if endmembers == "decoded":
        with torch.no_grad():
            means = model.decoder(model.centred(asked.vectors), means)
    elif endmembers not in get_args(Endmembers):
        raise UnmixingError(f"endmembers are {', '.join(get_args(Endmembers))}, not {endmembers!r}: choose one of them")
    matrix = torch.as_tensor(response, dtype=torch.float32)
    seen, choice = through_sensor(means, matrix), None
    if endmembers == "chosen":
        ridge = model.facts.estimator.get("ridge", RIDGE)
        choice = Appearances(seen, through_sensor(asked.spectra, matrix), asked.owner, ridge)
    return Prepared(asked, seen, torch.as_tensor(known), place(axis), choice=choice)


def unmix_pixels(
    model: UnmixingModel,
    prepared: Prepared,
    pixels: npt.ArrayLike,
    *,
    prior: Prior = "divergence",
    brightness: Brightness = "solved",
    encoded: Tensor | None = None,
) -> PixelEstimates:
    """Estimate the abundances of pixels.

    Args:
        model: any.
        prepared: prompts and bands, see ``prepare``.
        pixels: (N, B) reflectance of any scale, NaN where a band is unknown.
        prior: ``divergence``, ``tilt`` or ``none`` (see ``estimator``).
        brightness: ``solved``, ``fixed`` or ``shade``.
        encoded: (N, d), where the pixels are encoded already.

    Raises:
        UnmixingError: a pixel has no known band or no light, or is not finite but NaN.
    """
    values = np.asarray(pixels, np.float32)
    if values.ndim != 2 or values.shape[1] != len(prepared.known):
        raise UnmixingError(f"pixels of shape {values.shape} for {len(prepared.known)} bands: bands come last")
    given = torch.as_tensor(values)
    known = torch.isfinite(given) & prepared.known
    dark = ~(known & (given != 0)).any(1)
    if bool(dark.any()):
        raise UnmixingError(
            f"{int(dark.sum())} of {len(dark)} pixels have no known band, or are zero in all: mark them as not valid"
        )
    given = torch.where(known, given, 0.0)
    parts = []
    shown = torch.zeros(prepared.endmembers.shape, dtype=torch.float64)
    with torch.no_grad():
        anchors = prepared.directions(model)
        for start in range(0, len(given), _CHUNK):
            part = slice(start, start + _CHUNK)
            codes = encoded[part] if encoded is not None else _encode(model, given[part], known[part], prepared)
            allowed = torch.ones(len(codes), len(anchors), dtype=torch.bool)
            solved = solve_pixels(
                model,
                given[part],
                known[part],
                allowed,
                codes,
                anchors,
                prepared.given,
                prior=prior,
                brightness=brightness,
            )
            result, residual = solved.estimate, solved.estimate.residual
            if solved.fitted is not None:
                residual = torch.maximum(residual, solved.fitted.residual)
                shown += torch.einsum("ng,ngb->gb", result.abundances, solved.fitted.endmembers)
            alone = (result.brightness, result.shade, result.variance.sqrt(), result.angle, residual)
            shares = [result.abundances, solved.assigned.double(), solved.similarity.double()]
            parts.append(torch.cat([*shares, torch.stack(alone, 1)], dim=1).numpy())
    groups = len(anchors)
    found = np.concatenate(parts) if parts else np.zeros((0, 3 * groups + 5))
    merged = prepared.asked.merged
    similarities: Array = found[:, 2 * groups : 3 * groups]
    light, shade, noise, angle, optimality = found[:, 3 * groups :].T
    limits = model.facts.thresholds
    total = torch.as_tensor(found[:, :groups].sum(axis=0))[:, None]
    chosen = isinstance(prepared.given, Appearances) & (total > 1e-9)
    spectra = torch.where(chosen, shown / total.clamp_min(1e-9), prepared.endmembers.double()).numpy()
    largest = limits.get("angle" if isinstance(prepared.given, Appearances) else "angle_given", np.inf)
    unlike = similarities.max(axis=1, initial=-1.0) < limits.get("similarity", -1.0)
    return PixelEstimates(
        abundances=np.asarray(merged.share(found[:, :groups]), np.float64),
        assignment=np.asarray(merged.share(found[:, groups : 2 * groups]), np.float64),
        similarity=similarities[:, merged.groups],
        residual=angle,
        brightness=light,
        shade=shade,
        noise=noise,
        abstain=unlike | (angle > largest),
        optimality=optimality,
        endmembers=np.asarray(spectra[merged.groups], np.float64),
    )


def pixel_endmembers(prepared: Prepared, pixels: npt.ArrayLike) -> Array:
    """Return the spectra (N, K, B) with which ``unmix_pixels`` unmixes pixels (N, B), NaN where a band is unknown."""
    values = torch.as_tensor(np.asarray(pixels, np.float32))
    known, given = torch.isfinite(values) & prepared.known, prepared.given
    if isinstance(given, Appearances):
        spectra = fit_appearances(torch.where(known, values, 0.0), known, given).endmembers
    else:
        spectra = given.double().expand(len(values), -1, -1)
    return np.asarray(spectra.numpy()[:, prepared.asked.merged.groups], np.float64)


def encode_pixels(model: UnmixingModel, prepared: Prepared, pixels: npt.ArrayLike) -> Tensor:
    """Return the encoder's vectors (N, d) of pixels (N, B), NaN where a band is unknown."""
    given = torch.as_tensor(np.asarray(pixels, np.float32))
    known = torch.isfinite(given) & prepared.known
    given = torch.where(known, given, 0.0)
    with torch.no_grad():
        parts = [
            _encode(model, given[start : start + _CHUNK], known[start : start + _CHUNK], prepared)
            for start in range(0, len(given), _CHUNK)
        ]
    return torch.cat(parts)


def unmix(
    scene: xr.Dataset | str | Path,
    prompts: Sequence[str],
    model: UnmixingModel | str | Path | None = None,
    *,
    prior: Prior = "divergence",
    brightness: Brightness = "solved",
    endmembers: Endmembers = "chosen",
    unseen: Unseen = "refuse",
    anchors: AnchorStore | None = None,
    ontology: Ontology | None = None,
    encoder: TextEncoder | None = None,
    own: OwnSpectra | None = None,
) -> xr.Dataset:
    """Unmix a scene into materials that are named.

    Nothing is learned from the scene: each pixel is treated by itself.

    Args:
        scene: with ``cube(row, col, band)``, ``wavelength(band)`` in nanometres and, where pixels are missing,
            ``valid(row, col)``; or the path of a file that ``unmixing.scenes.read_scene`` understands.
        prompts: names of the materials to look for, in any order.
        model: a trained model or the path of one; the shipped one by default.
        prior: how the text's say is weighed in: ``divergence``, ``tilt`` (weighted L1) or ``none``.
        brightness: ``solved`` (a gain common to the endmembers of a pixel), ``fixed`` or ``shade``.
        endmembers: ``chosen`` by each pixel among the library's spectra of each material, ``decoded`` by the model,
            or the ``library`` means.
        unseen: ``refuse`` prompts without a spectrum, or make one up from ``text``.
        anchors: anchors of the model's text encoder; the shipped ones by default.
        ontology: resolves names; the study's by default.
        encoder: the model's text encoder, for names that are nowhere known.
        own: your spectra, which stand for their materials in the place of the library's.

    Returns:
        ``abundances(row, col, prompt)``, at least zero, summing to one (prompts that are one to the model share);
        ``endmembers(prompt, band)``, the mean of what was chosen, NaN in bands that were not used;
        ``residual(row, col)`` radians between pixel and model; ``abstain(row, col)``, true where no prompt resembles
        the pixel or the residual is too large (the abundances stay as they are); ``similarity`` and
        ``assignment(row, col, prompt)``, ``brightness``, ``shade``
        and ``noise(row, col)``. Pixels that are not valid hold NaN and abstain. What was decided for the prompts
        stands in the attribute ``notes``.

    Raises:
        UnmixingError: a prompt is unknown or has no spectrum, none of ``own`` is of a prompt, wavelengths are no
            nanometres, or a valid pixel has no known band.
    """
    data = _opened(scene)
    chosen = _model(model)
    asked = ask_model(chosen, prompts, anchors=anchors, ontology=ontology, encoder=encoder, unseen=unseen, own=own)
    cube = np.asarray(data["cube"].transpose("row", "col", "band").to_numpy(), np.float32)
    rows, cols = cube.shape[:2]
    valid = np.ones((rows, cols), bool) if "valid" not in data else data["valid"].to_numpy().astype(bool)
    prepared = prepare(chosen, asked, data["wavelength"].to_numpy(), endmembers)
    found = unmix_pixels(chosen, prepared, cube[valid], prior=prior, brightness=brightness)

    def mapped(values: Array) -> npt.NDArray[np.float32]:
        result = np.full((rows, cols, *values.shape[1:]), np.nan, np.float32)
        result[valid] = values
        return result

    abstain = np.ones((rows, cols), bool)
    abstain[valid] = found.abstain
    spectra = found.endmembers.astype(np.float32)
    spectra[:, ~prepared.known.numpy()] = np.nan
    place_on, layers = ("row", "col"), ("row", "col", "prompt")
    return xr.Dataset(
        {
            "abundances": (layers, mapped(found.abundances)),
            "endmembers": (("prompt", "band"), spectra),
            "residual": (place_on, mapped(found.residual), {"units": "radian"}),
            "abstain": (place_on, abstain),
            "similarity": (layers, mapped(found.similarity)),
            "assignment": (layers, mapped(found.assignment)),
            "brightness": (place_on, mapped(found.brightness)),
            "shade": (place_on, mapped(found.shade)),
            "noise": (place_on, mapped(found.noise)),
        },
        coords={
            "prompt": np.array(asked.prompts, object),
            "concept": ("prompt", np.array(asked.concepts, object)),
            "wavelength": ("band", np.asarray(data["wavelength"].to_numpy(), np.float64), {"units": "nm"}),
        },
        attrs={
            "method": chosen.facts.label,
            "recipe": chosen.facts.recipe,
            "prior": prior,
            "brightness_model": brightness,
            "endmember_source": endmembers,
            "uses_truth": "names",
            "notes": json.dumps(asked.notes),
            "scene": str(data.attrs.get("id", "")),
            "georeference": str(data.attrs.get("georeference", "")),
        },
    )


def _opened(scene: xr.Dataset | str | Path) -> xr.Dataset:
    if isinstance(scene, xr.Dataset):
        if "cube" not in scene or not ("wavelength" in scene.coords or "wavelength" in scene):
            raise UnmixingError(
                "the scene holds no cube(row, col, band) or no wavelength(band): read it with read_scene"
            )
        return scene
    from unmixing.scenes.reading import read_scene

    return read_scene(scene)


def _model(model: UnmixingModel | str | Path | None) -> UnmixingModel:
    if isinstance(model, UnmixingModel):
        return model
    return load_default_model() if model is None else read_model(model)


def _encode(model: UnmixingModel, given: Tensor, known: Tensor, prepared: Prepared) -> Tensor:
    return torch.as_tensor(model.encoder(channels(given, known, prepared.placement)))
