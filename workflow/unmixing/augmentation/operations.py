"""Crop, flip, jitter and blur of whole batches, each image with parameters of its own.

All act on rows and columns and treat every band alike, except noise, which is drawn for every value. Each image's
result depends on its own parameters alone, not on the batch that it is in.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
import torch
from torch.nn import functional

from unmixing.augmentation.treatments import FLIPS, Parameters, check_kernel
from unmixing.errors import UnmixingError

# Values worked on at once: bounds what is held beside input and output to about 1 GB in float32.
CHUNK = 2**26
# Values blurred at once: small enough to stay in a processor's cache over all steps of the kernel.
BLOCK = 2**18

_TOGETHER = (
    {"crop_top", "crop_left", "crop_rows", "crop_cols"},
    {"flip"},
    {"snr_db", "noise_seed"},
    {"alpha"},
    {"blur_sigma", "blur_kernel", "blur_padding"},
)


def check_images(images: torch.Tensor) -> None:
    """Refuse what is no batch of images.

    Raises:
        UnmixingError: it is not (N, bands, rows, cols), or not of a floating type.
    """
    if images.ndim != 4 or 0 in images.shape[1:]:
        raise UnmixingError(f"images have shape {tuple(images.shape)}: hand over (N, bands, rows, cols)")
    if not images.is_floating_point():
        raise UnmixingError(f"images are of type {images.dtype}: hand over a floating type")


@torch.no_grad()
def apply_parameters(images: torch.Tensor, parameters: Sequence[Mapping[str, int | float | str]]) -> torch.Tensor:
    """Make augmented images from recorded parameters, in the order crop, flip, jitter, blur.

    Args:
        images: (N, bands, rows, cols), finite, of any floating type and on any device; not changed. Types below 32
            bits are worked on in float32. An expanded tensor (one scene, N times) costs no memory.
        parameters: N dictionaries as ``draw_parameters`` gives them. Operations may differ between images.

    Returns:
        (N, bands, rows, cols), type and device as given. Without any operation it is the input itself.

    Raises:
        UnmixingError: shapes or types do not fit, or parameters are incomplete or were drawn for larger images.
    """
    check_images(images)
    if len(parameters) != len(images):
        raise UnmixingError(f"there are {len(images)} images and parameters for {len(parameters)}: draw as many")
    rows, cols = images.shape[2:]
    for index, drawn in enumerate(parameters):
        _check(drawn, index, rows, cols)
    if not any(parameters):
        return images
    working = images.dtype if images.dtype in (torch.float32, torch.float64) else torch.float32
    done = torch.empty(images.shape, dtype=images.dtype, device=images.device)
    step = max(1, CHUNK // images[0].numel())
    for start in range(0, len(images), step):
        part = slice(start, start + step)
        # One memory layout for all: sums of the same numbers in another order round differently.
        done[part] = _apply(images[part].to(working).contiguous(), [dict(drawn) for drawn in parameters[part]])
    return done


def _check(drawn: Mapping[str, int | float | str], index: int, rows: int, cols: int) -> None:
    known = set().union(*(group for group in _TOGETHER if group & drawn.keys()))
    if known != drawn.keys():
        odd = ", ".join(sorted(known ^ drawn.keys()))
        raise UnmixingError(f"parameters of image {index} lack or do not know {odd}: draw them again")
    if "crop_top" in drawn:
        top, left, height, width = (int(drawn[f"crop_{name}"]) for name in ("top", "left", "rows", "cols"))
        if min(top, left, height - 1, width - 1) < 0 or top + height > rows or left + width > cols:
            raise UnmixingError(
                f"the crop of image {index}, {height}x{width} from ({top}, {left}), does not lie within {rows}x{cols}: "
                "use the images that its parameters were drawn for"
            )
    if drawn.get("flip", "both") not in FLIPS:
        raise UnmixingError(f"the flip of image {index} is {drawn['flip']!r}: it is one of {', '.join(FLIPS)}")
    if "blur_kernel" in drawn:
        kernel, padding = int(drawn["blur_kernel"]), str(drawn["blur_padding"])
        if kernel % 2 == 0 or padding not in ("reflect", "zero") or float(drawn["blur_sigma"]) <= 0:
            raise UnmixingError(
                f"the blur of image {index} needs an odd kernel, a sigma above 0 and reflect or zero padding; "
                f"it has {kernel}, {drawn['blur_sigma']} and {padding!r}"
            )
        check_kernel(kernel, padding, rows, cols)


Change = Callable[[torch.Tensor, list[Parameters]], torch.Tensor]


def _apply(images: torch.Tensor, parameters: list[Parameters]) -> torch.Tensor:
    images = _where("crop_top", None, _resize_crops, images, parameters)
    images = _where("flip", ("up_down", "both"), lambda chosen, _: chosen.flip(2), images, parameters)
    images = _where("flip", ("left_right", "both"), lambda chosen, _: chosen.flip(3), images, parameters)
    images = _where("snr_db", None, _add_noise, images, parameters)
    images = _where("alpha", None, _multiply, images, parameters)
    for padding in ("reflect", "zero"):
        images = _where("blur_padding", (padding,), _blur, images, parameters)
    return images


def _where(
    key: str, values: Collection[str] | None, change: Change, images: torch.Tensor, parameters: list[Parameters]
) -> torch.Tensor:
    """Change the images whose parameters hold ``key`` (with one of the values); the others stay as they are."""
    chosen = [
        index for index, drawn in enumerate(parameters) if key in drawn and (values is None or drawn[key] in values)
    ]
    if not chosen:
        return images
    if len(chosen) == len(images):
        return change(images, parameters)
    mixed = images.clone()
    mixed[chosen] = change(images[chosen], [parameters[index] for index in chosen])
    return mixed


def _resize_crops(images: torch.Tensor, parameters: list[Parameters]) -> torch.Tensor:
    """Cut each image's window and bring it back to full size, bilinear, without antialiasing.

    Pixel centres lie at half coordinates, as in ``torchvision.transforms.functional.resized_crop``.
    """
    rows, cols = images.shape[2:]
    down = _sampling_places(parameters, "crop_top", "crop_rows", rows)
    across = _sampling_places(parameters, "crop_left", "crop_cols", cols)
    shape = (len(images), rows, cols)
    grid = torch.stack([across[:, None, :].expand(shape), down[:, :, None].expand(shape)], dim=-1).to(images)
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _sampling_places(parameters: list[Parameters], first: str, extent: str, size: int) -> torch.Tensor:
    """Return where ``size`` pixels of the result fall in the image (N, size), from -1 to 1 between its outer edges."""
    start = torch.tensor([[drawn[first]] for drawn in parameters], dtype=torch.float64)
    length = torch.tensor([[drawn[extent]] for drawn in parameters], dtype=torch.float64)
    within = (torch.arange(size, dtype=torch.float64) + 0.5) * (length / size) - 0.5
    # Beyond the centres of the window's outer pixels there is nothing to weigh them with.
    pixel = start + torch.minimum(within.clamp(min=0), length - 1)
    return (2 * pixel + 1) / size - 1


def _add_noise(images: torch.Tensor, parameters: list[Parameters]) -> torch.Tensor:
    """Add white Gaussian noise to every value and clip at 0: reflectance is not negative.

    The ratio of signal to noise is the mean square of the image over the variance of the noise. Noise is drawn by
    numpy, in float32 and from the image's own seed, so that it is the same on every device and in every type.
    """
    noisy = torch.empty_like(images, memory_format=torch.contiguous_format)
    for image, result, drawn in zip(images, noisy, parameters, strict=True):
        rng = np.random.default_rng(int(drawn["noise_seed"]))
        noise = torch.from_numpy(rng.standard_normal(tuple(image.shape), dtype=np.float32)).to(image)
        power = float(torch.linalg.vector_norm(image, dtype=torch.float64)) ** 2 / image.numel()
        deviation = math.sqrt(power / 10 ** (float(drawn["snr_db"]) / 10))
        torch.add(image, noise, alpha=deviation, out=result)
    return noisy.clamp_(min=0)


def _multiply(images: torch.Tensor, parameters: list[Parameters]) -> torch.Tensor:
    gains = torch.tensor([drawn["alpha"] for drawn in parameters], dtype=torch.float64)
    return images * gains.to(images)[:, None, None, None]


def _blur(images: torch.Tensor, parameters: list[Parameters]) -> torch.Tensor:
    """Convolve rows and columns with each image's Gaussian; all have the same padding.

    Kernels are symmetric, so pixels at equal distance are added before they are weighed. Bands are worked on in
    blocks that fit the cache: four times as fast on one processor core as grouped convolutions.
    """
    count, bands, rows, cols = images.shape
    radius = max(int(drawn["blur_kernel"]) for drawn in parameters) // 2
    weights = _half_kernels(parameters, radius).to(images).repeat_interleave(bands, dim=0)[:, :, None, None]
    mode = "reflect" if parameters[0]["blur_padding"] == "reflect" else "constant"
    planes = images.reshape(count * bands, rows, cols)
    blurred = torch.empty_like(planes, memory_format=torch.contiguous_format)
    step = max(1, BLOCK // (rows * cols))
    for start in range(0, count * bands, step):
        part = slice(start, start + step)
        padded = functional.pad(planes[part], (radius, radius, radius, radius), mode=mode)
        down = _weighted_sum(padded, weights[part], 1, rows)
        blurred[part] = _weighted_sum(down, weights[part], 2, cols)
    return blurred.reshape(images.shape)


def _weighted_sum(padded: torch.Tensor, weights: torch.Tensor, axis: int, size: int) -> torch.Tensor:
    radius = weights.shape[1] - 1
    total = padded.narrow(axis, radius, size) * weights[:, 0]
    for offset in range(1, radius + 1):
        pair = padded.narrow(axis, radius - offset, size) + padded.narrow(axis, radius + offset, size)
        total.addcmul_(pair, weights[:, offset])
    return total


def _half_kernels(parameters: list[Parameters], radius: int) -> torch.Tensor:
    """Return the weights (N, radius + 1) from each kernel's centre outward, 0 beyond its own end."""
    offsets = torch.arange(radius + 1, dtype=torch.float64)
    sigma = torch.tensor([[drawn["blur_sigma"]] for drawn in parameters], dtype=torch.float64)
    own = torch.tensor([[int(drawn["blur_kernel"]) // 2] for drawn in parameters])
    weights = torch.exp(-0.5 * (offsets / sigma) ** 2) * (offsets <= own)
    return weights / (2 * weights.sum(dim=1, keepdim=True) - weights[:, :1])
