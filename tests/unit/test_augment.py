import json

import numpy as np
import pytest
import torch
from torchvision.transforms import functional as vision

from unmixing.augment import (
    TREATMENTS,
    apply_parameters,
    augment,
    distinct_treatments,
    draw_parameters,
    operations,
)
from unmixing.errors import UnmixingError
from unmixing.metrics import spectral_angle
from unmixing.protocol.augmentation import PROTOCOLS
from unmixing.published import paper_values

DESCRIBED, RELEASED = (PROTOCOLS[name].images() for name in ("described", "released"))
AUGMENTING = [name for name in TREATMENTS if not name.startswith("control_")]
WITHOUT_NOISE = [name for name in AUGMENTING if not TREATMENTS[name].jitter]


def stream(seed=0):
    return np.random.default_rng(seed)


def made(count=3, bands=5, rows=24, cols=31, dtype=torch.float64, seed=7):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, bands, rows, cols, generator=generator, dtype=torch.float64).to(dtype)


def with_fields(**changed):
    return {**DESCRIBED, **changed}


def test_the_treatments_are_those_of_table_2_and_three_more():
    table = paper_values(2)
    listed = set(table["note"].str.removeprefix("treatment "))
    assert {name for name, treatment in TREATMENTS.items() if treatment.in_table2} == listed
    assert set(TREATMENTS) - listed == {"flip_both", "control_identity", "control_baseline"}


def test_a_combination_does_what_its_name_says():
    for name, treatment in TREATMENTS.items():
        done = {
            "crop": treatment.crop is not None,
            "flip": treatment.flip is not None,
            "jitter": treatment.jitter,
            "blur": treatment.blur is not None,
        }
        assert {part for part, on in done.items() if on} == set(name.split("_")) & set(done), name
        assert treatment.combined == (sum(done.values()) > 1)


def test_combinations_crop_95_percent_and_blur_less_in_the_sweep_of_10_images():
    assert operations("crop_jitter_blur", DESCRIBED, 90).crop == 0.95
    assert operations("crop_jitter_blur", DESCRIBED, 90).blur == 2.0
    assert operations("crop_jitter_blur", DESCRIBED, 10).blur == 1.0
    assert operations("blur_2", DESCRIBED, 10).blur == 2.0
    sigmas = [drawn["blur_sigma"] for drawn in draw_parameters("crop_blur", 500, 40, 40, stream(), arm=10)]
    assert 0.1 <= min(sigmas) < 0.12
    assert 0.98 < max(sigmas) <= 1.0


@pytest.mark.parametrize("treatment", ["control_identity", "control_baseline"])
def test_controls_return_the_images_as_they_are(treatment):
    images = made()
    same, parameters = augment(images, treatment, stream())
    assert torch.equal(same, made())
    assert parameters == [{}, {}, {}]


@pytest.mark.parametrize("treatment", AUGMENTING)
def test_every_treatment_changes_images_and_not_its_input(treatment):
    images = made()
    changed, parameters = augment(images, treatment, stream())
    assert torch.equal(images, made())
    assert changed.shape == images.shape
    assert changed.dtype == images.dtype
    # One image may be left as it is: a blur of sigma .1 is none.
    assert sum((changed - images).abs().amax((1, 2, 3)) > 1e-3) >= 2
    assert len({json.dumps(drawn) for drawn in parameters}) > 1 or TREATMENTS[treatment].flip


@pytest.mark.parametrize("treatment", WITHOUT_NOISE)
def test_a_spatially_constant_image_keeps_its_spectrum(treatment):
    # Operations on the wrong axes turn it by .1 rad (crop of bands) and .02 rad (blur along bands): audit item A1.
    spectrum = 0.05 + stream(3).random(60)
    flat = torch.from_numpy(spectrum.astype(np.float32))[None, :, None, None].expand(4, -1, 16, 19)
    done, _ = augment(flat, treatment, stream())
    assert spectral_angle(done.numpy(), flat.numpy(), axis=1).max() < 1e-6
    assert (done / flat - 1).abs().max() < 1e-6


