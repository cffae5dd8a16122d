import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import torch

from unmixing.errors import UnmixingError
from unmixing.semantic.model import (
    MODELS_FOLDER,
    SIZES,
    ModelFacts,
    build_model,
    count_parameters,
    load_default_model,
    mean_spectra,
    read_model,
    with_means,
    with_spectra,
    write_model,
)
from unmixing.semantic.recipe import (
    estimator_values,
    read_recipe,
    recipe_of,
    recipe_sha256,
    recipe_values,
    write_recipe,
)
from unmixing.semantic.sources import COMMON_GRID

FACTS = ModelFacts("tiny", ("a", "b"), ("a", "b"), "ngrams:384", "0" * 64, "a label", {"angle": 0.1}, "r", {"x": 1})


def tiny(seed=0, size="tiny"):
    means = np.random.default_rng(0).uniform(0.1, 0.9, (2, COMMON_GRID.size))
    dimension = SIZES[size].dimension
    return build_model(dataclasses.replace(FACTS, size=size), means, np.zeros(dimension), seed)


def test_size_l_has_the_published_size():
    counts = count_parameters(tiny(size="L"))
    assert 9.5e6 < counts["encoder"] < 10.5e6
    assert 4.5e6 < counts["decoder"] + counts["estimator"] < 5.5e6


def test_size_s_is_a_few_megabytes():
    assert 4 * sum(count_parameters(tiny(size="S")).values()) < 5e6


def test_a_model_comes_back_from_its_file_with_all_that_it_says(tmp_path):
    model, path = tiny().eval(), tmp_path / "m.safetensors"
    digest = write_model(model, path)
    again = read_model(path)
    assert again.facts == model.facts
    assert path.with_suffix(".sha256").read_text() == f"{digest}  m.safetensors\n"
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], tensor)
    assert not any(parameter.requires_grad for parameter in again.parameters())


def test_a_damaged_or_missing_file_is_refused(tmp_path):
    path = tmp_path / "m.safetensors"
    write_model(tiny(), path)
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(UnmixingError, match="copy both files again"):
        read_model(path)
    with pytest.raises(UnmixingError, match="check the path"):
        read_model(tmp_path / "none.safetensors")


def test_initial_weights_come_from_the_seed_and_leave_torch_s_generator_alone():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    one, two, other = tiny(0), tiny(0), tiny(1)
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.equal(one.encoder.last.weight, two.encoder.last.weight)
    assert not torch.equal(one.encoder.last.weight, other.encoder.last.weight)


def test_means_are_added_without_touching_those_that_are_there():
    model = with_means(tiny(), ("b", "c"), np.full((2, COMMON_GRID.size), 0.5))
    assert model.facts.concepts == ("a", "b", "c")
    assert model.facts.trained == ("a", "b")
    assert float(mean_spectra(model, ["c"]).mean()) == 0.5
    torch.testing.assert_close(mean_spectra(model, ["b"]), tiny().means[1:])
    with pytest.raises(UnmixingError, match="no spectrum of 'd'"):
        mean_spectra(model, ["d"])


def test_spectra_to_choose_from_come_back_with_their_concepts(tmp_path):
    spectra = np.random.default_rng(1).uniform(0.01, 1, (3, COMMON_GRID.size))
    model = with_spectra(tiny().eval(), ["b", "a", "b"], spectra)
    write_model(model, tmp_path / "m.safetensors")
    again = read_model(tmp_path / "m.safetensors")
    assert again.spectra_of.tolist() == [1, 0, 1]
    np.testing.assert_allclose(again.spectra.double().numpy(), spectra, rtol=1e-3)
    with pytest.raises(UnmixingError, match="no mean of c"):
        with_spectra(model, ["a", "c", "b"], spectra)


def test_wrong_sizes_and_arrays_are_refused():
    with pytest.raises(UnmixingError, match="choose from"):
        build_model(dataclasses.replace(FACTS, size="XL"), np.zeros((2, 206)), np.zeros(384), 0)
    with pytest.raises(UnmixingError, match="one mean for each"):
        build_model(FACTS, np.zeros((3, 206)), np.zeros(384), 0)


def test_the_shipped_model_is_small_whole_and_made_by_the_recipe_beside_it():
    path = MODELS_FOLDER / "small.safetensors"
    assert path.stat().st_size < 6e6
    model = load_default_model()
    assert model.facts.size == "S"
    assert model.facts.recipe == recipe_sha256(read_recipe(path.with_suffix(".yaml")))
    assert path.with_suffix(".sha256").read_text().split()[0] in path.with_suffix(".md").read_text()
    assert {"similarity", "angle", "angle_given"} == set(model.facts.thresholds)
    assert model.facts.estimator == estimator_values(read_recipe(path.with_suffix(".yaml")))
    owners = [model.facts.concepts[index] for index in model.spectra_of.tolist()]
    assert bool(torch.isfinite(model.spectra).all())
    # Both libraries show roads, and one of them knows nothing of the deep water bands.
    assert owners.count("asphalt_road") > 10
    assert min(owners.count(name) for name in ("bare_soil", "roof_shingle", "metal", "water", "alunite")) >= 3
    assert {"bare_soil", "water", "pine", "alunite"} <= set(model.facts.concepts)


def test_a_recipe_comes_back_from_its_file(tmp_path):
    recipe = recipe_of({"steps": 7, "mixtures": {"snr_db": [10, 20]}})
    write_recipe(recipe, tmp_path / "r.yaml")
    assert read_recipe(tmp_path / "r.yaml") == recipe
    assert recipe_of(recipe_values(recipe)) == recipe
    assert recipe_sha256(recipe) != recipe_sha256(recipe_of({}))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"ridge": 0}, "ridge"),
        ({"trust_tilt": 2}, "trust_tilt"),
        ({"stesp": 3}, "stesp"),
        ({"steps": 0}, "steps"),
        ({"mixtures": {"snr": 3}}, "snr"),
        ({"steps": "x"}, "kind"),
    ],
)
def test_a_wrong_recipe_is_refused_by_name(given, message):
    with pytest.raises(UnmixingError, match=message):
        recipe_of(given)


def test_importing_the_package_and_its_programs_loads_no_torch():
    code = (
        "import sys, unmixing.semantic, unmixing.programs.unmix, unmixing.programs.semantic_train; "
        "assert 'torch' not in sys.modules; unmixing.semantic.unmix; assert 'torch' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
