"""Every number that the paper's Tables 3, 5, 6 and 7 print, with what of ours stands beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from unmixing.published import BASELINE_LABELS, paper_values
from unmixing.statistics import standard_deviations
from unmixing.statistics.sweep import draw_values
from unmixing.statistics.verdicts import Judgement, judge, not_testable
from unmixing.tables.claims import judged_by
from unmixing.tables.contrastive_rows import AS_IT_IS, CONFIGURATION, SEARCH, contrastive, run_table
from unmixing.tables.run_rows import NO_REFERENCE, of_phase, plan_of, reasons, scored
from unmixing.tables.scene_rows import PAPER_SCENES, SceneRow, order_protocols, scenes_to_show, unlisted
from unmixing.tables.scorecard_scale import baseline_scale, point_scale, sweep_scale
from unmixing.tables.sweep_rows import PAPER_IMAGES, PAPER_TREATMENTS, draws, runs_of, summarise, sweep
from unmixing.tables.table5 import ORIGINAL, reasons_of
from unmixing.tables.table6 import AVERAGE, PAPER_ROWS
from unmixing.tables.table7 import PAPER_COLUMNS, PAPER_SETUPS

Kind = Literal["mean", "deviation", "choice"]

TABLES = (3, 5, 6, 7)
NOT_JUDGED = "not judged"
NOT_TESTABLE = "not testable here"

WORDS: Mapping[str, str] = {
    "average_sad": "average",
    "average": "average",
    "avg_sad": "average",
    "standard_deviation_std": "STD",
    "std": "STD",
    "temp_tau": "temperature",
    "lambda": "lambda",
    "patch": "patch size",
    "batch": "batch size",
    "sigma_k": "sigma",
}

#: Scenes on whose trials the setups of Table 7 were chosen.
CHOSEN_ON: Mapping[str, tuple[str, ...]] = {
    "table7_average": ("samson", "urban4"),
    "table7_samson": ("samson",),
    "table7_urban4": ("urban4",),
}

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Ours:
    """What of ours stands beside one printed value.

    Attributes:
        protocol: Of the runs; "" without any.
        arm: What was trained: ``baseline``, a treatment, a configuration.
        values: (n,) one for each independent run or draw, radians; empty without any.
        value: Our number, None without one.
        runs: Runs behind it, those of one draw counted each.
        scale: What of the scale differs from the paper's, in words; empty where nothing does.
        reason: What is missing or went wrong.
    """

    protocol: str = ""
    arm: str = ""
    values: Vector = field(default_factory=lambda: np.empty(0))
    value: float | None = None
    runs: int = 0
    scale: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Comparison:
    """One printed value beside ours.

    Attributes:
        table: Of the paper.
        scene: Our id; "" for Table 7.
        title: Of the scene, or of what the row was chosen on.
        label: Of the row, as printed.
        column: Of the cell, as in ``published/paper.csv``.
        kind: A mean, which is judged; a deviation or a chosen hyper-parameter, which is shown.
        published: The printed number.
        note: What must be known of it.
        repeats: Whether an earlier table prints the same number of the same runs.
        ours: What stands beside it.
        judgement: None for what is not judged.
    """

    table: int
    scene: str
    title: str
    label: str
    column: str
    kind: Kind
    published: float
    note: str
    repeats: bool
    ours: Ours
    judgement: Judgement | None

    @property
    def what(self) -> str:
        """The cell's column in words: average, STD, E1, temperature."""
        return WORDS.get(self.column, self.column.removeprefix("avg_").upper())

    @property
    def verdict(self) -> str:
        """The verdict as it is printed."""
        if self.judgement is not None:
            return self.judgement.verdict
        return NOT_TESTABLE if self.ours.value is None else NOT_JUDGED

    @property
    def difference(self) -> float | None:
        """Ours minus the paper's; None without ours, and for choices, which have no distance."""
        return None if self.ours.value is None or self.kind == "choice" else self.ours.value - self.published

    @property
    def judged_by(self) -> str | None:
        """Which figure so many runs of this scene may be judged by; None for what is not judged."""
        return judged_by(self.scene, self.judgement.n) if self.judgement is not None and self.judgement.n else None


