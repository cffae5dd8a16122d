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


@pytest.mark.parametrize(
    ("bands", "count"), [(156, 3), (198, 4), (162, 4), (162, 5), (162, 6), (188, 12)], ids=lambda value: str(value)
)
def test_gradients_at_the_shapes_of_the_paper_s_scenes(bands, count):
    # Positive weights and abundances, slopes of the size that a spectral angle has: what a training sees.
    generator = torch.Generator().manual_seed(2)
    images = torch.softmax(3 * torch.randn(4, count, 40, 40, generator=generator), 1)
    kernel = torch.randn(bands, count, 13, 13, generator=generator).abs()
    slope = 1e-5 * torch.randn(4, bands, 40, 40, generator=generator)
    results = []
    for function in (same_convolution, lambda a, w: torch.nn.functional.conv2d(a, w, padding=6)):
        parts = [part.clone().requires_grad_() for part in (images, kernel)]
        output = function(*parts)
        output.backward(slope)
        results.append((output.detach(), *(part.grad for part in parts)))
    for ours, theirs in zip(*results, strict=True):
        assert (ours - theirs).abs().max() <= 1e-5 * theirs.abs().max()


def test_wide_images_are_convolved_directly_with_the_same_result():
    images, kernel = torch.rand(1, 2, 5, 140, dtype=torch.float64), torch.rand(3, 2, 5, 5, dtype=torch.float64)
    wide = same_convolution(images, kernel)
    torch.testing.assert_close(same_convolution(images[..., :40], kernel)[..., :38], wide[..., :38])


def test_half_precision_is_right_to_its_own_rounding():
    generator = torch.Generator().manual_seed(3)
    images, kernel = torch.rand(2, 3, 20, 20, generator=generator), torch.rand(9, 3, 13, 13, generator=generator)
    exact = same_convolution(images, kernel)
    rounded = same_convolution(images.bfloat16(), kernel.bfloat16())
    assert rounded.dtype == torch.bfloat16
    assert (rounded.float() - exact).abs().max() <= 0.02 * exact.abs().max()


def test_only_what_is_needed_is_differentiated():
    images, kernel = torch.rand(1, 2, 4, 4), torch.rand(3, 2, 3, 3, requires_grad=True)
    same_convolution(images, kernel).sum().backward()
    assert images.grad is None
    assert kernel.grad.shape == kernel.shape


@pytest.mark.parametrize("kernel", [torch.rand(3, 2, 4, 4), torch.rand(3, 2, 3, 5)])
def test_other_kernels_are_refused(kernel):
    with pytest.raises(ValueError, match="square and odd"):
        same_convolution(torch.rand(1, 2, 6, 6), kernel)
