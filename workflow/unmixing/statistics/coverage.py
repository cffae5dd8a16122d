"""How often the intervals hold what they promise, by simulation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from unmixing.errors import UnmixingError
from unmixing.statistics.intervals import MINIMUM_RUNS, Vector, mean_bounds

Draw = Callable[[np.random.Generator, tuple[int, int]], Vector]

# Samples whose bootstrap is drawn together.
_TOGETHER = 200


@dataclass(frozen=True)
class Coverage:
    """Simulated coverage of the interval of a mean.

    Attributes:
        distribution: name of the distribution of a run.
        n: number of runs.
        method: "student_t" or "bca", whichever the rule takes for n.
        level: nominal coverage.
        covered: share of the simulated intervals that hold the true mean.
        error: standard error of that share.
        width: mean width of the intervals, in standard deviations of a run.
        simulations: number of simulated samples.
    """

    distribution: str
    n: int
    method: str
    level: float
    covered: float
    error: float
    width: float
    simulations: int


@dataclass(frozen=True)
class Distribution:
    """A distribution of runs with known mean.

    Attributes:
        name: as printed.
        draw: gives runs of the shape asked for.
        mean: true mean of a run.
        deviation: true standard deviation of a run.
    """

    name: str
    draw: Draw
    mean: float
    deviation: float


def normal_runs() -> Distribution:
    """Runs that scatter normally, with mean zero and deviation one."""
    return Distribution("normal", lambda rng, shape: rng.standard_normal(shape), 0.0, 1.0)


def bimodal_runs(
    share: float = 0.48,
    centres: tuple[float, float] = (0.102, 0.243),
    deviations: tuple[float, float] = (0.010, 0.004),
) -> Distribution:
    """Runs that either find every endmember or lose one.

    The defaults follow the 25 stored runs of the released study on Jasper Ridge: 12 between .089 and .123 rad, 13
    between .236 and .251 rad.

    Args:
        share: probability of the first mode.
        centres: means of the modes.
        deviations: standard deviations of the modes.

    Returns:
        The mixture of two normal distributions.
    """

    def draw(rng: np.random.Generator, shape: tuple[int, int]) -> Vector:
        first = rng.random(shape) < share
        noise = rng.standard_normal(shape)
        return np.where(first, centres[0] + deviations[0] * noise, centres[1] + deviations[1] * noise)

    mean = share * centres[0] + (1 - share) * centres[1]
    square = share * (centres[0] ** 2 + deviations[0] ** 2) + (1 - share) * (centres[1] ** 2 + deviations[1] ** 2)
    return Distribution("bimodal", draw, mean, float(np.sqrt(square - mean**2)))


def interval_coverage(
    distribution: Distribution,
    sizes: Sequence[int],
    rng: np.random.Generator,
    *,
    simulations: int = 2_000,
    resamples: int = 1_999,
    level: float = 0.95,
) -> list[Coverage]:
    """Simulate the coverage of ``mean_interval`` for numbers of runs.

    Args:
        distribution: what a run is drawn from.
        sizes: numbers of runs, each at least 5.
        rng: draws the runs and the bootstrap's samples.
        simulations: simulated samples of each size.
        resamples: of the bootstrap; fewer than for one interval, which costs little here.
        level: nominal coverage.

    Returns:
        One record for each size.

    Raises:
        UnmixingError: a size is below 5, for which there is no interval.
    """
    if min(sizes, default=MINIMUM_RUNS) < MINIMUM_RUNS:
        raise UnmixingError(f"{min(sizes)} runs have no interval; simulate at least {MINIMUM_RUNS}")
    records = []
    for n in sizes:
        held, width, methods = 0, 0.0, set[str]()
        for start in range(0, simulations, _TOGETHER):
            samples = distribution.draw(rng, (min(_TOGETHER, simulations - start), n))
            low, high, used = mean_bounds(samples, level, rng, resamples)
            held += int(((low <= distribution.mean) & (distribution.mean <= high)).sum())
            width += float((high - low).sum())
            methods.update(used)
        covered = held / simulations
        records.append(
            Coverage(
                distribution=distribution.name,
                n=n,
                method="+".join(sorted(methods)),
                level=level,
                covered=covered,
                error=float(np.sqrt(covered * (1 - covered) / simulations)),
                width=width / simulations / distribution.deviation,
                simulations=simulations,
            )
        )
    return records
