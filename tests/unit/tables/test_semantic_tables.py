"""Tables of the second study: what a row says, and what stands where nothing was computed."""

import numpy as np
import pandas as pd
import pytest

from unmixing.semantic.leaderboard import TITLES
from unmixing.tables import (
    semantic_areas,
    semantic_bilinear,
    semantic_few_shot,
    semantic_names,
    semantic_scenes,
    semantic_seeds,
)
from unmixing.tables.writing import FORMATS, write_table

from .frames import scenes


def name_scores(gain=0.1, groups=8, encoders=("MiniLM",)):
    """Scores of all arms on 64 names; text is better than all others by ``gain``, both by half of it."""
    rng = np.random.default_rng(0)
    base = rng.uniform(0.2, 0.4, 64)
    facts = pd.DataFrame(
        {
            "name": [f"name {number}" for number in range(64)],
            "kind": "mineral",
            "group": [f"group {number % groups}" for number in range(64)],
            "source": "usgs",
        }
    )
    parts = []
    for encoder in ("", *encoders):
        for arm in ("none", "ngrams", "random") if not encoder else ("text", "both", "permuted"):
            better = {"text": gain, "both": gain / 2}.get(arm, 0.0)
            for seed in range(5 if arm in ("random", "permuted") else 1):
                noise = rng.normal(0, 0.005, 64)
                part = facts.assign(sad_rad=base - better + noise, identification=0.5 + better + noise, within_kind=0.5)
                parts.append(part.assign(arm=arm, encoder=encoder, seed=seed))
    return pd.concat(parts, ignore_index=True)


def scene_rows(method, values, *, scene="samson", k=0, against="", convention="reference", **more):
    """Rows of the experiment on scenes for one method: one value of aRMSE for each draw."""
    records = []
    for draw, value in enumerate(values):
        for metric, number in (("armse", value), ("dominant_accuracy", 1 - value), ("mae", value / 2)):
            low, high = (number - 0.02, number + 0.02) if len(values) == 1 else (np.nan, np.nan)
            records.append(
                {
                    "scene": scene, "kind": "real", "protocol": "few-shot" if k else "zero-shot", "method": method,
                    "title": "", "uses_truth": "names", "k": k, "draw": draw, "level": np.nan, "dropped": "",
                    "against": against, "notes": "", "convention": convention, "metric": metric, "material": "",
                    "value": number, "low": low, "high": high, "interval": "blocks, bca", "n": 900 - draw,
                    "blocks": 25, "reason": "", **more,
                }
            )  # fmt: skip
    return pd.DataFrame(records)


def metric_row(rows, metric, value, **more):
    """One more row of a method: another metric."""
    return pd.concat([rows, rows.iloc[[0]].assign(metric=metric, value=value, **more)], ignore_index=True)


def test_names_are_compared_with_text_and_the_verdict_stands_beside_it():
    table = semantic_names.build(name_scores(), scenes(), {}, {})
    of_all = table.frame[table.frame["subset"] == "all"].set_index("arm")
    assert list(of_all.index) == list(TITLES.values())
    assert of_all.loc["character n-grams", "sad_gain"] == pytest.approx(-0.1, abs=0.01)
    assert of_all.loc["character n-grams", "found_gain_low"] > 0
    assert of_all.loc["n-grams + text", "sad_gain"] == pytest.approx(-0.05, abs=0.01)
    assert of_all.loc["text", "verdict"].startswith("language helps: ")
    assert of_all["verdict"].notna().sum() == 1
    assert table.notes[0].startswith("all: language helps")
    assert of_all.loc["text, names permuted", "seeds"] == 5


def test_no_gain_is_said_so():
    table = semantic_names.build(name_scores(gain=0.0), scenes(), {}, {})
    assert "language does not help" in table.notes[0]


