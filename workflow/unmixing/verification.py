"""Tables that are committed beside the runs they are made of, and the proof that they still follow from them.

``reports/reference/studies/{study}/`` holds what a study's tables were made from beside the committed runs of
trainings (``inputs/``), the tables themselves as Parquet (``tables/``), and ``study.json``: the study's description,
which committed runs are the study's, and which files each table takes. Verifying makes each table again from these and
compares it with the committed one. ``report.html`` and ``figures/`` are the study's report and its figures as PDF.
"""

import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmixing.cells import TRAINED_PHASES
from unmixing.errors import UnmixingError
from unmixing.outputs import Output
from unmixing.store import atomic_path, read_json, read_parquet, write_json

if TYPE_CHECKING:
    import pandas as pd

RELATIVE, ABSOLUTE = 1e-9, 1e-12
"""How far numbers of a table may lie apart and count as the same."""

_RUN = ["setting", "recipe", "run"]


def commit_tables(results: Path, folder: Path, outputs: list[Output]) -> list[Path]:
    """Commit the tables of a finished study, and what they were made from beside committed runs.

    Args:
        results: ``results/{study}``.
        folder: ``reports/reference``; the runs that the tables rest on must be committed there.
        outputs: the study's tables (``unmixing.outputs.tables``).

    Returns:
        The tables written.

    Raises:
        UnmixingError: a table of the study is missing, or runs of it are not committed.
    """
    place = folder / "studies" / results.name
    entries: dict[str, Any] = {}
    runs: dict[str, list[dict[str, Any]]] = {}
    for output in outputs:
        if not (results / "tables" / f"{output.name}.parquet").exists():
            raise UnmixingError(f"{results}/tables has no {output.name}: run the study to its end first")
        for path in map(Path, output.rows):
            if _of_trainings(path):
                runs[path.stem] = _runs_of(results / "runs" / path.name, folder)
        entries[output.name] = {
            "module": output.module,
            "released": [Path(path).name for path in output.released],
            **{kind: [_committed_name(Path(path)) for path in getattr(output, kind)] for kind in ("rows", "curves")},
            "semantic": [_committed_name(Path(path)) for path in output.semantic],
        }
    if place.exists():
        shutil.rmtree(place)
    for output in outputs:
        for path in map(Path, [*output.rows, *output.semantic]):
            if not _of_trainings(path):
                _copy(path, place / _committed_name(path))
        _copy(results / "tables" / f"{output.name}.parquet", place / "tables" / f"{output.name}.parquet")
    write_json(place / "study.json", {"study": read_json(results / "study.json"), "runs": runs, "tables": entries})
    return sorted((place / "tables").glob("*.parquet"))


def commit_report(results: Path, folder: Path) -> Path:
    """Commit the report of a study and its figures as PDF, beside the tables that it shows.

    Args:
        results: ``results/{study}``.
        folder: ``reports/reference``.

    Returns:
        The report, ``studies/{study}/report.html``.

    Raises:
        UnmixingError: there is no report, or a committed table is missing or another one in the results.
    """
    from unmixing.tables.writing import read_table

    place, report = folder / "studies" / results.name, results / "report" / "index.html"
    if not report.exists():
        raise UnmixingError(f"{report} is missing: run the study to its end first")
    for name in read_json(place / "study.json")["tables"]:
        made, kept = (read_table(path / "tables" / f"{name}.parquet").frame for path in (results, place))
        if difference(made, kept):
            raise UnmixingError(
                f"{results}/tables/{name}.parquet is not the committed table: unmixing archive {results} --tables first"
            )
    for figure in sorted((results / "figures").glob("*.pdf")):
        _copy(figure, place / "figures" / figure.name)
    _copy(report, place / "report.html")
    return place / "report.html"


def _of_trainings(path: Path) -> bool:
    """Say whether a file of rows is of trainings, whose rows are committed once for all studies."""
    return path.parent.name in ("runs", "curves") and path.stem.split("-")[0] in TRAINED_PHASES


def _committed_name(path: Path) -> str:
    folder = path.parent.name
    return f"{folder}/{path.name}" if _of_trainings(path) else f"inputs/{folder}-{path.name}"


