"""What the searches over the grids found: by SAD, without the truth, and after reruns with fresh seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from unmixing.statistics import rank_correlation, rank_correlation_interval
from unmixing.tables.claims import CLAIMS_NOTE
from unmixing.tables.contrastive_pairs import DIFFERENCE, PREFIX, TEXTS, difference_record, paired
from unmixing.tables.contrastive_rows import (
    CONFIGURATION,
    ORACLE_NOTE,
    PAIRS_NOTE,
    SEARCH,
    contrastive,
    parts,
    phase_runs,
    phase_scale,
    run_table,
    usable_without_truth,
    without_term,
)
from unmixing.tables.contrastive_trials import (
    ORACLE,
    RULES,
    Search,
    chosen_by,
    describe_point,
    rerun_record,
    searches,
    why_chosen,
)
from unmixing.tables.forms import Column
from unmixing.tables.run_rows import typed_frame
from unmixing.tables.scene_rows import common_of, scenes_to_show
from unmixing.tables.sweep_contrasts import FINDING_NOTE, Contrast, adjust
from unmixing.tables.writing import Table

NO_SEARCH = "no finished trials of a search: name the scene under `contrastive: search: scenes`, or start again"

COLUMNS = [
    Column("title", "Scene"),
    Column("kind", "Kind", help="real, crop, synthetic, semi-real or own"),
    Column("protocol", "Protocol"),
    Column("grid", "Grid"),
    Column("strategy", "Strategy"),
    Column("trials", "Trials", "count", help="configurations tried, one run each"),
    Column("size", "Of", "count", help="configurations of the released grid"),
    Column("failed", "Failed", "count", help="trials that diverged and have no value"),
    Column("collapsed", "Collapsed", "count", help="trials that ended with two endmembers nearly the same"),
    Column("correlation", "Rank correlation", "number", help="Spearman: SAD with the angle of the reconstruction"),
    Column(
        "correlation_low",
        "Its 95 % interval",
        "interval",
        help="over trials, Bonett and Wright 2000; helpful where above 0",
        extra=("correlation_high", "correlation_values"),
    ),
    Column("correlation_trials", "Over trials", "count", help="with a value and without collapse"),
    Column("rule_title", "Chosen by"),
    Column("uses_truth", "Uses truth", help="what of the truth the choice takes"),
    Column("chosen", "Configuration", "prose"),
    Column("ranks", "Ranks of its trial", "prose"),
    Column("trial_sad", "Trial", "angle", "rad", help="SAD of the one run that it was chosen on"),
    Column("sad_mean", "Trained again", "angle", "rad", help="mean SAD over runs with fresh seeds"),
    Column("run_mean_sd", "SD of run means", "angle", "rad"),
    Column(
        "interval_low",
        "95 % interval",
        "interval",
        "rad",
        help="of that mean; below five runs the runs themselves",
        extra=("interval_high", "run_values"),
    ),
    Column("runs", "n", "count", help="runs trained again; the trial is none of them"),
    Column("shift", "Again − trial", "difference", "rad", extra=("shift_remark",)),
    *DIFFERENCE,
    Column("reason", "Reason", "prose"),
]

NOTES = [
    "A search ranks single runs. What is said of a configuration comes from the runs that were trained after it was "
    "chosen; how far they lie above the trial is what the choice flattered. None is called best.",
    ORACLE_NOTE + " The label-free rule leaves out trials that diverged or have two endmembers within .03 rad.",
    "First − second: the chosen configuration, trained again, less the same patches and batches at lambda 1, without "
    "a contrastive term, of the same run index; negative means that the search found something that the contrastive "
    "term is good for. Holm over the rules of a scene, protocol and grid.",
    "On the published sheet the lowest 1 % of 1,280 trials lie within 3 % of each other, and one run scatters by a "
    "fifth: a random search of 64 trials has a trial among the lowest 1 % with probability .49.",
    PAIRS_NOTE,
    FINDING_NOTE,
    CLAIMS_NOTE,
]


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Table:
    """Build the table of searches.

    Args:
        rows: Run rows of the phase contrastive, possibly with those of others; possibly empty.
        scenes: Availability records of all scenes.
        scale: By scene; the key ``contrastive`` may hold ``search`` with its strategy.
        provenance: Commit, versions, input checksums.

    Returns:
        Two rows for each scene, protocol and grid: what SAD chooses, and what the reconstruction chooses; one row
        that says why for a scene without a search.
    """
    shown, chosen = scenes_to_show(scenes), contrastive(rows)
    of_search = contrastive(rows, group=SEARCH)
    records: list[dict[str, Any]] = []
    for scene, protocol, part in parts(of_search, shown):
        common = common_of(scene, protocol)
        if part.empty:
            records.append(common | {"reason": scene.reason or NO_SEARCH})
            continue
        same = (chosen["scene"] == scene.scene) & (chosen["protocol"] == protocol)
        controls = run_table(chosen[same & (chosen["group"] == CONFIGURATION)])
        for search in searches(part, scale):
            found = [_of_rule(search, rule, controls, scene.scene) for rule in RULES]
            _adjust(found)
            records += [common | _of_search(search) | record for record, _ in found]
    return Table(
        name="table_contrastive_search",
        title="Searches over the grids: with the truth, without it, and after training again",
        caption="Trials of each search over the hyper-parameters, the configuration that the lowest SAD (oracle) and "
        "the lowest reconstruction angle (label-free) choose, and what it is worth with fresh seeds; SAD in radians.",
        frame=typed_frame(records, ["scene", "rule", "shift_remark", "correlation_values", *TEXTS], COLUMNS),
        columns=COLUMNS,
        notes=NOTES,
        scale=phase_scale(shown, scale),
        n=phase_runs(of_search, shown),
        provenance=provenance,
    )


def _adjust(found: Sequence[tuple[dict[str, Any], Contrast]]) -> None:
    """Adjust the tests of a search; where both rules choose one configuration there is one test."""
    first: dict[str, dict[str, Any]] = {}
    tested = []
    for record, one in found:
        if first.setdefault(str(record.get("chosen")), record) is record:
            tested.append((record, one))
    adjust(tested, PREFIX)
    for record, _ in found:
        twin = first[str(record.get("chosen"))]
        record |= {key: twin[key] for key in (f"{PREFIX}_p_holm", "finding")}


def _of_search(search: Search) -> dict[str, Any]:
    """Return what both rules of a search have in common."""
    status = search.trials["status"].tolist()
    record: dict[str, Any] = {
        "grid": search.grid,
        "strategy": search.strategy or None,
        "trials": len(status),
        "size": search.size,
        "failed": status.count("diverged") + status.count("failed"),
        "collapsed": status.count("collapsed"),
    }
    known = usable_without_truth(search.trials).dropna(subset=["sad_rad", "reconstruction_angle_rad"])
    record["correlation_trials"] = len(known)
    correlation = None
    if len(known):
        correlation = rank_correlation(known["sad_rad"].to_numpy(), known["reconstruction_angle_rad"].to_numpy())
    if correlation is not None:
        record["correlation"] = correlation
        if (interval := rank_correlation_interval(correlation, len(known))) is not None:
            record |= {"correlation_low": interval[0], "correlation_high": interval[1]}
    return record


def _of_rule(search: Search, rule: str, controls: pd.DataFrame, scene: str) -> tuple[dict[str, Any], Contrast]:
    """Return what a rule chooses and what it is worth, with the comparison with lambda 1."""
    title, truth = RULES[rule]
    record: dict[str, Any] = {"rule": rule, "rule_title": title, "uses_truth": truth}
    trial = chosen_by(search, rule)
    if trial is None:
        lacking = "SAD" if rule == ORACLE else "reconstruction without collapse"
        return record | {"reason": f"no trial has a {lacking} to choose by"}, Contrast()
    values = {str(key): value for key, value in trial.items()}
    record |= {"chosen": describe_point(values), "ranks": why_chosen(search, values)} | rerun_record(search, values)
    again = search.rerun(str(values["setting"]))
    control = without_term(controls, values) if len(controls) else controls
    if again.empty:
        return record, Contrast()
    if control.empty:
        lacking = f"no runs at lambda 1 with patches of {values['patch_size']} and batches of {values['batch_size']}"
        return record | {"reason": "; ".join(filter(None, (record["reason"], lacking)))}, Contrast()
    found = paired([run_table(again)], [control], scene)
    compared = difference_record(found)
    remarks = dict.fromkeys(filter(None, (record["reason"], compared.pop("reason"))))
    return record | compared | {"reason": "; ".join(remarks) or None}, found
