"""What references of the scene itself add: few shots by k, and a network trained on the other half."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from unmixing.semantic.shots import COUNTS
from unmixing.tables.forms import Column
from unmixing.tables.run_rows import join_distinct, typed_frame
from unmixing.tables.scene_rows import common_of, scenes_to_show
from unmixing.tables.semantic_rows import (
    FEW_SHOT,
    HALF,
    REFERENCE_METHOD,
    convention_of,
    counted,
    described,
    in_order,
    judged,
    measured,
    method_title,
    values_of,
)
from unmixing.tables.writing import Table

#: What methods with shots are compared with, by column: baselines of the same shots, and no shots.
_AGAINST = {
    "against_scls": "shots_mean_scls",
    "against_fcls": "shots_mean_fcls",
    "against_names": REFERENCE_METHOD,
}


def _of_count(k: int) -> list[Column]:
    return [
        Column(f"armse_{k}", f"k = {k}: aRMSE", "angle", help="convention of the references; mean over draws"),
        Column(
            f"armse_{k}_low", "95 % interval", "interval", help="over draws", extra=(f"armse_{k}_high", f"values_{k}")
        ),
    ]


COLUMNS = [
    Column("title", "Scene"),
    Column("kind", "Kind", help="a crop, synthetic or semi-real scene is not the paper's scene"),
    Column("method", "Method"),
    Column("uses_truth", "Uses truth"),
    *(column for k in COUNTS for column in _of_count(k)),
    Column("armse_half", "Other half: aRMSE", "angle", help="references of one half; tested on the other"),
    Column("armse_half_low", "95 % interval", "interval", help="over blocks", extra=("armse_half_high", "values_half")),
    Column("dominant", "Dominant material, largest k", "number", help="mean over draws"),
    Column("against_scls", "Against SCLS of the same shots", "prose", help="aRMSE less its, paired by draw"),
    Column("against_fcls", "Against FCLS of the same shots", "prose", help="aRMSE less its, paired by draw"),
    Column("draws", "Draws, n", "count", help="fewest over k"),
    Column("pixels", "Pixels, n", "count", help="fewest over draws and k"),
    Column("reason", "Remarks", "prose"),
]
#: In the files with all columns alone.
FURTHER = [Column("against_names", "Against SCLS without shots", "prose", help="same pixels, paired by draw")]

NOTES = [
    "Shots are pixels that the references call pure (more than .9); the pixels within five of a shot are tested by "
    "nobody, and of the others a lattice is (see pixels). A material with fewer than k + 20 pure pixels "
    "drops out by name: rows of different k may speak of different materials and pixels, rows of one k never do.",
    "Methods by names without shots stand beside, asked for the same materials and tested on the same pixels.",
    "Better and worse: the 95 % interval of the difference over draws lies on one side of zero; below five draws there "
    "is none. Intervals over draws speak of the choice of shots alone, not of other ground. SCLS leaves the brightness "
    "of a pixel free, FCLS takes it at its word: the better one differs by scene.",
    "The references of Samson, Jasper Ridge and Urban were themselves made by least squares with spectra of pure "
    "pixels: SCLS with the shots' mean nearly repeats how they were made, and is no neutral judge there.",
    "All modes of the model take the mean spectra of the shots as endmembers; they differ in the prior alone. Modes "
    "that train something were run on fewer draws, and are compared with the others on these.",
    "Other half: the scene is cut in two, each half estimated by a network trained on the references of the other; "
    "five pixels on each side of the seam are not tested. Ground resembles its surroundings far beyond that: on "
    "another scene such a network would do worse.",
]


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Table:
    """Build the table of few shots.

    Args:
        rows: of ``semantic.experiments.scenes``; possibly empty.
        scenes: Availability records of all scenes.
        scale: Not used.
        provenance: Commit, versions, input checksums.

    Returns:
        One row per scene and method; one row with its reason per scene without any. The first notes compare methods by
        names with the supervised autoencoder on the same half.
    """
    del scale
    records, said = [], list[str]()
    for scene in scenes_to_show(scenes):
        common = common_of(scene)
        shots, half = (measured(rows, protocol, scene.scene) for protocol in (FEW_SHOT, HALF))
        found = [common | record for record in _of_scene(shots, half)]
        reason = scene.reason or "no shots were drawn: no reference abundances, or not part of this study"
        records += found or [common | {"reason": reason}]
        said += _claim(half, scene.title)
    return Table(
        name="table_semantic_few_shot",
        title="What references of the scene itself add: few shots, and half a scene",
        caption="Abundance error with k pure pixels of each material, of unmixing by names and of what the same pixels "
        "give without it; and beside a supervised autoencoder that was trained on the other half of the scene.",
        frame=typed_frame(
            records, ["scene", "setting", *(f"values_{k}" for k in (*COUNTS, "half"))], COLUMNS + FURTHER
        ),
        columns=COLUMNS,
        notes=[*said, *NOTES],
        scale="the shipped model, with few updates on the shots where a method says so",
        n=counted(measured(rows, FEW_SHOT)),
        provenance=provenance,
    )


def _of_scene(shots: pd.DataFrame, half: pd.DataFrame) -> Iterator[dict[str, Any]]:
    names = [str(name) for part in (shots, half) if len(part) for name in part["method"]]
    for method in in_order(name for name in names if name):
        own = [part[part["method"] == method] if len(part) else part for part in (shots, half)]
        both = pd.concat([part for part in own if len(part)])
        record: dict[str, Any] = {
            "setting": method,
            "method": method_title(both),
            "uses_truth": join_distinct(both["uses_truth"]),
            "reason": _remarks(own[0]),
        }
        if len(own[1]):
            found = values_of(own[1], "armse", convention_of(own[1]))
            record |= described(found, "armse_half", "values_half")
            record |= {"pixels": int(found["n"].min())} if len(found) else {}
        yield record | (_by_count(own[0]) if len(own[0]) else {})


def _by_count(rows: pd.DataFrame) -> dict[str, Any]:
    convention, record, scored = convention_of(rows), dict[str, Any](), rows[rows["against"] == ""]
    for k in COUNTS:
        found = values_of(scored[scored["k"] == k], "armse", convention)
        if found.empty:
            continue
        record |= described(found, f"armse_{k}", f"values_{k}")
        hits = values_of(scored[scored["k"] == k], "dominant_accuracy", convention)["value"]
        record["dominant"] = float(hits.mean())
        record["draws"] = min(record.get("draws", len(found)), found["draw"].nunique())
        record["pixels"] = min(record.get("pixels", int(found["n"].min())), int(found["n"].min()))
    for key, other in _AGAINST.items():
        record[key] = _verdicts(rows[rows["against"] == other], convention)
    return record


def _verdicts(rows: pd.DataFrame, convention: str) -> str | None:
    """Differences by k, each with its interval or that it has none."""
    said = []
    for k, part in rows.groupby("k"):
        found = described(values_of(part, "armse", convention, str(part["against"].iloc[0])), "gain")
        if found["gain"] is None:
            continue
        verdict = judged(found.get("gain_low"), found.get("gain_high"))
        said.append(f"k = {k}: {found['gain']:+.3f}".replace("-", "−") + f", {verdict}")
    return "; ".join(said) or None


def _remarks(rows: pd.DataFrame) -> str | None:
    """Who dropped out at which k, and why a k is missing."""
    if rows.empty:
        return None
    said = []
    for dropped, part in rows[rows["dropped"] != ""].groupby("dropped", sort=False):
        said.append(
            f"without {dropped} at k = {', '.join(str(k) for k in sorted(set(part['k'])))}: too few pure pixels"
        )
    missing = rows[(rows["metric"] == "") & (rows["reason"] != "")]
    return "; ".join([*said, *dict.fromkeys(missing["reason"])]) or None


def _claim(rows: pd.DataFrame, title: str) -> Iterator[str]:
    """Compare the model without shots with the supervised autoencoder, as the paper does in words."""
    if rows.empty:
        return
    convention = convention_of(rows)
    model = rows[rows["method"] == "semantic"]
    found = described(values_of(model, "armse", convention, "supervised_autoencoder"), "gain")
    if found["gain"] is not None:
        verdict = judged(found.get("gain_low"), found.get("gain_high"))
        yield (
            f"{title}: by names without shots minus supervised autoencoder on the half that it did not see: aRMSE "
            + f"{found['gain']:+.3f}".replace("-", "−")
            + f", {verdict}."
        )
