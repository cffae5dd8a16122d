import dataclasses
import json
from dataclasses import asdict, replace
from functools import cache

import numpy as np
import pytest
import torch

from unmixing.errors import UnmixingError
from unmixing.losses import epoch_equal_similarity_value, sad_loss
from unmixing.models.contrastive import ContrastiveAutoencoder
from unmixing.patches import cut_patches, random_corners
from unmixing.protocol.contrastive import PROTOCOLS
from unmixing.seeds import run_streams, torch_generator
from unmixing.training import contrastive
from unmixing.training.contrastive import (
    CURVES,
    ContrastivePoint,
    ContrastiveSchedule,
    contrastive_streams,
    point_record,
    train_contrastive,
    unclipped_angle,
)
from unmixing.training.fitting import as_image, fit
from unmixing.training.views import draw_views, make_views, view_recipe

FIELDS = PROTOCOLS["described"].training()
RELEASED = PROTOCOLS["released"].training()
SCHEDULE = ContrastiveSchedule(epochs=2, patches=5)
POINT = ContrastivePoint("generalized", temperature=0.5, weight=0.5, patch_size=8, batch_size=2, sigma=0.1)
SHARE = np.linspace(0.05, 0.85, 16)[None, :, None] + 0.1 * np.random.default_rng(0).random((14, 16, 1))
MAPS = np.concatenate([SHARE, 1 - SHARE], axis=2)
SPECTRA = np.array([np.linspace(1, 0.1, 12), np.linspace(0.1, 1, 12) ** 2])
CUBE = (MAPS @ SPECTRA).astype(np.float32)


def estimate(point=POINT, fields=FIELDS, schedule=SCHEDULE, maps=MAPS, run=0):
    return train_contrastive(CUBE, 2, schedule, fields, point, run_streams(5, "made", run), maps)


@cache
def usual():
    return estimate()


def same(first, second):
    return all(
        np.array_equal(getattr(first.estimate, name), getattr(second.estimate, name), equal_nan=True)
        for name in ("endmembers", "abundances", "losses")
    )


def plain_endmembers():
    """A training on the reconstruction of views, written out."""
    streams = run_streams(5, "made", 0)
    image, recipe = as_image(CUBE), view_recipe(FIELDS)
    corners = random_corners(14, 16, 8, 5, np.random.default_rng(streams.patches))
    shuffling = np.random.default_rng(streams.shuffling)
    model = ContrastiveAutoencoder(
        12, 2, weights=torch_generator(streams.initialisation), dropout=torch_generator(streams.dropout)
    ).train()
    optimiser = torch.optim.Adam(model.parameters(), lr=0.003, weight_decay=1e-6)
    for epoch in (1, 2):
        order = shuffling.permutation(5)
        drawn = draw_views(recipe, streams.augmentation, epoch, 5, (12, 8, 8))
        for chosen in (order[:2], order[2:4], order[4:]):
            views = make_views(cut_patches(image, corners[chosen], 8), *([view[i] for i in chosen] for view in drawn))
            losses = [sad_loss(model(view)[0], view) for view in views]
            optimiser.zero_grad()
            (sum(losses) / 2).backward()
            optimiser.step()
            model.project()
    return model.endmembers().numpy()


def test_lambda_1_is_a_plain_training_on_views_whatever_the_term_would_have_been():
    control = estimate(replace(POINT, weight=1.0))
    np.testing.assert_array_equal(control.estimate.endmembers, plain_endmembers())
    for other in (
        replace(POINT, weight=1.0, temperature=10.0, sigma=7.0, label_source="permuted", kernel="dot"),
        replace(POINT, weight=1.0, loss="nt_xent", label_source="online"),
    ):
        assert same(control, estimate(other, maps=None))
    assert same(control, estimate(replace(POINT, weight=1.0), {**FIELDS, "labels": "first_rows"}))
    assert not same(control, usual())
    for name in ("contrastive", "floor", "equal_similarity", "gradient_ratio"):
        assert np.isnan(control.curves[name]).all(), "without the term nothing is said of it"
    assert np.isfinite(control.curves["mean_cosine"][-1])


@pytest.mark.parametrize("fields", [FIELDS, RELEASED], ids=["described", "released"])
def test_a_run_repeats_bit_for_bit_whatever_else_draws(fields):
    first = estimate(fields=fields)
    torch.rand(3)
    second = estimate(fields=fields)
    assert first.estimate.status == "ok"
    assert same(first, second)
    for name in set(CURVES) - {"seconds"}:
        np.testing.assert_array_equal(first.curves[name], second.curves[name])
    assert first.estimate.endmembers.shape == (2, 12)
    assert first.estimate.abundances.shape == (14, 16, 2)
    assert (first.estimate.endmembers >= 0).all()


