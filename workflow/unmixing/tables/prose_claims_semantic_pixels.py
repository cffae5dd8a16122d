"""Rules on the second paper that generated pixels decide: the experiments mixtures, robustness and fairness.

All methods of a draw saw the same pixels, so that differences are paired by draw. Two errors count as equal within
``labels.MARGIN``; a change of abundances is small up to .05, or .10 on another sensor's bands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from unmixing.semantic.experiments import labels
from unmixing.statistics import equivalence, mean_interval, paired_comparison
from unmixing.tables.prose_claims_evidence import Evidence, rule
from unmixing.tables.prose_claims_findings import (
    Finding,
    Measured,
    Verdict,
    against_bound,
    beyond,
    bounds_of,
    decide,
    not_tested,
    said,
    side_of,
)

ABSENT = "the experiment {} is not part of this study"
ARMSE = "aRMSE"
SMALL_CHANGE, COARSE_CHANGE = 0.05, 0.10
#: Tests of weather, season and a failing sensor.
WEATHER = ("haze", "shadow", "senescence", "band calibration", "dead detectors", "striping", "drift")


def absent(part: str) -> Finding:
    """Return the finding of a claim whose experiment this study leaves out."""
    return not_tested(ABSENT.format(part))


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


def _robust(evidence: Evidence) -> pd.DataFrame | None:
    return evidence.part("robustness")


def _severest(frame: pd.DataFrame, test: str) -> str:
    """Return the name of the level of a test that disturbs most: noise has the lowest ratio, all else the largest."""
    levels = frame[(frame["test"] == test) & (frame["level"] != labels.BASE)].drop_duplicates("level")
    if levels.empty:
        return ""
    ordered = levels.sort_values("number", ascending=test == labels.NOISE)
    return str(ordered["level"].iloc[0])


def _undisturbed(frame: pd.DataFrame, method: str = labels.MODEL) -> pd.Series[float]:
    return by_draw(frame, test=labels.UNDISTURBED, level=labels.BASE, method=method)


def _decide(found: Sequence[Measured | None], claim: str, lead: str, need: str = "overall") -> Finding | None:
    known = [one for one in found if one is not None]
    if not known:
        return None
    if need == "all":
        return decide(known, claim, "all", lead)
    return decide(known, claim, "any" if need == "any" else "overall", lead)


def _words(part: str, compute: Callable[[pd.DataFrame], Finding | None]) -> Callable[[Evidence], Finding]:
    """Return a rule on one experiment that says so where the experiment, or what the rule needs of it, is missing."""

    def decides(evidence: Evidence) -> Finding:
        frame = evidence.part(part)
        if frame is None:
            return absent(part)
        found = compute(frame)
        return not_tested(f"the experiment {part} was run without what decides this") if found is None else found

    return decides


def _paraphrases(frame: pd.DataFrame) -> Finding | None:
    told = by_draw(frame, protocol="ZS-b", setting="unseen wordings", method=labels.MODEL)
    known = by_draw(frame, protocol="ZS-b", setting="trained wordings", method=labels.MODEL)
    one = unchanged("generated pixels", told, known)
    return _decide([one], "same", f"aRMSE with unseen wordings less trained ones, equal within {labels.MARGIN}: ")


def _synonyms(frame: pd.DataFrame) -> Finding | None:
    told = by_draw(frame, test="synonyms", level=labels.RAW, method=labels.MODEL)
    one = difference("generated pixels", told, _undisturbed(frame), margin=labels.MARGIN)
    return _decide([one], "worse", "aRMSE with the synonyms' own vectors less that of the prompts: ")


def _prior(frame: pd.DataFrame) -> Finding | None:
    found = []
    for setting in dict.fromkeys(frame.loc[frame["protocol"] == "ZS-a", "setting"]):
        own = by_draw(frame, protocol="ZS-a", setting=setting, method=labels.MODEL)
        without = by_draw(frame, protocol="ZS-a", setting=setting, method=labels.NO_PRIOR)
        found.append(difference(str(setting), own, without, margin=labels.MARGIN))
    return _decide(found, "better", "aRMSE with the prior less without: ")


def _identity(frame: pd.DataFrame) -> Finding | None:
    found = []
    for test in ("illumination", "band calibration"):
        level = _severest(frame, test)
        moved = by_draw(frame, "moved", test=test, level=level, method=labels.MODEL)
        found.append(at_most(f"{test} {level}", moved, SMALL_CHANGE))
    # The larger one decides.
    found.sort(key=lambda one: -1.0 if one is None else -one.number)
    return _decide(found, "same", f"mean absolute change of abundances, at most {SMALL_CHANGE}: ", "all")


def _retrained(frame: pd.DataFrame) -> Finding | None:
    found = []
    rows = frame[(frame["protocol"] == "ZS-c") & (frame["method"] == labels.RETRAINED)]
    for setting in dict.fromkeys(rows["setting"]):
        again = by_draw(frame, protocol="ZS-c", setting=setting, method=labels.RETRAINED)
        shipped = by_draw(frame, protocol="ZS-c", setting=setting, method=labels.MODEL)
        found.append(difference(str(setting), again, shipped, margin=labels.MARGIN))
    return _decide(found, "better", "aRMSE trained further on the sensor less as shipped: ", "all")


def _nonlinear(frame: pd.DataFrame) -> Finding | None:
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
    return _decide([one], "better", lead)


def _multispectral(frame: pd.DataFrame) -> Finding | None:
    moved = by_draw(frame, "moved", test="as Sentinel-2", level="by interpolation", method=labels.MODEL)
    one = at_most("as Sentinel-2, by interpolation", moved, COARSE_CHANGE)
    found = _decide([one], "same", f"mean absolute change of abundances, at most {COARSE_CHANGE}: ")
    if found is None:
        return None
    told = by_draw(frame, test="as Sentinel-2", level="by interpolation", method=labels.MODEL)
    error = difference("aRMSE less that of all bands", told, _undisturbed(frame))
    return found if error is None else replace(found, sentence=f"{found.sentence}; {error.words}")


def _prior_under(test: str) -> Callable[[pd.DataFrame], Finding | None]:
    def compute(frame: pd.DataFrame) -> Finding | None:
        level = _severest(frame, test)
        own = by_draw(frame, test=test, level=level, method=labels.MODEL)
        without = by_draw(frame, test=test, level=level, method=labels.NO_PRIOR)
        one = difference(f"{test} {level}", own, without, margin=labels.MARGIN)
        found = _decide([one], "better", "aRMSE with the prior less without it: ")
        harm = difference("of the undisturbed pixels", own, _undisturbed(frame))
        if found is None or harm is None:
            return found
        return replace(found, sentence=f"{found.sentence}; with the prior less that {harm.words}")

    return compute


def _relies(frame: pd.DataFrame) -> Finding | None:
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
    return _decide([one], "better", "what shuffled anchors cost in aRMSE against the right ones, ")


def _adversarial(frame: pd.DataFrame) -> Finding | None:
    level = _severest(frame, "PGD")
    attacked = by_draw(frame, test="PGD", level=level, method=labels.MODEL)
    by_chance = by_draw(frame, test=labels.CHANCE, level=level, method=labels.MODEL)
    clean = by_draw(frame, test=labels.UNATTACKED, level=labels.BASE, method=labels.MODEL)
    found = _decide(
        [difference(f"PGD of size {level}", attacked, by_chance)],
        "worse",
        "aRMSE under attack less that of random signs of the same size: ",
    )
    harm = difference("without attack", attacked, clean)
    if found is None or harm is None:
        return found
    return replace(found, sentence=f"{found.sentence}; less that {harm.words}")


def _mitigation(frame: pd.DataFrame) -> Finding | None:
    level = _severest(frame, "PGD")
    plain = by_draw(frame, test="PGD", level=level, method=labels.MODEL)
    found = [
        difference(name, by_draw(frame, test="PGD", level=level, method=name), plain, margin=labels.MARGIN)
        for name in (labels.SANITISED, labels.HARDENED)
    ]
    return _decide(found, "better", f"aRMSE under PGD of size {level}, less that of the model as shipped: ", "any")


def _spelling(frame: pd.DataFrame) -> Finding | None:
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
    return _decide(found, "worse", "aRMSE with the foreign words' own vectors less that of translated prompts: ")


def _wet(frame: pd.DataFrame) -> Finding | None:
    level = _severest(frame, "wet surfaces")
    wet = by_draw(frame, test="wet surfaces", level=level, method=labels.MODEL)
    one = unchanged(f"wet {level}", wet, _undisturbed(frame))
    return _decide([one], "same", f"aRMSE less that of dry surfaces, equal within {labels.MARGIN}: ")


def _weather(frame: pd.DataFrame) -> Finding | None:
    found = []
    for test in WEATHER:
        level = _severest(frame, test)
        disturbed = by_draw(frame, test=test, level=level, method=labels.MODEL)
        # Green and dry plants count as one where plants wither: its own base.
        base = by_draw(frame, test=test, level=labels.BASE, method=labels.MODEL)
        base = base if len(base) else _undisturbed(frame)
        found.append(difference(f"{test} {level}", disturbed, base, margin=labels.MARGIN))
    return _decide(found, "worse", "aRMSE less that of the undisturbed pixels: ", "any")


def _compositions(frame: pd.DataFrame) -> Finding | None:
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


def _classes(frame: pd.DataFrame) -> Finding | None:
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


def _regions(frame: pd.DataFrame) -> Finding | None:
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


def _envelope(frame: pd.DataFrame) -> Finding | None:
    rows = frame[(frame["test"] == labels.ENVELOPE) & (frame["method"] == labels.MODEL) & (frame["metric"] == "armse")]
    means = rows.groupby("level")["value"].mean().sort_values()
    if means.empty:
        return None
    text = (
        f"error and abstention by noise, atmosphere and names that are not there: {len(means)} cells, aRMSE from "
        f"{means.iloc[0]:.3f} ({means.index[0]}) to {means.iloc[-1]:.3f} ({means.index[-1]})"
    )
    return Finding("holds", text, float(means.iloc[-1] - means.iloc[0]), "aRMSE", int(rows["draw"].nunique()))


for _identifier, _part, _compute in (
    ("paraphrases", "mixtures", _paraphrases),
    ("synonyms", "robustness", _synonyms),
    ("prior_helps", "mixtures", _prior),
    ("identity_is_stable", "robustness", _identity),
    ("universal_encoder", "mixtures", _retrained),
    ("decoder_nonlinear", "mixtures", _nonlinear),
    ("multispectral", "robustness", _multispectral),
    ("noise", "robustness", _prior_under(labels.NOISE)),
    ("atmosphere", "robustness", _prior_under("atmosphere")),
    ("relies_on_language", "robustness", _relies),
    ("adversarial", "robustness", _adversarial),
    ("mitigation", "robustness", _mitigation),
    ("spelling_and_language", "fairness", _spelling),
    ("wet_surfaces", "robustness", _wet),
    ("weather_and_season", "robustness", _weather),
    ("compositional_prompts", "robustness", _compositions),
    ("rare_materials", "fairness", _classes),
    ("fairness", "fairness", _regions),
    ("envelope", "robustness", _envelope),
):
    rule(_identifier)(_words(_part, _compute))
