"""The released sheet of the contrastive grids, as rows that can be joined with ours.

The sheet is not part of this project. A user who has it as one tidy file, ``grid_search_reference.csv``, names its
folder. The sixteen configurations that the ranks are compared on are facts and stand in ``agreement.csv``.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from unmixing.errors import UnmixingError
from unmixing.protocol.points import POINTS

if TYPE_CHECKING:
    import pandas

__all__ = ["FACTORS", "GRID_FILE", "agreement_points", "find_point", "released_grid"]

GRID_FILE = "grid_search_reference.csv"

#: What tells two configurations apart, as the run rows name it; NT-Xent has no sigma.
FACTORS = ("temperature", "weight", "patch_size", "batch_size", "sigma")

_COLUMNS = {
    "loss": "loss",
    "temperature": "temperature",
    "lambda_recon": "weight",
    "patch_size": "patch_size",
    "batch_size": "batch_size",
    "sigma_kernel": "sigma",
    "avg_sad": "average_sad",
    "samson_sad": "samson_sad",
    "urban4_sad": "urban4_sad",
    "flag": "flag",
}
_LOSSES = {"generalized": "generalized", "ntxent": "nt_xent"}
_STRAY = "stray row"
_NUMBERS = {
    "temperature": "float64",
    "weight": "float64",
    "patch_size": "int64",
    "batch_size": "int64",
    "average_sad": "float64",
    "samson_sad": "float64",
    "urban4_sad": "float64",
}


def released_grid(folder: Path) -> pandas.DataFrame:
    """Read the released sheet of both grids.

    Args:
        folder: Holds ``grid_search_reference.csv``.

    Returns:
        One row per configuration: ``loss`` (``generalized`` or ``nt_xent``), the columns of ``FACTORS`` (``sigma``
        is NaN for NT-Xent), ``average_sad``, ``samson_sad``, ``urban4_sad`` (rad, one run each), ``average_rank``,
        ``samson_rank`` and ``urban4_rank`` (1: the lowest of its loss), and ``flag`` ("" or a remark). The row that
        the sheet itself marks as stray is left out (audit item A11).

    Raises:
        UnmixingError: the file is missing, lacks a column, names an unknown loss, or has a configuration twice.
    """
    import pandas

    path = folder / GRID_FILE
    if not path.is_file():
        raise UnmixingError(f"{path} is not there: name the folder that holds the released sheets")
    sheet = pandas.read_csv(path, dtype={"loss": "string", "flag": "string"})
    if lacking := [name for name in _COLUMNS if name not in sheet]:
        raise UnmixingError(f"{path} has no column {', '.join(lacking)}: it is not the sheet of the grids")
    tidy = sheet[list(_COLUMNS)].rename(columns=_COLUMNS)
    tidy["flag"] = tidy["flag"].fillna("").astype(str)
    tidy = tidy[~tidy["flag"].str.contains(_STRAY)].reset_index(drop=True)
    if unknown := sorted(set(tidy["loss"].astype(str)) - set(_LOSSES)):
        raise UnmixingError(f"{path}: loss {unknown[0]!r} is unknown; allowed: {', '.join(_LOSSES)}")
    tidy["loss"] = tidy["loss"].map(_LOSSES).astype(str)
    tidy = tidy.astype(_NUMBERS)
    tidy["sigma"] = tidy["sigma"].astype("float64").where(tidy["loss"] == "generalized")
    if (twice := tidy.duplicated(["loss", *FACTORS])).any():
        found = tidy.loc[twice, ["loss", *FACTORS]].iloc[0].tolist()
        raise UnmixingError(f"{path} holds {found} twice: keep one row")
    for name in ("average", "samson", "urban4"):
        tidy[f"{name}_rank"] = tidy.groupby("loss")[f"{name}_sad"].rank(method="min").astype("int64")
    return tidy


def find_point(released: pandas.DataFrame, configuration: str) -> dict[str, float]:
    """Return the sheet's angles (rad) of a named configuration for ``samson`` and ``urban4``; none if it lacks it.

    Args:
        released: As ``released_grid`` returns it.
        configuration: One of ``unmixing.protocol.points.POINTS``.
    """
    point = POINTS[configuration]
    same = released["loss"] == point["loss"]
    for name in FACTORS:
        if name in point:
            same &= released[name] == point[name]
    found = released[same.to_numpy(dtype=bool)]
    return {scene: float(found[f"{scene}_sad"].iloc[0]) for scene in ("samson", "urban4")} if len(found) == 1 else {}


def agreement_points() -> pandas.DataFrame:
    """Return the sixteen configurations whose ranks are compared, with what the released sheet says of them.

    Returns:
        ``released_rank`` (of 1,280, by Samson's SAD), ``released_sad`` (rad, one run on Samson), and the columns of
        ``FACTORS``; in the order of their rank.
    """
    import pandas

    with files(__package__).joinpath("agreement.csv").open("r", encoding="utf-8") as stream:
        points = pandas.read_csv(stream).rename(columns={"lambda": "weight"})
    return points.sort_values("released_rank").reset_index(drop=True)
