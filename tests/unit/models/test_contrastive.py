import pytest
import torch
from torch.nn import functional

from unmixing.losses import generalized_nt_xent, sad_loss
from unmixing.models.cnnaeu import CNNAEU
from unmixing.models.contrastive import ContrastiveAutoencoder

RELEASED = {
    "variant": "code",
    "decoder": "raw_relu",
    "initialisation": "kaiming",
    "abundance_gain": "batch_size",
    "latent": "with_dropout",
}
BOTH = pytest.mark.parametrize("fields", [{}, RELEASED], ids=["described", "released"])


def stream(seed=11):
    return torch.Generator().manual_seed(seed)


def network(bands=7, endmembers=3, **fields):
    return ContrastiveAutoencoder(bands, endmembers, weights=stream(), dropout=stream(12), **fields)


def patches(count=4, bands=7, size=8, seed=0):
    return torch.rand(count, bands, size, size, generator=stream(seed))


@BOTH
def test_shapes_simplex_and_unit_embeddings(fields):
    view = network(**fields).view(patches())
    assert view.reconstruction.shape == (4, 7, 8, 8)
    assert view.abundances.shape == (4, 3, 8, 8)
    assert float(view.abundances.detach().min()) >= 0
    torch.testing.assert_close(view.abundances.sum(1), torch.ones(4, 8, 8))
    assert view.embedding.shape == (4, 64)
    torch.testing.assert_close(view.embedding.norm(dim=1), torch.ones(4))


def test_described_network_is_cnnaeu_with_weights_a_tenth_as_large():
    ours = network()
    baseline = CNNAEU(7, 3, initialisation=stream(), dropout=stream(12))
    for name in ("spatial", "pointwise", "decoder"):
        torch.testing.assert_close(getattr(ours, name).weight, 0.1 * getattr(baseline, name).weight)
        assert getattr(ours, name).bias is None
        with torch.no_grad():
            getattr(baseline, name).weight.mul_(0.1)
    for model in (ours, baseline):
        model.train()
    torch.testing.assert_close(ours(patches()), baseline(patches()))
    for model in (ours, baseline):
        model.eval()
    torch.testing.assert_close(ours(patches(seed=1)), baseline(patches(seed=1)))


def test_released_network_is_what_the_audit_says():
    model = network(bands=40, **RELEASED)
    bound = (6 / (40 * 9)) ** 0.5
    weights = model.spatial.weight.detach()
    assert 0.98 * bound < float(weights.abs().max()) <= bound
    assert float(weights.std()) == pytest.approx(bound / 3**0.5, rel=0.03), "uniform, not normal"
    assert float(model.pointwise.weight.detach().abs().max()) <= (6 / 48) ** 0.5
    assert float(model.decoder.weight.detach().std()) == pytest.approx(0.03, rel=0.03)
    assert float(model.decoder.bias.detach().std()) == pytest.approx(0.03, rel=0.3)
    assert not model.spatial.bias.detach().any()
    assert not model.pointwise.bias.detach().any()
    assert model.spatial_norm.eps == model.pointwise_norm.eps == 1e-5
    assert network().spatial_norm.eps == 1e-3


def test_released_decoder_has_bias_rectified_output_and_a_gain_of_the_batch():
    model = network(**RELEASED).eval()
    with torch.no_grad():
        model.decoder.bias.copy_(torch.linspace(-3, 0.5, 7))
    reconstruction, abundances = model(patches(count=5))
    kernel = model.decoder.weight.clamp(min=0)
    expected = functional.conv2d(5 * abundances, kernel, model.decoder.bias, padding="same").clamp(min=0)
    torch.testing.assert_close(reconstruction, expected)
    assert (reconstruction == 0).any()
    assert (reconstruction > 0).any()
    torch.testing.assert_close(abundances.sum(1), torch.ones(5, 8, 8)), "the gain is in the decoder alone"


