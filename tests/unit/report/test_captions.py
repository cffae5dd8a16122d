"""Captions of Snakemake's own report: a bad one does not fail there, so it must fail here."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace

import docutils.core
import jinja2
import pytest

FOLDER = Path(__file__).parents[3] / "reports" / "captions"
CAPTIONS = sorted([*FOLDER.glob("table*.rst"), *FOLDER.glob("figure*.rst")])


@pytest.mark.parametrize("path", CAPTIONS, ids=lambda path: path.stem)
def test_caption_renders(path):
    context = SimpleNamespace(rule=path.stem, params=SimpleNamespace(), config={}, wildcards=SimpleNamespace())
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
    text = environment.from_string(path.read_text(encoding="utf-8")).render(snakemake=context)
    warnings = io.StringIO()
    assert f"``snakemake --cores 1 {path.stem}``" in text
    body = docutils.core.publish_parts(text, writer="html", settings_overrides={"warning_stream": warnings})["body"]
    assert not warnings.getvalue()
    assert path.stem in body


def test_there_are_captions():
    assert {"table3", "table_endmembers", "figure_endmembers"} <= {path.stem for path in CAPTIONS}
