"""Findings on the sweep of augmentations that are computed again from printed values and released sheets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd
from numpy.typing import NDArray

from unmixing.published import paper_value, paper_values
from unmixing.scenes.registry import load_registry
from unmixing.tables.findings_material import HALF_DIGIT, Material, Outcome
from unmixing.tables.scene_rows import PAPER_SCENES
from unmixing.tables.sweep_rows import AUGMENTING, PAPER_IMAGES, PAPER_TREATMENTS, REGIMES

#: Runs behind a cell of the released sheets.
SHEET_RUNS = 25
#: The median of |t| of settings that are one treatment may lie this far from chance's.
NEAR_CHANCE = 0.25

_GRID_PATCH = 40
_SETTINGS: Mapping[str, tuple[str, ...]] = {
    "crop": ("crop_50", "crop_75", "crop_95"),
    "blur": ("blur_1", "blur_2"),
    "flip": ("flip_vertical", "flip_horizontal", "flip_both", "flip_random"),
}
_SIGNED = str.maketrans("-", "−")


def _single(sweep: pd.DataFrame, images: int) -> pd.DataFrame:
    return sweep[(sweep["endmember"] > 0) & (sweep["images"] == images)]


def _regime_averages(sweep: pd.DataFrame, images: int = PAPER_IMAGES) -> pd.DataFrame:
    """Return mean and deviation over endmembers, by scene, treatment ("" for the baseline) and regime."""
    columns = ["released_mean", "released_std"]
    return _single(sweep, images).groupby(["scene", "treatment", "regime"])[columns].mean()


def table_5_is_mean_of_regimes(material: Material) -> Outcome:
    """Average the sheet's endmembers, then its regimes, and set them beside Table 5."""
    assert material.sweep is not None
    pooled = _regime_averages(material.sweep).groupby(["scene", "treatment"]).mean()
    printed = paper_values(5)
    treatments = printed["row_label"].map({"Original Results": "", **PAPER_TREATMENTS})
    columns = printed["column"].map({"average": "released_mean", "std": "released_std"})
    places = zip(printed["scene"], treatments, columns, strict=True)
    values = [pooled.loc[(scene, treatment), column] for scene, treatment, column in places]
    equal = np.abs(np.array(values, np.float64) - printed["value"].to_numpy(np.float64)) <= HALF_DIGIT
    return Outcome(f"{equal.sum()} of {len(equal)} printed values", bool(equal.all()), f"{len(equal)} values")


def std_is_mean_of_endmembers(material: Material) -> Outcome:
    """Average the population deviations of the baseline's endmembers and set them beside Table 3."""
    assert material.sweep is not None
    means = _regime_averages(material.sweep)["released_std"].xs("", level="treatment").groupby("scene").mean()
    printed = paper_values(3).query("column == 'standard_deviation_std'").set_index("scene")["value"]
    equal = (means[printed.index] - printed).abs() <= HALF_DIGIT
    return Outcome(f"{equal.sum()} of {len(equal)} scenes", bool(equal.all()), f"{len(equal)} values")


def settings_of_90_are_one(material: Material) -> Outcome:
    """Return the median |t| between settings of one operation in both arms of the sheets, beside that of chance."""
    from scipy import stats

    assert material.sweep is not None
    chance = float(stats.t.ppf(0.75, 2 * SHEET_RUNS - 2))
    medians: dict[tuple[int, str], float] = {}
    words, count = [], 0
    for images in (PAPER_IMAGES, 10):
        parts = []
        for name, settings in _SETTINGS.items():
            t = distances(_single(material.sweep, images), settings)
            medians[images, name] = float(np.median(t))
            count += len(t)
            parts.append(f"{name} {medians[images, name]:.2f} (n = {len(t)})")
        words.append(f"{images} images: {', '.join(parts)}")
    near = all(abs(medians[PAPER_IMAGES, name] - chance) < NEAR_CHANCE for name in _SETTINGS)
    apart = all(medians[10, name] > 2 for name in ("crop", "flip"))
    return Outcome(f"median |t|, {'; '.join(words)}; chance {chance:.2f}", near and apart, f"{count} values of t")


def distances(cells: pd.DataFrame, settings: Sequence[str]) -> NDArray[np.float64]:
    """Return |t| between settings, one for each pair, scene, regime and endmember.

    The t is of two means of 25 unpaired runs each: a population variance over 24 is the sample variance over 25.

    Args:
        cells: Single endmembers of one arm (columns scene, regime, endmember, treatment, released_mean and
            released_std in radians).
        settings: Treatments.
    """
    place = ["scene", "regime", "endmember"]
    mean, deviation = (
        cells.pivot(index=place, columns="treatment", values=name) for name in ("released_mean", "released_std")
    )
    found = [
        (mean[one] - mean[other]).abs() / np.sqrt((deviation[one] ** 2 + deviation[other] ** 2) / (SHEET_RUNS - 1))
        for one, other in combinations(settings, 2)
    ]
    values: npt.NDArray[np.float64] = pd.concat(found).dropna().to_numpy(np.float64)
    return values


