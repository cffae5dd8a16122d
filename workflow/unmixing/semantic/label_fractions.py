"""Label fractions as references: Houston 2018 and Indian Pines, where a user has them.

A class label says what a pixel is, not how much of it. Averaged over blocks it becomes a fraction (``scenes.labels``),
called label fraction and never abundance. Classes become materials by prompts; a class that is no material (cars,
trains, stadium seats) has none, and a block that holds it has no fractions.
"""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from unmixing.errors import UnmixingError
from unmixing.evaluation import References


def label_references(scene: xr.Dataset, prompts: Mapping[str, str]) -> References:
    """Turn the label fractions of a scene into references.

    Args:
        scene: of ``scenes.labels.label_scene``, its cube averaged over the same blocks.
        prompts: class name to prompt; several classes may share one, and a class may be absent.

    Returns:
        Fractions as ``abundances``, in the convention ``areal``; ``names`` are the prompts in the order in which they
        are first named. ``valid`` are fully labelled blocks, whatever coverage the scene was made with, without a class
        that has no prompt; elsewhere fractions are zero.

    Raises:
        UnmixingError: the scene has no label fractions, a name is none of its classes, fewer than two prompts are
            left, or no block is fully labelled.
    """
    if "label_fraction" not in scene:
        raise UnmixingError(f"scene {scene.attrs.get('id', '')!r} has no label fractions: make them with its label map")
    fractions = scene["label_fraction"].to_numpy().astype(np.float64)
    coverage = scene["label_coverage"].to_numpy().astype(np.float64)
    classes = [str(name) for name in scene["label_name"].to_numpy()]
    unknown = [name for name in prompts if name not in classes]
    if unknown:
        raise UnmixingError(f"class {unknown[0]!r} is none of the scene's: choose from {', '.join(classes)}")
    wanted = tuple(dict.fromkeys(prompts.values()))
    if len(wanted) < 2:
        raise UnmixingError(f"label fractions of {len(wanted)} prompts say nothing about mixing: name at least two")
    shares = np.zeros((*coverage.shape, len(wanted)))
    other = np.zeros(coverage.shape)
    for number, name in enumerate(classes):
        if name in prompts:
            shares[..., wanted.index(prompts[name])] += fractions[..., number]
        else:
            other += fractions[..., number]
    labelled = (coverage >= 1 - 1e-6) & np.isfinite(shares).all(axis=2)
    used = labelled & (np.where(np.isfinite(other), other, 1.0) < 1e-6)
    if not used.any():
        raise UnmixingError(
            f"no block is labelled throughout with classes that have a prompt ({int(labelled.sum())} are labelled): "
            f"take smaller blocks, or name more prompts"
        )
    shares[~used] = 0.0
    return References(
        cube=scene["cube"].to_numpy(),
        wavelength=scene["wavelength"].to_numpy(),
        names=list(wanted),
        endmembers=None,
        abundances=shares,
        convention="areal",
        valid=used,
    )
