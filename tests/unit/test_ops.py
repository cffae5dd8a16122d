import pytest
import torch

from unmixing.ops import same_convolution


@pytest.mark.parametrize("shape", [(1, 1, 1, 1, 3, 3), (2, 3, 5, 4, 7, 5), (1, 2, 9, 4, 2, 13), (3, 4, 3, 8, 6, 1)])
def test_gradients_by_finite_differences(shape):
    count, channels, rows, columns, bands, size = shape
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(count, channels, rows, columns, dtype=torch.float64, generator=generator, requires_grad=True)
    kernel = torch.rand(bands, channels, size, size, dtype=torch.float64, generator=generator, requires_grad=True)
    assert torch.autograd.gradcheck(same_convolution, (images, kernel), fast_mode=True)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_equals_torch_s_convolution_at_the_same_scale(layout):
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(2, 3, 20, 17, generator=generator)
    kernel = torch.randn(31, 3, 13, 13, generator=generator)
    slope = torch.randn(2, 31, 20, 17, generator=generator)
    results = []
    for function in (same_convolution, lambda a, w: torch.nn.functional.conv2d(a, w, padding=6)):
        parts = [part.clone().contiguous(memory_format=layout).requires_grad_() for part in (images, kernel)]
        output = function(*parts)
        output.backward(slope)
        results.append((output.detach(), *(part.grad for part in parts)))
    for ours, theirs in zip(*results, strict=True):
        assert (ours - theirs).abs().max() <= 1e-5 * theirs.abs().max()


def test_only_what_is_needed_is_differentiated():
    images, kernel = torch.rand(1, 2, 4, 4), torch.rand(3, 2, 3, 3, requires_grad=True)
    same_convolution(images, kernel).sum().backward()
    assert images.grad is None
    assert kernel.grad.shape == kernel.shape


@pytest.mark.parametrize("kernel", [torch.rand(3, 2, 4, 4), torch.rand(3, 2, 3, 5)])
def test_other_kernels_are_refused(kernel):
    with pytest.raises(ValueError, match="square and odd"):
        same_convolution(torch.rand(1, 2, 6, 6), kernel)
