"""Makes the rows of one experiment of the second study: unmixing by named materials."""

import argparse
import importlib
import json
from pathlib import Path

from unmixing.semantic_parts import PARTS


def main(arguments: list[str]) -> int:
    """Write one Parquet file."""
    parser = argparse.ArgumentParser(prog="unmixing semantic", description=__doc__)
    parser.add_argument("part", choices=list(PARTS), help="the experiment")
    parser.add_argument("--options", required=True, help="its section of the configuration, as JSON")
    parser.add_argument("--scenes", type=Path, nargs="*", default=[], help="scenes it works on, NetCDF")
    parser.add_argument("--libraries", type=Path, help="folder of spectral libraries beside the installed one")
    parser.add_argument("--seed", type=int, required=True, help="what its random streams derive from")
    parser.add_argument("--rows", type=Path, required=True, help="Parquet file to write")
    options = parser.parse_args(arguments)

    from unmixing.provenance import provenance
    from unmixing.scenes.dataset import open_scene
    from unmixing.store import write_parquet

    experiment = importlib.import_module(f"unmixing.semantic.experiments.{options.part}")
    scenes = {path.stem: path for path in options.scenes}
    rows = experiment.rows(json.loads(options.options), scenes, options.libraries, options.seed)
    checksums = {scene: str(open_scene(path).attrs["content_sha256"]) for scene, path in scenes.items()}
    write_parquet(rows, options.rows, provenance(part=options.part, recipes={}, scene_sha256=checksums))
    return 0
