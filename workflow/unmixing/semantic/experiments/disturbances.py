"""The battery of robustness: which disturbances at which levels, from mild to severe."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from unmixing.errors import UnmixingError
from unmixing.semantic import perturbations
from unmixing.semantic.experiments.bench import Conditions
from unmixing.semantic.experiments.labels import BASE, NOISE, UNDISTURBED
from unmixing.semantic.pools import Pool
from unmixing.semantic.sensors import Sensor, altered, get_sensor

Array = npt.NDArray[np.float64]
Pixelwise = Callable[[Array, Array, np.random.Generator], Array]

#: Prompts that count as one material where green plants wither: both are plants.
PLANTS = ("green_vegetation", "dry_vegetation")
_WETTABLE = ("bare_soil", "dry_vegetation", "paved_surface", "roof", "burned_ground")


@dataclass(frozen=True)
class Disturbance:
    """One level of one test.

    Attributes:
        test: what is disturbed.
        level: readable.
        number: amplitude, 0 where there is no scale.
        conditions: how pixels were seen.
        looks: sensor that sees; the base's by default.
        told: sensor that methods believe in; the one that sees by default.
        by: see ``mixtures.render``.
        pool: changes the spectra that are mixed.
        pixels: changes (N, B) pixels, given their wavelengths and a generator.
        lost: share of the bands that are taken out of all pixels.
        merged: prompts that count as one in the scores.
    """

    test: str
    level: str
    number: float
    conditions: Conditions = field(default_factory=Conditions)
    looks: Sensor | None = None
    told: Sensor | None = None
    by: Literal["response", "interpolation"] = "response"
    pool: Callable[[Pool], Pool] | None = None
    pixels: Pixelwise | None = None
    lost: float = 0.0
    merged: tuple[str, ...] = ()


#: Levels of each test that has an amplitude, mildest first.
LEVELS: dict[str, tuple[float, ...]] = {
    NOISE: (np.inf, 40.0, 30.0, 20.0, 15.0, 10.0),
    "atmosphere": (0.02, 0.05, 0.1, 0.2),
    "water-band residue": (0.01, 0.03, 0.1),
    "lost bands": (0.1, 0.3, 0.5),
    "shifted bands": (2.0, 5.0, 10.0),
    "wider bands": (2.0, 4.0),
    "illumination": (0.3, 0.5, 1.5),
    "bilinear mixing": (0.1, 0.3, 0.6),
    "band calibration": (0.02, 0.035, 0.05),
    "dead detectors": (0.02, 0.1),
    "striping": (0.01, 0.03, 0.1),
    "drift": (0.05, 0.1, 0.2),
    "wet surfaces": (0.5, 1.0),
    "haze": (0.05, 0.1, 0.2),
    "shadow": (0.5, 0.9),
    "senescence": (0.25, 0.5, 0.75),
}
#: How a level is printed.
_PRINTED: dict[str, Callable[[float], str]] = {
    NOISE: lambda value: f"{value:g} dB" if np.isfinite(value) else "none",
    "atmosphere": lambda value: f"depth {value:g}",
    "water-band residue": lambda value: f"{value:g}",
    "shifted bands": lambda value: f"{value:g} nm",
    "wider bands": lambda value: f"x {value:g}",
    "illumination": lambda value: f"x {value:g}",
    "bilinear mixing": lambda value: f"g = {value:g}",
}
_SENSORS = {"sentinel2": "Sentinel-2", "landsat8": "Landsat 8"}


def undisturbed(test: str = UNDISTURBED, merged: tuple[str, ...] = ()) -> Disturbance:
    """Return the base that levels are compared with."""
    return Disturbance(test, BASE, 0.0, merged=merged)


def battery(base: Sensor, depth: Literal["few", "all"]) -> tuple[Disturbance, ...]:
    """Return all disturbances of pixels, in the order of tests and levels.

    Args:
        base: sensor of the undisturbed pixels.
        depth: ``few`` keeps the severest level of each test, and three of the noise.

    Raises:
        UnmixingError: the depth is unknown.
    """
    if depth not in ("few", "all"):
        raise UnmixingError(f"levels {depth!r} of the robustness battery: choose few or all")
    result = []
    for test, levels in LEVELS.items():
        kept = levels if depth == "all" else levels[::2] if test == NOISE else levels[-1:]
        result += [_made(test, value, base) for value in kept]
    for name, title in _SENSORS.items():
        result.append(Disturbance(f"as {title}", "by response", 0.0, looks=get_sensor(name)))
        result.append(Disturbance(f"as {title}", "by interpolation", 1.0, looks=get_sensor(name), by="interpolation"))
    return tuple(result)


def _made(test: str, value: float, base: Sensor) -> Disturbance:
    printed = _PRINTED.get(test)
    level = printed(value) if printed else f"{100 * value:g} %"
    conditions = {
        NOISE: Conditions(snr_db=value),
        "atmosphere": Conditions(atmosphere=value),
        "bilinear mixing": Conditions(bilinear=value),
        "illumination": Conditions(illumination=value),
    }
    if test in conditions:
        return Disturbance(test, level, value, conditions=conditions[test])
    if test == "lost bands":
        return Disturbance(test, level, value, lost=value)
    if test in ("shifted bands", "wider bands"):
        seen = altered(base, shift_nm=value) if test == "shifted bands" else altered(base, width_factor=value)
        return Disturbance(test, level, value, looks=seen, told=base)
    if test == "wet surfaces":
        return Disturbance(test, level, value, pool=lambda pool: perturbations.wetted(pool, value, _WETTABLE))
    if test == "senescence":
        return Disturbance(
            test, level, value, pool=lambda pool: perturbations.senescent(pool, value, *PLANTS), merged=PLANTS
        )
    changes: dict[str, Pixelwise] = {
        "water-band residue": lambda pixels, axis, rng: perturbations.water_residue(pixels, axis, value, rng),
        "band calibration": lambda pixels, axis, rng: perturbations.calibration_error(pixels, value, rng),
        "dead detectors": lambda pixels, axis, rng: perturbations.dead_detectors(pixels, value, rng),
        "striping": lambda pixels, axis, rng: perturbations.striping(pixels, value, rng),
        "drift": lambda pixels, axis, rng: perturbations.drift(pixels, axis, value),
        "haze": lambda pixels, axis, rng: perturbations.haze(pixels, axis, value),
        "shadow": lambda pixels, axis, rng: perturbations.shadow(pixels, axis, value),
    }
    return Disturbance(test, level, value, pixels=changes[test])
