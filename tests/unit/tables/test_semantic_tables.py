"""Tables of the second study: what a row says, and what stands where nothing was computed."""

import numpy as np
import pandas as pd
import pytest

from unmixing.semantic.leaderboard import TITLES
from unmixing.tables import semantic_names, semantic_scenes
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
    """Rows of ``score_maps`` of one method: one value of aRMSE for each draw."""
    records = []
    for draw, value in enumerate(values):
        for metric, number in (("armse", value), ("dominant_accuracy", 1 - value), ("mae", value / 2)):
            low, high = (number - 0.02, number + 0.02) if len(values) == 1 else (np.nan, np.nan)
            records.append(
                {
                    "scene": scene, "protocol": "FS" if k else "ZS-e", "method": method, "k": k, "draw": draw,
                    "against": against, "convention": convention, "metric": metric, "material": "", "value": number,
                    "low": low, "high": high, "interval": "blocks, bca", "n": 900 - draw, "blocks": 25, **more,
                }
            )  # fmt: skip
    return pd.DataFrame(records)


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
    assert table.frame["verdict"].tolist() == ["not run: the test needs the USGS library"]
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


def test_a_comparison_with_scls_stands_beside_the_method():
    rows = pd.concat([scene_rows("model", [0.1]), scene_rows("model", [-0.05], against="class_mean_scls")])
    row = semantic_scenes.build(rows, scenes(), {}, {}).frame.set_index("setting").loc["model"]
    assert (row["gain"], row["gain_low"]) == (-0.05, pytest.approx(-0.07))
    assert row["armse"] == 0.1, "the comparison is no score"


def test_shots_name_who_dropped_out(tmp_path):
    rows = pd.concat([scene_rows("shots_mean_scls", [0.1], k=5, dropped="Metal"), scene_rows("constant", [0.3])])
    table = semantic_scenes.build(rows, scenes(), {}, {})
    row = table.frame.set_index("setting").loc["shots_mean_scls"]
    assert row["reason"] == "without Metal: too few pure pixels"
    assert (row["k"], row["uses_truth"]) == (5, "names, training")
    assert pd.isna(row["bar"]), "what was measured before had no shots"
    assert len(write_table(table, tmp_path / "scenes")) == len(FORMATS)


def test_scenes_of_unknown_convention_say_raw_and_missing_ones_why():
    rows = scene_rows("constant", [0.3], convention="raw")
    frame = semantic_scenes.build(rows, scenes(), {}, {}).frame.set_index("scene")
    assert frame.loc["samson", "convention"] == "raw"
    assert pd.isna(frame.loc["samson", "armse_areal"])
    assert "UNMIXING_SCENES" in frame.loc["urban4", "reason"]
    assert len(semantic_scenes.build(pd.DataFrame(), scenes(), {}, {}).frame) == 7
