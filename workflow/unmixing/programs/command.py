"""The command ``unmixing``: hands over to one program, and turns its faults into one clear line each."""

import argparse
import importlib
import json
import re
import signal
import sys

PROGRAMS = {
    "study": "run a study: lock, checks, Snakemake",
    "plan": "say what a study will cost before it starts",
    "check": "prove that a scene is usable: a file, or the id of a scene",
    "fetch": "download scenes into the cache",
    "scene": "read or make one scene and write it as NetCDF",
    "facts": "write down what tables say of one scene",
    "page": "draw the page of one scene",
    "train": "compute the runs of a job's cells",
    "replay": "train one stored run again and compare it bit for bit",
    "purity": "measure what treatments do to the purity of a training set",
    "classical": "compute the classical methods and reference rows of one scene",
    "references": "score the mean of a scene's references where its cube is missing",
    "evaluate": "score the runs of one phase, protocol and scene",
    "areas": "measure targets of known area for the runs of one scene",
    "maps": "write abundance maps and endmembers of one cell for other programs",
    "unmix": "unmix a scene into materials that are named",
    "semantic": "make the rows of one experiment on named materials",
    "semantic_train": "train a text-prompted model from a recipe",
    "anchors": "make a store of anchors with a text encoder",
    "governance": "write cards, audit log, explanations and coverage of one scene",
    "power": "say how many runs an effect needs",
    "describe": "write down a study's scenes and scales",
    "table": "make one table in five formats",
    "figure": "draw one figure in three formats",
    "report": "write the report",
    "archive": "add a study's runs to the committed evidence",
    "verify": "make committed tables again and compare them",
    "schema": "print the JSON schema of config.yaml",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one program.

    Args:
        arguments: the command line without the command's name; that of this process if None.

    Returns:
        The exit status: 0, 2 for a wrong command line, 1 for any other fault that the user can mend.
    """
    from unmixing import __version__
    from unmixing.errors import UnmixingError

    given = sys.argv[1:] if arguments is None else arguments
    listing = "\n".join(f"  {name:14} {what}" for name, what in PROGRAMS.items())
    parser = argparse.ArgumentParser(
        prog="unmixing",
        description="Hyperspectral unmixing studies, from scenes to report.",
        epilog=f"programs:\n{listing}\n\n`unmixing PROGRAM --help` tells more.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"unmixing {__version__}")
    parser.add_argument("program", choices=list(PROGRAMS), metavar="PROGRAM")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    chosen = parser.parse_args(given[:1] if given else ["--help"])
    if arguments is None:
        signal.signal(signal.SIGTERM, _interrupt)
    try:
        program = importlib.import_module(f"unmixing.programs.{chosen.program}")
        status: int = program.main(given[1:])
    except UnmixingError as fault:
        print(f"unmixing {chosen.program}: {fault}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 1
    except KeyboardInterrupt:
        print(
            f"unmixing {chosen.program}: stopped; what was finished is kept, start it again to go on", file=sys.stderr
        )
        return 130
    except (MemoryError, RuntimeError) as fault:
        # torch has no class of its own for a processor's memory that is used up.
        if isinstance(fault, RuntimeError) and not re.search("allocate memory|out of memory", str(fault)):
            raise
        print(f"unmixing {chosen.program}: memory does not suffice: give it more, or lower the sizes", file=sys.stderr)
        return 1
    except (OSError, json.JSONDecodeError) as fault:
        # A full disk, a missing file, JSON cut short: the user's to mend, though nobody foresaw the very case.
        print(f"unmixing {chosen.program}: {fault}".splitlines()[0], file=sys.stderr)
        return 1
    return status


def _interrupt(number: int, frame: object) -> None:
    """Stop as Ctrl-C does, so that nothing half-written is left."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