def _copy(source: Path, target: Path) -> None:
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)


def _runs_of(path: Path, folder: Path) -> list[dict[str, Any]]:
    """Return which runs a file holds, after checking that they are committed."""
    rows, _ = read_parquet(path)
    wanted = rows[_RUN].drop_duplicates()
    committed = folder / "runs" / path.name
    known = read_parquet(committed)[0][_RUN].drop_duplicates() if committed.exists() else wanted.iloc[:0]
    missing = len(wanted) - len(wanted.merge(known, on=_RUN))
    if missing:
        phase = path.stem.split("-")[0]
        raise UnmixingError(
            f"{missing} runs of {path} are not committed: unmixing archive {path.parents[1]} --phase {phase}"
        )
    return [
        {"setting": str(setting), "recipe": str(recipe), "runs": sorted(map(int, cell["run"]))}
        for (setting, recipe), cell in wanted.groupby(["setting", "recipe"], sort=True)
    ]


def committed_studies(folder: Path) -> list[tuple[Path, dict[str, Any]]]:
    """Return the folder and the record of each study whose tables are committed.

    Raises:
        UnmixingError: there are none, or a record is damaged.
    """
    found = sorted((folder / "studies").glob("*/study.json"))
    if not found:
        raise UnmixingError(f"{folder}/studies holds no committed tables: commit some with `unmixing archive --tables`")
    return [(path.parent, read_json(path)) for path in found]


def committed_inputs(folder: Path, place: Path, names: list[str], runs: Mapping[str, Any]) -> "pd.DataFrame":
    """Return the rows that a committed table was made from, put together.

    Args:
        folder: ``reports/reference``.
        place: the study's folder in it.
        names: files as the study's record names them.
        runs: its committed runs, by file.

    Raises:
        UnmixingError: a file is missing or damaged.
    """
    import pandas as pd

    frames = [_rows(folder, place, file, runs) for file in names]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def difference(made: "pd.DataFrame", committed: "pd.DataFrame") -> str:
    """Return in words where two frames differ beyond rounding, an empty text where they do not."""
    import pandas as pd

    try:
        pd.testing.assert_frame_equal(
            _rounding(made, committed), committed, rtol=RELATIVE, atol=ABSOLUTE, check_dtype=False
        )
    except AssertionError as fault:
        return " ".join(str(fault).split())[:300]
    return ""


def _rounding(made: "pd.DataFrame", committed: "pd.DataFrame") -> "pd.DataFrame":
    """Return a frame in which texts that list the same numbers as the committed ones, but for rounding, are theirs."""
    if made.shape != committed.shape or list(made.columns) != list(committed.columns):
        return made
    result = made.copy()
    for name in made.columns:
        pairs = list(zip(made[name], committed[name], strict=True))
        result[name] = [theirs if _same_numbers(ours, theirs) else ours for ours, theirs in pairs]
        result[name] = result[name].astype(made[name].dtype)
    return result


def _same_numbers(ours: object, theirs: object) -> bool:
    if not (isinstance(ours, str) and isinstance(theirs, str)) or len(ours.split()) != len(theirs.split()):
        return False
    try:
        numbers = [[float(word) for word in text.split()] for text in (ours, theirs)]
    except ValueError:
        return False
    return all(
        math.isclose(one, other, rel_tol=RELATIVE, abs_tol=ABSOLUTE) for one, other in zip(*numbers, strict=True)
    )


def _rows(folder: Path, place: Path, name: str, runs: Mapping[str, list[dict[str, Any]]]) -> "pd.DataFrame":
    """Return the rows of one file: the study's among the committed ones, or its own copy."""
    import pandas as pd

    path = Path(name)
    if path.parts[0] == "inputs":
        return read_parquet(place / path)[0]
    rows, _ = read_parquet(folder / path)
    chosen = [
        {"setting": cell["setting"], "recipe": cell["recipe"], "run": run}
        for cell in runs[path.stem]
        for run in cell["runs"]
    ]
    return rows.merge(pd.DataFrame(chosen, columns=_RUN), on=_RUN, how="inner")
