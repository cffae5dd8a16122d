"""Where numbers come from: commit, versions, machine, inputs."""

import functools
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

NUMERIC_PACKAGES = ("numpy", "scipy", "torch")
PACKAGES = (*NUMERIC_PACKAGES, "pandas", "pyarrow", "xarray", "snakemake")


@functools.cache
def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that matter to the numbers, without importing them."""
    known = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            known[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            known[package] = "absent"
    return known


@functools.cache
def commit() -> str:
    """Return the project's commit, with ``+changes`` if the tree differs from it; ``unknown`` without git."""
    folder = Path(__file__).parent

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.strip()

    try:
        return git("rev-parse", "--short=12", "HEAD") + (
            "+changes" if git("status", "--porcelain", "--untracked-files=no") else ""
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"


@functools.cache
def processor() -> str:
    """Return the name of the processor, as the system gives it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def provenance(**details: Any) -> dict[str, Any]:  # noqa: ANN401 -- any JSON value
    """Return a record of commit, versions and machine, with ``details`` such as recipe and inputs."""
    return {
        "commit": commit(),
        "versions": versions(),
        "processor": processor(),
        "cores": os.cpu_count(),
        **details,
    }
