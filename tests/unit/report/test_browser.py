"""What a browser makes of the page, in both themes, on a phone and on a desk."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from unmixing.figures import endmembers as endmember_figure
from unmixing.figures import strip_plots
from unmixing.figures.style import save_figure
from unmixing.report import page as page_module
from unmixing.report.page import Heading, Listing, Pairs, Prose, Section, figure_block, render, table_block
from unmixing.report.runs_section import runs_section
from unmixing.report.sections import provenance_section, scenes_section, summary
from unmixing.report.workflow_section import Times, workflow_section
from unmixing.tables import endmembers, table3
from unmixing.tables.writing import write_table

from ..tables.frames import runs, scene, scenes, spectra
from . import chromium

pytestmark = pytest.mark.skipif(chromium.PATH is None, reason="no Chromium here: what a browser shows cannot be seen")

EVIL = "<script>alert('x')</script>"
COMMAND = "make study TARGET=report"
PROBE = (Path(__file__).parent / "probe.js").read_text()
WIDTHS, THEMES = (390, 1400), ("light", "dark")
STEPS = [
    {"rule": "scene", "part": "scenes", "jobs": 2, "names": [], "after": []},
    {"rule": "train", "part": "baseline", "jobs": 2, "names": [], "after": ["scene:scenes"]},
    {"rule": "evaluate", "part": "baseline", "jobs": 2, "names": [], "after": ["train:baseline"]},
    {"rule": "tables", "part": "baseline", "jobs": 1, "names": ["table3"], "after": ["evaluate:baseline"]},
    {"rule": "report", "part": "report", "jobs": 1, "names": [], "after": ["tables:baseline"]},
]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A report with every kind of block, of a study whose scene and endmembers have hostile names."""
    folder = tmp_path_factory.mktemp("report")
    listed = [*scenes(), scene("evil", title=EVIL, kind="own", paper=False)]
    rows = pd.concat([runs(), runs("evil").assign(name=EVIL, reason=EVIL)], ignore_index=True)
    scale, provenance = {"samson": {"runs": 2, "epochs": 80}}, {"commit": EVIL, "host": "h" * 300}
    tables = []
    for build in (table3.build, endmembers.build):
        table = build(rows, listed, scale, provenance)
        write_table(table, folder / table.name)
        tables.append(table_block(folder / f"{table.name}.parquet", COMMAND))
    pictures = []
    for module, drawn in ((endmember_figure, spectra(number=2)), (strip_plots, pd.DataFrame())):
        description = module.describe(rows, listed, scale, provenance)
        save_figure(module.draw(drawn, rows, listed), folder / description.name, description)
        with pytest.MonkeyPatch.context() as patch:
            # One of the two as pixels, as where an SVG is too large.
            patch.setattr(page_module, "LARGEST_SVG", 0 if module is strip_plots else 1_000_000)
            pictures.append(figure_block(folder / f"{description.name}.svg", COMMAND))
    assert {picture.kind for picture in pictures} == {"svg", "png"}
    times = {"train:baseline": Times((30.0, 40.0), 500.0)}
    told = {"steps": STEPS, "hours": {"baseline": 0.1}}
    text = render(
        [
            summary(rows, listed, tables[0].table),
            scenes_section(listed, COMMAND),
            Section("tables", "Tables", tables),
            Section("figures", "Figures", pictures),
            Section("words", EVIL, [Prose(["w" * 300, EVIL]), Listing([EVIL]), Pairs({EVIL: "w" * 300})], EVIL),
            runs_section(rows, COMMAND),
            workflow_section("demo", told, times, rows, provenance, COMMAND),
            provenance_section(provenance),
        ],
        Heading(EVIL, "2026-01-02 03:04 UTC", "0123abc", {"python": "3.11"}, "A sentence."),
    )
    file = folder / "index.html"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with chromium.tab(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def visits(tab, report):
    """What the probe found, the complaints and the requests, by width and theme."""
    found = {}
    for width in WIDTHS:
        for theme in THEMES:
            tab.open(report, width, theme=theme)
            seen = tab.run(PROBE)
            found[width, theme] = seen | {"complaints": tab.complaints(), "asked": tab.asked_for()}
    return found


def test_no_error_no_warning_and_no_request_to_any_host(visits, report):
    for seen in visits.values():
        assert seen["complaints"] == []
        assert seen["asked"] == {report.resolve().as_uri()}


def test_nothing_is_wider_than_the_window_even_when_all_is_unfolded(visits):
    for (width, _), seen in visits.items():
        assert seen["width"] == width
        assert seen["needed"] <= width


def test_every_picture_decodes_and_is_never_shown_smaller_than_drawn(visits):
    for seen in visits.values():
        assert len(seen["pictures"]) == 3
        for picture in seen["pictures"]:
            assert picture["decoded"], picture
            assert picture["scale"] >= 0.999, picture


def test_text_has_9_pixels_and_a_contrast_of_4_5(visits):
    for (width, theme), seen in visits.items():
        assert len(seen["texts"]) > 100
        for text in seen["texts"]:
            assert text["size"] >= 9, (width, theme, text)
            assert text["contrast"] >= 4.5, (width, theme, text)
    assert visits[390, "light"]["texts"][0] != visits[390, "dark"]["texts"][0], "the themes look alike"


def test_text_in_pictures_has_9_pixels_and_a_contrast_of_4_5(report):
    page = unquote(report.read_text(encoding="utf-8"))
    texts = re.findall(r"<g style='fill:(#\w{6})' transform='translate\([^']*scale\(([.\d]+) -[.\d]+\)'>", page)
    assert len(texts) > 20
    for ink, size in texts:
        # A glyph of 100 units is scaled to points; a point is 4/3 pixels.
        assert float(size) * 100 * 4 / 3 >= 9
        channels = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in to_rgb(ink)]
        assert 1.05 / (np.dot(channels, [0.2126, 0.7152, 0.0722]) + 0.05) >= 4.5, ink


