"""The cells of a study: the points of each phase's design, what the numbers of each depend on, and their jobs.

A job trains one cell, or several where a cell is too small to be worth a process of its own.
"""

from collections.abc import Mapping
from typing import Any

from unmixing.code_version import code_version
from unmixing.configuration import Configuration, Protocol
from unmixing.contrastive_cells import (
    contrastive_cell,
    contrastive_jobs,
    first_setting,
    heads_jobs,
    search_description,
)
from unmixing.protocol.audit import (
    MATCHING,
    PHASES,
    STANDARD,
    UNCHANGED,
    flip,
    flipped_value,
    idle,
    own_setting,
    parts_of,
    setting_of,
    starting_point,
    unchanged,
)
from unmixing.protocol.augmentation import PROTOCOLS as SWEEP_PROTOCOLS
from unmixing.protocol.baseline import PROTOCOLS

TRAINED_PHASES = ("baseline", "augmentation", "contrastive", "heads", "audit")
CONTRASTIVE_PHASES = ("contrastive", "heads")

_SHARED = ("phase", "protocol", "scene", "schedule", "fields", "entropy", "device", "code", "runs")


def protocols(configuration: Configuration, phase: str, scene: str) -> list[Protocol]:
    """Return the protocols that a phase trains a scene under; none where it leaves the scene out."""
    if phase == "augmentation":
        return configuration.augmentation.protocols_of(scene) if scene in configuration.augmentation.scenes else []
    if phase in CONTRASTIVE_PHASES:
        section = configuration.contrastive
        chosen = section.scenes if phase == "contrastive" else section.heads.scenes
        return section.protocols_of(scene) if scene in section.scenes and scene in chosen else []
    if phase == "audit":
        asked = configuration.audit.protocols if scene in configuration.audit.scenes else []
        return [protocol for protocol in asked if _audited(configuration, scene, protocol)]
    return configuration.baseline.protocols_of(scene)


def settings(configuration: Configuration, phase: str, scene: str, protocol: str) -> list[str]:
    """Return the settings that a phase trains on a scene under a protocol; none where it does not.

    Those of a search that chooses them as it goes on are not known before it ran.
    """
    if protocol not in protocols(configuration, phase, scene):
        return []
    if phase == "baseline":
        return [STANDARD]
    if phase == "audit":
        return _audited(configuration, scene, protocol)
    if phase in CONTRASTIVE_PHASES:
        return [name for members in jobs(configuration, phase, scene, protocol).values() for name in members]
    sweep = configuration.augmentation
    return [
        f"{treatment}-{regime}-{images}"
        for images in sweep.images
        for regime in sweep.regimes
        for treatment in sweep.treatments_of(protocol)
    ]


def _audited(configuration: Configuration, scene: str, protocol: str) -> list[str]:
    """Return the settings of the audit, those that change something first."""
    changed, same = [], []
    for phase in PHASES:
        # Whether or not the phase itself trains this scene: its scale is known.
        if protocol not in getattr(configuration, phase).protocols_of(scene):
            continue
        for place in _places(configuration, phase):
            fields = [name for name in getattr(configuration.audit, phase) if not idle(phase, protocol, name, place)]
            changed += [setting_of(phase, name, place) for name in fields]
            if fields and not _trained_by_phase(configuration, phase, protocol, scene, place):
                same.append(setting_of(phase, UNCHANGED, place))
    return changed + same


def _places(configuration: Configuration, phase: str) -> list[str]:
    """Return where in the design of a phase the audit changes its fields."""
    audit = configuration.audit
    if phase == "augmentation":
        return [
            f"{treatment}-{audit.regime}-{images}"
            for images in configuration.augmentation.images
            for treatment in audit.treatments
        ]
    return [str(audit.configuration) if phase == "contrastive" else ""]


def _trained_by_phase(configuration: Configuration, phase: str, protocol: str, scene: str, place: str) -> bool:
    """Return whether a phase itself trains the runs that changed ones are compared with."""
    home, setting = unchanged(phase, protocol, place)
    if home != phase or setting not in settings(configuration, phase, scene, protocol):
        return False
    return (configuration.audit.runs or 0) <= int(getattr(configuration, phase).scale(scene, protocol)["runs"])


def jobs(configuration: Configuration, phase: str, scene: str, protocol: str) -> dict[str, list[str]]:
    """Return the jobs of a phase on a scene under a protocol: the name of each and its settings."""
    if phase in CONTRASTIVE_PHASES:
        if protocol not in protocols(configuration, phase, scene):
            return {}
        return contrastive_jobs(configuration, scene, protocol) if phase == "contrastive" else heads_jobs(configuration)
    names = settings(configuration, phase, scene, protocol)
    spread = {"augmentation": configuration.augmentation.jobs, "audit": configuration.audit.jobs}.get(phase, 0)
    if not spread:
        return {name: [name] for name in names}
    return {f"part_{index + 1}": names[index::spread] for index in range(min(spread, len(names)))}


