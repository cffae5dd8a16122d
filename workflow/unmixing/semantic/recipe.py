"""Recipes of trainings: all that decides a model's weights, in one file, with its hash."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from unmixing.errors import UnmixingError
from unmixing.semantic.latents import MixtureRecipe
from unmixing.store import write_text

#: Library spectra of a prompt that a pixel chooses from, and the ridge of that choice: the smallest error, over a flat
#: range of both, on mixtures of a library that neither means nor spectra came from.
SPECTRA, RIDGE = 20, 2e-5
#: Amplitude of the bent copies of a prompt's mean beside them, which help most where a prompt has few spectra.
BEND = 0.5


@dataclass(frozen=True)
class TrainingRecipe:
    """How a model is trained.

    Attributes:
        size: key of ``model.SIZES``.
        seed: of weights, data and order; the same recipe on the same machine gives the same weights.
        steps: number of updates.
        batch: pixels of an update.
        learning_rate: of AdamW at its highest; it rises over the first twentieth and falls along a cosine to zero.
        weight_decay: of AdamW, for matrices.
        contrastive_share: share of the updates, at the beginning, that only tell materials apart.
        divergence_share: share of the later updates that solve with the divergence instead of the tilt.
        abundance_weight: of that loss beside the others.
        positives: ``soft`` shares or the ``dominant`` material alone as target of the contrastive loss.
        anchors: family of the shipped anchors.
        modelled_water: number of modelled water spectra in the library.
        library_usgs: whether the USGS library is part of it.
        split_seed: of the split into training, validation and test.
        spectra: number of library spectra of a prompt that pixels choose from (``appearances``).
        ridge: of that choice.
        bend: amplitude of bent copies of a prompt's mean beside them; 0 for none.
        sharpness: factor on 1/t in use, beside that choice: a classifier is surer of spectra like those it was trained
            with than of others.
        trust_tilt: factor on the learned weight of the tilt in use, beside that choice.
        trust_divergence: the same of the divergence. All three were chosen on mixtures of a library that neither
            training nor the spectra to choose from came from.
        mixtures: what is drawn.
    """

    size: str = "S"
    seed: int = 0
    steps: int = 1600
    batch: int = 256
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    contrastive_share: float = 0.1
    divergence_share: float = 0.4
    abundance_weight: float = 2.0
    positives: str = "soft"
    anchors: str = "minilm"
    modelled_water: int = 60
    library_usgs: bool = True
    split_seed: int = 0
    spectra: int = SPECTRA
    ridge: float = RIDGE
    bend: float = BEND
    sharpness: float = 0.5
    trust_tilt: float = 0.01
    trust_divergence: float = 0.05
    mixtures: MixtureRecipe = field(default_factory=MixtureRecipe)

    def __post_init__(self) -> None:
        """Refuse values outside their range.

        Raises:
            UnmixingError: names the value.
        """
        checks = {
            "steps": self.steps >= 1,
            "batch": self.batch >= 2,
            "learning_rate": 0 < self.learning_rate < 1,
            "weight_decay": 0 <= self.weight_decay < 1,
            "contrastive_share": 0 <= self.contrastive_share < 1,
            "divergence_share": 0 <= self.divergence_share <= 1,
            "abundance_weight": self.abundance_weight > 0,
            "positives": self.positives in ("soft", "dominant"),
            "modelled_water": self.modelled_water >= 0,
            "spectra": self.spectra >= 1,
            "ridge": 0 < self.ridge < 1,
            "bend": 0 <= self.bend < 1,
            "sharpness": 0 < self.sharpness <= 1,
            "trust_tilt": 0 < self.trust_tilt <= 1,
            "trust_divergence": 0 < self.trust_divergence <= 1,
        }
        for name, good in checks.items():
            if not good:
                raise UnmixingError(f"training recipe: {name} = {getattr(self, name)!r} is out of range: correct it")


def read_recipe(path: str | Path) -> TrainingRecipe:
    """Read a recipe; keys that are left out have their defaults.

    Raises:
        UnmixingError: the file is missing, is no YAML, or has an unknown key or a value out of range.
    """
    try:
        given = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as fault:
        raise UnmixingError(f"{path}: cannot be read ({' '.join(str(fault).split())[:120]}): check the file") from None
    return recipe_of(given or {}, str(path))


def recipe_of(given: object, where: str = "recipe") -> TrainingRecipe:
    """Return the recipe of a mapping.

    Raises:
        UnmixingError: a key is unknown, or a value is of the wrong kind or out of range.
    """
    values = _known(given, TrainingRecipe, where)
    if "mixtures" in values:
        mixtures = _known(values["mixtures"], MixtureRecipe, f"{where}: mixtures")
        lists = {name: tuple(value) if isinstance(value, list) else value for name, value in mixtures.items()}
        values["mixtures"] = _made(MixtureRecipe, lists, where)
    result: TrainingRecipe = _made(TrainingRecipe, values, where)
    return result


def recipe_values(recipe: TrainingRecipe) -> dict[str, Any]:
    """Return a recipe as plain values; ``recipe_of`` reads them back."""
    values: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(recipe)))
    return values


def estimator_values(recipe: TrainingRecipe) -> dict[str, float]:
    """Return what a recipe says of the fit of library spectra and of the prior beside it."""
    names = ("spectra", "ridge", "bend", "sharpness", "trust_tilt", "trust_divergence")
    return {name: float(getattr(recipe, name)) for name in names}


def recipe_sha256(recipe: TrainingRecipe) -> str:
    """Hash a recipe."""
    return hashlib.sha256(json.dumps(recipe_values(recipe), sort_keys=True).encode()).hexdigest()


def write_recipe(recipe: TrainingRecipe, path: Path) -> None:
    """Write a recipe as YAML, all keys told."""
    write_text(path, yaml.safe_dump(recipe_values(recipe), sort_keys=False))


def _known(given: object, kind: type, where: str) -> dict[str, Any]:
    names = {item.name for item in dataclasses.fields(kind)}
    if not isinstance(given, dict) or not set(given) <= names:
        unknown = sorted(set(given) - names) if isinstance(given, dict) else given
        raise UnmixingError(f"{where}: {unknown!r} is not known: use {', '.join(sorted(names))}")
    return dict(given)


def _made(kind: type, values: dict[str, Any], where: str) -> Any:  # noqa: ANN401 -- an instance of kind
    try:
        return kind(**values)
    except TypeError as fault:
        raise UnmixingError(f"{where}: a value is of the wrong kind ({fault}): correct it") from None
