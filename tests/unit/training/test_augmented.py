from dataclasses import replace

import numpy as np
import pytest

from unmixing.protocol.augmentation import PROTOCOLS
from unmixing.protocol.baseline import PROTOCOLS as BASELINE
from unmixing.seeds import STREAM_NAMES, run_streams
from unmixing.training import augmented
from unmixing.training.augmented import SweepArm, _Sampler, train_augmented
from unmixing.training.fitting import fit
from unmixing.training.reconstruction import Schedule, train

FIELDS = PROTOCOLS["described"].training()
RELEASED = PROTOCOLS["released"].training()
SCHEDULE = Schedule(epochs=3, patches=6, patch_size=8, batch_size=4, learning_rate=0.003)
ARM = SweepArm("crop_blur", "dynamic_unseeded", images=4, image_sets=0, initialisations=0)
FIXED = replace(ARM, regime="fixed_unseeded", image_sets=2)
SEEDED = replace(ARM, regime="fixed_seeded", image_sets=2, initialisations=3)


@pytest.fixture(scope="module")
def cube():
    spectra = np.array([np.linspace(1, 0.1, 12), np.linspace(0.1, 1, 12) ** 2])
    share = np.random.default_rng(0).random((18, 20, 1))
    return (share * spectra[0] + (1 - share) * spectra[1]).astype(np.float32)


def estimate(cube, tmp_path, arm=ARM, run=0, fields=FIELDS, schedule=SCHEDULE):
    streams = arm.streams(5, "made", run, fields)
    return train_augmented(cube, 2, schedule, fields, arm, streams, tmp_path)


def shared(first, second):
    return {name for name in STREAM_NAMES if first.record()[name] == second.record()[name]}


def test_a_run_of_every_arm_shares_all_streams_but_the_images():
    for treatment in ("blur_1", "control_identity"):
        other = replace(ARM, treatment=treatment).streams(5, "made", 3, FIELDS)
        assert shared(ARM.streams(5, "made", 3, FIELDS), other) == set(STREAM_NAMES) - {"augmentation"}


def test_regimes_share_what_table_4_says():
    def streams(arm, run):
        return arm.streams(5, "made", run, FIELDS)

    assert shared(streams(ARM, 0), streams(ARM, 2)) == set()
    assert shared(streams(ARM, 1), streams(FIXED, 1)) == set(), "regimes are blocks of independent runs"
    assert shared(streams(FIXED, 0), streams(FIXED, 2)) == {"augmentation"}
    assert shared(streams(FIXED, 0), streams(FIXED, 1)) == set(), "two sets of images"
    assert shared(streams(SEEDED, 0), streams(SEEDED, 6)) == {"augmentation", "initialisation"}
    assert shared(streams(SEEDED, 0), streams(SEEDED, 3)) == {"initialisation"}
    assert shared(streams(SEEDED, 1), streams(FIXED, 1)) == {"augmentation"}, "the same images in both fixed regimes"


def test_released_shares_one_set_of_weights_in_all_regimes():
    first, second = ARM.streams(5, "made", 0, RELEASED), SEEDED.streams(5, "made", 4, RELEASED)
    assert shared(first, second) >= {"initialisation"}


def test_a_run_repeats_bit_for_bit_and_another_treatment_differs(cube, tmp_path):
    first, second = estimate(cube, tmp_path), estimate(cube, tmp_path)
    np.testing.assert_array_equal(first.endmembers, second.endmembers)
    other = estimate(cube, tmp_path, replace(ARM, treatment="flip_vertical"))
    assert not np.array_equal(first.losses, other.losses)
    assert first.abundances.shape == (18, 20, 2), "of the scene, not of an image"


def test_every_arm_makes_as_many_updates_as_the_baseline(cube, tmp_path):
    for treatment in ("control_baseline", "control_identity", "blur_2"):
        assert estimate(cube, tmp_path, replace(ARM, treatment=treatment)).updates == 3 * 2
    grid = {**FIELDS, "patches": "corner_grid"}
    # Four images of four patches each: four batches an epoch, and the same six updates.
    assert estimate(cube, tmp_path, fields=grid).updates == 6


def test_released_stops_early_and_uses_adam(cube, tmp_path, monkeypatch):
    seen = []

    def watched(*given):
        seen.append(given[3])
        return fit(*given)

    monkeypatch.setattr(augmented, "fit", watched)
    estimate(cube, tmp_path, fields=RELEASED)
    (optimisation,) = seen
    assert (optimisation.optimiser, optimisation.learning_rate, optimisation.patience) == ("adam", 0.001, 10)
    assert optimisation.accumulation == 1, "ten images or fewer: every batch is an update"
    estimate(cube, tmp_path, replace(ARM, images=12), fields=RELEASED)
    assert seen[1].accumulation == 2


def test_undoing_a_gain_leaves_the_loss_as_it_is(cube, tmp_path):
    # The angle does not see a gain, so multiplying the abundances by it changes rounding alone (audit item B5).
    jitter = replace(ARM, treatment="jitter")
    gain = {**FIELDS, "jitter": "gain"}
    plain = estimate(cube, tmp_path, jitter, fields=gain)
    undone = estimate(cube, tmp_path, jitter, fields={**gain, "undo_jitter": True})
    np.testing.assert_allclose(plain.losses, undone.losses, rtol=1e-3)


def sampler(images, **fields):
    streams = ARM.streams(5, "made", 0, FIELDS)
    return _Sampler(SCHEDULE, {**FIELDS, **fields}, images, (18, 20), streams)


def test_random_patches_are_drawn_anew_over_all_images():
    known = sampler(50)
    epochs = [np.concatenate([chosen for chosen, _ in known.epoch()]) for _ in range(2)]
    assert not np.array_equal(*epochs)
    many = np.concatenate([chosen for _ in range(3) for chosen, _ in sampler(3).epoch()])
    assert set(many) <= {0, 1, 2}


def test_the_released_order_of_ten_images_never_changes():
    known = sampler(4, patches="corner_grid", shuffle="only_90")
    chosen = np.concatenate([chosen for chosen, _ in known.epoch()])
    assert chosen.tolist() == sorted(chosen.tolist())
    shuffled = np.concatenate([chosen for chosen, _ in sampler(12, patches="corner_grid", shuffle="only_90").epoch()])
    assert shuffled.tolist() != sorted(shuffled.tolist())


def test_patches_of_the_released_sweep_are_shuffled_within_chunks(monkeypatch):
    monkeypatch.setattr(augmented, "CHUNK", 8)
    known = sampler(12, patches="corner_grid", recipe="sweep")
    chosen = np.concatenate([chosen for chosen, _ in known.epoch()])
    assert [set(chosen[start : start + 8]) for start in range(0, 48, 8)] == [{i, i + 1} for i in range(0, 12, 2)]


def test_records_keep_the_factors_and_what_was_drawn():
    record = augmented.arm_record(SEEDED, 4, FIELDS, [{"flip": "both"}])
    assert (record["image_set"], record["initialisation"], record["stream"]) == (0, 1 * 3 + 2, 4 * 3 + 2)
    assert record["drawn"] == [{"flip": "both"}]
    assert augmented.arm_record(ARM, 4, FIELDS, [])["image_set"] == -1


def test_control_baseline_is_the_baseline_of_the_same_streams(cube, tmp_path):
    control = estimate(cube, tmp_path, replace(ARM, treatment="control_baseline"), run=2)
    plain = train(cube, 2, SCHEDULE, BASELINE["described"].training(), run_streams(5, "made", ARM.stream(2)))
    np.testing.assert_array_equal(control.endmembers, plain.endmembers)
