"""Conventions of abundances, with answers that are known in closed form."""

from dataclasses import replace

import numpy as np
import pytest

from makers.scenes import make_linear
from unmixing.classical import attainable_floor, fcls, scls, unit_maximum
from unmixing.classical.methods import METHODS, Truth, possible
from unmixing.evaluation import (
    References,
    abundance_rows,
    areal_references,
    in_convention,
    median_run,
    physical_references,
    references,
    score_run,
)
from unmixing.evaluation_classical import classical_task, score_classical, score_mean_of_references


def scene(convention="areal", seed=0):
    """An exactly linear, noise-free scene; with references in the convention asked for."""
    made = make_linear(seed=seed, dtype=np.float64)
    known = references(made)
    endmembers = known.endmembers * np.array([[1.0], [0.5], [0.1]])
    cube = known.abundances @ endmembers
    shares = known.abundances
    if convention == "nnls_sum_max":
        weighted = shares * endmembers.max(axis=1)
        shares = weighted / weighted.sum(axis=-1, keepdims=True)
    return References(cube, known.wavelength, known.names, endmembers, shares, convention), known.abundances


def pixels(known):
    return known.cube.reshape(-1, known.cube.shape[-1])


def solve(name, known):
    truth = Truth(physical_references(known), known.abundances.reshape(-1, 3))
    return METHODS[name].solve(pixels(known), 3, np.random.default_rng(0), truth)


def test_fcls_recovers_the_abundances_of_an_exactly_linear_scene():
    made = make_linear(dtype=np.float64)
    cube, truth = made["cube"].to_numpy(), made["abundances"].to_numpy()
    found = fcls(cube.reshape(-1, cube.shape[-1]), made["endmembers"].to_numpy())
    assert np.abs(found.reshape(truth.shape) - truth).max() < 1e-6


@pytest.mark.parametrize("convention", ["areal", "nnls_sum_max", "nnls_sum_raw"])
@pytest.mark.parametrize("name", ["fcls_references", "scls_references", "nnls_references"])
def test_an_oracle_is_right_in_both_columns_whatever_the_convention(convention, name):
    known, _ = scene(convention)
    rows = score_classical(METHODS[name], *solve(name, known), known, 3)
    for row in rows:
        assert row["sad_rad"] == pytest.approx(0, abs=1e-9)
        assert row["abundance_rmse_areal"] == pytest.approx(0, abs=1e-9)
        assert row["abundance_rmse_convention"] == pytest.approx(0, abs=1e-9)
        assert row["abundance_scale"] == "own"
        assert row["uses_truth"] == "training"
    raw = max(row["abundance_rmse_raw"] for row in rows)
    assert (raw > 0.05) == (convention == "nnls_sum_max"), "areas differ from brightness-weighted shares"


def test_an_unknown_convention_leaves_the_raw_difference_alone():
    known, _ = scene("unknown")
    row = score_classical(METHODS["fcls_references"], *solve("fcls_references", known), known, 3)[0]
    assert row["abundance_rmse_raw"] == pytest.approx(0, abs=1e-9)
    assert np.isnan(row["abundance_rmse_areal"])
    assert np.isnan(row["abundance_rmse_convention"])
    assert row["abundance_scale"] == ""


def test_nmf_needs_the_references_scale_for_areas_only():
    known, areas = scene("areal")
    endmembers = known.endmembers[[2, 0, 1]] * np.array([[5.0], [3.0], [0.2]])  # any scale of its own
    products = areas.reshape(-1, 3)[:, [2, 0, 1]] / np.array([5.0, 3.0, 0.2])
    shares = products / products.sum(axis=1, keepdims=True)
    rows = score_classical(METHODS["nmf"], endmembers, shares, known, 3)
    assert max(row["abundance_rmse_convention"] for row in rows) == pytest.approx(0, abs=1e-9)
    assert rows[0]["abundance_scale"] == "references (oracle)"
    assert np.isnan(rows[0]["abundance_rmse_areal"])
    weighted = score_classical(METHODS["nmf"], endmembers, shares, scene("nnls_sum_max")[0], 3)
    assert max(row["abundance_rmse_convention"] for row in weighted) == pytest.approx(0, abs=1e-9)
    assert weighted[0]["abundance_scale"] == "own"


