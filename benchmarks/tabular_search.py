"""Do the search strategies find good configurations of the published grid in few evaluations?

The released spreadsheets hold one trained run for each of 1,280 configurations of the generalized loss and 320 of
NT-Xent, on Samson and Urban4. A search on this table costs nothing to evaluate, so that strategies can be compared
over many seeds: rank of the best configuration found (1 is the lowest published SAD), beside random search with the
same seeds, which shares the first evaluations of each search.

This checks the software, it is not science: the table is one run for each configuration, its residual is about a
fifth of its values and its best hundredth spans 0.003 rad, so that a rank of 1 is mostly the luck of that run.

    python benchmarks/tabular_search.py --reference FOLDER_OF_SPREADSHEETS

About nine minutes on one core. Strategies with a model get fewer seeds where they are slow; each record says how
many of how many. ``--full`` gives all of them 100 seeds at every number of evaluations, in more than an hour.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata, wilcoxon

from unmixing.errors import UnmixingError
from unmixing.search import GRIDS, Configuration, Grid, Strategy, Trial, search
from unmixing.statistics.comparisons import holm
from unmixing.store import write_json

FILE = "grid_search_reference.csv"
LOSSES = {"generalized": "generalized", "nt_xent": "ntxent"}
TARGETS = {"average": "avg_sad", "samson": "samson_sad", "urban4": "urban4_sad"}
FACTORS = {
    "temperature": "temperature",
    "lambda": "lambda_recon",
    "patch_size": "patch_size",
    "batch_size": "batch_size",
    "sigma": "sigma_kernel",
}

EVALUATIONS = (32, 64, 128)
HEADLINE = ("generalized", "average")
HEADLINE_EVALUATIONS = 64
GOAL = 5.0


@dataclass(frozen=True)
class Plan:
    """What one strategy does on one table.

    Attributes:
        strategy: how it searches.
        grid: id of the grid.
        target: which published SAD it minimises, in ``TARGETS``.
        seeds: for each number of evaluations, how many seeds, the first of 0, 1, 2, ...; not rising.
    """

    strategy: Strategy
    grid: str
    target: str
    seeds: tuple[int, ...]


SEEDS = 100
_BESIDE = [(grid, target) for grid in GRIDS for target in TARGETS if (grid, target) != HEADLINE]

PLANS: tuple[Plan, ...] = (
    Plan("random", *HEADLINE, (SEEDS, SEEDS, SEEDS)),
    Plan("tpe", *HEADLINE, (SEEDS, SEEDS, 40)),
    Plan("tpe_categorical", *HEADLINE, (SEEDS, SEEDS, 0)),
    Plan("gp", *HEADLINE, (40, 40, 8)),
    *(Plan("random", *table, (SEEDS, SEEDS, SEEDS)) for table in _BESIDE),
    *(Plan("tpe", *table, (20, 20, 0)) for table in _BESIDE),
)


def read_tables(folder: Path) -> dict[tuple[str, str], np.ndarray]:
    """Return the published SAD in radians of each configuration, in the order of ``Grid.configurations``.

    Args:
        folder: holds ``grid_search_reference.csv``.

    Returns:
        For each pair of grid and target, an array of length ``Grid.size``.

    Raises:
        UnmixingError: the file is missing, or a grid in it is not complete.
    """
    path = folder / FILE
    if not path.is_file():
        raise UnmixingError(f"there is no {FILE} in {folder}; name the folder of the released spreadsheets")
    rows = pd.read_csv(path)
    # One row of the generalized sheet is a copy of an NT-Xent row (audit item A11).
    rows = rows[~rows["flag"].fillna("").str.startswith("stray")]
    return {
        (name, target): _table(grid, rows[rows["loss"] == LOSSES[name]], column, path)
        for name, grid in GRIDS.items()
        for target, column in TARGETS.items()
    }


def _table(grid: Grid, rows: pd.DataFrame, column: str, path: Path) -> np.ndarray:
    values = np.full(grid.size, np.nan)
    for row in rows.to_dict("records"):
        values[grid.number({name: float(row[FACTORS[name]]) for name in grid.levels})] = row[column]
    if len(rows) != grid.size or not np.isfinite(values).all():
        raise UnmixingError(
            f"{path} has {len(rows)} rows and {int(np.isfinite(values).sum())} values of {column} for the "
            f"{grid.size} configurations of {grid.name}; take the file that has each once"
        )
    return values


def best_so_far(grid: Grid, values: np.ndarray, strategy: Strategy, evaluations: int, seed: int) -> np.ndarray:
    """Return the number of the best configuration after each evaluation of one search.

    Args:
        grid: what is searched.
        values: (``grid.size``,) the value of each configuration, above 0.
        strategy: one of ``unmixing.search.STRATEGIES``.
        evaluations: length of the search.
        seed: the search's seed.
    """

    def evaluate(configuration: Configuration) -> Trial:
        return Trial(configuration, float(values[grid.number(configuration)]))

    trials = search(grid, strategy, evaluate, evaluations, seed)
    numbers = np.array([grid.number(trial.configuration) for trial in trials])
    lowest = np.minimum.accumulate(values[numbers])
    first = np.array([int(np.argmax(values[numbers] == value)) for value in lowest])
    return numbers[first]


def run_plan(plan: Plan, values: np.ndarray) -> list[dict[str, Any]]:
    """Return one record for each seed and number of evaluations of a plan.

    Args:
        plan: what to do.
        values: (``size`` of the plan's grid,) published SAD in radians.
    """
    grid = GRIDS[plan.grid]
    ranks = rankdata(values, method="min").astype(int)
    records = []
    for seed in range(max(plan.seeds)):
        budgets = [count for count, seeds in zip(EVALUATIONS, plan.seeds, strict=True) if seed < seeds]
        best = best_so_far(grid, values, plan.strategy, max(budgets), seed)
        for count in budgets:
            found = best[min(count, len(best)) - 1]
            records.append(
                {
                    "grid": plan.grid,
                    "target": plan.target,
                    "strategy": plan.strategy,
                    "evaluations": count,
                    "seed": seed,
                    "seeds": plan.seeds[EVALUATIONS.index(count)],
                    "configurations": grid.size,
                    "best_rank": int(ranks[found]),
                    "best_sad_rad": float(values[found]),
                    "regret_rad": float(values[found] - values.min()),
                    "best_setting": grid.setting(grid.configuration(int(found))),
                }
            )
    return records


def compare(records: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Summarise records: each strategy and number of evaluations on each table, beside random search.

    Returns:
        One row for each: number of seeds, quartiles of the best rank, median regret in radians; random search's
        median on the same seeds; seeds on which the strategy's rank is lower, equal and higher; and the p value of
        Wilcoxon's two-sided paired test, NaN for random search itself.
    """
    frame = pd.DataFrame(records)
    keys = ["grid", "target", "evaluations"]
    random = frame[frame["strategy"] == "random"].set_index([*keys, "seed"])["best_rank"]
    rows = []
    for place, group in frame.groupby([*keys, "strategy"], sort=False):
        ranks = group["best_rank"].to_numpy(dtype=float)
        beside = random.reindex(pd.MultiIndex.from_frame(group[[*keys, "seed"]])).to_numpy(dtype=float)
        difference = ranks - beside
        row = dict(zip([*keys, "strategy"], place, strict=True)) | {
            "seeds": len(ranks),
            "median": float(np.median(ranks)),
            "first_quartile": float(np.quantile(ranks, 0.25)),
            "third_quartile": float(np.quantile(ranks, 0.75)),
            "median_regret_rad": float(group["regret_rad"].median()),
            "random_median": float(np.median(beside)),
            "lower": int((difference < 0).sum()),
            "equal": int((difference == 0).sum()),
            "higher": int((difference > 0).sum()),
            "p_value": np.nan,
        }
        if place[-1] != "random" and np.isfinite(difference).all():
            row["p_value"] = float(wilcoxon(difference).pvalue) if difference.any() else 1.0
        rows.append(row)
    return pd.DataFrame(rows)


def verdict(summary: pd.DataFrame) -> str:
    """Say in one line which strategies reach the goal: median rank at most 5, and better than random search.

    The strategies are one family of tests (Holm). Only a strategy that ran all 100 seeds can reach it.
    """
    place = (summary["grid"] == HEADLINE[0]) & (summary["target"] == HEADLINE[1])
    rows = summary[place & (summary["evaluations"] == HEADLINE_EVALUATIONS) & summary["p_value"].notna()]
    said = f"goal: median best rank at most {GOAL:g} after {HEADLINE_EVALUATIONS} evaluations, over {SEEDS} seeds"
    if rows.empty:
        return f"{said}; no strategy but random search was run"
    adjusted, rejected = holm(rows["p_value"].to_numpy())
    better = rejected & (rows["median"] <= GOAL).to_numpy() & (rows["lower"] > rows["higher"]).to_numpy()
    reached = [
        f"{row.strategy} (median {row.median:g} against {row.random_median:g}, {row.seeds} seeds, Holm p {p:.1g})"
        + ("" if row.seeds >= SEEDS else ", on fewer seeds than the goal names")
        for row, p, good in zip(rows.itertuples(), adjusted, better, strict=True)
        if good
    ]
    return f"{said}; " + (f"reached by {'; '.join(reached)}" if reached else "no strategy reaches it")


def run(folder: Path, output: Path, plans: Iterable[Plan] = PLANS) -> pd.DataFrame:
    """Run the plans, write their records, and return the summary.

    Raises:
        UnmixingError: the published grid is missing or not complete.
    """
    tables = read_tables(folder)
    records: list[dict[str, Any]] = []
    for plan in plans:
        start = time.process_time()
        records += run_plan(plan, tables[plan.grid, plan.target])
        seconds = time.process_time() - start
        print(f"{plan.strategy} on {plan.grid}, {plan.target}: {max(plan.seeds)} seeds, {seconds:.0f} s", flush=True)
    write_json(output, records)
    return compare(records)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; return its exit status."""
    parser = argparse.ArgumentParser(description="Search strategies on the published grid.")
    parser.add_argument(
        "--reference",
        type=Path,
        default=os.environ.get("UNMIXING_REFERENCE"),
        help=f"folder that holds {FILE}; by default UNMIXING_REFERENCE",
    )
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/tabular_search.json"))
    parser.add_argument("--seeds", type=int, default=SEEDS, help="use at most so many seeds")
    parser.add_argument("--full", action="store_true", help="all seeds for every strategy of the headline")
    options = parser.parse_args(arguments)
    if options.reference is None:
        print(f"skipped: UNMIXING_REFERENCE is unset; let it, or --reference, name the folder that holds {FILE}")
        return 0
    plans = PLANS
    if options.full:
        plans = tuple(replace(plan, seeds=(SEEDS,) * 3) if _headline(plan) else plan for plan in plans)
    plans = tuple(replace(plan, seeds=tuple(min(count, options.seeds) for count in plan.seeds)) for plan in plans)
    try:
        summary = run(options.reference, options.output, plans)
    except UnmixingError as fault:
        print(fault, file=sys.stderr)
        return 1
    print(summary.to_string(index=False, float_format=lambda number: f"{number:.3g}"))
    print(verdict(summary))
    return 0


def _headline(plan: Plan) -> bool:
    return (plan.grid, plan.target) == HEADLINE


if __name__ == "__main__":
    sys.exit(main())