def test_a_second_encoder_adds_its_own_arms_only():
    frame = semantic_names.build(name_scores(encoders=("MiniLM", "CLIP")), scenes(), {}, {}).frame
    of_all = frame[frame["subset"] == "all"]
    assert (of_all["arm"] == "text").sum() == 2
    assert (of_all["arm"] == "character n-grams").sum() == 1
    assert of_all["verdict"].notna().sum() == 2


def test_names_that_were_not_tested_say_why(tmp_path):
    table = semantic_names.build(pd.DataFrame(), scenes(), {}, {})
    assert table.frame["verdict"].tolist() == [semantic_names.NOT_RUN]
    assert len(write_table(table, tmp_path / "names")) == len(FORMATS)


def test_intervals_are_over_draws_where_there_are_five_and_over_blocks_for_one():
    rows = pd.concat(
        [
            scene_rows("class_mean_scls", [0.2]),
            scene_rows("model", [0.10, 0.11, 0.12, 0.11, 0.10, 0.12], title="The model"),
            scene_rows("few", [0.1, 0.2]),
        ]
    )
    frame = semantic_scenes.build(rows, scenes(), {}, {}).frame
    samson = frame[frame["scene"] == "samson"].set_index("setting")
    assert (samson.loc["class_mean_scls", "armse_low"], samson.loc["class_mean_scls", "armse_high"]) == pytest.approx(
        (0.18, 0.22)
    )
    assert samson.loc["model", "armse"] == pytest.approx(0.11)
    assert 0.1 < samson.loc["model", "armse_low"] < 0.11 < samson.loc["model", "armse_high"] < 0.12
    assert samson.loc["few", "run_values"] == "0.1 0.2"
    assert samson.loc["model", "draws"] == 6
    assert samson.loc["model", "pixels"] == 895
    assert samson.loc["model", "method"] == "The model"
    assert samson.loc["class_mean_scls", "method"] == "SCLS, class means of the library"
    assert samson.loc["model", "bar"] == "0.127 – 0.152"


def test_a_comparison_with_scls_stands_beside_the_method_and_in_the_first_note():
    rows = pd.concat([scene_rows("semantic", [0.1]), scene_rows("semantic", [-0.05], against="class_mean_scls")])
    table = semantic_scenes.build(rows, scenes(), {}, {})
    row = table.frame.set_index("setting").loc["semantic"]
    assert (row["gain"], row["gain_low"]) == (-0.05, pytest.approx(-0.07))
    assert row["armse"] == 0.1, "the comparison is no score"
    assert "−0.050 to class-mean SCLS: better" in table.notes[0]
    assert "below what there is to beat" in table.notes[0]


def test_what_the_names_add_is_told_apart_from_what_the_library_gives():
    rows = pd.concat(
        [scene_rows("semantic", [0.1]), scene_rows("semantic", [0.03], against="semantic_no_prior"),
         scene_rows("semantic", [-0.06], against="sunsal_library")]
    )  # fmt: skip
    table = semantic_scenes.build(rows, scenes(), {}, {})
    assert "−0.060 to SUnSAL over the library: better" in table.notes[0]
    assert "+0.030 to itself without a prior, that is without what the names say of a pixel: worse" in table.notes[0]
    row = table.frame.set_index("setting").loc["semantic"]
    assert (row["to_no_prior"], row["to_no_prior_high"]) == (0.03, pytest.approx(0.05))
    assert pd.isna(row["gain"])


def test_no_difference_is_no_victory():
    rows = pd.concat([scene_rows("semantic", [0.14]), scene_rows("semantic", [-0.01], against="class_mean_scls")])
    note = semantic_scenes.build(rows, scenes(), {}, {}).notes[0]
    assert "no difference shown" in note
    assert "within what there is to beat" in note


