"""The scorecard at a glance: one line per value, its verdict in colour and shape, its scale in the filling."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from unmixing.figures.scorecard import LOOKS, NOTHING, describe, draw
from unmixing.figures.style import read_description, save_figure

from ..tables.contrastive_frames import configuration
from ..tables.frames import runs, scenes
from ..tables.test_scorecard import FULL, near


def figure_of(rows):
    return draw(pd.DataFrame(), rows, scenes(), scale=FULL)


def marks(figure):
    """Colour of the edge, whether filled, and place of every mark of a mean."""
    axes = figure.axes[0]
    found = []
    for part in axes.collections:
        sizes = part.get_sizes()
        if len(sizes) and sizes[0] == 34:
            edge, face = to_hex(part.get_edgecolors()[0]), to_hex(part.get_facecolors()[0])
            found.append((edge, edge == face, part.get_offsets()[0]))
    return found


def test_each_value_has_a_line_with_its_verdict():
    rows = runs(sad=near(0.0654), epochs=320)
    figure = figure_of(rows)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == [
        "Samson (described)",
        "Samson, Original Results E1 (described)",
        "Samson, Original Results E2 (described)",
        "Samson, Original Results E3 (described)",
    ], "repeated averages are drawn once"
    first, *others = marks(figure)
    assert first[0] == LOOKS["reproduced"][0].lower()
    assert first[1], "the paper's scale is filled"
    assert first[2][0] == pytest.approx(0, abs=1e-9)
    assert {edge for edge, _, _ in others} <= {LOOKS[name][0].lower() for name in LOOKS}


def test_another_scale_is_hollow_and_said():
    figure = figure_of(runs(sad=near(0.2), epochs=80))
    assert not any(filled for _, filled, _ in marks(figure))
    assert marks(figure)[0][0] == LOOKS["contradicted"][0].lower()
    texts = [text.get_text() for text in figure.axes[1].texts]
    assert "indicative: contradicted (80 epochs, not 320)" in texts
    assert "+0.1346" in texts


def test_bands_are_margins_and_intervals_need_five_runs():
    figure = figure_of(runs(sad=near(0.0654), epochs=320))
    band = figure.axes[0].patches[0]
    assert (band.get_x(), band.get_width()) == pytest.approx((-0.00654, 0.01308))
    widths = [line.get_linewidth() for line in figure.axes[0].lines]
    assert widths.count(2.6) == widths.count(1) - 1 == 4, "beside the line at zero"
    few = figure_of(runs(sad=near(0.0654, 3), epochs=320))
    assert len(few.axes[0].lines) == 1
    strokes = [part for part in few.axes[0].collections if len(part.get_offsets()) == 3]
    assert len(strokes) == 4


def test_tables_stand_apart_and_what_is_missing_says_why():
    rows = pd.concat([runs(sad=near(0.0654), epochs=320), configuration("table7_samson", {"generalized": 0.0})])
    figure = figure_of(rows)
    headings = [text.get_text() for text in figure.axes[0].texts]
    assert headings == ["Table 3: baseline", "Table 6: contrastive configurations"]
    told = [text.get_text().replace("\n", " ") for part in figure.subfigs for text in part.texts]
    assert any(text.startswith("5 of 6 means not testable here") and "is not at hand" in text for text in told)
    assert any(text.startswith("18 of 18 means not testable here") for text in told)


def test_without_rows_there_is_a_message_and_no_axis():
    figure = figure_of(pd.DataFrame())
    assert not figure.axes
    told = " ".join(text.get_text() for part in figure.subfigs for text in part.texts)
    assert "6 of 6 means not testable here" in told
    assert NOTHING not in told


def test_the_axis_holds_every_interval_and_names_are_escaped():
    listed = [{**one, "title": "a $b$ scene"} if one["scene"] == "samson" else one for one in scenes()]
    wide = np.array([[0.01] * 3, [0.9] * 3, [0.02] * 3, [0.4] * 3, [0.1] * 3])
    figure = draw(pd.DataFrame(), runs(sad=wide, epochs=320), listed, scale=FULL)
    low, high = figure.axes[0].get_xlim()
    reached = [value for line in figure.axes[0].lines[1:] for value in line.get_xdata()]
    assert low < min(reached)
    assert max(reached) < high
    assert figure.axes[0].get_yticklabels()[0].get_text() == "a $b$ scene (described)"


def test_the_files_carry_counts_and_scale(tmp_path):
    rows = runs(sad=near(0.0654), epochs=320)
    about = describe(rows, scenes(), FULL, {"commit": "0123abc"})
    save_figure(figure_of(rows), tmp_path / "figure_scorecard", about)
    read = read_description(tmp_path / "figure_scorecard.svg")
    assert read == about
    assert read.scale == "4 of 4 values at the paper's scale; the others are indicative"
    assert read.notes[0].startswith("Of 97 printed numbers")
