"""The shipped model under noise, wrong calibration, other sensors, odd words and attacks, test by test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from unmixing.semantic.experiments.labels import (
    BASE,
    COMPOSED,
    CORRECT,
    ENCODER,
    ENVELOPE,
    FCLS,
    FIXED,
    HARDENED,
    MODEL,
    NO_LANGUAGE,
    NO_PRIOR,
    OTHER,
    OTHER_PRIOR,
    PIXELS,
    RANDOM,
    RELIANCE,
    REQUIREMENT,
    SANITISED,
    SCLS,
    SHUFFLED,
)
from unmixing.tables.forms import Column
from unmixing.tables.run_rows import join_distinct, typed_frame
from unmixing.tables.semantic_draws import base_of, by_draw, described, mean_of, paired, reliance_verdict
from unmixing.tables.writing import Table

COLUMNS = [
    Column("test", "Test"),
    Column("level", "Level"),
    Column("armse", "Model, aRMSE", "angle", help="mean over draws"),
    Column("armse_low", "95 % interval", "interval", help="over draws", extra=("armse_high", "armse_values")),
    Column("rise", "Change", "difference", help="of the model's aRMSE from the base, paired", extra=("compared",)),
    Column(
        "rise_low",
        "95 % interval",
        "interval",
        help="above 0: the disturbance harms",
        extra=("rise_high", "rise_values"),
    ),
    Column("other_prior", "Other prior", "angle", help="aRMSE with the prior that is not the default"),
    Column("no_prior", "Without prior", "angle", help="aRMSE of the model without its semantic prior"),
    Column("scls", "Class-mean SCLS", "angle", help="aRMSE; the same class means, no model"),
    Column("scls_rise", "Change of SCLS", "difference", help="from the base, paired", extra=("compared",)),
    Column("against", "Model minus SCLS", "difference", help="paired; below 0: the model is better", extra=("aside",)),
    Column("against_low", "95 % interval", "interval", extra=("against_high", "against_values")),
    Column("fcls", "Class-mean FCLS", "angle", help="aRMSE; brightness not solved for"),
    Column("encoder", "Encoder alone", "angle", help="aRMSE of the soft assignment"),
    Column("sanitised", "Input sanitised", "angle", help="aRMSE of the model on clipped and smoothed pixels"),
    Column("hardened", "Adversarially trained", "angle", help="aRMSE of that model, attacked anew"),
    Column("dominant", "Dominant material", "number", help="share of pixels whose largest share is right, model"),
    Column("moved", "Moved", "angle", help="mean absolute change of the model's abundances from the base"),
    Column("turned", "Spectrum turned", "angle", "rad", help="mean angle between disturbed and undisturbed pixels"),
    Column("abstained", "Abstained", "number", help="share of pixels, model"),
    Column("measured", "Also measured", "prose"),
    Column("pixels", "Pixels, n", "count", help="of a draw"),
    Column("draws", "Draws, n", "count"),
    Column("reason", "Reason", "prose"),
]

NOTES = [
    "Generated pixels of library spectra that no training saw, seven prompts, 224 bands of AVIRIS, 40 dB; each test "
    "changes one thing. Disturbances are simple models named by what they stand for, no simulations of an instrument. "
    "All rows of a draw are of the same pixels.",
    "Class-mean SCLS and FCLS are given the class means that the model carries (training spectra). Other prior: the "
    "divergence where the default is the tilt (weighted L1), and the reverse.",
    "Reliance: only the prior's anchors are exchanged. Change is from correct anchors at the same noise; the growth is"
    " of random (or shuffled) minus correct between the cleanest and the noisiest level. The model was trained with "
    "the correct anchors: wrong ones mislead it, and how much they do is how much it leans on language. With a fixed "
    "weight the prior does not grow with the noise.",
    "Words: resolved texts take their concept's anchor through the ontology, raw texts their own vector. An unknown "
    "name is refused, which is no error of abundances.",
    "Attacks know the model and the truth and change each band by at most the size given (reflectance). Without a "
    "prior, SCLS, FCLS and the sanitised input get the same pixels (transfer): none of them was attacked itself. "
    "Random signs are a change of the same size without an aim.",
    "As Sentinel-2 and Landsat 8: base and disturbed pixels are the same ground; a change is what the sensor costs.",
]
#: Further texts of a row: draws where they are too few for an interval, and remarks in brackets.
_TEXTS = ("armse_values", "rise_values", "against_values", "compared", "aside")
_MAIN = ("armse", "dominant", "moved", "abstained", "angle")


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Table:
    """Build the table of robustness.

    Args:
        rows: of ``semantic.experiments.robustness``; possibly empty.
        scenes: Not used.
        scale: Not used; numbers of pixels and draws are columns.
        provenance: Commit, versions, hashes of model and anchors.

    Returns:
        One row for each test and level, the operating envelope apart (``semantic_envelope``); a single row with the
        reason where nothing was run. The verdict on reliance is the first note.
    """
    del scenes, scale
    records = list(_records(rows)) if len(rows) else [{"reason": "not run: robustness is not part of this study"}]
    verdict = reliance_verdict(rows)
    notes = [_sentence(verdict)] if verdict else []
    return Table(
        name="table_semantic_robustness",
        title="Robustness of unmixing by names",
        caption="Abundance error of the shipped model, of the same model without its prior and of class-mean least "
        "squares under one disturbance at a time.",
        frame=typed_frame(records, _TEXTS, COLUMNS),
        columns=COLUMNS,
        notes=[*notes, *NOTES],
        provenance=provenance,
    )


def _sentence(found: Mapping[str, Any]) -> str:
    return (
        f"When the spectrum is corrupted the model relies on language: {found['verdict']} (random minus correct "
        f"anchors grows by {found['growth']:+.4f} aRMSE from {found['cleanest']:g} to {found['noisiest']:g} dB"
        + (
            f", 95 % interval {found['growth_low']:+.4f} to {found['growth_high']:+.4f}"
            if "growth_low" in found
            else ""
        )
        + f", n = {found['n']} draws)."
    )


def _records(rows: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for test in dict.fromkeys(rows["test"]):
        of_test = rows[rows["test"] == test]
        if test == ENVELOPE:
            continue
        if test == RELIANCE:
            yield from _reliance(of_test)
            continue
        for level in dict.fromkeys(of_test["level"]):
            yield _record(of_test[of_test["level"] == level], base_of(rows, str(test)))


def _record(rows: pd.DataFrame, base: pd.DataFrame) -> dict[str, Any]:
    test, level = str(rows["test"].iloc[0]), str(rows["level"].iloc[0])
    error, classical = by_draw(rows, MODEL, "armse"), by_draw(rows, SCLS, "armse")
    record: dict[str, Any] = {"test": test, "level": level} | described(error, "armse")
    if level != BASE and len(base):
        record |= paired(error, by_draw(base, MODEL, "armse"), "rise")
        record["scls_rise"] = paired(classical, by_draw(base, SCLS, "armse"), "x").get("x")
    record |= paired(error, classical, "against")
    methods = {
        "other_prior": OTHER_PRIOR,
        "no_prior": NO_PRIOR,
        "scls": SCLS,
        "fcls": FCLS,
        "encoder": ENCODER,
        "sanitised": SANITISED,
        "hardened": HARDENED,
    }
    record |= {key: mean_of(by_draw(rows, method, "armse")) for key, method in methods.items()}
    for metric in ("dominant", "moved", "abstained"):
        record[metric] = mean_of(by_draw(rows, MODEL, metric))
    record["turned"] = mean_of(by_draw(rows, PIXELS, "angle"))
    record["measured"] = _further(rows, test)
    record["pixels"] = (
        int(rows.loc[rows["metric"] == "armse", "n"].min()) if (rows["metric"] == "armse").any() else None
    )
    if test == REQUIREMENT:
        record["pixels"] = int(rows["n"].iloc[0])
    record["draws"] = int(rows["draw"].nunique())
    record["reason"] = join_distinct(rows["reason"]) or None
    return record


def _further(rows: pd.DataFrame, test: str) -> str | None:
    """What single tests measure beside the errors, in words."""
    parts = []
    if test == REQUIREMENT:
        one = rows.iloc[0]
        return f"{one['value']:.4f}" + (f" ({one['note']})" if one["note"] else "")
    for metric in dict.fromkeys(rows["metric"]):
        found = rows.loc[(rows["metric"] == metric) & rows["value"].notna(), "value"]
        if metric not in _MAIN and len(found):
            parts.append(f"{metric}: {found.mean():.2f}")
    note = str(rows["note"].iloc[0]) if test == COMPOSED else ""
    return "; ".join([*parts, *([note] if note else [])]) or None


def _reliance(rows: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for level in dict.fromkeys(rows["level"]):
        of_level = rows[rows["level"] == level]
        for suffix in ("", OTHER, FIXED):
            right = by_draw(of_level, CORRECT + suffix, "armse")
            arms = (CORRECT, SHUFFLED, RANDOM, *((NO_LANGUAGE,) if not suffix else ()))
            for arm in arms:
                error = by_draw(of_level, arm + suffix, "armse")
                if not len(error):
                    continue
                record: dict[str, Any] = {"test": RELIANCE, "level": f"{level}, {arm}{suffix}"}
                record |= described(error, "armse")
                if arm != CORRECT:
                    record |= paired(error, right, "rise") | {"compared": "from correct"}
                record["dominant"] = mean_of(by_draw(of_level, arm + suffix, "dominant"))
                record |= {"pixels": int(of_level["n"].min()), "draws": len(error)}
                yield record
    for against in (RANDOM, SHUFFLED):
        for suffix in ("", OTHER, FIXED):
            found = reliance_verdict(rows, against, suffix)
            if found:
                yield {
                    "test": RELIANCE,
                    "level": f"growth {found['cleanest']:g} to {found['noisiest']:g} dB, {against}{suffix}",
                    "rise": found["growth"],
                    "rise_low": found.get("growth_low"),
                    "rise_high": found.get("growth_high"),
                    "rise_values": found.get("growth_values"),
                    "compared": "growth",
                    "measured": f"the claim: {found['verdict']}",
                    "draws": found["n"],
                    "pixels": int(rows["n"].min()),
                }
