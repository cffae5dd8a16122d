import hashlib
from pathlib import Path

import arms
import numpy as np
import plain_port
import pytest
import torch

from unmixing.losses.angles import sad_loss
from unmixing.models.cnnaeu import CNNAEU
from unmixing.patches import cut_patches
from unmixing.training.fitting import Optimisation, as_image, fit

HASH = "f8df5a0b772e504bdb81ed3b4bec4e81bed9f05644a9ff1a64abdfbb52b3b31f"


@pytest.fixture(autouse=True)
def _leaves_torch_as_it_was():
    before = torch.get_deterministic_debug_mode()
    yield
    torch.set_deterministic_debug_mode(before)


def _cube(rows, columns, bands):
    return np.random.default_rng(3).random((rows, columns, bands), dtype=np.float32)


def _network(bands, count):
    return CNNAEU(
        bands,
        count,
        initialisation=torch.Generator().manual_seed(1),
        dropout=torch.Generator().manual_seed(2),
    )


def test_the_yardstick_has_not_changed():
    content = Path(plain_port.__file__).read_bytes()
    assert hashlib.sha256(content).hexdigest() == HASH, "ratios measured before and after do not compare"


@pytest.mark.parametrize(("bands", "count", "size"), [(31, 3, 20), (18, 12, 16), (40, 4, 40)])
def test_loss_and_all_gradients_are_the_library_s(bands, count, size):
    ours = _network(bands, count).train()
    plain = arms.plain_twin(ours).train()
    plain.encoder[3] = plain.encoder[7] = arms_dropout = ours.dropout
    image = as_image(_cube(50, 45, bands))
    corners = np.array([[0, 0], [7, 5], [9, 2]])
    losses = []
    for network, loss in ((ours, sad_loss), (plain, plain_port.angle)):
        arms_dropout.generator.manual_seed(2)
        patches = cut_patches(image, corners, size)
        value = loss(network(patches)[0], patches)
        value.backward()
        losses.append(float(value.detach()))
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    for mine, theirs in arms.parameter_pairs(ours, plain):
        assert theirs.grad.abs().max() > 0
        assert (mine.grad - theirs.grad).abs().max() <= 1e-5 * theirs.grad.abs().max()


def test_every_parameter_has_its_twin():
    ours = _network(6, 2)
    plain = arms.plain_twin(ours)
    pairs = arms.parameter_pairs(ours, plain)
    assert {id(a) for a, _ in pairs} == {id(p) for p in ours.parameters()}
    assert {id(b) for _, b in pairs} == {id(p) for p in plain.parameters()}
    assert all(torch.equal(a, b) for a, b in pairs)
    ours_of, plain_of = arms.Library(_cube(9, 9, 6), ours, 8), arms.Plain(_cube(9, 9, 6), plain, 8)
    np.testing.assert_allclose(plain_of.endmembers(), ours_of.endmembers(), atol=1e-7)


def test_the_two_plain_losses_are_one_function():
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.rand(2, 30, 5, 4, generator=generator) for _ in range(2))
    assert float(plain_port.angle(x, y)) == pytest.approx(float(plain_port.cosine_angle(x, y)), rel=1e-6)
    assert float(plain_port.angle(x, y)) == pytest.approx(float(sad_loss(x, y)), rel=1e-6)


def test_both_cut_the_same_patches():
    cube = _cube(12, 11, 5)
    corners = np.array([[0, 3], [4, 2]])
    ours = cut_patches(as_image(cube), corners, 7)
    assert torch.equal(ours, plain_port.cut(as_image(cube).contiguous(), corners.tolist(), 7))


def test_the_timed_update_is_the_one_that_training_does():
    cube, batches = _cube(20, 20, 9), [np.array([[0, 0], [3, 4]]), np.array([[8, 1], [2, 2]])]
    timed, trained = _network(9, 3), _network(9, 3)
    arm = arms.Library(cube, timed, 12)
    losses = [arm.step(corners) for corners in batches]
    image = as_image(cube)
    estimate = fit(
        trained,
        lambda _: ((2, cut_patches(image, corners, 12)) for corners in batches),
        lambda batch: sad_loss(trained(batch)[0], batch),
        Optimisation(epochs=1, learning_rate=arms.LEARNING_RATE),
        image,
    )
    assert np.float32(np.mean(losses)) == estimate.losses[0]
    for mine, theirs in zip(timed.parameters(), trained.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_the_plain_update_moves_all_weights_and_keeps_the_decoder_non_negative():
    plain = plain_port.PlainCNNAEU(7, 2)
    before = [parameter.detach().clone() for parameter in plain.parameters()]
    loss = arms.Plain(_cube(20, 20, 7), plain, 14).step(np.array([[1, 1], [5, 6]]))
    assert 0 < loss < np.pi
    assert all((now != then).any() for now, then in zip(plain.parameters(), before, strict=True))
    assert plain.decoder.weight.min() == 0
