import pytest
import torch

from unmixing.models.cnnaeu import CNNAEU, SpatialDropout, UntrackedBatchNorm


def test_shapes_and_simplex():
    model = CNNAEU(11, 4).eval()
    reconstruction, abundances = model(torch.rand(2, 11, 9, 7))
    assert reconstruction.shape == (2, 11, 9, 7)
    assert abundances.shape == (2, 4, 9, 7)
    assert abundances.min() >= 0
    torch.testing.assert_close(abundances.sum(1), torch.ones(2, 9, 7))


def test_no_biases_and_the_paper_s_size():
    model = CNNAEU(156, 3)
    convolutions = [model.spatial, model.pointwise, model.decoder]
    assert all(layer.bias is None for layer in convolutions)
    assert sum(layer.weight.numel() for layer in convolutions) == 156 * 48 * 9 + 48 * 3 + 3 * 156 * 169
    assert sum(p.numel() for p in model.parameters()) == 67392 + 144 + 79092 + 2 * (48 + 3)


def test_endmembers_are_the_spatial_mean_of_the_decoder():
    model = CNNAEU(5, 3)
    with torch.no_grad():
        model.decoder.weight.zero_()
        model.decoder.weight[2, 1, 6, 6] = 169.0
    expected = torch.zeros(3, 5)
    expected[1, 2] = 1
    assert torch.equal(model.endmembers(), expected)


def test_projection_removes_negative_weights_only():
    model = CNNAEU(5, 3)
    before = model.decoder.weight.detach().clone()
    model.project()
    assert torch.equal(model.decoder.weight, before.clamp(min=0))
    assert (before < 0).any()


def test_a_constant_scene_is_rebuilt_by_the_sum_of_the_kernel_away_from_borders():
    model = CNNAEU(4, 1).eval()
    reconstruction, _ = model(torch.rand(1, 4, 15, 15))
    torch.testing.assert_close(reconstruction[0, :, 7, 7], 169 * model.endmembers()[0])


def test_initial_weights_have_the_stated_deviation():
    model = CNNAEU(50, 4, initialisation=torch.Generator().manual_seed(5))
    assert float(model.decoder.weight.detach().std()) == pytest.approx(0.3, rel=0.02)
    assert float(model.decoder.weight.detach().mean()) == pytest.approx(0, abs=0.01)


def test_dropout_takes_its_mask_from_its_own_stream():
    images = torch.ones(8, 50, 3, 3)
    first, second = (SpatialDropout(0.2, torch.Generator().manual_seed(3))(images) for _ in range(2))
    torch.rand(10)
    assert torch.equal(first, second)
    assert set(first.unique().tolist()) == {0.0, 1.25}
    assert torch.equal(first[:, :, 0, 0], first[:, :, 2, 1]), "whole channels are dropped"
    assert float((first == 0).float().mean()) == pytest.approx(0.2, abs=0.06)


def test_dropout_rests_in_prediction():
    layer = SpatialDropout(0.9, torch.Generator())
    images = torch.rand(2, 3, 4, 4)
    assert torch.equal(layer.eval()(images), images)


def test_untracked_batch_norm_normalises_in_training_and_hardly_acts_in_prediction():
    images = 5 + 3 * torch.randn(10, 4, 6, 6, generator=torch.Generator().manual_seed(0))
    layer = UntrackedBatchNorm()
    trained = layer.train()(images)
    assert trained.mean(dim=(0, 2, 3)).abs().max() < 1e-5
    torch.testing.assert_close(trained.var(dim=(0, 2, 3), unbiased=False), torch.ones(4), rtol=1e-2, atol=0)
    torch.testing.assert_close(layer.eval()(images), images / 1.001**0.5)
    assert not list(layer.parameters())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"bands": 0}, "at least one band"),
        ({"endmembers": 0}, "at least one band"),
        ({"batch_norm": "off"}, "tracked or untracked"),
        ({"activation": "tanh"}, "leaky_relu or relu, not 'tanh'"),
        ({"precision": "float16"}, "float32 or bfloat16, not 'float16'"),
    ],
)
def test_impossible_networks_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        CNNAEU(**{"bands": 4, "endmembers": 2, **arguments})
