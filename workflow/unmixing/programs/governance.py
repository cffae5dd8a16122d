"""Writes what those need who answer for a model: cards, an audit log, explanations, coverage and prompts."""

import argparse
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Write the files of one scene into a folder."""
    parser = argparse.ArgumentParser(
        prog="unmixing governance",
        description=__doc__,
        epilog="Files: model_card.md, data_card.json, audit_log.jsonl (one line for each run, appended), "
        "explanations.jsonl (one line for each pixel), coverage.csv (every concept: told apart, carried, or refused) "
        "and prompts.json (every wording with its SHA-256).",
    )
    parser.add_argument("prompts", nargs="*", help="materials to look for; by default the scene's fixed prompts")
    parser.add_argument("--scene", required=True, help="a file with wavelengths, or the name of a synthetic scene")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder to write into")
    parser.add_argument("--model", type=Path, help="a trained model (.safetensors); the shipped one by default")
    parser.add_argument(
        "--prior", choices=["divergence", "tilt", "none"], default="divergence", help="see unmixing unmix"
    )
    parser.add_argument("--brightness", choices=["solved", "fixed", "shade"], default="solved", help="of a pixel")
    parser.add_argument("--pixels", type=int, default=6, help="how many to explain")
    parser.add_argument("--seed", type=int, default=0, help="of the pixels that are explained")
    parser.add_argument("--libraries", type=Path, help="folder with the USGS library, for the data card and coverage")
    options = parser.parse_args(arguments)
    from unmixing.programs.unmix import read_input
    from unmixing.semantic.governance_files import write_governance

    scene, inputs = read_input(options.scene)
    told = write_governance(
        options.output,
        scene,
        inputs=inputs,
        prompts=tuple(options.prompts),
        model=options.model,
        prior=options.prior,
        brightness=options.brightness,
        pixels=options.pixels,
        seed=options.seed,
        libraries=options.libraries,
    )
    print(told, flush=True)
    return 0