def test_a_gain_without_a_decoder_bias_scales_the_reconstruction_and_nothing_else():
    plain, scaled = network().eval(), network(abundance_gain="batch_size").eval()
    one, other = plain.view(patches()), scaled.view(patches())
    torch.testing.assert_close(other.reconstruction, 4 * one.reconstruction)
    torch.testing.assert_close(other.embedding, one.embedding)


@pytest.mark.parametrize("field", RELEASED)
def test_switching_a_field_leaves_the_other_weights_as_they_were(field):
    before, after = network().state_dict(), network(**{field: RELEASED[field]}).state_dict()
    changed = {"spatial.weight", "pointwise.weight"} if field == "initialisation" else set()
    compared = set(before) & set(after) - changed
    assert {"decoder.weight", "head.0.weight"} <= compared
    assert all(torch.equal(before[name], after[name]) for name in compared)
    assert not any(torch.equal(before[name], after[name]) for name in changed)


def test_relu_activation_is_figure_1():
    model = network(activation="relu").eval()
    with torch.no_grad():
        model.spatial.weight.zero_()
        model.spatial.weight[0, :, 1, 1] = -1
    hidden = model.spatial_norm(torch.relu(model.spatial(patches())))
    torch.testing.assert_close(model._hidden(patches()), hidden)
    assert not torch.equal(network(activation="relu").eval()(patches())[1], network().eval()(patches())[1])


def test_negative_raw_weights_get_no_gradient_and_projection_leaves_them():
    model = network(**RELEASED)
    reconstruction, _ = model(patches())
    sad_loss(reconstruction, patches()).backward()
    raw = model.decoder.weight
    assert torch.equal(raw.grad[raw <= 0], torch.zeros_like(raw.grad[raw <= 0]))
    assert raw.grad[raw > 0].abs().sum() > 0
    before = raw.detach().clone()
    model.project()
    assert torch.equal(raw, before)


def test_projection_of_the_linear_decoder_removes_negative_weights_only():
    model = network()
    before = model.decoder.weight.detach().clone()
    model.project()
    assert torch.equal(model.decoder.weight, before.clamp(min=0))


@BOTH
def test_endmembers_are_the_mean_of_the_non_negative_kernel(fields):
    model = network(**fields)
    with torch.no_grad():
        model.decoder.weight.zero_()
        model.decoder.weight[2, 1, 6, 6] = 169.0
        model.decoder.weight[3, 1, 0, 0] = -169.0
    model.project()
    expected = torch.zeros(3, 7)
    expected[1, 2] = 1
    assert torch.equal(model.endmembers(), expected)


def test_embedding_is_the_projected_mean_of_the_abundances():
    model = network(variant="code").eval()
    view = model.view(patches())
    expected = functional.normalize(model.head(view.abundances.mean(dim=(2, 3))), dim=1)
    torch.testing.assert_close(view.embedding, expected)
    torch.testing.assert_close(model.embed(view.abundances), expected)
    torch.testing.assert_close(model.embed_patches(patches()), expected)


def test_described_embedding_sees_no_dropout_and_released_one_does():
    # In training both use the statistics of the batch; only dropout draws random numbers.
    described, released = network(), network(latent="with_dropout")
    for model, steady in ((described, True), (released, False)):
        first, second = model.train().view(patches()), model.view(patches())
        assert not torch.equal(first.abundances, second.abundances)
        assert torch.equal(first.embedding, second.embedding) == steady
        assert torch.equal(model.embed_patches(patches()), first.embedding) == steady
    torch.testing.assert_close(released.embed(first.abundances), first.embedding)
    # Without dropout at all, the described embedding of training is that of the abundances it decodes.
    described.dropout.rate = 0
    view = described.view(patches())
    torch.testing.assert_close(described.embed(view.abundances), view.embedding)


def test_the_second_pass_for_the_embedding_is_not_recorded_by_the_batch_statistics():
    one, other = network(), network()
    one.train().view(patches())
    other.train()(patches())
    for name, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name


