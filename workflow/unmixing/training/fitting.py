"""The training loop that all phases share, and what a run leaves behind.

Phases differ in their batches and in their objective; optimiser, epochs, late endmembers, early stopping and the
watch for divergence are the same everywhere.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

import numpy as np
import torch

from unmixing.errors import UnmixingError
from unmixing.losses.angles import sad_loss

RMSPROP_DECAY = 0.9
KERAS_EPSILON = 1e-7
LATE_EPOCHS = 20
"""Endmembers are kept for this many last epochs, so that their wandering can be measured."""

Batch = TypeVar("Batch")
OnEpoch = Callable[[int, float], None]


class Unmixer(Protocol):
    """What the loop asks of a model."""

    def train(self, mode: bool = True) -> object:
        """Enter training mode."""

    def eval(self) -> object:
        """Enter prediction mode."""

    def parameters(self) -> Iterable[torch.nn.Parameter]:
        """Return what is trained."""

    def project(self) -> None:
        """Bring the weights back to where they are allowed: done after each update."""

    def endmembers(self) -> torch.Tensor:
        """Return the endmembers (K, bands), of any scale."""

    def __call__(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return reconstruction (N, bands, rows, columns) and abundances (N, K, rows, columns)."""


@dataclass(frozen=True)
class Optimisation:
    """How weights are updated, and for how long.

    Attributes:
        epochs: passes over the batches, at most.
        learning_rate: of the optimiser.
        optimiser: ``rmsprop`` with Keras' decay .9, or ``adam``.
        epsilon: of the optimiser, outside the root; Keras' is 1e-7. The scale of the loss meets it, so both are part
            of the protocol.
        weight_decay: L2 term of Adam's gradient.
        accumulation: batches whose gradients are summed for one update.
        patience: epochs without an improvement of the training loss by ``least_gain`` that end a run; 0: never.
        least_gain: the smallest fall of the loss that counts as an improvement.
    """

    epochs: int
    learning_rate: float
    optimiser: Literal["rmsprop", "adam"] = "rmsprop"
    epsilon: float = KERAS_EPSILON
    weight_decay: float = 0.0
    accumulation: int = 1
    patience: int = 0
    least_gain: float = 1e-4

    def build(self, parameters: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer:
        """Return the optimiser of some parameters."""
        if self.optimiser == "rmsprop":
            return torch.optim.RMSprop(parameters, lr=self.learning_rate, alpha=RMSPROP_DECAY, eps=self.epsilon)
        return torch.optim.Adam(parameters, lr=self.learning_rate, eps=self.epsilon, weight_decay=self.weight_decay)


@dataclass(frozen=True)
class Estimate:
    """What a run leaves behind.

    Attributes:
        endmembers: (K, bands), of the last epoch; arbitrary scale.
        late_endmembers: (E, K, bands), of the last E <= 20 epochs.
        abundances: (rows, columns, K), of the whole scene in prediction mode.
        losses: (epochs,), mean training loss of each finished epoch.
        reconstruction_angle: mean spectral angle in radians between scene and reconstruction, over seen pixels.
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


def as_image(cube: np.ndarray, device: str = "cpu") -> torch.Tensor:
    """Return a cube (rows, columns, bands) as the image (bands, rows, columns) that a network sees.

    Divided by its maximum; the bands of a pixel stay side by side in memory.

    Raises:
        UnmixingError: a value is not finite, or none is positive.
    """
    return torch.from_numpy(np.ascontiguousarray(relative_reflectance(cube))).to(device).permute(2, 0, 1)


def fit(
    model: Unmixer,
    batches: Callable[[int], Iterable[tuple[int, Batch]]],
    objective: Callable[[Batch], torch.Tensor],
    optimisation: Optimisation,
    image: torch.Tensor,
    valid: np.ndarray | None = None,
    on_epoch: OnEpoch | None = None,
) -> Estimate:
    """Train a model and return what it estimates of a scene.

    Args:
        model: the network, on the device of the batches.
        batches: given an epoch's number, from 1, its batches, each with its weight in the epoch's mean loss.
        objective: the loss of a batch.
        optimisation: how and how long.
        image: (bands, rows, columns), the scene.
        valid: (rows, columns), which pixels of the scene were seen; None if all were.
        on_epoch: called after each epoch with its number and mean loss.

    Returns:
        The estimates, with the weights of the last epoch; a loss, a weight or an estimate that is no longer finite
        ends the run as ``diverged``.
    """
    optimiser = optimisation.build(model.parameters())
    optimiser.zero_grad(set_to_none=True)
    losses: list[float] = []
    late: deque[np.ndarray] = deque(maxlen=LATE_EPOCHS)
    steps = updates = waited = 0
    best = math.inf
    model.train()
    for epoch in range(1, optimisation.epochs + 1):
        total = weight = 0.0
        for size, batch in batches(epoch):
            loss = objective(batch)
            torch.autograd.backward(loss)
            steps += 1
            total += float(loss.detach()) * size
            weight += size
            if steps % optimisation.accumulation == 0:
                optimiser.step()
                optimiser.zero_grad(set_to_none=True)
                model.project()
                updates += 1
        losses.append(total / weight)
        late.append(model.endmembers().cpu().numpy())
        if not (math.isfinite(losses[-1]) and np.isfinite(late[-1]).all()):
            return diverged(image, late, losses, updates, f"loss or weights not finite in epoch {epoch}")
        if on_epoch:
            on_epoch(epoch, losses[-1])
        if losses[-1] < best - optimisation.least_gain:
            best, waited = losses[-1], 0
        else:
            waited += 1
        if optimisation.patience and waited >= optimisation.patience:
            break
    abundances, angle = describe_scene(model, image, valid)
    if not (math.isfinite(angle) and np.isfinite(abundances).all()):
        return diverged(image, late, losses, updates, "abundances or reconstruction of the scene not finite")
    return Estimate(late[-1], np.stack(late), abundances, np.array(losses, np.float32), angle, updates)


def describe_scene(model: Unmixer, image: torch.Tensor, valid: np.ndarray | None = None) -> tuple[np.ndarray, float]:
    """Return a model's abundances (rows, columns, K) of a scene, and its mean angle in radians over seen pixels."""
    model.eval()
    with torch.no_grad():
        reconstruction, abundances = model(image[None])
        seen = torch.ones(image.shape[1:], dtype=torch.bool) if valid is None else torch.from_numpy(valid)
        seen = seen.to(image.device)
        angle = sad_loss(reconstruction[0].permute(1, 2, 0)[seen], image.permute(1, 2, 0)[seen])
    return abundances[0].permute(1, 2, 0).cpu().numpy(), float(angle)


def diverged(
    image: torch.Tensor, late: Iterable[np.ndarray], losses: list[float], updates: int, reason: str
) -> Estimate:
    """Return what is left of a run that diverged: its losses, its updates and why."""
    bands, rows, columns = image.shape
    count = len(next(iter(late)))
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
