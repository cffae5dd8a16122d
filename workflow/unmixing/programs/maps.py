"""Writes the maps and endmembers of a cell's best run, chosen without labels, for other programs."""

import argparse
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
    from unmixing.maps import RULE, select_run, write_run
    from unmixing.provenance import provenance
    from unmixing.scenes.dataset import open_scene
    from unmixing.store import CellStore, read_cells, write_json

    scene = open_scene(options.scene)
    (cell,) = read_cells([options.manifest])
    store = CellStore.of_manifest(options.store, cell)
    origin = provenance(recipe=cell["recipe"], scene_sha256=scene.attrs["content_sha256"])
    # Committed evidence is rows and spectra; maps can only be had of runs whose estimates are in the store.
    runs = [store.read(run) for run in range(cell["runs"]) if run not in cell.get("committed", [])]
    chosen = select_run(runs)
    if chosen is None:
        reason = (
            f"all {len(runs)} runs that were computed diverged: lower learning_rate, or raise runs"
            if runs
            else "all runs were taken from committed evidence, which holds no maps: set runs: computed"
        )
        write_json(options.output / "maps.json", {"reason": reason, "files": [], "provenance": origin})
        print(f"{cell['phase']} {cell['protocol']} {cell['scene']}: no maps: {reason}", flush=True)
        return 0
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
            "provenance": origin,
        },
    )
    print(f"{record['id']} of {len(runs)} runs ({RULE}): maps in {options.output}", flush=True)
    return 0
