"""How long is one update, against the plain port, and how far is it from what the processor can do?

    python benchmarks/training_step.py

Plain port, its equally plain variant, the library in float32 and in bfloat16 (where the processor has instructions
for it) and the kernels that set the peak take turns in one process: one thread, one allocator, medians. Needs no
data: the cubes are random numbers of each scene's size. Cutting the patches is part of every update.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import measuring
import numpy as np
import plain_port
import torch
from arms import Library, Plain, plain_twin
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from unmixing.models.cnnaeu import CNNAEU, DECODER_KERNEL, FILTERS
from unmixing.patches import random_corners
from unmixing.scenes.registry import scene_entry
from unmixing.store import write_text

SCENES = ("samson", "jasper_ridge", "urban4", "urban5", "urban6", "cuprite")
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
REQUIRED = {
    ("samson", "float32"): (2.6, 3.3),
    ("urban4", "float32"): (3.0, 3.9),
    ("cuprite", "float32"): (1.55, 1.75),
    ("samson", "bfloat16"): (3.2, 4.5),
    ("urban4", "bfloat16"): (4.0, 5.0),
    ("cuprite", "bfloat16"): (2.5, 3.0),
}
"""Ratio to the plain port that the project asks of itself, and the one it would like."""


@dataclass(frozen=True)
class Shape:
    """The size of an update."""

    scene: str
    rows: int
    columns: int
    bands: int
    endmembers: int
    patches: int = 15
    size: int = 40

    @classmethod
    def of(cls, scene: str, patches: int = 15, size: int = 40) -> "Shape":
        """Return the shape of a scene of the registry; 15 patches of 40x40 are the paper's."""
        entry = scene_entry(scene)
        return cls(scene, entry.rows, entry.cols, entry.bands, entry.endmember_count, patches, size)

    def cube(self) -> np.ndarray:
        """Return random numbers of the scene's size."""
        return np.random.default_rng(0).random((self.rows, self.columns, self.bands), dtype=np.float32)

    def corners(self) -> Callable[[], np.ndarray]:
        """Return a source of corners; two sources give the same ones."""
        rng = np.random.default_rng(1)
        return lambda: random_corners(self.rows, self.columns, self.size, self.patches, rng)

    def flop(self) -> int:
        """Return the arithmetic of an update's convolutions, written out: each product and each sum is one.

        Forward, gradient to the weights, and for all but the first the gradient to the input.
        """
        pixels = self.patches * self.size**2
        spatial = 2 * pixels * self.bands * FILTERS * 9
        pointwise = 2 * pixels * FILTERS * self.endmembers
        decoder = 2 * pixels * self.bands * self.endmembers * DECODER_KERNEL**2
        return 2 * spatial + 3 * pointwise + 3 * decoder


