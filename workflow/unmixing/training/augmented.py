"""Training of CNNAEU on augmented images of one scene (paper sections 2.4 and 3.1.2; the sweep).

``described`` changes the baseline in one thing: patches are drawn, anew in each epoch, over the augmented images in
place of the scene, for as many updates. ``released`` runs another pipeline (audit items B1 to B6).
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from unmixing.augmentation.treatments import Parameters, arm_of, draw_parameters
from unmixing.losses.angles import sad_loss
from unmixing.models.cnnaeu import CNNAEU, SOFTMAX_SCALE
from unmixing.patches import random_corners
from unmixing.protocol.baseline import PROTOCOLS as BASELINE_PROTOCOLS
from unmixing.seeds import Streams, run_streams, torch_generator
from unmixing.training.fitting import Estimate, OnEpoch, Optimisation, as_image, fit
from unmixing.training.image_sets import ImageSet, grid_corners
from unmixing.training.reconstruction import Schedule, train

CONTROL_BASELINE = "control_baseline"
DYNAMIC, UNSEEDED, SEEDED = REGIMES = ("dynamic_unseeded", "fixed_unseeded", "fixed_seeded")

SWEEP_LEARNING_RATE = 0.001
SWEEP_PATIENCE = 10
CHUNK = 1000
"""The released code shuffles patches within chunks of this many."""


@dataclass(frozen=True)
class SweepArm:
    """One arm of the sweep.

    Attributes:
        treatment: key of ``unmixing.augment.TREATMENTS``.
        regime: ``dynamic_unseeded``, ``fixed_unseeded`` or ``fixed_seeded`` (Table 4).
        images: augmented images of a run.
        image_sets: sets of images that the runs of a fixed regime are nested in; 0 in the dynamic one.
        initialisations: sets of initial weights that the runs of the seeded regime are nested in; 0 in the others.
    """

    treatment: str
    regime: str
    images: int
    image_sets: int
    initialisations: int

    def stream(self, run: int) -> int:
        """Return the index that a run's patches, shuffling, dropout and own weights derive from.

        The same for every treatment, so that arms are compared in pairs; another one in each regime, so that
        regimes pool as independent blocks.
        """
        return run * len(REGIMES) + REGIMES.index(self.regime)

    def image_set(self, run: int) -> int | None:
        """Return the index of the image set that a run shares with others, None if it has its own."""
        return run % self.image_sets if self.regime != DYNAMIC else None

    def initialisation(self, run: int, fields: Mapping[str, Any]) -> int | None:
        """Return the index of the set of initial weights that a run shares with others, None if it has its own."""
        if fields["initial_weights"] == "shared":
            return 0
        return self.stream(run % self.initialisations) if self.regime == SEEDED else None

    def streams(self, entropy: int, scene: str, run: int, fields: Mapping[str, Any]) -> Streams:
        """Return the random streams of a run."""
        shared = self.image_set(run)
        images = ("run", run) if shared is None else ("set", shared)
        weights = self.initialisation(run, fields)
        return run_streams(entropy, scene, self.stream(run), weights, (self.treatment, *images))

    def draw(self, rows: int, columns: int, streams: Streams, fields: Mapping[str, Any]) -> list[Parameters]:
        """Return the parameters of a run's images."""
        rng = np.random.default_rng(streams.augmentation)
        return draw_parameters(self.treatment, self.images, rows, columns, rng, fields, arm=arm_of(self.images))


