"""Rules that the paper's own tables or the released sheets decide, ours named beside them where there are runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

import pandas as pd

from unmixing.protocol.points import POINTS
from unmixing.published import paper_values
from unmixing.published.released import AVERAGE, MEAN_OF_REGIMES
from unmixing.published.released_grid import FACTORS
from unmixing.statistics import reproduction_margin
from unmixing.tables.augmentation_complete import POOLED
from unmixing.tables.forms import signed
from unmixing.tables.prose_claims_evidence import Evidence, measured_rows, rule
from unmixing.tables.prose_claims_findings import Finding, Measured, not_tested, said, share
from unmixing.tables.scene_rows import PAPER_SCENES
from unmixing.tables.sweep_rows import IDENTITY, PAPER_IMAGES, PAPER_TREATMENTS
from unmixing.tables.table5 import ORIGINAL
from unmixing.tables.table6 import BASELINE, PAPER_ROWS

BLUR, CROP_BLUR, CROP_JITTER_BLUR = PAPER_TREATMENTS

#: Configurations on the scene that they were chosen on, and on the other one.
LOCAL: Mapping[str, str] = {"samson": "table7_samson", "urban4": "table7_urban4"}
OTHER: Mapping[str, str] = {"samson": "table7_urban4", "urban4": "table7_samson"}
NO_SHEET = "the released sheet is not at hand: name its folder in UNMIXING_REFERENCE"


@cache
def printed(table: int, column: str) -> dict[tuple[str, str], float]:
    """Return the printed numbers of one column of a table by scene and label of the row."""
    cells = paper_values(table)
    cells = cells[(cells["column"] == column) & cells["value"].notna()]
    return dict(zip(zip(cells["scene"], cells["row_label"], strict=True), cells["value"].astype(float), strict=True))


def gains(label: str, column: str = "average") -> dict[str, float]:
    """Return by scene what a treatment of Table 5 has less the baseline, negative where it is smaller."""
    values = printed(5, column)
    return {scene: values[scene, label] - values[scene, ORIGINAL] for scene in PAPER_SCENES}


def configurations(column: str = "avg_sad") -> dict[str, dict[str, float]]:
    """Return by scene of Table 6 the printed angle of the baseline and of each configuration, by our ids."""
    values = printed(6, column)
    return {
        scene: {name: values[scene, label] for name, label in labels.items() if (scene, label) in values}
        for scene, labels in PAPER_ROWS.items()
    }


def _names(scenes: Sequence[str]) -> str:
    return ", ".join(PAPER_SCENES[scene] for scene in scenes) or "none"


def beside(found: Finding, ours: Sequence[Measured]) -> Finding:
    """Return a finding with what ours measured on the same question at the end of its sentence."""
    if not ours:
        return found
    return replace(found, sentence=f"{found.sentence}. Ours: {'; '.join(one.words for one in ours)}")


def treatment_rows(evidence: Evidence, *treatments: str, protocol: str = "") -> list[Measured]:
    """Return our differences of treatments to unaugmented copies, of all scenes.

    Args:
        evidence: Of the study.
        treatments: Their ids.
        protocol: Of the runs; that of the other claims if it is not named.
    """
    frame = evidence.all_treatments
    frame = frame[frame["protocol"] == protocol] if protocol else evidence.treatments
    chosen = frame[frame["treatment"].isin(treatments) & frame["role"].isin(["secondary", "description"])]
    return measured_rows(
        chosen, "identity", evidence.paper_scenes["augmentation"], lambda row: str(row["treatment_title"])
    )


@rule("three_beat_baseline")
def three_beat_baseline(evidence: Evidence) -> Finding:
    """Of the 18 printed means of Table 5, how many lie below the baseline's."""
    lower = {label: [scene for scene, gain in gains(label).items() if gain < 0] for label in PAPER_TREATMENTS}
    count = sum(map(len, lower.values()))
    without = [scene for scene in PAPER_SCENES if not any(scene in found for found in lower.values())]
    text = f"{count} of 18 printed means lie below the baseline; scenes on which none of the three does: "
    found = share(count, 18, said(count == 18), text + _names(without))
    return beside(found, treatment_rows(evidence, *PAPER_TREATMENTS.values()))


def _pooled(evidence: Evidence) -> pd.DataFrame:
    """Return our averages over endmembers and regimes, of all treatments and controls."""
    # A scene without runs has a row without endmember and regime.
    frame = evidence.complete[evidence.complete["sad_mean"].notna()]
    return frame[(frame["endmember"] == AVERAGE) & (frame["regime_title"] == POOLED)]


