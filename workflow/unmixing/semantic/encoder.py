"""The encoder: a spectrum of any bands becomes a direction in the space of the prompts' anchors.

Bands are laid on the common grid by their wavelengths (straight lines between neighbours; how near a point is to a
band goes along as a mask), so that one set of weights serves every sensor. A convolution sees values, mask and slope;
a Fourier code of the wavelengths tells it where it is. Only the shape of a spectrum counts: it is divided by its root
mean square first, so that a gain changes nothing.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from unmixing.errors import UnmixingError
from unmixing.semantic.sources import COMMON_GRID

#: Wavelengths outside are no reflected sunlight, or no nanometres.
WAVELENGTH_LIMITS = (300.0, 2600.0)
#: Distance in nanometres over which the mask of a point falls to 1/e of a band's.
_REACH_NM = 40.0
_FREQUENCIES = 16
_FREQUENCY_RANGE = (0.5, 64.0)


@dataclass(frozen=True)
class Placement:
    """How the bands of a sensor lie on the common grid.

    Attributes:
        weights: (grid, B) of straight lines between neighbouring bands; rows sum to one within the range, else zero.
        nearness: (grid,) from one on a band to zero far from all.
        wavelengths: (B,) nanometres.
    """

    weights: Tensor
    nearness: Tensor
    wavelengths: Tensor


@dataclass(frozen=True)
class EncoderSize:
    """Shape of an encoder.

    Attributes:
        stem: width, kernel and stride of the first convolution.
        stages: width, kernel, blocks and stride of each further stage.
        residual: blocks of two convolutions with a skip instead of single ones.
        pool: ``flatten`` keeps positions, ``mean_max`` averages and takes maxima.
        hidden: width of the layer before the last.
        groups: of group normalisation.
    """

    stem: tuple[int, int, int]
    stages: tuple[tuple[int, int, int, int], ...]
    residual: bool
    pool: str
    hidden: int
    groups: int = 8


def check_wavelengths(wavelengths: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the centres of bands, refused if they cannot be nanometres of reflected sunlight in rising order.

    Raises:
        UnmixingError: see above.
    """
    axis = np.atleast_1d(np.asarray(wavelengths, np.float64))
    if axis.ndim != 1 or not np.isfinite(axis).all() or (np.diff(axis) <= 0).any():
        raise UnmixingError("wavelengths must be finite and rise from band to band: sort the bands, average doubles")
    low, high = WAVELENGTH_LIMITS
    if axis.min() < low or axis.max() > high:
        raise UnmixingError(
            f"wavelengths from {axis.min():g} to {axis.max():g} are outside {low:g} to {high:g} nm: "
            f"give nanometres, and leave out thermal bands"
        )
    return axis


def place(wavelengths: npt.ArrayLike) -> Placement:
    """Lay bands on the common grid.

    Args:
        wavelengths: (B,) nanometres, rising, at least two of them within 400 to 2450.

    Raises:
        UnmixingError: wavelengths are none (``check_wavelengths``) or too few are within the grid.
    """
    axis = check_wavelengths(wavelengths)
    if int(((axis >= COMMON_GRID[0] - 10) & (axis <= COMMON_GRID[-1] + 10)).sum()) < 2:
        raise UnmixingError("fewer than two bands lie within 400 to 2450 nm: give a scene of reflected sunlight")
    right = np.clip(np.searchsorted(axis, COMMON_GRID), 1, axis.size - 1)
    share = (COMMON_GRID - axis[right - 1]) / (axis[right] - axis[right - 1])
    # Half a step of the grid beyond the ends is still within the end bands.
    inside = np.abs(COMMON_GRID - (axis[0] + axis[-1]) / 2) <= (axis[-1] - axis[0]) / 2 + 5.0
    share = np.clip(share, 0.0, 1.0)
    weights = np.zeros((COMMON_GRID.size, axis.size))
    rows = np.arange(COMMON_GRID.size)
    weights[rows, right - 1] = (1 - share) * inside
    weights[rows, right] += share * inside
    distance = np.abs(COMMON_GRID[:, None] - axis[None]).min(axis=1)
    nearness = np.exp(-((distance / _REACH_NM) ** 2)) * inside
    return Placement(
        torch.as_tensor(weights, dtype=torch.float32),
        torch.as_tensor(nearness, dtype=torch.float32),
        torch.as_tensor(axis.astype(np.float32)),
    )


