"""One job: cells of a scene, trained one after the other, and what its manifest says of them."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unmixing.errors import UnmixingError
from unmixing.reference import committed_rows, committed_runs
from unmixing.scenes.dataset import endmember_count
from unmixing.store import CellStore, read_cells
from unmixing.training.cell import Progress, run_cell
from unmixing.training.label_maps import StageOne
from unmixing.training.recipe import recipe_of
from unmixing.training.trainers import Labels, labels_recipe, trainer

if TYPE_CHECKING:
    import xarray as xr

PLACE = ("phase", "protocol", "scene", "setting")


@dataclass(frozen=True)
class Job:
    """What the cells of a job have in common.

    Attributes:
        scene: the scene's dataset.
        store: the run store.
        progress: where to report.
        provenance: of the runs.
        reference: committed evidence whose runs are not computed again, or None.
        scoring: version of the code that scored the evidence to be taken.
        labels: what labels of the contrastive phases are cut from.
    """

    scene: "xr.Dataset"
    store: Path
    progress: Progress
    provenance: Mapping[str, Any]
    reference: Path | None
    scoring: str
    labels: Labels

    def train(self, cell: Mapping[str, Any]) -> dict[str, Any]:
        """Train the runs of a cell that are not there yet, and return the cell's entry in the manifest.

        A cell that names another one in ``stored`` has its runs: they are trained in that one's place, and once.

        Raises:
            UnmixingError: the cell cannot be trained on this scene.
        """
        scene = self.scene
        cube, count = scene["cube"].to_numpy(), endmember_count(scene)
        valid = scene["valid"].to_numpy().astype(bool) if "valid" in scene else None
        place = {key: cell[key] for key in PLACE}
        stored = place | cell.get("stored", {})
        recipe = recipe_of({**cell, **stored}, scene.attrs["content_sha256"], count, labels_recipe(cell, self.labels))
        known = trainer(cell, cube, valid, count, self.store / ".scratch", self.labels)
        store = CellStore.open(self.store, **stored, recipe=recipe)

        def record(run: int) -> dict[str, Any]:
            origin = {"recipe": store.folder.name, "entropy": cell["entropy"], "seeds": known.streams(run).record()}
            name = "/".join([*stored.values(), str(run)])
            return {"id": name, **origin, "provenance": dict(self.provenance), **known.record(run)}

        label = " ".join(value for value in place.values() if value != "standard")
        self.progress.detail(f"{label}: recipe {store.folder.name} {json.dumps(recipe, sort_keys=True)}")
        evidence: set[int] = set()
        if self.reference:
            # What is scored otherwise cannot be taken from scores of the runs that it shares.
            for known_place in [place] if "matching" in cell else [place, stored]:
                found = committed_runs(self.reference, {**cell, **known_place}, store.folder.name, self.scoring)
                evidence.update(found)
        committed = [run for run in sorted(evidence) if run < cell["runs"] and not store.path(run).exists()]
        if committed:
            self.progress.line(f"{label}: {len(committed)} of {cell['runs']} runs are taken from {self.reference}")
        run_cell(store, label, cell["runs"], known.train, record, self.progress, committed)
        details = {"precision": cell["schedule"].get("precision", "float32"), "recipe": store.folder.name}
        further = {key: cell[key] for key in ("design", "stored", "matching") if key in cell}
        return {**place, **details, **further, "runs": cell["runs"], "committed": committed}

    def attempt(self, cell: Mapping[str, Any]) -> dict[str, Any]:
        """Train a configuration of a grid; one that cannot be trained on this scene is an entry that says why."""
        try:
            return self.train(cell)
        except UnmixingError as fault:
            self.progress.line(f"{' '.join(cell[key] for key in PLACE)}: not trained: {fault}")
            return failed_entry(cell, str(fault))


def failed_entry(cell: Mapping[str, Any], reason: str) -> dict[str, Any]:
    """Return the entry of a manifest for a configuration of a grid that could not be trained."""
    return {**{key: cell[key] for key in (*PLACE, "design", "point")}, "runs": 0, "failed": reason}


def job_labels(scene: "xr.Dataset", store: Path, baseline: list[Path], reference: Path | None) -> Labels:
    """Return what labels on a scene may be cut from.

    Args:
        scene: the scene's dataset.
        store: the run store.
        baseline: manifests of the scene's baseline under the same protocol; empty if there is none.
        reference: committed evidence that runs of the baseline may have been taken from.
    """
    references = scene["abundances"].to_numpy() if "abundances" in scene else None
    cells = read_cells(baseline)
    return Labels(references, StageOne(cells[0]["recipe"], _endmembers(cells[0], store, reference)) if cells else None)


def recipe_labels(scene: "xr.Dataset", store: Path, recipe: Mapping[str, Any]) -> Labels:
    """Return what the labels of a stored recipe were cut from; a baseline is looked for in the run store."""
    references = scene["abundances"].to_numpy() if "abundances" in scene else None
    baseline = recipe.get("labels", "references")
    if baseline == "references":
        return Labels(references)
    folders = sorted(store.glob(f"baseline/*/{recipe['scene']}/*/{baseline}"))
    if not folders:
        raise UnmixingError(
            f"the store {store} lacks the baseline {baseline} that labels were cut from: train it again"
        )
    return Labels(references, StageOne(baseline, lambda run: CellStore(folders[0]).read(run)[0]["endmembers"]))


def _endmembers(cell: Mapping[str, Any], store: Path, reference: Path | None) -> Callable[[int], np.ndarray]:
    def of_run(run: int) -> np.ndarray:
        if run in cell["committed"] and reference:
            rows = committed_rows(reference, "spectra", cell, cell["recipe"], [run])
            return rows.pivot(index="endmember", columns="band", values="estimated").to_numpy()
        return CellStore.of_manifest(store, cell).read(run)[0]["endmembers"]

    return of_run
