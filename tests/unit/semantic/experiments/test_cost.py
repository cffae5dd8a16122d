"""The experiment on costs: counts that can be checked, and numbers that say how they were had."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from unmixing.errors import UnmixingError
from unmixing.semantic.energy import A100_WATTS
from unmixing.semantic.experiments import cost
from unmixing.semantic.latency import operations, threads, timed
from unmixing.semantic.model import count_parameters, load_default_model
from unmixing.semantic.sources import COMMON_GRID

from .made import write_easy

OPTIONS = {
    "pixels": 144,
    "large_pixels": 2,
    "repeats": 2,
    "threads": [1],
    "pruned": [0.5],
    "text_encoders": ["nothing"],
}


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    path = write_easy(tmp_path_factory.mktemp("scene"), size=12)
    return cost.rows(OPTIONS, {"synthetic_easy": path}, None, 1)


def value(rows, **wanted):
    found = rows[(rows[list(wanted)] == list(wanted.values())).all(axis=1)]
    assert len(found) == 1, wanted
    return found.iloc[0]


def test_every_missing_number_has_a_reason_and_every_number_says_how_it_was_had(rows):
    missing = rows["value"].isna()
    assert (rows.loc[missing, "reason"] != "").all()
    assert (rows.loc[~missing, "how"] != "").all()
    assert rows["machine"].nunique() == 1
    assert "cores" in rows["machine"].iloc[0]
    assert set(rows["part"]) == {
        "parameters", "operations", "latency", "text", "compression", "downlink", "storage", "training",
    }  # fmt: skip


def test_parameters_stand_beside_the_paper_s(rows):
    model = load_default_model()
    counted = value(rows, part="parameters", item="encoder", variant="S, shipped")["value"]
    assert counted == sum(parameter.numel() for parameter in model.encoder.parameters())
    large = value(rows, part="parameters", item="encoder", variant="L")["value"]
    paper = value(rows, part="parameters", item="encoder", variant="paper, about")
    assert abs(large / paper["value"] - 1) < 0.05
    both = value(rows, part="parameters", item="estimator and decoder", variant="L")["value"]
    assert abs(both / cost.PAPER_REST - 1) < 0.05
    assert paper["how"] == "paper"


def test_operations_are_those_of_the_layers():
    model = load_default_model()
    found = operations(model, 4, COMMON_GRID)
    encoder = model.encoder
    last = 2 * sum(layer.weight.numel() for layer in (encoder.hidden, encoder.last))
    given, stem = torch.zeros(1, 3, COMMON_GRID.size), encoder.stem
    lengths = [stem(given).shape[2]]
    for block in encoder.blocks:
        lengths.append((lengths[-1] - 1) // block.first.stride[0] + 1)
    kernels = [stem, *(block.first for block in encoder.blocks)]
    convolutions = 2 * sum(kernel.weight.numel() * length for kernel, length in zip(kernels, lengths, strict=True))
    # The code of the wavelengths passes its layer once for all pixels together, and is no pixel's.
    assert found["encoder"] == last + convolutions
    assert found["decoder"] > 2 * sum(layer.weight.numel() for layer in model.decoder.layers) * COMMON_GRID.size


def test_times_come_with_their_least_and_most_and_number(rows):
    timings = rows[(rows["part"] == "latency") & (rows["measure"] == "seconds")]
    assert (timings["least"] <= timings["value"]).all()
    assert (timings["value"] <= timings["most"]).all()
    assert (timings["n"] == 2).all()
    assert set(timings["threads"]) == {1}
    joules = rows[(rows["part"] == "latency") & (rows["measure"] == "joules")]
    assert joules["how"].str.match("(measured|estimated): ").all()


def test_timing_leaves_the_number_of_threads_as_it_was():
    before = torch.get_num_threads()
    with threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
    done = []
    assert len(timed(lambda: done.append(1), 3).wall_s) == 3
    assert len(done) == 4, "the first is not counted"


def test_an_encoder_that_cannot_be_loaded_has_a_reason(rows):
    told = value(rows, part="text", variant="nothing", measure="seconds")
    assert "text encoder 'nothing' is unknown" in told["reason"]


def test_bytes_sent_are_counted_from_bands_numbers_and_prompts(rows):
    sent = rows[(rows["part"] == "downlink") & (rows["measure"] == "bytes")].set_index("item")["value"]
    assert sent["spectrum, 16 bits"] == 2 * 60
    assert sent["encoder's output, 16 bits"] == 2 * 384
    assert sent["encoder's output, 8 bits"] == 384 + 2
    assert sent["abundances, 8 bits"] == 3
    assert sent["encoder's output of size L, 16 bits"] == 1024
    errors = rows[(rows["part"] == "downlink") & (rows["measure"] == "armse")].set_index("item")["value"]
    assert errors["abundances, 8 bits"] == pytest.approx(errors["spectrum, 16 bits"], abs=2e-3)
    assert errors["encoder's output, 8 bits"] == pytest.approx(errors["encoder's output, 16 bits"], abs=2e-3)


def test_the_first_of_the_smaller_models_is_the_shipped_one(rows):
    smaller = rows[rows["part"] == "compression"]
    changes = smaller[smaller["measure"] == "change"].set_index("variant")["value"]
    assert changes["float32, as shipped"] == 0
    assert (changes.drop("float32, as shipped") >= 0).all()
    sizes = smaller[smaller["measure"] == "bytes"].set_index("variant")["value"]
    assert sizes["int8 weights"] < sizes["float16"] < sizes["float32, as shipped"]
    kept = smaller[smaller["measure"] == "parameters"].set_index("variant")["value"]
    total = sum(count_parameters(load_default_model()).values())
    assert kept["50% of the weights left out"] == pytest.approx(0.5 * total, rel=0.05)


def test_the_errors_are_those_of_the_scene(rows, tmp_path):
    from unmixing.semantic import unmix

    scene = write_easy(tmp_path, size=12)
    found = unmix(scene, ["bare soil", "green vegetation", "burned ground"])
    from unmixing.scenes.dataset import open_scene

    truth = open_scene(scene)["abundances"].to_numpy()
    expected = np.sqrt(np.mean((found["abundances"].to_numpy() - truth) ** 2))
    told = value(rows, part="downlink", item="spectrum, 16 bits", measure="armse")["value"]
    assert told == pytest.approx(float(expected), abs=1e-5)


def test_the_energy_of_the_paper_s_training_is_marked_as_estimated(rows):
    joules = rows[(rows["part"] == "training") & (rows["measure"] == "joules")].set_index("variant")
    paper = joules.loc["paper, one A100"]
    assert paper["value"] == 200 * 3600 * A100_WATTS
    assert paper["how"].startswith("estimated")


def test_a_cost_without_a_scene_is_refused():
    with pytest.raises(UnmixingError, match="give synthetic_easy"):
        cost.rows({}, {}, None, 0)


def test_a_scene_without_reference_abundances_is_not_scored(monkeypatch, tmp_path):
    bare = SimpleNamespace(known=SimpleNamespace(abundances=None))
    monkeypatch.setattr(cost, "read_named_scene", lambda name, path: bare)
    with pytest.raises(UnmixingError, match="no scene with references"):
        cost.rows(OPTIONS, {"dlr_hysu": tmp_path / "dlr_hysu.nc"}, None, 1)
