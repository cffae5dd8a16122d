"""Writes down what tables and the report say of a scene: description, checks, statistics."""

import argparse
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Write one row."""
    parser = argparse.ArgumentParser(prog="unmixing facts", description=__doc__)
    parser.add_argument("--scene", type=Path, required=True, help="the scene, NetCDF")
    parser.add_argument("--output", type=Path, required=True, help="Parquet file to write, one row")
    options = parser.parse_args(arguments)

    import pandas as pd

    from unmixing.provenance import provenance
    from unmixing.scenes.dataset import open_scene
    from unmixing.scenes.facts import scene_facts
    from unmixing.store import write_parquet

    scene = open_scene(options.scene)
    details = provenance(scene_sha256=scene.attrs["content_sha256"])
    write_parquet(pd.DataFrame([scene_facts(scene)]), options.output, details)
    return 0
