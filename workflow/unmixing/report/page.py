"""One self-contained HTML page from sections that are plain data.

A phase adds its part of the report as a `Section` of blocks; this module only lays them out. Everything that
comes from data is escaped, and the page's own security policy lets no other script run and nothing load.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar

import jinja2
from markupsafe import Markup
from matplotlib.figure import Figure

from unmixing.errors import UnmixingError
from unmixing.figures.style import Description, read_description, svg_of
from unmixing.report.embedding import LARGEST_SVG, data_uri, latex_figure, shrink_svg, svg_size, svg_uri
from unmixing.tables.forms import table_element
from unmixing.tables.writing import Table, csv_text, latex_text, read_table

#: The page is meant to be opened from disk and sent by mail.
LARGEST_PAGE = 15_000_000


@dataclass(frozen=True)
class Fact:
    """One number of a summary, with what it counts and what qualifies it."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Facts:
    """A row of numbers."""

    template: ClassVar[str] = "facts"
    items: Sequence[Fact]


@dataclass(frozen=True)
class Prose:
    """Paragraphs."""

    template: ClassVar[str] = "prose"
    paragraphs: Sequence[str]


@dataclass(frozen=True)
class Listing:
    """A list of sentences."""

    template: ClassVar[str] = "listing"
    items: Sequence[str]


@dataclass(frozen=True)
class Pairs:
    """Names and values, such as versions."""

    template: ClassVar[str] = "pairs"
    items: Mapping[str, str]


@dataclass(frozen=True)
class TableBlock:
    """A table with the command that rebuilds it."""

    template: ClassVar[str] = "table"
    table: Table
    command: str

    @property
    def element(self) -> Markup:
        """The `<table>` element; `table_element` has escaped every cell. A cell sorted by its text names it once."""
        element = table_element(self.table.frame, self.table.columns)
        return Markup(re.sub(r' class="text"(?= data-sort)| data-sort="([^"]*)"(?=>\1</td>)', "", element))

    @property
    def downloads(self) -> list[tuple[str, str, str]]:
        """Label, file name and data URI of each download."""
        name = self.table.name
        return [
            ("CSV", f"{name}.csv", data_uri("text/csv;charset=utf-8", csv_text(self.table).encode())),
            (
                "LaTeX",
                f"{name}.tex",
                data_uri("application/x-tex;charset=utf-8", latex_text(self.table).encode()),
            ),
        ]

    @property
    def definitions(self) -> list[tuple[str, str]]:
        """Heading and definition of the columns that have one."""
        return [(column.heading, column.help) for column in self.table.columns if column.help]

    @property
    def provenance(self) -> str:
        """Where the numbers come from, as indented JSON."""
        return _indented(self.table.provenance)


@dataclass(frozen=True)
class FigureBlock:
    """A picture with what stands beside it and the command that rebuilds it.

    Attributes:
        description: Title, caption, scale, n and notes.
        source: Data URI of the picture, which needs no escaping within quotes.
        kind: `svg` or `png`.
        width: Natural width in pixels of a page.
        height: Natural height in pixels of a page.
        command: What rebuilds it.
        others: Names of the same figure's other files.
    """

    template: ClassVar[str] = "figure"
    description: Description
    source: Markup
    kind: str
    width: int
    height: int
    command: str
    others: Sequence[str] = ()

    @property
    def latex(self) -> tuple[str, str]:
        """File name and data URI of the LaTeX environment that includes it; empty where it lies in no file."""
        if not self.others:
            return "", ""
        text = latex_figure(self.description.name, f"{self.description.title}. {self.description.caption}")
        return f"{self.description.name}.tex", data_uri("application/x-tex;charset=utf-8", text.encode())

    @property
    def of_runs(self) -> bool:
        """Whether it is drawn from run rows."""
        return bool(self.description.provenance.get("recipes"))

    @property
    def provenance(self) -> str:
        """Where the numbers come from, as indented JSON."""
        return _indented(self.description.provenance)


@dataclass(frozen=True)
class Download:
    """A file that the page carries.

    Attributes:
        identifier: Anchor.
        text: What it holds.
        name: Under which it is saved.
        kind: Media type.
        content: Its bytes.
    """

    template: ClassVar[str] = "download"
    identifier: str
    text: str
    name: str
    kind: str
    content: bytes

    @property
    def source(self) -> str:
        """Data URI."""
        return data_uri(self.kind, self.content)


Block = Facts | Prose | Listing | Pairs | TableBlock | FigureBlock | Download


