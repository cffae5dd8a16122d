"""The jobs of a study and what each waits for, read from the files that its tables and figures are made from.

The workflow's rules say the same to Snakemake; a test compares the two, so that the picture in the report is true.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

from unmixing import semantic_parts
from unmixing.outputs import Output, figures, tables

if TYPE_CHECKING:
    from unmixing.study import Study

#: Rules of tables and of figures stand together under these names.
TABLES, FIGURES, REPORT, DESCRIBE = "tables", "figures", "report", "describe"


@dataclass
class Step:
    """The jobs of one rule in one part of the study.

    Attributes:
        rule: Name of the rule; `tables` and `figures` for all rules of tables and figures.
        part: Part of the study, such as `baseline`.
        names: Of its jobs, as their benchmark files are called.
        after: Keys (`rule:part`) of the steps that it waits for.
    """

    rule: str
    part: str
    names: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)

    @property
    def key(self) -> str:
        """Rule and part."""
        return f"{self.rule}:{self.part}"


#: Maker of a file: its rule, its part, the name of its job, and the files that the job reads.
_Made = tuple[str, str, str, Iterable[str]]


def steps(study: Study) -> list[Step]:
    """Return the steps behind a study's report, each after those that it waits for.

    Args:
        study: Whose tables and figures are asked for.
    """
    found: dict[str, Step] = {}
    known: dict[str, str] = {}

    def visit(path: str) -> str:
        """Return the key of the step that makes a file, "" for a file that no step makes."""
        if path in known:
            return known[path]
        made = _maker(study, path)
        known[path] = f"{made[0]}:{made[1]}" if made else ""
        return _add(found, visit, made) if made else ""

    results = f"{study.results}/{study.name}"
    description = f"{results}/study.json"
    last: list[str] = []
    for output in [*tables(study), *figures(study)]:
        last.append(_add(found, visit, (output.kind, output.phase, output.name, [*_reads(study, output), description])))
    rows = study.run_files("runs", "baseline", "augmentation", "contrastive", "heads", "audit")
    last += [visit(path) for path in [*study.scene_facts(), *study.scene_pages(), *rows, description]]
    found[f"{REPORT}:{REPORT}"] = Step(REPORT, REPORT, [REPORT], _distinct(last))
    return list(found.values())


def planned_hours(study: Study) -> dict[str, float]:
    """Return the core-hours that the cost model expects of each phase that trains, were nothing at hand yet."""
    from unmixing.plan import plan, read_costs

    hours: dict[str, float] = defaultdict(float)
    for entry in plan(study, read_costs(Path(study.results) / "benchmarks" / "training_step.json")):
        if not entry.missing:
            hours[entry.phase] += entry.hours
    return dict(hours)


def description(study: Study) -> str:
    """Return, as JSON, what the report must know of the workflow: its steps and the planned core-hours.

    Jobs are named where their rule does not tell which part they belong to, and counted elsewhere: a large study has
    thousands, too many for a command line.
    """
    listed = [
        {
            "rule": step.rule,
            "part": step.part,
            "jobs": len(step.names),
            "names": step.names if step.rule in (TABLES, FIGURES) else [],
            "after": step.after,
        }
        for step in steps(study)
    ]
    return json.dumps({"steps": listed, "hours": planned_hours(study)}, sort_keys=True)


def _add(found: dict[str, Step], visit: Callable[[str], str], made: _Made) -> str:
    rule, part, name, reads = made
    before = _distinct(visit(path) for path in reads)
    step = found.setdefault(f"{rule}:{part}", Step(rule, part))
    if name not in step.names:
        step.names.append(name)
    step.after = _distinct([*step.after, *(key for key in before if key != step.key)])
    return step.key


def _distinct(keys: Iterable[str]) -> list[str]:
    return [key for key in dict.fromkeys(keys) if key]


def _maker(study: Study, path: str) -> _Made | None:
    """Return what makes a file of the results; None for a file that comes from elsewhere."""
    inside = path.removeprefix(f"{study.results}/")
    if inside == path:
        return None
    for pattern, maker in _MAKERS:
        found = re.fullmatch(pattern.replace("NAME", re.escape(study.name)), inside)
        if found:
            return maker(study, **found.groupdict())
    folder = inside.removeprefix(f"{study.name}/").partition("/")[0]
    return folder, folder, Path(path).stem, []


def _scene(study: Study, scene: str) -> str:
    return f"{study.results}/scenes/{scene}.nc"


def _train(study: Study, phase: str, protocol: str, scene: str, job: str) -> _Made:
    reads = [_scene(study, scene), *study.label_manifests(phase, protocol, scene)]
    reads += study.earlier_manifests(phase, protocol, scene, job)
    return "train", phase, f"{phase}-{protocol}-{scene}-{job}", reads


def _evaluate(study: Study, phase: str, protocol: str, scene: str) -> _Made:
    reads = [*study.manifests(phase, protocol, scene), _scene(study, scene)]
    return "evaluate", phase, f"{phase}-{protocol}-{scene}", reads


def _semantic(study: Study, job: str) -> _Made:
    return "semantic", "semantic", job, [_scene(study, scene) for scene in semantic_parts.scenes(study, job)]


def _of_scene(rule: str, part: str) -> Callable[..., _Made]:
    """Return the maker of a rule that reads one scene."""
    return lambda study, scene: (rule, part, scene, [_scene(study, scene)])


_MAKERS: tuple[tuple[str, Callable[..., _Made]], ...] = (
    (r"scenes/(?P<scene>\w+)\.nc", lambda study, scene: ("scene", "scenes", scene, [])),
    (r"scenes/facts/(?P<scene>\w+)\.parquet", _of_scene("scene_facts", "scenes")),
    (r"NAME/figures/scene_page_(?P<scene>\w+)\.svg", _of_scene("scene_page", "scenes")),
    (r"NAME/runs/classical-described-(?P<scene>\w+)\.parquet", _of_scene("classical", "classical")),
    (r"NAME/references/(?P<scene>\w+)\.parquet", lambda study, scene: ("references", "classical", scene, [])),
    (
        r"NAME/purity/(?P<protocol>\w+)-(?P<scene>\w+)\.parquet",
        lambda study, protocol, scene: ("purity", "augmentation", f"{protocol}-{scene}", [_scene(study, scene)]),
    ),
    (
        r"NAME/areas/(?P<scene>\w+)\.parquet",
        lambda study, scene: (
            "target_areas",
            "baseline",
            scene,
            [*study.baseline_manifests(scene), _scene(study, scene)],
        ),
    ),
    (r"NAME/semantic/(?P<job>[\w-]+)\.parquet", _semantic),
    (r"NAME/(?:runs|spectra|abundances|curves)/(?P<phase>\w+)-(?P<protocol>\w+)-(?P<scene>\w+)\.parquet", _evaluate),
    (r"NAME/cells/(?P<phase>\w+)/(?P<protocol>\w+)/(?P<scene>\w+)/(?P<job>[\w-]+)\.json", _train),
    (r"NAME/tables/(?P<name>\w+)\.parquet", lambda study, name: _output(study, name)),
    (r"NAME/study\.json", lambda study: (DESCRIBE, "scenes", DESCRIBE, [])),
)


def _output(study: Study, name: str) -> _Made:
    (output,) = [one for one in tables(study) if one.name == name]
    return output.kind, output.phase, output.name, _reads(study, output)


def _reads(study: Study, output: Output) -> list[str]:
    """Return every file that an output is made from."""
    values = [getattr(output, field.name) for field in fields(output)]
    notes = [f"{study.results}/{study.name}/{TABLES}/{name}.parquet" for name in output.notes_of]
    return [path for value in values if isinstance(value, list) for path in value] + notes
