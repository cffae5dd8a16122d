"""Whether trainings as released rank sixteen configurations as the published sheet does, beside their own seeds."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from unmixing.published.released_grid import FACTORS, agreement_points
from unmixing.tables.contrastive_rows import (
    AGREEMENT,
    contrastive,
    describe_runs,
    parts,
    phase_runs,
    phase_scale,
    run_table,
)
from unmixing.tables.contrastive_trials import describe_point
from unmixing.tables.forms import Column
from unmixing.tables.run_rows import typed_frame
from unmixing.tables.scene_rows import common_of, scenes_to_show
from unmixing.tables.writing import Table

Matrix = NDArray[np.float64]

#: The scene whose published ranks are compared.
SCENE = "samson"
#: Fewer configurations have no correlation worth an interval.
FEWEST = 5
RESAMPLES = 4_999
LEVEL = 0.95

NO_AGREEMENT = (
    "no finished runs of the comparison of ranks: name samson under `contrastive: agreement: scenes`, with the "
    "protocol released among those of the study"
)

COLUMNS = [
    Column("title", "Scene"),
    Column("protocol", "Protocol"),
    Column("what", "Configuration"),
    Column("released_rank", "Published rank", "count", help="of 1,280, by SAD on this scene"),
    Column("released_sad", "Published SAD", "angle", "rad", help="one run with seed 42"),
    Column("sad_mean", "Ours: SAD", "angle", "rad", help="mean over our seeds"),
    Column("run_mean_sd", "SD of run means", "angle", "rad"),
    Column("run_values", "Our runs", help="SAD of each, in order of run"),
    Column("runs", "n", "count", help="our runs, diverged ones included"),
    Column("published_place", "Published place", "count", help="among those compared, 1: lowest SAD"),
    Column("our_place", "Our place", "count", help="by our mean"),
    Column("correlation", "Rank correlation", "number", help="Spearman: our means with the published values"),
    Column(
        "correlation_low",
        "Its 95 % interval",
        "interval",
        help="BCa bootstrap over configurations",
        extra=("correlation_high", "correlation_values"),
    ),
    Column("ceiling", "Ceiling", "number", help="Spearman: one of our seeds with the mean of the others"),
    Column("ceiling_low", "Its 95 % interval", "interval", extra=("ceiling_high", "ceiling_values")),
    Column("seed_to_seed", "Seed to seed", "number", help="Spearman: one of our seeds with another, mean over pairs"),
    Column("shortfall", "Correlation − ceiling", "number"),
    Column("shortfall_low", "Its 95 % interval", "interval", extra=("shortfall_high", "shortfall_values")),
    Column(
        "disattenuated", "Disattenuated", "number", help="correlation freed from the scatter of runs, see the notes"
    ),
    Column("verdict", "Verdict", "prose"),
    Column("reason", "Reason", "prose"),
]

NOTES = [
    "Sixteen configurations of the released grid (generalized loss, patches of 8 to 32), one from the middle of each "
    "of sixteen equal strata of the published SAD on Samson, trained as released but with seeds of their own. Spread "
    "over the whole range of ranks they agree more easily than neighbours would.",
    "Ceiling: the published value is one run; so is each of our seeds. Where the sheet were one more seed of ours, the "
    "correlation would be that of one seed with the mean of the rest, here of one less than ours has.",
    "Intervals: bias-corrected and accelerated bootstrap over the configurations; correlation, ceiling and their "
    "difference are of the same samples. With 16 configurations they are wide.",
    "Disattenuated: the correlation divided by the root of the product of both reliabilities, that of one run (seed to "
    "seed) and that of our mean (Spearman-Brown). Above 1 is possible by chance; empty where seeds do not agree.",
]


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Table:
    """Build the table of agreement.

    Args:
        rows: Run rows of the phase contrastive, possibly with those of others; possibly empty.
        scenes: Availability records of all scenes.
        scale: By scene; the key ``contrastive`` holds the planned scale of the phase.
        provenance: Commit, versions, input checksums.

    Returns:
        For each protocol one row of the comparison and one for each configuration; without runs one row that says
        why.
    """
    shown = [scene for scene in scenes_to_show(scenes) if scene.scene == SCENE]
    chosen = contrastive(rows, group=AGREEMENT)
    records: list[dict[str, Any]] = []
    for scene, protocol, part in parts(chosen, shown):
        common = common_of(scene, protocol)
        if part.empty:
            records.append(common | {"what": "all", "reason": scene.reason or NO_AGREEMENT})
        else:
            records += [common | record for record in _of_part(part)]
    leading = ["scene", "correlation_values", "ceiling_values", "shortfall_values"]
    return Table(
        name="table_contrastive_agreement",
        title="Rank agreement with the published sheet, and its ceiling",
        caption="Whether trainings as released rank sixteen configurations on Samson as the published sheet does, "
        "beside how far our own seeds agree with each other; SAD in radians.",
        frame=typed_frame(records, leading, COLUMNS),
        columns=COLUMNS,
        notes=NOTES,
        scale=phase_scale(shown, scale),
        n=phase_runs(chosen, shown),
        provenance=provenance,
    )


def _of_part(part: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the row of the comparison and those of the configurations of one protocol."""
    runs, points = run_table(part), agreement_points()
    records, known = [], {}
    for place, point in enumerate(points.to_dict("records")):
        values = {str(key): value for key, value in point.items()}
        same = np.logical_and.reduce([np.isclose(runs[name].astype(float), values[name]) for name in FACTORS])
        own = runs[same & (runs["loss"] == "generalized").to_numpy()]
        record: dict[str, Any] = {
            "what": describe_point({"loss": "generalized", **values}),
            "released_rank": values["released_rank"],
            "released_sad": values["released_sad"],
        }
        if own.empty:
            record["reason"] = "no runs of this configuration in this study"
        else:
            record |= describe_runs(part[part["setting"].isin(own["setting"])])
            usable = own.dropna(subset=["sad_rad"]).set_index("run")["sad_rad"]
            record["run_values"] = ", ".join(f"{value:.4f}" for value in usable) or None
            known[place] = usable
        records.append(record)
    # Configurations with all the seeds that the others have; a diverged run takes its configuration out.
    matrix = pd.DataFrame(known).T.dropna() if known else pd.DataFrame()
    kept = list(matrix.index)
    for name, source in (("published_place", "released_sad"), ("our_place", "sad_mean")):
        ranked = pd.Series({place: records[place][source] for place in kept}, dtype=float).rank(method="first")
        for place in kept:
            records[place][name] = int(ranked[place])
    published = points["released_sad"].to_numpy(np.float64)[kept]
    summary: dict[str, Any] = {"what": f"all: {len(kept)} of {len(points)} compared", "runs": matrix.shape[1]}
    if len(kept) < FEWEST:
        summary["reason"] = f"fewer than {FEWEST} configurations have numbers: nothing is compared"
    else:
        summary |= compare_ranks(published, matrix.to_numpy(np.float64))
    return [summary, *records]


