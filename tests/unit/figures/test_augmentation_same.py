"""Pairs of treatments that are one experiment, and how far apart they come out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from unmixing.augmentation.treatments import TREATMENTS
from unmixing.figures.augmentation_same import describe, draw
from unmixing.figures.sweep_pairs import kinds_of_pairs, of_runs, of_sheets, sheet_cells
from unmixing.figures.sweep_panels import sweep_panels
from unmixing.tables.sweep_rows import AUGMENTING, REGIMES

from ..tables.frames import scene
from ..tables.sweep_frames import sweep
from .test_augmentation_forest import texts, titles


def random(seed):
    """Angles that are random in every run and endmember."""

    def angles(regime, run, image_set, weights):
        return np.random.default_rng([seed, list(REGIMES).index(regime), run]).normal(0.1, 0.01, 3)

    return angles


def panel_of(rows):
    return sweep_panels(rows, [scene("samson")])[0][0]


def sheets(scenes=40, seed=0, shift=0.0):
    """Cells of made sheets: every treatment the same, but crop + blur which is shifted."""
    rng = np.random.default_rng(seed)
    records = []
    for place in range(scenes):
        for regime in REGIMES:
            for treatment in ("crop_50", "crop_75", "crop_95", "crop_blur"):
                runs = rng.normal(0.1 + shift * (treatment == "crop_blur"), 0.01, 25)
                records.append((f"scene{place}", regime, treatment, 1, runs.mean(), runs.std()))
    columns = ["scene", "regime", "treatment", "endmember", "released_mean", "released_std"]
    return pd.DataFrame(records, columns=columns).assign(images=90)


def test_pairs_are_those_of_the_released_settings_and_all_that_differ():
    found = {key: len(pairs) for key, pairs in kinds_of_pairs(TREATMENTS, "released", 90).items()}
    assert found == {
        ("Within blur", True): 1,
        ("Within crop", True): 3,
        ("Within flip", True): 6,
        ("Others, all different", False): 12 * 11 // 2,
    }
    for protocol, images in (("described", 90), ("released", 10)):
        other = kinds_of_pairs(TREATMENTS, protocol, images)
        assert not any(same for _, same in other)
        assert sum(map(len, other.values())) == len(AUGMENTING) * (len(AUGMENTING) - 1) // 2


def test_t_is_that_of_the_paired_test_where_every_run_is_a_draw():
    arms = {"jitter": random(1), "crop_blur": random(2)}
    (line,) = of_runs(panel_of(sweep(arms, number=8, regimes=("dynamic_unseeded",))))
    first, second = (np.array([arm("dynamic_unseeded", run, 0, 0) for run in range(8)]) for arm in arms.values())
    assert sorted(line.t) == pytest.approx(sorted(np.abs(stats.ttest_rel(first, second).statistic)))
    assert set(line.freedom) == {7}
    assert line.regime == ("dynamic_unseeded",) * 3


def test_runs_that_share_images_are_one_draw_and_diverged_ones_leave_their_pairs():
    arms = {"crop_50": random(1), "crop_75": random(2)}
    (line,) = of_runs(panel_of(sweep(arms, number=10, diverged=(("crop_50", "dynamic_unseeded", 4),))))
    freedom = dict(zip(line.regime, line.freedom.tolist(), strict=True))
    assert freedom == {"dynamic_unseeded": 8, "fixed_unseeded": 4, "fixed_seeded": 4}
    with_images = np.array([arms["crop_50"]("fixed_unseeded", run, 0, 0) for run in range(10)])
    others = np.array([arms["crop_75"]("fixed_unseeded", run, 0, 0) for run in range(10)])
    draws = (with_images - others).reshape(2, 5, 3).mean(axis=0)
    found = [t for t, regime in zip(line.t, line.regime, strict=True) if regime == "fixed_unseeded"]
    assert sorted(found) == pytest.approx(sorted(np.abs(stats.ttest_1samp(draws, 0).statistic)))


def test_runs_that_are_the_same_bit_for_bit_are_counted_and_have_no_t():
    arms = {"flip_vertical": random(1), "flip_random": random(1), "jitter": random(2)}
    rows = sweep(arms, protocol="released")
    flips, others = of_runs(panel_of(rows))
    assert (flips.name, flips.same, len(flips.t), flips.identical) == ("Within flip, 1 pair", True, 0, 9)
    assert (others.name, len(others.t)) == ("Others, all different, 1 pair", 9)
    figure = draw(pd.DataFrame(), rows, [scene("samson")])
    assert "9 differences exactly zero: the same runs, bit for bit" in texts(figure)
    assert "Within flip, 1 pair †" in [label.get_text() for label in figure.axes[0].get_yticklabels()]


def test_t_of_the_sheets_is_that_of_two_samples():
    cells = sheet_cells(sheets(scenes=1).iloc[:2])
    (line,) = of_sheets(cells, 90)
    means, deviations = cells["released_mean"].tolist(), (cells["released_std"] * (25 / 24) ** 0.5).tolist()
    expected = stats.ttest_ind_from_stats(means[0], deviations[0], 25, means[1], deviations[1], 25)
    assert line.t.tolist() == pytest.approx([abs(expected.statistic)])
    assert line.freedom.tolist() == [48]


def test_one_experiment_under_several_names_follows_chance_and_a_real_difference_does_not():
    same, others = of_sheets(sheet_cells(sheets(shift=0.01)), 90)
    assert same.same
    assert not others.same
    assert np.median(same.t) == pytest.approx(stats.t.ppf(0.75, 48), abs=0.12)
    assert np.mean(same.t > stats.t.ppf(0.975, 48)) < 0.12
    assert np.median(others.t) > 2.5


def test_averages_and_the_baseline_of_the_sheets_are_left_out():
    frame = pd.DataFrame(
        {
            "scene": "samson",
            "images": [90, 90, 90, 10],
            "regime": ["dynamic_unseeded", "mean_of_regimes", "baseline", "fixed_seeded"],
            "treatment": ["jitter", "jitter", "", "jitter"],
            "endmember": [1, 1, 1, 0],
            "released_mean": 0.1,
            "released_std": 0.01,
        }
    )
    assert sheet_cells(frame)[["regime", "endmember"]].to_numpy().tolist() == [["dynamic_unseeded", 1]]


def test_a_protocol_without_repeated_experiments_says_so():
    figure = draw(pd.DataFrame(), sweep({"crop_50": random(1), "crop_75": random(2)}), [scene("samson")])
    assert "no two treatments are the same experiment (described, 90 images)" in titles(figure)[0]
    assert not any("†" in label.get_text() for label in figure.axes[0].get_yticklabels())


def test_too_few_draws_say_so_and_sheets_are_drawn_all_the_same():
    rows = sweep({"crop_50": random(1), "crop_75": random(2)}, number=2)
    alone = draw(pd.DataFrame(), rows, [scene("samson")])
    assert not alone.axes
    assert "fewer than three independent draws" in texts(alone)
    both = draw(pd.DataFrame(), rows, [scene("samson")], sheets(scenes=2))
    assert [title.split(",")[0] for title in titles(both)] == ["Released sheets"]


def test_three_or_four_draws_are_called_a_description():
    arms = {"crop_50": random(1), "crop_75": random(2)}
    by_number = {number: draw(pd.DataFrame(), sweep(arms, number=number), [scene("samson")]) for number in (4, 5)}
    assert {number: "a description, no test" in titles(figure)[0] for number, figure in by_number.items()} == {
        4: True,
        5: False,
    }


def test_chance_has_its_median_for_every_number_of_draws():
    rows = sweep({"crop_50": random(1), "crop_75": random(2)}, number=10)
    axes = draw(pd.DataFrame(), rows, [scene("samson")]).axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels[:2] == ["Chance, 4 degrees of freedom", "Chance, 9 degrees of freedom"]
    medians = [line.get_xdata()[0] for line in axes.lines if list(line.get_ydata()) == [0, 1]]
    assert medians == pytest.approx([stats.t.ppf(0.75, 4), stats.t.ppf(0.75, 9)])


def test_the_description_tells_whether_sheets_were_at_hand():
    rows = sweep({"crop_50": random(1)}, number=1)
    told = [" ".join(describe(rows, [scene("samson")], {}, {}, frame).notes) for frame in (None, sheets())]
    assert ["not at hand" in notes for notes in told] == [True, False]
