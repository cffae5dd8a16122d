"""Search over the hyper-parameters of the contrastive phase (paper sections 3.1.3 and 4.3, Tables 6 and 7).

A grid is data. A strategy answers one question: given the trials so far and a seed, which configuration next? The
answer depends on nothing else, so a search that was killed goes on from its rows as if nothing had happened, and a
configuration is never asked for twice. A trial that diverged is a row with its reason; it is told to the sampler as
failed, and the search goes on.

A search ranks single runs, and on the published grid the residual of one run is a fifth of its value. So what it
returns are candidates, to be trained again with fresh seeds. Where the value is an angle to reference endmembers, the
choice uses the truth (``uses_truth: selection``).
"""

from __future__ import annotations

import contextlib
import itertools
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from unmixing.errors import UnmixingError
from unmixing.seeds import seed_sequence

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

Configuration = dict[str, int | float]
Status = Literal["ok", "collapsed", "diverged", "failed"]
Strategy = Literal["full", "random", "tpe", "tpe_categorical", "gp"]

STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
WITHOUT_VALUE: tuple[Status, ...] = ("diverged", "failed")

SHARD_SIZE = 16
"""Configurations of a full grid that one job trains."""

STARTUP = 10
"""Trials with a value before a model is asked. They are those of ``random`` with the same seed, so that two
strategies compared at one seed differ in what their model adds."""

ATTEMPTS: dict[Strategy, int] = {"tpe": 3, "tpe_categorical": 3, "gp": 1}
"""Draws of the sampler before a configuration that is tried already gives way to its nearest neighbour. A Gaussian
process gives the same answer again, at the cost of another fit."""


