"""Do fast and plain training agree, over a whole short run, as far as rounding lets any two programs agree?

    python benchmarks/agreement.py [--scenes-folder FOLDER]

Rounding decides which way a weight near zero moves, RMSprop makes the step as long as any other, and after some
epochs two programs that are both right stand at different weights. How different is measured: beside the library's
float32 training and the plain port's, the plain port runs again on cubes whose every value was moved by one unit in
the last place, up or down at random, and once more with its weights channels-last in memory, which changes the order
of its sums. All start from the same weights and see the same patches in the same order with the same dropout masks:
the plain port's ``Dropout2d``, which takes its masks from torch's global stream, is replaced by the library's module
of the same arithmetic, which takes them from the run's stream. Each training has a process of its own, whose seconds
and memory are those of a whole run.
"""

import argparse
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import measuring
import numpy as np

from unmixing.scenes.availability import find_scenes

RUN = 0


@dataclass(frozen=True)
class Plan:
    """A whole short run.

    Attributes:
        scene: id of the registry.
        path: its file; "" for an embedded scene.
        epochs: passes over the patches.
        patches: patches drawn.
        size: side of a patch.
        batch: patches per update.
        seed: that the streams derive from.
    """

    scene: str
    path: str
    epochs: int
    patches: int
    size: int
    batch: int = 15
    seed: int = 20250214


PLANS = (Plan("synthetic_easy", "", 100, 90, 16), Plan("samson", "", 10, 250, 40))
"""The demo's run, and the first epochs of the paper's run on Samson."""


def load(plan: Plan) -> tuple[np.ndarray, np.ndarray]:
    """Return a scene's cube (rows, columns, bands), its maximum 1, and its references (K, bands)."""
    from unmixing.scenes.reading import read_registered_scene
    from unmixing.scenes.synthetic import make_synthetic
    from unmixing.training.fitting import relative_reflectance

    scene = read_registered_scene(plan.scene, plan.path) if plan.path else make_synthetic(plan.scene)
    return relative_reflectance(scene["cube"].to_numpy()), scene["endmembers"].to_numpy()


def one_unit_off(cube: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a cube with every value moved to the next float32, up or down; the maximum stays where it is."""
    moved = np.nextafter(cube, np.where(rng.random(cube.shape) < 0.5, np.inf, -np.inf), dtype=np.float32)
    return np.where(cube == cube.max(), cube, moved)


def run(plan: Plan, arm: str) -> dict[str, Any]:
    """Train one arm (``fast``, ``plain``, ``reordered``, ``unit_1``, ``unit_2`` ...) and return its curves.

    Streams, patches and order are those of ``unmixing.training.reconstruction.train`` (a test compares them).
    """
    import time

    import torch
    from arms import Library, Plain, plain_twin

    from unmixing.metrics import match_endmembers
    from unmixing.models.cnnaeu import CNNAEU
    from unmixing.patches import random_corners
    from unmixing.seeds import run_streams, torch_generator

    torch.set_num_threads(1)
    cube, references = load(plan)
    streams = run_streams(plan.seed, plan.scene, RUN)
    started = time.perf_counter()
    rows, columns, bands = cube.shape
    corners = random_corners(rows, columns, plan.size, plan.patches, np.random.default_rng(streams.patches))
    network = CNNAEU(
        bands,
        len(references),
        initialisation=torch_generator(streams.initialisation),
        dropout=torch_generator(streams.dropout),
    )
    training: Library | Plain
    if arm == "fast":
        training = Library(cube, network, plan.size)
    else:
        twin = plain_twin(network)
        twin.encoder[3] = twin.encoder[7] = network.dropout
        if arm == "reordered":
            twin.to(memory_format=torch.channels_last)
        if arm.startswith("unit_"):
            cube = one_unit_off(cube, np.random.default_rng(int(arm.removeprefix("unit_"))))
        training = Plain(cube, twin, plan.size)
    order = np.random.default_rng(streams.shuffling)
    losses, angles = [], []
    for _ in range(plan.epochs):
        chosen = order.permutation(plan.patches)
        batches = [chosen[start : start + plan.batch] for start in range(0, plan.patches, plan.batch)]
        losses.append(sum(training.step(corners[batch]) * len(batch) for batch in batches) / plan.patches)
        angles.append(float(match_endmembers(training.endmembers(), references)[1].mean()))
    return {"loss_rad": losses, "sad_rad": angles, "training_seconds": round(time.perf_counter() - started, 2)}


def compare(arms: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return how far fast is from plain, and how far the roundings of plain are from each other.

    An arm lies apart by the mean over the other arms of the root mean square difference over the epochs. If fast is
    but one more rounding, it is the farthest of n arms in one case of n.
    """
    found: dict[str, Any] = {}
    for curve in ("loss_rad", "sad_rad"):
        curves = {name: np.array(values[curve]) for name, values in arms.items()}
        largest = {
            (a, b): float(np.abs(curves[a] - curves[b]).max()) for a in curves for b in curves if a != b and b != "fast"
        }
        apart = {
            a: float(np.mean([np.sqrt(np.mean((curves[a] - curves[b]) ** 2)) for b in curves if b != a]))
            for a in curves
        }
        found[curve] = {
            "fast_to_plain": largest["fast", "plain"],
            "rounding": max(value for (a, _), value in largest.items() if a != "fast"),
            "apart": apart,
            "fast_is_farthest": max(apart, key=lambda name: apart[name]) == "fast",
        }
    return found


def draw(results: dict[str, dict[str, dict[str, Any]]], stem: Path) -> None:
    """Draw loss, SAD and their differences from plain, a row for each scene."""
    from matplotlib.figure import Figure

    from unmixing.figures.style import MUTED, PALETTE, Description, save_figure, style

    with style():
        figure = Figure(figsize=(7.2, 2.3 * len(results) + 0.4), layout="constrained")
        grid = figure.subplots(len(results), 3, squeeze=False)
        for line, (scene, arms) in zip(grid, results.items(), strict=True):
            for name, curves in arms.items():
                epochs = np.arange(1, len(curves["loss_rad"]) + 1)
                look: dict[str, Any] = {"color": MUTED, "linewidth": 0.9, "label": "plain, other roundings"}
                if name in ("fast", "plain"):
                    look = {"color": PALETTE["vermilion" if name == "fast" else "blue"], "label": name, "zorder": 3}
                    look["linestyle"] = "--" if name == "fast" else "-"
                line[0].plot(epochs, curves["loss_rad"], **look)
                line[1].plot(epochs, curves["sad_rad"], **look)
                if name != "plain":
                    off = np.abs(np.subtract(curves["sad_rad"], arms["plain"]["sad_rad"]))
                    line[2].semilogy(epochs, np.maximum(off, 1e-9), **look)
            line[2].yaxis.set_major_formatter(lambda value, _: f"{value:.0e}")
            for axes, label in zip(line, ("loss (rad)", "mean SAD (rad)", "SAD, apart from plain (rad)"), strict=True):
                axes.set(xlabel="epoch", ylabel=label)
            line[0].set_title(scene, loc="left")
        handles = dict(zip(*reversed(grid[0, 0].get_legend_handles_labels()), strict=True))
        figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=3, frameon=False)
        about = Description(
            name=stem.name,
            title="Fast and plain training from the same seed",
            caption="Loss and mean SAD of each epoch. All arms share initial weights, patches, their order and the "
            "dropout masks. Other roundings: the plain port on a cube moved by one unit in the last place, and with "
            "its weights in another memory layout.",
            n="1 run for each arm",
            provenance=measuring.machine(),
        )
        save_figure(figure, stem, about)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", nargs="+", default=[plan.scene for plan in PLANS], help="of those planned")
    parser.add_argument("--scenes-folder", default="", help="folder of real scenes; without it only embedded ones")
    parser.add_argument("--perturbations", type=int, default=3, help="cubes moved by one unit in the last place")
    parser.add_argument("--epochs", type=int, help="instead of those planned")
    parser.add_argument("--patches", type=int, help="instead of those planned")
    parser.add_argument("--output", type=Path, default=measuring.RESULTS, help="folder of the results")
    return parser.parse_args(arguments)


