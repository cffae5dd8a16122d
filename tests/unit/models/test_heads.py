import pytest
import torch
from torch import nn

from unmixing.models.heads import HEADS, describe, projection_head


def latent(endmembers=4, patches=5):
    return torch.softmax(torch.randn(patches, endmembers, generator=torch.Generator().manual_seed(7)), dim=1)


@pytest.mark.parametrize(
    ("head", "variant", "words", "width"),
    [
        ("baseline", "equation", "4 → 128 → ReLU → 64 → ReLU", 64),
        ("low_dimensional", "equation", "4 → 64 → ReLU", 64),
        ("skip", "equation", "(unchanged) + (4 → 4 → ReLU)", 4),
        ("bottleneck", "equation", "4 → 256 → ReLU → 64 → ReLU", 64),
        ("deeper", "equation", "4 → 256 → ReLU → 128 → ReLU → 64 → ReLU", 64),
        ("identity", "equation", "unchanged", 4),
        ("baseline", "code", "4 → 128 → ReLU → 64", 64),
        ("low_dimensional", "code", "4 → 64 → ReLU → 64", 64),
        ("skip", "code", "(4 → 64) + (4 → 128 → ReLU → 64)", 64),
        ("bottleneck", "code", "4 → 256 → ReLU → 64 → ReLU → 128", 128),
        ("deeper", "code", "4 → 256 → ReLU → 128 → ReLU → 64", 64),
        ("identity", "code", "unchanged", 4),
    ],
)
def test_layers_are_those_of_the_equations_and_of_the_code(head, variant, words, width):
    built = projection_head(head, 4, variant)
    assert describe(built) == words
    projected = built(latent())
    assert projected.shape == (5, width)
    if variant == "equation":
        assert float(projected.detach().min()) >= 0, "the equations end in a ReLU, or add one to abundances"
    elif head != "identity":
        assert float(projected.detach().min()) < 0


def test_the_description_is_read_from_the_module():
    head = projection_head("baseline", 3)
    head[2] = nn.Linear(128, 32)
    head[3] = nn.Tanh()
    assert describe(head) == "3 → 128 → ReLU → 32 → Tanh"
    assert describe(nn.Linear(3, 9)) == "3 → 9"


def test_the_skip_of_equation_10_adds_the_latent_vector_itself():
    head = projection_head("skip", 4)
    with torch.no_grad():
        head.layers[0].weight.copy_(-torch.eye(4))
    assert torch.equal(head(latent()), latent()), "nothing passes the ReLU, so the latent vector is left"
    with torch.no_grad():
        head.layers[0].weight.copy_(2 * torch.eye(4))
    torch.testing.assert_close(head(latent()), 3 * latent())


def test_the_skip_of_the_code_adds_two_layers():
    head = projection_head("skip", 4, "code")
    z = latent()
    expected = head.layers[2](torch.relu(head.layers[0](z))) + z @ head.shortcut.weight.T
    torch.testing.assert_close(head(z), expected)


@pytest.mark.parametrize("variant", ["equation", "code"])
@pytest.mark.parametrize("head", HEADS)
def test_weights_are_xavier_uniform_from_the_stream_handed_in(head, variant):
    first, second = (projection_head(head, 6, variant, torch.Generator().manual_seed(4)) for _ in range(2))
    torch.rand(3)
    other = projection_head(head, 6, variant, torch.Generator().manual_seed(5))
    layers = [module for module in first.modules() if isinstance(module, nn.Linear)]
    assert bool(layers) == (head != "identity")
    for layer in layers:
        bound = (6 / (layer.in_features + layer.out_features)) ** 0.5
        largest = float(layer.weight.detach().abs().max())
        assert 0.75 * bound < largest <= bound
        assert not layer.bias.detach().any()
    for mine, same, different in zip(first.parameters(), second.parameters(), other.parameters(), strict=True):
        assert torch.equal(mine, same)
        assert mine.ndim == 1 or not torch.equal(mine, different)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("wide", 3), "one of baseline, low_dimensional"),
        (("skip", 3, "paper"), "equation or code"),
        (("skip", 0), "one"),
    ],
)
def test_unknown_heads_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        projection_head(*arguments)