@pytest.mark.parametrize("treatment", WITHOUT_NOISE)
@pytest.mark.parametrize("fields", [DESCRIBED, RELEASED])
def test_bands_do_not_mix(treatment, fields):
    images = made(bands=4)
    order = [2, 0, 3, 1]
    expected = augment(images, treatment, stream(), fields)[0][:, order]
    torch.testing.assert_close(augment(images[:, order], treatment, stream(), fields)[0], expected, rtol=0, atol=1e-12)
    alone = images.clone()
    alone[:, 1:] = 0
    assert not augment(alone, treatment, stream(), fields)[0][:, 1:].any()


def test_a_crop_is_torchvisions_resized_crop():
    images = made(4, 3, 37, 52)
    done, parameters = augment(images, "crop_75", stream())
    for image, result, drawn in zip(images, done, parameters, strict=True):
        window = [drawn[f"crop_{name}"] for name in ("top", "left", "rows", "cols")]
        assert window[2:] == [27, 39]
        expected = vision.resized_crop(image, *window, size=[37, 52], antialias=False)
        torch.testing.assert_close(result, expected, rtol=0, atol=1e-12)


def test_crops_are_as_large_as_named_and_reach_every_place():
    for treatment, side in (("crop_50", 10), ("crop_75", 15), ("crop_95", 19)):
        drawn = draw_parameters(treatment, 3000, 20, 20, stream())
        assert {(one["crop_rows"], one["crop_cols"]) for one in drawn} == {(side, side)}
        places = {(one["crop_top"], one["crop_left"]) for one in drawn}
        assert places == {(row, col) for row in range(21 - side) for col in range(21 - side)}


def test_a_smaller_crop_magnifies_more():
    slope = torch.linspace(0, 1, 40, dtype=torch.float64).expand(2, 3, 40, 40)
    reach = {}
    for treatment in ("crop_50", "crop_75", "crop_95"):
        done, _ = augment(slope, treatment, stream())
        reach[treatment] = float((done.amax(dim=3) - done.amin(dim=3)).mean())
    # A window of n pixels spans n - 1 steps of the slope.
    assert reach == pytest.approx({"crop_50": 19 / 39, "crop_75": 29 / 39, "crop_95": 37 / 39})


def test_a_crop_sees_nothing_beyond_its_window():
    images = torch.zeros(1, 1, 20, 20, dtype=torch.float64)
    images[:, :, 5:15, 5:15] = 1
    drawn = {"crop_top": 5, "crop_left": 5, "crop_rows": 10, "crop_cols": 10}
    torch.testing.assert_close(apply_parameters(images, [drawn]), torch.ones_like(images), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("treatment", "fields", "expected"),
    [
        ("flip_vertical", DESCRIBED, vision.vflip),
        ("flip_horizontal", DESCRIBED, vision.hflip),
        ("flip_vertical", with_fields(flip_names="swapped"), vision.hflip),
        ("flip_horizontal", with_fields(flip_names="swapped"), vision.vflip),
        ("flip_both", DESCRIBED, lambda image: vision.hflip(vision.vflip(image))),
        ("flip_both", with_fields(flip_names="swapped"), lambda image: vision.hflip(vision.vflip(image))),
    ],
)
def test_flips_are_what_the_protocol_calls_them(treatment, fields, expected):
    images = made()
    assert torch.equal(augment(images, treatment, stream(), fields)[0], expected(images))


def test_a_random_flip_is_each_of_the_three_equally_often():
    images = made(600, 1, 3, 4)
    done, parameters = augment(images, "flip_random", stream())
    ways = {"left_right": vision.hflip, "up_down": vision.vflip, "both": lambda one: one.flip(1, 2)}
    kinds = [drawn["flip"] for drawn in parameters]
    for kind, way in ways.items():
        assert 160 < kinds.count(kind) < 240
        index = kinds.index(kind)
        assert torch.equal(done[index], way(images[index]))


