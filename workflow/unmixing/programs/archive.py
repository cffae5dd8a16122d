"""Adds the runs of a finished study to the committed evidence, as tidy rows and spectra."""

import argparse
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Write run rows and spectra under the evidence folder."""
    parser = argparse.ArgumentParser(prog="unmixing archive", description=__doc__)
    parser.add_argument("results", type=Path, help="folder of the study, for example results/laptop")
    parser.add_argument("--reference", type=Path, default=Path("reports/reference"), help="folder of the evidence")
    parser.add_argument("--phase", default="baseline", help="phase whose runs are kept (default: baseline)")
    options = parser.parse_args(arguments)
    from unmixing.errors import UnmixingError
    from unmixing.reference import commit_rows
    from unmixing.store import read_parquet
    from unmixing.tables.evidence import write_evidence

    files = sorted((options.results / "runs").glob(f"{options.phase}-*.parquet"))
    if not files:
        raise UnmixingError(f"{options.results}/runs holds no rows of phase {options.phase}: run the study first")
    for path in files:
        rows, provenance = read_parquet(path)
        spectra, _ = read_parquet(options.results / "spectra" / path.name)
        recipes = rows[["setting", "run", "recipe"]].drop_duplicates()
        spectra = spectra.drop(columns="recipe", errors="ignore").merge(recipes, on=["setting", "run"])
        commit_rows(options.reference, "spectra", spectra, provenance)
        curves, _ = read_parquet(options.results / "curves" / path.name)
        if {"contrastive", "heads"} & set(curves["phase"]):
            commit_rows(options.reference, "curves", curves, provenance)
        for written in commit_rows(options.reference, "runs", rows, provenance):
            print(f"{rows['id'].nunique()} runs: {written}", flush=True)
    write_evidence(options.reference)
    return 0
