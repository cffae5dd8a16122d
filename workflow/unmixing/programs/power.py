"""Says how many runs an effect needs on each scene, and which effect the runs at hand can show."""

import argparse
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Print one line for each scene, or one for a deviation that is given."""
    parser = argparse.ArgumentParser(
        prog="unmixing power",
        description=f"{__doc__} Deviations are measured on the study's runs from five on; else the paper's are taken.",
    )
    parser.add_argument("--study", default="demo", help="study whose results are looked for (default: demo)")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of results")
    parser.add_argument("--protocol", choices=["described", "released"], default="described", help="of the runs")
    parser.add_argument("--difference", type=float, default=0.01, help="effect on the mean SAD in rad (default: .01)")
    parser.add_argument("--runs", type=int, help="runs in each arm (default: those at hand)")
    parser.add_argument("--deviation", type=float, help="SD of a run's mean SAD in rad, instead of looking for runs")
    parser.add_argument("--design", choices=["arms", "pairs"], default="arms", help="independent arms or paired runs")
    parser.add_argument("--correlation", type=float, default=0.0, help="of the pairs (default: 0)")
    parser.add_argument("--significance", type=float, default=0.05, help="two-sided, of the family (default: .05)")
    parser.add_argument("--power", type=float, default=0.8, help="chance to find the effect (default: .8)")
    parser.add_argument("--comparisons", type=int, default=1, help="tests in the family, by Holm (default: 1)")
    options = parser.parse_args(arguments)

    import pandas as pd

    from unmixing.statistics import detectable_difference, runs_needed
    from unmixing.store import read_parquet
    from unmixing.tables.claims import scene_deviation
    from unmixing.tables.power import components
    from unmixing.tables.scene_rows import PAPER_SCENES

    def line(what: str, deviation: float, source: str, runs: int) -> str:
        settings = {
            "design": options.design,
            "correlation": options.correlation,
            "significance": options.significance,
            "power": options.power,
            "comparisons": options.comparisons,
        }
        needed = runs_needed(options.difference, deviation, **settings)
        text = f"{what}: SD of a run mean {deviation:.4f} rad ({source}); {options.difference:g} rad needs {needed}"
        text += " pairs" if options.design == "pairs" else " runs in each arm"
        if runs < 2:
            return text
        shown = detectable_difference(deviation, runs, **settings)
        return f"{text}; {runs} show {shown:.4f} rad" + (" (below 5 no test is made)" if runs < 5 else "")

    if options.deviation is not None:
        print(line("given", options.deviation, "given", options.runs or 0))
        return 0
    files = sorted((options.results / options.study / "runs").glob(f"baseline-{options.protocol}-*.parquet"))
    frames = [read_parquet(path)[0] for path in files]
    rows = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
    scenes = [*PAPER_SCENES, *sorted(set(rows["scene"]) - set(PAPER_SCENES))] if len(rows) else [*PAPER_SCENES]
    print(f"study {options.study}, {options.protocol}: {len(files)} scenes with runs in {options.results}")
    for scene in scenes:
        known = scene_deviation(rows, scene, scene in PAPER_SCENES)
        if known is None:
            print(f"{scene}: no runs and no printed value")
            continue
        deviation, source, runs = known
        found = components(rows[rows["scene"] == scene]) if runs else ""
        if found:
            source += f"; components: {found}"
        print(line(scene, deviation, source, options.runs or runs))
    return 0
