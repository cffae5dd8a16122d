import numpy as np
import pytest
import torch

from unmixing.models import CNNAEU
from unmixing.seeds import STREAM_NAMES, run_streams, seed_sequence, torch_generator, torch_seed


def weights(entropy, scene, run, **options):
    streams = run_streams(entropy, scene, run, **options)
    return CNNAEU(5, 2, initialisation=torch_generator(streams.initialisation)).decoder.weight


def test_same_stream_gives_identical_weights():
    assert torch.equal(weights(7, "samson", 3), weights(7, "samson", 3))


@pytest.mark.parametrize("other", [(8, "samson", 3), (7, "cuprite", 3), (7, "samson", 4)])
def test_different_streams_give_different_weights(other):
    assert not torch.equal(weights(7, "samson", 3), weights(*other))


def test_seed_zero_is_a_seed_like_any_other():
    assert torch.equal(weights(0, "samson", 0), weights(0, "samson", 0))
    assert not torch.equal(weights(0, "samson", 0), weights(1, "samson", 0))
    generator = torch.Generator().manual_seed(0)
    assert not torch.equal(weights(0, "samson", 0), CNNAEU(5, 2, initialisation=generator).decoder.weight)


def test_streams_of_a_run_are_independent():
    record = run_streams(0, "samson", 0).record()
    assert list(record) == list(STREAM_NAMES)
    assert len(set(record.values())) == len(STREAM_NAMES)


def test_common_random_numbers_only_augmentation_knows_the_treatment():
    plain = run_streams(5, "samson", 2).record()
    treated = run_streams(5, "samson", 2, augmentation=("blur_1", "dynamic")).record()
    assert {name for name in STREAM_NAMES if plain[name] != treated[name]} == {"augmentation"}


def test_a_shared_set_of_initial_weights_shares_the_weights_and_nothing_else():
    first, second = (run_streams(5, "samson", run, initialisation=0).record() for run in (0, 9))
    assert {name for name in STREAM_NAMES if first[name] == second[name]} == {"initialisation"}


def test_runs_of_one_image_set_see_the_same_images():
    first, second = (run_streams(5, "samson", run, augmentation=("blur_1", 0)).record() for run in (0, 9))
    assert {name for name in STREAM_NAMES if first[name] == second[name]} == {"augmentation"}


def test_path_of_names_is_unambiguous():
    words = {
        tuple(seed_sequence(1, *path).generate_state(4))
        for path in [("a", "b"), ("a/b",), ("ab",), ("a", 1), ("a", "1")]
    }
    assert len(words) == 5


def test_seeds_fit_every_torch_generator():
    seeds = [torch_seed(seed_sequence(entropy, "x")) for entropy in range(200)]
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert max(seeds) > 2**61, "the upper bits are used"


def test_streams_do_not_depend_on_the_platform_or_version():
    # Recorded once: if this changes, every stored run of every user changes its meaning.
    assert run_streams(20250214, "samson", 0).record()["initialisation"] == EXPECTED
    np.testing.assert_array_equal(np.random.default_rng(run_streams(0, "samson", 0).patches).integers(0, 100, 4), DRAWS)


EXPECTED = 583653870391513508
DRAWS = [74, 0, 41, 97]
