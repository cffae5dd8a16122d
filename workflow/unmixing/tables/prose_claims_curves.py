"""Rules that the curves of contrastive training and its costs decide."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from unmixing.statistics import mean_interval, paired_comparison
from unmixing.statistics.intervals import MINIMUM_RUNS
from unmixing.tables.contrastive_collapse import ONE_POINT, last_values
from unmixing.tables.contrastive_rows import AS_IT_IS, CONFIGURATIONS, LAMBDA_1, PAPER_CONFIGURATIONS
from unmixing.tables.forms import is_missing
from unmixing.tables.prose_claims_evidence import Evidence, rule
from unmixing.tables.prose_claims_findings import Finding, Measured, Verdict, bounds_of, decide, not_tested, side_of

NO_CURVES = "no curves of contrastive training in this study"
#: From this ratio on a cost counts as more.
MORE = 1.1


def _last(evidence: Evidence, phase: str, settings: Callable[[str], bool], measure: str) -> list[tuple[str, pd.Series]]:
    """Return by scene and group of settings the last value of a measure, indexed by setting and run."""
    curves = evidence.curves
    if curves.empty or measure not in curves:
        return []
    chosen = curves[curves["phase"] == phase]
    known = [name for name in ("described", "released") if name in set(chosen["protocol"])]
    chosen = chosen[chosen["protocol"] == known[0]] if known else chosen
    titles = {str(record["scene"]): str(record["title"]) for record in evidence.scenes}
    found = []
    for scene, part in chosen.groupby("scene"):
        chosen_settings = {str(name): one for name, one in part.groupby("setting") if settings(str(name))}
        last = {name: last_values(one)[measure].dropna() for name, one in chosen_settings.items()}
        kept = {name: values for name, values in last.items() if len(values)}
        if kept:
            found.append((titles.get(str(scene), str(scene)), pd.concat(kept)))
    return found


def _compare_last(title: str, values: pd.Series, first: str, second: str) -> Measured | None:
    """Return the paired difference of a measure between two settings, larger being better."""
    if not {first, second} <= set(values.index.get_level_values(0)):
        return None
    both = pd.concat([values[first], values[second]], axis=1).dropna()
    if both.empty:
        return None
    compared = paired_comparison(both.iloc[:, 0], both.iloc[:, 1])
    low, high = bounds_of(compared.interval)
    side = side_of(low, high, smaller_is_better=False)
    shown = () if compared.interval is not None else tuple((both.iloc[:, 0] - both.iloc[:, 1]).astype(float))
    return Measured(title, side, compared.difference, "cosine", compared.n, low, high, shown)


@rule("views_apart")
def views_apart(evidence: Evidence) -> Finding:
    """Cosine of views of a patch less that of other patches, with and without the contrastive term."""
    found = []
    for title, values in _last(evidence, "contrastive", lambda name: "-" in name, "positive_minus_negative"):
        for name in PAPER_CONFIGURATIONS:
            one = _compare_last(f"{title}, {CONFIGURATIONS[name]}", values, f"{name}-{AS_IT_IS}", f"{name}-{LAMBDA_1}")
            found += [] if one is None else [one]
    lead = "positive less negative cosine, less that of lambda 1: "
    return decide(found, "better", lead=lead) if found else not_tested(NO_CURVES)


@rule("head_separability")
def head_separability(evidence: Evidence) -> Finding:
    """The same with the baseline head and without a head."""
    found = []
    for title, values in _last(evidence, "heads", lambda name: True, "positive_minus_negative"):
        one = _compare_last(title, values, "baseline", "identity")
        found += [] if one is None else [one]
    lead = "positive less negative cosine of embeddings, head less none: "
    return decide(found, "better", lead=lead) if found else not_tested("no curves of projection heads in this study")


@rule("latent_structure")
def latent_structure(evidence: Evidence) -> Finding:
    """How many runs end with embeddings that all point the same way."""
    collapsed, total, words = 0, 0, []
    for title, values in _last(evidence, "contrastive", lambda name: name.endswith(f"-{AS_IT_IS}"), "mean_cosine"):
        for name in PAPER_CONFIGURATIONS:
            own = values[values.index.get_level_values(0) == f"{name}-{AS_IT_IS}"]
            if len(own):
                here = int((own > ONE_POINT).sum())
                collapsed, total = collapsed + here, total + len(own)
                words.append(f"{title}, {CONFIGURATIONS[name]} {here} of {len(own)} (mean cosine {own.mean():.3f})")
    if not total:
        return not_tested(NO_CURVES)
    verdict: Verdict = "contradicted" if 2 * collapsed > total and total >= MINIMUM_RUNS else "inconclusive"
    text = f"runs whose embeddings all point one way (mean cosine above {ONE_POINT}): {'; '.join(words)}"
    return Finding(verdict, text, float(collapsed), f"of {total}", total)


@rule("falls_fast")
def falls_fast(evidence: Evidence) -> Finding:
    """The share of the whole decline of the reconstruction angle that falls into the first fifth of the epochs."""
    curves, shares = evidence.curves, []
    if curves.empty or "sad" not in curves:
        return not_tested(NO_CURVES)
    for _, part in curves[curves["phase"] == "contrastive"].groupby(["protocol", "scene", "setting", "run"]):
        values = part.sort_values("epoch")["sad"].dropna().to_numpy(np.float64)
        if len(values) >= 10 and values[0] > values[-1]:
            shares.append((values[0] - values[(len(values) - 1) // 5]) / (values[0] - values[-1]))
    if len(shares) < 5:
        return not_tested(f"{NO_CURVES} with ten epochs or more")
    interval = mean_interval(np.array(shares))
    assert interval is not None
    text = f"{100 * interval.estimate:.0f} % of the decline falls into the first fifth of the epochs (mean of all runs)"
    verdict: Verdict = "holds" if interval.low > 0.5 else "contradicted" if interval.high < 0.5 else "inconclusive"
    return Finding(verdict, text, interval.estimate, "share", len(shares), interval.low, interval.high)


def _ratios(evidence: Evidence, column: str) -> list[tuple[str, float, int]]:
    frame = evidence.cost
    chosen = frame[(frame["variant"] == AS_IT_IS) & frame[column].notna()] if len(frame) else frame
    return [
        (f"{row['title']}, {row['configuration_title']}", float(row[column]), int(row["runs"]))
        for row in chosen.to_dict("records")
        if not is_missing(row["runs"])
    ]


def _costs_more(evidence: Evidence, column: str, what: str) -> Finding:
    found = _ratios(evidence, column)
    if not found:
        return not_tested(f"no runs of both kinds with their {what} in this study")
    words = "; ".join(f"{place} {ratio:.2f} times (n = {count})" for place, ratio, count in found)
    ratios = [ratio for _, ratio, _ in found]
    verdict: Verdict = "not borne out"
    if min(count for _, _, count in found) < MINIMUM_RUNS:
        verdict = "inconclusive"
    elif min(ratios) >= MORE:
        verdict = "holds"
    elif max(ratios) <= 1 / MORE:
        verdict = "contradicted"
    text = f"{what} against the baseline, more from {MORE} times on, medians on this machine, no interval: {words}"
    return Finding(verdict, text, float(np.median(ratios)), "times", sum(count for _, _, count in found))


@rule("time_ratio")
def time_ratio(evidence: Evidence) -> Finding:
    """Seconds at equal patch pixels, contrastive training against the baseline."""
    return _costs_more(evidence, "pixel_ratio", "time")


@rule("memory_ratio")
def memory_ratio(evidence: Evidence) -> Finding:
    """Peak memory, contrastive training against the baseline."""
    return _costs_more(evidence, "memory_ratio", "memory")
