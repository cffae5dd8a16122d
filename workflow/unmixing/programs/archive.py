"""Adds to the committed evidence: the runs of a finished study as tidy rows and spectra, its tables, its report."""

import argparse
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Write run rows and spectra under the evidence folder."""
    parser = argparse.ArgumentParser(prog="unmixing archive", description=__doc__)
    parser.add_argument("results", type=Path, help="folder of the study, for example results/laptop")
    parser.add_argument("--reference", type=Path, default=Path("reports/reference"), help="folder of the evidence")
    parser.add_argument("--phase", default="baseline", help="phase whose runs are kept (default: baseline)")
    parser.add_argument(
        "--tables",
        action="store_true",
        help="keep the study's tables instead, once its runs are kept; `unmixing verify` makes them again",
    )
    parser.add_argument(
        "--report", action="store_true", help="keep the study's report and figures instead, once its tables are kept"
    )
    options = parser.parse_args(arguments)
    if options.tables:
        return _tables(options.results, options.reference)
    if options.report:
        from unmixing.verification import commit_report

        print(f"report and figures: {commit_report(options.results, options.reference).parent}", flush=True)
        return 0
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


def _tables(results: Path, reference: Path) -> int:
    from unmixing.configuration import merge, read_yaml
    from unmixing.outputs import tables
    from unmixing.study import Study, find_overlay
    from unmixing.tables.readme_results import STUDIES, write_results
    from unmixing.verification import commit_tables

    values = read_yaml(Path("config.yaml"))
    overlay = find_overlay(results.name, Path("workflow/studies"))
    study = Study.load(merge(values, read_yaml(overlay)) if overlay else values, results.parent)
    written = commit_tables(results, reference, tables(study))
    print(f"{len(written)} tables: {reference / 'studies' / results.name}", flush=True)
    if results.name in STUDIES:
        write_results(reference, Path("README.md"))
    return 0
