"""Why ours lies off the paper's: what of the measured rows takes a difference away, and how much of it.

A clue is a measured number, never an opinion: what the other protocol gives, what one field of the audit moves, what
the same recipe gives with more updates, what the network gives without the contrastive term. It explains a difference
if, carried over, it takes at least half of it away. What has no such clue is unexplained at this scale.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from unmixing.published import paper_value
from unmixing.tables.audit_effects import Panel
from unmixing.tables.contrastive_rows import CONFIGURATION, LAMBDA_1, arm, contrastive, run_table
from unmixing.tables.forms import signed
from unmixing.tables.run_rows import of_phase, on_scene, run_means, scored, was_found
from unmixing.tables.scorecard_values import Comparison
from unmixing.tables.sweep_rows import BASELINE, IDENTITY, PAPER_IMAGES, sweep

#: A clue that takes less of a difference away than this explains nothing.
ENOUGH = 0.5
LARGEST = 3

UNEXPLAINED = "unexplained at this scale"


@dataclass(frozen=True)
class Clue:
    """One measured number beside a difference.

    Attributes:
        share: Of the difference that it takes away; 1 for all of it, below 0 where it adds to it.
        text: What was measured.
    """

    share: float
    text: str


def largest(found: Sequence[Comparison], count: int = LARGEST) -> list[Comparison]:
    """Return the largest disagreements, in margins: averages beyond their margin, each trained arm once.

    A value that a table repeats is left out, and so are single endmembers: theirs is part of their row's.

    Args:
        found: All comparisons.
        count: At most so many.
    """
    beyond = [one for one in found if one.what == "average" and not one.repeats and _margins(one) > 1]
    return sorted(beyond, key=lambda one: -_margins(one))[:count]


def _margins(one: Comparison) -> float:
    """Return the size of a difference in margins; 0 without one."""
    return abs(one.judgement.margins) if one.judgement is not None and one.judgement.n else 0.0


def explain(one: Comparison, found: Sequence[Comparison], rows: pd.DataFrame, panels: Sequence[Panel] = ()) -> str:
    """Explain one difference from measured rows.

    Args:
        one: What is to be explained; it must have a difference.
        found: All comparisons.
        rows: Run rows of all phases at hand.
        panels: Of the audit (``audit_effects.audited``).

    Returns:
        Clues that take half of the difference away or more, largest first, at most two; else that it is unexplained at
        this scale. What is short of the paper's scale and what must be known of the printed value follow.
    """
    clues = sorted(_clues(one, found, rows, panels), key=lambda clue: -clue.share)
    telling = [clue for clue in clues if clue.share >= ENOUGH][:2]
    words = [f"{clue.text} ({100 * min(clue.share, 1):.0f} % of the difference)" for clue in telling] or [UNEXPLAINED]
    if telling and telling[0].share < 1 and one.difference is not None:
        words.append(f"{signed((1 - telling[0].share) * one.difference)} rad remain unexplained")
    if not telling and clues:
        words.append(f"the nearest clue is too small: {clues[0].text}")
    if one.ours.scale:
        words.append(f"short of the paper's scale: {', '.join(one.ours.scale)}")
    if one.note and not one.repeats and "mean over the three" not in one.note:
        words.append(f"of the printed value: {one.note}")
    return "; ".join(words)


def _share(difference: float, left: float) -> float:
    """Return how much of a difference is taken away where another is left."""
    return 1 - abs(left) / abs(difference) if difference else 0.0


def _clues(one: Comparison, found: Sequence[Comparison], rows: pd.DataFrame, panels: Sequence[Panel]) -> Iterator[Clue]:
    difference = one.difference
    if difference is None or not difference:
        return
    yield from _other_protocol(one, difference, found)
    yield from _single_run(one, difference)
    yield from _audit(one, difference, panels)
    if one.ours.arm == "baseline":
        yield from _lost_endmembers(one, difference, rows)
    elif one.table == 5:
        yield from _few_updates(one, difference, rows)
        yield from _offset(one, difference, rows)
    elif one.table == 6:
        yield from _without_term(one, difference, rows)


def _other_protocol(one: Comparison, difference: float, found: Sequence[Comparison]) -> Iterator[Clue]:
    """What the same printed value's other protocol leaves of the difference."""
    place = (one.table, one.scene, one.label, one.column)
    for other in found:
        left = other.difference
        same = (other.table, other.scene, other.label, other.column) == place
        if same and other.ours.protocol != one.ours.protocol and left is not None:
            between = " on the other side of the paper's" if left * difference < 0 else ""
            text = f"under {other.ours.protocol} ours lies {signed(left)} rad off{between} (n = {other.ours.runs})"
            yield Clue(_share(difference, left), text)


def _single_run(one: Comparison, difference: float) -> Iterator[Clue]:
    """Whether the printed value of a single run lies within the scatter of ours."""
    values = one.ours.values
    if one.table != 6 or one.ours.arm == "baseline" or len(values) < 2:
        return
    scatter = float(values.std(ddof=1)) * (1 + 1 / len(values)) ** 0.5
    text = f"the paper's value is one run, and single runs of ours scatter by {scatter:.4f} rad (SD, n = {len(values)})"
    yield Clue(_share(difference, max(abs(difference) - 2 * scatter, 0.0)), text)