def test_noise_has_the_drawn_ratio_to_the_mean_square_of_its_image():
    images = 5 + made(4, 30, 40, 40)
    done, parameters = augment(images, "jitter", stream())
    noise = done - images
    measured = 10 * torch.log10(images.square().mean((1, 2, 3)) / noise.var((1, 2, 3)))
    np.testing.assert_allclose(measured, [drawn["snr_db"] for drawn in parameters], atol=0.1)
    # White: neither bands nor neighbours share it.
    assert abs(float((noise[:, 1:] * noise[:, :-1]).mean() / noise.square().mean())) < 0.01
    assert abs(float((noise[..., 1:] * noise[..., :-1]).mean() / noise.square().mean())) < 0.01


def test_every_image_has_noise_of_its_own():
    images = torch.ones(3, 8, 30, 30, dtype=torch.float64)
    done, parameters = augment(images, "jitter", stream())
    assert len({drawn["noise_seed"] for drawn in parameters}) == 3
    assert np.abs(np.corrcoef((done - 1).flatten(1).numpy()) - np.eye(3)).max() < 0.05


def test_noise_leaves_no_negative_reflectance():
    images = made() * torch.tensor([1.0, 1e-3, 0, 1, 1], dtype=torch.float64)[:, None, None]
    done, _ = augment(images, "jitter", stream())
    assert done.min() == 0
    assert done[:, 2].max() > 0


def test_ratios_of_signal_to_noise_fill_25_to_40_decibels():
    ratios = [drawn["snr_db"] for drawn in draw_parameters("jitter", 2000, 9, 9, stream())]
    assert 25 <= min(ratios) < 25.1
    assert 39.9 < max(ratios) <= 40
    assert np.mean(ratios) == pytest.approx(32.5, abs=0.3)


def test_gain_multiplies_the_whole_image_and_turns_no_spectrum():
    images = made()
    done, parameters = augment(images, "jitter", stream(), with_fields(jitter="gain"))
    for image, result, drawn in zip(images, done, parameters, strict=True):
        assert set(drawn) == {"alpha"}
        torch.testing.assert_close(result, drawn["alpha"] * image)
    gains = [one["alpha"] for one in draw_parameters("jitter", 2000, 9, 9, stream(), with_fields(jitter="gain"))]
    assert 0.8 <= min(gains) < 0.81
    assert 1.19 < max(gains) <= 1.2


@pytest.mark.parametrize("treatment", ["blur_1", "blur_2"])
def test_a_blur_is_torchvisions_gaussian_blur(treatment):
    images = made(6, 3, 20, 27)
    done, parameters = augment(images, treatment, stream())
    assert len({drawn["blur_kernel"] for drawn in parameters}) > 1, "kernels of several sizes share the batch"
    for image, result, drawn in zip(images, done, parameters, strict=True):
        kernel, sigma = drawn["blur_kernel"], drawn["blur_sigma"]
        assert kernel == 2 * np.ceil(3 * sigma) + 1
        expected = vision.gaussian_blur(image, kernel_size=kernel, sigma=sigma)
        torch.testing.assert_close(result, expected, rtol=0, atol=1e-12)


def test_zero_padding_has_small_kernels_of_any_sigma_and_darkens_the_border():
    fields = with_fields(blur_padding="zero")
    drawn = draw_parameters("blur_2", 600, 5, 5, stream(), fields)
    for kernel in (3, 5, 7):
        sigmas = [one["blur_sigma"] for one in drawn if one["blur_kernel"] == kernel]
        assert 160 < len(sigmas) < 240
        assert np.mean(sigmas) == pytest.approx(1.05, abs=0.15)
    flat = torch.ones(1, 2, 15, 15, dtype=torch.float64)
    one = {"blur_sigma": 1.0, "blur_kernel": 3, "blur_padding": "zero"}
    side = np.exp(-0.5) / (1 + 2 * np.exp(-0.5))
    done = apply_parameters(flat, [one])[0, 0]
    assert float(done[0, 0]) == pytest.approx((1 - side) ** 2)
    assert float(done[0, 7]) == pytest.approx(1 - side)
    assert float(done[7, 7]) == pytest.approx(1)