def test_curves_hold_one_value_per_epoch_and_the_loss_is_their_weighted_sum():
    point = replace(POINT, weight=0.3)
    done = estimate(point, schedule=replace(SCHEDULE, epochs=3))
    assert set(done.curves) == set(CURVES)
    assert all(len(values) == len(done.estimate.losses) == 3 for values in done.curves.values())
    parts = 0.7 * done.curves["contrastive"] + 0.3 * done.curves["sad"]
    np.testing.assert_allclose(done.estimate.losses, parts, rtol=1e-5)
    np.testing.assert_allclose(done.curves["equal_similarity"], epoch_equal_similarity_value(5, 2))
    assert (done.curves["floor"] <= done.curves["equal_similarity"] + 1e-9).all()
    assert (done.curves["floor"] <= done.curves["contrastive"] + 1e-6).all()
    assert (done.curves["floor"] > 0).all()
    assert (done.curves["seconds"] > 0).all()


def test_nt_xent_takes_no_labels_and_has_no_floor():
    done = estimate(replace(POINT, loss="nt_xent"), maps=None)
    assert (done.curves["floor"] == 0).all()
    assert same(done, estimate(replace(POINT, loss="nt_xent", sigma=10.0)))
    released = estimate(replace(POINT, loss="nt_xent"), {**FIELDS, "scaling": "released"}, maps=None)
    assert same(done, released), "the released scale is the generalized loss's alone (A6)"


def test_the_released_scale_doubles_loss_floor_and_gradient():
    one, two = usual(), estimate(fields={**FIELDS, "scaling": "released"})
    assert two.curves["gradient_ratio"][0] == pytest.approx(2 * one.curves["gradient_ratio"][0], rel=1e-5)
    np.testing.assert_allclose(two.curves["floor"], 2 * one.curves["floor"])
    np.testing.assert_allclose(two.curves["equal_similarity"], 2 * one.curves["equal_similarity"])


def test_measuring_changes_nothing_and_happens_at_the_stated_epochs(monkeypatch):
    schedule = replace(SCHEDULE, epochs=5)
    rarely = estimate(schedule=schedule)
    monkeypatch.setattr(contrastive, "MEASURED_EVERY", 2)
    often = estimate(schedule=schedule)
    assert same(rarely, often)
    assert np.isfinite(often.curves["gradient_ratio"]).tolist() == [True, False, True, False, True]
    assert np.isfinite(often.curves["effective_rank"]).tolist() == [False, True, False, True, True]
    assert np.isfinite(rarely.curves["effective_rank"]).tolist() == [False] * 4 + [True]


def test_divergence_is_a_row():
    for fields in (FIELDS, RELEASED):
        done = estimate(fields=fields, schedule=replace(SCHEDULE, epochs=4, learning_rate=1e30))
        assert done.estimate.status == "diverged"
        assert np.isnan(done.estimate.endmembers).all()
        assert {len(values) for values in done.curves.values()} == {len(done.estimate.losses)}


def test_labels_of_a_run_that_diverged_are_a_divergence():
    done = estimate(replace(POINT, label_source="stage1"), maps=np.full_like(MAPS, np.nan))
    assert (done.estimate.status, done.estimate.updates) == ("diverged", 0)
    assert "the run that they come from diverged" in done.estimate.reason
    assert done.estimate.endmembers.shape == (2, 12)
    assert {len(values) for values in done.curves.values()} == {0}


def test_own_labels_serve_after_a_warm_up_at_lambda_1(monkeypatch):
    monkeypatch.setattr(contrastive, "WARM_UP", 2)
    schedule = replace(SCHEDULE, epochs=4)
    online = estimate(replace(POINT, label_source="online"), schedule=schedule, maps=None)
    control = estimate(replace(POINT, weight=1.0), schedule=schedule)
    np.testing.assert_array_equal(online.estimate.losses[:2], control.estimate.losses[:2])
    assert np.isfinite(online.curves["contrastive"]).tolist() == [False, False, True, True]
    assert np.isfinite(online.curves["sad"]).all()
    assert online.curves["sad"][2] != control.curves["sad"][2]
    with pytest.raises(UnmixingError, match="after 2 epochs and the run has 2"):
        estimate(replace(POINT, label_source="online"), maps=None)


@pytest.mark.parametrize("patches", [1, 2])
@pytest.mark.parametrize("fields", [FIELDS, RELEASED], ids=["described", "released"])
def test_batches_of_one_or_two_patches_train(patches, fields):
    done = estimate(fields=fields, schedule=ContrastiveSchedule(epochs=2, patches=patches))
    assert done.estimate.status == "ok"
    assert np.isfinite(done.curves["contrastive"]).all()
    assert done.curves["equal_similarity"][0] == pytest.approx(
        epoch_equal_similarity_value(patches, 2, fields["scaling"])
    )


