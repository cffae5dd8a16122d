import numpy as np
import pytest
import torch

from unmixing.errors import UnmixingError
from unmixing.training.fitting import Optimisation, as_image, fit, relative_reflectance


class Line(torch.nn.Module):
    """One weight; its square is the loss, its value the endmember."""

    def __init__(self, start=1.0):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor([[start]]))

    def project(self):
        pass

    def endmembers(self):
        return self.weight.detach().clone()

    def forward(self, images):
        return images * self.weight, torch.ones(1, 1, *images.shape[2:]) * self.weight


IMAGE = torch.ones(1, 2, 3)


def once(_):
    yield 1, None


def run(optimisation, model=None, batches=once, objective=None):
    model = model or Line()
    return fit(model, batches, objective or (lambda _: (model.weight**2).sum()), optimisation, IMAGE)


def test_optimiser_is_keras_rmsprop():
    # v = .9 v + .1 g^2;  w -= lr g / (sqrt(v) + 1e-7): epsilon outside the root (protocol sheet, Keras 2).
    weight = torch.nn.Parameter(torch.tensor([1.0]))
    optimiser = Optimisation(epochs=1, learning_rate=0.003).build([weight])
    value, average = 1.0, 0.0
    for gradient in (1e-8, 3e-8, -2e-7):
        weight.grad = torch.tensor([gradient])
        optimiser.step()
        average = 0.9 * average + 0.1 * gradient**2
        value -= 0.003 * gradient / (average**0.5 + 1e-7)
        assert weight.item() == pytest.approx(value, rel=1e-6)


def test_adam_has_keras_epsilon_and_the_stated_decay():
    optimiser = Optimisation(1, 0.001, optimiser="adam", weight_decay=1e-6).build([torch.nn.Parameter(torch.ones(1))])
    assert isinstance(optimiser, torch.optim.Adam)
    assert {key: optimiser.defaults[key] for key in ("lr", "eps", "weight_decay")} == {
        "lr": 0.001,
        "eps": 1e-7,
        "weight_decay": 1e-6,
    }


def test_gradients_of_several_batches_are_summed_and_carried_over_epochs():
    # 3 batches an epoch, 2 an update: 3 updates in 2 epochs; the plain gradient step shows the sum.
    def three(_):
        for _ in range(3):
            yield 1, None

    done = run(Optimisation(epochs=2, learning_rate=0.01, accumulation=2), batches=three)
    assert done.updates == 3


def test_a_run_stops_when_its_loss_no_longer_falls():
    flat = run(Optimisation(epochs=50, learning_rate=1e-12, patience=10))
    assert len(flat.losses) == 11, "one epoch that improves on nothing before it, then ten that do not"
    assert len(run(Optimisation(epochs=50, learning_rate=1e-12)).losses) == 50


def test_the_mean_loss_weighs_batches_by_their_size():
    values = {1: 1.0, 2: 4.0}
    model = Line()
    done = run(
        Optimisation(1, 1e-12),
        model,
        lambda _: [(3, 1), (1, 2)],
        lambda batch: model.weight.sum() * values[batch],
    )
    assert done.losses[0] == pytest.approx((3 * 1 + 1 * 4) / 4)


def test_estimates_that_are_not_finite_are_a_divergence_of_the_last_epoch():
    class Broken(Line):
        def forward(self, images):
            return images * self.weight, torch.full((1, 1, *images.shape[2:]), torch.nan)

    done = run(Optimisation(2, 1e-3), Broken())
    assert (done.status, done.reason) == ("diverged", "abundances or reconstruction of the scene not finite")
    assert len(done.losses) == 2


def test_reflectance_is_divided_by_the_largest_value():
    cube = np.array([[[2.0, 4.0]]])
    np.testing.assert_array_equal(relative_reflectance(cube), [[[0.5, 1.0]]])


def test_an_image_has_its_bands_first_in_shape_and_last_in_memory():
    image = as_image(np.arange(1.0, 25).reshape(2, 3, 4))
    assert image.shape == (4, 2, 3)
    assert image.stride() == (1, 12, 4)
    assert float(image[3, 1, 2]) == 1


@pytest.mark.parametrize(
    ("value", "words"), [(np.nan, "1 values that are not finite"), (np.inf, "not finite"), (-1.0, "no positive value")]
)
def test_impossible_scenes_are_refused(value, words):
    cube = np.full((2, 2, 3), min(value, 0) if value == -1.0 else 1.0)
    cube[0, 0, 0] = value
    with pytest.raises(UnmixingError, match=words):
        relative_reflectance(cube)
