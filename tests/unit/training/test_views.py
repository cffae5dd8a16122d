from dataclasses import replace

import numpy as np
import pytest
import torch

from unmixing.augmentation.operations import apply_parameters
from unmixing.errors import UnmixingError
from unmixing.metrics import spectral_angle
from unmixing.protocol.contrastive import PROTOCOLS
from unmixing.seeds import run_streams
from unmixing.training.views import SELECTED, ViewRecipe, draw_views, make_view, make_views, substream, view_recipe

DESCRIBED = view_recipe(PROTOCOLS["described"].training())
RELEASED = view_recipe(PROTOCOLS["released"].training())
STREAM = run_streams(5, "made", 0).augmentation
SHAPE = (20, 8, 8)


def patches(count=3, seed=0):
    return torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(seed)) + 0.1


def kind(drawn):
    return ("crop" if "crop_top" in drawn else "") + ("jitter" if drawn.keys() & {"snr_db", "alpha"} else "")


def shares(recipe, count=3000):
    drawn = [view for views in draw_views(recipe, STREAM, 1, count, SHAPE) for view in views]
    kinds = [kind(view) if "blur_sigma" in view else "none" for view in drawn]
    return {name: kinds.count(name) / len(kinds) for name in sorted(set(kinds))}


def test_described_views_take_the_three_treatments_with_equal_odds():
    assert shares(DESCRIBED) == pytest.approx({"": 1 / 3, "crop": 1 / 3, "cropjitter": 1 / 3}, abs=0.025)


def test_released_coins_leave_one_view_in_eight_unchanged():
    assert shares(RELEASED) == pytest.approx({"": 0.5, "crop": 0.25, "cropjitter": 0.125, "none": 0.125}, abs=0.025)
    two = replace(RELEASED, treatments=SELECTED[:2])
    assert shares(two) == pytest.approx({"": 0.5, "crop": 0.25, "none": 0.25}, abs=0.025)


def test_strengths_and_borders_are_those_of_the_protocol():
    for recipe, padding, side, largest in ((DESCRIBED, "reflect", 7, 2.0), (RELEASED, "zero", 6, 1.0)):
        drawn = [view for views in draw_views(recipe, STREAM, 1, 400, SHAPE) for view in views if view]
        sigmas = [view["blur_sigma"] for view in drawn]
        assert 0.1 <= min(sigmas) < 0.2
        assert largest - 0.1 < max(sigmas) <= largest
        assert {view["blur_padding"] for view in drawn} == {padding}
        assert {view["crop_cols"] for view in drawn if "crop_cols" in view} == {side}
        jitters = {key for view in drawn for key in view.keys() & {"snr_db", "alpha"}}
        assert jitters == {"snr_db" if recipe is DESCRIBED else "alpha"}
    assert {view["crop_rows"] for view in drawn if "crop_rows" in view} == {15}, ".75 of 20 bands"
    assert {view["crop_top"] for view in drawn if "crop_top" in view} == set(range(6))
    assert {view["blur_kernel"] for view in drawn} == {3, 5, 7}


def test_jitter_and_border_can_be_named_apart_from_the_axes():
    named = view_recipe({**PROTOCOLS["described"].training(), "jitter": "gain", "blur_padding": "zero"})
    assert named == replace(DESCRIBED, jitter="gain", blur_padding="zero")


def test_spatial_views_keep_the_spectrum_of_a_constant_patch_and_band_row_views_do_not():
    spectrum = torch.linspace(0.1, 1, 20) ** 2
    constant = spectrum[:, None, None].expand(64, *SHAPE)
    quiet = {"treatments": SELECTED[:2]}
    angles = {}
    for axes in ("spatial", "band_row"):
        recipe = replace(DESCRIBED, axes=axes, **quiet)
        first, second = make_views(constant, *draw_views(recipe, STREAM, 1, 64, SHAPE), axes)
        both = torch.cat([first, second]).movedim(1, -1).double().numpy()
        angles[axes] = spectral_angle(both, np.broadcast_to(spectrum.double().numpy(), both.shape))
    assert angles["spatial"].max() < 1e-6
    assert angles["band_row"].mean() > 0.01


