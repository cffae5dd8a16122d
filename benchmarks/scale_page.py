"""The page of arithmetic on scale, from the records of dag.py: what a study, a thousand scenes and a satellite cost."""

from collections.abc import Mapping, Sequence
from statistics import mean, median
from typing import Any

#: EnMAP as its mission describes it: strips of 5,000 km a day, 30 km wide, pixels of 30 m, 224 bands in its products.
SATELLITE = {"length_km": 5000, "width_km": 30, "pixel_m": 30, "bands": 224}
DAY = 86_400
GIB = 1 << 30

Records = Sequence[Mapping[str, Any]]


def page(records: Records, allowed: Mapping[str, float], machine: Mapping[str, Any]) -> str:
    """Return the page as Markdown.

    Args:
        records: of dag.py, before the machine is added to them.
        allowed: most jobs, seconds and memory_mb that planning the paper's DAG may take, and the share of a job's
            computing that its overhead may take.
        machine: where they were measured, and its load before.
    """
    return "\n".join(
        [
            "# Scale",
            "",
            "Written by `benchmarks/dag.py` from what it measured (`results/benchmarks/dag.json`) and from the costs of"
            " an update in `workflow/unmixing/costs.yaml`, whose times are of one core of the machine named there. It"
            f" measured on {machine['machine']}, commit {machine['commit']}, on which {machine['load']:.1f} other"
            " processes wanted a core at the start: the more, the less wall times say, and the more processor times.",
            "",
            *_planning(records, allowed),
            *_overhead(records, allowed["share"]),
            *_storage(records),
            *_thousand(records),
            *_satellite(records),
        ]
    )


def _of(records: Records, kind: str, **wanted: object) -> list[Mapping[str, Any]]:
    return [one for one in records if one["kind"] == kind and all(one[key] == value for key, value in wanted.items())]


