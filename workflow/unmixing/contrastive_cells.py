"""The cells of the contrastive and heads phases: named configurations with their controls, grids, heads.

A search other than ``full`` chooses its configurations as it goes on: its job has a description in place of cells.
"""

import csv
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from unmixing.configuration import Configuration
from unmixing.errors import UnmixingError
from unmixing.protocol.contrastive import PROTOCOLS, ContrastiveProtocol
from unmixing.protocol.points import POINTS, Point, of_grid, variants_of, varied
from unmixing.search import GRIDS, SHARD_SIZE, Grid

HEADS_POINT = "heads_point"
AGREEMENT = "agreement-"
AGREEMENT_SHEET = Path(__file__).parent / "published" / "agreement.csv"


def grid(configuration: Configuration, name: str) -> Grid:
    """Return a grid with the levels that the study gives its factors."""
    known = GRIDS[name]
    given = {str(key): tuple(value) for key, value in configuration.contrastive.search.levels.items()}
    return Grid(name, {factor: given.get(factor, levels) for factor, levels in known.levels.items()})


@lru_cache
def agreement_points() -> dict[str, Point]:
    """Return the sixteen configurations of the released sheet that are trained again, by setting.

    They stand in the middle of sixteen equal strata of the 957 rows with patches of 8 to 32 pixels (generalized loss,
    sorted by their angle on Samson).
    """
    with AGREEMENT_SHEET.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    found = {}
    for row in rows:
        values: dict[str, int | float] = {
            "temperature": float(row["temperature"]),
            "lambda": float(row["lambda"]),
            "patch_size": int(row["patch_size"]),
            "batch_size": int(row["batch_size"]),
            "sigma": float(row["sigma"]),
        }
        found[AGREEMENT + GRIDS["generalized"].setting(values)] = of_grid("generalized", values)
    return found


def check_labels(configuration: Configuration) -> None:
    """Refuse a study in which labels ask for more runs of the baseline than there are.

    Raises:
        UnmixingError: ``stage1``, as a variant or in the audit, has more runs on a scene than the baseline.
    """
    section, audit = configuration.contrastive, configuration.audit
    asked = [("contrastive", scene, 0) for scene in section.scenes if "stage1" in section.variants]
    asked += [("audit", scene, audit.runs or 0) for scene in audit.scenes if "label_source" in audit.contrastive]
    for phase, scene, runs in asked:
        wanted, there = runs or section.scale(scene)["runs"], configuration.baseline.scale(scene)["runs"]
        if wanted > there:
            raise UnmixingError(
                f"configuration: {phase} trains {wanted} runs on {scene}, and stage1 takes the labels of "
                f"each from the baseline's run of the same index, of which there are {there}: raise baseline.runs, or "
                "leave stage1 out"
            )


def arm_settings(configuration: Configuration) -> list[str]:
    """Return the settings of the named configurations and their variants."""
    section = configuration.contrastive
    return [f"{name}-{variant}" for name in section.configurations for variant in variants_of(name, section.variants)]


def contrastive_jobs(configuration: Configuration, scene: str, protocol: str) -> dict[str, list[str]]:
    """Return the jobs of the contrastive phase; a search has one whose settings are not known before it ran."""
    section = configuration.contrastive
    found = _spread("part", arm_settings(configuration), section.jobs)
    if scene in section.search.scenes:
        for name in section.search.grids:
            if section.search.strategy == "full":
                known = grid(configuration, name)
                settings = list(_settings(known))
                for shard in range(known.shards):
                    found[f"{name}_shard_{shard + 1}"] = settings[shard * SHARD_SIZE : (shard + 1) * SHARD_SIZE]
            found[search_job(name)] = []
    if scene in section.agreement.scenes and protocol == "released":
        found |= _spread("agreement", list(agreement_points()), section.agreement.jobs or len(agreement_points()))
    return found


def heads_jobs(configuration: Configuration) -> dict[str, list[str]]:
    """Return the jobs of the heads phase."""
    section = configuration.contrastive.heads
    return _spread("part", [str(head) for head in section.heads], section.jobs)


def search_job(name: str) -> str:
    """Return the name of the job that searches a grid, or trains the candidates of a full one."""
    return f"{name}_search"


