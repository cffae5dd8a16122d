"""Every key of a study's configuration: types, ranges, documentation, and the line that a wrong one gets.

``config.yaml`` is the demo study and documents every key. Other studies are overlays: mappings merge, lists and
values replace.
"""

import json
import re
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import yaml
from pydantic import AfterValidator, BaseModel, Field, ValidationError, field_validator

from unmixing.errors import UnmixingError
from unmixing.scenes.availability import SEMI_REAL_SCENES
from unmixing.scenes.registry import load_registry
from unmixing.scenes.stanza import OwnScene, own_ids
from unmixing.sections import (
    Audit,
    Augmentation,
    Baseline,
    Classical,
    Contrastive,
    Protocol,
    Section,
    known_scenes,
)
from unmixing.semantic_sections import Semantic

__all__ = ["Configuration", "Protocol", "json_schema", "merge", "read_yaml", "validate"]

SHARED_FOLDERS = frozenset({"benchmarks", "entropy", "logs", "scenes", "store"})
"""Folders of results that no study may take for its own."""


def _no_shared_folder(name: str) -> str:
    if name in SHARED_FOLDERS:
        raise ValueError(f"results/{name}/ belongs to all studies; allowed: any other name")
    return name


class Configuration(Section):
    """Every key of ``config.yaml``."""

    study: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$"), AfterValidator(_no_shared_folder)] = Field(
        description="name of the study; its results lie in results/{study}/"
    )
    seed: Annotated[int, Field(ge=0)] = Field(description="the seed that all random streams derive from")
    entropy: Literal["study", "system"] = Field(
        description="study: streams derive from `seed`, and the whole study repeats bit for bit; system: the seed "
        "is drawn once from the system and recorded in results/entropy/{study}.json before the first run"
    )
    scenes: Annotated[list[str], Field(min_length=1), AfterValidator(known_scenes)] = Field(
        description="scenes of the study, by id"
    )
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
    contrastive: Contrastive = Field(description="contrastive training, its search and the projection heads")
    audit: Audit = Field(description="one difference between paper and released code at a time")
    classical: Classical = Field(description="the classical phase: methods without training, and reference rows")
    semantic: Semantic = Field(description="the second study: unmixing by named materials")

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


class _EachKeyOnce(yaml.SafeLoader):
    """Refuses a mapping that has a key twice, of which YAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        known = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in known:
                raise yaml.constructor.ConstructorError(None, None, f"key {key.value} is there twice", key.start_mark)
            known.add(key.value if isinstance(key, yaml.ScalarNode) else None)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """Return a configuration file's mapping.

    Raises:
        UnmixingError: the file is missing, no YAML, or no mapping.
    """
    try:
        value = yaml.load(path.read_text(encoding="utf-8"), Loader=_EachKeyOnce)
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
    key = ".".join(part if part.isprintable() else json.dumps(part) for part in path)
    value = json.dumps(_beginning(detail["input"]), default=str)
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


def _beginning(value: object, depth: int = 3) -> object:
    """Return the first parts of a value: references of YAML can unfold to billions of them."""
    if isinstance(value, Mapping | list) and not depth:
        return "..."
    if isinstance(value, Mapping):
        return {str(key): _beginning(part, depth - 1) for key, part in islice(value.items(), 20)}
    if isinstance(value, list):
        return [_beginning(part, depth - 1) for part in value[:20]]
    return value


def _section(path: list[str]) -> type[BaseModel]:
    section: type[BaseModel] = Configuration
    parts = iter(path)
    for part in parts:
        field = section.model_fields.get(part)
        annotation = field.annotation if field else None
        if get_origin(annotation) is dict and next(parts, None) is not None:
            annotation = get_args(annotation)[1]
        # Of a section that may be null, the section.
        for kind in (annotation, *get_args(annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                section = kind
    return section


def _allowed(path: list[str]) -> list[str]:
    return list(_section(path).model_fields)


def _description(path: list[str]) -> str:
    field = _section(path[:-1]).model_fields.get(path[-1])
    return (field.description if field else None) or path[-1]


def json_schema() -> str:
    """Return the JSON schema of ``config.yaml``, as kept in ``workflow/schemas/config.schema.json``."""
    return json.dumps(Configuration.model_json_schema(), indent=2, sort_keys=True) + "\n"
