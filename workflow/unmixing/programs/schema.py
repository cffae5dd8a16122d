"""Prints the JSON schema of ``config.yaml``."""

import argparse
import sys


def main(arguments: list[str]) -> int:
    """Print the schema."""
    argparse.ArgumentParser(prog="unmixing schema", description=__doc__).parse_args(arguments)
    from unmixing.configuration import json_schema

    sys.stdout.write(json_schema())
    return 0
