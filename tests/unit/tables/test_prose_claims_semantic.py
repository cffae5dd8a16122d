"""Rules on the second paper, on rows of its experiments whose answers are known by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from unmixing.semantic.experiments import labels
from unmixing.tables.prose_claims import RULES, Evidence
from unmixing.tables.prose_claims_findings import INDICATIVE, Finding

from .frames import scenes

DRAWS = 6
PIXELS = [
    ("robustness", ("synonyms", "identity_is_stable", "multispectral", "noise", "relies_on_language", "adversarial")),
    ("mixtures", ("paraphrases", "prior_helps", "universal_encoder", "decoder_nonlinear")),
    ("fairness", ("spelling_and_language", "rare_materials", "fairness")),
    ("scenes", ("zero_shot_beats_class_means", "few_shots_help", "comparable_to_supervised", "dominant_material")),
    ("cost", ("parameters", "compression", "downlink", "anchor_bytes", "latency", "precomputed_anchors")),
    ("coverage", ("retrieved_prompts",)),
    ("names", ("language_knows_spectra",)),
]


def answer(name: str, **parts: pd.DataFrame) -> Finding:
    return RULES[name](Evidence(pd.DataFrame(), scenes(), {}, semantic=parts))


def common(draw: int) -> float:
    """What all methods of a draw share."""
    return 0.2 + 0.03 * np.sin(draw)


def drawn(value: float, spread: float = 0.001, draws: int = DRAWS, **columns: Any) -> pd.DataFrame:
    """One row per draw: what the draw shares, a value, and a little of its own."""
    own = spread * np.cos(np.arange(draws) * 7.0)
    values = [common(draw) + value + own[draw] for draw in range(draws)]
    base: dict[str, Any] = {"metric": "armse", "n": 100, "reason": "", "note": "", "number": 0.0}
    return pd.DataFrame({"draw": range(draws), "value": values}).assign(**(base | columns))


def robust(test: str, value: float, level: str = "x", method: str = labels.MODEL, **columns: Any) -> pd.DataFrame:
    return drawn(value, test=test, level=level, method=method, **columns)


def base(method: str = labels.MODEL) -> pd.DataFrame:
    return robust(labels.UNDISTURBED, 0.0, labels.BASE, method)


@pytest.mark.parametrize(("part", "rules"), PIXELS)
def test_an_experiment_that_is_not_part_of_the_study_is_named(part, rules):
    for name in rules:
        for parts in ({}, {part: pd.DataFrame()}):
            found = answer(name, **parts)
            assert found.verdict == "not tested"
            assert found.sentence == f"the experiment {part} is not part of this study"


@pytest.mark.parametrize(
    ("worse_by", "synonyms", "wet"),
    [(0.0, "not borne out", "holds"), (0.05, "holds", "contradicted"), (-0.05, "contradicted", "contradicted")],
)
def test_what_must_stay_the_same_and_what_must_get_worse(worse_by, synonyms, wet):
    frame = pd.concat(
        [
            base(),
            robust("synonyms", worse_by, labels.RAW),
            robust("wet surfaces", 0.2, "50 %", number=0.5),
            robust("wet surfaces", worse_by, "100 %", number=1.0),
        ]
    )
    told = answer("synonyms", robustness=frame)
    assert (told.verdict, told.n, told.unit) == (synonyms, DRAWS, "aRMSE")
    assert told.number == pytest.approx(worse_by, abs=0.002)
    assert told.printed == INDICATIVE + synonyms, "no CLIP tower stands behind it"
    assert answer("wet_surfaces", robustness=frame).verdict == wet, "the severest level decides"


def test_an_interval_across_the_margin_decides_no_sameness():
    frame = pd.concat([base(), robust("wet surfaces", labels.MARGIN, "100 %", number=1.0, spread=0.004)])
    assert answer("wet_surfaces", robustness=frame).verdict == "inconclusive"
    few = frame[frame["draw"] < 3]
    found = answer("wet_surfaces", robustness=few)
    assert (found.verdict, found.n, found.low) == ("inconclusive", 3, None)
    assert len(found.values) == 3


@pytest.mark.parametrize(("gain", "verdict"), [(-0.05, "holds"), (0.05, "contradicted"), (0.0, "not borne out")])
def test_the_prior_is_judged_where_the_noise_is_worst(gain, verdict):
    frame = pd.concat(
        [
            base(),
            robust(labels.NOISE, 0.3, "none", number=np.inf),
            robust(labels.NOISE, 0.3, "none", labels.NO_PRIOR, number=np.inf),
            robust(labels.NOISE, 0.1 + gain, "10 dB", number=10.0),
            robust(labels.NOISE, 0.1, "10 dB", labels.NO_PRIOR, number=10.0),
        ]
    )
    found = answer("noise", robustness=frame)
    assert found.verdict == verdict
    assert "noise 10 dB" in found.sentence
    assert "with the prior less that of the undisturbed pixels" in found.sentence
    settings = [drawn(gain, protocol="ZS-a", setting="seven", method=labels.MODEL)]
    settings.append(drawn(0.0, protocol="ZS-a", setting="seven", method=labels.NO_PRIOR))
    assert answer("prior_helps", mixtures=pd.concat(settings)).verdict == verdict


@pytest.mark.parametrize(("noisy", "verdict"), [(0.1, "holds"), (0.0, "contradicted")])
def test_reliance_is_a_difference_of_differences(noisy, verdict):
    place = {"test": labels.RELIANCE, "level": "x"}
    frame = pd.concat(
        [
            drawn(0.1 + noisy, method=labels.SHUFFLED, **place, number=10.0),
            drawn(0.1, method=labels.CORRECT, **place, number=10.0),
            drawn(0.03, 0.002, method=labels.SHUFFLED, **place, number=40.0),
            drawn(0.0, method=labels.CORRECT, **place, number=40.0),
        ]
    )
    found = answer("relies_on_language", robustness=frame)
    assert found.verdict == verdict
    assert found.number == pytest.approx(noisy - 0.03, abs=0.002)


def test_changes_are_held_against_a_bound():
    def frame(value):
        moved = {"metric": "moved"}
        parts = [drawn(value - common(0), method=labels.MODEL, test=test, level="5 %", **moved) for test in
                 ("illumination", "band calibration")]  # fmt: skip
        return pd.concat(parts).assign(number=1.0, value=value + 0.001 * np.cos(np.arange(2 * DRAWS)))

    assert answer("identity_is_stable", robustness=frame(0.02)).verdict == "holds"
    assert answer("identity_is_stable", robustness=frame(0.05)).verdict == "inconclusive"
    assert answer("identity_is_stable", robustness=frame(0.09)).verdict == "contradicted"


def test_an_attack_is_set_against_chance_and_its_defences_against_it():
    place = {"level": "0.01", "number": 0.01}
    frame = pd.concat(
        [
            robust(labels.UNATTACKED, 0.0, labels.BASE),
            robust("PGD", 0.2, **place),
            robust(labels.CHANCE, 0.01, **place),
            robust("PGD", 0.2, method=labels.SANITISED, **place),
            robust("PGD", 0.1, method=labels.HARDENED, **place),
        ]
    )
    found = answer("adversarial", robustness=frame)
    assert (found.verdict, found.number) == ("holds", pytest.approx(0.19, abs=0.002))
    assert answer("mitigation", robustness=frame).verdict == "holds"
    without = frame[frame["method"] != labels.HARDENED]
    # Equal within the margin: what sanitisation saves is next to nothing.
    assert answer("mitigation", robustness=without).verdict == "not borne out"


def test_composed_prompts_without_a_text_encoder_are_not_counted_as_wrong():
    def row(level, metric, value, note):
        return {"test": labels.COMPOSED, "level": level, "method": labels.MODEL, "draw": 0, "metric": metric,
                "value": value, "note": note, "number": 0.0}  # fmt: skip

    refused = [row("concrete highway", "refused", 1.0, "right: concrete; refused")]
    refused.append(row("concrete highway", "not mistaken", 1.0, "right: concrete; refused"))
    found = answer("compositional_prompts", robustness=pd.DataFrame(refused))
    assert (found.verdict, found.number) == ("inconclusive", 0)
    nearest = [*refused, row("concrete highway", "nearest is right", 1.0, "right: concrete")]
    assert answer("compositional_prompts", robustness=pd.DataFrame(nearest)).verdict == "holds"
    wrong = [*refused, row("concrete highway", "nearest is right", 0.0, "right: concrete")]
    assert answer("compositional_prompts", robustness=pd.DataFrame(wrong)).verdict == "contradicted"


def test_a_decoder_that_gains_under_scattering_models_it():
    def frame(gain):
        rows = [
            drawn(value, protocol="bilinear", setting="x", method=method, number=number)
            for number, method, value in (
                (0.0, labels.DECODED, 0.01),
                (0.0, labels.SCLS, 0.0),
                (0.6, labels.DECODED, 0.1 + 0.01 - gain),
                (0.6, labels.SCLS, 0.1),
            )
        ]
        # Draws of one setting scatter by themselves.
        rows[2]["value"] += 0.001 * np.sin(np.arange(DRAWS))
        return pd.concat(rows)

    assert answer("decoder_nonlinear", mixtures=frame(0.05)).verdict == "holds"
    assert answer("decoder_nonlinear", mixtures=frame(-0.05)).verdict == "contradicted"
    # Half a thousandth is what the shipped decoder gains: equal within the margin.
    assert answer("decoder_nonlinear", mixtures=frame(0.0005)).verdict == "not borne out"


def test_regions_differ_where_their_intervals_do_not_meet():
    def frame(low):
        common = {"aspect": "region", "method": labels.MODEL, "metric": "called soil", "n": 50, "clusters": 9}
        best = {"group": "north", "value": 0.9, "low": low, "high": 0.95}
        return pd.DataFrame([common | best, common | {"group": "tropics", "value": 0.5, "low": 0.4, "high": 0.6}])

    assert answer("fairness", fairness=frame(0.8)).verdict == "holds"
    assert answer("fairness", fairness=frame(0.55)).verdict == "inconclusive"
    assert answer("fairness", fairness=frame(0.8)).number == pytest.approx(0.4)


# Scenes


def on_scene(method: str, value: float, **columns: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "scene": "samson", "kind": "real", "protocol": "zero-shot", "method": method, "title": "", "k": 0, "draw": 0,
        "against": "", "material": "", "convention": "reference", "metric": "armse", "value": value,
        "low": value - 0.01, "high": value + 0.01, "n": 900, "reason": "",
    }  # fmt: skip
    return base | columns


@pytest.mark.parametrize(("gain", "verdict"), [(-0.03, "holds"), (0.03, "contradicted"), (0.005, "inconclusive")])
def test_names_alone_are_compared_pixel_by_pixel(gain, verdict):
    frame = pd.DataFrame(
        [
            on_scene("semantic", 0.2),
            on_scene("constant", 0.35),
            on_scene("semantic", gain, against="class_mean_scls"),
            on_scene("semantic", 0.9, metric="dominant_accuracy"),
            on_scene("semantic", gain, against="supervised_autoencoder", protocol="other half"),
        ]
    )
    found = answer("zero_shot_beats_class_means", scenes=frame)
    assert (found.verdict, found.number) == (verdict, gain)
    assert (found.low, found.high) == pytest.approx((gain - 0.01, gain + 0.01))
    constant = answer("zero_shot_beats_constant", scenes=frame)
    assert (constant.verdict, constant.number) == ("holds", pytest.approx(-0.15))
    assert answer("dominant_material", scenes=frame).verdict == "holds"
    half = {-0.03: "holds", 0.03: "contradicted", 0.005: "inconclusive"}[gain]
    assert answer("comparable_to_supervised", scenes=frame).verdict == half


def test_shots_are_paired_by_draw_at_the_largest_number_of_them():
    rows = []
    for draw in range(DRAWS):
        for k, gain in ((1, 0.1), (5, -0.05)):
            shared = common(draw)
            place = {"protocol": "few-shot", "k": k, "draw": draw}
            rows.append(on_scene("semantic", shared, **place))
            rows.append(on_scene("fine_tune", shared + gain + 0.001 * np.cos(draw), **place))
    found = answer("few_shots_help", scenes=pd.DataFrame(rows))
    assert found.verdict == "holds"
    assert (found.number, found.n) == (pytest.approx(-0.05, abs=0.002), DRAWS)
    assert "k = 5, fine tune" in found.sentence


# Costs


def cost(part: str, item: str, measure: str, value: float, variant: str = "", **columns: Any) -> dict[str, Any]:
    named: dict[str, Any] = {"scene": "", "part": part, "item": item, "variant": variant, "measure": measure}
    told: dict[str, Any] = {
        "threads": 1,
        "least": value,
        "most": value,
        "value": value,
        "n": 5,
        "how": "",
        "reason": "",
    }
    return named | told | columns


@pytest.mark.parametrize(("encoder", "verdict"), [(9.5e6, "holds"), (8.9e6, "contradicted")])
def test_parameters_count_within_a_tenth(encoder, verdict):
    frame = pd.DataFrame(
        [
            cost("parameters", "encoder", "parameters", encoder, "L"),
            cost("parameters", "encoder", "parameters", 1e7, "paper, about"),
            cost("parameters", "estimator and decoder", "parameters", 5e6, "L"),
            cost("parameters", "estimator and decoder", "parameters", 5e6, "paper, about"),
        ]
    )
    found = answer("parameters", cost=frame)
    assert (found.verdict, found.number) == (verdict, encoder / 1e6)


def test_a_smaller_form_must_be_small_and_change_little():
    def frame(size, change):
        rows = [("as shipped", 100.0, 0.0), ("int8", size, change)]
        return pd.DataFrame(
            [cost("compression", "model", "bytes", one, name) for name, one, _ in rows]
            + [cost("compression", "model", "change", two, name, scene="samson") for name, _, two in rows]
        )

    assert answer("compression", cost=frame(27, 0.001)).verdict == "holds"
    assert answer("compression", cost=frame(27, 0.05)).verdict == "contradicted"
    assert answer("compression", cost=frame(70, 0.001)).verdict == "contradicted"
    assert answer("compression", cost=frame(27, 0.001)).number == pytest.approx(0.27)


def test_bytes_sent_and_stored():
    sent = [cost("downlink", "encoder's output, 16 bits", "bytes", 768, scene="samson")]
    sent.append(cost("downlink", "spectrum, 16 bits", "bytes", 312, scene="samson"))
    assert answer("downlink", cost=pd.DataFrame(sent)).number == pytest.approx(768 / 312)
    assert answer("downlink", cost=pd.DataFrame(sent)).verdict == "holds"
    stored = [
        cost("storage", "anchors, minilm", "bytes", 800.0),
        cost("storage", "anchors, minilm", "entries", 1.0),
        cost("storage", "library, earthlib", "bytes", 8000.0),
        cost("storage", "library, earthlib", "entries", 10.0),
    ]
    found = answer("anchor_bytes", cost=pd.DataFrame(stored))
    assert (found.verdict, found.number) == ("holds", pytest.approx(0.1))
    assert "1.0 times the bytes" in found.sentence


def test_lists_that_nobody_named_need_five_scenes_to_decide():
    def frame(count):
        rows = [
            {"scene": f"scene {place}", "part": "auto", "measure": measure, "item": item, "value": value, "n": 4}
            for place in range(count)
            for measure, item, value in (
                ("exact_recall", "by lot, 4", 0.2),
                ("exact_recall", "by lot, 8", 0.5),
                ("exact_recall", "list of the region, up to 4", 0.6),
                ("exact_recall", "list for any region, up to 4", 0.4),
                # Relatives count here, so that these tell little.
                ("precision", "by lot, 4", 0.9),
                ("precision", "list for any region, up to 4", 1.0),
            )
        ]
        return pd.DataFrame(rows)

    assert answer("retrieved_prompts", coverage=frame(2)).verdict == "inconclusive"
    found = answer("retrieved_prompts", coverage=frame(5))
    assert (found.verdict, found.number) == ("holds", pytest.approx(0.4))


def test_the_leaderboards_verdict_is_the_claims():
    rng = np.random.default_rng(0)
    groups = [f"group {number % 20}" for number in range(80)]
    rows = []
    for arm, sad, found in (
        ("text", 0.1, 0.9),
        ("both", 0.08, 0.95),
        ("ngrams", 0.2, 0.6),
        ("permuted", 0.3, 0.5),
        ("random", 0.3, 0.5),
        ("none", 0.3, 0.5),
    ):
        encoder = "MiniLM" if arm in ("text", "both", "permuted") else ""
        for number, group in enumerate(groups):
            noise = rng.normal(0, 0.005)
            rows.append(
                {"arm": arm, "encoder": encoder, "seed": 0, "name": f"name {number}", "kind": "mineral",
                 "group": group, "source": "usgs", "sad_rad": sad + noise, "identification": found + noise,
                 "within_kind": found, "reason": ""}
            )  # fmt: skip
    found = answer("language_knows_spectra", names=pd.DataFrame(rows))
    assert (found.verdict, found.n) == ("holds", 80)
    assert found.number == pytest.approx(-0.1, abs=0.005)
    swapped = pd.DataFrame(rows).replace({"arm": {"text": "ngrams", "ngrams": "text"}})
    swapped["encoder"] = np.where(swapped["arm"].isin(["text", "both", "permuted"]), "MiniLM", "")
    assert answer("language_knows_spectra", names=swapped).verdict == "contradicted"
