"""Reads a scene from a file, or makes an embedded one, proves it and writes it as NetCDF."""

import argparse
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Write one scene."""
    parser = argparse.ArgumentParser(prog="unmixing scene", description=__doc__)
    parser.add_argument("scene", help="scene id")
    parser.add_argument("--source", type=Path, help="file to read; left out for an embedded scene")
    parser.add_argument("--output", type=Path, required=True, help="NetCDF file to write")
    options = parser.parse_args(arguments)
    from unmixing.errors import UnmixingError
    from unmixing.scenes.dataset import write_scene

    if options.source is None:
        from unmixing.scenes.synthetic import make_synthetic

        scene = make_synthetic(options.scene)
    else:
        from unmixing.scenes.reading import read_scene

        scene = read_scene(options.source)
        if scene.attrs["id"] != options.scene:
            raise UnmixingError(f"{options.source} is scene {scene.attrs['id']}, not {options.scene}: replace the file")
    write_scene(scene, options.output)
    rows, columns, bands = scene["cube"].shape
    print(f"scene {options.scene} ({scene.attrs['kind']}): {rows} x {columns} pixels, {bands} bands", flush=True)
    return 0
