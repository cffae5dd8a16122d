"""Resident memory of one cell of the sweep at the largest size: 90 images of a cube of 307x307x162.

A set of such images takes 5.1 GiB; it must never be held whole. The cube is random: memory does not depend on values.
Writes ``results/benchmarks/sweep_memory.json``.
"""

import argparse
import resource
import time
from pathlib import Path

import numpy as np

from unmixing.protocol.augmentation import PROTOCOLS
from unmixing.provenance import provenance
from unmixing.store import write_json
from unmixing.training.augmented import SweepArm, train_augmented
from unmixing.training.memory import keep_freed_memory
from unmixing.training.reconstruction import Schedule

LIMIT_GIB = 3.0


def measure(
    shape: tuple[int, int, int], images: int, treatment: str, protocol: str, scratch: Path
) -> dict[str, object]:
    """Train one run of one epoch, and return its peak resident memory and its seconds."""
    import torch

    torch.set_num_threads(1)
    keep_freed_memory()  # as `unmixing train` does
    rng = np.random.default_rng(0)
    cube = rng.random(shape, dtype=np.float32)
    fields = PROTOCOLS[protocol].training()
    arm = SweepArm(treatment, "dynamic_unseeded", images, image_sets=0, initialisations=0)
    schedule = Schedule(epochs=1, patches=60, patch_size=40, batch_size=15, learning_rate=0.003)
    started = time.perf_counter()
    done = train_augmented(cube, 4, schedule, fields, arm, arm.streams(0, "made", 0, fields), scratch)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {
        "shape": list(shape),
        "images": images,
        "treatment": treatment,
        "protocol": protocol,
        "peak_gib": round(peak, 3),
        "limit_gib": LIMIT_GIB,
        "set_gib": round(images * float(np.prod(shape)) * 4 / 2**30, 3),
        "updates": done.updates,
        "seconds": round(time.perf_counter() - started, 1),
        **provenance(threads=1),
    }


def main() -> None:
    """Measure, print and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=307, help="rows and columns of the cube")
    parser.add_argument("--bands", type=int, default=162)
    parser.add_argument("--images", type=int, default=90)
    parser.add_argument("--treatment", default="crop_jitter_blur")
    parser.add_argument("--protocol", choices=["described", "released"], default="described")
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/sweep_memory.json"))
    options = parser.parse_args()
    shape = (options.side, options.side, options.bands)
    scratch = options.output.parent / ".scratch"
    record = measure(shape, options.images, options.treatment, options.protocol, scratch)
    write_json(options.output, [record])
    print(
        f"{options.images} images of {shape}: {record['set_gib']} GiB of images, peak {record['peak_gib']} GiB "
        f"resident (limit {LIMIT_GIB}), {record['updates']} updates, {record['seconds']} s"
    )


if __name__ == "__main__":
    main()
