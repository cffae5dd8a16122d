import numpy as np
import pytest
import torch

from unmixing.augment import apply_parameters, augment
from unmixing.errors import UnmixingError
from unmixing.metrics import spectral_angle
from unmixing.purity import pure_shares, purity_rows

RATIOS = ("volume_ratio", "volume_ratio_together", "volume_ratio_vca")
NAMES = ["soil", "tree", "water"]
PURE = np.array(
    [
        np.linspace(0.2, 0.9, 12),
        0.1 + 0.5 / (1 + np.exp(6 - np.arange(12))),
        np.linspace(0.5, 0.05, 12) ** 2,
    ]
)


@pytest.fixture(scope="module")
def scene():
    """Three materials in stripes with mixed borders, and one pure pixel of the third far from its stripe."""
    place = np.arange(40)
    shares = np.stack([np.clip((13.5 - place) / 3, 0, 1), np.clip((place - 26.5) / 3, 0, 1)], axis=1)
    shares = np.concatenate([shares, 1 - shares.sum(axis=1, keepdims=True)], axis=1)
    abundances = np.repeat(shares[None], 30, axis=0)[..., [0, 2, 1]]
    abundances[:, 27:] = 0.5 * abundances[:, 27:] + [0.25, 0.25, 0]
    abundances[20, 35] = [0, 0, 1]
    return abundances @ PURE


def as_images(cube, count):
    return torch.from_numpy(cube).permute(2, 0, 1)[None].expand(count, -1, -1, -1)


def as_pixels(images):
    return images.permute(0, 2, 3, 1).flatten(1, 2).numpy()


def rows_of(cube, treatment, seed=0):
    done, _ = augment(as_images(cube, 4), treatment, np.random.default_rng(seed))
    return rows_of_images(cube, treatment, done)


def rows_of_images(cube, treatment, images):
    pixels = cube.reshape(-1, cube.shape[-1])
    return purity_rows(treatment, as_pixels(images), pixels, PURE, NAMES, np.random.default_rng(0))


def test_the_pure_share_counts_pixels_within_the_angle():
    def at(*angles):
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)

    references = at(0, 1)
    pixels = at(0, 0.029, 0.031, 0.5, 0.969, 0.971, 1.029, 1.5) * np.arange(1, 9)[:, None]
    assert pure_shares(pixels, references).sum() == 4 / 8
    np.testing.assert_array_equal(pure_shares(pixels, references), [2 / 8, 2 / 8])
    assert pure_shares(pixels, references, angle=0.6).sum() == 1


def test_the_pure_share_agrees_with_the_spectral_angle_over_many_parts():
    rng = np.random.default_rng(0)
    pixels = (PURE[rng.integers(3, size=25_000)] + 0.02 * rng.random((25_000, 12))).astype(np.float32)
    angles = spectral_angle(pixels[:, None], PURE[None])
    assert 0.2 < pure_shares(pixels, PURE).sum() < 0.8
    assert pure_shares(pixels, PURE).sum() == pytest.approx((angles.min(axis=1) < 0.03).mean(), abs=1e-9)


def test_a_pixel_near_two_references_counts_once():
    references = PURE[0] * np.linspace(1, 1.01, 12) ** np.arange(2)[:, None]
    assert spectral_angle(references[0], references[1]) < 0.03
    assert pure_shares(references[:1], references).sum() == 1
    np.testing.assert_array_equal(pure_shares(references, references), [0.5, 0.5])


def test_a_black_pixel_is_not_pure():
    assert pure_shares(np.vstack([np.zeros(12), PURE[0]]), PURE).sum() == 0.5


@pytest.mark.parametrize("treatment", ["control_identity", "flip_random"])
def test_copies_and_flips_lose_nothing(scene, treatment):
    rows = rows_of(scene, treatment)
    assert [row["name"] for row in rows] == NAMES
    for row in rows:
        assert row["treatment"] == treatment
        assert row["pure_share"] == pytest.approx(row["pure_share_scene"])
        assert [row[ratio] for ratio in RATIOS] == pytest.approx([1, 1, 1])


@pytest.mark.parametrize("treatment", ["blur_1", "blur_2", "crop_50", "crop_75", "crop_95", "crop_blur"])
@pytest.mark.parametrize("seed", [0, 1])
def test_blur_and_crop_never_gain_volume(scene, treatment, seed):
    row = rows_of(scene, treatment, seed=seed)[0]
    assert 0 < row["volume_ratio"] < 1
    assert row["volume_ratio"] <= row["volume_ratio_together"] <= 1 + 1e-9
    assert row["volume_ratio_vca"] <= 1 + 1e-9


def test_a_single_pure_pixel_is_blurred_away(scene):
    alone = scene.copy()
    alone[:, 14:27] = 0.5 * alone[:, 14:27] + 0.25 * (PURE[0] + PURE[1])
    alone[20, 35] = PURE[2]
    blurred = apply_parameters(as_images(alone, 1), [{"blur_sigma": 1.0, "blur_kernel": 7, "blur_padding": "reflect"}])
    rows = rows_of_images(alone, "blur_1", blurred)
    assert rows[2]["pure_share_scene"] == 1 / 1200
    assert rows[2]["pure_share"] == 0
    assert rows[0]["volume_ratio"] < 0.9


def test_shares_add_up(scene):
    rows = rows_of(scene, "blur_2")
    for when in ("", "_scene"):
        total = [row[f"pure_share_total{when}"] for row in rows]
        assert total == pytest.approx([sum(row[f"pure_share{when}"] for row in rows)] * 3)
        assert 0 < total[0] < 1


def test_a_gain_turns_no_spectrum_but_changes_the_volume(scene):
    images = apply_parameters(as_images(scene, 2), [{"alpha": 0.8}, {"alpha": 1.2}])
    rows = rows_of_images(scene, "jitter", images)
    assert rows[0]["pure_share_total"] == pytest.approx(rows[0]["pure_share_total_scene"])
    assert rows[0]["volume_ratio"] == pytest.approx((0.8**2 + 1.2**2) / 2)


def test_zero_padding_adds_black_as_a_vertex(scene):
    drawn = [{"blur_sigma": 2.0, "blur_kernel": 7, "blur_padding": padding} for padding in ("zero", "reflect")]
    zero, reflect = (rows_of_images(scene, "blur_2", apply_parameters(as_images(scene, 1), [one]))[0] for one in drawn)
    assert zero["volume_ratio"] > reflect["volume_ratio"] * 1.05


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: pure_shares(np.empty((0, 12)), PURE), "no pixels"),
        (lambda: pure_shares(PURE, PURE, angle=2), "angle of a pure pixel is 2 rad"),
        (lambda: pure_shares(PURE[:, :5], PURE), "5 bands and endmembers 12"),
        (lambda: purity_rows("blur_1", PURE, PURE, PURE, NAMES, np.random.default_rng(0)), "images have shape"),
        (lambda: purity_rows("blur_1", PURE[None], PURE, PURE, ["soil"], np.random.default_rng(0)), "1 names and 3"),
    ],
)
def test_faults_are_one_line(call, words):
    with pytest.raises(UnmixingError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
