"""Rules on the second paper that the experiment on robustness decides.

A change of abundances is small up to .05, or .10 on another sensor's bands.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from unmixing.semantic.experiments import labels
from unmixing.statistics import mean_interval
from unmixing.tables.prose_claims_evidence import rule
from unmixing.tables.prose_claims_findings import Finding, Measured, Verdict, against_bound, bounds_of
from unmixing.tables.prose_claims_semantic_pixels import (
    Compute,
    by_draw,
    decide_known,
    difference,
    of_experiment,
    unchanged,
)

SMALL_CHANGE, COARSE_CHANGE = 0.05, 0.10
#: Tests of weather, season and a failing sensor.
WEATHER = ("haze", "shadow", "senescence", "band calibration", "dead detectors", "striping", "drift")


def at_most(place: str, values: pd.Series[float], bound: float) -> Measured | None:
    """Return a mean over draws against a bound: ``same`` where it is below, ``worse`` where it is above."""
    if values.empty:
        return None
    interval = mean_interval(values.to_numpy(np.float64))
    low, high = bounds_of(interval)
    shown = tuple(values.astype(float)) if interval is None else ()
    return Measured(
        place,
        against_bound((low, high), bound),
        float(values.mean()),
        "change",
        len(values),
        low,
        high,
        shown,
        absolute=True,
    )


def _severest(frame: pd.DataFrame, test: str) -> str:
    """Return the name of the level of a test that disturbs most: noise has the lowest ratio, all else the largest."""
    levels = frame[(frame["test"] == test) & (frame["level"] != labels.BASE)].drop_duplicates("level")
    if levels.empty:
        return ""
    ordered = levels.sort_values("number", ascending=test == labels.NOISE)
    return str(ordered["level"].iloc[0])


def _undisturbed(frame: pd.DataFrame) -> pd.Series[float]:
    return by_draw(frame, test=labels.UNDISTURBED, level=labels.BASE, method=labels.MODEL)


@rule("synonyms")
@of_experiment("robustness")
def synonyms(frame: pd.DataFrame) -> Finding | None:
    """The synonyms' own vectors less those of the prompts."""
    told = by_draw(frame, test="synonyms", level=labels.RAW, method=labels.MODEL)
    one = difference("generated pixels", told, _undisturbed(frame), margin=labels.MARGIN)
    return decide_known([one], "worse", "aRMSE with the synonyms' own vectors less that of the prompts: ")


@rule("identity_is_stable")
@of_experiment("robustness")
def identity_is_stable(frame: pd.DataFrame) -> Finding | None:
    """How far abundances move under wrong illumination and calibration."""
    found = []
    for test in ("illumination", "band calibration"):
        level = _severest(frame, test)
        moved = by_draw(frame, "moved", test=test, level=level, method=labels.MODEL)
        found.append(at_most(f"{test} {level}", moved, SMALL_CHANGE))
    # The larger one decides.
    found.sort(key=lambda one: -1.0 if one is None else -one.number)
    return decide_known(found, "same", f"mean absolute change of abundances, at most {SMALL_CHANGE}: ", "all")


@rule("multispectral")
@of_experiment("robustness")
def multispectral(frame: pd.DataFrame) -> Finding | None:
    """How far abundances move on the bands of Sentinel-2."""
    moved = by_draw(frame, "moved", test="as Sentinel-2", level="by interpolation", method=labels.MODEL)
    one = at_most("as Sentinel-2, by interpolation", moved, COARSE_CHANGE)
    found = decide_known([one], "same", f"mean absolute change of abundances, at most {COARSE_CHANGE}: ")
    if found is None:
        return None
    told = by_draw(frame, test="as Sentinel-2", level="by interpolation", method=labels.MODEL)
    error = difference("aRMSE less that of all bands", told, _undisturbed(frame))
    return found if error is None else replace(found, sentence=f"{found.sentence}; {error.words}")


def _prior_under(test: str) -> Compute:
    """Return what compares the model with itself without its prior where a test disturbs most."""

    def compute(frame: pd.DataFrame) -> Finding | None:
        level = _severest(frame, test)
        own = by_draw(frame, test=test, level=level, method=labels.MODEL)
        without = by_draw(frame, test=test, level=level, method=labels.NO_PRIOR)
        one = difference(f"{test} {level}", own, without, margin=labels.MARGIN)
        found = decide_known([one], "better", "aRMSE with the prior less without it: ")
        harm = difference("of the undisturbed pixels", own, _undisturbed(frame))
        if found is None or harm is None:
            return found
        return replace(found, sentence=f"{found.sentence}; with the prior less that {harm.words}")

    return compute


rule("noise")(of_experiment("robustness")(_prior_under(labels.NOISE)))
rule("atmosphere")(of_experiment("robustness")(_prior_under("atmosphere")))


@rule("relies_on_language")
@of_experiment("robustness")
def relies_on_language(frame: pd.DataFrame) -> Finding | None:
    """What wrong anchors cost under the strongest noise less what they cost under the weakest."""
    rows = frame[frame["test"] == labels.RELIANCE]
    if rows["number"].nunique() < 2:
        return None
    leans = {}
    for level in (rows["number"].min(), rows["number"].max()):
        place = {"test": labels.RELIANCE, "number": level}
        wrong = by_draw(frame, method=labels.SHUFFLED, **place)
        leans[level] = wrong - by_draw(frame, method=labels.CORRECT, **place)
    noisy, clear = leans[rows["number"].min()], leans[rows["number"].max()]
    place_words = f"{rows['number'].min():g} dB less {rows['number'].max():g} dB"
    one = difference(place_words, noisy, clear, smaller_is_better=False)
    return decide_known([one], "better", "what shuffled anchors cost in aRMSE against the right ones, ")


