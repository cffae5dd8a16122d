"""Two views of each patch, drawn anew in each epoch (paper sections 2.4 and 3.1.3; audit items A1 and A12).

Views depend on the augmentation stream, the epoch and the patch's place in the list alone: neither on the batch that
a patch comes in, nor on the order of the patches, nor on what else is drawn. Every view takes as many random numbers
as any other, so that two protocols, or two sets of treatments, crop and blur from the same numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch

from unmixing.augmentation.operations import apply_parameters
from unmixing.augmentation.treatments import (
    FLIPS,
    GAIN,
    RELEASED_KERNELS,
    SIGNAL_TO_NOISE_DB,
    SMALLEST_SIGMA,
    TREATMENTS,
    Parameters,
    check_kernel,
    described_kernel,
    operations,
)
from unmixing.errors import UnmixingError
from unmixing.protocol.augmentation import PROTOCOLS as IMAGE_PROTOCOLS

ViewAxes = Literal["spatial", "band_row"]
ViewChoice = Literal["uniform", "nested"]

SELECTED = ("blur_2", "crop_blur", "crop_jitter_blur")
"""The three treatments that the paper selects from its sweep (sections 3.1.3 and 4.1)."""

_NUMBERS = ("choice", "top", "left", "flip", "jitter", "noise", "sigma", "kernel")
"""What a view's random numbers are for, one each."""

_BAND_ROW, _BACK = (0, 3, 1, 2), (0, 2, 3, 1)


@dataclass(frozen=True)
class ViewRecipe:
    """How views are made of patches.

    Attributes:
        treatments: keys of ``unmixing.augment.TREATMENTS``. They say which operations are done; how strong crop and
            blur are stands in the fields below.
        choice: ``uniform``: each treatment with equal odds. ``nested``: coins in turn, half for the first treatment,
            half of the rest for the second and so on; what is left stays unchanged (.5, .25, .125 and .125).
        axes: what crop, flip and blur act on: rows and columns, or bands and rows, each column of pixels treated
            alike (A1).
        crop: side length that a crop keeps, as a share of the axis.
        sigma: largest sigma of the blur, in samples along its axes.
        jitter: ``band_noise`` or ``gain`` (``AugmentationProtocol.jitter``).
        blur_padding: ``reflect`` or ``zero``, with their kernels (``AugmentationProtocol.blur_padding``).
    """

    treatments: tuple[str, ...] = SELECTED
    choice: ViewChoice = "uniform"
    axes: ViewAxes = "spatial"
    crop: float = 0.95
    sigma: float = 2.0
    jitter: str = "band_noise"
    blur_padding: str = "reflect"

    def __post_init__(self) -> None:
        """Refuse what no view can be made of.

        Raises:
            UnmixingError: no or an unknown treatment, or a value that is not among those above.
        """
        unknown = [name for name in self.treatments if name not in TREATMENTS]
        if unknown or not self.treatments:
            raise UnmixingError(
                f"views take treatments of the sweep, not {', '.join(unknown) or 'none'}: choose among "
                f"{', '.join(TREATMENTS)}"
            )
        for name, allowed in (("choice", ViewChoice), ("axes", ViewAxes)):
            if getattr(self, name) not in get_args(allowed):
                names = " or ".join(get_args(allowed))
                raise UnmixingError(f"view_{name} is {names}, not {getattr(self, name)!r}: correct the protocol")
        if not (0 < self.crop <= 1 and self.sigma > SMALLEST_SIGMA):
            raise UnmixingError(
                f"views need a crop above 0 and at most 1 and a sigma above {SMALLEST_SIGMA}, not {self.crop} and "
                f"{self.sigma}: correct the protocol"
            )


def view_recipe(fields: Mapping[str, str | int | float | bool], treatments: tuple[str, ...] = SELECTED) -> ViewRecipe:
    """Return how a protocol makes its views.

    The contrastive protocol has no fields for the kind of jitter and the border of a blur. Where ``fields`` do not
    name them (``jitter``, ``blur_padding``), they are those of the functions that ``view_axes`` stands for: the
    sweep's of ``described`` with ``spatial``, and with ``band_row`` the released ones, gain and zero padding.

    Args:
        fields: training fields of the protocol (``ContrastiveProtocol.training``).
        treatments: what a view is chosen from.

    Raises:
        UnmixingError: as ``ViewRecipe``.
    """
    images = IMAGE_PROTOCOLS["released" if fields["view_axes"] == "band_row" else "described"].images()
    return ViewRecipe(
        treatments=tuple(treatments),
        choice=fields["view_choice"],  # type: ignore[arg-type]
        axes=fields["view_axes"],  # type: ignore[arg-type]
        crop=float(fields["crop"]),
        sigma=float(fields["sigma"]),
        jitter=str(fields.get("jitter", images["jitter"])),
        blur_padding=str(fields.get("blur_padding", images["blur_padding"])),
    )


