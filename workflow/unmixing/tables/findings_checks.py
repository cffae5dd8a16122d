"""Findings that are computed again: those on contrastive training and on chance here, and the list of all."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from unmixing.protocol.points import POINTS
from unmixing.published import BASELINE_LABELS, paper_value
from unmixing.published.released_grid import FACTORS, find_point
from unmixing.tables import findings_sweep as sweep
from unmixing.tables.findings_material import HALF_DIGIT, Check, Material, Outcome
from unmixing.tables.scene_rows import PAPER_SCENES

_KERNEL, _GRID_PATCHES, _GRID_EPOCHS = 13, 250, 100


def cuprite_is_at_chance(material: Material) -> Outcome | None:
    """Set the mean of Cuprite's references, given for every endmember, beside the printed baseline."""
    angle = material.references.get("cuprite", {}).get("mean_of_references")
    printed = paper_value(3, "cuprite", "Cuprite", "average_sad")
    if angle is None or printed is None:
        return None
    return Outcome(
        f"mean of the references {angle:.4f} rad, printed baseline {printed:.4f}", angle <= printed, "1 value"
    )


def samson_beside_chance(material: Material) -> Outcome | None:
    """Set the best draw of random pixels of Samson beside the printed baseline."""
    known = material.references.get("samson", {})
    printed = paper_value(3, "samson", "Samson", "average_sad")
    if "chance_best" not in known or printed is None:
        return None
    best, draws = float(known["chance_best"]), int(known["chance_draws"])
    found = (
        f"best of {draws} draws {best:.4f} rad, their mean {known['chance_mean']:.4f}, printed baseline {printed:.4f}"
    )
    return Outcome(found, best < 1.5 * printed, f"{draws} draws")


def equation_8_is_equation_6(_: Material) -> Outcome:
    """Compute both equations as printed on random similarities and labels, and return how far apart they are."""
    rng = np.random.default_rng(8)
    count, temperature = 16, 0.1
    similarity, labels = rng.uniform(-1, 1, (count, count)), rng.dirichlet(np.ones(4), count)
    shares = np.exp(similarity / temperature)
    logarithm = np.log(np.diag(shares) / shares.sum(axis=1))
    weights = np.exp(-((labels[:, None] - labels[None]) ** 2).sum(axis=-1) / 2)
    weights /= weights.sum(axis=0)
    # The index k stands in the weights alone: of each anchor i they add up to one.
    eight = -(weights * logarithm[None]).sum(axis=0)
    gap = float(np.abs(eight + logarithm).max())
    return Outcome(f"largest difference {gap:.0e}", gap < 1e-12, f"{count} anchors")


def none_beats_urban4(material: Material) -> Outcome:
    """Count the configurations of both grids below the printed baselines."""
    assert material.grid is not None
    words, none = [], True
    for scene in ("urban4", "samson"):
        printed = paper_value(3, scene, PAPER_SCENES[scene], "average_sad")
        parts = []
        for loss, title in (("generalized", "generalized"), ("nt_xent", "NT-Xent")):
            values = material.grid.loc[material.grid["loss"] == loss, f"{scene}_sad"]
            below = int((values < printed).sum())
            none = none and (below == 0 or scene != "urban4")
            parts.append(f"{below:,} of {len(values):,} ({title})")
        words.append(f"{PAPER_SCENES[scene]}: {' and '.join(parts)} below {printed:.4f}")
    return Outcome("; ".join(words), none, f"{len(material.grid):,} single runs")


def weaker_is_lower(material: Material) -> Outcome:
    """Return the median average SAD of the generalized grid by the kernel's sigma and by lambda."""
    assert material.grid is not None
    grid = material.grid[material.grid["loss"] == "generalized"]
    words, falls = [], True
    for factor, title in (("sigma", "sigma"), ("weight", "lambda")):
        medians = grid.groupby(factor)["average_sad"].median()
        falls = falls and bool(medians.is_monotonic_decreasing)
        words.append(f"{title} " + ", ".join(f"{level:g}: {value:.3f}" for level, value in medians.items()))
    return Outcome(f"median of the average SAD by {'; by '.join(words)}", falls, f"{len(grid):,} single runs")


def loss_ends_at_equal_similarity(material: Material) -> Outcome:
    """Set the last value of each loss curve beside what equal similarities give."""
    assert material.readings is not None
    words, ends = [], []
    for reading in material.readings.to_dict("records"):
        batch = int(str(reading["hyperparameters"]).split("batch ")[1].split(",")[0])
        sizes = [min(batch, _GRID_PATCHES - start) for start in range(0, _GRID_PATCHES, batch)]
        equal = sum(2 * math.log(2 * size - 1) for size in sizes) / len(sizes)
        last = float(reading["contrastive_loss_epoch100"])
        if str(reading["configuration"]) == "Best SAD (Avg)":
            ends.append(abs(last - equal))
        words.append(f"{reading['dataset']}, {reading['configuration']}: {last:.3f} of {equal:.4f}")
    return Outcome("; ".join(words), max(ends) < 0.005, f"{len(words)} curves, read by eye")