@pytest.mark.parametrize("field", [name for name in FIELDS if FIELDS[name] != RELEASED[name] and name != "seeds"])
def test_each_field_of_the_protocols_changes_the_run_or_its_rounding(field):
    # A gain passes through a decoder without bias (A4), and angles that are far from 0 are not clipped (A17).
    before, after = usual(), estimate(fields={**FIELDS, field: RELEASED[field]})
    if field in ("abundance_gain", "clip_angle"):
        np.testing.assert_allclose(after.estimate.losses, before.estimate.losses, rtol=1e-3)
    else:
        assert not np.allclose(after.estimate.losses, before.estimate.losses, rtol=1e-5)


def test_labels_reach_the_loss_as_the_fields_say():
    truth = usual().curves["contrastive"]
    assert not np.allclose(truth, estimate(replace(POINT, label_source="permuted")).curves["contrastive"])
    flat = estimate(maps=np.full_like(MAPS, 0.5))
    np.testing.assert_allclose(flat.curves["floor"], flat.curves["equal_similarity"])
    # Where all patches have one label, neither their order nor their place matters.
    uniform = {**FIELDS, "labels": "first_rows", "label_orientation": "transposed"}
    assert same(flat, estimate(replace(POINT, label_source="permuted"), uniform, maps=np.full_like(MAPS, 0.5)))


def test_an_arm_can_have_a_number_of_updates_in_place_of_epochs():
    done = estimate(replace(POINT, updates=5), schedule=replace(SCHEDULE, epochs=9))
    assert done.estimate.updates == 5
    assert len(done.estimate.losses) == len(done.curves["sad"]) == 2, "three updates an epoch, the second cut short"
    whole = estimate(replace(POINT, updates=6))
    assert same(whole, usual())
    assert done.estimate.losses[0] == whole.estimate.losses[0]


def test_the_optimiser_is_the_released_one(monkeypatch):
    seen = []

    def watched(*given):
        seen.append(given[3])
        return fit(*given)

    monkeypatch.setattr(contrastive, "fit", watched)
    estimate(replace(POINT, weight=1.0))
    (known,) = seen
    (optimiser,) = [known.build([torch.nn.Parameter(torch.ones(1))])]
    plain = torch.optim.Adam([torch.nn.Parameter(torch.ones(1))], lr=0.003, weight_decay=1e-6)
    assert (type(optimiser), optimiser.defaults) == (type(plain), plain.defaults)
    assert (known.epochs, known.accumulation, known.patience) == (2, 1, 0)


def test_runs_are_paired_over_settings_and_one_seed_is_one_run():
    described = [contrastive_streams(5, "made", run, FIELDS).record() for run in (0, 1)]
    assert described[0] == run_streams(5, "made", 0).record()
    assert not set(described[0].values()) & set(described[1].values())
    single = [contrastive_streams(*place, RELEASED).record() for place in ((5, "made", 0), (6, "other", 3))]
    assert single[0] == single[1]


def test_an_angle_without_clipping_is_exact_and_not_a_number_for_a_zero_spectrum():
    x = torch.tensor([[1.0, 0, 0], [1, 1, 0]]).T.reshape(1, 3, 1, 2)
    y = torch.tensor([[0.0, 2, 0], [3, 0, 0]]).T.reshape(1, 3, 1, 2)
    assert float(unclipped_angle(x, y)) == pytest.approx((np.pi / 2 + np.pi / 4) / 2)
    assert float(unclipped_angle(x, y)) == pytest.approx(float(sad_loss(x, y)))
    assert torch.isnan(unclipped_angle(x, 0 * y))


def test_points_survive_json_and_records_say_which_labels_were_used():
    read = ContrastivePoint(**json.loads(json.dumps(asdict(POINT))))
    assert read == POINT
    assert point_record(POINT, FIELDS)["label_source"] == "reference"
    assert point_record(replace(POINT, label_source="stage1"), FIELDS)["label_source"] == "stage1"
    assert point_record(replace(POINT, weight=1.0), FIELDS)["label_source"] == "none"
    json.dumps(point_record(POINT, FIELDS))
    with pytest.raises(dataclasses.FrozenInstanceError):
        POINT.weight = 1.0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"weight": 1.5}, "lambda lies in 0 to 1"),
        ({"temperature": 0.0}, "above 0"),
        ({"loss": "info"}, "generalized or nt_xent"),
        ({"head": "wide"}, "head 'wide'"),
        ({"batch_size": 0}, "at least 1"),
        ({"updates": -1}, "not negative"),
    ],
)
def test_impossible_points_are_refused(changes, words):
    with pytest.raises(UnmixingError, match=words):
        replace(POINT, **changes)


def test_missing_labels_are_refused_before_training():
    with pytest.raises(UnmixingError, match="no reference abundances"):
        estimate(maps=None)
