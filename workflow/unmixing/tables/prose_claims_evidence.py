"""What the rules on claims look at: rows of a study, and the tables made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import pandas as pd

from unmixing.errors import UnmixingError
from unmixing.tables import (
    augmentation_complete,
    augmentation_contrasts,
    classical,
    contrastive_contrasts,
    contrastive_cost,
    heads,
    table3,
)
from unmixing.tables.audit_effects import Panel, audited
from unmixing.tables.contrastive_rows import CONFIGURATION, contrastive, is_paper_point
from unmixing.tables.forms import is_missing
from unmixing.tables.prose_claims_findings import Finding, Measured, side_of
from unmixing.tables.run_rows import of_phase, plan_of
from unmixing.tables.scene_rows import order_protocols
from unmixing.tables.scorecard_scale import sweep_scale
from unmixing.tables.scorecard_values import Comparison, comparisons
from unmixing.tables.sweep_contrasts import side_of_finding
from unmixing.tables.sweep_rows import sweep
from unmixing.tables.writing import Table


@dataclass(frozen=True)
class Evidence:
    """Everything of a study that a rule may look at.

    Attributes:
        rows: Run rows of all phases; possibly empty.
        scenes: Availability records.
        scale: By scene: the planned scale of every phase.
        curves: One row per run and epoch; possibly empty.
        semantic: Rows of the second study's experiments, by experiment.
        sheets: Released sheets at hand: ``sweep`` and ``grid``.
    """

    rows: pd.DataFrame
    scenes: Sequence[Mapping[str, Any]]
    scale: Mapping[str, Mapping[str, Any]]
    curves: pd.DataFrame = field(default_factory=pd.DataFrame)
    semantic: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    sheets: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    def part(self, name: str) -> pd.DataFrame | None:
        """Return the rows of one experiment of the second study; None where it has none."""
        found = self.semantic.get(name)
        return None if found is None or found.empty else found

    def _frame(self, build: Callable[..., Table]) -> pd.DataFrame:
        return own_protocol(build(self.rows, self.scenes, self.scale, {}).frame)

    @cached_property
    def baseline(self) -> pd.DataFrame:
        """Table 3."""
        return self._frame(table3.build)

    @cached_property
    def classical(self) -> pd.DataFrame:
        """The table of classical methods, the baseline beside them."""
        return classical.build(self.rows, self.scenes, self.scale, {}).frame

    @cached_property
    def all_treatments(self) -> pd.DataFrame:
        """Differences of the sweep to its controls, under every protocol."""
        return augmentation_contrasts.build(self.rows, self.scenes, self.scale, {}).frame

    @property
    def treatments(self) -> pd.DataFrame:
        """Differences of the sweep to its controls under one protocol."""
        return own_protocol(self.all_treatments)

    @cached_property
    def complete(self) -> pd.DataFrame:
        """The complete table of the sweep."""
        return self._frame(augmentation_complete.build)

    @cached_property
    def terms(self) -> pd.DataFrame:
        """Differences between variants of the contrastive configurations."""
        return self._frame(contrastive_contrasts.build)

    @cached_property
    def heads(self) -> pd.DataFrame:
        """The table of projection heads."""
        return self._frame(heads.build)

    @cached_property
    def cost(self) -> pd.DataFrame:
        """The table of costs."""
        return self._frame(contrastive_cost.build)

    @cached_property
    def scorecard(self) -> list[Comparison]:
        """Every printed number beside ours."""
        return comparisons(self.rows, self.scenes, self.scale)

    @cached_property
    def audit(self) -> list[Panel]:
        """Effects of single changes of the protocol."""
        return list(audited(self.rows, self.scenes))

    @cached_property
    def contrastive(self) -> pd.DataFrame:
        """Run rows of the contrastive phase under one protocol."""
        return own_protocol(contrastive(self.rows))

    @cached_property
    def paper_scenes(self) -> dict[str, set[str]]:
        """By phase the scenes whose rows are at the paper's scale."""
        found: dict[str, set[str]] = {"augmentation": set(), "contrastive": set()}
        known = {str(record["scene"]) for record in self.scenes if record["paper"]}
        chosen = own_protocol(sweep(self.rows))
        for scene, part in chosen.groupby("scene") if len(chosen) else ():
            if scene in known and not sweep_scale(part, plan_of(self.scale, str(scene), "augmentation")):
                found["augmentation"].add(str(scene))
        points = self.contrastive
        points = points[points["group"] == CONFIGURATION] if len(points) else points
        for scene, part in points.groupby("scene") if len(points) else ():
            plan = plan_of(self.scale, str(scene), "contrastive")
            arms = [is_paper_point(one, str(name), plan) for name, one in part.groupby("configuration")]
            if scene in known and all(arms):
                found["contrastive"].add(str(scene))
        return found

    def phase(self, name: str) -> pd.DataFrame:
        """Return the run rows of one phase under one protocol."""
        return own_protocol(of_phase(self.rows, name))


def own_protocol(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows under ``described``, what the paper says; under another protocol where there are no such rows."""
    if frame.empty or "protocol" not in frame:
        return frame
    known = order_protocols([str(name) for name in frame["protocol"].dropna()])
    return frame[frame["protocol"] == known[0]] if known else frame


def measured_rows(
    frame: pd.DataFrame, prefix: str, paper_scenes: Iterable[str] = (), what: Callable[[Any], str] | None = None
) -> list[Measured]:
    """Return rows of a table of contrasts as measured numbers.

    Args:
        frame: Rows with ``{prefix}_difference`` and the rest of ``sweep_contrasts.contrast_record``, and ``finding``.
        prefix: Of these columns.
        paper_scenes: Scenes at the paper's scale.
        what: Gives of a row what was compared, for the place; by default the scene alone is named.
    """
    found = []
    for row in frame.to_dict("records"):
        if is_missing(row.get(f"{prefix}_difference")) or is_missing(row.get("finding")):
            continue
        told = str(row["finding"])
        place = str(row["title"]) + (f", {what(row)}" if what else "")
        # Of pairs and draws, told in words, the draws are the sample.
        count = str(row[f"{prefix}_n"]).split(", ")[-1].split(" ")[0]
        low, high = _number(row.get(f"{prefix}_low")), _number(row.get(f"{prefix}_high"))
        side = side_of_finding(told) or side_of(low, high)
        one = Measured(
            place,
            side,
            float(row[f"{prefix}_difference"]),
            n=int(count),
            low=low,
            high=high,
            values=tuple(float(value) for value in str(row[f"{prefix}_values"]).split())
            if not is_missing(row.get(f"{prefix}_values"))
            else (),
            same_scale=str(row["scene"]) in set(paper_scenes),
        )
        if told in ("more successes", "fewer successes") and not is_missing(row.get(f"{prefix}_rate_difference")):
            rate = float(row[f"{prefix}_rate_difference"])
            one = replace(one, number=rate, unit="of runs", low=None, high=None, values=())
        found.append(one)
    return found


def _number(value: Any) -> float | None:  # noqa: ANN401 -- a cell
    return None if is_missing(value) else float(value)


Rule = Callable[[Evidence], Finding]
RULES: dict[str, Rule] = {}


def rule(identifier: str) -> Callable[[Rule], Rule]:
    """Register a rule under the id by which ``published/claims.csv`` names it.

    Raises:
        UnmixingError: the id is taken.
    """

    def register(decides: Rule) -> Rule:
        if identifier in RULES:
            raise UnmixingError(f"two rules are called {identifier}: give each claim's rule an id of its own")
        RULES[identifier] = decides
        return decides

    return register
