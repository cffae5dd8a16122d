"""Differences of the sweep: every treatment against both controls, and the one primary contrast of each scene."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from unmixing.augmentation.treatments import TREATMENTS
from unmixing.tables.claims import CLAIMS_NOTE
from unmixing.tables.forms import Column
from unmixing.tables.run_rows import typed_frame
from unmixing.tables.scene_rows import SceneRow, common_of, scenes_to_show
from unmixing.tables.sweep_contrasts import (
    FINDING_NOTE,
    Contrast,
    adjust,
    adjust_over_scenes,
    contrast,
    contrast_record,
    texts,
)
from unmixing.tables.sweep_rows import (
    AUGMENTING,
    BASELINE,
    DRAWS_NOTE,
    DYNAMIC,
    IDENTITY,
    NO_SWEEP,
    PAPER_TREATMENTS,
    distinct,
    representatives,
    runs_of,
    sweep,
    sweep_groups,
    sweep_runs,
    sweep_scale,
)
from unmixing.tables.writing import Table

PRIMARY, SECONDARY, DESCRIPTION = "primary", "secondary", "description"

COLUMNS = [
    Column("title", "Scene"),
    Column("kind", "Kind", help="real, crop, synthetic, semi-real or own"),
    Column("protocol", "Protocol"),
    Column("images", "Images", "count", help="augmented images of a run"),
    Column("role", "Role", help="primary: one test a scene; secondary: within a scene; description: no test"),
    Column("treatment_title", "Treatment"),
    Column("identity_arm_sad", "SAD", "angle", "rad", help="mean over regimes, of the pairs with the control"),
    Column("identity_control_sad", "SAD, unaugmented copies", "angle", "rad", help="of the same pairs"),
    Column("identity_difference", "Difference", "difference", "rad", extra=("identity_n",), help="negative: better"),
    Column(
        "identity_low",
        "95 % interval",
        "interval",
        "rad",
        help="of the difference, see the notes; below five draws the draws themselves",
        extra=("identity_high", "identity_values"),
    ),
    Column("identity_detectable", "Detectable", "angle", "rad", help="found by one such test with power .8"),
    Column("identity_correlation", "Pairing correlation", "angle", help="realised, within regimes"),
    Column("identity_variance_saved", "Variance saved", "angle", help="of the difference, by pairing"),
    Column(
        "identity_arm_successes",
        "Find all",
        "rate",
        help="runs that find all endmembers",
        extra=("identity_arm_trials", "identity_arm_low", "identity_arm_high"),
    ),
    Column(
        "identity_control_successes",
        "Find all, copies",
        "rate",
        help="of the paired runs of the control",
        extra=("identity_control_trials", "identity_control_low", "identity_control_high"),
    ),
    Column("identity_rate_difference", "Difference of rates", "number", help="mean over regimes; positive: better"),
    Column("judged_by", "Judged by"),
    Column("identity_p_value", "p", "number", help="of the figure that the scene is judged by"),
    Column("identity_p_holm", "p, Holm", "number", help="within the family that the notes name"),
    Column("finding", "Finding"),
    Column(
        "dynamic_difference",
        "Dynamic regime alone",
        "difference",
        "rad",
        help="difference to unaugmented copies where runs share nothing; description",
        extra=("dynamic_n",),
    ),
    Column("dynamic_low", "Its 95 % interval", "interval", "rad", extra=("dynamic_high", "dynamic_values")),
    Column(
        "baseline_difference",
        "Against the baseline's recipe",
        "difference",
        "rad",
        extra=("baseline_n",),
        help="SAD less that of control_baseline",
    ),
    Column(
        "baseline_low",
        "Its 95 % interval",
        "interval",
        "rad",
        extra=("baseline_high", "baseline_values"),
        help="as above",
    ),
    Column("baseline_detectable", "Detectable against it", "angle", "rad"),
    Column("baseline_correlation", "Pairing correlation with it", "angle"),
    Column("baseline_rate_difference", "Difference of rates against it", "number"),
    Column("baseline_p_value", "p against it", "number"),
    Column("baseline_p_holm", "p against it, Holm", "number"),
    Column("baseline_finding", "Finding against it"),
    Column("condition", "Holds for", help="what all draws have in common"),
    Column("reason", "Reason", "prose"),
]

NOTES = [
    "Primary: the mean of the paper's three treatments (Blur sigma .1 to 1.0, Crop + Blur, Crop + Jitter + Blur; Table "
    "5) less unaugmented copies through the same sampler for as many updates; Holm over the scenes with the same "
    "protocol and number of images.",
    "Secondary: every treatment less each control; Holm over the treatments of a scene, protocol and number of images, "
    "for each control by itself. A treatment that is the same experiment as an earlier one under its protocol is no "
    "test of its own and stands outside of the family.",
    "Pairs: run r of both arms in the same regime has the same initial weights, patches, order and dropout; the images "
    "alone differ. The difference is the mean over regimes, the regime being a fixed block.",
    "Dynamic regime alone: its runs share neither images nor weights, so every run is a draw. It shows what the pooled "
    "interval pays for few sets of images and of weights, and is no further test.",
    DRAWS_NOTE,
    FINDING_NOTE,
    CLAIMS_NOTE,
]


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Table:
    """Build the table of contrasts.

    Args:
        rows: Run rows of the phase augmentation, possibly with those of others; possibly empty.
        scenes: Availability records of all scenes.
        scale: By scene; the key ``augmentation`` holds the planned scale of the sweep.
        provenance: Commit, versions, input checksums.

    Returns:
        For each scene, protocol and number of images the primary contrast, one row per treatment, and the two
        controls against each other; one row that says why for a scene without runs.
    """
    shown, chosen = scenes_to_show(scenes), sweep(rows)
    records: list[dict[str, Any]] = []
    primary: list[tuple[dict[str, Any], Contrast]] = []
    for scene, protocol, images, part in sweep_groups(chosen, shown):
        common = common_of(scene, protocol)
        if part.empty:
            records.append(common | {"reason": scene.reason or NO_SWEEP})
            continue
        common |= {"images": images}
        found = _of_part(part, scene, protocol, images)
        records += [common | record for record, _ in found]
        primary.append((records[-len(found)], found[0][1]))
    adjust_over_scenes(primary, ["protocol", "images"], "identity")
    return Table(
        name="table_augmentation_contrasts",
        title="What each treatment changes: paired differences to unaugmented copies and to the baseline's recipe",
        caption="Differences in mean SAD (radians) between the treatments of the sweep and its two controls, paired by "
        "regime and run and pooled over regimes; negative means that the treatment has the smaller SAD. Scenes whose "
        "runs either find all endmembers or lose one are judged by their success rate.",
        frame=typed_frame(records, ["scene", "treatment", *texts("identity", "baseline", "dynamic")], COLUMNS),
        columns=COLUMNS,
        notes=NOTES,
        scale=sweep_scale(shown, scale),
        n=sweep_runs(chosen, shown),
        provenance=provenance,
    )


def _of_part(part: pd.DataFrame, scene: SceneRow, protocol: str, images: int) -> list[tuple[dict[str, Any], Contrast]]:
    """Return the rows of one scene, protocol and number of images, the primary contrast first."""
    runs = runs_of(part).table
    present = [name for name in AUGMENTING if name in set(runs["treatment"])]
    same, family = representatives(protocol, images), distinct(present, protocol, images)
    place = (scene.scene, protocol, images)
    rows = [_row("", PRIMARY, "Mean of the paper's three", list(PAPER_TREATMENTS.values()), runs, place)]
    for name in present:
        row = _row(name, SECONDARY, TREATMENTS[name].title, [name], runs, place)
        if name not in family:
            twin = TREATMENTS[next(other for other in family if same[other] == same[name])].title
            remark = f"the same experiment as {twin} under this protocol: outside of the family"
            row[0].update(role=DESCRIPTION, reason="; ".join(filter(None, (remark, row[0]["reason"]))))
        rows.append(row)
    for control in (IDENTITY, BASELINE):
        prefix = control.removeprefix("control_")
        tested = [(record, both[control]) for record, both in rows if record["treatment"] in family]
        adjust(tested, prefix, "finding" if control == IDENTITY else "baseline_finding")
    between = contrast(runs, [IDENTITY], BASELINE, *place)
    if between.sad is not None:
        described: dict[str, Any] = {"treatment": IDENTITY, "role": DESCRIPTION}
        described |= {"treatment_title": TREATMENTS[IDENTITY].title, "judged_by": between.judged_by}
        described |= {"condition": between.condition or None, "reason": between.reason or None}
        rows.append((described | contrast_record(between, "baseline"), {IDENTITY: Contrast(), BASELINE: between}))
    return [(record, both[IDENTITY]) for record, both in rows]


def _row(
    name: str, role: str, title: str, firsts: list[str], runs: pd.DataFrame, place: tuple[str, str, int]
) -> tuple[dict[str, Any], dict[str, Contrast]]:
    both = {control: contrast(runs, firsts, control, *place) for control in (IDENTITY, BASELINE)}
    free = runs[runs["regime"] == DYNAMIC]
    alone = contrast(free, firsts, IDENTITY, *place) if 0 < len(free) < len(runs) else Contrast()
    best = both[IDENTITY] if both[IDENTITY].sad is not None else both[BASELINE]
    reasons = dict.fromkeys(found.reason for found in both.values() if found.reason)
    record = {
        "treatment": name,
        "role": role,
        "treatment_title": title,
        "judged_by": best.judged_by,
        "condition": best.condition or None,
        "reason": "; ".join(reasons) or None,
        **contrast_record(both[IDENTITY], "identity"),
        **contrast_record(both[BASELINE], "baseline"),
        **contrast_record(alone, "dynamic"),
    }
    return record, both
