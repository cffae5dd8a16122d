"""A search over hyper-parameters as one job: trials, and candidates trained again with fresh seeds."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from math import isfinite, nan
from pathlib import Path
from typing import Any

from unmixing.evaluation import references, score_run
from unmixing.protocol.points import of_grid
from unmixing.reference import committed_rows
from unmixing.search import GRIDS, Configuration, Grid, SearchJournal, Trial, candidates, search
from unmixing.store import CellStore
from unmixing.training.job import Job, failed_entry


def run_search(
    job: Job, shared: Mapping[str, Any], wanted: Mapping[str, Any], earlier: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Try configurations, then train the best again with fresh seeds, and return the entries of the manifest.

    A trial is the run of index 0 of its configuration; the further runs of a candidate have other indices, so that
    what is said of it comes from runs that did not select it.

    Args:
        job: trains cells.
        shared: what the cells of all trials have in common.
        wanted: see ``unmixing.contrastive_cells.search_description``.
        earlier: entries of the shards' manifests, where the whole grid is trained; their runs are the trials.
    """
    # In the grid's own order, which names its settings: JSON has sorted the keys.
    grid = Grid(wanted["grid"], {factor: tuple(wanted["levels"][factor]) for factor in GRIDS[wanted["grid"]].levels})
    entries: dict[str, dict[str, Any]] = {}

    def cell(configuration: Configuration, trial: int, runs: int = 1) -> dict[str, Any]:
        setting = grid.setting(configuration)
        asked = {key: wanted[key] for key in ("strategy", "objective")}
        design = {"group": "search", "configuration": setting, "variant": "trial", "trial": trial, **asked}
        return {
            **shared,
            "setting": setting,
            "runs": runs,
            "point": of_grid(grid.name, configuration),
            "design": design,
        }

    def evaluate(configuration: Configuration) -> Trial:
        setting = grid.setting(configuration)
        entries[setting] = job.attempt(cell(configuration, len(entries)))
        return trial_of(job, entries[setting], configuration, wanted["objective"])

    if wanted["strategy"] == "full":
        by_setting = {grid.setting(configuration): configuration for configuration in grid.configurations()}
        trials = [trial_of(job, entry, by_setting[entry["setting"]], wanted["objective"]) for entry in earlier]
    else:
        journal = SearchJournal(_journal(job.store, shared, wanted), grid, wanted["strategy"], wanted["seed"])
        known = journal.trials()[: wanted["evaluations"]]
        for trial in known:
            # The runs are in the store, unless somebody emptied it; then they are made again.
            one = cell(trial.configuration, len(entries))
            failed = trial.status == "failed"
            entries[one["setting"]] = failed_entry(one, trial.reason) if failed else job.attempt(one)
        trials = search(
            grid, wanted["strategy"], evaluate, wanted["evaluations"], wanted["seed"], known, journal.record
        )
    # Under one seed for all runs there are no fresh ones.
    fresh = wanted["candidate_runs"] if shared["fields"]["seeds"] == "per_run" else 0
    chosen = candidates(grid, trials, wanted["candidates"]) if fresh else []
    if chosen and wanted["objective"] != "reconstruction":
        # And the one that a user without references would have taken.
        made = entries if wanted["strategy"] != "full" else {entry["setting"]: entry for entry in earlier}
        blind = [
            trial_of(job, made[grid.setting(trial.configuration)], trial.configuration, "reconstruction")
            for trial in trials
        ]
        chosen += [trials[blind.index(trial)] for trial in candidates(grid, blind, 1)]
    for trial in chosen:
        entry = job.train(cell(trial.configuration, trials.index(trial), 1 + fresh))
        entries[entry["setting"]] = entry
    return list(entries.values())


def trial_of(job: Job, entry: Mapping[str, Any], configuration: Configuration, objective: str) -> Trial:
    """Return what the first run of a trained configuration is worth.

    Args:
        job: the job that trained it.
        entry: of its manifest.
        configuration: of the grid.
        objective: ``sad``, the mean angle to the references in radians, or ``reconstruction``, the mean angle between
            pixels and their reconstruction.
    """
    if "failed" in entry:
        return Trial(configuration, nan, "failed", entry["failed"])
    if 0 in entry["committed"]:
        assert job.reference is not None
        frame = committed_rows(job.reference, "runs", entry, entry["recipe"], [0])
        rows = [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
    else:
        arrays, record = CellStore.of_manifest(job.store, entry).read(0)
        rows, _ = score_run(arrays, record, references(job.scene), "optimal")
    column = "sad_rad" if objective == "sad" else "reconstruction_angle_rad"
    values = [nan if row[column] is None else float(row[column]) for row in rows]
    value, status, reason = sum(values) / len(values), rows[0]["status"], rows[0]["reason"]
    if status == "diverged" or not isfinite(value):
        return Trial(configuration, nan, "diverged", reason or f"no {objective}: the scene has no references")
    return Trial(configuration, value, "collapsed" if status == "collapsed" else "ok", reason)


def _journal(store: Path, shared: Mapping[str, Any], wanted: Mapping[str, Any]) -> Path:
    # How many are tried and trained again may be raised later: the search then goes on.
    length = ("evaluations", "candidates", "candidate_runs")
    meant = {"shared": dict(shared), "search": {key: value for key, value in wanted.items() if key not in length}}
    digest = hashlib.sha256(json.dumps(meant, sort_keys=True).encode()).hexdigest()[:12]
    return store / "search" / str(shared["scene"]) / f"{wanted['grid']}-{wanted['strategy']}-{digest}.jsonl"
