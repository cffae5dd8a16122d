"""Rows of the experiments on generated mixtures."""

from typing import Any

import numpy as np
import numpy.typing as npt

from unmixing.semantic.experiments.bench import scores

Record = dict[str, Any]

NEEDS_USGS = "needs the USGS library: set UNMIXING_LIBRARIES"


def record(
    protocol: str,
    setting: str,
    method: str,
    index: int,
    shares: npt.ArrayLike,
    truth: npt.NDArray[np.float64],
    **more: object,
) -> list[Record]:
    """Return the rows of one method on one set of pixels."""
    common = {"protocol": protocol, "setting": setting, "method": method, "draw": index, "n": len(truth), **more}
    return [common | {"metric": metric, "value": value} for metric, value in scores(shares, truth).items()]


def missing(protocol: str, setting: str, reason: str, method: str = "") -> Record:
    """Return the row of what was not measured."""
    return {
        "protocol": protocol,
        "setting": setting,
        "method": method,
        "metric": "armse",
        "value": np.nan,
        "reason": reason,
    }
