import numpy as np
import pandas as pd
import pytest

from unmixing.errors import UnmixingError
from unmixing.metrics import spectral_angle
from unmixing.semantic.library import COLUMNS, COMMON_GRID, Library, common_spectra, load_library
from unmixing.semantic.ontology import load_ontology
from unmixing.semantic.splits import (
    DUPLICATE_ANGLE,
    masked_angles,
    nearest_angles,
    split_library,
    transfer_split,
)

SIDES = ["train", "validation", "test"]


def made_library(rows, spectra=None):
    """A library from short rows: (source, concept, site, specimen); spectra far from each other by default."""
    frame = pd.DataFrame(rows, columns=["source", "concept", "site", "specimen"])
    frame["measured"] = ~frame["specimen"].str.startswith("simulated")
    frame["row"] = frame.groupby("source").cumcount()
    frame["record"] = [f"{source}:{row}" for source, row in zip(frame["source"], frame["row"], strict=True)]
    if spectra is None:
        spectra = np.random.default_rng(0).uniform(0.1, 1.0, (len(frame), COMMON_GRID.size))
    by_source = {name: spectra[index].astype(np.float32) for name, index in frame.groupby("source").indices.items()}
    return Library(frame.reindex(columns=list(COLUMNS)), by_source, dict.fromkeys(by_source, COMMON_GRID), ())


@pytest.fixture(scope="module")
def library():
    return load_library(load_ontology(), modelled_water=20)


@pytest.fixture(scope="module")
def split(library):
    return split_library(library, np.random.default_rng(4))


def test_the_same_stream_gives_the_same_split(library, split):
    pd.testing.assert_frame_equal(split, split_library(library, np.random.default_rng(4)))
    other = split_library(library, np.random.default_rng(5))
    assert (other["split"] != split["split"]).mean() > 0.1


def test_concepts_with_five_sites_are_split_by_site_and_others_by_specimen(split):
    kinds = split[split["split"] != "none"].groupby("concept")["split_kind"].unique().map(set)
    assert {name for name, kind in kinds.items() if kind == {"site"}} == {
        "asphalt_road",
        "bare_soil",
        "paint",
        "roof_shingle",
        "sidewalk",
    }
    assert kinds["green_vegetation"] == kinds["water"] == {"simulated"}
    assert kinds["parking_lot"] == kinds["metal"] == kinds["bark"] == {"specimen"}


def test_no_site_is_on_two_sides(library, split):
    by_site = split[split["split_kind"] == "site"]
    sides = by_site["split"].groupby(library.records.loc[by_site.index, "site"]).nunique()
    assert len(sides) > 600
    assert sides.max() == 1


def test_no_specimen_and_no_near_copy_is_on_two_sides(library, split):
    rows = np.flatnonzero(split["split_kind"] == "specimen")
    sides = split["split"].iloc[rows].to_numpy()
    specimens = library.records["specimen"].iloc[rows]
    assert pd.Series(sides).groupby(specimens.to_numpy()).nunique().max() == 1
    spectra = common_spectra(library, rows)
    known = np.isfinite(spectra).all(axis=0)
    concepts = split["concept"].iloc[rows].to_numpy()
    for concept in np.unique(concepts):
        mine = concepts == concept
        for side in np.unique(sides[mine]):
            one, other = spectra[mine & (sides == side)][:, known], spectra[mine & (sides != side)][:, known]
            if len(other):
                assert spectral_angle(one[:, None], other[None]).min() >= DUPLICATE_ANGLE, concept


def test_places_unknown_among_known_ones_are_on_no_side(library, split):
    soils = split[split["concept"] == "bare_soil"]
    unknown = library.records.loc[soils.index, "site"] == ""
    assert unknown.sum() == 448
    assert set(soils[unknown]["split"]) == {"none"}
    assert set(soils[unknown]["split_kind"]) == {"place unknown"}


def test_groups_are_dealt_seven_to_one_to_two(split):
    groups = split[split["concept"] == "bare_soil"].drop_duplicates("split_group")["split"].value_counts()
    assert [groups[side] for side in SIDES] == [418, 60, 120]
    for concept, part in split[split["split"] != "none"].groupby("concept"):
        count = part["split_group"].nunique()
        sides = set(part["split"])
        assert "train" in sides, concept
        assert "test" in sides or count < 2, concept
        assert "validation" in sides or count < 3, concept


def test_records_without_a_concept_have_no_side(library, split):
    nothing = library.records["concept"] == ""
    assert nothing.any()
    assert set(split.loc[nothing, "split"]) == {"none"}
    assert set(split.loc[nothing, "split_kind"]) == {"no concept"}


def test_a_site_shared_by_two_concepts_is_on_one_side_for_both():
    rows = [("a", concept, f"site {site}", f"{concept} {site}") for concept in "xy" for site in range(6)]
    library = made_library(rows)
    for seed in range(8):
        split = split_library(library, np.random.default_rng(seed))
        assert set(split["split_kind"]) == {"site"}
        assert split.groupby("split_group")["split"].nunique().max() == 1
        assert (split.groupby("concept")["split"].nunique() == 3).all()


