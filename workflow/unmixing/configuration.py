"""Every key of a study's configuration: types, ranges, documentation, and the line that a wrong one gets.

``config.yaml`` is the demo study and documents every key. Other studies are overlays: mappings merge, lists and
values replace.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from unmixing.augmentation.treatments import TREATMENTS
from unmixing.errors import UnmixingError
from unmixing.protocol.audit import BaselineField
from unmixing.scenes.availability import SEMI_REAL_SCENES
from unmixing.scenes.registry import load_registry
from unmixing.scenes.stanza import OwnScene, own_ids

SHARED_FOLDERS = frozenset({"benchmarks", "entropy", "logs", "scenes", "store"})
"""Folders of results that no study may take for its own."""

Positive = Annotated[int, Field(ge=1)]
Protocol = Literal["described", "released"]


def _each_once(names: list[Any]) -> list[Any]:
    if len(set(names)) < len(names):
        raise ValueError("something is named twice; allowed: each once")
    return names


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


Protocols = Annotated[list[Protocol], Field(min_length=1), AfterValidator(_each_once)]


class Override(_Section):
    """Any of a phase's keys, for one scene."""

    protocols: Protocols | None = Field(None, description="described, released, or both")
    runs: Positive | None = Field(None, description="trainings per cell")
    epochs: Positive | None = Field(None, description="passes over the patches")
    patches: Positive | None = Field(None, description="random patches per run")
    patch_size: Positive | None = Field(None, description="side of a patch in pixels")
    batch_size: Positive | None = Field(None, description="patches per update")
    learning_rate: Annotated[float, Field(gt=0, le=1)] | None = Field(None, description="of the optimiser")


def _known_scenes(names: list[str], info: ValidationInfo) -> list[str]:
    known = [*load_registry(), *SEMI_REAL_SCENES, *(info.context or {}).get("own_scenes", [])]
    for name in names:
        if name not in known:
            raise ValueError(f"scene {name!r} is unknown; allowed: {', '.join(known)}")
    return _each_once(names)


class _Trained(Scale):
    """A phase whose scale and protocols may differ from scene to scene."""

    protocols: Protocols = Field(description="as the paper describes it, as its code was released, or both")
    overrides: dict[str, Override] = Field(description="scene: keys of this section that differ for it")

    @field_validator("overrides")
    @classmethod
    def _scenes_exist(cls, value: dict[str, Override], info: ValidationInfo) -> dict[str, Override]:
        _known_scenes(list(value), info)
        return value

    def scale(self, scene: str) -> dict[str, int | float]:
        """Return the scale that holds for a scene."""
        general = {key: getattr(self, key) for key in Scale.model_fields}
        special = self.overrides[scene].model_dump(exclude_none=True) if scene in self.overrides else {}
        return {**general, **{key: value for key, value in special.items() if key in general}}

    def protocols_of(self, scene: str) -> list[Protocol]:
        """Return the protocols that a scene is trained under."""
        special = self.overrides[scene].protocols if scene in self.overrides else None
        return special or self.protocols


class Baseline(_Trained):
    """The baseline phase (paper section 3.1.1)."""


def _known_treatments(names: list[str]) -> list[str]:
    for name in names:
        if name not in TREATMENTS:
            raise ValueError(f"treatment {name!r} is unknown; allowed: {', '.join(TREATMENTS)}")
    return _each_once(names)


Treatments = Annotated[list[str], AfterValidator(_known_treatments)]
Regime = Literal["dynamic_unseeded", "fixed_unseeded", "fixed_seeded"]


class Augmentation(_Trained):
    """The sweep of augmentations (paper sections 2.4 and 3.1.2)."""

    scenes: list[str] = Field(description="scenes of the study that are augmented; none: no sweep")
    treatments: dict[Protocol, Treatments] = Field(
        description="protocol: treatments and controls, by id; a protocol that is not named has all of them"
    )
    regimes: Annotated[list[Regime], Field(min_length=1), AfterValidator(_each_once)] = Field(
        description="dynamic_unseeded, fixed_unseeded, fixed_seeded (Table 4)"
    )
    images: Annotated[list[Positive], Field(min_length=1), AfterValidator(_each_once)] = Field(
        description="augmented images per run, one arm for each number; 90 and 10 in the paper"
    )
    image_sets: Positive = Field(description="sets of images that the runs of a fixed regime are nested in")
    initialisations: Positive = Field(description="sets of initial weights that the runs of fixed_seeded are nested in")
    jobs: Annotated[int, Field(ge=0)] = Field(
        description="jobs that the cells of a scene and protocol are spread over; 0: one for each cell"
    )

    @field_validator("scenes")
    @classmethod
    def _augmented_scenes_exist(cls, value: list[str], info: ValidationInfo) -> list[str]:
        return _known_scenes(value, info)

    def treatments_of(self, protocol: str) -> list[str]:
        """Return the treatments of a protocol."""
        chosen: list[str] = {str(key): value for key, value in self.treatments.items()}.get(protocol) or []
        return chosen or list(TREATMENTS)


