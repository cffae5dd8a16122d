"""The experiment on scenes: what rows it gives, that truth stays where it belongs, and that all reasons are said."""

from dataclasses import replace

import numpy as np
import pytest

from unmixing.errors import UnmixingError
from unmixing.semantic.experiments import maps, scenes
from unmixing.semantic.experiments.answers import Answer, finished, reason_row, score_answers
from unmixing.semantic.experiments.bilinear import mixed_again
from unmixing.semantic.experiments.inputs import NOT_NAMED, lattice, library_at_hand, read_named_scene

from .made import write_easy, write_targets

OPTIONS = {
    "stride": 2,
    "baselines": ["class_mean_scls", "nearest_mean", "constant"],
    "vca_draws": 2,
    "shots": [1, 5],
    "draws": 2,
    "trained_draws": 1,
    "steps": 2,
    "shot_stride": 2,
    "supervised_epochs": 4,
    "bilinear": [0.0, 1.0],
    "bilinear_stride": 6,
}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write_easy(tmp_path_factory.mktemp("scenes"))


@pytest.fixture(scope="module")
def rows(path):
    return scenes.rows(OPTIONS, {"synthetic_easy": path}, None, 3)


@pytest.fixture(scope="module")
def named(path):
    return read_named_scene("synthetic_easy", path)


def value(rows, metric="armse", convention="reference", **chosen):
    part = rows[(rows["metric"] == metric) & (rows["convention"] == convention)]
    for column, wanted in {"against": "", "material": "", **chosen}.items():
        part = part[part[column] == wanted]
    return part["value"].to_numpy()


def test_every_method_has_its_protocol_and_says_what_truth_it_uses(rows):
    used = rows[rows["protocol"] == "zero-shot"].groupby("method")["uses_truth"].first().to_dict()
    assert used["semantic"] == used["class_mean_scls"] == used["semantic_no_prior"] == "names"
    assert (used["constant"], used["vca_fcls"], used["scls_references"]) == ("none", "K, matching", "training")
    shots = rows[rows["protocol"] == "few-shot"].groupby("method")["uses_truth"].first().to_dict()
    assert shots["fine_tune"] == "names, training"
    assert shots["shots_mean_scls"] == "training"
    assert shots["semantic"] == "names"
    assert (rows["uses_truth"] != "").all()


def test_no_number_is_missing_without_a_reason(rows):
    assert (rows.loc[rows["value"].isna(), "reason"] != "").all()
    assert (rows.loc[rows["value"].notna(), "n"] > 0).all()


def test_scores_are_those_of_the_maps(rows, named):
    truth = named.known.abundances[::2, ::2].astype(float)
    constant = np.sqrt(np.mean((truth - 1 / 3) ** 2))
    assert value(rows, method="constant", protocol="zero-shot") == pytest.approx([constant])
    assert value(rows, method="scls_references", protocol="zero-shot")[0] < 0.5 * constant
    differences = value(rows, method="constant", protocol="zero-shot", against="class_mean_scls")
    scls = value(rows, method="class_mean_scls", protocol="zero-shot")
    assert differences == pytest.approx(constant - scls)
    assert set(rows.loc[(rows["protocol"] == "zero-shot") & (rows["metric"] == "armse"), "n"]) == {truth.shape[0] ** 2}


def test_the_model_alone_is_compared_with_itself_without_a_prior(rows):
    pair = value(rows, method="semantic", protocol="zero-shot", against="semantic_no_prior")
    own, without = (value(rows, method=name, protocol="zero-shot") for name in ("semantic", "semantic_no_prior"))
    assert pair == pytest.approx(own - without)
    assert set(rows.loc[rows["against"] == "semantic_no_prior", "method"]) == {"semantic"}


def test_the_model_is_scored_by_its_assignment_and_its_abstention(rows):
    own = rows[(rows["method"] == "semantic") & (rows["protocol"] == "zero-shot")]
    metrics = set(own["metric"])
    assert {"brier", "ece", "abstained", "armse_kept", "armse_left_out", "reconstruction_angle_rad"} <= metrics
    kept = own[(own["metric"] == "armse_kept") & (own["convention"] == "reference")]["n"].sum()
    assert kept == round((1 - own.loc[own["metric"] == "abstained", "value"].iloc[0]) * 169)
    other = rows[(rows["method"] == "semantic_no_prior") & (rows["protocol"] == "zero-shot")]
    assert not {"brier", "abstained"} & set(other["metric"])


def test_the_default_prior_is_no_ablation_of_itself(rows):
    ablations = {name for name in rows["method"] if name.startswith("semantic_")}
    assert len(ablations & {"semantic_tilt", "semantic_divergence", "semantic_no_prior"}) == 2
    assert {"semantic_class_mean", "semantic_assignment", "semantic_bilinear"} <= ablations


def test_shots_and_what_stands_beside_them_are_scored_on_the_same_pixels(rows):
    shots = rows[(rows["protocol"] == "few-shot") & (rows["metric"] == "armse") & (rows["against"] == "")]
    counts = shots.groupby(["k", "draw"])["n"].nunique()
    assert (counts == 1).all()
    assert set(shots.loc[shots["method"] == "prototype", "draw"]) == {0, 1}
    assert set(shots.loc[shots["method"] == "fine_tune", "draw"]) == {0}
    pair = value(rows, protocol="few-shot", method="prototype", against="shots_mean_scls", k=1)
    prototype, means = (value(rows, protocol="few-shot", method=name, k=1) for name in ("prototype", "shots_mean_scls"))
    assert pair == pytest.approx(prototype - means)


