"""Searches over the grids as tables read them: trials, what each rule chooses of them, and the reruns of candidates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from unmixing.search import GRIDS
from unmixing.tables.contrastive_rows import PHASE, POINT, describe_runs, run_table, usable_without_truth
from unmixing.tables.run_rows import plan_of

ORACLE, LABEL_FREE = "oracle", "label_free"

#: Rule: how it is called, what of the truth its choice takes.
RULES: Mapping[str, tuple[str, str]] = {
    ORACLE: ("lowest SAD (oracle)", "selection"),
    LABEL_FREE: ("lowest reconstruction angle (label-free)", "K"),
}

NOT_AGAIN = "not trained again with fresh seeds: nothing is said of it"


@dataclass(frozen=True)
class Search:
    """One search: a grid on a scene under a protocol.

    Attributes:
        grid: Its id.
        strategy: How configurations were proposed, "" if not told.
        objective: What chose the candidates that were trained again, "" if not told.
        trials: ``contrastive_rows.run_table`` of the runs 0, by which configurations are chosen, one row each, with
            ``sad_rank`` and ``reconstruction_rank`` (1: the lowest among those that the rule may choose from).
        reruns: Rows of the runs from 1 on, one per run and endmember.
    """

    grid: str
    strategy: str
    objective: str
    trials: pd.DataFrame
    reruns: pd.DataFrame

    @property
    def size(self) -> int | None:
        """Number of configurations of the released grid."""
        return GRIDS[self.grid].size if self.grid in GRIDS else None

    def rerun(self, setting: str) -> pd.DataFrame:
        """Return the rows of a configuration's further runs."""
        return self.reruns[self.reruns["setting"] == setting]

    def candidates(self) -> pd.DataFrame:
        """Return the trials that were trained again, in the order of the angle that chose them."""
        by = "reconstruction_rank" if self.objective == "reconstruction" else "sad_rank"
        chosen = self.trials[self.trials["setting"].isin(self.reruns["setting"])]
        return chosen.sort_values([by, "setting"], kind="stable")


def searches(rows: pd.DataFrame, scale: Mapping[str, Mapping[str, Any]]) -> Iterator[Search]:
    """Yield the searches of one scene and protocol.

    Args:
        rows: Of the group of searches, of one scene and protocol; possibly empty.
        scale: By scene; the key ``contrastive`` may hold ``search`` with the strategy and the objective.
    """
    if rows.empty:
        return
    told = plan_of(scale, str(rows["scene"].iloc[0]), PHASE).get("search") or {}
    grids = rows["setting"].astype(str).str.split("-").str[0]
    for grid in sorted(set(grids), key=lambda name: (name not in GRIDS, name)):
        part = rows[grids == grid]
        trials = run_table(part[part["run"] == 0])
        valued = trials[trials["status"] == "ok"]
        free = usable_without_truth(trials)
        trials["sad_rank"] = valued["sad_rad"].rank(method="first")
        trials["reconstruction_rank"] = free["reconstruction_angle_rad"].rank(method="first")
        yield Search(
            grid,
            _one(part, "strategy") or str(told.get("strategy") or ""),
            _one(part, "objective") or str(told.get("objective") or ""),
            trials,
            part[part["run"] > 0],
        )


def _one(rows: pd.DataFrame, column: str) -> str:
    if column not in rows:
        return ""
    return ", ".join(sorted({str(value) for value in rows[column].dropna() if str(value)}))


def chosen_by(search: Search, rule: str) -> pd.Series[Any] | None:
    """Return the trial that a rule chooses; None if there is none to choose from."""
    column = "sad_rank" if rule == ORACLE else "reconstruction_rank"
    found = search.trials[search.trials[column] == 1]
    return found.iloc[0] if len(found) else None


def why_chosen(search: Search, trial: Mapping[str, Any]) -> str:
    """Return in words what speaks for a candidate: its ranks among the trials, with the truth and without."""
    words = []
    for rule, column in ((ORACLE, "sad_rank"), (LABEL_FREE, "reconstruction_rank")):
        rank = trial[column]
        if not pd.isna(rank):
            words.append(f"{rule.replace('_', '-')}: {int(rank)} of {int(search.trials[column].notna().sum())}")
    return "; ".join(words)


def describe_point(point: Mapping[str, Any]) -> str:
    """Return a configuration in words: ``tau 0.1, lambda 0.5, patch 32, batch 8, sigma 1``."""
    words = {"temperature": "tau", "weight": "lambda", "patch_size": "patch", "batch_size": "batch", "sigma": "sigma"}
    known = {name: word for name, word in words.items() if name != "sigma" or point["loss"] == "generalized"}
    return ", ".join(f"{word} {float(point[name]):g}" for name, word in known.items())


def point_texts(point: Mapping[str, Any]) -> dict[str, str]:
    """Return a configuration's values as texts by column, a missing sigma left out."""
    return {
        name: str(point[name]) if name == "loss" else f"{float(point[name]):g}"
        for name in POINT
        if name != "sigma" or point["loss"] == "generalized"
    }


def rerun_record(search: Search, trial: Mapping[str, Any]) -> dict[str, Any]:
    """Summarise a candidate: its trial's value and, from the runs 1 on alone, what is said of it."""
    rows = search.rerun(str(trial["setting"]))
    record: dict[str, Any] = {"trial_sad": trial["sad_rad"], "runs": 0, "reason": NOT_AGAIN}
    if rows.empty:
        return record
    record |= describe_runs(rows)
    if record.get("sad_mean") is not None:
        record["shift"] = record["sad_mean"] - record["trial_sad"]
    return record
