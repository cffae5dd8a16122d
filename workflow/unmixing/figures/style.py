"""The look that all figures share, and how they are written.

Colours come from the palette of Okabe and Ito, which people with any common colour blindness can tell apart;
nothing is told by colour alone. The same figure always gives the same bytes: no dates, fixed identifiers.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from html import unescape
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from unmixing.errors import UnmixingError
from unmixing.store import atomic_path

#: Okabe and Ito (2008), without yellow, which is too pale for lines on white.
PALETTE: Mapping[str, str] = {
    "blue": "#0072B2",
    "vermilion": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "black": "#000000",
}
#: Colours of all abundance maps, from 0 to 1: even in lightness, told apart with any common colour blindness.
ABUNDANCE_COLOURS = "cividis"
INK = "#1a1a1a"
#: Vermilion dark enough for text on white: contrast 5.1, where the palette's has 3.9.
VERMILION_INK = "#b84e00"
MUTED = "#595959"

#: Endings in the order of writing.
FORMATS = ("png", "pdf", "svg")

#: A gap in wavelength wider than this many median spacings is a removed band, not a coarse one.
GAP_FACTOR = 3.0

# 8 points are 10.7 pixels on a page; with the report's smallest scale of .85 they stay above 9.
# Keys are Any because matplotlib 3.11 types them as literals and earlier versions as str.
_SETTINGS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.titlesize": 8.5,
    "axes.labelsize": 8.5,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8.5,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#e3e3e3",
    "grid.linewidth": 0.6,
    "text.color": INK,
    # A dollar sign in the name of a scene is a dollar sign.
    "text.parse_math": False,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "lines.linewidth": 1.3,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    # Text becomes outlines: the picture looks the same on a machine without the font.
    "svg.fonttype": "path",
    "svg.hashsalt": "unmixing",
    "pdf.fonttype": 42,
}


@dataclass(frozen=True)
class Description:
    """What a reader needs beside a figure; travels inside its files.

    Attributes:
        name: Identifier and stem of its files, such as `figure_endmembers`.
        title: Heading, one line.
        caption: What it shows, in prose.
        scale: Runs, epochs and patches behind it, in words.
        n: Number of runs behind it, in words.
        notes: Definitions and reservations.
        provenance: Commit, versions, recipes, input checksums; JSON values only.
    """

    name: str
    title: str
    caption: str
    scale: str = ""
    n: str = ""
    notes: list[str] = field(default_factory=list)
    provenance: dict[str, Any] = field(default_factory=dict)


@contextmanager
def style() -> Iterator[None]:
    """Apply the shared look inside a `with` block and nowhere else."""
    with sns.axes_style("ticks", rc=_SETTINGS), mpl.rc_context(_SETTINGS):
        yield


def wavelength_gaps(wavelength: ArrayLike) -> NDArray[np.intp]:
    """Return the indices after which bands were removed.

    Args:
        wavelength: Ascending, in nm, shape (bands,).

    Returns:
        Indices i such that the step from i to i + 1 is wider than `GAP_FACTOR` median steps, shape (gaps,).
    """
    steps = np.diff(np.asarray(wavelength, np.float64))
    if len(steps) < 2:
        return np.empty(0, np.intp)
    return np.flatnonzero(steps > GAP_FACTOR * np.median(steps))


def break_at_gaps(wavelength: ArrayLike, *series: ArrayLike) -> list[NDArray[np.float64]]:
    """Insert a missing value at each gap, so that no line is drawn across removed bands.

    Args:
        wavelength: Ascending, in nm, shape (bands,).
        series: Values per band, each of shape (bands,).

    Returns:
        Wavelength and series, each of shape (bands + gaps,), with NaN where a line must break.
    """
    after = wavelength_gaps(wavelength) + 1
    return [np.insert(np.asarray(values, np.float64), after, np.nan) for values in (wavelength, *series)]


def wavelength_axis(axes: Axes, wavelength: ArrayLike, label: bool = True) -> None:
    """Set up a wavelength axis in nm and shade the removed bands.

    Args:
        axes: Where to draw.
        wavelength: Ascending, in nm, shape (bands,).
        label: Whether to print the axis' label.
    """
    values = np.asarray(wavelength, np.float64)
    for index in wavelength_gaps(values):
        axes.axvspan(values[index], values[index + 1], color="#f1f1f1", linewidth=0, zorder=0)
    axes.set_xlim(values[0], values[-1])
    axes.xaxis.set_major_locator(mpl.ticker.MaxNLocator(5, steps=[1, 2, 5, 10]))
    if label:
        axes.set_xlabel("wavelength (nm)")


def save_figure(figure: Figure, stem: Path, description: Description) -> list[Path]:
    """Write a figure as PNG (200 dots per inch), PDF and SVG, each complete or not at all.

    Args:
        figure: What to write.
        stem: Path without ending; its folder is made if need be.
        description: Travels inside each file.

    Returns:
        The files written, in the order of `FORMATS`.
    """
    written = []
    for ending in FORMATS:
        path = stem.parent / f"{stem.name}.{ending}"
        with atomic_path(path) as temporary:
            _write(figure, temporary, ending, description)
        written.append(path)
    return written


def svg_of(figure: Figure, description: Description) -> bytes:
    """Return a figure as the SVG that `save_figure` writes.

    Args:
        figure: What to write.
        description: Travels inside.
    """
    content = io.BytesIO()
    _write(figure, content, "svg", description)
    return content.getvalue()


def _write(figure: Figure, target: Path | io.BytesIO, ending: str, description: Description) -> None:
    about = json.dumps(asdict(description), sort_keys=True)
    metadata: Mapping[str, dict[str, str | None]] = {
        "png": {"Title": description.title, "Description": about, "Software": None},
        "pdf": {
            "Title": description.title,
            "Subject": about,
            "CreationDate": None,
            "Creator": None,
            "Producer": None,
        },
        "svg": {"Title": description.title, "Description": about, "Date": None, "Creator": None},
    }
    with mpl.rc_context(_SETTINGS):
        figure.savefig(target, format=ending, dpi=200, metadata=metadata[ending])


def read_description(path: Path) -> Description:
    """Read back what `save_figure` put into an SVG file.

    Args:
        path: An SVG file.

    Returns:
        The description.

    Raises:
        UnmixingError: If the file was not written by `save_figure`.
    """
    found = re.search(r"<dc:description>(.*?)</dc:description>", path.read_text(encoding="utf-8"), re.DOTALL)
    if found is None:
        raise UnmixingError(f"{path}: no description in it: write it again with its figure rule")
    return Description(**json.loads(unescape(found.group(1))))