def comparisons(
    rows: pd.DataFrame, scenes: Sequence[Mapping[str, Any]], scale: Mapping[str, Mapping[str, Any]]
) -> list[Comparison]:
    """Put every printed number beside ours.

    Args:
        rows: Run rows of the phases baseline, augmentation and contrastive, possibly with others; possibly empty.
        scenes: Availability records of all scenes.
        scale: By scene: the planned scale of the baseline; ``augmentation`` and ``contrastive`` hold those of the
            others.

    Returns:
        In the paper's order, each value once for every protocol that has runs for it, and once without any. Crops,
        synthetic and semi-real scenes stand beside nothing.
    """
    shown = {scene.scene: scene for scene in scenes_to_show(scenes) if scene.paper}
    printed = paper_values()
    printed = printed[printed["table"].isin(TABLES) & printed["value"].notna()]
    sources: Mapping[int, Callable[[Mapping[str, Any], SceneRow], Iterator[Ours]]] = {
        3: _of_baseline(rows, scale),
        5: _of_sweep(rows, scale),
        6: _of_contrastive(rows, scale),
    }
    choices = _choices(rows)
    found = []
    for record in printed.to_dict("records"):
        cell = {str(key): value for key, value in record.items()}
        if cell["table"] == 7:
            found.append(_compare_choice(cell, choices))
            continue
        scene = shown.get(cell["scene"], unlisted(cell["scene"]))
        found += [_compare(cell, scene, ours) for ours in sources[cell["table"]](cell, scene)]
    return found


def _compare(cell: Mapping[str, Any], scene: SceneRow, ours: Ours) -> Comparison:
    kind: Kind = "deviation" if WORDS.get(cell["column"]) == "STD" else "mean"
    judgement = None
    if kind == "mean":
        if len(ours.values):
            judgement = judge(ours.values, cell["value"], same_scale=not ours.scale)
        else:
            judgement = not_testable(cell["value"], ours.reason)
    return _comparison(cell, scene.scene, scene.title, kind, ours, judgement)


def _comparison(
    cell: Mapping[str, Any], scene: str, title: str, kind: Kind, ours: Ours, judgement: Judgement | None
) -> Comparison:
    baseline = cell["row_label"] in (ORIGINAL, BASELINE_LABELS.get(scene))
    repeats = (cell["table"] == 5 and baseline) or (cell["table"] == 6 and baseline and cell["column"] == "avg_sad")
    return Comparison(
        table=int(cell["table"]),
        scene=scene,
        title=title,
        label=str(cell["row_label"]),
        column=str(cell["column"]),
        kind=kind,
        published=float(cell["value"]),
        note=str(cell["note"]),
        repeats=bool(repeats),
        ours=ours,
        judgement=judgement,
    )


def _of_baseline(
    rows: pd.DataFrame, scale: Mapping[str, Mapping[str, Any]]
) -> Callable[[Mapping[str, Any], SceneRow], Iterator[Ours]]:
    """Return what finds the baseline of a scene beside a cell of Table 3, or of its repetitions."""
    baseline = of_phase(rows, "baseline")

    def find(cell: Mapping[str, Any], scene: SceneRow) -> Iterator[Ours]:
        of_scene = baseline[baseline["scene"] == scene.scene] if len(baseline) else baseline
        if of_scene.empty:
            yield Ours(reason=scene.reason or "no finished runs of the baseline on this scene")
            return
        for protocol in order_protocols(of_scene["protocol"].tolist()):
            part = of_scene[of_scene["protocol"] == protocol]
            yield _of_runs(part, "baseline", str(cell["column"]), baseline_scale(part, scale.get(scene.scene, {})))

    return find


def _of_runs(part: pd.DataFrame, arm: str, column: str, differs: tuple[str, ...]) -> Ours:
    """Summarise runs for one cell: their average, one endmember, or the paper's deviation."""
    usable, total = scored(part), int(part["run"].nunique())
    base = Ours(str(part["protocol"].iloc[0]), arm, runs=total, scale=differs)
    if usable.empty or usable["sad_rad"].isna().any():
        return replace(base, reason=NO_REFERENCE if len(usable) else f"all {total} runs diverged")
    by_run = usable.pivot(index="run", columns="endmember", values="sad_rad").sort_index().to_numpy(np.float64)
    remark = reasons(part)
    what = WORDS.get(column, column)
    if what == "STD":
        known = standard_deviations(by_run).paper if len(by_run) > 1 else None
        return replace(base, value=known, reason=remark or ("" if known is not None else "one run has no deviation"))
    endmember = AVERAGE if what == "average" else int(column.removeprefix("avg_e"))
    values = by_run.mean(axis=1) if endmember == AVERAGE else by_run[:, endmember - 1]
    return replace(base, values=values, value=float(values.mean()), reason=remark)


def _of_sweep(
    rows: pd.DataFrame, scale: Mapping[str, Mapping[str, Any]]
) -> Callable[[Mapping[str, Any], SceneRow], Iterator[Ours]]:
    """Return what finds the treatment of a scene beside a cell of Table 5."""
    chosen, baseline = sweep(rows), _of_baseline(rows, scale)

    def find(cell: Mapping[str, Any], scene: SceneRow) -> Iterator[Ours]:
        if cell["row_label"] == ORIGINAL:
            yield from baseline(cell, scene)
            return
        treatment = PAPER_TREATMENTS[str(cell["row_label"])]
        found = chosen[(chosen["scene"] == scene.scene) & (chosen["treatment"] == treatment)] if len(chosen) else chosen
        if found.empty:
            yield Ours(reason=scene.reason or "no runs of this treatment on this scene")
            return
        for protocol in order_protocols(found["protocol"].tolist()):
            part = found[found["protocol"] == protocol]
            # The paper's number of images where it is at hand, else the largest.
            images = PAPER_IMAGES if PAPER_IMAGES in set(part["images"]) else int(part["images"].max())
            yield _of_treatment(
                part[part["images"] == images], treatment, cell, plan_of(scale, scene.scene, "augmentation")
            )

    return find


