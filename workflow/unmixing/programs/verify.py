"""Makes committed tables again from the committed runs and compares them."""

import argparse
import importlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def main(arguments: list[str]) -> int:
    """Print a line for each committed table; fail if one differs."""
    parser = argparse.ArgumentParser(prog="unmixing verify", description=__doc__)
    parser.add_argument("tables", nargs="*", help="names of tables; all by default")
    parser.add_argument("--reference", type=Path, default=Path("reports/reference"), help="folder of the evidence")
    options = parser.parse_args(arguments)
    from unmixing.errors import UnmixingError
    from unmixing.study import released_folder
    from unmixing.verification import committed_studies

    counts = {"same": 0, "differs": 0, "skipped": 0}
    for place, said in committed_studies(options.reference):
        for name, entry in sorted(said["tables"].items()):
            if options.tables and name not in options.tables:
                continue
            state, reason = _state(options.reference, place, name, entry, said, released_folder())
            counts[state] += 1
            print(f"{place.name} {name}: {state}{': ' if reason else ''}{reason}", flush=True)
    if not sum(counts.values()):
        raise UnmixingError(
            f"no committed table is named {', '.join(options.tables)}: look into {options.reference}/studies"
        )
    print(", ".join(f"{count} {state}" for state, count in counts.items()))
    return 1 if counts["differs"] else 0


def _state(
    folder: Path, place: Path, name: str, entry: Mapping[str, Any], said: Mapping[str, Any], released: Path | None
) -> tuple[str, str]:
    from unmixing.programs.beside import beside
    from unmixing.programs.inputs import Results, by_experiment
    from unmixing.tables.writing import read_table, write_table
    from unmixing.verification import committed_inputs, difference

    sheets = [released / sheet for sheet in entry["released"]] if released else []
    if entry["released"] and not (sheets and all(sheet.exists() for sheet in sheets)):
        return "skipped", "the released sheet that stands beside it is not at hand (UNMIXING_REFERENCE)"
    read = {
        kind: committed_inputs(folder, place, entry.get(kind, []), said["runs"])
        for kind in ("rows", "spectra", "curves")
    }
    semantic = {
        part: committed_inputs(folder, place, [str(path) for path in paths], said["runs"])
        for part, paths in by_experiment([Path(name) for name in entry.get("semantic", [])]).items()
    }
    results = Results(
        **read, scenes=said["study"]["scenes"], scale=said["study"]["scale"], provenance={}, semantic=semantic
    )
    module = importlib.import_module(f"unmixing.tables.{entry['module']}")
    further = beside(module.build, results, sheets[0] if sheets else None)
    table = module.build(results.rows, results.scenes, results.scale, {}, **further)
    with tempfile.TemporaryDirectory() as scratch:
        # Written and read back, so that both sides went through the same file.
        write_table(table, Path(scratch) / name)
        made = read_table(Path(scratch) / f"{name}.parquet").frame
    found = difference(made, read_table(place / "tables" / f"{name}.parquet").frame)
    return ("differs", found) if found else ("same", "")