def test_what_the_model_alone_can_say_is_noted():
    rows = scene_rows("semantic", [0.2])
    metrics = {
        "abstained": 0.25, "brier": 0.3, "ece": 0.1, "reconstruction_angle_rad": 0.07, "armse_kept": 0.15,
        "armse_left_out": 0.3,
    }  # fmt: skip
    for metric, value in metrics.items():
        rows = metric_row(rows, metric, value, convention="reference" if "armse" in metric else "")
    rows = metric_row(rows, "mae", 0.4, material="Water")
    table = semantic_scenes.build(rows, scenes(), {}, {})
    assert table.notes[1].startswith("Samson: abstains on 25.0% of the pixels (aRMSE 0.300 there, 0.150 elsewhere)")
    row = table.frame.set_index("setting").loc["semantic"]
    assert (row["abstained"], row["brier"], row["angle"]) == (0.25, 0.3, 0.07)
    assert row["mae_by_material"] == "Water 0.400"


def test_the_model_comes_first_and_what_gives_the_scale_last():
    names = ["scls_references", "constant", "sunsal_library", "semantic_no_prior", "vca_fcls", "semantic"]
    frame = semantic_scenes.build(pd.concat([scene_rows(name, [0.2]) for name in names]), scenes(), {}, {}).frame
    assert frame.loc[frame["scene"] == "samson", "setting"].tolist() == [
        "semantic", "semantic_no_prior", "sunsal_library", "vca_fcls", "constant", "scls_references",
    ]  # fmt: skip


def test_trained_runs_that_stand_in_the_same_frame_become_rows_of_cnnaeu():
    runs = pd.DataFrame(
        [
            {
                "phase": "baseline", "protocol": "described", "scene": "samson", "run": run, "status": "ok",
                "uses_truth": "matching", "abundance_rmse_convention": error + 0.01 * run,
            }
            for run in range(2)
            for error in (0.3, 0.4)
        ]
    )  # fmt: skip
    both = pd.concat([scene_rows("semantic", [0.2]), runs], ignore_index=True)
    row = semantic_scenes.build(both, scenes(), {}, {}).frame.set_index("setting").loc["cnnaeu_described"]
    expected = [np.sqrt((0.3**2 + 0.4**2) / 2), np.sqrt((0.31**2 + 0.41**2) / 2)]
    assert row["armse"] == pytest.approx(np.mean(expected))
    assert [float(value) for value in row["run_values"].split()] == pytest.approx(expected)
    assert "oracle" in row["method"]
    assert pd.isna(row["dominant"])


def test_scenes_of_unknown_convention_say_raw_and_missing_ones_why(tmp_path):
    rows = scene_rows("constant", [0.3], convention="raw")
    frame = semantic_scenes.build(rows, scenes(), {}, {}).frame.set_index("scene")
    assert frame.loc["samson", "convention"] == "raw"
    assert pd.isna(frame.loc["samson", "armse_areal"])
    assert "UNMIXING_SCENES" in frame.loc["urban4", "reason"]
    empty = semantic_scenes.build(pd.DataFrame(), scenes(), {}, {})
    assert len(empty.frame) == 7
    assert len(write_table(empty, tmp_path / "scenes")) == len(FORMATS)


def test_a_method_without_a_number_says_why():
    rows = scene_rows("class_mean_scls", [np.nan]).iloc[[0]].assign(metric="", reason="no library has a spectrum")
    row = semantic_scenes.build(rows, scenes(), {}, {}).frame.set_index("setting").loc["class_mean_scls"]
    assert pd.isna(row["armse"])
    assert row["reason"] == "no library has a spectrum"


def shot_frame():
    """Five draws at k = 1 and 5; the prototype is .05 better than SCLS of the same shots at k = 5 alone."""
    values = np.array([0.10, 0.11, 0.12, 0.11, 0.10])
    parts = [scene_rows("shots_mean_scls", values, k=k, dropped="Metal" if k == 5 else "") for k in (1, 5)]
    parts += [scene_rows("prototype", values - 0.05 * (k == 5), k=k) for k in (1, 5)]
    noise = np.array([0.01, -0.01, 0.02, -0.02, 0.0])
    parts += [scene_rows("prototype", noise - 0.05 * (k == 5), k=k, against="shots_mean_scls") for k in (1, 5)]
    return pd.concat(parts, ignore_index=True)


