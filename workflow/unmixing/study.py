"""The study as data: typed configuration, its validation, its environment, its cells.

``config.yaml`` is the demo study and documents every key. Other studies are overlays: mappings merge, lists and
values replace. This module alone reads environment variables; all others receive plain values.
"""

import json
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from unmixing.errors import UnmixingError
from unmixing.protocol.baseline import PROTOCOLS as BASELINE_PROTOCOLS
from unmixing.scenes.availability import Availability, find_scenes
from unmixing.scenes.registry import load_registry

Positive = Annotated[int, Field(ge=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Scale(_Section):
    """Length and sampling of a phase's trainings."""

    runs: Positive = Field(description="trainings per cell; 25 in the paper")
    epochs: Positive = Field(description="passes over the patches; 320 in the paper's baseline")
    patches: Positive = Field(description="random patches per run; 250 in the paper's baseline")
    patch_size: Positive = Field(description="side of a patch in pixels; 40 in the paper's baseline")
    batch_size: Positive = Field(description="patches per update; 15 in the paper's baseline")
    learning_rate: Annotated[float, Field(gt=0, le=1)] = Field(
        description="of the optimiser; .003 in the paper's baseline"
    )


class ScaleOverride(_Section):
    """Any of a scale's keys, for one scene."""

    runs: Positive | None = Field(None, description="trainings per cell")
    epochs: Positive | None = Field(None, description="passes over the patches")
    patches: Positive | None = Field(None, description="random patches per run")
    patch_size: Positive | None = Field(None, description="side of a patch in pixels")
    batch_size: Positive | None = Field(None, description="patches per update")
    learning_rate: Annotated[float, Field(gt=0, le=1)] | None = Field(None, description="of the optimiser")


def _known_scenes(names: list[str]) -> list[str]:
    known = load_registry()
    for name in names:
        if name not in known:
            raise ValueError(f"scene {name!r} is unknown; allowed: {', '.join(known)}")
    if len(set(names)) < len(names):
        raise ValueError("a scene is named twice; allowed: each once")
    return names


class Baseline(Scale):
    """The baseline phase (paper section 3.1.1)."""

    protocols: list[Literal["described", "released"]] = Field(
        min_length=1, description="as the paper describes it, as its code was released, or both"
    )
    overrides: dict[str, ScaleOverride] = Field(description="scene: keys of this section that differ for it")

    @field_validator("overrides")
    @classmethod
    def _scenes_exist(cls, value: dict[str, ScaleOverride]) -> dict[str, ScaleOverride]:
        _known_scenes(list(value))
        return value

    def scale(self, scene: str) -> dict[str, int | float]:
        """Return the scale that holds for a scene."""
        general = {key: getattr(self, key) for key in Scale.model_fields}
        special = self.overrides[scene].model_dump(exclude_none=True) if scene in self.overrides else {}
        return {**general, **special}


class Configuration(_Section):
    """Every key of ``config.yaml``."""

    study: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")] = Field(
        description="name of the study; its results lie in results/{study}/"
    )
    seed: Annotated[int, Field(ge=0)] = Field(description="the seed that all random streams derive from")
    entropy: Literal["study", "system"] = Field(
        description="study: streams derive from `seed`, and the whole study repeats bit for bit; system: the seed "
        "is drawn once from the system and recorded in results/{study}/entropy.json before the first run"
    )
    scenes: list[str] = Field(min_length=1, description="scenes of the study, by id")
    missing: Literal["skip", "fail"] = Field(
        description="what to do with a scene whose file is not at hand: skip it, saying so in every table, or fail"
    )
    device: Annotated[str, Field(pattern=r"^(cpu|cuda(:\d+)?)$")] = Field(
        description="where trainings run: cpu, cuda, cuda:1 ..."
    )
    baseline: Baseline = Field(description="the baseline phase")

    @field_validator("scenes")
    @classmethod
    def _scenes_exist(cls, value: list[str]) -> list[str]:
        return _known_scenes(value)


def merge(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``base`` changed by ``overlay``: mappings merge, all else replaces."""
    merged = dict(base)
    for key, value in overlay.items():
        inner = merged.get(key)
        merged[key] = merge(inner, value) if isinstance(inner, Mapping) and isinstance(value, Mapping) else value
    return merged


def read_yaml(path: Path) -> dict[str, Any]:
    """Return a configuration file's mapping.

    Raises:
        UnmixingError: the file is missing, no YAML, or no mapping.
    """
    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as fault:
        raise UnmixingError(f"configuration {path} cannot be read ({fault}): name a file that exists") from None
    except yaml.YAMLError as fault:
        where = getattr(fault, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        problem = getattr(fault, "problem", None) or "not YAML"
        raise UnmixingError(f"configuration {path}{line}: {problem}: mend the YAML there") from None
    if not isinstance(value, dict):
        raise UnmixingError(f"configuration {path} holds no keys: write `key: value` lines, as in config.yaml")
    return value


def validate(values: Mapping[str, Any]) -> Configuration:
    """Return the typed configuration.

    Raises:
        UnmixingError: a key, type, range or scene name is wrong; one line for each fault names the key, its
            value, and what is allowed.
    """
    try:
        return Configuration.model_validate(values)
    except ValidationError as fault:
        raise UnmixingError("\n".join(_fault_line(detail) for detail in fault.errors())) from None


def _fault_line(detail: Mapping[str, Any]) -> str:
    path = [str(part) for part in detail["loc"]]
    key = ".".join(path)
    value = json.dumps(detail["input"], default=str)
    value = value if len(value) <= 60 else value[:57] + "..."
    if detail["type"] == "extra_forbidden":
        return f"configuration: key {key} = {value} is unknown; allowed here: {', '.join(_allowed(path[:-1]))}"
    if detail["type"] == "missing":
        return f"configuration: key {key} is missing; allowed: {_description(path)}"
    message = detail["msg"].removeprefix("Value error, ")
    if "allowed" not in message:
        message = f"allowed: {message[0].lower()}{message[1:]}"
    return f"configuration: key {key} = {value}: {message}"


def _section(path: list[str]) -> type[BaseModel]:
    section: type[BaseModel] = Configuration
    for part in path:
        if part in section.model_fields:
            annotation = section.model_fields[part].annotation
            if isinstance(annotation, type) and issubclass(annotation, BaseModel):
                section = annotation
        elif section is Baseline:
            section = ScaleOverride
    return section


def _allowed(path: list[str]) -> list[str]:
    return list(_section(path).model_fields)


def _description(path: list[str]) -> str:
    fields = _section(path[:-1]).model_fields
    return fields[path[-1]].description or path[-1]


def json_schema() -> str:
    """Return the JSON schema of ``config.yaml``, as kept in ``workflow/schemas/config.schema.json``."""
    return json.dumps(Configuration.model_json_schema(), indent=2, sort_keys=True) + "\n"


class Study:
    """A validated study in its environment: what the Snakefile asks for cells, scenes and scales."""

    def __init__(self, configuration: Configuration, results: Path, environment: Mapping[str, str]) -> None:
        """Settle which scenes are available, without a network.

        Raises:
            UnmixingError: a folder named in the environment does not exist, or a scene is missing and the
                configuration says ``missing: fail``.
        """
        self.configuration = configuration
        self.results = results
        self.scenes_folder = _folder(environment, "UNMIXING_SCENES")
        self.cache = Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "unmixing" / "scenes"
        self.availability: dict[str, Availability] = {
            scene.scene: scene for scene in find_scenes(list(load_registry()), self.scenes_folder, self.cache)
        }
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
        return "make study TARGET=PART" + ("" if self.name == "demo" else f" STUDY={self.name}")

    @property
    def scenes(self) -> list[str]:
        """Return the study's scenes that are available."""
        return [scene for scene in self.configuration.scenes if self.availability[scene].available]

    def scene_source(self, scene: str) -> list[str]:
        """Return the file that a scene is read from, as a list; empty for a scene that is made."""
        path = self.availability[scene].path
        return [str(path)] if path else []

    def scene_code(self, scene: str) -> str:
        """Return the version of the code that reads or makes a scene."""
        from unmixing.code_version import output_version

        return output_version("scenes.reading" if self.availability[scene].path else "scenes.synthetic")

    def entropy(self) -> int:
        """Return the study's seed; under ``entropy: system`` draw and record it if this is the first time."""
        if self.configuration.entropy == "study":
            return self.configuration.seed
        path = self.results / self.name / "entropy.json"
        if not path.exists():
            from unmixing.store import write_json

            write_json(path, {"entropy": secrets.randbits(63)})
        return int(json.loads(path.read_text(encoding="utf-8"))["entropy"])

    def baseline_cell(self, scene: str, protocol: str) -> str:
        """Return what the numbers of a baseline cell depend on, as the JSON that `unmixing train` takes."""
        from unmixing.code_version import code_version

        scale = self.configuration.baseline.scale(scene)
        cell = {
            "phase": "baseline",
            "protocol": protocol,
            "scene": scene,
            "setting": "standard",
            "runs": scale.pop("runs"),
            "schedule": scale,
            "fields": BASELINE_PROTOCOLS[protocol].training(),
            "entropy": self.entropy(),
            "device": self.configuration.device,
            "code": code_version("baseline"),
        }
        return json.dumps(cell, sort_keys=True)

    def baseline_files(self, kind: Literal["runs", "spectra"]) -> list[str]:
        """Return the files of run rows or spectra of all baseline cells whose scenes are available."""
        return [
            f"{self.results}/{self.name}/{kind}/baseline-{protocol}-{scene}.parquet"
            for protocol in self.configuration.baseline.protocols
            for scene in self.scenes
        ]

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
        scales = {scene: self.configuration.baseline.scale(scene) for scene in self.configuration.scenes}
        return json.dumps({"name": self.name, "scenes": self.scene_table(), "scale": scales}, sort_keys=True)


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
