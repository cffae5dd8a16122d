"""Table 2: the treatments, what the paper says of each, what is done here, and what the released code did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from unmixing.augmentation.treatments import GAIN, SIGNAL_TO_NOISE_DB, SMALLEST_SIGMA, TREATMENTS
from unmixing.published import paper_values
from unmixing.tables.forms import Column
from unmixing.tables.run_rows import of_phase, typed_frame
from unmixing.tables.scene_rows import order_protocols, scenes_to_show
from unmixing.tables.sweep_rows import BASELINE, CONTROLS, IDENTITY, done, representatives
from unmixing.tables.writing import Table

PURITY_PHASE = "purity"

COLUMNS = [
    Column("category", "Category"),
    Column("title", "Treatment"),
    Column("treatment", "Id", help="as in the configuration"),
    Column("paper", "Paper's Table 2"),
    Column("described", "Done as described", "prose", help="protocol described, 90 images"),
    Column("described_10", "Differs at 10 images", "prose", help="protocol described, up to 10 images"),
    Column("released", "Released code, 90 images", "prose"),
    Column("released_same", "Same experiment, 90 images", "prose", help="what else the released code ran alike"),
    Column("released_10", "Released code, 10 images", "prose"),
    Column("released_10_same", "Same experiment, 10 images", "prose", help="what else the released code ran alike"),
]

NOTES = [
    "The paper lists 17 treatments. The flip of both axes (Mix Flip) is in the released result sheets only. The two "
    "controls are this project's.",
    "The released scripts for 90 images never hand crop, flip and sigma on, so every crop is 95 %, every flip turns "
    "the image by 180 degrees (90 identical copies), and every blur has sigma up to 2.0: 18 names are 12 experiments. "
    "Those for 10 images do hand them on, and confuse vertical with horizontal.",
    "Inside combinations the sheets use crop 95 % and, at 10 images, sigma up to 1.0; both protocols follow them.",
    "Order of operations: crop, flip, jitter, blur. The original image is not added.",
]
PURITY_NOTES = [
    "Pure pixels: share of the pixels of the augmented images that lie within .03 rad of a reference; the row of "
    "unaugmented copies is the scene itself. Measured with the references, and used for nothing.",
    "Volume: largest simplex of an augmented image over that of the scene, in the scene's first K - 1 components, mean "
    "over images. Blur and crop average pixels and cannot add vertices: at most 1 up to the search's error; noise and "
    "a black border can exceed it with nothing gained.",
]


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Table:
    """Build Table 2.

    Args:
        rows: Rows of the phase purity (``unmixing.purity.purity_rows`` with scene, protocol and images), possibly
            with those of others; without them the columns of purity are left out.
        scenes: Availability records of all scenes, for their titles.
        scale: Not used.
        provenance: Commit, versions, input checksums.

    Returns:
        One row for each of the 17 treatments, the flip of both axes, and the two controls.
    """
    paper = _paper()
    same = {images: _same_experiment(images) for images in (90, 10)}
    records = [_of_treatment(name, paper, same) for name in TREATMENTS]
    titles = {scene.scene: scene.title for scene in scenes_to_show(scenes)}
    added, measured = _purity(of_phase(rows, PURITY_PHASE), titles)
    columns = COLUMNS + added
    return Table(
        name="table2",
        title="Table 2: augmentations, as printed, as done here and as the released code ran them",
        caption="The paper's 17 treatments, one more of its result sheets and two controls: the printed setting, what "
        "this project does under the protocol described, what the released code did, and which names stand for the "
        "same experiment.",
        frame=typed_frame([record | measured.get(record["treatment"], {}) for record in records], [], columns),
        columns=columns,
        notes=NOTES + (PURITY_NOTES if added else []),
        scale="definitions; purity of training sets, where measured, in the columns on the right",
        n=f"{len(records)} treatments and controls; no runs",
        provenance=provenance,
    )


def describe_operations(treatment: str, protocol: str, images: int) -> str:
    """Return in words what a treatment does under a protocol at a number of images."""
    if treatment == IDENTITY:
        return "nothing: copies of the scene"
    if treatment == BASELINE:
        return "no images: the baseline's recipe on the scene"
    todo = done(treatment, protocol, images)
    parts = []
    if todo.crop is not None:
        parts.append(f"crop to {100 * todo.crop:.0f} % of each side at a random place, resized bilinearly")
    flips = {
        "left_right": "flip left to right",
        "up_down": "flip upside down",
        "both": "turn by 180 degrees",
        "random": "flip left to right, upside down or both, at random",
    }
    if todo.flip is not None:
        parts.append(flips[todo.flip])
    if todo.jitter == "band_noise":
        low, high = SIGNAL_TO_NOISE_DB
        parts.append(f"Gaussian noise in every band, {low:.0f} to {high:.0f} dB")
    elif todo.jitter == "gain":
        parts.append(f"one gain for the image, {GAIN[0]} to {GAIN[1]}, undone in the abundances")
    if todo.blur is not None:
        border = "reflected border" if todo.padding == "reflect" else "black border, kernel 3, 5 or 7"
        parts.append(f"blur, sigma {SMALLEST_SIGMA} to {todo.blur:.1f}, {border}")
    return "; ".join(parts)


def _paper() -> dict[str, tuple[str, str]]:
    """Return for each treatment of Table 2 its category and setting as printed."""
    values = paper_values(2)
    names = values["column"].str.removeprefix("transformation_")
    return dict(zip(names, zip(values["row_label"], values["value_text"], strict=True), strict=True))


def _same_experiment(images: int) -> dict[str, str]:
    """Return for each treatment the titles of the others that the released code ran alike."""
    same = representatives("released", images)
    return {
        name: ", ".join(TREATMENTS[other].title for other in same if other != name and same[other] == first)
        for name, first in same.items()
    }


def _of_treatment(
    name: str, paper: Mapping[str, tuple[str, str]], same: Mapping[int, Mapping[str, str]]
) -> dict[str, Any]:
    if name in CONTROLS:
        category, printed = "Control", "not in the paper"
    else:
        category, printed = paper.get(name, ("Released sheets only", "not printed (Mix Flip in the sheets)"))
    described, fewer = (describe_operations(name, "described", images) for images in (90, 10))
    record = {
        "category": category,
        "title": TREATMENTS[name].title,
        "treatment": name,
        "paper": printed,
        "described": described,
        "described_10": fewer if fewer != described else None,
    }
    if name in CONTROLS:
        return record | {"released": "not run", "released_10": "not run"}
    return record | {
        "released": describe_operations(name, "released", 90),
        "released_same": same[90][name],
        "released_10": describe_operations(name, "released", 10),
        "released_10_same": same[10][name],
    }


def _purity(rows: pd.DataFrame, titles: Mapping[str, str]) -> tuple[list[Column], dict[str, dict[str, float]]]:
    """Return two columns for each scene and protocol that was measured, and their values by treatment."""
    columns: list[Column] = []
    measured: dict[str, dict[str, float]] = {}
    if rows.empty:
        return columns, measured
    for scene in [name for name in titles if name in set(rows["scene"])]:
        of_scene = rows[rows["scene"] == scene]
        for protocol in order_protocols(of_scene["protocol"].tolist()):
            of_protocol = of_scene[of_scene["protocol"] == protocol].drop_duplicates("treatment")
            where = f"{titles[scene]} ({protocol})"
            images = f"measured on {of_protocol['images'].max():.0f} images"
            pure, volume = f"pure_{scene}_{protocol}", f"volume_{scene}_{protocol}"
            columns += [
                Column(pure, f"Pure pixels, {where}", "number", help=f"share, {images}"),
                Column(volume, f"Volume, {where}", "number", help=f"ratio to the scene's, {images}"),
            ]
            for row in of_protocol.to_dict("records"):
                of_treatment = measured.setdefault(row["treatment"], {})
                of_treatment |= {pure: row["pure_share_total"], volume: row["volume_ratio"]}
    return columns, measured
