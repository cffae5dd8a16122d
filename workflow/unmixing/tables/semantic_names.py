"""Does language know spectra? Encoders of names against controls, on names whose whole group was held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from unmixing.semantic.leaderboard import FEWEST_NAMES, TITLES, compare_arms, judge, leaderboard
from unmixing.semantic.named_spectra import SUBSETS
from unmixing.tables.forms import Column
from unmixing.tables.run_rows import typed_frame
from unmixing.tables.writing import Table

NOT_RUN = "not run: the experiment on names is not part of this study"
_DIFFERENCE = "first minus second arm, paired by name; 95 % interval over groups"
COLUMNS = [
    Column("subset", "Names"),
    Column("arm", "Predicted from"),
    Column("encoder", "Encoder"),
    Column("names", "Names, n", "count"),
    Column("groups", "Groups, n", "count", help="names of one group are left out together"),
    Column("seeds", "Draws", "count", help="of arms that draw something; scores are averaged over them"),
    Column("sad_rad", "SAD", "angle", "rad", help="of the predicted spectrum to the right one, mean over names"),
    Column("sad_low", "95 % interval", "interval", "rad", help="over groups", extra=("sad_high", "run_values")),
    Column("identification", "Identification", "number", help="share of other spectra further away; .5 by chance"),
    Column("found_low", "95 % interval", "interval", help="over groups", extra=("found_high", "run_values")),
    Column("within_kind", "Within kind", "number", help="identification among names of its kind; .5 by chance"),
    Column("within_low", "95 % interval", "interval", help="over groups", extra=("within_high", "run_values")),
    Column("sad_gain", "Text minus this, SAD", "difference", "rad", help=_DIFFERENCE, extra=("comparison",)),
    Column(
        "sad_gain_low",
        "95 % interval",
        "interval",
        "rad",
        help="below 0: text better",
        extra=("sad_gain_high", "run_values"),
    ),
    Column("found_gain", "Text minus this, identification", "difference", help=_DIFFERENCE, extra=("comparison",)),
    Column(
        "found_gain_low",
        "95 % interval",
        "interval",
        help="above 0: text better",
        extra=("found_gain_high", "run_values"),
    ),
    Column("verdict", "Verdict", "prose"),
]

NOTES = [
    "A ridge regression from vectors of names to the shapes of spectra; the names of a whole group (a family of "
    "minerals, all conifers, all bitumens) are left out together and predicted from the rest. Its strength is chosen "
    "without them. Names that are spelled alike (cosine of n-grams above .5) are there once.",
    "Language helps only where text beats n-grams, permuted text and no name, and n-grams with text beat n-grams, all "
    "by both measures with intervals that exclude zero. Rows of n-grams + text are compared with n-grams, all others "
    "with text.",
    "All names decide. Vegetation and artificial together were singled out by a first look at much the same spectra: "
    f"no independent confirmation. The other subsets are description. Below {FEWEST_NAMES} names there is no verdict, "
    "below five groups no interval.",
    "Within kind: the identification among names of the same kind alone. Where it stays at .5 while the other rises, "
    "text tells the kind of a material (a plant, no mineral) and nothing finer.",
    "On concepts that a model was trained with, any fixed anchors fit equally well: equivalence is all that can be "
    "shown there, and no result on them is evidence for language.",
    "Identification is no .5 for the arm without a name within a kind: the mean of the other groups resembles some "
    "kinds more than others. Differences between arms are what counts.",
]


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Table:
    """Build the leaderboard.

    Args:
        rows: of ``semantic.leaderboard.run_leaderboard``, one for each arm, seed and name; possibly empty.
        scenes: Not used.
        scale: Not used; numbers of names, groups and draws are columns.
        provenance: Commit, versions, hashes of the anchors and the libraries.

    Returns:
        One row for each set of names and arm, the verdict beside the text arm; a single row with the reason where
        nothing was run.
    """
    del scenes, scale
    scores, absent = split_rows(rows)
    records = _records(scores) if len(scores) else [{"verdict": NOT_RUN}]
    records += [
        {"subset": "all", "arm": TITLES["text"], "encoder": encoder, "verdict": f"not tested: {reason}"}
        for encoder, reason in absent[["encoder", "reason"]].itertuples(index=False, name=None)
    ]
    tested = [record for record in records if record.get("names") is not None]
    verdicts = [f"{record['subset']}: {record['verdict']}." for record in tested if record.get("arm") == TITLES["text"]]
    return Table(
        name="table_semantic_names",
        title="Does language know spectra? Spectra predicted from names that were held out",
        caption="How well the shape of a material's spectrum is predicted from its name by a text encoder, by the "
        "spelling of the name alone, by shuffled and random vectors, and without a name.",
        frame=typed_frame(records, [], COLUMNS),
        columns=COLUMNS,
        notes=[*verdicts[:2], *_sources(scores), *NOTES],
        provenance=provenance,
    )


def split_rows(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the scores, and the rows of encoders that were not at hand, which give a reason instead of scores."""
    if rows.empty or "reason" not in rows:
        return rows, pd.DataFrame(columns=["encoder", "reason"])
    missing = rows["reason"].fillna("") != ""
    return rows[~missing].drop(columns="reason"), rows[missing]


