"""Table 4: what regimes share, and which component a known variance ends in."""

import numpy as np
import pandas as pd
import pytest

from unmixing.tables.table4 import build
from unmixing.tables.writing import read_table, write_table

from .frames import runs, scenes
from .sweep_frames import shifted, sweep


def frame_of(rows):
    return build(rows, scenes(), {}, {}).frame


def measured(rows):
    frame = frame_of(rows)
    return frame[frame["scene"] == "samson"].set_index("regime")


def known_parts(images=0.02, weights=0.0, run_spread=0.0, regime_shift=None):
    """Angles whose spread has known sources; sets of images and of weights have effects of their own."""

    def angles(regime, run, image_set, initialisation):
        value = 0.2 + (regime_shift or {}).get(regime, 0.0)
        if image_set >= 0:
            value += images * np.random.default_rng([1, image_set]).normal()
        value += weights * np.random.default_rng([2, initialisation]).normal()
        value += run_spread * np.random.default_rng([3, run]).normal()
        return [value] * 3

    return angles


@pytest.mark.parametrize("rows", [pd.DataFrame(), runs()])
def test_the_papers_three_rows_always_stand(rows):
    frame = frame_of(rows)
    first = frame.iloc[:3]
    assert list(first["paper_seed"]) == ["No Seed", "No Seed", "Fixed Seed"]
    assert first["scene"].isna().all()
    assert first["weights"].tolist()[:2] == ["new for every run"] * 2
    assert "UNMIXING_SCENES" in frame.set_index("scene").loc["urban4", "reason"]
    assert "no finished runs" in frame.set_index("scene").loc["synthetic_easy", "reason"]


def test_means_and_deviations_by_hand():
    rows = sweep({"blur_1": shifted(0), "crop_50": shifted(0.02)}, number=6, image_sets=6, initialisations=6)
    table = measured(rows)
    one = np.array([np.mean(shifted(0)("", run, 0, 0)) for run in range(6)])
    row = table.loc["dynamic_unseeded"]
    assert row["sad_mean"] == pytest.approx(one.mean() + 0.01)
    assert row["within_sd"] == pytest.approx(one.std(ddof=1))
    assert row["within_std_paper"] == pytest.approx(one.std())
    assert (row["treatments"], row["runs"], row["draws"]) == (2, 12, 6)
    assert table.loc["all", "between_sd"] == pytest.approx(0, abs=1e-12)
    assert (table.loc["all", "runs"], table.loc["all", "draws"]) == (36, 6)


def test_a_shift_of_one_regime_is_between_regimes_alone():
    rows = sweep({"blur_1": known_parts(images=0, regime_shift={"fixed_seeded": 0.03})}, number=5)
    table = measured(rows)
    assert table.loc["all", "between_sd"] == pytest.approx(0.03 / np.sqrt(3))
    assert table["within_sd"].max() == pytest.approx(0, abs=1e-12)


def test_images_and_weights_end_in_their_components():
    rows = sweep({"blur_1": known_parts(0.02, 0.05)}, number=15)
    table = measured(rows)
    sets = np.array([0.02 * np.random.default_rng([1, level]).normal() for level in range(5)])
    both = sets + [0.05 * np.random.default_rng([2, level]).normal() for level in range(5)]
    own = np.array([0.05 * np.random.default_rng([2, run]).normal() for run in range(15)])
    seeded, unseeded = table.loc["fixed_seeded"], table.loc["fixed_unseeded"]
    assert seeded["sd_both"] == pytest.approx(both.std(ddof=1))
    assert seeded["sd_rest"] == pytest.approx(0, abs=1e-9)
    assert unseeded["sd_rest"] > 0.02
    assert (seeded["weight_sets"], unseeded["weight_sets"], unseeded["image_sets"]) == (5, 15, 5)
    assert table.loc["dynamic_unseeded", "sd_rest"] == pytest.approx(own.std(ddof=1))
    # Without noise the rest of the unseeded regime is what the weights add within a set of images.
    assert table.loc["all", "sd_weights"] == pytest.approx(unseeded["sd_rest"])
    assert table.loc["all", "variance_images"] == pytest.approx(unseeded["variance_images"])


def test_released_has_one_set_of_weights_and_no_component_of_it():
    table = measured(sweep({"blur_1": known_parts(0.02, 0.05, 0.01)}, number=15, protocol="released"))
    assert table.loc["fixed_seeded", "weights"] == "one set for all runs of all regimes"
    assert table.loc[["fixed_unseeded", "fixed_seeded"], "weight_sets"].tolist() == [1, 1]
    assert table["sd_weights"].isna().all()
    assert table.loc["fixed_unseeded", "sd_images"] > 0


def test_names_of_one_experiment_count_once():
    same = {"crop_50": shifted(0), "crop_75": shifted(0.5)}
    table = measured(sweep(same, protocol="released"))
    assert table["treatments"].tolist() == [1] * 4
    assert table.loc["all", "sad_mean"] < 0.2
    assert measured(sweep(same))["treatments"].tolist() == [2] * 4


def test_flips_have_no_images_to_vary():
    table = measured(sweep({"flip_vertical": known_parts(0.02)}, number=15))
    assert table["sd_images"].isna().all()


def test_one_regime_one_run_and_diverged_runs():
    alone = measured(sweep({"blur_1": shifted(0)}, number=1, regimes=("dynamic_unseeded",)))
    assert alone.index.tolist() == ["dynamic_unseeded"]
    assert pd.isna(alone["within_sd"].iloc[0])
    assert alone["run_values"].iloc[0]
    lost = sweep({"blur_1": shifted(0)}, diverged=(("blur_1", "fixed_seeded", 0),))
    assert measured(lost).loc["fixed_seeded", "runs"] == 4
    every = tuple(("blur_1", "fixed_seeded", run) for run in range(5))
    assert "diverged" in measured(sweep({"blur_1": shifted(0)}, diverged=every)).loc["fixed_seeded", "reason"]
    controls = frame_of(sweep({"control_identity": shifted(0)}))
    assert "control_identity" in controls.loc[controls["scene"] == "samson", "reason"].iloc[0]


@pytest.mark.parametrize("rows", [pd.DataFrame(), sweep({"blur_1": shifted(0)}, number=2)])
def test_types_survive_the_file(rows, tmp_path):
    table = build(rows, scenes(), {}, {"commit": "0123abc"})
    pd.testing.assert_frame_equal(read_table(write_table(table, tmp_path / "table4")[0]).frame, table.frame)
