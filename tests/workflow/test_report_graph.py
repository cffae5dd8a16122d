"""The report's picture of the workflow against Snakemake's own graph of rules."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path

from project import ROOT, Project
from unmixing.configuration import read_yaml, validate
from unmixing.report.steps import steps
from unmixing.study import Study

OUTPUTS = ("tables", "figures")


def test_the_steps_are_the_rules_that_snakemake_runs_for_the_report(tmp_path):
    project = Project(tmp_path / "copy")
    shutil.copy2(ROOT / "config.yaml", project.folder / "config.yaml")
    found = steps(Study(validate(read_yaml(ROOT / "config.yaml")), Path("results"), {}))
    names = {name: step.key for step in found if step.rule in OUTPUTS for name in step.names}
    keys = {step.key: step.key if step.rule in OUTPUTS else step.rule for step in found}

    graph = project.run("report", "--rulegraph", program="snakemake")
    rules = dict(re.findall(r'^\s*(\d+)\[label = "(\w+)', graph, re.MULTILINE))
    boxes = {number: names.get(rule, rule) for number, rule in rules.items()}
    joined = {(boxes[one], boxes[other]) for one, other in re.findall(r"(\d+) -> (\d+)", graph)}
    ours = {(keys[key], keys[step.key]) for step in found for key in step.after}
    assert set(boxes.values()) == set(keys.values())
    assert {pair for pair in joined if pair[0] != pair[1]} == {pair for pair in ours if pair[0] != pair[1]}

    jobs = Counter()
    for rule, count in project.planned().items():
        # The study makes more than its report.
        if rule in rules.values():
            jobs[names.get(rule, rule)] += count
    counted = Counter()
    for step in found:
        counted[keys[step.key]] += len(step.names)
    assert jobs == counted
