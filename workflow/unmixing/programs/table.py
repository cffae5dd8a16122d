"""Makes one table in five formats."""

import argparse
import importlib
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Write one table."""
    from unmixing.programs.inputs import add_arguments, read_results

    parser = argparse.ArgumentParser(prog="unmixing table", description=__doc__)
    parser.add_argument("module", help="module of unmixing.tables, for example table3")
    parser.add_argument(
        "--output", type=Path, required=True, help="any of the files to write; the others lie beside it"
    )
    add_arguments(parser)
    options = parser.parse_args(arguments)
    from unmixing.tables.writing import write_table

    results = read_results(options)
    module = importlib.import_module(f"unmixing.tables.{options.module}")
    write_table(
        module.build(results.rows, results.scenes, results.scale, results.provenance), options.output.with_suffix("")
    )
    return 0
