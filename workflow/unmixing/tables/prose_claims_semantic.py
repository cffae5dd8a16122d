"""Rules on the second paper that scenes, held-out names, costs and coverage decide."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from unmixing.semantic.experiments import labels
from unmixing.semantic.leaderboard import compare_arms, judge
from unmixing.tables.forms import is_missing, signed
from unmixing.tables.prose_claims_evidence import Evidence, rule
from unmixing.tables.prose_claims_findings import (
    Bounds,
    Finding,
    Measured,
    Verdict,
    against_bound,
    decide,
    not_tested,
    said,
    side_of,
)
from unmixing.tables.prose_claims_semantic_pixels import ARMSE, absent, difference, of_experiment
from unmixing.tables.semantic_names import split_rows
from unmixing.tables.semantic_rows import (
    FEW_SHOT,
    HALF,
    MODEL,
    REFERENCE_METHOD,
    ZERO_SHOT,
    convention_of,
    described,
    measured,
    values_of,
)

MODES = ("fine_tune", "adapter", "prototype")
SUPERVISED = "supervised_autoencoder"
#: Of the paper's sizes: within this share they count as what it says.
ABOUT = 0.1


def _parts(rows: pd.DataFrame, evidence: Evidence) -> list[tuple[str, pd.DataFrame]]:
    """Return the rows of each scene with its title, real scenes and crops first."""
    titles = {str(record["scene"]): f"{record['title']} ({record['kind']})" for record in evidence.scenes}
    return [(titles.get(str(scene), str(scene)), part) for scene, part in rows.groupby("scene", sort=False)]


def _summary(rows: pd.DataFrame) -> tuple[float, Bounds]:
    """Return the mean over draws, and the interval over draws or, of a single one, over blocks of the scene."""
    record = described(rows, "value")
    low, high = record.get("value_low"), record.get("value_high")
    known = not is_missing(low) and not is_missing(high)
    return float(record["value"]), (float(str(low)), float(str(high))) if known else (None, None)


def _against(part: pd.DataFrame, other: str, place: str) -> Measured | None:
    """Return the model's aRMSE less that of another method on the same pixels of one scene."""
    own = part[part["method"] == MODEL]
    found = values_of(own, "armse", convention_of(part), against=other)
    if found.empty:
        return None
    number, (low, high) = _summary(found)
    values = tuple(found["value"].astype(float)) if low is None else ()
    return Measured(place, side_of(low, high), number, ARMSE, int(found["n"].min()), low, high, values)


@rule("language_knows_spectra")
@of_experiment("names")
def language_knows_spectra(rows: pd.DataFrame) -> Finding:
    """Text against the spelling of names, on names that were held out; the verdict is that of the leaderboard."""
    scores, _ = split_rows(rows)
    compared = compare_arms(scores) if len(scores) else pd.DataFrame()
    if compared.empty:
        return not_tested("no text encoder was at hand beside the controls")
    told = judge(compared)
    subset, encoder = str(compared["subset"].iloc[0]), str(compared["encoder"].iloc[0])
    words = str(told[(told["subset"] == subset) & (told["encoder"] == encoder)]["verdict"].iloc[0])
    place = {"subset": subset, "encoder": encoder, "first": "text", "second": "ngrams", "measure": "sad_rad"}
    row = compared[(compared[list(place)] == pd.Series(place)).all(axis=1)].iloc[0]
    verdicts: dict[str, Verdict] = {"language helps:": "holds", "language does not help": "contradicted"}
    verdict: Verdict = next((name for start, name in verdicts.items() if words.startswith(start)), "inconclusive")
    low, high = (None if is_missing(row[end]) else float(row[end]) for end in ("low", "high"))
    number = float(row["difference"])
    text = f"{words}; {subset}, {encoder}: angle of text less n-grams {signed(number)} rad, {row['names']} names"
    return Finding(verdict, text, number, "rad", int(row["names"]), low, high)