def train_augmented(
    cube: np.ndarray,
    count: int,
    schedule: Schedule,
    fields: Mapping[str, Any],
    arm: SweepArm,
    streams: Streams,
    scratch: Path,
    device: str = "cpu",
    on_epoch: OnEpoch | None = None,
    valid: np.ndarray | None = None,
) -> Estimate:
    """Train one run of the sweep and return its estimates of the scene itself.

    Args:
        cube: (rows, columns, bands), reflectance of any scale.
        count: number of endmembers, K.
        schedule: of the baseline; its number of updates holds for every arm, unless the recipe is the released one,
            which stops early and takes the epochs as a limit.
        fields: training fields of the protocol (``AugmentationProtocol.training``).
        arm: treatment, regime and number of images.
        streams: the run's random streams (``SweepArm.streams``).
        scratch: folder for images that do not fit into memory.
        device: ``cpu`` or ``cuda``.
        on_epoch: called after each epoch with its number, from 1, and its mean loss.
        valid: (rows, columns), which pixels were seen; None if all were.

    Returns:
        The estimates; ``diverged`` as in the baseline.

    Raises:
        UnmixingError: the scene is smaller than a patch or than a kernel, or holds values that are not finite.
    """
    released = fields["recipe"] == "sweep"
    if arm.treatment == CONTROL_BASELINE:
        baseline = BASELINE_PROTOCOLS["released" if released else "described"].training()
        return train(cube, count, schedule, baseline, streams, device, on_epoch, valid)
    rows, columns, bands = cube.shape
    image = as_image(cube, device)
    parameters = arm.draw(rows, columns, streams, fields)
    sampler = _Sampler(schedule, fields, arm.images, (rows, columns), streams)
    model = CNNAEU(
        bands,
        count,
        initialisation=torch_generator(streams.initialisation),
        dropout=torch_generator(streams.dropout, device),
        softmax_scale=1.0 if released else SOFTMAX_SCALE,
        precision=schedule.precision,
    ).to(device)
    gains = torch.tensor([float(drawn.get("alpha", 1.0)) for drawn in parameters], device=device)
    images = ImageSet(image, parameters, scratch)

    def batches(_: int) -> Iterator[tuple[int, tuple[torch.Tensor, torch.Tensor | None]]]:
        for chosen, corners in sampler.epoch():
            gain = gains[torch.from_numpy(chosen)] if fields["undo_jitter"] else None
            yield len(chosen), (images.patches(chosen, corners, schedule.patch_size), gain)

    def objective(batch: tuple[torch.Tensor, torch.Tensor | None]) -> torch.Tensor:
        patches, gain = batch
        if gain is None:
            return sad_loss(model(patches)[0], patches)
        return sad_loss(model.decode(model.encode(patches) * gain[:, None, None, None]), patches)

    optimisation = Optimisation(sampler.epochs, schedule.learning_rate)
    if released:
        pairs = fields["accumulation"] == "pairs_of_90" and arm_of(arm.images) == 90
        optimisation = Optimisation(
            schedule.epochs,
            SWEEP_LEARNING_RATE,
            optimiser="adam",
            accumulation=2 if pairs else 1,
            patience=SWEEP_PATIENCE,
        )
    try:
        return fit(model, batches, objective, optimisation, image, valid, on_epoch)
    finally:
        images.close()


class _Sampler:
    """Which patches each batch of each epoch holds."""

    def __init__(
        self, schedule: Schedule, fields: Mapping[str, Any], images: int, shape: tuple[int, int], streams: Streams
    ) -> None:
        self.schedule = schedule
        self.images = images
        self.shape = shape
        self.places = np.random.default_rng(streams.patches)
        self.shuffling = np.random.default_rng(streams.shuffling)
        self.shuffle = fields["shuffle"] == "always" or arm_of(images) == 90
        self.grid = grid_corners(*shape, schedule.patch_size) if fields["patches"] == "corner_grid" else None
        per_epoch = schedule.patches if self.grid is None else images * len(self.grid)
        # Another number of patches changes the length of an epoch, not the number of updates.
        self.left = schedule.epochs * math.ceil(schedule.patches / schedule.batch_size)
        self.epochs = math.ceil(self.left / math.ceil(per_epoch / schedule.batch_size))
        if fields["recipe"] == "sweep":
            self.left = schedule.epochs * math.ceil(per_epoch / schedule.batch_size)

    def epoch(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield for each batch the images (N,) and the corners (N, 2) of its patches."""
        chosen, corners = self._random() if self.grid is None else self._of_grid(self.grid)
        for start in range(0, len(chosen), self.schedule.batch_size):
            if not self.left:
                return
            self.left -= 1
            part = slice(start, start + self.schedule.batch_size)
            yield chosen[part], corners[part]

    def _random(self) -> tuple[np.ndarray, np.ndarray]:
        count = self.schedule.patches
        chosen = self.places.integers(0, self.images, count)
        return chosen, random_corners(*self.shape, self.schedule.patch_size, count, self.places)

    def _of_grid(self, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        chosen = np.repeat(np.arange(self.images), len(grid))
        corners = np.tile(grid, (self.images, 1))
        if self.shuffle:
            parts = np.split(np.arange(len(chosen)), range(CHUNK, len(chosen), CHUNK))
            order = np.concatenate([self.shuffling.permutation(part) for part in parts])
            chosen, corners = chosen[order], corners[order]
        return chosen, corners


def arm_record(arm: SweepArm, run: int, fields: Mapping[str, Any], parameters: list[Parameters]) -> dict[str, Any]:
    """Return what a run's record keeps of its arm: factors that runs are nested in, and what was drawn."""
    image_set, initialisation = arm.image_set(run), arm.initialisation(run, fields)
    return {
        **asdict(arm),
        "stream": arm.stream(run),
        "image_set": -1 if image_set is None else image_set,
        "initialisation": -1 if initialisation is None else initialisation,
        "drawn": parameters,
    }