def test_an_image_that_a_kernel_does_not_fit_is_refused_whatever_is_drawn():
    for seed in range(5):
        with pytest.raises(UnmixingError, match="kernel of 13 pixels does not fit images of 24x6") as caught:
            augment(made(1, rows=24, cols=6), "blur_2", stream(seed))
        assert "\n" not in str(caught.value)
    assert augment(made(1, rows=24, cols=7), "blur_2", stream())[0].shape[3] == 7
    augment(made(1, rows=24, cols=6), "blur_2", stream(), RELEASED)


def test_operations_run_in_the_order_crop_flip_jitter_blur():
    images = made(2, 4, 33, 28)
    parameters = draw_parameters("jitter_flip_blur", 2, 33, 28, stream())
    crop = {"crop_top": 3, "crop_left": 1, "crop_rows": 20, "crop_cols": 22}
    whole = apply_parameters(images, [{**crop, **drawn} for drawn in parameters])
    step = images
    for keys in (set(crop), {"flip"}, {"snr_db", "noise_seed"}, {"blur_sigma", "blur_kernel", "blur_padding"}):
        step = apply_parameters(step, [{key: ({**crop, **drawn})[key] for key in keys} for drawn in parameters])
    assert torch.equal(whole, step)


def test_under_released_the_18_treatments_are_12():
    same = distinct_treatments(RELEASED)
    assert list(same) == AUGMENTING
    assert len(set(same.values())) == 12
    groups = {first: [name for name in same if same[name] == first] for first in same.values()}
    assert [group for group in groups.values() if len(group) > 1] == [
        ["blur_1", "blur_2"],
        ["crop_50", "crop_75", "crop_95"],
        ["flip_vertical", "flip_horizontal", "flip_both", "flip_random"],
    ]


@pytest.mark.parametrize(("fields", "arm"), [(DESCRIBED, 90), (DESCRIBED, 10), (RELEASED, 10)])
def test_everywhere_else_they_are_18(fields, arm):
    assert distinct_treatments(fields, arm) == {name: name for name in AUGMENTING}


def test_treatments_of_one_group_make_the_same_images():
    images = made()
    for name, first in distinct_treatments(RELEASED).items():
        expected, drawn = augment(images, first, stream(), RELEASED)
        done, parameters = augment(images, name, stream(), RELEASED)
        assert torch.equal(done, expected)
        assert parameters == drawn
    assert len({drawn["flip"] for drawn in draw_parameters("flip_random", 50, 9, 9, stream(), RELEASED)}) == 1


@pytest.mark.parametrize("treatment", AUGMENTING)
@pytest.mark.parametrize("fields", [DESCRIBED, RELEASED])
def test_an_image_does_not_depend_on_its_batch(treatment, fields):
    images = made(5, dtype=torch.float32)
    whole, parameters = augment(images, treatment, stream(), fields)
    for part in (slice(0, 1), slice(1, 4), slice(4, 5)):
        torch.testing.assert_close(apply_parameters(images[part], parameters[part]), whole[part], rtol=0, atol=1e-6)


def test_images_with_different_operations_share_a_batch():
    images = made(6, dtype=torch.float32)
    parameters = [
        {},
        draw_parameters("crop_flip", 1, 24, 31, stream())[0],
        draw_parameters("blur_2", 1, 24, 31, stream(), RELEASED)[0],
        draw_parameters("crop_jitter_blur", 1, 24, 31, stream())[0],
        draw_parameters("jitter", 1, 24, 31, stream(), RELEASED)[0],
        draw_parameters("jitter_flip_blur", 1, 24, 31, stream())[0],
    ]
    done = apply_parameters(images, parameters)
    assert torch.equal(done[0], images[0])
    for index in range(6):
        alone = apply_parameters(images[index : index + 1], parameters[index : index + 1])[0]
        torch.testing.assert_close(done[index], alone, rtol=0, atol=1e-6)