@rule("zero_shot_beats_class_means")
def zero_shot_beats_class_means(evidence: Evidence) -> Finding:
    """The model by names alone against class-mean SCLS on the same pixels, on every scene."""
    rows = evidence.part("scenes")
    if rows is None:
        return absent("scenes")
    parts = _parts(measured(rows, ZERO_SHOT), evidence)
    found = [one for title, part in parts if (one := _against(part, REFERENCE_METHOD, title)) is not None]
    lead = "aRMSE by names less class-mean SCLS, intervals over blocks of a scene: "
    return decide(found, "better", "all", lead) if found else not_tested("no scene of this study was unmixed by names")


@rule("zero_shot_beats_constant")
def zero_shot_beats_constant(evidence: Evidence) -> Finding:
    """The model by names alone against equal shares everywhere: the least that no retraining must reach."""
    rows = evidence.part("scenes")
    if rows is None:
        return absent("scenes")
    found = []
    for title, part in _parts(measured(rows, ZERO_SHOT), evidence):
        own, flat = (
            values_of(part[part["method"] == name], "armse", convention_of(part)) for name in (MODEL, "constant")
        )
        if own.empty or flat.empty:
            continue
        level = float(flat["value"].iloc[0])
        number, ends = _summary(own)
        low, high = (None if end is None else end - level for end in ends)
        found.append(Measured(title, side_of(low, high), number - level, ARMSE, int(own["n"].min()), low, high))
    lead = "aRMSE by names less that of equal shares, which is taken as it stands: "
    return decide(found, "better", "all", lead) if found else not_tested("no scene has both")


@rule("few_shots_help")
def few_shots_help(evidence: Evidence) -> Finding:
    """The largest number of shots in the mode that trains the encoder against none, draw by draw."""
    rows = evidence.part("scenes")
    if rows is None:
        return absent("scenes")
    found = []
    for title, part in _parts(measured(rows, FEW_SHOT), evidence):
        part = part[part["k"] == part["k"].max()]
        convention = convention_of(part)
        by_method = {
            name: values_of(part[part["method"] == name], "armse", convention).set_index("draw")["value"]
            for name in (*MODES, MODEL)
        }
        mode = next((name for name in MODES if len(by_method[name])), "")
        if mode and len(by_method[MODEL]):
            place = f"{title}, k = {int(part['k'].max())}, {mode.replace('_', ' ')}"
            one = difference(place, by_method[mode], by_method[MODEL], margin=labels.MARGIN)
            found += [] if one is None else [one]
    lead = "aRMSE with shots less without, of the same pixels: "
    return decide(found, "better", lead=lead) if found else not_tested("no few-shot rows in this study")


@rule("comparable_to_supervised")
def comparable_to_supervised(evidence: Evidence) -> Finding:
    """The model by names against an autoencoder that learned the references of the other half of the scene."""
    rows = evidence.part("scenes")
    if rows is None:
        return absent("scenes")
    found = []
    for title, part in _parts(measured(rows, HALF), evidence):
        one = _against(part, SUPERVISED, title)
        if one is None:
            continue
        # Comparable: no worse than the bound.
        found.append(replace(one, side=against_bound((one.low, one.high), labels.MARGIN)))
    lead = f"aRMSE by names less that of the supervised autoencoder, comparable up to {labels.MARGIN}: "
    missing = "no scene has the supervised autoencoder beside it; Houston 2018 and Indian Pines are not at hand"
    return decide(found, "same", "all", lead) if found else not_tested(missing)


@rule("dominant_material")
def dominant_material(evidence: Evidence) -> Finding:
    """The share of pixels whose dominant material is named rightly: more than half, on every scene."""
    rows = evidence.part("scenes")
    if rows is None:
        return absent("scenes")
    found = []
    for title, part in _parts(measured(rows, ZERO_SHOT), evidence):
        own = values_of(part[part["method"] == MODEL], "dominant_accuracy", convention_of(part))
        if own.empty:
            continue
        number, (low, high) = _summary(own)
        side = against_bound((low, high), 0.5, below="worse", above="better")
        found.append(Measured(title, side, number, "of pixels", int(own["n"].min()), low, high, absolute=True))
    lead = "pixels whose largest share is the right material's, more than half: "
    return decide(found, "better", "all", lead) if found else not_tested("no scene of this study was unmixed by names")


