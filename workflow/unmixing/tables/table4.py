"""Table 4: the three regimes, what each shares between runs, and how far runs and regimes spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from unmixing.published import paper_value_text
from unmixing.statistics import standard_deviations
from unmixing.statistics.components import REST
from unmixing.statistics.sweep import BOTH, IMAGES, WEIGHTS, draw_values, run_components
from unmixing.tables.forms import Column
from unmixing.tables.run_rows import NO_REFERENCE, describe_mean, typed_frame
from unmixing.tables.scene_rows import common_of, scenes_to_show
from unmixing.tables.sweep_rows import (
    CONTROLS,
    DRAWS_NOTE,
    DYNAMIC,
    NO_SWEEP,
    REGIMES,
    SEEDED,
    SHARED,
    UNSEEDED,
    Runs,
    distinct,
    draws,
    draws_images,
    runs_of,
    sweep,
    sweep_groups,
    sweep_runs,
    sweep_scale,
)
from unmixing.tables.writing import Table

ALL = "all regimes"

_PRINTED = {
    DYNAMIC: "Unseeded Training, Dynamic Augmentations",
    UNSEEDED: "Unseeded Training, Fixed Augmentations",
    SEEDED: "Seeded Training, Fixed Augmentations",
}
_PER_RUN = "new for every run"
_WEIGHTS = {DYNAMIC: _PER_RUN, UNSEEDED: _PER_RUN, SEEDED: "sets that runs are nested in"}
_IMAGES = {DYNAMIC: _PER_RUN, UNSEEDED: "sets that runs are nested in", SEEDED: "the same sets"}

COLUMNS = [
    Column("title", "Scene"),
    Column("kind", "Kind"),
    Column("protocol", "Protocol"),
    Column("images", "Images", "count", help="augmented images of a run"),
    Column("regime_title", "Regime"),
    Column("paper_seed", "Paper: seed", help="as printed in Table 4"),
    Column("paper_augmentations", "Paper: augmentations", "prose", help="as printed in Table 4"),
    Column("paper_purpose", "Paper: purpose", "prose", help="as printed in Table 4"),
    Column("weights", "Initial weights"),
    Column("augmented_images", "Augmented images"),
    Column("other_streams", "Patches, shuffling, dropout"),
    Column("weight_sets", "Sets of weights", "count", help="different ones among the runs of a treatment"),
    Column("image_sets", "Sets of images", "count", help="different ones among the runs of a treatment"),
    Column("treatments", "Treatments", "count", help="different experiments averaged, without controls"),
    Column("runs", "n", "count", help="scored runs of all these treatments"),
    Column("sad_mean", "SAD", "angle", "rad", help="mean over treatments and runs"),
    Column(
        "interval_low",
        "95 % interval",
        "interval",
        "rad",
        help="of that mean; below five draws the draws themselves",
        extra=("interval_high", "run_values"),
    ),
    Column("draws", "Draws", "count", help="independent ones, see the notes"),
    Column("within_sd", "SD within", "angle", "rad", help="of run means within a treatment, root mean square"),
    Column("within_std_paper", "STD within, paper's way", "angle", "rad", help="mean over treatments"),
    Column("between_sd", "SD between regimes", "angle", "rad", help="of the regimes' means, root mean square"),
    Column("sd_weights", "SD, weights", "angle", "rad", help="component of the initial weights"),
    Column("sd_images", "SD, images", "angle", "rad", help="component of the set of images"),
    Column("sd_both", "SD, both", "angle", "rad", help="weights and images that change together"),
    Column("sd_rest", "SD, rest", "angle", "rad", help="what varies between runs alike in the other components"),
    Column("components_n", "Components from", "prose", help="degrees of freedom, over treatments"),
    Column("reason", "Reason", "prose"),
]

NOTES = [
    "described: a fixed-seeded cell draws several sets of initial weights, and both fixed regimes several sets of "
    "images per scene and treatment; runs are nested in them, so that one lucky set is no finding. Under released one "
    "set of initial weights is shared by all runs of all regimes, as the released scripts left it: no regime varies "
    "it, and the comparison of the paper's Table 4 says nothing about weights.",
    "SD within and between: over treatments the root of the mean variance. Sample deviations (n − 1), but for the "
    "paper's way: population deviation per endmember, averaged.",
    "Components: nested analysis of variance of each treatment's runs, variances averaged over treatments (for images "
    "over those whose images are drawn), negative ones printed as 0. The rest holds all that the row has no component "
    "for: in the dynamic regime weights, images, patches and dropout together.",
    f"{ALL}: weights are what the rest of the fixed-unseeded regime has beyond that of the fixed-seeded one; images "
    "are those of the fixed-unseeded regime; the rest is that of the fixed-seeded one.",
    DRAWS_NOTE,
]

_KEYS = {WEIGHTS: "sd_weights", IMAGES: "sd_images", BOTH: "sd_both", REST: "sd_rest"}
Components = dict[str, tuple[float, int]]


def build(
    rows: pd.DataFrame,
    scenes: Sequence[Mapping[str, Any]],
    scale: Mapping[str, Mapping[str, Any]],
    provenance: dict[str, Any],
) -> Table:
    """Build Table 4.

    Args:
        rows: Run rows of the phase augmentation, possibly with those of others; possibly empty.
        scenes: Availability records of all scenes.
        scale: By scene; the key ``augmentation`` holds the planned scale of the sweep.
        provenance: Commit, versions, input checksums.

    Returns:
        The three regimes as printed and as done, without numbers; then for each scene, protocol and number of images
        one row per regime and one over all, or one that says why there is nothing. The frame also holds the averaged
        variances, which can be negative.
    """
    shown, chosen = scenes_to_show(scenes), sweep(rows)
    records: list[dict[str, Any]] = [_definition(regime, "described") for regime in REGIMES]
    for scene, protocol, images, part in sweep_groups(chosen, shown):
        common = common_of(scene, protocol)
        if part.empty:
            records.append(common | {"reason": scene.reason or NO_SWEEP})
            continue
        common |= {"images": images}
        records += [common | record for record in _of_part(part, protocol, images)]
    frame = typed_frame(records, ["scene", "regime"], COLUMNS)
    for key in _KEYS.values():
        name = key.replace("sd_", "variance_")
        frame[name] = [float(record.get(name, np.nan)) for record in records]
    return Table(
        name="table4",
        title="Table 4: the three regimes",
        caption="What each training regime draws anew and what it shares between runs, as printed in the paper and as "
        "done here; below, the mean SAD (radians) of each regime over treatments, the spread of runs within regimes "
        "and of regimes among each other, and how much of it initial weights and sets of images explain.",
        frame=frame,
        columns=COLUMNS,
        notes=NOTES,
        scale=sweep_scale(shown, scale),
        n=sweep_runs(chosen, shown),
        provenance=provenance,
    )


def _definition(regime: str, protocol: str) -> dict[str, Any]:
    printed = {
        f"paper_{column}": paper_value_text(4, "", _PRINTED[regime], column)
        for column in ("seed", "augmentations", "purpose")
    }
    return {
        "regime": regime,
        "regime_title": REGIMES[regime],
        "protocol": protocol,
        "weights": "one set for all runs of all regimes" if protocol == "released" else _WEIGHTS[regime],
        "augmented_images": _IMAGES[regime],
        "other_streams": _PER_RUN,
        **printed,
    }


def _of_part(part: pd.DataFrame, protocol: str, images: int) -> list[dict[str, Any]]:
    """Return the rows of one scene, protocol and number of images."""
    treatments = distinct(part["treatment"].unique().tolist(), protocol, images)
    if not treatments:
        controls = ", ".join(name for name in CONTROLS if name in set(part["treatment"]))
        return [{"reason": f"no treatment in this study but {controls}"}]
    runs = runs_of(part[part["treatment"].isin(treatments)])
    diverged = int((runs.table["status"] == "diverged").sum())
    scored = runs.where(runs.table["sad_rad"].notna().to_numpy())
    if scored.table.empty:
        return [{"reason": f"all {diverged} runs diverged" if diverged == len(runs.table) else NO_REFERENCE}]
    records = []
    components: dict[str, Components] = {}
    for regime in [name for name in REGIMES if name in set(part["regime"])]:
        of_regime = scored.where((scored.table["regime"] == regime).to_numpy())
        record = _definition(regime, protocol)
        if of_regime.table.empty:
            records.append(record | {"reason": "all runs of this regime diverged"})
            continue
        components[regime] = _components(of_regime.table, protocol, images)
        record |= _summary(of_regime, protocol, images) | _describe(components[regime])
        first = of_regime.table[of_regime.table["treatment"] == of_regime.table["treatment"].iloc[0]]
        record |= {"weight_sets": len(set(_levels(first, "initialisation")))}
        records.append(record | {"image_sets": len(set(_levels(first, "image_set")))})
    if diverged:
        records[0]["reason"] = "; ".join(filter(None, (records[0].get("reason"), f"{diverged} runs diverged")))
    closing = {"regime": "all", "regime_title": ALL, **_summary(scored, protocol, images)}
    of_unseeded = scored.table.loc[scored.table["regime"] == UNSEEDED, "initialisation"]
    closing |= _between(scored.table) | _describe(_derived(components, bool((of_unseeded < 0).any())))
    return [*records, closing] if len(records) > 1 else records


def _levels(runs: pd.DataFrame, factor: str) -> list[int]:
    """Return each run's level of a factor: the shared one, or else its own."""
    levels: list[int] = runs["stream"].where(runs[factor] < 0, runs[factor]).tolist()
    return levels


