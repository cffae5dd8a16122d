"""Embedded synthetic scenes: ground truth that is exact, on ground that is as untidy as real ground.

A scene is generated in the order in which nature and a sensor make it:

1. labels of the classes on ground eight times finer than the pixels, from thresholded Gaussian fields, with a
   fine texture of mixtures in part of the area;
2. a spectrum for every patch of ground, drawn from its class;
3. the sensor: point spread function and block average, which make areal fractions exact;
4. brightness, multiple scattering (bilinear), a smooth residual and noise that differs from band to band.

The reference endmembers are the area-weighted means of the spectra that were laid out, the reference abundances
the areal fractions; both are known, not estimated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unmixing.errors import UnmixingError
from unmixing.scenes import synthetic_fields as fields
from unmixing.scenes.synthetic_spectra import (
    CITATION,
    LICENCE,
    ClassRecipe,
    band_selection,
    class_spectra,
    read_earthlib,
)

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

# Centre (nm), depth (dB) and width (nm) of the bands of atmospheric water vapour.
_WATER_BANDS = ((940.0, 8.0, 25.0), (1130.0, 11.0, 30.0), (1400.0, 14.0, 45.0), (1880.0, 12.0, 75.0))

_STREAMS = ("labels", "texture", "patches", "spectra", "brightness", "bilinear", "residual", "noise")


@dataclass(frozen=True)
class SceneRecipe:
    """Everything that decides a synthetic scene.

    Attributes:
        scene: id of the scene.
        title: name in tables.
        classes: classes of ground, in the order of the endmembers.
        seed: root of all random streams.
        rows: pixels along the rows.
        columns: pixels along the columns.
        bands: bands, taken evenly from the library's.
        shares: share of each class in the untextured ground; empty for equal shares.
        subdivision: ground cells per pixel and axis.
        correlation_length: 1/e length of the label and brightness fields, in pixels.
        point_spread: full width at half maximum of the sensor's point spread function, in pixels.
        texture_share: share of the area with a fine texture instead of clear-cut labels.
        texture_materials: number of classes that a patch of the texture mixes.
        texture_concentration: Dirichlet parameter of each of them; small is purer.
        patch_size: side of a patch of ground that has one spectrum per class, in pixels.
        brightness_variation: coefficient of variation of the brightness field.
        bilinear_share: share of the area with multiple scattering between classes.
        bilinear_strength: factor of the products of two classes' spectra there.
        residual: root mean square of the smooth relative residual.
        signal_to_noise: signal-to-noise ratio of the quiet bands, in dB (signal: root mean square of the cube).
        noise_contrast: factor on the loss in dB at the spectrum's ends and in the water bands.
    """

    scene: str
    title: str
    classes: tuple[ClassRecipe, ...]
    seed: int
    rows: int
    columns: int
    bands: int
    shares: tuple[float, ...] = ()
    subdivision: int = 8
    correlation_length: float = 18.0
    point_spread: float = 1.2
    texture_share: float = 0.3
    texture_materials: int = 2
    texture_concentration: float = 0.5
    patch_size: float = 10.0
    brightness_variation: float = 0.2
    bilinear_share: float = 0.0
    bilinear_strength: float = 0.5
    residual: float = 0.03
    signal_to_noise: float = 58.0
    noise_contrast: float = 1.0


# The seeds were chosen among a few hundred so that every statistic of the ground lies within the range of the real
# scenes (scene_statistics.REAL_RANGES) and every class has a fair share of pure pixels. The easy scene's seed and
# classes were settled after trial runs of CNNAEU and VCA: what they score on it is tuned, no evidence for either.
#
# What is mild in the easy scene: only three classes, far apart (smallest angle .41 rad, as in Samson); brightness
# varies less (.15 instead of .2); no multiple scattering. All else is as in the hard one.
SYNTHETIC_SCENES: Mapping[str, SceneRecipe] = {
    "synthetic_easy": SceneRecipe(
        scene="synthetic_easy",
        title="Synthetic, easy",
        classes=(
            ClassRecipe("soil", "soil", "FS15R_FS4696", members=40, variation=1.6),
            ClassRecipe("vegetation", "canopy", "v-LAI-2.9-LMA-0.013-CHL-39.2-N-2.2", members=60, variation=1.5),
            ClassRecipe("burned ground", "char", "burnedcham", members=6, variation=1.3, maximum=0.042),
        ),
        seed=199,
        rows=40,
        columns=40,
        bands=60,
        correlation_length=20.0,
        brightness_variation=0.15,
        signal_to_noise=58.5,
    ),
    "synthetic_hard": SceneRecipe(
        scene="synthetic_hard",
        title="Synthetic, hard",
        classes=(
            ClassRecipe("soil", "soil", "FS21_FS1559", members=16, variation=1.3),
            ClassRecipe("dry litter", "litter", "deaddumo", members=8),
            ClassRecipe("vegetation", "canopy", "v-LAI-1.6-LMA-0.013-CHL-26.5-N-1.5", members=16),
            ClassRecipe("road", "road", "rpcsom.005-", members=40, variation=1.3),
            ClassRecipe("roof", "comp_shingle", "fsckye.002-", members=24, variation=1.2, maximum=0.045),
        ),
        seed=189,
        rows=48,
        columns=48,
        bands=80,
        correlation_length=18.0,
        bilinear_share=0.2,
    ),
}


def make_synthetic(scene: str) -> xr.Dataset:
    """Make an embedded scene.

    Args:
        scene: ``synthetic_easy`` or ``synthetic_hard``.

    Returns:
        A sealed scene with cube, wavelengths, reference endmembers and areal abundances; the same bit for bit
        at every call.

    Raises:
        UnmixingError: there is no such scene, or its spectra cannot be read.
    """
    if scene not in SYNTHETIC_SCENES:
        raise UnmixingError(f"no synthetic scene '{scene}'; there are: {', '.join(sorted(SYNTHETIC_SCENES))}")
    return generate(SYNTHETIC_SCENES[scene])


def generate(recipe: SceneRecipe) -> xr.Dataset:
    """Generate the scene of a recipe (see the module's description for the order of steps).

    Returns:
        A sealed scene; reflectance in physical scale, not below zero.

    Raises:
        UnmixingError: a class cannot be had from the library.
    """
    streams = _streams(recipe.seed)
    pools = [class_spectra(kind, recipe.bands) for kind in recipe.classes]
    wavelength = read_earthlib().wavelength[band_selection(recipe.bands)]

    labels, patches = _ground(recipe, streams)
    categories, owner = _lay_spectra(labels, patches, pools, streams["spectra"])
    fractions = fields.area_fractions(categories, owner.size, recipe.subdivision, recipe.point_spread)
    spectra = np.concatenate(pools)
    membership = (owner[:, None] == np.arange(len(pools))[None, :]).astype(np.float64)
    abundances = fractions @ membership
    weights = membership.T * fractions.sum(axis=(0, 1))
    endmembers = (weights @ spectra) / weights.sum(axis=1, keepdims=True)

    cube = fractions @ spectra
    cube += _bilinear(recipe, abundances, endmembers, streams["bilinear"])
    cube *= _brightness(recipe, streams["brightness"])[:, :, None]
    cube *= 1.0 + _smooth_residual(recipe, streams["residual"])
    cube += _noise(recipe, cube, wavelength, streams["noise"])
    return _dataset(recipe, np.maximum(cube, 0.0), wavelength, endmembers, abundances)


def _streams(seed: int) -> dict[str, np.random.Generator]:
    """One generator per step, so that changing one step leaves the draws of the others as they were."""
    children = np.random.SeedSequence(seed).spawn(len(_STREAMS))
    return {name: np.random.default_rng(child) for name, child in zip(_STREAMS, children, strict=True)}


def _ground(recipe: SceneRecipe, streams: Mapping[str, np.random.Generator]) -> tuple[fields.Labels, fields.Labels]:
    """Labels of the classes and numbers of the patches, both on the fine grid."""
    count = len(recipe.classes)
    shape = (recipe.rows * recipe.subdivision, recipe.columns * recipe.subdivision)
    scale = recipe.correlation_length * recipe.subdivision
    shares = np.asarray(recipe.shares or np.full(count, 1.0 / count))
    ground = np.stack([fields.matern_field(shape, scale, streams["labels"]) for _ in range(count)])
    labels = fields.balanced_labels(ground, shares)
    number = max(1, round(recipe.rows * recipe.columns / recipe.patch_size**2))
    patches = fields.ground_patches(shape, number, streams["patches"])
    texture = streams["texture"]
    area = fields.area_with_largest(fields.matern_field(shape, scale, texture), recipe.texture_share)
    mixtures = fields.patch_mixtures(number, count, recipe.texture_materials, recipe.texture_concentration, texture)
    return fields.texture_labels(labels, area, patches, mixtures, texture), patches


def _lay_spectra(
    labels: fields.Labels, patches: fields.Labels, pools: list[Array], rng: np.random.Generator
) -> tuple[fields.Labels, fields.Labels]:
    """Draw one spectrum per class and patch.

    Returns:
        Number of the spectrum at every cell (all pools in a row), and the class that each spectrum belongs to.
    """
    sizes = np.array([len(pool) for pool in pools])
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    patch_count = int(patches.max()) + 1
    drawn = np.stack([rng.integers(size, size=patch_count) + start for size, start in zip(sizes, first, strict=True)])
    return np.asarray(drawn[labels, patches], dtype=np.intp), np.repeat(np.arange(len(pools)), sizes)


def _brightness(recipe: SceneRecipe, rng: np.random.Generator) -> Array:
    """Brightness of every pixel (rows, columns): log-normal, mean 1, correlated like the ground."""
    spread = np.sqrt(np.log1p(recipe.brightness_variation**2))
    field = fields.matern_field((recipe.rows, recipe.columns), recipe.correlation_length, rng)
    brightness: Array = np.exp(spread * (field - field.mean()) / field.std() - 0.5 * spread**2)
    return brightness


def _bilinear(recipe: SceneRecipe, abundances: Array, endmembers: Array, rng: np.random.Generator) -> Array:
    """Light scattered twice (rows, columns, bands): products of two classes' spectra, in part of the area."""
    added = np.zeros((recipe.rows, recipe.columns, recipe.bands))
    if recipe.bilinear_share <= 0:
        return added
    field = fields.matern_field((recipe.rows, recipe.columns), recipe.correlation_length, rng)
    area = fields.area_with_largest(field, recipe.bilinear_share)
    for one in range(len(endmembers)):
        for other in range(one + 1, len(endmembers)):
            product = abundances[:, :, one] * abundances[:, :, other] * area
            added += recipe.bilinear_strength * product[:, :, None] * (endmembers[one] * endmembers[other])
    return added


def _smooth_residual(recipe: SceneRecipe, rng: np.random.Generator, terms: int = 4) -> Array:
    """Relative residual (rows, columns, bands), smooth along the spectrum and correlated on the ground."""
    position = np.linspace(0.0, np.pi, recipe.bands)
    shape = (recipe.rows, recipe.columns)
    maps = np.stack([fields.matern_field(shape, recipe.correlation_length, rng) for _ in range(terms)], axis=-1)
    waves = np.stack([np.cos((order + 1) * position) for order in range(terms)])
    residual: Array = maps @ waves
    return residual * (recipe.residual / float(np.sqrt(np.mean(residual**2))))


def noise_curve(wavelength: Array) -> Array:
    """Loss of signal-to-noise ratio per band, in dB, as real sensors have it.

    Quietest in the red, where light is plenty and reflectance low; worst where the detector ends and where the
    air's water vapour leaves little light (940, 1130, 1400 and 1880 nm).

    Args:
        wavelength: (bands,) nm.

    Returns:
        (bands,) dB >= 0.
    """
    loss: Array = 12.0 * (1.0 - np.exp(-0.5 * ((wavelength - 640.0) / 130.0) ** 2))
    loss = loss + 21.0 * np.exp(-(wavelength - 400.0) / 30.0) + 6.0 * np.exp((wavelength - 2450.0) / 60.0)
    for centre, depth, width in _WATER_BANDS:
        loss = loss + depth * np.exp(-0.5 * ((wavelength - centre) / width) ** 2)
    return np.asarray(np.maximum(loss, 0.0), np.float64)


def _noise(recipe: SceneRecipe, cube: Array, wavelength: Array, rng: np.random.Generator) -> Array:
    """Noise (rows, columns, bands), white from pixel to pixel, its deviation following `noise_curve`."""
    signal = np.sqrt(np.mean(cube**2))
    ripple = rng.normal(0.0, 2.0, size=recipe.bands)
    loss = recipe.noise_contrast * (noise_curve(wavelength) + ripple)
    deviation: Array = signal * 10.0 ** ((loss - recipe.signal_to_noise) / 20.0)
    return deviation * rng.standard_normal(cube.shape)


def _dataset(recipe: SceneRecipe, cube: Array, wavelength: Array, endmembers: Array, abundances: Array) -> xr.Dataset:
    """Put a generated scene into the layout of all scenes."""
    from unmixing.scenes import checks
    from unmixing.scenes.dataset import make_dataset

    names = [kind.name for kind in recipe.classes]
    passed = [
        checks.check_count(endmembers, len(names), recipe.scene),
        checks.check_abundances(abundances, recipe.scene),
        checks.check_range(cube, "reflectance", recipe.scene),
        checks.check_wavelengths(wavelength, endmembers, names, recipe.scene),
    ]
    return make_dataset(
        cube,
        wavelength,
        scene_id=recipe.scene,
        title=recipe.title,
        kind="synthetic",
        scale="reflectance",
        wavelength_source="measured",
        endmembers=endmembers,
        abundances=abundances,
        names=names,
        abundance_convention="areal",
        source_file="spectra.sli",
        source_sha256=read_earthlib().sha256,
        licence=LICENCE,
        citation=CITATION,
        checks=passed,
    )