@dataclass(frozen=True)
class Grid:
    """The configurations of a search: every combination of the levels of its factors.

    Attributes:
        name: id of the grid.
        levels: levels of each factor, in the order of their size; factors from the slowest to the fastest.
    """

    name: str
    levels: Mapping[str, tuple[int | float, ...]] = field(hash=False)

    def __post_init__(self) -> None:
        """Keep levels from being changed."""
        object.__setattr__(self, "levels", MappingProxyType(dict(self.levels)))

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the number of levels of each factor."""
        return tuple(len(levels) for levels in self.levels.values())

    @property
    def size(self) -> int:
        """Return the number of configurations."""
        return math.prod(self.shape)

    @property
    def shards(self) -> int:
        """Return the number of shards; the last may be short."""
        return math.ceil(self.size / SHARD_SIZE)

    def configurations(self) -> list[Configuration]:
        """Return all configurations, the last factor varying fastest."""
        return [dict(zip(self.levels, values, strict=True)) for values in itertools.product(*self.levels.values())]

    def configuration(self, number: int) -> Configuration:
        """Return the configuration at a place of ``configurations``, 0 to ``size - 1``."""
        values = itertools.islice(itertools.product(*self.levels.values()), number, None)
        return dict(zip(self.levels, next(values), strict=True))

    def places(self, configuration: Mapping[str, float]) -> tuple[int, ...]:
        """Return the place of each factor's level, from 0.

        Raises:
            UnmixingError: the configuration is not one of the grid's.
        """
        if set(configuration) == set(self.levels):
            with contextlib.suppress(ValueError):
                return tuple(levels.index(configuration[name]) for name, levels in self.levels.items())
        raise UnmixingError(
            f"configuration {dict(configuration)} is not in the grid {self.name}; take one of its levels for each of "
            f"{', '.join(self.levels)}"
        )

    def number(self, configuration: Mapping[str, float]) -> int:
        """Return the place of a configuration in ``configurations``; raise as ``places`` does."""
        return int(np.ravel_multi_index(self.places(configuration), self.shape))

    def setting(self, configuration: Mapping[str, float]) -> str:
        """Return the name that files and rows give a configuration; raise as ``places`` does."""
        self.places(configuration)
        return "-".join([self.name, *(f"{name}_{configuration[name]:g}" for name in self.levels)])


_NT_XENT_LEVELS: dict[str, tuple[int | float, ...]] = {
    "temperature": (0.01, 0.1, 1.0, 10.0),
    "lambda": (0.9, 0.7, 0.5, 0.3, 0.1),
    "patch_size": (8, 16, 32, 64),
    "batch_size": (8, 15, 30, 60),
}

GRIDS: Mapping[str, Grid] = MappingProxyType(
    {
        "generalized": Grid("generalized", {**_NT_XENT_LEVELS, "sigma": (0.01, 0.1, 1.0, 10.0)}),
        "nt_xent": Grid("nt_xent", _NT_XENT_LEVELS),
    }
)
"""The released grids: 1,280 configurations of the generalized loss (equation 20) and 320 of NT-Xent, which has no
sigma. ``lambda`` is the weight of the reconstruction in equation 19, ``sigma`` the width of the label kernel."""


@dataclass(frozen=True)
class Trial:
    """One row of a search.

    Attributes:
        configuration: one of the grid's.
        value: what is minimised, above 0 (a spectral angle in radians); NaN if the training gave none.
        status: ``ok``; ``collapsed``, which has a value; ``diverged`` or ``failed``, which have none.
        reason: why there is no value; empty for ``ok``.
    """

    configuration: Configuration
    value: float
    status: Status = "ok"
    reason: str = ""

    def __post_init__(self) -> None:
        """Refuse a row that contradicts itself.

        Raises:
            UnmixingError: the value does not fit the status, or a reason is missing.
        """
        valued = self.status not in WITHOUT_VALUE
        if valued and not (math.isfinite(self.value) and self.value > 0):
            raise UnmixingError(
                f"trial {self.configuration} is {self.status} with value {self.value}; hand over a finite value above "
                f"0, or the status {' or '.join(WITHOUT_VALUE)} with NaN and a reason"
            )
        if not valued and not (math.isnan(self.value) and self.reason):
            raise UnmixingError(
                f"trial {self.configuration} {self.status} with value {self.value} and reason {self.reason!r}; hand "
                "over NaN and say why"
            )


def propose(grid: Grid, strategy: Strategy, trials: Sequence[Trial], seed: int) -> Configuration | None:
    """Return the next configuration to train.

    Args:
        grid: what is searched.
        strategy: ``full``, in the grid's order; ``random``, without repeats; ``tpe``, a tree-structured Parzen
            estimator of all factors jointly (J. Bergstra et al., NeurIPS 2011), and ``gp``, a Gaussian process with
            expected improvement, both from Optuna and both told the order of a factor's levels, not their size;
            ``tpe_categorical``, which is not told the order.
        trials: all rows so far, in the order in which they were proposed.
        seed: the search's seed, any non-negative integer.

    Returns:
        A configuration that no trial has, the same whenever the arguments are; None when the grid is used up.

    Raises:
        UnmixingError: the strategy is unknown, or a trial is not of this grid.
    """
    if strategy not in STRATEGIES:
        raise UnmixingError(f"there is no search strategy {strategy!r}; choose one of {', '.join(STRATEGIES)}")
    free = np.ones(grid.size, dtype=bool)
    free[[grid.number(trial.configuration) for trial in trials]] = False
    if not free.any():
        return None
    if strategy == "full":
        return grid.configuration(int(free.argmax()))
    valued = sum(trial.status not in WITHOUT_VALUE for trial in trials)
    if strategy == "random" or valued < STARTUP:
        order = np.random.default_rng(seed_sequence(seed, "search", grid.name)).permutation(grid.size)
        return grid.configuration(int(order[free[order].argmax()]))
    wanted = _ask_sampler(grid, strategy, trials, seed, free)
    return grid.configuration(wanted if free[wanted] else _nearest(grid, wanted, free, seed, len(trials)))


def search(
    grid: Grid,
    strategy: Strategy,
    evaluate: Callable[[Configuration], Trial],
    evaluations: int,
    seed: int,
    trials: Sequence[Trial] = (),
    record: Callable[[Trial], None] | None = None,
) -> list[Trial]:
    """Propose and evaluate until there are enough trials.

    Args:
        grid: what is searched.
        strategy: one of ``STRATEGIES``.
        evaluate: trains a configuration; an ``UnmixingError`` that it raises becomes a failed trial.
        evaluations: number of trials at the end, failed ones included.
        seed: the search's seed.
        trials: those that are there already, in order.
        record: called with each new trial before the next one is proposed, for instance ``SearchJournal.record``.

    Returns:
        All trials, in order; fewer than asked for only when the grid is used up.

    Raises:
        UnmixingError: as ``propose`` does.
    """
    rows = list(trials)
    while len(rows) < evaluations:
        configuration = propose(grid, strategy, rows, seed)
        if configuration is None:
            break
        try:
            trial = evaluate(configuration)
        except UnmixingError as fault:
            trial = Trial(configuration, math.nan, "failed", str(fault))
        if record:
            record(trial)
        rows.append(trial)
    return rows


def candidates(grid: Grid, trials: Sequence[Trial], count: int) -> list[Trial]:
    """Return the ``count`` trials with the lowest values: those to train again before anything is said of them.

    Equal values keep the grid's order. Trials that collapsed or have no value are no candidates.
    """
    valued = [trial for trial in trials if trial.status == "ok"]
    return sorted(valued, key=lambda trial: (trial.value, grid.number(trial.configuration)))[:count]


class SearchJournal:
    """The rows of one search in one append-only file of Optuna's journal storage.

    Each finished trial is one line; what was under way when the process died is proposed again. One process at a time:
    hold the lock of the cell.
    """

    def __init__(self, path: Path, grid: Grid, strategy: Strategy, seed: int) -> None:
        """Open the journal at a path, or begin it.

        Raises:
            UnmixingError: the file is damaged, or belongs to a search of another grid, strategy or seed.
        """
        import optuna
        from optuna.distributions import CategoricalDistribution
        from optuna.storages.journal import JournalFileBackend

        path.parent.mkdir(parents=True, exist_ok=True)
        _drop_torn_line(path)
        self._grid = grid
        self._levels = {name: CategoricalDistribution(levels) for name, levels in grid.levels.items()}
        meant = json.dumps({"grid": grid.name, "levels": dict(grid.levels), "strategy": strategy, "seed": seed})
        try:
            with _quiet():
                storage = optuna.storages.JournalStorage(JournalFileBackend(str(path)))
                self._study = optuna.create_study(storage=storage, study_name="search", load_if_exists=True)
                found = self._study.user_attrs.get("search")
                if found is None and not self._study.get_trials(deepcopy=False):
                    self._study.set_user_attr("search", found := meant)
        except (ValueError, KeyError) as fault:
            raise UnmixingError(f"search journal {path} is damaged ({fault}): delete it and search again") from fault
        if found != meant:
            raise UnmixingError(f"search journal {path} belongs to the search {found}; use another file for {meant}")

    def trials(self) -> list[Trial]:
        """Return the rows, in the order in which they were recorded."""
        return [
            Trial(
                {name: row.params[name] for name in self._grid.levels},
                math.nan if row.values is None else row.values[0],
                row.user_attrs["status"],
                row.user_attrs["reason"],
            )
            for row in self._study.get_trials(deepcopy=False)
        ]

    def record(self, trial: Trial) -> None:
        """Append a row, on the disk when this returns; raise as ``Grid.places`` does."""
        self._grid.places(trial.configuration)
        self._study.add_trial(_frozen(trial, trial.configuration, self._levels, trial.value))


def _drop_torn_line(path: Path) -> None:
    # A line cut short by a kill would be glued to the next one, and Optuna then reads neither.
    content = path.read_bytes() if path.exists() else b""
    if content and not content.endswith(b"\n"):
        with path.open("r+b") as handle:
            handle.truncate(content.rfind(b"\n") + 1)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    # Optuna tells of every study it makes, and of each Gaussian process that keeps its default kernel.
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _frozen(
    trial: Trial, parameters: Mapping[str, float], distributions: Mapping[str, BaseDistribution], value: float
) -> FrozenTrial:
    from optuna.trial import TrialState, create_trial

    valued = trial.status not in WITHOUT_VALUE
    return create_trial(
        state=TrialState.COMPLETE if valued else TrialState.FAIL,
        value=value if valued else None,
        params=dict(parameters),
        distributions=dict(distributions),
        user_attrs={"status": trial.status, "reason": trial.reason},
    )


def _ask_sampler(grid: Grid, strategy: Strategy, trials: Sequence[Trial], seed: int, free: np.ndarray) -> int:
    """Return the number of the configuration that the sampler wants, tried already or not."""
    import optuna
    from optuna.distributions import CategoricalDistribution, IntDistribution
    from optuna.samplers import GPSampler, TPESampler
    from optuna.trial import TrialState

    distributions: dict[str, BaseDistribution] = {
        name: CategoricalDistribution(range(count)) if strategy == "tpe_categorical" else IntDistribution(0, count - 1)
        for name, count in zip(grid.levels, grid.shape, strict=True)
    }
    with _quiet():
        study = optuna.create_study()
        for trial in trials:
            places = dict(zip(distributions, grid.places(trial.configuration), strict=True))
            # Factors act on the logarithm: angles are positive, and their scatter grows with them.
            study.add_trial(_frozen(trial, places, distributions, math.log(trial.value)))
        for attempt in range(ATTEMPTS[strategy]):
            # A sampler of its own for each proposal: nothing is carried over that a restart would lose.
            stream = seed_sequence(seed, "search", grid.name, strategy, len(trials), attempt)
            word = int(stream.generate_state(1)[0])
            study.sampler = (
                GPSampler(seed=word, n_startup_trials=STARTUP)
                if strategy == "gp"
                else TPESampler(seed=word, n_startup_trials=STARTUP, multivariate=True)
            )
            asked = study.ask(distributions)
            wanted = int(np.ravel_multi_index([asked.params[name] for name in grid.levels], grid.shape))
            if free[wanted]:
                break
            study.tell(asked, state=TrialState.FAIL)
    return wanted


def _nearest(grid: Grid, wanted: int, free: np.ndarray, seed: int, step: int) -> int:
    """Return the free configuration with the fewest steps between levels, each factor one long; ties are drawn."""
    places = np.stack(np.unravel_index(np.arange(grid.size), grid.shape), axis=1)
    spans = np.maximum(np.array(grid.shape) - 1, 1)
    distance = (np.abs(places - places[wanted]) / spans).sum(axis=1).round(9)
    ties = np.flatnonzero(free & (distance == distance[free].min()))
    return int(np.random.default_rng(seed_sequence(seed, "search", grid.name, "neighbour", step)).choice(ties))
