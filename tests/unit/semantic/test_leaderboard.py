"""The test of language on made names: it must find meaning where there is some, and none where there is none."""

import numpy as np
import pandas as pd
import pytest

from unmixing.errors import UnmixingError
from unmixing.semantic.anchor_store import COLUMNS, AnchorStore, prompts_sha256
from unmixing.semantic.leaderboard import (
    CONTROLS,
    MEASURES,
    compare_arms,
    judge,
    leaderboard,
    run_leaderboard,
)
from unmixing.semantic.name_regression import identification, left_out_mean, predict_left_out
from unmixing.semantic.named_spectra import NamedSpectra, subset_rows

GROUPS, EACH, BANDS = 16, 4, 10
LETTERS = "bcdfghjklmnprstv"


def made_names(seed=0):
    """64 names of random letters in 16 groups of two kinds, each with a hidden property that shapes its spectrum."""
    rng = np.random.default_rng(seed)
    count = GROUPS * EACH
    names = [
        "".join(
            letter + vowel
            for letter, vowel in zip(rng.choice(list(LETTERS), 4), rng.choice(list("aeiou"), 4), strict=True)
        )
        + str(number)
        for number in range(count)
    ]
    hidden = rng.normal(0, 1, (count, 3))
    shapes = 1 + 0.3 * hidden @ rng.normal(0, 1, (3, BANDS))
    shapes /= np.linalg.norm(shapes, axis=1, keepdims=True)
    table = pd.DataFrame(
        {
            "name": names,
            "kind": np.where(np.arange(count) < count // 2, "mineral", "vegetation"),
            "group": [f"group {number // EACH}" for number in range(count)],
            "source": "made",
            "spectra": 1,
        }
    )
    return NamedSpectra(table, shapes, np.linspace(400, 2400, BANDS)), hidden


def made_store(names, vectors, encoder="made"):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = pd.DataFrame({"text": names, "concept": "", "role": "name", "language": "en"})[list(COLUMNS)]
    return AnchorStore(
        rows, unit.astype(np.float32), encoder, "", "", "0" * 64, ("{}",), prompts_sha256(rows)
    )  # fmt: skip


@pytest.fixture(scope="module")
def scores():
    named, hidden = made_names()
    knowing = made_store(named.names, np.column_stack([hidden, np.ones(len(hidden))]), "knowing")
    blind = made_store(named.names, np.random.default_rng(9).normal(0, 1, (len(hidden), 12)), "blind")
    return run_leaderboard(named, [knowing, blind])


def refitted(kernel, shapes, groups, strength):
    """The plain way: fit without a group, predict it."""
    result = np.empty_like(shapes)
    for group in np.unique(groups):
        out = groups == group
        known = kernel[np.ix_(~out, ~out)] + 100.0 + strength * np.eye((~out).sum())
        result[out] = (kernel[np.ix_(out, ~out)] + 100.0) @ np.linalg.solve(known, shapes[~out])
    return result


def test_left_out_groups_are_predicted_as_by_a_fit_without_them():
    named, hidden = made_names()
    unit = hidden / np.linalg.norm(hidden, axis=1, keepdims=True)
    groups = named.table["group"].to_numpy()
    for strength in (0.1, 10.0):
        found = predict_left_out(unit @ unit.T, named.shapes, groups, [strength])
        np.testing.assert_allclose(found.shapes, refitted(unit @ unit.T, named.shapes, groups, strength), atol=1e-7)


def test_the_ridge_of_a_group_is_chosen_by_the_other_groups():
    named, hidden = made_names()
    unit = hidden / np.linalg.norm(hidden, axis=1, keepdims=True)
    # Groups of one and of several names: both ways of leaving out within the search.
    groups = np.where(np.arange(64) < 20, np.arange(64), 100 + np.arange(64) // 4)
    kernel, offered = unit @ unit.T, (0.1, 3.0, 100.0)
    found = predict_left_out(kernel, named.shapes, groups, offered)
    for group in (0, 110):
        inside = groups != group
        errors = [
            np.sum((refitted(kernel[np.ix_(inside, inside)], named.shapes[inside], groups[inside], one)
                    - named.shapes[inside]) ** 2)
            for one in offered
        ]  # fmt: skip
        assert found.strengths[groups == group][0] == offered[int(np.argmin(errors))]


def test_changing_a_group_does_not_change_its_prediction():
    named, hidden = made_names()
    unit = hidden / np.linalg.norm(hidden, axis=1, keepdims=True)
    groups = named.table["group"].to_numpy()
    changed = named.shapes.copy()
    changed[groups == "group 3"] = 1.0
    before, after = (predict_left_out(unit @ unit.T, shapes, groups) for shapes in (named.shapes, changed))
    np.testing.assert_allclose(before.shapes[groups == "group 3"], after.shapes[groups == "group 3"], atol=1e-9)
    assert np.abs(before.shapes - after.shapes).max() > 1e-3, "others do change"
    mean = left_out_mean(named.shapes, groups)[0]
    np.testing.assert_allclose(mean, named.shapes[groups != "group 0"].mean(axis=0))


def test_identification_counts_what_lies_further_away():
    shapes = np.eye(3)
    sad, share = identification(np.array([[1, 0.1, 0], [1, 0.1, 0], [1, 1, 1]]), shapes)
    assert sad[0] == pytest.approx(np.arctan(0.1))
    assert share.tolist() == [1, 0.5, 0.5], "the nearest; the middle one; a tie of all"
    _, within = identification(np.eye(3), shapes, ["a", "a", "b"])
    assert within[:2].tolist() == [1, 1]
    assert np.isnan(within[2]), "no other of its kind"


def test_meaning_is_found_and_chance_is_not(scores):
    board = leaderboard(scores).set_index(["subset", "encoder", "arm"])
    assert board.loc[("all", "knowing", "text"), "identification"] > 0.9
    assert 0.35 < board.loc[("all", "blind", "text"), "identification"] < 0.65
    compared = compare_arms(scores).set_index(["subset", "encoder", "first", "second", "measure"])
    for control in CONTROLS:
        for measure in MEASURES:
            assert compared.loc[("all", "knowing", "text", control, measure), "better"] == "first", (control, measure)
    assert compared.loc[("all", "blind", "text", "none", "identification"), "better"] != "first"


def test_the_verdict_says_it_in_words(scores):
    verdicts = judge(compare_arms(scores)).set_index(["subset", "encoder"])["verdict"]
    assert verdicts["all", "knowing"].startswith("language helps: better than n-grams")
    assert verdicts["all", "blind"].startswith("language does not help")
    assert verdicts["mineral", "knowing"] == "too few names to judge (below 60)"


def made_comparisons(**better):
    """Comparisons of one encoder; a key such as text_ngrams holds who is better by both measures, or by each."""
    rows = []
    for first, second in [("text", "ngrams"), ("text", "permuted"), ("text", "none"), ("both", "ngrams")]:
        given = better.get(f"{first}_{second}", "first")
        sides = given if isinstance(given, tuple) else (given, given)
        for measure, side in zip(MEASURES, sides, strict=True):
            rows.append(("all", "made", first, second, measure, side, 80, 20))
    return pd.DataFrame(rows, columns=["subset", "encoder", "first", "second", "measure", "better", "names", "groups"])


@pytest.mark.parametrize(
    ("better", "start"),
    [
        ({}, "language helps: "),
        ({"both_ngrams": ("neither", "first")}, "language helps in part: "),
        ({"both_ngrams": "neither"}, "language helps in part: "),
        ({"text_ngrams": "neither"}, "language does not help: names carry something, but no more than their spelling"),
        ({"text_ngrams": "neither", "text_none": "neither"}, "language does not help: no better than spelling"),
        ({"text_ngrams": ("second", "neither")}, "language does not help: worse than spelling"),
        ({"text_none": ("neither", "first")}, "not shown: better than n-grams in part, but not than no name by angle"),
    ],
)
def test_each_way_a_comparison_can_end_has_its_verdict(better, start):
    assert judge(made_comparisons(**better))["verdict"].iloc[0].startswith(start)


def test_arms_that_draw_are_drawn_five_times_and_all_others_once(scores):
    drawn = scores.groupby("arm")["seed"].nunique()
    assert drawn.to_dict() == {"none": 1, "ngrams": 1, "random": 5, "text": 1, "both": 1, "permuted": 5}
    assert (scores.groupby(["arm", "encoder", "seed"])["name"].nunique() == 64).all()
    permuted = scores[(scores["arm"] == "permuted") & (scores["encoder"] == "knowing")]
    assert permuted.groupby("seed")["sad_rad"].mean().nunique() == 5


def test_too_few_draws_a_double_encoder_and_missing_names_are_refused():
    named, hidden = made_names()
    store = made_store(named.names, hidden)
    with pytest.raises(UnmixingError, match="at least 5"):
        run_leaderboard(named, [store], seeds=4)
    with pytest.raises(UnmixingError, match="same label"):
        run_leaderboard(named, [store, store])
    with pytest.raises(UnmixingError, match="hold no text"):
        run_leaderboard(named, [made_store(named.names[1:], hidden[1:])])
    with pytest.raises(UnmixingError, match="at least three"):
        predict_left_out(np.eye(4), np.ones((4, 2)), ["a", "a", "b", "b"])


def test_subsets_of_names_are_by_kind():
    named, _ = made_names()
    assert subset_rows(named.table, "all").size == 64
    assert subset_rows(named.table, "mineral").tolist() == list(range(32))
    with pytest.raises(UnmixingError, match="unknown"):
        subset_rows(named.table, "gems")
