"""The embedded scenes: exact truth, determinism, and ground as untidy as real ground."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from unmixing.errors import UnmixingError
from unmixing.scenes import synthetic
from unmixing.scenes.dataset import content_sha256, read_checks
from unmixing.scenes.scene_statistics import outside_real_range, scene_statistics
from unmixing.scenes.synthetic import SYNTHETIC_SCENES, generate, make_synthetic

SCENES = sorted(SYNTHETIC_SCENES)


@pytest.fixture(scope="module")
def scenes():
    return {name: make_synthetic(name) for name in SCENES}


def angles(one, other):
    one, other = np.asarray(one, float), np.asarray(other, float)
    cosine = (one * other).sum(-1) / np.linalg.norm(one, axis=-1) / np.linalg.norm(other, axis=-1)
    return np.arccos(np.clip(cosine, -1, 1))


def undisturbed(recipe):
    """The recipe without anything that departs from the linear model of class means."""
    return replace(
        recipe,
        classes=tuple(replace(kind, variation=0.0) for kind in recipe.classes),
        brightness_variation=0.0,
        bilinear_share=0.0,
        residual=0.0,
        signal_to_noise=400.0,
    )


@pytest.mark.parametrize("name", SCENES)
def test_same_bits_at_every_call(scenes, name):
    again = make_synthetic(name)
    assert again.identical(scenes[name])
    assert again.attrs["content_sha256"] == content_sha256(scenes[name])


@pytest.mark.parametrize(("name", "sizes"), [("synthetic_easy", (40, 40, 60, 3)), ("synthetic_hard", (48, 48, 80, 5))])
def test_layout(scenes, name, sizes):
    scene = scenes[name]
    assert tuple(scene.sizes[dim] for dim in ("row", "col", "band", "endmember")) == sizes
    assert {scene[key].dtype for key in ("cube", "endmembers", "abundances")} == {np.dtype(np.float32)}
    assert scene.attrs["id"] == name
    assert scene.attrs["kind"] == "synthetic"
    assert scene.attrs["scale"] == "reflectance"
    assert scene.attrs["abundance_convention"] == "areal"
    assert "MIT" in scene.attrs["licence"]
    assert list(scene["name"].values) == [kind.name for kind in SYNTHETIC_SCENES[name].classes]
    assert np.all(np.diff(scene["wavelength"].values) > 0)
    checks = {check.check: check for check in read_checks(scene)}
    assert checks["wavelengths"].passed
    assert all(check.passed for check in checks.values())


@pytest.mark.parametrize("name", SCENES)
def test_abundances_are_shares_and_cube_is_reflectance(scenes, name):
    scene = scenes[name]
    abundances = scene["abundances"].values
    assert abundances.min() >= 0
    assert abundances.max() <= 1 + 1e-6
    np.testing.assert_allclose(abundances.sum(-1), 1, atol=1e-6)
    assert scene["cube"].values.min() >= 0
    assert scene["cube"].values.max() < 1


@pytest.mark.parametrize("name", SCENES)
def test_truth_is_exact_once_disturbances_are_taken_out(name):
    scene = generate(undisturbed(SYNTHETIC_SCENES[name]))
    mixture = scene["abundances"].values.astype(float) @ scene["endmembers"].values.astype(float)
    np.testing.assert_allclose(scene["cube"].values, mixture, rtol=1e-5, atol=1e-7)


def test_reference_endmembers_are_the_means_of_what_was_laid_out():
    recipe = undisturbed(SYNTHETIC_SCENES["synthetic_easy"])
    varied = generate(replace(recipe, classes=SYNTHETIC_SCENES["synthetic_easy"].classes))
    # With variability alone, the sum over pixels is still the mixture of the class means exactly.
    mixture = varied["abundances"].values.astype(float) @ varied["endmembers"].values.astype(float)
    np.testing.assert_allclose(varied["cube"].values.sum((0, 1)), mixture.sum((0, 1)), rtol=1e-5)
    assert np.abs(varied["cube"].values - mixture).max() > 0.01


@pytest.mark.parametrize("name", SCENES)
def test_statistics_lie_within_those_of_the_real_scenes(scenes, name):
    assert outside_real_range(scene_statistics(scenes[name])) == []


@pytest.mark.parametrize("name", SCENES)
def test_one_endmember_is_dark_and_all_have_pure_pixels(scenes, name):
    scene = scenes[name]
    assert scene["endmembers"].values.max(axis=1).min() <= 0.05
    pure = (scene["abundances"].values > 0.95).mean(axis=(0, 1))
    assert pure.min() > 0.03


def test_a_constant_spectrum_does_not_pass_on_the_easy_scene(scenes):
    endmembers = scenes["synthetic_easy"]["endmembers"].values
    assert angles(endmembers, np.ones_like(endmembers)).mean() >= 0.2
    assert angles(endmembers, np.ones_like(endmembers)).min() >= 0.2


def test_hard_scene_has_close_endmembers(scenes):
    for name, low, high in (("synthetic_easy", 0.35, 0.42), ("synthetic_hard", 0.06, 0.15)):
        endmembers = scenes[name]["endmembers"].values
        between = angles(endmembers[:, None], endmembers[None])[np.triu_indices(len(endmembers), 1)]
        assert low < between.min() < high


def test_streams_are_apart():
    recipe = SYNTHETIC_SCENES["synthetic_easy"]
    first = generate(recipe)
    noisier = generate(replace(recipe, signal_to_noise=40.0, bilinear_share=0.3))
    np.testing.assert_array_equal(first["abundances"].values, noisier["abundances"].values)
    np.testing.assert_array_equal(first["endmembers"].values, noisier["endmembers"].values)
    assert not np.array_equal(first["cube"].values, noisier["cube"].values)
    other = generate(replace(recipe, seed=recipe.seed + 1))
    assert not np.array_equal(first["abundances"].values, other["abundances"].values)


def test_multiple_scattering_brightens_its_share_of_the_area_only():
    recipe = undisturbed(SYNTHETIC_SCENES["synthetic_easy"])
    plain = generate(recipe)["cube"].values.astype(float)
    scattered = generate(replace(recipe, bilinear_share=0.25))["cube"].values.astype(float)
    brighter = (scattered - plain).max(axis=-1)
    assert brighter.min() > -1e-6
    assert 0.1 < (brighter > 1e-5).mean() <= 0.26


def test_brightness_field_has_the_variation_asked_for():
    recipe = replace(SYNTHETIC_SCENES["synthetic_easy"], brightness_variation=0.2)
    plain = generate(undisturbed(recipe))["cube"].values.astype(float)
    lit = generate(replace(undisturbed(recipe), brightness_variation=0.2))["cube"].values.astype(float)
    ratio = (lit / plain).mean(-1)
    assert ratio.std() / ratio.mean() == pytest.approx(0.2, abs=0.03)
    np.testing.assert_allclose(lit / plain, ratio[:, :, None] * np.ones(60), rtol=1e-4)


def test_noise_is_worst_at_the_ends_and_in_the_water_bands():
    loss = dict(
        zip(
            [400, 640, 1130, 1350, 1960, 2450],
            synthetic.noise_curve(np.array([400.0, 640.0, 1130.0, 1350.0, 1960.0, 2450.0])),
            strict=True,
        )
    )
    assert loss[640] < 1
    assert all(loss[band] > loss[640] + 10 for band in (400, 1130, 1350, 1960, 2450))


def test_values_have_not_drifted(scenes):
    """Other releases of NumPy may draw other numbers: this tells that committed results no longer belong."""
    easy = scenes["synthetic_easy"]
    np.testing.assert_allclose(easy["abundances"].values.mean((0, 1)), [0.334, 0.255, 0.411], atol=1e-3)
    assert float(easy["cube"].mean()) == pytest.approx(0.1360, abs=5e-4)


def test_unknown_scene_is_one_line():
    with pytest.raises(
        UnmixingError, match=r"no synthetic scene 'synthetic_medium'.*synthetic_easy, synthetic_hard"
    ) as caught:
        make_synthetic("synthetic_medium")
    assert "\n" not in str(caught.value)


def test_importing_is_light():
    code = (
        "import sys, unmixing.scenes.synthetic as s; s.read_earthlib();"
        "heavy = {'xarray', 'pandas', 'torch', 'earthlib'} & set(sys.modules);"
        "sys.exit(','.join(sorted(heavy)) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