def _audit(one: Comparison, difference: float, panels: Sequence[Panel]) -> Iterator[Clue]:
    """What each audited field, changed alone, leaves of the difference of a mean over endmembers."""
    if one.what != "average":
        return
    phase = {3: "baseline", 5: "augmentation", 6: "contrastive"}[one.table]
    places = {
        panel.place: panel for panel in panels if (panel.scene.scene, panel.protocol) == (one.scene, one.ours.protocol)
    }
    for place, panel in places.items():
        if panel.phase != phase or place.partition("-")[0] != ("" if phase == "baseline" else one.ours.arm):
            continue
        for effect in panel.effects:
            comparison = effect.compare()
            if effect.closing or comparison is None:
                continue
            bounds = ""
            if comparison.interval is not None:
                low, high = (signed(end) for end in (comparison.interval.low, comparison.interval.high))
                bounds = f" [{low}, {high}]"
            text = (
                f"{effect.field} changed alone, from {effect.before_value} to {effect.after_value}, moves ours by "
                f"{signed(comparison.difference)} rad{bounds} (n = {comparison.n} pairs)"
            )
            yield Clue(_share(difference, difference + comparison.difference), text)


def _lost_endmembers(one: Comparison, difference: float, rows: pd.DataFrame) -> Iterator[Clue]:
    """Whether runs that find all endmembers and runs that lose one stand on both sides of the paper's value."""
    if one.what != "average":
        return
    part = _part(of_phase(rows, "baseline"), one)
    usable = scored(part)
    found = was_found(usable).groupby(usable["run"]).all().sort_index().to_numpy(bool)
    means = run_means(part)
    if found.all() or not found.any():
        return
    kinds = float(means[found].mean()), float(means[~found].mean())
    inside = min(kinds) <= one.published <= max(kinds)
    text = (
        f"{found.sum()} of {len(found)} runs find all endmembers and average {kinds[0]:.4f} rad, the others "
        f"{kinds[1]:.4f}: a mean over both kinds depends on how many lose one"
    )
    nearest = min((kind - one.published for kind in kinds), key=abs)
    yield Clue(1.0 if inside else _share(difference, nearest), text)


def _few_updates(one: Comparison, difference: float, rows: pd.DataFrame) -> Iterator[Clue]:
    """How far the baseline's recipe lies off itself at the sweep's number of updates."""
    short, own = _sweep_arm(rows, one, BASELINE), _part(of_phase(rows, "baseline"), one)
    if short.empty or own.empty or scored(own)["sad_rad"].isna().any():
        return
    early, late = _mean(short), float(run_means(own).mean())
    updates = int(scored(short)["updates"].max()), int(scored(own)["updates"].max())
    if updates[0] >= updates[1]:
        return
    text = (
        f"the baseline's recipe itself lies {signed(early - late)} rad higher with the sweep's {updates[0]} updates "
        f"than with {updates[1]} (n = {short.drop_duplicates(['regime', 'run']).shape[0]} and {own['run'].nunique()})"
    )
    yield Clue(_share(difference, difference - (early - late)), text)


def _offset(one: Comparison, difference: float, rows: pd.DataFrame) -> Iterator[Clue]:
    """What is left once ours and the paper's are each taken relative to training without augmentation."""
    copies = _sweep_arm(rows, one, IDENTITY)
    original = paper_value(5, one.scene, "Original Results", "average")
    if copies.empty or original is None:
        return
    offset = _mean(copies) - original
    text = f"unaugmented copies of ours already lie {signed(offset)} rad off the paper's baseline"
    yield Clue(_share(difference, difference - offset), text)


def _without_term(one: Comparison, difference: float, rows: pd.DataFrame) -> Iterator[Clue]:
    """Whether the same training without the contrastive term lies as far off."""
    part = _part(contrastive(rows, group=CONFIGURATION), one)
    if part.empty or one.what != "average":
        return
    control = arm(run_table(part), one.ours.arm, LAMBDA_1)["sad_rad"].dropna()
    if control.empty:
        return
    shared = float(control.mean()) - one.published
    text = (
        f"without the contrastive term the same training lies {signed(shared)} rad off (n = {len(control)}): the cause "
        "is in what both share, not in the term"
    )
    yield Clue(_share(difference, difference - shared), text)


def _part(rows: pd.DataFrame, one: Comparison) -> pd.DataFrame:
    """Return the rows of a comparison's scene and protocol."""
    return on_scene(rows, one.scene, one.ours.protocol)


def _sweep_arm(rows: pd.DataFrame, one: Comparison, treatment: str) -> pd.DataFrame:
    """Return scored rows of a control of the sweep at the number of images that a comparison has."""
    part = _part(sweep(rows), one)
    if part.empty:
        return part
    images = PAPER_IMAGES if PAPER_IMAGES in set(part["images"]) else int(part["images"].max())
    chosen = scored(part[(part["treatment"] == treatment) & (part["images"] == images)])
    return chosen if chosen["sad_rad"].notna().all() else chosen.iloc[:0]


def _mean(rows: pd.DataFrame) -> float:
    """Return the mean SAD over regimes, each weighing the same."""
    by_run = rows.groupby(["regime", "run"])["sad_rad"].mean()
    return float(by_run.groupby("regime").mean().mean())
