"""Makers of spectra and curves of the contrastive phase, beside the run rows of the tables' makers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..tables import frames
from ..tables.contrastive_frames import configuration

TABLE_7 = ("table7_average", "table7_samson", "table7_urban4")
BOTH = {"generalized": 0.0, "lambda_1": 0.02}


def rows(*names: str, number: int = 3, **options: Any) -> pd.DataFrame:
    """Run rows of configurations as they are and without the contrastive term."""
    return pd.concat([configuration(name, BOTH, number=number, **options) for name in names], ignore_index=True)


def spectra(name: str = "table7_average", variant: str = "generalized", **options: Any) -> pd.DataFrame:
    """Spectra of one setting."""
    return frames.spectra(**options).assign(phase="contrastive", setting=f"{name}-{variant}")


def curves(
    name: str = "table7_average",
    variant: str = "generalized",
    *,
    scene: str = "samson",
    number: int = 3,
    epochs: int = 20,
    equal: float = 2.7,
    floor: float = 1.2,
    zero_share: float = 0.0,
    seed: int = 0,
) -> pd.DataFrame:
    """Curves of one setting: run r lies r hundredths higher; the contrastive loss ends half way to its floor."""
    rng = np.random.default_rng(seed)
    epoch = np.arange(1, epochs + 1)
    contrast = variant != "lambda_1"
    measured = np.where((epoch % 10 == 0) | (epoch == epochs), 1.0, np.nan)
    parts = []
    for run in range(number):
        shift = 0.01 * run + 0.02 * (not contrast)
        falling = np.exp(-epoch / 4)
        noise = 0.002 * rng.standard_normal(epochs)
        place = 0.5 + 0.5 * falling + shift
        parts.append(
            pd.DataFrame(
                {
                    "phase": "contrastive",
                    "protocol": "described",
                    "scene": scene,
                    "setting": f"{name}-{variant}",
                    "run": run,
                    "epoch": epoch,
                    "loss": 0.1 + falling,
                    "sad": 0.05 + 0.3 * falling + shift + noise,
                    "contrastive": floor + (equal - floor) * place if contrast else np.nan,
                    "equal_similarity": equal if contrast else np.nan,
                    "floor": floor if contrast else np.nan,
                    "gradient_ratio": np.nan,
                    "mean_cosine": (0.8 + shift) * measured,
                    "effective_rank": (1.6 + shift) * measured,
                    "centred_rank": (2.0 + shift) * measured,
                    "positive_minus_negative": (0.05 + shift) * measured,
                    "zero_share": zero_share * measured,
                    "seconds": 0.5,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)
