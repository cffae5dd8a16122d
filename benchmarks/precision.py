"""Is training in bfloat16 equivalent to float32? Runs of two studies, paired by their index.

    make study STUDY=precision_float32 TARGET=table3
    make study STUDY=precision_bfloat16 TARGET=table3
    .venv/bin/python benchmarks/precision.py results/precision_float32 results/precision_bfloat16

A run's score is the mean over its endmembers of the spectral angle distance, averaged over the last 20 epochs: the last
epoch alone wanders more than any difference that is looked for. Runs of one index share initial weights, patches, order
and dropout. Equivalent means that the 90 % interval of the paired difference lies within +-.005 rad.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from unmixing.errors import UnmixingError
from unmixing.statistics import equivalence, equivalence_pairs_needed, paired_comparison
from unmixing.store import read_parquet, write_json

MARGIN = 0.005


def scores(study: Path) -> pd.DataFrame:
    """Return one row for each scene and run: the score, and which precision it is of."""
    files = sorted((study / "runs").glob("baseline-described-*.parquet"))
    if not files:
        raise UnmixingError(f"{study}/runs holds no baseline rows: run the study first")
    rows = pd.concat([read_parquet(path)[0] for path in files])
    return (
        rows.groupby(["scene", "precision", "run"])
        .agg(score=("sad_late_mean_rad", "mean"), last=("sad_rad", "mean"), epochs=("epochs", "max"))
        .reset_index()
    )


def compare(first: pd.DataFrame, second: pd.DataFrame, scene: str) -> dict[str, object]:
    """Return the verdict on one scene, with all that it rests on."""
    sides = [frame[frame["scene"] == scene].set_index("run") for frame in (first, second)]
    pairs = sides[0].merge(sides[1], left_index=True, right_index=True, suffixes=("_first", "_second")).dropna()
    difference = (pairs["score_second"] - pairs["score_first"]).to_numpy(np.float64)
    found = paired_comparison(pairs["score_second"].to_numpy(np.float64), pairs["score_first"].to_numpy(np.float64))
    verdict, narrow = equivalence(difference, MARGIN)
    spread = float(difference.std(ddof=1))
    return {
        "scene": scene,
        "epochs": int(pairs["epochs_first"].max()),
        "pairs": len(pairs),
        "float32": float(pairs["score_first"].mean()),
        "bfloat16": float(pairs["score_second"].mean()),
        "difference": float(difference.mean()),
        "interval_90": None if narrow is None else [narrow.low, narrow.high],
        "margin": MARGIN,
        "verdict": verdict,
        "deviation_of_differences": spread,
        "correlation": found.correlation,
        # The differences are the sample: a deviation of s / sqrt(2) for each side, uncorrelated, gives theirs.
        "pairs_needed": equivalence_pairs_needed(MARGIN, spread / 2**0.5),
        "differences": difference.tolist(),
        "last_epoch_difference": float((pairs["last_second"] - pairs["last_first"]).mean()),
    }


def main() -> None:
    """Compare, print and write ``results/benchmarks/precision.json``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("float32", type=Path, help="results folder of the study in float32")
    parser.add_argument("bfloat16", type=Path, help="results folder of the study in bfloat16")
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/precision.json"))
    options = parser.parse_args()
    first, second = scores(options.float32), scores(options.bfloat16)
    for frame, precision in ((first, "float32"), (second, "bfloat16")):
        if set(frame["precision"]) != {precision}:
            raise SystemExit(f"the rows are of {set(frame['precision'])}, not of {precision}: mind the order")
    records = [compare(first, second, scene) for scene in sorted(set(first["scene"]) & set(second["scene"]))]
    write_json(options.output, records)
    for record in records:
        print(
            f"{record['scene']}: {record['verdict']}; bfloat16 minus float32 {record['difference']:+.4f} rad, "
            f"90 % interval {record['interval_90']}, {record['pairs']} pairs of {record['epochs']} epochs; "
            f"{record['pairs_needed']} pairs would show equivalence within {MARGIN} rad with power .8"
        )


if __name__ == "__main__":
    main()