def test_the_supervised_half_is_compared_on_its_own_pixels(rows):
    half = rows[(rows["protocol"] == "other half") & (rows["metric"] == "armse") & (rows["against"] == "")]
    assert set(half["method"]) == {"supervised_autoencoder", "semantic", "class_mean_scls", "constant"}
    assert half["n"].nunique() == 1
    assert half["n"].iloc[0] < 169, "the ground along the seam is not tested"
    pair = value(rows, protocol="other half", method="semantic", against="supervised_autoencoder")
    assert len(pair) == 1


def test_products_mislead_the_very_spectra_that_were_mixed(rows):
    part = rows[rows["protocol"] == "bilinear"]
    linear, mixed = (value(part, convention="areal", method="scls_references", level=g)[0] for g in (0.0, 1.0))
    assert mixed > 1.2 * linear
    assert set(part["kind"]) == {"semi-real"}
    assert {"semantic", "semantic_bilinear", "class_mean_scls", "class_mean_scls_bilinear"} < set(part["method"])


def test_the_seam_is_not_tested_whatever_the_convention(named):
    known = replace(named.known, convention="nnls_sum_max")
    found = scenes._half_rows([], replace(named, known=known), named.seen, 1, 0)
    assert value(found, method="supervised_autoencoder").size == 1
    assert found["n"].max() == 26 * 16


def test_the_same_seed_gives_the_same_rows(path, rows):
    few = {**OPTIONS, "bilinear": [], "supervised_epochs": 0, "ablations": False, "shots": [1], "modes": ["adapter"]}
    again = [scenes.rows(few, {"synthetic_easy": path}, None, seed) for seed in (3, 3, 4)]
    assert again[0].equals(again[1])
    assert not again[0].equals(again[2])
    assert value(again[0], method="adapter") == pytest.approx(value(rows, method="adapter", k=1), abs=1e-9)


def test_scenes_without_truth_or_prompts_say_so(tmp_path, path):
    found = scenes.rows({}, {"dlr_hysu": write_targets(tmp_path), "cuprite": path}, None, 0)
    assert found["reason"].tolist() == ["it has no reference abundances", NOT_NAMED]
    with pytest.raises(UnmixingError, match="option 'shot' is unknown"):
        scenes.rows({"shot": [1]}, {"synthetic_easy": path}, None, 0)
    with pytest.raises(UnmixingError, match="no scene is given"):
        scenes.rows({}, {}, None, 0)


def test_a_number_of_shots_that_no_material_has_is_said(path):
    few = {**OPTIONS, "bilinear": [], "supervised_epochs": 0, "ablations": False, "shots": [5000], "modes": []}
    found = scenes.rows(few, {"synthetic_easy": path}, None, 0)
    assert "fewer than two materials" in found.loc[found["k"] == 5000, "reason"].item()


def test_water_is_left_out_on_land(named):
    truth = named.known.abundances
    maps_of = np.where(truth[..., :1] > 0.05, np.full(truth.shape, 1 / 3), truth)
    tested = lattice(truth.shape, 1)
    found = score_answers([Answer("one", "One", "names", maps_of)], named, tested, protocol="zero-shot", water=0)
    assert value(found, "armse_land")[0] < 1e-6 < value(found)[0]


def test_products_are_added_with_their_strength():
    spectra, shares = np.array([[0.5, 1.0], [0.4, 0.2]]), np.array([[0.5, 0.5], [1.0, 0.0]])
    plain, more = (mixed_again(shares, spectra, g, np.random.default_rng(0)) for g in (0.0, 2.0))
    np.testing.assert_allclose(more[0] - plain[0], 2 * 0.25 * np.array([0.2, 0.2]), atol=0.02)
    np.testing.assert_allclose(more[1], plain[1], atol=0.02)


def test_rows_are_typed_whatever_is_missing():
    frame = finished([reason_row("none", scene="one"), reason_row("no", scene="two", k=3, method="m")])
    assert frame["k"].tolist() == [0, 3]
    assert frame["k"].dtype.kind == "i"
    assert frame["value"].dtype == np.float64
    assert frame["against"].tolist() == ["", ""]


def test_maps_are_kept_with_references_and_abstention(path, named):
    found = maps.rows({"stride": 2}, {"synthetic_easy": path}, None, 0)
    assert len(found) == 13 * 13 * 3
    one = found[found["material"] == named.known.names[1]].pivot(index="row", columns="col", values="reference")
    np.testing.assert_allclose(one.to_numpy(), named.known.abundances[::2, ::2, 1], atol=1e-6)
    sums = found.groupby(["row", "col"])[["semantic", "scls"]].sum()
    np.testing.assert_allclose(sums.to_numpy(), 1, atol=1e-5)
    assert found["abstain"].dtype == bool


def test_modelled_water_stands_in_for_the_water_that_earthlib_lacks():
    concepts = library_at_hand(None).records
    assert (concepts.loc[concepts["source"] == "parametric", "concept"] == "water").all()
    assert not library_at_hand(None).records["source"].eq("usgs").any()
