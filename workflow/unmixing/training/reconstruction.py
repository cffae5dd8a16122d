"""Training of CNNAEU on the reconstruction of one scene (paper sections 2.4 and 3.1.1).

RMSprop with Keras' decay .9 and its epsilon 1e-7 outside the root; fixed number of epochs; weights of the last
epoch. The scale of the loss meets that epsilon, so both are part of the protocol.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from unmixing.errors import UnmixingError
from unmixing.losses import LOSSES, sad_loss
from unmixing.models.cnnaeu import CNNAEU
from unmixing.patches import cut_patches, random_corners
from unmixing.seeds import Streams, torch_generator

RMSPROP_DECAY = 0.9
RMSPROP_EPSILON = 1e-7
LATE_EPOCHS = 20
"""Endmembers are kept for this many last epochs, so that their wandering can be measured."""


@dataclass(frozen=True)
class Schedule:
    """How long and on what a run trains.

    Attributes:
        epochs: passes over the patches.
        patches: patches drawn per run.
        patch_size: side of a patch in pixels.
        batch_size: patches per update; the last batch of an epoch may be smaller.
        learning_rate: of RMSprop.
    """

    epochs: int
    patches: int
    patch_size: int
    batch_size: int
    learning_rate: float


@dataclass(frozen=True)
class Estimate:
    """What a run leaves behind.

    Attributes:
        endmembers: (K, bands), of the last epoch; arbitrary scale.
        late_endmembers: (E, K, bands), of the last E <= 20 epochs.
        abundances: (rows, columns, K), of the whole scene in prediction mode.
        losses: (epochs,), mean training loss of each finished epoch.
        reconstruction_angle: mean spectral angle in radians between scene and reconstruction.
        updates: number of updates done.
        status: ``ok`` or ``diverged``; a diverged run has NaN estimates.
        reason: why it diverged.
    """

    endmembers: np.ndarray
    late_endmembers: np.ndarray
    abundances: np.ndarray
    losses: np.ndarray
    reconstruction_angle: float
    updates: int
    status: str = "ok"
    reason: str = ""


def relative_reflectance(cube: np.ndarray) -> np.ndarray:
    """Return the cube (rows, columns, bands) divided by its maximum, as the released code does.

    Raises:
        UnmixingError: a value is not finite, or none is positive.
    """
    if not np.isfinite(cube).all():
        raise UnmixingError(
            f"scene has {np.count_nonzero(~np.isfinite(cube))} values that are not finite: mask or mend them first"
        )
    maximum = float(cube.max())
    if maximum <= 0:
        raise UnmixingError("scene has no positive value: check its scale and its no-data value")
    return np.asarray(cube / maximum, dtype=np.float32)


def train(
    cube: np.ndarray,
    count: int,
    schedule: Schedule,
    fields: dict[str, str],
    streams: Streams,
    device: str = "cpu",
    on_epoch: Callable[[int, float], None] | None = None,
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

    Returns:
        The estimates; a loss or a weight that is no longer finite ends the run as ``diverged``.

    Raises:
        UnmixingError: the scene is smaller than a patch, or holds values that are not finite.
    """
    rows, columns, bands = cube.shape
    image = torch.from_numpy(relative_reflectance(cube)).permute(2, 0, 1).contiguous().to(device)
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
    ).to(device)
    loss_function = LOSSES[fields["loss"]]
    optimiser = torch.optim.RMSprop(
        model.parameters(), lr=schedule.learning_rate, alpha=RMSPROP_DECAY, eps=RMSPROP_EPSILON
    )
    losses: list[float] = []
    late: list[np.ndarray] = []
    updates = 0
    model.train()
    for epoch in range(1, schedule.epochs + 1):
        order = shuffling.permutation(schedule.patches)
        total = 0.0
        for start in range(0, schedule.patches, schedule.batch_size):
            chosen = order[start : start + schedule.batch_size]
            batch = cut_patches(image, corners[chosen], schedule.patch_size)
            optimiser.zero_grad(set_to_none=True)
            loss = loss_function(model(batch)[0], batch)
            torch.autograd.backward(loss)
            optimiser.step()
            model.project()
            updates += 1
            total += float(loss.detach()) * len(chosen)
        losses.append(total / schedule.patches)
        endmembers = model.endmembers().cpu().numpy()
        if not (math.isfinite(losses[-1]) and np.isfinite(endmembers).all()):
            return _diverged(cube.shape, count, losses, updates, f"loss or weights not finite in epoch {epoch}")
        if epoch > schedule.epochs - LATE_EPOCHS:
            late.append(endmembers)
        if on_epoch:
            on_epoch(epoch, losses[-1])
    model.eval()
    with torch.no_grad():
        reconstruction, abundances = model(image[None])
        angle = float(sad_loss(reconstruction, image[None]))
    return Estimate(
        endmembers=late[-1],
        late_endmembers=np.stack(late),
        abundances=abundances[0].permute(1, 2, 0).cpu().numpy(),
        losses=np.array(losses, dtype=np.float32),
        reconstruction_angle=angle,
        updates=updates,
    )


def _diverged(shape: tuple[int, ...], count: int, losses: list[float], updates: int, reason: str) -> Estimate:
    rows, columns, bands = shape
    return Estimate(
        endmembers=np.full((count, bands), np.nan, np.float32),
        late_endmembers=np.full((1, count, bands), np.nan, np.float32),
        abundances=np.full((rows, columns, count), np.nan, np.float32),
        losses=np.array(losses, dtype=np.float32),
        reconstruction_angle=math.nan,
        updates=updates,
        status="diverged",
        reason=reason,
    )
