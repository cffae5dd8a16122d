"""Error by the strength of each disturbance, and whether the model leans on language where spectra are poor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from unmixing.figures.panels import MARGIN, WIDTH, message_figure
from unmixing.figures.style import INK, MUTED, PALETTE, Description, style
from unmixing.semantic.experiments.labels import (
    ATTACKS,
    BASE,
    CHANCE,
    CORRECT,
    ENCODER,
    FCLS,
    FIXED,
    HARDENED,
    MODEL,
    NO_LANGUAGE,
    NO_PRIOR,
    NOISE,
    OTHER,
    OTHER_PRIOR,
    RANDOM,
    RELIANCE,
    SANITISED,
    SCLS,
    SHUFFLED,
)
from unmixing.tables.semantic_draws import base_of, by_draw, described, reliance_verdict

_COLUMNS = 4
_PANEL_HEIGHT, _LEGEND_HEIGHT, _RELIANCE_HEIGHT, _MESSAGE_HEIGHT = 1.75, 0.5, 3.0, 0.6
#: Tests without an amplitude that are drawn all the same: two ways of being another sensor.
_SENSORS = ("as Sentinel-2", "as Landsat 8")

#: Colour, marker, line and width of each method.
_LOOK: Mapping[str, tuple[str, str, Any, float]] = {
    MODEL: (PALETTE["vermilion"], "o", "-", 1.8),
    OTHER_PRIOR: (PALETTE["vermilion"], "x", (0, (1, 1.2)), 1.2),
    NO_PRIOR: (PALETTE["orange"], "D", (0, (4, 2)), 1.2),
    SCLS: (PALETTE["blue"], "s", "-", 1.5),
    FCLS: (PALETTE["sky"], "v", (0, (1, 1.2)), 1.2),
    ENCODER: (PALETTE["green"], "^", (0, (4, 2)), 1.2),
    SANITISED: (PALETTE["purple"], "P", (0, (1, 1.2)), 1.2),
    HARDENED: (INK, "X", "-", 1.2),
}
_ANCHORS: Mapping[str, tuple[str, str, Any, float]] = {
    CORRECT: (PALETTE["vermilion"], "o", "-", 1.8),
    SHUFFLED: (PALETTE["purple"], "s", "-", 1.3),
    RANDOM: (PALETTE["blue"], "D", "-", 1.3),
    NO_LANGUAGE: (INK, "^", (0, (4, 2)), 1.3),
}


def describe(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Description:
    """Return what stands beside the figure.

    Args:
        rows: of ``semantic.experiments.robustness``; possibly empty.
        scenes: Not used.
        scale: Not used.
        provenance: Commit, versions, hashes of model and anchors.
    """
    del scenes, scale
    found = reliance_verdict(rows)
    notes = [f"When the spectrum is corrupted the model relies on language: {found['verdict']}."] if found else []
    return Description(
        name="figure_semantic_robustness",
        title="Robustness of unmixing by names",
        caption="Abundance error (aRMSE) of the shipped model, its parts and class-mean least squares by the strength "
        "of each disturbance of generated pixels of unseen spectra; the leftmost mark is the undisturbed base. Below: "
        "error by noise with correct, wrong and no anchors in the prior, and what correct ones save.",
        n=_count(rows),
        notes=[
            *notes,
            "Lines: means over draws of pixels; bars: 95 % intervals over draws, from five draws on.",
            "Attacks: class-mean least squares, the estimate without prior and the sanitised input get the pixels that "
            "were made against the model.",
            "Wrong anchors mislead a model that was trained with the correct ones: what they cost is how much it leans "
            "on language, not what language is worth. That is the distance from no prior.",
        ],
        provenance=provenance,
    )


def draw(spectra: pd.DataFrame, rows: pd.DataFrame, scenes: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw one small panel for each test, and two on language below.

    Args:
        spectra: Not used.
        rows: of ``semantic.experiments.robustness``; possibly empty.
        scenes: Not used.

    Returns:
        A figure 9.6 inches wide; without rows one line that says why it is empty.
    """
    del spectra, scenes
    tests = _tests(rows)
    if not tests:
        return message_figure("Robustness", "not run: robustness is not part of this study", _MESSAGE_HEIGHT)
    lines = -(-len(tests) // _COLUMNS)
    reliance = (rows["test"] == RELIANCE).any()
    heights = [_LEGEND_HEIGHT, _PANEL_HEIGHT * lines, *([_RELIANCE_HEIGHT] if reliance else [])]
    with style():
        figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
        parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
        drawn = [method for method in _LOOK if rows.loc[rows["method"] == method, "value"].notna().any()]
        parts[0].legend(handles=[_mark(_LOOK[name], name) for name in drawn], loc="center left", ncols=4, frameon=False)
        grid = parts[1].subplots(lines, _COLUMNS, sharey=True, squeeze=False)
        for place, axes in enumerate(grid.flat):
            if place < len(tests):
                _panel(axes, rows, tests[place], place % _COLUMNS == 0)
            else:
                axes.set_visible(False)
        if reliance:
            _reliance(parts[2], rows[rows["test"] == RELIANCE])
    return figure


def _count(rows: pd.DataFrame) -> str:
    if rows.empty:
        return "not run"
    errors = rows[rows["metric"] == "armse"]
    return f"{errors['draw'].nunique()} draws of up to {errors['n'].max()} pixels"


def _tests(rows: pd.DataFrame) -> list[str]:
    """Tests with an amplitude, and the other sensors, in the order of the rows."""
    if rows.empty:
        return []
    leveled = rows[(rows["level"] != BASE) & (rows["metric"] == "armse") & (rows["method"] == MODEL)]
    wanted = {*leveled.loc[leveled["number"] != 0, "test"], *_SENSORS} - {RELIANCE}
    return [test for test in dict.fromkeys(leveled["test"]) if test in wanted]


def _mark(look: tuple[str, str, Any, float], label: str) -> Line2D:
    colour, marker, line, width = look
    return Line2D([], [], color=colour, marker=marker, linestyle=line, linewidth=width, markersize=4, label=label)


def _panel(axes: Axes, rows: pd.DataFrame, test: str, first: bool) -> None:
    of_test = rows[(rows["test"] == test) & (rows["level"] != BASE) & (rows["metric"] == "armse")]
    levels = list(dict.fromkeys(of_test["level"]))
    base = base_of(rows, test)
    parts = [base, *(of_test[of_test["level"] == level] for level in levels)]
    labels = ["base", *(_short(level, test) for level in levels)]
    if test == NOISE:
        # The base has noise of its own and stands among the levels.
        parts, labels = parts[1:], labels[1:]
    for method, look in _LOOK.items():
        if of_test.loc[of_test["method"] == method, "value"].notna().any():
            series = [by_draw(part, method, "armse") for part in parts]
            _line(axes, range(len(parts)), series, look, method in (MODEL, SCLS))
    axes.set_xticks(range(len(labels)), labels, fontsize=7 if len(labels) > 4 else 8)
    axes.set_xlim(-0.3, len(labels) - 0.7)
    axes.set_title(test, loc="left", color=INK)
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    if first:
        axes.set_ylabel("aRMSE")


def _short(level: str, test: str) -> str:
    """A level as it fits under a tick: without what the title says."""
    for word in ("depth ", "by ", "g = ", " dB"):
        level = level.replace(word, "")
    if test in (*ATTACKS, CHANCE):
        return level.removeprefix("0")
    return {"interpolation": "interpolated", "response": "responses"}.get(level, level)


def _line(
    axes: Axes,
    places: Sequence[float],
    series: Sequence[pd.Series[Any]],
    look: tuple[str, str, Any, float],
    bars: bool,
    key: str = "value",
) -> None:
    colour, marker, line, width = look
    found = [described(values, key) if len(values) else {} for values in series]
    kept = [(place, record) for place, record in zip(places, found, strict=True) if record]
    if not kept:
        return
    axes.plot(
        [place for place, _ in kept], [record[key] for _, record in kept], color=colour, marker=marker, linestyle=line,
        linewidth=width, markersize=3.5, zorder=4,
    )  # fmt: skip
    for place, record in kept:
        if bars and f"{key}_low" in record:
            axes.plot([place] * 2, [record[f"{key}_low"], record[f"{key}_high"]], color=colour, linewidth=1, zorder=3)


def _reliance(part: SubFigure, rows: pd.DataFrame) -> None:
    part.suptitle("Reliance on language", x=MARGIN, ha="left", fontweight="bold", fontsize=9, color=INK)
    left, right = part.subplots(1, 2)
    numbers = sorted(rows["number"].unique())
    of_level = {number: rows[rows["number"] == number] for number in numbers}
    for name, look in _ANCHORS.items():
        _line(left, numbers, [by_draw(of_level[number], name, "armse") for number in numbers], look, True)
    left.set_ylabel("aRMSE")
    left.set_title("anchors of the prior", loc="left", color=MUTED)
    left.legend(handles=[_mark(look, name) for name, look in _ANCHORS.items()], frameon=False)
    shown, lines = [], {"": "-", OTHER: (0, (4, 2)), FIXED: (0, (1, 1.2))}
    for wrong, suffix in ((RANDOM, ""), (SHUFFLED, ""), (RANDOM, OTHER), (RANDOM, FIXED)):
        colour, marker, _, width = _ANCHORS[wrong]
        look = (colour, marker, lines[suffix], width)
        series = [
            (by_draw(of_level[n], wrong + suffix, "armse") - by_draw(of_level[n], CORRECT + suffix, "armse")).dropna()
            for n in numbers
        ]
        _line(right, numbers, series, look, not suffix)
        shown.append(_mark(look, f"{wrong.split()[0]} minus correct{suffix}"))
    right.axhline(0, color=INK, linewidth=1, zorder=2)
    right.set_ylabel("saved by correct anchors (aRMSE)")
    right.set_title("rises to the left if language matters more under noise", loc="left", color=MUTED)
    low, high = right.get_ylim()
    right.set_ylim(low, high + 0.55 * (high - low))
    right.legend(handles=shown, frameon=False, loc="upper right")
    for axes in (left, right):
        axes.set_xlabel("signal-to-noise ratio (dB)")
        axes.set_xticks(numbers, [f"{number:g}" for number in numbers])
        axes.grid(axis="y")
        axes.set_axisbelow(True)
