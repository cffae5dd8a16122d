"""The picture of the workflow, the time of each rule, planned and used budget."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from unmixing.configuration import merge, read_yaml, validate
from unmixing.errors import UnmixingError
from unmixing.figures.workflow import draw, duration, nodes
from unmixing.outputs import figures, tables
from unmixing.report.steps import description, steps
from unmixing.report.workflow_section import DEMO_MINUTES, Times, read_times, workflow_section
from unmixing.study import Study

from ..tables.frames import runs

ROOT = Path(__file__).parents[3]
HEAD = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


@pytest.fixture(scope="module")
def study():
    return Study(validate(read_yaml(ROOT / "config.yaml")), Path("results"), {})


@pytest.fixture(scope="module")
def told(study):
    return json.loads(description(study))


def table_of(told, times, rows, study="demo"):
    section = workflow_section(study, told, times, rows, {"commit": "0123abc"}, "make study TARGET=report")
    picture, by_rule, budget = section.blocks
    return picture, by_rule.table.frame, budget.table.frame.set_index("part")


def test_every_step_waits_for_steps_that_stand_before_it(study):
    found = steps(study)
    keys = [step.key for step in found]
    assert len(keys) == len(set(keys))
    for place, step in enumerate(found):
        assert set(step.after) <= set(keys)
        if step.rule not in ("tables", "figures"):
            assert all(keys.index(key) < place or key.split(":")[0] == step.rule for key in step.after), step


def test_the_steps_have_every_table_figure_and_training_once(study):
    found = steps(study)
    names = sorted(name for step in found if step.rule in ("tables", "figures") for name in step.names)
    assert names == sorted(output.name for output in [*tables(study), *figures(study)])
    trained = {name for step in found if step.rule == "train" for name in step.names}
    assert "baseline-described-synthetic_easy-standard" in trained
    assert {step.part for step in found if step.rule == "train"} == {
        step.part for step in found if step.rule == "evaluate"
    }


def test_files_from_elsewhere_are_no_step(study):
    values = merge(
        read_yaml(ROOT / "config.yaml"), {"scenes": ["synthetic_easy"], "classical": {"methods": ["vca_fcls"]}}
    )
    with_sheet = Study(validate(values), Path("results"), {})
    with_sheet.released_sheets = Path("/somewhere")
    assert {step.key for step in steps(with_sheet)} == {step.key for step in steps(study)}


def test_what_the_report_is_told_stays_short_enough_for_a_command_line(told):
    assert len(json.dumps(told)) < 20_000
    assert told["hours"]["baseline"] > 0
    assert all(not step["names"] for step in told["steps"] if step["rule"] == "train")


def test_times_are_those_of_the_rule_and_part_that_a_file_names(told, tmp_path):
    files = {
        "train/baseline-described-synthetic_easy-standard": "30.0\t0:00:30\t500.5\t-\t-\t-\t-\t-\t-\t-",
        "train/contrastive-described-synthetic_easy-part_1": "10.5\t0:00:10\t700\t-\t-\t-\t-\t-\t-\t-",
        "train/contrastive-described-synthetic_easy-part_2": "20.0\t0:00:20\t600\t-\t-\t-\t-\t-\t-\t-",
        "classical/synthetic_easy": "0.2\t0:00:00\t-\t-\t-\t-\t-\t-\t-\t-",
        "tables/table4": "3.0\t0:00:03\t200\t-\t-\t-\t-\t-\t-\t-",
        "forgotten/whatever": "9.0\t0:00:09\t200\t-\t-\t-\t-\t-\t-\t-",
    }
    for name, line in files.items():
        path = tmp_path / f"{name}.tsv"
        path.parent.mkdir(exist_ok=True)
        path.write_text(HEAD + line + "\n")
    assert read_times(tmp_path, told["steps"]) == {
        "train:baseline": Times((30.0,), 500.5),
        "train:contrastive": Times((10.5, 20.0), 700.0),
        "classical:classical": Times((0.2,), 0.0),
        "tables:augmentation": Times((3.0,), 200.0),
    }
    assert read_times(tmp_path / "none", told["steps"]) == {}
    (tmp_path / "classical/synthetic_easy.tsv").write_text("nothing\n")
    with pytest.raises(UnmixingError, match="is damaged"):
        read_times(tmp_path, told["steps"])


def test_the_budget_of_the_demo_is_15_minutes_on_two_cores(told):
    assert sum(DEMO_MINUTES.values()) == pytest.approx(15)
    times = {"train:baseline": Times((60.0, 30.0), 500.0), "train:heads": Times((30.0,), 1.0)}
    times |= {"train:contrastive": Times((90.0,), 1.0), "tables:audit": Times((6.0,), 1.0)}
    rows = pd.concat([runs(), runs(setting="more").assign(phase="contrastive")])
    _, by_rule, budget = table_of(told, times, rows)
    assert budget.loc["all", "planned"] == pytest.approx(30)
    assert budget.loc["baseline", ["planned", "used", "share"]].tolist() == [3.0, 1.5, 50.0]
    assert budget.loc["contrastive", "used"] == 2.0, "the heads belong to the contrastive part"
    assert budget.loc["tables, figures and report", "used"] == pytest.approx(0.1)
    assert budget.loc["contrastive", "trained"] == pytest.approx(2 * 12.5 / 60), "each run counts once"
    assert budget.loc["all", "used"] == pytest.approx(3.6)
    baseline = by_rule[(by_rule["rule"] == "train") & (by_rule["part"] == "baseline")].iloc[0]
    assert baseline[["timed", "seconds", "median", "longest", "memory"]].tolist() == [2, 90, 45, 60, 500]
    evaluate = by_rule[(by_rule["rule"] == "evaluate") & (by_rule["part"] == "baseline")].iloc[0]
    assert evaluate["timed"] == 0
    assert pd.isna(evaluate["seconds"]), "what was not measured is not zero"


def test_another_study_is_planned_by_the_cost_model(told):
    _, _, budget = table_of({**told, "hours": {"baseline": 1.5, "heads": 0.5}}, {}, pd.DataFrame(), study="laptop")
    assert budget.loc["baseline", "planned"] == pytest.approx(90)
    assert budget.loc["contrastive", "planned"] == pytest.approx(30)
    assert "reserve" not in budget.index
    assert budget.loc["baseline", "source"] == "cost model"


def test_the_picture_shows_jobs_times_and_no_detours(told):
    boxes = {node.key: node for node in nodes(told["steps"], {"train:baseline": 90.0})}
    assert boxes["train:baseline"].text == "1 job, 90 s"
    assert boxes["evaluate:baseline"].after == ("train:baseline",), "the scene is reached through the training"
    assert "evaluate:baseline" in boxes["augmentation"].after, "controls are the baseline's runs"
    assert {boxes[key].column for key in ("baseline", "scenes", "audit")} == {3}
    assert [node.key for node in boxes.values() if node.column == 4] == ["report:report"]
    assert "describe:scenes" not in boxes
    assert [duration(seconds) for seconds in (3.2, 99, 120, 7200)] == ["3 s", "99 s", "2.0 min", "2.0 h"]


def test_boxes_stand_inside_the_picture_and_do_not_overlap(told):
    figure = draw(told["steps"], {})
    (axes,) = figure.axes
    height = figure.get_size_inches()[1]
    boxes = [patch.get_bbox() for patch in axes.patches if hasattr(patch, "get_bbox")]
    assert len(boxes) == len(nodes(told["steps"], {}))
    for place, box in enumerate(boxes):
        assert box.x0 >= 0
        assert box.x1 <= 9.6
        assert box.y0 >= 0
        assert box.y1 <= height
        for other in boxes[:place]:
            assert not box.overlaps(other)


def test_text_stays_inside_its_box(told):
    further = {"rule": "references", "part": "classical", "jobs": 4, "names": [], "after": []}
    told = {**told, "steps": [further, *told["steps"]]}
    figure = draw(told["steps"], {step["rule"] + ":" + step["part"]: 59_999.0 for step in told["steps"]})
    renderer = FigureCanvasAgg(figure).get_renderer()
    (axes,) = figure.axes
    boxes = [patch.get_window_extent(renderer) for patch in axes.patches if hasattr(patch, "get_bbox")]
    for text in axes.texts:
        extent = text.get_window_extent(renderer)
        assert any(
            box.x0 <= extent.x0 and extent.x1 <= box.x1 and box.y0 <= extent.y0 and extent.y1 <= box.y1 for box in boxes
        ), text
