"""Smaller models: what is stored is what computes, and nothing else changes."""

import numpy as np
import pytest
import torch

from unmixing.errors import UnmixingError
from unmixing.semantic.compression import (
    dequantise,
    eight_bits,
    half_precision,
    narrowed,
    pruned,
    quantise,
    unchanged,
    variants,
)
from unmixing.semantic.model import load_default_model
from unmixing.semantic.properties import EASY_PROMPTS
from unmixing.semantic.questions import ask_model
from unmixing.semantic.scene_unmixing import prepare, unmix_pixels
from unmixing.semantic.sources import COMMON_GRID


@pytest.fixture(scope="module")
def model():
    return load_default_model()


@pytest.fixture(scope="module")
def pixels(model):
    """Mixtures of the three class means, and the axis."""
    axis = COMMON_GRID[::4]
    pure = prepare(model, ask_model(model, EASY_PROMPTS), axis, "library").endmembers.double().numpy()
    shares = np.random.default_rng(0).dirichlet([0.6] * 3, 40)
    return shares @ pure, axis


def spectra_bytes(model):
    """Of the library spectra, which are in float16 already."""
    return model.spectra.nbytes + model.spectra_of.nbytes


def abundances(model, pixels):
    values, axis = pixels
    return unmix_pixels(model, prepare(model, ask_model(model, EASY_PROMPTS), axis), values).abundances


def test_codes_are_within_half_a_step_of_the_weights_and_zero_stays_zero():
    weights = torch.randn(5, 7, 3, generator=torch.Generator().manual_seed(0))
    weights[2] = 0.0
    weights[3, 0, 0] = 0.0
    codes, scales = quantise(weights)
    assert codes.dtype == torch.int8
    assert int(codes.abs().max()) == 127
    error = (dequantise(codes, scales) - weights).abs().flatten(1)
    assert bool((error <= 0.5 * scales[:, None] * (1 + 1e-5)).all())
    assert float(dequantise(codes, scales)[3, 0, 0]) == 0.0
    assert not bool(dequantise(codes, scales)[2].any())


def test_eight_bits_take_about_a_quarter_and_change_little(model, pixels):
    whole, small = unchanged(model), eight_bits(model)
    library = spectra_bytes(model)
    assert 0.24 < (small.stored_bytes - library) / (whole.stored_bytes - library) < 0.30
    assert np.abs(abundances(small.model, pixels) - abundances(model, pixels)).mean() < 0.01


def test_float16_takes_half_and_changes_less(model, pixels):
    library = spectra_bytes(model)
    share = (half_precision(model).stored_bytes - library) / (unchanged(model).stored_bytes - library)
    assert share == pytest.approx(0.5, abs=0.01)
    before = abundances(model, pixels)
    changes = [np.abs(abundances(way(model).model, pixels) - before).mean() for way in (half_precision, eight_bits)]
    assert changes[0] < changes[1]


def test_pruning_keeps_the_largest_weights_of_each_large_tensor(model):
    small = pruned(model, 0.75)
    before, after = (one.encoder.hidden.weight.flatten() for one in (model, small.model))
    kept = after != 0
    assert int(kept.sum()) == pytest.approx(0.25 * kept.numel(), abs=1)
    assert bool((after[kept] == before[kept]).all())
    assert float(before[~kept].abs().max()) <= float(before[kept].abs().min())
    assert torch.equal(small.model.encoder.stem.bias, model.encoder.stem.bias), "small tensors stay"
    assert small.stored_bytes < 0.5 * unchanged(model).stored_bytes


def test_nothing_left_out_changes_nothing(model, pixels):
    before = abundances(model, pixels)
    np.testing.assert_array_equal(abundances(pruned(model, 0.0).model, pixels), before)
    np.testing.assert_allclose(abundances(narrowed(model, 0.0).model, pixels), before, atol=1e-5)


def test_neurons_that_do_nothing_are_left_out_first(model, pixels):
    import copy

    silent = copy.deepcopy(model)
    count = len(silent.encoder.hidden.bias)
    silent.encoder.last.weight[:, : count // 2] = 0.0
    small = narrowed(silent, 0.5)
    assert small.model.encoder.hidden.weight.shape[0] == count - count // 2
    np.testing.assert_allclose(abundances(small.model, pixels), abundances(silent, pixels), atol=1e-5)
    assert small.kept < unchanged(silent).kept


def test_the_model_itself_stays_as_it_is(model):
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for way in variants().values():
        way(model)
    after = model.state_dict()
    assert all(torch.equal(torch.nan_to_num(after[name]), torch.nan_to_num(tensor)) for name, tensor in before.items())


@pytest.mark.parametrize("share", [1.0, -0.1])
def test_a_share_that_cannot_be_left_out_is_refused(model, share):
    with pytest.raises(UnmixingError, match="cannot be left out"):
        pruned(model, share)
