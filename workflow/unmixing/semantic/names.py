"""Materials named in the titles of the USGS library, and the held-out names of the test of language.

A title such as ``Kaolinite CM9 s06av18a_b`` is a material, a sample's code, remarks and the marks of the
spectrometer. The material is its first word (the first two where the table says so), read through the reviewed table
``data/usgs_names.csv``; what the table does not know is a mixture if the word holds a plus sign, a stroke or a
digit, and otherwise unreviewed. Unreviewed materials have spectra but no name.
"""

import csv
import functools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from unmixing.errors import UnmixingError

NAMES_FILE = Path(__file__).parent / "data" / "usgs_names.csv"

_MARKS = re.compile(r"\s+s0\d\w*$")
_MIXTURE_WORD = re.compile(r"[+/\d]")
#: Fractions of another material in the code of a sample: ``mSnw3+0.5_veg``.
_MIXTURE_CODE = re.compile(r"\+\s*0?\.\d+\s*_?\s*[a-z]{3}", re.IGNORECASE)
_DRY = re.compile(r"\b(dry|dried)\b", re.IGNORECASE)
_SENESCENT = re.compile(r"(yellow|sep\d\d|oct\d\d)", re.IGNORECASE)
#: One sample was measured in several grain sizes (GDS70.a), pieces (CU91-217H1), months (Spurge-A1-Jul98), strengths
#: (SWy-2+0.5g/l), or stages (the melting series mSnw...): all of them are one specimen.
_PARTS = (
    re.compile(r"(?<=\w)[.;+].*$"),
    re.compile(r"-[A-Z][a-z]{2}\d\d$"),
    re.compile(r"(?<=\d)-?[A-Za-z]\d*$"),
    re.compile(r"(?<=^mSnw)\d*$"),
)


@dataclass(frozen=True)
class MaterialName:
    """One row of the reviewed table.

    Attributes:
        words: how many words of the title make up the material.
        name: readable name; "" where the material is no good for one.
        kind: mineral, rock, soil, burned, water, snow, artificial or vegetation.
        family: group within the kind; what is left out together in the test of language.
        reason: why it has no name, or "".
    """

    words: int
    name: str
    kind: str
    family: str
    reason: str


@dataclass(frozen=True)
class Title:
    """A title of the USGS library, read.

    Attributes:
        name: readable name of the material, "" where it has none.
        kind: see ``MaterialName``.
        family: see ``MaterialName``.
        state: "", or ``dry``, ``senescent``, ``mixture``, ``unreviewed``, or another reason for having no name.
        specimen: code of the specimen, shared by all its measurements.
    """

    name: str
    kind: str
    family: str
    state: str
    specimen: str


@functools.cache
def load_names() -> Mapping[str, MaterialName]:
    """Return the reviewed table by the first word of the titles.

    Raises:
        UnmixingError: the table holds a word twice, or a name without kind or family.
    """
    table: dict[str, MaterialName] = {}
    with NAMES_FILE.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            word, usable = row["title_word"], row["usable"] == "yes"
            if word in table or usable != bool(row["name"] and row["kind"] and row["family"]):
                raise UnmixingError(f"{NAMES_FILE}: {word!r} stands twice or is incomplete: correct its row")
            table[word] = MaterialName(int(row["words"]), row["name"], row["kind"], row["family"], row["reason"])
    return MappingProxyType(table)


def parse_title(title: str) -> Title:
    """Read one title of the USGS library.

    Args:
        title: such as ``Lodgepole-Pine LP-Needles-1 s06av18a_a``; a number that made it unique is ignored.
    """
    words = _MARKS.sub("", re.sub(r"\s+\(\d+\)$", "", title.strip())).split()
    if not words:
        return Title("", "", "", "unreviewed", title)
    known = load_names().get(words[0])
    count = known.words if known else 1
    code = words[count] if len(words) > count else " ".join(words)
    specimen = code
    for part in _PARTS:
        specimen = part.sub("", specimen) or specimen
    if known is None:
        return Title("", "", "", "mixture" if _MIXTURE_WORD.search(words[0]) else "unreviewed", specimen)
    rest = " ".join(words[count:])
    state = known.reason
    if _MIXTURE_CODE.search(rest):
        state = "mixture"
    elif known.kind == "vegetation" and _DRY.search(rest):
        state = "dry"
    elif known.kind == "vegetation" and known.family != "flower" and _SENESCENT.search(rest):
        state = "senescent"
    return Title(known.name, known.kind, known.family, state, specimen)


def spelling_similarity(names: Sequence[str]) -> npt.NDArray[np.float64]:
    """Return how alike names are spelled: the cosine of their counts of character n-grams (n = 2, 3, 4).

    Args:
        names: N names; case is ignored, a blank marks both ends.

    Returns:
        (N, N), 1 on the diagonal, 0 for names without a common n-gram.
    """
    counts = [
        Counter(f" {name.casefold()} "[at : at + n] for n in (2, 3, 4) for at in range(len(name) + 3 - n))
        for name in names
    ]
    column = {gram: index for index, gram in enumerate(sorted(set().union(*counts)))} if counts else {}
    table = np.zeros((len(counts), len(column)))
    for row, count in enumerate(counts):
        for gram, number in count.items():
            table[row, column[gram]] = number
    unit = table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-300)
    return np.asarray(unit @ unit.T, np.float64)


def distinct_names(names: Sequence[str], limit: float = 0.5) -> tuple[str, ...]:
    """Return names of which no two are spelled alike, so that spelling alone cannot carry an answer over.

    Of two alike the earlier one is kept.

    Args:
        names: in order of preference, for instance by falling number of spectra.
        limit: largest similarity (see ``spelling_similarity``) between two names that are kept.
    """
    similarity = spelling_similarity(names)
    kept: list[int] = []
    for index in range(len(names)):
        if not (similarity[index, kept] > limit).any():
            kept.append(index)
    return tuple(names[index] for index in kept)
