"""Which library spectra no training of the shipped model saw: a list of record ids that ships with the package.

The split deals spectra of all libraries at once, so that it cannot be found again where one of them is missing. The
list can: it says for every record on which side it was, and holds as long as the shipped recipe splits as it did.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from unmixing.errors import UnmixingError
from unmixing.semantic.library import Library, load_library
from unmixing.semantic.prompts import study_ontology
from unmixing.semantic.recipe import TrainingRecipe, read_recipe
from unmixing.semantic.splits import split_library
from unmixing.store import write_text

HELD_OUT_FILE = Path(__file__).parent / "data" / "held_out.yaml"
RECIPE_FILE = Path(__file__).parent / "data" / "models" / "small.yaml"
#: What of a recipe decides the split.
_DECIDING = ("split_seed", "modelled_water", "library_usgs")


def shipped_recipe() -> TrainingRecipe:
    """Return the recipe of the model that ships with the package."""
    return read_recipe(RECIPE_FILE)


def split_rows(library: Library, side: str, path: Path = HELD_OUT_FILE) -> npt.NDArray[np.bool_]:
    """Return which records of a library were on one side of the shipped model's split.

    Args:
        library: any of the sources that the model was trained with; other sources are on no side.
        side: ``train`` or ``test``.
        path: the list.

    Returns:
        (records,) bool.

    Raises:
        UnmixingError: the list is missing, knows no such side, or belongs to another split than the shipped recipe's.
    """
    try:
        document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        raise UnmixingError(f"{path}: no list of held-out spectra: install the package again") from None
    recipe = shipped_recipe()
    if any(document["split"].get(name) != getattr(recipe, name) for name in _DECIDING):
        raise UnmixingError(f"{path}: of another split than the shipped model's: write it anew (write_split)")
    if side not in document["records"]:
        raise UnmixingError(f"{path}: knows no side {side!r}: choose from {', '.join(document['records'])}")
    chosen = {
        f"{source}:{number}" for source, text in document["records"][side].items() for number in _numbers_of(text)
    }
    return np.asarray(library.records["record"].isin(chosen).to_numpy(), np.bool_)


def write_split(usgs: Path | None, path: Path = HELD_OUT_FILE) -> None:
    """Write the list for the shipped recipe.

    Args:
        usgs: the USGS library (``.sli``), where the recipe was trained with it.
        path: the list.

    Raises:
        UnmixingError: the recipe needs the USGS library and it is not given.
    """
    recipe = shipped_recipe()
    if recipe.library_usgs and usgs is None:
        raise UnmixingError("the shipped model was trained with the USGS library: give its .sli to write the split")
    library = load_library(
        study_ontology(), usgs=usgs if recipe.library_usgs else None, modelled_water=recipe.modelled_water
    )
    split = split_library(library, np.random.default_rng(recipe.split_seed))
    records: dict[str, dict[str, str]] = {}
    for side in ("train", "test"):
        names = split.loc[split["split"] == side, "record"].str.rpartition(":")
        records[side] = {
            str(source): _text_of(int(number) for number in part) for source, part in names[2].groupby(names[0])
        }
    document = {"split": {name: getattr(recipe, name) for name in _DECIDING}, "records": records}
    head = "# Records on the sides of the shipped model's split, by library; written by held_out.write_split.\n"
    write_text(path, head + yaml.safe_dump(document, width=110))


def _text_of(numbers: Iterable[int]) -> str:
    """Whole numbers as text, neighbours joined: "3-7 12"."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and parts[-1][1] == number - 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return " ".join(f"{first}-{last}" if last > first else f"{first}" for first, last in parts)


def _numbers_of(text: str) -> list[int]:
    numbers: list[int] = []
    for part in text.split():
        first, _, last = part.partition("-")
        numbers.extend(range(int(first), int(last or first) + 1))
    return numbers
