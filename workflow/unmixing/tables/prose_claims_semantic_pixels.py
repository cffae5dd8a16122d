"""Rules on the second paper that the experiments mixtures and fairness decide, on generated pixels.

All methods of a draw saw the same pixels, so that differences are paired by draw. Two errors count as equal within
``labels.MARGIN``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from unmixing.semantic.experiments import labels
from unmixing.statistics import equivalence, paired_comparison
from unmixing.tables.prose_claims_evidence import Evidence, Rule, rule
from unmixing.tables.prose_claims_findings import (
    Finding,
    Measured,
    Need,
    beyond,
    bounds_of,
    decide,
    not_tested,
    said,
    side_of,
)

ARMSE = "aRMSE"

Compute = Callable[[pd.DataFrame], Finding | None]


def absent(part: str) -> Finding:
    """Return the finding of a claim whose experiment this study leaves out."""
    return not_tested(f"the experiment {part} is not part of this study")


def by_draw(frame: pd.DataFrame, metric: str = "armse", **where: object) -> pd.Series[float]:
    """Return the values of one metric of the rows that some columns select, by draw."""
    chosen = frame[(frame["metric"] == metric) & frame["value"].notna()]
    for column, value in where.items():
        chosen = chosen[chosen[column] == value]
    return chosen.groupby("draw")["value"].mean()


def difference(
    place: str,
    first: pd.Series[float],
    second: pd.Series[float],
    *,
    smaller_is_better: bool = True,
    margin: float | None = None,
) -> Measured | None:
    """Return first less second, paired by draw; None without common draws.

    Args:
        place: What is compared.
        first: Values by draw.
        second: Likewise.
        smaller_is_better: Whether a negative difference is the better one.
        margin: Within this the two are the same; None for no such bound.
    """
    both = pd.concat([first, second], axis=1).dropna()
    if both.empty:
        return None
    compared = paired_comparison(both.iloc[:, 0], both.iloc[:, 1])
    values = (both.iloc[:, 0] - both.iloc[:, 1]).to_numpy(np.float64)
    low, high = bounds_of(compared.interval)
    side = side_of(low, high, smaller_is_better)
    if margin is not None and equivalence(values, margin)[0] == "equivalent":
        side = "same"
    shown = tuple(values) if compared.interval is None else ()
    return Measured(place, side, compared.difference, ARMSE, compared.n, low, high, shown)


def unchanged(place: str, first: pd.Series[float], second: pd.Series[float]) -> Measured | None:
    """Return first less second, paired by draw, which must be none within ``labels.MARGIN``."""
    one = difference(place, first, second)
    return None if one is None else replace(one, side=beyond((one.low, one.high), labels.MARGIN))


def decide_known(found: Sequence[Measured | None], claim: str, lead: str, need: Need = "overall") -> Finding | None:
    """Decide a claim by the numbers that are there, as ``decide`` does; None without any."""
    known = [one for one in found if one is not None]
    return decide(known, claim, need, lead) if known else None


def of_experiment(part: str) -> Callable[[Compute], Rule]:
    """Make a rule of what is computed from the rows of one experiment.

    The rule says so where the experiment, or what is needed of it, is missing.
    """

    def of(compute: Compute) -> Rule:
        def decides(evidence: Evidence) -> Finding:
            frame = evidence.part(part)
            if frame is None:
                return absent(part)
            found = compute(frame)
            return not_tested(f"the experiment {part} was run without what decides this") if found is None else found

        return decides

    return of


@rule("paraphrases")
@of_experiment("mixtures")
def paraphrases(frame: pd.DataFrame) -> Finding | None:
    """Unseen wordings less trained ones."""
    told = by_draw(frame, protocol="ZS-b", setting="unseen wordings", method=labels.MODEL)
    known = by_draw(frame, protocol="ZS-b", setting="trained wordings", method=labels.MODEL)
    one = unchanged("generated pixels", told, known)
    return decide_known([one], "same", f"aRMSE with unseen wordings less trained ones, equal within {labels.MARGIN}: ")


@rule("prior_helps")
@of_experiment("mixtures")
def prior_helps(frame: pd.DataFrame) -> Finding | None:
    """The model less itself without its prior, on unseen spectra."""
    found = []
    for setting in dict.fromkeys(frame.loc[frame["protocol"] == "ZS-a", "setting"]):
        own = by_draw(frame, protocol="ZS-a", setting=setting, method=labels.MODEL)
        without = by_draw(frame, protocol="ZS-a", setting=setting, method=labels.NO_PRIOR)
        found.append(difference(str(setting), own, without, margin=labels.MARGIN))
    return decide_known(found, "better", "aRMSE with the prior less without: ")


@rule("universal_encoder")
@of_experiment("mixtures")
def universal_encoder(frame: pd.DataFrame) -> Finding | None:
    """The model trained further on a sensor less the shipped one."""
    found = []
    rows = frame[(frame["protocol"] == "ZS-c") & (frame["method"] == labels.RETRAINED)]
    for setting in dict.fromkeys(rows["setting"]):
        again = by_draw(frame, protocol="ZS-c", setting=setting, method=labels.RETRAINED)
        shipped = by_draw(frame, protocol="ZS-c", setting=setting, method=labels.MODEL)
        found.append(difference(str(setting), again, shipped, margin=labels.MARGIN))
    return decide_known(found, "better", "aRMSE trained further on the sensor less as shipped: ", "all")


@rule("decoder_nonlinear")
@of_experiment("mixtures")
def decoder_nonlinear(frame: pd.DataFrame) -> Finding | None:
    """What decoded spectra gain on class means, under the strongest scattering less the weakest."""
    rows = frame[frame["protocol"] == "bilinear"]
    if rows.empty:
        return None
    gains = {}
    for number in (rows["number"].min(), rows["number"].max()):
        place = {"protocol": "bilinear", "number": number}
        decoded = by_draw(frame, method=labels.DECODED, **place)
        gains[number] = decoded - by_draw(frame, method=labels.SCLS, **place)
    weakest, strongest = gains[rows["number"].min()], gains[rows["number"].max()]
    one = difference(f"strength {rows['number'].max():g}", strongest, weakest, margin=labels.MARGIN)
    lead = "what decoded spectra gain on class means under scattering, less what they gain without it: "
    return decide_known([one], "better", lead)


@rule("spelling_and_language")
@of_experiment("fairness")
def spelling_and_language(frame: pd.DataFrame) -> Finding | None:
    """Foreign words' own vectors less translated prompts."""
    spoken = frame[frame["aspect"] == "language"]
    found = [
        difference(
            str(language),
            by_draw(spoken, group=language, method=labels.RAW),
            by_draw(spoken, group=language, method=labels.RESOLVED),
            margin=labels.MARGIN,
        )
        for language in dict.fromkeys(spoken["group"])
        if language != "en"
    ]
    return decide_known(found, "worse", "aRMSE with the foreign words' own vectors less that of translated prompts: ")


