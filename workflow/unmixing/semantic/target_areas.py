"""Areas of DLR HySU's targets for text-prompted methods and few shots: bias, error and detection by size.

The truth is one area per target, and nothing follows for single pixels (``scenes.hysu``). Five materials are laid out
in each size: an interval is over materials, after averaging over draws, and with five of them it is wide.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from unmixing.areas import area_rows
from unmixing.semantic.cluster_intervals import cluster_interval, ratio, root_interval
from unmixing.semantic.shots import ShotMethod, Shots, baseline_methods, without_shots

#: Side of the targets that shots are taken from, in metres.
SHOT_SIDE_M = 3.0
#: What stands before each target in the rows of ``shot_target_rows``.
SHOT_COLUMNS = ("k",)


def target_rows(
    scene: xr.Dataset, shares: npt.ArrayLike, method: str, draw: int = -1, *, identity: Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """Score one set of maps by the areas of the targets.

    Args:
        scene: of ``scenes.hysu.read_hysu``.
        shares: (rows, columns, K) shares of area, in the order of the scene's materials.
        method: name in tables.
        draw: number of the draw, -1 where nothing is drawn.
        identity: columns to put first.

    Returns:
        One row for each target: the columns of ``areas.area_rows`` (``run`` is the draw), and ``detected``: whether
        the area found is above the material's detection limit, the mean of target-free windows plus two deviations.

    Raises:
        UnmixingError: the scene has no targets, or the maps do not fit it.
    """
    rows = pd.DataFrame(area_rows(scene, [(method, draw, np.asarray(shares, np.float64))]))
    rows["detected"] = rows["estimated_m2"] > rows["detection_limit_m2"]
    for column, value in reversed(list((identity or {}).items())):
        rows.insert(0, column, value)
    return rows


def shot_target_rows(
    scene: xr.Dataset, shots: Sequence[Shots], methods: Mapping[str, ShotMethod] | None = None
) -> pd.DataFrame:
    """Score methods of few shots by the targets that gave none.

    Args:
        scene: of ``scenes.hysu.read_hysu``.
        shots: of ``shots.target_shots``.
        methods: by name; the baselines by default.

    Returns:
        Rows of ``target_rows`` with ``k``, ``title`` and ``uses_truth`` in front, the 3 m targets left out. Windows
        that hold a shot of the grass count as no target-free windows.
    """
    cube = scene["cube"].to_numpy()
    rows, columns, bands = cube.shape
    pixels, places = cube.reshape(-1, bands).astype(np.float64), np.arange(rows * columns)
    parts = []
    for drawn in shots:
        clear = without_shots(scene, drawn)
        for name, method in (baseline_methods(cube) if methods is None else methods).items():
            found = method.solve(pixels, places, drawn)
            if found is None:
                continue
            about = {"k": drawn.k, "title": method.title, "uses_truth": method.uses_truth}
            part = target_rows(clear, found.shares.reshape(rows, columns, -1), name, drawn.draw, identity=about)
            parts.append(part[part["side_m"] < SHOT_SIDE_M])
    return pd.concat(parts, ignore_index=True)


def summarise_targets(rows: pd.DataFrame) -> pd.DataFrame:
    """Average the targets of each method and size.

    Args:
        rows: of ``target_rows`` or ``shot_target_rows``.

    Returns:
        One row for each method (and k) and size: ``known_m2``, ``estimated_m2``, ``bias_m2`` and ``rmse_m2`` with the
        ends of their 95 % intervals over materials (missing below five), ``detected`` (share of the targets above the
        detection limit), ``presence`` (share of target-free windows that a target exceeds, mean over materials: the
        area under the curve of telling a target from none), ``false_m2``, ``detection_limit_m2``, ``materials``,
        ``draws`` and ``windows``.
    """
    keys = [*(name for name in SHOT_COLUMNS if name in rows), "method", "side_m"]
    records = []
    for values, part in rows.groupby(keys, sort=False):
        error = part["estimated_m2"] - part["known_m2"]
        by_material = pd.DataFrame(
            {"material": part["material"], "error": error, "square": error**2, "number": 1.0}
        ).groupby("material", sort=False)
        sums = by_material[["error", "square", "number"]].mean()
        record: dict[str, Any] = dict(zip(keys, values, strict=True))
        record |= {"known_m2": part["known_m2"].iloc[0], "estimated_m2": part["estimated_m2"].mean()}
        bias, squares = (sums[[column, "number"]].to_numpy(np.float64) for column in ("error", "square"))
        record["bias_m2"], record["rmse_m2"] = float(bias[:, 0].mean()), float(np.sqrt(squares[:, 0].mean()))
        for key, found in (("bias_m2", cluster_interval(bias, ratio)), ("rmse_m2", root_interval(squares))):
            record[f"{key}_low"], record[f"{key}_high"] = (found.low, found.high) if found else (np.nan, np.nan)
        record |= {
            "detected": part["detected"].mean(),
            "presence": part["presence"].mean(),
            "false_m2": part["false_mean_m2"].mean(),
            "detection_limit_m2": part["detection_limit_m2"].mean(),
            "materials": part["material"].nunique(),
            "draws": part["run"].nunique(),
            "windows": part["windows"].min(),
        }
        records.append(record)
    return pd.DataFrame(records)
