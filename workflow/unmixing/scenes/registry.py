"""The registry of scenes: what each one is, where its files come from, how they are recognised and read.

Typed view of ``registry.yaml``. Light on purpose: it is read before a study is planned.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from unmixing.errors import UnmixingError

REGISTRY_FILE = Path(__file__).with_name("registry.yaml")


@dataclass(frozen=True)
class SourceFile:
    """One file of a scene.

    Attributes:
        path: where it lies in the folder of scenes, and in the cache; ``/`` between parts.
        role: ``"scene"`` for the file that is read, else what it adds, e.g. ``"masks"``.
        sha256: checksum of the file, or "" where only git's is known.
        git_blob: git's checksum: sha1 of ``"blob <length>"``, a zero byte and the content; or "".
        bytes: length of the file, or 0 where it is not known.
        addresses: https addresses of the same file, tried in order; empty where it cannot be downloaded.
    """

    path: str
    role: str = "scene"
    sha256: str = ""
    git_blob: str = ""
    bytes: int = 0
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True)
class SceneEntry:
    """One scene of the registry.

    Attributes:
        id: the scene's fixed name.
        title: its name in tables.
        kind: real, crop or synthetic.
        paper: whether it is one of the six scenes of the paper.
        embedded: whether the study makes it itself.
        rows: height in pixels.
        cols: width in pixels.
        bands: number of bands kept.
        endmember_count: K.
        names: endmembers in the order of the file.
        files: its files, the one to read first; empty for embedded scenes.
        licence: as the source states it.
        citation: what to cite.
        scale: ``"reflectance"`` or ``"relative"``.
        wavelengths: recipe understood by ``unmixing.scenes.wavelengths``.
        wavelength_source: measured or nominal.
        abundance_convention: how the reference abundances were made, found by test.
        reading: hints for ``unmixing.scenes.read_scene``.
    """

    id: str
    title: str
    kind: str
    paper: bool
    rows: int
    cols: int
    bands: int
    endmember_count: int
    names: tuple[str, ...]
    embedded: bool = False
    files: tuple[SourceFile, ...] = ()
    licence: str = ""
    citation: str = ""
    scale: str = "reflectance"
    wavelengths: str = ""
    wavelength_source: str = "unknown"
    abundance_convention: str = "unknown"
    reading: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}), hash=False)


@functools.cache
def load_registry() -> Mapping[str, SceneEntry]:
    """Return all scenes by id, in the order of the registry."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document = yaml.load(REGISTRY_FILE.read_text(encoding="utf-8"), Loader=loader)
    return MappingProxyType({name: _entry(name, record) for name, record in document["scenes"].items()})


def scene_entry(scene_id: str) -> SceneEntry:
    """Return one scene of the registry.

    Raises:
        UnmixingError: there is no such scene.
    """
    registry = load_registry()
    if scene_id not in registry:
        raise UnmixingError(f"scene {scene_id!r} is not in the registry: choose from {', '.join(registry)}")
    return registry[scene_id]


def recognise(*, sha256: str, git_blob: str) -> SceneEntry | None:
    """Return the scene whose main file has one of these checksums, or None."""
    for entry in load_registry().values():
        if entry.files:
            main = entry.files[0]
            if (main.sha256 and main.sha256 == sha256) or (main.git_blob and main.git_blob == git_blob):
                return entry
    return None


def _entry(name: str, record: dict[str, Any]) -> SceneEntry:
    files = tuple(
        SourceFile(**{**item, "addresses": tuple(item.get("addresses", ()))}) for item in record.pop("files", [])
    )
    record["names"] = tuple(record["names"])
    record["reading"] = MappingProxyType(record.get("reading", {}))
    return SceneEntry(id=name, files=files, **record)
