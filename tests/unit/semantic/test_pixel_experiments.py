"""Experiments on generated pixels, at the smallest size that still says something."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml

from unmixing.classical.abundances import scls
from unmixing.errors import UnmixingError
from unmixing.semantic import held_out
from unmixing.semantic.experiments import bench, fairness, mixtures, robustness, solver
from unmixing.semantic.experiments.disturbances import LEVELS, battery, undisturbed
from unmixing.semantic.experiments.labels import (
    FAIRNESS_COLUMNS,
    MIXTURE_COLUMNS,
    MODEL,
    NO_PRIOR,
    ORACLE,
    RESOLVED,
    SCLS,
)
from unmixing.semantic.experiments.oracles import oracle
from unmixing.semantic.pools import make_pool
from unmixing.semantic.scene_unmixing import prepare, unmix_pixels
from unmixing.semantic.sensors import get_sensor
from unmixing.semantic.splits import masked_angles

MIXTURES = {
    "draws": 1, "pixels": 30, "sensors": ["aviris"], "bilinear": [0, 0.6], "sensor_updates": 0, "transfer_updates": 0,
    "anchor_updates": 0, "anchor_trainings": 0,
}  # fmt: skip
FAIRNESS = {"draws": 1, "pixels": 40, "region_updates": 0}


@pytest.fixture(scope="module")
def tools():
    return bench.open_bench(None)


@pytest.fixture(scope="module")
def seen(tools):
    """Undisturbed pixels with their true spectra, and what they were drawn as."""
    pool = tools.pool(bench.SEVEN)
    latents = bench.draw(pool, 40, np.random.default_rng(0))
    shown = bench.look(bench.under(latents, bench.Conditions()), pool, get_sensor("aviris"), with_endmembers=True)
    return pool, latents, shown


def typed(rows, columns):
    assert list(rows.columns) == list(columns)
    for name, kind in columns.items():
        assert rows[name].dtype == {str: object, int: "int64", float: "float64"}[kind] or kind is str
    assert not (rows["value"].isna() & (rows["reason"] == "")).any(), "what is missing has a reason"


def test_held_out_spectra_are_not_those_that_were_trained_on(tools):
    assert not (tools.train & tools.test).any()
    trained = make_pool(tools.library, tools.ontology, list(bench.SEVEN), rows=tools.train)
    angles = masked_angles(tools.pool(bench.SEVEN).spectra[:200], trained.spectra)
    assert angles.min() > 1e-4
    records = tools.library.records
    soils = (records["concept"] == "bare_soil").to_numpy()
    assert not set(records["site"][soils & tools.train]) & set(records["site"][soils & tools.test])


def test_a_list_of_another_split_is_refused(tools, tmp_path):
    document = yaml.safe_load(held_out.HELD_OUT_FILE.read_text(encoding="utf-8"))
    document["split"]["split_seed"] += 1
    path = tmp_path / "held_out.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    with pytest.raises(UnmixingError, match="another split"):
        held_out.split_rows(tools.library, "test", path)
    with pytest.raises(UnmixingError, match="no side 'neither'"):
        held_out.split_rows(tools.library, "neither")


def test_the_list_comes_from_the_split_of_the_shipped_recipe(tmp_path, monkeypatch):
    recipe = replace(held_out.shipped_recipe(), library_usgs=False)
    monkeypatch.setattr(held_out, "shipped_recipe", lambda: recipe)
    path = tmp_path / "held_out.yaml"
    held_out.write_split(None, path)
    library = bench.library_at_hand(None)
    found = held_out.split_library(library, np.random.default_rng(recipe.split_seed))["split"].to_numpy()
    for side in ("train", "test"):
        np.testing.assert_array_equal(held_out.split_rows(library, side, path), found == side)


def test_the_shipped_list_is_that_of_the_shipped_model(libraries_folder, tmp_path):
    path = tmp_path / "held_out.yaml"
    held_out.write_split(libraries_folder / "usgs_splib06_av18a.sli", path)
    assert path.read_text(encoding="utf-8") == held_out.HELD_OUT_FILE.read_text(encoding="utf-8")


def test_class_mean_scls_is_the_classical_one(tools, seen):
    _, _, pixels = seen
    asked = bench.ask_concepts(tools, bench.SEVEN)
    found = solver.solve(tools.model, asked, pixels.values, pixels.wavelengths, (SCLS,))[SCLS]
    prepared = solver.Solver(tools.model).prepared(asked, pixels.wavelengths, "library")
    known = prepared.known.numpy()
    classical = scls(pixels.values[:, known], prepared.endmembers.double().numpy()[:, known])
    np.testing.assert_allclose(found.abundances, classical, atol=1e-4)


@pytest.mark.parametrize("method", list(solver.SOLVED))
def test_shared_fits_give_what_unmixing_gives(tools, seen, method):
    _, _, pixels = seen
    values = pixels.values.copy()
    values[::3, 11] = np.nan
    asked = bench.ask_concepts(tools, bench.SEVEN)
    shared = solver.Solver(tools.model)
    shared.solve(asked, values, pixels.wavelengths, (NO_PRIOR,))
    found = shared.solve(asked, values, pixels.wavelengths, (method,))[method]
    endmembers, prior, brightness = solver.SOLVED[method]
    prepared = prepare(tools.model, asked, pixels.wavelengths, endmembers)
    alone = unmix_pixels(tools.model, prepared, values, prior=prior, brightness=brightness)
    np.testing.assert_allclose(found.abundances, alone.abundances, atol=1e-9)
    np.testing.assert_array_equal(found.abstain, alone.abstain)
    np.testing.assert_allclose(found.noise, alone.noise, atol=1e-9)


def test_only_what_conditions_name_changes(seen):
    pool, latents, pixels = seen
    quiet = bench.look(bench.under(latents, bench.Conditions(snr_db=np.inf)), pool, get_sensor("aviris"))
    bright = bench.look(
        bench.under(latents, bench.Conditions(snr_db=np.inf, illumination=1.5)), pool, get_sensor("aviris")
    )
    np.testing.assert_allclose(bright.values, 1.5 * quiet.values, rtol=1e-5)
    np.testing.assert_array_equal(pixels.truth, quiet.truth)
    assert bench.pair_angles(quiet.values, pixels.values).max() > 0


def test_with_the_true_spectra_and_no_noise_only_brightness_is_left(seen):
    pool, latents, _ = seen
    sensor, even = get_sensor("aviris"), replace(latents, material_gain=np.ones_like(latents.material_gain))

    def error(drawn, strength, given):
        conditions = bench.Conditions(snr_db=np.inf, bilinear=strength)
        shown = bench.look(bench.under(drawn, conditions), pool, sensor, with_endmembers=True)
        return bench.scores(oracle(shown, given), shown.truth)["armse"]

    assert error(even, 0.0, 0.0) < 1e-3
    assert error(even, 0.6, 0.6) < 0.3 * error(even, 0.6, 0.0), "the true scattering undoes most of it"


def test_every_level_of_the_battery_disturbs_and_the_base_does_not(seen):
    pool, latents, pixels = seen
    base = robustness.disturbed(undisturbed(), latents, pool, np.random.default_rng(0))
    np.testing.assert_array_equal(base.values, pixels.values)
    levels = battery(get_sensor("aviris"), "all")
    assert {level.test for level in levels} >= set(LEVELS)
    for level in levels:
        found = robustness.disturbed(level, latents, pool, np.random.default_rng(0))
        np.testing.assert_array_equal(found.truth, base.truth)
        changed = found.values.shape != base.values.shape or np.nanmax(np.abs(found.values - base.values)) > 1e-4
        assert changed == (level.conditions != bench.Conditions() or level.level != "40 dB"), level
    assert len(battery(get_sensor("aviris"), "few")) < len(levels)
    with pytest.raises(UnmixingError, match="few or all"):
        battery(get_sensor("aviris"), "most")


def test_mixtures_are_scored_by_protocol_and_the_same_again():
    found = mixtures.rows(MIXTURES, {}, None, 7)
    typed(found, MIXTURE_COLUMNS)
    error = found[found["metric"] == "armse"].groupby(["protocol", "method"])["value"].mean()
    assert error["ZS-a", ORACLE] < 0.6 * error["ZS-a", SCLS]
    assert error["ZS-a", MODEL] < error["ZS-a", "constant"]
    missing = found[found["value"].isna()]
    assert set(missing["protocol"]) == {"ZS-a", "ZS-d", "transfer", "anchors"}
    assert missing["reason"].str.contains("UNMIXING_LIBRARIES|not run at this scale").all()
    named = found[(found["protocol"] == "ZS-c") & (found["method"] == MODEL)]["setting"].unique()
    assert len(named) == 6
    # Only the order of draws decides, not what was computed before.
    again = mixtures.rows({**MIXTURES, "sensors": []}, {}, None, 7)
    pd.testing.assert_frame_equal(
        again[again["protocol"] == "ZS-c"].reset_index(drop=True),
        found[found["protocol"] == "ZS-c"].reset_index(drop=True),
    )


def test_soils_of_unknown_place_belong_to_no_region():
    found = fairness.region_of([0.0, np.nan, 50.0, 30.0, -10.0, -40.0]).tolist()
    assert found == [fairness.UNKNOWN_PLACE] * 2 + list(fairness.REGIONS)


def test_fairness_by_class_language_and_region(tools):
    found = fairness.rows(FAIRNESS, {}, None, 1)
    typed(found, FAIRNESS_COLUMNS)
    regions = found[(found["aspect"] == "region") & (found["metric"] == "soil")]
    assert set(regions["group"]) == set(fairness.REGIONS)
    assert ((regions["low"] <= regions["value"]) & (regions["value"] <= regions["high"])).all()
    shares = found[(found["aspect"] == "region") & (found["method"] == MODEL)]
    parts = shares[(shares["metric"] == "soil") | shares["metric"].str.startswith("to ")]
    np.testing.assert_allclose(parts.groupby("group")["value"].sum(), 1.0, atol=1e-6)
    spoken = found[(found["aspect"] == "language") & (found["metric"] == "armse") & (found["method"] == RESOLVED)]
    assert spoken["value"].nunique() == 1
    assert set(found.loc[found["aspect"] == "region left out", "reason"]) == {
        "not run at this scale: set region_updates"
    }