def measure(plan: Plan, names: list[str]) -> dict[str, dict[str, Any]]:
    """Run each arm in a process of its own and return its curves, seconds and memory."""
    arms = {}
    for name in names:
        done = measuring.in_a_process(
            f"import agreement\nanswer = agreement.run(agreement.Plan(**{asdict(plan)!r}), {name!r})"
        )
        arms[name] = {
            **done["answer"],
            "process_seconds": round(done["seconds"], 2),
            "peak_resident_mb": done["peak_mb"],
        }
        print(
            f"{plan.scene} {name}: {arms[name]['training_seconds']} s, {done['peak_mb']:.0f} MB at most, "
            f"SAD {arms[name]['sad_rad'][-1]:.4f} rad",
            flush=True,
        )
    return arms


def main(arguments: list[str] | None = None) -> int:
    """Train, compare, write and draw."""
    options = parse(arguments)
    before = measuring.load_average()
    names = ["plain", "fast", "reordered", *(f"unit_{number + 1}" for number in range(options.perturbations))]
    records: list[dict[str, Any]] = []
    results: dict[str, dict[str, dict[str, Any]]] = {}
    for plan in PLANS:
        if plan.scene not in options.scenes:
            continue
        known = find_scenes([plan.scene], Path(options.scenes_folder) if options.scenes_folder else None)[0]
        if not known.available:
            print(known.reason)
            records.append({"kind": "skipped", "scene": plan.scene, "reason": known.reason})
            continue
        plan = replace(
            plan,
            path=str(known.path or ""),
            epochs=options.epochs or plan.epochs,
            patches=options.patches or plan.patches,
        )
        arms = results[plan.scene] = measure(plan, names)
        setting = {key: value for key, value in asdict(plan).items() if key != "path"}
        records += [{"kind": "run", **setting, "arm": name, "precision": "float32", **arms[name]} for name in names]
        found = compare(arms)
        ratio = arms["plain"]["training_seconds"] / arms["fast"]["training_seconds"]
        records.append({"kind": "comparison", "scene": plan.scene, "run_ratio": round(ratio, 3), **found})
        for curve, values in found.items():
            print(
                f"{plan.scene} {curve}: fast to plain {values['fast_to_plain']:.2g} at most, roundings of plain among "
                f"themselves {values['rounding']:.2g}"
            )
    measuring.write_records(options.output / "agreement.json", records, before)
    if results:
        draw(results, options.output / "agreement")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
