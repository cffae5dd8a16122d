"""Properties that a trained model must have, measured: steady over bands, blind to brightness, exact without noise.

The scene is the study's easy synthetic one, asked about its own three materials.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
import xarray as xr

from unmixing.semantic.anchor_store import AnchorStore
from unmixing.semantic.model import UnmixingModel
from unmixing.semantic.questions import ask_model
from unmixing.semantic.scene_unmixing import Endmembers, prepare, unmix_pixels
from unmixing.semantic.sensors import get_sensor, lose_bands, resample
from unmixing.semantic.sources import COMMON_GRID

Array = npt.NDArray[np.float64]

EASY_PROMPTS = ("bare soil", "green vegetation", "burned ground")
SEVEN_PROMPTS = ("bare soil", "green vegetation", "dry vegetation", "paved surface", "roof", "burned ground", "water")
_WRONG_NM = 100.0
_REPEATS = 5


def easy_scene() -> xr.Dataset:
    """Return the study's easy scene."""
    from unmixing.scenes.synthetic import make_synthetic

    return make_synthetic("synthetic_easy")


def abundances(
    model: UnmixingModel, pixels: npt.ArrayLike, wavelengths: npt.ArrayLike, anchors: AnchorStore | None = None
) -> Array:
    """Return the abundances (N, 3) of pixels of the easy scene, with all defaults but perhaps the store of anchors."""
    prepared = prepare(model, ask_model(model, EASY_PROMPTS, anchors=anchors), wavelengths)
    return unmix_pixels(model, prepared, pixels).abundances


def measure_properties(
    model: UnmixingModel, scene: xr.Dataset | None = None, seed: int = 0, anchors: AnchorStore | None = None
) -> pd.DataFrame:
    """Measure a model on the easy scene and on mixtures of class means.

    Args:
        model: trained.
        scene: the easy scene; made by default.
        seed: of lost bands and of mixtures.
        anchors: of the model's text encoder; by default the shipped ones.

    Returns:
        One row for each property: ``property``, ``value``, ``target`` (text), ``met`` and ``n``.
    """
    data = easy_scene() if scene is None else scene
    cube = data["cube"].to_numpy().reshape(-1, data.sizes["band"]).astype(np.float64)
    truth = data["abundances"].to_numpy().reshape(len(cube), -1)
    axis = data["wavelength"].to_numpy()
    rng = np.random.default_rng(seed)

    def unmixed(pixels: Array, wavelengths: Array) -> Array:
        return abundances(model, pixels, wavelengths, anchors)

    base = unmixed(cube, axis)

    def error(estimate: Array) -> float:
        return float(np.sqrt(np.mean((estimate - truth) ** 2)))

    def change(estimate: Array) -> float:
        return float(np.abs(estimate - base).mean())

    lost = []
    for _ in range(_REPEATS):
        kept = lose_bands(axis.size, 0.3, rng)
        lost.append(change(unmixed(cube[:, kept], axis[kept])))
    sensor = get_sensor("sentinel2")
    coarse = resample(cube, axis, sensor)
    seen = np.isfinite(coarse).all(axis=0)
    multispectral = unmixed(coarse[:, seen], np.asarray(sensor.centres)[seen])
    coarser = change(multispectral)
    inside = np.clip(axis + _WRONG_NM, None, 2450.0)
    wrong = unmixed(cube[:, : len(np.unique(inside))], np.unique(inside))
    gains = [change(unmixed(cube * gain, axis)) for gain in (0.5, 0.75, 1.25, 1.5)]
    rows = [
        ("aRMSE on the easy scene", error(base), "-", True, len(cube)),
        ("30 % of bands removed: mean absolute change", max(lost), "at most .05", max(lost) <= 0.05, len(cube)),
        ("as Sentinel-2: mean absolute change", coarser, "at most .10", coarser <= 0.10, len(cube)),
        ("aRMSE as Sentinel-2", error(multispectral), "-", True, len(cube)),
        ("aRMSE with wavelengths 100 nm wrong", error(wrong), "worse", error(wrong) > error(base), len(cube)),
        ("gain .5 to 1.5: mean absolute change", max(gains), "at most .05", max(gains) <= 0.05, len(cube)),
    ]
    rows += [
        (f"class means without noise, {source} endmembers: aRMSE", value, "at most .001", value <= 1e-3, 400)
        for source, value in recovery(model, seed, anchors=anchors).items()
    ]
    return pd.DataFrame(rows, columns=["property", "value", "target", "met", "n"])


def recovery(
    model: UnmixingModel, seed: int = 0, count: int = 400, anchors: AnchorStore | None = None
) -> dict[str, float]:
    """Return the aRMSE of mixtures of the seven class means without noise, solved with three sets of endmembers.

    ``chosen``: as shipped, of mixtures of the library's means; ``library``: the means themselves; ``decoded``: the
    decoder's, of mixtures of those; ``decoded for library mixtures``: the decoder's, of mixtures of the means: how far
    the decoder departs from them.
    """
    rng = np.random.default_rng(seed)
    truth = rng.dirichlet(np.full(7, 0.5), count)
    asked = ask_model(model, SEVEN_PROMPTS, anchors=anchors)
    result: dict[str, float] = {}
    kinds: tuple[Endmembers, ...] = ("chosen", "library", "decoded")
    spectra = {kind: prepare(model, asked, COMMON_GRID, kind) for kind in kinds}
    cases: tuple[tuple[Endmembers, Endmembers], ...] = (
        ("chosen", "chosen"),
        ("library", "library"),
        ("decoded", "decoded"),
        ("library", "decoded"),
    )
    for made_of, solved_with in cases:
        pixels = truth @ spectra[made_of].endmembers.double().numpy()
        with torch.no_grad():
            found = unmix_pixels(model, spectra[solved_with], pixels).abundances
        name = solved_with if made_of == solved_with else "decoded for library mixtures"
        result[name] = float(np.sqrt(np.mean((found - truth) ** 2)))
    return result
