"""The workflow's jobs and what they wait for, one box for each rule of each part, with the time that they took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from matplotlib.path import Path

from unmixing.figures.diagram import Box, canvas, draw_box
from unmixing.figures.panels import WIDTH
from unmixing.figures.style import MUTED, PALETTE, Description, style

_WIDTHS = (1.05, 1.75, 1.75, 1.75, 1.05)  # of the boxes in each column
_HEIGHT = 0.42
_STEP = 0.52  # inches from one box to the one below
_LANE_GAP = 0.1
_MARGIN = 0.12
_TABLES, _REPORT = 3, 4  # columns
_OUTPUTS = {"tables": "table", "figures": "figure", "scene_page": "page"}  # one box for all of a part
_ACROSS = ("blue", "vermilion", "green", "purple", "orange", "sky")

_FIRST = "scene"
#: Left out of the picture: every table and figure waits for it.
_EVERYWHERE = "describe"


@dataclass(frozen=True)
class Node:
    """One box: a rule of a part, or the tables and figures of a part together.

    Attributes:
        key: Part for tables and figures, else rule and part.
        part: Part of the study.
        title: First line.
        text: Second line: jobs and time.
        column: From 0 for scenes to 4 for the report.
        after: Keys of the boxes that it waits for.
    """

    key: str
    part: str
    title: str
    text: str
    column: int
    after: tuple[str, ...]


def describe(study: str, jobs: int, timed: int, provenance: dict[str, Any]) -> Description:
    """Return what stands beside the picture.

    Args:
        study: Its name.
        jobs: Jobs in all.
        timed: Of them, those whose time was measured.
        provenance: Commit, versions, input checksums.
    """
    return Description(
        name="figure_workflow",
        title="The workflow",
        caption="From the scenes on the left to the report on the right: one box for each rule in each part of the "
        "study, with its number of jobs and the sum of their times where it was measured. Lines go from what makes a "
        "file to what reads it; coloured ones cross from one part to another.",
        scale=f"study {study}, all jobs of this report",
        n=f"{jobs} jobs, {timed} of them timed; no runs: a drawing",
        notes=[
            "Left out: the description of the study, which every table and figure reads, and lines to what is reached "
            "through another box as well; the table below has all.",
            "Times are sums over the jobs that ran last in this folder; a job whose runs lay in the store took little.",
        ],
        provenance=provenance,
    )


def duration(seconds: float) -> str:
    """Return a time in words of three digits at most."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.1f} min" if minutes < 99.5 else f"{minutes / 60:.1f} h"


def nodes(steps: Sequence[Mapping[str, Any]], seconds: Mapping[str, float]) -> list[Node]:
    """Return the boxes of the picture.

    Args:
        steps: Each with rule, part, number of jobs and the keys (`rule:part`) that it waits for; the report last.
        seconds: By key, the sum of the measured times of its jobs.
    """
    kept = [step for step in steps if step["rule"] != _EVERYWHERE]
    box_of = {_key(step): _box_key(step) for step in kept}
    columns: dict[str, int] = {}
    found: dict[str, list[Mapping[str, Any]]] = {}
    for step in kept:
        found.setdefault(_box_key(step), []).append(step)
    for key, members in found.items():
        columns[key] = _column(members, {one: columns.get(box, 0) for one, box in box_of.items()})
    result = []
    for key, members in found.items():
        waits = [box_of[one] for step in members for one in step["after"] if one in box_of]
        rule, part = members[0]["rule"], members[0]["part"]
        total = [seconds[_key(step)] for step in members if _key(step) in seconds]
        counted = [f"{step['jobs']} {_OUTPUTS.get(step['rule'], 'job')}" + "s" * (step["jobs"] > 1) for step in members]
        text = ", ".join([*counted, *([duration(sum(total))] if total else [])])
        title = part if rule in (*_OUTPUTS, part) else f"{part}: {rule.replace('_', ' ')}"
        after = tuple(dict.fromkeys(one for one in waits if one != key))
        result.append(
            Node(key, part, rule if part == "scenes" and rule == "scene" else title, text, columns[key], after)
        )
    return _without_detours(result)


def _without_detours(boxes: Sequence[Node]) -> list[Node]:
    """Return the boxes without lines to what is reached through another box as well."""
    above: dict[str, set[str]] = {}

    def reached(key: str) -> set[str]:
        if key not in above:
            above[key] = set()  # Tables of two parts may wait for one another's.
            node = next(one for one in boxes if one.key == key)
            above[key] = set(node.after).union(*map(reached, node.after))
        return above[key]

    return [
        replace(node, after=tuple(key for key in node.after if not any(key in reached(one) for one in node.after)))
        for node in boxes
    ]


