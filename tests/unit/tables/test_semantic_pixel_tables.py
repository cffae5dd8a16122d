"""Tables and figures of the experiments on generated pixels: what a row says, and what stands where nothing was run."""

import numpy as np
import pandas as pd
import pytest

from unmixing.figures import semantic_envelope as envelope_figure
from unmixing.figures import semantic_robustness as robustness_figure
from unmixing.figures.style import save_figure
from unmixing.semantic.experiments.labels import (
    BASE,
    CORRECT,
    ENVELOPE,
    FIXED,
    MODEL,
    NO_LANGUAGE,
    RANDOM,
    RANDOM_SHORT,
    RELIANCE,
    REQUIREMENT,
    RESOLVED,
    SCLS,
    SHUFFLED,
    TEXT_SHORT,
    UNATTACKED,
    UNDISTURBED,
)
from unmixing.tables import semantic_envelope, semantic_fairness, semantic_mixtures, semantic_robustness
from unmixing.tables.semantic_draws import base_of, reliance_verdict
from unmixing.tables.writing import FORMATS, write_table

DRAWS = 5


def row(**values):
    plain = {
        "number": 0.0, "method": MODEL, "draw": 0, "metric": "armse", "n": 100, "snr_db": 40.0, "atmosphere": 0.0,
        "distractors": 0, "reason": "", "note": "",
    }  # fmt: skip
    return plain | values


def reliance(growth=0.05, fixed=0.0, draws=DRAWS):
    """Random anchors cost .02 at 40 dB and ``growth`` more at 10 dB, shuffled ones the same plus .01."""
    rows = []
    for draw in range(draws):
        for noise in (10.0, 40.0):
            for suffix, more in (("", growth), (FIXED, fixed)):
                cost = 0.02 + (more if noise == 10 else 0) + 0.001 * draw * (noise == 10)
                errors = {CORRECT: 0.2, RANDOM: 0.2 + cost, SHUFFLED: 0.21 + cost, NO_LANGUAGE: 0.22}
                rows += [
                    row(
                        test=RELIANCE, level=f"{noise:g} dB", number=noise, method=name + suffix, draw=draw,
                        value=error + 0.01 * draw, snr_db=noise,
                    )
                    for name, error in errors.items()
                ]  # fmt: skip
    return rows


@pytest.fixture
def rows():
    found = reliance()
    for draw in range(DRAWS):
        noise = 0.01 * draw
        for test, level, number, error in (
            (UNDISTURBED, BASE, 0.0, 0.2), ("haze", "20 %", 0.2, 0.3), (UNATTACKED, BASE, 0.0, 0.1),
            ("PGD", "0.01", 0.01, 0.4), ("senescence", BASE, 0.0, 0.15), ("senescence", "50 %", 0.5, 0.16),
            ("language fr", RESOLVED, 0.0, 0.2),
        ):  # fmt: skip
            for method, more in ((MODEL, 0.0), (SCLS, 0.05)):
                found.append(
                    row(test=test, level=level, number=number, method=method, draw=draw, value=error + more + noise)
                )
        for depth in (0.0, 0.2):
            for count in (0, 3):
                for method in (MODEL, SCLS):
                    found.append(
                        row(
                            test=ENVELOPE, level=f"{depth} {count}", method=method, draw=draw, value=0.2 + depth,
                            snr_db=20.0, atmosphere=depth, distractors=count,
                        )
                    )  # fmt: skip
                found.append(
                    row(
                        test=ENVELOPE, level=f"{depth} {count}", draw=draw, metric="abstained", value=0.1 * count,
                        snr_db=20.0, atmosphere=depth, distractors=count,
                    )
                )  # fmt: skip
    found.append(row(test=REQUIREMENT, level="gain", metric="value", value=0.01, note="at most .05: met"))
    found.append(row(test="PGD", level="0.01", method="model, adversarially trained", value=np.nan, reason="not run"))
    return pd.DataFrame(found)