def test_band_row_views_treat_each_column_of_pixels_as_an_image_of_bands_by_rows():
    drawn, _ = draw_views(RELEASED, STREAM, 2, 6, SHAPE)
    images = patches(6)
    views = make_view(images, drawn, "band_row")
    for column in (0, 5):
        expected = apply_parameters(images[:, None, :, :, column], drawn)[:, 0]
        torch.testing.assert_close(views[:, :, :, column], expected)


def test_views_depend_on_stream_epoch_and_place_alone():
    whole = draw_views(DESCRIBED, STREAM, 3, 10, SHAPE)
    assert draw_views(DESCRIBED, STREAM, 3, 10, SHAPE) == whole
    assert [view[:4] for view in whole] == list(draw_views(DESCRIBED, STREAM, 3, 4, SHAPE)), "more patches, same first"
    assert draw_views(DESCRIBED, STREAM, 4, 10, SHAPE) != whole
    assert draw_views(DESCRIBED, run_streams(5, "made", 1).augmentation, 3, 10, SHAPE) != whole
    assert whole[0] != whole[1]
    images = patches(10)
    together = make_views(images, *whole)
    part = [7, 2]
    alone = make_views(images[part], *([view[index] for index in part] for view in whole))
    assert all(torch.equal(one[part], other) for one, other in zip(together, alone, strict=True))


def test_switching_one_field_leaves_the_other_numbers_as_they_were():
    before, _ = draw_views(DESCRIBED, STREAM, 1, 200, SHAPE)
    nested, _ = draw_views(replace(DESCRIBED, choice="nested"), STREAM, 1, 200, SHAPE)
    for key in ("crop_top", "crop_left", "blur_sigma", "snr_db", "noise_seed"):
        pairs = [
            (one[key], other[key]) for one, other in zip(before, nested, strict=True) if key in one and key in other
        ]
        assert len(pairs) > 5
        assert all(one == other for one, other in pairs)
    weaker, _ = draw_views(replace(DESCRIBED, sigma=1.0), STREAM, 1, 200, SHAPE)
    for one, other in zip(before, weaker, strict=True):
        assert (other["blur_sigma"] - 0.1) / 0.9 == pytest.approx((one["blur_sigma"] - 0.1) / 1.9)
        assert kind(one) == kind(other)


def test_a_view_without_operation_is_the_patch_and_none_changes_the_patch():
    images = patches()
    kept = images.clone()
    assert torch.equal(make_view(images, [{}, {}, {}], "band_row"), images)
    views = make_views(images, *draw_views(DESCRIBED, STREAM, 1, 3, SHAPE))
    assert torch.equal(images, kept)
    assert all(view.is_contiguous(memory_format=torch.channels_last) for view in views)


def test_a_substream_does_not_depend_on_what_was_drawn():
    first = substream(STREAM, 4).generate_state(2)
    np.random.default_rng(STREAM).random(100)
    np.testing.assert_array_equal(substream(STREAM, 4).generate_state(2), first)
    assert not np.array_equal(substream(STREAM, 5).generate_state(2), first)


def test_what_no_view_can_be_made_of_is_refused():
    with pytest.raises(UnmixingError, match="not smear"):
        ViewRecipe(treatments=("smear",))
    with pytest.raises(UnmixingError, match="not none"):
        ViewRecipe(treatments=())
    with pytest.raises(UnmixingError, match="view_axes is spatial or band_row"):
        ViewRecipe(axes="time")
    with pytest.raises(UnmixingError, match="view_choice"):
        ViewRecipe(choice="coins")
    with pytest.raises(UnmixingError, match="crop above 0"):
        ViewRecipe(crop=1.2)
    with pytest.raises(UnmixingError, match="13 pixels does not fit images of 6x6"):
        draw_views(DESCRIBED, STREAM, 1, 1, (20, 6, 6))
