"""Command-line arguments and inputs that the programs for tables, figures and the report share."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Results:
    """What a table or figure is made from.

    Attributes:
        rows: run rows of all scenes and protocols, possibly empty.
        spectra: matched spectra or abundance maps of the same runs, possibly empty.
        curves: of the same runs, one row for each epoch, possibly empty.
        scenes: availability of every scene that a table names (``Study.description``).
        scale: runs, epochs and so on for each scene.
        provenance: commit, versions, recipes and inputs.
        semantic: rows of the second study's experiments, by experiment.
    """

    rows: "pd.DataFrame"
    spectra: "pd.DataFrame"
    curves: "pd.DataFrame"
    scenes: list[dict[str, Any]]
    scale: dict[str, dict[str, Any]]
    provenance: dict[str, Any]
    semantic: "Mapping[str, pd.DataFrame]" = field(default_factory=dict)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that :func:`read_results` reads."""
    parser.add_argument("--rows", type=Path, nargs="*", default=[], help="Parquet files of run rows")
    parser.add_argument("--spectra", type=Path, nargs="*", default=[], help="Parquet files of spectra or maps to draw")
    parser.add_argument("--curves", type=Path, nargs="*", default=[], help="Parquet files of curves over epochs")
    parser.add_argument("--released", type=Path, help="the released sheet that stands beside our results")
    parser.add_argument("--semantic", type=Path, nargs="*", default=[], help="Parquet files of semantic experiments")
    parser.add_argument("--study", type=Path, required=True, help="description of the study (unmixing describe)")


def by_experiment(paths: Sequence[Path]) -> dict[str, list[Path]]:
    """Return files of the second study's rows by experiment: ``names.parquet``, ``scenes-samson.parquet``.

    Args:
        paths: also as they are committed, with ``semantic-`` in front.
    """
    found: dict[str, list[Path]] = {}
    for path in paths:
        found.setdefault(path.stem.removeprefix("semantic-").partition("-")[0], []).append(path)
    return found


def read_results(options: argparse.Namespace) -> Results:
    """Read the files and the study's JSON that the arguments name."""
    import pandas as pd

    from unmixing.provenance import provenance
    from unmixing.store import read_json, read_parquet

    def concatenated(paths: list[Path]) -> pd.DataFrame:
        frames = []
        for path in paths:
            frame, details = read_parquet(path)
            frames.append(frame)
            recipes.update(details.get("recipes", {}))
            known = details["scene_sha256"]  # Of several scenes by name: rows of the semantic phase.
            named = {str(scene): known for scene in frame["scene"].unique()} if isinstance(known, str) else known
            checksums.update(named)
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()

    recipes: dict[str, str] = {}
    checksums: dict[str, str] = {}
    study = read_json(options.study)
    rows, spectra = concatenated(options.rows), concatenated(options.spectra)
    parts = by_experiment(options.semantic)
    return Results(
        rows=rows,
        spectra=spectra,
        curves=concatenated(options.curves),
        semantic={part: concatenated(paths) for part, paths in parts.items()},
        scenes=study["scenes"],
        scale=study["scale"],
        provenance=provenance(study=study["name"], recipes=recipes, scene_sha256=checksums),
    )