def table_6_is_the_sheet(material: Material) -> Outcome:
    """Set the printed averages of Table 6 beside single rows of the sheet."""
    assert material.grid is not None
    own = {"samson": "table7_samson", "urban4": "table7_urban4"}
    equal = []
    for scene, other in (("samson", "urban4"), ("urban4", "samson")):
        rows = {"Best SAD (Avg)": "table7_average", "Best SAD (Local)": own[scene], "Best SAD (Other)": own[other]}
        for label, configuration in rows.items():
            printed = paper_value(6, scene, label, "avg_sad")
            assert printed is not None
            found_there = find_point(material.grid, configuration).get(scene, math.nan)
            equal.append(abs(found_there - printed) <= HALF_DIGIT)
    found = f"{sum(equal)} of {len(equal)} printed averages are one run of the sheet"
    return Outcome(found, all(equal), f"{len(equal)} values")


def no_control_in_the_grid(material: Material) -> Outcome:
    """Return the levels of lambda in both grids."""
    assert material.grid is not None
    levels = sorted(material.grid["weight"].unique())
    runs = int(material.grid.groupby(["loss", *FACTORS], dropna=False).size().max())
    found = f"lambda {', '.join(f'{level:g}' for level in levels)}; {runs} run per configuration"
    return Outcome(found, max(levels) < 1 and runs == 1, f"{len(material.grid):,} configurations")


def best_average_is_fourth(material: Material) -> Outcome:
    """Return the rank of the configuration that Table 7 names best on average."""
    assert material.grid is not None
    grid = material.grid[material.grid["loss"] == "generalized"]
    point = POINTS["table7_average"]
    same = np.logical_and.reduce([grid[name] == value for name, value in point.items() if name != "loss"])
    named, lowest = grid[same].iloc[0], grid.sort_values("average_sad").iloc[0]
    factors = {"tau": "temperature", "lambda": "weight", "patch": "patch_size", "batch": "batch_size", "sigma": "sigma"}
    found = (
        f"rank {named['average_rank']} of {len(grid):,} with {named['average_sad']:.4f} rad; the lowest is "
        f"{lowest['average_sad']:.4f} at {', '.join(f'{name} {lowest[key]:g}' for name, key in factors.items())}"
    )
    return Outcome(found, int(named["average_rank"]) == 4, f"{len(grid):,} single runs")


def improvement_against_table_6(_: Material) -> Outcome:
    """Compare the printed rows of Table 6 with the baseline that it prints."""
    labels = ("Best SAD (Avg)", "Best SAD (Local)", "Best SAD (Other)")

    def worse(scene: str, column: str) -> tuple[int, str]:
        before = paper_value(6, scene, BASELINE_LABELS[scene], column)
        after = [paper_value(6, scene, label, column) for label in labels]
        assert before is not None
        values = [value for value in after if value is not None]
        return sum(value > before for value in values), f"{before:.4f} to {', '.join(f'{v:.4f}' for v in values)}"

    average, third, water = worse("urban4", "avg_sad"), worse("urban4", "avg_e3"), worse("samson", "avg_e3")
    found = (
        f"Urban4 average {average[1]}, worse in {average[0]} of 3; Urban4 endmember 3 {third[1]}, worse in {third[0]}; "
        f"Samson endmember 3 {water[1]}, worse in {water[0]}"
    )
    return Outcome(found, average[0] == 3 and third[0] == 3 and water[0] == 2, "9 printed values")


