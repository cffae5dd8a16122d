"""The page: complete, escaped, self-contained, small."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import hashlib
import io
import re
from html.parser import HTMLParser
from urllib.parse import unquote

import pandas as pd
import pytest

from unmixing.errors import UnmixingError
from unmixing.figures.endmembers import describe, draw
from unmixing.figures.style import save_figure
from unmixing.report import page as page_module
from unmixing.report import runs_section as runs_module
from unmixing.report.embedding import shrink_svg
from unmixing.report.page import (
    Fact,
    Facts,
    Heading,
    Listing,
    Pairs,
    Prose,
    Section,
    figure_block,
    render,
    table_block,
)
from unmixing.report.runs_section import runs_section
from unmixing.report.sections import (
    part_sections,
    provenance_section,
    scenes_section,
    summary,
)
from unmixing.tables import endmembers, table3
from unmixing.tables.writing import write_table

from ..tables.frames import runs, scene, scenes, spectra

HEADING = Heading("demo", "2026-01-02 03:04 UTC", "0123abc", {"python": "3.11"}, "A sentence.")
EVIL = '<script>alert("x")</script>'


class Outline(HTMLParser):
    """Elements, identifiers and links of a page; checks that elements are closed in order."""

    VOID = frozenset({"meta", "link", "img", "input", "br"})

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.tags, self.attributes = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    @classmethod
    def of(cls, text):
        outline = cls()
        outline.feed(text)
        assert outline.open == []
        return outline


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Tables and figure of a study whose scenes and endmembers have hostile names."""
    path = tmp_path_factory.mktemp("study")
    listed = [*scenes(), scene("evil", title=EVIL, kind="own", paper=False)]
    rows = pd.concat([runs(), runs("evil").assign(name=EVIL, reason=EVIL)], ignore_index=True)
    scale = {"samson": {"runs": 2, "epochs": 80}}
    for build in (table3.build, endmembers.build):
        table = build(rows, listed, scale, {"commit": "0123abc", "host": EVIL})
        write_table(table, path / table.name)
    figure = draw(spectra(number=2), rows, listed)
    save_figure(figure, path / "figure_endmembers", describe(rows, listed, scale, {"host": EVIL}))
    return path


@pytest.fixture(scope="module")
def text(folder):
    listed = [*scenes(), scene("evil", title=EVIL, kind="own", paper=False)]
    rows = pd.concat([runs(), runs("evil").assign(name=EVIL, reason=EVIL)], ignore_index=True)
    blocks = [table_block(folder / f"{name}.parquet", f"make {name}") for name in ("table3", "table_endmembers")]
    sections = [
        summary(rows, listed, blocks[0].table),
        scenes_section(listed, "make study TARGET=report"),
        *part_sections(blocks, [figure_block(folder / "figure_endmembers.svg", "make figure_endmembers")]),
        runs_section(rows, "make study TARGET=report"),
        provenance_section({"commit": EVIL, "inputs": {"a": EVIL}}),
    ]
    return render(sections, HEADING)


def test_elements_are_balanced_and_identifiers_unique(text):
    outline = Outline.of(text)
    assert len(outline.ids) == len(set(outline.ids))
    links = [value[1:] for _, name, value in outline.attributes if name == "href" and value.startswith("#")]
    assert set(links) <= set(outline.ids)
    assert {"table3", "table_endmembers", "figure_endmembers"} <= set(links)


def test_nothing_from_data_becomes_markup(text):
    outline = Outline.of(text)
    assert outline.tags.count("script") == 1
    assert "alert(" not in re.sub(r"&lt;script&gt;alert\(.*?&lt;/script&gt;", "", text)


def test_everything_is_in_the_file(text):
    for tag, name, value in Outline.of(text).attributes:
        if name in ("src", "href"):
            assert value.startswith(("data:", "#")), f"{tag} {name} {value[:60]}"
    without_data = re.sub(r'"data:[^"]*"', "", text)
    assert "http://" not in without_data
    assert "https://" not in without_data
    assert "@import" not in without_data


def test_the_policy_allows_this_style_and_script_alone(text):
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text).group(1)
    policy = policy.replace("&#39;", "'")
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for element in ("style", "script"):
        content = re.search(f"<{element}>(.*?)</{element}>", text, re.DOTALL).group(1)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{element}-src 'sha256-{digest}'" in policy
    # The policy would drop these silently.
    assert not [name for _, name, _ in Outline.of(text).attributes if name == "style" or name.startswith("on")]


def test_tables_come_with_downloads_notes_and_command(text, folder):
    link = re.search(r'download="table3.csv" href="data:text/csv;charset=utf-8;base64,([^"]*)"', text).group(1)
    assert base64.b64decode(link) == (folder / "table3.csv").read_bytes()
    link = re.search(r'download="table3.tex" href="data:[^"]*?base64,([^"]*)"', text).group(1)
    assert base64.b64decode(link) == (folder / "table3.tex").read_bytes()
    assert "<code>make table3</code>" in text
    assert "population standard deviation" in text
    assert "UNMIXING_SCENES" in text