def grid_leaves_pixels_out(_: Material) -> Outcome:
    """Return the share of each scene's pixels that a grid of 40 x 40 patches from the corner covers."""
    words = []
    shares = []
    for scene, title in PAPER_SCENES.items():
        entry = load_registry()[scene]
        count = (entry.rows // _GRID_PATCH) * (entry.cols // _GRID_PATCH)
        shares.append(count * _GRID_PATCH**2 / (entry.rows * entry.cols))
        words.append(f"{title} {count} patches, {100 * shares[-1]:.0f} %")
    return Outcome("; ".join(words), max(shares) < 1, f"{len(shares)} scenes")


def flips_lose_the_water(material: Material) -> Outcome:
    """Return the SAD of Samson's water by flip in both arms of the sheets, mean over the regimes."""
    assert material.sweep is not None
    rows = material.sweep[(material.sweep["scene"] == "samson") & (material.sweep["endmember"] == 3)]
    water = rows[rows["regime"].isin(REGIMES)].groupby(["images", "treatment"])["released_mean"].mean()
    words = [
        f"{images} images: {', '.join(f'{name[5:]} {water[images, name]:.3f}' for name in _SETTINGS['flip'])}"
        for images in (10, PAPER_IMAGES)
    ]
    harmless = water[10, "flip_vertical"] < 0.1
    harmful = min(
        water[10, "flip_horizontal"], water[10, "flip_both"], *(water[90, name] for name in _SETTINGS["flip"])
    )
    return Outcome(f"SAD of water (rad), {'; '.join(words)}", bool(harmless and harmful > 0.2), "3 regimes of 25 runs")


def no_treatment_wins_everywhere(material: Material) -> Outcome:
    """Count the treatments that beat the baseline of the sheet, on all scenes and on each."""
    assert material.sweep is not None
    pooled = _regime_averages(material.sweep)["released_mean"].groupby(["treatment", "scene"]).mean().unstack()
    better = pooled.loc[list(AUGMENTING)] < pooled.loc[""]
    all_scenes, total = int(better.all(axis=1).sum()), len(better)
    by_scene = ", ".join(f"{title} {int(better[scene].sum())}" for scene, title in PAPER_SCENES.items())
    found = f"{all_scenes} of {total} treatments beat it on all six scenes; by scene: {by_scene}"
    return Outcome(found, all_scenes == 0 and not better["urban5"].any(), f"{total} treatments x 6 scenes")


def blur_against_table_5(_: Material) -> Outcome:
    """Return what Table 5 prints for blur beside the baseline, in per cent."""
    words, changes = [], {}
    for scene in ("urban5", "urban6", "jasper_ridge"):
        before, after = (
            paper_value(5, scene, label, "average") for label in ("Original Results", "Blur (sigma = 0.1, 1.0)")
        )
        assert before is not None
        assert after is not None
        changes[scene] = 100 * (after / before - 1)
        words.append(f"{PAPER_SCENES[scene]} {changes[scene]:+.1f} %".translate(_SIGNED))
    worse = changes["urban5"] > 0 and changes["urban6"] > 0
    return Outcome(f"printed SAD with blur: {', '.join(words)} (positive is worse)", worse, "3 printed pairs")


def regimes_lie_apart(material: Material) -> Outcome:
    """Return Samson's Crop + Jitter + Blur by regime, with its deviations."""
    assert material.sweep is not None
    rows = pd.DataFrame(_regime_averages(material.sweep).xs(("samson", "crop_jitter_blur")))
    means, deviations = rows["released_mean"].to_numpy(), rows["released_std"].to_numpy()
    printed = paper_value(5, "samson", "Crop + Jitter + Blur", "std")
    found = "Samson, Crop + Jitter + Blur by regime: " + ", ".join(
        f"{mean:.4f} (STD {deviation:.3f})" for mean, deviation in sorted(zip(means, deviations, strict=True))
    )
    spread = float(means.std(ddof=1))
    found += f"; SD between regimes {spread:.4f}, printed STD {printed:.4f}"
    return Outcome(found, spread > 0.005, "3 regimes of 25 runs")


def averages_leave_endmembers_out(material: Material) -> Outcome:
    """Count the averages of the sheets that are not those of their own endmembers."""
    assert material.sweep_file is not None
    place = ["dataset", "n_images", "regime", "augmentation"]
    printed, ours = (
        material.sweep_file[material.sweep_file["row_type"] == f"average_{kind}"].set_index(place)
        for kind in ("reported", "recomputed")
    )
    differs = (printed["sad_mean"].astype(float) - ours["sad_mean_clean"].astype(float)).abs() > HALF_DIGIT
    by_part = differs.groupby(level=["dataset", "n_images"]).agg(["sum", "size"])
    wrong = by_part[by_part["sum"] > 0]
    words = [
        f"{name}, {images} images: {row['sum']} of {row['size']}"
        for (name, images), row in zip(wrong.index, wrong.to_dict("records"), strict=True)
    ]
    found = f"averages that are not their endmembers': {'; '.join(words) or 'none'}"
    return Outcome(found, bool(len(wrong)), f"{len(differs)} averages")
