"""Extraction, factorisation and reference rows on mixtures whose endmembers are known, and on real scenes."""

import itertools

import numpy as np
import pytest
from scipy import io

from unmixing import classical
from unmixing.errors import UnmixingError

BANDS = 40


def spectra(k, seed=0):
    """Smooth positive spectra of different brightness, linearly independent."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(size=(k, BANDS)).cumsum(axis=1)
    return 0.05 + 0.1 * np.arange(1, k + 1)[:, None] * (1 + np.tanh(steps / 3))


def mixtures(k, n=300, seed=1, pure=True):
    """Exactly linear pixels without noise; the first k are pure."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(k, 0.5), size=n)
    shares[shares < 0.02] = 0
    shares /= shares.sum(axis=1, keepdims=True)
    if pure:
        shares[:k] = np.eye(k)
    return shares


def angles(estimated, reference):
    """Smallest sum of angles over all assignments, by trying every one."""
    unit = [e / np.linalg.norm(e, axis=1, keepdims=True) for e in (estimated, reference)]
    table = np.arccos(np.clip(unit[1] @ unit[0].T, -1, 1))
    k = len(reference)
    return min(
        (table[np.arange(k), list(order)] for order in itertools.permutations(range(k))),
        key=lambda values: values.sum(),
    )


# --- extraction -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [2, 3, 6])
@pytest.mark.parametrize("noise", [0.0, 1e-4])
def test_vca_finds_pure_pixels(k, noise):
    pure = spectra(k)
    shares = mixtures(k)
    pixels = shares @ pure + noise * np.random.default_rng(5).normal(size=(300, BANDS))
    for seed in range(3):
        # Some further pixels are pure by chance, so the material counts and not the row.
        indices = classical.vca_indices(pixels, k, np.random.default_rng(seed))
        assert set(shares[indices].argmax(axis=1)) == set(range(k))
        assert shares[indices].max(axis=1) == pytest.approx(1)
        found = classical.vca(pixels, k, np.random.default_rng(seed))
        assert angles(found, pure).max() < (1e-6 if noise == 0 else 5e-3)


def test_vca_finds_vertices_in_strong_noise():
    # Below the threshold of 15 + 10 log10(k) dB the affine projection is used.
    rng = np.random.default_rng(0)
    pure = np.kron(np.eye(3), np.ones(60)) + 0.3
    shares = np.vstack([np.repeat(np.eye(3), 30, axis=0), mixtures(3)])
    pixels = shares @ pure + 0.35 * rng.normal(size=(len(shares), 180))
    assert angles(classical.vca(pixels, 3, rng), pure).max() < 0.25


def test_vca_does_not_see_brightness():
    pure = spectra(3)
    gain = np.random.default_rng(0).uniform(0.3, 1.5, size=(300, 1))
    found = classical.vca(gain * (mixtures(3) @ pure), 3, np.random.default_rng(0))
    assert angles(found, pure).max() < 1e-6


def test_vca_ignores_black_pixels():
    pure = spectra(3)
    pixels = np.vstack([mixtures(3) @ pure, np.zeros((5, BANDS))])
    found = classical.vca_indices(pixels, 3, np.random.default_rng(0))
    assert set(found) == {0, 1, 2}


def test_vca_repeats_with_its_stream():
    pixels = mixtures(4, pure=False) @ spectra(4)
    runs = [classical.vca(pixels, 4, np.random.default_rng(seed)) for seed in (7, 7)]
    assert (runs[0] == runs[1]).all()


@pytest.mark.parametrize("refine", [True, False])
@pytest.mark.parametrize("k", [1, 2, 3, 6])
def test_sivm_finds_pure_pixels(k, refine):
    pixels = mixtures(k) @ spectra(k)
    found = classical.sivm_indices(pixels, k, refine=refine)
    if k == 1:
        assert len(found) == 1
    else:
        assert set(found) == set(range(k))
    assert (classical.sivm(pixels, k, refine=refine) == pixels[found]).all()


def test_exchange_never_makes_the_simplex_smaller():
    pixels = np.random.default_rng(0).normal(size=(400, 3))

    def volume(found):
        return abs(np.linalg.det(pixels[found[1:]] - pixels[found[0]]))

    grown = classical.sivm_indices(pixels, 4, refine=False)
    refined = classical.sivm_indices(pixels, 4)
    assert volume(refined) > volume(grown)
    # No single exchange makes it larger.
    best = max(volume(np.r_[np.delete(refined, place), other]) for place in range(4) for other in range(len(pixels)))
    assert best <= volume(refined) * (1 + 1e-9)


@pytest.mark.parametrize(("k", "limit"), [(0, 12), (13, 12), (41, 40)])
def test_impossible_numbers_of_endmembers_are_refused(k, limit):
    pixels = mixtures(3, 12 if limit == 12 else 300) @ spectra(3)
    with pytest.raises(UnmixingError, match=f"ask for 1 to {limit}"):
        classical.vca(pixels, k, np.random.default_rng(0))


# --- factorisation ----------------------------------------------------------------------------------------


