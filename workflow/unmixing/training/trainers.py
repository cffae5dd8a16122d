"""From what a cell's numbers depend on to the training of one of its runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unmixing.seeds import Streams, run_streams
from unmixing.training.augmented import SweepArm, arm_record, train_augmented
from unmixing.training.fitting import Estimate, OnEpoch
from unmixing.training.reconstruction import Schedule, train


@dataclass(frozen=True)
class Trainer:
    """How the runs of one cell are made.

    Attributes:
        train: makes a run's estimate, given its index and an epoch callback.
        streams: returns a run's random streams.
        record: returns what a run's record keeps of its place in the phase's design.
    """

    train: Callable[[int, OnEpoch | None], Estimate]
    streams: Callable[[int], Streams]
    record: Callable[[int], dict[str, Any]]


def trainer(cell: Mapping[str, Any], cube: np.ndarray, valid: np.ndarray | None, count: int, scratch: Path) -> Trainer:
    """Return how the runs of a cell are made.

    Args:
        cell: phase, schedule, fields, entropy, scene, device and, in the sweep, the arm (``unmixing.cells.cell``).
        cube: (rows, columns, bands), the scene.
        valid: (rows, columns), which pixels were seen; None if all were.
        count: number of endmembers, K.
        scratch: folder for what does not fit into memory.
    """
    schedule, fields, device = Schedule(**cell["schedule"]), cell["fields"], cell["device"]
    if "arm" in cell:
        arm = SweepArm(**cell["arm"])

        def sweep_streams(run: int) -> Streams:
            return arm.streams(cell["entropy"], cell["scene"], run, fields)

        def sweep(run: int, on_epoch: OnEpoch | None = None) -> Estimate:
            streams = sweep_streams(run)
            return train_augmented(cube, count, schedule, fields, arm, streams, scratch, device, on_epoch, valid)

        def drawn(run: int) -> dict[str, Any]:
            return arm_record(arm, run, fields, arm.draw(cube.shape[0], cube.shape[1], sweep_streams(run), fields))

        return Trainer(sweep, sweep_streams, drawn)

    def streams(run: int) -> Streams:
        shared = fields["initial_weights"] == "shared"
        return run_streams(cell["entropy"], cell["scene"], run, initialisation=0 if shared else None)

    def baseline(run: int, on_epoch: OnEpoch | None = None) -> Estimate:
        return train(cube, count, schedule, fields, streams(run), device, on_epoch, valid)

    return Trainer(baseline, streams, lambda _: {})