def _ranks(evidence: Evidence) -> tuple[dict[str, dict[str, int]], bool]:
    """Return by scene the rank of each treatment by its mean over regimes, and whether the released sheet gives it."""
    sheet = evidence.sheets.get("sweep")
    if sheet is not None:
        means = sheet[(sheet["images"] == PAPER_IMAGES) & (sheet["regime"] == MEAN_OF_REGIMES)]
        means = means[(means["endmember"] == AVERAGE) & (means["treatment"] != "")]
        means = means.assign(title=means["scene"].map(PAPER_SCENES), value=means["released_mean"])
    else:
        means = _pooled(evidence)
        means = means[~means["treatment"].astype(str).str.startswith("control")]
        means = means.assign(value=means["sad_mean"]).sort_values("images", ascending=False)
        means = means[means["images"] == means.groupby("scene")["images"].transform("max")]
    ranks = means.assign(rank=means.groupby("title")["value"].rank(method="min").astype("Int64"))
    found: dict[str, dict[str, int]] = {}
    for title, treatment, rank in zip(ranks["title"], ranks["treatment"], ranks["rank"], strict=True):
        found.setdefault(str(title), {})[str(treatment)] = int(rank)
    return found, sheet is not None


@rule("three_are_best")
def three_are_best(evidence: Evidence) -> Finding:
    """Of the printed means that do not beat the baseline, how many are among the three lowest of all treatments."""
    ranks, from_sheet = _ranks(evidence)
    if not from_sheet:
        return not_tested(f"the paper prints three of its 18 treatments; {NO_SHEET}")
    failing = [(scene, label) for label in PAPER_TREATMENTS for scene, gain in gains(label).items() if gain >= 0]
    places = {(scene, label): ranks[PAPER_SCENES[scene]][PAPER_TREATMENTS[label]] for scene, label in failing}
    best = sum(rank <= 3 for rank in places.values())
    words = "; ".join(f"{PAPER_SCENES[scene]}, {label}: {rank} of 18" for (scene, label), rank in places.items())
    text = f"of {len(failing)} printed means that do not beat the baseline {best} are among the three lowest: {words}"
    return share(best, len(failing), said(best == len(failing)), text, "released sheet")


@rule("three_rank_first")
def three_rank_first(evidence: Evidence) -> Finding:
    """Whether any other treatment is ahead of all three reported ones on at least as many scenes as not."""
    ranks, from_sheet = _ranks(evidence)
    ranks = {title: known for title, known in ranks.items() if set(PAPER_TREATMENTS.values()) <= set(known)}
    if not ranks:
        return not_tested(f"{NO_SHEET}; and no sweep of this study has all three")
    mean = pd.DataFrame(ranks).mean(axis=1).sort_values()
    best = sorted(mean.index[:3])
    holds = best == sorted(PAPER_TREATMENTS.values())
    text = (
        f"lowest mean rank over {len(ranks)} scene{'s' if len(ranks) > 1 else ''}: "
        f"{', '.join(f'{name} {mean[name]:.1f}' for name in mean.index[:3])}; the reported three "
        f"{', '.join(f'{mean[name]:.1f}' for name in PAPER_TREATMENTS.values())}"
    )
    among = len(set(best) & set(PAPER_TREATMENTS.values()))
    return Finding(
        said(holds),
        text,
        float(among),
        "of 3",
        len(ranks),
        basis="released sheet" if from_sheet else "measured",
    )


@rule("complete_results")
def complete_results(evidence: Evidence) -> Finding:
    """Whether the sheet behind the link holds every treatment on every scene."""
    sheet = evidence.sheets.get("sweep")
    if sheet is None:
        return not_tested(f"the text has a link without an address; {NO_SHEET}")
    means = sheet[(sheet["images"] == PAPER_IMAGES) & (sheet["endmember"] == AVERAGE) & (sheet["treatment"] != "")]
    means = means[~means["regime"].isin([MEAN_OF_REGIMES, "baseline"])]
    wanted = 18 * 6 * 3
    text = f"{len(means)} of {wanted} averages (18 treatments, 6 scenes, 3 regimes) stand in the released sheets"
    verdict = said(len(means) == wanted)
    return Finding(verdict, text, float(len(means)), f"of {wanted}", len(means), basis="released sheet")


