"""The decoder's convolution with a backward pass that suits few input channels.

A convolution library pads the K abundance channels of the decoder's input to its vector width, so that the
gradient with respect to them costs as much as if K were 16. Written as a convolution with a 13x1 kernel to 13 K
channels, followed by 13 shifted additions along the rows, the same sum takes a third of the time.
"""

from typing import Any

import torch
from torch.nn import functional


class _SameConvolution(torch.autograd.Function):
    """Zero-padded convolution of stride 1 with an odd square kernel and no bias."""

    @staticmethod
    def forward(context: Any, images: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:  # noqa: ANN401
        context.save_for_backward(images, kernel)
        return functional.conv2d(images, kernel, padding=kernel.shape[-1] // 2)

    @staticmethod
    def backward(
        context: Any,  # noqa: ANN401
        gradient: torch.Tensor,
    ) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        images, kernel = context.saved_tensors
        to_images = to_kernel = None
        if context.needs_input_grad[0]:
            to_images = _gradient_to_images(gradient, kernel)
        if context.needs_input_grad[1]:
            margin = kernel.shape[-1] // 2
            to_kernel = torch.ops.aten.convolution_backward(
                gradient, images, kernel, None, [1, 1], [margin, margin], [1, 1], False, [0, 0], 1, [False, True, False]
            )[1]
        return to_images, to_kernel


def _gradient_to_images(gradient: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    """Return the gradient (N, K, rows, columns) from that of the output (N, bands, rows, columns)."""
    bands, channels, size, _ = kernel.shape
    margin = size // 2
    columns = gradient.shape[-1]
    # (channel, column offset) as output channels, rows of the turned kernel as a kernel of size x 1.
    turned = kernel.flip(2, 3).permute(1, 3, 0, 2).reshape(channels * size, bands, size, 1)
    turned = turned.contiguous(memory_format=torch.channels_last)
    by_offset = functional.conv2d(gradient, turned, padding=(margin, 0)).unflatten(  # type: ignore[no-untyped-call]
        1, (channels, size)
    )
    shape = (gradient.shape[0], channels, gradient.shape[2], columns + 2 * margin)
    summed = gradient.new_zeros(shape)
    for offset in range(size):
        start = 2 * margin - offset
        summed[..., start : start + columns] += by_offset[:, :, offset]
    return summed[..., margin : margin + columns]


def same_convolution(images: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    """Return the zero-padded convolution of images with an odd square kernel.

    Args:
        images: (N, K, rows, columns); meant for few channels K.
        kernel: (bands, K, size, size), size odd.

    Returns:
        (N, bands, rows, columns), equal to ``torch.nn.functional.conv2d`` with padding of half the kernel.

    Raises:
        ValueError: the kernel is not square or its size is even.
    """
    if kernel.shape[2] != kernel.shape[3] or kernel.shape[2] % 2 == 0:
        raise ValueError(f"the kernel must be square and odd, not {tuple(kernel.shape[2:])}")
    result: torch.Tensor = _SameConvolution.apply(images, kernel)
    return result
