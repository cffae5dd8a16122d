"""The decoder's convolution, computed by frequencies along the columns, with its backward pass in closed form.

A 13x13 kernel on few channels spends nearly all arithmetic on sums over the taps. A discrete Fourier transform
along one axis turns the sum over 13 column taps into one product, and what is left, a sum over 13 rows and K
channels, into a matrix product for each frequency: a fifth of the arithmetic, the same result to rounding. The
backward pass reuses the transforms of the forward pass.
"""

import math
from functools import lru_cache
from typing import Any

import torch
from torch.autograd.function import once_differentiable
from torch.nn import functional

WIDEST = 128
"""Images wider than this are convolved directly: the cost of the transform grows with the square of the width."""


@lru_cache(maxsize=32)
def _transforms(
    width: int, size: int, dtype: torch.dtype, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the matrices of the transform along columns.

    A circle of width + size // 2 columns is long enough for no tap to reach round it.

    Returns:
        Of an image, (2 F, width): real and imaginary part of each of F frequencies; of a kernel, (2 F, size); and
        back to an image, (width, 2 F).
    """
    margin = size // 2
    length = width + margin + (width + margin) % 2
    frequency = torch.arange(length // 2 + 1, dtype=torch.float64)[:, None] * (2 * math.pi / length)
    of_image = frequency * torch.arange(width, dtype=torch.float64)
    of_kernel = frequency * (margin - torch.arange(size, dtype=torch.float64))
    # Frequencies other than the first and the last stand for themselves and their negative.
    weight = torch.full_like(frequency, 2 / length)
    weight[0] = weight[-1] = 1 / length

    def complex_rows(angle: torch.Tensor, weight: torch.Tensor | float = 1.0) -> torch.Tensor:
        rows = torch.stack([weight * torch.cos(angle), -weight * torch.sin(angle)], dim=1).flatten(0, 1)
        return rows.to(device=device, dtype=dtype)

    return complex_rows(of_image), complex_rows(of_kernel), complex_rows(of_image, weight).T.contiguous()


def _along_columns(matrix: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Multiply each row (columns, channels) of ``rows`` (R, columns, channels) by a matrix."""
    return torch.bmm(matrix.expand(len(rows), *matrix.shape), rows)


def _rows(images: torch.Tensor) -> torch.Tensor:
    """Return the rows (N rows, columns, channels) of images (N, channels, rows, columns)."""
    return images.permute(0, 2, 3, 1).flatten(0, 1)


def _images(rows: torch.Tensor, count: int) -> torch.Tensor:
    """Return the images that rows were cut from, in channels-last memory."""
    return rows.unflatten(0, (count, -1)).permute(0, 3, 1, 2)  # type: ignore[no-untyped-call,no-any-return]


def _row_taps(spectrum: torch.Tensor, size: int) -> torch.Tensor:
    """Gather the rows that each output row sees.

    Args:
        spectrum: (N, rows, F, 2, K), real and imaginary parts.
        size: taps along the rows.

    Returns:
        (F, N rows, 2 size K): for each output row the size rows around it, zeros outside the image.
    """
    count, rows, frequencies, _, channels = spectrum.shape
    padded = functional.pad(spectrum, (0, 0, 0, 0, 0, 0, size // 2, size // 2))
    taps = padded.unfold(1, size, 1)  # (N, rows, F, 2, K, size)
    return taps.permute(2, 0, 1, 3, 5, 4).reshape(frequencies, count * rows, 2 * size * channels)


def _sum_row_taps(taps: torch.Tensor, count: int, size: int, channels: int) -> torch.Tensor:
    """Return the transpose of ``_row_taps``: (N, rows, F, 2, K) from (F, N rows, 2 size K)."""
    parts = taps.view(len(taps), count, -1, 2, size, channels)
    rows = parts.shape[2]
    padded = taps.new_zeros(len(taps), 2, count, rows + size - 1, channels)
    for tap in range(size):
        padded[:, :, :, tap : tap + rows] += parts[..., tap, :].permute(0, 3, 1, 2, 4)
    return padded[:, :, :, size // 2 : size // 2 + rows].permute(2, 3, 0, 1, 4)


class _SameConvolution(torch.autograd.Function):
    """Zero-padded convolution of stride 1 with an odd square kernel and no bias."""

    @staticmethod
    def forward(context: Any, images: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:  # noqa: ANN401
        count, channels, rows, columns = images.shape
        bands, _, size, _ = kernel.shape
        to_spectrum, kernel_to_spectrum, to_image = _transforms(columns, size, images.dtype, images.device)
        frequencies = len(to_spectrum) // 2
        spectrum = _along_columns(to_spectrum, _rows(images))
        taps = _row_taps(spectrum.view(count, rows, frequencies, 2, channels), size)
        # From (column tap) x (row tap, channel, band): rows in the order of the taps.
        real, imaginary = (
            (kernel_to_spectrum @ kernel.permute(3, 2, 1, 0).reshape(size, -1))
            .view(frequencies, 2, size * channels, bands)
            .unbind(1)
        )
        # Complex numbers as real matrices: (real, imaginary) times ((real, imaginary), (-imaginary, real)).
        factor = torch.cat([torch.cat([real, imaginary], 2), torch.cat([-imaginary, real], 2)], 1)
        product = taps.new_empty(count * rows, frequencies, 2 * bands)
        torch.bmm(taps, factor, out=product.transpose(0, 1))
        result = _along_columns(to_image, product.view(count * rows, 2 * frequencies, bands))
        context.save_for_backward(taps, factor)
        context.shapes = (count, channels, columns, bands, size)
        return _images(result, count)

    @staticmethod
    @once_differentiable
    def backward(
        context: Any,  # noqa: ANN401
        gradient: torch.Tensor,
    ) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        taps, factor = context.saved_tensors
        count, channels, columns, bands, size = context.shapes
        to_spectrum, kernel_to_spectrum, to_image = _transforms(columns, size, taps.dtype, taps.device)
        frequencies = len(taps)
        product = _along_columns(to_image.T, _rows(gradient)).view(-1, frequencies, 2 * bands).transpose(0, 1)
        to_images = to_kernel = None
        if context.needs_input_grad[0]:
            spectrum = _sum_row_taps(torch.bmm(product, factor.mT), count, size, channels)
            rows = _along_columns(to_spectrum.T, spectrum.reshape(-1, 2 * frequencies, channels))
            to_images = _images(rows, count)
        if context.needs_input_grad[1]:
            half = size * channels
            of_factor = torch.bmm(taps.mT, product).view(frequencies, 2, half, 2, bands)
            real = of_factor[:, 0, :, 0] + of_factor[:, 1, :, 1]
            imaginary = of_factor[:, 0, :, 1] - of_factor[:, 1, :, 0]
            spectrum = torch.stack([real, imaginary], 1).view(2 * frequencies, -1)
            to_kernel = (kernel_to_spectrum.T @ spectrum).view(size, size, channels, bands).permute(3, 2, 1, 0)
        return to_images, to_kernel


def same_convolution(images: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    """Return the zero-padded convolution of images with an odd square kernel.

    Args:
        images: (N, K, rows, columns); meant for few channels K and many bands.
        kernel: (bands, K, size, size), size odd.

    Returns:
        (N, bands, rows, columns), equal to ``torch.nn.functional.conv2d`` with padding of half the kernel to
        rounding, in channels-last memory. Images wider than 128 are convolved directly.

    Raises:
        ValueError: the kernel is not square or its size is even.
    """
    if kernel.shape[2] != kernel.shape[3] or kernel.shape[2] % 2 == 0:
        raise ValueError(f"the kernel must be square and odd, not {tuple(kernel.shape[2:])}")
    if images.shape[3] > WIDEST:
        return functional.conv2d(images, kernel, padding=kernel.shape[2] // 2)
    result: torch.Tensor = _SameConvolution.apply(images, kernel)
    return result
