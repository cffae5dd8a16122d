"""A study in its environment: its cells, its scenes, its files.

This module alone reads environment variables; all others receive plain values.
"""

import json
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from unmixing.cells import CONTRASTIVE_PHASES, job, jobs, protocols
from unmixing.configuration import Configuration, validate
from unmixing.contrastive_cells import check_labels, earlier_jobs
from unmixing.errors import UnmixingError
from unmixing.plan import Shape
from unmixing.scenes.availability import Availability, find_scenes, find_semi_real
from unmixing.scenes.registry import load_registry

REFERENCE_FOLDER = "reports/reference"

#: Computed for every scene, whatever methods are asked for: they give every table of angles its scale.
REFERENCE_ROWS = ("chance", "mean_of_references", "attainable_floor")

#: The released results of the sweep, in the folder of released sheets.
RELEASED_SWEEP = "augmentation_sweep_reference.csv"

#: The released results of the contrastive grids, in the same folder.
RELEASED_GRID = "grid_search_reference.csv"

#: Loss curves of figures 9 and 10, read by eye, in the same folder.
RELEASED_READINGS = "figure_readings.csv"

#: Scenes of the registry without reference abundances.
WITHOUT_ABUNDANCES = ("cuprite", "dlr_hysu")

#: Files that hold a scene's reference endmembers without its cube, in the folder of scenes.
REFERENCE_FILES = {
    "cuprite": "Cuprite12_groundTruth.mat",
    "urban4": "urban/end4_groundTruth.mat",
    "urban5": "urban/end5_groundTruth.mat",
    "urban6": "urban/end6_groundTruth.mat",
}