def _table(heading: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    lines = [heading, ["---"] * len(heading), *rows]
    return [f"| {' | '.join(map(str, line))} |" for line in lines] + [""]


def _planning(records: Records, allowed: Mapping[str, float]) -> list[str]:
    rows = []
    factors = sorted({one["factor"] for one in _of(records, "planning")})
    for factor in factors:
        known = _of(records, "planning", factor=factor)
        cells = [known[0]["scenes"], f"{known[0]['jobs']:,}", len(known)]
        cells += [f"{median(one[key] for one in known):.1f}" for key in ("seconds", "processor_seconds")]
        rows.append([*cells, f"{max(one['memory_mb'] for one in known):.0f}"])
    paper = _of(records, "planning", factor=1.0)
    seconds, memory = median(one["processor_seconds"] for one in paper), max(one["memory_mb"] for one in paper)
    words = {True: "holds", False: "is MISSED"}
    held = words[paper[0]["jobs"] < allowed["jobs"] and seconds < allowed["seconds"] and memory < allowed["memory_mb"]]
    return [
        "## Planning",
        "",
        "`snakemake --dry-run` of the paper's study: six scenes, both protocols, every phase; and of DAGs that have"
        " fewer or more scenes, each in as many phases. Median of n, largest memory.",
        "",
        *_table(["scenes", "jobs", "n", "wall s", "processor s", "memory MB"], rows),
        f"The aim of fewer than {allowed['jobs']:,.0f} jobs, planned in less than {allowed['seconds']:.0f} s of"
        f" processor time and {allowed['memory_mb']:.0f} MB, {held} for the paper's study.",
        "",
    ]


def _overhead(records: Records, allowed: float) -> list[str]:
    (scheduling,) = _of(records, "scheduling")
    lines = [
        "## Overhead per job",
        "",
        f"Snakemake itself costs {scheduling['seconds_per_job'] * 1e3:.0f} ms of wall time and"
        f" {scheduling['processor_seconds_per_job'] * 1e3:.0f} ms of processor time per job (mean of"
        f" {scheduling['jobs']} jobs that do nothing, two at a time). A training job further starts Python, loads torch"
        " and reads its scene.",
        "",
    ]
    jobs = _of(records, "job")
    extra = [one["seconds"] - one["trained_seconds"] for one in jobs]
    if jobs:
        start = median(extra)
        lines += [
            f"In {len(jobs)} finished training jobs on this machine all of that took {start:.1f} s (median; from"
            f" {min(extra):.1f} to {max(extra):.1f}), {sum(extra) / sum(one['seconds'] for one in jobs):.1%} of their"
            " wall time together.",
            "",
        ]
    else:
        start = scheduling["start_seconds"]
        lines += [f"No finished jobs were at hand: the costs say {start:.1f} s.", ""]
    nested = 2 * scheduling["snakemake_processor_seconds"]
    rows, means = [], []
    for one in _of(records, "computing"):
        seconds = one["seconds"]
        shares = [extra / mean(seconds) for extra in (start, start + nested)]
        means.append(shares[-1])
        above = sum(start + nested >= allowed * value for value in seconds)
        cells = [one["phase"], f"{len(seconds):,}", *(f"{value / 60:.0f}" for value in (mean(seconds), min(seconds)))]
        rows.append([*cells, *(f"{share:.2%}" for share in shares), above])
    held = "holds" if max(means) < allowed else "is MISSED"
    return [
        *lines,
        f"On a cluster a job starts Snakemake twice more, {nested / 2:.1f} s of processor time each. Beside what"
        " training jobs of the paper's study compute (planned), that is",
        "",
        *_table(
            ["phase", "jobs", "minutes per job, mean", "shortest", "overhead, mean", "on a cluster", "jobs above aim"],
            rows,
        ),
        f"The aim of less than {allowed:.0%} {held} for the jobs of every phase together.",
        "",
    ]


def _storage(records: Records) -> list[str]:
    rows = [
        [one["phase"], one["scene"], one["runs"], f"{one['bytes_per_run'] / 1e3:,.0f}"]
        for one in _of(records, "storage")
    ]
    known = _of(records, "paper")
    runs, disk = sum(one["runs"] for one in known), sum(one["disk_gib"] for one in known)
    lines = ["## Storage", ""]
    if rows:
        lines += ["Measured in the run store:", "", *_table(["phase", "scene", "runs", "kB per run"], rows)]
    return [
        *lines,
        f"The paper's study: {runs:,} runs, {disk:.1f} GiB in all, {disk * GIB / runs / 1e6:.2f} MB per run (planned:"
        " abundances in half precision, endmembers of the last epochs).",
        "",
    ]


def _thousand(records: Records) -> list[str]:
    rows = []
    for phase, protocol in (("baseline", "described"), ("augmentation", "described"), ("contrastive", "described")):
        known = _of(records, "paper", phase=phase, protocol=protocol)
        if not known:
            continue
        hours = sum(one["hours"] for one in known) / len(known)
        runs = sum(one["runs"] for one in known) / len(known)
        disk = sum(one["disk_gib"] for one in known) / len(known)
        rows.append(
            [phase, f"{runs:,.0f}", f"{hours:,.0f}", f"{hours * 1000:,.0f}", f"{hours * 1000 / 1000 / 24:,.1f}",
             f"{disk * 1000 / 1024:,.2f}"]
        )  # fmt: skip
    total = sum(one["hours"] for one in _of(records, "paper"))
    return [
        "## A thousand scenes",
        "",
        f"The paper's study is planned at {total:,.0f} core-hours. A thousand scenes like its own (mean of those in"
        " each phase), trained as the paper describes, at the paper's scale, on a thousand cores:",
        "",
        *_table(["phase", "runs per scene", "core-hours per scene", "core-hours", "days on 1,000 cores", "TiB"], rows),
        "Trainings of the baseline and contrastive ones see a fixed number of patches: their cost does not grow with"
        " the size of a scene, but what they store does. One training per scene in place of 25 divides all by 25.",
        "",
    ]


def _satellite(records: Records) -> list[str]:
    lines_a_day = SATELLITE["length_km"] * 1000 / SATELLITE["pixel_m"]
    columns = SATELLITE["width_km"] * 1000 / SATELLITE["pixel_m"]
    pixels = lines_a_day * columns
    volume = pixels * SATELLITE["bands"] * 2
    rows = []
    for one in _of(records, "unmixing"):
        hours = pixels / one["pixels_per_second"] / 3600
        shape = f"{one['bands']} bands, {one['endmembers']} endmembers"
        rows.append([one["method"], shape, f"{one['pixels_per_second']:,}", f"{hours:.1f}", f"{hours / 24:.2f}"])
    tiles = lines_a_day / columns
    baseline = [one for one in _of(records, "paper", phase="baseline", protocol="described")]
    per_run = sum(one["hours"] for one in baseline) / max(1, sum(one["runs"] for one in baseline))
    return [
        "## A satellite's daily volume",
        "",
        f"EnMAP takes strips of up to {SATELLITE['length_km']:,} km a day, {SATELLITE['width_km']} km wide, with pixels"
        f" of {SATELLITE['pixel_m']} m: {lines_a_day:,.0f} x {columns:,.0f} = {pixels:.3g} pixels, with"
        f" {SATELLITE['bands']} bands of two bytes {volume / 1e9:.0f} GB. Where the endmembers are known, unmixing"
        " takes",
        "",
        *_table(["method", "shape", "pixels per second and core", "core-hours a day", "cores to keep up"], rows),
        f"Cut into {tiles:.0f} tiles of {columns:,.0f} x {columns:,.0f} pixels, one training of the baseline at the"
        f" paper's scale on each takes {tiles * per_run:,.0f} core-hours a day ({per_run:.2f} h each, mean of the"
        f" paper's scenes): {tiles * per_run / 24:.0f} cores to keep up. Its maps, six endmembers in half precision,"
        f" are {pixels * 6 * 2 / 1e9:.1f} GB a day.",
        "",
        "Not in this arithmetic: reading and correcting the images, moving them, and whether one training finds the"
        " endmembers, which the tables of the study say.",
        "",
    ]
