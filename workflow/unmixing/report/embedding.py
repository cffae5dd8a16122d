"""Files as links that carry them, and pictures made small enough to be sent by mail."""

from __future__ import annotations

import base64
import re
from collections import Counter
from pathlib import Path
from urllib.parse import quote

from unmixing.errors import UnmixingError

#: An SVG larger than this after shrinking is shown as PNG.
LARGEST_SVG = 1_000_000

#: Decimals of a coordinate, in points: a hundredth is finer than any screen shows at eight times the size.
_DECIMALS = 2

_DROPPED = re.compile(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->|<metadata>.*?</metadata>|<title>.*?</title>", re.DOTALL)
_PATH = re.compile(r'\bd="([^"]*)"')
_PLACE = re.compile(r'\b(?:x|y|x1|x2|y1|y2|width|height)="[^"]*"|\btranslate\([^)]*\)')
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_TOKEN = re.compile(rf"[A-Za-z]|{_NUMBER.pattern}")
_NAME = re.compile(r' id="([^"]*)"')
_REFERENCE = re.compile(r"(href=\"|url\()#([^\s\"')]+)")
_SHIFTED = re.compile(r'<use (xlink:href="[^"]*") transform="translate\(([^)]*)\)"/>')

#: What may stand in a link, inside a quoted attribute, as it is.
_PLAIN = " !$<>'()*+,-./:;=?@[]_{}|^~"


def data_uri(kind: str, content: bytes) -> str:
    """Return content as a link that carries it.

    Args:
        kind: Media type.
        content: Bytes of the file.
    """
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def svg_uri(content: bytes) -> str:
    """Return an SVG as a link that carries it, a quarter shorter than in base 64.

    Args:
        content: The file.
    """
    text = content.decode("utf-8")
    if "'" not in text:
        text = text.replace('"', "'")
    return "data:image/svg+xml," + quote(text, safe=_PLAIN)


def shrink_svg(content: bytes) -> bytes:
    """Return an SVG without comments, metadata and idle names, its coordinates rounded to a hundredth of a point.

    Args:
        content: An SVG file as matplotlib writes it.
    """
    text = _DROPPED.sub("", content.decode("utf-8"))
    text = _PATH.sub(lambda found: f'd="{_shrink_path(found.group(1))}"', text)
    text = _PLACE.sub(lambda found: _NUMBER.sub(_rounded, found.group(0)), text)
    text = _SHIFTED.sub(_by_place, text)
    # Names that something refers to, the most used first, so that it gets the shortest name.
    counted = Counter(name for _, name in _REFERENCE.findall(text))
    short = {name: f"{place:x}" for place, (name, _) in enumerate(counted.most_common())}
    text = _NAME.sub(lambda found: f' id="n{short[found.group(1)]}"' if found.group(1) in short else "", text)
    text = _REFERENCE.sub(lambda found: f"{found.group(1)}#n{short[found.group(2)]}", text)
    text = re.sub(r"base64,[^\"]*", lambda found: "".join(found.group(0).split()), text)
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r"(?<=[:;]) (?=[\w#-])", "", text)
    return text.replace("> <", "><").strip().encode()


def _shrink_path(path: str) -> str:
    """Return a path with rounded numbers, without the letters and blanks that may be left out."""
    written, letter = [""], ""
    for token in _TOKEN.findall(path):
        if token.isalpha():
            # A repeated M would not be left out but read as a line.
            if token != letter or token in "Mm":
                written.append(token)
            letter = token
        else:
            number = _shortest(token)
            written.append(number if written[-1].isalpha() or number.startswith("-") else f" {number}")
    return "".join(written)


def _by_place(found: re.Match[str]) -> str:
    """Return a shifted copy of a glyph with its shift as a place, which is shorter."""
    across, _, down = found.group(2).partition(" ")
    return f'<use {found.group(1)} x="{across}"' + (f' y="{down}"' if down not in ("", "0") else "") + "/>"


def _rounded(found: re.Match[str]) -> str:
    return _shortest(found.group(0))


def _shortest(number: str) -> str:
    if "." not in number:
        return number
    text = f"{float(number):.{_DECIMALS}f}".rstrip("0").rstrip(".")
    if text.startswith("0."):
        return text[1:]
    if text.startswith("-0."):
        return f"-{text[2:]}"
    return "0" if text in ("", "-0") else text


def svg_size(path: Path, content: bytes) -> tuple[int, int]:
    """Return width and height in pixels of a page, from an SVG's size in points.

    Args:
        path: Where it lies, for the message.
        content: The file.

    Raises:
        UnmixingError: If it states no size in points.
    """
    head = re.search(rb"<svg\b[^>]*>", content)
    sizes = []
    for name in (b"width", b"height"):
        found = re.search(rb"\b" + name + rb'="([\d.]+)pt"', head.group(0)) if head else None
        if found is None:
            raise UnmixingError(f"{path}: no size in points in it: write it again with its figure rule")
        sizes.append(round(float(found.group(1)) * 4 / 3))
    return sizes[0], sizes[1]


def latex_figure(name: str, caption: str) -> str:
    """Return a LaTeX figure environment that includes a figure's PDF (needs graphicx).

    Args:
        name: Stem of the PDF.
        caption: Plain text.
    """
    from unmixing.tables.forms import escape_latex

    return "\n".join(
        [
            r"% needs \usepackage{graphicx} and " + f"{name}.pdf beside this file",
            r"\begin{figure}",
            r"\centering",
            rf"\includegraphics[width=\linewidth]{{{name}.pdf}}",
            rf"\caption{{{escape_latex(caption)}}}",
            rf"\label{{fig:{re.sub(r'[^A-Za-z0-9:-]', '-', name)}}}",
            r"\end{figure}",
            "",
        ]
    )
