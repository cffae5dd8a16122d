"""Baselines over a made library: exact where the model holds, honest where it cannot hold."""

import itertools

import numpy as np
import pandas as pd
import pytest

from unmixing.classical.abundances import nnls
from unmixing.errors import UnmixingError
from unmixing.semantic.baselines import BASELINES, nearest_by_angle, summed
from unmixing.semantic.concepts import Concept
from unmixing.semantic.library import COLUMNS, COMMON_GRID, Library
from unmixing.semantic.library_search import best_combination
from unmixing.semantic.ontology import build_ontology
from unmixing.semantic.scene_library import scene_library, spread_spectra

NAMES = ("soil", "plant", "lake")
#: A parent whose children have no spectra of their own, beside the three.
ONTOLOGY = build_ontology(
    [
        *(Concept(id=name, prompt=name) for name in NAMES),
        Concept(id="red_soil", prompt="red soil", parent="soil"),
        Concept(id="blue_soil", prompt="blue soil", parent="soil"),
        Concept(id="ghost", prompt="ghost"),
    ]
)
AXIS = np.linspace(450.0, 2400.0, 50)


def curves(centre, count=4, seed=0):
    """Smooth spectra around one bump, each a little different."""
    rng = np.random.default_rng(seed)
    shift, width = rng.normal(0, 15, count), rng.normal(300, 20, count)
    return 0.05 + 0.5 * np.exp(-(((COMMON_GRID - centre - shift[:, None]) / width[:, None]) ** 2))


def made_library(count=4, gap=False):
    spectra = np.concatenate([curves(centre, count, seed) for seed, centre in enumerate((700, 1300, 2000))])
    if gap:
        spectra[:, (COMMON_GRID > 1340) & (COMMON_GRID < 1470)] = np.nan
    rows = pd.DataFrame(
        {
            "record": [f"made:{row}" for row in range(3 * count)],
            "source": "made",
            "row": np.arange(3 * count),
            "concept": np.repeat(NAMES, count),
            "site": "",
            "specimen": [f"s{row}" for row in range(3 * count)],
            "measured": True,
        }
    )
    return Library(rows.reindex(columns=list(COLUMNS)), {"made": spectra.astype(np.float32)}, {"made": COMMON_GRID}, ())


@pytest.fixture(scope="module")
def library():
    return scene_library(made_library(), ONTOLOGY, NAMES, AXIS)


def mixtures(endmembers, count=60, seed=3):
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(len(endmembers), 0.7), count)
    return shares, shares @ endmembers


def test_mixtures_of_the_class_means_are_recovered(library):
    shares, pixels = mixtures(library.means)
    for name in ("class_mean_fcls", "class_mean_scls"):
        assert np.abs(BASELINES[name].solve(pixels, library) - shares).max() < 1e-6, name


def test_darker_pixels_mislead_fcls_and_not_scls(library):
    shares, pixels = mixtures(library.means)
    dark = 0.5 * pixels
    assert np.abs(BASELINES["class_mean_scls"].solve(dark, library) - shares).max() < 1e-6
    assert np.sqrt(np.mean((BASELINES["class_mean_fcls"].solve(dark, library) - shares) ** 2)) > 0.02


def test_products_are_told_from_the_materials_they_came_from(library):
    shares, pixels = mixtures(library.means)
    products = shares[:, [0]] * shares[:, [1]] * library.means[0] * library.means[1]
    found = BASELINES["class_mean_bilinear"].solve(0.7 * (pixels + products), library)
    assert np.abs(found - shares).max() < 1e-6, "a gain changes nothing"
    assert np.abs(BASELINES["class_mean_scls"].solve(pixels + products, library) - shares).max() > 1e-3


def test_every_baseline_stays_on_the_simplex(library):
    pixels = np.random.default_rng(0).uniform(0, 1, (20, AXIS.size))
    for name, baseline in BASELINES.items():
        shares = baseline.solve(pixels, library)
        assert shares.shape == (20, 3), name
        assert shares.min() >= 0, name
        np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-9, err_msg=name)


