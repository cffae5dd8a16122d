"""Pictures in the page: smaller than their files, and the same."""

from __future__ import annotations

import base64
import re
from urllib.parse import unquote

import numpy as np
import pytest
from matplotlib.figure import Figure

from unmixing.errors import UnmixingError
from unmixing.figures.style import Description, style, svg_of
from unmixing.report.embedding import data_uri, latex_figure, shrink_svg, svg_size, svg_uri


@pytest.fixture(scope="module")
def content():
    """A figure with lines, marks, text and pixels."""
    with style():
        figure = Figure(figsize=(4, 3))
        left, right = figure.subplots(1, 2)
        left.plot(np.linspace(0, 1, 50), np.sin(np.linspace(0, 7, 50)), marker="o", label="it's 5 < 6 & more")
        left.legend()
        right.imshow(np.arange(12).reshape(3, 4))
        return svg_of(figure, Description("figure_x", "A title", "It's a caption."))


def expand(path):
    """Return a path's commands, each with its own letter."""
    counts = {"M": 2, "L": 2, "Q": 4, "C": 6, "z": 0}
    found, letter, numbers = [], "", []
    for token in re.findall(r"[A-Za-z]|-?\d*\.?\d+", path):
        if token.isalpha():
            letter, numbers = token, []
            if token == "z":
                found.append(("z",))
        else:
            numbers.append(float(token))
            if len(numbers) == counts[letter]:
                found.append((letter, *numbers))
                numbers = []
    return found


def test_a_shrunk_picture_draws_the_same_to_a_hundredth_of_a_point(content):
    small = shrink_svg(content)
    assert len(small) < 0.7 * len(content)
    assert small.count(b"<use") == content.count(b"<use") > 20
    assert small.count(b"<image") == content.count(b"<image") == 1
    paths = [re.findall(r'\bd="([^"]*)"', text.decode()) for text in (content, small)]
    assert len(paths[0]) == len(paths[1]) > 20
    for old, new in zip(*paths, strict=True):
        one, other = expand(old), expand(new)
        assert [step[0] for step in one] == [step[0] for step in other]
        for first, second in zip(one, other, strict=True):
            np.testing.assert_allclose(second[1:], first[1:], atol=0.0051)


def test_every_reference_of_a_shrunk_picture_has_its_target(content):
    text = shrink_svg(content).decode()
    names = re.findall(r' id="([^"]*)"', text)
    used = set(re.findall(r'(?:href="|url\()#([^"\')]+)', text))
    assert used
    assert len(names) == len(set(names))
    assert used == set(names), "idle names are left out"


def test_text_keeps_its_place_and_size(content):
    def places(svg):
        return re.findall(r"translate\(([-\d.]+) ([-\d.]+)\) scale\(([\d.]+) -([\d.]+)\)", svg.decode())

    before, after = places(content), places(shrink_svg(content))
    assert len(before) == len(after) > 8
    np.testing.assert_allclose(np.array(after, float)[:, :2], np.array(before, float)[:, :2], atol=0.0051)
    assert [one[2:] for one in before] == [one[2:] for one in after], "a scale is never rounded"


def test_the_link_gives_back_the_picture_and_ends_no_attribute(content):
    small = shrink_svg(content)
    link = svg_uri(small)
    assert '"' not in link
    assert "#" not in link
    assert "&" not in link
    assert len(link) < len(data_uri("image/svg+xml", small))
    back = unquote(link.removeprefix("data:image/svg+xml,"))
    assert back.replace("'", '"') == small.decode()


def test_a_picture_with_apostrophes_keeps_them():
    link = svg_uri(b'<svg><text x="1">it\'s</text></svg>')
    assert unquote(link).endswith('<svg><text x="1">it\'s</text></svg>')
    assert '"' not in link


def test_the_size_is_read_in_pixels(content, tmp_path):
    assert svg_size(tmp_path / "a.svg", content) == (384, 288)
    with pytest.raises(UnmixingError, match=r"a\.svg: no size in points"):
        svg_size(tmp_path / "a.svg", b'<svg width="4cm" height="3cm">')


def test_latex_includes_the_pdf_with_an_escaped_caption():
    text = latex_figure("figure_x", "50 % of R_1 & more")
    assert r"\includegraphics[width=\linewidth]{figure_x.pdf}" in text
    assert r"\caption{50 \% of R\_1 \& more}" in text
    assert r"\label{fig:figure-x}" in text


def test_other_files_are_carried_whole():
    content = bytes(range(256))
    kind, _, text = data_uri("image/png", content).partition(";base64,")
    assert kind == "data:image/png"
    assert base64.b64decode(text) == content
