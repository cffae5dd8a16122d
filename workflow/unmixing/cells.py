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
from unmixing.protocol.audit import SETTING_PREFIX, flip
from unmixing.protocol.augmentation import PROTOCOLS as SWEEP_PROTOCOLS
from unmixing.protocol.baseline import PROTOCOLS

TRAINED_PHASES = ("baseline", "augmentation", "contrastive", "heads", "audit")
CONTRASTIVE_PHASES = ("contrastive", "heads")
STANDARD = "standard"
"""The setting of a cell with nothing to set."""

_SHARED = ("phase", "protocol", "scene", "schedule", "fields", "entropy", "device", "code", "runs")


def protocols(configuration: Configuration, phase: str, scene: str) -> list[Protocol]:
    """Return the protocols that a phase trains a scene under; none where it leaves the scene out."""
    if phase == "augmentation":
        return configuration.augmentation.protocols_of(scene) if scene in configuration.augmentation.scenes else []
    if phase in CONTRASTIVE_PHASES:
        section = configuration.contrastive
        chosen = section.scenes if phase == "contrastive" else section.heads.scenes
        return section.protocols_of(scene) if scene in section.scenes and scene in chosen else []
    trained = configuration.baseline.protocols_of(scene)
    if phase == "audit":
        asked = configuration.audit.protocols if scene in configuration.audit.scenes else []
        return [protocol for protocol in trained if protocol in asked]
    return trained


def settings(configuration: Configuration, phase: str, scene: str, protocol: str) -> list[str]:
    """Return the settings that a phase trains on a scene under a protocol; none where it does not.

    Those of a search that chooses them as it goes on are not known before it ran.
    """
    if protocol not in protocols(configuration, phase, scene):
        return []
    if phase == "baseline":
        return [STANDARD]
    if phase == "audit":
        return [f"{SETTING_PREFIX}{field}" for field in configuration.audit.baseline]
    if phase in CONTRASTIVE_PHASES:
        return [name for members in jobs(configuration, phase, scene, protocol).values() for name in members]
    sweep = configuration.augmentation
    return [
        f"{treatment}-{regime}-{images}"
        for images in sweep.images
        for regime in sweep.regimes
        for treatment in sweep.treatments_of(protocol)
    ]


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
    if phase == "audit":
        return described | {"fields": flip(protocol, setting.removeprefix(SETTING_PREFIX)).training()}
    return described | {"fields": PROTOCOLS[protocol].training()}


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
