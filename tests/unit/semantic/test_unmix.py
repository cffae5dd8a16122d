import dataclasses
import json

import numpy as np
import pytest
import rasterio
import xarray as xr
from spectral.io import envi

from unmixing.errors import UnmixingError
from unmixing.programs.command import main
from unmixing.semantic import unmix
from unmixing.semantic.anchors import load_default_anchors
from unmixing.semantic.few_shot import MODES, adapt
from unmixing.semantic.model import load_default_model
from unmixing.semantic.outputs import write_unmixed
from unmixing.semantic.properties import EASY_PROMPTS, SEVEN_PROMPTS, abundances, easy_scene, recovery
from unmixing.semantic.questions import ask_model
from unmixing.semantic.scene_unmixing import pixel_endmembers, prepare, unmix_pixels
from unmixing.semantic.sensors import get_sensor, lose_bands, resample
from unmixing.semantic.sources import COMMON_GRID


@pytest.fixture(scope="module")
def model():
    return load_default_model()


@pytest.fixture(scope="module")
def scene():
    return easy_scene().isel(row=slice(None, None, 2), col=slice(None, None, 2))


@pytest.fixture(scope="module")
def small(scene):
    return scene.isel(row=slice(0, 12), col=slice(0, 10))


def pixels_of(scene):
    return scene["cube"].to_numpy().reshape(-1, scene.sizes["band"])


def test_a_scene_comes_back_as_named_maps(small, model):
    result = unmix(small, list(EASY_PROMPTS))
    assert result["abundances"].dims == ("row", "col", "prompt")
    assert result["abundances"].shape == (12, 10, 3)
    assert list(result["prompt"].to_numpy()) == list(EASY_PROMPTS)
    assert result["abstain"].dtype == bool
    assert result["endmembers"].shape == (3, small.sizes["band"])
    assert float(result["residual"].min()) >= 0
    assert result.attrs["method"] == "MiniLM-L6 (language only, not CLIP)"
    shares = result["abundances"].to_numpy()
    np.testing.assert_allclose(shares.sum(axis=2), 1.0, atol=1e-6)
    assert shares.min() >= 0


def test_the_easy_scene_is_unmixed_better_than_a_constant(scene, model):
    truth = scene["abundances"].to_numpy().reshape(-1, 3)
    found = abundances(model, pixels_of(scene), scene["wavelength"].to_numpy())
    # Least squares with the scene's own spectra, whose brightness varies, is at .4 of the constant.
    assert np.sqrt(np.mean((found - truth) ** 2)) < 0.85 * np.sqrt(np.mean((1 / 3 - truth) ** 2))


def test_a_third_of_the_bands_may_go(scene, model):
    axis, cube = scene["wavelength"].to_numpy(), pixels_of(scene)
    kept = lose_bands(axis.size, 0.3, np.random.default_rng(0))
    change = np.abs(abundances(model, cube[:, kept], axis[kept]) - abundances(model, cube, axis)).mean()
    assert change <= 0.05


def test_as_sentinel_2_the_same_weights_say_much_the_same(scene, model):
    axis, cube, sensor = scene["wavelength"].to_numpy(), pixels_of(scene), get_sensor("sentinel2")
    coarse = resample(cube, axis, sensor)
    seen = np.isfinite(coarse).all(axis=0)
    found = abundances(model, coarse[:, seen], np.asarray(sensor.centres)[seen])
    assert np.abs(found - abundances(model, cube, axis)).mean() <= 0.10


def test_a_wrong_axis_makes_it_worse(scene, model):
    axis, cube = scene["wavelength"].to_numpy(), pixels_of(scene)
    truth = scene["abundances"].to_numpy().reshape(-1, 3)

    def error(wavelengths):
        return np.sqrt(np.mean((abundances(model, cube, wavelengths) - truth) ** 2))

    assert error(axis[0] + (axis - axis[0]) * 0.85) > error(axis) + 0.02


@pytest.mark.parametrize("gain", [0.5, 1.5])
def test_a_gain_changes_nothing(scene, model, gain):
    axis, cube = scene["wavelength"].to_numpy(), pixels_of(scene)
    assert np.abs(abundances(model, gain * cube, axis) - abundances(model, cube, axis)).max() <= 1e-3