def peak_kernels(precision: torch.dtype) -> dict[str, tuple[Callable[[], object], int]]:
    """Return large dense kernels and their arithmetic: the fastest of them is what the processor can do.

    The 1x1 convolution is oneDNN's matrix product, the other one is the library's that torch calls (MKL in
    float32). A 5x5 kernel has no shortcut such as Winograd's, whose arithmetic would be overstated.
    """

    def convolution(channels: int, size: int) -> tuple[Callable[[], object], int]:
        images = torch.rand(8, channels, 40, 40).to(precision, memory_format=torch.channels_last)
        kernel = torch.rand(channels, channels, size, size).to(precision, memory_format=torch.channels_last)
        flop = 2 * 8 * 1600 * channels**2 * size**2
        return lambda: torch.nn.functional.conv2d(images, kernel, padding=size // 2), flop

    a, b = torch.rand(1280, 1280).to(precision), torch.rand(1280, 1280).to(precision)
    return {
        "convolution 5x5": convolution(112, 5),
        "convolution 1x1": convolution(512, 1),
        "matrix product": (lambda: a @ b, 2 * 1280**3),
    }


def make_arms(shape: Shape) -> dict[str, Callable[[], object]]:
    """Return what is timed, by name: trainings, and ``peak/{precision}/{kernel}``."""
    cube = shape.cube()
    networks = {
        name: CNNAEU(shape.bands, shape.endmembers, precision=name)
        for name in PRECISIONS
        if name == "float32" or measuring.bfloat16_instructions()
    }
    trainings: dict[str, Library | Plain] = {
        "plain": Plain(cube, plain_twin(networks["float32"]), shape.size),
        "plain_cosine": Plain(cube, plain_twin(networks["float32"]), shape.size, plain_port.cosine_angle),
        **{name: Library(cube, network, shape.size) for name, network in networks.items()},
    }

    def update(training: Library | Plain) -> Callable[[], object]:
        corners = shape.corners()
        return lambda: training.step(corners())

    def kernel(function: Callable[[], object]) -> Callable[[], object]:
        return torch.no_grad()(function)

    peaks = {
        f"peak/{name}/{which}": kernel(function)
        for name in networks
        for which, (function, _) in peak_kernels(PRECISIONS[name]).items()
    }
    return {**{name: update(training) for name, training in trainings.items()}, **peaks}


def done_flop(step: Callable[[], object]) -> int:
    """Return the arithmetic of the matrix products and convolutions that an update really does."""
    with FlopCounterMode(display=False) as counter:
        step()
    return int(counter.get_total_flops())


def peak_of(medians: dict[str, float], name: str) -> tuple[str, float]:
    """Return the fastest kernel of a precision and its GFLOP/s."""
    rates = {
        which: flop / medians[f"peak/{name}/{which}"] / 1e9
        for which, (_, flop) in peak_kernels(PRECISIONS[name]).items()
    }
    kernel = max(rates, key=lambda which: rates[which])
    return kernel, rates[kernel]


def records_of(shape: Shape, rounds: int) -> list[dict[str, Any]]:
    """Measure one shape: one record per precision (the keys are explained in the README)."""
    arms = make_arms(shape)
    flop_done = {name: done_flop(arms[name]) for name in PRECISIONS if name in arms}
    seconds, processor_share = measuring.in_turns(arms, rounds)
    medians = {name: float(np.median(values)) for name, values in seconds.items()}
    plain = medians["plain"]
    about = {
        "scene": shape.scene,
        "bands": shape.bands,
        "endmembers": shape.endmembers,
        "patches": shape.patches,
        "patch_size": shape.size,
        "batch_pixels": shape.patches * shape.size**2,
        "rounds": rounds,
        "threads": torch.get_num_threads(),
        "processor_share": processor_share,
        "plain_ms": round(1e3 * plain, 2),
        "plain_quartiles_ms": measuring.quartiles(1e3 * seconds["plain"]),
        "plain_share_of_peak": round(shape.flop() / plain / 1e9 / peak_of(medians, "float32")[1], 3),
        "plain_cosine_ms": round(1e3 * medians["plain_cosine"], 2),
        "plain_cosine_to_plain": round(medians["plain_cosine"] / plain, 3),
        "flop": shape.flop(),
    }
    return [
        {**about, "precision": name, **_fast(shape, name, seconds, medians, flop_done[name])}
        if name in arms
        else {**about, "precision": name, **_skipped()}
        for name in PRECISIONS
    ]


def _fast(
    shape: Shape, name: str, seconds: dict[str, np.ndarray], medians: dict[str, float], flop_done: int
) -> dict[str, Any]:
    fast = medians[name]
    kernel, peak = peak_of(medians, name)
    return {
        "fast_ms": round(1e3 * fast, 2),
        "fast_quartiles_ms": measuring.quartiles(1e3 * seconds[name]),
        "ratio": round(medians["plain"] / fast, 3),
        "ratio_quartiles": measuring.quartiles(seconds["plain"] / seconds[name], 3),
        "flop_done": flop_done,
        "gflops": round(flop_done / fast / 1e9, 2),
        "peak_gflops": round(peak, 1),
        "peak_kernel": kernel,
        "share_of_peak": round(flop_done / fast / 1e9 / peak, 3),
        "written_out_share_of_peak": round(shape.flop() / fast / 1e9 / peak, 3),
        "skipped": "",
    }


def _skipped() -> dict[str, Any]:
    keys = ("fast_ms", "ratio", "gflops", "peak_gflops", "share_of_peak", "written_out_share_of_peak")
    reason = "the processor names neither avx512_bf16 nor amx_bf16 in /proc/cpuinfo"
    return {**dict.fromkeys(keys), "skipped": reason}


def summary(records: list[dict[str, Any]]) -> str:
    """Return the records as a small table, with the ratios that the project asks of itself."""
    lines = [
        f"{'scene':15}{'precision':10}{'plain ms':>9}{'fast ms':>9}{'ratio':>7}{'quartiles':>14}{'required':>9}"
        f"{'wanted':>7}{'of peak':>8}{'cosine':>7}"
    ]
    for record in records:
        start = f"{record['scene']:15}{record['precision']:10}{record['plain_ms']:9.1f}"
        if record["skipped"]:
            lines.append(f"{start}  skipped: {record['skipped']}")
            continue
        required, wanted = REQUIRED.get((record["scene"], record["precision"]), ("", ""))
        lower, upper = record["ratio_quartiles"]
        lines.append(
            f"{start}{record['fast_ms']:9.1f}{record['ratio']:7.2f}{f'{lower:.2f}-{upper:.2f}':>14}{required:>9}"
            f"{wanted:>7}{record['share_of_peak']:8.0%}{record['plain_cosine_to_plain']:7.2f}"
        )
    shares = [record["processor_share"] for record in records]
    return "\n".join([*lines, f"share of the time in which this process had a processor: {min(shares)} at least"])


def profile_table(shape: Shape, steps: int = 3) -> str:
    """Return for each training the time of each operation, in text."""
    parts = []
    for name, step in make_arms(shape).items():
        if name.startswith("peak/"):
            continue
        for _ in range(measuring.WARM_UP):
            step()
        with profile(activities=[ProfilerActivity.CPU]) as profiler:
            for _ in range(steps):
                step()
        table = profiler.key_averages().table(sort_by="self_cpu_time_total", row_limit=25, max_name_column_width=60)
        parts.append(f"{shape.scene}, {name}: {steps} updates\n{table}")
    return "\n".join(parts)


def main(arguments: list[str] | None = None) -> int:
    """Measure, write and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", nargs="+", default=list(SCENES), help="ids of the registry")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--patches", type=int, default=15, help="patches per update")
    parser.add_argument("--patch-size", type=int, default=40)
    parser.add_argument("--profile", metavar="SCENE", help="write where the time goes, instead of measuring")
    parser.add_argument("--output", type=Path, default=measuring.RESULTS, help="folder of the results")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    if options.profile:
        path = options.output / f"training_step_profile_{options.profile}.txt"
        write_text(path, profile_table(Shape.of(options.profile, options.patches, options.patch_size)))
        print(f"written: {path}")
        return 0
    load = measuring.load_average()
    records = []
    for scene in options.scenes:
        print(f"{scene} ...", flush=True)
        records += records_of(Shape.of(scene, options.patches, options.patch_size), options.rounds)
    measuring.write_records(options.output / "training_step.json", records, load)
    print(summary(records))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
