"""Draws the page of one scene in three formats."""

import argparse
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Write the figure of one scene."""
    parser = argparse.ArgumentParser(prog="unmixing page", description=__doc__)
    parser.add_argument("--scene", type=Path, required=True, help="the scene, NetCDF")
    parser.add_argument(
        "--output", type=Path, required=True, help="any of the files to write; the others lie beside it"
    )
    options = parser.parse_args(arguments)
    from unmixing.figures.scene_page import describe, draw
    from unmixing.figures.style import save_figure, style
    from unmixing.provenance import provenance
    from unmixing.scenes.dataset import open_scene

    scene = open_scene(options.scene)
    with style():
        description = describe(scene, provenance(scene_sha256=scene.attrs["content_sha256"]))
        save_figure(draw(scene), options.output.with_suffix(""), description)
    return 0
