"""Writes the maps and endmembers of a cell's best run, chosen without labels, for other programs."""

import argparse
import json
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Write the maps of one cell into a folder."""
    parser = argparse.ArgumentParser(prog="unmixing maps", description=__doc__)
    parser.add_argument("--manifest", type=Path, required=True, help="manifest of the cell")
    parser.add_argument("--scene", type=Path, required=True, help="the scene, NetCDF")
    parser.add_argument("--store", type=Path, required=True, help="the run store")
    parser.add_argument("--matching", choices=["optimal", "greedy"], required=True, help="of endmembers")
    parser.add_argument("--output", type=Path, required=True, help="folder to write into")
    options = parser.parse_args(arguments)
    from unmixing.errors import UnmixingError
    from unmixing.maps import RULE, select_run, write_run
    from unmixing.provenance import provenance
    from unmixing.scenes.dataset import open_scene
    from unmixing.store import CellStore, write_json

    scene = open_scene(options.scene)
    cell = json.loads(options.manifest.read_text(encoding="utf-8"))
    place = [cell[key] for key in ("phase", "protocol", "scene", "setting", "recipe")]
    store = CellStore(options.store.joinpath(*place))
    # Committed evidence is rows and spectra; maps can only be had of runs whose estimates are in the store.
    runs = [store.read(run) for run in range(cell["runs"]) if run not in cell.get("committed", [])]
    if not runs:
        raise UnmixingError(
            f"all runs of {cell['scene']} were taken from committed evidence, which holds no maps: set runs: computed"
        )
    chosen = select_run(runs)
    record = runs[chosen][1]
    details = write_run(scene, runs[chosen][0], options.matching, options.output)
    write_json(
        options.output / "maps.json",
        {
            **details,
            "run": record["id"],
            "runs": len(runs),
            "chosen_by": RULE,
            "reconstruction_angle_rad": record["reconstruction_angle_rad"],
            "abundances_network": "of the network's encoder",
            "abundances_resolved": "non-negative least squares for the estimated endmembers, divided by the sum",
            "endmembers.csv": "relative to their maximum: training by angle leaves no scale",
            "provenance": provenance(recipe=cell["recipe"], scene_sha256=scene.attrs["content_sha256"]),
        },
    )
    print(f"{record['id']} of {len(runs)} runs ({RULE}): maps in {options.output}", flush=True)
    return 0
