"""Makers of run rows, spectra and availability records in the formats that evaluation writes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

NAMES = ("soil", "tree", "water", "road", "roof", "dirt")


def scene(
    name: str, *, title: str = "", kind: str = "real", paper: bool = True, available: bool = True, in_study: bool = True
) -> dict[str, Any]:
    reason = "" if available else f"{name}.mat is not at hand: put it into the folder that UNMIXING_SCENES names"
    return {
        "scene": name,
        "title": title or name.capitalize(),
        "kind": kind,
        "paper": paper,
        "available": available,
        "in_study": in_study,
        "reason": reason,
    }


def scenes() -> list[dict[str, Any]]:
    """Samson and an easy synthetic scene at hand; Jasper at hand but not in the study; the rest missing."""
    missing = [scene(name, available=False) for name in ("urban4", "urban5", "urban6", "cuprite")]
    return [
        scene("samson"),
        *missing,
        scene("jasper_ridge", title="Jasper Ridge", in_study=False),
        scene("synthetic_easy", title="Synthetic, easy", kind="synthetic", paper=False),
    ]


def runs(
    name: str = "samson",
    *,
    sad: Any = ((0.04, 0.05, 0.12), (0.06, 0.05, 0.10)),
    protocol: str = "described",
    kind: str = "real",
    epochs: int = 80,
    status: tuple[str, ...] = (),
    setting: str = "standard",
) -> pd.DataFrame:
    """Rows of len(sad) runs; a run whose status is "diverged" has no numbers."""
    records = []
    for run, angles in enumerate(np.asarray(sad, dtype=float)):
        ending = status[run] if run < len(status) else "ok"
        for endmember, angle in enumerate(angles):
            value = np.nan if ending == "diverged" else float(angle)
            records.append(
                {
                    "id": f"baseline/{protocol}/{name}/{setting}/{run}",
                    "phase": "baseline",
                    "protocol": protocol,
                    "scene": name,
                    "scene_kind": kind,
                    "setting": setting,
                    "regime": "dynamic_unseeded",
                    "run": run,
                    "recipe": "0123456789ab",
                    "endmember": endmember + 1,
                    "name": NAMES[endmember],
                    "sad_rad": value,
                    "sad_late_mean_rad": value + 0.001,
                    "sad_late_sd_rad": value / 10,
                    "found": None if np.isnan(value) else bool(value < 0.11),
                    "abundance_rmse_network": value,
                    "abundance_rmse_resolved": value,
                    "abundance_rmse_areal": np.nan,
                    "abundance_rmse_convention": value,
                    "abundance_convention": "nnls_sum_max",
                    "abundance_scale": "own",
                    "reconstruction_angle_rad": value,
                    "collapse_angle_rad": value,
                    "epochs": epochs,
                    "updates": epochs * 17,
                    "seconds": 12.5,
                    "status": ending,
                    "reason": "loss was not finite at epoch 3" if ending == "diverged" else "",
                    "entropy": "1234",
                    "uses_truth": "K, matching",
                }
            )
    return pd.DataFrame.from_records(records)


def classical(name: str = "samson", *, chance: Any = ((0.3, 0.2, 0.1), (0.5, 0.4, 0.3)), **sad: Any) -> pd.DataFrame:
    """Rows of the classical phase: chance, and for each further method its runs' angles."""
    parts = []
    for setting, angles in {"chance": chance, **sad}.items():
        rows = runs(name, sad=angles, setting=setting)
        rows["id"] = [f"classical/described/{name}/{setting}/{run}" for run in rows["run"]]
        parts.append(rows.assign(phase="classical", abundance_rmse_raw=rows["abundance_rmse_network"]))
    return pd.concat(parts, ignore_index=True)


def wavelengths(bands: int = 60, *, gap: bool = True) -> np.ndarray:
    """Wavelengths in nm with one removed stretch."""
    axis = np.linspace(400.0, 2500.0, bands)
    return axis[(axis < 1350) | (axis > 1450)] if gap else axis


def spectra(
    name: str = "samson",
    *,
    number: int = 3,
    endmembers: int = 3,
    protocol: str = "described",
    reference: bool = True,
    status: tuple[str, ...] = (),
    seed: int = 0,
    axis: np.ndarray | None = None,
) -> pd.DataFrame:
    """Spectra of a scene with bump-shaped references and noisy estimates."""
    rng = np.random.default_rng(seed)
    axis = wavelengths() if axis is None else axis
    parts = []
    for endmember in range(endmembers):
        truth = np.exp(-(((axis - 700 - 400 * endmember) / 500) ** 2)) + 0.15
        truth /= truth.max()
        for run in range(number):
            ending = status[run] if run < len(status) else "ok"
            estimate = truth + 0.05 * np.cumsum(rng.standard_normal(len(axis))) / np.sqrt(len(axis))
            parts.append(
                pd.DataFrame(
                    {
                        "scene": name,
                        "protocol": protocol,
                        "run": run,
                        "endmember": endmember + 1,
                        "name": NAMES[endmember],
                        "band": np.arange(len(axis)),
                        "wavelength_nm": axis,
                        "estimated": np.nan if ending == "diverged" else estimate / estimate.max(),
                        "reference": truth if reference else np.nan,
                        "status": ending,
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)