def _summary(known: Runs, protocol: str, images: int) -> dict[str, Any]:
    """Return mean, interval and deviations over treatments, each regime weighing the same."""
    table = known.table
    names = table["treatment"].unique().tolist()
    # A run counts where every treatment has it, so that the draws' values differ in nothing but the draw.
    index = ["regime", "run"]
    wide = table.pivot(index=index, columns="treatment", values="sad_rad").dropna()
    design = table.drop_duplicates(index).set_index(index)[list(SHARED)]
    runs = wide.mean(axis=1).rename("sad_rad").to_frame().join(design).reset_index()
    record: dict[str, Any] = {"treatments": len(names), "runs": len(table)}
    if len(runs):
        labels, _ = draws(runs, names, protocol, images)
        values = draw_values(runs["sad_rad"].to_numpy(np.float64), runs["regime"].tolist(), labels)
        record |= {"sad_mean": float(values.mean()), "draws": len(values), **describe_mean(values)}
    else:
        record["reason"] = "no run has numbers in every treatment"
    cells = table.groupby(["treatment", "regime"]).indices.values()
    spreads = [standard_deviations(known.sad[places]) for places in cells if len(places) > 1]
    if spreads:
        record["within_sd"] = float(np.sqrt(np.mean([spread.run_means**2 for spread in spreads])))
        record["within_std_paper"] = float(np.mean([spread.paper for spread in spreads]))
    return record


