"""Measures what each treatment does to the purity of a training set."""

import argparse
import json
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Write purity rows of one scene and protocol."""
    parser = argparse.ArgumentParser(prog="unmixing purity", description=__doc__)
    parser.add_argument("--scene", type=Path, required=True, help="the scene, NetCDF")
    parser.add_argument("--protocol", choices=["described", "released"], required=True, help="of the sweep")
    parser.add_argument("--treatments", required=True, help="ids, as a JSON list")
    parser.add_argument("--images", type=int, required=True, help="augmented images to measure")
    parser.add_argument("--entropy", type=int, required=True, help="the study's seed")
    parser.add_argument("--output", type=Path, required=True, help="Parquet file to write")
    options = parser.parse_args(arguments)

    import numpy as np
    import pandas as pd

    from unmixing.evaluation import references, seen, seen_references
    from unmixing.protocol.augmentation import PROTOCOLS
    from unmixing.provenance import provenance
    from unmixing.purity import purity_rows
    from unmixing.scenes.dataset import open_scene
    from unmixing.seeds import seed_sequence
    from unmixing.store import write_parquet
    from unmixing.training.augmented import CONTROL_BASELINE, DYNAMIC, SweepArm
    from unmixing.training.fitting import as_image
    from unmixing.training.image_sets import augmented_pixels

    scene = open_scene(options.scene)
    known = references(scene)
    place = {"phase": "purity", "protocol": options.protocol, "scene": scene.attrs["id"]}
    rows = []
    if known.endmembers is not None:
        image = as_image(known.cube)
        height, width, bands = known.cube.shape
        plain = seen_references(known).cube.reshape(-1, bands) / known.cube.max()
        fields = PROTOCOLS[options.protocol].training()
        for treatment in json.loads(options.treatments):
            if treatment == CONTROL_BASELINE:
                continue  # It has no images of its own.
            arm = SweepArm(treatment, DYNAMIC, options.images, image_sets=0, initialisations=0)
            streams = arm.streams(options.entropy, scene.attrs["id"], 0, fields)
            drawn = arm.draw(height, width, streams, fields)
            made = [seen(augmented_pixels(image, one).numpy(), known.valid).reshape(-1, bands) for one in drawn]
            rng = np.random.default_rng(seed_sequence(options.entropy, scene.attrs["id"], "purity"))
            found = purity_rows(treatment, np.stack(made), plain, known.endmembers, known.names, rng)
            rows += [{**place, "scene_kind": scene.attrs["kind"], "images": len(drawn), **row} for row in found]
    frame = pd.DataFrame(rows) if rows else pd.DataFrame(columns=["phase", "protocol", "scene", "treatment"])
    write_parquet(frame, options.output, provenance(scene_sha256=scene.attrs["content_sha256"]))
    return 0
