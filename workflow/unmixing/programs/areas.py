"""Measures the areas of targets in a scene that knows them, for the runs of a cell and for the scene's library."""

import argparse
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Write one row for each method, run and target."""
    parser = argparse.ArgumentParser(prog="unmixing areas", description=__doc__)
    parser.add_argument("--manifests", type=Path, nargs="+", required=True, help="manifests of the cells")
    parser.add_argument("--scene", type=Path, required=True, help="the scene, NetCDF")
    parser.add_argument("--store", type=Path, required=True, help="the run store")
    parser.add_argument("--output", type=Path, required=True, help="Parquet file to write")
    options = parser.parse_args(arguments)

    import pandas as pd

    from unmixing.areas import area_rows, library_maps, run_maps
    from unmixing.provenance import provenance
    from unmixing.scenes.dataset import open_scene
    from unmixing.store import CellStore, read_cells, write_parquet

    scene = open_scene(options.scene)
    maps = [(method, -1, layers) for method, layers in library_maps(scene).items()]
    recipes = {}
    for cell in read_cells(options.manifests):
        recipes["/".join(cell[key] for key in ("phase", "protocol", "scene", "setting"))] = cell["recipe"]
        store = CellStore.of_manifest(options.store, cell)
        for run in range(cell["runs"]):
            if run in cell.get("committed", []):  # committed evidence is rows and spectra, without abundances
                continue
            arrays, record = store.read(run)
            if record["status"] == "ok":
                found = run_maps(scene, arrays, "optimal")
                maps += [(f"cnnaeu_{cell['protocol']}_{kind}", run, layers) for kind, layers in found.items()]
    details = provenance(recipes=recipes, scene_sha256=scene.attrs["content_sha256"])
    write_parquet(pd.DataFrame(area_rows(scene, maps)), options.output, details)
    return 0
