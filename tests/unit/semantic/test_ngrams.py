import numpy as np
import pytest

from unmixing.errors import UnmixingError
from unmixing.semantic.names import spelling_similarity
from unmixing.semantic.ngrams import character_ngrams, ngram_vectors, random_vectors, word_vectors

NAMES = ["asphalt road", "asphalt shingle", "green grass", "dry grass", "kaolinite", "kaolin", "water", "snow"]


def cosines(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit @ unit.T


def test_ngrams_mark_both_ends_of_the_text():
    assert list(character_ngrams("Ab", (2,))) == [" a", "ab", "b "]
    assert list(character_ngrams("ab", (4, 5))) == [" ab "]


def test_hashed_ngrams_approach_the_exact_similarity_of_spelling_as_they_grow():
    exact = spelling_similarity(NAMES)
    upper = np.triu_indices(len(NAMES), 1)
    error = {
        size: np.sqrt(np.mean((cosines(ngram_vectors(NAMES, size)) - exact)[upper] ** 2)) for size in (64, 4096, 2**20)
    }
    assert error[64] > error[4096]
    assert error[4096] < 0.03
    assert error[2**20] < 1e-12


def test_words_count_and_their_parts_and_order_do_not():
    vectors = word_vectors(["roof tile", "tiles of a roof", "tile roof", "The Roof-Tiles", "rooftile", "roof"], 2048)
    similarity = cosines(vectors)
    assert similarity[0, 2] == pytest.approx(1)
    assert similarity[0, 3] == pytest.approx(1)
    assert similarity[0, 5] == pytest.approx(np.sqrt(0.5), abs=0.05)
    assert abs(similarity[0, 4]) < 0.1


def test_random_directions_share_nothing_but_one_text_in_two_spellings():
    texts = [*NAMES, "Asphalt Roads"]
    similarity = cosines(random_vectors(texts, 2048))
    assert similarity[0, -1] == pytest.approx(1)
    rest = similarity[:-1, :-1][np.triu_indices(len(NAMES), 1)]
    assert np.abs(rest).max() < 0.1
    assert np.abs(cosines(np.vstack([random_vectors(texts), random_vectors(texts, seed=1)]))[0, len(texts)]) < 0.2


def test_a_script_without_latin_letters_keeps_its_words_apart():
    for function in (word_vectors, random_vectors):
        assert abs(cosines(function(["道路", "草地"]))[0, 1]) < 0.2


def test_vectors_are_the_same_on_every_machine_and_in_every_release():
    # Written down once: stored anchors carry the hash of the recipe, which promises these numbers.
    assert np.flatnonzero(ngram_vectors(["ash"], 64)).tolist() == [2, 4, 12, 15, 16, 19, 51, 59, 62]
    assert word_vectors(["ash"], 12)[0].tolist() == [-1, 1, -1, 1, 1, -1, -1, -1, -1, -1, 1, -1]
    assert random_vectors(["ash"], 12)[0].tolist() == [1, 1, 1, 1, 1, 1, 1, -1, -1, 1, -1, 1]


@pytest.mark.parametrize("function", [ngram_vectors, word_vectors, random_vectors])
def test_shapes_hold_for_no_texts_and_for_a_dimension_that_is_no_multiple_of_eight(function):
    assert function([], 7).shape == (0, 7)
    assert function(["a", "b"], 13).shape == (2, 13)
    with pytest.raises(UnmixingError, match="give at least 1"):
        function(["a"], 0)
