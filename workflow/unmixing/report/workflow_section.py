"""How the report was made: the jobs of each rule, their time and memory, and what was planned beside what was used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from unmixing.errors import UnmixingError
from unmixing.figures import workflow
from unmixing.report.page import Section, TableBlock, drawn_block
from unmixing.tables.forms import Column
from unmixing.tables.run_rows import typed_frame
from unmixing.tables.writing import Table

#: Minutes of wall time on two cores that each part of the demo may take: 15 in all.
DEMO_MINUTES: Mapping[str, float] = {
    "scenes": 0.1,
    "baseline": 1.5,
    "augmentation": 4.0,
    "contrastive": 2.5,
    "semantic": 2.0,
    "classical": 0.2,
    "audit": 1.0,
    "tables, figures and report": 1.2,
    "reserve": 2.5,
}
_CORES = 2
_OUTPUTS = "tables, figures and report"
_GROUPS: Mapping[str, str] = {"heads": "contrastive", "statistics": _OUTPUTS, "report": _OUTPUTS}
_MAKE_OUTPUTS = ("tables", "figures", "report", "describe", "scene_page", "scene_facts")

_RULE_COLUMNS = [
    Column("part", "Part"),
    Column("rule", "Rule"),
    Column("jobs", "Jobs", "count"),
    Column("timed", "Timed", "count", help="jobs whose time was measured"),
    Column("seconds", "Time in all", "seconds", "s", help="sum over the jobs that were timed"),
    Column("median", "Median job", "seconds", "s"),
    Column("longest", "Longest job", "seconds", "s"),
    Column("memory", "Most memory", "count", "MB", help="largest resident memory of a job"),
    Column("after", "Waits for", "prose"),
]
_BUDGET_COLUMNS = [
    Column("part", "Part"),
    Column("planned", "Planned", "number", "min"),
    Column("used", "Used by its jobs", "number", "min", help="wall time of the jobs, one core each"),
    Column("share", "Used of planned", "number", "%"),
    Column("timed", "Jobs timed", "text"),
    Column("trained", "Training of the runs shown", "number", "min", help="wherever and whenever they ran"),
    Column("source", "Planned by"),
]


@dataclass(frozen=True)
class Times:
    """Measured jobs of one step.

    Attributes:
        seconds: Wall time of each.
        memory: Largest resident memory of any, MB; 0 where it was too short to be measured.
    """

    seconds: tuple[float, ...]
    memory: float


def read_times(folder: Path, steps: Sequence[Mapping[str, Any]]) -> dict[str, Times]:
    """Return the measured times of steps, by rule and part.

    Args:
        folder: Benchmark files of Snakemake, one folder for each rule; possibly absent.
        steps: See `report.steps.description`.

    Raises:
        UnmixingError: If a file is damaged.
    """
    found: dict[str, list[tuple[float, float]]] = {}
    for path in sorted(folder.rglob("*.tsv")):
        rule = path.relative_to(folder).parts[0]
        fitting = [step for step in steps if step["rule"] == rule]
        chosen = [step for step in fitting if path.stem in step["names"] or path.stem.split("-")[0] == step["part"]]
        if len(fitting) == 1 or chosen:
            step = (chosen or fitting)[0]
            found.setdefault(f"{step['rule']}:{step['part']}", []).append(_measured(path))
    return {
        key: Times(tuple(time for time, _ in jobs), max(memory for _, memory in jobs)) for key, jobs in found.items()
    }


def _measured(path: Path) -> tuple[float, float]:
    try:
        row = pd.read_csv(path, sep="\t", na_values="-").iloc[-1]
        memory = float(row["max_rss"])
        return float(row["s"]), 0.0 if memory != memory else memory
    except (ValueError, KeyError, IndexError) as fault:
        raise UnmixingError(f"{path} is damaged ({fault!r}): delete it, and the report goes without it") from None


def workflow_section(
    study: str,
    told: Mapping[str, Any],
    times: Mapping[str, Times],
    rows: pd.DataFrame,
    provenance: dict[str, Any],
    command: str,
) -> Section:
    """Return the picture of the workflow, the time of each rule and the budget.

    Args:
        study: Name of the study.
        told: `report.steps.description`, as plain values.
        times: See `read_times`.
        rows: Run rows of all phases, possibly empty.
        provenance: Commit, versions, input checksums.
        command: What rebuilds the report.
    """
    steps = told["steps"]
    jobs, timed = sum(step["jobs"] for step in steps), sum(len(time.seconds) for time in times.values())
    seconds = {key: sum(time.seconds) for key, time in times.items()}
    text = workflow.describe(study, jobs, timed, provenance)
    picture = drawn_block(workflow.draw(steps, seconds), text, command)
    n = f"{jobs} jobs, {timed} of them timed"
    tables = [
        _rule_table(steps, times, text.scale, n, provenance),
        _budget_table(study, told, times, rows, text.scale, n, provenance),
    ]
    return Section(
        "workflow",
        "Workflow and budget",
        [picture, *(TableBlock(table, command) for table in tables)],
        "How this page came about, what it took, and what was planned.",
    )


def _rule_table(
    steps: Sequence[Mapping[str, Any]], times: Mapping[str, Times], scale: str, n: str, provenance: dict[str, Any]
) -> Table:
    records = []
    for step in steps:
        record: dict[str, Any] = {key: step[key] for key in ("part", "rule", "jobs")}
        time = times.get(f"{step['rule']}:{step['part']}")
        if time:
            values = pd.Series(time.seconds)
            record |= {
                "timed": len(values),
                "seconds": values.sum(),
                "median": values.median(),
                "longest": values.max(),
            }
            record |= {"memory": round(time.memory)} if time.memory else {}
        else:
            record["timed"] = 0
        pairs = [key.split(":") for key in step["after"]]
        record["after"] = ", ".join(rule if part == step["part"] else f"{rule} ({part})" for rule, part in pairs)
        records.append(record)
    parts = list(dict.fromkeys(step["part"] for step in steps))
    records.sort(key=lambda record: parts.index(record["part"]))
    return Table(
        name="table_workflow",
        title="Time of each rule",
        caption="Jobs of each rule in each part of the study, the wall time and memory of those that Snakemake timed, "
        "and what they wait for.",
        frame=typed_frame(records, [], _RULE_COLUMNS),
        columns=_RULE_COLUMNS,
        notes=[
            "Times depend on the machine and on what else it did; they are no result of the study. A job that found "
            "its runs in the store, or among the committed evidence, took little."
        ],
        scale=scale,
        n=n,
        provenance=provenance,
    )


def _budget_table(
    study: str,
    told: Mapping[str, Any],
    times: Mapping[str, Times],
    rows: pd.DataFrame,
    scale: str,
    n: str,
    provenance: dict[str, Any],
) -> Table:
    demo = study == "demo"
    planned = {part: minutes * _CORES for part, minutes in DEMO_MINUTES.items()} if demo else _by_group(told["hours"])
    trained = _trained(rows)
    jobs: dict[str, int] = {}
    timed: dict[str, int] = {}
    used: dict[str, float] = {}
    for step in told["steps"]:
        group = _group(step)
        jobs[group] = jobs.get(group, 0) + step["jobs"]
        time = times.get(f"{step['rule']}:{step['part']}")
        if time:
            timed[group] = timed.get(group, 0) + len(time.seconds)
            used[group] = used.get(group, 0.0) + sum(time.seconds) / 60
    known = [*planned, *(group for group in [*jobs, *trained] if group not in planned)]
    ordered = [group for group in dict.fromkeys([*DEMO_MINUTES, *known]) if group in known]
    records = [
        {
            "part": group,
            "planned": planned.get(group),
            "used": used.get(group),
            "share": 100 * used[group] / planned[group] if used.get(group) and planned.get(group) else None,
            "timed": f"{timed.get(group, 0)} of {jobs[group]}" if group in jobs else "",
            "trained": trained.get(group),
            "source": ("share of 15 min on two cores" if demo else "cost model") if group in planned else "",
        }
        for group in ordered
    ]
    records.append(
        {
            "part": "all",
            "planned": sum(planned.values()),
            "used": sum(used.values()),
            "share": 100 * sum(used.values()) / sum(planned.values()) if used and sum(planned.values()) else None,
            "timed": f"{sum(timed.values())} of {sum(jobs.values())}",
            "trained": sum(trained.values()),
        }
    )
    return Table(
        name="table_budget",
        title="Planned and used budget",
        caption="What each part of the study was to take and what its jobs took, in minutes of one core.",
        frame=typed_frame(records, [], _BUDGET_COLUMNS),
        columns=_BUDGET_COLUMNS,
        notes=[
            "Shares of the demo are minutes on two cores and count twice here; jobs take one core each."
            if demo
            else "Planned: the cost model of `unmixing plan`, for trainings alone, were none at hand.",
            "Used: jobs that ran last in this folder and were timed. Runs from the store or the committed evidence "
            "took their time earlier or elsewhere: the last column but one has it.",
        ],
        scale=scale,
        n=n,
        provenance=provenance,
    )


def _group(step: Mapping[str, Any]) -> str:
    if step["rule"] in _MAKE_OUTPUTS:
        return _OUTPUTS
    return _GROUPS.get(step["part"], str(step["part"]))


def _by_group(hours: Mapping[str, float]) -> dict[str, float]:
    """Return core-minutes by part of the budget."""
    found: dict[str, float] = {}
    for phase, value in hours.items():
        if value:
            group = _GROUPS.get(phase, phase)
            found[group] = found.get(group, 0.0) + 60 * value
    return found


def _trained(rows: pd.DataFrame) -> dict[str, float]:
    """Return the minutes that the runs shown were trained for, by part of the budget."""
    if rows.empty:
        return {}
    hours = rows.drop_duplicates("id").groupby("phase")["seconds"].sum() / 3600
    return _by_group({str(phase): value for phase, value in hours.items()})