def test_figures_are_embedded_at_their_size_with_latex(text, folder):
    source = re.search(r'<img src="data:image/svg\+xml,([^"]*)" width="(\d+)" height="(\d+)"', text)
    picture = shrink_svg((folder / "figure_endmembers.svg").read_bytes()).decode()
    assert unquote(source.group(1)).replace("'", '"') == picture
    assert int(source.group(2)) == pytest.approx(9.6 * 96, abs=1)
    link = re.search(r'download="figure_endmembers.tex" href="data:[^"]*?base64,([^"]*)"', text).group(1)
    assert b"{figure_endmembers.pdf}" in base64.b64decode(link)
    assert "<code>make figure_endmembers</code>" in text


def test_large_figures_are_embedded_as_pixels(folder, monkeypatch):
    monkeypatch.setattr(page_module, "LARGEST_SVG", 10)
    block = figure_block(folder / "figure_endmembers.svg", "")
    assert block.source.startswith("data:image/png;base64,")


def test_heading_and_summary(text):
    assert "2026-01-02 03:04 UTC" in text
    assert "python 3.11" in text
    assert "Samson (real, described): mean SAD 0.0700 rad over 2 runs, the paper prints 0.0654" in text
    assert "Without numbers of ours: Urban4, Urban5, Urban6, Cuprite, Jasper Ridge." in text


def test_the_page_repeats(text, folder):
    block = table_block(folder / "table3.parquet", "make table3")
    assert render(part_sections([block], []), HEADING) == render(part_sections([block], []), HEADING)


def test_an_empty_study_has_a_page():
    table = table3.build(pd.DataFrame(), [], {}, {})
    sections = [
        summary(pd.DataFrame(), [], table),
        scenes_section([], "make study TARGET=report"),
        *part_sections([], []),
        runs_section(pd.DataFrame(), "make study TARGET=report"),
        provenance_section({}),
    ]
    text = render(sections, Heading("none", "", ""))
    Outline.of(text)
    assert "No run has finished yet" in text


def test_every_block_is_laid_out_and_escaped():
    blocks = [Facts([Fact("a", EVIL, EVIL)]), Prose([EVIL]), Listing([EVIL]), Pairs({EVIL: EVIL})]
    text = render([Section("part", EVIL, blocks, EVIL)], dataclasses.replace(HEADING, study=EVIL))
    assert Outline.of(text).tags.count("script") == 1


@pytest.mark.parametrize("identifiers", [("a", "a"), ("A b",), ("",)])
def test_bad_identifiers_are_refused(identifiers):
    with pytest.raises(UnmixingError, match="choose another"):
        render([Section(name, "t", []) for name in identifiers], HEADING)


def test_a_page_too_large_to_send_is_refused(monkeypatch):
    monkeypatch.setattr(page_module, "LARGEST_PAGE", 1000)
    with pytest.raises(UnmixingError, match="leave out or shrink"):
        render([], HEADING)


def test_runs_are_counted_once_each():
    rows = pd.concat([runs(status=("ok", "diverged")), runs(setting="other")])
    table = runs_section(rows, "make study TARGET=report").blocks[0].table
    row = table.frame.iloc[0]
    assert (row["runs"], row["runs_ok"], row["runs_diverged"]) == (4, 3, 1)
    assert row["seconds_total"] == 50
    assert row["epochs"] == 80


def test_the_run_rows_come_with_the_page():
    rows = runs()
    download = runs_section(rows, "make study TARGET=report").blocks[1]
    text = gzip.decompress(download.content).decode()
    assert pd.read_csv(io.StringIO(text))["sad_rad"].tolist() == rows["sad_rad"].tolist()
    assert download.content == runs_section(rows, "").blocks[1].content, "the same rows give the same bytes"
    page = render([runs_section(rows, "make study TARGET=report")], HEADING)
    assert f'<p id="run-rows" class="tools"><a class="button" download="runs.csv.gz" href="{download.source}">' in page


def test_too_many_run_rows_stay_outside(monkeypatch):
    monkeypatch.setattr(runs_module, "LARGEST_ROWS", 100)
    assert "too many for this page" in runs_section(runs(), "").blocks[1].paragraphs[0]


def test_every_own_table_says_its_scale_n_and_provenance():
    provenance = {"commit": "0123abc"}
    own = [scenes_section(scenes(), "", provenance).blocks[0], runs_section(runs(), "", provenance).blocks[0]]
    for block in own:
        assert block.table.scale
        assert block.table.n
        assert "0123abc" in block.provenance