@rule("three_are_steadier")
def three_are_steadier(evidence: Evidence) -> Finding:
    """Of the 18 printed deviations, how many lie below the baseline's: most are more than half."""
    count = sum(gain < 0 for label in PAPER_TREATMENTS for gain in gains(label, "std").values())
    text = (
        f"{count} of 18 printed STDs lie below the baseline's, which has another recipe and no augmented images to be "
        "compared with"
    )
    pooled = _pooled(evidence)
    controls = pooled[pooled["treatment"] == IDENTITY].to_dict("records")
    copies = {(row["scene"], row["images"]): float(row["run_mean_sd"]) for row in controls}
    ours = [
        float(row["run_mean_sd"]) < copies[row["scene"], row["images"]]
        for row in pooled[pooled["treatment"].isin(PAPER_TREATMENTS.values())].to_dict("records")
        if (row["scene"], row["images"]) in copies and pd.notna(row["run_mean_sd"])
    ]
    if ours:
        text += f". Ours: {sum(ours)} of {len(ours)} SDs of run means lie below that of unaugmented copies"
    return share(count, 18, said(count > 9), text)


@rule("blur_on_three_scenes")
def blur_on_three_scenes(evidence: Evidence) -> Finding:
    """Whether blur lowers the printed mean on Urban5, Urban6 and Jasper Ridge."""
    found = {scene: gains(BLUR)[scene] for scene in ("urban5", "urban6", "jasper_ridge")}
    count = sum(gain < 0 for gain in found.values())
    text = "; ".join(f"{PAPER_SCENES[scene]} {signed(gain)} rad" for scene, gain in found.items())
    decided = share(count, 3, said(count == 3), f"lower on {count} of 3: {text}")
    ours = [one for one in treatment_rows(evidence, "blur_1") if one.place.startswith(("Urban5", "Urban6", "Jasper"))]
    return beside(decided, ours)


@rule("crop_blur_gains")
def crop_blur_gains(evidence: Evidence) -> Finding:
    """On how many scenes Crop + Blur lowers the printed mean: consistently is on all."""
    higher = [scene for scene, gain in gains(CROP_BLUR).items() if gain >= 0]
    text = f"lower on {6 - len(higher)} of 6 scenes as printed; not on {_names(higher)}"
    found = share(6 - len(higher), 6, said(not higher), text)
    return beside(found, treatment_rows(evidence, "crop_blur"))


@rule("crop_blur_gains_most")
def crop_blur_gains_most(evidence: Evidence) -> Finding:
    """Whether Urban4, Cuprite and Jasper Ridge have the three largest relative gains of Crop + Blur."""
    values = printed(5, "average")
    relative = {scene: gain / values[scene, ORIGINAL] for scene, gain in gains(CROP_BLUR).items()}
    order = sorted(relative, key=lambda scene: relative[scene])
    among = len(set(order[:3]) & {"urban4", "cuprite", "jasper_ridge"})
    text = ", ".join(f"{PAPER_SCENES[scene]} {100 * relative[scene]:+.0f} %" for scene in order).replace("-", "−")
    return share(among, 3, said(among == 3), f"largest gains as printed: {text}")


@rule("crop_jitter_blur_gains")
def crop_jitter_blur_gains(evidence: Evidence) -> Finding:
    """On how many scenes Crop + Jitter + Blur lowers the printed mean: most are more than half."""
    lower = [scene for scene, gain in gains(CROP_JITTER_BLUR).items() if gain < 0]
    text = f"lower on {len(lower)} of 6 scenes as printed: {_names(lower)}"
    found = share(len(lower), 6, said(len(lower) > 3), text)
    return beside(found, treatment_rows(evidence, "crop_jitter_blur"))


@rule("crop_jitter_blur_varies")
def crop_jitter_blur_varies(evidence: Evidence) -> Finding:
    """On how many scenes Crop + Jitter + Blur has the largest printed STD of the three."""
    values = printed(5, "std")
    most = [
        scene
        for scene in PAPER_SCENES
        if max(PAPER_TREATMENTS, key=lambda label: values[scene, label]) == CROP_JITTER_BLUR
    ]
    text = f"the largest STD of the three on {len(most)} of 6 scenes as printed: {_names(most)}"
    return share(len(most), 6, said(len(most) > 3), text)


@rule("third_endmember_of_samson")
def third_endmember_of_samson(evidence: Evidence) -> Finding:
    """In how many configurations the third endmember of Samson lies below the baseline's."""
    return _cells("samson", ("avg_e3",), "endmember 3 of Samson")


@rule("first_and_third_of_urban4")
def first_and_third_of_urban4(evidence: Evidence) -> Finding:
    """In how many configurations the first and third endmembers of Urban4 lie below the baseline's."""
    return _cells("urban4", ("avg_e1", "avg_e3"), "endmembers 1 and 3 of Urban4")


