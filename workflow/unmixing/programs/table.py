"""Makes one table in five formats."""

import argparse
import dataclasses
import importlib
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Write one table."""
    from unmixing.programs.beside import beside
    from unmixing.programs.inputs import add_arguments, read_results

    parser = argparse.ArgumentParser(prog="unmixing table", description=__doc__)
    parser.add_argument("module", help="module of unmixing.tables, for example table3")
    parser.add_argument(
        "--output", type=Path, required=True, help="any of the files to write; the others lie beside it"
    )
    parser.add_argument(
        "--note-of", type=Path, nargs="*", default=[], help="Parquet files of tables whose first note is repeated here"
    )
    add_arguments(parser)
    options = parser.parse_args(arguments)
    from unmixing.tables.writing import read_table, write_table

    results = read_results(options)
    module = importlib.import_module(f"unmixing.tables.{options.module}")
    further = beside(module.build, results, options.released)
    table = module.build(results.rows, results.scenes, results.scale, results.provenance, **further)
    repeated = [note for path in options.note_of for note in read_table(path).notes[:1]]
    write_table(dataclasses.replace(table, notes=[*table.notes, *repeated]), options.output.with_suffix(""))
    return 0
