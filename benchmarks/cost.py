"""What a training costs: seconds per update of each scene, and how seconds grow with patches, bands, K and runs.

    python benchmarks/cost.py

Growth is the exponent of a power law, fitted by least squares on logarithms over the range that is drawn. Below 1
means that something fixed is paid once: the transforms and the many small operations for bands and K. A job pays its
start once and each run the same, so a line is fitted to jobs as well. The records are what a plan of a study can be
reckoned from (README).
"""

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import measuring
import numpy as np
import torch
from arms import LEARNING_RATE, Library
from measuring import in_a_process, in_turns
from scipy.stats import linregress, t
from training_job import scene_file, training_job
from training_step import SCENES, Shape

from unmixing.models.cnnaeu import CNNAEU
from unmixing.protocol.baseline import PROTOCOLS
from unmixing.seeds import run_streams
from unmixing.training.fitting import describe_scene
from unmixing.training.reconstruction import Schedule, train

LEVEL = 0.95
SHAPES = (
    *(Shape.of(scene) for scene in SCENES),
    *(Shape.of(f"synthetic_{name}", size=16) for name in ("easy", "hard")),
)
"""Real scenes with the paper's patches, embedded ones with the demo's."""

BASE = Shape("random", 100, 100, bands=160, endmembers=4)


@dataclass(frozen=True)
class Axis:
    """Something that cost grows with.

    Attributes:
        name: patches (per update), bands, endmembers, patches_per_run, or runs (per job).
        unit: what is timed: an update, a run or a job.
        values: where.
    """

    name: str
    unit: str
    values: tuple[int, ...]


AXES = (
    Axis("patches", "update", (2, 4, 8, 15, 30)),
    Axis("bands", "update", (20, 40, 80, 160, 320)),
    Axis("endmembers", "update", (1, 2, 4, 8, 16)),
    Axis("patches_per_run", "run", (15, 30, 60, 120, 240)),
    Axis("runs", "job", (1, 2, 4, 8, 16)),
)


def training(shape: Shape, precision: str = "float32") -> Library:
    """Return the library's training on random numbers."""
    return Library(shape.cube(), CNNAEU(shape.bands, shape.endmembers, precision=precision), shape.size)


def update(arm: Library, shape: Shape) -> Callable[[], object]:
    """Return one update of a training."""
    corners = shape.corners()
    return lambda: arm.step(corners())


def run(shape: Shape, patches: int) -> None:
    """Do a whole run of one epoch, from drawing the patches to the estimates of the scene."""
    schedule = Schedule(1, patches, shape.size, shape.patches, LEARNING_RATE)
    fields = PROTOCOLS["described"].training()
    train(shape.cube(), shape.endmembers, schedule, fields, run_streams(0, shape.scene, 0))


def arms_of(axis: Axis, base: Shape, folder: Path) -> dict[int, Callable[[], object]]:
    """Return what is timed at each value of an axis; jobs work in a folder."""

    def job(scene: Path, runs: int) -> Callable[[], object]:
        # A store of its own each time: a job does not train what is there.
        return lambda: in_a_process(training_job(scene, Path(tempfile.mkdtemp(dir=folder)), runs))

    if axis.unit == "job":
        scene = scene_file(folder)
        return {value: job(scene, value) for value in axis.values}
    if axis.unit == "run":
        return {value: partial(run, base, value) for value in axis.values}
    shapes = {value: replace(base, **{axis.name: value}) for value in axis.values}
    return {value: update(training(shape), shape) for value, shape in shapes.items()}


def exponent(values: np.ndarray, seconds: np.ndarray) -> dict[str, Any]:
    """Return the exponent of a power law through points, with its interval (Student's t, log-log least squares)."""
    fit = linregress(np.log(values), np.log(seconds))
    half = float(t.ppf((1 + LEVEL) / 2, len(values) - 2) * fit.stderr)
    return {
        "exponent": round(float(fit.slope), 3),
        "lower": round(float(fit.slope) - half, 3),
        "upper": round(float(fit.slope) + half, 3),
        "level": LEVEL,
        "factor": float(np.exp(fit.intercept)),
        "points": len(values),
    }


def line(values: np.ndarray, seconds: np.ndarray) -> dict[str, Any]:
    """Return the straight line through points: seconds at none, and seconds for each, with its interval (t)."""
    fit = linregress(values, seconds)
    half = float(t.ppf((1 + LEVEL) / 2, len(values) - 2) * fit.stderr)
    return {
        "start_seconds": round(float(fit.intercept), 3),
        "seconds_each": round(float(fit.slope), 4),
        "seconds_each_lower": round(float(fit.slope) - half, 4),
        "seconds_each_upper": round(float(fit.slope) + half, 4),
    }


def growth(axis: Axis, base: Shape, rounds: int) -> list[dict[str, Any]]:
    """Measure one axis: a record for each point, and the one of its exponent."""
    warm_up = 1
    if axis.unit == "job":
        rounds, warm_up = min(rounds, 3), 0  # each starts a process and takes seconds
    with tempfile.TemporaryDirectory() as folder:
        arms = {str(value): arm for value, arm in arms_of(axis, base, Path(folder)).items()}
        times, processor_share = in_turns(arms, rounds, warm_up)
    about = {"axis": axis.name, "unit": axis.unit, "precision": "float32"}
    medians = np.array([np.median(times[str(value)]) for value in axis.values])
    points = [
        {
            "kind": "point",
            **about,
            "value": value,
            "seconds": float(f"{median:.5g}"),
            "seconds_quartiles": measuring.quartiles(times[str(value)], 5),
            "rounds": rounds,
            # A job is a process of its own, whose time on the processor is not this one's.
            "processor_share": None if axis.unit == "job" else processor_share,
        }
        for value, median in zip(axis.values, medians, strict=True)
    ]
    values = np.array(axis.values)
    straight = line(values, medians) if axis.unit == "job" else {}
    return [*points, {"kind": "exponent", **about, **exponent(values, medians), **straight}]


