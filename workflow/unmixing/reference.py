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

Kind = Literal["runs", "spectra"]
_IDENTITY = {"runs": ["id", "endmember"], "spectra": ["run", "endmember", "band"]}


def reference_file(folder: Path, kind: Kind, cell: Mapping[str, Any], recipe: str) -> Path:
    """Return where the rows of a cell are committed.

    Args:
        folder: ``reports/reference``.
        kind: ``runs`` or ``spectra``.
        cell: has the keys phase, protocol, scene and setting.
        recipe: name of the recipe (``unmixing.store.recipe_hash``).
    """
    name = "-".join(str(cell[key]) for key in ("phase", "protocol", "scene", "setting"))
    return folder / kind / f"{name}-{recipe}.parquet"


def committed_runs(folder: Path, cell: Mapping[str, Any], recipe: str, scoring: str) -> list[int]:
    """Return the indices of the cell's runs that are committed under this very recipe and way of scoring.

    Committed rows are scores without estimates: after a metric was corrected they cannot be scored again, and the
    run has to be computed.
    """
    path = reference_file(folder, "runs", cell, recipe)
    if not path.exists():
        return []
    rows = read_parquet(path)[0]
    return sorted({int(run) for run in rows.loc[rows["scoring"] == scoring, "run"]})


def committed_rows(folder: Path, kind: Kind, cell: Mapping[str, Any], recipe: str, runs: list[int]) -> "pd.DataFrame":
    """Return committed rows of chosen runs.

    Raises:
        UnmixingError: the file is missing or damaged.
    """
    frame, _ = read_parquet(reference_file(folder, kind, cell, recipe))
    return frame[frame["run"].isin(runs)].reset_index(drop=True)


def commit_rows(folder: Path, kind: Kind, frame: "pd.DataFrame", provenance: Mapping[str, Any]) -> list[Path]:
    """Add rows to the committed evidence, one file for each cell and recipe; rows of the same run are replaced.

    Args:
        folder: ``reports/reference``.
        kind: ``runs`` or ``spectra``.
        frame: rows with the columns phase, protocol, scene, setting, recipe and run.
        provenance: of the rows; kept in each file's metadata, after that of the rows already there.

    Returns:
        The files written.
    """
    import pandas as pd

    written = []
    keys = ["phase", "protocol", "scene", "setting", "recipe"]
    for values, rows in frame.groupby(keys, sort=True):
        cell = dict(zip(keys, values, strict=True))
        path = reference_file(folder, kind, cell, str(cell["recipe"]))
        if path.exists():
            known, earlier = read_parquet(path)
            rows = pd.concat([known[~known["run"].isin(rows["run"])], rows])
            history = [entry for entry in earlier["commits"] if entry != provenance]
        else:
            history = []
        rows = rows.sort_values(_IDENTITY[kind]).reset_index(drop=True)
        write_parquet(rows, path, {"commits": [*history, dict(provenance)]})
        written.append(path)
    return written
