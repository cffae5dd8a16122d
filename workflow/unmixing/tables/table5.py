"""Table 5: the paper's three treatments, its mean over the regimes beside ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from unmixing.augmentation.treatments import TREATMENTS
from unmixing.published import paper_values
from unmixing.tables.claims import CLAIMS_NOTE, judged_by, reference_values
from unmixing.tables.contrastive_rows import describe_runs
from unmixing.tables.forms import Column
from unmixing.tables.run_rows import NO_REFERENCE, is_paper_scale, of_phase, on_scene, plan_of, reasons, typed_frame
from unmixing.tables.scene_rows import SceneRow, common_of, scenes_to_show
from unmixing.tables.sweep_rows import (
    DRAWS_NOTE,
    IDENTITY,
    NO_SWEEP,
    PAPER_IMAGES,
    PAPER_TREATMENTS,
    PHASE,
    is_paper_sweep,
    runs_of,
    summarise,
    sweep,
    sweep_groups,
    sweep_runs,
    sweep_scale,
)
from unmixing.tables.table2 import describe_operations
from unmixing.tables.writing import Table

ORIGINAL = "Original Results"

COLUMNS = [
    Column("title", "Scene"),
    Column("kind", "Kind", help="real, crop, synthetic, semi-real or own; a crop is not the paper's scene"),
    Column("protocol", "Protocol"),
    Column("images", "Images", "count", help="augmented images of a run; the paper's table has 90"),
    Column("label", "Augmentation", help="as the paper prints it"),
    Column("operation", "What was done", "prose", help="under this protocol"),
    Column("paper_sad", "Paper average", "angle", "rad", help="as printed in Table 5"),
    Column("paper_std", "Paper STD", "angle", "rad", help="as printed in Table 5"),
    Column("sad_mean", "Ours: SAD", "angle", "rad", help="mean over endmembers, runs and regimes"),
    Column("difference", "Ours − paper", "difference", "rad", help="see the notes", extra=("comparison",)),
    Column(
        "interval_low",
        "95 % interval",
        "interval",
        "rad",
        help="of the mean over regimes; below five draws the draws themselves",
        extra=("interval_high", "run_values"),
    ),
    Column("runs", "n", "count", help="runs in all regimes, diverged ones included"),
    Column("regimes", "Regimes", "count"),
    Column("draws", "Draws", "count", help="independent ones among the scored runs, see the notes"),
    Column("paper_definition_std", "STD, paper's way", "angle", "rad", help="mean over regimes, as the paper's"),
    Column("run_mean_sd", "SD of run means", "angle", "rad", help="within regimes"),
    Column("regime_sd", "SD between regimes", "angle", "rad", help="of the regimes' means; in neither deviation"),
    Column("regime_means", "Regimes' means", help="dynamic unseeded, fixed unseeded, fixed seeded; those at hand"),
    Column("baseline_sad", "Our baseline", "angle", "rad", help="same protocol"),
    Column("identity_sad", "Unaugmented copies", "angle", "rad", help="control_identity, mean over regimes"),
    Column(
        "successes",
        "Runs that find all",
        "rate",
        help="of all runs, diverged ones included; Wilson interval with the draws for trials",
        extra=("runs", "success_low", "success_high"),
    ),
    Column("judged_by", "Judged by"),
    Column("chance_mean", "Chance", "angle", "rad", help="K random pixels as endmembers, mean over draws"),
    Column("mean_of_references", "Mean of references", "angle", "rad", help="given for every endmember"),
    Column("floor", "Floor", "angle", "rad", help="mean spectrum of nearly pure pixels (oracle)"),
    Column("runs_diverged", "n diverged", "count"),
    Column("runs_collapsed", "n collapsed", "count"),
    Column("condition", "Holds for", help="what all draws have in common"),
    Column("reason", "Reason", "prose", help="why something is missing"),
]

NOTES = [
    "The paper's average and STD are means over its three training strategies (Table 4): of the mean over runs and "
    "endmembers, and of the population deviation over runs, averaged over endmembers. The spread between the "
    "strategies is in neither; ours stands beside them.",
    "Original Results: the paper's baseline and ours, which has no regimes and another number of runs. The paper shows "
    "no unaugmented control: what a treatment adds is its difference to unaugmented copies, in the table of contrasts.",
    "Ours − paper is indicative unless 25 runs in each of the three regimes, 90 images, 320 epochs and 250 patches of "
    "40 x 40 pixels are done; the paper's means hold for the one set of initial weights that its released code shares.",
    "The paper has 90 images; an arm with another number stands in rows of its own without the paper's values. Crops, "
    "synthetic, semi-real and own scenes have none either.",
    "Blur (sigma = 0.1, 1.0) is printed; the released code ran sigma up to 2.0 under that name (90 images).",
    DRAWS_NOTE,
    CLAIMS_NOTE,
]


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Table:
    """Build Table 5.

    Args:
        rows: Run rows of the phase augmentation, and those of the phases baseline and classical for the columns
            beside; possibly empty.
        scenes: Availability records of all scenes.
        scale: By scene; the key ``augmentation`` holds the planned scale of the sweep.
        provenance: Commit, versions, input checksums.

    Returns:
        For each scene, protocol and number of images the baseline, the paper's three treatments and unaugmented
        copies; the paper's six scenes always keep their printed rows.
    """
    shown, chosen = scenes_to_show(scenes), sweep(rows)
    baseline, references, paper = of_phase(rows, "baseline"), reference_values(rows), _paper()
    at_least = {scene.scene: PAPER_IMAGES for scene in shown if scene.paper}
    records = []
    for scene, protocol, images, part in sweep_groups(chosen, shown, at_least):
        common = common_of(scene, protocol) | {"images": images or None} | references.get(scene.scene, {})
        printed = paper if scene.paper and images == PAPER_IMAGES else {}
        if part.empty:
            more = f"no arm of {images} images in this study" if scene.scene in set(chosen.get("scene", [])) else ""
            common |= {"reason": scene.reason or more or NO_SWEEP}
            labels = [ORIGINAL, *PAPER_TREATMENTS] if printed else [""]
            records += [common | _of_paper(printed, scene, label) for label in labels]
            continue
        own = on_scene(baseline, scene.scene, protocol)
        same_scale = {
            ORIGINAL: len(own) > 0 and is_paper_scale(own, scale.get(scene.scene, {})),
            **dict.fromkeys(PAPER_TREATMENTS, is_paper_sweep(part, plan_of(scale, scene.scene, PHASE), images)),
        }
        for record in _of_part(scene, protocol, images, part, own, printed):
            if record.get("difference") is not None:
                record["comparison"] = "same scale" if same_scale[record["label"]] else "indicative"
            records.append(common | record)
    return Table(
        name="table5",
        title="Table 5: the paper's three augmentations",
        caption="Mean spectral angle distance (SAD, radians) over the regimes of Table 4 for the three treatments "
        "that the paper reports, with its values, our baseline and unaugmented copies beside them. The paper's six "
        "scenes keep their rows even where this study has no data for them.",
        frame=typed_frame(records, ["scene"], COLUMNS),
        columns=COLUMNS,
        notes=NOTES,
        scale=sweep_scale(shown, scale),
        n=sweep_runs(chosen, shown),
        provenance=provenance,
    )


def _paper() -> dict[tuple[str, str, str], float]:
    values = paper_values(5)
    keys = zip(values["scene"], values["row_label"], values["column"], strict=True)
    return dict(zip(keys, values["value"].astype(float), strict=True))


def _of_paper(paper: Mapping[tuple[str, str, str], float], scene: SceneRow, label: str) -> dict[str, Any]:
    return {
        "label": label or None,
        "paper_sad": paper.get((scene.scene, label, "average")),
        "paper_std": paper.get((scene.scene, label, "std")),
    }


def _of_part(
    scene: SceneRow,
    protocol: str,
    images: int,
    part: pd.DataFrame,
    baseline: pd.DataFrame,
    paper: Mapping[tuple[str, str, str], float],
) -> list[dict[str, Any]]:
    """Return the rows of one scene, protocol and number of images."""
    ours: dict[str, dict[str, Any]] = {ORIGINAL: _of_baseline(baseline)}
    runs = runs_of(part)
    arms = {**PAPER_TREATMENTS, f"{TREATMENTS[IDENTITY].title} (not in the paper)": IDENTITY}
    for label, treatment in arms.items():
        chosen = runs.of(treatment)
        record: dict[str, Any] = {"reason": "no runs of this treatment in this study"}
        if len(chosen.table):
            record = summarise(chosen, treatment, protocol, images)
            unknown = "sad_mean" not in record and record["runs_diverged"] < record["runs"]
            record["reason"] = NO_REFERENCE if unknown else reasons_of(part[part["treatment"] == treatment])
        ours[label] = record | {"operation": describe_operations(treatment, protocol, images)}
    beside = {"baseline_sad": ours[ORIGINAL].get("sad_mean"), "identity_sad": ours[label].get("sad_mean")}
    records = []
    for label, record in ours.items():
        printed = _of_paper(paper, scene, label)
        if printed["paper_sad"] is not None and record.get("sad_mean") is not None:
            record["difference"] = record["sad_mean"] - printed["paper_sad"]
        if record.get("draws"):
            record["judged_by"] = judged_by(scene.scene, record["draws"])
        records.append(beside | printed | record)
    return records


def reasons_of(rows: pd.DataFrame) -> str | None:
    """Return why runs of one treatment diverged or collapsed, in all regimes together."""
    # A run of another regime is another run.
    numbered = rows.assign(run=rows.groupby(["regime", "run"], sort=False).ngroup())
    return reasons(numbered) or None


def _of_baseline(rows: pd.DataFrame) -> dict[str, Any]:
    """Summarise our baseline on one scene under one protocol; each of its scored runs is a draw."""
    if rows.empty:
        return {"reason": "no baseline runs under this protocol in this study"}
    record = {"operation": "the baseline", **describe_runs(rows)}
    return record | ({"draws": record["runs"] - record["runs_diverged"]} if "sad_mean" in record else {})
