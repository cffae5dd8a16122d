"""The forest plot of held-out names: what is drawn, and what stands where nothing was tested."""

import pandas as pd
import pytest

from unmixing.figures import semantic_names

from ..tables.test_semantic_tables import name_scores


def test_each_pair_of_arms_has_its_mark_and_interval():
    figure = semantic_names.draw(pd.DataFrame(), name_scores(), [])
    angle, found = figure.axes
    marks = [line for line in angle.lines if line.get_linestyle() == "None"]
    assert len(marks) == 8, "four pairs for all names and for minerals"
    assert marks[0].get_xdata()[0] == pytest.approx(-0.1, abs=0.01)
    assert marks[3].get_xdata()[0] == pytest.approx(-0.05, abs=0.01), "spelling with text against spelling"
    assert [label.get_text() for label in angle.get_yticklabels()] == [
        "all\n64 names, 8 groups",
        "mineral\n64 names, 8 groups",
    ]
    assert found.get_xlabel() == "change of identification"


def test_fewer_than_five_groups_have_marks_without_intervals():
    axes = semantic_names.draw(pd.DataFrame(), name_scores(groups=4), []).axes[0]
    assert sum(line.get_linestyle() == "-" for line in axes.lines) == 1, "the zero line alone"


def test_every_encoder_has_its_panels():
    figure = semantic_names.draw(pd.DataFrame(), name_scores(encoders=("MiniLM", "CLIP")), [])
    assert len(figure.axes) == 4


def test_without_scores_the_figure_says_why():
    figure = semantic_names.draw(pd.DataFrame(), pd.DataFrame(), [])
    assert not figure.axes
    assert any("not run" in text.get_text() for part in figure.subfigs for text in part.texts)


def test_the_description_holds_the_verdicts():
    about = semantic_names.describe(name_scores(), [], {}, {"commit": "0123abc"})
    assert about.name == "figure_semantic_names"
    assert about.notes[0].startswith("MiniLM, all: language helps: ")
    assert about.n == "64 names in 8 groups; 5 draws of the permuted arm"
    assert semantic_names.describe(pd.DataFrame(), [], {}, {}).n == "not run"
