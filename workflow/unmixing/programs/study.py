"""Runs a study: validates it, takes the lock, clears what a killed run left, and hands over to Snakemake."""

import argparse
import os
import sys
from pathlib import Path

LOCK = Path("results/.lock")


def main(arguments: list[str]) -> int:
    """Become Snakemake, holding the study's lock."""
    from unmixing.configuration import merge, read_yaml
    from unmixing.errors import UnmixingError
    from unmixing.study import Study, find_overlay

    parser = argparse.ArgumentParser(
        prog="unmixing study",
        description=__doc__,
        allow_abbrev=False,
        epilog="All further arguments go to Snakemake: targets such as `table3`, options such as `-n`.",
    )
    parser.add_argument("--study", default="demo", help="demo, a file of workflow/studies, or the path of a YAML file")
    parser.add_argument(
        "--cores", "-c", "-j", help="cores to use (default: all of this machine; of a cluster no limit)"
    )
    options, rest = parser.parse_known_args(arguments)
    if not Path("Snakefile").exists():
        raise UnmixingError(f"{Path.cwd()} holds no Snakefile: start the study in the project's folder")
    overlay = find_overlay(options.study, Path("workflow/studies"))
    values = read_yaml(Path("config.yaml"))
    if overlay:
        changes = read_yaml(overlay)
        if "study" not in changes:
            raise UnmixingError(f"{overlay} names no study, and would overwrite that of config.yaml: add `study: NAME`")
        values = merge(values, changes)
    study = Study.load(values)
    for scene in study.scene_table():
        if scene["in_study"] and not scene["available"]:
            print(f"scene {scene['scene']} is skipped: {scene['reason']}", flush=True)
    if not {"-n", "--dry-run", "--dryrun"} & set(rest):
        _take_lock()
        _clear_stale_lock()
    # Targets first: `--configfile` takes every word that follows it for a file.
    command = ["snakemake", *rest, *_cores(options.cores, rest), *(["--configfile", str(overlay)] if overlay else [])]
    # Jobs call `unmixing`; it lies beside this Python even where the environment is not active.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    sys.stdout.flush()
    # The lock's descriptor goes with this process, so it is held exactly as long as Snakemake lives.
    os.execvpe(sys.executable, [sys.executable, "-m", *command], {**os.environ, "PATH": path})


def _cores(asked: str | None, rest: list[str]) -> list[str]:
    """Return the words about cores: on a cluster they would bound what all its nodes do together."""
    elsewhere = any(word.partition("=")[0] in ("--profile", "--executor", "-e") for word in rest)
    return ["--cores", asked or str(os.cpu_count() or 1)] if asked or not elsewhere else []


def _take_lock() -> None:
    import fcntl

    from unmixing.errors import UnmixingError

    LOCK.parent.mkdir(exist_ok=True)
    descriptor = os.open(LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 100).decode(errors="replace").strip() or "unknown"
        raise UnmixingError(
            f"a study is running in {Path.cwd()} (process {holder}): wait for it, or stop it, then start again"
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    os.set_inheritable(descriptor, True)


def _clear_stale_lock() -> None:
    """Remove Snakemake's lock files if nobody who could hold them is alive.

    Raises:
        UnmixingError: a Snakemake that was started without this program runs in this folder.
    """
    from unmixing.errors import UnmixingError

    locks = sorted(Path(".snakemake/locks").glob("*"))
    if not locks:
        return
    import psutil

    here = Path.cwd()
    for process in psutil.process_iter(["pid", "cmdline", "cwd"]):
        words = process.info["cmdline"] or []
        named = any(Path(word).name == "snakemake" for word in words[:3])
        if process.info["pid"] != os.getpid() and named and process.info["cwd"] == str(here):
            raise UnmixingError(
                f"Snakemake is running in {here} (process {process.info['pid']}): wait for it, or stop it, "
                "then start again"
            )
    for lock in locks:
        lock.unlink()
    print("a stopped run left Snakemake's lock behind: cleared, going on from what it finished", flush=True)
