"""Vectors of texts that know nothing of meaning: the controls of every claim that language helps.

Spelling alone names many materials ("-ite" is a mineral), so character n-grams are the control that matters; whole
words and plain chance are weaker ones. All are computed from hashes of the text: no weights, no state, and the same
numbers on every machine.
"""

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from unmixing.errors import UnmixingError
from unmixing.semantic.concepts import normalise, plain

Array = npt.NDArray[np.float64]

ORDERS = (2, 3, 4)
#: Hashed into this many numbers, cosines of 1131 material names and wordings differ from the exact ones by .015 (root
#: of the mean square); into 384 by .050, which costs the control some of its strength: predicting USGS spectra from
#: left-out names ranks .589 of the others behind the right one with 4096, .579 with 384, .594 without hashing.
NGRAM_DIMENSION = 4096
DIMENSION = 384


def character_ngrams(text: str, orders: Sequence[int] = ORDERS) -> Iterator[str]:
    """Yield the character n-grams of a text in lower case, a blank marking both ends.

    Args:
        text: any.
        orders: lengths of the n-grams; those longer than the text and its two blanks give none.
    """
    padded = f" {text.casefold()} "
    for order in orders:
        for start in range(len(padded) - order + 1):
            yield padded[start : start + order]


def ngram_vectors(texts: Sequence[str], dimension: int = NGRAM_DIMENSION, orders: Sequence[int] = ORDERS) -> Array:
    """Count character n-grams in hashed places.

    A second bit of each hash gives the sign, so that n-grams that share a place by chance cancel on average (feature
    hashing: Weinberger et al., ICML 2009, equation 2). Cosines approach those of ``names.spelling_similarity`` as the
    dimension grows.

    Args:
        texts: N texts.
        dimension: length d of the vectors.
        orders: lengths of the n-grams.

    Returns:
        (N, d) signed counts.

    Raises:
        UnmixingError: the dimension is not positive.
    """
    _check_dimension(dimension)
    result = np.zeros((len(texts), dimension))
    for row, text in enumerate(texts):
        for gram in character_ngrams(text, orders):
            number = int.from_bytes(hashlib.blake2b(gram.encode(), digest_size=8).digest(), "little")
            result[row, (number >> 1) % dimension] += 1.0 if number & 1 else -1.0
    return result


def word_vectors(texts: Sequence[str], dimension: int = DIMENSION) -> Array:
    """Add up one fixed direction for each word: texts are alike if they share whole words.

    Case, accents, hyphens, articles and the plural do not matter (``normalise``).

    Args:
        texts: N texts.
        dimension: length d of the vectors.

    Returns:
        (N, d).

    Raises:
        UnmixingError: the dimension is not positive.
    """
    _check_dimension(dimension)
    rows = [sum(_direction("word", word, dimension) for word in _key(text).split() or [""]) for text in texts]
    return np.asarray(rows, np.float64).reshape(len(texts), dimension)


def random_vectors(texts: Sequence[str], dimension: int = DIMENSION, seed: int = 0) -> Array:
    """Give each text a fixed direction of its own, unrelated to all others.

    Spellings that ``normalise`` takes for one text share it; nothing else does.

    Args:
        texts: N texts.
        dimension: length d of the vectors.
        seed: another seed gives other directions.

    Returns:
        (N, d), each number -1 or 1.

    Raises:
        UnmixingError: the dimension is not positive.
    """
    _check_dimension(dimension)
    rows = [_direction(f"text {seed}", _key(text), dimension) for text in texts]
    return np.asarray(rows, np.float64).reshape(len(texts), dimension)


def _direction(purpose: str, token: str, dimension: int) -> Array:
    """Signs from the bits of an extendable hash, which no release of a library can change."""
    bits = hashlib.shake_256(f"{purpose}\0{token}".encode()).digest(-(-dimension // 8))
    return np.asarray(np.unpackbits(np.frombuffer(bits, np.uint8))[:dimension] * 2.0 - 1.0, np.float64)


def _key(text: str) -> str:
    # Scripts without Latin letters normalise to nothing; they keep their own.
    return normalise(text) or " ".join(plain(text).split())


def _check_dimension(dimension: int) -> None:
    if dimension < 1:
        raise UnmixingError(f"dimension of text vectors is {dimension}: give at least 1")