def test_shots_stand_side_by_side_and_say_who_dropped_out(tmp_path):
    table = semantic_few_shot.build(shot_frame(), scenes(), {}, {})
    rows = table.frame.set_index("setting")
    assert rows.loc["prototype", "armse_1"] == pytest.approx(0.108)
    assert rows.loc["prototype", "armse_5"] == pytest.approx(0.058)
    assert rows.loc["prototype", "armse_5_low"] < 0.058 < rows.loc["prototype", "armse_5_high"]
    assert pd.isna(rows.loc["prototype", "armse_20"])
    assert rows.loc["prototype", "against_scls"] == "k = 1: +0.000, no difference shown; k = 5: −0.050, better"
    assert rows.loc["shots_mean_scls", "reason"] == "without Metal at k = 5: too few pure pixels"
    assert (rows.loc["prototype", "draws"], rows.loc["prototype", "pixels"]) == (5, 896)
    assert len(write_table(table, tmp_path / "shots")) == len(FORMATS)


def test_fewer_than_five_draws_have_no_interval_and_no_verdict():
    rows = shot_frame()
    table = semantic_few_shot.build(rows[rows["draw"] < 3], scenes(), {}, {})
    row = table.frame.set_index("setting").loc["prototype"]
    assert row["against_scls"] == "k = 1: +0.007, no interval; k = 5: −0.043, no interval"
    assert len(row["values_1"].split()) == 3
    assert pd.isna(row["armse_1_low"])


def test_the_papers_comparison_with_a_supervised_network_is_noted():
    half = {"protocol": "other half"}
    rows = pd.concat(
        [
            scene_rows("supervised_autoencoder", [0.1], **half),
            scene_rows("semantic", [0.2], **half),
            scene_rows("semantic", [0.1], against="supervised_autoencoder", **half),
        ]
    )
    table = semantic_few_shot.build(rows, scenes(), {}, {})
    assert table.notes[0].endswith("aRMSE +0.100, worse.")
    row = table.frame.set_index("setting").loc["supervised_autoencoder"]
    assert (row["armse_half"], row["armse_half_low"]) == (0.1, pytest.approx(0.08))
    assert len(semantic_few_shot.build(pd.DataFrame(), scenes(), {}, {}).frame) == 7


def test_bilinear_mixing_stands_by_strength(tmp_path):
    parts = [
        scene_rows(name + ending, [value + level / 10], protocol="bilinear", level=level, convention="areal")
        for level in (0.0, 1.0)
        for name, value in (("semantic", 0.3), ("class_mean_scls", 0.2))
        for ending in ("", "_bilinear")
    ]
    table = semantic_bilinear.build(pd.concat(parts), scenes(), {}, {})
    rows = table.frame[table.frame["scene"] == "samson"].set_index("level")
    assert rows.loc[1.0, "semantic_armse"] == pytest.approx(0.4)
    assert rows.loc[0.0, "class_mean_scls_products"] == pytest.approx(0.2)
    assert pd.isna(rows.loc[0.0, "scls_references_armse"])
    assert table.notes[0] == "Samson, g from 0 to 1: aRMSE decoded +0.100, class means +0.100."
    assert len(write_table(table, tmp_path / "bilinear")) == len(FORMATS)
    assert len(semantic_bilinear.build(pd.DataFrame(), scenes(), {}, {}).frame) == 7


def area_frame(protocol="zero-shot", method="semantic", k=0, runs=1, abstained=0.4):
    return pd.DataFrame(
        [
            {
                "scene": "dlr_hysu", "protocol": protocol, "method": method, "title": f"The {method}",
                "uses_truth": "names", "k": k, "run": run, "material": f"m{material}", "side_m": side,
                "known_m2": side**2, "estimated_m2": side**2 * (0.8 + 0.02 * material), "pixels": 9,
                "detected": material > 0, "presence": 0.9, "false_mean_m2": 0.1, "detection_limit_m2": 0.2,
                "windows": 20, "abstained": abstained, "abstained_empty": 0.1, "notes": "", "reason": "",
            }
            for run in range(runs)
            for side in (3.0, 2.0)
            for material in range(5)
        ]
    )  # fmt: skip


