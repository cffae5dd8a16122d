"""What a piece of work took: wall time, processor time, and energy, measured where the machine tells it.

Linux counts the energy of processors by RAPL (running average power limit) in ``/sys/class/powercap``, often for the
administrator alone. Where it cannot be read energy is estimated: seconds of processor time times a power that is
stated beside it. A counter covers its whole processor, with whatever else runs on it.
"""

import time
from dataclasses import dataclass
from pathlib import Path

#: Where the counters lie.
POWERCAP = Path("/sys/class/powercap")
#: Power of one busy core, for estimates: server processors are rated at 5 to 10 W for each core, those of laptops at
#: less, and memory and cooling come on top.
WATTS_PER_CORE = 10.0
#: Rated power of an A100 SXM accelerator (NVIDIA's data sheet), for the energy of the paper's training.
A100_WATTS = 400.0


@dataclass(frozen=True)
class Spent:
    """What was spent between two moments.

    Attributes:
        wall_s: seconds that passed.
        processor_s: seconds of all cores together that this process used.
        energy_j: joules.
        source: ``measured: …`` or ``estimated: …``, and how.
    """

    wall_s: float
    processor_s: float
    energy_j: float
    source: str

    @property
    def measured(self) -> bool:
        """Whether the energy was measured."""
        return self.source.startswith("measured")


class Meter:
    """Time and energy since it was made."""

    def __init__(self, folder: Path = POWERCAP, watts_per_core: float = WATTS_PER_CORE) -> None:
        """Start.

        Args:
            folder: of the counters; where there are none, or they cannot be read, energy is estimated.
            watts_per_core: of the estimate.
        """
        self._folder, self._watts = folder, watts_per_core
        self._counters = _read_counters(folder)
        self._wall, self._processor = time.perf_counter(), time.process_time()

    def read(self) -> Spent:
        """Return what was spent so far."""
        wall, processor = time.perf_counter() - self._wall, time.process_time() - self._processor
        now = _read_counters(self._folder)
        if self._counters and now.keys() == self._counters.keys():
            joules = sum(_difference(self._counters[name], now[name]) for name in now)
            count = f"{len(now)} processor{'s' if len(now) > 1 else ''}"
            return Spent(wall, processor, joules, f"measured: RAPL, {count} with all that ran on them")
        return Spent(wall, processor, processor * self._watts, f"estimated: {self._watts:g} W for a busy core")


def _read_counters(folder: Path) -> dict[str, tuple[int, int]]:
    """Microjoules and where they start again, of each whole processor; none where they cannot be read."""
    found = {}
    # A name with two numbers is a part of a processor, whose energy is in the whole already.
    for place in sorted(folder.glob("intel-rapl:*")):
        if place.name.count(":") != 1:
            continue
        try:
            values = [int((place / name).read_text()) for name in ("energy_uj", "max_energy_range_uj")]
        except (OSError, ValueError):
            return {}
        found[place.name] = (values[0], values[1])
    return found


def _difference(before: tuple[int, int], after: tuple[int, int]) -> float:
    """Joules between two readings of a counter that starts again once it is full."""
    change = after[0] - before[0]
    return (change if change >= 0 else change + before[1]) / 1e6