def test_references_divided_by_their_maximum_get_their_scale_back_from_pure_pixels():
    known, areas = scene("nnls_sum_max")
    normalised = References(
        known.cube, known.wavelength, known.names, unit_maximum(known.endmembers), known.abundances, "nnls_sum_max"
    )
    pure = areas.reshape(-1, 3).max(axis=1) > 0.99999
    assert pure.sum() >= 3
    only_pure = References(
        known.cube.reshape(1, -1, known.cube.shape[-1])[:, pure],
        known.wavelength, known.names, normalised.endmembers,
        known.abundances.reshape(1, -1, 3)[:, pure], "nnls_sum_max",
    )  # fmt: skip
    assert physical_references(only_pure) == pytest.approx(known.endmembers, rel=1e-4)
    assert physical_references(known) == pytest.approx(known.endmembers), "a scale that is there is kept"


def test_areal_references_invert_the_weighting():
    known, areas = scene("nnls_sum_max")
    assert areal_references(known) == pytest.approx(areas)
    assert areal_references(scene("unknown")[0]) is None
    converted, scale = in_convention(areas, known.endmembers.max(axis=1), known)
    assert converted == pytest.approx(known.abundances)
    assert scale == "own"


def run_arrays(known, gain=(2.0, 0.3, 7.0)):
    """Stored arrays of a run that found the references up to gains, in another order."""
    order = [1, 2, 0]
    return {
        "endmembers": (known.endmembers * np.array(gain)[:, None])[order],
        "late_endmembers": np.stack([known.endmembers[order]] * 3),
        "abundances": known.abundances[..., order],
    }


RECORD = {
    "status": "ok", "reason": "", "epochs": 3, "updates": 9, "seconds": 1.0, "entropy": 1, "seeds": {"patches": 2},
    "reconstruction_angle_rad": 0.1,
}  # fmt: skip


@pytest.mark.parametrize(
    ("convention", "scale"),
    [("nnls_sum_max", "own"), ("nnls_sum_raw", "references (oracle)"), ("areal", "references (oracle)")],
)
def test_resolved_abundances_of_a_model_without_scale(convention, scale):
    known, _ = scene(convention)
    rows, _ = score_run(run_arrays(known), RECORD, known, "optimal")
    for row in rows:
        assert row["abundance_rmse_convention"] == pytest.approx(0, abs=1e-9)
        assert row["abundance_scale"] == scale
        assert np.isnan(row["abundance_rmse_areal"]), "a model without a scale has no shares of area"
        assert row["abundance_rmse_network"] == pytest.approx(0, abs=1e-9)
    resolved = max(row["abundance_rmse_resolved"] for row in rows)
    assert (resolved < 1e-9) == (convention == "nnls_sum_max")


def test_resolved_abundances_where_the_convention_is_unknown():
    known, _ = scene("unknown")
    rows, _ = score_run(run_arrays(known), RECORD, known, "optimal")
    assert np.isnan(rows[0]["abundance_rmse_convention"])
    assert rows[0]["abundance_rmse_resolved"] > 0


def hidden(known, share=0.4):
    """The scene with some pixels missing, which show one and the same neighbour, as a reader fills them."""
    valid = np.random.default_rng(0).random(known.cube.shape[:2]) >= share
    cube = np.where(valid[..., None], known.cube, known.cube[valid][0])
    return replace(known, cube=cube, valid=valid), replace(
        known, cube=known.cube[valid][None], abundances=known.abundances[valid][None]
    )


@pytest.mark.parametrize("name", [name for name in METHODS if name != "chance"])
@pytest.mark.parametrize("convention", ["areal", "nnls_sum_max"])
def test_a_classical_method_sees_and_is_scored_on_seen_pixels_alone(name, convention):
    scores = []
    for known in hidden(scene(convention)[0]):
        pixels, truth = classical_task(known)
        solved = METHODS[name].solve(pixels, 3, np.random.default_rng(0), truth)
        scores.append(score_classical(METHODS[name], *solved, known, 3))
    np.testing.assert_equal(*scores)
    if name == "fcls_references":
        assert scores[0][0]["reconstruction_angle_rad"] == pytest.approx(0, abs=1e-6)
        assert scores[0][0]["abundance_rmse_areal"] == pytest.approx(0, abs=1e-9)


def test_chance_draws_seen_pixels_alone():
    known, cut = hidden(scene()[0])
    assert np.array_equal(classical_task(known)[0], cut.cube[0])


@pytest.mark.parametrize("convention", ["areal", "nnls_sum_max"])
def test_a_run_is_scored_on_seen_pixels_alone(convention):
    whole, _ = scene(convention)
    known, cut = hidden(whole)
    arrays = run_arrays(known)
    arrays["abundances"] = np.where(known.valid[..., None], arrays["abundances"], 1 / 3)
    rows, _ = score_run(arrays, RECORD, known, "optimal")
    np.testing.assert_equal(rows, score_run(run_arrays(cut), RECORD, cut, "optimal")[0])
    assert max(row["abundance_rmse_convention"] for row in rows) == pytest.approx(0, abs=1e-9)
    frame = abundance_rows(arrays, known, "optimal")
    assert frame["network"].notna().sum() == frame["resolved"].notna().sum() == 3 * known.valid.sum()


