"""What experiments on scenes are given: the scene, its references and prompts, and the library for its bands."""

import functools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xarray as xr

from unmixing.evaluation import References, references
from unmixing.scenes.dataset import open_scene
from unmixing.seeds import seed_sequence, torch_seed
from unmixing.semantic.label_fractions import label_references
from unmixing.semantic.library import Library, load_library
from unmixing.semantic.ontology import Ontology
from unmixing.semantic.prompts import ScenePrompt, load_scene_prompts, parse_prompts, study_ontology
from unmixing.semantic.scene_library import SceneLibrary, scene_library

#: Why a scene has no rows.
NOT_NAMED = "no prompts are fixed for it; a scene of your own needs labels, and prompts by class"

Mask = npt.NDArray[np.bool_]

#: The USGS library splib06 on AVIRIS bands, in the folder of libraries.
USGS_FILE = "usgs_splib06_av18a.sli"
#: Modelled spectra of water that stand beside earthlib, which has none: as many as the shipped model was trained with.
MODELLED_WATER = 60


@dataclass(frozen=True)
class NamedScene:
    """A scene whose materials have prompts.

    Attributes:
        scene: id.
        data: the scene as it lies on disk.
        known: its references.
        prompts: one for each material of the references, in their order.
    """

    scene: str
    data: xr.Dataset
    known: References
    prompts: tuple[ScenePrompt, ...]

    @property
    def texts(self) -> list[str]:
        """The prompts as a model is asked."""
        return [prompt.prompt for prompt in self.prompts]

    @property
    def seen(self) -> Mask:
        """(rows, columns) pixels with data."""
        shape = self.known.cube.shape[:2]
        return np.ones(shape, bool) if self.known.valid is None else self.known.valid

    def library(self, library: Library, ontology: Ontology, kept: tuple[int, ...] | None = None) -> SceneLibrary:
        """Return the library of the prompts, or of those of some materials, on the scene's bands."""
        chosen = range(len(self.prompts)) if kept is None else kept
        return scene_library(library, ontology, [self.prompts[k].concept for k in chosen], self.known.wavelength)


@functools.cache
def library_at_hand(libraries: Path | None) -> Library:
    """Return the spectra of all libraries at hand; read once.

    Args:
        libraries: folder with ``USGS_FILE``; without it there are earthlib and modelled water.
    """
    usgs = None if libraries is None else libraries / USGS_FILE
    found = usgs if usgs is not None and usgs.is_file() else None
    return load_library(study_ontology(), usgs=found, modelled_water=MODELLED_WATER)


def read_named_scene(scene: str, path: Path) -> NamedScene | None:
    """Open a scene; None if there are no prompts for the materials of its references.

    Raises:
        UnmixingError: a prompt of a scene of the user's own names no concept, or does not fit its labels.
    """
    prompts, data = load_scene_prompts(), open_scene(path)
    if scene in prompts:
        return NamedScene(scene, data, references(data), prompts[scene])
    if "label_fraction" not in data:
        return None
    known = label_references(data, json.loads(data.attrs["prompts"]))
    resolved = parse_prompts(known.names, study_ontology())
    own = zip(known.names, resolved, strict=True)
    return NamedScene(scene, data, known, tuple(ScenePrompt(prompt, prompt, found.concept.id) for prompt, found in own))


def lattice(shape: tuple[int, ...], stride: int) -> Mask:
    """Return (rows, columns) True in every ``stride``-th row and column, the first included."""
    rows, columns = (np.arange(size) % stride == 0 for size in shape[:2])
    return np.asarray(rows[:, None] & columns[None, :], bool)


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """Return the generator that a path of names addresses in this study."""
    return np.random.default_rng(seed_sequence(seed, "semantic", *names))


def entropy(seed: int, *names: str | int) -> int:
    """Return a number from which functions that take one derive their draws."""
    return torch_seed(seed_sequence(seed, "semantic", *names))