def test_levels_are_compared_with_their_own_base_or_the_common_one(rows):
    frame = semantic_robustness.build(rows, [], {}, {}).frame.set_index(["test", "level"])
    assert frame.loc[("haze", "20 %"), "rise"] == pytest.approx(0.1)
    assert frame.loc[("PGD", "0.01"), "rise"] == pytest.approx(0.3)
    assert frame.loc[("senescence", "50 %"), "rise"] == pytest.approx(0.01)
    assert pd.isna(frame.loc[(UNDISTURBED, BASE), "rise"])
    # Paired: draws differ by .01 each, their differences do not.
    assert frame.loc[("haze", "20 %"), "rise_low"] == pytest.approx(0.1)
    assert frame.loc[("haze", "20 %"), "armse_high"] > 0.33
    assert frame.loc[("haze", "20 %"), "against"] == pytest.approx(-0.05)
    assert frame.loc[("haze", "20 %"), "draws"] == DRAWS
    assert frame.loc[("PGD", "0.01"), "reason"] == "not run"
    assert frame.loc[(REQUIREMENT, "gain"), "measured"] == "0.0100 (at most .05: met)"
    assert base_of(rows, "haze")["test"].unique().tolist() == [UNDISTURBED]


@pytest.mark.parametrize(
    ("growth", "draws", "said"),
    [(0.05, 5, "holds"), (-0.05, 5, "does not hold"), (-0.002, 5, "inconclusive"), (0.05, 3, "no verdict")],
)
def test_the_claim_on_reliance_is_judged_by_the_growth_alone(growth, draws, said):
    found = reliance_verdict(pd.DataFrame(reliance(growth, draws=draws)))
    assert found["verdict"].startswith(said)
    assert found["growth"] == pytest.approx(growth + 0.0005 * (draws - 1), abs=1e-9)
    assert (found["noisiest"], found["cleanest"], found["n"]) == (10.0, 40.0, draws)


def test_the_verdict_is_the_first_note_and_the_fixed_weight_has_its_own(rows):
    table = semantic_robustness.build(rows, [], {}, {})
    assert table.notes[0].startswith("When the spectrum is corrupted the model relies on language: holds (")
    growth = table.frame[table.frame["level"].str.startswith("growth").fillna(False)].set_index("level")
    assert growth.loc[f"growth 40 to 10 dB, {RANDOM}", "measured"] == "the claim: holds"
    assert "inconclusive" in growth.loc[f"growth 40 to 10 dB, {RANDOM}{FIXED}", "measured"] or (
        growth.loc[f"growth 40 to 10 dB, {RANDOM}{FIXED}", "rise"] == pytest.approx(0.002)
    )


def test_the_envelope_has_one_row_for_each_cell(rows):
    frame = semantic_envelope.build(rows, [], {}, {}).frame
    assert len(frame) == 4
    cell = frame[(frame["distractors"] == 3) & (frame["atmosphere"] == 0.2)].iloc[0]
    assert cell["armse"] == pytest.approx(0.4)
    assert cell["abstained"] == pytest.approx(0.3)
    assert cell["against"] == pytest.approx(0.0)


def mixture(protocol, method, values, **more):
    return [
        {
            "protocol": protocol, "setting": "s", "number": 0.0, "method": method, "draw": draw, "metric": "armse",
            "value": value, "n": 50, "reason": "", "note": "", **more,
        }
        for draw, value in enumerate(values)
    ]  # fmt: skip


@pytest.mark.parametrize(("shift", "said"), [(0.001, "equivalent"), (0.05, "different"), (0.01, "inconclusive")])
def test_anchors_on_seen_concepts_are_judged_by_equivalence(shift, said):
    text = [0.20, 0.21, 0.22, 0.20, 0.21]
    wobble = [0.001, -0.001, 0.0, 0.001, -0.001]
    random = [value + shift + extra for value, extra in zip(text, wobble, strict=True)]
    rows = pd.DataFrame(mixture("anchors", TEXT_SHORT, text) + mixture("anchors", RANDOM_SHORT, random))
    table = semantic_mixtures.build(rows, [], {}, {})
    verdict = table.frame.set_index("method").loc[RANDOM_SHORT, "verdict"]
    assert f": {said}" in verdict
    assert "n = 5 pairs" in verdict
    assert table.notes[0].startswith("On seen concepts, text and random anchors")


