import dataclasses
import math

import numpy as np
import pytest
import torch

from unmixing.embeddings import (
    collapse_measures,
    effective_rank,
    mean_offdiagonal_cosine,
    normalised_loss,
    positive_minus_negative_cosine,
    share_of_zero_vectors,
)
from unmixing.errors import UnmixingError
from unmixing.losses import equal_similarity_value, target_entropy


def random_embeddings(count, width, seed=0):
    return np.random.default_rng(seed).normal(size=(count, width))


def test_mean_cosine_is_that_of_all_pairs_of_different_vectors():
    vectors = random_embeddings(7, 4)
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = [units[i] @ units[j] for i in range(7) for j in range(7) if i != j]
    assert mean_offdiagonal_cosine(vectors) == pytest.approx(np.mean(cosines), abs=1e-12)
    assert mean_offdiagonal_cosine(np.eye(5)) == pytest.approx(0)
    assert mean_offdiagonal_cosine(np.ones((5, 3)) * np.arange(1, 6)[:, None]) == pytest.approx(1)
    simplex = np.eye(6) - 1 / 6
    assert mean_offdiagonal_cosine(simplex) == pytest.approx(-1 / 5), "the smallest value that six vectors can have"


@pytest.mark.parametrize("rank", [1, 2, 5])
def test_effective_rank_counts_orthogonal_directions_in_equal_use(rank):
    directions = np.linalg.qr(random_embeddings(9, 9))[0][:rank]
    assert effective_rank(np.repeat(directions, 4, axis=0) * 3.0) == pytest.approx(rank)


def test_effective_rank_is_the_exponential_of_the_entropy_of_the_singular_values():
    # Nine vectors along one axis and one along another: singular values 3 and 1, shares .75 and .25.
    vectors = np.array([[1.0, 0.0]] * 9 + [[0.0, 2.0]])
    assert effective_rank(vectors) == pytest.approx(math.exp(-0.75 * math.log(0.75) - 0.25 * math.log(0.25)))


def test_centred_rank_sees_the_spread_that_a_common_mean_hides():
    # Vectors in one orthant, as behind a ReLU: close to their mean, and different in many directions.
    vectors = 10 + np.random.default_rng(0).normal(size=(40, 20))
    assert effective_rank(vectors) < 5
    assert effective_rank(vectors, centred=True) > 10
    assert math.isnan(effective_rank(np.ones((5, 3)), centred=True))


def test_positive_pairs_are_compared_with_all_pairs_of_different_patches():
    first, second = random_embeddings(4, 3), random_embeddings(4, 3, seed=1)
    units = [part / np.linalg.norm(part, axis=1, keepdims=True) for part in (first, second)]
    views = np.concatenate(units)
    positive = [units[0][n] @ units[1][n] for n in range(4)]
    negative = [views[i] @ views[j] for i in range(8) for j in range(8) if i % 4 != j % 4]
    expected = np.mean(positive) - np.mean(negative)
    assert positive_minus_negative_cosine(first, second) == pytest.approx(expected, abs=1e-12)
    assert positive_minus_negative_cosine(np.eye(4), 5 * np.eye(4)) == pytest.approx(1)
    assert positive_minus_negative_cosine(np.ones((4, 2)), np.ones((4, 2))) == pytest.approx(0)
    assert positive_minus_negative_cosine(np.eye(2), np.eye(2)[::-1]) == pytest.approx(-0.5)


def test_measures_do_not_depend_on_the_length_of_embeddings_and_are_computed_in_double_precision():
    first, second = random_embeddings(6, 5), random_embeddings(6, 5, seed=1)
    gains = 10.0 ** np.arange(-3, 3)[:, None]
    plain = dataclasses.astuple(collapse_measures(first, second))
    assert dataclasses.astuple(collapse_measures(first * gains, second)) == pytest.approx(plain)
    single = collapse_measures(torch.ones(6, 5) + 1e-4 * torch.eye(6, 5), torch.ones(6, 5))
    assert 0 < 1 - single.mean_cosine < 1e-7