def cell(
    configuration: Configuration, phase: str, protocol: str, scene: str, setting: str, entropy: int
) -> dict[str, Any]:
    """Return what the numbers of a cell depend on.

    Args:
        configuration: the study's.
        phase: one of ``TRAINED_PHASES``.
        protocol: ``described`` or ``released``.
        scene: scene id.
        setting: one of ``settings``.
        entropy: the study's seed.
    """
    if phase == "audit":
        return _audited_cell(configuration, protocol, scene, setting, entropy)
    if phase in CONTRASTIVE_PHASES:
        return {
            "phase": phase,
            "protocol": protocol,
            "scene": scene,
            "setting": setting,
            "entropy": entropy,
            "device": configuration.device,
            "code": code_version("contrastive"),
            **contrastive_cell(configuration, phase, protocol, scene, setting),
        }
    section = configuration.augmentation if phase == "augmentation" else configuration.baseline
    scale = section.scale(scene, protocol)
    described = {
        "phase": phase,
        "protocol": protocol,
        "scene": scene,
        "setting": setting,
        "runs": scale.pop("runs"),
        "schedule": {**scale, "precision": configuration.precision},
        "entropy": entropy,
        "device": configuration.device,
        "code": code_version("augmentation" if phase == "augmentation" else "baseline"),
    }
    if phase == "augmentation":
        return described | {"fields": SWEEP_PROTOCOLS[protocol].training(), "arm": _arm(configuration, setting)}
    return described | {"fields": PROTOCOLS[protocol].training()}


def _audited_cell(
    configuration: Configuration, protocol: str, scene: str, setting: str, entropy: int
) -> dict[str, Any]:
    """Return a cell of the audit: that of the phase it takes apart, with one field changed.

    A cell whose training is that of the phase names in ``stored`` whose runs it has, so that none is trained twice; one
    that is only scored otherwise says in ``matching`` how.
    """
    phase, field, arm = parts_of(setting)
    place = arm or _places(configuration, phase)[0]
    home, name = unchanged(phase, protocol, place)
    own = cell(configuration, phase, protocol, scene, own_setting(phase, place), entropy)
    runs = configuration.audit.runs or getattr(configuration, phase).scale(scene, protocol)["runs"]
    audited = own | {"phase": "audit", "setting": setting, "runs": runs}
    if "design" in own:
        audited["design"] = {**own["design"], "group": "audit"}
    if field not in (UNCHANGED, MATCHING):
        return audited | {"fields": flip(phase, protocol, field).training()}
    audited["fields"] = starting_point(phase, protocol).training()
    if (home, name) != ("audit", setting):
        audited["stored"] = {"phase": home, "setting": name}
    return audited | ({"matching": flipped_value(phase, protocol, field)} if field == MATCHING else {})


def _arm(configuration: Configuration, setting: str) -> dict[str, Any]:
    treatment, regime, images = setting.split("-")
    sweep = configuration.augmentation
    return {
        "treatment": treatment,
        "regime": regime,
        "images": int(images),
        # A factor that a regime does not have is no part of its recipe.
        "image_sets": sweep.image_sets if regime != "dynamic_unseeded" else 0,
        "initialisations": sweep.initialisations if regime == "fixed_seeded" else 0,
    }


def job(configuration: Configuration, phase: str, protocol: str, scene: str, name: str, entropy: int) -> dict[str, Any]:
    """Return the argument of ``unmixing train``: what a job's cells share, and each cell's own.

    A search has no cells but the key ``search``; what its trials share is that of its grid's first configuration.
    """
    members = jobs(configuration, phase, scene, protocol)[name]
    searches = not members
    if searches:
        members = [first_setting(configuration, name)]
    cells = [cell(configuration, phase, protocol, scene, setting, entropy) for setting in members]
    shared = {key: value for key, value in cells[0].items() if key in _SHARED and all(c[key] == value for c in cells)}
    if searches:
        return {"shared": shared, "cells": [], "search": search_description(configuration, name, entropy)}
    return {
        "shared": shared,
        "cells": [{key: value for key, value in one.items() if key not in shared} for one in cells],
    }


def cells_of_job(described: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the cells of a job, each whole."""
    return [{**described["shared"], **own} for own in described["cells"]]
