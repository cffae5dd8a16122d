"""Generated mixtures with exact truth: unseen spectra, words, sensors, concepts and libraries, method by method."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from unmixing.semantic.experiments.labels import MARGIN, OTHER_SCLS, RANDOM_SHORT, SCLS, TEXT_SHORT, TRAINED_WORDINGS
from unmixing.statistics import equivalence
from unmixing.tables.forms import Column
from unmixing.tables.run_rows import join_distinct, typed_frame
from unmixing.tables.semantic_draws import by_draw, described, mean_of, paired
from unmixing.tables.writing import Table

COLUMNS = [
    Column("protocol", "Protocol"),
    Column("setting", "Setting"),
    Column("method", "Method"),
    Column("armse", "aRMSE", "angle", help="root mean square over pixels and prompts, mean over draws"),
    Column("armse_low", "95 % interval", "interval", help="over draws", extra=("armse_high", "armse_values")),
    Column("gain", "Minus the baseline", "difference", help="see the notes; below 0: better", extra=("baseline",)),
    Column("gain_low", "95 % interval", "interval", extra=("gain_high", "gain_values")),
    Column("dominant", "Dominant material", "number", help="share of pixels whose largest share is right"),
    Column("sad_rad", "SAD", "angle", "rad", help="of made-up spectra to the library's means"),
    Column("uses_truth", "Uses truth"),
    Column("pixels", "Pixels, n", "count", help="of a draw"),
    Column("draws", "Draws, n", "count"),
    Column("verdict", "Verdict", "prose"),
    Column("reason", "Reason", "prose"),
]
_TEXTS = ("armse_values", "gain_values", "baseline")

PROTOCOLS: Mapping[str, str] = {
    "ZS-a": "unseen spectra of seen concepts",
    "ZS-b": "unseen wordings",
    "ZS-c": "unseen sensors",
    "ZS-d": "unseen concepts",
    "transfer": "one library trains, the other tests",
    "bilinear": "multiple scattering",
    "anchors": "text against random anchors",
}
NOTES = [
    "Mixtures are generated from library spectra of sites or specimens that no training saw (transfer: all spectra of "
    "the library that tests), under the noise, illumination and atmosphere of the training unless the setting says "
    "otherwise. The truth is exact, and the generator is that of the training: scenes are harder.",
    "Differences are paired by draw: to class-mean SCLS; ZS-b: to the trained wordings; transfer: to SCLS with the "
    "training library's means; anchors: to text. Other prior: the divergence where the default is the tilt (weighted "
    "L1), and the reverse.",
    "ZS-c: the recipe holds every named instrument out of training, which draws its sensors at random; a named one is "
    "met by chance only.",
    "ZS-d: minerals that no training saw. With the library's spectrum only the name is new; a spectrum made up from "
    "the text is a mean of seen concepts' spectra, weighted by the likeness of their names. Evidence on what language "
    "knows of spectra is the table of held-out names, not this one.",
    "Oracles are given the spectra that each pixel was mixed from (and the strength of scattering): no method has "
    "them. What they leave is what noise and brightness hide, the floor of the setting.",
    "Bilinear: neither the decoder, one spectrum for each name, nor the spectra that pixels choose know of products; "
    "decoded spectra without a prior against SCLS say what the decoder adds.",
    "Short trainings are compared with each other, never with the shipped model: they are several times shorter.",
]


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Table:
    """Build the table of generated mixtures.

    Args:
        rows: of ``semantic.experiments.mixtures``; possibly empty.
        scenes: Not used.
        scale: Not used; numbers of pixels and draws are columns.
        provenance: Commit, versions, hashes of model, anchors and libraries.

    Returns:
        One row for each protocol, setting and method; what was not measured is a row with its reason.
    """
    del scenes, scale
    records = list(_records(rows)) if len(rows) else [{"reason": "not run: mixtures are not part of this study"}]
    verdicts = [str(record["verdict"]) for record in records if record.get("verdict")]
    return Table(
        name="table_semantic_mixtures",
        title="Unmixing by names on generated mixtures",
        caption="Abundance error of the shipped model, its parts, baselines with the same information, and oracles on "
        "mixtures of spectra that no training saw.",
        frame=typed_frame(records, _TEXTS, COLUMNS),
        columns=COLUMNS,
        notes=[*(f"On seen concepts, {verdict}" for verdict in verdicts), *NOTES],
        provenance=provenance,
    )


def _records(rows: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for (protocol, setting), part in rows.groupby(["protocol", "setting"], sort=False):
        baseline = OTHER_SCLS if protocol == "transfer" else TEXT_SHORT if protocol == "anchors" else SCLS
        reference = by_draw(part, baseline, "armse")
        for method in dict.fromkeys(part["method"]):
            chosen = part[part["method"] == method]
            error = by_draw(part, method, "armse")
            record: dict[str, Any] = {
                "protocol": f"{protocol}: {PROTOCOLS.get(str(protocol), '')}",
                "setting": setting,
                "method": method or None,
                "dominant": mean_of(by_draw(part, method, "dominant")),
                "sad_rad": mean_of(by_draw(part, method, "sad_rad")),
                "uses_truth": "oracle" if str(method).startswith("oracle") else "names",
                "reason": join_distinct(chosen["reason"]) or None,
            }
            record |= described(error, "armse")
            if len(error):
                record |= {"pixels": int(chosen["n"].max()), "draws": int(chosen["draw"].nunique())}
            if protocol == "ZS-b" and setting != TRAINED_WORDINGS:
                trained = rows[(rows["protocol"] == protocol) & (rows["setting"] == TRAINED_WORDINGS)]
                record |= paired(error, by_draw(trained, str(method), "armse"), "gain")
            if method != baseline and len(reference):
                record |= paired(error, reference, "gain")
            if method == RANDOM_SHORT and len(reference):
                record["verdict"] = _equal(error, reference)
            yield record


def _equal(random: pd.Series[Any], text: pd.Series[Any]) -> str:
    found, narrow = equivalence((random - text).to_numpy(), MARGIN)
    shown = f", 90 % interval of random minus text {narrow.low:+.4f} to {narrow.high:+.4f}" if narrow else ""
    return f"text and random anchors within ±{MARGIN:g} aRMSE: {found}{shown}, n = {len(text)} pairs of trainings."
