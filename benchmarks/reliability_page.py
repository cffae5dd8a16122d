"""The page of reliability.py: kills, faults and Slurm, and what was lost, repeated or silently wrong."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Outcome = Mapping[str, Any]


def page(of: Callable[[str], Sequence[Outcome]], machine: Mapping[str, Any]) -> tuple[str, bool]:
    """Return the page as Markdown, and whether nothing was lost, repeated, silently wrong or unclear.

    Args:
        of: gives the outcomes of a kind: undisturbed, kill, fault, slurm.
        machine: where they were met.
    """
    kills, faults = [one for one in of("kill") if one["killed"]], of("fault")
    failed = [one for one in faults if one["outcome"] == "failed"]
    lost, repeated = sum(one["lost"] for one in kills), sum(one["repeated"] for one in kills)
    wrong = sum(bool(one["unlike"]) for one in kills)
    broken = [one for one in kills if one["failure"]]
    slurm = of("slurm")
    rows = [
        ("kills", len(kills), "50 or more"),
        ("of these while a training was under way", _share([one["training"] for one in kills]), "60 % or more"),
        ("finished runs lost", lost, 0),
        ("finished runs repeated", repeated, 0),
        ("studies that ended with other rows than undisturbed ones", wrong, 0),
        ("studies that did not go on, or left half-written files", len(broken), 0),
        ("runs under way that were begun again", sum(one["begun_again"] for one in kills), "at most one per job"),
        ("kinds of faults met", sum(one["outcome"] != "not tried" for one in faults), "40 or more"),
        ("of these neither refused in one clear line nor right", len(failed), 0),
    ]
    good = not (lost or repeated or wrong or broken or failed)
    lines = [
        "# Reliability",
        "",
        f"Written by `make reliability` on {machine['machine']}, commit {machine['commit']}, from outcomes of one"
        " version of the code. A run counts as finished when the journal of its cell says so; its rows are compared by"
        " a hash of all columns but seconds and memory.",
        "",
        *_table(("", "measured", "aim"), rows),
        *_kills(kills, of("undisturbed")),
        *_slurm(slurm),
        *_faults(faults),
    ]
    return "\n".join(lines), good


def _share(values: Sequence[bool]) -> str:
    return f"{sum(values)} of {len(values)} ({sum(values) / len(values):.0%})" if values else "0"


def _table(heading: Sequence[object], rows: Sequence[Sequence[object]]) -> list[str]:
    lines = [heading, ["---"] * len(heading), *rows]
    return ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines] + [""]


def _kills(kills: Sequence[Outcome], undisturbed: Sequence[Outcome]) -> list[str]:
    if not kills:
        return []
    met: Counter[tuple[str, str]] = Counter()
    for one in kills:
        for program in one["running"] or ["Snakemake alone"]:
            met[program, one["victim"]] += 1
    victims = sorted({one["victim"] for one in kills})
    programs = sorted({program for program, _ in met})
    told = ", ".join(
        f"{one['study']} {one['seconds']:.0f} s and {len(one['trainings'])} trainings" for one in undisturbed
    )
    return [
        "## Kills",
        "",
        f"SIGKILL at drawn moments of tiny studies (undisturbed: {told}): two of five moments are uniform over the wall"
        " time of the undisturbed study, the others uniform over the time spent in its trainings, counted from the"
        " start of one; where a study trains no run, all are of the former kind. Killed were Snakemake alone (its jobs"
        " live on), all of its jobs, or both. Then the study was started again at once. How often each program was"
        " running when a kill came:",
        "",
        *_table(
            ["running", *victims, "all"],
            [
                [program, *(met[program, victim] for victim in victims), sum(met[program, v] for v in victims)]
                for program in programs
            ],
        ),
    ]


def _slurm(found: Sequence[Outcome]) -> list[str]:
    if not found:
        return ["## Slurm", "", "Not run on this machine.", ""]
    one = found[-1]
    states = ", ".join(f"{count} {state.lower().replace('_', ' ')}" for state, count in sorted(one["states"].items()))
    return [
        "## Slurm",
        "",
        f"A study of {one['runs']} trainings through `profiles/slurm` on a real Slurm of one node: one job cancelled,"
        f" one hung until its limit of time, one over its limit of memory, the node drained for {one['drained']:.0f} s."
        f" Jobs: {states}. The study ended in {one['seconds']:.0f} s; finished runs lost {one['lost']}, repeated"
        f" {one['repeated']}; runs under way begun again {one['begun_again']}.",
        "",
    ]


def _faults(faults: Sequence[Outcome]) -> list[str]:
    if not faults:
        return []
    order = {name: place for place, name in enumerate(dict.fromkeys(one["part"] for one in faults))}
    rows = [
        (one["part"], one["name"], f"**{one['outcome']}**" if one["outcome"] == "failed" else one["outcome"],
         f"`{one['seen'][:220]}`" if one["outcome"] == "refused" else one["seen"][:220])
        for one in sorted(faults, key=lambda one: order[one["part"]])
    ]  # fmt: skip
    return [
        "## Faults",
        "",
        "refused: the program ended with one line that says what, where and what to do, and left nothing half-written;"
        " right: the numbers are those without the fault, or usable as the line says.",
        "",
        *_table(("part", "what was wrong", "outcome", "what was said"), rows),
    ]