def test_nmf_reproduces_the_pixels_and_keeps_pure_ones():
    shares, pure = mixtures(3), spectra(3)
    endmembers, abundances = classical.nmf(shares @ pure, 3, np.random.default_rng(0))
    assert np.abs(abundances @ endmembers - shares @ pure).max() < 1e-6
    assert angles(endmembers, pure).max() < 1e-4


def test_nmf_lowers_the_residual_of_its_start():
    pixels = mixtures(4, pure=False) @ spectra(4)
    pixels += 0.02 * np.abs(np.random.default_rng(0).normal(size=pixels.shape))
    start = classical.vca(pixels, 4, np.random.default_rng(0))
    before = np.linalg.norm(pixels - classical.nnls(pixels, start) @ start)
    endmembers, abundances = classical.nmf(pixels, 4, np.random.default_rng(0))
    assert min(endmembers.min(), abundances.min()) >= 0
    assert np.linalg.norm(pixels - abundances @ endmembers) < 0.97 * before


def test_volume_draws_the_endmembers_together():
    pixels = mixtures(3) @ spectra(3)
    spreads = []
    for weight in (1e-4, 1e-2, 1.0):
        endmembers, abundances = classical.nmf(pixels, 3, np.random.default_rng(0), volume=weight)
        assert np.abs(abundances.sum(axis=1) - 1).max() < 1e-12
        spreads.append(((endmembers - endmembers.mean(axis=0)) ** 2).sum())
    assert spreads[0] > spreads[1] > spreads[2]
    # In the limit all are the mean pixel.
    alike, _ = classical.nmf(pixels, 3, np.random.default_rng(0), volume=1e6)
    assert alike == pytest.approx(np.tile(pixels.mean(axis=0), (3, 1)), rel=1e-2)


def test_nmf_refuses_what_it_cannot_factorise():
    rng = np.random.default_rng(0)
    with pytest.raises(UnmixingError, match="nothing to factorise"):
        classical.nmf(-np.ones((9, 5)), 2, rng)
    with pytest.raises(UnmixingError, match="volume of nmf is -1"):
        classical.nmf(np.ones((9, 5)), 2, rng, volume=-1)


# --- rows of reference ------------------------------------------------------------------------------------


def test_chance_draws_different_pixels_of_the_scene():
    pixels = np.vstack([mixtures(3) @ spectra(3), np.zeros((400, BANDS))])
    drawn = classical.chance(pixels, 3, np.random.default_rng(0), draws=50)
    assert drawn.shape == (50, 3, BANDS)
    assert drawn.any(axis=2).all()
    known = {pixel.tobytes() for pixel in pixels}
    for draw in drawn:
        assert len({pixel.tobytes() for pixel in draw} & known) == 3


def test_mean_of_references_has_the_known_angle():
    # The mean of two orthogonal spectra is 45 degrees from both, whatever their brightness.
    answer = classical.mean_of_references([[3.0, 0.0], [0.0, 0.1]])
    assert angles(answer, np.eye(2)) == pytest.approx([np.pi / 4] * 2)


def test_attainable_floor_is_the_mean_of_nearly_pure_pixels():
    pixels = np.array([[1.0, 0], [3.0, 2], [9.0, 9]])
    shares = np.array([[0.96, 0.04], [0.97, 0.03], [0.5, 0.5]])
    floor = classical.attainable_floor(pixels, shares)
    assert floor[0] == pytest.approx([2, 1])
    assert np.isnan(floor[1]).all()
    with pytest.raises(UnmixingError, match="one row for each pixel"):
        classical.attainable_floor(pixels, shares[:2])


def test_oracle_is_the_references():
    pure = spectra(3)
    assert (classical.oracle(np.ones((2, BANDS)), pure) == pure).all()


# --- real scenes: figures that the reports state -----------------------------------------------------------


def real_scene(folder, name):
    """Pixels, reference endmembers and reference abundances; the file's maps are transposed to its cube."""
    content = io.loadmat(folder / name)
    maps = content["S_GT"].transpose(1, 0, 2)
    return content["Y"].T / content["Y"].max(), content["GT"], maps.reshape(-1, maps.shape[2])


@pytest.mark.parametrize(
    ("name", "error", "floor"), [("Samson.mat", 0.0020, 0.022), ("JasperRidge.mat", 0.0049, 0.038)]
)
def test_reference_abundances_are_scls_with_unit_maxima(scenes_folder, name, error, floor):
    pixels, references, abundances = real_scene(scenes_folder, name)
    again = classical.scls(pixels, classical.unit_maximum(references))
    assert np.sqrt(((again - abundances) ** 2).mean()) == pytest.approx(error, abs=1e-4)
    pure = classical.attainable_floor(pixels, abundances)
    assert angles(pure, references).mean() == pytest.approx(floor, abs=5e-4)


def test_the_mean_of_cuprites_references_is_what_the_paper_reports(scenes_folder):
    content = io.loadmat(scenes_folder / "Cuprite12_groundTruth.mat")
    references = content["M"][content["slctBnds"].ravel().astype(int) - 1].T
    answer = classical.mean_of_references(references)
    unit = [e / np.linalg.norm(e, axis=1, keepdims=True) for e in (answer, references)]
    assert np.arccos((unit[0] * unit[1]).sum(axis=1)).mean() == pytest.approx(0.118, abs=5e-4)
