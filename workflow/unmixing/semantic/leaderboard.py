"""Does language know spectra? A leaderboard of text encoders on names that were held out, without any unmixing.

From the vectors of names the shapes of spectra are learned by ridge regression, whole groups of names (a family of
minerals, all conifers) left out in turn. A vector that carries knowledge of the material lets the left-out spectrum be
predicted better than by

* ``ngrams``: the spelling alone, which names many minerals by family;
* ``permuted``: the same vectors with the names shuffled among them, several times;
* ``random``: a direction of its own for each name, several times;
* ``none``: no name at all, the mean spectrum of the other groups;

and ``both``, spelling and text together, must beat spelling. An encoder joins by an anchor store (``anchor_store``):
no encoder is loaded here. Differences are paired by name and their intervals drawn over groups.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from unmixing.errors import UnmixingError
from unmixing.semantic.anchor_store import AnchorStore
from unmixing.semantic.anchors import text_anchors
from unmixing.semantic.cluster_intervals import cluster_interval, cluster_sums, ratio
from unmixing.semantic.name_regression import identification, left_out_mean, predict_left_out
from unmixing.semantic.named_spectra import SUBSETS, NamedSpectra, subset_rows
from unmixing.semantic.ngrams import ngram_vectors, random_vectors
from unmixing.semantic.text import unit_rows
from unmixing.statistics.intervals import Interval

Array = npt.NDArray[np.float64]

SEEDS = 5
#: Fewer names than this decide nothing.
FEWEST_NAMES = 60
#: Measures, and whether a larger value is better.
MEASURES: Mapping[str, bool] = {"sad_rad": False, "identification": True}
#: Measures that are told: beside those of the verdict the identification among names of the same kind, which says
#: whether more than the kind was predicted.
TOLD: Mapping[str, bool] = {**MEASURES, "within_kind": True}
#: Arms that a claim must beat, in the order of the table.
CONTROLS = ("ngrams", "permuted", "none")
TITLES: Mapping[str, str] = {
    "text": "text",
    "both": "n-grams + text",
    "ngrams": "character n-grams",
    "permuted": "text, names permuted",
    "random": "random direction for each name",
    "none": "no name",
}


@dataclass(frozen=True)
class _Entry:
    """One fit: an arm of an encoder ("" for arms that all encoders share) and its seed."""

    arm: str
    encoder: str
    seed: int
    kernel: Array | None


def run_leaderboard(
    named: NamedSpectra,
    stores: Sequence[AnchorStore],
    *,
    seeds: int = SEEDS,
    entropy: int = 0,
) -> pd.DataFrame:
    """Predict each name's spectrum from the names of other groups, for all encoders and controls.

    Args:
        named: names with spectra and groups.
        stores: one for each encoder; each must hold all names.
        seeds: number of draws of the random arms, at least 5.
        entropy: of these draws.

    Returns:
        One row for each arm, encoder, seed and name: ``arm``, ``encoder`` ("" where shared), ``seed`` (0 for arms that
        draw nothing), ``name``, ``kind``, ``group``, ``source``, ``sad_rad`` (angle of the predicted spectrum to the
        right one), ``identification`` (share of the other names' spectra that lie further from the prediction, .5 by
        chance) and ``within_kind`` (the same among names of its kind; NaN for the only one).

    Raises:
        UnmixingError: there are fewer than 5 seeds, two encoders have one label, or a store lacks a name.
    """
    if seeds < SEEDS:
        raise UnmixingError(f"{seeds} draws of the random arms: give at least {SEEDS}")
    labels = [store.label for store in stores]
    if len(set(labels)) < len(labels):
        raise UnmixingError("two anchor stores have the same label: give each encoder once")
    left_out = np.asarray(named.table["group"])
    facts = named.table[["name", "kind", "group", "source"]]
    parts = []
    for entry in _entries(named.names, stores, seeds, entropy):
        if entry.kernel is None:
            predicted = left_out_mean(named.shapes, left_out)
        else:
            predicted = predict_left_out(entry.kernel, named.shapes, left_out).shapes
        sad, found = identification(predicted, named.shapes)
        _, within = identification(predicted, named.shapes, facts["kind"].to_numpy())
        part = facts.assign(sad_rad=sad, identification=found, within_kind=within)
        part.insert(0, "seed", entry.seed)
        part.insert(0, "encoder", entry.encoder)
        part.insert(0, "arm", entry.arm)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def leaderboard(scores: pd.DataFrame) -> pd.DataFrame:
    """Average the scores of each arm over names, for all names and by kind.

    Args:
        scores: of ``run_leaderboard``.

    Returns:
        One row for each subset of names (``SUBSETS``), encoder and arm: ``names``, ``groups``, ``seeds``, and for each
        measure its mean with the ends of the 95 % interval over groups (``sad_rad``, ``sad_rad_low``, ...).
    """
    rows = []
    for subset in SUBSETS:
        for (arm, encoder), part in _arms(scores):
            chosen = part.iloc[subset_rows(part, subset)]
            if chosen.empty:
                continue
            record: dict[str, Any] = {"subset": subset, "encoder": encoder, "arm": arm} | _sizes(chosen)
            for measure in TOLD:
                record |= _described(measure, chosen[measure].to_numpy(np.float64), chosen["group"])
            rows.append(record)
    return pd.DataFrame(rows)


def compare_arms(scores: pd.DataFrame) -> pd.DataFrame:
    """Compare text with each control, and spelling with and without text, name by name.

    Args:
        scores: of ``run_leaderboard``.

    Returns:
        One row for each subset, encoder, pair of arms and measure: ``first``, ``second``, ``measure``, ``difference``
        (first minus second, mean over names of what is left after averaging over seeds), ``low``, ``high`` (95 %, over
        groups; missing below five), ``method``, ``names``, ``groups``, ``seeds`` (of the control) and ``better``:
        first, second, or neither where the interval holds zero or is missing.
    """
    table = dict(_arms(scores))
    rows = []
    for encoder in sorted({encoder for _, encoder in table if encoder}):
        pairs = [("text", control) for control in (*CONTROLS, "random")] + [("both", "ngrams")]
        for first, second in pairs:
            one = table[first, encoder]
            other = table.get((second, encoder), table.get((second, "")))
            assert other is not None  # all arms are made together
            for subset in SUBSETS:
                places = subset_rows(one, subset)
                if not places.size:
                    continue
                sizes = _sizes(one.iloc[places]) | {"seeds": int(other["seeds"].iloc[0])}
                for measure, larger in TOLD.items():
                    difference = (one[measure] - other[measure]).to_numpy(np.float64)[places]
                    found = _interval(difference, one["group"].iloc[places])
                    low, high = (found.low, found.high) if found else (np.nan, np.nan)
                    up, down = ("first", "second") if larger else ("second", "first")
                    rows.append(
                        {
                            "subset": subset,
                            "encoder": encoder,
                            "first": first,
                            "second": second,
                            "measure": measure,
                            "difference": float(np.nanmean(difference)) if np.isfinite(difference).any() else np.nan,
                            "low": low,
                            "high": high,
                            "method": found.method if found else "",
                            **sizes,
                            "better": up if low > 0 else down if high < 0 else "neither",
                        }
                    )
    return pd.DataFrame(rows)


def judge(comparisons: pd.DataFrame, fewest: int = FEWEST_NAMES) -> pd.DataFrame:
    """Say in words what the comparisons show.

    Language helps where text beats n-grams, permuted text and no name, and adds to n-grams, by both measures; it helps
    in part where it only beats them. Everything else is no evidence that it does.

    Args:
        comparisons: of ``compare_arms``.
        fewest: names below which nothing is said.

    Returns:
        One row for each subset and encoder: ``names``, ``groups`` and ``verdict``.
    """
    rows = []
    for (subset, encoder), part in comparisons.groupby(["subset", "encoder"], sort=False):
        better = {
            (str(row.first), str(row.second), str(row.measure)): str(row.better) for row in part.itertuples(index=False)
        }
        names = int(part["names"].iloc[0])
        rows.append(
            {
                "subset": subset,
                "encoder": encoder,
                "names": names,
                "groups": int(part["groups"].iloc[0]),
                "verdict": _verdict(better) if names >= fewest else f"too few names to judge (below {fewest})",
            }
        )
    return pd.DataFrame(rows)


def _verdict(better: Mapping[tuple[str, str, str], str]) -> str:
    words = {"sad_rad": "angle", "identification": "identification"}
    controls = {"ngrams": "n-grams", "permuted": "permuted text", "none": "no name"}

    def wins(first: str, second: str, side: str = "first") -> list[str]:
        return [measure for measure in MEASURES if better[first, second, measure] == side]

    every = list(MEASURES)
    beaten = {control: wins("text", control) for control in CONTROLS}
    adds = wins("both", "ngrams")
    if wins("text", "ngrams", "second"):
        return "language does not help: worse than spelling alone (n-grams)"
    if all(beaten[control] == every for control in CONTROLS):
        found = "better than n-grams, permuted text and no name by both measures"
        if adds == every:
            return f"language helps: {found}"
        added = f"adds to n-grams by {words[adds[0]]} alone" if adds else "does not add to n-grams"
        return f"language helps in part: {found}, but {added}"
    if not beaten["ngrams"]:
        if all(beaten[control] for control in ("permuted", "none")):
            return "language does not help: names carry something, but no more than their spelling does"
        return "language does not help: no better than spelling (n-grams)"
    lacking = [
        f"{controls[control]} by {' and '.join(words[measure] for measure in every if measure not in beaten[control])}"
        for control in CONTROLS
        if beaten[control] != every
    ]
    return f"not shown: better than n-grams in part, but not than {', nor '.join(lacking)}"


def _entries(names: list[str], stores: Sequence[AnchorStore], seeds: int, entropy: int) -> Iterator[_Entry]:
    spelling = _kernel(unit_rows(ngram_vectors(names), names))
    yield _Entry("none", "", 0, None)
    yield _Entry("ngrams", "", 0, spelling)
    for seed in range(seeds):
        yield _Entry("random", "", seed, _kernel(unit_rows(random_vectors(names, seed=entropy + seed), names)))
    for store in stores:
        text = _kernel(text_anchors(store, names))
        yield _Entry("text", store.label, 0, text)
        yield _Entry("both", store.label, 0, (text + spelling) / 2)
        for seed, stream in enumerate(np.random.SeedSequence(entropy).spawn(seeds)):
            order = _without_fixed_points(len(names), np.random.default_rng(stream))
            yield _Entry("permuted", store.label, seed, text[np.ix_(order, order)])


def _without_fixed_points(count: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    cycle = rng.permutation(count)
    order = np.empty(count, dtype=np.intp)
    order[cycle] = np.roll(cycle, 1)
    return order


def _kernel(vectors: npt.ArrayLike) -> Array:
    exact = np.asarray(vectors, np.float64)
    return np.asarray(exact @ exact.T, np.float64)


def _arms(scores: pd.DataFrame) -> Iterator[tuple[tuple[str, str], pd.DataFrame]]:
    """Yield each arm with one row for each name, its measures averaged over seeds."""
    for (arm, encoder), part in scores.groupby(["arm", "encoder"], sort=False):
        facts = part.drop_duplicates("name").set_index("name")[["kind", "group"]]
        means = part.groupby("name")[list(TOLD)].mean().loc[facts.index]
        yield (str(arm), str(encoder)), facts.join(means).assign(seeds=part["seed"].nunique())


def _sizes(rows: pd.DataFrame) -> dict[str, int]:
    return {"names": len(rows), "groups": int(rows["group"].nunique()), "seeds": int(rows["seeds"].iloc[0])}


def _interval(values: Array, groups: "pd.Series[str]") -> Interval | None:
    known = np.isfinite(values)
    if not known.any():
        return None
    sums = cluster_sums(np.column_stack([values, np.ones(len(values))])[known], groups.to_numpy()[known])
    return cluster_interval(sums, ratio)


def _described(measure: str, values: Array, groups: "pd.Series[str]") -> dict[str, float]:
    found = _interval(values, groups)
    low, high = (found.low, found.high) if found else (np.nan, np.nan)
    mean = float(np.nanmean(values)) if np.isfinite(values).any() else np.nan
    return {measure: mean, f"{measure}_low": low, f"{measure}_high": high}
