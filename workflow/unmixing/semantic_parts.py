"""The experiments of the second study: what each works on, what its rows depend on, where they lie."""

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from unmixing.sections import Section

if TYPE_CHECKING:
    from unmixing.study import Study

PARTS: dict[str, str] = {
    "scenes": "each",
    "maps": "each",
    "areas": "targets",
    "names": "none",
    "mixtures": "none",
    "robustness": "easy",
    "fairness": "none",
    "cost": "all",
    "coverage": "all",
    "seeds": "all",
}
"""Experiment: the scenes that one of its jobs works on. ``each``: one job for each scene; ``all``: all of them;
``targets``: the scene with targets of known area; ``easy``: the embedded easy scene; ``none``."""

TARGET_SCENE, EASY_SCENE = "dlr_hysu", "synthetic_easy"
_MODELS = Path(__file__).parent / "semantic" / "data" / "models"


def _section(study: "Study", part: str) -> Section | None:
    # `scenes` is the list of them.
    found: Section | None = getattr(study.configuration.semantic, "on_scenes" if part == "scenes" else part)
    return found


def _available(study: "Study") -> list[str]:
    return [scene for scene in study.configuration.semantic.scenes if study.availability[scene].available]


def jobs(study: "Study", part: str) -> list[str]:
    """Return the jobs of an experiment: its name, followed by a scene where each scene has one of its own."""
    section = study.configuration.semantic
    if _section(study, part) is None or not section.scenes:
        return []
    available = _available(study)
    if PARTS[part] == "each":
        return [f"{part}-{scene}" for scene in available if scene != TARGET_SCENE]
    needed = {"targets": TARGET_SCENE, "easy": EASY_SCENE}.get(PARTS[part])
    return [part] if needed is None or needed in available or needed == EASY_SCENE else []


def scenes(study: "Study", job: str) -> list[str]:
    """Return the scenes that a job works on."""
    part, _, scene = job.partition("-")
    if scene:
        return [scene]
    chosen: dict[str, list[str]] = {"targets": [TARGET_SCENE], "easy": [EASY_SCENE], "none": []}
    return chosen.get(PARTS[part], _available(study))


def files(study: "Study", *parts: str) -> list[str]:
    """Return the files of rows of some experiments, or of all."""
    return [
        f"{study.results}/{study.name}/semantic/{job}.parquet" for part in parts or PARTS for job in jobs(study, part)
    ]


def options(study: "Study", job: str) -> str:
    """Return an experiment's section of the configuration as JSON."""
    section = _section(study, job.partition("-")[0])
    return json.dumps(section.model_dump(mode="json") if section else {}, sort_keys=True)


def libraries(study: "Study") -> list[str]:
    """Return the argument that names the folder of spectral libraries, where there is one."""
    return [f"--libraries={study.libraries}"] if study.libraries else []


def inputs_version(study: "Study") -> str:
    """Return a hash of the shipped models, anchors and spectral libraries at hand: what else the rows depend on."""
    found = hashlib.sha256()
    for path in sorted([*_MODELS.glob("*.sha256"), *(_MODELS.parent / "anchors").glob("*.parquet")]):
        found.update(path.read_bytes())
    # The libraries are large: their names and sizes stand for them, as a job starts long after this line.
    for path in sorted(study.libraries.rglob("*")) if study.libraries else []:
        if path.is_file():
            found.update(f"{path.relative_to(study.libraries or path)} {path.stat().st_size}\n".encode())
    return found.hexdigest()[:12]


def _unmixed_scenes(study: "Study") -> list[str]:
    """Return the scenes of this phase that are at hand, but for that of targets: prompts do not tell paints apart."""
    return [scene for scene in _available(study) if scene != TARGET_SCENE]


def governance_folders(study: "Study") -> list[str]:
    """Return the folders of cards, audit logs and explanations, one for each scene."""
    return [f"{study.results}/{study.name}/governance/{scene}" for scene in _unmixed_scenes(study)]


def named_map_folders(study: "Study") -> list[str]:
    """Return the folders of maps of named materials, one for each scene."""
    return [f"{study.results}/{study.name}/named_maps/{scene}" for scene in _unmixed_scenes(study)]


def prompts(study: "Study", scene: str) -> list[str]:
    """Return what a scene is unmixed into by name: the fixed prompts, or those of a scene of the user's own.

    Raises:
        UnmixingError: there are none.
    """
    from unmixing.errors import UnmixingError
    from unmixing.semantic.prompts import scene_prompts

    own = study.configuration.own_scenes.get(scene)
    if own is None:
        return [prompt.prompt for prompt in scene_prompts(scene)]
    if not own.prompts:
        raise UnmixingError(f"own_scenes.{scene}: is among the scenes of semantic and has no prompts: name some")
    return list(dict.fromkeys(own.prompts.values() if isinstance(own.prompts, dict) else own.prompts))
