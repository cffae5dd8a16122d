"""Encoders that were not at hand in the table and the figure of held-out names."""

import numpy as np
import pandas as pd

from unmixing.figures import semantic_names as figure
from unmixing.tables import semantic_names

from .frames import scenes
from .test_semantic_tables import name_scores


def with_absent(scores):
    absent = {"arm": "text", "encoder": "CLIP-UnmixRS", "seed": 0, "sad_rad": np.nan, "reason": "no weights at hand"}
    return pd.concat([scores.assign(reason="", spectra_of="a library"), pd.DataFrame([absent])], ignore_index=True)


def test_an_absent_encoder_has_a_row_with_its_reason_and_changes_no_other():
    frame = semantic_names.build(with_absent(name_scores()), scenes(), {}, {}).frame
    plain = semantic_names.build(name_scores(), scenes(), {}, {}).frame
    pd.testing.assert_frame_equal(frame.iloc[:-1], plain)
    last = frame.iloc[-1]
    assert (last["encoder"], last["verdict"]) == ("CLIP-UnmixRS", "not tested: no weights at hand")
    assert pd.isna(last["names"])


def test_the_first_notes_are_the_verdict_and_where_the_spectra_come_from():
    notes = semantic_names.build(with_absent(name_scores()), scenes(), {}, {}).notes
    assert notes[0].startswith("all: language helps")
    assert "Spectra: a library." in notes
    assert not any(note.startswith("all: not tested") for note in notes)


def test_controls_alone_have_rows_and_no_verdict():
    scores = name_scores(encoders=())
    frame = semantic_names.build(with_absent(scores), scenes(), {}, {}).frame
    tested = frame.iloc[:-1]
    assert set(tested.loc[tested["subset"] == "all", "arm"]) == {
        "character n-grams", "random direction for each name", "no name",
    }  # fmt: skip
    assert tested["verdict"].isna().all()
    drawn = figure.draw(pd.DataFrame(), with_absent(scores), [])
    assert not drawn.axes
    assert "CLIP-UnmixRS: not tested: no weights at hand." in figure.describe(with_absent(scores), [], {}, {}).notes


def test_the_figure_draws_encoders_that_were_tested_alone():
    assert len(figure.draw(pd.DataFrame(), with_absent(name_scores()), []).axes) == 2
