"""The figure of costs: where the time goes, and what smaller models weigh and change."""

import pandas as pd
import pytest

from unmixing.figures import semantic_cost
from unmixing.tables.semantic_cost import NOT_RUN

from ..tables.test_semantic_cost import cost_rows


def test_each_part_has_a_mark_for_each_number_of_threads():
    figure = semantic_cost.draw(pd.DataFrame(), cost_rows(), [])
    times, sizes, changes = figure.axes
    marks = [line for line in times.lines if line.get_linestyle() == "None"]
    assert [line.get_xdata().tolist() for line in marks] == [[1.95], [1.15]]
    assert [text.get_text() for text in times.get_legend().get_texts()] == ["1 thread", "2 threads"]
    assert marks[0].get_ydata()[0] != marks[1].get_ydata()[0]
    assert [label.get_text() for label in times.get_yticklabels()] == ["encoder"]
    assert sizes.texts[0].get_text() == "2.86"
    assert changes.lines[0].get_xdata().tolist() == [0.0]
    assert sizes.get_ylim() == changes.get_ylim()


def test_each_scene_has_a_mark_of_its_own_and_its_title():
    rows = cost_rows()
    change = rows[rows["measure"] == "change"]
    more = [change.assign(scene=scene) for scene in ("samson", "jasper_ridge", "urban4_crop", "mixtures")]
    rest = rows[rows["measure"] != "change"]
    figure = semantic_cost.draw(pd.DataFrame(), pd.concat([rest, *more]), [{"scene": "samson", "title": "Samson"}])
    lines = figure.axes[2].lines
    assert len({(line.get_color(), line.get_marker()) for line in lines}) == len(lines) == 4
    shown = [text.get_text() for text in figure.axes[2].get_legend().get_texts()]
    assert {"Samson", "urban4_crop", "generated"} < set(shown)


def test_the_description_names_machine_and_repetitions():
    about = semantic_cost.describe(cost_rows(), [], {}, {"commit": "0123abc"})
    assert about.name == "figure_semantic_cost"
    assert about.n == "5 repetitions of each timing"
    assert about.notes[0] == "Machine: A processor, 2 cores."


@pytest.mark.parametrize("rows", [pd.DataFrame(), cost_rows().query("part != 'latency'")])
def test_without_times_it_says_why(rows):
    figure = semantic_cost.draw(pd.DataFrame(), rows, [])
    assert not figure.axes
    assert any(text.get_text() == NOT_RUN for part in figure.subfigs for text in part.texts)
    assert semantic_cost.describe(rows, [], {}, {}).n == "not run"