def test_the_scale_of_references_comes_from_seen_pixels():
    known, cut = hidden(replace(scene("nnls_sum_max")[0], endmembers=unit_maximum(scene()[0].endmembers)))
    assert np.array_equal(physical_references(known), physical_references(cut))


def test_a_scene_s_mask_reaches_its_references():
    made = make_linear()
    assert references(made).valid is None
    mask = np.arange(made.sizes["row"] * made.sizes["col"]).reshape(made.sizes["row"], -1) % 3 > 0
    assert np.array_equal(references(made.assign(valid=(("row", "col"), mask))).valid, mask)


def test_maps_of_the_median_run():
    rows = [{"run": run, "status": "ok", "sad_rad": sad} for run, sad in enumerate([0.3, 0.1, 0.2, 0.4])]
    rows.append({"run": 4, "status": "diverged", "sad_rad": np.nan})
    assert median_run(rows) == 2, "of four runs the lower one of the two in the middle"
    assert median_run(rows[-1:]) is None
    known, _ = scene("areal")
    frame = abundance_rows(run_arrays(known), known, "optimal")
    assert len(frame) == known.abundances.size
    assert frame["resolved"].to_numpy() == pytest.approx(frame["reference"].to_numpy(), abs=1e-5)
    one = frame[(frame["row"] == 0) & (frame["col"] == 1)].sort_values("endmember")
    assert one["reference"].to_numpy() == pytest.approx(known.abundances[0, 1], abs=1e-6)


def test_methods_state_what_they_need_and_share_their_draws():
    assert not possible(METHODS["attainable_floor"], Truth(endmembers=np.ones((1, 2))))
    assert possible(METHODS["vca_scls"], Truth())
    known, _ = scene()
    first, second = (solve(name, known)[0] for name in ("vca_fcls", "vca_scls"))
    assert np.array_equal(first, second)
    assert METHODS["vca_fcls"].stream == METHODS["vca_scls"].stream == METHODS["nmf"].stream


def test_the_mean_of_references_needs_no_pixel():
    spectra = scene()[0].endmembers
    rows = score_mean_of_references(spectra, ["a", "b", "c"])
    assert [row["name"] for row in rows] == ["a", "b", "c"]
    assert all(0 < row["sad_rad"] < 1 and row["uses_truth"] == "training" for row in rows)


def test_a_method_that_fails_is_a_row_with_its_reason():
    known, _ = scene()
    rows = score_classical(METHODS["nmf"], None, None, known, 3, "no pixel is positive")
    assert [row["status"] for row in rows] == ["diverged"] * 3
    assert rows[0]["reason"] == "no pixel is positive"
    assert rows[0]["found"] is None


def test_a_floor_without_a_pure_pixel_has_no_score_for_that_endmember():
    known, _ = scene()
    shares = known.abundances.reshape(-1, 3).copy()
    shares[shares[:, 1] > 0.95] = 1 / 3
    endmembers = attainable_floor(pixels(known), shares)
    rows = score_classical(METHODS["attainable_floor"], endmembers, None, known, 3)
    assert np.isnan(rows[1]["sad_rad"])
    assert rows[1]["found"] is None
    assert rows[0]["found"] is True


@pytest.mark.parametrize(("file", "low", "high"), [("Samson.mat", 0.0015, 0.003), ("JasperRidge.mat", 0.004, 0.0055)])
def test_scls_with_normalised_references_reproduces_the_reference_abundances(scenes_folder, file, low, high):
    from unmixing.scenes import read_scene

    known = references(read_scene(scenes_folder / file))
    found = scls(pixels(known), unit_maximum(known.endmembers)).reshape(known.abundances.shape)
    assert low < np.sqrt(np.mean((found - known.abundances) ** 2)) < high


def test_the_mean_of_cuprites_references_scores_what_the_paper_prints(scenes_folder, tmp_path):
    from unmixing.programs import references as program
    from unmixing.published import paper_value
    from unmixing.store import read_parquet

    source = scenes_folder / "Cuprite12_groundTruth.mat"
    if not source.exists():
        pytest.skip(f"{source} is not at hand")
    program.main(["cuprite", "--source", str(source), "--rows", str(tmp_path / "rows.parquet")])
    mean = read_parquet(tmp_path / "rows.parquet")[0]["sad_rad"].mean()
    assert mean == pytest.approx(0.118, abs=0.0005)
    assert mean < paper_value(3, "cuprite", "Cuprite", "average_sad"), "the published value is at chance"