def earlier_jobs(configuration: Configuration, scene: str, protocol: str, job: str) -> list[str]:
    """Return the jobs that a search job takes its trials from: the shards of its grid where all of it is trained."""
    if configuration.contrastive.search.strategy != "full" or not job.endswith("_search"):
        return []
    shard = job.removesuffix("search") + "shard_"
    return [name for name in contrastive_jobs(configuration, scene, protocol) if name.startswith(shard)]


def contrastive_cell(
    configuration: Configuration, phase: str, protocol: str, scene: str, setting: str
) -> dict[str, Any]:
    """Return what is peculiar to a cell of these phases: runs, schedule, fields, point and place in the design."""
    section = configuration.contrastive
    scale = section.scale(scene, protocol)
    schedule = {key: scale[key] for key in ("epochs", "patches", "learning_rate")}
    fields, runs = PROTOCOLS[protocol], scale["runs"]
    named, variant, group, trial = setting, "generalized", "search", -1
    if phase == "heads":
        point, runs = {**POINTS[HEADS_POINT], "head": setting}, section.heads.runs
        named, variant, group = HEADS_POINT, setting, "head"
    elif setting.startswith(AGREEMENT):
        point, runs = dict(agreement_points()[setting]), section.agreement.runs
        named, group = setting.removeprefix(AGREEMENT), "agreement"
        # Released but for this: one seed for all runs would leave nothing to compare.
        fields = replace(fields, seeds="per_run")
    elif setting.split("-")[0] in GRIDS:
        known = grid(configuration, setting.split("-")[0])
        values = _settings(known)[setting]
        point, runs, variant, trial = of_grid(known.name, values), 1, "trial", known.number(values)
    else:
        named, variant = setting.split("-")
        group, point = "configuration", dict(POINTS[named])
    if group in ("configuration", "head"):
        point |= {key: scale[key] for key in ("patch_size", "batch_size") if scale[key]}
        point = varied(point, variant, int(schedule["epochs"]), int(schedule["patches"]))
    search = section.search
    asked = {"strategy": search.strategy, "objective": search.objective} if group == "search" else {}
    return {
        # Where all runs have the same seed, all are the first one.
        "runs": 1 if fields.seeds == "single" else runs,
        "schedule": schedule,
        "fields": dict(_training_fields(fields)),
        "point": point,
        "design": {"group": group, "configuration": named, "variant": variant, "trial": trial, **asked},
    }


def search_description(configuration: Configuration, job: str, entropy: int) -> dict[str, Any]:
    """Return what a search job does, for ``unmixing.training.searching``."""
    section = configuration.contrastive.search
    known = grid(configuration, job.removesuffix("_search"))
    return {
        "grid": known.name,
        "levels": {factor: list(levels) for factor, levels in known.levels.items()},
        "strategy": section.strategy,
        "evaluations": min(section.evaluations, known.size),
        "objective": section.objective,
        "candidates": section.candidates,
        "candidate_runs": section.candidate_runs,
        "seed": entropy,
    }


def expected_trials(configuration: Configuration, scene: str) -> list[tuple[str, int]]:
    """Return settings and runs that stand for what searches on a scene will train, for an estimate of their cost.

    Which configurations a search will choose is not known before: it is taken to spread evenly over its grid.
    """
    section = configuration.contrastive.search
    found: list[tuple[str, int]] = []
    for name in section.grids if scene in section.scenes else []:
        known = grid(configuration, name)
        every = list(_settings(known))
        trials = 0 if section.strategy == "full" else min(section.evaluations, known.size)
        for count, runs in ((trials, 1), (min(section.candidates, known.size), section.candidate_runs)):
            found += [(every[int((place + 0.5) * known.size / count)], runs) for place in range(count)]
    return found


def first_setting(configuration: Configuration, job: str) -> str:
    """Return the setting of the first configuration of the grid that a job searches."""
    known = grid(configuration, job.removesuffix("_search"))
    return known.setting(known.configuration(0))


@lru_cache
def _training_fields(protocol: ContrastiveProtocol) -> dict[str, str | int | float | bool]:
    """Return a protocol's fields; they are asked for with every cell of a grid of thousands."""
    return protocol.training()


@lru_cache
def _settings(known: Grid) -> dict[str, dict[str, int | float]]:
    return {known.setting(values): values for values in known.configurations()}


def _spread(stem: str, settings: list[str], count: int) -> dict[str, list[str]]:
    if not count:
        return {name: [name] for name in settings}
    return {f"{stem}_{index + 1}": settings[index::count] for index in range(min(count, len(settings)))}
