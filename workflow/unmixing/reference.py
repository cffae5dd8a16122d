"""Committed evidence: run rows and spectra under ``reports/reference/`` that stand in for runs.

A study with ``runs: reference`` takes the rows of runs whose recipe is committed and computes the rest, so that
another machine goes on from what one machine has shown.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from unmixing.store import read_parquet, write_parquet

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["runs", "spectra", "curves"]
_WITHIN_RUN = {"runs": ["endmember"], "spectra": ["endmember", "band"], "curves": ["epoch"]}


def reference_file(folder: Path, kind: Kind, cell: Mapping[str, Any]) -> Path:
    """Return where the rows of a phase, protocol and scene are committed.

    Args:
        folder: ``reports/reference``.
        kind: ``runs``, ``spectra`` or ``curves``.
        cell: has the keys phase, protocol and scene.
    """
    name = "-".join(str(cell[key]) for key in ("phase", "protocol", "scene"))
    return folder / kind / f"{name}.parquet"


def _of_cell(frame: "pd.DataFrame", cell: Mapping[str, Any], recipe: str) -> "pd.DataFrame":
    same: pd.Series[bool] = (frame["setting"] == cell["setting"]) & (frame["recipe"] == recipe)
    return frame[same]


def committed_runs(folder: Path, cell: Mapping[str, Any], recipe: str, scoring: str) -> list[int]:
    """Return the indices of the cell's runs that are committed under this very recipe and way of scoring.

    Committed rows are scores without estimates: after a metric was corrected they cannot be scored again, and the
    run has to be computed.

    Args:
        folder: ``reports/reference``.
        cell: has the keys phase, protocol, scene and setting.
        recipe: name of the recipe (``unmixing.store.recipe_hash``).
        scoring: version of the scoring code.
    """
    path = reference_file(folder, "runs", cell)
    if not path.exists():
        return []
    rows = _of_cell(read_parquet(path)[0], cell, recipe)
    return sorted({int(run) for run in rows.loc[rows["scoring"] == scoring, "run"]})


def committed_rows(folder: Path, kind: Kind, cell: Mapping[str, Any], recipe: str, runs: list[int]) -> "pd.DataFrame":
    """Return committed rows of chosen runs; none of curves that were not committed.

    Raises:
        UnmixingError: the file is missing or damaged.
    """
    import pandas as pd

    if kind == "curves" and not reference_file(folder, kind, cell).exists():
        return pd.DataFrame()
    frame = _of_cell(read_parquet(reference_file(folder, kind, cell))[0], cell, recipe)
    return frame[frame["run"].isin(runs)].reset_index(drop=True)


def commit_rows(folder: Path, kind: Kind, frame: "pd.DataFrame", provenance: Mapping[str, Any]) -> list[Path]:
    """Add rows to the committed evidence, one file for each phase, protocol and scene; the same run is replaced.

    Args:
        folder: ``reports/reference``.
        kind: ``runs``, ``spectra`` or ``curves``.
        frame: rows with the columns phase, protocol, scene, setting, recipe and run.
        provenance: of the rows; kept in each file's metadata, after that of the rows already there.

    Returns:
        The files written.
    """
    import pandas as pd

    written = []
    keys = ["phase", "protocol", "scene"]
    run = ["setting", "recipe", "run"]
    for values, rows in frame.groupby(keys, sort=True):
        path = reference_file(folder, kind, dict(zip(keys, values, strict=True)))
        history = []
        if path.exists():
            known, earlier = read_parquet(path)
            kept = known.merge(rows[run].drop_duplicates(), on=run, how="left", indicator=True)["_merge"] == "left_only"
            rows = pd.concat([known[kept.to_numpy()], rows])
            history = [entry for entry in earlier["commits"] if entry != provenance]
        rows = rows.sort_values([*run, *_WITHIN_RUN[kind]]).reset_index(drop=True)
        write_parquet(rows, path, {"commits": [*history, dict(provenance)]})
        written.append(path)
    return written