def scene_cost(shape: Shape, rounds: int) -> list[dict[str, Any]]:
    """Measure one scene: seconds per update and for the estimates of the whole scene, by precision."""
    names = ["float32", *(["bfloat16"] if measuring.bfloat16_instructions() else [])]
    trainings = {name: training(shape, name) for name in names}
    times, processor_share = in_turns({name: update(arm, shape) for name, arm in trainings.items()}, rounds, 1)
    whole, _ = in_turns(
        {name: partial(describe_scene, arm.network, arm.image) for name, arm in trainings.items()}, rounds, 0
    )
    return [
        {
            "kind": "scene",
            "scene": shape.scene,
            "rows": shape.rows,
            "columns": shape.columns,
            "bands": shape.bands,
            "endmembers": shape.endmembers,
            "patches": shape.patches,
            "patch_size": shape.size,
            "batch_pixels": shape.patches * shape.size**2,
            "precision": name,
            "seconds_per_update": float(f"{np.median(times[name]):.5g}"),
            "seconds_per_update_quartiles": measuring.quartiles(times[name], 5),
            "seconds_per_estimate": float(f"{np.median(whole[name]):.5g}"),
            "rounds": rounds,
            "processor_share": processor_share,
        }
        for name in names
    ]


def draw(records: list[dict[str, Any]], stem: Path) -> None:
    """Draw the points of each axis and the fitted power law."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator

    from unmixing.figures.style import MUTED, PALETTE, Description, save_figure, style

    fits = [record for record in records if record["kind"] == "exponent"]
    with style():
        columns = min(len(fits), 3)
        figure = Figure(figsize=(2.6 * columns, 2.4 * -(-len(fits) // columns)), layout="constrained")
        grid = figure.subplots(-(-len(fits) // columns), columns, squeeze=False).ravel()
        for axes in grid[len(fits) :]:
            axes.set_axis_off()
        for axes, fit in zip(grid, fits, strict=False):
            points = [r for r in records if r["kind"] == "point" and r["axis"] == fit["axis"]]
            values = np.array([point["value"] for point in points])
            fitted = fit["factor"] * values ** fit["exponent"]
            title = f"exponent {fit['exponent']:.2f} ({fit['lower']:.2f} to {fit['upper']:.2f})"
            if "start_seconds" in fit:
                fitted = fit["start_seconds"] + fit["seconds_each"] * values
                title = f"{fit['start_seconds']:.1f} s and {fit['seconds_each']:.2f} s for each run"
            axes.loglog(values, fitted, color=MUTED, linewidth=0.9)
            axes.loglog(values, [point["seconds"] for point in points], "o", color=PALETTE["blue"], markersize=4)
            axes.set_xticks(values, [str(value) for value in values])
            axes.minorticks_off()
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
            axes.set(xlabel=fit["axis"].replace("_", " "), ylabel=f"seconds per {fit['unit']}")
            axes.set_title(title, loc="left")
        about = Description(
            name=stem.name,
            title="Cost of training",
            caption="Medians, the power law fitted to them with the 95 % interval of its exponent; for jobs, a line.",
            scale=f"Updates and runs: {BASE.bands} bands, {BASE.endmembers} endmembers, {BASE.patches} patches of "
            f"{BASE.size}x{BASE.size}; jobs: the demo's scene, 3 epochs for each run.",
            provenance=measuring.machine(),
        )
        save_figure(figure, stem, about)


def main(arguments: list[str] | None = None) -> int:
    """Measure, write, draw and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scenes", nargs="*", default=[shape.scene for shape in SHAPES])
    parser.add_argument("--axes", nargs="*", default=[axis.name for axis in AXES])
    parser.add_argument("--points", type=int, default=5, help="of each axis, the smallest ones; at least 3")
    parser.add_argument("--patch-size", type=int, default=BASE.size, help="of the axes but runs")
    parser.add_argument("--output", type=Path, default=measuring.RESULTS, help="folder of the results")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    load = measuring.load_average()
    records: list[dict[str, Any]] = []
    for shape in SHAPES:
        if shape.scene in options.scenes:
            records += scene_cost(shape, options.rounds)
            for record in records[-2:]:
                print(
                    f"{shape.scene} {record['precision']}: {record['seconds_per_update']:.4f} s per update", flush=True
                )
    base = replace(BASE, size=options.patch_size)
    for axis in AXES:
        if axis.name in options.axes:
            short = replace(axis, values=axis.values[: options.points])
            records += growth(short, base, options.rounds)
            fit = records[-1]
            print(f"{axis.name}: exponent {fit['exponent']} ({fit['lower']} to {fit['upper']})", flush=True)
    measuring.write_records(options.output / "cost.json", records, load)
    if any(record["kind"] == "exponent" for record in records):
        draw(records, options.output / "cost")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
