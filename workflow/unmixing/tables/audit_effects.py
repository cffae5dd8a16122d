"""The effect of every single difference between text and released code, in every phase that the audit takes apart."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from unmixing.augmentation.treatments import TREATMENTS
from unmixing.protocol.audit import (
    FIELDS,
    MATCHING,
    PHASES,
    UNCHANGED,
    flipped_value,
    idle,
    parts_of,
    setting_of,
    starting_point,
    unchanged,
)
from unmixing.statistics import holm
from unmixing.tables.audit_pairs import Effect, pair
from unmixing.tables.contrastive_rows import CONFIGURATIONS
from unmixing.tables.run_rows import of_phase
from unmixing.tables.scene_rows import SceneRow, order_protocols, scenes_to_show
from unmixing.tables.sweep_rows import REGIMES

SUM = "the single changes added up"
TOGETHER = "all changes at once"
REMAINDER = "all at once beyond the sum"

PHASE_TITLES: Mapping[str, str] = {
    "baseline": "baseline",
    "augmentation": "sweep",
    "contrastive": "contrastive training",
}


@dataclass(frozen=True)
class Panel:
    """The effects of one place: a phase, and in it an arm of the sweep or a named configuration.

    Attributes:
        scene: Where the runs come from.
        protocol: From which the changes start; empty for a scene without runs of the audit.
        phase: One of ``PHASES``; empty likewise.
        place: Arm or configuration; empty in the baseline.
        effects: Single changes, largest first, then closing rows.
        reason: Why there are none.
    """

    scene: SceneRow
    protocol: str = ""
    phase: str = ""
    place: str = ""
    effects: tuple[Effect, ...] = ()
    reason: str = ""

    @property
    def place_title(self) -> str:
        """The place in words; empty in the baseline."""
        if self.phase == "augmentation":
            treatment, regime, images = self.place.split("-")
            return f"{TREATMENTS[treatment].title}; {REGIMES[regime]}; {images} images"
        return CONFIGURATIONS.get(self.place, self.place)

    @property
    def heading(self) -> str:
        """Scene, kind, protocol and place in words."""
        words = [f"{self.scene.title} ({self.scene.kind})"]
        if self.protocol:
            words.append(f"from {self.protocol}")
        if self.phase:
            words.append(PHASE_TITLES[self.phase] + (f" at {self.place_title}" if self.place else ""))
        return ", ".join(words)

    @property
    def pairs(self) -> str:
        """Number of pairs of the single changes in words: ``5 pairs``, or ``4 to 5 pairs`` if they differ."""
        counts = [len(effect.before) for effect in self.effects if not effect.closing and len(effect.before)] or [0]
        least, most = min(counts), max(counts)
        return f"{most} pair{'' if most == 1 else 's'}" if least == most else f"{least} to {most} pairs"


def audited(rows: pd.DataFrame, scenes: Sequence[Mapping[str, Any]]) -> Iterator[Panel]:
    """Yield each scene of the study with its effects, by protocol and place, or with the reason why there are none.

    Args:
        rows: Run rows of the audit and of the phases that it takes apart; possibly empty.
        scenes: Availability records of all scenes.
    """
    audit = of_phase(rows, "audit")
    for scene in scenes_to_show(scenes):
        if not scene.in_study:
            continue
        own = audit[audit["scene"] == scene.scene] if len(audit) else audit
        if own.empty:
            reason = scene.reason or "no runs of the audit: name the scene under `audit: scenes` in the configuration"
            yield Panel(scene, reason=reason)
            continue
        here = rows[rows["scene"] == scene.scene]
        for protocol in order_protocols(own["protocol"].tolist()):
            for phase in PHASES:
                yield from _of_phase(scene, here, phase, protocol)


def _of_phase(scene: SceneRow, rows: pd.DataFrame, phase: str, protocol: str) -> Iterator[Panel]:
    """Yield the panels of one phase; what was changed nowhere stands in the first of them."""
    arms = _arms(rows, phase, protocol)
    made = {field for field, _ in arms}
    lacking = [name for name in FIELDS[phase] if name not in made]
    places = list(dict.fromkeys(place for _, place in arms))
    for number, place in enumerate(places):
        start = _start(rows, phase, protocol, place)
        made_here = [name for name in FIELDS[phase] if (name, place) in arms]
        single = [_single(phase, protocol, name, place, start, arms[name, place]) for name in made_here]
        single.sort(key=lambda effect: -effect.size)
        if not number:
            single += [_not_made(phase, protocol, name, places) for name in lacking]
        closing = _closing(rows, single, phase, protocol, place)
        yield Panel(scene, protocol, phase, place, (*single, *closing))


def _arms(rows: pd.DataFrame, phase: str, protocol: str) -> dict[tuple[str, str], pd.DataFrame]:
    """Return the changed arms of a phase by field and place, places in the order of Table 2."""
    audit = of_phase(rows, "audit")
    audit = audit[audit["protocol"] == protocol]
    found = {}
    for setting in sorted(audit["setting"].unique()):
        of, field, place = parts_of(setting)
        if of == phase and field != UNCHANGED:
            arm = audit[audit["setting"] == setting]
            found[field, str(arm["configuration"].iloc[0]) if phase == "contrastive" else place] = arm
    order = list(TREATMENTS)
    return dict(sorted(found.items(), key=lambda one: _rank(one[0][1], order)))


def _rank(place: str, order: Sequence[str]) -> tuple[int, int, str]:
    treatment, _, rest = place.partition("-")
    return (-int(rest.rpartition("-")[2]), order.index(treatment), rest) if rest else (0, 0, place)


def _start(rows: pd.DataFrame, phase: str, protocol: str, place: str) -> pd.DataFrame:
    """Return the rows that changed ones are compared with: the audit's own where it has them, else the phase's."""
    start = rows.iloc[:0]
    for home, setting in (("audit", setting_of(phase, UNCHANGED, place)), unchanged(phase, protocol, place)):
        if start.empty:
            found = of_phase(rows, home)
            start = found[(found["protocol"] == protocol) & (found["setting"] == setting)]
    return start


def _single(phase: str, protocol: str, name: str, place: str, start: pd.DataFrame, changed: pd.DataFrame) -> Effect:
    change = _change(phase, protocol, name)
    if start.empty:
        which = "" if phase == "baseline" else f" of {PHASE_TITLES[phase]}"
        words = f"no {'baseline ' if phase == 'baseline' else ''}runs{which} under this protocol to compare with"
        return dataclasses.replace(change, reason=words)
    arm = place if phase == "augmentation" else ""
    return pair(change, start, changed, drop_twins=name == "initial_weights", arm=arm, protocol=protocol)


def _change(phase: str, protocol: str, name: str) -> Effect:
    before, after = getattr(starting_point(phase, protocol), name), flipped_value(phase, protocol, name)
    return Effect(name, _word(before), _word(after))


def _word(value: Any) -> str:  # noqa: ANN401 -- word, number or truth value
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _not_made(phase: str, protocol: str, name: str, places: Sequence[str]) -> Effect:
    """Return a change without runs: it cannot move anything in any of the places, or nobody asked for it."""
    why = [idle(phase, protocol, name, place) for place in places]
    reason = f"no runs in this study: add {name} to `audit: {phase}` in the configuration"
    return dataclasses.replace(
        _change(phase, protocol, name), reason=f"changes nothing here: {why[0]}" if why and all(why) else reason
    )


def _between(phase: str) -> tuple[str, ...]:
    """Return the fields of the training in which the two starting points differ: the changes between them."""
    both = [starting_point(phase, protocol) for protocol in ("described", "released")]
    return tuple(name for name in FIELDS[phase] if name != MATCHING and len({getattr(one, name) for one in both}) > 1)


def _closing(rows: pd.DataFrame, effects: Sequence[Effect], phase: str, protocol: str, place: str) -> list[Effect]:
    """Return the sum of the single changes, all changes at once, and the second less the first.

    Beyond the baseline a row without numbers is left out; so are all where runs were taken together.
    """
    other = "released" if protocol == "described" else "described"
    starts = [_start(rows, phase, name, place) for name in (protocol, other)]
    change = Effect(TOGETHER, protocol, other, closing=True)
    if starts[1].empty:
        words = f"no runs in this study: add {other} to `{phase}: protocols` in the configuration"
        together = dataclasses.replace(change, reason=words)
    elif starts[0].empty:
        together = dataclasses.replace(change, reason="no runs under this protocol to compare with")
    else:
        together = pair(change, *starts, drop_twins=False)
    found = _with_sum({effect.field: effect for effect in effects}, together, phase, protocol, place)
    if phase == "baseline":
        return found
    return [] if any(one.scored_runs for one in effects) else [one for one in found if len(one.before)]


def _with_sum(single: Mapping[str, Effect], together: Effect, phase: str, protocol: str, place: str) -> list[Effect]:
    moving = [name for name in _between(phase) if not idle(phase, protocol, name, place)]
    lacking = [name for name in moving if name not in single or (single[name].before.empty and not single[name].twins)]
    if lacking:
        reason = f"no sum: {', '.join(lacking)} without pairs"
        return [Effect(SUM, reason=reason, closing=True), together]
    parts = [_with_twins(single[name]) for name in moving]
    start = pd.concat([single[name].before for name in moving if len(single[name].before)])
    start = start[~start.index.duplicated()]
    added = pd.concat([start, *parts], axis=1).dropna().sum(axis=1)
    alone = together.before.empty
    runs = added.index if alone else added.index.intersection(together.before.index)
    if runs.empty:
        return [Effect(SUM, reason="no run has numbers under all changes", closing=True), together]
    epochs = frozenset[int]().union(*(single[name].epochs for name in moving))
    summed = Effect(SUM, before=start[runs], after=added[runs], epochs=epochs, closing=True)
    if alone:
        return [summed, together]
    if len(runs) < len(together.before):
        together = dataclasses.replace(
            together, before=together.before[runs], after=together.after[runs], moved=(), found=None
        )
    beyond = Effect(REMAINDER, before=summed.after, after=together.after, epochs=epochs | together.epochs, closing=True)
    return [summed, together, beyond]


def _with_twins(effect: Effect) -> pd.Series[float]:
    """Return the differences by run, zero where both sides are one training."""
    differences = effect.differences
    return differences.reindex(differences.index.union(list(effect.twins)), fill_value=0.0)


def adjusted_p_values(panels: Sequence[Panel]) -> dict[tuple[str, str], float]:
    """Return Holm's adjusted p value of every single change that has a test, by place and field.

    Args:
        panels: Of one scene, protocol and phase.
    """
    tested = {
        (panel.place, effect.field): comparison.p_value
        for panel in panels
        for effect in panel.effects
        if not effect.closing and (comparison := effect.compare()) is not None and comparison.p_value is not None
    }
    adjusted, _ = holm(list(tested.values()))
    return dict(zip(tested, adjusted.tolist(), strict=True))