def test_views_pass_alone_in_training_and_together_in_evaluation():
    together, alone = network(**RELEASED), network(**RELEASED)
    for mode in (True, False):
        first, second = together.train(mode).views(patches(), 3 * patches(seed=1))
        expected = alone.train(mode).view(patches()), alone.view(3 * patches(seed=1))
        for mine, other in zip((*first, *second), (*expected[0], *expected[1]), strict=True):
            torch.testing.assert_close(mine, other)
        assert first.embedding.shape == (4, 64)
    for name, value in together.state_dict().items():
        torch.testing.assert_close(value, alone.state_dict()[name])


def test_a_run_takes_its_dropout_from_its_stream():
    first = network(**RELEASED).train().view(patches())
    torch.rand(5)
    second = network(**RELEASED).train().view(patches())
    assert all(torch.equal(*pair) for pair in zip(first, second, strict=True))


@BOTH
def test_the_contrastive_term_reaches_the_encoder_and_not_the_decoder(fields):
    model = network(**fields).train()
    first, second = model.views(patches(), patches(seed=1))
    labels = torch.rand(4, 3, generator=stream(3))
    generalized_nt_xent(first.embedding, second.embedding, labels, 0.1, 0.1).backward()
    assert model.decoder.weight.grad is None
    for part in (model.spatial, model.pointwise):
        assert torch.isfinite(part.weight.grad).all()
        assert part.weight.grad.abs().sum() > 0


@BOTH
def test_training_lowers_both_terms(fields):
    model = network(bands=6, **fields).train()
    optimiser = torch.optim.Adam(model.parameters(), lr=0.003, weight_decay=1e-6)
    pure = torch.rand(3, 6, generator=stream(2))
    shares = torch.softmax(4 * torch.randn(8, 3, generator=stream(5)), dim=1)
    batch = (shares @ pure)[:, :, None, None].expand(-1, -1, 8, 8).contiguous()
    history = []
    for _ in range(40):
        first, second = model.views(batch, 1.05 * batch)
        contrastive = generalized_nt_xent(first.embedding, second.embedding, shares, 0.1, 0.1)
        angle = (sad_loss(first.reconstruction, batch) + sad_loss(second.reconstruction, batch)) / 2
        optimiser.zero_grad()
        (0.5 * contrastive + 0.5 * angle).backward()
        optimiser.step()
        model.project()
        history.append((float(contrastive.detach()), float(angle.detach())))
    assert sum(value for value, _ in history[-5:]) < sum(value for value, _ in history[:5])
    assert sum(value for _, value in history[-5:]) < 0.8 * sum(value for _, value in history[:5])


def test_parameters_are_counted_by_part():
    counts = ContrastiveAutoencoder(156, 3).parameter_counts()
    assert counts == {
        "encoder": 156 * 48 * 9 + 48 * 3 + 2 * (48 + 3),
        "decoder": 3 * 156 * 169,
        "head": 3 * 128 + 128 + 128 * 64 + 64,
    }
    released = ContrastiveAutoencoder(156, 3, "bottleneck", **RELEASED)
    assert released.parameter_counts() == {
        "encoder": counts["encoder"] + 48 + 3,
        "decoder": counts["decoder"] + 156,
        "head": 3 * 256 + 256 + 256 * 64 + 64 + 64 * 128 + 128,
    }
    assert sum(released.parameter_counts().values()) == sum(p.numel() for p in released.parameters())
    assert ContrastiveAutoencoder(156, 3, "identity").parameter_counts()["head"] == 0


@pytest.mark.parametrize(
    ("arguments", "fields", "words"),
    [
        ((0, 3), {}, "at least one band"),
        ((4, 3), {"decoder": "relu"}, "decoder is linear or raw_relu, not 'relu'"),
        ((4, 3), {"initialisation": "zero"}, "normal or kaiming"),
        ((4, 3), {"abundance_gain": 2}, "1 or batch_size"),
        ((4, 3), {"activation": "tanh"}, "leaky_relu or relu"),
        ((4, 3), {"latent": "mean"}, "without_dropout or with_dropout"),
    ],
)
def test_impossible_networks_are_refused(arguments, fields, words):
    with pytest.raises(ValueError, match=words):
        ContrastiveAutoencoder(*arguments, **fields)


def test_views_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        network().views(patches(3), patches(4))
