"""The whole sweep: every treatment in every regime, endmember by endmember, beside the released sheets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from unmixing.augmentation.treatments import TREATMENTS
from unmixing.published.released import AVERAGE, MEAN_OF_REGIMES
from unmixing.statistics.sweep import draw_values, rate_of_draws
from unmixing.tables.claims import CLAIMS_NOTE, judged_by, reference_values
from unmixing.tables.forms import Column
from unmixing.tables.run_rows import NO_REFERENCE, describe_mean, join_distinct, typed_frame
from unmixing.tables.scene_rows import SceneRow, common_of, scenes_to_show
from unmixing.tables.sweep_rows import (
    CONTROLS,
    DRAWS_NOTE,
    NO_SWEEP,
    REGIMES,
    Runs,
    distinct,
    draws,
    representatives,
    runs_of,
    summarise,
    sweep,
    sweep_groups,
    sweep_runs,
    sweep_scale,
)
from unmixing.tables.table2 import describe_operations
from unmixing.tables.table5 import reasons_of
from unmixing.tables.writing import Table

POOLED = "mean of the regimes"
AVERAGE_NAME = "average"


COLUMNS = [
    Column("title", "Scene"),
    Column("kind", "Kind", help="real, crop, synthetic, semi-real or own"),
    Column("protocol", "Protocol"),
    Column("images", "Images", "count", help="augmented images of a run"),
    Column("treatment_title", "Treatment"),
    Column("regime_title", "Regime"),
    Column("name", "Endmember"),
    Column("sad_mean", "SAD", "angle", "rad", help="mean over runs; average: over endmembers first"),
    Column(
        "interval_low",
        "95 % interval",
        "interval",
        "rad",
        help="of the mean; below five draws the draws themselves",
        extra=("interval_high", "run_values"),
    ),
    Column("runs", "n", "count", help="runs, diverged ones included"),
    Column("draws", "Draws", "count", help="independent ones among the scored runs, see the notes"),
    Column("paper_definition_std", "STD, paper's way", "angle", "rad", help="population deviation over runs"),
    Column("run_mean_sd", "SD of runs", "angle", "rad", help="sample deviation; average: of the run means"),
    Column(
        "successes",
        "Found",
        "rate",
        help="runs that find this endmember, average: all of them; Wilson interval with the draws for trials",
        extra=("runs", "success_low", "success_high"),
    ),
    Column("sad_of_successes", "SAD if all found", "angle", "rad", help="mean over the runs that find all"),
    Column("regime_sd", "SD between regimes", "angle", "rad"),
    Column("judged_by", "Judged by"),
    Column("released_mean", "Released SAD", "angle", "rad", help="of the released sheets, errors corrected"),
    Column("released_std", "Released STD", "angle", "rad", help="the paper's way"),
    Column("released_operation", "Released: what was run", "prose", help="under this name by the released code"),
    Column("flag", "Released: flag", "prose", help="what is wrong with the cell of the sheet"),
    Column("operation", "Ours: what was run", "prose"),
    Column("same_as", "Same experiment as", help="another name for what this protocol does"),
    Column("chance_mean", "Chance", "angle", "rad", help="K random pixels as endmembers, mean over draws"),
    Column("mean_of_references", "Mean of references", "angle", "rad", help="given for every endmember"),
    Column("floor", "Floor", "angle", "rad", help="mean spectrum of nearly pure pixels (oracle)"),
    Column("runs_diverged", "n diverged", "count"),
    Column("runs_collapsed", "n collapsed", "count"),
    Column("condition", "Holds for", help="what all draws have in common"),
    Column("uses_truth", "Uses truth"),
    Column("reason", "Reason", "prose"),
]

NOTES = [
    "One row per treatment, regime and endmember, one for the average over endmembers, and one for the mean over the "
    "regimes, each weighing the same: what the paper's complete table and its Table 5 hold.",
    "STD, paper's way: population deviation (divisor n) over runs for each endmember, averaged over endmembers and, in "
    "the mean of the regimes, over these. SD of runs: sample deviation (divisor n − 1) of the endmember's or the run "
    "mean's SAD; in the mean of the regimes the root mean square within them.",
    "Released values stand beside the paper's own scenes at the same number of images, whatever the protocol; the "
    "released runs share one set of initial weights, so that the 25 runs of a regime are one draw of them. Endmembers "
    "are numbered as the file of references orders them.",
    DRAWS_NOTE,
    CLAIMS_NOTE,
]
NOT_AT_HAND = "Released values: not at hand; name the folder of the released sheets (UNMIXING_REFERENCE) to see them."


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
    released: pd.DataFrame | None = None,
) -> Table:
    """Build the complete table of the sweep.

    Args:
        rows: Run rows of the phase augmentation, and those of the classical phase for the columns of scale; possibly
            empty.
        scenes: Availability records of all scenes.
        scale: By scene; the key ``augmentation`` holds the planned scale of the sweep.
        provenance: Commit, versions, input checksums.
        released: The released sheets (``unmixing.published.released.released_sweep``), None if not at hand.

    Returns:
        For each scene, protocol, number of images, treatment and regime one row per endmember and one for the
        average; for each treatment the mean of its regimes; one row that says why for a scene without runs.
    """
    shown, chosen = scenes_to_show(scenes), sweep(rows)
    references = reference_values(rows)
    known = _by_cell(released)
    records: list[dict[str, Any]] = []
    for scene, protocol, images, part in sweep_groups(chosen, shown):
        common = common_of(scene, protocol)
        if part.empty:
            records.append(common | {"reason": scene.reason or NO_SWEEP})
            continue
        common |= {"images": images}
        beside = references.get(scene.scene, {})
        present = part["treatment"].unique().tolist()
        family, runs = distinct(present, protocol, images), runs_of(part)
        for treatment in [name for name in TREATMENTS if name in present]:
            own = part[part["treatment"] == treatment]
            for record in _of_treatment(own, runs, treatment, scene, protocol, images):
                record |= {"same_as": _twin(treatment, family, protocol, images)}
                place = (scene.scene, images, record["regime"], treatment, record["endmember"])
                record |= known.get(place, {}) if scene.paper else {}
                records.append(common | (beside if record["endmember"] == AVERAGE else {}) | record)
    return Table(
        name="table_augmentation_complete",
        title="The augmentation sweep, complete",
        caption="Spectral angle distance (SAD, radians) of every treatment in every regime, for each endmember and on "
        "average, with the values of the released result sheets beside ours where they are at hand.",
        frame=typed_frame(
            records, ["scene", "treatment", "regime"], [Column("endmember", "Number", "count"), *COLUMNS]
        ),
        columns=COLUMNS,
        notes=NOTES if released is not None else [*NOTES, NOT_AT_HAND],
        scale=sweep_scale(shown, scale),
        n=sweep_runs(chosen, shown),
        provenance=provenance,
    )


Cell = tuple[str, int, str, str, int]


def _by_cell(released: pd.DataFrame | None) -> dict[Cell, dict[str, Any]]:
    if released is None:
        return {}
    return {
        (row["scene"], row["images"], row["regime"], row["treatment"], row["endmember"]): {
            "released_mean": row["released_mean"],
            "released_std": row["released_std"],
            "released_operation": row["effective_operation"],
            "flag": row["flag"] or None,
        }
        for row in released.to_dict("records")
    }


def _twin(treatment: str, family: Sequence[str], protocol: str, images: int) -> str | None:
    """Return the title of the treatment that is the same experiment and counts in its place."""
    if treatment in CONTROLS or treatment in family:
        return None
    same = representatives(protocol, images)
    return TREATMENTS[next(other for other in family if same[other] == same[treatment])].title


def _of_treatment(
    rows: pd.DataFrame, runs: Runs, treatment: str, scene: SceneRow, protocol: str, images: int
) -> list[dict[str, Any]]:
    """Return the rows of one treatment: by regime and endmember, and the mean over regimes last."""
    records = []
    parts = [(regime, title, runs.of(treatment, regime)) for regime, title in REGIMES.items()]
    parts = [part for part in parts if len(part[2].table)]
    if len(parts) > 1:
        parts.append((MEAN_OF_REGIMES, POOLED, runs.of(treatment)))
    for regime, title, chosen in parts:
        common = {
            "treatment": treatment,
            "treatment_title": TREATMENTS[treatment].title,
            "regime": regime,
            "regime_title": title,
            "operation": describe_operations(treatment, protocol, images),
        }
        if regime != MEAN_OF_REGIMES:
            records += [common | record for record in _by_endmember(chosen, treatment, protocol, images)]
        of_regime = rows[rows["regime"].isin(chosen.table["regime"].unique())]
        records.append(common | _average(of_regime, chosen, treatment, scene, protocol, images))
    return records


def _average(
    rows: pd.DataFrame, runs: Runs, treatment: str, scene: SceneRow, protocol: str, images: int
) -> dict[str, Any]:
    record = summarise(runs, treatment, protocol, images)
    unknown = "sad_mean" not in record and record["runs_diverged"] < record["runs"]
    lucky = runs.table.loc[runs.table["success"] == 1, "sad_rad"]
    return record | {
        "endmember": AVERAGE,
        "name": AVERAGE_NAME,
        "sad_of_successes": float(lucky.mean()) if len(lucky) else None,
        "judged_by": judged_by(scene.scene, record["draws"]) if "draws" in record else None,
        "uses_truth": join_distinct(rows["uses_truth"]) or None,
        "reason": NO_REFERENCE if unknown else reasons_of(rows),
    }


def _by_endmember(runs: Runs, treatment: str, protocol: str, images: int) -> list[dict[str, Any]]:
    """Summarise each endmember of a treatment in one regime; none without a score."""
    known = runs.where(runs.table["sad_rad"].notna().to_numpy())
    if known.table.empty:
        return []
    labels, _ = draws(known.table, [treatment], protocol, images)
    all_draws, _ = draws(runs.table, [treatment], protocol, images)
    records = []
    for place, name in enumerate(runs.names):
        sad, found = known.sad[:, place], runs.found[:, place].astype(float)
        values = draw_values(sad, known.table["regime"].tolist(), labels)
        rate = rate_of_draws(found, all_draws)
        record: dict[str, Any] = {
            "endmember": place + 1,
            "name": name,
            "sad_mean": float(values.mean()),
            "runs": len(found),
            "draws": len(values),
            "successes": int(found.sum()),
            "runs_diverged": len(found) - len(sad),
            **describe_mean(values),
        }
        if rate is not None:
            record |= {"success_low": rate.low, "success_high": rate.high}
        if len(sad) > 1:
            record |= {"paper_definition_std": float(sad.std()), "run_mean_sd": float(sad.std(ddof=1))}
        records.append(record)
    return records