def draw(steps: Sequence[Mapping[str, Any]], seconds: Mapping[str, float]) -> Figure:
    """Draw boxes in columns, the parts of the study under each other.

    Args:
        steps: See `nodes`.
        seconds: See `nodes`.

    Returns:
        A figure 9.6 inches wide.
    """
    boxes = nodes(steps, seconds)
    heights = _places(boxes)
    lowest = min(heights.values())
    height = 2 * _MARGIN + _HEIGHT - lowest
    gap = (WIDTH - 2 * _MARGIN - sum(_WIDTHS)) / _REPORT
    kinds = {0: "data", 1: "encoder", 2: "head", _TABLES: "decoder", _REPORT: "loss"}
    crossing = dict.fromkeys(node.part for node in boxes if 0 < node.column < _TABLES)
    colours = {part: PALETTE[name] for part, name in zip(crossing, cycle(_ACROSS), strict=False)}
    by_key = {node.key: node for node in boxes}
    with style():
        figure, axes = canvas(height)
        drawn = {
            node.key: Box(
                _MARGIN + sum(_WIDTHS[: node.column]) + node.column * gap,
                _WIDTHS[node.column],
                _MARGIN + _HEIGHT / 2 + heights[node.key] - lowest,
                _HEIGHT,
                node.title,
                (node.text,),
                kinds[node.column],
            )
            for node in boxes
        }
        for node in boxes:
            for source in (by_key[key] for key in node.after):
                crosses = source.part != node.part and source.part in colours and node.column != _REPORT
                colour = colours[source.part] if crosses and source.column else MUTED
                _join(axes, drawn[source.key], drawn[node.key], colour)
        for box in drawn.values():
            draw_box(axes, box)
    return figure


def _key(step: Mapping[str, Any]) -> str:
    return f"{step['rule']}:{step['part']}"


def _box_key(step: Mapping[str, Any]) -> str:
    return str(step["part"]) if step["rule"] in _OUTPUTS else _key(step)


def _column(members: Sequence[Mapping[str, Any]], columns: Mapping[str, int]) -> int:
    if members[0]["rule"] in _OUTPUTS:
        return _TABLES
    if members[0]["rule"] == "report":
        return _REPORT
    before = [columns[key] for key in members[0]["after"] if key in columns and key.split(":")[0] != members[0]["rule"]]
    if not before:
        return 0 if members[0]["rule"] == _FIRST else 1
    return min(1 + max(before), _TABLES - 1)


def _places(boxes: Sequence[Node]) -> dict[str, float]:
    """Return the height of each box below the first line: lanes of parts, scenes and report at half height."""
    found: dict[str, float] = {}
    top = 0.0
    for part in dict.fromkeys(node.part for node in boxes if node.column not in (0, _REPORT)):
        lanes = [[node.key for node in boxes if node.part == part and node.column == column] for column in (1, 2, 3)]
        lines = max(map(len, lanes))
        for lane in lanes:
            start = top - (lines - len(lane)) * _STEP / 2
            found |= {key: start - place * _STEP for place, key in enumerate(lane)}
        top -= lines * _STEP + _LANE_GAP
    middle = (top + _STEP + _LANE_GAP) / 2
    for column in (0, _REPORT):
        keys = [node.key for node in boxes if node.column == column]
        found |= {key: middle + (len(keys) - 1) * _STEP / 2 - place * _STEP for place, key in enumerate(keys)}
    return found


def _join(axes: Axes, start: Box, end: Box, colour: str) -> None:
    """Draw a curve from the right side of a box to the left side of one to the right, or around the left sides."""
    if start.left < end.left:
        bend = (end.left - start.right) * 0.55
        points = [
            (start.right, start.middle),
            (start.right + bend, start.middle),
            (end.left - bend, end.middle),
            (end.left, end.middle),
        ]
    else:
        points = [
            (start.left, start.middle),
            (start.left - 0.2, start.middle),
            (end.left - 0.2, end.middle),
            (end.left, end.middle),
        ]
    path = Path(points, [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4])
    look: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 6, "color": colour, "alpha": 0.75, "zorder": 0.9}
    axes.add_patch(FancyArrowPatch(path=path, linewidth=0.9, **look))
