"""The pages on scale and reliability say what their records say; the larger DAGs are what they claim to be."""

import dag
import pytest
import reliability
import reliability_page
import scale_page

from unmixing.configuration import merge, read_yaml, validate
from unmixing.study import Study

ALLOWED = {"jobs": 3000, "seconds": 10.0, "memory_mb": 500.0}
PLANNING = {"kind": "planning", "scenes": 6, "factor": 1.0, "jobs": 2255, "repeat": 0, "seconds": 9.0}
RECORDS = [
    {**PLANNING, "processor_seconds": 7.0, "memory_mb": 155.0},
    {"kind": "scheduling", "jobs": 60, "start_seconds": 5.0, "seconds_per_job": 0.05,
     "processor_seconds_per_job": 0.02},
    {"kind": "job", "study": "laptop", "job": "a", "seconds": 100.0, "trained_seconds": 94.0},
    {"kind": "storage", "phase": "baseline", "scene": "samson", "runs": 3, "bytes_per_run": 98_000},
    {"kind": "unmixing", "method": "fcls", "bands": 224, "endmembers": 6, "pixels_per_second": 50_000},
    *(
        {"kind": "paper", "phase": "baseline", "protocol": "described", "scene": scene, "jobs": 1, "runs": 25,
         "hours": hours, "disk_gib": 0.5}
        for scene, hours in (("samson", 2.0), ("urban4", 6.0))
    ),
]  # fmt: skip


def test_the_page_on_scale_by_hand():
    text = scale_page.page(RECORDS, ALLOWED)
    assert "holds for the paper's study" in text
    # 6 of 100 seconds; and 6 s beside the two hours of the shortest job.
    assert "6.0 s (median; from 6.0 to 6.0), 6.0% of their wall time" in text
    assert "| baseline | 2 | 240 | 0.1% |" in text
    # 25 runs in 4 hours for each of a thousand scenes.
    assert "| baseline | 25 | 4 | 4,000 | 0.2 | 0.49 |" in text
    # 166,667 lines of 1,000 pixels at 50,000 pixels a second.
    assert "| fcls | 224 bands, 6 endmembers | 50,000 | 0.9 | 0.04 |" in text


@pytest.mark.parametrize("change", [{"jobs": 3000}, {"processor_seconds": 10.0}, {"memory_mb": 500.0}])
def test_an_aim_that_is_missed_is_said_to_be(change):
    missed = [{**record, **change} if record["kind"] == "planning" else record for record in RECORDS]
    assert "is MISSED for the paper's study" in scale_page.page(missed, ALLOWED)


@pytest.mark.parametrize("factor", [1 / 6, 0.5, 1.0, 2.0])
def test_a_larger_dag_has_as_large_a_share_of_its_scenes_in_every_phase(tmp_path, factor):
    environment = dag.copy_project(tmp_path)
    values = merge(read_yaml(dag.ROOT / "config.yaml"), dag.overlay(tmp_path, factor))
    study = Study(validate(values), tmp_path / "results", environment)
    assert len(study.scenes) == round(6 * factor), "all of them count as there"
    contrastive = len(study.configuration.contrastive.scenes)
    assert contrastive == round(3 * factor) if factor >= 1 else 1 <= contrastive <= 3


KILL = {
    "name": "000", "study": "baseline", "victim": "both", "moment": 3.0, "training": True,
    "running": ["train baseline"], "killed": 4,
    "lost": 0, "repeated": 0, "begun_again": 1, "unlike": [], "failure": "", "seconds": 30.0,
}  # fmt: skip
FAULT = {"name": "a disk is full", "part": "disk", "outcome": "refused", "seen": "unmixing train: no space | left"}
ABOUT = {"machine": "a machine", "commit": "abc"}


def _page(kills=(KILL,), faults=(FAULT,)):
    known = {"kill": list(kills), "fault": list(faults), "slurm": [], "undisturbed": []}
    return reliability_page.page(known.__getitem__, ABOUT)


def test_the_page_on_reliability_is_good_only_where_nothing_is_lost_repeated_wrong_or_unclear():
    text, good = _page([KILL, {**KILL, "killed": 0, "lost": 7}])
    assert good
    assert "| kills | 1 | 50 or more |" in text, "a study that had ended was not killed"
    assert "1 of 1 (100%)" in text
    assert "no space \\| left" in text
    for change in ({"lost": 1}, {"repeated": 1}, {"unlike": ["rows"]}, {"failure": "it stopped"}):
        assert not _page([{**KILL, **change}])[1]
    assert not _page(faults=[{**FAULT, "outcome": "failed"}])[1]


def test_outcomes_are_kept_line_by_line_and_those_of_other_code_are_left_out(tmp_path):
    path = tmp_path / "outcomes.jsonl"
    reliability.Outcomes(path, "one").add("fault", "a", outcome="right")
    reliability.Outcomes(path, "two").add("fault", "b", outcome="right")
    with path.open("a") as handle:
        handle.write('{"kind": "fault", "na')
    assert [one["name"] for one in reliability.Outcomes(path, "one").of("fault")] == ["a"]
    assert [one["name"] for one in reliability.Outcomes(path, "two").of("fault")] == ["b"]
