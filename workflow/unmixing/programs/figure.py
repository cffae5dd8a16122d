"""Draws one figure in three formats."""

import argparse
import importlib
import inspect
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Write one figure."""
    from unmixing.programs.beside import beside
    from unmixing.programs.inputs import add_arguments, read_results

    parser = argparse.ArgumentParser(prog="unmixing figure", description=__doc__)
    parser.add_argument("module", help="module of unmixing.figures, for example endmembers")
    parser.add_argument(
        "--output", type=Path, required=True, help="any of the files to write; the others lie beside it"
    )
    add_arguments(parser)
    options = parser.parse_args(arguments)
    from unmixing.figures.style import save_figure, style

    results = read_results(options)
    module = importlib.import_module(f"unmixing.figures.{options.module}")
    with style():
        further = beside(module.draw, results, options.released)
        if "scale" in inspect.signature(module.draw).parameters:
            further["scale"] = results.scale
        figure = module.draw(results.spectra, results.rows, results.scenes, **further)
        further = beside(module.describe, results, options.released)
        description = module.describe(results.rows, results.scenes, results.scale, results.provenance, **further)
        save_figure(figure, options.output.with_suffix(""), description)
    return 0