def test_the_seven_class_means_are_recovered_without_noise(model):
    found = recovery(model)
    assert found["chosen"] <= 1e-3
    assert found["library"] <= 1e-3
    assert found["decoded"] <= 1e-3


def test_what_was_chosen_explains_the_pixels_and_other_endmembers_end_the_choice(scene, model):
    axis, cube = scene["wavelength"].to_numpy(), pixels_of(scene)[:60]
    asked = ask_model(model, EASY_PROMPTS)
    prepared = prepare(model, asked, axis)
    found = unmix_pixels(model, prepared, cube)
    shown = pixel_endmembers(prepared, cube)
    use = prepared.known.numpy()
    refit = np.einsum("nk,nkb->nb", found.abundances * found.brightness[:, None], shown)[:, use]
    away = np.arccos(
        (refit * cube[:, use]).sum(1) / np.linalg.norm(refit, axis=1) / np.linalg.norm(cube[:, use], axis=1)
    )
    np.testing.assert_allclose(away, found.residual, atol=1e-3)
    wanted = (found.abundances[:, :, None] * shown).sum(axis=0) / found.abundances.sum(axis=0)[:, None]
    np.testing.assert_allclose(found.endmembers, wanted, atol=1e-6)
    library = prepare(model, asked, axis, "library")
    given = dataclasses.replace(prepared, endmembers=library.endmembers.clone())
    np.testing.assert_array_equal(
        unmix_pixels(model, given, cube).abundances, unmix_pixels(model, library, cube).abundances
    )
    with pytest.raises(UnmixingError, match="chosen, decoded, library"):
        prepare(model, asked, axis, "picked")


def test_prompts_that_are_one_share_and_the_others_do_not_notice(small, model):
    once = unmix(small, ["bare soil", "green vegetation"])
    twice = unmix(small, ["bare soil", "green vegetation", "soil"])
    shares = twice["abundances"].to_numpy()
    np.testing.assert_array_equal(shares[..., 0], shares[..., 2])
    np.testing.assert_allclose(shares[..., 0] + shares[..., 2], once["abundances"].to_numpy()[..., 0], atol=1e-6)
    assert "'bare soil' and 'soil'" in json.loads(twice.attrs["notes"])[0]


def test_a_prompt_without_a_spectrum_takes_that_above_it_or_is_refused(small, model):
    result = unmix(small, ["red metal", "bare soil"])
    assert json.loads(result.attrs["notes"]) == ["'red metal' has no spectrum: that of 'metal'"]
    with pytest.raises(UnmixingError, match="coral reef"):
        unmix(small, ["coral reef", "bare soil"])
    made_up = unmix(small, ["coral reef", "bare soil"], unseen="text")
    assert np.isfinite(made_up["abundances"].to_numpy()).all()


def test_anchors_of_another_encoder_are_refused(small, model):
    with pytest.raises(UnmixingError, match="same encoder"):
        unmix(small, ["bare soil", "water"], anchors=load_default_anchors("ngrams"))


def test_a_band_without_a_value_is_masked(small, model):
    cube = pixels_of(small).copy()
    axis = small["wavelength"].to_numpy()
    kept = np.ones(axis.size, bool)
    kept[[7, 20, 41]] = False
    cube[:, ~kept] = np.nan
    np.testing.assert_allclose(abundances(model, cube, axis), abundances(model, cube[:, kept], axis[kept]), atol=0.02)


def test_a_pixel_without_any_value_is_refused_unless_it_is_marked(small, model):
    broken = small.copy(deep=True)
    broken["cube"][3, 4] = np.nan
    with pytest.raises(UnmixingError, match="1 of 120 pixels have no known band"):
        unmix(broken, ["bare soil", "water"])
    valid = np.ones((12, 10), np.int8)
    valid[3, 4] = 0
    result = unmix(broken.assign(valid=(("row", "col"), valid)), ["bare soil", "water"])
    assert np.isnan(result["abundances"].to_numpy()[3, 4]).all()
    assert bool(result["abstain"][3, 4])
    assert int(np.isnan(result["abundances"].to_numpy()[..., 0]).sum()) == 1


