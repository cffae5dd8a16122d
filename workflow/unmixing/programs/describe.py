"""Writes down what a study consists of: its scenes, with why one is missing, and its scales."""

import argparse
import json
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Write the description that tables, figures and the report read."""
    parser = argparse.ArgumentParser(prog="unmixing describe", description=__doc__)
    parser.add_argument("--study", required=True, help="the description (Study.description), as JSON")
    parser.add_argument("--output", type=Path, required=True, help="JSON file to write")
    options = parser.parse_args(arguments)
    from unmixing.store import write_json

    write_json(options.output, json.loads(options.study), sealed=True)
    return 0