class Study:
    """A validated study in its environment: what the Snakefile asks for cells, scenes and scales."""

    def __init__(self, configuration: Configuration, results: Path, environment: Mapping[str, str]) -> None:
        """Settle which scenes are available, without a network.

        Raises:
            UnmixingError: a folder named in the environment does not exist, a scene is missing and the configuration
                says ``missing: fail``, or labels ask for more runs of the baseline than there are.
        """
        check_labels(configuration)
        self.configuration = configuration
        self.results = results
        self.scenes_folder, self.cache = scene_places(environment)
        self.availability: dict[str, Availability] = {
            scene.scene: scene for scene in find_scenes(list(load_registry()), self.scenes_folder, self.cache)
        }
        self.released_sheets = released_folder(environment)
        self.libraries = _folder(environment, "UNMIXING_LIBRARIES")
        self.semi_real = find_semi_real(self.scenes_folder, self.libraries)
        self.availability |= {scene: known for scene, (known, _) in self.semi_real.items()}
        self.availability |= {scene: own.availability(scene) for scene, own in configuration.own_scenes.items()}
        missing = [self.availability[scene] for scene in configuration.scenes if not self.availability[scene].available]
        if missing and configuration.missing == "fail":
            raise UnmixingError("\n".join(f"scene {scene.scene} is missing: {scene.reason}" for scene in missing))

    @classmethod
    def load(cls, values: Mapping[str, Any], results: Path = Path("results")) -> "Study":
        """Validate configuration values and settle them in the environment of this process."""
        return cls(validate(values), results, os.environ)

    @property
    def name(self) -> str:
        """Return the study's name."""
        return self.configuration.study

    @property
    def command(self) -> str:
        """Return the command that rebuilds one part of this study, with ``PART`` in the target's place."""
        shipped = (Path(__file__).parents[1] / "studies" / f"{self.name}.yaml").exists()
        named = "" if self.name == "demo" else f" STUDY={self.name}" + ("" if shipped else ".yaml")
        return f"make study TARGET=PART{named}"

    @property
    def scenes(self) -> list[str]:
        """Return the study's scenes that are available."""
        return [scene for scene in self.configuration.scenes if self.availability[scene].available]

    def shape(self, scene: str) -> Shape | None:
        """Return the size of a scene as far as it is known before it is read."""
        entry = load_registry().get(scene)
        if entry is not None:
            return Shape(entry.rows, entry.cols, entry.bands, entry.endmember_count)
        if scene in self.semi_real:
            return self.shape(scene.removesuffix("_semi_real"))
        return None

    def scene_source(self, scene: str) -> list[str]:
        """Return the files that a scene is read from, the main one first; none for a scene that is made."""
        if scene in self.configuration.own_scenes:
            return [str(path) for path in self.configuration.own_scenes[scene].files()]
        if scene in self.semi_real:
            return [str(path) for path in self.semi_real[scene][1]]
        path = self.availability[scene].path
        return [str(path)] if path else []

    def scene_arguments(self, scene: str) -> list[str]:
        """Return what `unmixing scene` is told of where a scene comes from."""
        if scene in self.configuration.own_scenes:
            stanza = self.configuration.own_scenes[scene].stanza(scene)
            return [f"--stanza={json.dumps(stanza)}"]
        options = ["source", "library"]
        return [f"--{name}={path}" for name, path in zip(options, self.scene_source(scene), strict=False)]

    def scene_code(self, scene: str) -> str:
        """Return the version of the code that reads or makes a scene."""
        from unmixing.code_version import output_version

        if scene in self.configuration.own_scenes:
            return output_version("scenes.own")
        if scene in self.semi_real:
            return output_version("scenes.semi_real")
        return output_version("scenes.reading" if self.availability[scene].path else "scenes.synthetic")

    def reference_argument(self) -> list[str]:
        """Return what training and evaluation are told of committed evidence."""
        from unmixing.code_version import code_version

        if self.configuration.runs == "computed":
            return []
        return [f"--reference={REFERENCE_FOLDER}", f"--scoring={code_version('evaluate')}"]

    def entropy(self) -> int:
        """Return the study's seed; under ``entropy: system`` draw and record it if this is the first time."""
        if self.configuration.entropy == "study":
            return self.configuration.seed
        from unmixing.store import read_json, write_json

        path = self.results / "entropy" / f"{self.name}.json"
        if not path.exists():
            write_json(path, {"entropy": secrets.randbits(63)}, sealed=True)
        record = read_json(path)
        if not isinstance(record, dict) or not isinstance(record.get("entropy"), int):
            raise UnmixingError(f"file {path} holds no seed: put the one that its runs were trained with back")
        return int(record["entropy"])

    def job(self, phase: str, protocol: str, scene: str, name: str) -> str:
        """Return what the cells of a job depend on, as the JSON that `unmixing train` takes."""
        described = job(self.configuration, phase, protocol, scene, name, self.entropy())
        return json.dumps(described, sort_keys=True)

    def manifests(self, phase: str, protocol: str, scene: str) -> list[str]:
        """Return the manifests of all jobs of a phase on a scene under a protocol."""
        return [
            f"{self.results}/{self.name}/cells/{phase}/{protocol}/{scene}/{name}.json"
            for name in jobs(self.configuration, phase, scene, protocol)
        ]

    def earlier_manifests(self, phase: str, protocol: str, scene: str, name: str) -> list[str]:
        """Return the manifests that a job starts from: those of the shards of a grid that is trained whole."""
        earlier = earlier_jobs(self.configuration, scene, protocol, name) if phase == "contrastive" else []
        return [f"{self.results}/{self.name}/cells/{phase}/{protocol}/{scene}/{job}.json" for job in earlier]

    def label_manifests(self, phase: str, protocol: str, scene: str) -> list[str]:
        """Return the manifests of the baseline that labels of a phase are cut from; none where it takes no such labels.

        Labels come from the baseline for the variant ``stage1``, for the audit of ``label_source``, and for all where a
        scene has no reference abundances.
        """
        audited = self.configuration.audit.contrastive if phase == "audit" else []
        if not (phase in CONTRASTIVE_PHASES or audited):
            return []
        trained = self.configuration.baseline.protocols_of(scene)
        asked = phase == "contrastive" and "stage1" in self.configuration.contrastive.variants
        asked = asked or "label_source" in audited
        if not (asked or scene in self.configuration.own_scenes or scene in WITHOUT_ABUNDANCES):
            return []
        return self.manifests("baseline", protocol if protocol in trained else trained[0], scene)

    def run_files(self, kind: Literal["runs", "spectra", "abundances", "curves"], *phases: str) -> list[str]:
        """Return the files of run rows, spectra or abundance maps of phases on all scenes that are available."""
        return [f"{self.results}/{self.name}/{kind}/{part}.parquet" for part in self._parts(*phases)]

    def _parts(self, *phases: str) -> list[str]:
        return [
            f"{phase}-{protocol}-{scene}"
            for phase in phases
            for scene in self.scenes
            for protocol in protocols(self.configuration, phase, scene)
        ]

    def released_sweep(self) -> list[str]:
        """Return the released sheet of the sweep where it is at hand, as a list."""
        path = self.released_sheets / RELEASED_SWEEP if self.released_sheets else None
        return [str(path)] if path and path.is_file() else []

    def released_grid(self) -> list[str]:
        """Return the released sheet of the contrastive grids where it is at hand, as a list."""
        path = self.released_sheets / RELEASED_GRID if self.released_sheets else None
        return [str(path)] if path and path.is_file() else []

    def sheets(self) -> list[str]:
        """Return all released sheets that are at hand."""
        folder = self.released_sheets
        known = [folder / name for name in (RELEASED_SWEEP, RELEASED_GRID, RELEASED_READINGS)] if folder else []
        return [str(path) for path in known if path.is_file()]

    def purity_files(self) -> list[str]:
        """Return the files that say what the sweep's treatments do to the purity of a training set."""
        parts = [part.removeprefix("augmentation-") for part in self._parts("augmentation")]
        return [f"{self.results}/{self.name}/purity/{part}.parquet" for part in parts]

    def purity_arguments(self, protocol: str) -> list[str]:
        """Return what `unmixing purity` is told of a protocol's treatments."""
        sweep = self.configuration.augmentation
        treatments = json.dumps(sweep.treatments_of(protocol))
        return [f"--treatments={treatments}", f"--images={min(sweep.images)}", f"--entropy={self.entropy()}"]

    def map_folders(self, own: bool = False) -> list[str]:
        """Return the folders of maps of all baseline cells, or of those of the user's own scenes alone."""
        return [
            f"{self.results}/{self.name}/maps/{part}"
            for part in self._parts("baseline")
            if not own or part.split("-")[-1] in self.configuration.own_scenes
        ]

    def baseline_manifests(self, scene: str) -> list[str]:
        """Return the manifests of a scene's baseline cells."""
        named = protocols(self.configuration, "baseline", scene)
        return [path for protocol in named for path in self.manifests("baseline", protocol, scene)]

    def area_files(self) -> list[str]:
        """Return the files of areas of the scenes whose targets have known areas."""
        return [f"{self.results}/{self.name}/areas/{scene}.parquet" for scene in self.scenes if scene == "dlr_hysu"]

    def scene_facts(self) -> list[str]:
        """Return the files that describe the study's scenes."""
        return [f"{self.results}/scenes/facts/{scene}.parquet" for scene in self.scenes]

    def scene_pages(self) -> list[str]:
        """Return the pictures of the study's scenes."""
        return [f"{self.results}/{self.name}/figures/scene_page_{scene}.svg" for scene in self.scenes]

    def classical_cell(self, scene: str) -> str:
        """Return what the numbers of a scene's classical rows depend on, as the JSON `unmixing classical` takes."""
        from unmixing.code_version import code_version

        section = self.configuration.classical
        cell = {
            "scene": scene,
            "methods": [*section.methods, *REFERENCE_ROWS],
            "runs": section.runs,
            "entropy": self.entropy(),
            "code": code_version("classical"),
        }
        return json.dumps(cell, sort_keys=True)

    def classical_files(self) -> list[str]:
        """Return the files of classical run rows: of the available scenes, and of references without their cube."""
        rows = [f"{self.results}/{self.name}/runs/classical-described-{scene}.parquet" for scene in self.scenes]
        rows += [
            f"{self.results}/{self.name}/references/{scene}.parquet"
            for scene, known in self.availability.items()
            if known.paper and not (known.available and scene in self.configuration.scenes) and self.references(scene)
        ]
        return rows

    def references(self, scene: str) -> list[str]:
        """Return the file of a scene's reference endmembers where it is at hand, as a list."""
        path = self.scenes_folder / REFERENCE_FILES[scene] if self.scenes_folder and scene in REFERENCE_FILES else None
        return [str(path)] if path and path.is_file() else []

    def scene_table(self) -> list[dict[str, Any]]:
        """Return every scene that a table names: the paper's six and the study's, with why one is missing."""
        rows = []
        for scene, known in self.availability.items():
            in_study = scene in self.configuration.scenes
            if not (known.paper or in_study):
                continue
            reason = known.reason
            if not in_study:
                reason = f"not part of the study {self.name}: name it under `scenes` in the configuration"
            rows.append(
                {
                    "scene": scene,
                    "title": known.title,
                    "kind": known.kind,
                    "paper": known.paper,
                    "available": known.available,
                    "in_study": in_study,
                    "reason": reason,
                }
            )
        return rows

    def description(self) -> str:
        """Return, as JSON, what tables, figures and the report must know of the study beside its runs."""
        scales: dict[str, dict[str, Any]] = {
            scene: {**self.configuration.baseline.scale(scene)} for scene in self.configuration.scenes
        }
        for phase in ("augmentation", "contrastive"):
            section = getattr(self.configuration, phase)
            for scene in set(section.scenes) & set(scales):
                scales[scene][phase] = section.scale(scene)
        search = self.configuration.contrastive.search
        for scene in set(search.scenes) & set(scales):
            if "contrastive" in scales[scene]:
                scales[scene]["contrastive"]["search"] = {"strategy": search.strategy, "objective": search.objective}
        return json.dumps({"name": self.name, "scenes": self.scene_table(), "scale": scales}, sort_keys=True)