def spearman(first: Matrix, second: Matrix) -> Matrix:
    """Spearman's rank correlation along the last axis, ties given their mean rank; NaN where a side does not vary.

    Args:
        first: (..., n).
        second: (..., n).
    """
    from scipy import stats

    one, other = (stats.rankdata(values, axis=-1) for values in (first, second))
    one, other = (values - values.mean(axis=-1, keepdims=True) for values in (one, other))
    size = np.sqrt((one**2).sum(axis=-1) * (other**2).sum(axis=-1))
    return np.asarray(np.divide((one * other).sum(axis=-1), size, out=np.full(size.shape, np.nan), where=size > 0))


def ceiling(seeds: Matrix) -> Matrix:
    """Correlation of one seed with the mean of the others, mean over seeds; (..., n, seeds) to (...)."""
    count = seeds.shape[-1]
    total = seeds.sum(axis=-1)
    found = [spearman(seeds[..., seed], (total - seeds[..., seed]) / (count - 1)) for seed in range(count)]
    return np.asarray(np.mean(found, axis=0))


def compare_ranks(published: Matrix, seeds: Matrix) -> dict[str, Any]:
    """Compare the published ranks with ours, beside how our seeds agree.

    Args:
        published: (n,), SAD in radians.
        seeds: (n, seeds), ours.

    Returns:
        ``correlation``, with two seeds or more ``ceiling``, ``seed_to_seed``, ``shortfall`` and, where seeds agree,
        ``disattenuated``; intervals under ``{name}_low`` and ``{name}_high``; ``verdict``.
    """
    means, count = seeds.mean(axis=1), seeds.shape[1]
    record: dict[str, Any] = {"correlation": float(spearman(means, published))}

    def correlated(chosen: NDArray[np.intp]) -> Matrix:
        return spearman(means[chosen], published[chosen])

    record |= _bounds("correlation", len(means), correlated)
    if count > 1:
        pairs = [float(spearman(seeds[:, one], seeds[:, other])) for one, other in combinations(range(count), 2)]
        single = float(np.mean(pairs))
        record |= {"ceiling": float(ceiling(seeds)), "seed_to_seed": single}
        record["shortfall"] = record["correlation"] - record["ceiling"]
        record |= _bounds("ceiling", len(means), lambda chosen: ceiling(seeds[chosen]))
        record |= _bounds("shortfall", len(means), lambda chosen: correlated(chosen) - ceiling(seeds[chosen]))
        if single > 0:
            together = count * single / (1 + (count - 1) * single)
            record["disattenuated"] = record["correlation"] / float(np.sqrt(single * together))
    return record | {"verdict": verdict(record)}


def _bounds(name: str, n: int, statistic: Callable[[NDArray[np.intp]], Matrix]) -> dict[str, float]:
    """Return the BCa bounds of a statistic of chosen configurations; none where they are undefined."""
    from scipy import stats

    def of_places(places: NDArray[np.float64], axis: int = -1) -> Matrix:
        # The bootstrap draws places; each sample is a set of configurations with all that belongs to them.
        return statistic(np.moveaxis(places, axis, -1).astype(np.intp))

    with warnings.catch_warnings():
        # Undefined bounds come back as NaN and are handled here.
        warnings.simplefilter("ignore")
        found = stats.bootstrap(
            (np.arange(n),),
            of_places,
            confidence_level=LEVEL,
            n_resamples=RESAMPLES,
            method="BCa",
            rng=np.random.default_rng(0),
        ).confidence_interval
    low, high = float(found.low), float(found.high)
    return {f"{name}_low": low, f"{name}_high": high} if np.isfinite([low, high]).all() else {}


def verdict(record: Mapping[str, Any]) -> str:
    """Return in words whether the ranks agree, and whether as well as seeds of ours do."""
    low, high = record.get("correlation_low"), record.get("correlation_high")
    if low is None or high is None:
        agree = "no interval: the agreement cannot be judged"
    elif low > 0:
        agree = "ranks agree with the published sheet"
    elif high < 0:
        agree = "ranks run against the published sheet"
    else:
        agree = "inconclusive: no agreement shown, and none excluded"
    below, above = record.get("shortfall_low"), record.get("shortfall_high")
    if below is None or above is None:
        return agree
    if above < 0:
        return f"{agree}; less than our seeds agree with each other"
    if below > 0:
        return f"{agree}; more than our seeds agree with each other"
    return f"{agree}; not distinguishable from how far our seeds agree with each other"