def substream(stream: np.random.SeedSequence, number: int) -> np.random.SeedSequence:
    """Return the stream of a given number below another one, whatever has been drawn from either."""
    return np.random.SeedSequence(stream.entropy, spawn_key=(*stream.spawn_key, number))


def draw_views(
    recipe: ViewRecipe, stream: np.random.SeedSequence, epoch: int, patches: int, shape: tuple[int, int, int]
) -> tuple[list[Parameters], list[Parameters]]:
    """Return the parameters of both views of all patches in one epoch.

    Args:
        recipe: how views are made.
        stream: the run's augmentation stream.
        epoch: its number; the same number gives the same views again.
        patches: number of patches; the first ones stay when more are asked for.
        shape: bands, rows and columns of a patch.

    Returns:
        For the first and the second view one dictionary for each patch, as ``apply_parameters`` takes them; a view
        without any operation is empty.

    Raises:
        UnmixingError: patches too small for the largest kernel of the blur, or an unknown kind of jitter or padding.
    """
    fields = {"parameters": "as_named", "flip_names": "geometric"}
    images = {**fields, "jitter": recipe.jitter, "blur_padding": recipe.blur_padding}
    todo = [operations(treatment, images) for treatment in recipe.treatments]
    height, width = shape[1:] if recipe.axes == "spatial" else shape[:2]
    if any(one.blur is not None for one in todo):
        kernel = described_kernel(recipe.sigma) if recipe.blur_padding == "reflect" else max(RELEASED_KERNELS)
        check_kernel(kernel, recipe.blur_padding, height, width)
    count = len(todo)
    shares = np.full(count, 1 / count) if recipe.choice == "uniform" else 0.5 ** np.arange(1, count + 1)
    borders = np.cumsum(shares)
    if recipe.choice == "uniform":
        borders[-1] = 1.0
    numbers = np.random.default_rng(substream(stream, epoch)).random((patches, 2, len(_NUMBERS)))
    chosen = np.searchsorted(borders, numbers[:, :, 0], side="right")
    rows, columns = max(int(recipe.crop * height), 1), max(int(recipe.crop * width), 1)

    def parameters(which: int, number: dict[str, float]) -> Parameters:
        drawn: Parameters = {}
        if which == count:
            return drawn
        one = todo[which]
        if one.crop is not None:
            drawn["crop_top"] = int(number["top"] * (height - rows + 1))
            drawn["crop_left"] = int(number["left"] * (width - columns + 1))
            drawn["crop_rows"], drawn["crop_cols"] = rows, columns
        if one.flip is not None:
            drawn["flip"] = FLIPS[int(number["flip"] * len(FLIPS))] if one.flip == "random" else one.flip
        if one.jitter == "band_noise":
            drawn["snr_db"] = _between(SIGNAL_TO_NOISE_DB, number["jitter"])
            drawn["noise_seed"] = int(number["noise"] * 2**53)
        elif one.jitter == "gain":
            drawn["alpha"] = _between(GAIN, number["jitter"])
        if one.blur is not None and one.padding is not None:
            sigma = _between((SMALLEST_SIGMA, recipe.sigma), number["sigma"])
            of_three = RELEASED_KERNELS[int(number["kernel"] * len(RELEASED_KERNELS))]
            drawn["blur_kernel"] = of_three if one.padding == "zero" else described_kernel(sigma)
            drawn["blur_sigma"], drawn["blur_padding"] = sigma, one.padding
        return drawn

    def view(which: int) -> list[Parameters]:
        named = (dict(zip(_NUMBERS, row, strict=True)) for row in numbers[:, which].tolist())
        return [parameters(one, number) for one, number in zip(chosen[:, which].tolist(), named, strict=True)]

    return view(0), view(1)


def _between(limits: tuple[float, float], share: float) -> float:
    return limits[0] + (limits[1] - limits[0]) * share


def make_view(patches: torch.Tensor, parameters: list[Parameters], axes: ViewAxes = "spatial") -> torch.Tensor:
    """Return one view of each patch.

    Args:
        patches: (N, bands, rows, columns).
        parameters: N dictionaries of ``draw_views``.
        axes: what they were drawn for. ``band_row`` hands the patches on as images of bands by rows with one channel
            for each column, as the released code does by mistake (A1).

    Returns:
        (N, bands, rows, columns), in channels-last memory.

    Raises:
        UnmixingError: as ``apply_parameters``.
    """
    if axes == "band_row":
        changed = apply_parameters(patches.permute(_BAND_ROW), parameters).permute(_BACK)
    else:
        changed = apply_parameters(patches, parameters)
    return changed.contiguous(memory_format=torch.channels_last)


def make_views(
    patches: torch.Tensor, first: list[Parameters], second: list[Parameters], axes: ViewAxes = "spatial"
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return both views of each patch, as ``make_view`` makes them, in one pass over the batch."""
    both = make_view(torch.cat([patches, patches]), [*first, *second], axes)
    return both[: len(patches)], both[len(patches) :]
