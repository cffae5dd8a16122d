"""Says what a study will cost, before anything starts: hours, memory, disk, missing inputs."""

import argparse
import dataclasses
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any


def main(arguments: list[str]) -> int:
    """Print the plan of a study."""
    parser = argparse.ArgumentParser(prog="unmixing plan", description=__doc__)
    parser.add_argument("--study", default="demo", help="demo, a file of workflow/studies, or the path of a YAML file")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of the results")
    parser.add_argument("--json", action="store_true", help="print records instead of lines")
    options = parser.parse_args(arguments)

    import json

    from unmixing.configuration import merge, read_yaml
    from unmixing.plan import plan, read_costs
    from unmixing.study import Study, find_overlay

    values = read_yaml(Path("config.yaml"))
    overlay = find_overlay(options.study, Path("workflow/studies"))
    study = Study.load(merge(values, read_yaml(overlay)) if overlay else values, options.results)
    costs = read_costs(options.results / "benchmarks" / "training_step.json")
    entries = plan(study, costs, lambda cell: stored_runs(study, options.results, cell))
    if options.json:
        print(json.dumps([dataclasses.asdict(entry) for entry in entries], indent=2))
        return 0
    print(
        f"{'phase':13} {'protocol':10} {'scene':16} {'jobs':>5} {'runs':>6} {'stored':>6} {'hours':>8} {'GiB':>5} disk"
    )
    for entry in entries:
        place = (
            f"{entry.phase:13} {entry.protocol:10} {entry.scene:16} {entry.jobs:5d} {entry.runs:6d} {entry.stored:6d}"
        )
        note = f"  missing: {entry.missing}" if entry.missing else ""
        print(f"{place} {entry.hours:8.2f} {entry.memory_gib:5.1f} {entry.disk_gib:5.2f}{note}")
    ready = [entry for entry in entries if not entry.missing]
    hours = sum(entry.hours for entry in ready)
    memory = max((entry.memory_gib for entry in ready), default=0.0)
    scratch = max((entry.scratch_gib for entry in ready), default=0.0)
    print(
        f"{study.name}: {sum(entry.runs - entry.stored for entry in ready)} trainings in "
        f"{sum(entry.jobs for entry in ready)} jobs, about {hours:.1f} core-hours on {costs['machine']}; "
        f"up to {memory:.1f} GiB of memory a job, {sum(entry.disk_gib for entry in ready):.2f} GiB of disk"
        + (f", {scratch:.1f} GiB of temporary files a job" if scratch else "")
    )
    unmade = sorted({entry.scene for entry in ready if not (options.results / "scenes" / f"{entry.scene}.nc").exists()})
    if unmade:
        print(f"what is stored of {', '.join(unmade)} is known once the study has made the scene")
    skipped = sorted({entry.scene for entry in entries if entry.missing})
    if skipped:
        print(f"left out for missing inputs: {', '.join(skipped)}")
    return 0


def stored_runs(study: Any, results: Path, cell: Mapping[str, Any]) -> int:  # noqa: ANN401 -- a Study
    """Return how many runs of a cell the store or the committed evidence has, as far as the scene is made."""
    from unmixing.code_version import code_version
    from unmixing.reference import committed_runs
    from unmixing.scenes.dataset import endmember_count
    from unmixing.store import recipe_hash
    from unmixing.study import REFERENCE_FOLDER
    from unmixing.training.recipe import recipe_of

    path = results / "scenes" / f"{cell['scene']}.nc"
    if not path.exists():
        return 0
    scene = _scene(path)
    own = {key: cell[key] for key in ("phase", "protocol", "scene", "setting")}
    place = own | cell.get("stored", {})
    labels = _labels(study, results, cell) if "point" in cell else None
    recipe = recipe_hash(recipe_of({**cell, **place}, scene.attrs["content_sha256"], endmember_count(scene), labels))
    found = {int(run.stem) for run in results.joinpath("store", *place.values(), recipe).glob("*.npz")}
    if study.configuration.runs == "reference":
        for known in [own] if "matching" in cell else [own, place]:
            found.update(committed_runs(Path(REFERENCE_FOLDER), {**cell, **known}, recipe, code_version("evaluate")))
    return len([run for run in found if run < cell["runs"]])


@lru_cache
def _scene(path: Path) -> Any:  # noqa: ANN401 -- a dataset
    from unmixing.scenes.dataset import open_scene

    return open_scene(path)


def _labels(study: Any, results: Path, cell: Mapping[str, Any]) -> dict[str, str]:  # noqa: ANN401 -- a Study
    """Return what the recipe of a contrastive cell says of its labels; a baseline's are known once it is trained.

    The training says it in ``training.trainers.labels_recipe``, which loads torch; a test holds the two equal.
    """
    from unmixing.store import read_cells

    point, fields = cell["point"], cell["fields"]
    plain = point["weight"] == 1 or point["loss"] == "nt_xent"
    source = "none" if plain else point.get("label_source") or fields["label_source"]
    if source in ("none", "online"):
        return {}
    if source != "stage1" and "abundances" in _scene(results / "scenes" / f"{cell['scene']}.nc"):
        return {"labels": "references"}
    manifests = [Path(name) for name in study.label_manifests(cell["phase"], cell["protocol"], cell["scene"])]
    known = read_cells([path for path in manifests if path.exists()])
    return {"labels": known[0]["recipe"] if known else ""}
