"""The page of one scene: false-colour quicklook, reference endmembers over wavelength, reference abundance maps."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from unmixing.figures.panels import MARGIN, WIDTH, stacked
from unmixing.figures.style import (
    ABUNDANCE_COLOURS,
    INK,
    MUTED,
    PALETTE,
    Description,
    break_at_gaps,
    wavelength_axis,
)

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

_TOP_HEIGHT = 3.1
_MAP_COLUMNS = 4
_MAP_SIDE = 2.1  # inches, of a map's longer side
_HEAD = 0.32
_CELL_HEIGHT = 0.32  # inches, of a map's title and its margin

# Near infrared, red and green: vegetation is red, water dark, ground grey to brown.
_FALSE_COLOUR_NM = (860.0, 650.0, 550.0)
# A band farther from the wanted wavelength than this shows something else.
_FARTHEST_NM = 60.0
_UNSEEN = "#d9d9d9"
_DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (5, 1.5, 1.5, 1.5)))


def describe(scene: xr.Dataset, provenance: dict[str, Any]) -> Description:
    """Return what stands beside the figure.

    Args:
        scene: the scene.
        provenance: commit, versions, input checksums.
    """
    title = f"{scene.attrs['title']} ({scene.attrs['kind']})"
    bands = _false_colour_bands(scene)
    axis = scene["wavelength"].values
    colours = ", ".join(
        f"band {band + 1}" if _unknown(scene) else f"{axis[band]:.0f} nm (band {band + 1})" for band in bands
    )
    parts = [f"False colour: {colours} as red, green and blue, each from its 2nd to its 98th percentile."]
    if "endmembers" in scene:
        parts.append("Reference endmembers in the scale of the file; lines break where bands were removed.")
    else:
        parts.append("No reference endmembers: the scene's median spectrum and its 10th to 90th percentile.")
    if "abundances" in scene:
        parts.append("Reference abundances, all on one scale from 0 to 1.")
    elif "target_mask" in scene:
        parts.append("Where targets of known area lie; no fraction per pixel is known.")
    else:
        parts.append("No reference abundances.")
    return Description(
        name=f"scene_page_{scene.attrs['id']}",
        title=f"{title}: picture, spectra and references",
        caption=" ".join(parts),
        scale="the scene as read, no training",
        n=f"1 scene of {scene.sizes['row']} x {scene.sizes['col']} pixels",
        provenance=provenance,
    )


def draw(scene: xr.Dataset) -> Figure:
    """Draw the page of a scene.

    Args:
        scene: the scene; references, wavelengths and valid pixels may be missing.

    Returns:
        A figure 9.6 inches wide.
    """
    layers, titles = _layers(scene)
    shape = (int(scene.sizes["row"]), int(scene.sizes["col"]))
    columns = _columns(len(layers), shape)
    rows = -(-len(layers) // columns)
    cell = _cell_height(shape, columns)
    heights = [_TOP_HEIGHT, *([_HEAD + rows * cell] if layers else [])]
    with stacked(heights) as (figure, parts):
        picture, spectra = parts[0].subplots(1, 2, width_ratios=[1, 2.1])
        _draw_quicklook(picture, scene)
        _draw_spectra(spectra, scene)
        if layers:
            _draw_maps(parts[1], layers, titles, (rows, columns), scene)
    return figure


def _unknown(scene: xr.Dataset) -> bool:
    return bool(scene.attrs["wavelength_source"] == "unknown")


def _seen(scene: xr.Dataset) -> NDArray[np.bool_]:
    """Pixels that hold data (rows, columns)."""
    if "valid" in scene:
        return np.asarray(scene["valid"].values, dtype=bool)
    return np.ones((scene.sizes["row"], scene.sizes["col"]), dtype=bool)


def _false_colour_bands(scene: xr.Dataset) -> list[int]:
    """Return three bands: near infrared, red and green where there are such, else three spread over the axis."""
    axis = np.asarray(scene["wavelength"].values, np.float64)
    nearest = [int(np.abs(axis - wanted).argmin()) for wanted in _FALSE_COLOUR_NM]
    missed = [abs(axis[band] - wanted) for band, wanted in zip(nearest, _FALSE_COLOUR_NM, strict=True)]
    if _unknown(scene) or max(missed) > _FARTHEST_NM or len(set(nearest)) < 3:
        return [round(share * (axis.size - 1)) for share in (0.85, 0.5, 0.15)]
    return nearest


def _draw_quicklook(axes: Axes, scene: xr.Dataset) -> None:
    seen = _seen(scene)
    picture = np.empty((*seen.shape, 3))
    for channel, band in enumerate(_false_colour_bands(scene)):
        values = np.asarray(scene["cube"].values[:, :, band], np.float64)
        low, high = np.percentile(values[seen] if seen.any() else values, (2, 98))
        picture[..., channel] = np.clip((values - low) / (high - low if high > low else 1.0), 0, 1)
    picture[~seen] = mpl.colors.to_rgb(_UNSEEN)
    axes.imshow(picture, interpolation="nearest")
    axes.set_title(f"False colour, {seen.shape[0]} x {seen.shape[1]} pixels", loc="left")
    _bare(axes)


def _draw_spectra(axes: Axes, scene: xr.Dataset) -> None:
    unknown = _unknown(scene)
    bands = scene.sizes["band"]
    x = np.arange(1, bands + 1, dtype=np.float64) if unknown else np.asarray(scene["wavelength"].values, np.float64)
    if "endmembers" in scene:
        colours = [colour for name, colour in PALETTE.items() if name != "black"]
        for index, (name, spectrum) in enumerate(zip(scene["name"].values, scene["endmembers"].values, strict=True)):
            broken, values = break_at_gaps(x, spectrum)
            axes.plot(
                broken,
                values,
                color=colours[index % len(colours)],
                linestyle=_DASHES[(index + index // len(colours)) % len(_DASHES)],
                label=textwrap.shorten(str(name), 22, placeholder="…"),
            )
        axes.set_title("Reference endmembers", loc="left")
    else:
        pixels = scene["cube"].values[_seen(scene)]
        low, middle, high = np.percentile(pixels, (10, 50, 90), axis=0)
        broken, low, middle, high = break_at_gaps(x, low, middle, high)
        axes.fill_between(broken, low, high, color=MUTED, alpha=0.25, linewidth=0, label="10th to 90th percentile")
        axes.plot(broken, middle, color=INK, label="median of the pixels")
        axes.set_title("No reference endmembers: the scene's own spectra", loc="left")
    axes.set_ylabel("reflectance" if scene.attrs["scale"] == "reflectance" else "relative reflectance")
    axes.set_ylim(bottom=0)
    axes.grid(axis="y")
    wavelength_axis(axes, x, label=not unknown)
    if unknown:
        axes.set_xlabel("band")
    handles = len(axes.get_legend_handles_labels()[0])
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, borderaxespad=0, ncols=1 + (handles > 14))


def _layers(scene: xr.Dataset) -> tuple[list[Array], list[str]]:
    """Return the maps to draw and their titles: abundances, or targets of known area."""
    if "abundances" in scene:
        maps = np.asarray(scene["abundances"].values, np.float64)
        names = [textwrap.shorten(str(name), 24, placeholder="…") for name in scene["name"].values]
        shares = maps[_seen(scene)].mean(axis=0)
        titles = [f"{name}, mean {share:.2f}" for name, share in zip(names, shares, strict=True)]
        return [maps[..., index] for index in range(len(names))], titles
    if "target_mask" in scene:
        masks = np.asarray(scene["target_mask"].values, np.float64)
        return list(masks), [str(name) for name in scene["name"].values[: len(masks)]]
    return [], []


def _map_heading(scene: xr.Dataset) -> str:
    if "abundances" in scene:
        return f"Reference abundances (convention: {scene.attrs['abundance_convention']})"
    sides = ", ".join(f"{side:g}" for side in scene["target_side_m"].values)
    return f"Where targets can be (sides {sides} m); their area is known, no fraction per pixel"


def _columns(count: int, shape: tuple[int, int]) -> int:
    """Return how many maps stand side by side: tall scenes more, and no row with a single map if it can be helped."""
    most = 6 if shape[0] > 1.3 * shape[1] else _MAP_COLUMNS
    rows = -(-count // most)
    return max(1, -(-count // max(1, rows)))


def _cell_height(shape: tuple[int, int], columns: int) -> float:
    """Return the height of a map with its title, in inches."""
    width = (WIDTH - 1.0) / max(columns, 3) - 0.15
    return min(width * shape[0] / shape[1], 1.5 * _MAP_SIDE) + _CELL_HEIGHT


def _draw_maps(
    part: SubFigure,
    layers: list[Array],
    titles: list[str],
    grid: tuple[int, int],
    scene: xr.Dataset,
) -> None:
    part.suptitle(_map_heading(scene), x=MARGIN, ha="left", fontsize=9, fontweight="bold")
    seen = _seen(scene)
    colours = mpl.colormaps[ABUNDANCE_COLOURS].with_extremes(bad=_UNSEEN)
    panels: list[Axes] = list(part.subplots(*grid, squeeze=False).flat)
    image = None
    for axes, layer, title in zip(panels, layers, titles, strict=False):
        image = axes.imshow(np.where(seen, layer, np.nan), cmap=colours, vmin=0, vmax=1, interpolation="nearest")
        axes.set_title(title, loc="left")
        _bare(axes)
    for axes in panels[len(layers) :]:
        axes.set_axis_off()
    if image is not None and "abundances" in scene:
        bar = part.colorbar(image, ax=panels, shrink=0.8, aspect=25, pad=0.01, ticks=[0, 0.25, 0.5, 0.75, 1])
        bar.outline.set_linewidth(0.5)


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(True)
