"""The effect of every single difference between text and released code, from paired runs of the baseline."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from unmixing.protocol.audit import SETTING_PREFIX, flipped_value
from unmixing.protocol.baseline import PROTOCOLS
from unmixing.statistics import PairedComparison, holm, paired_comparison
from unmixing.tables.audit_sources import FIELDS
from unmixing.tables.run_rows import NO_REFERENCE, is_paper_scale, of_phase, reasons, scored, was_found
from unmixing.tables.scene_rows import SceneRow, order_protocols, scenes_to_show

SUM = "the single changes added up"
TOGETHER = "all changes at once"
REMAINDER = "all at once beyond the sum"

#: Fields of the training in which the two protocols differ: the single changes between them.
BETWEEN = tuple(
    name for name in FIELDS if getattr(PROTOCOLS["described"], name) != getattr(PROTOCOLS["released"], name)
)


@dataclass(frozen=True)
class Effect:
    """What one change did, run by run.

    Attributes:
        field: What was changed, one of `FIELDS`, or the name of a closing row.
        before_value: The field's value before.
        after_value: And after.
        before: SAD in radians before the change, mean over endmembers, by run; empty without pairs.
        after: After the change, for the same runs.
        twins: Runs that are one training twice, and therefore no pairs.
        moved: Mean difference in radians by endmember, with its name in front.
        found: Runs that found all endmembers before and after, and runs in both arms; None in some closing rows.
        paper_scale: Whether both arms are at the paper's scale.
        reason: Why there are no or fewer pairs.
    """

    field: str
    before_value: str = ""
    after_value: str = ""
    before: pd.Series[float] = dataclasses.field(default_factory=lambda: pd.Series(dtype=float))
    after: pd.Series[float] = dataclasses.field(default_factory=lambda: pd.Series(dtype=float))
    twins: tuple[int, ...] = ()
    moved: tuple[tuple[str, float], ...] = ()
    found: tuple[int, int, int] | None = None
    paper_scale: bool = False
    reason: str = ""

    @property
    def differences(self) -> pd.Series[float]:
        """After minus before by run, in radians."""
        return self.after - self.before

    @property
    def size(self) -> float:
        """Absolute mean difference in radians; -1 without pairs, which sorts behind all others."""
        return abs(float(self.differences.mean())) if len(self.before) else -1.0

    @property
    def closing(self) -> bool:
        """Whether it compares all changes rather than being one."""
        return self.field not in FIELDS

    def compare(self) -> PairedComparison | None:
        """Return the paired comparison, None without pairs."""
        if self.before.empty:
            return None
        return paired_comparison(self.after.to_numpy(np.float64), self.before.to_numpy(np.float64))


def audited(
    rows: pd.DataFrame, scenes: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[SceneRow, str, list[Effect], str]]:
    """Yield each scene of the study and protocol with its effects, or with the reason why there are none.

    Args:
        rows: Run rows of the phases baseline and audit; possibly empty.
        scenes: Availability records of all scenes.

    Yields:
        Scene, protocol ("" for a scene that has no runs of the audit), effects, reason.
    """
    audit = of_phase(rows, "audit")
    for scene in scenes_to_show(scenes):
        if not scene.in_study:
            continue
        of_scene = audit[audit["scene"] == scene.scene] if len(audit) else audit
        if of_scene.empty:
            reason = scene.reason or "no runs of the audit: name the scene under `audit: scenes` in the configuration"
            yield scene, "", [], reason
            continue
        for protocol in order_protocols(of_scene["protocol"].tolist()):
            yield scene, protocol, effects(rows[rows["scene"] == scene.scene], protocol), ""


def effects(rows: pd.DataFrame, protocol: str) -> list[Effect]:
    """Return the effect of every single change from a protocol, largest first, then the closing rows.

    Args:
        rows: Run rows of one scene, of the phases baseline and audit, under all protocols.
        protocol: ``described`` or ``released``, where the changes start.
    """
    audit = of_phase(rows, "audit")
    baseline = of_phase(rows, "baseline")
    start = baseline[baseline["protocol"] == protocol]
    changed = audit[audit["protocol"] == protocol]
    single = []
    for name in FIELDS:
        before_value, after_value = str(getattr(PROTOCOLS[protocol], name)), flipped_value(protocol, name)
        arm = changed[changed["setting"] == f"{SETTING_PREFIX}{name}"]
        single.append(_change(name, before_value, after_value, start, arm))
    single.sort(key=lambda effect: -effect.size)
    other = "released" if protocol == "described" else "described"
    together = _change(TOGETHER, protocol, other, start, baseline[baseline["protocol"] == other])
    return single + _closing({effect.field: effect for effect in single}, together)


def _change(name: str, before_value: str, after_value: str, start: pd.DataFrame, changed: pd.DataFrame) -> Effect:
    """Pair the runs of two arms."""
    if changed.empty:
        where = f"add {name} to `audit: baseline`" if name in FIELDS else f"add {after_value} to `baseline: protocols`"
        return Effect(name, before_value, after_value, reason=f"no runs in this study: {where} in the configuration")
    if start.empty:
        return Effect(name, before_value, after_value, reason="no baseline runs under this protocol to compare with")
    common = sorted(set(start["run"]) & set(changed["run"]))
    twins = _twins(start, changed) if name == "initial_weights" else ()
    arms = [arm[arm["run"].isin(set(common) - set(twins))] for arm in (start, changed)]
    known = [scored(arm).dropna(subset=["sad_rad"]) for arm in arms]
    means = pd.concat([arm.groupby("run")["sad_rad"].mean() for arm in known], axis=1, keys=["before", "after"])
    means = means.dropna().astype(float)
    remarks = [f"run {run} left out: the same training on both sides" for run in twins]
    remarks += [
        f"{side} the change {text}"
        for side, arm in zip(("before", "after"), arms, strict=True)
        if (text := reasons(arm))
    ]
    if means.empty:
        blind = all(len(scored(arm)) and scored(arm)["sad_rad"].isna().all() for arm in arms)
        remarks.insert(0, NO_REFERENCE if blind else "no run has numbers before and after the change")
        return Effect(name, before_value, after_value, twins=twins, reason="; ".join(remarks))
    found = [int(was_found(arm).groupby(arm["run"]).all().sum()) for arm in known]
    return Effect(
        name,
        before_value,
        after_value,
        means["before"],
        means["after"],
        twins=twins,
        moved=_moved(*(arm[arm["run"].isin(means.index)] for arm in known)),
        found=(found[0], found[1], arms[0]["run"].nunique()),
        paper_scale=all(is_paper_scale(arm, {}) for arm in (start, changed)),
        reason="; ".join(remarks),
    )


def _twins(start: pd.DataFrame, changed: pd.DataFrame) -> tuple[int, ...]:
    """Return the runs whose initial weights are the same in both arms, as the seeds on record say."""
    if "seed_initialisation" not in start or "seed_initialisation" not in changed:
        return ()
    seeds = [arm.drop_duplicates("run").set_index("run")["seed_initialisation"] for arm in (start, changed)]
    both = pd.concat(seeds, axis=1, keys=["before", "after"]).dropna()
    return tuple(int(run) for run in sorted(both.index[both["before"] == both["after"]]))


def _moved(before: pd.DataFrame, after: pd.DataFrame) -> tuple[tuple[str, float], ...]:
    """Return the mean difference of each endmember over the pairs."""
    means = [arm.groupby("endmember")["sad_rad"].mean() for arm in (before, after)]
    names = after.drop_duplicates("endmember").set_index("endmember")["name"]
    moved = (means[1] - means[0]).dropna()
    return tuple(zip(names.loc[moved.index].astype(str), moved.astype(float), strict=True))


def _closing(single: Mapping[str, Effect], together: Effect) -> list[Effect]:
    """Return the sum of the single changes, all changes at once, and the second less the first."""
    lacking = [name for name in BETWEEN if single[name].before.empty and not single[name].twins]
    if lacking:
        return [Effect(SUM, reason=f"no sum: {', '.join(lacking)} without pairs"), together]
    parts = [_with_twins(single[name]) for name in BETWEEN]
    start = pd.concat([single[name].before for name in BETWEEN if len(single[name].before)])
    start = start[~start.index.duplicated()]
    added = pd.concat([start, *parts], axis=1).dropna().sum(axis=1)
    alone = together.before.empty
    runs = added.index if alone else added.index.intersection(together.before.index)
    if runs.empty:
        return [Effect(SUM, reason="no run has numbers under all changes"), together]
    paper_scale = all(single[name].paper_scale for name in BETWEEN)
    summed = Effect(SUM, before=start[runs], after=added[runs], paper_scale=paper_scale)
    if alone:
        return [summed, together]
    if len(runs) < len(together.before):
        together = dataclasses.replace(
            together, before=together.before[runs], after=together.after[runs], moved=(), found=None
        )
    beyond = Effect(
        REMAINDER, before=summed.after, after=together.after, paper_scale=paper_scale and together.paper_scale
    )
    return [summed, together, beyond]


def _with_twins(effect: Effect) -> pd.Series[float]:
    """Return the differences by run, zero where both sides are one training."""
    differences = effect.differences
    return differences.reindex(differences.index.union(list(effect.twins)), fill_value=0.0)


def count_pairs(found: Sequence[Effect]) -> str:
    """Return the number of pairs of the single changes in words: ``5 pairs``, or ``4 to 5 pairs`` if they differ."""
    counts = [len(effect.before) for effect in found if not effect.closing and len(effect.before)] or [0]
    least, most = min(counts), max(counts)
    return f"{most} pair{'' if most == 1 else 's'}" if least == most else f"{least} to {most} pairs"


def adjusted_p_values(found: Sequence[Effect]) -> dict[str, float]:
    """Return Holm's adjusted p value of every single change that has a test, by field."""
    tested = {
        effect.field: comparison.p_value
        for effect in found
        if not effect.closing and (comparison := effect.compare()) is not None and comparison.p_value is not None
    }
    adjusted, _ = holm(list(tested.values()))
    return dict(zip(tested, adjusted.tolist(), strict=True))