def test_hostile_names_stay_text(visits, tab, report):
    tab.open(report, 1400)
    assert {seen["scripts"] for seen in visits.values()} == {1}
    assert tab.run("document.querySelector('h1').textContent").endswith(EVIL)
    assert tab.run("document.querySelector('#words li').textContent") == EVIL


def test_contents_stand_on_the_left_and_are_folded_on_a_phone(tab, report):
    tab.open(report, 1400)
    place = (
        "(() => { const box = document.querySelector('NAME').getBoundingClientRect(); return [box.left, box.right] })()"
    )
    left, right = tab.run(place.replace("NAME", "nav"))
    assert left == 0
    assert right <= tab.run(place.replace("NAME", "main"))[0]
    assert tab.run("document.querySelector('nav li a').checkVisibility()")
    tab.open(report, 390)
    assert not tab.run("document.querySelector('nav li a').checkVisibility()")
    tab.run("document.querySelector('nav summary').click()")
    assert tab.run("document.querySelector('nav li a').checkVisibility()")
    tab.run("document.querySelector('nav a[href=\"#workflow\"]').click()")
    assert not tab.run("document.querySelector('.contents').open")


def test_tables_sort_by_numbers_keep_missing_values_last_and_filter(tab, report):
    tab.open(report, 1400)
    column = """(() => {
      const rows = Array.from(document.querySelector('#table3').querySelectorAll('tbody tr'));
      return rows.filter((row) => !row.hidden).map((row) => row.cells[3].textContent);
    })()"""
    before = tab.run(column)
    tab.run("document.querySelectorAll('#table3 th')[3].querySelector('button').click()")
    values = [text for text in tab.run(column) if text != "—"]
    assert values == sorted(values, key=float)
    assert len(values) > 2
    assert tab.run(column)[-1] == "—"
    tab.run("document.querySelectorAll('#table3 th')[3].querySelector('button').click()")
    assert [text for text in tab.run(column) if text != "—"] == values[::-1]
    assert tab.run(column)[-1] == "—"
    tab.run("document.querySelectorAll('#table3 th')[3].querySelector('button').click()")
    assert tab.run(column) == before
    tab.run("""(() => {
      const field = document.querySelector('#table3 input');
      field.value = 'URBAN real';
      field.dispatchEvent(new Event('input'));
    })()""")
    assert len(tab.run(column)) == 3
    assert tab.run("document.querySelector('#table3 .shown').textContent") == f"3 of {len(before)}"
    assert tab.complaints() == []


def test_figures_enlarge_crisp_and_can_be_saved(tab, report):
    tab.open(report, 390)
    tab.run("document.querySelector('#figure_endmembers .tools button').click()")
    size = "document.querySelector('dialog img').getBoundingClientRect().width"
    assert tab.run("document.querySelector('dialog').open")
    first = tab.run(size)
    tab.run("document.querySelector('dialog [data-zoom=\"1.25\"]').click()")
    assert tab.run(size) == pytest.approx(1.25 * first, abs=1)
    tab.run("document.querySelector('dialog [data-zoom=\"close\"]').click()")
    assert not tab.run("document.querySelector('dialog').open")
    link = "document.querySelector('#figure_endmembers .tools a.button[download$=svg]')"
    tab.run(f"{link}.addEventListener('click', (event) => event.preventDefault()), {link}.click()")
    assert tab.run(f"{link}.href.slice(0, 18)") == "data:image/svg+xml"
    assert tab.complaints() == []


def test_the_theme_can_be_chosen(tab, report):
    tab.open(report, 1400, theme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = tab.run(ground)
    tab.run("document.querySelector('.theme').click(); document.querySelector('.theme').click()")
    assert tab.run("document.querySelector('.theme').textContent") == "dark"
    assert tab.run(ground) != light
    tab.run("document.querySelector('.theme').click()")
    assert tab.run(ground) == light


def test_the_probe_sees_what_is_wrong(tab, tmp_path):
    bad = tmp_path / "bad.html"
    bad.write_text(
        '<!doctype html><meta name="viewport" content="width=device-width"><body style="margin:0">'
        '<p style="font-size:8px">small</p><p style="color:#999">pale</p><div style="width:500px">wide</div>'
        '<img src="data:image/png;base64,AAAA" width="10" alt="broken">'
        '<img src="http://example.invalid/a.png" alt="far">'
        "<script>undefined_name()</script>"
    )
    tab.open(bad, 390)
    seen = tab.run(PROBE)
    assert max(seen["needed"], seen["width"]) >= 500
    assert [picture["decoded"] for picture in seen["pictures"]] == [False, False]
    by_text = {text["text"]: text for text in seen["texts"]}
    assert by_text["small"]["size"] == 8
    assert by_text["pale"]["contrast"] == pytest.approx(2.85, abs=0.01)
    assert by_text["wide"]["contrast"] == pytest.approx(21)
    assert "http://example.invalid/a.png" in tab.asked_for()
    assert any("undefined_name" in text or "Uncaught" in text for text in tab.complaints())
