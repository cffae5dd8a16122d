import math

import numpy as np
import pytest
import torch

from unmixing.losses import elementwise_arccos_loss, sad_loss
from unmixing.metrics import spectral_angle


def test_equals_the_mean_angle_of_the_evaluation():
    rng = np.random.default_rng(0)
    x, y = rng.random((3, 20, 4, 5)), rng.random((3, 20, 4, 5))
    loss = sad_loss(torch.from_numpy(x), torch.from_numpy(y))
    assert float(loss) == pytest.approx(spectral_angle(x, y, axis=1).mean(), abs=1e-9)


def test_right_angle_and_gain():
    x = torch.tensor([[1.0, 0.0]])
    y = torch.tensor([[0.0, 2.0]])
    assert float(sad_loss(x, y)) == pytest.approx(math.pi / 2)
    z = torch.rand(4, 7)
    assert float(sad_loss(z, x.new_tensor(3.0) * z)) < 0.0015


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_zero_angle_has_a_finite_gradient(dtype):
    x = torch.rand(6, 30, dtype=dtype)
    y = (2 * x).requires_grad_()
    loss = sad_loss(x, y)
    loss.backward()
    assert float(loss.detach()) < 0.0015
    assert torch.isfinite(y.grad).all()


@pytest.mark.parametrize("loss_function", [sad_loss, elementwise_arccos_loss])
def test_zero_spectrum_has_a_finite_gradient(loss_function):
    x = torch.rand(4, 10)
    y = torch.rand(4, 10)
    y[1] = 0
    y.requires_grad_()
    loss_function(x, y).backward()
    assert torch.isfinite(y.grad).all()


def test_zero_spectrum_counts_as_a_right_angle():
    x = torch.ones(1, 3)
    y = torch.zeros(1, 3, requires_grad=True)
    loss = sad_loss(x, y)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(math.pi / 2)
    assert torch.equal(y.grad, torch.zeros(1, 3))


def test_gradient_by_finite_differences():
    torch.manual_seed(0)
    x = torch.rand(2, 9, 3, dtype=torch.float64)
    y = torch.rand(2, 9, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda z: sad_loss(x, z), (y,))
    assert torch.autograd.gradcheck(lambda z: elementwise_arccos_loss(x, z), (y,))
    assert torch.autograd.gradcheck(lambda z: sad_loss(z, x), (y,), fast_mode=True)
    assert torch.autograd.gradcheck(lambda z: elementwise_arccos_loss(z, x[:1, :, :1]), (y[:1, :, :1],), fast_mode=True)


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_bands_may_lie_along_any_axis(dim):
    x, y = torch.rand(4, 5, 6), torch.rand(4, 5, 6)
    expected = spectral_angle(x.numpy(), y.numpy(), axis=dim).mean()
    assert float(sad_loss(x, y, dim=dim)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("bands", "pixels"), [(156, 2000), (188, 2000)])
def test_closed_form_agrees_with_autograd_in_size_and_direction(bands, pixels):
    def by_autograd(x, y):
        u, v = (torch.nn.functional.normalize(part, dim=1) for part in (x, y))
        return torch.arccos((u * v).sum(1).clamp(-1 + 1e-6, 1 - 1e-6)).mean()

    generator = torch.Generator().manual_seed(4)
    x, y = (torch.rand(pixels, bands, generator=generator) for _ in range(2))
    gradients = [torch.autograd.grad(loss(x.requires_grad_(), y), x)[0] for loss in (sad_loss, by_autograd)]
    assert (gradients[0] - gradients[1]).abs().max() <= 1e-5 * gradients[1].abs().max()


def test_held_angles_have_no_gradient():
    x = torch.rand(3, 8)
    for loss_function in (sad_loss, elementwise_arccos_loss):
        y = torch.zeros(3, 8)
        y[:, 2] = 1  # one band each: product 1 with itself, 0 elsewhere
        z = y.clone().requires_grad_()
        loss_function(z, y).backward()
        assert torch.equal(z.grad, torch.zeros_like(x))


def test_elementwise_loss_is_a_cosine_loss_over_the_bands():
    # pi/2 - cos/B - sum (u_b v_b)^3 / 6B: the scale 1/B is part of the released protocol (audit item C1).
    rng = np.random.default_rng(1)
    bands = 156
    x, y = (torch.from_numpy(rng.random((50, bands)) + 0.5) for _ in range(2))
    cosine = np.cos(spectral_angle(x.numpy(), y.numpy())).mean()
    assert float(elementwise_arccos_loss(x, y)) == pytest.approx(math.pi / 2 - cosine / bands, abs=2e-6)


def test_gradient_scale_of_the_two_losses():
    rng = np.random.default_rng(2)
    x = torch.from_numpy(rng.random((64, 156)))
    scales = []
    for loss_function in (sad_loss, elementwise_arccos_loss):
        y = torch.from_numpy(rng.random((64, 156))).requires_grad_()
        loss_function(x, y).backward()
        scales.append(float(y.grad.abs().mean()))
    # d cos = sin d angle; these spectra are about half a radian apart.
    assert scales[0] / scales[1] == pytest.approx(156 / math.sin(0.7), rel=0.25)


@pytest.mark.parametrize("loss_function", [sad_loss, elementwise_arccos_loss])
def test_shapes_must_agree(loss_function):
    with pytest.raises(ValueError, match=r"\(2, 3\) and \(2, 4\)"):
        loss_function(torch.ones(2, 3), torch.ones(2, 4))


def test_absolute_gradient_of_the_elementwise_loss():
    # Averaged over batch, pixels AND bands: RMSprop's epsilon of 1e-7 meets gradients of exactly this size.
    rng = np.random.default_rng(3)
    batch, bands, rows, columns = 3, 20, 4, 5
    x, y = rng.random((batch, bands, rows, columns)) + 0.1, rng.random((batch, bands, rows, columns)) + 0.1
    estimate = torch.from_numpy(y).requires_grad_()
    loss = elementwise_arccos_loss(torch.from_numpy(x), estimate)
    loss.backward()
    u, norm = x / np.linalg.norm(x, axis=1, keepdims=True), np.linalg.norm(y, axis=1, keepdims=True)
    v = y / norm
    assert float(loss.detach()) == pytest.approx(np.arccos(u * v).mean(), abs=1e-6)
    of_unit = -u / np.sqrt(1 - (u * v) ** 2) / (batch * bands * rows * columns)
    expected = (of_unit - v * (of_unit * v).sum(axis=1, keepdims=True)) / norm
    assert estimate.grad.numpy() == pytest.approx(expected, rel=1e-4, abs=1e-9)
