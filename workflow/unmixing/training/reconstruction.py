"""Training of CNNAEU on the reconstruction of one scene (paper sections 2.4 and 3.1.1).

RMSprop, a fixed number of epochs over patches drawn once per run, weights of the last epoch.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from unmixing.losses.angles import LOSSES
from unmixing.models.cnnaeu import CNNAEU
from unmixing.patches import cut_patches, random_corners
from unmixing.seeds import Streams, torch_generator
from unmixing.training.fitting import Estimate, OnEpoch, Optimisation, as_image, fit


@dataclass(frozen=True)
class Schedule:
    """How long and on what a run trains.

    Attributes:
        epochs: passes over the patches.
        patches: patches drawn per run.
        patch_size: side of a patch in pixels.
        batch_size: patches per update; the last batch of an epoch may be smaller.
        learning_rate: of RMSprop.
        precision: of the large convolutions, ``float32`` or ``bfloat16``.
    """

    epochs: int
    patches: int
    patch_size: int
    batch_size: int
    learning_rate: float
    precision: Literal["float32", "bfloat16"] = "float32"


def train(
    cube: np.ndarray,
    count: int,
    schedule: Schedule,
    fields: dict[str, str],
    streams: Streams,
    device: str = "cpu",
    on_epoch: OnEpoch | None = None,
    valid: np.ndarray | None = None,
) -> Estimate:
    """Train one run and return its estimates.

    Args:
        cube: (rows, columns, bands), reflectance of any scale.
        count: number of endmembers, K.
        schedule: length and sampling of the training.
        fields: training fields of the protocol (``BaselineProtocol.training``).
        streams: the run's random streams.
        device: ``cpu`` or ``cuda``.
        on_epoch: called after each epoch with its number, from 1, and its mean loss.
        valid: (rows, columns), which pixels were seen; None if all were.

    Returns:
        The estimates; a loss or a weight that is no longer finite ends the run as ``diverged``.

    Raises:
        UnmixingError: the scene is smaller than a patch, or holds values that are not finite.
    """
    rows, columns, bands = cube.shape
    image = as_image(cube, device)
    corners = random_corners(
        rows, columns, schedule.patch_size, schedule.patches, np.random.default_rng(streams.patches)
    )
    shuffling = np.random.default_rng(streams.shuffling)
    model = CNNAEU(
        bands,
        count,
        initialisation=torch_generator(streams.initialisation),
        dropout=torch_generator(streams.dropout, device),
        batch_norm=fields["batch_norm"],
        activation=fields["activation"],
        precision=schedule.precision,
    ).to(device)
    loss_function = LOSSES[fields["loss"]]

    def patches(_: int) -> Iterator[tuple[int, torch.Tensor]]:
        order = shuffling.permutation(schedule.patches)
        for start in range(0, schedule.patches, schedule.batch_size):
            chosen = order[start : start + schedule.batch_size]
            yield len(chosen), cut_patches(image, corners[chosen], schedule.patch_size)

    def whole_image(_: int) -> Iterator[tuple[int, torch.Tensor]]:
        for _ in range(math.ceil(schedule.patches / schedule.batch_size)):
            yield 1, image[None]

    return fit(
        model,
        patches if fields["input"] == "patches" else whole_image,
        lambda batch: loss_function(model(batch)[0], batch),
        Optimisation(schedule.epochs, schedule.learning_rate),
        image,
        valid,
        on_epoch,
    )
