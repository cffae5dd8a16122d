import math

import numpy as np
import pytest
import torch

from unmixing.losses import (
    count_zero_embeddings,
    epoch_equal_similarity_value,
    equal_similarity_value,
    generalized_nt_xent,
    generalized_target,
    info_nce,
    metadata_aware_info_nce,
    nt_xent,
    target_entropy,
    unit_vectors,
)
from unmixing.losses.contrastive import _info_nce_of_printed_equation_8

TEMPERATURES = [0.01, 0.1, 1.0, 10.0]


def embeddings(patches, width=6, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(patches, width, generator=generator, dtype=dtype) for _ in range(2))


def abundances(patches, endmembers=3, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).dirichlet(np.ones(endmembers), patches))


def cosine(a, b):
    a, b = a.tolist(), b.tolist()
    product = math.fsum(x * y for x, y in zip(a, b, strict=True))
    return product / math.sqrt(math.fsum(x * x for x in a) * math.fsum(y * y for y in b))


def log_share(anchor, candidates, chosen, temperature):
    """Logarithm of one candidate's share, written out."""
    similarities = [cosine(anchor, candidate) / temperature for candidate in candidates]
    largest = max(similarities)
    return similarities[chosen] - largest - math.log(math.fsum(math.exp(s - largest) for s in similarities))


