"""The experiment on robustness, at the smallest size that still says something."""

import pytest

from unmixing.semantic.experiments import robustness
from unmixing.semantic.experiments.disturbances import LEVELS
from unmixing.semantic.experiments.labels import (
    BASE,
    ENVELOPE,
    HARDENED,
    NO_PRIOR,
    RAW,
    REQUIREMENT,
    RESOLVED,
    ROBUSTNESS_COLUMNS,
    UNDISTURBED,
)

ROBUSTNESS = {
    "draws": 1, "pixels": 24, "levels": "few", "reliance_snr_db": [10, 40],
    "envelope": {"snr_db": [40], "atmosphere": [0.2], "distractors": [3]}, "text_encoder": "",
    "attack_pixels": 5, "attack_steps": 2, "attack_sizes": [0.01], "adversarial_updates": 0, "scene_stride": 4,
}  # fmt: skip


@pytest.fixture(scope="module")
def robust():
    return robustness.rows(ROBUSTNESS, {}, None, 3)


def test_robustness_has_all_tests_and_pairs_them_with_the_base(robust):
    assert list(robust.columns) == list(ROBUSTNESS_COLUMNS)
    assert not (robust["value"].isna() & (robust["reason"] == "")).any(), "what is missing has a reason"
    tests = set(robust["test"])
    assert tests >= {*LEVELS, UNDISTURBED, ENVELOPE, REQUIREMENT, "PGD", "language fr", "composed prompts"}
    base = robust[(robust["test"] == UNDISTURBED) & (robust["metric"] == "moved")]
    assert (base["value"] == 0).all()
    assert (base["level"] == BASE).all()
    hardened = robust[robust["method"] == HARDENED]
    assert hardened["reason"].str.startswith("not run at this scale").all()


def test_names_that_resolve_change_nothing_and_their_own_vectors_do(robust):
    spoken = robust[robust["test"].str.startswith("language") & (robust["metric"] == "moved")]
    moved = spoken.groupby("level")["value"].max()
    assert moved[RESOLVED] == 0
    assert moved[RAW] > 0


def test_a_prompt_that_no_library_shows_is_refused(robust):
    composed = robust[(robust["test"] == "composed prompts") & (robust["metric"] == "refused")]
    refused = composed.set_index("level")["value"]
    assert refused["submerged aquatic vegetation"] == 1
    fair = robust[(robust["test"] == "composed prompts") & (robust["metric"] == "not mistaken")]["value"]
    assert (fair == 1).all()


def test_illumination_does_not_touch_what_solves_for_brightness(robust):
    moved = robust[(robust["test"] == "illumination") & (robust["metric"] == "moved")].set_index("method")["value"]
    assert moved[NO_PRIOR] < 0.02
    assert moved["class-mean FCLS"] > 3 * moved[NO_PRIOR]


def test_what_must_hold_on_the_easy_scene_holds(robust):
    required = robust[robust["test"] == REQUIREMENT].set_index("level")
    assert required.loc["30 % of bands removed: mean absolute change", "value"] <= 0.05
    assert required.loc["as Sentinel-2: mean absolute change", "value"] <= 0.10
    assert required.loc["gain .5 to 1.5: mean absolute change", "value"] <= 0.05
    assert required.loc["aRMSE with wavelengths 100 nm wrong", "note"] == "worse: met"