def test_methods_over_the_library_find_single_spectra_that_no_mean_is(library):
    rng = np.random.default_rng(5)
    first, second = np.flatnonzero(library.owner == 0)[-1], np.flatnonzero(library.owner == 2)[0]
    share = rng.uniform(0.2, 0.8, 30)
    pixels = share[:, None] * library.spectra[first] + (1 - share)[:, None] * library.spectra[second]
    truth = np.column_stack([share, np.zeros(30), 1 - share])
    errors = {name: np.abs(baseline.solve(pixels, library) - truth).max(axis=1) for name, baseline in BASELINES.items()}
    assert (errors["best_of_library"] < 1e-6).mean() > 0.9
    assert errors["sunsal_library"].max() < 0.05
    assert errors["class_mean_scls"].min() > 1e-4
    absent = BASELINES["best_of_library"].solve(pixels, library)[:, 1]
    assert (absent == 0).mean() > 0.9, "a material that is not needed gets nothing"


def test_the_search_is_nearly_as_good_as_all_combinations():
    rng = np.random.default_rng(2)
    spectra = np.concatenate([curves(centre, 3, seed) for seed, centre in enumerate((700, 1100, 1700))])[:, ::6]
    owner = np.repeat([0, 1, 2], 3)
    pixels = rng.dirichlet([1, 1, 1], 40) @ spectra[[1, 4, 8]] + rng.normal(0, 0.003, (40, spectra.shape[1]))
    found = best_combination(pixels, spectra, owner, least_gain=0.0)
    choices = [spectra[list(choice)] for choice in itertools.product(range(3), range(3, 6), range(6, 9))]
    best = np.min([np.linalg.norm(pixels - nnls(pixels, members) @ members, axis=1) for members in choices], axis=0)
    reached = np.min([np.linalg.norm(pixels - found @ members, axis=1) for members in choices], axis=0)
    assert (reached < 1.02 * best).mean() > 0.9
    assert reached.max() < 1.5 * best.max()


def test_a_threshold_leaves_out_what_explains_little(library):
    pixels = 0.998 * library.spectra[:1] + 0.002 * library.spectra[-1:]
    assert (best_combination(pixels, library.spectra, library.owner) > 0).sum() == 1
    assert (best_combination(pixels, library.spectra, library.owner, least_gain=0.0) > 0).sum() > 1
    assert not best_combination(np.zeros((1, AXIS.size)), library.spectra, library.owner).any()


def test_prompts_without_spectra_share_what_stands_for_them():
    library = scene_library(made_library(), ONTOLOGY, ["red_soil", "plant", "blue_soil"], AXIS)
    assert library.concepts == ("soil", "plant")
    assert library.stand_ins == (("red_soil", "soil"), ("blue_soil", "soil"))
    shares = BASELINES["class_mean_scls"].solve(library.means, library)
    np.testing.assert_allclose(shares, [[0.5, 0, 0.5], [0, 1, 0]], atol=1e-9)
    assert library.maxima.shape == (3,)
    assert library.maxima[0] == library.maxima[2]


def test_a_prompt_that_nothing_stands_for_is_refused():
    with pytest.raises(UnmixingError, match="no library at hand has a spectrum of 'ghost'"):
        scene_library(made_library(), ONTOLOGY, ["soil", "ghost"], AXIS)


def test_bands_that_the_library_lacks_are_not_used():
    library = scene_library(made_library(gap=True), ONTOLOGY, NAMES, AXIS)
    inside = (AXIS > 1350) & (AXIS < 1460)
    assert not library.bands[inside].any()
    assert library.bands[~inside].mean() > 0.9
    shares, pixels = mixtures(library.means)
    whole = np.full((len(pixels), AXIS.size), np.nan)
    whole[:, library.bands] = pixels
    assert np.abs(BASELINES["class_mean_scls"].solve(whole, library) - shares).max() < 1e-6, "NaN there does no harm"


def test_pixels_of_another_scene_are_refused(library):
    with pytest.raises(UnmixingError, match="do not fit a library on 50 bands"):
        BASELINES["class_mean_scls"].solve(np.ones((2, 49)), library)


def test_spectra_that_stand_for_a_concept_are_spread_out():
    angles = np.linspace(0, 1, 21)
    spectra = np.column_stack([np.cos(angles), np.sin(angles)])
    chosen = spread_spectra(spectra, spectra[10], 3)
    assert chosen[0] == 10
    assert set(chosen[1:]) == {0, 20}
    assert len(spread_spectra(spectra, spectra[10], 50)) == 21


def test_labels_and_sums():
    assert summed([[0.1, 0.2, 0.3]], [0, 1, 0], 2).tolist() == [[0.4, 0.2]]
    np.testing.assert_array_equal(nearest_by_angle([[5.0, 1.0], [0.1, 0.2]], [[1, 0], [0, 9]]), [[1, 0], [0, 1]])
