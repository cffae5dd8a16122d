"""Writes the report: one HTML file that needs no network."""

import argparse
import datetime
import json
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Write the report."""
    options = _parser().parse_args(arguments)
    import pandas as pd

    from unmixing.programs.inputs import read_results
    from unmixing.report import page, sections
    from unmixing.report.runs_section import runs_section
    from unmixing.report.scene_pages import scene_sections
    from unmixing.report.workflow_section import read_times, workflow_section
    from unmixing.store import read_parquet, write_text

    results = read_results(options)
    rebuild = options.command.replace("PART", "report")
    tables = [page.table_block(path, options.command.replace("PART", path.stem)) for path in options.tables]
    figures = [page.figure_block(path, options.command.replace("PART", path.stem)) for path in options.figures]
    facts = {path.stem: (path, read_parquet(path)[0]) for path in options.facts}
    pages = {
        scene: page.figure_block(path, options.command.replace("PART", str(path)))
        for scene, path in zip(facts, options.pages, strict=True)
    }
    told = json.loads(options.workflow)
    (table3,) = [block.table for block in tables if block.table.name == "table3"]
    text = page.render(
        [
            sections.summary(results.rows, results.scenes, table3),
            sections.scenes_section(results.scenes, rebuild, results.provenance),
            *sections.part_sections(tables, figures),
            *scene_sections(
                pd.concat([frame for _, frame in facts.values()]) if facts else pd.DataFrame(),
                pages,
                {scene: options.command.replace("PART", str(path)) for scene, (path, _) in facts.items()},
            ),
            runs_section(results.rows, rebuild, results.provenance),
            workflow_section(
                results.provenance["study"],
                told,
                read_times(options.benchmarks, told["steps"]),
                results.rows,
                results.provenance,
                rebuild,
            ),
            sections.provenance_section(results.provenance, rebuild),
        ],
        page.Heading(
            study=results.provenance["study"],
            date=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
            commit=results.provenance["commit"],
            versions=results.provenance["versions"],
            subtitle="Every number with its n, its interval and its scale, beside the paper's where it prints one.",
        ),
    )
    write_text(options.output, text)
    return 0


def _parser() -> argparse.ArgumentParser:
    from unmixing.programs.inputs import add_arguments

    parser = argparse.ArgumentParser(prog="unmixing report", description=__doc__)
    parser.add_argument("--tables", type=Path, nargs="+", required=True, help="Parquet files of tables, table3 first")
    parser.add_argument("--figures", type=Path, nargs="+", required=True, help="SVG files")
    parser.add_argument("--facts", type=Path, nargs="*", default=[], help="Parquet files that describe scenes")
    parser.add_argument("--pages", type=Path, nargs="*", default=[], help="SVG files, one for each of --facts")
    parser.add_argument("--command", required=True, help="what rebuilds one part, with PART in its place")
    parser.add_argument("--workflow", required=True, help="steps and planned core-hours (report.steps), as JSON")
    parser.add_argument("--benchmarks", type=Path, required=True, help="folder of Snakemake's benchmark files")
    parser.add_argument("--output", type=Path, required=True, help="HTML file to write")
    add_arguments(parser)
    return parser
