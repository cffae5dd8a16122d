"""How long each part of text-prompted unmixing takes, and how many operations the networks need."""

import contextlib
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from unmixing.semantic.encoder import channels, place
from unmixing.semantic.energy import Meter
from unmixing.semantic.estimator import Prior, estimate
from unmixing.semantic.model import UnmixingModel
from unmixing.semantic.questions import ask_model
from unmixing.semantic.scene_unmixing import Prepared, encode_pixels, pixel_endmembers, prepare, unmix_pixels

Array = npt.NDArray[np.float64]

#: Costs of pixels are told for this many.
PIXELS = 10_000
_COUNTED = 4


@dataclass(frozen=True)
class Timing:
    """Repeated measurements of one piece of work.

    Attributes:
        wall_s: seconds of each repetition, in order.
        processor_s: seconds of all cores of each repetition.
        energy_j: joules of each repetition.
        energy_source: how the energy was had (``energy.Spent``).
    """

    wall_s: tuple[float, ...]
    processor_s: tuple[float, ...]
    energy_j: tuple[float, ...]
    energy_source: str


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """Compute with a number of threads within the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def timed(work: Callable[[], object], repeats: int) -> Timing:
    """Measure a piece of work, after one run that is not counted.

    Args:
        work: what to do.
        repeats: how often.
    """
    work()
    spent = []
    for _ in range(repeats):
        meter = Meter()
        work()
        spent.append(meter.read())
    return Timing(
        tuple(one.wall_s for one in spent),
        tuple(one.processor_s for one in spent),
        tuple(one.energy_j for one in spent),
        spent[-1].source,
    )


def components(
    model: UnmixingModel, prompts: tuple[str, ...], pixels: npt.ArrayLike, wavelengths: npt.ArrayLike
) -> dict[str, tuple[Callable[[], object], bool]]:
    """Return the parts of unmixing as pieces of work.

    Args:
        model: trained.
        prompts: K names.
        pixels: (N, B) reflectance.
        wavelengths: (B,) nanometres.

    Returns:
        By name the work, and whether it is done for each pixel (else once for a list of prompts and a sensor).
    """
    values = np.asarray(pixels, np.float32)
    asked = ask_model(model, prompts)
    prepared = prepare(model, asked, wavelengths)
    encoded = encode_pixels(model, prepared, values)
    anchors = prepared.directions(model)
    allowed = torch.ones(len(encoded), len(anchors), dtype=torch.bool)
    known = torch.isfinite(torch.as_tensor(values)) & prepared.known
    given = torch.where(known, torch.as_tensor(values), 0.0)

    def weigh() -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            similarity, assigned = model.assign(encoded, anchors, allowed)
            return model.weights(similarity, assigned, allowed, anchors.expand(len(encoded), -1, -1)), assigned

    weights, assigned = weigh()
    priors: tuple[Prior, ...] = ("none", "tilt", "divergence")

    def solve(prior: Prior) -> object:
        with torch.no_grad():
            return estimate(
                given,
                prepared.endmembers,
                known,
                allowed,
                prior=prior,
                weights=weights,
                assignment=assigned,
                strength=model.strength(prior),
            )

    parts: dict[str, tuple[Callable[[], object], bool]] = {
        "anchors and spectra of the prompts": (lambda: ask_model(model, prompts), False),
        "the sensor's view of their spectra": (lambda: prepare(model, asked, wavelengths), False),
        "decoder, and the sensor's view of it": (lambda: prepare(model, asked, wavelengths, "decoded"), False),
        "encoder": (lambda: encode_pixels(model, prepared, values), True),
        "assignment and weights of the prior": (weigh, True),
    }
    if prepared.choice is not None:
        parts["choice of library spectra"] = (lambda: pixel_endmembers(prepared, values), True)
    for prior in priors:
        title = "solver without a prior" if prior == "none" else f"solver with the {prior}"
        parts[f"{title}, endmembers given"] = (functools.partial(solve, prior), True)
    return parts | {"all of it, as shipped": (lambda: unmix_pixels(model, prepared, values), True)}


def encoder_seconds(model: UnmixingModel, prepared: Prepared, pixels: npt.ArrayLike, repeats: int) -> Timing:
    """Measure the encoder alone on pixels (N, B)."""
    return timed(lambda: encode_pixels(model, prepared, pixels), repeats)


def operations(model: UnmixingModel, prompts: int, wavelengths: npt.ArrayLike) -> dict[str, float]:
    """Count floating-point operations; a multiplication and an addition are two.

    Convolutions and matrix products are counted; additions of biases, normalisations and functions are not. What is
    done once for all pixels of a call, such as the code of the wavelengths, is no pixel's.

    Args:
        model: any size, trained or not.
        prompts: K.
        wavelengths: (B,) nanometres; the encoder's count does not depend on them.

    Returns:
        ``encoder`` and ``prior`` for one pixel, ``decoder`` for one prompt.
    """
    placement = place(wavelengths)
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(prompts, len(model.centre), generator=generator)
    anchors, centred = model.anchors(vectors), model.centred(vectors)
    means = torch.full((prompts, model.means.shape[1]), 0.3)
    found: dict[str, list[float]] = {"encoder": [], "prior": [], "decoder": []}
    for count in (_COUNTED, 2 * _COUNTED):
        pixels = torch.rand(count, len(placement.wavelengths), generator=generator)
        given = channels(pixels, torch.ones_like(pixels, dtype=torch.bool), placement)
        allowed = torch.ones(count, prompts, dtype=torch.bool)
        similarity, assigned = model.assign(model.encoder(given), anchors, allowed)
        work = {
            "encoder": functools.partial(model.encoder, given),
            "prior": functools.partial(model.weights, similarity, assigned, allowed, anchors.expand(count, -1, -1)),
            "decoder": functools.partial(model.decoder, centred, means),
        }
        for name, part in work.items():
            found[name].append(_counted(part))
    each = {name: (more - less) / _COUNTED for name, (less, more) in found.items()}
    return each | {"decoder": found["decoder"][0] / prompts}


def _counted(work: Callable[[], object]) -> float:
    # With gradients on, a transformer takes the way whose operations can be counted.
    with torch.enable_grad(), FlopCounterMode(display=False) as counter:
        work()
    return float(counter.get_total_flops())


def timed_once(work: Callable[[], object]) -> Timing:
    """Measure a piece of work the first time that it is done, its imports and reading included."""
    meter = Meter()
    work()
    spent = meter.read()
    return Timing((spent.wall_s,), (spent.processor_s,), (spent.energy_j,), spent.source)
