"""Scores the mean of the references for a scene whose reference endmembers are at hand and whose cube is not."""

import argparse
import hashlib
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Write the run rows of the one method that needs no pixels."""
    parser = argparse.ArgumentParser(prog="unmixing references", description=__doc__)
    parser.add_argument("scene", help="scene id")
    parser.add_argument("--source", type=Path, required=True, help="MATLAB file with the references M (bands, K)")
    parser.add_argument("--rows", type=Path, required=True, help="Parquet file to write, a row an endmember")
    options = parser.parse_args(arguments)

    import numpy as np
    import pandas as pd

    from unmixing.evaluation_classical import score_mean_of_references
    from unmixing.provenance import provenance
    from unmixing.scenes.matlab import read_references
    from unmixing.scenes.registry import scene_entry
    from unmixing.store import recipe_hash, write_parquet

    entry = scene_entry(options.scene)
    spectra = read_references(options.source, (entry.endmember_count, entry.bands))
    name = "mean_of_references"
    checksum = hashlib.sha256(options.source.read_bytes()).hexdigest()
    recipe = recipe_hash({"phase": "classical", "scene": entry.id, "setting": name, "references_sha256": checksum})
    identity = {
        "id": f"classical/described/{entry.id}/{name}/0",
        "phase": "classical",
        "protocol": "described",
        "scene": entry.id,
        "setting": name,
        "scene_kind": entry.kind,
        "regime": "",
        "run": 0,
        "recipe": recipe,
        "entropy": "",
        "seconds": 0.0,
        "seed_classical": "",
    }
    rows = [{**identity, **row} for row in score_mean_of_references(spectra, list(entry.names))]
    details = provenance(recipes={identity["id"]: recipe}, protocol="described", scene_sha256=checksum)
    write_parquet(pd.DataFrame(rows).astype({"found": "boolean"}), options.rows, details)
    angle = float(np.mean([row["sad_rad"] for row in rows]))
    print(f"references {entry.id}: the mean of the references, given for every endmember, scores {angle:.4f} rad")
    return 0