def test_it_abstains_from_what_no_prompt_resembles(model):
    asked = ask_model(model, ["green vegetation", "water"])
    axis = COMMON_GRID[::2]
    prepared = prepare(model, asked, axis)
    # A comb of bands is no material.
    comb = np.where(np.arange(axis.size) % 2, 0.8, 0.05)[None]
    pure = prepared.endmembers.numpy()
    assert unmix_pixels(model, prepared, comb).abstain.all()
    assert not unmix_pixels(model, prepared, pure).abstain.any()


def test_a_scene_without_wavelengths_is_refused(model):
    with pytest.raises(UnmixingError, match="no wavelength"):
        unmix(xr.Dataset({"cube": (("row", "col", "band"), np.ones((2, 2, 3)))}), ["water", "bare soil"])


@pytest.mark.parametrize("form", ["geotiff", "envi"])
def test_maps_carry_the_names_of_the_prompts(small, tmp_path, form, model):
    result = unmix(small, list(EASY_PROMPTS))
    files = write_unmixed(result, tmp_path, form)
    assert all((tmp_path / name).is_file() for name in files)
    if form == "geotiff":
        with rasterio.open(tmp_path / "abundances.tif") as source:
            layers, names = source.read(), source.descriptions
    else:
        image = envi.open(str(tmp_path / "abundances.hdr"))
        layers, names = np.asarray(image.load()).transpose(2, 0, 1), tuple(image.metadata["band names"])
    assert names == EASY_PROMPTS
    np.testing.assert_array_equal(layers.transpose(1, 2, 0), result["abundances"].to_numpy())
    assert json.loads((tmp_path / "unmix.json").read_text())["prompts"] == list(EASY_PROMPTS)


def test_the_command_unmixes_and_says_what_it_found(tmp_path, capsys):
    folder = tmp_path / "maps"
    assert main(["unmix", "synthetic_easy", "bare soil", "green vegetation", "burned ground", "-o", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "bare soil 0." in said
    assert "abstains on" in said
    assert (folder / "abundances.tif").is_file()
    assert main(["unmix", "synthetic_easy", "bare sole", "unobtainium", "-o", str(folder)]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("count", [1, 5])
def test_shots_do_not_harm_where_they_are_all_there_is_to_know(model, scene, mode, count):
    cube, axis = pixels_of(scene), scene["wavelength"].to_numpy()
    truth = scene["abundances"].to_numpy().reshape(-1, 3)
    rng = np.random.default_rng(0)
    pure = [np.argsort(truth[:, column])[-30:] for column in range(3)]
    shots = [cube[rng.choice(places, count, replace=False)] for places in pure]
    before = {name: tensor.clone() for name, tensor in model.named_parameters()}
    adapted = adapt(model, EASY_PROMPTS, shots, axis, mode, rng=rng, steps=8)
    assert all(tensor.equal(before[name]) for name, tensor in model.named_parameters())
    found = unmix_pixels(adapted.model, adapted.prepared, cube).abundances
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-9)
    zero_shot = np.sqrt(np.mean((abundances(model, cube, axis) - truth) ** 2))
    assert np.sqrt(np.mean((found - truth) ** 2)) < zero_shot + 0.03


def test_a_material_without_shots_keeps_its_text_and_shots_must_fit(model, scene):
    cube, axis = pixels_of(scene), scene["wavelength"].to_numpy()
    shots = [cube[:3], np.zeros((0, axis.size)), cube[3:5]]
    rng = np.random.default_rng(0)
    adapted = adapt(model, EASY_PROMPTS, shots, axis, rng=rng)
    text = model.anchors(adapted.prepared.asked.vectors)
    assert bool((adapted.prepared.anchors[1] == text[1]).all())
    with pytest.raises(UnmixingError, match="one array for each"):
        adapt(model, EASY_PROMPTS, shots[:2], axis, rng=rng)
    with pytest.raises(UnmixingError, match="no shots"):
        adapt(model, EASY_PROMPTS, [np.zeros((0, axis.size))] * 3, axis, rng=rng)
    with pytest.raises(UnmixingError, match="choose from"):
        adapt(model, EASY_PROMPTS, shots, axis, "many", rng=rng)


def test_the_prompts_of_the_properties_are_known(model):
    assert ask_model(model, SEVEN_PROMPTS).concepts[-1] == "water"
