"""Makers of run rows of the contrastive and heads phases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from unmixing.protocol.points import POINTS, varied
from unmixing.search import GRIDS

from .frames import runs

SPREAD = 0.01


def common(run: int, spread: float = SPREAD) -> float:
    """What all points of a run share."""
    return float(np.random.default_rng([7, run]).normal(0.1, spread))


def angles(offset: float, number: int, *, noise: float = 0.0, seed: int = 0, endmembers: int = 3) -> np.ndarray:
    """Angles of runs 0 to number - 1: what they share, an offset, noise of their own; endmembers .01 apart."""
    own = np.random.default_rng(seed).normal(0, 1, number) * noise
    steps = 0.01 * (np.arange(endmembers) - (endmembers - 1) / 2)
    return np.array([common(run) + offset + own[run] + steps for run in range(number)])


def point_rows(
    setting: str,
    sad: Any,
    point: Mapping[str, Any],
    *,
    group: str = "configuration",
    configuration: str = "",
    variant: str = "generalized",
    trial: int = -1,
    phase: str = "contrastive",
    first_run: int = 0,
    name: str = "samson",
    protocol: str = "described",
    epochs: int = 100,
    status: tuple[str, ...] = (),
    **more: Any,
) -> pd.DataFrame:
    """Rows of one point."""
    rows = runs(name, sad=sad, protocol=protocol, setting=setting, epochs=epochs, status=status)
    updates = epochs * -(-250 // int(point["batch_size"]))
    labels = "none" if point["weight"] == 1 or point["loss"] == "nt_xent" else point.get("label_source", "reference")
    return rows.assign(
        phase=phase,
        run=rows["run"] + first_run,
        group=group,
        configuration=configuration or setting,
        variant=variant,
        loss=point["loss"],
        temperature=float(point["temperature"]),
        weight=float(point["weight"]),
        sigma=float(point.get("sigma", 1.0)),
        patch_size=int(point["patch_size"]),
        batch_size=int(point["batch_size"]),
        head=point.get("head", "baseline"),
        label_source=labels,
        trial=trial,
        updates=point.get("updates", updates),
        uses_truth="training" if labels in ("reference", "permuted") else "matching",
        **more,
    )


def configuration(
    name: str = "table7_average", offsets: Mapping[str, float] | None = None, *, number: int = 6, **more: Any
) -> pd.DataFrame:
    """Rows of a configuration's variants, each with its offset and a noise of its own."""
    noise = more.pop("noise", 0.001)
    more |= {"name": more.pop("name_of")} if "name_of" in more else {}
    parts = []
    for seed, (variant, offset) in enumerate((offsets or {"generalized": 0.0, "lambda_1": 0.0}).items()):
        point = varied(POINTS[name], variant, 100, 250)
        sad = angles(offset, number, noise=noise, seed=[seed, len(name)])
        parts.append(point_rows(f"{name}-{variant}", sad, point, configuration=name, variant=variant, **more))
    return pd.concat(parts, ignore_index=True)


def heads(offsets: Mapping[str, float], *, number: int = 6, noise: float = 0.001, **more: Any) -> pd.DataFrame:
    """Rows of the heads phase."""
    parts = [
        point_rows(
            head,
            angles(offset, number, noise=noise, seed=seed),
            {**POINTS["heads_point"], "head": head},
            group="head",
            configuration="heads_point",
            variant=head,
            phase="heads",
            **more,
        )
        for seed, (head, offset) in enumerate(offsets.items())
    ]
    return pd.concat(parts, ignore_index=True)


def grid_point(number: int, grid: str = "generalized") -> dict[str, Any]:
    """The point at a place of a grid."""
    values = dict(GRIDS[grid].configuration(number))
    return {"loss": grid, "weight": values.pop("lambda"), **values}


def grid_setting(number: int, grid: str = "generalized") -> str:
    return GRIDS[grid].setting(GRIDS[grid].configuration(number))


def search(
    values: Mapping[int, tuple[float, float]],
    again: Mapping[int, Sequence[float]] | None = None,
    *,
    grid: str = "generalized",
    lost: Sequence[int] = (),
    collapse: Mapping[int, float] | None = None,
    **more: Any,
) -> pd.DataFrame:
    """Rows of a search: by place in the grid SAD and reconstruction of the trial; ``again``: SAD of further runs."""
    parts = []
    for trial, (number, (sad, reconstruction)) in enumerate(values.items()):
        place = {"group": "search", "variant": "trial", "trial": trial, **more}
        setting, point = grid_setting(number, grid), grid_point(number, grid)
        status = ("diverged",) if number in lost else ()
        rows = point_rows(setting, [[sad - 0.01, sad, sad + 0.01]], point, status=status, **place)
        rows["reconstruction_angle_rad"] = reconstruction
        rows["collapse_angle_rad"] = (collapse or {}).get(number, 0.5)
        parts.append(rows)
        if number in (again or {}):
            further = [[value - 0.01, value, value + 0.01] for value in again[number]]
            parts.append(point_rows(setting, further, point, first_run=1, **place))
    return pd.concat(parts, ignore_index=True)


def curves(
    setting: str,
    last: Mapping[str, float],
    *,
    number: int = 3,
    epochs: int = 12,
    phase: str = "contrastive",
    name: str = "samson",
    protocol: str = "described",
) -> pd.DataFrame:
    """Curves that reach their last values at the last epoch; measures every tenth epoch and at the end."""
    from unmixing.embeddings import CollapseMeasures  # the measures that exist

    measured = {*CollapseMeasures.__annotations__, "centred_rank"}
    records = []
    for run in range(number):
        for epoch in range(1, epochs + 1):
            record: dict[str, Any] = {"phase": phase, "protocol": protocol, "scene": name, "setting": setting}
            record |= {"run": run, "epoch": epoch, "loss": 1.0, "seconds": 0.5}
            for key, value in last.items():
                # Another value before the end, so that a mean over epochs would be seen.
                record[key] = value if epoch == epochs else value + 0.3
                if key in measured and epoch % 10 and epoch != epochs:
                    record[key] = np.nan
                if key == "gradient_ratio":
                    record[key] = (value if epoch == 11 else value + 1) if epoch % 10 == 1 else np.nan
            records.append(record)
    return pd.DataFrame.from_records(records)
