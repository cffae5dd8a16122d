"""Gaps of the wavelength axis, palette, and files that repeat byte for byte."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from unmixing.errors import UnmixingError
from unmixing.figures.panels import merge_messages, message_height
from unmixing.figures.style import (
    FORMATS,
    INK,
    MUTED,
    PALETTE,
    VERMILION_INK,
    Description,
    break_at_gaps,
    read_description,
    save_figure,
    style,
    svg_of,
    wavelength_axis,
    wavelength_gaps,
)

DESCRIPTION = Description("example", "A <title>", "What & why", "2 runs", "n", ["note"], {"commit": "0123abc"})


def picture() -> Figure:
    with style():
        figure = Figure(figsize=(3, 2))
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1])
        axes.set_title("a $ sign and <b>")
        wavelength_axis(axes, [400, 410, 420, 600, 610])
    return figure


def test_gaps_are_steps_above_three_medians():
    assert list(wavelength_gaps([400, 410, 420, 450, 460])) == []
    assert list(wavelength_gaps([400, 410, 420, 451, 461])) == [2]
    assert list(wavelength_gaps([400, 800])) == []


def test_lines_break_at_gaps():
    x, y = break_at_gaps([400, 410, 420, 600, 610], [1, 2, 3, 4, 5])
    assert np.isnan(x[3])
    assert np.isnan(y[3])
    assert list(y[~np.isnan(y)]) == [1, 2, 3, 4, 5]


def test_a_prism_with_slowly_growing_steps_has_no_gap():
    assert not len(wavelength_gaps(np.cumsum(np.linspace(3.3, 15, 200))))


def test_style_leaves_other_figures_alone():
    before = mpl.rcParams["font.size"]
    with style():
        assert mpl.rcParams["font.size"] >= 8
    assert mpl.rcParams["font.size"] == before


def test_palette_differs_in_brightness_from_white():
    def luminance(colour: str) -> float:
        channels = np.array(mpl.colors.to_rgb(colour))
        linear = np.where(channels <= 0.03928, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    # Lines and areas need 3 to 1 at most; every colour reaches 2 and the two used for lines 3.
    assert all(1.05 / (luminance(colour) + 0.05) > 2 for colour in PALETTE.values())
    assert all(1.05 / (luminance(PALETTE[name]) + 0.05) > 3 for name in ("blue", "vermilion", "green"))


def test_files_repeat_and_carry_their_description(tmp_path):
    first = save_figure(picture(), tmp_path / "a" / "example", DESCRIPTION)
    second = save_figure(picture(), tmp_path / "b" / "example", DESCRIPTION)
    assert [path.suffix[1:] for path in first] == list(FORMATS)
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
    assert read_description(first[-1]) == DESCRIPTION
    assert len(list((tmp_path / "a").iterdir())) == len(FORMATS)


def test_a_foreign_picture_is_refused(tmp_path):
    (tmp_path / "x.svg").write_text("<svg/>")
    with pytest.raises(UnmixingError, match=r"x\.svg: no description"):
        read_description(tmp_path / "x.svg")


@pytest.mark.parametrize("ink", [INK, MUTED, VERMILION_INK])
def test_inks_can_be_read_on_white(ink):
    channels = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in to_rgb(ink)]
    assert 1.05 / (np.dot(channels, [0.2126, 0.7152, 0.0722]) + 0.05) >= 4.5


def test_messages_of_one_reason_stand_together():
    told = merge_messages(
        [("Samson (real)", "no runs"), ("Cuprite (real)", "not at hand"), ("Urban4 (crop)", "no runs")]
    )
    assert told == [("Samson (real)\nUrban4 (crop)", "no runs"), ("Cuprite (real)", "not at hand")]
    assert message_height(*told[0]) > message_height(*told[1])


def test_an_svg_in_memory_is_the_one_on_disk(tmp_path):
    figure = Figure(figsize=(2, 1))
    description = Description("figure_x", "Title", "Caption.")
    save_figure(figure, tmp_path / "figure_x", description)
    assert svg_of(figure, description) == (tmp_path / "figure_x.svg").read_bytes()