def _cells(scene: str, columns: Sequence[str], what: str) -> Finding:
    lower, words = 0, []
    for column in columns:
        values = configurations(column)[scene]
        others = [value for name, value in values.items() if name != BASELINE]
        lower += sum(value < values[BASELINE] for value in others)
        words.append(f"{values[BASELINE]:.4f} becomes {', '.join(f'{value:.4f}' for value in others)}")
    whole = 3 * len(columns)
    text = f"{what}: smaller in {lower} of {whole} printed cells; {'; '.join(words)}"
    return share(lower, whole, said(lower == whole), text)


@rule("carries_over")
def carries_over(evidence: Evidence) -> Finding:
    """How far the printed averages of the configurations lie apart, in margins of the baseline."""
    spans = {}
    for scene, values in configurations().items():
        others = [value for name, value in values.items() if name != BASELINE]
        spans[scene] = max(others) - min(others), reproduction_margin(values[BASELINE])
    text = "; ".join(f"{PAPER_SCENES[scene]} {span:.4f} rad apart" for scene, (span, _) in spans.items())
    holds = all(span > margin for span, margin in spans.values())
    largest = max(span for span, _ in spans.values())
    return Finding(said(holds), text, largest, "rad", 3, basis="printed")


@rule("average_is_lowest")
def average_is_lowest(evidence: Evidence) -> Finding:
    """The rank of Best SAD (Avg) by its average over both scenes in the released sheet."""
    sheet = evidence.sheets.get("grid")
    if sheet is None:
        note = str(paper_values(7).query("row_label == 'Best SAD (Avg)'")["note"].iloc[0])
        return Finding("contradicted", f"of the released sheet it is known: {note}", 4.0, "rank", 1280, basis="text")
    point, grid = POINTS["table7_average"], sheet[sheet["loss"] == "generalized"]
    same = grid[(grid[list(FACTORS)] == pd.Series({name: point[name] for name in FACTORS})).all(axis=1)]
    rank, value = int(same["average_rank"].iloc[0]), float(same["average_sad"].iloc[0])
    text = f"rank {rank} of {len(grid)}: {value:.4f} rad, the lowest {grid['average_sad'].min():.4f}"
    return Finding(said(rank == 1), text, float(rank), "rank", len(grid), basis="released sheet")


@rule("larger_batches")
def larger_batches(evidence: Evidence) -> Finding:
    """How many of the three best configurations have the smallest batch of the grid."""
    batches = list(printed(7, "batch").values())
    small = sum(batch == 8 for batch in batches)
    text = f"batches of {', '.join(f'{batch:g}' for batch in batches)}: {small} of 3 are the smallest of the grid"
    return share(small, 3, said(small < 2), text)


@rule("comparable_in_some_cases")
def comparable_in_some_cases(evidence: Evidence) -> Finding:
    """In how many configurations the printed average is at most a margin above the baseline's."""
    near = []
    for scene, values in configurations().items():
        limit = values[BASELINE] + reproduction_margin(values[BASELINE])
        near += [f"{PAPER_SCENES[scene]} {v:.4f}" for name, v in values.items() if name != BASELINE and v <= limit]
    text = f"{len(near)} of 6 printed averages are at most a margin above the baseline: {', '.join(near) or 'none'}"
    return share(len(near), 6, said(bool(near)), text)


def printed_lowest(scene: str) -> Finding:
    """Say whether the configuration chosen on a scene has its lowest printed average of the three."""
    values = {name: value for name, value in configurations()[scene].items() if name != BASELINE}
    lowest = min(values, key=lambda name: values[name])
    text = (
        f"as printed {', '.join(f'{value:.4f}' for value in values.values())}; chosen as the lowest of 1,280 single "
        "runs by their SAD, so that it could not be otherwise"
    )
    return Finding(said(lowest == LOCAL[scene]), text, values[lowest], "rad", 1, basis="printed")


def printed_elsewhere() -> Finding:
    """Say on how many scenes the configuration of the other scene has a larger printed average than the baseline."""
    values = configurations()
    worse = [scene for scene in values if values[scene][OTHER[scene]] > values[scene][BASELINE]]
    words = "; ".join(
        f"{PAPER_SCENES[scene]} {values[scene][OTHER[scene]]:.4f} against {values[scene][LOCAL[scene]]:.4f} of its own "
        f"and {values[scene][BASELINE]:.4f} of the baseline"
        for scene in values
    )
    return share(len(worse), len(values), said(len(worse) == len(values)), f"as printed: {words}")