def scene_places(environment: Mapping[str, str] | None = None) -> tuple[Path | None, Path]:
    """Return the user's folder of scenes, None if he names none, and the cache of downloads.

    Args:
        environment: that of this process if None.

    Raises:
        UnmixingError: the folder named does not exist.
    """
    known = os.environ if environment is None else environment
    cache = Path(known.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "unmixing" / "scenes"
    return _folder(known, "UNMIXING_SCENES"), cache


def released_folder(environment: Mapping[str, str] | None = None) -> Path | None:
    """Return the folder of released sheets, None if the user names none.

    Args:
        environment: that of this process if None.

    Raises:
        UnmixingError: the folder named does not exist.
    """
    return _folder(os.environ if environment is None else environment, "UNMIXING_REFERENCE")


def _folder(environment: Mapping[str, str], variable: str) -> Path | None:
    value = environment.get(variable)
    if not value:
        return None
    folder = Path(value).expanduser().resolve()
    if not folder.is_dir():
        raise UnmixingError(f"{variable} names {folder}, which is not a folder: correct it, or unset it")
    return folder


def find_overlay(name: str, studies: Path) -> Path | None:
    """Return the overlay of a study named on the command line; None for the demo.

    Args:
        name: ``demo``, the stem of a file in ``studies``, or the path of a YAML file.
        studies: ``workflow/studies``.

    Raises:
        UnmixingError: there is no such study.
    """
    if name == "demo":
        return None
    if re.search(r"\.ya?ml$", name):
        return Path(name)
    path = studies / f"{name}.yaml"
    if not path.exists():
        known = ", ".join(["demo", *sorted(found.stem for found in studies.glob("*.yaml"))])
        raise UnmixingError(f"study {name!r} is unknown; allowed: {known}, or the path of a YAML file")
    return path
