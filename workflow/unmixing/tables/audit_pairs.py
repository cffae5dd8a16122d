"""What one change did: the runs of two arms, compared pair by pair."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import pandas as pd

from unmixing.statistics import PairedComparison, paired_comparison
from unmixing.statistics.sweep import Labels, draw_values, independent_draws
from unmixing.tables.run_rows import NO_REFERENCE, reasons, scored, was_found
from unmixing.tables.sweep_rows import SHARED, draws


@dataclass(frozen=True)
class Effect:
    """What one change did, run by run.

    Attributes:
        field: What was changed, a field of a protocol, or the name of a closing row.
        before_value: The field's value before.
        after_value: And after.
        before: SAD in radians before the change, mean over endmembers, by run; empty without pairs. Runs of the sweep
            that share images or weights are one value, under the first of them.
        after: After the change, for the same runs.
        twins: Runs that are one training twice, and therefore no pairs.
        moved: Mean difference in radians by endmember, with its name in front.
        found: Runs that found all endmembers before and after, and runs in both arms; None in some closing rows.
        scored_runs: Pairs of runs behind the values, where that is more than their number; else 0.
        epochs: Epochs of the scored runs of both arms.
        reason: Why there are no or fewer pairs.
        closing: Whether it compares all changes rather than being one.
    """

    field: str
    before_value: str = ""
    after_value: str = ""
    before: pd.Series[float] = dataclasses.field(default_factory=lambda: pd.Series(dtype=float))
    after: pd.Series[float] = dataclasses.field(default_factory=lambda: pd.Series(dtype=float))
    twins: tuple[int, ...] = ()
    moved: tuple[tuple[str, float], ...] = ()
    found: tuple[int, int, int] | None = None
    scored_runs: int = 0
    epochs: frozenset[int] = frozenset()
    reason: str = ""
    closing: bool = False

    @property
    def differences(self) -> pd.Series[float]:
        """After minus before by run, in radians."""
        return self.after - self.before

    @property
    def size(self) -> float:
        """Absolute mean difference in radians; -1 without pairs, which sorts behind all others."""
        return abs(float(self.differences.mean())) if len(self.before) else -1.0

    def compare(self) -> PairedComparison | None:
        """Return the paired comparison, None without pairs."""
        if self.before.empty:
            return None
        return paired_comparison(self.after.to_numpy(np.float64), self.before.to_numpy(np.float64))


def pair(
    change: Effect, start: pd.DataFrame, changed: pd.DataFrame, *, drop_twins: bool, arm: str = "", protocol: str = ""
) -> Effect:
    """Return a change with the runs of its two arms.

    Args:
        change: Says what was changed.
        start: Rows before the change, of one setting; at least one.
        changed: Rows after it.
        drop_twins: Leave out runs whose initial weights are the same on both sides, for the change is in the weights.
        arm: Of the sweep, whose runs may share images and weights; else empty.
        protocol: From which the change starts; needed with ``arm``.
    """
    common = set(start["run"]) & set(changed["run"])
    twins = _twins(start, changed) if drop_twins else ()
    arms = [one[one["run"].isin(common - set(twins))] for one in (start, changed)]
    known = [scored(one).dropna(subset=["sad_rad"]) for one in arms]
    means = pd.concat([one.groupby("run")["sad_rad"].mean() for one in known], axis=1, keys=["before", "after"])
    means = means.dropna().astype(float).sort_index()
    remarks = [f"run {run} left out: the same training on both sides" for run in twins]
    remarks += [
        f"{side} the change {text}"
        for side, one in zip(("before", "after"), arms, strict=True)
        if (text := reasons(one))
    ]
    if means.empty:
        blind = all(len(scored(one)) and scored(one)["sad_rad"].isna().all() for one in arms)
        remarks.insert(0, NO_REFERENCE if blind else "no run has numbers before and after the change")
        return dataclasses.replace(change, twins=twins, reason="; ".join(remarks))
    found = [int(was_found(one).groupby(one["run"]).all().sum()) for one in known]
    values = _by_draw(means, known, arm, protocol) if arm else means
    if len(values) < len(means):
        remarks.append(f"{len(means)} pairs of runs, of which those that share images or weights are one")
    return dataclasses.replace(
        change,
        before=values["before"],
        after=values["after"],
        twins=twins,
        moved=_moved(*(one[one["run"].isin(means.index)] for one in known)),
        found=(found[0], found[1], arms[0]["run"].nunique()),
        scored_runs=len(means) if len(values) < len(means) else 0,
        epochs=frozenset(int(value) for one in known for value in one["epochs"].unique()),
        reason="; ".join(remarks),
    )


def _twins(start: pd.DataFrame, changed: pd.DataFrame) -> tuple[int, ...]:
    """Return the runs whose initial weights are the same in both arms, as the seeds on record say."""
    if "seed_initialisation" not in start or "seed_initialisation" not in changed:
        return ()
    seeds = [one.drop_duplicates("run").set_index("run")["seed_initialisation"] for one in (start, changed)]
    both = pd.concat(seeds, axis=1, keys=["before", "after"]).dropna()
    return tuple(int(run) for run in sorted(both.index[both["before"] == both["after"]]))


def _moved(before: pd.DataFrame, after: pd.DataFrame) -> tuple[tuple[str, float], ...]:
    """Return the mean difference of each endmember over the pairs."""
    means = [one.groupby("endmember")["sad_rad"].mean() for one in (before, after)]
    names = after.drop_duplicates("endmember").set_index("endmember")["name"]
    moved = (means[1] - means[0]).dropna()
    return tuple(zip(names.loc[moved.index].astype(str), moved.astype(float), strict=True))


def _by_draw(means: pd.DataFrame, arms: list[pd.DataFrame], arm: str, protocol: str) -> pd.DataFrame:
    """Return one pair of values for each independent draw, under its first run."""
    labels = independent_draws([_labels(one, means.index, arm, protocol).tolist() for one in arms])
    if len(set(labels.tolist())) == len(means):
        return means
    first = pd.Series(labels).drop_duplicates().index
    block = [arm] * len(means)
    values = {side: draw_values(means[side].to_numpy(np.float64), block, labels) for side in means}
    return pd.DataFrame(values, index=means.index[first])


def _labels(rows: pd.DataFrame, runs: pd.Index[int], arm: str, protocol: str) -> Labels:
    treatment, regime, images = arm.split("-")
    table = rows.drop_duplicates("run").set_index("run").loc[runs]
    if not set(SHARED) <= set(table):
        return np.arange(len(table))
    return draws(table.assign(regime=regime).astype(dict.fromkeys(SHARED, int)), [treatment], protocol, int(images))[0]