def gaussian(a, b, sigma):
    # Equation 20 letter by letter: one kernel for each endmember, multiplied.
    return math.prod(math.exp(-((x - y) ** 2) / (2 * sigma**2)) for x, y in zip(a.tolist(), b.tolist(), strict=True))


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_info_nce_is_equation_6_with_the_temperature_once(temperature):
    z_i, z_j = embeddings(5)
    expected = -sum(log_share(z_i[i], z_j, i, temperature) for i in range(5)) / 5
    assert float(info_nce(z_i, z_j, temperature)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("sigma", [0.1, 0.5, 10.0])
def test_metadata_aware_info_nce_is_equation_8_with_its_index_restored(sigma):
    (z_i, z_j), labels = embeddings(5), abundances(5)
    expected = 0.0
    for i in range(5):
        weights = [gaussian(labels[k], labels[i], sigma) for k in range(5)]
        expected -= sum(weights[k] / sum(weights) * log_share(z_i[i], z_j, k, 0.5) for k in range(5)) / 5
    assert float(metadata_aware_info_nce(z_i, z_j, labels, 0.5, sigma)) == pytest.approx(expected, rel=1e-9)


def test_equation_8_as_printed_is_equation_6():
    (z_i, z_j), labels = embeddings(7), abundances(7)
    printed = _info_nce_of_printed_equation_8(z_i, z_j, labels, 0.2, 0.3)
    assert float(printed) == pytest.approx(float(info_nce(z_i, z_j, 0.2)), rel=1e-14)
    assert float(metadata_aware_info_nce(z_i, z_j, labels, 0.2, 0.3)) != pytest.approx(float(printed), rel=0.01)


def test_a_narrow_kernel_turns_equation_8_into_equation_6():
    (z_i, z_j), labels = embeddings(6), abundances(6)
    narrow = metadata_aware_info_nce(z_i, z_j, labels, 0.1, 1e-4)
    assert float(narrow) == pytest.approx(float(info_nce(z_i, z_j, 0.1)), rel=1e-12)


def test_a_wide_kernel_asks_for_all_second_views_alike():
    (z_i, z_j), labels = embeddings(6), abundances(6)
    uniform = -sum(log_share(z_i[i], z_j, k, 0.1) for i in range(6) for k in range(6)) / 36
    assert float(metadata_aware_info_nce(z_i, z_j, labels, 0.1, 1e6)) == pytest.approx(uniform, rel=1e-9)


def test_equation_8_takes_labels_of_their_own_for_each_view():
    (z_i, z_j), labels = embeddings(4), abundances(8)
    expected = 0.0
    for i in range(4):
        weights = [gaussian(labels[4 + k], labels[i], 0.3) for k in range(4)]
        expected -= sum(weights[k] / sum(weights) * log_share(z_i[i], z_j, k, 0.5) for k in range(4)) / 4
    assert float(metadata_aware_info_nce(z_i, z_j, labels, 0.5, 0.3)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_nt_xent_counts_the_other_views_of_both_sides(temperature):
    z_i, z_j = embeddings(4)
    views = torch.cat([z_i, z_j])
    expected = 0.0
    for i in range(8):
        others = [views[j] for j in range(8) if j != i]
        positive = (i + 4) % 8
        expected -= log_share(views[i], others, positive - (positive > i), temperature) / 8
    assert float(nt_xent(z_i, z_j, temperature)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("patches", [2, 8, 30])
def test_nt_xent_and_its_gradient_agree_with_a_published_implementation(temperature, patches):
    # Imported here, because it takes seconds and a single test needs it.
    from pytorch_metric_learning.losses import NTXentLoss

    ours, theirs = ([part.requires_grad_() for part in embeddings(patches, seed=patches)] for _ in range(2))
    loss = nt_xent(*ours, temperature)
    reference = NTXentLoss(temperature=temperature)(torch.cat(theirs), torch.arange(patches).repeat(2))
    loss.backward()
    reference.backward()
    assert float(loss.detach()) == pytest.approx(float(reference.detach()), rel=1e-9)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine.grad, other.grad, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("sigma", [0.1, 1.0])
def test_generalized_loss_is_equation_20_in_both_scalings(sigma):
    (z_i, z_j), labels = embeddings(4), abundances(4, endmembers=5)
    views, both = torch.cat([z_i, z_j]), torch.cat([labels, labels])
    total = 0.0
    for i in range(8):
        others = [j for j in range(8) if j != i]
        weights = [gaussian(both[i], both[j], sigma) for j in others]
        shares = [log_share(views[i], views[others], at, 0.3) for at in range(7)]
        total -= sum(w * s for w, s in zip(weights, shares, strict=True)) / sum(weights)
    assert float(generalized_nt_xent(z_i, z_j, labels, 0.3, sigma)) == pytest.approx(total / 8, rel=1e-9)
    released = generalized_nt_xent(z_i, z_j, labels, 0.3, sigma, "rbf", "released")
    assert float(released) == pytest.approx(total / 4, rel=1e-9)


def test_dot_kernel_multiplies_abundances():
    labels = abundances(4)
    target = generalized_target(labels, 4, 1.0, "dot")
    both = torch.cat([labels, labels])
    weights = np.array([[math.prod((both[i] * both[j]).tolist()) * (i != j) for j in range(8)] for i in range(8)])
    np.testing.assert_allclose(target, weights / weights.sum(axis=1, keepdims=True), rtol=1e-12)


def test_joint_normalisation_lets_views_with_many_neighbours_weigh_more():
    labels = torch.tensor([[0.0, 1.0], [0.01, 0.99], [1.0, 0.0]]).double()
    both = torch.cat([labels, labels])
    weights = np.array([[gaussian(both[i], both[j], 0.2) * (i != j) for j in range(6)] for i in range(6)])
    joint = generalized_target(labels, 3, 0.2, normalisation="joint")
    np.testing.assert_allclose(joint, 6 * weights / weights.sum(), rtol=1e-12)
    assert float(joint[0].sum()) > 2 * float(joint[2].sum())
    z_i, z_j = embeddings(3)
    by_row = generalized_nt_xent(z_i, z_j, labels, 0.1, 0.2)
    together = generalized_nt_xent(z_i, z_j, labels, 0.1, 0.2, normalisation="joint")
    assert float(together) != pytest.approx(float(by_row), rel=0.01)
    # A mean over views whatever the weights: equal similarities give the same value.
    constant = torch.ones(3, 2).double()
    assert float(generalized_nt_xent(constant, constant, labels, 0.1, 0.2, normalisation="joint")) == pytest.approx(
        equal_similarity_value(3)
    )


def test_joint_normalisation_compares_views_without_a_near_neighbour_with_those_that_have_one():
    # Labels of their own for each view: the first view of patch 1 lies 3 kernel widths from everything.
    labels = torch.tensor([[0.0], [0.3], [0.0], [0.0]]).double()
    weights = np.array([[gaussian(labels[i], labels[j], 0.1) * (i != j) for j in range(4)] for i in range(4)])
    joint = generalized_target(labels, 2, 0.1, normalisation="joint")
    np.testing.assert_allclose(joint, 4 * weights / weights.sum(), rtol=1e-12)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_a_narrow_kernel_turns_the_generalized_loss_into_nt_xent_and_released_into_twice_that(temperature):
    (z_i, z_j), labels = embeddings(30), abundances(30, endmembers=4)
    expected = nt_xent(z_i, z_j, temperature)
    assert float(generalized_nt_xent(z_i, z_j, labels, temperature, 1e-4)) == pytest.approx(float(expected), rel=1e-12)
    released = generalized_nt_xent(z_i, z_j, labels, temperature, 1e-4, scaling="released")
    assert float(released) == pytest.approx(2 * float(expected), rel=1e-12)


def test_a_wide_kernel_gives_every_other_view_the_same_weight():
    target = generalized_target(abundances(8), 8, 1e5)
    expected = (1 - torch.eye(16).double()) / 15
    torch.testing.assert_close(target, expected, rtol=1e-6, atol=0)
    # The released grid's sigma of 1 is already wide: the true positive has 1/15 = 6.7 % there, and little more here.
    of_positive = generalized_target(abundances(8), 8, 1.0)[torch.arange(8), torch.arange(8) + 8]
    assert float(of_positive.max()) < 0.09


def test_coinciding_labels_share_the_target_at_a_narrow_kernel():
    # 10 of 30 patches are the same pure material; the other 20 lie 20 kernel widths and more apart.
    labels = torch.zeros(30, 2).double()
    labels[10:, 0] = torch.linspace(0.2, 4.0, 20).double()
    labels[:, 1] = 1 - labels[:, 0]
    target = generalized_target(labels, 30, 0.01)
    assert float(target[0, 1]) == pytest.approx(1 / 19)
    assert float(target[0, 0]) == 0
    assert float(target[15, 45]) == pytest.approx(1)
    assert target_entropy(labels, 30, 0.01) == pytest.approx(20 * math.log(19) / 60)
    assert target_entropy(labels, 30, 0.01, scaling="released") == pytest.approx(20 * math.log(19) / 30)


def test_narrow_kernels_do_not_underflow():
    # exp(-d^2 / 2 sigma^2) is 1e-87 and 1e-174 here: zero in single precision, but their order is not.
    labels = torch.tensor([[0.0], [0.5], [0.2], [0.2 * math.sqrt(2)]])
    target = generalized_target(labels, 2, 0.01)
    exponents = -((labels[0] - labels[1:, 0].double()) ** 2) / (2 * 0.01**2)
    torch.testing.assert_close(target[0, 1:], torch.softmax(exponents, 0))
    assert float(target[0, 2]) == pytest.approx(1)


def test_a_view_without_any_neighbour_is_asked_for_its_own_patch():
    (z_i, z_j), own_labels = embeddings(6), abundances(12)
    target = generalized_target(own_labels, 6, 1e-4)
    assert torch.equal(target, torch.eye(12).double().roll(6, dims=1))
    loss = generalized_nt_xent(z_i, z_j, own_labels, 0.1, 1e-4)
    assert float(loss) == pytest.approx(float(nt_xent(z_i, z_j, 0.1)), rel=1e-12)
    # Pure pixels: every product over endmembers holds a zero.
    pure = torch.eye(3).repeat(2, 1)
    for normalisation in ("rows", "joint"):
        loss = generalized_nt_xent(z_i, z_j, pure, 0.1, 1.0, "dot", normalisation=normalisation)
        assert float(loss) == pytest.approx(float(nt_xent(z_i, z_j, 0.1)), rel=1e-12)


def test_one_label_for_a_patch_equals_the_same_label_for_both_views():
    (z_i, z_j), labels = embeddings(5), abundances(5)
    shared = generalized_nt_xent(z_i, z_j, labels, 0.1, 0.2)
    assert torch.equal(shared, generalized_nt_xent(z_i, z_j, torch.cat([labels, labels]), 0.1, 0.2))
    # Labels of other patches of the batch give another loss: their order carries the meaning (audit item A2).
    assert float(shared) != pytest.approx(float(generalized_nt_xent(z_i, z_j, labels.flip(0), 0.1, 0.2)), rel=1e-3)


@pytest.mark.parametrize("patches", [1, 2, 60])
@pytest.mark.parametrize("temperature", [0.01, 10.0])
def test_single_precision_keeps_values_and_gradients_at_every_temperature_and_batch(patches, temperature):
    labels = abundances(patches)
    for loss in (
        lambda a, b: info_nce(a, b, temperature),
        lambda a, b: metadata_aware_info_nce(a, b, labels, temperature, 0.01),
        lambda a, b: nt_xent(a, b, temperature),
        lambda a, b: generalized_nt_xent(a, b, labels, temperature, 0.01, scaling="released"),
    ):
        results = []
        for dtype in (torch.float64, torch.float32):
            views = [part.to(dtype).requires_grad_() for part in embeddings(patches, seed=3)]
            value = loss(*views)
            value.backward()
            results.append((float(value.detach()), views[0].grad.double()))
        (exact, slope), (value, gradient) = results
        assert math.isfinite(value)
        assert value == pytest.approx(exact, rel=1e-5, abs=1e-5)
        torch.testing.assert_close(gradient, slope, rtol=1e-3, atol=1e-5 / temperature)


def test_a_single_patch_has_nothing_to_tell_apart():
    z_i, z_j = (part.requires_grad_() for part in embeddings(1))
    loss = generalized_nt_xent(z_i, z_j, abundances(1), 0.01, 0.01) + nt_xent(z_i, z_j, 0.01) + info_nce(z_i, z_j, 0.01)
    loss.backward()
    assert float(loss.detach()) == 0
    assert torch.equal(z_i.grad, torch.zeros_like(z_i))


@pytest.mark.parametrize("temperature", [0.01, 10.0])
def test_dead_embeddings_give_finite_gradients_and_are_counted(temperature):
    z_i, z_j = embeddings(4, dtype=torch.float32)
    z_i[1] = 0
    z_j[2] = 1e-20
    z_i.requires_grad_()
    loss = generalized_nt_xent(z_i, z_j, abundances(4), temperature, 0.1)
    loss.backward()
    assert math.isfinite(float(loss.detach()))
    assert torch.isfinite(z_i.grad).all()
    assert torch.equal(z_i.grad[1], torch.zeros(6)), "a vector without direction cannot be turned"
    assert z_i.grad[0].abs().sum() > 0
    assert count_zero_embeddings(z_i) == 1
    assert count_zero_embeddings(torch.cat([z_i, z_j])) == 2
    assert torch.equal(unit_vectors(z_i.detach()).norm(dim=1) > 0.5, torch.tensor([True, False, True, True]))


def test_all_dead_embeddings_have_the_value_of_equal_similarities():
    dead = torch.zeros(8, 4, requires_grad=True)
    loss = nt_xent(dead, dead, 0.01)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(math.log(15))
    assert torch.isfinite(dead.grad).all()


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("sigma", [0.01, 1.0, 10.0])
def test_every_equiangular_set_has_the_value_of_a_single_point(temperature, sigma):
    patches, labels = 8, abundances(8)
    point = torch.ones(patches, 3).double()
    simplex = torch.eye(2 * patches).double() - 1 / (2 * patches)
    expected = math.log(2 * patches - 1)
    assert equal_similarity_value(patches) == pytest.approx(expected)
    for z_i, z_j in ((point, point), (simplex[:patches], simplex[patches:])):
        assert float(nt_xent(z_i, z_j, temperature)) == pytest.approx(expected)
        assert float(generalized_nt_xent(z_i, z_j, labels, temperature, sigma)) == pytest.approx(expected)
        released = generalized_nt_xent(z_i, z_j, labels, temperature, sigma, scaling="released")
        assert float(released) == pytest.approx(equal_similarity_value(patches, "released"))
    assert float(info_nce(point, point, temperature)) == pytest.approx(math.log(patches))


def test_equal_similarity_value_of_an_epoch_counts_each_batch_once():
    # Audit item A7: 31 batches of 8 and one of 2; 8 of 30 and one of 10. Figures 9a and 10a stand at 5.315.
    assert epoch_equal_similarity_value(250, 8, "released") == pytest.approx(5.3155, abs=5e-5)
    assert epoch_equal_similarity_value(250, 30, "released") == pytest.approx(7.9033, abs=5e-5)
    assert epoch_equal_similarity_value(250, 8) == pytest.approx(5.3155 / 2, abs=5e-5)
    assert epoch_equal_similarity_value(240, 8) == pytest.approx(math.log(15))
    assert epoch_equal_similarity_value(3, 8) == pytest.approx(math.log(5))
    assert equal_similarity_value(1, "released") == 0


def test_the_entropy_of_the_target_is_reached_and_is_not_a_collapse():
    # At sigma 1 nearly orthogonal embeddings attain the floor: the minimiser is no constant (audit item A7).
    labels = abundances(4, seed=5)
    floor, equal = target_entropy(labels, 4, 1.0), equal_similarity_value(4)
    views = [part.requires_grad_() for part in embeddings(4, width=12, seed=1)]
    optimiser = torch.optim.LBFGS(views, max_iter=150, tolerance_grad=1e-12, tolerance_change=1e-14)

    def closure():
        optimiser.zero_grad()
        loss = generalized_nt_xent(*views, labels, 1.0, 1.0)
        loss.backward()
        return loss

    optimiser.step(closure)
    assert floor <= float(closure().detach()) <= floor + 0.02 * (equal - floor)
    assert float(unit_vectors(views[0]).detach().matmul(unit_vectors(views[1]).detach().T).mean()) < 0.5


def test_well_separated_positives_bring_nt_xent_to_its_floor_of_zero():
    directions = torch.eye(6)
    assert float(nt_xent(directions, directions, 0.01)) == pytest.approx(0, abs=1e-6)
    # At temperature 10 the same embeddings are still near the value of equal similarities.
    assert float(nt_xent(directions, directions, 10.0)) > 0.95 * equal_similarity_value(6)


def test_joint_floor_is_the_conditional_entropy():
    labels = torch.tensor([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0]]).double()
    # Four coinciding views have three equal neighbours each, two have one: weights 12 and 2 of 14.
    assert target_entropy(labels, 3, 1e-3, normalisation="joint") == pytest.approx(12 / 14 * math.log(3))
    assert target_entropy(labels, 3, 1e-3) == pytest.approx(4 / 6 * math.log(3))


def test_labels_carry_no_gradient():
    z_i, z_j = embeddings(4)
    labels = abundances(4).requires_grad_()
    z_i.requires_grad_()
    loss = generalized_nt_xent(z_i, z_j, labels, 0.1, 0.3) + metadata_aware_info_nce(z_i, z_j, labels, 0.1, 0.3)
    loss.backward()
    assert labels.grad is None


def test_gradients_by_finite_differences():
    labels = abundances(3)
    views = tuple(part.requires_grad_() for part in embeddings(3, width=4))
    assert torch.autograd.gradcheck(lambda a, b: info_nce(a, b, 0.5), views)
    assert torch.autograd.gradcheck(lambda a, b: metadata_aware_info_nce(a, b, labels, 0.5, 0.3), views)
    assert torch.autograd.gradcheck(lambda a, b: nt_xent(a, b, 0.5), views)
    assert torch.autograd.gradcheck(lambda a, b: generalized_nt_xent(a, b, labels, 0.5, 0.3), views)


VIEWS = embeddings(3)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: nt_xent(VIEWS[0], VIEWS[1][:2], 1.0), r"\(3, 6\) and \(2, 6\)"),
        (lambda: nt_xent(torch.ones(0, 2), torch.ones(0, 2), 1.0), r"one shape \(N, D\)"),
        (lambda: info_nce(*VIEWS, 0.0), "temperature is above 0"),
        (lambda: info_nce(*VIEWS, math.nan), "temperature is above 0"),
        (lambda: generalized_nt_xent(*VIEWS, abundances(4), 1.0, 1.0), r"\(3 or 6, K\), not \(4, 3\)"),
        (lambda: generalized_nt_xent(*VIEWS, abundances(3)[0], 1.0, 1.0), r"need labels"),
        (lambda: metadata_aware_info_nce(*VIEWS, abundances(3), 1.0, -1.0), "sigma is above 0"),
        (lambda: generalized_nt_xent(*VIEWS, abundances(3), 1.0, 1.0, "linear"), "rbf or dot"),
        (lambda: generalized_nt_xent(*VIEWS, -abundances(3), 1.0, 1.0, "dot"), "not negative"),
        (lambda: generalized_nt_xent(*VIEWS, abundances(3), 1.0, 1.0, scaling="sum"), "described or released"),
        (lambda: generalized_target(abundances(3), 3, 1.0, normalisation="all"), "rows or joint"),
        (lambda: equal_similarity_value(0), "at least one patch"),
        (lambda: epoch_equal_similarity_value(250, 0), "at least 1"),
    ],
)
def test_impossible_arguments_are_refused_in_one_line(call, words):
    with pytest.raises(ValueError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