def _between(known: pd.DataFrame) -> dict[str, Any]:
    """Return the deviation of the regimes' means, over the treatments that all regimes have."""
    means = known.groupby(["treatment", "regime"])["sad_rad"].mean().unstack().dropna()
    if means.empty or means.shape[1] < 2:
        return {}
    return {"between_sd": float(np.sqrt(means.var(axis=1, ddof=1).mean()))}


def _components(known: pd.DataFrame, protocol: str, images: int) -> Components:
    """Return for each component the variance averaged over treatments and its degrees of freedom, added up."""
    found: dict[str, list[tuple[float, int]]] = {}
    for name, chosen in known.groupby("treatment"):
        # Images that do not differ are one set, whatever it is called.
        sets = _levels(chosen, "image_set") if draws_images(str(name), protocol, images) else [0] * len(chosen)
        parts = run_components(chosen["sad_rad"].to_numpy(np.float64), _levels(chosen, "initialisation"), sets)
        for part in parts:
            found.setdefault(part.name, []).append((part.variance, part.degrees_of_freedom))
    return {
        name: (float(np.mean([variance for variance, _ in parts])), sum(freedom for _, freedom in parts))
        for name, parts in found.items()
    }


def _derived(components: Mapping[str, Components], varied: bool) -> Components:
    """Return the components that the two fixed regimes give together; none without both.

    Args:
        components: Of each regime.
        varied: Whether the unseeded regime varies the initial weights.
    """
    free, seeded = components.get(UNSEEDED, {}), components.get(SEEDED, {})
    # Only with the images' share taken out do the two rests differ in the weights alone.
    if IMAGES not in free or not {BOTH, IMAGES} & set(seeded):
        return {}
    derived = {IMAGES: free[IMAGES], REST: seeded[REST]}
    if varied:
        derived[WEIGHTS] = (free[REST][0] - seeded[REST][0], min(free[REST][1], seeded[REST][1]))
    return derived


def _describe(components: Components) -> dict[str, Any]:
    if not components:
        return {}
    record: dict[str, Any] = {}
    for name, (variance, _) in components.items():
        record[_KEYS[name]] = float(np.sqrt(max(variance, 0.0)))
        record[_KEYS[name].replace("sd_", "variance_")] = variance
    record["components_n"] = ", ".join(f"{name} {components[name][1]}" for name in _KEYS if name in components)
    return record