@rule("adversarial")
@of_experiment("robustness")
def adversarial(frame: pd.DataFrame) -> Finding | None:
    """The error under attack less that of random signs of the same size."""
    level = _severest(frame, "PGD")
    attacked = by_draw(frame, test="PGD", level=level, method=labels.MODEL)
    by_chance = by_draw(frame, test=labels.CHANCE, level=level, method=labels.MODEL)
    clean = by_draw(frame, test=labels.UNATTACKED, level=labels.BASE, method=labels.MODEL)
    found = decide_known(
        [difference(f"PGD of size {level}", attacked, by_chance)],
        "worse",
        "aRMSE under attack less that of random signs of the same size: ",
    )
    harm = difference("without attack", attacked, clean)
    if found is None or harm is None:
        return found
    return replace(found, sentence=f"{found.sentence}; less that {harm.words}")


@rule("mitigation")
@of_experiment("robustness")
def mitigation(frame: pd.DataFrame) -> Finding | None:
    """Sanitised input and adversarial training less the model as shipped, all under attack."""
    level = _severest(frame, "PGD")
    plain = by_draw(frame, test="PGD", level=level, method=labels.MODEL)
    found = [
        difference(name, by_draw(frame, test="PGD", level=level, method=name), plain, margin=labels.MARGIN)
        for name in (labels.SANITISED, labels.HARDENED)
    ]
    return decide_known(found, "better", f"aRMSE under PGD of size {level}, less that of the model as shipped: ", "any")


@rule("wet_surfaces")
@of_experiment("robustness")
def wet_surfaces(frame: pd.DataFrame) -> Finding | None:
    """Wet surfaces less dry ones."""
    level = _severest(frame, "wet surfaces")
    wet = by_draw(frame, test="wet surfaces", level=level, method=labels.MODEL)
    one = unchanged(f"wet {level}", wet, _undisturbed(frame))
    return decide_known([one], "same", f"aRMSE less that of dry surfaces, equal within {labels.MARGIN}: ")


@rule("weather_and_season")
@of_experiment("robustness")
def weather_and_season(frame: pd.DataFrame) -> Finding | None:
    """Weather, season and a failing sensor less undisturbed pixels."""
    found = []
    for test in WEATHER:
        level = _severest(frame, test)
        disturbed = by_draw(frame, test=test, level=level, method=labels.MODEL)
        # Green and dry plants count as one where plants wither: its own base.
        base = by_draw(frame, test=test, level=labels.BASE, method=labels.MODEL)
        base = base if len(base) else _undisturbed(frame)
        found.append(difference(f"{test} {level}", disturbed, base, margin=labels.MARGIN))
    return decide_known(found, "worse", "aRMSE less that of the undisturbed pixels: ", "any")


@rule("compositional_prompts")
@of_experiment("robustness")
def compositional_prompts(frame: pd.DataFrame) -> Finding | None:
    """Which composed prompts are taken for what they mean."""
    rows = frame[(frame["test"] == labels.COMPOSED) & frame["value"].notna()]
    right = rows[rows["note"].str.startswith("right:")]
    taken = right[right["metric"] == "refused"].assign(good=lambda part: part["value"] == 0)
    if taken.empty:
        return None
    mistaken = rows[(rows["metric"] == "not mistaken") & (rows["value"] == 0)]["level"].tolist()
    nearest = right[right["metric"] == "nearest is right"]
    good = {str(level) for level in taken.loc[taken["good"], "level"]} - set(mistaken)
    good |= {str(level) for level in nearest.loc[nearest["value"] == 1, "level"]}
    words = f"of {len(taken)} composed prompts with a right answer {len(good)} are taken for it, or made nearest to it"
    wrong = f"; taken for something else: {', '.join(mistaken)}" if mistaken else "; none is taken for something else"
    verdict: Verdict = "holds" if len(good) == len(taken) else "contradicted"
    if nearest.empty and verdict == "contradicted":
        verdict, wrong = "inconclusive", f"{wrong}; no text encoder at this scale, to make spectra of those refused"
    elif good and verdict == "contradicted":
        verdict = "inconclusive"
    text = f"{words}: {', '.join(sorted(good)) or 'none'}{wrong}"
    return Finding(verdict, text, float(len(good)), f"of {len(taken)}", len(taken))


@rule("envelope")
@of_experiment("robustness")
def envelope(frame: pd.DataFrame) -> Finding | None:
    """Whether the operating envelope stands in a table."""
    rows = frame[(frame["test"] == labels.ENVELOPE) & (frame["method"] == labels.MODEL) & (frame["metric"] == "armse")]
    means = rows.groupby("level")["value"].mean().sort_values()
    if means.empty:
        return None
    text = (
        f"error and abstention by noise, atmosphere and names that are not there: {len(means)} cells, aRMSE from "
        f"{means.iloc[0]:.3f} ({means.index[0]}) to {means.iloc[-1]:.3f} ({means.index[-1]})"
    )
    return Finding("holds", text, float(means.iloc[-1] - means.iloc[0]), "aRMSE", int(rows["draw"].nunique()))
