"""Classical methods, oracles and reference rows of every scene, the trained model beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from unmixing.classical.methods import METHODS
from unmixing.statistics.intervals import MINIMUM_RUNS
from unmixing.tables.forms import Column
from unmixing.tables.run_rows import (
    count_notes,
    describe_mean,
    describe_rate,
    join_distinct,
    of_phase,
    reasons,
    run_means,
    scored,
    study_scale,
    typed_frame,
    was_found,
)
from unmixing.tables.scene_rows import common_of, order_protocols, scenes_to_show
from unmixing.tables.writing import Table

CONVENTIONS = {
    "nnls_sum_max": "brightness-weighted",
    "nnls_sum_raw": "area",
    "areal": "area",
    "unknown": "unknown",
}
"""What the registry's conventions of reference abundances mean."""

COLUMNS = [
    Column("title", "Scene"),
    Column("kind", "Kind", help="a crop, synthetic or semi-real scene is not the paper's scene"),
    Column("method", "Method"),
    Column("role", "Role", help="method; oracle: given the reference endmembers; reference: gives the scale"),
    Column("uses_truth", "Uses truth", help="see the notes"),
    Column("sad_mean", "SAD", "angle", "rad", help="mean over endmembers, then over runs"),
    Column(
        "interval_low",
        "95 % interval",
        "interval",
        "rad",
        help="of the mean over runs; below five runs the runs themselves; none for a method that draws nothing",
        extra=("interval_high", "run_values"),
    ),
    Column("sad_best", "Best run", "angle", "rad", help="chosen with the truth (oracle)"),
    Column(
        "successes",
        "Runs that find all",
        "rate",
        help="95 % Wilson interval from five runs",
        extra=("runs", "success_low", "success_high"),
    ),
    Column("runs", "n", "count"),
    Column("convention", "References are shares of", help="convention of the reference abundances, found by test"),
    Column("armse_areal", "aRMSE areal", "angle", help="shares of area on both sides; endmembers with a scale only"),
    Column("armse_convention", "aRMSE, reference convention", "angle", help="both sides in the references' convention"),
    Column("scale_of", "Scale from", help="whose endmember scales brought the estimate into that convention"),
    Column("armse_own", "Own abundances, raw difference", "angle", help="the method's or network's, as they are"),
    Column("armse_resolved", "Resolved, raw difference", "angle", help="SCLS with endmembers of maximum one"),
    Column("reconstruction", "Reconstruction", "angle", "rad", help="mean angle between pixels and reconstruction"),
    Column("seconds", "Time per run", "seconds", "s", help="median; of this machine"),
    Column("reason", "Reason", "prose"),
]

NOTES = [
    "Uses truth: K, the number of endmembers; matching, K and the pairing of estimates with references for the score; "
    "selection, a run chosen by its score; training, the references themselves. Oracles and reference rows are no "
    "methods: they show what is possible and what is nothing.",
    "aRMSE: root of the mean square over pixels and endmembers for each run, then the mean over runs.",
    "Brightness-weighted references were made by non-negative least squares with endmembers of maximum one, divided "
    "by the sum: a_k m_k / sum of a_j m_j with m_k the endmember's largest reflectance. Areal: references converted "
    "back by a_k / m_k. A method can be right about areas and differ from brightness-weighted references by .1.",
    "Resolved abundances are already in the convention of Samson and Jasper Ridge. On scenes with shares of area they "
    "need the references' scale, which is an oracle. Where the convention is unknown (Urban4) only raw differences "
    "exist: they mix the error with the difference of conventions.",
    "SCLS with the reference endmembers reproduces the references of Samson (.002), Jasper Ridge (.005), Urban5 and "
    "Urban6 (.003) because they were made that way: that row is a check, no score.",
    "VCA + FCLS and VCA + SCLS share their endmembers run by run; NMF starts from the same ones.",
    "Chance: K random pixels; best run says what choosing by the truth makes of chance.",
]


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Table:
    """Build the table of classical methods.

    Args:
        rows: Run rows of the classical phase, and of the baseline phase to stand beside them; possibly empty.
        scenes: Availability records of all scenes.
        scale: By scene: runs, epochs, patches and patch_size of this study.
        provenance: Commit, versions, input checksums.

    Returns:
        One row per scene and method, and one row with its reason per scene without any.
    """
    shown = scenes_to_show(scenes)
    records = []
    for scene in shown:
        common = common_of(scene)
        of_scene = rows[rows["scene"] == scene.scene] if len(rows) else rows
        found = [common | record for record in _of_scene(of_scene)]
        if found and scene.reason and all(record["role"] == "reference" for record in found):
            found[-1]["reason"] = scene.reason
        records += found or [common | {"reason": scene.reason or "no finished rows: start the study again"}]
    return Table(
        name="table_classical",
        title="Classical methods, oracles and reference rows",
        caption="Spectral angle distance (SAD) and abundance error of methods without training, beside the trained "
        "model, what the references themselves would give, and chance.",
        frame=typed_frame(records, ["scene", "setting"], COLUMNS),
        columns=COLUMNS,
        notes=NOTES + count_notes(rows),
        scale=study_scale(shown, scale),
        n="in the column n; 1 for methods that draw nothing",
        provenance=provenance,
    )