ClassicalMethod = Literal[
    "vca_fcls",
    "vca_scls",
    "sivm_scls",
    "nmf",
    "sunsal_references",
    "fcls_references",
    "nnls_references",
    "scls_references",
]


class Classical(_Section):
    """The classical phase: methods without training, oracles, reference rows."""

    methods: Annotated[list[ClassicalMethod], Field(min_length=1), AfterValidator(_each_once)] = Field(
        description="classical methods, those ending in _references are oracles"
    )
    runs: Positive = Field(description="draws of the methods that are random, and of chance")


class Audit(_Section):
    """The audit: one difference between paper and code at a time."""

    scenes: list[str] = Field(description="scenes of the study whose protocols are taken apart; none: no audit")
    protocols: Protocols = Field(
        description="where the changes start: described, released, or both, as far as the baseline is trained so"
    )
    baseline: Annotated[list[BaselineField], AfterValidator(_each_once)] = Field(
        description="fields of the baseline's protocol that are changed one at a time"
    )
    jobs: Annotated[int, Field(ge=0)] = Field(
        description="jobs that the cells of a scene and protocol are spread over; 0: one for each cell"
    )

    @field_validator("scenes")
    @classmethod
    def _scenes_exist(cls, value: list[str], info: ValidationInfo) -> list[str]:
        return _known_scenes(value, info)


def _no_shared_folder(name: str) -> str:
    if name in SHARED_FOLDERS:
        raise ValueError(f"results/{name}/ belongs to all studies; allowed: any other name")
    return name


class Configuration(_Section):
    """Every key of ``config.yaml``."""

    study: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$"), AfterValidator(_no_shared_folder)] = Field(
        description="name of the study; its results lie in results/{study}/"
    )
    seed: Annotated[int, Field(ge=0)] = Field(description="the seed that all random streams derive from")
    entropy: Literal["study", "system"] = Field(
        description="study: streams derive from `seed`, and the whole study repeats bit for bit; system: the seed "
        "is drawn once from the system and recorded in results/entropy/{study}.json before the first run"
    )
    scenes: list[str] = Field(min_length=1, description="scenes of the study, by id")
    own_scenes: dict[str, OwnScene] = Field(
        default_factory=dict, description="id: where a scene of your own lies and what its file does not say"
    )
    missing: Literal["skip", "fail"] = Field(
        description="what to do with a scene whose file is not at hand: skip it, saying so in every table, or fail"
    )
    runs: Literal["computed", "reference"] = Field(
        description="computed: train every run; reference: take runs of the same recipe from reports/reference/, "
        "where finished evidence is committed, and train the rest"
    )
    device: Annotated[str, Field(pattern=r"^(cpu|cuda(:\d+)?)$")] = Field(
        description="where trainings run: cpu, cuda, cuda:1 ..."
    )
    precision: Literal["float32", "bfloat16"] = Field(
        description="of the large convolutions in training; bfloat16 is faster on processors that have it, and its "
        "equivalence was measured on Samson alone"
    )
    baseline: Baseline = Field(description="the baseline phase")
    augmentation: Augmentation = Field(description="the sweep of augmentations")
    audit: Audit = Field(description="one difference between paper and released code at a time")
    classical: Classical = Field(description="the classical phase: methods without training, and reference rows")

    @field_validator("scenes")
    @classmethod
    def _scenes_exist(cls, value: list[str], info: ValidationInfo) -> list[str]:
        return _known_scenes(value, info)

    @field_validator("own_scenes")
    @classmethod
    def _ids_are_free(cls, value: dict[str, OwnScene]) -> dict[str, OwnScene]:
        for name in value:
            if not re.fullmatch(r"[a-z0-9_]+", name) or name in {*load_registry(), *SEMI_REAL_SCENES}:
                raise ValueError(f"id {name!r} is taken or not written so; allowed: a new one of a-z, 0-9 and _")
        return value


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
        return Configuration.model_validate(values, context={"own_scenes": own_ids(values.get("own_scenes"))})
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
    if detail["type"] == "model_type":
        message = f"allowed: a mapping with the keys {', '.join(_allowed(path))}"
    if "allowed" not in message:
        message = f"allowed: {message[0].lower()}{message[1:]}"
    return f"configuration: key {key} = {value}: {message}"


def _section(path: list[str]) -> type[BaseModel]:
    section: type[BaseModel] = Configuration
    parts = iter(path)
    for part in parts:
        field = section.model_fields.get(part)
        annotation = field.annotation if field else None
        if get_origin(annotation) is dict and next(parts, None) is not None:
            annotation = get_args(annotation)[1]
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            section = annotation
    return section


def _allowed(path: list[str]) -> list[str]:
    return list(_section(path).model_fields)


def _description(path: list[str]) -> str:
    fields = _section(path[:-1]).model_fields
    return fields[path[-1]].description or path[-1]


def json_schema() -> str:
    """Return the JSON schema of ``config.yaml``, as kept in ``workflow/schemas/config.schema.json``."""
    return json.dumps(Configuration.model_json_schema(), indent=2, sort_keys=True) + "\n"