def test_areas_stand_by_size_with_intervals_over_materials(tmp_path):
    rows = pd.concat([area_frame(), area_frame("few-shot", "prototype", 5, 3, np.nan)])
    table = semantic_areas.build(rows, scenes(), {}, {})
    first = table.frame.iloc[0]
    assert (first["setting"], first["side"], first["materials"], first["draws"]) == ("semantic", "3 m", 5, 1)
    assert first["bias_m2"] == pytest.approx(-9 * 0.16)
    assert first["bias_m2_low"] < first["bias_m2"] < first["bias_m2_high"]
    assert first["detected"] == pytest.approx(0.8)
    shots = table.frame[table.frame["protocol"] == "few-shot"]
    assert set(shots["draws"]) == {3}
    assert set(shots["k"]) == {5}
    assert shots["abstained"].isna().all()
    assert "3 m 40%, 2 m 40%; on 10% of the ground" in table.notes[0]
    assert len(write_table(table, tmp_path / "areas")) == len(FORMATS)


def test_areas_that_were_not_scored_say_why():
    assert semantic_areas.build(pd.DataFrame(), scenes(), {}, {}).frame["reason"].tolist() == [
        "DLR HySU is not part of this study"
    ]
    rows = pd.DataFrame([{"reason": "it has no targets of known area", "side_m": np.nan}])
    assert semantic_areas.build(rows, scenes(), {}, {}).frame["reason"].tolist() == ["it has no targets of known area"]


def seed_frame(values=(0.21, 0.22, 0.23, 0.24, 0.25), shipped=0):
    """Trainings that differ by their seed, scored on Samson."""
    parts = []
    for draw, value in enumerate(values):
        about = {"draw": draw, "protocol": "seeds", "level": 1200.0, "n": 900}
        about["notes"] = "the shipped model" if draw == shipped else ""
        part = scene_rows("semantic", [value]).assign(**about)
        part = part[part["metric"] != "mae"]
        parts += [part, part[:1].assign(metric="abstained", value=0.1, convention="")]
    return pd.concat(parts, ignore_index=True)


def test_trainings_are_summed_up_beside_the_shipped_one(tmp_path):
    table = semantic_seeds.build(seed_frame(), scenes(), {}, {})
    row = table.frame.set_index("scene").loc["samson"]
    assert row[["trainings", "updates", "pixels"]].tolist() == [5, 1200, 900]
    assert row["shipped"] == pytest.approx(0.21)
    assert row["armse"] == pytest.approx(0.23)
    # Student's t with four degrees of freedom: 2.776 times the standard error.
    assert row["deviation"] == pytest.approx(np.sqrt(0.001 / 4))
    assert row["armse_low"] == pytest.approx(0.23 - 2.776445 * np.sqrt(0.001 / 4 / 5), abs=1e-6)
    assert row[["lowest", "highest"]].tolist() == [0.21, 0.25]
    assert row["dominant"] == pytest.approx(0.77)
    assert row["abstained"] == pytest.approx(0.1)
    assert len(write_table(table, tmp_path / "seeds")) == len(FORMATS)


def test_few_trainings_stand_for_themselves_and_none_says_why():
    row = semantic_seeds.build(seed_frame((0.2, 0.3), shipped=9), scenes(), {}, {}).frame.set_index("scene")
    assert row.loc["samson", "run_values"] == "0.2 0.3"
    assert np.isnan(row.loc["samson", "armse_low"])
    assert np.isnan(row.loc["samson", "shipped"])
    empty = semantic_seeds.build(pd.DataFrame(), scenes(), {}, {}).frame.set_index("scene")
    assert empty["armse"].isna().all()
    assert empty.loc["samson", "reason"] == "not part of this study"