def _of_scene(rows: pd.DataFrame) -> Iterator[dict[str, Any]]:
    trained, classical = of_phase(rows, "baseline"), of_phase(rows, "classical")
    if len(trained):
        for protocol in order_protocols(trained["protocol"].tolist()):
            chosen = trained[trained["protocol"] == protocol]
            method = {"setting": f"cnnaeu_{protocol}", "method": f"CNNAEU, {protocol}", "role": "method"}
            yield method | _summary(chosen, "abundance_rmse_network", drawn=True)
    for name, known in METHODS.items():
        chosen = classical[classical["setting"] == name] if len(classical) else classical
        if chosen.empty:
            continue
        method = {"setting": name, "method": known.title, "role": known.role}
        yield method | _summary(chosen, "abundance_rmse_raw", drawn=bool(known.stream))


def _summary(rows: pd.DataFrame, own: str, drawn: bool) -> dict[str, Any]:
    """Summarise the runs of one method on one scene."""
    total = int(rows["run"].nunique())
    usable = scored(rows)
    record: dict[str, Any] = {
        "runs": total,
        "uses_truth": join_distinct(rows["uses_truth"]) or None,
        "convention": CONVENTIONS.get(join_distinct(rows["abundance_convention"])),
        "scale_of": join_distinct(rows["abundance_scale"]) or None,
        "seconds": rows.groupby("run")["seconds"].first().median(),
        "reason": reasons(rows) or None,
    }
    if usable.empty:
        return record
    for key, column in {
        "armse_areal": "abundance_rmse_areal",
        "armse_convention": "abundance_rmse_convention",
        "armse_own": own,
        "armse_resolved": "abundance_rmse_resolved",
    }.items():
        record[key] = run_error(usable, column)
    record["reconstruction"] = usable.groupby("run")["reconstruction_angle_rad"].first().mean()
    unknown = usable["sad_rad"].isna()
    if unknown.any():
        names = ", ".join(sorted({str(name) for name in usable.loc[unknown, "name"]}))
        record["reason"] = "no SAD: the scene has no reference endmembers"
        if not unknown.all():
            record["reason"] = f"no pixel is nearly pure in {names}: no mean"
        return record
    means = run_means(rows)
    found = was_found(usable).groupby(usable["run"]).all()
    record |= {"sad_mean": means.mean(), "successes": int(found.sum())}
    if drawn:
        record |= describe_rate(record["successes"], total, "success") | describe_mean(means)
        record["sad_best"] = means.min() if total >= MINIMUM_RUNS else None
    return record


def run_error(rows: pd.DataFrame, column: str) -> float | None:
    """Return the mean over runs of the root mean square over endmembers; None where a value is missing."""
    if column not in rows or rows[column].isna().any():
        return None
    squares = rows.assign(square=rows[column].astype(np.float64) ** 2).groupby("run")["square"].mean()
    return float(np.sqrt(squares).mean())
