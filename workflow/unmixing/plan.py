"""What a study will cost before anything starts: hours, memory, disk, and which inputs are missing.

Times follow from measured costs of one update (``costs.yaml``, or ``results/benchmarks/training_step.json`` of the
machine at hand): an update costs a constant and a part for each endmember, for each pixel and band of its batch.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from unmixing.cells import TRAINED_PHASES, cell, jobs, protocols
from unmixing.contrastive_cells import expected_trials
from unmixing.errors import UnmixingError

if TYPE_CHECKING:
    from unmixing.study import Study

COSTS = Path(__file__).parent / "costs.yaml"
SWEEP_IMAGE_LIMIT = 1 << 30
"""Augmented images up to this size are held in memory (``unmixing.training.image_sets``)."""


@dataclass(frozen=True)
class Shape:
    """Size of a scene: rows, columns, bands and endmembers."""

    rows: int
    cols: int
    bands: int
    endmembers: int


@dataclass(frozen=True)
class Plan:
    """Cost of one phase on one scene under one protocol.

    Attributes:
        phase: the phase.
        protocol: ``described`` or ``released``.
        scene: scene id.
        jobs: processes to start.
        runs: trainings in all.
        stored: trainings that the run store or the committed evidence already has.
        hours: core-hours of the trainings that are left.
        memory_gib: resident memory of one job.
        disk_gib: what the runs that are left add to the run store.
        scratch_gib: temporary files of one job.
        missing: why the scene cannot be used, empty if it can.
    """

    phase: str
    protocol: str
    scene: str
    jobs: int
    runs: int
    stored: int
    hours: float
    memory_gib: float
    disk_gib: float
    scratch_gib: float
    missing: str


def read_costs(measured: Path | None = None) -> dict[str, Any]:
    """Return the measured costs: those of the machine at hand if they are there, else the shipped ones.

    Args:
        measured: ``results/benchmarks/training_step.json`` of this machine.

    Raises:
        UnmixingError: the file is damaged.
    """
    costs: dict[str, Any] = yaml.safe_load(COSTS.read_text(encoding="utf-8"))
    if measured is None or not measured.exists():
        return costs
    try:
        records = json.loads(measured.read_text(encoding="utf-8"))
        for precision in ("float32", "bfloat16"):
            points = [
                (record["endmembers"], record["fast_ms"] / 1e3 / (record["batch_pixels"] * record["bands"]))
                for record in records
                if record["precision"] == precision and record.get("fast_ms")
            ]
            if len({endmembers for endmembers, _ in points}) > 1:
                costs[precision] = _line(points)
                costs["machine"] = records[0]["machine"]
    except (ValueError, KeyError, TypeError) as fault:
        raise UnmixingError(f"{measured} is damaged ({fault!r}): delete it, or run make bench again") from None
    return costs


def _line(points: list[tuple[int, float]]) -> dict[str, float]:
    """Return the least-squares line through (endmembers, seconds), neither part negative."""
    import numpy as np
    from scipy.optimize import nnls

    matrix = np.array([[1.0, count] for count, _ in points])
    scale = max(value for _, value in points)
    found, _ = nnls(matrix, np.array([value / scale for _, value in points]))
    return {"constant": float(found[0] * scale), "endmember": float(found[1] * scale)}


def update_seconds(costs: Mapping[str, Any], shape: Shape, schedule: Mapping[str, Any]) -> float:
    """Return the seconds of one update of a training.

    Args:
        costs: see ``read_costs``.
        shape: of the scene.
        schedule: patch_size, batch_size and precision.
    """
    line = costs[schedule["precision"]]
    values = schedule["batch_size"] * schedule["patch_size"] ** 2 * shape.bands
    return float(values * (line["constant"] + line["endmember"] * shape.endmembers))


def plan(
    study: "Study", costs: Mapping[str, Any], stored: Callable[[Mapping[str, Any]], int] = lambda _: 0
) -> list[Plan]:
    """Return what each phase costs on each scene under each protocol.

    Args:
        study: a validated study.
        costs: see ``read_costs``.
        stored: says how many runs of a cell need no training; it is handed the cell.

    Returns:
        One entry for each phase, scene and protocol of the study, missing scenes included.
    """
    found = []
    for phase in TRAINED_PHASES:
        for scene in study.configuration.scenes:
            for protocol in protocols(study.configuration, phase, scene):
                entropy = study.configuration.seed
                known = jobs(study.configuration, phase, scene, protocol)
                cells = [
                    cell(study.configuration, phase, protocol, scene, setting, entropy)
                    for settings in known.values()
                    for setting in settings
                ]
                if phase == "contrastive":
                    cells += [
                        cell(study.configuration, phase, protocol, scene, setting, entropy) | {"runs": runs}
                        for setting, runs in expected_trials(study.configuration, scene)
                    ]
                found.append(_cost(study, costs, cells, len(known), stored))
    return found


def _cost(
    study: "Study",
    costs: Mapping[str, Any],
    cells: list[dict[str, Any]],
    job_count: int,
    stored: Callable[[Mapping[str, Any]], int],
) -> Plan:
    first = cells[0]
    shape = study.shape(first["scene"])
    available = study.availability[first["scene"]]
    # Runs that are only scored otherwise are trained in another cell; others may be stored under another place.
    places = [{**one, **one.get("stored", {})} for one in cells]
    have = [one["runs"] if "matching" in one else min(stored(one), one["runs"]) for one in places]
    left = [one["runs"] - there for one, there in zip(cells, have, strict=True)]
    place = {key: first[key] for key in ("phase", "protocol", "scene")}
    counts = {"jobs": job_count, "runs": sum(one["runs"] for one in cells), "stored": sum(have)}
    if shape is None:
        reason = available.reason or "its size is not known before it was read"
        return Plan(**place, **counts, hours=nan, memory_gib=nan, disk_gib=nan, scratch_gib=nan, missing=reason)
    seconds = costs["job"] * job_count
    seconds += sum(runs * run_seconds(costs, one, shape) for one, runs in zip(cells, left, strict=True))
    most = _image_bytes(cells, shape)
    # A stored run: abundances in half precision, and the endmembers of up to 21 epochs.
    run_bytes = shape.endmembers * (2 * shape.rows * shape.cols + 4 * 21 * shape.bands)
    gib = 1 << 30
    return Plan(
        **place,
        **counts,
        hours=seconds / 3600,
        memory_gib=resident_bytes(costs, cells, shape) / gib,
        disk_gib=sum(left) * run_bytes / gib,
        scratch_gib=most / gib if most > SWEEP_IMAGE_LIMIT else 0.0,
        missing="" if available.available else available.reason,
    )


def run_seconds(costs: Mapping[str, Any], one: Mapping[str, Any], shape: Shape) -> float:
    """Return the seconds of one training of a cell, at most where it may stop early.

    Args:
        costs: see ``read_costs``.
        one: the cell (``unmixing.cells.cell``).
        shape: of its scene.
    """
    further = costs["contrastive_update"] if "point" in one else 0.0
    seconds = _updates(one, shape) * (update_seconds(costs, shape, _step(one)) + further)
    return float(seconds + _images(one) * shape.rows * shape.cols * shape.bands * costs["augmented_value"])


def resident_bytes(costs: Mapping[str, Any], cells: Sequence[Mapping[str, Any]], shape: Shape) -> float:
    """Return the resident memory of a process that trains cells of one scene, the largest of them counting.

    Args:
        costs: see ``read_costs``.
        cells: trained one after the other (``unmixing.cells.cell``).
        shape: of their scene.
    """
    batch = max(_step(one)["batch_size"] * _step(one)["patch_size"] ** 2 for one in cells) * shape.bands
    values = shape.rows * shape.cols * shape.bands
    memory = costs["process"] + costs["batch_value"] * batch + costs["scene_value"] * values
    return float(memory + min(_image_bytes(cells, shape), SWEEP_IMAGE_LIMIT))


def _image_bytes(cells: Sequence[Mapping[str, Any]], shape: Shape) -> int:
    """Return the size of the largest set of augmented images."""
    return max(_images(one) for one in cells) * shape.rows * shape.cols * shape.bands * 4


def _images(one: Mapping[str, Any]) -> int:
    return int(one["arm"]["images"]) if "arm" in one and not one["arm"]["treatment"].startswith("control_") else 0


def _step(one: Mapping[str, Any]) -> dict[str, Any]:
    """Return what one update of a cell takes: patch_size, batch_size (of a contrastive cell both views), precision."""
    if "point" not in one:
        return dict(one["schedule"])
    point = one["point"]
    return {"patch_size": point["patch_size"], "batch_size": 2 * point["batch_size"], "precision": "float32"}


def _updates(one: Mapping[str, Any], shape: Shape) -> int:
    """Return the updates of a run, at most where it may stop early."""
    schedule = one["schedule"]
    if "point" in one:
        point = one["point"]
        return int(point.get("updates") or schedule["epochs"] * math.ceil(schedule["patches"] / point["batch_size"]))
    patches = schedule["patches"]
    if one["fields"].get("recipe") == "sweep" and one["arm"]["treatment"] != "control_baseline":
        size = schedule["patch_size"]
        patches = one["arm"]["images"] * (shape.rows // size) * (shape.cols // size)
    return int(schedule["epochs"] * math.ceil(patches / schedule["batch_size"]))