def test_mixtures_are_compared_with_scls_and_say_what_is_missing():
    rows = pd.DataFrame(
        [
            *mixture("ZS-a", MODEL, [0.1, 0.2, 0.3, 0.2, 0.2]),
            *mixture("ZS-a", SCLS, [0.2, 0.3, 0.4, 0.3, 0.3]),
            *mixture("ZS-d", "", [np.nan], reason="needs the USGS library"),
        ]
    )
    frame = semantic_mixtures.build(rows, [], {}, {}).frame
    model = frame[frame["method"] == MODEL].iloc[0]
    assert (model["gain"], model["gain_low"], model["gain_high"]) == pytest.approx((-0.1, -0.1, -0.1))
    assert pd.isna(frame[frame["method"] == SCLS]["gain"].iloc[0])
    assert frame.iloc[-1]["reason"] == "needs the USGS library"


def test_gaps_are_to_the_best_group_of_the_same_measure():
    plain = {"low": np.nan, "high": np.nan, "clusters": 0, "reason": "", "note": "", "n": 10}
    rows = [
        plain | {"aspect": "class", "group": group, "method": MODEL, "draw": draw, "metric": metric, "value": value}
        for draw in range(5)
        for group, metric, value in (
            ("soil", "rmse", 0.2), ("water", "rmse", 0.1), ("soil", "recall", 0.9), ("water", "recall", 0.6),
            ("soil", "bias", -0.03),
        )
    ]  # fmt: skip
    rows.append(
        plain | {
            "aspect": "region", "group": "tropics", "method": MODEL, "draw": 0, "metric": "soil", "value": 0.5,
            "low": 0.4, "high": 0.6, "clusters": 7,
        }
    )  # fmt: skip
    frame = semantic_fairness.build(pd.DataFrame(rows), [], {}, {}).frame
    by_class = frame[frame["aspect"] == "class"].set_index(["group", "measure"])
    assert by_class.loc[("soil", "RMSE of its share"), "gap"] == pytest.approx(0.1)
    assert by_class.loc[("water", "Called right where it dominates"), "gap"] == pytest.approx(-0.3)
    assert by_class.loc[("soil", "RMSE of its share"), "further"] == "bias -0.030"
    region = frame[frame["aspect"] == "region"].iloc[0]
    assert (region["low"], region["high"], region["clusters"]) == (0.4, 0.6, 7)


@pytest.mark.parametrize("module", [semantic_mixtures, semantic_robustness, semantic_envelope, semantic_fairness])
def test_what_was_not_run_says_so(module, tmp_path):
    table = module.build(pd.DataFrame(), [], {}, {})
    assert len(table.frame) == 1
    assert table.frame["reason"].iloc[0].startswith("not run")
    assert len(write_table(table, tmp_path / "table")) == len(FORMATS)


@pytest.mark.parametrize("module", [semantic_robustness, semantic_envelope])
def test_tables_can_be_written_in_all_forms(module, rows, tmp_path):
    assert len(write_table(module.build(rows, [], {}, {}), tmp_path / "table")) == len(FORMATS)


def test_the_figure_has_a_panel_for_each_test_with_levels(rows, tmp_path):
    figure = robustness_figure.draw(pd.DataFrame(), rows, [])
    titles = {axes.get_title(loc="left") for part in figure.subfigs for axes in part.axes if axes.get_visible()}
    assert {"haze", "senescence", "PGD", "anchors of the prior"} <= titles
    assert "language fr" not in titles
    description = robustness_figure.describe(rows, [], {}, {})
    assert description.n == "5 draws of up to 100 pixels"
    assert description.notes[0].endswith("holds.")
    assert save_figure(figure, tmp_path / "figure", description)


def test_the_envelope_is_drawn_for_each_number_of_distractors(rows):
    figure = envelope_figure.draw(pd.DataFrame(), rows, [])
    assert len(figure.axes) == 6
    assert {text.get_text() for text in figure.axes[0].texts} == {"0.20", "0.40"}


@pytest.mark.parametrize("module", [robustness_figure, envelope_figure])
def test_a_figure_without_rows_says_why(module):
    figure = module.draw(pd.DataFrame(), pd.DataFrame(), [])
    written = " ".join(text.get_text() for part in figure.subfigs for text in part.texts)
    assert "not run" in written
    assert module.describe(pd.DataFrame(), [], {}, {}).n == "not run"
