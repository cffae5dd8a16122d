"""What all benchmarks share: timing in turns, the machine, processes of their own, files of records."""

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from unmixing.provenance import provenance
from unmixing.store import write_json

RESULTS = Path(__file__).parent.parent / "results" / "benchmarks"
WARM_UP = 2

_REPORT = """
import json, resource, sys
memory = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in MEMORY if line.startswith(("VmRSS", "VmHWM"))}
# Of this program alone: what rusage says includes the process it was forked from. Without /proc there is no better.
worst = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)
print(json.dumps({"resident_mb": round(memory.get("VmRSS", worst), 1), "peak_mb": round(memory.get("VmHWM", worst), 1),
                  "torch": "torch" in sys.modules, "answer": globals().get("answer")}))
""".replace("MEMORY", '(open("/proc/self/status") if sys.platform == "linux" else [])')


def in_turns(
    arms: Mapping[str, Callable[[], object]], rounds: int, warm_up: int = WARM_UP
) -> tuple[dict[str, np.ndarray], float]:
    """Time several things in turns, so that whatever else the machine does meets all of them.

    Args:
        arms: what to time, by name.
        rounds: how often each is timed; every round starts with another one.
        warm_up: rounds before the first that counts.

    Returns:
        Seconds (rounds,) of each arm, and the share of the wall time in which this process had a processor: well
        below 1, another process had it and the times are worth little.
    """
    names = list(arms)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(-warm_up, rounds):
        if number == 0:
            wall, busy = time.perf_counter(), time.process_time()
        first = number % len(names)
        for name in names[first:] + names[:first]:
            started = time.perf_counter()
            arms[name]()
            if number >= 0:
                seconds[name].append(time.perf_counter() - started)
    share = (time.process_time() - busy) / (time.perf_counter() - wall)
    return {name: np.array(values) for name, values in seconds.items()}, round(share, 3)


def quartiles(values: np.ndarray, digits: int = 2) -> list[float]:
    """Return the lower and upper quartile."""
    return [round(float(value), digits) for value in np.quantile(values, [0.25, 0.75])]


def in_a_process(code: str) -> dict[str, Any]:
    """Run Python code in a process of its own.

    Args:
        code: what to run; a variable ``answer`` of JSON values is brought back. It can import the benchmarks.

    Returns:
        ``seconds`` from the start to the end of the process, ``resident_mb`` at the end, ``peak_mb``, whether
        ``torch`` was loaded, and the ``answer``.

    Raises:
        RuntimeError: the code failed.
    """
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n{code}\n{_REPORT}"
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode:
        raise RuntimeError(f"a process of the benchmark failed:\n{done.stderr}")
    return {"seconds": seconds, **json.loads(done.stdout.splitlines()[-1])}


def bfloat16_instructions() -> str:
    """Return the processor's instructions for bfloat16 products, "" if it has none or cannot be asked."""
    try:
        words = set(Path("/proc/cpuinfo").read_text(encoding="utf-8").split())
    except OSError:
        return ""
    return " ".join(sorted(words & {"amx_bf16", "avx512_bf16"}))


def allocator() -> str:
    """Return whose memory allocator this process uses."""
    try:
        libraries = Path("/proc/self/maps").read_text(encoding="utf-8")
    except OSError:
        libraries = ""
    preloaded = [name for name in ("jemalloc", "tcmalloc", "mimalloc") if name in libraries]
    return preloaded[0] if preloaded else " ".join(platform.libc_ver()) or "system"


def load_average() -> float:
    """Return how many processes wanted a processor in the last minute, on average."""
    return round(os.getloadavg()[0], 2)


def machine() -> dict[str, Any]:
    """Return what each record says of where it was measured."""
    source = provenance()
    words = (source["processor"], f"{source['cores']} cores", bfloat16_instructions())
    return {
        "machine": ", ".join(filter(None, words)),
        "allocator": allocator(),
        "versions": source["versions"],
        "commit": source["commit"],
    }


def write_records(path: Path, records: list[dict[str, Any]], load_before: float) -> None:
    """Write records as JSON, each with the machine and its load before and after."""
    about = {**machine(), "load_before": load_before, "load_after": load_average()}
    write_json(path, [{**record, **about} for record in records])
    print(f"written: {path}", flush=True)
