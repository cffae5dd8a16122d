"""Reads a scene from a file, or makes an embedded one, proves it and writes it as NetCDF."""

import argparse
import json
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Write one scene."""
    parser = argparse.ArgumentParser(prog="unmixing scene", description=__doc__)
    parser.add_argument("scene", help="scene id")
    parser.add_argument("--source", type=Path, help="file of a registered scene; left out for an embedded one")
    parser.add_argument("--library", type=Path, help="spectra of a semi-real scene; the source is its abundances")
    parser.add_argument("--stanza", help="what the configuration says of an own scene, as JSON")
    parser.add_argument("--output", type=Path, required=True, help="NetCDF file to write")
    options = parser.parse_args(arguments)
    from unmixing.scenes import read_own_scene, read_registered_scene
    from unmixing.scenes.dataset import write_scene

    if options.stanza is not None:
        scene = read_own_scene(json.loads(options.stanza))
    elif options.library is not None:
        from unmixing.scenes.semi_real import make_semi_real_urban

        scene = make_semi_real_urban(options.source, options.library)
    elif options.source is not None:
        scene = read_registered_scene(options.scene, options.source)
    else:
        from unmixing.scenes.synthetic import make_synthetic

        scene = make_synthetic(options.scene)
    _require_space(scene.nbytes, options.output.parent)
    write_scene(scene, options.output)
    rows, columns, bands = scene["cube"].shape
    print(f"scene {options.scene} ({scene.attrs['kind']}): {rows} x {columns} pixels, {bands} bands", flush=True)
    if warning := scene.attrs.get("endmember_count_warning"):
        print(f"scene {options.scene}: {scene.attrs['endmember_count']} endmembers: {warning}", flush=True)
    return 0


def _require_space(wanted: int, folder: Path) -> None:
    """Refuse to write where the disk cannot hold the arrays: HDF5 may crash on a full disk, without a word.

    Raises:
        UnmixingError: there is less space.
    """
    import shutil

    from unmixing.errors import UnmixingError

    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < wanted:
        raise UnmixingError(
            f"{folder}: {free / 1e6:.1f} MB are free, {wanted / 1e6:.1f} MB are needed: free space there"
        )