def test_large_batches_are_worked_on_in_parts(monkeypatch):
    images = made(7, dtype=torch.float32)
    whole, parameters = augment(images, "crop_jitter_blur", stream())
    monkeypatch.setattr("unmixing.augmentation.operations.CHUNK", 3 * images[0].numel())
    monkeypatch.setattr("unmixing.augmentation.operations.BLOCK", 4 * images[0, 0].numel())
    torch.testing.assert_close(apply_parameters(images, parameters), whole, rtol=0, atol=1e-6)


def test_the_same_stream_gives_the_same_images_whatever_else_draws():
    images = made()
    first = augment(images, "crop_jitter_blur", stream(4))
    torch.manual_seed(0)
    torch.rand(10)
    second = augment(images, "crop_jitter_blur", stream(4))
    assert torch.equal(first[0], second[0])
    assert first[1] == second[1]
    assert augment(images, "crop_jitter_blur", stream(5))[1] != first[1]


@pytest.mark.parametrize("treatment", ["crop_jitter_blur", "jitter_flip_blur", "crop_flip"])
@pytest.mark.parametrize("fields", [DESCRIBED, RELEASED])
def test_types_agree(treatment, fields):
    exact, _ = augment(made(), treatment, stream(), fields)
    for dtype, allowed in ((torch.float32, 1e-5), (torch.float16, 2e-3), (torch.bfloat16, 1e-2)):
        done, _ = augment(made(dtype=dtype), treatment, stream(), fields)
        assert done.dtype == dtype
        torch.testing.assert_close(done.double(), exact, rtol=0, atol=allowed)


def test_one_scene_expanded_is_as_many_copies_of_it():
    scene = made(1, dtype=torch.float32)
    expanded, parameters = augment(scene.expand(4, -1, -1, -1), "jitter_flip_blur", stream())
    assert torch.equal(expanded, apply_parameters(scene.repeat(4, 1, 1, 1), parameters))
    turned = scene.contiguous(memory_format=torch.channels_last).expand(4, -1, -1, -1)
    assert torch.equal(apply_parameters(turned, parameters), expanded)


CROP = {"crop_top": 0, "crop_left": 20, "crop_rows": 12, "crop_cols": 12}
BLUR = {"blur_sigma": 1.0, "blur_kernel": 7, "blur_padding": "reflect"}


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: augment(made(), "blur", stream()), "no treatment 'blur': choose one of blur_1, blur_2, crop_50"),
        (lambda: augment(made(), "jitter", stream(), with_fields(jitter="noise")), "jitter is band_noise or gain"),
        (lambda: augment(made(), "jitter", stream(), {}), "parameters is as_named or defaults, not None"),
        (lambda: augment(made(), "jitter", stream(), arm=50), "arm is 90 or 10, not 50"),
        (lambda: augment(made()[0], "jitter", stream()), r"shape \(5, 24, 31\): hand over \(N, bands, rows, cols\)"),
        (lambda: augment((100 * made()).to(torch.int32), "jitter", stream()), "torch.int32: hand over a floating"),
        (lambda: apply_parameters(made(), [{}, {}]), "3 images and parameters for 2"),
        (lambda: apply_parameters(made(1), [CROP]), r"crop of image 0, 12x12 from \(0, 20\), .* within 24x31"),
        (lambda: apply_parameters(made(1), [{"crop_top": 1}]), "lack or do not know crop_cols, crop_left, crop_rows"),
        (lambda: apply_parameters(made(1), [{"rotation": 3}]), "lack or do not know rotation"),
        (lambda: apply_parameters(made(1), [{"flip": "vertical"}]), "it is one of left_right, up_down, both"),
        (lambda: apply_parameters(made(1), [{**BLUR, "blur_kernel": 6}]), "image 0 needs an odd kernel"),
        (lambda: apply_parameters(made(1, rows=3), [BLUR]), "kernel of 7 pixels does not fit images of 3x31"),
    ],
)
def test_faults_are_one_line(call, words):
    with pytest.raises(UnmixingError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
