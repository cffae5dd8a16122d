"""What a job asks of a cluster's scheduler: memory, minutes, graphics processors; from the costs of ``unmixing.plan``.

Costs are of one machine, and others are slower: what is asked has room, and grows with every attempt. A job that is
stopped at its limit loses the run under way alone; its next attempt goes on from the runs in the store. So a job asks
for a day at most and trainings of weeks take several attempts.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmixing.cells import cell, jobs
from unmixing.contrastive_cells import expected_trials
from unmixing.plan import Shape, read_costs, resident_bytes, run_seconds
from unmixing.scenes.registry import load_registry

if TYPE_CHECKING:
    from unmixing.study import Study

#: Room for slower machines: of the minutes, and of the memory.
TIME_MARGIN, MEMORY_MARGIN = 3.0, 1.5

#: What every job takes for its start: minutes, and memory of the two Snakemakes around it in MB.
START_MINUTES, START_MEMORY_MB = 10, 500

#: Longest request of a first attempt, in minutes; those of later attempts are as many times longer.
LONGEST_MINUTES = 24 * 60


@dataclass(frozen=True)
class Needs:
    """What a job takes, as measured, without room.

    Attributes:
        seconds: wall time on one core.
        memory_bytes: resident memory.
        runs: trainings that it makes.
    """

    seconds: float
    memory_bytes: float
    runs: int = 0


def minutes(needs: Needs, attempt: int) -> int:
    """Return the minutes that an attempt asks for: twice as many each time.

    Args:
        needs: of the job.
        attempt: 1 for the first.
    """
    wanted = math.ceil(START_MINUTES + TIME_MARGIN * needs.seconds / 60) * 2 ** (attempt - 1)
    return int(min(wanted, LONGEST_MINUTES * attempt))


def memory_mb(needs: Needs, attempt: int) -> int:
    """Return the memory that an attempt asks for, in MB (1e6 bytes): half as much again each time."""
    return math.ceil((START_MEMORY_MB + MEMORY_MARGIN * needs.memory_bytes / 1e6) * 1.5 ** (attempt - 1))


def graphics_processors(study: "Study") -> int | None:
    """Return how many graphics processors a training asks for; None, which asks for nothing, where it runs on cpu."""
    return None if study.configuration.device == "cpu" else 1


@cache
def training_needs(study: "Study", phase: str, protocol: str, scene: str, job: str) -> Needs:
    """Return what a training job takes if none of its runs is there yet."""
    costs, shape = _costs(study.results), _shape(study, scene)
    cells = _cells(study, phase, protocol, scene, job)
    seconds = costs["job"] + sum(one["runs"] * run_seconds(costs, one, shape) for one in cells)
    return Needs(seconds, resident_bytes(costs, cells, shape), sum(one["runs"] for one in cells))


@cache
def evaluation_needs(study: "Study", phase: str, protocol: str, scene: str) -> Needs:
    """Return what scoring all runs of a phase on a scene takes."""
    costs, shape = _costs(study.results), _shape(study, scene)
    names = _jobs(study, phase, scene, protocol)
    runs = sum(training_needs(study, phase, protocol, scene, name).runs for name in names)
    pixels = shape.rows * shape.cols
    seconds = costs["job"] + runs * costs["scored_value"] * pixels * shape.endmembers
    return Needs(seconds, costs["process"] + costs["scene_value"] * pixels * shape.bands)


def _cells(study: "Study", phase: str, protocol: str, scene: str, job: str) -> list[dict[str, Any]]:
    """Return the cells of a job; of a search, which chooses them as it goes on, some that stand for them."""
    configuration = study.configuration
    chosen: list[tuple[str, int | None]] = [(setting, None) for setting in _jobs(study, phase, scene, protocol)[job]]
    if not chosen:
        grid = job.removesuffix("_search")
        trials = expected_trials(configuration, scene)
        chosen = [(setting, runs) for setting, runs in trials if setting.split("-")[0] == grid]
    found = []
    for setting, runs in chosen:
        one = cell(configuration, phase, protocol, scene, setting, configuration.seed)
        found.append(one if runs is None else one | {"runs": runs})
    return found


@cache
def _jobs(study: "Study", phase: str, scene: str, protocol: str) -> dict[str, list[str]]:
    # Asked for by each of them: with thousands, reckoning them again takes seconds.
    return jobs(study.configuration, phase, scene, protocol)


@cache
def _costs(results: Path) -> Mapping[str, Any]:
    return read_costs(results / "benchmarks" / "training_step.json")


def _shape(study: "Study", scene: str) -> Shape:
    """Return a scene's size; of one that nobody has read yet, that of the largest registered scene."""
    known = study.shape(scene)
    if known is not None:
        return known
    largest = max(load_registry().values(), key=lambda entry: entry.rows * entry.cols * entry.bands)
    return Shape(largest.rows, largest.cols, largest.bands, largest.endmember_count)