def a_slice_is_of_the_other_loss(material: Material) -> Outcome:
    """Look for configurations whose two angles stand, digit by digit, in the sheets of both losses.

    A deterministic program gives two losses the same angles to 15 digits only where one of them was not run.
    """
    assert material.grid_file is not None
    point = ["temperature", "lambda_recon", "patch_size", "batch_size"]
    by_loss = {str(loss): part for loss, part in material.grid_file.groupby("loss")}
    generalized, other = by_loss["generalized"], by_loss["ntxent"]
    both = generalized.merge(other[[*point, "samson_sad", "urban4_sad"]], on=[*point, "samson_sad", "urban4_sad"])
    stray = both["flag"].fillna("").str.contains("stray row")
    same = both[~stray]
    places = same.groupby(["lambda_recon", "sigma_kernel"]).size()
    words = []
    for (weight, sigma), count in zip(places.index, places, strict=True):
        here = (generalized["lambda_recon"] == weight) & (generalized["sigma_kernel"] == sigma)
        own = int((here & ~generalized["flag"].fillna("").str.contains("stray row")).sum())
        words.append(f"{count} of the {own} configurations at lambda {weight:g} and sigma {sigma:g}")
    levels = sorted(generalized["lambda_recon"].unique())[:2]
    medians = [
        " and ".join(f"{rows.loc[rows['lambda_recon'] == level, 'avg_sad'].median():.3f}" for level in levels)
        for rows in (generalized[generalized["sigma_kernel"] == 1], other)
    ]
    found = (
        f"{len(generalized):,} rows where the grid has 1,280, {stray.sum()} of them a configuration's second; the same "
        f"angles in both sheets: {'; '.join(words) or 'none'}; median of the average SAD at lambda "
        f"{' and '.join(f'{level:g}' for level in levels)}: generalized at sigma 1 {medians[0]}, NT-Xent {medians[1]}"
    )
    return Outcome(found, len(same) > 1 and len(places) == 1, f"{len(material.grid_file):,} rows")


def batch_size_is_updates(_: Material) -> Outcome:
    """Return the updates that 100 epochs of 250 patches make at each batch size."""
    updates = {size: _GRID_EPOCHS * math.ceil(_GRID_PATCHES / size) for size in (8, 15, 30, 60)}
    found = ", ".join(f"{count:,} at {size}" for size, count in updates.items())
    return Outcome(f"updates: {found}", len(set(updates.values())) == 4, "4 batch sizes")


def small_patches_are_border(_: Material) -> Outcome:
    """Return the share of a patch's pixels whose 13 x 13 window lies within it."""
    inside = {size: max(size - _KERNEL + 1, 0) ** 2 / size**2 for size in (8, 16, 32, 64)}
    found = ", ".join(f"{100 * share:.0f} % at {size}" for size, share in inside.items())
    return Outcome(f"pixels that see no border: {found}", inside[8] == 0, "4 patch sizes")


_SWEEP, _GRID = "released sheets of the sweep", "released sheet of the grids"

CHECKS: Mapping[str, Check] = {
    "table_5_is_mean_of_regimes": Check(sweep.table_5_is_mean_of_regimes, ("sweep",), _SWEEP),
    "std_is_mean_of_endmembers": Check(sweep.std_is_mean_of_endmembers, ("sweep",), _SWEEP),
    "cuprite_is_at_chance": Check(cuprite_is_at_chance, (), "reference endmembers of Cuprite"),
    "samson_beside_chance": Check(samson_beside_chance, (), "the scene Samson, in the classical phase"),
    "settings_of_90_are_one": Check(sweep.settings_of_90_are_one, ("sweep",), _SWEEP),
    "grid_leaves_pixels_out": Check(sweep.grid_leaves_pixels_out, (), "sizes of the scenes"),
    "flips_lose_the_water": Check(sweep.flips_lose_the_water, ("sweep",), _SWEEP),
    "no_treatment_wins_everywhere": Check(sweep.no_treatment_wins_everywhere, ("sweep",), _SWEEP),
    "blur_against_table_5": Check(sweep.blur_against_table_5, (), "printed values"),
    "regimes_lie_apart": Check(sweep.regimes_lie_apart, ("sweep",), _SWEEP),
    "averages_leave_endmembers_out": Check(sweep.averages_leave_endmembers_out, ("sweep_file",), _SWEEP),
    "equation_8_is_equation_6": Check(equation_8_is_equation_6, (), "the equations as printed"),
    "none_beats_urban4": Check(none_beats_urban4, ("grid",), _GRID),
    "weaker_is_lower": Check(weaker_is_lower, ("grid",), _GRID),
    "loss_ends_at_equal_similarity": Check(
        loss_ends_at_equal_similarity, ("readings",), "readings of figures 9 and 10"
    ),
    "table_6_is_the_sheet": Check(table_6_is_the_sheet, ("grid",), _GRID),
    "no_control_in_the_grid": Check(no_control_in_the_grid, ("grid",), _GRID),
    "best_average_is_fourth": Check(best_average_is_fourth, ("grid",), _GRID),
    "improvement_against_table_6": Check(improvement_against_table_6, (), "printed values"),
    "a_slice_is_of_the_other_loss": Check(a_slice_is_of_the_other_loss, ("grid_file",), _GRID),
    "batch_size_is_updates": Check(batch_size_is_updates, (), "arithmetic"),
    "small_patches_are_border": Check(small_patches_are_border, (), "arithmetic"),
}
"""By name, as ``published/findings.csv`` refers to them."""