@dataclass(frozen=True)
class Section:
    """One entry of the contents.

    Attributes:
        identifier: Anchor: small letters, digits and hyphens.
        title: Heading.
        blocks: What it shows, in order.
        summary: One sentence under the heading.
    """

    identifier: str
    title: str
    blocks: Sequence[Block]
    summary: str = ""


@dataclass(frozen=True)
class Heading:
    """What stands at the head of the page.

    Attributes:
        study: Name of the study.
        date: When the report was made, as text.
        commit: Commit of the code, with a mark if files were changed.
        versions: Version by software.
        subtitle: One sentence on the study.
    """

    study: str
    date: str
    commit: str
    versions: Mapping[str, str] = field(default_factory=dict)
    subtitle: str = ""


def render(sections: Sequence[Section], heading: Heading) -> str:
    """Return the page.

    Args:
        sections: Its parts, in order.
        heading: Study, date, commit and versions.

    Returns:
        A whole HTML document that loads nothing.

    Raises:
        UnmixingError: If two sections share an identifier, or the page exceeds `LARGEST_PAGE` bytes.
    """
    identifiers = [section.identifier for section in sections]
    for identifier in identifiers:
        if identifiers.count(identifier) > 1 or not re.fullmatch(r"[a-z0-9-]+", identifier):
            raise UnmixingError(
                f"report: section identifier {identifier!r} is used twice or not of a-z, 0-9 and hyphen: choose another"
            )
    style, script = _resource("style.css"), _resource("script.js")
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    # The macros above the document leave empty lines.
    page = environment.from_string(_resource("template.html")).render(
        heading=heading,
        sections=sections,
        anchors={section.identifier: _anchors(section) for section in sections},
        carried=[block.identifier for section in sections for block in section.blocks if isinstance(block, Download)],
        # Files of this package, not data.
        style=Markup(style),
        script=Markup(script),
        policy="; ".join(
            [
                "default-src 'none'",
                "img-src data:",
                f"style-src '{_digest(style)}'",
                f"script-src '{_digest(script)}'",
                "base-uri 'none'",
                "form-action 'none'",
            ]
        ),
    )
    page = page.lstrip()
    if (size := len(page.encode())) > LARGEST_PAGE:
        raise UnmixingError(
            f"report: {size / 1e6:.1f} MB, more than {LARGEST_PAGE / 1e6:.0f} MB: leave out or shrink figures"
        )
    return page


def table_block(path: Path, command: str) -> TableBlock:
    """Read a table from its Parquet form.

    Args:
        path: A file written by `unmixing.tables.writing.write_table`.
        command: What rebuilds it.

    Raises:
        UnmixingError: If the file was not written by `write_table`.
    """
    return TableBlock(read_table(path), command)


def figure_block(path: Path, command: str) -> FigureBlock:
    """Read a figure from its SVG form, or from the PNG beside it where the SVG is large.

    Args:
        path: An SVG file written by `unmixing.figures.style.save_figure`; its PNG lies beside it.
        command: What rebuilds it.

    Raises:
        UnmixingError: If the file was not written by `save_figure`.
    """
    description = read_description(path)
    content = path.read_bytes()
    width, height = svg_size(path, content)
    small, raster = shrink_svg(content), path.with_suffix(".png")
    if len(small) > LARGEST_SVG and raster.exists():
        kind, source = "png", data_uri("image/png", raster.read_bytes())
    else:
        kind, source = "svg", svg_uri(small)
    others = [path.with_suffix(ending).name for ending in (".pdf", ".png", ".svg")]
    return FigureBlock(description, Markup(source), kind, width, height, command, others)


def drawn_block(figure: Figure, description: Description, command: str) -> FigureBlock:
    """Return the block of a figure that is drawn for the page and lies in no file.

    Args:
        figure: The figure.
        description: What stands beside it.
        command: What rebuilds it.
    """
    content = svg_of(figure, description)
    width, height = svg_size(Path(description.name), content)
    return FigureBlock(description, Markup(svg_uri(shrink_svg(content))), "svg", width, height, command)


def _anchors(section: Section) -> list[tuple[str, str]]:
    """Return identifier and title of the tables and figures of a section, for the contents."""
    found = []
    for block in section.blocks:
        if isinstance(block, TableBlock):
            found.append((block.table.name, block.table.title))
        elif isinstance(block, FigureBlock):
            found.append((block.description.name, block.description.title))
    return found


def _resource(name: str) -> str:
    return files("unmixing.report").joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _indented(provenance: Mapping[str, Any]) -> str:
    return json.dumps(provenance, indent=2, sort_keys=True, ensure_ascii=False) if provenance else ""