def _sources(scores: pd.DataFrame) -> list[str]:
    """Say where the spectra come from, as far as the rows tell."""
    if scores.empty or "spectra_of" not in scores:
        return []
    return [f"Spectra: {source}." for source in dict.fromkeys(scores["spectra_of"])]


def _records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    board, compared = leaderboard(rows), compare_arms(rows)
    verdicts = judge(compared).set_index(["subset", "encoder"])["verdict"] if len(compared) else pd.Series(dtype=str)
    encoders = [encoder for encoder in dict.fromkeys(rows["encoder"]) if encoder]
    records = []
    for subset in SUBSETS:
        # Without any encoder the controls stand alone.
        for encoder in encoders or [""]:
            of_both = board[(board["subset"] == subset) & board["encoder"].isin(["", encoder])]
            for arm in TITLES:
                found = of_both[of_both["arm"] == arm]
                if found.empty or (encoders and encoder != encoders[0] and not found["encoder"].iloc[0]):
                    # Arms without an encoder stand once, below the first encoder's.
                    continue
                records.append(_record(found.iloc[0], compared, encoder, verdicts))
    return records


def _record(row: pd.Series[Any], compared: pd.DataFrame, encoder: str, verdicts: pd.Series[Any]) -> dict[str, Any]:
    subset, arm = str(row["subset"]), str(row["arm"])
    pair = ("both", "ngrams") if arm == "both" else ("text", arm)
    if len(compared):
        wanted = {"subset": subset, "encoder": encoder, "first": pair[0], "second": pair[1]}
        chosen = (compared[list(wanted)] == pd.Series(wanted)).all(axis=1)
        found = compared[chosen].set_index("measure")
    else:
        found = compared
    record: dict[str, Any] = {
        "subset": subset,
        "arm": TITLES[arm],
        "encoder": row["encoder"] or None,
        "names": row["names"],
        "groups": row["groups"],
        "seeds": row["seeds"] if arm in ("permuted", "random") else None,
        "sad_rad": row["sad_rad"],
        "sad_low": row["sad_rad_low"],
        "sad_high": row["sad_rad_high"],
        "identification": row["identification"],
        "found_low": row["identification_low"],
        "found_high": row["identification_high"],
        "within_kind": row["within_kind"],
        "within_low": row["within_kind_low"],
        "within_high": row["within_kind_high"],
        "verdict": verdicts.get((subset, encoder)) if arm == "text" else None,
    }
    for key, measure in (("sad_gain", "sad_rad"), ("found_gain", "identification")):
        if measure in found.index:
            one = found.loc[measure]
            record |= {key: one["difference"], f"{key}_low": one["low"], f"{key}_high": one["high"]}
            record["comparison"] = "of this to n-grams" if arm == "both" else None
    return record
