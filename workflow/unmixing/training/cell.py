"""The cell runner: makes the runs of one cell, one after the other, and never one twice."""

import resource
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from unmixing.store import CellStore
from unmixing.training.fitting import Estimate


@dataclass(frozen=True)
class Progress:
    """Where a cell tells what it does: ``line`` for a person in a terminal, ``detail`` for the log."""

    line: Callable[[str], None]
    detail: Callable[[str], None]


def run_cell(
    store: CellStore,
    label: str,
    runs: int,
    train: Callable[[int, Callable[[int, float], None]], tuple[Estimate, Mapping[str, np.ndarray]]],
    record: Callable[[int], dict[str, Any]],
    progress: Progress,
    committed: Collection[int] = (),
) -> list[int]:
    """Compute the runs of a cell that its store does not hold yet.

    A killed cell loses only the run under way: each finished run is on disk before the next one starts.

    Args:
        store: the cell's folder.
        label: how the cell is named to a person.
        runs: number of runs wanted, with indices 0 to ``runs`` - 1.
        train: makes the estimate of a run and its curves, given its index and an epoch callback.
        record: what is stored beside the estimates of a run (seeds, configuration, versions).
        progress: where to report.
        committed: indices of runs that stand in the committed evidence and need no training.

    Returns:
        The indices of the runs computed by this call.
    """
    computed = []
    with store.lock(f"{label}: another process computes this cell; waiting for it"):
        present = store.finished(runs)
        if present:
            progress.line(f"{label}: {len(present)} of {runs} runs are in the store")
        for run in range(runs):
            if run in present or run in committed:
                continue
            store.journal("start", run)
            started = time.perf_counter()

            def on_epoch(epoch: int, loss: float, run: int = run) -> None:
                progress.detail(f"{label}: run {run}, epoch {epoch}, loss {loss:.5f}")

            estimate, curves = train(run, on_epoch)
            seconds = time.perf_counter() - started
            store.write(
                run,
                stored_arrays(estimate, curves),
                {
                    **record(run),
                    "run": run,
                    "status": estimate.status,
                    "reason": estimate.reason,
                    "epochs": len(estimate.losses),
                    "updates": estimate.updates,
                    "reconstruction_angle_rad": _finite(estimate.reconstruction_angle),
                    "seconds": round(seconds, 3),
                    # Of the process so far, in bytes: Linux counts in units of 1024.
                    "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                },
            )
            store.journal("finish", run, status=estimate.status, seconds=round(seconds, 3))
            computed.append(run)
            ending = f"loss {estimate.losses[-1]:.4f}" if estimate.status == "ok" else estimate.reason
            progress.line(f"{label}: run {run + 1} of {runs} {estimate.status}, {ending}, {seconds:.1f} s")
    return computed


CURVE = "curve_"
"""What names of stored curves begin with."""


def stored_arrays(estimate: Estimate, curves: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the arrays that the store keeps of a run; abundances lose precision there."""
    return {
        **{f"{CURVE}{name}": values for name, values in curves.items()},
        "endmembers": estimate.endmembers,
        "late_endmembers": estimate.late_endmembers,
        "abundances": estimate.abundances.astype(np.float16),
        "losses": estimate.losses,
    }


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
