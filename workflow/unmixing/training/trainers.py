"""From what a cell's numbers depend on to the training of one of its runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from unmixing.seeds import Streams, run_streams
from unmixing.training.augmented import SweepArm, arm_record, train_augmented
from unmixing.training.contrastive import (
    ContrastivePoint,
    ContrastiveSchedule,
    contrastive_streams,
    point_record,
    train_contrastive,
)
from unmixing.training.fitting import Estimate, OnEpoch
from unmixing.training.label_maps import StageOne, label_maps
from unmixing.training.reconstruction import Schedule, train


@dataclass(frozen=True)
class Trainer:
    """How the runs of one cell are made.

    Attributes:
        train: makes a run's estimate, given its index and an epoch callback; and curves over its epochs, by name.
        streams: returns a run's random streams.
        record: returns what a run's record keeps of its place in the phase's design.
    """

    train: Callable[[int, OnEpoch | None], tuple[Estimate, Mapping[str, np.ndarray]]]
    streams: Callable[[int], Streams]
    record: Callable[[int], dict[str, Any]]


@dataclass(frozen=True)
class Labels:
    """What labels of the contrastive phase may be cut from.

    Attributes:
        references: (rows, columns, K), the scene's abundances, or None.
        stage1: the baseline of the scene, or None.
    """

    references: np.ndarray | None = None
    stage1: StageOne | None = None


def trainer(
    cell: Mapping[str, Any],
    cube: np.ndarray,
    valid: np.ndarray | None,
    count: int,
    scratch: Path,
    labels: Labels | None = None,
) -> Trainer:
    """Return how the runs of a cell are made.

    Args:
        cell: phase, schedule, fields, entropy, scene, device and, in the sweep, the arm, in the contrastive phases
            the point (``unmixing.cells.cell``).
        cube: (rows, columns, bands), the scene.
        valid: (rows, columns), which pixels were seen; None if all were.
        count: number of endmembers, K.
        scratch: folder for what does not fit into memory.
        labels: for the contrastive phases.

    Raises:
        UnmixingError: a point is impossible, or its labels are not at hand.
    """
    if "point" in cell:
        return _contrastive_trainer(cell, cube, valid, count, labels or Labels())
    schedule, fields, device = Schedule(**cell["schedule"]), cell["fields"], cell["device"]
    if "arm" in cell:
        arm = SweepArm(**cell["arm"])

        def sweep_streams(run: int) -> Streams:
            return arm.streams(cell["entropy"], cell["scene"], run, fields)

        def sweep(run: int, on_epoch: OnEpoch | None = None) -> tuple[Estimate, Mapping[str, np.ndarray]]:
            streams = sweep_streams(run)
            return train_augmented(cube, count, schedule, fields, arm, streams, scratch, device, on_epoch, valid), {}

        def drawn(run: int) -> dict[str, Any]:
            return arm_record(arm, run, fields, arm.draw(cube.shape[0], cube.shape[1], sweep_streams(run), fields))

        return Trainer(sweep, sweep_streams, drawn)

    def streams(run: int) -> Streams:
        shared = fields["initial_weights"] == "shared"
        return run_streams(cell["entropy"], cell["scene"], run, initialisation=0 if shared else None)

    def baseline(run: int, on_epoch: OnEpoch | None = None) -> tuple[Estimate, Mapping[str, np.ndarray]]:
        return train(cube, count, schedule, fields, streams(run), device, on_epoch, valid), {}

    return Trainer(baseline, streams, lambda _: {})


def _contrastive_trainer(
    cell: Mapping[str, Any], cube: np.ndarray, valid: np.ndarray | None, count: int, labels: Labels
) -> Trainer:
    schedule, fields, point = ContrastiveSchedule(**cell["schedule"]), cell["fields"], ContrastivePoint(**cell["point"])
    source, maps = label_maps(point.labels(fields), cube, labels.references, labels.stage1)
    if source != point.labels(fields):
        point = replace(point, label_source=source)

    def streams(run: int) -> Streams:
        return contrastive_streams(cell["entropy"], cell["scene"], run, fields)

    def contrastive(run: int, on_epoch: OnEpoch | None = None) -> tuple[Estimate, Mapping[str, np.ndarray]]:
        made = train_contrastive(
            cube, count, schedule, fields, point, streams(run), maps(run), cell["device"], on_epoch, valid
        )
        return made.estimate, made.curves

    # What is trained with the truth has used it, permuted or not; so has whatever it is compared with.
    truth = source in ("reference", "permuted") and labels.references is not None
    record = {**point_record(point, fields), "uses_truth": "training" if truth else ""}
    return Trainer(contrastive, streams, lambda _: record)


def labels_recipe(cell: Mapping[str, Any], labels: Labels) -> dict[str, str]:
    """Return what a recipe says of labels: whose maps they are cut from; nothing for cells without labels."""
    if "point" not in cell:
        return {}
    point = ContrastivePoint(**cell["point"])
    source = point.labels(cell["fields"])
    if source in ("none", "online"):
        return {}
    if source != "stage1" and labels.references is not None:
        return {"labels": "references"}
    return {"labels": labels.stage1.recipe if labels.stage1 else ""}
