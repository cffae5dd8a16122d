"""Memory that a training frees serves its next update."""

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
import torch
from unmixing.training.memory import keep_freed_memory

if sys.argv[1] == "kept":
    assert keep_freed_memory()

def faults_of_an_update():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    tensors = [torch.ones(10_000_000) for _ in range(3)]
    del tensors
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print(*(faults_of_an_update() for _ in range(5)))
"""


def _faults(how: str) -> list[int]:
    done = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True)
    return list(map(int, done.stdout.split()))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can keep freed memory")
def test_later_updates_take_no_new_pages_from_the_system():
    kept, given_back = _faults("kept"), _faults("given back")
    assert min(given_back) > 1000
    assert min(kept) < min(given_back) / 20