def _cost(rows: pd.DataFrame, part: str) -> pd.DataFrame:
    return rows[(rows["part"] == part) & rows["value"].notna()]


def _one(rows: pd.DataFrame, **where: str) -> float | None:
    for column, value in where.items():
        rows = rows[rows[column] == value]
    return float(rows["value"].iloc[0]) if len(rows) else None


@rule("parameters")
@of_experiment("cost")
def parameters(frame: pd.DataFrame) -> Finding:
    """Parameters of size L, counted, against the ten and five million of the paper."""
    rows = _cost(frame, "parameters")
    sizes = {item: (_one(rows, item=item, variant="L"), _one(rows, item=item, variant="paper, about"))
             for item in ("encoder", "estimator and decoder")}  # fmt: skip
    known = {item: (own, paper) for item, (own, paper) in sizes.items() if own is not None and paper is not None}
    if len(known) < 2:
        return not_tested("the parameters of size L were not counted")
    near = all(abs(own / paper - 1) <= ABOUT for own, paper in known.values())
    words = "; ".join(
        f"{item} {own / 1e6:.1f} of about {paper / 1e6:.0f} million" for item, (own, paper) in known.items()
    )
    text = f"size L as designed here, counted and not trained: {words}. What is shipped and measured is size S"
    return Finding(said(near), text, known["encoder"][0] / 1e6, "million", 1)


@rule("latency")
@of_experiment("cost")
def latency(frame: pd.DataFrame) -> Finding:
    """Seconds for ten thousand pixels on this processor; no embedded accelerator, and no bound in the text."""
    rows = _cost(frame, "latency")
    whole = rows[rows["item"].str.startswith("all of it") & (rows["measure"] == "seconds")]
    why = "no embedded accelerator is at hand, and the text gives no bound"
    if whole.empty:
        return not_tested(why)
    first = whole.iloc[0]
    text = (
        f"{why}; size S on {int(first['threads'])} thread of this processor: {first['value']:.1f} s for 10,000 pixels "
        f"[{first['least']:.1f}, {first['most']:.1f}]"
    )
    return Finding("not tested", text, float(first["value"]), "s", int(first["n"]))


@rule("compression")
@of_experiment("cost")
def compression(frame: pd.DataFrame) -> Finding:
    """Bytes of the smaller forms and what they change: at most half, without moving abundances by .01."""
    rows = _cost(frame, "compression")
    table = rows.groupby(["variant", "measure"], sort=False)["value"].max().unstack()
    if "bytes" not in table or "change" not in table or len(table) < 2:
        return not_tested("no smaller form was made")
    first = float(table["bytes"].iloc[0])
    smaller = table.iloc[1:].assign(share=lambda part: part["bytes"] / first)
    good = smaller[(smaller["share"] <= 0.5) & (smaller["change"] <= labels.MARGIN)]
    words = "; ".join(
        f"{name}: {100 * row['share']:.0f} % of the bytes, abundances move by {row['change']:.4f}"
        for name, row in smaller.iterrows()
    )
    best = float(good["share"].min()) if len(good) else float(smaller["share"].min())
    text = f"{words}; largest change over scenes. No neural processor is at hand"
    pixels = int(rows.loc[rows["measure"] == "change", "n"].max())
    return Finding(said(len(good) > 0), text, best, "of the bytes", pixels)


@rule("downlink")
@of_experiment("cost")
def downlink(frame: pd.DataFrame) -> Finding:
    """Bytes of a pixel: the encoder's output against the spectrum."""
    rows = _cost(frame, "downlink")
    found = {}
    for scene, part in rows[rows["measure"] == "bytes"].groupby("scene"):
        code, spectrum = _one(part, item="encoder's output, 16 bits"), _one(part, item="spectrum, 16 bits")
        if code is not None and spectrum:
            found[str(scene)] = code / spectrum, code, spectrum
    if not found:
        return not_tested("no bytes of a pixel were counted")
    words = "; ".join(f"{scene} {code:.0f} against {flat:.0f} bytes" for scene, (_, code, flat) in found.items())
    least = min(ratio for ratio, _, _ in found.values())
    text = f"encoder's output against the spectrum, 16 bits each: {words}; two bytes a material as abundances"
    return Finding(said(least > 1), text, least, "times", len(found))


