"""A real training job on the demo's scene, as the workflow starts it."""

import json
from pathlib import Path

from unmixing.cells import STANDARD, cell
from unmixing.configuration import read_yaml, validate

SCENE = "synthetic_easy"


def scene_file(folder: Path) -> Path:
    """Write the scene into a folder and return its file."""
    from unmixing.scenes.dataset import write_scene
    from unmixing.scenes.synthetic import make_synthetic

    path = folder / f"{SCENE}.nc"
    write_scene(make_synthetic(SCENE), path)
    return path


def training_job(scene: Path, store: Path, runs: int, epochs: int = 3) -> str:
    """Return Python code that does what `unmixing train` does.

    Args:
        scene: from ``scene_file``.
        store: folder of the run store; runs that it holds are not trained again.
        runs: how many; 0 is a job's start and nothing else.
        epochs: of each run, at the demo's patches.
    """
    configuration = validate(read_yaml(Path(__file__).parent.parent / "config.yaml"))
    described = cell(configuration, "baseline", "described", SCENE, STANDARD, configuration.seed)
    described = {**described, "runs": runs, "schedule": {**described["schedule"], "epochs": epochs}}
    arguments = ["train", "--job", json.dumps({"shared": {}, "cells": [described]}), "--scene", str(scene)]
    arguments += ["--store", str(store), "--manifest", str(store / "manifest.json"), "--log", str(store / "log")]
    return f"from unmixing.programs.command import main\nassert main({arguments!r}) == 0"