def fill_unknown(pixels: Tensor, known: Tensor, wavelengths: Tensor) -> Tensor:
    """Return pixels (N, B) whose unknown bands lie on the line between their known neighbours; ends are held.

    Args:
        pixels: (N, B), any value where unknown.
        known: (N, B) bool, at least one of each pixel.
        wavelengths: (B,) nanometres, rising.
    """
    if bool(known.all()):
        return pixels
    values = torch.where(known, pixels, 0.0)
    bands = torch.arange(pixels.shape[1], device=pixels.device).expand(pixels.shape)
    left = torch.where(known, bands, -1).cummax(1).values
    right = torch.where(known, bands, pixels.shape[1]).flip(1).cummin(1).values.flip(1)
    left, right = torch.where(left < 0, right, left), torch.where(right >= pixels.shape[1], left, right)
    axis = wavelengths.to(values)
    step = axis[right] - axis[left]
    share = torch.where(step > 0, (axis[bands] - axis[left]) / torch.where(step > 0, step, 1.0), 0.0)
    return values.gather(1, left) * (1 - share) + values.gather(1, right) * share


def wavelength_code() -> Tensor:
    """Return sines and cosines of the wavelengths, (grid, 32): .5 to 64 cycles over 400 to 2450 nm."""
    place_on = (COMMON_GRID - COMMON_GRID[0]) / (COMMON_GRID[-1] - COMMON_GRID[0])
    cycles = np.geomspace(*_FREQUENCY_RANGE, _FREQUENCIES)
    phase = 2 * np.pi * place_on[:, None] * cycles
    return torch.as_tensor(np.concatenate([np.sin(phase), np.cos(phase)], axis=1), dtype=torch.float32)


def channels(pixels: Tensor, known: Tensor, placement: Placement) -> Tensor:
    """Return what the convolutions see, (N, 3, grid): shape, mask and slope, free of the pixel's brightness.

    Args:
        pixels: (N, B) reflectance of any gain.
        known: (N, B) bool.
        placement: of the B bands.
    """
    filled = fill_unknown(pixels, known, placement.wavelengths)
    values = filled @ placement.weights.T
    inside = (placement.weights.sum(1) > 0).to(values)
    power = (values**2).sum(1, keepdim=True) / inside.sum()
    shape = values * torch.rsqrt(power.clamp_min(1e-20))
    mask = placement.nearness * (known.to(values) @ placement.weights.T)
    slope = functional.pad(shape[:, 2:] - shape[:, :-2], (1, 1)) * functional.pad(inside[2:] * inside[:-2], (1, 1))
    return torch.stack([shape, mask, 5 * slope], dim=1)


class _Block(nn.Module):
    """One convolution with normalisation, or two with a skip."""

    def __init__(self, before: int, after: int, kernel: int, stride: int, residual: bool, groups: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(before, after, kernel, stride, kernel // 2)
        self.first_norm = nn.GroupNorm(groups, after)
        self.residual = residual
        if residual:
            self.second = nn.Conv1d(after, after, kernel, 1, kernel // 2)
            self.second_norm = nn.GroupNorm(groups, after)
            same = before == after and stride == 1
            self.skip: nn.Module = nn.Identity() if same else nn.Conv1d(before, after, 1, stride)

    def forward(self, given: Tensor) -> Tensor:
        hidden: Tensor = functional.gelu(self.first_norm(self.first(given)))
        if not self.residual:
            return hidden
        return functional.gelu(self.second_norm(self.second(hidden)) + self.skip(given))


class Encoder(nn.Module):
    """Spectra to vectors of length one in the anchors' space."""

    code: Tensor

    def __init__(self, size: EncoderSize, dimension: int) -> None:
        """Make all layers; ``dimension`` is that of the anchors."""
        super().__init__()
        width, kernel, stride = size.stem
        self.stem = nn.Conv1d(3, width, kernel, stride, kernel // 2)
        self.position = nn.Conv1d(2 * _FREQUENCIES, width, kernel, stride, kernel // 2, groups=1, bias=False)
        self.stem_norm = nn.GroupNorm(size.groups, width)
        blocks: list[nn.Module] = []
        length = (COMMON_GRID.size - 1) // stride + 1
        for after, kernel, count, stage_stride in size.stages:
            for index in range(count):
                step = stage_stride if index == 0 else 1
                blocks.append(_Block(width, after, kernel, step, size.residual, size.groups))
                width, length = after, (length - 1) // step + 1
        self.blocks = nn.Sequential(*blocks)
        self.pool = size.pool
        pooled = width * length if size.pool == "flatten" else 2 * width
        self.hidden = nn.Linear(pooled, size.hidden)
        self.last = nn.Linear(size.hidden, dimension)
        self.register_buffer("code", wavelength_code().T[None].contiguous(), persistent=False)

    def features(self, given: Tensor) -> Tensor:
        """Return (N, hidden) what the last layer sees, from (N, 3, grid)."""
        hidden = functional.gelu(self.stem_norm(self.stem(given) + self.position(self.code)))
        hidden = self.blocks(hidden)
        flat = self.pool == "flatten"
        pooled = hidden.flatten(1) if flat else torch.cat([hidden.mean(2), hidden.amax(2)], dim=1)
        return functional.gelu(self.hidden(pooled))

    def forward(self, given: Tensor) -> Tensor:
        """Return (N, d) of length one, from (N, 3, grid)."""
        return functional.normalize(self.last(self.features(given)), dim=1)