@rule("rare_materials")
@of_experiment("fairness")
def rare_materials(frame: pd.DataFrame) -> Finding | None:
    """Recall by class; how often a class stands in training texts is not known."""
    rows = frame[(frame["aspect"] == "class") & (frame["method"] == labels.MODEL) & (frame["metric"] == "recall")]
    recall = rows.dropna(subset=["value"]).groupby("group")["value"].mean().sort_values()
    if recall.empty:
        return None
    text = (
        "how often a material stands in a training text is not known; recall of the pixels that a class dominates: "
        f"{'; '.join(f'{name} {value:.2f}' for name, value in recall.items())}"
    )
    gap = float(recall.iloc[-1] - recall.iloc[0])
    return Finding("not tested", text, gap, "largest gap", int(rows["draw"].nunique()))


@rule("fairness")
@of_experiment("fairness")
def fairness(frame: pd.DataFrame) -> Finding | None:
    """How often held-out soils are called soil, by region."""
    rows = frame[(frame["aspect"] == "region") & (frame["method"] == labels.MODEL) & (frame["metric"] == "called soil")]
    rows = rows.dropna(subset=["value", "low", "high"]).sort_values("value")
    if len(rows) < 2:
        return None
    worst, best = rows.iloc[0], rows.iloc[-1]
    apart = bool(worst["high"] < best["low"])
    words = "; ".join(
        f"{row.group} {row.value:.2f} [{row.low:.2f}, {row.high:.2f}] (n = {row.n}, {row.clusters} sites)"
        for row in rows.itertuples()
    )
    verdict = said(True) if apart else "inconclusive"
    text = f"share of held-out soils that are called soil, by region, intervals over sites: {words}"
    return Finding(verdict, text, float(best["value"] - worst["value"]), "largest gap", int(rows["n"].sum()))