@rule("anchor_bytes")
@of_experiment("cost")
def anchor_bytes(frame: pd.DataFrame) -> Finding:
    """Bytes of the store of anchors against those of the libraries: in all, and for each entry."""
    rows = _cost(frame, "storage")
    anchors = {measure: _one(rows, item="anchors, minilm", measure=measure) for measure in ("bytes", "entries")}
    libraries = rows[rows["item"].str.startswith("library, ")]
    totals = {measure: float(libraries.loc[libraries["measure"] == measure, "value"].sum()) for measure in anchors}
    if not anchors["bytes"] or not anchors["entries"] or not totals["bytes"] or not totals["entries"]:
        return not_tested("no library or store was weighed")
    whole = anchors["bytes"] / totals["bytes"]
    each = anchors["bytes"] / anchors["entries"] / (totals["bytes"] / totals["entries"])
    text = (
        f"the store has {anchors['bytes'] / 1e6:.1f} MB for {anchors['entries']:.0f} texts, the libraries "
        f"{totals['bytes'] / 1e6:.1f} MB for {totals['entries']:.0f} spectra; an entry has {each:.1f} times the bytes "
        "of a spectrum: what saves space is that there are fewer entries"
    )
    return Finding(said(whole < 0.5), text, whole, "of the bytes", int(anchors["entries"]))


@rule("precomputed_anchors")
@of_experiment("cost")
def precomputed_anchors(frame: pd.DataFrame) -> Finding:
    """Seconds to read the shipped anchors: no text encoder is loaded."""
    rows = _cost(frame, "text")
    seconds = _one(rows, item="reading the shipped anchors", measure="seconds")
    if seconds is None:
        return not_tested("reading the anchors was not timed")
    text = f"the shipped anchors are read in {seconds:.2f} s, and unmixing by known names loads no text encoder"
    return Finding("holds", text, seconds, "s", 1)


@rule("retrieved_prompts")
@of_experiment("coverage")
def retrieved_prompts(rows: pd.DataFrame) -> Finding:
    """Share of a scene's materials that a list which nobody named holds by their very names, against lists by lot.

    Precision and recall count a relative too: "vegetation" for "tree" is then right, and so is most of a list by lot.
    """
    lists = rows[(rows["part"] == "auto") & (rows["measure"] == "exact_recall") & rows["value"].notna()]
    lots = lists[lists["item"].str.startswith("by lot")]
    drawn = lists[~lists["item"].str.startswith("by lot")]
    best = drawn.groupby("item")["value"].mean().sort_values(ascending=False)
    if best.empty or lots.empty:
        return not_tested("no list was drawn up for a scene with fixed prompts")
    length = str(best.index[0]).rpartition(" ")[2]
    alike = lots[lots["item"] == f"by lot, {length}"].groupby("scene")["value"].mean()
    values = drawn[drawn["item"] == best.index[0]].groupby("scene")["value"].mean()
    gains = (values - alike).dropna()
    if gains.empty:
        return not_tested(f"no lists by lot of {length} names were drawn")
    text = (
        f"lists are drawn up from the ontology; {best.index[0]}, the best of {len(best)} ways (chosen with the truth), "
        f"holds {best.iloc[0]:.2f} of the materials by their very names, lists by lot of that length "
        f"{alike[gains.index].mean():.2f}: mean of {len(gains)} scenes"
    )
    verdict: Verdict = "inconclusive" if len(gains) < 5 or not (gains > 0).all() else "holds"
    number = float(gains.mean())
    return Finding(verdict, text, number, "of the materials", len(gains), values=tuple(np.asarray(gains, float)))