def _of_treatment(part: pd.DataFrame, treatment: str, cell: Mapping[str, Any], plan: Mapping[str, Any]) -> Ours:
    protocol, images = str(part["protocol"].iloc[0]), int(part["images"].iloc[0])
    runs = runs_of(part)
    known = runs.where(runs.table["sad_rad"].notna().to_numpy())
    base = Ours(protocol, treatment, runs=len(runs.table), scale=sweep_scale(part, plan))
    if known.table.empty:
        lost = (runs.table["status"] == "diverged").all()
        return replace(base, reason="all runs diverged" if lost else NO_REFERENCE)
    remark = reasons_of(part) or ""
    if WORDS[str(cell["column"])] == "STD":
        deviation = summarise(runs, treatment, protocol, images).get("paper_definition_std")
        return replace(base, value=deviation, reason=remark)
    labels, _ = draws(known.table, [treatment], protocol, images)
    values = draw_values(known.table["sad_rad"].to_numpy(np.float64), known.table["regime"].tolist(), labels)
    return replace(base, values=values, value=float(values.mean()), reason=remark)


def _of_contrastive(
    rows: pd.DataFrame, scale: Mapping[str, Mapping[str, Any]]
) -> Callable[[Mapping[str, Any], SceneRow], Iterator[Ours]]:
    """Return what finds the configuration of a scene beside a cell of Table 6."""
    chosen, baseline = contrastive(rows, group=CONFIGURATION), _of_baseline(rows, scale)

    def find(cell: Mapping[str, Any], scene: SceneRow) -> Iterator[Ours]:
        names = {label: name for name, label in PAPER_ROWS[scene.scene].items()}
        name = names[str(cell["row_label"])]
        if name == "baseline":
            yield from baseline(cell, scene)
            return
        found = chosen
        if len(chosen):
            is_point = (chosen["configuration"] == name) & (chosen["variant"] == AS_IT_IS)
            found = chosen[is_point & (chosen["scene"] == scene.scene)]
        if found.empty:
            yield Ours(reason=scene.reason or "no runs of this configuration on this scene")
            return
        for protocol in order_protocols(found["protocol"].tolist()):
            part = found[found["protocol"] == protocol]
            plan = plan_of(scale, scene.scene, "contrastive")
            yield _of_runs(part, name, str(cell["column"]), point_scale(part, name, plan))

    return find


def _choices(rows: pd.DataFrame) -> dict[str, tuple[str, dict[str, float], int]]:
    """Return by setup of Table 7 the protocol, the point with the lowest SAD of our trials, and their number."""
    trials = contrastive(rows, group=SEARCH)
    if trials.empty:
        return {}
    trials = trials[(trials["run"] == 0) & (trials["loss"] == "generalized")]
    found: dict[str, tuple[str, dict[str, float], int]] = {}
    for protocol in order_protocols(trials["protocol"].tolist()):
        of_protocol = trials[trials["protocol"] == protocol]
        tables = {str(scene): run_table(part).set_index("setting") for scene, part in of_protocol.groupby("scene")}
        for name, scenes in CHOSEN_ON.items():
            if name in found or not set(scenes) <= set(tables):
                continue
            known = pd.concat([tables[scene]["sad_rad"] for scene in scenes], axis=1).dropna().mean(axis=1)
            if len(known):
                first = tables[scenes[0]].loc[[known.sort_values(kind="stable").index[0]]].iloc[0]
                found[name] = protocol, {column: float(first[key]) for key, column in PAPER_COLUMNS.items()}, len(known)
    return found


def _compare_choice(cell: Mapping[str, Any], choices: Mapping[str, tuple[str, dict[str, float], int]]) -> Comparison:
    """Put a hyper-parameter of Table 7 beside that of the first of our trials."""
    name = {label: name for name, label in PAPER_SETUPS.items()}[str(cell["row_label"])]
    title = " and ".join(PAPER_SCENES[scene] for scene in CHOSEN_ON[name])
    if name not in choices:
        ours = Ours(reason=f"no search of the generalized grid on {title} in this study")
        return _comparison(cell, "", title, "choice", ours, None)
    protocol, point, trials = choices[name]
    reason = f"first of {trials} single trials, chosen with the truth: no mean, and no margin to judge it by"
    ours = Ours(protocol, "search", value=point[str(cell["column"])], runs=trials, reason=reason)
    return _comparison(cell, "", title, "choice", ours, None)