def test_a_collapse_shows_in_every_measure():
    point = np.tile([0.3, 0.4, 0.5], (8, 1))
    collapsed = collapse_measures(point, 2 * point)
    assert collapsed.mean_cosine == pytest.approx(1)
    assert collapsed.effective_rank == pytest.approx(1)
    assert collapsed.positive_minus_negative == pytest.approx(0, abs=1e-12)
    assert collapsed.zero_share == 0
    healthy = collapse_measures(np.eye(8), np.eye(8))
    assert healthy.mean_cosine == pytest.approx(1 / 15), "each vector meets itself once among fifteen"
    assert healthy.effective_rank == pytest.approx(8)
    assert healthy.positive_minus_negative == pytest.approx(1)


def test_zero_vectors_are_counted_and_left_out_of_cosines():
    vectors = np.vstack([np.tile([1.0, 1.0], (3, 1)), np.zeros((1, 2)), np.full((1, 2), 1e-9)])
    assert share_of_zero_vectors(vectors) == pytest.approx(0.4)
    assert mean_offdiagonal_cosine(vectors) == pytest.approx(1), "dead vectors do not make a collapse look spread"
    assert effective_rank(vectors) == pytest.approx(1)
    second = np.vstack([np.tile([1.0, 1.0], (3, 1)), np.array([[1.0, 0.0], [0.0, 1.0]])])
    alone = positive_minus_negative_cosine(vectors[:3], second[:3])
    assert alone == pytest.approx(0, abs=1e-12)
    with_dead = positive_minus_negative_cosine(vectors, second)
    assert 0 < with_dead < 1 - 1 / math.sqrt(2)
    dead = collapse_measures(np.zeros((3, 2)), np.zeros((3, 2)))
    assert dead.zero_share == 1
    assert all(math.isnan(v) for v in (dead.mean_cosine, dead.effective_rank, dead.positive_minus_negative))


def test_one_patch_has_no_negatives():
    assert math.isnan(positive_minus_negative_cosine(np.ones((1, 3)), np.ones((1, 3))))
    assert math.isnan(mean_offdiagonal_cosine(np.ones((1, 3))))


def test_normalised_loss_runs_from_floor_to_equal_similarities():
    np.testing.assert_allclose(normalised_loss([1.0, 2.0, 3.0, 4.0], 1.0, 3.0), [0, 0.5, 1, 1.5])
    np.testing.assert_allclose(normalised_loss([2.0, 2.0], [0.0, 1.0], [4.0, 2.0]), [0.5, 1.0])


def test_normalised_loss_is_undefined_where_the_loss_can_say_nothing():
    assert np.isnan(normalised_loss(5.4, 5.4, 5.4))
    # At the grid's sigma of 10 and batches of 8 the whole range is 1e-6: the rounding of the loss itself.
    labels = torch.from_numpy(np.random.default_rng(0).dirichlet(np.ones(3), 8))
    floor, equal = target_entropy(labels, 8, 10.0, scaling="released"), equal_similarity_value(8, "released")
    assert np.isnan(normalised_loss(equal, floor, equal))
    floor = target_entropy(labels, 8, 1.0, scaling="released")
    assert normalised_loss(equal, floor, equal) == 1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: effective_rank(np.ones(4)), r"shape \(4,\); hand over one row"),
        (lambda: share_of_zero_vectors(np.ones((0, 3))), "shape"),
        (lambda: mean_offdiagonal_cosine([[1.0, np.nan]]), "1 of 2 values of the embeddings are not finite"),
        (lambda: collapse_measures(np.ones((2, 3)), np.ones((3, 3))), "two views have shapes"),
    ],
)
def test_impossible_embeddings_are_refused_in_one_line(call, words):
    with pytest.raises(UnmixingError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