def test_chains_of_near_copies_stay_together():
    # Each step is half the threshold; the ends are far apart but linked.
    start, stop = np.ones(COMMON_GRID.size), np.linspace(1.0, 1.6, COMMON_GRID.size)
    chain = np.array([start + share * (stop - start) for share in np.linspace(0, 1, 60)])
    assert spectral_angle(chain[:-1], chain[1:]).max() < DUPLICATE_ANGLE
    assert spectral_angle(chain[0], chain[-1]) > 10 * DUPLICATE_ANGLE
    library = made_library([("a", "x", "", f"piece {index}") for index in range(60)], chain)
    assert split_library(library, np.random.default_rng(0))["split_group"].nunique() == 1
    loose = split_library(library, np.random.default_rng(0), duplicate_angle=1e-4)
    assert loose["split_group"].nunique() == 60


def test_one_specimen_of_two_concepts_is_one_group_but_looking_alike_is_not():
    same = np.tile(np.linspace(0.2, 0.8, COMMON_GRID.size), (4, 1))
    rows = [("a", "x", "", "one"), ("a", "y", "", "one"), ("a", "z", "", "other"), ("b", "w", "", "third")]
    groups = split_library(made_library(rows, same), np.random.default_rng(0))["split_group"]
    # The same code joins x and y; the copy in the other library joins all that it equals.
    assert groups.nunique() == 1
    rows = [("a", "x", "", "one"), ("a", "z", "", "other")]
    groups = split_library(made_library(rows, same[:2]), np.random.default_rng(0))["split_group"]
    assert groups.nunique() == 2


def test_a_single_group_trains():
    split = split_library(made_library([("a", "x", "", "one")] * 3), np.random.default_rng(0))
    assert split["split"].tolist() == ["train"] * 3


def test_training_on_one_library_and_testing_on_another():
    spectra = np.random.default_rng(1).uniform(0.1, 1.0, (25, COMMON_GRID.size))
    spectra[23] = 2 * spectra[4]  # a copy at another brightness
    rows = [("a", "x", "", f"a {index}") for index in range(20)]
    rows += [("b", "x", "", f"b {index}") for index in range(3)] + [("b", "y", "", "b 3"), ("b", "", "", "b 4")]
    library = made_library(rows, spectra)
    split = transfer_split(library, np.random.default_rng(0), train=["a"], test=["b"])
    assert split["split"].iloc[:20].value_counts().to_dict() == {"train": 18, "validation": 2}
    assert split["split"].iloc[20:].tolist() == ["test", "test", "test", "none", "none"]
    assert split["split_kind"].iloc[20:].tolist() == ["library"] * 3 + ["copy of a training spectrum", "no concept"]
    back = transfer_split(library, np.random.default_rng(0), train=["b"], test=["a"])
    assert back["split"].iloc[:20].value_counts().to_dict() == {"test": 19, "none": 1}


def test_libraries_on_neither_side_are_left_out(library):
    split = transfer_split(library, np.random.default_rng(0), train=["earthlib"], test=["parametric"])
    assert set(split.loc[library.records["source"] == "parametric", "split"]) == {"test"}
    with pytest.raises(UnmixingError, match="'usgs' is not there"):
        transfer_split(library, np.random.default_rng(0))
    with pytest.raises(UnmixingError, match="cannot train and test"):
        transfer_split(library, np.random.default_rng(0), test=["earthlib"])
    rest = transfer_split(library, np.random.default_rng(0), train=["parametric"], test=[])
    known = library.records["concept"] != ""
    assert set(rest.loc[known & (library.records["source"] == "earthlib"), "split"]) == {"none"}


@pytest.mark.parametrize("shares", [(0.0, 0.5, 0.5), (0.7, 0.1, 0.1), (1.2, -0.1, -0.1)])
def test_shares_that_are_none_are_refused(library, shares):
    with pytest.raises(UnmixingError, match="three that sum to 1"):
        split_library(library, np.random.default_rng(0), shares=shares)


def test_angles_use_the_bands_that_both_know():
    rng = np.random.default_rng(2)
    one, other = rng.uniform(0.1, 1, (4, 30)), rng.uniform(0.1, 1, (5, 30))
    one[0, :7], other[2, 20:] = np.nan, np.nan
    angles = masked_angles(one, other)
    for i in range(4):
        for j in range(5):
            known = np.isfinite(one[i]) & np.isfinite(other[j])
            assert angles[i, j] == pytest.approx(spectral_angle(one[i, known], other[j, known]), abs=1e-7)
    np.testing.assert_array_equal(nearest_angles(one, other), angles.min(axis=1))
    assert np.isinf(nearest_angles(one, other[:0])).all()


def test_the_usgs_records_in_earthlib_are_found(libraries_folder):
    library = load_library(load_ontology(), usgs=libraries_folder / "usgs_splib06_av18a.sli")
    split = transfer_split(library, np.random.default_rng(0))
    copies = library.records["title"][split["split_kind"] == "copy of a training spectrum"]
    assert [title.split()[0] for title in copies] == ["Sagebrush", "Willow"]
    assert (split["split"] == "test").sum() > 250
    assert set(library.records.loc[split["split"] == "test", "source"]) == {"usgs"}
    own = split_library(library, np.random.default_rng(0))
    for name in ("Willow", "Sagebrush"):
        pair = own["split_group"][library.records["title"].str.startswith(name) & own["split"].ne("none")]
        leaf = pair[
            library.records.loc[pair.index, "title"].str.contains("Leaves")
            | pair.index.isin(library.records.index[library.records["title"] == name])
        ]
        assert leaf.nunique() == 1
