"""Memory of a training process."""

import ctypes

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4


def keep_freed_memory() -> bool:
    """Have the C library keep freed memory for the next update instead of giving it back to the system.

    Every update allocates and frees the same large tensors. By default glibc maps each of them anew, and the system
    clears every page again: a tenth of the processor time of a training. What a tensor holds does not change; the
    peak of memory may rise, for the largest cell of the sweep from 1.1 to 1.3 GiB (``benchmarks/sweep_memory.py``).

    Returns:
        Whether it was done; only glibc can.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(_MMAP_MAX, 0)) and bool(mallopt(_TRIM_THRESHOLD, -1))
