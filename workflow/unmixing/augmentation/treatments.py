"""The treatments of Table 2, what each does under a protocol, and the parameters that it draws.

Light to import: tables take their titles and rows from here. The operations themselves are in
``unmixing.augmentation.operations``.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

from unmixing.errors import UnmixingError
from unmixing.protocol.augmentation import PROTOCOLS

Parameters = dict[str, int | float | str]
Arm = Literal[90, 10]

DESCRIBED: Mapping[str, str] = MappingProxyType(PROTOCOLS["described"].images())
FLIPS = ("left_right", "up_down", "both")

SMALLEST_SIGMA = 0.1
COMBINED_CROP = 0.95
COMBINED_SIGMA: dict[int, float] = {90: 2.0, 10: 1.0}
DEFAULT_CROP, DEFAULT_FLIP, DEFAULT_SIGMA = 0.95, "both", 2.0
SIGNAL_TO_NOISE_DB = (25.0, 40.0)
GAIN = (0.8, 1.2)
RELEASED_KERNELS = (3, 5, 7)


@dataclass(frozen=True)
class Treatment:
    """One treatment as it is named. Its operations always run in the order crop, flip, jitter, blur.

    Attributes:
        title: how tables and figures call it.
        crop: side of the crop as a share of the image's, or None.
        flip: ``vertical``, ``horizontal``, ``both`` or ``random``, or None.
        jitter: whether images are perturbed.
        blur: largest sigma in pixels, or None.
        in_table2: whether Table 2 of the paper lists it.
    """

    title: str
    crop: float | None = None
    flip: str | None = None
    jitter: bool = False
    blur: float | None = None
    in_table2: bool = True

    @property
    def combined(self) -> bool:
        """Whether it is one of the combinations of Table 2."""
        return sum((self.crop is not None, self.flip is not None, self.jitter, self.blur is not None)) > 1


def _combination(title: str) -> Treatment:
    parts = title.lower().split(" + ")
    return Treatment(
        title,
        crop=COMBINED_CROP if "crop" in parts else None,
        flip="random" if "flip" in parts else None,
        jitter="jitter" in parts,
        blur=COMBINED_SIGMA[90] if "blur" in parts else None,
    )


TREATMENTS: Mapping[str, Treatment] = MappingProxyType(
    {
        "blur_1": Treatment("Blur, sigma .1 to 1.0", blur=1.0),
        "blur_2": Treatment("Blur, sigma .1 to 2.0", blur=2.0),
        "crop_50": Treatment("Crop 50 %", crop=0.50),
        "crop_75": Treatment("Crop 75 %", crop=0.75),
        "crop_95": Treatment("Crop 95 %", crop=0.95),
        "flip_vertical": Treatment("Vertical flip", flip="vertical"),
        "flip_horizontal": Treatment("Horizontal flip", flip="horizontal"),
        "flip_both": Treatment("Flip of both axes (released sheets only)", flip="both", in_table2=False),
        "flip_random": Treatment("Random flip", flip="random"),
        "jitter": Treatment("Jitter", jitter=True),
        "crop_blur": _combination("Crop + Blur"),
        "crop_flip": _combination("Crop + Flip"),
        "crop_flip_blur": _combination("Crop + Flip + Blur"),
        "crop_jitter": _combination("Crop + Jitter"),
        "crop_jitter_blur": _combination("Crop + Jitter + Blur"),
        "crop_jitter_flip": _combination("Crop + Jitter + Flip"),
        "jitter_flip": _combination("Jitter + Flip"),
        "jitter_flip_blur": _combination("Jitter + Flip + Blur"),
        "control_identity": Treatment("Control: unaugmented copies", in_table2=False),
        "control_baseline": Treatment("Control: the baseline's recipe", in_table2=False),
    }
)
"""The 17 treatments of Table 2, the one that only the released sheets hold, and the two controls, in print order."""


@dataclass(frozen=True)
class Operations:
    """What a treatment really does under a protocol.

    Attributes:
        crop: side of the crop as a share of the image's, or None.
        flip: ``left_right``, ``up_down``, ``both``, or ``random`` for one of the three, or None.
        jitter: ``band_noise``, ``gain`` or None.
        blur: largest sigma in pixels, or None.
        padding: of the blur, ``reflect`` or ``zero``; None without blur.
    """

    crop: float | None
    flip: str | None
    jitter: str | None
    blur: float | None
    padding: str | None


def operations(treatment: str, fields: Mapping[str, str | bool] = DESCRIBED, arm: Arm = 90) -> Operations:
    """Return what a treatment does under a protocol (Table 2; audit items B1, B3, B5).

    Args:
        treatment: id, a key of ``TREATMENTS``.
        fields: values of the protocol (``AugmentationProtocol.images``); further keys are ignored.
        arm: which of the two sweeps is followed, that of 90 images or that of 10; not the number of images. It
            decides the strength of blur inside combinations (sigma up to 2.0 or 1.0), and whether ``parameters:
            defaults`` acts.

    Raises:
        UnmixingError: an unknown treatment, field value or arm.
    """
    if treatment not in TREATMENTS:
        raise UnmixingError(f"there is no treatment {treatment!r}: choose one of {', '.join(TREATMENTS)}")
    if arm not in COMBINED_SIGMA:
        raise UnmixingError(f"arm is 90 or 10, not {arm!r}: name the sweep that the study follows")
    named = TREATMENTS[treatment]
    values = {name: _one_of(fields, name, allowed) for name, allowed in _ALLOWED.items()}
    crop, flip, blur = named.crop, named.flip, named.blur
    if blur is not None and named.combined:
        blur = COMBINED_SIGMA[arm]
    if values["parameters"] == "defaults" and arm == 90:
        crop = None if crop is None else DEFAULT_CROP
        flip = None if flip is None else DEFAULT_FLIP
        blur = None if blur is None else DEFAULT_SIGMA
    if flip in ("vertical", "horizontal"):
        upside_down = (flip == "vertical") == (values["flip_names"] == "geometric")
        flip = "up_down" if upside_down else "left_right"
    jitter = values["jitter"] if named.jitter else None
    return Operations(crop, flip, jitter, blur, None if blur is None else values["blur_padding"])


_ALLOWED = {
    "parameters": ("as_named", "defaults"),
    "flip_names": ("geometric", "swapped"),
    "jitter": ("band_noise", "gain"),
    "blur_padding": ("reflect", "zero"),
}


def _one_of(fields: Mapping[str, str | bool], name: str, allowed: tuple[str, str]) -> str:
    value = fields.get(name)
    if value not in allowed:
        raise UnmixingError(f"{name} is {allowed[0]} or {allowed[1]}, not {value!r}: correct the protocol")
    return str(value)


def arm_of(images: int) -> Arm:
    """Return which released scripts a number of images follows: up to 10 those for 10, above it those for 90."""
    return 10 if images <= 10 else 90


def distinct_treatments(fields: Mapping[str, str | bool] = DESCRIBED, arm: Arm = 90) -> dict[str, str]:
    """Return for each of the 18 treatments the first one that does the same under a protocol.

    Under ``released`` the 90-image sweep has 12 (audit item B1): a treatment that is not its own representative is
    the same experiment under another name. Controls are left out: their recipes differ, not their images.

    Raises:
        UnmixingError: as for ``operations``.
    """
    first: dict[Operations, str] = {}
    augmenting = [name for name in TREATMENTS if not name.startswith("control_")]
    return {name: first.setdefault(operations(name, fields, arm), name) for name in augmenting}


def described_kernel(sigma: float) -> int:
    """Return the side in pixels of the kernel that holds three sigma to each side of its centre."""
    return 2 * math.ceil(3 * sigma) + 1


def check_kernel(kernel: int, padding: str, rows: int, cols: int) -> None:
    """Refuse a kernel that reaches beyond the reflection of the image.

    Raises:
        UnmixingError: the padding is ``reflect`` and half the kernel is as long as a side of the image.
    """
    radius = kernel // 2
    if padding == "reflect" and radius >= min(rows, cols):
        raise UnmixingError(
            f"a blur kernel of {kernel} pixels does not fit images of {rows}x{cols}: its reflect padding needs at "
            f"least {radius + 1} rows and columns; use larger images or a treatment with less blur"
        )


def draw_parameters(
    treatment: str,
    count: int,
    rows: int,
    cols: int,
    rng: np.random.Generator,
    fields: Mapping[str, str | bool] = DESCRIBED,
    *,
    arm: Arm = 90,
) -> list[Parameters]:
    """Draw what a treatment does to each of several images.

    Images are drawn one after the other, so that the first ones stay when more are asked for.

    Args:
        treatment: id, a key of ``TREATMENTS``.
        count: number of images.
        rows: height of the images in pixels.
        cols: width of the images in pixels.
        rng: the augmentation stream.
        fields: values of the protocol (``AugmentationProtocol.images``).
        arm: which sweep is followed, see ``operations``.

    Returns:
        For each image a dictionary of plain numbers and words, from which ``apply_parameters`` makes the same image
        again. Keys of operations that are not done are absent: ``crop_top``, ``crop_left``, ``crop_rows`` and
        ``crop_cols`` in pixels; ``flip``; ``snr_db`` and ``noise_seed``, or ``alpha`` (the gain); ``blur_sigma`` and
        ``blur_kernel`` in pixels, ``blur_padding``.

    Raises:
        UnmixingError: an unknown treatment, field value or arm, or images too small for the largest kernel that
            the treatment can draw.
    """
    todo = operations(treatment, fields, arm)
    if todo.blur is not None and todo.padding is not None:
        check_kernel(described_kernel(todo.blur), todo.padding, rows, cols)
    return [_draw_one(todo, rows, cols, rng) for _ in range(count)]


def _draw_one(todo: Operations, rows: int, cols: int, rng: np.random.Generator) -> Parameters:
    drawn: Parameters = {}
    if todo.crop is not None:
        # The released rounding; an image of one row or column keeps it.
        height, width = max(int(todo.crop * rows), 1), max(int(todo.crop * cols), 1)
        drawn["crop_top"] = int(rng.integers(rows - height + 1))
        drawn["crop_left"] = int(rng.integers(cols - width + 1))
        drawn["crop_rows"], drawn["crop_cols"] = height, width
    if todo.flip is not None:
        drawn["flip"] = FLIPS[rng.integers(len(FLIPS))] if todo.flip == "random" else todo.flip
    if todo.jitter == "band_noise":
        drawn["snr_db"] = float(rng.uniform(*SIGNAL_TO_NOISE_DB))
        # Every reader of JSON keeps integers up to here exact.
        drawn["noise_seed"] = int(rng.integers(2**53))
    elif todo.jitter == "gain":
        drawn["alpha"] = float(rng.uniform(*GAIN))
    if todo.blur is not None and todo.padding is not None:
        sigma = float(rng.uniform(SMALLEST_SIGMA, todo.blur))
        released = todo.padding == "zero"
        drawn["blur_kernel"] = int(rng.choice(RELEASED_KERNELS)) if released else described_kernel(sigma)
        drawn["blur_sigma"], drawn["blur_padding"] = sigma, todo.padding
    return drawn
