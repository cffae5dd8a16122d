"""What of a study's scale is not the paper's: epochs, patches, batches, images and regimes; never the number of runs.

The paper's scale is that of the study ``paper`` (``workflow/studies/paper.yaml``); a test keeps the two equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from unmixing.protocol.points import POINTS
from unmixing.tables.contrastive_rows import PAPER_SCALE as CONTRASTIVE_SCALE
from unmixing.tables.run_rows import PAPER_SCALE, scored
from unmixing.tables.sweep_rows import PAPER_IMAGES, REGIMES

_COUNTED = ("epochs", "patches", "images", "regimes")


def differences_of_scale(done: Mapping[str, Any], paper: Mapping[str, Any]) -> tuple[str, ...]:
    """Return in words what of a scale is not the paper's; what is not told is not the paper's either.

    Args:
        done: By key the value of our runs.
        paper: By key the paper's.
    """
    found = []
    for key, value in paper.items():
        name, ours = key.replace("_", " "), done.get(key)
        if ours is None:
            found.append(f"{name} not told")
        elif ours != value:
            counted = f"{ours:g} {name}" if key in _COUNTED else f"{name} {ours:g}"
            found.append(f"{counted}, not {value:g}")
    return tuple(found)


def _without_runs(paper: Mapping[str, Any]) -> dict[str, Any]:
    """Return a paper's scale without its number of runs, which the interval takes care of."""
    return {key: value for key, value in paper.items() if key != "runs"}


def baseline_scale(rows: pd.DataFrame, plan: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what of the baseline's scale is not the paper's, as planned and as done."""
    epochs = scored(rows)["epochs"]
    done = {**plan, "epochs": int(epochs.max()) if len(epochs) else plan.get("epochs")}
    return differences_of_scale(done, _without_runs(PAPER_SCALE))


def sweep_scale(part: pd.DataFrame, plan: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what of the sweep's scale is not the paper's: one scene, protocol and number of images.

    Under ``released`` training may stop early: there the planned epochs count.
    """
    most = int(part["epochs"].max())
    early = str(part["protocol"].iloc[0]) == "released"
    done = {
        **plan,
        "epochs": max(most, int(plan.get("epochs", 0))) if early else most,
        "images": int(part["images"].iloc[0]),
        "regimes": int(part["regime"].nunique()),
    }
    return differences_of_scale(done, {**_without_runs(PAPER_SCALE), "images": PAPER_IMAGES, "regimes": len(REGIMES)})


def point_scale(part: pd.DataFrame, configuration: str, plan: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what of a configuration's scale is not the paper's: epochs, patches and its own sizes."""
    point, usable = POINTS[configuration], scored(part)
    wanted = {**CONTRASTIVE_SCALE, **{name: point[name] for name in ("patch_size", "batch_size")}}
    done = {
        **plan,
        "epochs": int(usable["epochs"].max()) if len(usable) else None,
        **{name: int(part[name].iloc[0]) for name in ("patch_size", "batch_size")},
    }
    return differences_of_scale(done, wanted)
